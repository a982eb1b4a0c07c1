package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"passerelle/gateway/issuer/testkeys"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
	"passerelle/gateway/trust/source"
)

// trustCmd makes trust lists at the centre, and takes them at a gate.
type trustCmd struct {
	Root   trustRootCmd   `cmd:"" help:"Make a root key pair, or a roots file of public root keys."`
	Import trustImportCmd `cmd:"" help:"Turn other people's lists into a key set, a text file that can be compared."`
	Build  trustBuildCmd  `cmd:"" help:"Make a bundle of key sets; nobody has signed it yet."`
	Sign   trustSignCmd   `cmd:"" help:"Add a root key's signature to a bundle."`
	Show   trustShowCmd   `cmd:"" help:"Show what a bundle says, or how two differ."`
	Verify trustVerifyCmd `cmd:"" help:"Check that enough roots have signed a bundle."`
	Take   trustTakeCmd   `cmd:"" help:"Put a bundle in force at a gate that is not running; a running one takes POST /v1/trust."`
}

// trustRootCmd makes a root key, or pins several.
type trustRootCmd struct {
	Out       string   `help:"Where to write: the private key, or with --keys the roots file." required:"" placeholder:"FILE"`
	Type      string   `help:"P-256 or Ed25519." default:"Ed25519"`
	Keys      []string `help:"Public root keys (PEM) to pin in a roots file." placeholder:"FILE"`
	Threshold int      `help:"With --keys: how many distinct roots must sign." default:"1"`
}

// Run writes FILE, and for a key pair FILE.pub.
func (c *trustRootCmd) Run(std streams) error {
	if len(c.Keys) > 0 {
		return c.pin()
	}
	if _, err := os.Lstat(c.Out); err == nil {
		return withHint(fmt.Errorf("%s is there already", c.Out), "a root key is never overwritten; choose another name")
	}
	private, err := newRoot(c.Type)
	if err != nil {
		return misuse{err}
	}
	if err := writeRoot(c.Out, private); err != nil {
		return fmt.Errorf("write root key: %w", err)
	}
	_, err = fmt.Fprintf(std.out, "private key %s: keep it off line; public key %s.pub\n", c.Out, c.Out)
	return err
}

func (c *trustRootCmd) pin() error {
	roots := bundle.Roots{Threshold: c.Threshold}
	for _, name := range c.Keys {
		text, err := readLimited(name, maxIssueInput)
		if err != nil {
			return fmt.Errorf("read root key: %w", err)
		}
		root, err := bundle.ParseRoot(text)
		if err != nil {
			return fmt.Errorf("root key %s: %w", name, err)
		}
		root.Name = name
		roots.Keys = append(roots.Keys, root)
	}
	text, err := roots.MarshalText()
	if err != nil {
		return misuse{err}
	}
	if err := replaceFile(c.Out, text, 0o644); err != nil {
		return fmt.Errorf("write roots: %w", err)
	}
	return nil
}

func newRoot(kind string) (crypto.Signer, error) {
	switch kind {
	case "P-256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "Ed25519":
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return nil, fmt.Errorf("root key type %q: want P-256 or Ed25519", kind)
}

// writeRoot writes a private key for its owner alone, and its public half beside it.
func writeRoot(path string, private crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return err
	}
	if err := replaceFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		return err
	}
	return replaceFile(path+".pub", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o644)
}

// trustImportCmd prints a key set.
type trustImportCmd struct {
	Format    string   `help:"de, pem or der." enum:"de,pem,der" required:""`
	ListKey   string   `help:"de: public key that signed the list, PEM." placeholder:"FILE"`
	Country   string   `help:"pem, der: the country, where the certificate does not say it."`
	Issuer    string   `help:"pem: the issuer's name, for a bare public key."`
	Usages    []string `help:"pem, der: only these usages." placeholder:"USAGE"`
	NotBefore string   `help:"pem: a bare key's first day (YYYY-MM-DD)." placeholder:"DAY"`
	NotAfter  string   `help:"pem: a bare key's last day." placeholder:"DAY"`
	Source    string   `help:"Written beside each key; the file's name without it."`
	Files     []string `arg:"" optional:"" help:"Files and folders; standard input without any."`
}

// Run writes the key set to standard output and the table of what was taken to standard error.
func (c *trustImportCmd) Run(std streams) error {
	options, err := c.options()
	if err != nil {
		return misuse{err}
	}
	inputs, err := source.ReadInputs(c.Files, std.in)
	if err != nil {
		return err
	}
	content, report, err := source.Import(c.Format, inputs, options)
	if err != nil {
		return err
	}
	if err := source.WriteKeySet(std.out, content); err != nil {
		return fmt.Errorf("write key set: %w", err)
	}
	if _, err := report.WriteTo(std.err); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if report.Taken == 0 {
		return fmt.Errorf("import: none of %d entries could be taken", report.Read)
	}
	return nil
}

