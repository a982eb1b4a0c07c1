// Package hcert reads EU digital certificates, HC1, and Morocco's, which are built alike: the CWT claims (RFC 8392) inside
// the COSE message, with the certificate in claim -260, member 1 (HCERT specification, section 3; schema 1.3).
//
// It reads claims of a message whose signature was checked before; nothing here says that they are true. Real issuers stray
// from the schema, so what is tolerated is decided here, once: times may be floats; v, t and r may be null where they are
// absent; numbers of doses may be floats; a date may be tagged as one; any order and indefinite lengths are accepted; unknown members are skipped. There
// must be exactly one entry of exactly one type, and members that we know must be of their type: anything else is malformed.
//
// Morocco's certificates carry the holder's document: member "id" of the certificate with "t" (CNIE, CS or PN: national card,
// residence card, passport) and "n", its number. The EU schema allows further members, so other verifiers read past it.
package hcert

import (
	"errors"
	"fmt"
	"math"

	"passerelle/gateway/encoding/cbor"
)

// Type is what a certificate certifies. The zero value is none.
type Type uint8

// The types.
const (
	NoType Type = iota
	Vaccination
	Test
	Recovery
)

// Errors of Parse. ErrEntries is an ErrMalformed.
var (
	ErrMalformed = errors.New("malformed claims")
	ErrEntries   = fmt.Errorf("%w: more than one entry", ErrMalformed)
)

// Certificate holds one certificate's claims. Text points into the bytes given to Parse and is valid as long as they are.
// Absent members are nil or 0.
type Certificate struct {
	Type      Type
	Issuer    []byte // iss: for display; trust comes from the key
	IssuedAt  int64  // iat, unix seconds
	Expires   int64  // exp, unix seconds
	NotBefore int64  // nbf, unix seconds; 0 if absent

	Version    []byte // ver
	Family     []byte // nam.fn
	FamilyICAO []byte // nam.fnt, ICAO 9303 letters
	Given      []byte // nam.gn
	GivenICAO  []byte // nam.gnt
	Birth      []byte // dob: YYYY-MM-DD, YYYY-MM, YYYY or empty; a time may follow
	Document   Document
	Entry      Entry
}

// Document is the identity document that Morocco's certificates name.
type Document struct {
	Type   []byte // id.t: CNIE, CS or PN
	Number []byte // id.n
}

// Entry is the one entry of v, t or r. Members of other types stay empty.
type Entry struct {
	ID      []byte // ci, the certificate identifier (UVCI)
	Target  []byte // tg, the disease
	Country []byte // co
	Issuer  []byte // is

	Vaccine []byte // v: vp
	Product []byte // v: mp
	Maker   []byte // v, t: ma
	Dose    int64  // v: dn
	Doses   int64  // v: sd
	Date    []byte // v: dt; r: fr

	Method    []byte // t: tt
	Name      []byte // t: nm
	Collected []byte // t: sc, date and time
	Result    []byte // t: tr
	Centre    []byte // t: tc

	From  []byte // r: df
	Until []byte // r: du
}

// CWT and HCERT claim keys.
const (
	claimIssuer    = 1
	claimExpires   = 4
	claimNotBefore = 5
	claimIssuedAt  = 6
	claimHCERT     = -260
	memberDCC      = 1
)

// Tags of dates written as text.
const (
	tagDateTime = 0
	tagFullDate = 1004
)

// Parse reads the claims in payload. The bytes may be rearranged in place where an indefinite-length text is joined.
// Every error is an ErrMalformed; c is then of no use. It does not allocate.
func (c *Certificate) Parse(payload []byte) error {
	*c = Certificate{}
	var r reader
	r.Reset(payload)
	r.claims(c)
	r.End()
	switch err := r.Err(); {
	case err == ErrEntries:
		return err
	case err != nil, c.Type == NoType, !r.issuedAt, !r.expires:
		return ErrMalformed
	}
	return nil
}

// reader is a cursor with the few things that claims need besides.
type reader struct {
	cbor.Cursor
	issuedAt, expires bool
}

func (r *reader) claims(c *Certificate) {
	m := r.Map()
	for r.More(&m) {
		switch r.Label() {
		case claimIssuer:
			c.Issuer = r.text()
		case claimExpires:
			c.Expires, r.expires = r.NumericDate(), true
		case claimNotBefore:
			c.NotBefore = r.NumericDate()
		case claimIssuedAt:
			c.IssuedAt, r.issuedAt = r.NumericDate(), true
		case claimHCERT:
			r.container(c)
		default:
			r.Skip()
		}
	}
}

