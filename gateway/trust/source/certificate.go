package source

import (
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// certificate is what a list needs to know of one.
type certificate struct {
	id        trust.KeyID
	public    sig.Key
	country   string // subject's C, empty if there is none
	issuer    string // subject's O, else CN: who signs with the key
	usages    trust.Usage
	authority bool   // may sign certificates (RFC 5280, section 4.2.1.9)
	ski       []byte // subject key identifier, empty if there is none
	notBefore int64
	notAfter  int64
	tolerated string // why crypto/x509 refuses the certificate; empty if it does not
}

// parseCertificate reads a DER certificate (RFC 5280, section 4.1) by crypto/x509, else by readLeniently.
func parseCertificate(der []byte) (certificate, error) {
	if len(der) > MaxCertificate {
		return certificate{}, fmt.Errorf("certificate of %d bytes, at most %d", len(der), MaxCertificate)
	}
	sum := sha256.Sum256(der)
	cert := certificate{id: trust.KeyID(sum[:8])}
	parsed, refusal := x509.ParseCertificate(der)
	var err error
	if refusal == nil {
		err = cert.readStrictly(parsed)
	} else if err = cert.readLeniently(der); err != nil {
		err = fmt.Errorf("%w (%w)", err, refusal)
	} else {
		cert.tolerated = refusal.Error()
	}
	if err != nil {
		return certificate{}, err
	}
	return cert, nil
}

func (c *certificate) readStrictly(x *x509.Certificate) error {
	key, err := sig.ParseSPKI(x.RawSubjectPublicKeyInfo)
	if err != nil {
		return err
	}
	c.public = key
	c.notBefore, c.notAfter = x.NotBefore.Unix(), x.NotAfter.Unix()
	c.setSubject(&x.Subject)
	c.usages = usagesOf(x.UnknownExtKeyUsage)
	c.authority, c.ski = x.BasicConstraintsValid && x.IsCA, x.SubjectKeyId
	return nil
}

func (c *certificate) setSubject(name *pkix.Name) {
	if len(name.Country) > 0 {
		c.country = name.Country[0]
	}
	c.issuer = text(name.CommonName)
	if len(name.Organization) > 0 {
		c.issuer = text(name.Organization[0])
	}
}

// The EU's key usages exist in two arcs, of which one is a misprint that issuers use.
var usageOIDs = [...]struct {
	oid   asn1.ObjectIdentifier
	usage trust.Usage
}{
	{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 1847, 2021, 1, 1}, trust.HCERTTest},
	{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 1847, 2021, 1, 2}, trust.HCERTVaccination},
	{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 1847, 2021, 1, 3}, trust.HCERTRecovery},
	{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 0, 1847, 2021, 1, 1}, trust.HCERTTest},
	{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 0, 1847, 2021, 1, 2}, trust.HCERTVaccination},
	{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 0, 1847, 2021, 1, 3}, trust.HCERTRecovery},
}

// usagesOf returns the usages of the HCERT arcs that are named, nothing for a certificate that names none.
func usagesOf(oids []asn1.ObjectIdentifier) trust.Usage {
	var set trust.Usage
	for _, oid := range oids {
		for _, u := range usageOIDs {
			if oid.Equal(u.oid) {
				set |= u.usage
			}
		}
	}
	return set
}

// looseCertificate names only what readLeniently needs; the rest may be any DER.
type looseCertificate struct {
	TBS       looseTBS
	Algorithm asn1.RawValue
	Signature asn1.RawValue
}

type looseTBS struct {
	Version    asn1.RawValue `asn1:"optional,explicit,tag:0"`
	Serial     asn1.RawValue
	Algorithm  asn1.RawValue
	Issuer     asn1.RawValue
	Validity   struct{ NotBefore, NotAfter time.Time }
	Subject    asn1.RawValue
	PublicKey  asn1.RawValue
	IssuerUID  asn1.RawValue    `asn1:"optional,tag:1"`
	SubjectUID asn1.RawValue    `asn1:"optional,tag:2"`
	Extensions []pkix.Extension `asn1:"optional,explicit,tag:3"`
}

// readLeniently reads public key, validity, subject and extended key usages, and checks nothing else: what it is given
// is on a list that somebody signed, and it is the key that counts.
func (c *certificate) readLeniently(der []byte) error {
	var loose looseCertificate
	if rest, err := asn1.Unmarshal(der, &loose); err != nil || len(rest) != 0 {
		return errors.New("not a certificate")
	}
	key, err := parsePublicKey(loose.TBS.PublicKey.FullBytes)
	if err != nil {
		return err
	}
	c.public = key
	c.notBefore, c.notAfter = loose.TBS.Validity.NotBefore.Unix(), loose.TBS.Validity.NotAfter.Unix()
	var subject pkix.RDNSequence
	if rest, err := asn1.Unmarshal(loose.TBS.Subject.FullBytes, &subject); err == nil && len(rest) == 0 {
		var name pkix.Name
		name.FillFromRDNSequence(&subject)
		c.setSubject(&name)
	}
	oids, err := extendedKeyUsages(loose.TBS.Extensions)
	if err != nil {
		return err
	}
	c.usages = usagesOf(oids)
	return c.readAuthority(loose.TBS.Extensions)
}

// readAuthority reads basic constraints and the subject key identifier (RFC 5280, sections 4.2.1.9 and 4.2.1.2).
func (c *certificate) readAuthority(extensions []pkix.Extension) error {
	for _, e := range extensions {
		switch {
		case e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 19}):
			var constraints struct {
				CA   bool `asn1:"optional"`
				Path int  `asn1:"optional,default:-1"`
			}
			if rest, err := asn1.Unmarshal(e.Value, &constraints); err != nil || len(rest) != 0 {
				return errors.New("basic constraints that cannot be read")
			}
			c.authority = constraints.CA
		case e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 14}):
			if rest, err := asn1.Unmarshal(e.Value, &c.ski); err != nil || len(rest) != 0 {
				return errors.New("a subject key identifier that cannot be read")
			}
		}
	}
	return nil
}

// extendedKeyUsages reads the extension (RFC 5280, section 4.2.1.12). One that cannot be read is an error: without it a
// key for tests alone would sign everything.
func extendedKeyUsages(extensions []pkix.Extension) ([]asn1.ObjectIdentifier, error) {
	var oids []asn1.ObjectIdentifier
	found := false
	for _, e := range extensions {
		if !e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 37}) {
			continue
		}
		if rest, err := asn1.Unmarshal(e.Value, &oids); err != nil || len(rest) != 0 || found {
			return nil, errors.New("extended key usages that cannot be read, or twice")
		}
		found = true
	}
	return oids, nil
}
