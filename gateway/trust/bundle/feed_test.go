package bundle

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/veraison/go-cose"

	"passerelle/gateway/credential/list"
	"passerelle/gateway/trust"
)

type feedRow struct {
	code, secret string
	entry        list.Entry
}

func feedHeader(version uint64) FeedHeader {
	return FeedHeader{Kind: trust.FeedCodes, Scope: "final", Version: version, Issued: issued, Expires: issued + 24*3600}
}

func newFeed(t testing.TB, h FeedHeader, rows ...feedRow) *Feed {
	t.Helper()
	var b FeedBuilder
	for _, r := range rows {
		if err := b.Add([]byte(r.code), r.entry, []byte(r.secret)); err != nil {
			t.Fatal(err)
		}
	}
	f, err := NewFeed(h, &b)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func signFeed(t testing.TB, f *Feed, s *Signer) []byte {
	t.Helper()
	if err := SignFeed(rand.Reader, f, s); err != nil {
		t.Fatal(err)
	}
	file, err := f.File()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func openFeed(t testing.TB, file []byte) *Feed {
	t.Helper()
	f, err := OpenFeed(file)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func rowsOf(t testing.TB, f *Feed) []feedRow {
	t.Helper()
	var rows []feedRow
	if err := f.Each(func(code []byte, e list.Entry, secret []byte) error {
		rows = append(rows, feedRow{string(code), string(secret), e})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(rows, func(a, b feedRow) int { return strings.Compare(a.code, b.code) })
	return rows
}

// listOf is a trust list with these delegates.
func listOf(t testing.TB, delegates ...trust.Delegate) *trust.Snapshot {
	t.Helper()
	s, err := trust.New(trust.List{Version: 1, Issued: issued, Expires: expires, Delegates: delegates})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var soon = At(time.Unix(issued+60, 0))

func mixedRows() []feedRow {
	good := list.Entry{State: list.Listed}
	stamp := list.Entry{State: list.Listed, From: 5, Until: 3_000_000_000, Zone: "north", Uses: 3}
	moving := list.Entry{State: list.Listed, OneTime: true, Digits: 8, Period: 60, SHA256: true}
	return []feedRow{
		{"1234567890123456", "", good},
		{"1234567890123457", "", list.Entry{State: list.Blocked}},
		{"\x00\xff binary", "", list.Entry{State: list.Revoked}},
		{strings.Repeat("x", list.MaxCode), "", stamp},
		{"y", "", stamp},
		{"moving", strings.Repeat("s", list.MaxSecret), moving},
		{"moving too", strings.Repeat("t", list.MinSecret), moving},
		{"z", "", good},
	}
}

func TestAFeedIsReadAsItWasBuilt(t *testing.T) {
	t.Parallel()
	s := newSigner(t, true)
	rows := mixedRows()
	f := newFeed(t, feedHeader(7), rows...)
	unsigned, err := f.File()
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(rows)
	again, err := newFeed(t, feedHeader(7), rows...).File()
	if err != nil || !bytes.Equal(unsigned, again) {
		t.Errorf("the same codes in another order are another feed: %v", err)
	}
	slices.SortFunc(rows, func(a, b feedRow) int { return strings.Compare(a.code, b.code) })
	for name, file := range map[string][]byte{"unsigned": unsigned, "signed": signFeed(t, f, s)} {
		if !IsFeed(file) {
			t.Errorf("%s: is not told as a feed", name)
		}
		got := openFeed(t, file)
		if got.Header() != feedHeader(7) || got.Len() != len(rows) {
			t.Errorf("%s: %+v, %d codes", name, got.Header(), got.Len())
		}
		if diff := cmp.Diff(rows, rowsOf(t, got), cmp.AllowUnexported(feedRow{})); diff != "" {
			t.Errorf("%s (-built +read):\n%s", name, diff)
		}
		if id, ok := got.Signer(); ok != (name == "signed") || ok && id != DelegateID(&s.root.Key) {
			t.Errorf("%s: signed by %v, %t", name, id, ok)
		}
		groups, err := got.Groups()
		total := 0
		for _, g := range groups {
			total += g.Codes
		}
		if err != nil || len(groups) != 5 || total != len(rows) {
			t.Errorf("%s: groups %v, %v", name, groups, err)
		}
	}
	empty := newFeed(t, feedHeader(8))
	if got := openFeed(t, signFeed(t, empty, s)); got.Len() != 0 {
		t.Errorf("%d codes in an empty feed", got.Len())
	}
}

func TestAFeedIsTakenFromWhomTheListNames(t *testing.T) {
	t.Parallel()
	s, other := newSigner(t, true), newSigner(t, false)
	with := func(change func(d *trust.Delegate)) trust.Delegate {
		d := newDelegate(s, "final", trust.FeedCodes, trust.FeedDeny)
		change(&d)
		return d
	}
	feed := signFeed(t, newFeed(t, feedHeader(1), mixedRows()...), s)
	deny := FeedHeader{Kind: trust.FeedDeny, Scope: "*", Version: 1, Issued: issued, Expires: expires}
	everywhere := signFeed(t, newFeed(t, deny), s)
	unsigned, err := newFeed(t, feedHeader(1)).File()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name     string
		file     []byte
		delegate trust.Delegate
		now      Now
		ok       bool
	}{
		{"its delegate", feed, with(func(*trust.Delegate) {}), soon, true},
		{"a delegate for every scope", feed, with(func(d *trust.Delegate) { d.Scope = "*" }), soon, true},
		{"for another scope", feed, with(func(d *trust.Delegate) { d.Scope = "semifinal" }), soon, false},
		{"for another kind", feed, with(func(d *trust.Delegate) { d.Kinds = trust.FeedKindsOf(trust.FeedPretix) }), soon, false},
		{"switched off", feed, with(func(d *trust.Delegate) { d.Disabled = true }), soon, false},
		{"somebody else", feed, newDelegate(other, "*", trust.FeedCodes), soon, false},
		{"no algorithm", feed, with(func(d *trust.Delegate) { d.Algorithms = nil }), soon, false},
		{"another's key under its id", feed, with(func(d *trust.Delegate) { d.Public = newSigner(t, true).root.Key }), soon, false},
		{"another's key of another type", feed, with(func(d *trust.Delegate) {
			d.Public, d.Algorithms = other.root.Key, other.root.Key.Algorithms()
		}), soon, false},
		{"not signed", unsigned, with(func(*trust.Delegate) {}), soon, false},
		{"its validity is over", feed, with(func(d *trust.Delegate) { d.NotAfter = issued + 59 }), soon, false},
		{"its last second", feed, with(func(d *trust.Delegate) { d.NotAfter = issued + 60 }), soon, true},
		{"its validity may be over", feed, with(func(d *trust.Delegate) { d.NotAfter = issued + 59 }), Now{issued + 59, issued + 90}, true},
		{"its validity has not begun", feed, with(func(d *trust.Delegate) { d.NotBefore = issued + 61 }), soon, false},
		{"issued before its validity", feed, with(func(d *trust.Delegate) { d.NotBefore = issued + 1 }), soon, false},
		{"for all events, by one for an event", everywhere, with(func(*trust.Delegate) {}), soon, false},
		{"for all events, by one for all", everywhere, with(func(d *trust.Delegate) { d.Scope = "*" }), soon, true},
	}
	for _, tt := range tests {
		d, err := openFeed(t, tt.file).Verify(listOf(t, tt.delegate), tt.now)
		if (err == nil) != tt.ok || tt.ok && d.ID != tt.delegate.ID || !tt.ok && !errors.Is(err, ErrDelegate) {
			t.Errorf("%s: %v, want taken: %t", tt.name, err, tt.ok)
		}
	}
	two := listOf(t, with(func(d *trust.Delegate) { d.Scope = "semifinal" }), with(func(*trust.Delegate) {}))
	if _, err := openFeed(t, feed).Verify(two, soon); err != nil {
		t.Errorf("a delegate with two rows: %v", err)
	}
}

func TestAFeedThatWasChangedIsRefused(t *testing.T) {
	t.Parallel()
	s := newSigner(t, true)
	snap := listOf(t, newDelegate(s, "*", trust.FeedCodes, trust.FeedDeny, trust.FeedPassengers, trust.FeedPretix))
	file := signFeed(t, newFeed(t, feedHeader(1), mixedRows()...), s)
	for i := range file {
		changed := bytes.Clone(file)
		changed[i] ^= 0x01
		f, err := OpenFeed(changed)
		if err != nil {
			continue
		}
		if _, err := f.Verify(snap, soon); err == nil {
			t.Fatalf("byte %d of %d is changed, and the feed is taken", i, len(file))
		}
	}
}

func TestAFeedIsTakenOnlyIfItIsNewer(t *testing.T) {
	t.Parallel()
	f := newFeed(t, feedHeader(7))
	for _, tt := range []struct {
		name string
		held HeldFeed
		now  Now
		want error
	}{
		{"the first", HeldFeed{}, soon, nil},
		{"a newer one", HeldFeed{Version: 6}, soon, nil},
		{"the same", HeldFeed{Version: 7}, soon, ErrHeld},
		{"the same, which was lost", HeldFeed{Version: 7, Lost: true}, soon, nil},
		{"an older one", HeldFeed{Version: 8}, soon, ErrOld},
		{"an older one than was lost", HeldFeed{Version: 8, Lost: true}, soon, ErrOld},
		{"in its last second", HeldFeed{}, At(time.Unix(issued+24*3600, 0)), nil},
		{"expired", HeldFeed{}, At(time.Unix(issued+24*3600+1, 0)), ErrFeedExpired},
		{"perhaps expired", HeldFeed{}, Now{issued, issued + 48*3600}, nil},
		{"of today, by a clock that is a day slow", HeldFeed{}, At(time.Unix(issued-MaxAhead, 0)), nil},
		{"of the future", HeldFeed{}, At(time.Unix(issued-MaxAhead-1, 0)), ErrFeedFuture},
	} {
		if err := f.Check(tt.held, tt.now); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestHeadersOfAFeed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(h *FeedHeader)
		ok     bool
	}{
		{"good", func(*FeedHeader) {}, true},
		{"no kind", func(h *FeedHeader) { h.Kind = trust.NoFeed }, false},
		{"a kind that is none", func(h *FeedHeader) { h.Kind = 99 }, false},
		{"no scope", func(h *FeedHeader) { h.Scope = "" }, false},
		{"longest scope", func(h *FeedHeader) { h.Scope = strings.Repeat("x", trust.MaxScope) }, true},
		{"longest scope+1", func(h *FeedHeader) { h.Scope = strings.Repeat("x", trust.MaxScope+1) }, false},
		{"codes for all events", func(h *FeedHeader) { h.Scope = "*" }, false},
		{"a block list for all events", func(h *FeedHeader) { h.Scope, h.Kind = "*", trust.FeedDeny }, true},
		{"version 0", func(h *FeedHeader) { h.Version = 0 }, false},
		{"ends when it begins", func(h *FeedHeader) { h.Expires = h.Issued }, false},
		{"before 1970", func(h *FeedHeader) { h.Issued = -1 }, false},
		{"last second of 9999", func(h *FeedHeader) { h.Expires = maxTime }, true},
		{"the year 10000", func(h *FeedHeader) { h.Expires = maxTime + 1 }, false},
	} {
		h := feedHeader(1)
		tt.change(&h)
		if _, err := NewFeed(h, new(FeedBuilder)); (err == nil) != tt.ok {
			t.Errorf("NewFeed, %s: %v", tt.name, err)
		}
		w := feedWire{Level: FeedLevel, Kind: h.Kind.String(), Scope: h.Scope, Version: h.Version, Issued: h.Issued, Expires: h.Expires}
		if _, err := OpenFeed(marshal(t, &w)); (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrFormat) {
			t.Errorf("OpenFeed, %s: %v", tt.name, err)
		}
	}
}

func TestABuilderRefusesWhatAGateWould(t *testing.T) {
	t.Parallel()
	good := list.Entry{State: list.Listed}
	for _, tt := range []struct {
		name string
		row  feedRow
	}{
		{"no code", feedRow{"", "", good}},
		{"a long code", feedRow{strings.Repeat("x", list.MaxCode+1), "", good}},
		{"a secret for nothing", feedRow{"x", strings.Repeat("s", 20), good}},
		{"no secret", feedRow{"x", "", list.Entry{State: list.Listed, OneTime: true}}},
		{"no state", feedRow{"x", "", list.Entry{State: 9}}},
		{"a time of its own", feedRow{"x", "", list.Entry{State: list.Listed, From: 5, Until: 4}}},
		{"a terminal sequence", feedRow{"x", "", list.Entry{State: list.Listed, Zone: "\x1b[2J"}}},
		{"the first again", feedRow{"first", "", list.Entry{State: list.Blocked}}},
	} {
		var b FeedBuilder
		if err := b.Add([]byte("first"), good, nil); err != nil {
			t.Fatal(err)
		}
		if err := b.Add([]byte(tt.row.code), tt.row.entry, []byte(tt.row.secret)); !errors.Is(err, ErrContent) {
			t.Errorf("%s: %v, want %v", tt.name, err, ErrContent)
		}
		if f, err := NewFeed(feedHeader(1), &b); err != nil || f.Len() != 1 {
			t.Errorf("%s: %v afterwards", tt.name, err)
		}
	}
}

func TestAFeedThatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	whole := feedWire{Level: FeedLevel, Kind: "codes", Scope: "final", Version: 1, Issued: issued, Expires: expires}
	groups := func(g ...groupWire) []byte {
		w := whole
		w.Groups = g
		return marshal(t, &w)
	}
	codes := func(b ...byte) []byte { return groups(groupWire{State: "listed", Codes: b}) }
	s := newSigner(t, true)
	signed := signFeed(t, newFeed(t, feedHeader(1)), s)
	newer := whole
	newer.Level = FeedLevel + 1
	many := make([]groupWire, MaxFeedGroups+1)
	for i := range many {
		many[i] = groupWire{State: "listed", From: int64(i)}
	}
	if _, err := OpenFeed(groups(many[:MaxFeedGroups]...)); err != nil {
		t.Errorf("%d groups: %v", MaxFeedGroups, err)
	}
	for _, tt := range []struct {
		name string
		file []byte
		want error
	}{
		{"nothing", nil, ErrFormat},
		{"an empty map", []byte{0xa0}, ErrProgram},
		{"a newer level", marshal(t, &newer), ErrProgram},
		{"an unknown field", marshal(t, map[int]any{1: 1, 2: "codes", 3: "x", 4: 1, 5: 1, 6: 2, 7: []any{}, 8: 1}), ErrFormat},
		{"a code that is cut", codes(3, 'a', 'b', 'c'), ErrFormat},
		{"a length alone", codes(0, 'a', 3), ErrFormat},
		{"codes out of order", codes(0, 'b', 0, 'a'), ErrFormat},
		{"a code twice", codes(0, 'a', 0, 'a'), ErrFormat},
		{"an unknown state", groups(groupWire{State: "maybe"}), ErrFormat},
		{"no state", groups(groupWire{}), ErrFormat},
		{"a zone that is no text", groups(groupWire{State: "listed", Zone: "\x07"}), ErrFormat},
		{"a secret that is cut", groups(groupWire{State: "listed", OneTime: &oneTimeWire{}, Codes: []byte{0, 'a', 20, 1}}), ErrFormat},
		{"too many groups", groups(many...), ErrFormat},
		{"something behind it", append(bytes.Clone(signed), 0), ErrFormat},
		{"a manifest", craftSigned(t, nil, s), ErrFormat},
	} {
		if _, err := OpenFeed(tt.file); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	for name, change := range map[string]func(m *cose.Sign1Message){
		"another content type": func(m *cose.Sign1Message) { m.Headers.Protected[cose.HeaderLabelContentType] = contentType },
		"no content type":      func(m *cose.Sign1Message) { delete(m.Headers.Protected, cose.HeaderLabelContentType) },
		"no kid":               func(m *cose.Sign1Message) { delete(m.Headers.Protected, cose.HeaderLabelKeyID) },
		"a short kid":          func(m *cose.Sign1Message) { m.Headers.Protected[cose.HeaderLabelKeyID] = []byte{1} },
		"another header":       func(m *cose.Sign1Message) { m.Headers.Protected[int64(99)] = 1 },
		"an open header":       func(m *cose.Sign1Message) { m.Headers.Unprotected = cose.UnprotectedHeader{int64(99): 1} },
	} {
		f := newFeed(t, feedHeader(1))
		if err := SignFeed(rand.Reader, f, s); err != nil {
			t.Fatal(err)
		}
		m := *f.message
		m.Headers.RawProtected = nil
		change(&m)
		file, err := m.MarshalCBOR()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenFeed(file); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, want %v", name, err, ErrFormat)
		}
	}
}

func TestLimitsOfAFeed(t *testing.T) {
	t.Parallel()
	long := make([]byte, MaxFeed+1)
	if _, err := OpenFeed(long); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "at most") {
		t.Errorf("%d bytes: %v", len(long), err)
	}
	if _, err := OpenFeed(long[:MaxFeed]); !errors.Is(err, ErrFormat) || strings.Contains(err.Error(), "at most") {
		t.Errorf("%d bytes: %v, want to fail for what is in them", MaxFeed, err)
	}
	var b FeedBuilder
	for i := range MaxFeedGroups {
		if err := b.Add(fmt.Append(nil, i), list.Entry{State: list.Listed, From: int64(i)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Add([]byte("one more group"), list.Entry{State: list.Blocked}, nil); !errors.Is(err, ErrContent) {
		t.Errorf("one more group: %v", err)
	}
	if err := b.Add([]byte("no other group"), list.Entry{State: list.Listed, From: 1}, nil); err != nil {
		t.Errorf("a code of a group that is there: %v", err)
	}
	codes := make([]byte, 0, 9*(MaxFeedEntries+1))
	for i := range MaxFeedEntries + 1 {
		codes = append(codes, 3, byte(i>>24), byte(i>>16), byte(i>>8), byte(i))
	}
	atAndAbove(t, MaxFeedEntries, ErrFormat, func(n int) error {
		w := feedWire{Level: FeedLevel, Kind: "codes", Scope: "final", Version: 1, Issued: issued, Expires: expires}
		w.Groups = []groupWire{{State: "listed", Codes: codes[:5*n]}}
		f, err := OpenFeed(marshal(t, &w))
		if err == nil && f.Len() != n {
			t.Errorf("%d codes of %d", f.Len(), n)
		}
		return err
	})
	b = FeedBuilder{size: MaxFeed - 4}
	if err := b.Add([]byte("ab"), list.Entry{State: list.Listed}, nil); err != nil {
		t.Errorf("as many bytes as there may be: %v", err)
	}
	if err := b.Add([]byte("cd"), list.Entry{State: list.Listed}, nil); !errors.Is(err, ErrContent) {
		t.Errorf("more bytes: %v", err)
	}
}
