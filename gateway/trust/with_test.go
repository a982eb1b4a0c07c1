package trust

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"passerelle/gateway/encoding/statuslist"
)

// newStatus is a list of that address in which the credential with index 1 is revoked.
func newStatus(t testing.TB, uri string, issued int64, signer *Key) *Status {
	t.Helper()
	list, err := statuslist.New(2, 8)
	if err != nil {
		t.Fatal(err)
	}
	if err := list.Set(1, statuslist.Invalid); err != nil {
		t.Fatal(err)
	}
	lst, err := list.Compress()
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewStatus(&statuslist.Token{Subject: []byte(uri), IssuedAt: issued, Bits: 2, Compressed: lst}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWithPutsFeedsInPlaceOfOthers(t *testing.T) {
	t.Parallel()
	signer := newEntry(1, newKey(t))
	s := newSnapshot(t, List{Version: 3, Issued: 4, Expires: 5, Keys: []Key{signer}})
	first := s.With(
		[]*Feed{{Kind: FeedCodes, Scope: "final", Version: 1}, {Kind: FeedDeny, Scope: "final", Version: 7}, {Kind: FeedCodes, Scope: "final", Version: 2}},
		[]*Status{newStatus(t, "https://example.org/1", 10, &signer)})
	second := first.With([]*Feed{{Kind: FeedPassengers, Scope: "final", Version: 3}, {Kind: NoFeed, Scope: "final"}, {Kind: 99, Scope: "final"}}, nil)
	for _, tt := range []struct {
		name    string
		s       *Snapshot
		kind    FeedKind
		scope   string
		version uint64 // 0: none
	}{
		{"the list itself", s, FeedCodes, "final", 0},
		{"the last of two", first, FeedCodes, "final", 2},
		{"another kind", first, FeedDeny, "final", 7},
		{"another scope", first, FeedCodes, "semifinal", 0},
		{"a kind that is not there", first, FeedPassengers, "final", 0},
		{"one that is gone", second, FeedCodes, "final", 0},
		{"one that came", second, FeedPassengers, "final", 3},
		{"no kind", second, NoFeed, "final", 0},
		{"a kind that is none", second, 99, "final", 0},
		{"an expired list", first.AsExpired(), FeedCodes, "final", 2},
		{"the empty list", Empty(), FeedCodes, "final", 0},
	} {
		f := tt.s.Feed(tt.kind, tt.scope)
		if (f != nil) != (tt.version != 0) || f != nil && f.Version != tt.version {
			t.Errorf("%s: %+v, want version %d", tt.name, f, tt.version)
		}
	}
	if second.Version() != 3 || second.Expires() != 5 || len(second.Keys(HCERT, keyID(1))) != 1 {
		t.Error("the rest of the list is not as it was")
	}
	if len(first.Feeds()) != 2 || first.Feeds()[0].Kind != FeedCodes || len(first.Statuses()) != 1 || len(second.Statuses()) != 0 {
		t.Errorf("%d feeds, %d status lists, then %d", len(first.Feeds()), len(first.Statuses()), len(second.Statuses()))
	}
}

// TestAFeedIsLostUntilThereIsOneAgain: whatever becomes of the list meanwhile.
func TestAFeedIsLostUntilThereIsOneAgain(t *testing.T) {
	t.Parallel()
	deny, codes := &Feed{Kind: FeedDeny, Scope: "*"}, &Feed{Kind: FeedCodes, Scope: "final"}
	s := newSnapshot(t, List{Version: 3}).With([]*Feed{codes}, nil)
	lost := s.WithLost([]FeedName{{FeedPretix, "final"}, {FeedDeny, "*"}, {FeedCodes, "final"}})
	for _, tt := range []struct {
		name string
		s    *Snapshot
		want string
	}{
		{"none", s, "[]"},
		{"two, and one that is there", lost, "[{deny *} {pretix final}]"},
		{"the list expired", lost.AsExpired(), "[{deny *} {pretix final}]"},
		{"other feeds", lost.With(nil, nil), "[{deny *} {pretix final}]"},
		{"one of them", lost.With([]*Feed{deny}, nil), "[{pretix final}]"},
		{"others are lost", lost.WithLost([]FeedName{{FeedDeny, "final"}}), "[{deny final}]"},
		{"the empty list", Empty(), "[]"},
	} {
		if got := fmt.Sprint(tt.s.Lost()); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		for _, name := range []FeedName{{FeedPretix, "final"}, {FeedDeny, "*"}, {FeedDeny, "final"}, {FeedCodes, "final"}} {
			if got := tt.s.IsLost(name.Kind, name.Scope); got != slices.Contains(tt.s.Lost(), name) {
				t.Errorf("%s: %v is lost: %v", tt.name, name, got)
			}
		}
	}
}

func TestAStatusListAnswersForItsIssuersCredentialsOnly(t *testing.T) {
	t.Parallel()
	const uri = "https://example.org/tickets/1"
	key := func(country, issuer string, test bool) *Key {
		k := newEntry(1, newKey(t))
		k.Country, k.Issuer, k.Test = country, issuer, test
		return &k
	}
	stadium, other := key("MA", "Stade", false), key("MA", "Club", false)
	s := Empty().With(nil, []*Status{
		newStatus(t, uri, 10, stadium), newStatus(t, uri, 99, other), newStatus(t, uri, 11, stadium), newStatus(t, uri+"t", 5, key("MA", "Stade", true)),
	})
	for _, tt := range []struct {
		name   string
		uri    string
		signer *Key
		issued int64 // 0: none
	}{
		{"its issuer, another key", uri, key("MA", "Stade", false), 11},
		{"another issuer of the same address", uri, other, 99},
		{"an issuer of that name elsewhere", uri, key("FR", "Stade", false), 0},
		{"an issuer of another name", uri, key("MA", "stade", false), 0},
		{"another address", uri + "0", stadium, 0},
		{"a list by a test key", uri + "t", stadium, 0},
		{"a list by a test key, for one", uri + "t", key("MA", "Stade", true), 5},
	} {
		st, ok := s.Status([]byte(tt.uri), tt.signer)
		if ok != (tt.issued != 0) || ok && st.Issued != tt.issued {
			t.Errorf("%s: %+v, %t, want that of %d", tt.name, st, ok, tt.issued)
		}
	}
	st, _ := s.Status([]byte(uri), stadium)
	for index, want := range map[uint64]uint8{0: 0, 1: statuslist.Invalid, 7: 0} {
		if got, ok := st.At(index); !ok || got != want {
			t.Errorf("status %d is %d, %t", index, got, ok)
		}
	}
	if _, ok := st.At(st.Len()); ok || st.Len() != 8 {
		t.Errorf("a status behind the last one, of %d", st.Len())
	}
}

func TestAStatusListIsGoodUntilWhatItsTokenSays(t *testing.T) {
	t.Parallel()
	signer := newEntry(1, newKey(t))
	for _, tt := range []struct {
		name             string
		issued, exp, ttl int64
		want             int64
	}{
		{"its end", 10, 50, 0, 50},
		{"its end, not its time to live", 10, 50, 5, 50},
		{"its time to live", 10, 0, 5, 15},
		{"no end", 10, 0, 0, math.MaxInt64},
		{"a time to live that never ends", 10, 0, math.MaxInt64, math.MaxInt64},
	} {
		one := newStatus(t, "u", tt.issued, &signer)
		lst, err := one.list.Compress()
		if err != nil {
			t.Fatal(err)
		}
		got, err := NewStatus(&statuslist.Token{Subject: []byte("u"), IssuedAt: tt.issued, Expires: tt.exp, TTL: tt.ttl, Bits: 2, Compressed: lst}, &signer)
		if err != nil || got.Expires != tt.want {
			t.Errorf("%s: %+v, %v, want %d", tt.name, got, err, tt.want)
		}
	}
	if _, err := NewStatus(&statuslist.Token{Bits: 2, Compressed: []byte("no stream")}, &signer); err == nil {
		t.Error("a list that cannot be expanded is taken")
	}
}
