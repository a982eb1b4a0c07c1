package main

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"passerelle/drivers/camera"
	"passerelle/gateway/issuer"
)

// issueCmd signs.
type issueCmd struct {
	Certificate issueCertificateCmd `cmd:"" default:"withargs" help:"Sign one certificate."`
	Ticket      issueTicketCmd      `cmd:"" help:"Sign one ticket, pass, voucher or stamp, and write it into the issuer's book."`
	Batch       issueBatchCmd       `cmd:"" help:"Sign a CSV of many: a laboratory's certificates, a venue's sale. The same batch can be run again after it broke off."`
	Revoke      issueRevokeCmd      `cmd:"" help:"Revoke tickets, or suspend or restore them; gates know it by the next 'issue status'."`
	Replace     issueReplaceCmd     `cmd:"" help:"Sign a ticket in place of a lost one, which is void from then on."`
	Status      issueStatusCmd      `cmd:"" help:"Sign the status lists of a book, which gates take: what was revoked, suspended or replaced."`
	Book        issueShowBookCmd    `cmd:"" help:"Count what is in a book, by kind, event and state."`
	Key         issueKeyCmd         `cmd:"" help:"Make a signing key, and FILE.crt beside it, which 'trust import --format pem' takes."`
}

// issueCertificateCmd signs one certificate from its JSON, in the form of the EU's schema.
type issueCertificateCmd struct {
	Key   string `help:"Signing key and its certificate, PEM." required:"" placeholder:"FILE"`
	Valid string `help:"How long it is valid from now on: 30d, 36h." default:"30d" placeholder:"SPAN"`
	PNG   string `help:"Write a QR image." placeholder:"FILE"`
	File  string `arg:"" optional:"" help:"The certificate as JSON: {\"nam\", \"dob\", \"v\" or \"t\" or \"r\", \"id\"}. Standard input without it."`
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
	end, err := addSpan(now, c.Valid)
	if err != nil {
		return misuse{fmt.Errorf("--valid: %w", err)}
	}
	cert.IssuedAt, cert.Expires = now.Unix(), end.Unix()
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
	key, err := parseKey(file)
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
