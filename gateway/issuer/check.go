package issuer

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ErrCertificate is wrapped by errors that say what is wrong with a Certificate.
var ErrCertificate = errors.New("certificate")

// Limits of the schema, in characters, and of our member id.
const (
	maxText   = 80
	maxNumber = 20
)

// check refuses what the schema or a gate would refuse.
func (c *Certificate) check() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrCertificate}, args...)...))
	}
	if c.IssuedAt <= 0 || c.Expires < max(c.IssuedAt, c.NotBefore) {
		bad("issued at %s, not before %s, expires %s", date(c.IssuedAt), date(c.NotBefore), date(c.Expires))
	}
	c.Name.check(bad)
	if !isBirth(c.Birth) {
		bad("birth date %q, want YYYY-MM-DD, YYYY-MM, YYYY of 1900 to 2099, or nothing", c.Birth)
	}
	if c.Document != (Document{}) && !c.Document.ok() {
		bad("document %+v, want type %s, %s or %s and at most %d capital letters and digits",
			c.Document, NationalCard, ResidenceCard, Passport, maxNumber)
	}
	switch {
	case c.usage() == 0:
		bad("want exactly one of vaccination, test and recovery")
	case c.Vaccination != nil:
		c.Vaccination.check(bad)
	case c.Test != nil:
		c.Test.check(bad)
	default:
		c.Recovery.check(bad)
	}
	return errors.Join(errs...)
}

func (n *Name) check(bad func(string, ...any)) {
	family, given := n.icao()
	requireText(bad, "surname", n.Family)
	optionalText(bad, "forename", n.Given)
	if !isICAO(family) || given == "" && n.Given != "" || given != "" && !isICAO(given) {
		bad("machine-readable name %q %q of %q %q: want at most %d of A to Z and <; it has to be given where it cannot be made of the name",
			family, given, n.Family, n.Given, maxText)
	}
}

func (v *Vaccination) check(bad func(string, ...any)) {
	entry(bad, v.Disease, v.Country, v.Authority, v.ID)
	requireText(bad, "vaccine", v.Vaccine)
	requireText(bad, "product", v.Product)
	requireText(bad, "manufacturer", v.Manufacturer)
	if v.Dose < 1 || v.Doses < 1 {
		bad("dose %d of %d, want both from 1", v.Dose, v.Doses)
	}
	requireDate(bad, "date", v.Date)
}

func (t *Test) check(bad func(string, ...any)) {
	entry(bad, t.Disease, t.Country, t.Authority, t.ID)
	requireText(bad, "method", t.Method)
	requireText(bad, "result", t.Result)
	optionalText(bad, "test's name", t.Name)
	optionalText(bad, "device", t.Device)
	optionalText(bad, "centre", t.Centre)
	if _, err := time.Parse(time.RFC3339, t.Collected); err != nil {
		bad("time of collection %q, want RFC 3339", t.Collected)
	}
}

func (r *Recovery) check(bad func(string, ...any)) {
	entry(bad, r.Disease, r.Country, r.Authority, r.ID)
	requireDate(bad, "first positive test", r.Positive)
	requireDate(bad, "valid from", r.From)
	requireDate(bad, "valid until", r.Until)
}

// entry checks what every type has.
func entry(bad func(string, ...any), disease, country, authority, id string) {
	requireText(bad, "disease", disease)
	requireText(bad, "authority", authority)
	requireText(bad, "identifier", id)
	if !isCountry(country) {
		bad("country %q, want two capital letters", country)
	}
}

func requireText(bad func(string, ...any), what, s string) {
	if s == "" {
		bad("no %s", what)
	}
	optionalText(bad, what, s)
}

func optionalText(bad func(string, ...any), what, s string) {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxText || strings.ContainsFunc(s, unicode.IsControl) {
		bad("%s %q: want at most %d characters of UTF-8, none of them a control character", what, s, maxText)
	}
}

func requireDate(bad func(string, ...any), what, s string) {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		bad("%s %q, want YYYY-MM-DD", what, s)
	}
}

func isBirth(s string) bool {
	if s == "" {
		return true
	}
	if !strings.HasPrefix(s, "19") && !strings.HasPrefix(s, "20") {
		return false
	}
	for _, layout := range []string{time.DateOnly, "2006-01", "2006"} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

func (d Document) ok() bool {
	if d.Type != NationalCard && d.Type != ResidenceCard && d.Type != Passport {
		return false
	}
	for _, r := range d.Number {
		if (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return false
		}
	}
	return d.Number != "" && len(d.Number) <= maxNumber
}

func isICAO(s string) bool {
	for _, r := range s {
		if (r < 'A' || r > 'Z') && r != '<' {
			return false
		}
	}
	return s != "" && len(s) <= maxText
}
