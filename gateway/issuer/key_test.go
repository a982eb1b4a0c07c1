package issuer_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/testkeys"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

func scope() issuer.Scope {
	return issuer.Scope{
		Country: "MA", Name: "Laboratoire", Usages: trust.HCERTTest,
		NotBefore: unix("2026-01-01T00:00:00Z"), NotAfter: unix("2027-12-31T23:59:59Z"),
	}
}

func TestGeneratedKeysCertifyThemselvesAndSign(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]sig.Algorithm{
		"P-256": sig.ES256, "P-384": sig.ES384, "P-521": sig.ES512, "RSA-2048": sig.PS256, "Ed25519": sig.EdDSA,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			private, err := issuer.Generate(name)
			if err != nil {
				t.Fatal(err)
			}
			k, err := issuer.New(private, 0, scope())
			if err != nil {
				t.Fatal(err)
			}
			if k.Algorithm() != want {
				t.Errorf("algorithm = %v, want %v", k.Algorithm(), want)
			}
			entry := k.Entry()
			if entry.Public.String() != name {
				t.Errorf("key is %v", &entry.Public)
			}
			if testkeys.Is(entry.Public.Fingerprint()) {
				t.Error("a fresh key passes for a test key")
			}
			file, err := k.MarshalPEM()
			if err != nil {
				t.Fatal(err)
			}
			again, err := issuer.ParsePEM(file, 0)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(scope(), again.Scope()); diff != "" || again.ID() != k.ID() {
				t.Errorf("read back as %v, -want +got:\n%s", again.ID(), diff)
			}
			for _, key := range []*issuer.Key{k, again} {
				code, err := issuer.HC1(key, laboratoryTest())
				if err != nil {
					t.Fatal(err)
				}
				decode(t, code, k)
			}
		})
	}
}

func TestCertificateCarriesKeyIDAndUsages(t *testing.T) {
	t.Parallel()
	k := testKey(t, testkeys.Laboratory)
	der := k.Certificate()
	sum := sha256.Sum256(der)
	if id := k.ID(); !bytes.Equal(id[:], sum[:8]) {
		t.Errorf("kid = %v, want %x", id, sum[:8])
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature); err != nil {
		t.Errorf("self-signature: %v", err)
	}
	if len(c.UnknownExtKeyUsage) != 1 || c.UnknownExtKeyUsage[0].String() != "1.3.6.1.4.1.1847.2021.1.1" {
		t.Errorf("usages = %v, want the one for tests", c.UnknownExtKeyUsage)
	}
	if c.Subject.Country[0] != "MA" || c.SerialNumber.Sign() <= 0 || c.KeyUsage != x509.KeyUsageDigitalSignature {
		t.Errorf("subject %v, serial %v, key usage %v", c.Subject, c.SerialNumber, c.KeyUsage)
	}
}

func TestScopesThatCouldNotWorkAreRefused(t *testing.T) {
	t.Parallel()
	private, err := issuer.Generate("Ed25519")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*issuer.Scope){
		"no country":         func(s *issuer.Scope) { s.Country = "" },
		"three letters":      func(s *issuer.Scope) { s.Country = "MAR" },
		"small letters":      func(s *issuer.Scope) { s.Country = "ma" },
		"no name":            func(s *issuer.Scope) { s.Name = "" },
		"name of 65 bytes":   func(s *issuer.Scope) { s.Name = strings.Repeat("x", 65) },
		"no usage":           func(s *issuer.Scope) { s.Usages = 0 },
		"ends before begins": func(s *issuer.Scope) { s.NotAfter = s.NotBefore - 1 },
	} {
		s := scope()
		change(&s)
		if k, err := issuer.New(private, 0, s); !errors.Is(err, issuer.ErrScope) || k != nil {
			t.Errorf("%s: New = %v, %v; want a refusal", name, k, err)
		}
	}
	s := scope()
	s.Name = strings.Repeat("x", 64)
	if _, err := issuer.New(private, 0, s); err != nil {
		t.Errorf("name of 64 bytes: %v", err)
	}
}

func TestAlgorithmMustFitTheKey(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		key string
		alg sig.Algorithm
		ok  bool
	}{
		"P-384 with ES256": {"P-384", sig.ES256, true},
		"P-256 with ES384": {"P-256", sig.ES384, false},
		"P-256 with PS256": {"P-256", sig.PS256, false},
		"Ed25519, ES256":   {"Ed25519", sig.ES256, false},
	} {
		private, err := issuer.Generate(tt.key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := issuer.New(private, tt.alg, scope()); (err == nil) != tt.ok {
			t.Errorf("%s: error = %v", name, err)
		}
	}
	if private, err := issuer.Generate("RSA-1024"); err == nil || private != nil {
		t.Error("a weak key was generated")
	}
}

