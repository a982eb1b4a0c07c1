package statuslist

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
)

type m = map[any]any

// claims returns the CBOR of a token's claims, changed by edit; list is claim 65533.
func claims(t testing.TB, edit func(all, list m)) []byte {
	t.Helper()
	list := m{"bits": 1, "lst": unhex(t, "78dadbb918000217015d"), "aggregation_uri": "https://example.com/lists"}
	all := m{2: "https://example.com/statuslists/1", 4: 2000, 6: 1000, 65534: 43200, 65533: list}
	if edit != nil {
		edit(all, list)
	}
	b, err := cbor.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestATokenIsReadWhole(t *testing.T) {
	t.Parallel()
	got := Token{TTL: 1, Bits: 8}
	if err := got.Parse(claims(t, nil)); err != nil {
		t.Fatal(err)
	}
	want := Token{
		Subject: []byte("https://example.com/statuslists/1"), IssuedAt: 1000, Expires: 2000, TTL: 43200, Bits: 1,
		Compressed: unhex(t, "78dadbb918000217015d"), Aggregation: []byte("https://example.com/lists"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	list, err := got.List()
	if err != nil {
		t.Fatal(err)
	}
	if status, ok := list.At(15); status != Invalid || !ok {
		t.Errorf("status 15 is %d, %v, want 1", status, ok)
	}
}

// The rows say how claims are changed and what becomes of them.
func TestWhatATokenMayBeAndWhatNot(t *testing.T) {
	t.Parallel()
	// room is how many bytes lst may have beside the other claims.
	room := MaxToken - len(claims(t, func(_, list m) { list["lst"] = make([]byte, 300) })) + 300
	for _, tt := range []struct {
		name string
		edit func(all, list m)
		want error
	}{
		{"further claims", func(all, list m) { all[1], all["x"], list["y"] = "iss", nil, []any{} }, nil},
		{"no exp", func(all, _ m) { delete(all, 4) }, nil},
		{"no ttl", func(all, _ m) { delete(all, 65534) }, nil},
		{"no aggregation", func(_, list m) { delete(list, "aggregation_uri") }, nil},
		{"fractional times", func(all, _ m) { all[4], all[6] = 2000.5, 1000.5 }, nil},
		{"no sub", func(all, _ m) { delete(all, 2) }, errMissing},
		{"no iat", func(all, _ m) { delete(all, 6) }, errMissing},
		{"no list", func(all, _ m) { delete(all, 65533) }, errMissing},
		{"no bits", func(_, list m) { delete(list, "bits") }, errMissing},
		{"no lst", func(_, list m) { delete(list, "lst") }, errMissing},
		{"an empty lst", func(_, list m) { list["lst"] = []byte{} }, errMissing},
		{"three bits", func(_, list m) { list["bits"] = 3 }, ErrBits},
		{"no bits at all", func(_, list m) { list["bits"] = 0 }, ErrBits},
		{"2^32+1 bits", func(_, list m) { list["bits"] = int64(1)<<32 + 1 }, ErrBits},
		{"bits as text", func(_, list m) { list["bits"] = "1" }, ErrMalformed},
		{"lst as text", func(_, list m) { list["lst"] = "eNrbuRgAAhcBXQ" }, ErrMalformed},
		{"ttl 0", func(all, _ m) { all[65534] = 0 }, ErrMalformed},
		{"ttl below nothing", func(all, _ m) { all[65534] = -1 }, ErrMalformed},
		{"ttl as a float", func(all, _ m) { all[65534] = 1.5 }, ErrMalformed},
		{"exp that is NaN", func(all, _ m) { all[4] = math.NaN() }, ErrMalformed},
		{"an empty sub", func(all, _ m) { all[2] = "" }, ErrMalformed},
		{"sub at its limit", func(all, _ m) { all[2] = strings.Repeat("u", MaxURI) }, nil},
		{"sub over it", func(all, _ m) { all[2] = strings.Repeat("u", MaxURI+1) }, ErrTooLarge},
		{"a list of lists at its limit", func(_, list m) { list["aggregation_uri"] = strings.Repeat("u", MaxURI) }, nil},
		{"a list of lists over it", func(_, list m) { list["aggregation_uri"] = strings.Repeat("u", MaxURI+1) }, ErrTooLarge},
		{"a token at its limit", func(_, list m) { list["lst"] = make([]byte, room) }, nil},
		{"a token over it", func(_, list m) { list["lst"] = make([]byte, room+1) }, ErrTooLarge},
	} {
		var token Token
		err := token.Parse(claims(t, tt.edit))
		if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) || err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestATokenThatSaysSomethingTwiceIsRefused(t *testing.T) {
	t.Parallel()
	doubled := append(claims(t, nil), 0x19, 0xff, 0xfe, 0x01) // ttl
	doubled[0]++
	var token Token
	if err := token.Parse(doubled); !errors.Is(err, ErrMalformed) {
		t.Errorf("ttl twice: %v", err)
	}
}

func TestEveryCutOfATokenIsMalformed(t *testing.T) {
	t.Parallel()
	whole := claims(t, nil)
	for n := range whole {
		var token Token
		if err := token.Parse(bytes.Clone(whole[:n])); !errors.Is(err, ErrMalformed) {
			t.Errorf("the first %d of %d bytes: %v", n, len(whole), err)
		}
	}
	var token Token
	if err := token.Parse(append(bytes.Clone(whole), 0)); !errors.Is(err, ErrMalformed) {
		t.Errorf("a byte too many: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(claims(f, nil))
	f.Add(claims(f, func(all, list m) { delete(all, 4); list["bits"] = 8 }))
	f.Add([]byte{0xbf, 0x02, 0x7f, 0x61, 'M', 0x61, 'A', 0xff, 0xff})
	f.Fuzz(func(t *testing.T, payload []byte) {
		var first, second Token
		err := first.Parse(bytes.Clone(payload))
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatalf("error %v", err)
		}
		if again := second.Parse(bytes.Clone(payload)); (again == nil) != (err == nil) {
			t.Fatalf("%v, then %v", err, again)
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatal(diff)
		}
		if _, ok := shiftOf(first.Bits); !ok || len(first.Subject) == 0 || first.TTL < 0 || first.Expires < 0 {
			t.Fatalf("accepted %+v", first)
		}
	})
}
