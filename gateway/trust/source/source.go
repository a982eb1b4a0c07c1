// Package source turns other people's lists of keys into content for a bundle, at the centre.
//
// It reads the German list format, PEM and DER, authorities of VDS-NC with what they revoked, and the keys of pretix's events; each
// format is one file. It reads and writes the key set: a text file
// (strict TOML) that a person can review and compare line by line, and that `trust build` makes bundles of.
//
// What is decided here:
//   - One bad entry never sinks a list. Whatever cannot be taken is skipped and named, with the reason; the Report says
//     how many were read, taken, skipped.
//   - A key's id is the first 8 bytes of the SHA-256 of the DER certificate (HCERT specification, section 4.2.3),
//     whatever a list says it is; of a bare public key, of its SubjectPublicKeyInfo.
//   - crypto/x509 refuses certificates that real issuers use (negative serial numbers, EC parameters written out). Their
//     public key is taken all the same, by a reader that looks at nothing but public key, validity, subject and key
//     usages; parameters that are written out are taken only if they are exactly those of P-256, P-384 or P-521.
//   - No certificate is verified here: who stands behind a list is for the person who imports it to know, or for the
//     list's own signature. Root keys sign what comes of it.
//   - A certificate of a list of HCERT signers that names no usage of the HCERT arcs may sign all three types, and that is
//     written out. One from anywhere else may be of anything, such as a key for tickets: its usages must be asked for. Usages
//     that are asked for can only narrow what a certificate names.
package source

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

// Limits of what is imported.
const (
	MaxInput       = 64 << 20 // bytes of all inputs together
	MaxInputs      = 20_000   // files
	MaxCertificate = 16 << 10 // bytes of one certificate
)

// ErrSource is wrapped by errors that concern a whole input; what concerns one entry stands in the Report.
var ErrSource = errors.New("trust source")

// Options are what a format does not say by itself.
type Options struct {
	ListKey   sig.Key     // de: who signed the list
	Country   string      // pem, der, csca: overrides the certificate's subject; needed for bare keys and pretix
	Issuer    string      // bare keys: for people
	Usages    trust.Usage // pem, der: narrows what a certificate allows; needed for bare keys; any but HCERT's come from here alone
	NotBefore int64       // bare keys, unix seconds
	NotAfter  int64       // bare keys, unix seconds, inclusive
	Source    string      // written beside each key; empty: the input's base name
	Scope     string      // of usages that have one; pretix: the event, where it is not to be the file's own slug
	// RevocationLists are DER or PEM CRLs of the authorities that are imported (csca).
	RevocationLists []Input
}

// Report says what became of an import.
type Report struct {
	Read    int // entries
	Taken   int
	Skipped []bundle.Skipped // Read = Taken + len(Skipped)
	Notes   []string         // what was taken, but is worth knowing
}

// Formats are the names that Import knows.
func Formats() []string { return []string{"de", "pem", "der", "csca", "pretix"} }

// Import reads inputs of one format. The error is for an input as a whole: an unknown format, a bad list signature.
func Import(format string, inputs []Input, o Options) (bundle.Content, Report, error) {
	c := collector{options: o, seen: make(map[identity]string), under: make(map[trust.Place]int)}
	total := 0
	for _, in := range inputs {
		if total += len(in.Data); total > MaxInput {
			return bundle.Content{}, Report{}, fmt.Errorf("%w: more than %d bytes", ErrSource, MaxInput)
		}
		if c.source = o.Source; c.source == "" {
			c.source = text(filepath.Base(in.Name))
		}
		var err error
		switch format {
		case "de":
			err = c.readDE(in)
		case "pem":
			c.readPEM(in)
		case "der":
			c.readCertificate(in.Name, in.Data, o.Country)
		case "csca":
			c.readAuthorities(in)
		case "pretix":
			err = c.readPretix(in)
		default:
			err = fmt.Errorf("unknown format %q, have %s", format, strings.Join(Formats(), ", "))
		}
		if err != nil {
			return bundle.Content{}, Report{}, fmt.Errorf("%w: %s: %w", ErrSource, in.Name, err)
		}
	}
	c.readRevocationLists(o.RevocationLists)
	c.content.Sort()
	return c.content, c.report, nil
}

