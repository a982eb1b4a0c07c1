package bcbp_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/big"
	"strings"
	"testing"

	"passerelle/gateway/credential/bcbp"
)

// seal signs code by a new key of the curve as airlines do.
func seal(t testing.TB, curve elliptic.Curve, code string) (string, *ecdsa.PublicKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(code))
	der, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return code + "^1" + sized(base64.StdEncoding.EncodeToString(der)), &key.PublicKey
}

func TestASignedPassVerifies(t *testing.T) {
	t.Parallel()
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		size := (curve.Params().BitSize + 7) / 8
		for range 40 { // r and s of several lengths
			code, key := seal(t, curve, one(part()))
			p := parse(t, code)
			signature, err := p.Security.AppendSignature([]byte("x"), size)
			if err != nil || len(signature) != 1+2*size || signature[0] != 'x' {
				t.Fatalf("%s: %x, %v", curve.Params().Name, signature, err)
			}
			digest := sha256.Sum256(p.Signed)
			r, s := new(big.Int).SetBytes(signature[1:1+size]), new(big.Int).SetBytes(signature[1+size:])
			if !ecdsa.Verify(key, digest[:], r, s) {
				t.Fatalf("%s: %s does not verify", curve.Params().Name, p.Security.Data)
			}
		}
	}
}

func TestStatesOfTheSecurityItem(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bcbp.SecurityState{
		one(part()): bcbp.NoSecurity, one(part()) + "^100": bcbp.EmptySecurity, one("") + "^101X": bcbp.HasSecurity,
	} {
		p := parse(t, code)
		if got := p.Security.State; got != want || (p.Signed == nil) != (want == bcbp.NoSecurity) {
			t.Errorf("%q: %d, signed %q, want %d", code, got, p.Signed, want)
		}
	}
}

// der is a signature of P-256 whose numbers have the given contents.
func der(r, s string) string { return "0" + lengthy("\x02"+lengthy(r)+"\x02"+lengthy(s)) }

func lengthy(s string) string { return string(rune(len(s))) + s }

func TestSignaturesHaveOneSpelling(t *testing.T) {
	t.Parallel()
	full := "\x7f" + strings.Repeat("\x01", 31)
	high := "\x00\x80" + strings.Repeat("\x01", 31)
	base64Of := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, tt := range []struct {
		name, data string
		ok         bool
	}{
		{"both of full length", base64Of(der(full, full)), true},
		{"with the byte of the sign", base64Of(der(high, full)), true},
		{"short ones", base64Of(der("\x01", "\x02")), true},
		{"nothing", "", false},
		{"not base64", "GIWVC5EH7JNT684FVNJ91W2QA4DVN5J8K4F0L0GE!", false},
		{"base64 of something else", "GIWVC5EH7JNT684FVNJ91W2QA4DVN5J8K4F0L0GE", false},
		{"hexadecimal", "30060201010201" + "02", false},
		{"without padding", strings.TrimRight(base64Of(der("\x01", full[:31])), "="), false},
		{"base64 for URLs", strings.NewReplacer("/", "_", "+", "-").Replace(base64Of(der("\x7f\xff\xff", "\x7b\xef\xbe"))), false},
		{"bits behind the end", "MAYCAQECAQJ=", false},
		{"a blank in it", " " + base64Of(der(full, full)), false},
		{"a line feed in it", base64Of(der(full, full)) + "\n", false},
		{"r is zero", base64Of(der("\x00", "\x02")), false},
		{"s is zero", base64Of(der("\x02", "\x00")), false},
		{"r is empty", base64Of(der("", "\x02")), false},
		{"r is negative", base64Of(der("\x80", "\x02")), false},
		{"r has a zero byte too many", base64Of(der("\x00\x01", "\x02")), false},
		{"r is too long", base64Of(der("\x01"+full, "\x02")), false},
		{"s is too long", base64Of(der("\x02", "\x01"+full)), false},
		{"no s", base64Of("0" + lengthy("\x02\x01\x01")), false},
		{"three numbers", base64Of("0" + lengthy("\x02\x01\x01\x02\x01\x01\x02\x01\x01")), false},
		{"a byte behind", base64Of(der("\x01", "\x02") + "\x00"), false},
		{"no sequence", base64Of("1" + der("\x01", "\x02")[1:]), false},
		{"no numbers", base64Of("0" + lengthy("\x04\x01\x01\x02\x01\x01")), false},
		{"a length of its long form", base64Of("0\x81" + der("\x01", "\x02")[1:]), false},
		{"a length of no end", base64Of("0\x80\x02\x01\x01\x02\x01\x01\x00\x00"), false},
		{"a length without a byte", base64Of("0\x81"), false},
		{"a length past the end", base64Of("0\x07\x02\x01\x01\x02\x01\x01"), false},
	} {
		s := bcbp.Security{State: bcbp.HasSecurity, Type: '1', Data: []byte(tt.data)}
		got, err := s.AppendSignature([]byte("x"), 32)
		if (err == nil) != tt.ok || err != nil && (!errors.Is(err, bcbp.ErrSignature) || string(got) != "x") || err == nil && len(got) != 65 {
			t.Errorf("%s: %x, %v", tt.name, got, err)
		}
	}
	s := bcbp.Security{State: bcbp.HasSecurity, Data: []byte(base64Of(der("\x01", "\x02")))}
	want := append(append(make([]byte, 31), 1), append(make([]byte, 31), 2)...)
	if got, err := s.AppendSignature(nil, 32); err != nil || !bytes.Equal(got, want) {
		t.Errorf("small numbers: %x, %v, want %x", got, err, want)
	}
	for _, size := range []int{-1, 0, 67} {
		if got, err := s.AppendSignature(nil, size); err == nil {
			t.Errorf("size %d: %x", size, got)
		}
	}
	for _, state := range []bcbp.SecurityState{bcbp.NoSecurity, bcbp.EmptySecurity} {
		s.State = state
		if got, err := s.AppendSignature(nil, 32); err == nil {
			t.Errorf("state %d: %x", state, got)
		}
	}
}

func FuzzAppendSignature(f *testing.F) {
	f.Add([]byte(der("\x01", "\x02")))
	f.Add([]byte(der("\x00\x80"+strings.Repeat("\x01", 31), "\x7f"+strings.Repeat("\x02", 31))))
	f.Add([]byte("0\x81\x80\x02\x01\x01"))
	f.Fuzz(func(t *testing.T, der []byte) {
		s := bcbp.Security{State: bcbp.HasSecurity, Data: []byte(base64.StdEncoding.EncodeToString(der))}
		got, err := s.AppendSignature(nil, 32)
		if err != nil {
			if len(got) != 0 {
				t.Fatalf("%x beside %v", got, err)
			}
			return
		}
		// What is accepted has this spelling alone.
		number := func(b []byte) string {
			if b = bytes.TrimLeft(b, "\x00"); b[0] >= 0x80 {
				b = append([]byte{0}, b...)
			}
			return "\x02" + string([]byte{byte(len(b))}) + string(b)
		}
		body := number(got[:32]) + number(got[32:])
		if want := "0" + string([]byte{byte(len(body))}) + body; string(der) != want {
			t.Fatalf("%x is read like %x", der, want)
		}
	})
}
