package trust

import (
	"errors"
	"slices"
	"testing"

	"passerelle/gateway/sig"
)

func newAuthority(ski string, public sig.Key) Authority {
	return Authority{Country: "AU", SKI: []byte(ski), Public: public, Algorithms: public.Algorithms(), NotBefore: 10, NotAfter: 20}
}

func TestAuthoritiesAreFoundByTheirIdentifier(t *testing.T) {
	t.Parallel()
	a, b, c := newKey(t), newKey(t), newKey(t)
	first := newAuthority("one", a)
	first.Revoked = [][]byte{{9}, {0, 0x80, 1}, {1, 2}, {}}
	s := newSnapshot(t, List{
		Authorities: []Authority{first, newAuthority("two", b), newAuthority("two", c)},
		Disabled:    [][32]byte{b.Fingerprint()},
	})
	if n := len(s.Authorities([]byte("none"))) + len(s.Authorities(nil)); n != 0 {
		t.Errorf("%d authorities under no identifier", n)
	}
	one, two := s.Authorities([]byte("one")), s.Authorities([]byte("two"))
	if len(one) != 1 || len(two) != 2 || one[0].Disabled || !two[0].Disabled || two[1].Disabled {
		t.Fatalf("got %+v and %+v", one, two)
	}
	for _, tt := range []struct {
		serial []byte
		want   bool
	}{
		{[]byte{9}, true},
		{[]byte{0, 9}, true},
		{[]byte{0x80, 1}, true},
		{[]byte{0, 0x80, 1}, true},
		{[]byte{1, 2}, true},
		{[]byte{0}, true},
		{nil, true},
		{[]byte{2}, false},
		{[]byte{1, 2, 0}, false},
		{[]byte{9, 9}, false},
	} {
		if got := one[0].HasRevoked(tt.serial); got != tt.want {
			t.Errorf("serial number %x is revoked: %t, want %t", tt.serial, got, tt.want)
		}
		if two[0].HasRevoked(tt.serial) {
			t.Errorf("serial number %x is revoked by another authority", tt.serial)
		}
	}
	first.Revoked[0][0] = 7
	if one[0].HasRevoked([]byte{7}) {
		t.Error("the snapshot changes with what it was made of")
	}
}

func TestCarriersAreFoundByTheirCode(t *testing.T) {
	t.Parallel()
	s := newSnapshot(t, List{Carriers: []Carrier{{"LH", true}, {"AT", false}, {"3U", true}, {"DLH", true}}})
	for code, want := range map[string]Carrier{"LH": {"LH", true}, "AT": {"AT", false}, "3U": {"3U", true}, "DLH": {"DLH", true}} {
		if got, ok := s.Carrier([]byte(code)); !ok || got != want {
			t.Errorf("%s: %v, %t", code, got, ok)
		}
	}
	for _, code := range []string{"", "L", "lh", "LH ", "XX"} {
		if got, ok := s.Carrier([]byte(code)); ok || got != (Carrier{}) {
			t.Errorf("%q: %v, %t", code, got, ok)
		}
	}
}

func TestDelegatesCoverTheirKindsAndScope(t *testing.T) {
	t.Parallel()
	key, off := newKey(t), newKey(t)
	s := newSnapshot(t, List{
		Delegates: []Delegate{
			{Public: key, Kinds: FeedKindsOf(FeedCodes, FeedDeny), Scope: "final", Algorithms: key.Algorithms()},
			{Public: key, Kinds: FeedKindsOf(FeedPretix), Scope: "*", Algorithms: []sig.Algorithm{sig.PS256}},
			{Public: off, Kinds: FeedKindsOf(FeedCodes), Scope: "*"},
		},
		Disabled: [][32]byte{off.Fingerprint()},
	})
	d := s.Delegates()
	for _, tt := range []struct {
		name  string
		d     *Delegate
		kind  FeedKind
		scope string
		want  bool
	}{
		{"its kind and scope", &d[0], FeedCodes, "final", true},
		{"its other kind", &d[0], FeedDeny, "final", true},
		{"another kind", &d[0], FeedPassengers, "final", false},
		{"another scope", &d[0], FeedCodes, "semifinal", false},
		{"all scopes, asked of one", &d[0], FeedDeny, "*", false},
		{"every scope", &d[1], FeedPretix, "demo", true},
		{"every scope, another kind", &d[1], FeedCodes, "demo", false},
		{"no kind", &d[1], NoFeed, "demo", false},
		{"a kind that is none", &d[1], 200, "demo", false},
		{"switched off", &d[2], FeedCodes, "demo", false},
	} {
		if got := tt.d.Covers(tt.kind, tt.scope); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
	if !d[0].Allows(sig.ES256) || d[0].Allows(sig.EdDSA) || d[1].Allows(sig.PS256) || d[1].Allows(sig.ES256) {
		t.Error("algorithms are not those of the list and the key")
	}
}

func TestKindsOfFeedsAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	var all FeedKinds
	for k := FeedCodes; k < numFeedKinds; k++ {
		if back, ok := ParseFeedKind(k.String()); !ok || back != k {
			t.Errorf("%v is read as %v, %t", k, back, ok)
		}
		all |= FeedKindsOf(k)
	}
	if want := []string{"codes", "deny", "passengers", "pretix"}; !slices.Equal(all.Names(), want) || len(FeedKinds(0).Names()) != 0 {
		t.Errorf("names %q", all.Names())
	}
	for _, name := range []string{"", "none", "Codes", "codes,deny"} {
		if k, ok := ParseFeedKind(name); ok || k != NoFeed {
			t.Errorf("%q is %v", name, k)
		}
	}
	if FeedKindsOf(NoFeed, numFeedKinds, 255) != 0 {
		t.Error("what is no kind is in a set")
	}
}

