package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// The secret and the message of the Standard Webhooks reference libraries; the signature is what they give for them.
const (
	referenceSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	referenceID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	referenceTimestamp = "1614265330"
	referenceBody      = `{"test": 2432232314}`
	referenceSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func mustSecret(t testing.TB, text string) Secret {
	t.Helper()
	s, err := ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSignatureIsThatOfTheReferenceLibraries(t *testing.T) {
	t.Parallel()
	s := mustSecret(t, referenceSecret)
	if got := sign([]Secret{s}, referenceID, referenceTimestamp, []byte(referenceBody)); got != referenceSignature {
		t.Errorf("sign = %s, want %s", got, referenceSignature)
	}
}

func TestEverySecretOfARotationSigns(t *testing.T) {
	t.Parallel()
	former := mustSecret(t, referenceSecret)
	next, err := NewSecret(bytes.NewReader(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	header := sign([]Secret{next, former}, referenceID, referenceTimestamp, []byte(referenceBody))
	if !strings.HasSuffix(header, " "+referenceSignature) {
		t.Errorf("header %q does not end with the former secret's signature", header)
	}
	signatures, err := parseSignatures(nil, []byte(header))
	if err != nil || len(signatures) != 2 {
		t.Fatalf("parseSignatures = %d signatures, %v; want 2", len(signatures), err)
	}
	for name, known := range map[string][]Secret{"former": {former}, "next": {next}, "both": {former, next}} {
		if !signedBy(known, signatures, referenceID, referenceTimestamp, []byte(referenceBody)) {
			t.Errorf("a receiver that knows %s does not accept", name)
		}
	}
	stranger, _ := NewSecret(bytes.NewReader(bytes.Repeat([]byte{8}, 32)))
	if signedBy([]Secret{stranger}, signatures, referenceID, referenceTimestamp, []byte(referenceBody)) {
		t.Error("a receiver with another secret accepts")
	}
	if signedBy(nil, signatures, referenceID, referenceTimestamp, []byte(referenceBody)) {
		t.Error("a receiver without a secret accepts")
	}
}

func TestSecretFormIsChecked(t *testing.T) {
	t.Parallel()
	of := func(n int) string { return secretPrefix + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for _, c := range []struct {
		name, text string
		ok         bool
	}{
		{"shortest", of(minSecret), true},
		{"one byte less", of(minSecret - 1), false},
		{"longest", of(maxSecret), true},
		{"one byte more", of(maxSecret + 1), false},
		{"far too long", of(1 << 16), false},
		{"empty", "", false},
		{"prefix alone", secretPrefix, false},
		{"no prefix", strings.TrimPrefix(referenceSecret, secretPrefix), false},
		{"another kind", "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", false},
		{"not base64", secretPrefix + strings.Repeat("*", 40), false},
		{"no padding", strings.TrimRight(of(32), "="), false},
	} {
		s, err := ParseSecret(c.text)
		if (err == nil) != c.ok {
			t.Errorf("%s: error %v, want ok %v", c.name, err, c.ok)
		}
		if err == nil && s.Reveal() != c.text {
			t.Errorf("%s: Reveal = %q, want %q", c.name, s.Reveal(), c.text)
		}
		if err != nil && len(c.text) > 20 && strings.Contains(err.Error(), c.text[6:]) {
			t.Errorf("%s: the error quotes the secret: %v", c.name, err)
		}
	}
}

func TestSecretDoesNotPrintItself(t *testing.T) {
	t.Parallel()
	s := mustSecret(t, referenceSecret)
	encoded, err := json.Marshal(map[string]any{"a": s, "b": []Secret{s}})
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{
		fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s, s), string(encoded),
		fmt.Sprintf("%v", ForwarderOptions{Secrets: []Secret{s}}),
	} {
		if strings.Contains(shown, "MfKQ") || strings.Contains(shown, "49 242 144") || strings.Contains(shown, "0x31") {
			t.Errorf("the secret shows in %s", shown)
		}
	}
}

func TestSignatureHeaderIsParsedStrictly(t *testing.T) {
	t.Parallel()
	one := referenceSignature
	for _, c := range []struct {
		name, header string
		want         int // signatures; -1: an error
	}{
		{"one", one, 1},
		{"two", one + " " + one, 2},
		{"another scheme besides", "v1a,AAAA " + one, 1},
		{"most", strings.TrimSpace(strings.Repeat(one+" ", maxSignatures)), maxSignatures},
		{"one more than most", strings.TrimSpace(strings.Repeat(one+" ", maxSignatures+1)), -1},
		{"empty", "", -1},
		{"only another scheme", "v1a,AAAA", -1},
		{"no comma", "v1", -1},
		{"no scheme", one[2:], -1},
		{"space before", " " + one, -1},
		{"space behind", one + " ", -1},
		{"two spaces", one + "  " + one, -1},
		{"tab between", one + "\t" + one, -1},
		{"cut off", one[:len(one)-1], -1},
		{"too long", one + "A", -1},
		{"no padding", strings.TrimRight(one, "="), -1},
		{"URL alphabet", strings.ReplaceAll(one, "+", "-"), -1},
		{"trailing bits", one[:len(one)-2] + "F=", -1},
		{"line end within", one[:10] + "\n" + one[11:], -1},
		{"31 bytes", "v1," + base64.StdEncoding.EncodeToString(make([]byte, 31)), -1},
		{"33 bytes", "v1," + base64.StdEncoding.EncodeToString(make([]byte, 33)), -1},
		{"longest header", one + " x," + strings.Repeat("A", maxSignatureHeader-len(one)-3), 1},
		{"one byte longer", one + " x," + strings.Repeat("A", maxSignatureHeader-len(one)-2), -1},
	} {
		got, err := parseSignatures(nil, []byte(c.header))
		if (err != nil) != (c.want < 0) || err == nil && len(got) != c.want {
			t.Errorf("%s: %d signatures, %v; want %d", c.name, len(got), err, c.want)
		}
	}
}

func TestTimestampIsParsedStrictly(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"1614265330": true, "1": true, "99999999999": true,
		"": false, "0": false, "01": false, "-1": false, "+1": false, "1.5": false, "1e9": false, " 1": false, "1 ": false,
		"100000000000": false, "99999999999999999999": false, "0x10": false, "1_000": false,
	} {
		if _, err := parseTimestamp(text); (err == nil) != ok {
			t.Errorf("parseTimestamp(%q): %v, want ok %v", text, err, ok)
		}
	}
}

func TestToleranceIsFiveMinutesOnBothSides(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	for age, want := range map[time.Duration]bool{
		0: true, Tolerance: true, -Tolerance: true, Tolerance + time.Second: false, -Tolerance - time.Second: false,
		30 * 365 * 24 * time.Hour: false, -200 * 365 * 24 * time.Hour: false,
	} {
		if got := fresh(now.Add(-age), now); got != want {
			t.Errorf("fresh at an age of %v = %v, want %v", age, got, want)
		}
	}
}
