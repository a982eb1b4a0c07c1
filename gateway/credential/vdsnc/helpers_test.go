package vdsnc_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"passerelle/gateway/credential/vdsnc"
	"passerelle/gateway/encoding/jcs"
	"passerelle/gateway/sig"
)

type m = map[string]any

// vaccination returns the members of a seal's data and signature.
func vaccination() (data, signature m) {
	data = m{
		"hdr": m{"t": "icao.vacc", "v": 1, "is": "UTO"},
		"msg": m{
			"uvci": "U32870",
			"pid":  m{"n": "SMITH  BILL", "dob": "1990-01-02", "sex": "M", "i": "A1234567Z", "ai": "L4567890Z"},
			"ve": []any{m{"des": "XM68M6", "nam": "Comirnaty", "dis": "RA01.0", "vd": []any{
				m{"dvc": "2021-03-03", "seq": 1, "ctr": "AUS", "adm": "RIVM", "lot": "VC35679"},
				m{"dvc": "2021-03-24", "seq": "2", "ctr": "UTO", "adm": "RIVM", "lot": "VC35680"},
			}}, m{"des": "XM0GQ8", "nam": "Other", "dis": "RA01.0", "vd": []any{m{"dvc": "2022-01-01", "seq": 3, "ctr": "UTO"}}}},
		},
	}
	return data, m{"alg": "ES256", "cer": base64.RawURLEncoding.EncodeToString([]byte("certificate")), "sigvl": base64.URLEncoding.EncodeToString(make([]byte, 64))}
}

// test returns those of a proof of a test.
func test() (data, signature m) {
	_, signature = vaccination()
	return m{
		"hdr": m{"t": "icao.test", "v": 1, "is": "D"},
		"msg": m{
			"utci": "U01932",
			"pid":  m{"n": "COOK  GERALD", "dob": "1990-01-29", "dt": "P", "dn": "E1234567P"},
			"sp":   m{"spn": "General Hospital", "ctr": "AUS", "cd": m{"p": "+0006", "e": "a@b.example", "a": "12 Utopia Street"}},
			"dat":  m{"sc": "2020-12-12T12:00:00+08:00", "ri": "2021-02-11T14:00:00+08:00"},
			"tr":   m{"tc": "molecular(PCR)", "r": "negative", "m": "nasopharyngeal"},
			"opt":  "ID12345",
		},
	}, signature
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// text returns a seal of what fields returns, changed by edit.
func text(t testing.TB, fields func() (data, signature m), edit func(data, signature m)) []byte {
	t.Helper()
	data, signature := fields()
	if edit != nil {
		edit(data, signature)
	}
	return encode(t, m{"data": data, "sig": signature})
}

func ecdsaKey(t testing.TB, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func public(t testing.TB, key crypto.Signer) *sig.Key {
	t.Helper()
	k, err := sig.New(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return &k
}

// Extensions of certificates.
var (
	oidUsage = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 14, 2}
	oidTypes = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 6, 2}
)

// documentTypes writes the extension as the authorities do.
func documentTypes(t testing.TB, types ...string) pkix.Extension {
	t.Helper()
	list := struct {
		Version int
		Types   []asn1.RawValue `asn1:"set"`
	}{}
	for _, name := range types {
		list.Types = append(list.Types, asn1.RawValue{Tag: asn1.TagPrintableString, Bytes: []byte(name)})
	}
	b, err := asn1.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return pkix.Extension{Id: oidTypes, Value: b}
}

// certificate has an authority sign a certificate for a seals' key, changed by edit. The authority's name is UT's.
func certificate(t testing.TB, authority crypto.Signer, key crypto.PublicKey, edit func(c, parent *x509.Certificate)) []byte {
	t.Helper()
	name := pkix.Name{Country: []string{"UT"}, CommonName: "Country Signing CA"}
	parent := &x509.Certificate{Subject: name, SubjectKeyId: []byte("authority")}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(0x80), Subject: pkix.Name{Country: []string{"UT"}, CommonName: "01"},
		NotBefore: time.Unix(1_600_000_000, 0), NotAfter: time.Unix(1_900_000_000, 0),
		UnknownExtKeyUsage: []asn1.ObjectIdentifier{oidUsage}, SubjectKeyId: []byte("signer"),
	}
	if edit != nil {
		edit(c, parent)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key, authority)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// signed returns a seal by a key, with that certificate.
func signed(t testing.TB, key *ecdsa.PrivateKey, alg string, hash crypto.Hash, der []byte) []byte {
	t.Helper()
	data, signature := vaccination()
	canonical, err := jcs.Append(nil, encode(t, data))
	if err != nil {
		t.Fatal(err)
	}
	h := hash.New()
	h.Write(canonical)
	r, s, err := ecdsa.Sign(rand.Reader, key, h.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	half := (key.Params().BitSize + 7) / 8
	raw := append(r.FillBytes(make([]byte, half)), s.FillBytes(make([]byte, half))...)
	signature["alg"], signature["cer"], signature["sigvl"] = alg, base64.RawURLEncoding.EncodeToString(der), base64.RawURLEncoding.EncodeToString(raw)
	return encode(t, m{"data": data, "sig": signature})
}

// genuine reports whether the document's signature is by the key of its certificate.
func genuine(s *vdsnc.Seal, signer *vdsnc.Signer) bool {
	var v sig.Verifier
	return v.Confirm(&sig.Job{Key: &signer.Public, Alg: s.Alg, Message: s.Signed, Signature: s.Signature})
}

func parse(t testing.TB, b []byte) *vdsnc.Seal {
	t.Helper()
	s := new(vdsnc.Seal)
	if _, err := s.Parse(nil, b); err != nil {
		t.Fatal(err)
	}
	return s
}

func parseSigner(t testing.TB, der []byte) *vdsnc.Signer {
	t.Helper()
	s, err := vdsnc.ParseSigner(der)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// corpora returns the path of public test data: below $CORPORA, or else below ../shared/corpora beside the repository.
func corpora(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("CORPORA")
	if dir == "" {
		root, err := filepath.Abs(".")
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
			if root == filepath.Dir(root) {
				t.Fatal("no go.mod above the package")
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared", "corpora")
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("public test data is missing: %v", err)
		}
		t.Skipf("public test data is missing (%v): set CORPORA to the folder that holds it", err)
	}
	return path
}
