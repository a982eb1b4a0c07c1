package main

import (
	"crypto/rand"
	"fmt"
	"time"

	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
	"passerelle/gateway/trust/source"
)

// trustBuildCmd makes an unsigned bundle.
type trustBuildCmd struct {
	Out     string        `help:"Where to write the bundle." required:"" placeholder:"FILE"`
	Number  uint64        `name:"list-version" help:"The list's number; it must be higher than any before." required:""`
	Valid   time.Duration `help:"How long gates may take it." default:"720h"`
	Accept  []string      `help:"Countries whose credentials are accepted for all that their keys and authorities may sign; '*' for all. Beside the [[acceptance]] rows of the key sets." placeholder:"COUNTRY"`
	After   string        `help:"The bundle before, whose changes of roots are carried on." placeholder:"FILE"`
	Roots   string        `help:"With --after: the roots that it is verified by." placeholder:"FILE"`
	NewRoot string        `name:"new-roots" help:"Roots file that holds from the next bundle on." placeholder:"FILE"`
	Files   []string      `arg:"" help:"Key sets."`
}

// Run merges the key sets and writes the bundle.
func (c *trustBuildCmd) Run(std streams) error {
	for _, name := range c.Files {
		if sameFile(name, c.Out) {
			return misuse{fmt.Errorf("--out %s is one of the files that are read", c.Out)}
		}
	}
	content, err := readKeySets(c.Files)
	if err != nil {
		return err
	}
	for _, country := range c.Accept {
		content.Acceptance = append(content.Acceptance, trust.Acceptance{Country: country, Usages: trust.AllUsages})
	}
	now := time.Now()
	header := bundle.Header{Version: c.Number, Issued: now.Unix(), Expires: now.Add(c.Valid).Unix()}
	if c.NewRoot != "" {
		if header.Roots, err = readRoots(c.NewRoot); err != nil {
			return err
		}
	}
	if c.After != "" {
		if header.After, err = openVerified(c.After, c.Roots); err != nil {
			return err
		}
	}
	b, err := bundle.Build(content, header)
	if err != nil {
		return err
	}
	if err := writeBundle(c.Out, b); err != nil {
		return err
	}
	if len(content.Acceptance) == 0 {
		fmt.Fprintln(std.err, "passerelle: hint: no [[acceptance]] row and no --accept: a gate will accept nobody by this list")
	}
	_, err = fmt.Fprintf(std.out, "%s: version %d, %d keys, not signed yet\n", c.Out, c.Number, len(content.Keys))
	return err
}

func readKeySets(files []string) (bundle.Content, error) {
	sets := make([]bundle.Content, 0, len(files))
	for _, name := range files {
		text, err := readLimited(name, source.MaxInput)
		if err != nil {
			return bundle.Content{}, fmt.Errorf("read key set: %w", err)
		}
		set, err := source.ParseKeySet(text)
		if err != nil {
			return bundle.Content{}, fmt.Errorf("key set %s: %w", name, err)
		}
		sets = append(sets, set)
	}
	return source.Merge(sets...)
}

func readRoots(path string) (*bundle.Roots, error) {
	text, err := readLimited(path, maxIssueInput)
	if err != nil {
		return nil, fmt.Errorf("read roots: %w", err)
	}
	var roots bundle.Roots
	if err := roots.UnmarshalText(text); err != nil {
		return nil, fmt.Errorf("roots %s: %w", path, err)
	}
	return &roots, nil
}

func readBundle(path string) (*bundle.Bundle, error) {
	file, err := readLimited(path, bundle.MaxFile)
	if err != nil {
		return nil, fmt.Errorf("read bundle: %w", err)
	}
	b, err := bundle.Open(file, nil)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", path, err)
	}
	return b, nil
}

func writeBundle(path string, b *bundle.Bundle) error {
	file, err := b.File(nil)
	if err != nil {
		return err
	}
	if err := replaceFile(path, file, 0o644); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	return nil
}

// trustSignCmd adds a signature.
type trustSignCmd struct {
	Key  string `help:"The root's private key, PEM." required:"" placeholder:"FILE"`
	File string `arg:"" help:"The bundle; it is replaced by the signed one."`
}

// Run signs and replaces the file.
func (c *trustSignCmd) Run(std streams) error {
	text, err := readLimited(c.Key, maxIssueInput)
	if err != nil {
		return fmt.Errorf("read root key: %w", err)
	}
	signer, err := bundle.ParseSigner(text)
	if err != nil {
		return fmt.Errorf("root key %s: %w", c.Key, err)
	}
	b, err := readBundle(c.File)
	if err != nil {
		return err
	}
	if err := b.Sign(rand.Reader, signer); err != nil {
		return err
	}
	if err := writeBundle(c.File, b); err != nil {
		return err
	}
	root := signer.Root()
	_, err = fmt.Fprintf(std.out, "%s: version %d, signed by root %s\n", c.File, b.Manifest().Version, root.ID())
	return err
}
