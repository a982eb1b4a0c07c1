// Package vdsnc reads ICAO's Visible Digital Seals for non-constrained environments (ICAO Technical Report VDS-NC, version 1.1; Doc 9303,
// part 13): JSON that carries a proof of vaccination or of a test, its signature, and the signer's certificate.
//
// A seal is {"data": {"hdr", "msg"}, "sig": {"alg", "cer", "sigvl"}}, or an array of exactly one such object, which occurs in the field. It
// must be strict JSON as package jcs wants it: no member twice, one meaning only. The signature is over the canonical form of "data"
// (RFC 8785), whatever the text's own spelling is. Beside "data" and "sig", and inside "sig", nothing else may stand, since nothing there is
// signed; inside "data" unknown members are skipped, since an issuer signed them. Certificate and signature are base64url, with exact padding
// or with none.
//
// Nothing here says that a seal is genuine. The algorithm names the hash and the key names the curve, as in COSE: sig.Key.Allows is the table, so
// ES256 is accepted with P-384, and the signature is r‖s of twice the curve's size. The certificate proves nothing until an authority of
// the trust list has signed it: see Signer. "hdr.is" is for display; trust comes from the certificate's country.
package vdsnc

import (
	"crypto/sha256"
	"errors"
	"slices"

	"passerelle/gateway/encoding/jcs"
	"passerelle/gateway/sig"
)

// Limits of a seal.
const (
	MaxBytes       = 8 * 1024 // of the text
	MaxCertificate = 4 * 1024 // bytes of DER
	MaxSignature   = 132      // bytes, of a P-521 key
	MaxDoses       = 16
)

// Errors of Parse.
var (
	ErrMalformed   = errors.New("vds-nc: malformed")
	ErrTooLarge    = errors.New("vds-nc: too large")
	ErrUnsupported = errors.New("vds-nc: of a type or version that is not supported")
)

// Type is what a seal certifies. The zero value is none.
type Type uint8

// The types.
const (
	NoType      Type = iota
	Test             // icao.test
	Vaccination      // icao.vacc
)

// Seal is what a seal says. Its slices point into what Parse appended, and are valid as long as that is. Absent members are nil.
type Seal struct {
	Type     Type
	TypeName []byte // hdr.t, as it stands there
	Version  int    // hdr.v: 1
	Issuer   []byte // hdr.is: ICAO's code of up to three letters
	ID       []byte // uvci or utci
	Person   Person
	Test     TestReport

	Alg         sig.Algorithm
	Certificate []byte // DER, for ParseSigner
	Signature   []byte // r‖s
	Signed      []byte // the canonical form of data

	doses [MaxDoses]Dose
	count int
}

// Person is who the seal is about.
type Person struct {
	Name             []byte // pid.n: two spaces stand between the primary and the secondary identifier; may be truncated to 39 characters
	Birth            []byte // pid.dob: YYYY-MM-DD
	Sex              []byte // pid.sex: M, F or X
	DocumentType     []byte // pid.dt, of tests: P, A, C, I, AC, V or D
	DocumentNumber   []byte // pid.dn of tests, pid.i of vaccinations: of the travel document
	AdditionalNumber []byte // pid.ai: any other document's, as the issuer chose
}

// Dose is one vaccination.
type Dose struct {
	Vaccine []byte // des: ICD-11
	Product []byte // nam
	Disease []byte // dis: ICD-11
	Date    []byte // dvc: YYYY-MM-DD
	Number  []byte // seq: digits, where they are a number or a text
	Country []byte // ctr: ICAO's code
}

// TestReport is one test.
type TestReport struct {
	Centre    []byte // sp.spn
	Country   []byte // sp.ctr: ICAO's code
	Collected []byte // dat.sc: date and time
	Reported  []byte // dat.ri: date and time
	Method    []byte // tr.tc
	Result    []byte // tr.r: normal, abnormal, positive or negative
}

// Doses returns the vaccinations in the order in which they stand there; at least one if the type is Vaccination.
func (s *Seal) Doses() []Dose { return s.doses[:s.count] }

// Identity names the seal whatever its spelling and its signature are: SHA-256 of the canonical data.
func (s *Seal) Identity() [sha256.Size]byte { return sha256.Sum256(s.Signed) }

// Parse reads a seal and appends what it must hold to dst. It does not allocate where dst has room for twice the canonical form, which is
// no longer than b in all but hostile texts. b and the room in dst must not overlap. With ErrUnsupported, TypeName and Version alone say
// something, until the room in dst is used again; with the other errors nothing does; dst then keeps its first len(dst) bytes.
func (s *Seal) Parse(dst, b []byte) ([]byte, error) {
	*s = Seal{}
	if len(b) > MaxBytes {
		return dst, ErrTooLarge
	}
	buf, err := jcs.Append(dst, b)
	if errors.Is(err, jcs.ErrTooLarge) {
		return dst, ErrTooLarge
	}
	if err != nil {
		return dst, ErrMalformed
	}
	size := len(buf) - len(dst)
	buf = slices.Grow(buf, size) // so that nothing moves any more: what is decoded is no longer than it was
	r := reader{seal: s, buf: buf}
	r.document(value(buf[len(dst):]))
	switch {
	case r.err == ErrUnsupported:
		name, version := s.TypeName, s.Version
		*s = Seal{TypeName: name, Version: version}
		return dst, r.err
	case r.err != nil:
		*s = Seal{}
		return dst, r.err
	}
	return r.buf, nil
}
