package cache

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"

	codes "passerelle/gateway/credential/list"
	"passerelle/gateway/encoding/statuslist"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

// venue is a box with a delegate for feeds, and a key for tickets.
type venue struct {
	*box
	delegate *bundle.Signer
	tickets  *ecdsa.PrivateKey
	options  Options
}

func newVenue(t testing.TB) *venue {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	v := &venue{box: newBox(t, 1), delegate: newSigner(t), tickets: private}
	d, k := v.delegate.Root().Key, v.ticketKey(t)
	v.content.Delegates = []trust.Delegate{{
		ID: bundle.DelegateID(&d), Public: d, Algorithms: d.Algorithms(), Scope: "*", NotBefore: issued, NotAfter: expires,
		Kinds: trust.FeedKindsOf(trust.FeedCodes, trust.FeedDeny, trust.FeedPassengers, trust.FeedPretix),
	}}
	v.content.Keys = append(v.content.Keys, bundle.Entry{Key: trust.Key{
		ID: bundle.DelegateID(&k), Country: "MA", Issuer: "Stade", Public: k, Usages: trust.TicketUsage, Algorithms: k.Algorithms(),
		NotBefore: issued, NotAfter: expires,
	}})
	v.options = Options{Roots: v.roots, Random: rand.Reader}
	v.take(t, func(c *Cache) { take(t, c, v.file(t, 1)) })
	return v
}

