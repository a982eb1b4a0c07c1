package source

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"passerelle/gateway/sig"
)

var notBefore, notAfter = time.Unix(1_600_000_000, 0).UTC(), time.Unix(1_800_000_000, 0).UTC()

func newECDSA(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// newCertificate is a self-signed certificate with these extended key usages.
func newCertificate(t testing.TB, private crypto.Signer, usages ...asn1.ObjectIdentifier) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(0x7f01), NotBefore: notBefore, NotAfter: notAfter, UnknownExtKeyUsage: usages,
		Subject: pkix.Name{Country: []string{"MA"}, Organization: []string{"Ministère"}, CommonName: "DSC 1"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// reissue changes fields of a certificate; its signature is then no longer good, which nobody looks at.
func reissue(t testing.TB, der []byte, change func(*looseTBS)) []byte {
	t.Helper()
	var c looseCertificate
	if _, err := asn1.Unmarshal(der, &c); err != nil {
		t.Fatal(err)
	}
	change(&c.TBS)
	var tbs []byte
	for _, field := range []any{
		c.TBS.Version, c.TBS.Serial, c.TBS.Algorithm, c.TBS.Issuer, c.TBS.Validity, c.TBS.Subject, c.TBS.PublicKey,
	} {
		tbs = append(tbs, marshal(t, field)...)
	}
	if len(c.TBS.Extensions) > 0 {
		tbs = append(tbs, marshal(t, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 3, IsCompound: true, Bytes: marshal(t, c.TBS.Extensions)})...)
	}
	whole := marshal(t, asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: tbs})
	whole = append(whole, append(marshal(t, c.Algorithm), marshal(t, c.Signature)...)...)
	return marshal(t, asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: whole})
}

func withPublicKey(t testing.TB, der, spki []byte) []byte {
	t.Helper()
	return reissue(t, der, func(c *looseTBS) { c.PublicKey = asn1.RawValue{FullBytes: spki} })
}

func withNegativeSerial(t testing.TB, der []byte) []byte {
	t.Helper()
	return reissue(t, der, func(c *looseTBS) { c.Serial = asn1.RawValue{FullBytes: []byte{2, 2, 0xff, 0x01}} })
}

// explicitSPKI writes a public key with its curve's parameters written out, changed by change.
func explicitSPKI(t testing.TB, public *ecdsa.PublicKey, compressed bool, change func(*explicitParameters)) []byte {
	t.Helper()
	c := public.Params()
	size := (c.BitSize + 7) / 8
	p := explicitParameters{Version: 1, Order: c.N, Cofactor: big.NewInt(1)}
	p.Field.OID, p.Field.P = asn1.ObjectIdentifier{1, 2, 840, 10045, 1, 1}, c.P
	p.Curve.A = new(big.Int).Sub(c.P, big.NewInt(3)).Bytes()
	p.Curve.B = c.B.FillBytes(make([]byte, size))
	p.Base = append([]byte{4}, append(c.Gx.FillBytes(make([]byte, size)), c.Gy.FillBytes(make([]byte, size))...)...)
	if compressed {
		p.Base = append([]byte{2 + byte(c.Gy.Bit(0))}, c.Gx.FillBytes(make([]byte, size))...)
	}
	if change != nil {
		change(&p)
	}
	point, err := public.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	var info subjectPublicKeyInfo
	info.Algorithm.OID = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	info.Algorithm.Parameters = asn1.RawValue{FullBytes: marshal(t, p)}
	info.PublicKey = asn1.BitString{Bytes: point, BitLength: 8 * len(point)}
	return marshal(t, info)
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	der, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func spkiOf(t testing.TB, public crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// deEntry is one entry of a German list.
func deEntry(country string, der []byte) map[string]any {
	sum := sha256.Sum256(der)
	return map[string]any{
		"certificateType": "DSC", "country": country, "rawData": der, "kid": sum[:8],
		"signature": "", "thumbprint": "", "timestamp": "2022-07-20T10:15:27+02:00",
	}
}

func deBody(t testing.TB, entries ...any) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{"certificates": entries})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// signDE signs a German list.
func signDE(t testing.TB, body []byte) ([]byte, sig.Key) {
	t.Helper()
	private := newECDSA(t, elliptic.P256())
	sum := sha256.Sum256(body)
	r, s, err := ecdsa.Sign(rand.Reader, private, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	raw := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	key, err := sig.New(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte(base64.StdEncoding.EncodeToString(raw)+"\n"), body...), key
}
