package bundle

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

func newAuthority(ski byte, public sig.Key) Authority {
	return Authority{Source: "csca", Authority: trust.Authority{
		Country: "AU", SKI: []byte{ski, 2, 3}, Public: public, Algorithms: public.Algorithms(), NotBefore: issued, NotAfter: expires,
	}}
}

func newDelegate(s *Signer, scope string, kinds ...trust.FeedKind) trust.Delegate {
	public := s.root.Key
	return trust.Delegate{
		ID: DelegateID(&public), Name: "box office", Public: public, Algorithms: public.Algorithms(), Kinds: trust.FeedKindsOf(kinds...), Scope: scope,
		NotBefore: issued, NotAfter: expires,
	}
}

func newRSA(t testing.TB, bits int) sig.Key {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	key, err := sig.New(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func venueContent(t testing.TB) Content {
	c := newContent(t, 2)
	c.Keys[0].Usages, c.Keys[0].Scope = trust.PretixUsage|trust.BCBPUsage, "demo"
	c.Keys[1].Usages = trust.AllTickets | trust.Claim169Usage
	again := c.Keys[0]
	again.Scope = "demo2" // the same key for another event
	c.Keys = append(c.Keys, again)
	a := newAuthority(1, newRSA(t, 2048))
	a.Revoked, a.RevokedUntil = [][]byte{{9}, {1, 2}}, expires
	off := newAuthority(0, newPublic(t))
	off.Disabled = true
	c.Authorities = []Authority{a, off}
	c.Carriers = []trust.Carrier{{Code: "LH", Signs: true}, {Code: "AT"}}
	c.Delegates = []trust.Delegate{
		newDelegate(newSigner(t, true), "*", trust.FeedDeny), newDelegate(newSigner(t, false), "final", trust.FeedCodes, trust.FeedDeny),
	}
	c.Acceptance = []trust.Acceptance{{Country: "*", Usages: trust.TicketUsage | trust.VDSNCUsage, From: issued}}
	return c
}

func TestWhatIsNoKeyIsReadAsItIsBuilt(t *testing.T) {
	t.Parallel()
	s := newSigner(t, false)
	want := venueContent(t)
	disabled := want.Delegates[0].Public.Fingerprint()
	want.Disabled = []Disabled{{Fingerprint: disabled}}
	b := reopen(t, build(t, want, header(3), s))
	got, skipped, err := b.Inspect()
	if err != nil || len(skipped) != 0 {
		t.Fatalf("Inspect: %v, %v", skipped, err)
	}
	want.Sort()
	if diff := cmp.Diff(want, got, compareKeys); diff != "" {
		t.Errorf("content (-built +read):\n%s", diff)
	}
	snap, _, err := verify(t, b, Held{Roots: rootsOf(1, s)}).Snapshot(func(f [32]byte) bool { return f == disabled })
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{"demo", "demo2"} {
		if n := len(snap.Keys(trust.Pretix, trust.ScopeID(event))); n != 1 {
			t.Errorf("%d keys of event %s", n, event)
		}
	}
	if a := snap.Authorities([]byte{1, 2, 3}); len(a) != 1 || !a[0].HasRevoked([]byte{1, 2}) || a[0].HasRevoked([]byte{1}) || a[0].RevokedUntil != expires {
		t.Errorf("authorities %+v", a)
	}
	if c, ok := snap.Carrier([]byte("LH")); !ok || !c.Signs {
		t.Errorf("carrier %v, %t", c, ok)
	}
	for _, d := range snap.Delegates() {
		if off := d.Public.Fingerprint() == disabled; d.Disabled != off || d.Test != off {
			t.Errorf("delegate %+v", d)
		}
	}
	if !snap.Accepts("AU", trust.VDSNCUsage, issued, issued) || snap.Accepts("AU", trust.PassUsage, issued, issued) {
		t.Error("acceptance is not what was signed")
	}
}

// What an older program built has no such parts; half of them is what nobody builds.
func TestLaterPartsAreAllThereOrNone(t *testing.T) {
	t.Parallel()
	s := newSigner(t, false)
	without := func(names ...string) error {
		f := craft(t, nil, func(w *manifestWire) {
			var kept []partWire
			for _, p := range w.Parts {
				if !strings.Contains(strings.Join(names, " "), p.Name) {
					kept = append(kept, p)
				}
			}
			w.Parts = kept
		}, s)
		var file fileWire
		if err := decMode.Unmarshal(f, &file); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			delete(file.Parts, name)
		}
		b, err := Open(marshal(t, &file), nil)
		if err != nil {
			return err
		}
		snap, skipped, err := verify(t, b, Held{Roots: rootsOf(1, s)}).Snapshot(nil)
		if err == nil && (snap.Len() != 1 || len(skipped) != 0) {
			t.Errorf("%d keys, skipped %v", snap.Len(), skipped)
		}
		return err
	}
	if err := without(laterParts[:]...); err != nil {
		t.Errorf("without all of them: %v", err)
	}
	for _, name := range partNames {
		if err := without(name); !errors.Is(err, ErrPart) {
			t.Errorf("without %s: %v, want %v", name, err, ErrPart)
		}
	}
	if err := without(laterParts[:2]...); !errors.Is(err, ErrPart) {
		t.Errorf("without two: %v, want %v", err, ErrPart)
	}
}

func TestSignerRefusesRowsThatAGateWouldLeaveOut(t *testing.T) {
	t.Parallel()
	weak := newRSA(t, 1024)
	tests := []struct {
		name   string
		change func(c *Content)
		says   string
	}{
		{"a scope without its usage", func(c *Content) { c.Keys[1].Scope = "x"; c.Keys[1].Usages = trust.TicketUsage }, "scope"},
		{"a usage without its scope", func(c *Content) { c.Keys[0].Scope = "" }, "needs a scope"},
		{"a scope that is none", func(c *Content) { c.Keys[0].Scope = "*" }, "needs a scope"},
		{"a key for VDS-NC", func(c *Content) { c.Keys[1].Usages = trust.VDSNCUsage }, "vdsnc"},
		{"the same key twice for an event", func(c *Content) { c.Keys = append(c.Keys, c.Keys[0]) }, "twice"},
		{"an authority without a key", func(c *Content) { c.Authorities[0].Public = sig.Key{} }, "no public key"},
		{"an authority without an identifier", func(c *Content) { c.Authorities[0].SKI = nil }, "identifier"},
		{"an authority of three letters", func(c *Content) { c.Authorities[0].Country = "AUS" }, "country"},
		{"an authority twice", func(c *Content) { c.Authorities = append(c.Authorities, c.Authorities[0]) }, "twice"},
		{"an authority without an algorithm", func(c *Content) { c.Authorities[0].Algorithms = nil }, "algorithm"},
		{"an authority that ends before it begins", func(c *Content) { c.Authorities[0].NotAfter = 0 }, "valid"},
		{"a serial number with a zero", func(c *Content) { c.Authorities[0].Revoked = [][]byte{{0, 1}} }, "serial"},
		{"a serial number twice", func(c *Content) { c.Authorities[0].Revoked = [][]byte{{1}, {1}} }, "serial"},
		{"a list of revoked ones that ends in the year 10000", func(c *Content) { c.Authorities[0].RevokedUntil = maxTime + 1 }, "revoked until"},
		{"a list of revoked ones that ended before the year 1970", func(c *Content) { c.Authorities[0].RevokedUntil = -1 }, "revoked until"},
		{"a carrier twice", func(c *Content) { c.Carriers = append(c.Carriers, trust.Carrier{Code: "LH"}) }, "carrier"},
		{"a carrier that is none", func(c *Content) { c.Carriers[0].Code = "lufthansa" }, "carrier"},
		{"a delegate without kinds", func(c *Content) { c.Delegates[0].Kinds = 0 }, "kind"},
		{"a delegate without a scope", func(c *Content) { c.Delegates[0].Scope = "" }, "scope"},
		{"a delegate by RSA", func(c *Content) {
			c.Delegates[0].Public, c.Delegates[0].ID = weak, DelegateID(&weak)
		}, "P-256 or Ed25519"},
		{"a delegate under another id", func(c *Content) { c.Delegates[0].ID[0]++ }, "id"},
		{"a delegate twice", func(c *Content) { c.Delegates = append(c.Delegates, c.Delegates[0]) }, "twice"},
		{"a delegate's name that is none", func(c *Content) { c.Delegates[0].Name = "\x1b" }, "U+001B"},
	}
	for _, tt := range tests {
		c := venueContent(t)
		tt.change(&c)
		if _, err := Build(c, header(1)); !errors.Is(err, ErrContent) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %v that says %q", tt.name, err, ErrContent, tt.says)
		}
	}
}