func (r *reader) container(c *Certificate) {
	m := r.Map()
	for r.More(&m) {
		if r.Label() == memberDCC {
			r.certificate(c)
		} else {
			r.Skip()
		}
	}
}

func (r *reader) certificate(c *Certificate) {
	m := r.Map()
	for r.More(&m) {
		switch string(r.Name()) {
		case "ver":
			c.Version = r.text()
		case "nam":
			r.names(c)
		case "dob":
			c.Birth = r.text()
		case "v":
			r.entries(c, Vaccination)
		case "t":
			r.entries(c, Test)
		case "r":
			r.entries(c, Recovery)
		case "id":
			r.document(&c.Document)
		default:
			r.Skip()
		}
	}
}

func (r *reader) names(c *Certificate) {
	if r.SkipNull() {
		return
	}
	m := r.Map()
	for r.More(&m) {
		switch string(r.Name()) {
		case "fn":
			c.Family = r.text()
		case "fnt":
			c.FamilyICAO = r.text()
		case "gn":
			c.Given = r.text()
		case "gnt":
			c.GivenICAO = r.text()
		default:
			r.Skip()
		}
	}
}

// document reads Morocco's member. Another issuer's "id" may be anything: what is not ours is skipped.
func (r *reader) document(d *Document) {
	if r.Kind() != cbor.KindMap {
		r.Skip()
		return
	}
	m := r.Map()
	for r.More(&m) {
		switch name := string(r.Name()); {
		case name == "t" && r.Kind() == cbor.KindText:
			d.Type = r.Text()
		case name == "n" && r.Kind() == cbor.KindText:
			d.Number = r.Text()
		default:
			r.Skip()
		}
	}
}

// entries reads the list of v, t or r: null or empty where absent, else the certificate's only entry.
func (r *reader) entries(c *Certificate, t Type) {
	if r.SkipNull() {
		return
	}
	list := r.Array()
	for r.More(&list) {
		if c.Type != NoType {
			r.Fail(ErrEntries)
			return
		}
		c.Type = t
		r.entry(&c.Entry, t)
	}
}

func (r *reader) entry(e *Entry, t Type) {
	m := r.Map()
	for r.More(&m) {
		switch name := r.Name(); string(name) {
		case "ci":
			e.ID = r.text()
		case "tg":
			e.Target = r.text()
		case "co":
			e.Country = r.text()
		case "is":
			e.Issuer = r.text()
		case "ma":
			e.Maker = r.text()
		default:
			r.member(e, t, name)
		}
	}
}

// member reads what only one type of entry has; the same name in another type is skipped.
func (r *reader) member(e *Entry, t Type, name []byte) {
	switch {
	case t == Vaccination:
		switch string(name) {
		case "vp":
			e.Vaccine = r.text()
		case "mp":
			e.Product = r.text()
		case "dn":
			e.Dose = r.count()
		case "sd":
			e.Doses = r.count()
		case "dt":
			e.Date = r.text()
		default:
			r.Skip()
		}
	case t == Test:
		switch string(name) {
		case "tt":
			e.Method = r.text()
		case "nm":
			e.Name = r.text()
		case "sc":
			e.Collected = r.text()
		case "tr":
			e.Result = r.text()
		case "tc":
			e.Centre = r.text()
		default:
			r.Skip()
		}
	case t == Recovery:
		switch string(name) {
		case "fr":
			e.Date = r.text()
		case "df":
			e.From = r.text()
		case "du":
			e.Until = r.text()
		default:
			r.Skip()
		}
	}
}

// text reads text, or null as nil. A date may carry the tag that says so (tag 0, RFC 8949; tag 1004, RFC 8943).
func (r *reader) text() []byte {
	switch r.Kind() {
	case cbor.KindNull:
		r.Null()
		return nil
	case cbor.KindTag:
		if tag := r.Tag(); tag != tagDateTime && tag != tagFullDate {
			r.Fail(ErrMalformed)
		}
	}
	return r.Text()
}

// count reads a number of doses: an integer, or a float that is one, or null as 0.
func (r *reader) count() int64 {
	if r.SkipNull() {
		return 0
	}
	n := r.Number()
	if n != math.Trunc(n) || math.Abs(n) > math.MaxInt32 {
		r.Fail(ErrMalformed)
		return 0
	}
	return int64(n)
}
