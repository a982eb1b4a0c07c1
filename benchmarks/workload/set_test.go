package workload

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"math"
	"math/big"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/verify"
)

func newSet(t *testing.T, keys, n int) *Set {
	t.Helper()
	signers, err := NewKeys(keys)
	if err != nil {
		t.Fatal(err)
	}
	set, err := NewSet(corpus(t), signers, n)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestCodesAreDistinctAndTakeTheirKeysInTurn(t *testing.T) {
	t.Parallel()
	set := newSet(t, 3, 1000)
	texts, signed := make(map[string]bool), make(map[string]bool)
	for i, c := range set.Codes {
		texts[string(c.Text)], signed[string(c.Signed)] = true, true
		if c.Key != set.Codes[i%3].Key {
			t.Fatalf("code %d is of another key than code %d", i, i%3)
		}
		if string(set.Scans[i].Data) != string(c.Text) {
			t.Fatalf("scan %d is another code", i)
		}
	}
	if len(texts) != 1000 || len(signed) != 1000 || set.List.Len() != 3 {
		t.Errorf("%d texts, %d messages, %d keys", len(texts), len(signed), set.List.Len())
	}
}

func TestSignedAgainKeepsTheZlibBlockAndTheClaims(t *testing.T) {
	t.Parallel()
	templates := corpus(t)
	keys, err := NewKeys(1)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range templates {
		code, err := x.sign(keys[0], issuedAt, expiresAt)
		if err != nil {
			t.Fatal(err)
		}
		again, err := takeApart(original{Payload: string(code.Text), Source: x.source})
		if err != nil {
			t.Errorf("%s: %v", x.source, err)
			continue
		}
		if again.kind != x.kind || again.header != x.header {
			t.Errorf("%s: %v %x, was %v %x", x.source, again.kind, again.header, x.kind, x.header)
		}
		if got, want := claims(t, again.claims), claims(t, withTimes(x.claims, x.times, issuedAt, expiresAt)); got != want {
			t.Errorf("%s: claims\n%s, want\n%s", x.source, got, want)
		}
	}
}

func claims(t *testing.T, b []byte) string {
	t.Helper()
	s, err := cbor.Diagnose(b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestJobsVerify(t *testing.T) {
	t.Parallel()
	set := newSet(t, 2, 100)
	for i, j := range set.Jobs() {
		digest := sha256.Sum256(j.Message)
		r, s := new(big.Int).SetBytes(j.Signature[:32]), new(big.Int).SetBytes(j.Signature[32:])
		if j.Alg != sig.ES256 || !ecdsa.Verify(j.Key.Public().(*ecdsa.PublicKey), digest[:], r, s) {
			t.Errorf("job %d does not verify", i)
		}
	}
}

func TestEachFaultIsRefusedForItsReason(t *testing.T) {
	t.Parallel()
	set := newSet(t, 2, 300)
	profile := policy.Health()
	v := verify.New(&profile, nil)
	for _, f := range Faults() {
		refused, err := set.Refused(f)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range v.Verify(nil, refused.Scans, refused.List, refused.Now) {
			if c.Outcome() != policy.Deny || c.Reason() != f.Reason() {
				t.Errorf("fault %d, %s: %v %v, want deny %v", f, refused.Codes[i].Source, c.Outcome(), c.Reason(), f.Reason())
			}
		}
	}
	for i, c := range v.Verify(nil, set.Scans, set.List, set.Now) {
		if c.Outcome() != policy.Admit {
			t.Errorf("%s is spoilt: %v", set.Codes[i].Source, c.Reason())
		}
	}
}

func TestTimesKeepTheirWidth(t *testing.T) {
	t.Parallel()
	encode := func(issued, expires any) []byte {
		b, err := cbor.Marshal(map[int]any{1: "MA", 4: expires, 6: issued, -260: map[int]any{1: map[string]any{}}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, tt := range []struct {
		name string
		was  []byte
	}{
		{"integers", encode(uint32(1600000000), uint32(1700000000))},
		{"long integers", encode(uint64(math.MaxUint32+1), uint64(math.MaxUint32+2))},
		{"doubles", encode(1600000000.25, 1700000000.5)},
	} {
		times, err := findTimes(tt.was)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got := withTimes(tt.was, times, 5_000_000, 6_000_000)
		if len(got) != len(tt.was) {
			t.Errorf("%s: %x, as wide as %x wanted", tt.name, got, tt.was)
		}
		var all map[any]any
		if err := cbor.Unmarshal(got, &all); err != nil {
			t.Fatal(err)
		}
		if issued, expires := number(all[uint64(6)]), number(all[uint64(4)]); issued != 5_000_000 || expires != 6_000_000 || all[uint64(1)] != "MA" {
			t.Errorf("%s: issued %v, expires %v in %v", tt.name, issued, expires, all)
		}
	}
}

func number(v any) float64 {
	switch v := v.(type) {
	case uint64:
		return float64(v)
	case float64:
		return v
	}
	return math.NaN()
}

func TestOddClaimsAreRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		claims []byte
	}{
		{"empty", nil},
		{"no map", []byte{0x80}},
		{"cut off", []byte{0xa1, 0x04}},
		{"a time in two bytes", []byte{0xa1, 0x04, 0x19, 0x12, 0x34}},
	} {
		if _, err := findTimes(tt.claims); err == nil {
			t.Errorf("%s: taken", tt.name)
		}
	}
}

func TestRealCertificatesAreReadWithTheirList(t *testing.T) {
	t.Parallel()
	r, err := ReadReal(folder(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Scans) < 100 || len(r.Scans) != len(r.Sources) || r.List.Len() < 100 {
		t.Fatalf("%d scans, %d sources, %d keys", len(r.Scans), len(r.Sources), r.List.Len())
	}
	first, second := r.Sources[0], r.Sources[2]
	r.Keep(func(i int) bool { return i == 0 || i == 2 })
	if len(r.Scans) != 2 || r.Sources[0] != first || r.Sources[1] != second {
		t.Errorf("kept %v, want %s and %s", r.Sources, first, second)
	}
}
