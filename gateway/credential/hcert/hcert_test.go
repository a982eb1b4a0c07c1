package hcert_test

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"

	"passerelle/gateway/credential/hcert"
)

type m = map[any]any

// claims returns the CBOR of CWT claims with one certificate, changed by edit.
func claims(t testing.TB, edit func(cwt, dcc m)) []byte {
	t.Helper()
	dcc := m{
		"ver": "1.3.0", "dob": "1986-03-14", "id": m{"t": "CNIE", "n": "BK123456"},
		"nam": m{"fn": "الإدريسي", "fnt": "EL<IDRISSI", "gn": "فاطمة", "gnt": "FATIMA"},
		"v": []any{m{
			"ci": "URN:UVCI:01:MA:1", "tg": "840539006", "vp": "1119349007", "mp": "EU/1/20/1528", "ma": "ORG-100030215",
			"dn": 2, "sd": 2, "dt": "2026-01-02", "co": "MA", "is": "Ministère",
		}},
	}
	cwt := m{1: "MA", 4: 2000, 6: 1000, -260: m{1: dcc}}
	if edit != nil {
		edit(cwt, dcc)
	}
	b, err := cbor.Marshal(cwt)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestACertificateIsReadWhole(t *testing.T) {
	t.Parallel()
	var got hcert.Certificate
	if err := got.Parse(claims(t, nil)); err != nil {
		t.Fatal(err)
	}
	want := hcert.Certificate{
		Type: hcert.Vaccination, Issuer: []byte("MA"), IssuedAt: 1000, Expires: 2000, Version: []byte("1.3.0"),
		Family: []byte("الإدريسي"), FamilyICAO: []byte("EL<IDRISSI"), Given: []byte("فاطمة"), GivenICAO: []byte("FATIMA"),
		Birth: []byte("1986-03-14"), Document: hcert.Document{Type: []byte("CNIE"), Number: []byte("BK123456")},
		Entry: hcert.Entry{
			ID: []byte("URN:UVCI:01:MA:1"), Target: []byte("840539006"), Country: []byte("MA"), Issuer: []byte("Ministère"),
			Vaccine: []byte("1119349007"), Product: []byte("EU/1/20/1528"), Maker: []byte("ORG-100030215"), Dose: 2, Doses: 2, Date: []byte("2026-01-02"),
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTestsAndRecoveriesAreRead(t *testing.T) {
	t.Parallel()
	var got hcert.Certificate
	if err := got.Parse(claims(t, func(_, dcc m) {
		delete(dcc, "v")
		dcc["t"] = []any{m{"ci": "1", "tt": "LP6464-4", "nm": "PCR", "ma": "1304", "sc": cbor.Tag{Number: 0, Content: "2026-01-02T03:04:05Z"}, "tr": "260415000", "tc": "Casablanca"}}
	})); err != nil {
		t.Fatal(err)
	}
	want := hcert.Entry{
		ID: []byte("1"), Method: []byte("LP6464-4"), Name: []byte("PCR"), Maker: []byte("1304"),
		Collected: []byte("2026-01-02T03:04:05Z"), Result: []byte("260415000"), Centre: []byte("Casablanca"),
	}
	if diff := cmp.Diff(want, got.Entry); got.Type != hcert.Test || diff != "" {
		t.Errorf("type %v, -want +got:\n%s", got.Type, diff)
	}
	if err := got.Parse(claims(t, func(_, dcc m) {
		delete(dcc, "v")
		dcc["r"] = []any{m{"ci": "1", "fr": "2026-01-02", "df": "2026-01-13", "du": "2026-07-01"}}
	})); err != nil {
		t.Fatal(err)
	}
	want = hcert.Entry{ID: []byte("1"), Date: []byte("2026-01-02"), From: []byte("2026-01-13"), Until: []byte("2026-07-01")}
	if diff := cmp.Diff(want, got.Entry); got.Type != hcert.Recovery || diff != "" {
		t.Errorf("type %v, -want +got:\n%s", got.Type, diff)
	}
}

// The rows say how claims are changed and what becomes of them; testdata/cases has the same in whole codes.
func TestWhatIsToleratedAndWhatIsNot(t *testing.T) {
	t.Parallel()
	entry := func(dcc m) m { return dcc["v"].([]any)[0].(m) }
	for _, tt := range []struct {
		name string
		edit func(cwt, dcc m)
		want error
	}{
		{"fractional times", func(cwt, _ m) { cwt[4], cwt[6] = 2000.5, 1000.25 }, nil},
		{"a time that is NaN", func(cwt, _ m) { cwt[4] = math.NaN() }, hcert.ErrMalformed},
		{"a time without end", func(cwt, _ m) { cwt[4] = math.Inf(1) }, hcert.ErrMalformed},
		{"a time before 1970", func(cwt, _ m) { cwt[6] = -1 }, hcert.ErrMalformed},
		{"the last second of the year 9999", func(cwt, _ m) { cwt[4] = 253402300799 }, nil},
		{"a second later", func(cwt, _ m) { cwt[4] = 253402300800 }, hcert.ErrMalformed},
		{"no exp", func(cwt, _ m) { delete(cwt, 4) }, hcert.ErrMalformed},
		{"no iat", func(cwt, _ m) { delete(cwt, 6) }, hcert.ErrMalformed},
		{"no iss", func(cwt, _ m) { delete(cwt, 1) }, nil},
		{"more claims", func(cwt, _ m) { cwt[7], cwt["x"], cwt[-261] = []byte{1}, m{"y": 1}, nil }, nil},
		{"no certificate", func(cwt, _ m) { delete(cwt, -260) }, hcert.ErrMalformed},
		{"null lists beside", func(_, dcc m) { dcc["t"], dcc["r"] = nil, nil }, nil},
		{"an empty list beside", func(_, dcc m) { dcc["t"] = []any{} }, nil},
		{"no entry", func(_, dcc m) { delete(dcc, "v") }, hcert.ErrMalformed},
		{"two entries", func(_, dcc m) { dcc["v"] = []any{m{}, m{}} }, hcert.ErrEntries},
		{"two types", func(_, dcc m) { dcc["r"] = []any{m{}} }, hcert.ErrEntries},
		{"doses as floats", func(_, dcc m) { entry(dcc)["dn"] = 2.0 }, nil},
		{"half a dose", func(_, dcc m) { entry(dcc)["dn"] = 0.5 }, hcert.ErrMalformed},
		{"doses null", func(_, dcc m) { entry(dcc)["sd"] = nil }, nil},
		{"a date with a time", func(_, dcc m) { entry(dcc)["dt"] = "2026-01-02T00:00:00.000Z" }, nil},
		{"a date under another tag", func(_, dcc m) { entry(dcc)["dt"] = cbor.Tag{Number: 1, Content: "2026-01-02"} }, hcert.ErrMalformed},
		{"a text that is a number", func(_, dcc m) { entry(dcc)["co"] = 504 }, hcert.ErrMalformed},
		{"an id of another shape", func(_, dcc m) { dcc["id"] = "X1" }, nil},
		{"names that are text", func(_, dcc m) { dcc["nam"] = "X" }, hcert.ErrMalformed},
		{"names null", func(_, dcc m) { dcc["nam"] = nil }, nil},
	} {
		var c hcert.Certificate
		if err := c.Parse(claims(t, tt.edit)); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestEveryCutIsMalformed(t *testing.T) {
	t.Parallel()
	whole := claims(t, nil)
	for n := range whole {
		var c hcert.Certificate
		if err := c.Parse(bytes.Clone(whole[:n])); !errors.Is(err, hcert.ErrMalformed) {
			t.Errorf("the first %d of %d bytes: %v", n, len(whole), err)
		}
	}
	var c hcert.Certificate
	if err := c.Parse(append(bytes.Clone(whole), 0)); !errors.Is(err, hcert.ErrMalformed) {
		t.Errorf("a byte too many: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(claims(f, nil))
	f.Add(claims(f, func(cwt, dcc m) { cwt[4] = 2000.5; dcc["v"] = nil; dcc["r"] = []any{m{"fr": nil}} }))
	f.Add([]byte{0xbf, 0x01, 0x7f, 0x61, 'M', 0x61, 'A', 0xff, 0xff})
	f.Fuzz(func(t *testing.T, payload []byte) {
		var first, second hcert.Certificate
		err := first.Parse(bytes.Clone(payload))
		if err != nil && !errors.Is(err, hcert.ErrMalformed) {
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
		if first.Type == hcert.NoType || first.Expires < 0 || first.IssuedAt < 0 {
			t.Fatalf("accepted %+v", first)
		}
	})
}
