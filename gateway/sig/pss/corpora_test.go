package pss_test

import (
	"bufio"
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"passerelle/gateway/encoding/base45"
	"passerelle/gateway/encoding/cose"
	"passerelle/gateway/encoding/inflate"
	"passerelle/gateway/sig/pss"
)

// corpus returns a file of the public test data: below $CORPORA, or else below ../shared/corpora beside the repository.
func corpus(t *testing.T, name string) []byte {
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
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("public test data is missing: %v", err)
		}
		t.Skipf("public test data is missing (%v): set CORPORA to the folder that holds it", err)
	}
	return b
}

func TestWycheproofVectorsAgree(t *testing.T) {
	t.Parallel()
	var file struct {
		TestGroups []struct {
			PublicKeyDer string
			Tests        []struct {
				TcID                      int
				Comment, Msg, Sig, Result string
			}
		}
	}
	if err := json.Unmarshal(corpus(t, "wycheproof/rsa_pss_2048_sha256_mgf1_32_test.json"), &file); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	var v pss.Verifier
	for _, g := range file.TestGroups {
		pub, err := x509.ParsePKIXPublicKey(unhex(t, g.PublicKeyDer))
		if err != nil {
			t.Fatal(err)
		}
		k := newKey(t, pub.(*rsa.PublicKey))
		for _, c := range g.Tests {
			digest := sha256.Sum256(unhex(t, c.Msg))
			if got, want := v.Verify(k, &digest, unhex(t, c.Sig)), c.Result == "valid"; got != want {
				t.Errorf("case %d (%s): verified = %v, want %v", c.TcID, c.Comment, got, want)
			}
			count[c.Result]++
		}
	}
	if count["valid"] < 50 || count["invalid"] < 40 {
		t.Errorf("only these cases were read: %v", count)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestHealthCertificatesSignedWithRSA verifies the real codes that an RSA key may have signed: that of the certificate beside
// the code, and those that a real trust list has under the code's key identifier.
func TestHealthCertificatesSignedWithRSA(t *testing.T) {
	t.Parallel()
	listed := listedKeys(t)
	lines := bufio.NewScanner(bytes.NewReader(corpus(t, "hcert/payloads.jsonl")))
	lines.Buffer(nil, 1<<20)
	accepted := map[int]int{} // by the bits of the modulus
	var v pss.Verifier
	for lines.Scan() {
		var row struct {
			Source, Payload string
			Certificate     []byte
		}
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		m := opened(row.Payload)
		if m == nil {
			continue
		}
		digest := sha256.Sum256(m.ToBeSigned())
		candidates := listed[string(m.KeyID)]
		if pub := keyOf(row.Certificate); pub != nil {
			candidates = append(candidates[:len(candidates):len(candidates)], pub)
		}
		for _, pub := range candidates {
			k := newKey(t, pub)
			want := standard(pub, &digest, m.Signature, rsa.PSSSaltLengthEqualsHash)
			if got := v.Verify(k, &digest, m.Signature); got != want {
				t.Errorf("%s: verified = %v, crypto/rsa says %v", row.Source, got, want)
			}
			other := digest
			other[0] ^= 1
			if v.Verify(k, &other, m.Signature) {
				t.Errorf("%s: another digest verified", row.Source)
			}
			if want {
				accepted[pub.N.BitLen()]++
			}
		}
	}
	if accepted[2048] < 10 {
		t.Errorf("only these were verified, by the bits of the key: %v", accepted)
	}
	t.Logf("verified, by the bits of the key: %v", accepted)
}

// listedKeys returns the RSA keys of a trust list by their key identifiers.
func listedKeys(t *testing.T) map[string][]*rsa.PublicKey {
	t.Helper()
	_, list, _ := bytes.Cut(corpus(t, "trust/de-acceptance/dsc-list.json"), []byte("\n")) // after its signature
	var file struct {
		Certificates []struct{ Kid, RawData []byte }
	}
	if err := json.Unmarshal(list, &file); err != nil {
		t.Fatal(err)
	}
	keys := map[string][]*rsa.PublicKey{}
	for _, c := range file.Certificates {
		if pub := keyOf(c.RawData); pub != nil {
			keys[string(c.Kid)] = append(keys[string(c.Kid)], pub)
		}
	}
	if len(keys) == 0 {
		t.Fatal("no RSA keys on the list")
	}
	return keys
}

// keyOf returns the RSA key of a certificate that crypto/x509 reads, or nil.
func keyOf(der []byte) *rsa.PublicKey {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	pub, _ := cert.PublicKey.(*rsa.PublicKey)
	return pub
}

// opened returns the message in a health certificate, nil if it has none.
func opened(payload string) *cose.Message {
	text, ok := strings.CutPrefix(payload, "HC1:")
	compressed, err := base45.AppendDecode(nil, []byte(text))
	if !ok || err != nil {
		return nil
	}
	var d inflate.Decoder
	b, err := d.AppendZlib(make([]byte, cose.Headroom), compressed, 16<<10)
	m := new(cose.Message)
	if err != nil || m.Parse(b, cose.Headroom) != nil {
		return nil
	}
	return m
}
