package issuer

import (
	"golang.org/x/text/unicode/norm"
	"passerelle/gateway/trust"
)

// Version is the schema version that certificates are written for.
const Version = "1.3.0"

// Certificate is what a code says: schema 1.3 of the EU digital certificate, and Morocco's document number. Exactly one of
// Vaccination, Test and Recovery is set. Codes of value sets (Disease, Vaccine …) are those of the EU's lists and are not checked.
type Certificate struct {
	Issuer    string // iss; empty for the country of the key
	IssuedAt  int64  // iat, unix seconds
	Expires   int64  // exp, unix seconds
	NotBefore int64  // nbf, unix seconds; 0 for none

	Name     Name
	Birth    string   // dob: YYYY-MM-DD, YYYY-MM, YYYY, or empty if unknown
	Document Document // the zero Document for none

	Vaccination *Vaccination
	Test        *Test
	Recovery    *Recovery
}

// Name is the holder's name, each part at most 80 characters.
type Name struct {
	Family     string // fn, as its bearer writes it, in any script
	Given      string // gn, likewise; may be empty
	FamilyICAO string // fnt; empty for Transliterate(Family)
	GivenICAO  string // gnt; empty for Transliterate(Given)
}

// Document is the identity document that a person shows beside the certificate.
type Document struct {
	Type   string // NationalCard, ResidenceCard or Passport
	Number string // capital letters and digits, at most 20
}

// Document types, as Morocco names them.
const (
	NationalCard  = "CNIE"
	ResidenceCard = "CS"
	Passport      = "PN"
)

// Vaccination is one vaccination. Each text is at most 80 characters, as everywhere.
type Vaccination struct {
	Disease      string // tg, SNOMED CT
	Vaccine      string // vp
	Product      string // mp
	Manufacturer string // ma
	Dose         int    // dn, from 1
	Doses        int    // sd, from 1
	Date         string // dt, YYYY-MM-DD
	Country      string // co, ISO 3166-1 alpha-2
	Authority    string // is
	ID           string // ci, the unique certificate identifier
}

// Test is one test.
type Test struct {
	Disease   string // tg
	Method    string // tt, LOINC
	Name      string // nm; empty for none
	Device    string // ma; empty for none
	Collected string // sc, RFC 3339
	Result    string // tr, SNOMED CT
	Centre    string // tc; empty for none
	Country   string // co
	Authority string // is
	ID        string // ci
}

// Recovery is one recovery.
type Recovery struct {
	Disease   string // tg
	Positive  string // fr: the day of the first positive test, YYYY-MM-DD
	Country   string // co
	Authority string // is
	From      string // df, YYYY-MM-DD
	Until     string // du, YYYY-MM-DD
	ID        string // ci
}

// usage returns what a key must be allowed to sign for c; nothing if c is not of exactly one type.
func (c *Certificate) usage() trust.Usage {
	switch {
	case c.Vaccination != nil && c.Test == nil && c.Recovery == nil:
		return trust.HCERTVaccination
	case c.Vaccination == nil && c.Test != nil && c.Recovery == nil:
		return trust.HCERTTest
	case c.Vaccination == nil && c.Test == nil && c.Recovery != nil:
		return trust.HCERTRecovery
	}
	return 0
}

// Claim keys (RFC 8392, section 4; HCERT specification, section 3.3).
const (
	ClaimIssuer    = 1
	ClaimExpires   = 4
	ClaimNotBefore = 5
	ClaimIssuedAt  = 6
	ClaimHCERT     = -260
	MemberDCC      = 1 // of ClaimHCERT
)

// Claims returns c as CWT claims, in the order of deterministic encoding (RFC 8949, section 4.2.1). It checks nothing; country
// is the issuer where c names none. Text is put into Unicode's normal form C (HCERT specification, section 3.3.7).
func (c *Certificate) Claims(country string) Map {
	if c.Issuer != "" {
		country = c.Issuer
	}
	claims := Map{{ClaimIssuer, country}, {ClaimExpires, c.Expires}}
	if c.NotBefore != 0 {
		claims = append(claims, Member{ClaimNotBefore, c.NotBefore})
	}
	return append(claims, Member{ClaimIssuedAt, c.IssuedAt}, Member{ClaimHCERT, Map{{MemberDCC, c.members()}}})
}

// members returns the certificate itself.
func (c *Certificate) members() Map {
	var m Map
	if c.Recovery != nil {
		m = append(m, Member{"r", []any{c.Recovery.members()}})
	}
	if c.Test != nil {
		m = append(m, Member{"t", []any{c.Test.members()}})
	}
	if c.Vaccination != nil {
		m = append(m, Member{"v", []any{c.Vaccination.members()}})
	}
	if c.Document != (Document{}) {
		m = append(m, Member{"id", Map{text("n", c.Document.Number), text("t", c.Document.Type)}})
	}
	return append(m, text("dob", c.Birth), Member{"nam", c.Name.members()}, text("ver", Version))
}

func (n *Name) members() Map {
	family, given := n.icao()
	m := Map{text("fn", n.Family)}
	if n.Given != "" {
		m = append(m, text("gn", n.Given))
	}
	m = append(m, text("fnt", family))
	if given != "" {
		m = append(m, text("gnt", given))
	}
	return m
}

// icao returns fnt and gnt; empty where they are not given and no table yields them.
func (n *Name) icao() (family, given string) {
	family, given = n.FamilyICAO, n.GivenICAO
	if family == "" {
		family, _ = Transliterate(n.Family)
	}
	if given == "" {
		given, _ = Transliterate(n.Given)
	}
	return family, given
}

func (v *Vaccination) members() Map {
	return Map{
		text("ci", v.ID),
		text("co", v.Country),
		{"dn", v.Dose},
		text("dt", v.Date),
		text("is", v.Authority),
		text("ma", v.Manufacturer),
		text("mp", v.Product),
		{"sd", v.Doses},
		text("tg", v.Disease),
		text("vp", v.Vaccine),
	}
}

func (t *Test) members() Map {
	m := Map{text("ci", t.ID), text("co", t.Country), text("is", t.Authority)}
	for _, optional := range []Member{text("ma", t.Device), text("nm", t.Name)} {
		if optional.Value != "" {
			m = append(m, optional)
		}
	}
	m = append(m, text("sc", t.Collected))
	if t.Centre != "" {
		m = append(m, text("tc", t.Centre))
	}
	return append(m, text("tg", t.Disease), text("tr", t.Result), text("tt", t.Method))
}

func (r *Recovery) members() Map {
	return Map{
		text("ci", r.ID),
		text("co", r.Country),
		text("df", r.From),
		text("du", r.Until),
		text("fr", r.Positive),
		text("is", r.Authority),
		text("tg", r.Disease),
	}
}

func text(key, value string) Member { return Member{key, norm.NFC.String(value)} }