func TestUnusableKeyFilesAreRefused(t *testing.T) {
	t.Parallel()
	file := func(name string) []byte {
		b, err := testKey(t, name).MarshalPEM()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	ministry, laboratory := file(testkeys.Ministry), file(testkeys.Laboratory)
	privateOf := func(b []byte) []byte { block, _ := pem.Decode(b); return pem.EncodeToMemory(block) }
	certificateOf := func(b []byte) []byte { return bytes.TrimPrefix(b, privateOf(b)) }
	for name, b := range map[string][]byte{
		"empty":                  nil,
		"text":                   []byte("hello"),
		"no certificate":         privateOf(ministry),
		"no private key":         certificateOf(ministry),
		"two private keys":       append(bytes.Clone(ministry), privateOf(laboratory)...),
		"two certificates":       append(bytes.Clone(ministry), certificateOf(laboratory)...),
		"another's certificate":  append(privateOf(ministry), certificateOf(laboratory)...),
		"damaged private key":    append([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), certificateOf(ministry)...),
		"damaged certificate":    append(privateOf(ministry), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"...),
		"a block that is no key": append(bytes.Clone(ministry), "-----BEGIN EC PARAMETERS-----\nAAAA\n-----END EC PARAMETERS-----\n"...),
		"weak":                   file(testkeys.RSA1024),
	} {
		if k, err := issuer.ParsePEM(b, 0); !errors.Is(err, issuer.ErrPEM) || k != nil {
			t.Errorf("%s: ParsePEM = %v, %v; want a refusal", name, k, err)
		}
	}
	turned := append(certificateOf(ministry), privateOf(ministry)...)
	if _, err := issuer.ParsePEM(turned, 0); err != nil {
		t.Errorf("certificate first: %v", err)
	}
}

// Some countries' signers have their usages in another arc; an authority's certificate counts, not only a self-signed one.
func TestAuthoritysCertificateWithTheOtherArcIsRead(t *testing.T) {
	t.Parallel()
	private, err := issuer.Generate("P-256")
	if err != nil {
		t.Fatal(err)
	}
	authority, err := issuer.Generate("P-384")
	if err != nil {
		t.Fatal(err)
	}
	certify := func(usages ...asn1.ObjectIdentifier) []byte {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(7), Subject: pkix.Name{Country: []string{"MA"}, CommonName: "Laboratoire"},
			NotBefore: time.Unix(scope().NotBefore, 0), NotAfter: time.Unix(scope().NotAfter, 0), UnknownExtKeyUsage: usages,
		}
		parent := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{Country: []string{"MA"}, CommonName: "CSCA"}}
		der, err := x509.CreateCertificate(nil, template, parent, private.Public(), authority)
		if err != nil {
			t.Fatal(err)
		}
		pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		file := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
		return append(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})...)
	}
	k, err := issuer.ParsePEM(certify(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 0, 1847, 2021, 1, 1}), 0)
	if err != nil {
		t.Fatal(err)
	}
	if k.Scope() != scope() {
		t.Errorf("scope = %+v, want %+v", k.Scope(), scope())
	}
	if _, err := issuer.ParsePEM(certify(), 0); !errors.Is(err, issuer.ErrScope) {
		t.Errorf("certificate without usages: error = %v, want a refusal", err)
	}
}

func TestTestKeysAreKnown(t *testing.T) {
	t.Parallel()
	seen := make(map[[32]byte]string)
	for _, name := range testkeys.Names() {
		entry := testKey(t, name).Entry()
		fingerprint := entry.Public.Fingerprint()
		if !testkeys.Is(fingerprint) {
			t.Errorf("%s is not in the table: run make testdata", name)
		}
		if other, ok := seen[fingerprint]; ok {
			t.Errorf("%s and %s are one key", name, other)
		}
		seen[fingerprint] = name
	}
	if testkeys.Is([32]byte{}) {
		t.Error("the fingerprint of no key passes for a test key's")
	}
	if _, err := testkeys.Get("nobody"); err == nil {
		t.Error("Get(nobody) gave a key")
	}
}

// The derivation must never change: the files in testdata and on people's boxes are made with it.
func TestTestKeysStayTheSame(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		testkeys.Ministry: "95114fcee81420cd",
		testkeys.Ed25519:  "eac2376d5ba76738",
		testkeys.RSA1024:  "95ebe1130ad93865",
	} {
		entry := testKey(t, name).Entry()
		fingerprint := entry.Public.Fingerprint()
		if got := hex.EncodeToString(fingerprint[:8]); got != want {
			t.Errorf("%s: fingerprint %s, want %s", name, got, want)
		}
	}
}
