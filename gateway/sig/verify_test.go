package sig_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"passerelle/gateway/sig"
)

// corpus returns a file of the public test data.
func corpus(t *testing.T, name string) []byte {
	t.Helper()
	root := os.Getenv("CORPORA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "corpora")
	}
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the public test data is needed here: %v", err)
		}
		t.Skipf("set CORPORA to the folder of public test data: %v", err)
	}
	return b
}

// wycheproof is the part of C2SP/wycheproof's format that we read.
type wycheproof struct {
	TestGroups []struct {
		PublicKeyDer string `json:"publicKeyDer"`
		Tests        []struct {
			TcID    int      `json:"tcId"`
			Comment string   `json:"comment"`
			Msg     string   `json:"msg"`
			Sig     string   `json:"sig"`
			Result  string   `json:"result"`
			Flags   []string `json:"flags"`
		} `json:"tests"`
	} `json:"testGroups"`
}

func TestWycheproofVectorsAgree(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file string
		alg  sig.Algorithm
		min  int
	}{
		{"ecdsa_secp256r1_sha256_p1363_test.json", sig.ES256, 200},
		{"ecdsa_secp384r1_sha384_p1363_test.json", sig.ES384, 200},
		{"rsa_pss_2048_sha256_mgf1_32_test.json", sig.PS256, 50},
		{"ed25519_test.json", sig.EdDSA, 100},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			var w wycheproof
			if err := json.Unmarshal(corpus(t, filepath.Join("wycheproof", tt.file)), &w); err != nil {
				t.Fatal(err)
			}
			n := 0
			var v sig.Verifier
			for _, g := range w.TestGroups {
				key, err := sig.ParseSPKI(unhex(t, g.PublicKeyDer))
				if err != nil {
					t.Fatalf("key of a group: %v", err)
				}
				for _, c := range g.Tests {
					jobs := []sig.Job{{Key: &key, Alg: tt.alg, Message: unhex(t, c.Msg), Signature: unhex(t, c.Sig)}}
					v.Verify(jobs)
					if want := c.Result == "valid"; jobs[0].OK != want {
						t.Errorf("case %d (%s): verified = %v, want %v", c.TcID, c.Comment, jobs[0].OK, want)
					}
					n++
				}
			}
			if n < tt.min {
				t.Errorf("only %d cases were read", n)
			}
		})
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

// signed is one genuine signature.
type signed struct {
	name string
	job  sig.Job
}

// genuine returns a signature of each pair of algorithm and key that is accepted.
func genuine(t *testing.T) []signed {
	t.Helper()
	message := []byte("shown at a gate")
	var all []signed
	for _, c := range []struct {
		name  string
		alg   sig.Algorithm
		curve elliptic.Curve
		sum   []byte
	}{
		{"ES256 on P-256", sig.ES256, elliptic.P256(), sum256(message)},
		{"ES256 on P-384", sig.ES256, elliptic.P384(), sum256(message)},
		{"ES384 on P-384", sig.ES384, elliptic.P384(), sum384(message)},
		{"ES512 on P-521", sig.ES512, elliptic.P521(), sum512(message)},
	} {
		priv, err := ecdsa.GenerateKey(c.curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		r, s, err := ecdsa.Sign(rand.Reader, priv, c.sum)
		if err != nil {
			t.Fatal(err)
		}
		size := (c.curve.Params().BitSize + 7) / 8
		raw := append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
		all = append(all, signed{c.name, sig.Job{Key: newKey(t, &priv.PublicKey), Alg: c.alg, Message: message, Signature: raw}})
	}
	for _, bits := range []int{1024, 2048} {
		priv, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := rsa.SignPSS(rand.Reader, priv, crypto.SHA256, sum256(message), &rsa.PSSOptions{SaltLength: 32})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, signed{"PS256", sig.Job{Key: newKey(t, &priv.PublicKey), Alg: sig.PS256, Message: message, Signature: raw}})
	}
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	all = append(all, signed{"EdDSA", sig.Job{Key: newKey(t, pub), Alg: sig.EdDSA, Message: message, Signature: ed25519.Sign(priv, message)}})
	return all
}

func newKey(t *testing.T, pub crypto.PublicKey) *sig.Key {
	t.Helper()
	k, err := sig.New(pub)
	if err != nil {
		t.Fatal(err)
	}
	return &k
}

func sum256(b []byte) []byte { s := sha256.Sum256(b); return s[:] }
func sum384(b []byte) []byte { s := sha512.Sum384(b); return s[:] }
func sum512(b []byte) []byte { s := sha512.Sum512(b); return s[:] }

