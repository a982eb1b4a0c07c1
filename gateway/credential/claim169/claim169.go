// Package claim169 reads identity QR codes of the MOSIP kind: CWT claims (RFC 8392) with a person's attributes in claim 169, inside
// a COSE_Sign1 message.
//
// It reads claims of a message whose signature was checked before; nothing here says that they are true, nor that the code is in
// its owner's hands. The attributes are those of the draft "Id Claim 169 in QR-Code", section 2.1, and of its version 1.2, which
// gives 19 to 23 a meaning. Attributes that are text, and the two that are small numbers, are read. The photograph (16, 17), the
// best fingers (18) and all biometrics (50 to 74) are skipped unread: a gate has no use for them and must not hold them.
//
// What is decided here. Everything in claim 169 is optional in the draft, and so it is here, but the claim itself must be there.
// iss, exp, nbf and iat may be absent, too, and are then 0: for exp that is long ago, so that a code which never ends is expired
// wherever nobody decided otherwise. Any order and indefinite lengths are accepted, claims and attributes that we do not know are
// skipped; what we know must be of its type and no longer than MaxText.
package claim169

import (
	"errors"
	"fmt"

	"passerelle/gateway/encoding/cbor"
)

// MaxText is the longest text of one attribute, and of iss, in bytes.
const MaxText = 1024

// Errors of Parse. All are an ErrMalformed.
var (
	ErrMalformed = errors.New("malformed claims")
	ErrMissing   = fmt.Errorf("%w: no claim 169", ErrMalformed)
	ErrLimit     = fmt.Errorf("%w: over a limit", ErrMalformed)
)

// Gender is what an identity code says of a person's gender; numbers that are not here are kept as they are. The zero value is
// that it says nothing.
type Gender uint8

// The genders of attribute 9.
const (
	NoGender Gender = iota
	Male
	Female
	Other
)

// Person holds the claims of one identity code. Text points into the bytes given to Parse and is valid as long as they are.
// Absent members are nil or 0.
type Person struct {
	Issuer    []byte // iss: text of the code's; it may select keys, trust comes from the key
	Subject   []byte // sub
	Expires   int64  // exp, unix seconds
	NotBefore int64  // nbf, unix seconds
	IssuedAt  int64  // iat, unix seconds

	ID            []byte // 1
	Version       []byte // 2
	Language      []byte // 3, ISO 639-3
	FullName      []byte // 4
	FirstName     []byte // 5
	MiddleName    []byte // 6
	LastName      []byte // 7
	Birth         []byte // 8: YYYYMMDD
	Gender        Gender // 9
	Address       []byte // 10, lines separated by \n
	Email         []byte // 11
	Phone         []byte // 12
	Nationality   []byte // 13
	MaritalStatus uint8  // 14: 1 unmarried, 2 married, 3 divorced
	Guardian      []byte // 15, name or id

	SecondName     []byte // 19: the full name in the second language
	SecondLanguage []byte // 20, ISO 639-3
	Location       []byte // 21
	LegalStatus    []byte // 22
	IssuedIn       []byte // 23, country of issuance
}

// Labels of claims.
const (
	claimIssuer    = 1
	claimSubject   = 2
	claimExpires   = 4
	claimNotBefore = 5
	claimIssuedAt  = 6
	claimIdentity  = 169
)

// Labels of attributes that are no text.
const (
	attributeGender        = 9
	attributeMaritalStatus = 14
)

// Parse reads the claims in payload. The bytes may be rearranged in place where an indefinite-length text is joined.
// Every error is an ErrMalformed; p is then of no use. It does not allocate.
func (p *Person) Parse(payload []byte) error {
	*p = Person{}
	var r reader
	r.Reset(payload)
	r.claims(p)
	r.End()
	switch err := r.Err(); {
	case err == ErrLimit:
		return err
	case err != nil:
		return ErrMalformed
	case !r.identity:
		return ErrMissing
	}
	return nil
}

// reader is a cursor with what these claims need besides.
type reader struct {
	cbor.Cursor
	identity bool
}

func (r *reader) claims(p *Person) {
	m := r.Map()
	for r.More(&m) {
		switch r.Label() {
		case claimIssuer:
			p.Issuer = r.text()
		case claimSubject:
			p.Subject = r.text()
		case claimExpires:
			p.Expires = r.NumericDate()
		case claimNotBefore:
			p.NotBefore = r.NumericDate()
		case claimIssuedAt:
			p.IssuedAt = r.NumericDate()
		case claimIdentity:
			r.attributes(p)
			r.identity = true
		default:
			r.Skip()
		}
	}
}

func (r *reader) attributes(p *Person) {
	m := r.Map()
	for r.More(&m) {
		switch label := r.Label(); label {
		case attributeGender:
			p.Gender = Gender(r.number())
		case attributeMaritalStatus:
			p.MaritalStatus = r.number()
		default:
			if text := p.attribute(label); text != nil {
				*text = r.text()
			} else {
				r.Skip()
			}
		}
	}
}

// attribute returns where the text of an attribute belongs, nil for one that is not kept.
func (p *Person) attribute(label int64) *[]byte {
	switch label {
	case 1:
		return &p.ID
	case 2:
		return &p.Version
	case 3:
		return &p.Language
	case 4:
		return &p.FullName
	case 5:
		return &p.FirstName
	case 6:
		return &p.MiddleName
	case 7:
		return &p.LastName
	case 8:
		return &p.Birth
	case 10:
		return &p.Address
	case 11:
		return &p.Email
	case 12:
		return &p.Phone
	case 13:
		return &p.Nationality
	case 15:
		return &p.Guardian
	case 19:
		return &p.SecondName
	case 20:
		return &p.SecondLanguage
	case 21:
		return &p.Location
	case 22:
		return &p.LegalStatus
	case 23:
		return &p.IssuedIn
	}
	return nil
}

func (r *reader) text() []byte {
	s := r.Text()
	if len(s) > MaxText {
		r.Fail(ErrLimit)
		return nil
	}
	return s
}

// number reads an unsigned number of one byte.
func (r *reader) number() uint8 {
	n := r.Int()
	if n < 0 || n > 255 {
		r.Fail(ErrLimit)
		return 0
	}
	return uint8(n)
}
