package main

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"passerelle/gateway/issuer"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// issueKeyCmd makes a signing key.
type issueKeyCmd struct {
	Country string        `help:"ISO 3166-1 alpha-2 of the authority." required:""`
	Name    string        `help:"The issuer's name." required:""`
	Usages  []string      `help:"What it may sign: hcert:vaccination, hcert:test, hcert:recovery, ticket, pass, voucher, stamp, supervisor." required:"" placeholder:"USAGE"`
	Type    string        `help:"P-256, P-384, P-521, RSA-2048, RSA-3072 or Ed25519; tickets want P-256 or Ed25519." default:"P-256"`
	Valid   time.Duration `help:"How long it is valid from now on; a ticket may outlive its key." default:"8760h"`
	Out     string        `help:"Where to write the private key and its certificate, PEM; only its owner can read it." required:"" placeholder:"FILE"`
}

// Run writes the key, and its certificate beside it for whoever makes trust lists: the private key never leaves.
func (c *issueKeyCmd) Run(std streams) error {
	var usages trust.Usage
	for _, name := range c.Usages {
		u, ok := trust.ParseUsage(name)
		if !ok {
			return misuse{fmt.Errorf("usage %q is not known, want some of %v", name, trust.AllHCERT|trust.AllTickets)}
		}
		usages |= u
	}
	if usages&trust.AllTickets != 0 && c.Type != "P-256" && c.Type != "Ed25519" {
		return misuse{fmt.Errorf("--type %s: tickets are signed with P-256 or Ed25519", c.Type)}
	}
	if c.Valid <= 0 {
		return misuse{fmt.Errorf("--valid %v: want a span of time", c.Valid)}
	}
	if _, err := os.Lstat(c.Out); err == nil {
		return withHint(fmt.Errorf("%s is there already", c.Out), "a signing key is never overwritten; choose another name")
	}
	private, err := issuer.Generate(c.Type)
	if err != nil {
		return misuse{err}
	}
	now := time.Now()
	key, err := issuer.New(private, sig.Algorithm(0), issuer.Scope{
		Country: strings.ToUpper(c.Country), Name: c.Name, Usages: usages,
		NotBefore: now.Unix(), NotAfter: now.Add(c.Valid).Unix(),
	})
	if err != nil {
		return misuse{err}
	}
	if err := writeKey(c.Out, key); err != nil {
		return err
	}
	certificateImport := ""
	if usages&^trust.AllHCERT != 0 {
		certificateImport = " --usages " + usages.String()
	}
	_, err = fmt.Fprintf(std.out, "key %s, %s; its certificate, for trust import%s: %s.crt\n", key.ID(), usages, certificateImport, c.Out)
	return err
}

// usagesLine stands before the PEM blocks of a key that may sign more than certificates: what else has no place in an X.509
// certificate, whose key usages are the EU's. Readers of PEM skip it.
const usagesLine = "Usages: "

func writeKey(path string, key *issuer.Key) error {
	file, err := key.MarshalPEM()
	if err != nil {
		return fmt.Errorf("write signing key: %w", err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: key.Certificate()})
	if u := key.Scope().Usages; u&^trust.AllHCERT != 0 {
		line := []byte(usagesLine + u.String() + "\n")
		file, cert = append(bytes.Clone(line), file...), append(line, cert...)
	}
	if err := replaceFile(path, file, 0o600); err != nil {
		return fmt.Errorf("write signing key: %w", err)
	}
	if err := replaceFile(path+".crt", cert, 0o644); err != nil {
		return fmt.Errorf("write certificate: %w", err)
	}
	return nil
}

// parseKey reads what writeKey writes, and what issuer.ParsePEM reads.
func parseKey(file []byte) (*issuer.Key, error) {
	line, rest, _ := bytes.Cut(file, []byte("\n"))
	names, more := bytes.CutPrefix(bytes.TrimSuffix(line, []byte("\r")), []byte(usagesLine))
	if !more {
		return issuer.ParsePEM(file, 0)
	}
	var usages trust.Usage
	for name := range strings.SplitSeq(string(names), ",") {
		u, ok := trust.ParseUsage(name)
		if !ok {
			return nil, fmt.Errorf("usage %q is not known", name)
		}
		usages |= u
	}
	if usages&trust.AllHCERT != 0 {
		if _, err := issuer.ParsePEM(rest, 0); err != nil {
			return nil, err
		}
	}
	private, cert, err := parseBlocks(rest)
	if err != nil {
		return nil, err
	}
	scope := issuer.Scope{Name: cert.Subject.CommonName, Usages: usages, NotBefore: cert.NotBefore.Unix(), NotAfter: cert.NotAfter.Unix()}
	if len(cert.Subject.Country) > 0 {
		scope.Country = cert.Subject.Country[0]
	}
	key, err := issuer.New(private, sig.Algorithm(0), scope)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(key.Certificate(), cert.Raw) { // the trust list knows the key by it
		return nil, errors.New("the certificate is not the one that 'passerelle issue key' made for these usages")
	}
	return key, nil
}

// parseBlocks reads one private key (PKCS #8) and one certificate.
func parseBlocks(text []byte) (crypto.Signer, *x509.Certificate, error) {
	var private crypto.Signer
	var cert *x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		var err error
		switch {
		case block.Type == "PRIVATE KEY" && private == nil:
			var parsed any
			if parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
				private, _ = parsed.(crypto.Signer)
			}
		case block.Type == "CERTIFICATE" && cert == nil:
			cert, err = x509.ParseCertificate(block.Bytes)
		default:
			err = fmt.Errorf("a second or unknown block %.32q", block.Type)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if private == nil || cert == nil {
		return nil, nil, errors.New("want one private key and one certificate")
	}
	return private, cert, nil
}