// collector gathers the keys of one import.
type collector struct {
	options Options
	source  string // of the input at hand
	content bundle.Content
	report  Report
	seen    map[identity]string // what the key was read from
	under   map[trust.Place]int // distinct keys
}

type identity struct {
	id    trust.KeyID
	key   [32]byte
	scope string
}

func (c *collector) skip(what, why string) {
	c.report.Skipped = append(c.report.Skipped, bundle.Skipped{What: printable(what), Why: printable(why)})
}

func (c *collector) note(format string, args ...any) {
	c.report.Notes = append(c.report.Notes, printable(fmt.Sprintf(format, args...)))
}

// readCertificate takes one DER certificate; without a country its subject tells.
func (c *collector) readCertificate(name string, der []byte, country string) {
	c.report.Read++
	cert, err := parseCertificate(der)
	if err != nil {
		c.skip(name, err.Error())
		return
	}
	if cert.tolerated != "" {
		c.note("%s: taken although crypto/x509 refuses the certificate: %s", name, cert.tolerated)
	}
	if country == "" {
		country = cert.country
	}
	usages := cert.usages
	if usages == 0 && c.options.Usages == 0 {
		c.skip(name, "the certificate names no usage, and may be of anything: say what it is for (--usages)")
		return
	}
	if usages == 0 {
		usages = trust.AllHCERT // HCERT specification, annex on key usages
	}
	if asked := c.options.Usages; asked != 0 {
		usages = usages&asked | asked&^trust.AllHCERT // of other usages a certificate says nothing
	}
	if usages == 0 {
		c.skip(name, fmt.Sprintf("the certificate is for %v, asked for was %v", cert.usages, c.options.Usages))
		return
	}
	scope := ""
	if usages.Scoped() {
		scope = c.options.Scope
	}
	c.take(name, bundle.Entry{Key: trust.Key{
		ID: cert.id, Country: country, Issuer: cert.issuer, Public: cert.public, Usages: usages, Scope: scope,
		NotBefore: cert.notBefore, NotAfter: cert.notAfter,
	}})
}

// take adds one key, unless a bundle would refuse it.
func (c *collector) take(name string, e bundle.Entry) {
	e.Algorithms, e.Source = e.Public.Algorithms(), c.source
	if err := e.Check(); err != nil {
		c.skip(name, err.Error())
		return
	}
	who := identity{id: e.ID, key: e.Public.Fingerprint(), scope: e.Scope}
	switch first, twice := c.seen[who]; {
	case twice:
		c.skip(name, "the same key as "+first)
		return
	case slices.ContainsFunc(e.Places(), func(at trust.Place) bool { return c.under[at] == trust.MaxKeysPerID }):
		c.skip(name, fmt.Sprintf("more than %d keys under id %v, or under its scope", trust.MaxKeysPerID, e.ID))
		return
	case len(c.content.Keys) == trust.MaxKeys:
		c.skip(name, fmt.Sprintf("more than %d keys", trust.MaxKeys))
		return
	}
	c.seen[who] = name
	for _, at := range e.Places() {
		c.under[at]++
	}
	c.report.Taken++
	c.content.Keys = append(c.content.Keys, e)
	if e.Public.Weak() {
		c.note("%s: %v is weak: what it signs is never admitted without a person", name, &e.Public)
	}
}

// WriteTo writes the table with which an import ends: read, taken, and each thing skipped and why.
func (r *Report) WriteTo(w io.Writer) (int64, error) {
	count := &counter{w: w}
	t := tabwriter.NewWriter(count, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "read\t%d\ntaken\t%d\nskipped\t%d\n", r.Read, r.Taken, len(r.Skipped))
	for _, s := range r.Skipped {
		fmt.Fprintf(t, "  %s\t%s\n", s.What, s.Why)
	}
	if err := t.Flush(); err != nil {
		return count.n, fmt.Errorf("write report: %w", err)
	}
	for _, note := range r.Notes {
		if _, err := fmt.Fprintf(count, "note: %s\n", note); err != nil {
			return count.n, fmt.Errorf("write report: %w", err)
		}
	}
	return count.n, nil
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// printable replaces what could write on a terminal something else than text.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// text makes of a string one that a bundle accepts: printable, at most MaxText bytes.
func text(s string) string {
	s = printable(strings.TrimSpace(s))
	for len(s) > bundle.MaxText {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}