func TestGenuineSignaturesVerifyAndChangedOnesDoNot(t *testing.T) {
	t.Parallel()
	var v sig.Verifier
	for _, s := range genuine(t) {
		changed, short, long, other := s.job, s.job, s.job, s.job
		changed.Signature = append([]byte(nil), s.job.Signature...)
		changed.Signature[5] ^= 1
		short.Signature = s.job.Signature[:len(s.job.Signature)-1]
		long.Signature = append(append([]byte(nil), s.job.Signature...), 0)
		other.Message = []byte("shown at another gate")
		jobs := []sig.Job{changed, s.job, short, long, other, {}}
		v.Verify(jobs)
		for i, want := range []bool{false, true, false, false, false, false} {
			if jobs[i].OK != want {
				t.Errorf("%s, job %d: verified = %v, want %v", s.name, i, jobs[i].OK, want)
			}
			if got := v.Confirm(&jobs[i]); got != want {
				t.Errorf("%s, job %d: confirmed = %v, want %v", s.name, i, got, want)
			}
		}
	}
}

func TestAnAlgorithmThatTheKeyDoesNotAllowNeverVerifies(t *testing.T) {
	t.Parallel()
	var v sig.Verifier
	for _, s := range genuine(t) {
		for _, alg := range []sig.Algorithm{0, -1, sig.ES256, sig.ES384, sig.ES512, sig.PS256, sig.EdDSA} {
			job := s.job
			job.Alg = alg
			if got := v.Confirm(&job); got != (alg == s.job.Alg) {
				t.Errorf("%s verified as %v: %v", s.name, alg, got)
			}
		}
	}
}

func TestKeysThatAreNotAcceptedAreRefused(t *testing.T) {
	t.Parallel()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	small.N.Rsh(small.N, 8)
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, pub := range map[string]crypto.PublicKey{
		"Ed25519 of 3 bytes":         ed25519.PublicKey{1, 2, 3},
		"Ed25519, the neutral point": ed25519.PublicKey(append([]byte{1}, make([]byte, 31)...)),
		"Ed25519, y = 0, of order 4": ed25519.PublicKey(make([]byte, 32)),
		"Ed25519, y = -1, order 2":   ed25519.PublicKey(unhex(t, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")),
		"Ed25519 of order 8":         ed25519.PublicKey(unhex(t, "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")),
		"Ed25519 of order 8, other":  ed25519.PublicKey(unhex(t, "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")),
		"Ed25519, no point":          ed25519.PublicKey(append([]byte{2}, make([]byte, 31)...)),
		"Ed25519, y not reduced":     ed25519.PublicKey(unhex(t, "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")),

		"RSA under 1024 bits": &small.PublicKey, "P-224": &p224.PublicKey, "no key": nil, "a string": "key",
	} {
		if k, err := sig.New(pub); !errors.Is(err, sig.ErrKey) || k.Valid() {
			t.Errorf("%s: New = %v, %v; want ErrKey", name, k.Valid(), err)
		}
	}
	if _, err := sig.ParseSPKI([]byte("not DER")); !errors.Is(err, sig.ErrKey) {
		t.Errorf("garbage: %v, want ErrKey", err)
	}
}

func TestAKeyIsTheSameAfterItsSPKI(t *testing.T) {
	t.Parallel()
	for _, s := range genuine(t) {
		again, err := sig.ParseSPKI(s.job.Key.SPKI())
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if again.Fingerprint() != s.job.Key.Fingerprint() || again.String() != s.job.Key.String() {
			t.Errorf("%s: %v came back as %v", s.name, s.job.Key, &again)
		}
		if again.Weak() != (again.String() == "RSA-1024") {
			t.Errorf("%s: weak = %v", &again, again.Weak())
		}
	}
}

func BenchmarkConfirmES256(b *testing.B) {
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	message := []byte("shown at a gate")
	r, s, err := ecdsa.Sign(rand.Reader, priv, sum256(message))
	if err != nil {
		b.Fatal(err)
	}
	k, err := sig.New(&priv.PublicKey)
	if err != nil {
		b.Fatal(err)
	}
	job := sig.Job{Key: &k, Alg: sig.ES256, Message: message, Signature: append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)}
	var v sig.Verifier
	b.ReportAllocs()
	for b.Loop() {
		if !v.Confirm(&job) {
			b.Fatal("a genuine signature was refused")
		}
	}
}
