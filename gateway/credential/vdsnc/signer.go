package vdsnc

import (
	"errors"
	"strings"
	"time"

	"passerelle/gateway/sig"
)

// MaxSerial is the longest serial number, in bytes; RFC 5280, section 4.1.2.2, has 20.
const MaxSerial = 32

// ErrSigner is returned for a certificate that no Signer can be made of.
var ErrSigner = errors.New("vds-nc: not a signer's certificate")

// Signer is a certificate that came with a seal (a barcode signer of Doc 9303, part 12). It may be anybody's: an authority of the trust
// list, found by AKI, must have signed it (IssuedBy). The slices point into what ParseSigner was given.
//
// ParseSigner reads DER by itself rather than by crypto/x509, which refuses the negative serial numbers that some countries' document
// signers have. Keys are those of sig.ParseSPKI: a curve must be named, as it is in the seals that are public, and be one of NIST's.
// Refused are: an extension that is critical and not known here, or stands twice; a certificate that is an authority's own; names in which
// there is not one country, the signer's and the authority's alike.
type Signer struct {
	Public    sig.Key
	Country   string        // ISO 3166-1 alpha-2, of both the subject's and the issuer's C=
	SKI       []byte        // subject key identifier; nil if there is none, as the profile has it
	AKI       []byte        // authority key identifier; nil if there is none, and then nobody can say whose it is
	Serial    []byte        // contents of the DER INTEGER, which may be negative
	NotBefore int64         // unix seconds
	NotAfter  int64         // unix seconds, inclusive
	TBS       []byte        // what the authority signed
	Signature []byte        // the authority's, as it stands there
	Alg       sig.Algorithm // of Signature, for a sig.Job; 0 if package sig has none for it, see IssuedBy
	Usage     bool          // it has the extended key usage 2.23.136.1.1.14.2; MaySign says for which types

	types documentTypes
	how   signing
}

// documentTypes is what the extension documentTypeList says (Doc 9303, part 12, section 7.1.1.6).
type documentTypes struct{ listed, vaccination, test bool }

// MaySign reports whether seals of this type are the signer's to sign: the certificate has the key usage for VDS-NC, and names the type if
// it names any ("NV" is a proof of vaccination, "NT" of a test).
func (s *Signer) MaySign(t Type) bool {
	switch {
	case !s.Usage:
		return false
	case t == Vaccination:
		return !s.types.listed || s.types.vaccination
	case t == Test:
		return !s.types.listed || s.types.test
	}
	return false
}

// ParseSigner reads a DER certificate (RFC 5280, section 4.1). The only error is ErrSigner.
func ParseSigner(certificate []byte) (*Signer, error) {
	if len(certificate) > MaxCertificate {
		return nil, ErrSigner
	}
	s := new(Signer)
	file := der{rest: certificate}
	outer := file.enter(tagSequence)
	tbs, _ := outer.element(tagSequence)
	algorithm, _ := outer.element(tagSequence)
	s.TBS, s.Signature = tbs, outer.bits()
	if !file.done() || !outer.done() || !s.readTBS(string(algorithm)) || !s.how.read(algorithm) {
		return nil, ErrSigner
	}
	s.Alg = s.how.alg()
	return s, nil
}

// readTBS reads what is signed; the signature's algorithm must stand there as it stands outside.
func (s *Signer) readTBS(algorithm string) bool {
	whole := der{rest: s.TBS}
	tbs := whole.enter(tagSequence)
	version := 0
	if tbs.is(tagContext) {
		v := tbs.enter(tagContext)
		if version = v.integer(); version != 2 || !v.done() {
			return false
		}
	}
	s.Serial = tbs.contents(tagInteger)
	inner, _ := tbs.element(tagSequence)
	issuer := tbs.enter(tagSequence)
	validity := tbs.enter(tagSequence)
	subject := tbs.enter(tagSequence)
	spki, _ := tbs.element(tagSequence)
	if tbs.bad || string(inner) != algorithm || len(s.Serial) == 0 || len(s.Serial) > MaxSerial {
		return false
	}
	if version == 2 && tbs.is(tagContext+3) {
		extensions := tbs.enter(tagContext + 3)
		if !s.readExtensions(&extensions) {
			return false
		}
	}
	s.Country = country(&subject)
	s.NotBefore, s.NotAfter = moment(&validity), moment(&validity)
	if !tbs.done() || !validity.done() || s.Country == "" || s.Country != country(&issuer) {
		return false
	}
	var err error
	s.Public, err = sig.ParseSPKI(spki)
	return err == nil
}

// country returns the one country of a name, in capitals; it is empty if there is none, or more, or it is none.
func country(name *der) string {
	found := ""
	for name.more() {
		set := name.enter(tagSet)
		for set.more() {
			attribute := set.enter(tagSequence)
			oid := attribute.contents(tagOID)
			if string(oid) != oidCountry {
				continue
			}
			tag := byte(tagPrintable)
			if attribute.is(tagUTF8) {
				tag = tagUTF8
			}
			text := attribute.contents(tag)
			if found != "" || !attribute.done() || len(text) != 2 || !isLetter(text[0]) || !isLetter(text[1]) {
				return ""
			}
			found = strings.ToUpper(string(text))
		}
		if set.bad {
			return ""
		}
	}
	if name.bad {
		return ""
	}
	return found
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// moment reads a time in unix seconds (RFC 5280, section 4.1.2.5): UTC, with seconds.
func moment(d *der) int64 {
	layout, tag := "20060102150405Z", byte(tagTime)
	if d.is(tagUTCTime) {
		layout, tag = "060102150405Z", tagUTCTime
	}
	text := d.contents(tag)
	for i, c := range text {
		if (c < '0' || c > '9') && i != len(layout)-1 { // time.Parse would take a fraction
			d.fail()
			return 0
		}
	}
	t, err := time.Parse(layout, string(text))
	if err != nil {
		d.fail()
		return 0
	}
	if tag == tagUTCTime && t.Year() >= 2050 { // of two digits, 50 to 99 are the last century's
		t = t.AddDate(-100, 0, 0)
	}
	return t.Unix()
}
