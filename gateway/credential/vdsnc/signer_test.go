package vdsnc_test

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"passerelle/gateway/credential/vdsnc"
	"passerelle/gateway/sig"
)

func rsaKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestASignersCertificateIsReadWhole(t *testing.T) {
	t.Parallel()
	authority, key := ecdsaKey(t, elliptic.P256()), ecdsaKey(t, elliptic.P384())
	der := certificate(t, authority, key.Public(), func(c, _ *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Date(1999, 2, 28, 23, 59, 58, 0, time.UTC), time.Date(2051, 1, 2, 3, 4, 5, 0, time.UTC)
	})
	want, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	got := parseSigner(t, der)
	if got.Country != "UT" || string(got.SKI) != "signer" || string(got.AKI) != "authority" || !got.Usage || got.Alg != sig.ES256 {
		t.Errorf("%+v", got)
	}
	if !bytes.Equal(got.Serial, []byte{0, 0x80}) || got.NotBefore != want.NotBefore.Unix() || got.NotAfter != want.NotAfter.Unix() {
		t.Errorf("serial %x, from %d until %d", got.Serial, got.NotBefore, got.NotAfter)
	}
	if !bytes.Equal(got.TBS, want.RawTBSCertificate) || !bytes.Equal(got.Signature, want.Signature) || got.Public.Fingerprint() != public(t, key).Fingerprint() {
		t.Error("what was signed, the signature or the key differ")
	}
}

// TestWhoMaySignWhat: the key usage, and the list of document types where there is one.
func TestWhoMaySignWhat(t *testing.T) {
	t.Parallel()
	authority := ecdsaKey(t, elliptic.P256())
	key := ecdsaKey(t, elliptic.P256()).Public()
	for _, tt := range []struct {
		name              string
		edit              func(c, parent *x509.Certificate)
		vaccination, test bool
	}{
		{"no list", nil, true, true},
		{"vaccinations", func(c, _ *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{documentTypes(t, "NV")} }, true, false},
		{"tests", func(c, _ *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{documentTypes(t, "NT")} }, false, true},
		{"both and another", func(c, _ *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{documentTypes(t, "NT", "NV", "P")}
		}, true, true},
		{"an empty list", func(c, _ *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{documentTypes(t)} }, false, false},
		{"no usage", func(c, _ *x509.Certificate) { c.UnknownExtKeyUsage = nil }, false, false},
		{"another usage", func(c, _ *x509.Certificate) {
			c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{2, 23, 136, 1, 1, 14, 1}}
		}, false, false},
		{"any usage", func(c, _ *x509.Certificate) {
			c.UnknownExtKeyUsage, c.ExtKeyUsage = nil, []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
		}, false, false},
		{"another usage besides", func(c, _ *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, true, true},
	} {
		s := parseSigner(t, certificate(t, authority, key, tt.edit))
		if v, r := s.MaySign(vdsnc.Vaccination), s.MaySign(vdsnc.Test); v != tt.vaccination || r != tt.test || s.MaySign(vdsnc.NoType) {
			t.Errorf("%s: vaccinations %v, tests %v; want %v, %v", tt.name, v, r, tt.vaccination, tt.test)
		}
	}
}

