package cwt_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"

	"passerelle/gateway/credential/cwt"
)

func TestNoTwoCredentialsHaveOneIdentity(t *testing.T) {
	t.Parallel()
	got := cwt.AppendIdentity([]byte("x"), []byte("venue"), []byte{1, 2})
	if want := []byte("x\x05venue\x02\x01\x02"); !bytes.Equal(got, want) {
		t.Errorf("identity %q, want %q", got, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string, limit int) []byte {
			return rapid.SliceOfN(rapid.ByteRange(0, 3), 0, limit).Draw(t, label)
		}
		issuer, id := draw("issuer", cwt.MaxIssuer), draw("id", cwt.MaxID)
		both := append(bytes.Clone(issuer), id...)
		cut := rapid.IntRange(0, len(both)).Draw(t, "cut")
		a, b := cwt.AppendIdentity(nil, issuer, id), cwt.AppendIdentity(nil, both[:cut], both[cut:])
		if bytes.Equal(a, b) != (cut == len(issuer)) {
			t.Fatalf("%x and %x | %x and %x: %x, %x", issuer, id, both[:cut], both[cut:], a, b)
		}
		if len(a) > 3+cwt.MaxIssuer+cwt.MaxID {
			t.Fatalf("identity of %d bytes", len(a))
		}
	})
}

// The three machine-readable zones of one person, as ICAO 9303 has them, and the bare name.
func TestEveryTravelDocumentGivesTheSameHolder(t *testing.T) {
	t.Parallel()
	const name = "VAN<DER<BERGHE<<ANNA<MARIA<JOSEFINA<CHARLOTTE"
	salt := []byte("salt")
	want := cwt.HolderHash(salt, name, "860314")
	for _, chars := range []int{30, 31, 36, 39} {
		if got := cwt.HolderHash(salt, name[:chars], "860314"); got != want {
			t.Errorf("name of %d characters: %x, want %x", chars, got, want)
		}
	}
	short := cwt.HolderHash(salt, "ALAOUI<<FATIMA", "860314")
	for _, filled := range []string{"ALAOUI<<FATIMA<<<<<<<<<<<<<<<<", "ALAOUI<<FATIMA<<<<<<<<<<<<<<<<<<<<<<<<<"} {
		if got := cwt.HolderHash(salt, filled, "860314"); got != short {
			t.Errorf("%s: %x, want %x", filled, got, short)
		}
	}
	// A name whose 30th character is a filler must not keep it.
	if a, b := cwt.HolderHash(salt, "ABCDEFGHIJKLMNOPQRSTUVWXYZ<<A<B", "860314"), cwt.HolderHash(salt, "ABCDEFGHIJKLMNOPQRSTUVWXYZ<<A", "860314"); a != b {
		t.Errorf("%x, want %x", a, b)
	}
}

func TestTheHolderHashIsAsDocumented(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte("\x04salt\x0eALAOUI<<FATIMA\x06860314"))
	if got := cwt.HolderHash([]byte("salt"), "ALAOUI<<FATIMA", "860314"); hex.EncodeToString(got[:]) != hex.EncodeToString(sum[:16]) {
		t.Errorf("holder %x, want %x", got, sum[:16])
	}
	seen := make(map[[cwt.HolderBytes]byte]string)
	for _, of := range []struct{ salt, name, birth string }{
		{"salt", "ALAOUI<<FATIMA", "860314"},
		{"sal", "TALAOUI<<FATIMA", "860314"},
		{"salt", "ALAOUI<<FATIMA8", "60314"},
		{"", "ALAOUI<<FATIMA", "860314"},
		{"salt", "ALAOUI<<FATIMAH", "860314"},
		{"salt", "ALAOUI<<FATIMA", "860315"},
		{"salt", "", ""},
	} {
		h := cwt.HolderHash([]byte(of.salt), of.name, of.birth)
		if other, ok := seen[h]; ok {
			t.Errorf("%+v has the hash of %s", of, other)
		}
		seen[h] = of.salt + " " + of.name
	}
}