func (c *trustImportCmd) options() (source.Options, error) {
	o := source.Options{Country: c.Country, Issuer: c.Issuer, Source: c.Source}
	for _, name := range c.Usages {
		u, ok := trust.ParseUsage(name)
		if !ok {
			return o, fmt.Errorf("usage %q is not known", name)
		}
		o.Usages |= u
	}
	for _, d := range []struct {
		text string
		set  *int64
		add  time.Duration
	}{{c.NotBefore, &o.NotBefore, 0}, {c.NotAfter, &o.NotAfter, 24*time.Hour - time.Second}} {
		if d.text == "" {
			continue
		}
		t, err := time.Parse(time.DateOnly, d.text)
		if err != nil {
			return o, err
		}
		*d.set = t.Add(d.add).Unix()
	}
	if c.Format == "de" {
		if c.ListKey == "" {
			return o, fmt.Errorf("--list-key is missing: the list's signature must be checked")
		}
		text, err := readLimited(c.ListKey, maxIssueInput)
		if err != nil {
			return o, err
		}
		key, err := bundle.ParseRoot(text) // the same form: a P-256 key in PEM
		if err != nil {
			return o, fmt.Errorf("list key %s: %w", c.ListKey, err)
		}
		o.ListKey = key.Key
	}
	return o, nil
}

// trustBuildCmd makes an unsigned bundle.
type trustBuildCmd struct {
	Out     string        `help:"Where to write the bundle." required:"" placeholder:"FILE"`
	Number  uint64        `name:"list-version" help:"The list's number; it must be higher than any before." required:""`
	Valid   time.Duration `help:"How long gates may take it." default:"168h"`
	Accept  []string      `help:"Countries whose certificates are accepted for all that their keys may sign; '*' for all. Beside the [[acceptance]] rows of the key sets." placeholder:"COUNTRY"`
	After   string        `help:"The bundle before, whose changes of roots are carried on." placeholder:"FILE"`
	Roots   string        `help:"With --after: the roots that it is verified by." placeholder:"FILE"`
	NewRoot string        `name:"new-roots" help:"Roots file that holds from the next bundle on." placeholder:"FILE"`
	Files   []string      `arg:"" help:"Key sets."`
}