func TestCertificatesThatAreNoSignersAreRefused(t *testing.T) {
	t.Parallel()
	authority := ecdsaKey(t, elliptic.P256())
	key := ecdsaKey(t, elliptic.P256()).Public()
	oversize := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), sig.MaxRSABits+8), E: 65537}
	oversize.N.Add(oversize.N, big.NewInt(1))
	for _, tt := range []struct {
		name string
		key  crypto.PublicKey
		edit func(c, parent *x509.Certificate)
	}{
		{"no country", key, func(c, _ *x509.Certificate) { c.Subject.Country = nil }},
		{"two countries", key, func(c, _ *x509.Certificate) { c.Subject.Country = []string{"UT", "UT"} }},
		{"a country of three letters", key, func(c, p *x509.Certificate) { c.Subject.Country, p.Subject.Country = []string{"UTO"}, []string{"UTO"} }},
		{"a country of digits", key, func(c, p *x509.Certificate) { c.Subject.Country, p.Subject.Country = []string{"U1"}, []string{"U1"} }},
		{"no country of the authority", key, func(_, p *x509.Certificate) { p.Subject.Country = nil }},
		{"another country than the authority's", key, func(_, p *x509.Certificate) { p.Subject.Country = []string{"AU"} }},
		{"an authority", key, func(c, _ *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }},
		{"a key for other things", key, func(c, _ *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign }},
		{"an unknown critical extension", key, func(c, _ *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
		}},
		{"a list of types that is none", key, func(c, _ *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: oidTypes, Value: []byte{5, 0}}}
		}},
		{"a key on another curve", ecdsaKey(t, elliptic.P224()).Public(), nil},
		{"an RSA key that is too large", oversize, nil},
	} {
		if _, err := vdsnc.ParseSigner(certificate(t, authority, tt.key, tt.edit)); !errors.Is(err, vdsnc.ErrSigner) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestWhatTheProfileForbidsButIsHarmlessPasses(t *testing.T) {
	t.Parallel()
	authority := ecdsaKey(t, elliptic.P256())
	key := ecdsaKey(t, elliptic.P256()).Public()
	for name, edit := range map[string]func(c, parent *x509.Certificate){
		"small letters":              func(c, p *x509.Certificate) { c.Subject.Country, p.Subject.Country = []string{"ut"}, []string{"uT"} },
		"constraints of no CA":       func(c, _ *x509.Certificate) { c.BasicConstraintsValid = true },
		"the key usage of a signer":  func(c, _ *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature },
		"an unknown extension":       func(c, _ *x509.Certificate) { c.CRLDistributionPoints = []string{"http://a.example/crl"} },
		"no key identifier":          func(c, _ *x509.Certificate) { c.SubjectKeyId = nil },
		"the longest serial of Go's": func(c, _ *x509.Certificate) { c.SerialNumber = new(big.Int).Lsh(big.NewInt(1), 158) },
	} {
		if s := parseSigner(t, certificate(t, authority, key, edit)); s.Country != "UT" || !s.IssuedBy(public(t, authority)) {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// TestChangedCertificatesAreRefused changes the DER itself; the signature no longer fits, which is not what refuses them.
func TestChangedCertificatesAreRefused(t *testing.T) {
	t.Parallel()
	authority := ecdsaKey(t, elliptic.P256())
	good := certificate(t, authority, ecdsaKey(t, elliptic.P256()).Public(), nil)
	parseSigner(t, good)
	replace := func(old, with string) []byte {
		if !strings.Contains(string(good), old) {
			t.Fatalf("%q is not in the certificate", old)
		}
		return []byte(strings.Replace(string(good), old, with, 1))
	}
	for name, der := range map[string][]byte{
		"nothing":                          nil,
		"a byte behind":                    append(bytes.Clone(good), 0),
		"cut":                              good[:len(good)-1],
		"version 2":                        replace("\xa0\x03\x02\x01\x02", "\xa0\x03\x02\x01\x01"),
		"version 1 with extensions":        replace("\xa0\x03\x02\x01\x02", "\xa0\x03\x02\x01\x00"),
		"another algorithm inside":         replace("\x2a\x86\x48\xce\x3d\x04\x03\x02", "\x2a\x86\x48\xce\x3d\x04\x03\x03"),
		"SHA-1":                            bytes.ReplaceAll(good, []byte("\x2a\x86\x48\xce\x3d\x04\x03\x02"), []byte("\x2a\x86\x48\xce\x3d\x04\x01\x00")),
		"a length that is not minimal":     replace("\x30\x59\x30\x13", "\x30\x81\x59\x30"),
		"a month 13":                       replace("200913122640Z", "201313122640Z"),
		"an hour of one digit":             replace("200913122640Z", "20091312264.5"),
		"a sign in a time":                 replace("200913122640Z", "2009131226+0Z"),
		"no zone":                          replace("200913122640Z", "2009131226400"),
		"no serial number":                 replace("\x02\x02\x00\x80", "\x02\x00\x00\x80"),
		"an extension that stands twice":   replace("\x55\x1d\x0e", "\x55\x1d\x23"),
		"an unknown curve":                 replace("\x2a\x86\x48\xce\x3d\x03\x01\x07", "\x2a\x86\x48\xce\x3d\x03\x01\x06"),
		"a signature with bits left over":  replace("\x03\x42\x00\x04", "\x03\x42\x01\x04"),
		"an indefinite length":             append([]byte{0x30, 0x80}, good[4:]...),
		"a long form of the tag's number":  append([]byte{0x3f}, good[1:]...),
		"one byte more than a certificate": make([]byte, vdsnc.MaxCertificate+1),
	} {
		if _, err := vdsnc.ParseSigner(der); !errors.Is(err, vdsnc.ErrSigner) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLimitsOfACertificate: with a name as long as it takes.
func TestLimitsOfACertificate(t *testing.T) {
	t.Parallel()
	authority := rsaKey(t) // whose signatures are all of one length
	key := ecdsaKey(t, elliptic.P256()).Public()
	sized := func(n int) []byte {
		return certificate(t, authority, key, func(c, _ *x509.Certificate) { c.Subject.CommonName = strings.Repeat("a", n) })
	}
	pad := vdsnc.MaxCertificate - len(sized(1000)) + 1000
	if der := sized(pad); len(der) != vdsnc.MaxCertificate || parseSigner(t, der) == nil {
		t.Errorf("%d bytes", len(der))
	}
	if der := sized(pad + 1); len(der) != vdsnc.MaxCertificate+1 {
		t.Errorf("%d bytes", len(der))
	} else if _, err := vdsnc.ParseSigner(der); err != vdsnc.ErrSigner {
		t.Errorf("one byte more: %v", err)
	}
}

// TestWhoseSignatureItIs: every way in which authorities sign, with their key, with another, and over a changed certificate.
func TestWhoseSignatureItIs(t *testing.T) {
	t.Parallel()
	key := ecdsaKey(t, elliptic.P256()).Public()
	rsaAuthority := rsaKey(t)
	for _, tt := range []struct {
		name      string
		authority crypto.Signer
		alg       x509.SignatureAlgorithm
		want      sig.Algorithm
		job       bool // a sig.Job can check it
	}{
		{"P-256, SHA-256", ecdsaKey(t, elliptic.P256()), x509.ECDSAWithSHA256, sig.ES256, true},
		{"P-384, SHA-256", ecdsaKey(t, elliptic.P384()), x509.ECDSAWithSHA256, sig.ES256, true},
		{"P-384, SHA-384", ecdsaKey(t, elliptic.P384()), x509.ECDSAWithSHA384, sig.ES384, true},
		{"P-521, SHA-512", ecdsaKey(t, elliptic.P521()), x509.ECDSAWithSHA512, sig.ES512, true},
		{"P-256, SHA-512", ecdsaKey(t, elliptic.P256()), x509.ECDSAWithSHA512, sig.ES512, false},
		{"P-521, SHA-256", ecdsaKey(t, elliptic.P521()), x509.ECDSAWithSHA256, sig.ES256, false},
		{"RSA, PKCS #1, SHA-256", rsaAuthority, x509.SHA256WithRSA, 0, false},
		{"RSA, PKCS #1, SHA-384", rsaAuthority, x509.SHA384WithRSA, 0, false},
		{"RSA, PKCS #1, SHA-512", rsaAuthority, x509.SHA512WithRSA, 0, false},
		{"RSA, PSS, SHA-256", rsaAuthority, x509.SHA256WithRSAPSS, sig.PS256, true},
		{"RSA, PSS, SHA-384", rsaAuthority, x509.SHA384WithRSAPSS, 0, false},
		{"RSA, PSS, SHA-512", rsaAuthority, x509.SHA512WithRSAPSS, 0, false},
	} {
		s := parseSigner(t, certificate(t, tt.authority, key, func(c, _ *x509.Certificate) { c.SignatureAlgorithm = tt.alg }))
		own, verifier := public(t, tt.authority), sig.Verifier{}
		if s.Alg != tt.want || !s.IssuedBy(own) {
			t.Errorf("%s: alg %v, issued = %v", tt.name, s.Alg, s.IssuedBy(own))
		}
		raw, err := s.AuthoritySignature([]byte("kept"), own)
		ok := err == nil && verifier.Confirm(&sig.Job{Key: own, Alg: s.Alg, Message: s.TBS, Signature: raw[4:]})
		if ok != tt.job || string(raw[:4]) != "kept" {
			t.Errorf("%s: a Job gives %v (%v), want %v", tt.name, ok, err, tt.job)
		}
		for _, other := range []crypto.Signer{ecdsaKey(t, elliptic.P256()), ecdsaKey(t, elliptic.P384()), rsaKey(t)} {
			if s.IssuedBy(public(t, other)) {
				t.Errorf("%s: issued by another %T", tt.name, other)
			}
		}
		if s.IssuedBy(new(sig.Key)) {
			t.Errorf("%s: issued by the zero Key", tt.name)
		}
		s.TBS = append(bytes.Clone(s.TBS[:len(s.TBS)-1]), s.TBS[len(s.TBS)-1]^1)
		if s.IssuedBy(own) {
			t.Errorf("%s: a changed certificate is genuine", tt.name)
		}
	}
}

// TestRSAPSSWithOtherParameters: some authorities use the default salt of 20 bytes; the hash of the mask must be that of the message.
func TestRSAPSSWithOtherParameters(t *testing.T) {
	t.Parallel()
	authority := rsaKey(t)
	der := certificate(t, authority, ecdsaKey(t, elliptic.P256()).Public(), func(c, _ *x509.Certificate) { c.SignatureAlgorithm = x509.SHA256WithRSAPSS })
	if parseSigner(t, der).Alg != sig.PS256 {
		t.Fatal("no PS256 to begin with")
	}
	salt32, salt20 := []byte("\xa2\x03\x02\x01\x20"), []byte("\xa2\x03\x02\x01\x14")
	if bytes.Count(der, salt32) != 2 {
		t.Fatal("the salt's length must stand twice")
	}
	s := parseSigner(t, bytes.ReplaceAll(der, salt32, salt20))
	digest := sha256.Sum256(s.TBS)
	var err error
	if s.Signature, err = rsa.SignPSS(rand.Reader, authority, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 20}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AuthoritySignature(nil, public(t, authority)); !s.IssuedBy(public(t, authority)) || err != vdsnc.ErrAuthority || s.Alg != 0 {
		t.Errorf("a salt of 20 bytes: alg %v, %v", s.Alg, err)
	}
	sha256OID, sha384OID := []byte("\x60\x86\x48\x01\x65\x03\x04\x02\x01"), []byte("\x60\x86\x48\x01\x65\x03\x04\x02\x02")
	mixed := bytes.Clone(der)
	for range 2 { // the mask's, in both places
		i := bytes.Index(mixed, []byte("\xa1\x1c"))
		if i < 0 {
			t.Fatal("no mask generation function")
		}
		mixed[i] = 0xff // found
		j := i + bytes.Index(mixed[i:], sha256OID)
		copy(mixed[j:], sha384OID)
	}
	mixed = bytes.ReplaceAll(mixed, []byte("\xff\x1c"), []byte("\xa1\x1c"))
	if _, err := vdsnc.ParseSigner(mixed); err != vdsnc.ErrSigner {
		t.Errorf("two hashes: %v", err)
	}
}

// TestSignaturesThatAreNotStrictDERAreRefused: of every ECDSA signature there is one spelling.
func TestSignaturesThatAreNotStrictDERAreRefused(t *testing.T) {
	t.Parallel()
	authority := ecdsaKey(t, elliptic.P256())
	s := parseSigner(t, certificate(t, authority, ecdsaKey(t, elliptic.P256()).Public(), nil))
	own := public(t, authority)
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(s.Signature, &pair); err != nil {
		t.Fatal(err)
	}
	element := func(tag byte, contents []byte) []byte { return append([]byte{tag, byte(len(contents))}, contents...) }
	integer := func(n *big.Int) []byte {
		b, err := asn1.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	r, v := integer(pair.R), integer(pair.S)
	join := func(parts ...[]byte) []byte { return element(0x30, bytes.Join(parts, nil)) }
	for name, signature := range map[string][]byte{
		"nothing":                nil,
		"r and s without DER":    append(pair.R.FillBytes(make([]byte, 32)), pair.S.FillBytes(make([]byte, 32))...),
		"a byte behind":          append(join(r, v), 0),
		"a number behind":        join(r, v, integer(big.NewInt(1))),
		"one number":             join(r),
		"a negative number":      join(integer(new(big.Int).Neg(pair.R)), v),
		"zero":                   join(integer(new(big.Int)), v),
		"an empty number":        join([]byte{2, 0}, v),
		"a zero byte too much":   join(element(2, append([]byte{0, 0}, pair.R.Bytes()...)), v),
		"a number of 33 bytes":   join(integer(new(big.Int).Lsh(big.NewInt(1), 256)), v),
		"r and s are no numbers": join(element(4, r[2:]), element(4, v[2:])),
		"a set":                  element(0x31, append(bytes.Clone(r), v...)),
		"cut":                    s.Signature[:len(s.Signature)-1],
	} {
		changed := *s
		changed.Signature = signature
		if raw, err := changed.AuthoritySignature([]byte("kept"), own); err != vdsnc.ErrAuthority || string(raw) != "kept" || changed.IssuedBy(own) {
			t.Errorf("%s: %v", name, err)
		}
	}
	short := *s
	short.Signature = join(integer(big.NewInt(1)), integer(big.NewInt(0x80)))
	want := make([]byte, 64)
	want[31], want[63] = 1, 0x80
	if raw, err := short.AuthoritySignature(nil, own); err != nil || !bytes.Equal(raw, want) {
		t.Errorf("small numbers: %x, %v", raw, err)
	}
	if !s.IssuedBy(own) {
		t.Error("the genuine one is refused")
	}
}
