package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"

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

// trustTakeCmd puts a bundle in force.
type trustTakeCmd struct {
	State string `help:"The gate's folder, as in its configuration." required:"" placeholder:"DIR"`
	Roots string `help:"The first time: the roots to pin." placeholder:"FILE"`
	Clock string `help:"As clock.source in the gate's configuration: ntp, or system where this machine's clock is trusted as it is." enum:"ntp,system" default:"ntp"`
	File  string `arg:"" help:"The bundle."`
}