// Run merges the key sets and writes the bundle.
func (c *trustBuildCmd) Run(std streams) error {
	content, err := readKeySets(c.Files)
	if err != nil {
		return err
	}
	for _, country := range c.Accept {
		content.Acceptance = append(content.Acceptance, trust.Acceptance{Country: country, Usages: trust.AllHCERT})
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

func openVerified(path, rootsFile string) (*bundle.Verified, error) {
	if rootsFile == "" {
		return nil, misuse{withHint(fmt.Errorf("--roots is missing: the keys that must have signed %s", path),
			"passerelle trust root --keys FILE.pub --out FILE makes such a file")}
	}
	roots, err := readRoots(rootsFile)
	if err != nil {
		return nil, err
	}
	b, err := readBundle(path)
	if err != nil {
		return nil, err
	}
	verified, err := b.Verify(bundle.Held{Roots: *roots})
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", path, err)
	}
	return verified, nil
}

// openList loads a trust list for the bench: a signed bundle with its roots, or a key set, which stands for itself.
func openList(path, rootsFile string) (*trust.Snapshot, error) {
	text, err := readLimited(path, bundle.MaxFile)
	if err != nil {
		return nil, fmt.Errorf("read trust list: %w", err)
	}
	if isKeySet(text) {
		return keySetList(path)
	}
	verified, err := openVerified(path, rootsFile)
	if err != nil {
		return nil, err
	}
	list, _, err := verified.Snapshot(testkeys.Is)
	return list, err
}

// isKeySet tells the text file from the bundle, which is CBOR and begins with a map's head.
func isKeySet(file []byte) bool { return len(file) == 0 || file[0] < 0x80 }

// unsignedUntil is the expiry of a list that nobody signed; it is for the bench and never goes stale.
const unsignedUntil = 1 << 40

// keySetList makes a list of a key set as it is, as old as its file. Without acceptance rows all its countries are accepted.
func keySetList(path string) (*trust.Snapshot, error) {
	content, err := readKeySets([]string{path})
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read key set: %w", err)
	}
	list := trust.List{Version: 1, Issued: info.ModTime().Unix(), Expires: unsignedUntil, Acceptance: content.Acceptance, Revoked: content.Revoked}
	if len(list.Acceptance) == 0 {
		list.Acceptance = []trust.Acceptance{{Country: "*", Usages: trust.AllHCERT}}
	}
	for _, d := range content.Disabled {
		list.Disabled = append(list.Disabled, d.Fingerprint)
	}
	for _, e := range content.Keys {
		e.Test = testkeys.Is(e.Public.Fingerprint())
		list.Keys = append(list.Keys, e.Key)
	}
	snapshot, err := trust.New(list)
	if err != nil {
		return nil, fmt.Errorf("key set %s: %w", path, err)
	}
	return snapshot, nil
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

// trustShowCmd explains a bundle; it checks no signature.
type trustShowCmd struct {
	Diff string `help:"Show what changed since this bundle." placeholder:"FILE"`
	File string `arg:"" help:"The bundle."`
}

// Run prints the manifest and the keys, or the difference.
func (c *trustShowCmd) Run(std streams) error {
	b, err := readBundle(c.File)
	if err != nil {
		return err
	}
	if c.Diff == "" {
		return showBundle(std.out, b)
	}
	before, err := readBundle(c.Diff)
	if err != nil {
		return err
	}
	return showDifference(std.out, before, b)
}

func showBundle(w io.Writer, b *bundle.Bundle) error {
	m := b.Manifest()
	fmt.Fprintf(w, "version   %d\nissued    %s\nexpires   %s\nsignature of %v (not checked: see trust verify)\n",
		m.Version, moment(m.Issued), moment(m.Expires), b.Signers())
	for _, p := range m.Parts {
		fmt.Fprintf(w, "part      %-12s %6d bytes  sha256 %x\n", p.Name, p.Length, p.SHA256)
	}
	content, skipped, err := b.Inspect()
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nkey id\tcountry\tkey\tmay sign\tfrom\tuntil\tissuer")
	for _, e := range content.Keys {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s%s\n", e.ID, e.Country, &e.Public, e.Usages, day(e.NotBefore), day(e.NotAfter), oneLine(e.Issuer), marks(&e.Key))
	}
	for _, a := range content.Acceptance {
		fmt.Fprintf(t, "accepted\t%s\t\t%s\t%s\t%s\t\n", a.Country, a.Usages, day(a.From), end(a.Until))
	}
	for _, r := range content.Revoked {
		fmt.Fprintf(t, "revoked\t%s\t%d entries\t\t\t%s\t\n", r.Country, len(r.Entries), day(r.Expires))
	}
	for _, s := range skipped {
		fmt.Fprintf(t, "left out\t%s: %s\n", oneLine(s.What), oneLine(s.Why))
	}
	return t.Flush()
}

func end(t int64) string {
	if t == 0 {
		return "no end"
	}
	return day(t)
}

// showDifference compares two bundles as key sets, line by line.
func showDifference(w io.Writer, before, after *bundle.Bundle) error {
	old, err := keySetLines(before)
	if err != nil {
		return err
	}
	now, err := keySetLines(after)
	if err != nil {
		return err
	}
	for _, group := range []struct {
		sign       string
		have, lack []string
	}{{"-", old, now}, {"+", now, old}} {
		for _, entry := range group.have {
			if !slices.Contains(group.lack, entry) {
				for line := range strings.Lines(entry) {
					fmt.Fprint(w, group.sign, " ", strings.TrimRight(line, "\n"), "\n")
				}
			}
		}
	}
	return nil
}

// keySetLines returns a bundle's key set, entry by entry.
func keySetLines(b *bundle.Bundle) ([]string, error) {
	content, _, err := b.Inspect()
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := source.WriteKeySet(&text, content); err != nil {
		return nil, err
	}
	return strings.SplitAfter(text.String(), "\n\n"), nil
}

// trustVerifyCmd checks a bundle against pinned roots.
type trustVerifyCmd struct {
	Roots string `help:"The roots file." required:"" placeholder:"FILE"`
	File  string `arg:"" help:"The bundle."`
}

// Run says what the list is, or why not.
func (c *trustVerifyCmd) Run(std streams) error {
	verified, err := openVerified(c.File, c.Roots)
	if err != nil {
		return err
	}
	list, skipped, err := verified.Snapshot(testkeys.Is)
	if err != nil {
		return err
	}
	for _, s := range skipped {
		fmt.Fprintf(std.err, "passerelle: hint: left out: %s: %s\n", oneLine(s.What), oneLine(s.Why))
	}
	_, err = fmt.Fprintf(std.out, "genuine: version %d, %d keys, issued %s, expires %s\n",
		list.Version(), list.Len(), moment(list.Issued()), moment(list.Expires()))
	return err
}

// trustTakeCmd puts a bundle in force.
type trustTakeCmd struct {
	State string `help:"The gate's folder, as in its configuration." required:"" placeholder:"DIR"`
	Roots string `help:"The first time: the roots to pin." placeholder:"FILE"`
	File  string `arg:"" help:"The bundle."`
}
