package bundle

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

func TestSignerRefusesWhatAGateWouldLeaveOut(t *testing.T) {
	t.Parallel()
	public := newPublic(t)
	tests := []struct {
		name   string
		change func(c *Content)
		says   string
	}{
		{"no keys", func(c *Content) { c.Keys = nil }, "0 keys"},
		{"no public key", func(c *Content) { c.Keys[1].Public = sig.Key{} }, "0000000000000002"},
		{"no usage", func(c *Content) { c.Keys[1].Usages = 0 }, "0000000000000002"},
		{"no algorithm", func(c *Content) { c.Keys[1].Algorithms = nil }, "0000000000000002"},
		{"another key's algorithm", func(c *Content) { c.Keys[1].Algorithms = []sig.Algorithm{sig.PS256} }, "PS256"},
		{"an algorithm twice", func(c *Content) { c.Keys[1].Algorithms = []sig.Algorithm{sig.ES256, sig.ES256} }, "ES256"},
		{"a long country", func(c *Content) { c.Keys[1].Country = "MAR" }, "MAR"},
		{"a small country", func(c *Content) { c.Keys[1].Country = "ma" }, "ma"},
		{"valid until before", func(c *Content) { c.Keys[1].NotAfter = c.Keys[1].NotBefore - 1 }, "0000000000000002"},
		{"a terminal sequence", func(c *Content) { c.Keys[1].Issuer = "\x1b[2J" }, "U+001B"},
		{"text that runs backwards", func(c *Content) { c.Keys[1].Source = "a\u202eb" }, "U+202E"},
		{"not UTF-8", func(c *Content) { c.Keys[1].Source = "\xff" }, "UTF-8"},
		{"the same key twice", func(c *Content) { c.Keys = append(c.Keys, c.Keys[1]) }, "twice"},
		{"switched off twice", func(c *Content) { c.Disabled = []Disabled{{}, {}} }, "twice"},
		{"acceptance of no usage", func(c *Content) { c.Acceptance = []trust.Acceptance{{Country: "DE"}} }, "DE"},
		{"acceptance twice", func(c *Content) {
			c.Acceptance = []trust.Acceptance{{Country: "DE", Usages: trust.HCERTTest}, {Country: "DE", Usages: trust.HCERTTest}}
		}, "twice"},
		{"acceptance that ends before it begins", func(c *Content) {
			c.Acceptance = []trust.Acceptance{{Country: "DE", Usages: trust.HCERTTest, From: 2, Until: 1}}
		}, "DE"},
		{"acceptance of no country", func(c *Content) { c.Acceptance = []trust.Acceptance{{Usages: trust.HCERTTest}} }, "acceptance"},
		{"an unknown kind of revocation", func(c *Content) { c.Revoked = []trust.Revocation{{Country: "DE", Kind: 3}} }, "kind 3"},
		{"two revocation lists of a kind", func(c *Content) { c.Revoked = []trust.Revocation{{Country: "DE"}, {Country: "DE"}} }, "two"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := Content{Keys: []Entry{newEntry(1, newPublic(t)), newEntry(2, public)}}
			tt.change(&c)
			if _, err := Build(c, header(1)); !errors.Is(err, ErrContent) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Build = %v, want %v that says %q", err, ErrContent, tt.says)
			}
		})
	}
	for name, h := range map[string]Header{
		"version 0": {Issued: issued, Expires: expires}, "no end": {Version: 1, Issued: issued},
		"empty roots": {Version: 1, Issued: issued, Expires: expires, Roots: &Roots{}},
	} {
		if _, err := Build(newContent(t, 1), h); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A gate meets what a newer or a careless centre signed: keys that it cannot use are named, the others work.
func TestUnreadableKeyDoesNotSinkTheList(t *testing.T) {
	t.Parallel()
	s := newSigner(t, false)
	entry := newEntry(1, newPublic(t))
	good := entry.wire()
	tests := []struct {
		name   string
		change func(w *keyWire)
		says   string
	}{
		{"no key", func(w *keyWire) { w.Public = []byte("no") }, "0000000000000002"},
		{"an empty key", func(w *keyWire) { w.Public = nil }, "0000000000000002"},
		{"a long key", func(w *keyWire) { w.Public = make([]byte, MaxSPKI+1) }, "1025 bytes"},
		{"a short id", func(w *keyWire) { w.ID = w.ID[:7] }, "7 bytes"},
		{"a long id", func(w *keyWire) { w.ID = append(w.ID, 0) }, "9 bytes"},
		{"no country", func(w *keyWire) { w.Country = "" }, "country"},
		{"no usage that is known", func(w *keyWire) { w.Usages = []string{"seance"} }, "no usage"},
		{"no algorithm that is known", func(w *keyWire) { w.Algorithms = []int64{-50000} }, "no algorithm"},
		{"an algorithm of other keys", func(w *keyWire) { w.Algorithms = []int64{int64(sig.EdDSA)} }, "no algorithm"},
		{"a terminal sequence", func(w *keyWire) { w.Issuer = "\x1b[2J" }, "U+001B"},
		{"the first key again", func(w *keyWire) { w.ID = good.ID }, "twice"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bad := good
			bad.ID = append([]byte(nil), good.ID...)
			bad.ID[7] = 2
			tt.change(&bad)
			f := craft(t, map[string][]byte{partKeys: marshal(t, []any{good, bad})}, nil, s)
			b, err := Open(f, nil)
			if err != nil {
				t.Fatal(err)
			}
			snap, skipped, err := verify(t, b, Held{Roots: rootsOf(1, s)}).Snapshot(nil)
			if err != nil {
				t.Fatal(err)
			}
			if snap.Len() != 1 || len(snap.Keys(trust.HCERT, keyID(1))) != 1 {
				t.Errorf("%d keys, want the good one", snap.Len())
			}
			if len(skipped) != 1 || !strings.HasPrefix(skipped[0].What, "key 2") || !strings.Contains(skipped[0].What+skipped[0].Why, tt.says) {
				t.Errorf("skipped %q, want key 2 and %q", skipped, tt.says)
			}
		})
	}
	odd := []any{
		good,
		map[int]any{1: "an id that is text"},
		"not a key", nil,
		map[int]any{1: good.ID, 2: "MA", 4: good.Public, 5: nil, 6: good.Algorithms, 7: 0, 8: 1},
		map[int]any{1: good.ID, 2: "MA", 4: good.Public, 5: good.Usages, 6: good.Algorithms, 7: 0, 8: 1, 99: "only in the morning"},
	}
	b, err := Open(craft(t, map[string][]byte{partKeys: marshal(t, odd)}, nil, s), nil)
	if err != nil {
		t.Fatal(err)
	}
	snap, skipped, err := verify(t, b, Held{Roots: rootsOf(1, s)}).Snapshot(nil)
	if err != nil || snap.Len() != 1 || len(skipped) != len(odd)-1 {
		t.Errorf("%d keys, skipped %q, %v", snap.Len(), skipped, err)
	}
}

