package bundle

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
)

func pemOf(t testing.TB, kind string, der []byte, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func TestRootsFileIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	s := newSigners(t, 3)
	want := rootsOf(2, s...)
	want.Keys[0].Name, want.Keys[2].Demo = "Ministère, coffre nº 1", true
	text, err := want.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	var got Roots
	if err := got.UnmarshalText(text); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if got.Threshold != 2 || len(got.Keys) != 3 || !got.Demo() {
		t.Fatalf("got %d of %d", got.Threshold, len(got.Keys))
	}
	for i := range got.Keys {
		g, w := got.Keys[i], want.Keys[i]
		if g.ID() != w.ID() || g.Name != w.Name || g.Demo != w.Demo {
			t.Errorf("root %d: %v %q %t, want %v %q %t", i, g.ID(), g.Name, g.Demo, w.ID(), w.Name, w.Demo)
		}
	}
}

func TestRootsFileIsStrict(t *testing.T) {
	t.Parallel()
	s := newSigners(t, 3)
	roots := rootsOf(2, s...)
	good, err := roots.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	edited := func(old, with string) string {
		text := strings.Replace(string(good), old, with, 1)
		if text == string(good) {
			t.Fatalf("%q is not in the file:\n%s", old, good)
		}
		return text
	}
	check := roots.sum()
	id := roots.Keys[0].ID().String()
	tests := []struct {
		name, text, says string
	}{
		{"an unknown key", edited("threshold =", "treshold ="), "line 2: unknown key \"treshold\""},
		{"a lowered threshold", edited("threshold = 2", "threshold = 1"), "check"},
		{"a demo mark", edited("[[root]]", "[[root]]\ndemo = true"), "check"},
		{"another check", edited(check, strings.Repeat("0", 32)), "check"},
		{"another id", edited(id, "0000000000000000"), "0000000000000000"},
		{"threshold 0", edited("threshold = 2", "threshold = 0"), "a threshold of 0 among 3"},
		{"threshold 4", edited("threshold = 2", "threshold = 4"), "a threshold of 4 among 3"},
		{"a root twice", string(good) + "\n" + string(good[strings.Index(string(good), "[[root]]"):]), "twice"},
		{"a threshold in words", edited("threshold = 2", `threshold = "two"`), "line 2"},
		{"no roots", "threshold = 1\n", "a threshold of 1 among 0"},
		{"nothing", "", "a threshold of 0 among 0"},
		{"too long", string(good) + strings.Repeat("#", MaxManifest), "at most"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Roots{Threshold: 9}
			if err := r.UnmarshalText([]byte(tt.text)); !errors.Is(err, ErrRoots) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %v that says %q", err, ErrRoots, tt.says)
			}
			if r.Threshold != 9 {
				t.Error("changed beside an error")
			}
		})
	}
	var r Roots
	if err := r.UnmarshalText([]byte(strings.Replace(edited("threshold = 2", "threshold = 1"), "check =", "#", 1))); err != nil || r.Threshold != 1 {
		t.Errorf("an edited file without check: %v", err)
	}
}

func TestOnlyP256AndEd25519AreRoots(t *testing.T) {
	t.Parallel()
	p256, err256 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, err384 := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, ed, errEd := ed25519.GenerateKey(rand.Reader)
	rsaKey, errRSA := rsa.GenerateKey(rand.Reader, 2048)
	if err := errors.Join(err256, err384, errEd, errRSA); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		key  crypto.Signer
		want error
	}{{"P-256", p256, nil}, {"Ed25519", ed, nil}, {"P-384", p384, ErrRoots}, {"RSA", rsaKey, ErrRoots}} {
		t.Run(tt.name, func(t *testing.T) {
			pub, err := x509.MarshalPKIXPublicKey(tt.key.Public())
			root, err := ParseRoot(pemOf(t, "PUBLIC KEY", pub, err))
			if !errors.Is(err, tt.want) {
				t.Errorf("ParseRoot = %v, want %v", err, tt.want)
			}
			if err != nil && root.Key.Valid() {
				t.Error("a root beside an error")
			}
			private, err := x509.MarshalPKCS8PrivateKey(tt.key)
			signer, err := ParseSigner(pemOf(t, "PRIVATE KEY", private, err))
			if !errors.Is(err, tt.want) {
				t.Fatalf("ParseSigner = %v, want %v", err, tt.want)
			}
			if tt.want == nil {
				if r := signer.Root(); r.ID() != root.ID() {
					t.Errorf("signer %v, root %v", r.ID(), root.ID())
				}
			}
			if _, err := ParseRoot(pemOf(t, "PRIVATE KEY", private, nil)); !errors.Is(err, ErrRoots) {
				t.Errorf("a private key as a root: %v", err)
			}
			if _, err := ParseSigner(pemOf(t, "PUBLIC KEY", pub, nil)); !errors.Is(err, ErrRoots) {
				t.Errorf("a public key as a signer: %v", err)
			}
		})
	}
	for _, text := range []string{"", "no", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"} {
		if _, err := ParseRoot([]byte(text)); !errors.Is(err, ErrRoots) {
			t.Errorf("ParseRoot(%q) = %v", text, err)
		}
		if _, err := ParseSigner([]byte(text)); !errors.Is(err, ErrRoots) {
			t.Errorf("ParseSigner(%q) = %v", text, err)
		}
	}
}
