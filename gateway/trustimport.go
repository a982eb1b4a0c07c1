package main

import (
	"fmt"
	"time"

	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
	"passerelle/gateway/trust/source"
)

// trustImportCmd prints a key set.
type trustImportCmd struct {
	Format    string   `help:"de, pem, der, csca (authorities of VDS-NC) or pretix (an event's keys)." enum:"de,pem,der,csca,pretix" required:""`
	ListKey   string   `help:"de: public key that signed the list, PEM." placeholder:"FILE"`
	Country   string   `help:"pem, der, csca, pretix: the country, where the file does not say it."`
	Issuer    string   `help:"pem, pretix: the issuer's name, for a bare public key."`
	Usages    []string `help:"pem, der: only these usages, as 'hcert:test', 'ticket' or 'bcbp:CARRIER'." placeholder:"USAGE"`
	Scope     string   `help:"pretix: the event's name, where it is not to be the file's own." placeholder:"EVENT"`
	CRL       []string `name:"crl" help:"csca: lists of what the authorities revoked, PEM or DER." placeholder:"FILE"`
	NotBefore string   `help:"pem, pretix: a bare key's first day (YYYY-MM-DD)." placeholder:"DAY"`
	NotAfter  string   `help:"pem, pretix: a bare key's last day." placeholder:"DAY"`
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
	var err error
	for _, name := range c.Usages {
		u, scope, ok := trust.ParseKeyUsage(name)
		if !ok {
			return source.Options{}, fmt.Errorf("usage %q is not known", name)
		}
		if o.Usages, o.Scope, err = bundle.JoinUsage(o.Usages, o.Scope, u, scope); err != nil {
			return source.Options{}, err
		}
	}
	if c.Scope != "" {
		o.Scope = c.Scope
	}
	if o.NotBefore, o.NotAfter, err = parseDays(c.NotBefore, c.NotAfter); err != nil {
		return source.Options{}, err
	}
	if len(c.CRL) > 0 {
		if c.Format != "csca" {
			return source.Options{}, fmt.Errorf("--crl is for --format csca")
		}
		if o.RevocationLists, err = source.ReadInputs(c.CRL, nil); err != nil {
			return source.Options{}, err
		}
	}
	if c.Format == "de" {
		if c.ListKey == "" {
			return source.Options{}, fmt.Errorf("--list-key is missing: the list's signature must be checked")
		}
		text, err := readLimited(c.ListKey, maxIssueInput)
		if err != nil {
			return source.Options{}, err
		}
		key, err := bundle.ParseRoot(text) // the same form: a P-256 key in PEM
		if err != nil {
			return source.Options{}, fmt.Errorf("list key %s: %w", c.ListKey, err)
		}
		o.ListKey = key.Key
	}
	return o, nil
}

// parseDays reads the first and the last day of a validity, each perhaps empty, as its first and its last second.
func parseDays(first, last string) (notBefore, notAfter int64, err error) {
	for _, d := range []struct {
		text string
		set  *int64
		add  time.Duration
	}{{first, &notBefore, 0}, {last, &notAfter, 24*time.Hour - time.Second}} {
		if d.text == "" {
			continue
		}
		t, err := time.Parse(time.DateOnly, d.text)
		if err != nil {
			return 0, 0, err
		}
		*d.set = t.Add(d.add).Unix()
	}
	return notBefore, notAfter, nil
}