func TestUnknownUsagesAndAlgorithmsAreDroppedOneByOne(t *testing.T) {
	t.Parallel()
	s := newSigner(t, false)
	entry := newEntry(1, newPublic(t))
	w := entry.wire()
	w.Usages = []string{"seance", "hcert:test"}
	w.Algorithms = []int64{-50000, int64(sig.ES256)}
	rows := []acceptanceWire{
		{Country: "DE", Usages: []string{"seance"}, From: 1},
		{Country: "DE", Usages: []string{"seance", "hcert:test"}, From: 1},
		{Country: "DE", Usages: []string{"hcert:test"}, From: 1},
	}
	f := craft(t, map[string][]byte{partKeys: marshal(t, []any{w}), partAcceptance: marshal(t, rows)}, nil, s)
	b, err := Open(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	snap, skipped, err := verify(t, b, Held{Roots: rootsOf(1, s)}).Snapshot(nil)
	if err != nil || len(skipped) != 0 {
		t.Fatalf("Snapshot: %v, %v", skipped, err)
	}
	if k := snap.Keys(trust.HCERT, keyID(1)); len(k) != 1 || k[0].Usages != trust.HCERTTest || !k[0].Allows(sig.ES256) {
		t.Errorf("keys %+v", k)
	}
	if !snap.Accepts("DE", trust.HCERTTest, 1, 1) || snap.Accepts("DE", trust.HCERTVaccination, 1, 1) || snap.Accepts("DE", trust.AllHCERT, 1, 1) {
		t.Error("acceptance is not that of the known usage alone")
	}
}

// What would admit more when it is left out sinks the list.
func TestUnreadableRefusalsSinkTheList(t *testing.T) {
	t.Parallel()
	s := newSigner(t, false)
	sum := bytes.Repeat([]byte{1}, 32)
	tests := []struct {
		name, part string
		content    any
	}{
		{"keys that are no list", partKeys, "no"},
		{"keys null", partKeys, nil},
		{"switch-off of 31 bytes", partDisabled, []any{map[int]any{1: sum[1:]}}},
		{"switch-off with an unknown field", partDisabled, []any{map[int]any{1: sum, 3: 1}}},
		{"switch-off twice", partDisabled, []any{map[int]any{1: sum}, map[int]any{1: sum}}},
		{"switch-off null", partDisabled, nil},
		{"switch-off of null", partDisabled, []any{nil}},
		{"acceptance of a long country", partAcceptance, []acceptanceWire{{Country: "DEU", Usages: []string{"hcert:test"}}}},
		{"acceptance that ends before it begins", partAcceptance, []acceptanceWire{{Country: "DE", Usages: []string{"hcert:test"}, From: 5, Until: 4}}},
		{"acceptance null", partAcceptance, nil},
		{"revocations cut", partRevocations, []revocationWire{{Country: "DE", Entries: make([]byte, 15)}}},
		{"revocations of an unknown kind", partRevocations, []revocationWire{{Country: "DE", Kind: 3}}},
		{"revocations of a kind that wraps", partRevocations, []revocationWire{{Country: "DE", Kind: 256}}},
		{"revocations of a kind twice", partRevocations, []revocationWire{{Country: "DE"}, {Country: "DE"}}},
		{"revocations null", partRevocations, nil},
		{"entries null", partRevocations, []any{map[int]any{1: "DE", 2: 0, 3: 1, 4: nil}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			content := []byte{0xf6} // null, which our encoder would not write for an absent list
			if tt.content != nil {
				content = marshal(t, tt.content)
			}
			b, err := Open(craft(t, map[string][]byte{tt.part: content}, nil, s), nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := verify(t, b, Held{Roots: rootsOf(1, s)}).Snapshot(nil); !errors.Is(err, ErrContent) {
				t.Errorf("Snapshot = %v, want %v", err, ErrContent)
			}
			if err := b.Sign(rand.Reader, newSigner(t, false)); !errors.Is(err, ErrContent) {
				t.Errorf("Sign = %v, want %v", err, ErrContent)
			}
		})
	}
}