// Without an authority or a delegate less is admitted; without a carrier that signs, more.
func TestUnreadableRowsAreLeftOutWhereThatAdmitsLess(t *testing.T) {
	t.Parallel()
	s := newSigner(t, false)
	c := venueContent(t)
	c.Sort()
	authorities, delegates := c.authorityWires(), c.delegateWires()
	bad, badDelegate := authorities[1], delegates[1]
	bad.Public, badDelegate.Kinds = []byte("no"), []string{"tomorrow's"}
	unsigned := delegates[1]
	unsigned.Algorithms = []int64{-50_000}
	tests := []struct {
		name, part string
		content    any
		skipped    int // -1: the list is refused
	}{
		{"an authority with a bad key", partAuthorities, []any{authorities[0], bad}, 1},
		{"an authority twice", partAuthorities, []any{authorities[0], authorities[0]}, 1},
		{"what is no authority", partAuthorities, []any{authorities[0], "no", nil, 7}, 3},
		{"authorities that are no list", partAuthorities, "no", -1},
		{"authorities null", partAuthorities, nil, -1},
		{"a delegate of unknown kinds", partDelegates, []any{delegates[0], badDelegate}, 1},
		{"a delegate of unknown algorithms", partDelegates, []any{delegates[0], unsigned}, 1},
		{"a delegate twice", partDelegates, []any{delegates[0], delegates[0]}, 1},
		{"a carrier that is none", partCarriers, []any{carrierWire{Code: "L"}}, -1},
		{"a carrier with an unknown field", partCarriers, []any{map[int]any{1: "LH", 9: true}}, -1},
		{"a carrier twice", partCarriers, []carrierWire{{Code: "LH"}, {Code: "LH", Signs: true}}, -1},
		{"carriers null", partCarriers, nil, -1},
	}
	for _, tt := range tests {
		content := []byte{0xf6}
		if tt.content != nil {
			content = marshal(t, tt.content)
		}
		b, err := Open(craft(t, map[string][]byte{tt.part: content}, nil, s), nil)
		if err != nil {
			t.Fatal(err)
		}
		snap, skipped, err := verify(t, b, Held{Roots: rootsOf(1, s)}).Snapshot(nil)
		switch {
		case tt.skipped < 0:
			if !errors.Is(err, ErrContent) {
				t.Errorf("%s: %v, want %v", tt.name, err, ErrContent)
			}
		case err != nil || len(skipped) != tt.skipped || snap.Len() != 1:
			t.Errorf("%s: %v, %v, want %d skipped", tt.name, skipped, err, tt.skipped)
		}
	}
}