func TestLimitsOfWhatIsNoKey(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	authorities := func(n int) []Authority {
		list := make([]Authority, 0, n)
		for i := range n {
			list = append(list, newAuthority(keyID(i).String(), key))
		}
		return list
	}
	carriers := func(n int) []Carrier {
		const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		list := make([]Carrier, 0, n)
		for i := range n {
			list = append(list, Carrier{Code: string([]byte{digits[i/36/36%36], digits[i/36%36], digits[i%36]})})
		}
		return list
	}
	revoked := func(n int) []Authority {
		list := authorities(2)
		list[0].Revoked, list[1].Revoked = make([][]byte, MaxRevokedSerials-1), make([][]byte, n)
		return list
	}
	delegates := func(n int) []Delegate {
		list := make([]Delegate, n)
		for i := range list {
			list[i].Public = key
		}
		return list
	}
	same := func(n int) []Authority {
		list := make([]Authority, 0, n)
		for range n {
			list = append(list, newAuthority("same", newKey(t)))
		}
		return list
	}
	ski := func(n int) []Authority { return []Authority{newAuthority(string(make([]byte, n)), key)} }
	for _, tt := range []struct {
		name string
		list List
		ok   bool
	}{
		{"authorities", List{Authorities: authorities(MaxAuthorities)}, true},
		{"authorities+1", List{Authorities: authorities(MaxAuthorities + 1)}, false},
		{"under one identifier", List{Authorities: same(MaxAuthoritiesPerSKI)}, true},
		{"under one identifier+1", List{Authorities: same(MaxAuthoritiesPerSKI + 1)}, false},
		{"identifier", List{Authorities: ski(MaxSKI)}, true},
		{"identifier+1", List{Authorities: ski(MaxSKI + 1)}, false},
		{"identifier of nothing", List{Authorities: ski(0)}, false},
		{"revoked", List{Authorities: revoked(1)}, true},
		{"revoked+1", List{Authorities: revoked(2)}, false},
		{"no public key", List{Authorities: []Authority{{SKI: []byte("x")}}}, false},
		{"carriers", List{Carriers: carriers(MaxCarriers)}, true},
		{"carriers+1", List{Carriers: carriers(MaxCarriers + 1)}, false},
		{"a carrier twice", List{Carriers: []Carrier{{"LH", true}, {"LH", false}}}, false},
		{"a carrier of one character", List{Carriers: []Carrier{{"L", true}}}, false},
		{"a carrier of four", List{Carriers: []Carrier{{"LUFT", true}}}, false},
		{"a small carrier", List{Carriers: []Carrier{{"lh", true}}}, false},
		{"delegates", List{Delegates: delegates(MaxDelegates)}, true},
		{"delegates+1", List{Delegates: delegates(MaxDelegates + 1)}, false},
		{"a delegate without a key", List{Delegates: []Delegate{{}}}, false},
	} {
		s, err := New(tt.list)
		if tt.ok != (err == nil) || err != nil && (!errors.Is(err, ErrList) || s != nil) {
			t.Errorf("%s: %v, want taken: %t", tt.name, err, tt.ok)
		}
	}
}
