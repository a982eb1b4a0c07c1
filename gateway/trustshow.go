package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"passerelle/gateway/issuer/testkeys"
	"passerelle/gateway/trust/bundle"
	"passerelle/gateway/trust/source"
)

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
		e.Test = testkeys.Is(e.Public.Fingerprint())
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s%s\n", e.ID, e.Country, &e.Public, oneLine(strings.Join(e.UsageNames(), ",")), day(e.NotBefore), day(e.NotAfter), oneLine(e.Issuer), marks(&e.Key))
	}
	showRows(t, &content)
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

// showRows explains what is no key.
func showRows(t io.Writer, content *bundle.Content) {
	for i := range content.Authorities {
		a := &content.Authorities[i]
		revoked := "no revocation list"
		if a.RevokedUntil != 0 {
			revoked = fmt.Sprintf("%d revoked, known until %s", len(a.Revoked), day(a.RevokedUntil))
		}
		fmt.Fprintf(t, "authority\t%s\t%s\tvdsnc\t%s\t%s\t%x, %s%s\n", a.Country, &a.Public, day(a.NotBefore), day(a.NotAfter), a.SKI, revoked, offMark(a.Disabled))
	}
	for _, c := range content.Carriers {
		signs := "does not sign"
		if c.Signs {
			signs = "signs"
		}
		fmt.Fprintf(t, "carrier\t%s\t\t%s\t\t\t\n", c.Code, signs)
	}
	for i := range content.Delegates {
		d := &content.Delegates[i]
		fmt.Fprintf(t, "%s\tdelegate\t%s\tfeeds %s of %s\t%s\t%s\t%s%s\n", d.ID, &d.Public, strings.Join(d.Kinds.Names(), ","), oneLine(d.Scope),
			day(d.NotBefore), day(d.NotAfter), oneLine(d.Name), offMark(d.Disabled))
	}
}

func offMark(disabled bool) string {
	if disabled {
		return ", DISABLED"
	}
	return ""
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
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "version %d → %d\n", before.Manifest().Version, after.Manifest().Version)
	for _, group := range []struct {
		sign       string
		have, lack []string
	}{{"-", old, now}, {"+", now, old}} {
		for _, entry := range group.have {
			if !slices.Contains(group.lack, entry) {
				fmt.Fprintln(out)
				for line := range strings.Lines(entry) {
					fmt.Fprint(out, group.sign, " ", strings.TrimRight(line, "\n"), "\n")
				}
			}
		}
	}
	return out.Flush()
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
	entries := strings.Split(text.String(), "\n\n")
	for i, e := range entries {
		entries[i] = strings.TrimSpace(e) // the last one has no empty line behind it
	}
	return entries, nil
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