func TestOneEntryHasOneScope(t *testing.T) {
	t.Parallel()
	entry := newEntry(1, newPublic(t))
	w := entry.wire()
	for _, tt := range []struct {
		usages []string
		ok     bool
	}{
		{[]string{"pretix:a", "bcbp:a", "ticket"}, true},
		{[]string{"pretix:a", "pretix:b"}, false},
		{[]string{"pretix:a", "claim169"}, false},
		{[]string{"claim169", "claim169:a"}, false},
		{[]string{"pretix:a", "uic:b"}, true},
	} {
		w.Usages = tt.usages
		e, err := w.entry()
		if (err == nil) != tt.ok || !tt.ok && !strings.Contains(err.Error(), "two entries") {
			t.Errorf("%q: %+v, %v", tt.usages, e.Usages, err)
		}
	}
}

func TestLimitsOfAuthoritiesCarriersAndDelegates(t *testing.T) {
	t.Parallel()
	public, signer := newPublic(t), newSigner(t, true)
	content := func(change func(c *Content)) error {
		c := Content{Keys: []Entry{newEntry(1, public)}}
		change(&c)
		b, err := Build(c, header(1))
		if err != nil {
			return err
		}
		_, skipped, err := b.Inspect()
		if len(skipped) > 0 {
			t.Errorf("built, then skipped: %q", skipped)
		}
		return err
	}
	atAndAbove(t, trust.MaxAuthorities, ErrContent, func(n int) error {
		return content(func(c *Content) {
			for i := range n {
				a := newAuthority(0, public)
				a.SKI = fmt.Append(nil, i)
				c.Authorities = append(c.Authorities, a)
			}
		})
	})
	atAndAbove(t, trust.MaxAuthoritiesPerSKI, ErrContent, func(n int) error {
		return content(func(c *Content) {
			for range n {
				c.Authorities = append(c.Authorities, newAuthority(0, newPublic(t)))
			}
		})
	})
	atAndAbove(t, trust.MaxSKI, ErrContent, func(n int) error {
		return content(func(c *Content) {
			c.Authorities = []Authority{newAuthority(0, public)}
			c.Authorities[0].SKI = bytes.Repeat([]byte{1}, n)
		})
	})
	atAndAbove(t, trust.MaxSerial, ErrContent, func(n int) error {
		return content(func(c *Content) {
			c.Authorities = []Authority{newAuthority(0, public)}
			c.Authorities[0].Revoked = [][]byte{bytes.Repeat([]byte{1}, n)}
		})
	})
	serials := func(n int) [][]byte {
		list := make([][]byte, 0, n)
		for i := range n {
			list = append(list, []byte{1, byte(i >> 16), byte(i >> 8), byte(i)})
		}
		return list
	}
	atAndAbove(t, MaxSerials, ErrContent, func(n int) error {
		return content(func(c *Content) {
			c.Authorities = []Authority{newAuthority(0, public)}
			c.Authorities[0].Revoked = serials(n)
		})
	})
	atAndAbove(t, trust.MaxRevokedSerials, ErrContent, func(n int) error {
		return content(func(c *Content) {
			for i := range byte(6) {
				a := newAuthority(i, public)
				a.Revoked = serials(min(n, MaxSerials))
				n -= len(a.Revoked)
				c.Authorities = append(c.Authorities, a)
			}
		})
	})
	atAndAbove(t, trust.MaxDelegates, ErrContent, func(n int) error {
		return content(func(c *Content) {
			for i := range n {
				c.Delegates = append(c.Delegates, newDelegate(signer, fmt.Sprint("event ", i), trust.FeedCodes))
			}
		})
	})
	atAndAbove(t, trust.MaxCarriers, ErrContent, func(n int) error {
		return content(func(c *Content) {
			for i := range n {
				c.Carriers = append(c.Carriers, trust.Carrier{Code: string([]byte{byte('A' + i/260%26), byte('0' + i/26%10), byte('A' + i%26)})})
			}
		})
	})
}
