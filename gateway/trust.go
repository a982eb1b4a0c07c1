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

	"passerelle/gateway/trust/bundle"
)

// trustCmd makes trust lists at the centre, and takes them at a gate.
type trustCmd struct {
	Root     trustRootCmd     `cmd:"" help:"Make a root key pair, or a roots file of public root keys."`
	Import   trustImportCmd   `cmd:"" help:"Turn other people's lists into a key set, a text file that can be compared."`
	Delegate trustDelegateCmd `cmd:"" help:"Make a key pair that signs feeds, and the key set that lets it."`
	Build    trustBuildCmd    `cmd:"" help:"Make a bundle of key sets; nobody has signed it yet."`
	Sign     trustSignCmd     `cmd:"" help:"Add a root key's signature to a bundle."`
	Show     trustShowCmd     `cmd:"" help:"Show what a bundle says, or how two differ."`
	Verify   trustVerifyCmd   `cmd:"" help:"Check that enough roots have signed a bundle."`
	Take     trustTakeCmd     `cmd:"" help:"Put a bundle in force at a gate that is not running; a running one takes POST /v1/trust."`
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

// trustTakeCmd puts a bundle in force.
type trustTakeCmd struct {
	State string `help:"The gate's folder, as in its configuration." required:"" placeholder:"DIR"`
	Roots string `help:"The first time: the roots to pin." placeholder:"FILE"`
	Clock string `help:"As clock.source in the gate's configuration: ntp, or system where this machine's clock is trusted as it is." enum:"ntp,system" default:"ntp"`
	File  string `arg:"" help:"The bundle."`
}