func (v *venue) ticketKey(t testing.TB) sig.Key {
	t.Helper()
	k, err := sig.New(v.tickets.Public())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// take opens the folder for the time of use.
func (v *venue) take(t testing.TB, use func(c *Cache)) {
	t.Helper()
	c := open(t, v.dir, v.options)
	defer closeCache(t, c)
	use(c)
}

// newList is a trust list of another version, changed.
func (v *venue) newList(t testing.TB, version uint64, change func(c *bundle.Content)) []byte {
	t.Helper()
	c := v.content
	c.Keys, c.Delegates = slices.Clone(c.Keys), slices.Clone(c.Delegates)
	change(&c)
	return fileOf(t, build(t, c, header(version), v.signers[:2]...))
}

func (v *venue) feed(t testing.TB, kind trust.FeedKind, scope string, version uint64, list ...string) []byte {
	t.Helper()
	return v.feedUntil(t, kind, scope, version, issued+24*3600, list...)
}

func (v *venue) feedUntil(t testing.TB, kind trust.FeedKind, scope string, version uint64, until int64, list ...string) []byte {
	t.Helper()
	var b bundle.FeedBuilder
	for _, code := range list {
		if err := b.Add([]byte(code), codes.Entry{State: codes.Listed, Zone: "north"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	f, err := bundle.NewFeed(bundle.FeedHeader{Kind: kind, Scope: scope, Version: version, Issued: issued, Expires: until}, &b)
	if err != nil {
		t.Fatal(err)
	}
	if err := bundle.SignFeed(rand.Reader, f, v.delegate); err != nil {
		t.Fatal(err)
	}
	file, err := f.File()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// status is a status list in which the credential with that index is revoked.
func (v *venue) status(t testing.TB, uri string, at int64, revoked uint64) []byte {
	t.Helper()
	l, err := statuslist.New(1, 64)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Set(revoked, statuslist.Invalid); err != nil {
		t.Fatal(err)
	}
	lst, err := l.Compress()
	if err != nil {
		t.Fatal(err)
	}
	payload, err := cbor.Marshal(map[int]any{
		statuslist.ClaimSubject: uri, statuslist.ClaimIssuedAt: at, statuslist.ClaimList: map[string]any{"bits": 1, "lst": lst},
	})
	if err != nil {
		t.Fatal(err)
	}
	k := v.ticketKey(t)
	id := bundle.DelegateID(&k)
	m := &cose.Sign1Message{Payload: payload, Headers: cose.Headers{Protected: cose.ProtectedHeader{
		cose.HeaderLabelKeyID: id[:], int64(16): statuslist.MediaType, cose.HeaderLabelAlgorithm: cose.AlgorithmES256,
	}}}
	signer, err := cose.NewSigner(cose.AlgorithmES256, v.tickets)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Sign(rand.Reader, nil, signer); err != nil {
		t.Fatal(err)
	}
	file, err := m.MarshalCBOR()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func takeFeed(t testing.TB, c *Cache, file []byte) (*trust.Snapshot, Taken) {
	t.Helper()
	s, taken, err := c.TakeFeed(file, now)
	if err != nil {
		t.Fatal(err)
	}
	return s, taken
}

// codesOf says which of some codes the feed of codes of an event has; "none" if there is no such feed.
func codesOf(s *trust.Snapshot, event string, list ...string) string {
	f := s.Feed(trust.FeedCodes, event)
	if f == nil {
		return "none"
	}
	found := fmt.Sprint(f.Version, ":")
	for _, code := range list {
		if m, ok := f.Set.Find([]byte(code)); ok && m.Zone == "north" {
			found += " " + code
		}
	}
	return found
}

func TestFeedsAreThereAfterARestart(t *testing.T) {
	t.Parallel()
	v := newVenue(t)
	const uri = "https://example.org/1"
	v.take(t, func(c *Cache) {
		s, taken := takeFeed(t, c, v.feed(t, trust.FeedCodes, "final", 3, "a", "b"))
		if got := codesOf(s, "final", "a", "b", "c"); got != "3: a b" || taken.Kind != "codes" || taken.Scope != "final" || taken.Version != 3 || taken.Entries != 2 {
			t.Errorf("taken: %s, %+v", got, taken)
		}
		takeFeed(t, c, v.feed(t, trust.FeedCodes, "semifinal", 1, "c"))
		takeFeed(t, c, v.feed(t, trust.FeedDeny, "*", 9, "d"))
		s, taken = takeFeed(t, c, v.status(t, uri, issued+5, 7))
		if taken.Kind != "status" || taken.Scope != uri || taken.Version != issued+5 || taken.Entries != 64 || len(s.Feeds()) != 3 {
			t.Errorf("taken: %+v beside %d feeds", taken, len(s.Feeds()))
		}
		s, _ = takeFeed(t, c, v.feed(t, trust.FeedCodes, "final", 5, "b", "c"))
		if got := codesOf(s, "final", "a", "b", "c"); got != "5: b c" {
			t.Errorf("a newer one: %s", got)
		}
	})
	for range 2 {
		s, info, err := loaded(t, v.dir, v.options)
		if err != nil || len(info.Notes) != 0 {
			t.Fatalf("Load: %q, %v", info.Notes, err)
		}
		if got := codesOf(s, "final", "a", "b", "c") + codesOf(s, "semifinal", "c"); got != "5: b c1: c" || s.Feed(trust.FeedDeny, "*") == nil || len(s.Feeds()) != 3 {
			t.Errorf("loaded: %s, %d feeds", got, len(s.Feeds()))
		}
		st, ok := s.Status([]byte(uri), &trust.Key{Country: "MA", Issuer: "Stade"})
		if !ok {
			t.Fatal("no status list")
		}
		if value, ok := st.At(7); !ok || value != statuslist.Invalid {
			t.Errorf("status %d, %t", value, ok)
		}
	}
	s, _, err := func() (*trust.Snapshot, Info, error) {
		c := open(t, v.dir, v.options)
		defer closeCache(t, c)
		return c.Take(v.newList(t, 2, func(*bundle.Content) {}), now)
	}()
	if err != nil || s.Version() != 2 || codesOf(s, "final", "b") != "5: b" || len(s.Statuses()) != 1 {
		t.Errorf("after another list: version %d, %d feeds, %v", s.Version(), len(s.Feeds()), err)
	}
}

func TestOlderFeedsNeverReplaceNewerOnes(t *testing.T) {
	t.Parallel()
	v := newVenue(t)
	const uri = "https://example.org/1"
	old, last, other := v.feed(t, trust.FeedCodes, "final", 3, "a"), v.feed(t, trust.FeedCodes, "final", 4, "b"), v.feed(t, trust.FeedCodes, "final", 4, "x")
	expired := v.feedUntil(t, trust.FeedCodes, "final", 9, issued+1, "c")
	was, is := v.status(t, uri, issued+1, 1), v.status(t, uri, issued+2, 2)
	v.take(t, func(c *Cache) { takeFeed(t, c, old); takeFeed(t, c, last); takeFeed(t, c, was); takeFeed(t, c, is) })
	for range 2 {
		v.take(t, func(c *Cache) {
			for name, tt := range map[string]struct {
				file []byte
				want error
			}{
				"older": {old, bundle.ErrOld}, "the same": {last, bundle.ErrHeld}, "another of the same version": {other, bundle.ErrHeld},
				"expired": {expired, bundle.ErrFeedExpired}, "an older status list": {was, bundle.ErrOld}, "the same status list": {is, bundle.ErrHeld},
				"nothing": {nil, bundle.ErrFormat}, "a trust list": {v.file(t, 1), bundle.ErrFormat},
			} {
				if s, taken, err := c.TakeFeed(tt.file, now); !errors.Is(err, tt.want) || s != nil || taken.Kind != "" {
					t.Errorf("%s: %v, want %v", name, err, tt.want)
				}
			}
			s, _, err := c.Load()
			if err != nil || codesOf(s, "final", "a", "b", "x", "c") != "4: b" {
				t.Errorf("then %s, %v", codesOf(s, "final", "a", "b", "x", "c"), err)
			}
			if st, ok := s.Status([]byte(uri), &trust.Key{Country: "MA", Issuer: "Stade"}); !ok || st.Issued != issued+2 {
				t.Errorf("then status list %+v", st)
			}
		})
	}
}

func TestFeedsOfADelegateThatIsSwitchedOffAreDropped(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(v *venue, c *bundle.Content){
		"switched off by its hash": func(v *venue, c *bundle.Content) {
			d := v.delegate.Root().Key
			c.Disabled = []bundle.Disabled{{Fingerprint: d.Fingerprint()}, {Fingerprint: c.Keys[1].Public.Fingerprint()}}
		},
		"disabled": func(_ *venue, c *bundle.Content) { c.Delegates[0].Disabled, c.Keys[1].Disabled = true, true },
		"gone":     func(_ *venue, c *bundle.Content) { c.Delegates, c.Keys = nil, c.Keys[:1] },
		"for others": func(_ *venue, c *bundle.Content) {
			c.Delegates[0].Scope, c.Keys[1].Usages = "semifinal", trust.AllHCERT
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVenue(t)
			feed, status := v.feed(t, trust.FeedCodes, "final", 3, "a"), v.status(t, "https://example.org/1", issued+5, 7)
			v.take(t, func(c *Cache) {
				takeFeed(t, c, feed)
				takeFeed(t, c, status)
				s, info := take(t, c, v.newList(t, 2, func(c *bundle.Content) { change(v, c) }))
				if len(s.Feeds()) != 0 || len(s.Statuses()) != 0 || len(info.Notes) != 2 {
					t.Errorf("at once: %d feeds, %d status lists, notes %q", len(s.Feeds()), len(s.Statuses()), info.Notes)
				}
				for _, file := range [][]byte{feed, status} {
					if _, _, err := c.TakeFeed(file, now); !errors.Is(err, bundle.ErrDelegate) && !errors.Is(err, bundle.ErrStatus) {
						t.Errorf("again: %v", err)
					}
				}
			})
			s, info, err := loaded(t, v.dir, v.options)
			if err != nil || len(s.Feeds()) != 0 || len(info.Notes) != 0 {
				t.Errorf("after a restart: %d feeds, %q, %v", len(s.Feeds()), info.Notes, err)
			}
			v.take(t, func(c *Cache) {
				take(t, c, v.newList(t, 3, func(*bundle.Content) {}))
				if _, _, err := c.TakeFeed(v.feed(t, trust.FeedCodes, "final", 2), now); !errors.Is(err, bundle.ErrOld) {
					t.Errorf("an older one after it was switched on again: %v", err)
				}
				takeFeed(t, c, feed) // it was lost, and may be taken again
				takeFeed(t, c, status)
			})
		})
	}
}

// The store is written by the list's own version: a crash between the list and the feeds leaves feeds that the list does not allow.
func TestFeedsThatTheListDoesNotAllowAreDroppedAtAStart(t *testing.T) {
	t.Parallel()
	v := newVenue(t)
	v.take(t, func(c *Cache) { takeFeed(t, c, v.feed(t, trust.FeedCodes, "final", 3, "a")) })
	kept := t.TempDir()
	copyDir(t, v.dir, kept)
	v.take(t, func(c *Cache) { take(t, c, v.newList(t, 2, func(c *bundle.Content) { c.Delegates = nil })) })
	copyDir(t, filepath.Join(kept, feedStoreName), v.path(feedStoreName))
	write(t, v.path(indexName), string(mustRead(t, filepath.Join(kept, indexName))))
	s, info, err := loaded(t, v.dir, v.options)
	if err != nil || len(s.Feeds()) != 0 || len(info.Notes) != 1 || !strings.Contains(info.Notes[0], "dropped") {
		t.Errorf("%d feeds, notes %q, %v", len(s.Feeds()), info.Notes, err)
	}
}

func TestAnExpiredFeedIsLoadedAndDroppedLater(t *testing.T) {
	t.Parallel()
	v := newVenue(t)
	v.take(t, func(c *Cache) {
		takeFeed(t, c, v.feedUntil(t, trust.FeedCodes, "final", 3, issued+7200, "a"))
		takeFeed(t, c, v.feedUntil(t, trust.FeedCodes, "later", 3, expires-1, "a"))
	})
	for _, tt := range []struct {
		name  string
		at    int64
		feeds int
	}{
		{"just expired", issued + 7200 + 1, 3},
		{"so long ago as it is kept", issued + 7200 + KeptExpired, 3},
		{"a second longer", issued + 7200 + KeptExpired + 1, 2},
	} {
		dir := t.TempDir()
		copyDir(t, v.dir, dir)
		c := open(t, dir, v.options)
		fresh := v.feedUntil(t, trust.FeedDeny, "*", 1, issued+KeptExpired+10*24*3600)
		// The list expires meanwhile: what is under it is not looked at here.
		v.content.Delegates[0].NotAfter = issued + 100*24*3600
		long := v.content
		h := header(2)
		h.Expires = issued + 100*24*3600
		if _, _, err := c.Take(fileOf(t, build(t, long, h, v.signers[:2]...)), now); err != nil {
			t.Fatal(err)
		}
		s, _, err := c.TakeFeed(fresh, at(tt.at))
		if err != nil || len(s.Feeds()) != tt.feeds {
			t.Errorf("%s: %d feeds, %v, want %d", tt.name, len(s.Feeds()), err, tt.feeds)
		}
		closeCache(t, c)
		again, info, err := loaded(t, dir, v.options)
		if err != nil || len(again.Feeds()) != tt.feeds || len(info.Notes) != 0 {
			t.Errorf("%s, after a restart: %d feeds, %q, %v", tt.name, len(again.Feeds()), info.Notes, err)
		}
	}
}

func TestAtMostSoManyFeedsAreHeld(t *testing.T) {
	t.Parallel()
	v := newVenue(t)
	v.take(t, func(c *Cache) {
		for i := range MaxFeeds {
			id := (&subject{Kind: "codes", Scope: fmt.Sprint(i)}).id()
			c.feeds.held[id] = &held{head: feedHead{subject: subject{Kind: "codes", Scope: fmt.Sprint(i)}, Version: 1, Expires: expires}, feed: &trust.Feed{Kind: trust.FeedCodes, Scope: fmt.Sprint(i)}}
			c.feeds.floor[id] = &floor{subject: subject{Kind: "codes", Scope: fmt.Sprint(i)}, version: 1, expires: expires, present: true}
		}
		one := v.feed(t, trust.FeedCodes, "final", 1, "a")
		if _, _, err := c.TakeFeed(one, now); !errors.Is(err, ErrManyFeeds) {
			t.Errorf("one more: %v, want %v", err, ErrManyFeeds)
		}
		takeFeed(t, c, v.feed(t, trust.FeedCodes, "7", 2, "a"))
		for _, scope := range []string{"8", "9"} {
			c.feeds.held[(&subject{Kind: "codes", Scope: scope}).id()].head.Expires = issued + 100 // before now
		}
		c.feeds.held[(&subject{Kind: "codes", Scope: "8"}).id()].head.Expires = issued + 99
		s, _ := takeFeed(t, c, one)
		if s.Feed(trust.FeedCodes, "8") != nil || s.Feed(trust.FeedCodes, "9") == nil || len(c.feeds.held) != MaxFeeds {
			t.Errorf("the one that expired first is not the one that went: %d", len(c.feeds.held))
		}
	})
}

func TestFeedsTakeAtMostSoManyBytes(t *testing.T) {
	t.Parallel()
	v := newVenue(t)
	v.take(t, func(c *Cache) {
		takeFeed(t, c, v.feed(t, trust.FeedCodes, "other", 1, "a"))
		other := c.feeds.held[(&subject{Kind: "codes", Scope: "other"}).id()]
		one := v.feed(t, trust.FeedCodes, "final", 1, "a")
		size := other.head.Length // the same shape has the same length
		other.head.Length = MaxFeedBytes - size + 1
		if _, _, err := c.TakeFeed(one, now); !errors.Is(err, ErrManyFeeds) {
			t.Errorf("a byte more: %v, want %v", err, ErrManyFeeds)
		}
		other.head.Length--
		takeFeed(t, c, one)
	})
}

// Of those that are gone the one that expired first goes first, but a block list after all that are none.
func TestVersionsOfFeedsThatAreGoneAreRememberedUpToALimit(t *testing.T) {
	t.Parallel()
	v := newVenue(t)
	v.take(t, func(c *Cache) {
		for i := range MaxRemembered {
			about := subject{Kind: "codes", Scope: fmt.Sprint(i)}
			if i == 1 {
				about.Kind = "deny"
			}
			c.feeds.floor[about.id()] = &floor{subject: about, version: 1, expires: int64(i + 1), present: i == 0}
		}
		takeFeed(t, c, v.feed(t, trust.FeedCodes, "final", 1, "a"))
		for scope, want := range map[string]bool{"0": true, "1": true, "2": false, "3": true} {
			codes, deny := subject{Kind: "codes", Scope: scope}, subject{Kind: "deny", Scope: scope}
			if got := c.feeds.floor[codes.id()] != nil || c.feeds.floor[deny.id()] != nil; got != want {
				t.Errorf("%s is remembered: %v, want %v", scope, got, want)
			}
		}
		if len(c.feeds.floor) != MaxRemembered {
			t.Errorf("%d are remembered", len(c.feeds.floor))
		}
	})
	c := open(t, v.dir, v.options)
	defer closeCache(t, c)
	if len(c.feeds.floor) != MaxRemembered {
		t.Errorf("after a restart %d", len(c.feeds.floor))
	}
}

// TestTheBlockListForAllIsNeverForgotten: not even for as many others as can be remembered.
func TestTheBlockListForAllIsNeverForgotten(t *testing.T) {
	t.Parallel()
	v := newVenue(t)
	v.take(t, func(c *Cache) {
		all := subject{Kind: "deny", Scope: "*"}
		c.feeds.floor[all.id()] = &floor{subject: all, version: 1, expires: 1}
		for i := range MaxRemembered {
			about := subject{Kind: "deny", Scope: fmt.Sprint(i)}
			c.feeds.floor[about.id()] = &floor{subject: about, version: 1, expires: expires}
		}
		s, _ := takeFeed(t, c, v.feed(t, trust.FeedCodes, "final", 1, "a"))
		if !s.IsLost(trust.FeedDeny, "*") || len(c.feeds.floor) != MaxRemembered {
			t.Errorf("lost %v, %d are remembered", s.IsLost(trust.FeedDeny, "*"), len(c.feeds.floor))
		}
	})
}

// A stolen card has no code on it that lets anybody in.
func TestNoCodeIsStored(t *testing.T) {
	t.Parallel()
	v := newVenue(t)
	list := []string{"CANARY-1234567890", "CANARY-0987654321"}
	v.take(t, func(c *Cache) {
		for version := range uint64(3) {
			takeFeed(t, c, v.feed(t, trust.FeedCodes, "final", version+1, list...))
		}
	})
	files := 0
	err := filepath.WalkDir(v.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		files++
		if bytes.Contains(raw, []byte("CANARY")) || bytes.Contains(raw, []byte("1234567890")) {
			t.Errorf("%s has a code", path)
		}
		return err
	})
	if err != nil || files < 6 {
		t.Fatalf("%d files, %v", files, err)
	}
	info, err := os.Stat(v.path(feedKeyName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestALostBlockListIsKnownToBeLost: however it went, whoever it may have named is not let in as if nobody had been blocked.
func TestALostBlockListIsKnownToBeLost(t *testing.T) {
	t.Parallel()
	all, final := trust.FeedName{Kind: trust.FeedDeny, Scope: "*"}, trust.FeedName{Kind: trust.FeedPretix, Scope: "final"}
	store := func(t *testing.T, v *venue) { removeAll(t, v.path(feedStoreName)) }
	for _, tt := range []struct {
		how  string
		lose func(t *testing.T, v *venue)
		lost []trust.FeedName
	}{
		{"the store is gone", store, []trust.FeedName{all, final}},
		{"the process died twice in the store", func(t *testing.T, v *venue) { write(t, v.path(feedOpeningName), "!!") }, []trust.FeedName{all, final}},
		{"the store is gone, and the index is broken", func(t *testing.T, v *venue) { store(t, v); write(t, v.path(indexName), "!!") }, []trust.FeedName{all}},
		{"the store is gone, and the index", func(t *testing.T, v *venue) { store(t, v); removeAll(t, v.path(indexName)) }, []trust.FeedName{all}},
		{"the delegate is off", func(t *testing.T, v *venue) {
			v.take(t, func(c *Cache) {
				take(t, c, v.newList(t, 2, func(c *bundle.Content) { c.Delegates[0].Disabled = true }))
			})
		}, []trust.FeedName{all, final}},
		{"it is too old", func(t *testing.T, v *venue) {
			v.take(t, func(c *Cache) {
				h := header(2)
				h.Expires = issued + 100*24*3600
				if _, _, err := c.Take(fileOf(t, build(t, v.content, h, v.signers[:2]...)), at(issued+32*24*3600)); err != nil {
					t.Fatal(err)
				}
			})
		}, []trust.FeedName{all, final}},
	} {
		t.Run(tt.how, func(t *testing.T) {
			t.Parallel()
			v := newVenue(t)
			v.take(t, func(c *Cache) {
				takeFeed(t, c, v.feed(t, trust.FeedDeny, "*", 3, "a"))
				if s, _ := takeFeed(t, c, v.feed(t, trust.FeedPretix, "final", 5, "a")); len(s.Lost()) != 0 {
					t.Errorf("lost although they were taken: %v", s.Lost())
				}
			})
			tt.lose(t, v)
			for range 2 { // and at the next start
				s, info, err := loaded(t, v.dir, v.options)
				if err != nil || len(s.Feeds()) != 0 || !slices.Equal(s.Lost(), tt.lost) {
					t.Fatalf("%d feeds, lost %v, %v", len(s.Feeds()), s.Lost(), err)
				}
				for _, name := range tt.lost {
					if said := fmt.Sprintf("feed %v of %q", name.Kind, name.Scope); !strings.Contains(strings.Join(info.Notes, "\n"), said) {
						t.Errorf("no note says %s: %q", said, info.Notes)
					}
				}
			}
			v.take(t, func(c *Cache) {
				take(t, c, v.newList(t, 3, func(*bundle.Content) {}))
				takeFeed(t, c, v.feed(t, trust.FeedPretix, "final", 6))
				if s, _ := takeFeed(t, c, v.feed(t, trust.FeedDeny, "*", 4)); len(s.Lost()) != 0 {
					t.Errorf("lost although there are newer ones: %v", s.Lost())
				}
			})
			if s, info, err := loaded(t, v.dir, v.options); err != nil || len(s.Lost()) != 0 || len(info.Notes) != 0 {
				t.Errorf("then lost %v, notes %q, %v", s.Lost(), info.Notes, err)
			}
		})
	}
}

// TestAFirstFeedThatWasCutOffIsNoLoss: the process died when the key of the feeds was made, and before anything was stored with it.
func TestAFirstFeedThatWasCutOffIsNoLoss(t *testing.T) {
	t.Parallel()
	v := newVenue(t)
	v.take(t, func(c *Cache) {
		if err := c.needFeedKey(); err != nil {
			t.Fatal(err)
		}
	})
	s, info, err := loaded(t, v.dir, v.options)
	if err != nil || len(s.Lost()) != 0 || len(info.Notes) != 0 {
		t.Errorf("lost %v, notes %q, %v", s.Lost(), info.Notes, err)
	}
}

// TestWhatIsLostIsNamedUpToALimit: events come and go, and a start does not say all their names.
func TestWhatIsLostIsNamedUpToALimit(t *testing.T) {
	t.Parallel()
	for _, n := range []int{maxNamed, maxNamed + 1} {
		v := newVenue(t)
		v.take(t, func(c *Cache) {
			takeFeed(t, c, v.feed(t, trust.FeedCodes, "final", 1, "a"))
			for i := range n {
				about := subject{Kind: "deny", Scope: fmt.Sprint("event ", i)}
				c.feeds.floor[about.id()] = &floor{subject: about, version: 1, expires: int64(i + 1)}
			}
			if err := c.writeIndex(); err != nil {
				t.Fatal(err)
			}
		})
		_, info, err := loaded(t, v.dir, v.options)
		if err != nil || len(info.Notes) != 1 || strings.Count(info.Notes[0], "event") != maxNamed || strings.Contains(info.Notes[0], `"event 0"`) != (n == maxNamed) {
			t.Errorf("of %d: %q, %v; want one note that names %d, those that end last", n, info.Notes, err, maxNamed)
		}
	}
}

func TestABlockListThatWasNeverThereIsNotLost(t *testing.T) {
	t.Parallel()
	v := newVenue(t)
	v.take(t, func(c *Cache) { takeFeed(t, c, v.feed(t, trust.FeedCodes, "final", 3, "a")) })
	s, _, err := loaded(t, v.dir, v.options)
	if err != nil || len(s.Lost()) != 0 {
		t.Errorf("%v, %v", s.Lost(), err)
	}
}
