package issuer

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// usageOIDs are the extended key usages of document signer certificates (HCERT specification, appendix A.4). Some countries
// have them in another arc, with a 0 in it; that is read, not written.
var usageOIDs = []struct {
	usage    trust.Usage
	oid, odd asn1.ObjectIdentifier
}{
	{trust.HCERTTest, asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 1847, 2021, 1, 1}, asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 0, 1847, 2021, 1, 1}},
	{trust.HCERTVaccination, asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 1847, 2021, 1, 2}, asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 0, 1847, 2021, 1, 2}},
	{trust.HCERTRecovery, asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 1847, 2021, 1, 3}, asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 0, 1847, 2021, 1, 3}},
}

// selfSign makes a document signer certificate. Nothing in it is random: the serial number is a hash of the key and the
// validity, so a key that is certified again for another time gets another one.
func selfSign(private crypto.Signer, s *Scope) ([]byte, error) {
	spki, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	serial := sha256.Sum256(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(spki, uint64(s.NotBefore)), uint64(s.NotAfter)))
	serial[0] &= 0x7f // 16 bytes, positive (RFC 5280, section 4.1.2.2)
	serial[0] |= 0x40
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:16]),
		Subject:      pkix.Name{Country: []string{s.Country}, CommonName: s.Name},
		NotBefore:    time.Unix(s.NotBefore, 0).UTC(),
		NotAfter:     time.Unix(s.NotAfter, 0).UTC(),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	for _, u := range usageOIDs {
		if s.Usages&u.usage != 0 {
			template.UnknownExtKeyUsage = append(template.UnknownExtKeyUsage, u.oid)
		}
	}
	der, err := x509.CreateCertificate(nil, template, template, private.Public(), private)
	if err != nil {
		return nil, fmt.Errorf("certify signing key: %w", err)
	}
	return der, nil
}

// scopeOf reads what selfSign writes, from a certificate by whomever.
func scopeOf(c *x509.Certificate) Scope {
	s := Scope{Name: c.Subject.CommonName, NotBefore: c.NotBefore.Unix(), NotAfter: c.NotAfter.Unix()}
	if len(c.Subject.Country) > 0 {
		s.Country = c.Subject.Country[0]
	}
	for _, oid := range c.UnknownExtKeyUsage {
		for _, u := range usageOIDs {
			if u.oid.Equal(oid) || u.odd.Equal(oid) {
				s.Usages |= u.usage
			}
		}
	}
	return s
}

// PEM block types (RFC 7468).
const (
	privateBlock     = "PRIVATE KEY"
	certificateBlock = "CERTIFICATE"
)

// ErrPEM is wrapped by every error that ParsePEM returns.
var ErrPEM = errors.New("signing key file")

// ParsePEM reads a private key (PKCS #8) and the document signer certificate of its public key from one file, in either order;
// text around the blocks is ignored. The certificate may be self-signed or a national authority's; its usages must be
// written out. An alg of 0 is the customary one. A key too weak to sign with is refused.
func ParsePEM(file []byte, alg sig.Algorithm) (*Key, error) {
	var private, certificate []byte
	for rest := file; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch {
		case block.Type == privateBlock && private == nil:
			private = block.Bytes
		case block.Type == certificateBlock && certificate == nil:
			certificate = block.Bytes
		default:
			return nil, fmt.Errorf("%w: a second or unknown block %q", ErrPEM, block.Type)
		}
	}
	if private == nil || certificate == nil {
		return nil, fmt.Errorf("%w: want one %s and one %s block", ErrPEM, privateBlock, certificateBlock)
	}
	return parse(private, certificate, alg)
}

func parse(private, certificate []byte, alg sig.Algorithm) (*Key, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPEM, err)
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%w: a %T cannot sign", ErrPEM, parsed)
	}
	cert, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPEM, err)
	}
	scope := scopeOf(cert)
	if err := scope.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPEM, err)
	}
	k, err := withCertificate(signer, alg, scope, certificate)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPEM, err)
	}
	if named, err := sig.New(cert.PublicKey); err != nil || named.Fingerprint() != k.public.Fingerprint() {
		return nil, fmt.Errorf("%w: the certificate is of another key", ErrPEM)
	}
	if k.public.Weak() {
		return nil, fmt.Errorf("%w: %v is too weak to sign with", ErrPEM, &k.public)
	}
	return k, nil
}

// MarshalPEM returns what ParsePEM reads. The private key in it is not encrypted.
func (k *Key) MarshalPEM() ([]byte, error) {
	private, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, fmt.Errorf("encode signing key: %w", err)
	}
	file := pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: private})
	return append(file, pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: k.certificate})...), nil
}
