package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"passerelle/drivers/camera"
	"passerelle/gateway/issuer"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// issueCmd signs.
type issueCmd struct {
	Certificate issueCertificateCmd `cmd:"" default:"withargs" help:"Sign one certificate."`
	Key         issueKeyCmd         `cmd:"" help:"Make a signing key, and FILE.crt beside it, which 'trust import --format pem' takes."`
}

// issueCertificateCmd signs one certificate from its JSON, in the form of the EU's schema.
type issueCertificateCmd struct {
	Key   string        `help:"Signing key and its certificate, PEM." required:"" placeholder:"FILE"`
	Valid time.Duration `help:"How long it is valid from now on." default:"720h"`
	PNG   string        `help:"Write a QR image." placeholder:"FILE"`
	File  string        `arg:"" optional:"" help:"The certificate as JSON: {\"nam\", \"dob\", \"v\" or \"t\" or \"r\", \"id\"}. Standard input without it."`
}

// maxIssueInput is the most that is read of a key or a certificate, in bytes.
const maxIssueInput = 64 << 10

// Run prints the text of the code.
func (c *issueCertificateCmd) Run(std streams) error {
	key, err := readKey(c.Key)
	if err != nil {
		return err
	}
	var text []byte
	if c.File == "" {
		text, err = io.ReadAll(io.LimitReader(std.in, maxIssueInput))
	} else {
		text, err = readLimited(c.File, maxIssueInput)
	}
	if err != nil {
		return fmt.Errorf("read certificate: %w", err)
	}
	cert, err := parseCertificate(text)
	if err != nil {
		return misuse{err}
	}
	now := time.Now()
	cert.IssuedAt, cert.Expires = now.Unix(), now.Add(c.Valid).Unix()
	code, err := issuer.HC1(key, cert)
	if err != nil {
		return fmt.Errorf("issue: %w", err)
	}
	if c.PNG != "" {
		if err := writeQR(c.PNG, code); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(std.out, code)
	return err
}

func readKey(path string) (*issuer.Key, error) {
	file, err := readLimited(path, maxIssueInput)
	if err != nil {
		return nil, fmt.Errorf("read signing key: %w", err)
	}
	key, err := issuer.ParsePEM(file, 0)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", path, err)
	}
	return key, nil
}

// writeQR writes a picture whole or not at all.
func writeQR(path, code string) error {
	var picture bytes.Buffer
	if err := camera.WriteQR(&picture, code, camera.QROptions{}); err != nil {
		return fmt.Errorf("draw QR code: %w", err)
	}
	if err := replaceFile(path, picture.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write QR code: %w", err)
	}
	return nil
}

// dcc is a certificate in JSON: the EU's schema, and Morocco's document.
type dcc struct {
	Issuer string `json:"iss"`
	Ver    string `json:"ver"`
	Name   struct {
		Family     string `json:"fn"`
		FamilyICAO string `json:"fnt"`
		Given      string `json:"gn"`
		GivenICAO  string `json:"gnt"`
	} `json:"nam"`
	Birth    string `json:"dob"`
	Document struct {
		Type   string `json:"t"`
		Number string `json:"n"`
	} `json:"id"`
	Vaccinations []dccVaccination `json:"v"`
	Tests        []dccTest        `json:"t"`
	Recoveries   []dccRecovery    `json:"r"`
}

type dccVaccination struct {
	Disease      string `json:"tg"`
	Vaccine      string `json:"vp"`
	Product      string `json:"mp"`
	Manufacturer string `json:"ma"`
	Dose         int    `json:"dn"`
	Doses        int    `json:"sd"`
	Date         string `json:"dt"`
	Country      string `json:"co"`
	Authority    string `json:"is"`
	ID           string `json:"ci"`
}

type dccTest struct {
	Disease   string `json:"tg"`
	Method    string `json:"tt"`
	Name      string `json:"nm"`
	Device    string `json:"ma"`
	Collected string `json:"sc"`
	Result    string `json:"tr"`
	Centre    string `json:"tc"`
	Country   string `json:"co"`
	Authority string `json:"is"`
	ID        string `json:"ci"`
}

type dccRecovery struct {
	Disease   string `json:"tg"`
	Positive  string `json:"fr"`
	Country   string `json:"co"`
	Authority string `json:"is"`
	From      string `json:"df"`
	Until     string `json:"du"`
	ID        string `json:"ci"`
}

// parseCertificate reads a certificate's JSON strictly.
func parseCertificate(text []byte) (*issuer.Certificate, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var in dcc
	if err := d.Decode(&in); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	if d.More() {
		return nil, errors.New("certificate: more than one JSON value")
	}
	if len(in.Vaccinations)+len(in.Tests)+len(in.Recoveries) != 1 {
		return nil, errors.New("certificate: want exactly one entry in v, t or r")
	}
	cert := &issuer.Certificate{
		Issuer: in.Issuer, Birth: in.Birth, Document: issuer.Document(in.Document),
		Name: issuer.Name{
			Family: in.Name.Family, Given: in.Name.Given, FamilyICAO: in.Name.FamilyICAO, GivenICAO: in.Name.GivenICAO,
		},
	}
	switch {
	case len(in.Vaccinations) == 1:
		v := issuer.Vaccination(in.Vaccinations[0])
		cert.Vaccination = &v
	case len(in.Tests) == 1:
		t := issuer.Test(in.Tests[0])
		cert.Test = &t
	default:
		r := issuer.Recovery(in.Recoveries[0])
		cert.Recovery = &r
	}
	return cert, nil
}

// issueKeyCmd makes a signing key.
type issueKeyCmd struct {
	Country string        `help:"ISO 3166-1 alpha-2 of the authority." required:""`
	Name    string        `help:"The issuer's name." required:""`
	Usages  []string      `help:"What it may sign: hcert:vaccination, hcert:test, hcert:recovery." required:"" placeholder:"USAGE"`
	Type    string        `help:"P-256, P-384, P-521, RSA-2048, RSA-3072 or Ed25519." default:"P-256"`
	Valid   time.Duration `help:"How long it is valid from now on." default:"8760h"`
	Out     string        `help:"Where to write the private key and its certificate, PEM; only its owner can read it." required:"" placeholder:"FILE"`
}

// Run writes the key, and its certificate beside it for whoever makes trust lists: the private key never leaves.
func (c *issueKeyCmd) Run(std streams) error {
	var usages trust.Usage
	for _, name := range c.Usages {
		u, ok := trust.ParseUsage(name)
		if !ok {
			return misuse{fmt.Errorf("usage %q is not known", name)}
		}
		usages |= u
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
	file, err := key.MarshalPEM()
	if err != nil {
		return fmt.Errorf("write signing key: %w", err)
	}
	if err := replaceFile(c.Out, file, 0o600); err != nil {
		return fmt.Errorf("write signing key: %w", err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: key.Certificate()})
	if err := replaceFile(c.Out+".crt", cert, 0o644); err != nil {
		return fmt.Errorf("write certificate: %w", err)
	}
	_, err = fmt.Fprintf(std.out, "key %s, %s; its certificate, for trust import: %s.crt\n", key.ID(), usages, c.Out)
	return err
}
