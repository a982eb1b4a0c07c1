package issuer_test

import (
	"strings"
	"testing"

	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/testkeys"
)

func FuzzTransliterateGivesMachineReadableLettersOrAnError(f *testing.F) {
	for _, seed := range []string{"", "d'Červenková Panklová", "Mu\u0308ller", "العلوي", "<<", "\xff", "ß-.'`", strings.Repeat("Å", 81)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got, err := issuer.Transliterate(name)
		if err != nil && got != "" {
			t.Fatalf("Transliterate(%q) = %q beside an error", name, got)
		}
		if strings.Trim(got, "ABCDEFGHIJKLMNOPQRSTUVWXYZ<") != "" {
			t.Fatalf("Transliterate(%q) = %q", name, got)
		}
		if strings.HasPrefix(got, "<") || strings.HasSuffix(got, "<") || strings.Contains(got, "<<") {
			t.Fatalf("Transliterate(%q) = %q: fillers are single and inside", name, got)
		}
		if again, err := issuer.Transliterate(got); again != got || err != nil {
			t.Fatalf("Transliterate(%q) = %q, %v: what is machine-readable stays as it is", got, again, err)
		}
	})
}

func FuzzParsePEMGivesAWorkingKeyOrAnError(f *testing.F) {
	for _, name := range []string{testkeys.Ministry, testkeys.Ed25519, testkeys.RSA1024} {
		file, err := testKey(f, name).MarshalPEM()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		k, err := issuer.ParsePEM(file, 0)
		if err != nil {
			if k != nil {
				t.Fatal("a key beside an error")
			}
			return
		}
		message, err := issuer.NewMessage(k, laboratoryTest()).Sign(k)
		if err != nil {
			t.Fatal(err)
		}
		verifyCOSE(t, message, k)
	})
}
