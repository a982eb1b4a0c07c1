package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"passerelle/gateway/credential/list"
	"passerelle/gateway/trust"
)

// feedWire is the payload of a feed.
type feedWire struct {
	Level   uint64      `cbor:"1,keyasint"`
	Kind    string      `cbor:"2,keyasint"`
	Scope   string      `cbor:"3,keyasint"`
	Version uint64      `cbor:"4,keyasint"`
	Issued  int64       `cbor:"5,keyasint"`
	Expires int64       `cbor:"6,keyasint"`
	Groups  []groupWire `cbor:"7,keyasint"`
}

// groupWire is what codes have in common, and the codes: for each a byte that is one less than its length, and the code, rising; where
// the group has one-time digits, the code's secret behind it in the same way.
type groupWire struct {
	State   string       `cbor:"1,keyasint"`
	From    int64        `cbor:"2,keyasint,omitempty"` // unix seconds
	Until   int64        `cbor:"3,keyasint,omitempty"` // unix seconds, inclusive; 0: no end
	Zone    string       `cbor:"4,keyasint,omitempty"`
	Uses    uint8        `cbor:"5,keyasint,omitempty"`
	OneTime *oneTimeWire `cbor:"6,keyasint,omitempty"`
	Codes   []byte       `cbor:"7,keyasint"`
}

type oneTimeWire struct {
	Digits uint8  `cbor:"1,keyasint,omitempty"`
	Period uint16 `cbor:"2,keyasint,omitempty"` // seconds
	SHA256 bool   `cbor:"3,keyasint,omitempty"`
}

// FeedBuilder gathers the codes of a feed. The zero FeedBuilder is ready.
type FeedBuilder struct {
	groups map[list.Entry][]feedCode
	codes  map[string]struct{}
	check  *list.Builder // what a gate will do with them
	size   int           // bytes of all codes and secrets
}

type feedCode struct{ code, secret []byte }

// Add adds a code with what is known of it, and its secret where it has one-time digits. The builder keeps code and secret. A code
// that is there already is an error, and so is what a gate would refuse.
func (b *FeedBuilder) Add(code []byte, e list.Entry, secret []byte) error {
	if b.groups == nil {
		b.groups, b.codes, b.check = make(map[list.Entry][]feedCode), make(map[string]struct{}), list.NewBuilder(&list.Key{})
	}
	if err := checkText(e.Zone); err != nil {
		return fmt.Errorf("%w: zone: %w", ErrContent, err)
	}
	if _, twice := b.codes[string(code)]; twice {
		return fmt.Errorf("%w: the code stands twice in the feed", ErrContent)
	}
	if err := b.check.Add(code, e, secret); err != nil {
		return fmt.Errorf("%w: %w", ErrContent, err)
	}
	if b.size += len(code) + len(secret) + 2; b.size > MaxFeed {
		return fmt.Errorf("%w: more than %d bytes", ErrContent, MaxFeed)
	}
	if _, have := b.groups[e]; !have && len(b.groups) == MaxFeedGroups {
		return fmt.Errorf("%w: more than %d groups of codes that have everything in common", ErrContent, MaxFeedGroups)
	}
	b.groups[e] = append(b.groups[e], feedCode{code, secret})
	b.codes[string(code)] = struct{}{}
	return nil
}

// NewFeed makes a feed that nobody has signed yet. The same codes give the same bytes, in whatever order they were added.
func NewFeed(h FeedHeader, b *FeedBuilder) (*Feed, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	w := feedWire{
		Level: FeedLevel, Kind: h.Kind.String(), Scope: h.Scope, Version: h.Version, Issued: h.Issued, Expires: h.Expires,
		Groups: make([]groupWire, 0, len(b.groups)),
	}
	for e, codes := range b.groups {
		g := newGroup(&e)
		g.setCodes(codes)
		w.Groups = append(w.Groups, g)
	}
	if err := sortGroups(w.Groups); err != nil {
		return nil, err
	}
	payload, err := encMode.Marshal(&w)
	if err != nil {
		return nil, fmt.Errorf("%w: feed: %v", ErrFormat, err)
	}
	if len(payload) > MaxFeed {
		return nil, fmt.Errorf("%w: feed of %d bytes, at most %d", ErrFormat, len(payload), MaxFeed)
	}
	return &Feed{header: h, groups: w.Groups, entries: len(b.codes), payload: payload}, nil
}

func (g *groupWire) setCodes(codes []feedCode) {
	slices.SortFunc(codes, func(a, b feedCode) int { return bytes.Compare(a.code, b.code) })
	for _, c := range codes {
		g.Codes = append(append(g.Codes, byte(len(c.code)-1)), c.code...)
		if g.OneTime != nil {
			g.Codes = append(append(g.Codes, byte(len(c.secret)-1)), c.secret...)
		}
	}
}

// sortGroups puts groups into the order of their bytes without the codes.
func sortGroups(groups []groupWire) error {
	type keyed struct {
		key   []byte
		group groupWire
	}
	all := make([]keyed, 0, len(groups))
	for _, g := range groups {
		bare := g
		bare.Codes = nil
		key, err := encMode.Marshal(&bare)
		if err != nil {
			return fmt.Errorf("%w: feed: %v", ErrFormat, err)
		}
		all = append(all, keyed{key, g})
	}
	slices.SortFunc(all, func(a, b keyed) int { return bytes.Compare(a.key, b.key) })
	for i := range all {
		groups[i] = all[i].group
	}
	return nil
}

// decode reads the payload, but for the codes of its groups, of which it checks the shape.
func (f *Feed) decode() error {
	var w feedWire
	if err := decMode.Unmarshal(f.payload, &w); err != nil {
		return fmt.Errorf("%w: feed: %v", ErrFormat, err)
	}
	if w.Level == 0 || w.Level > FeedLevel {
		return fmt.Errorf("%w: format level %d of a feed, this program reads %d", ErrProgram, w.Level, FeedLevel)
	}
	kind, _ := trust.ParseFeedKind(w.Kind)
	f.header = FeedHeader{Kind: kind, Scope: w.Scope, Version: w.Version, Issued: w.Issued, Expires: w.Expires}
	if err := f.header.check(); err != nil {
		return err
	}
	if len(w.Groups) > MaxFeedGroups {
		return fmt.Errorf("%w: %d groups of codes, at most %d", ErrFormat, len(w.Groups), MaxFeedGroups)
	}
	f.groups = w.Groups
	for i := range f.groups {
		g := &f.groups[i]
		if _, err := g.entry(); err != nil {
			return fmt.Errorf("%w: group %d: %w", ErrFormat, i+1, err)
		}
		n, err := g.each(nil)
		if err != nil {
			return fmt.Errorf("%w: group %d: %w", ErrFormat, i+1, err)
		}
		if f.entries += n; f.entries > MaxFeedEntries {
			return fmt.Errorf("%w: more than %d codes", ErrFormat, MaxFeedEntries)
		}
	}
	return nil
}

// Each calls add for every code, with what is known of it and its secret, until add gives an error. Code and secret are views of the
// Feed. That a code does not stand in two groups is for add to see.
func (f *Feed) Each(add func(code []byte, e list.Entry, secret []byte) error) error {
	for i := range f.groups {
		g := &f.groups[i]
		e, err := g.entry()
		if err != nil {
			return fmt.Errorf("%w: group %d: %w", ErrContent, i+1, err)
		}
		if _, err := g.each(func(code, secret []byte) error { return add(code, e, secret) }); err != nil {
			return fmt.Errorf("%w: group %d: %w", ErrContent, i+1, err)
		}
	}
	return nil
}

var errCodes = errors.New("its codes are cut, empty or out of order")

// each walks over the codes and returns how many there are; add may be nil.
func (g *groupWire) each(add func(code, secret []byte) error) (n int, err error) {
	var before []byte
	for rest := g.Codes; len(rest) > 0; n++ {
		var code, secret []byte
		var ok bool
		if code, rest, ok = cutPiece(rest); !ok || n > 0 && bytes.Compare(before, code) >= 0 {
			return 0, errCodes
		}
		if g.OneTime != nil {
			if secret, rest, ok = cutPiece(rest); !ok {
				return 0, errCodes
			}
		}
		before = code
		if add == nil {
			continue
		}
		if err := add(code, secret); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// cutPiece cuts off a byte that is one less than a length, and so many bytes.
func cutPiece(b []byte) (piece, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 2+int(b[0]) {
		return nil, nil, false
	}
	n := 2 + int(b[0])
	return b[1:n:n], b[n:], true
}

func newGroup(e *list.Entry) groupWire {
	g := groupWire{State: e.State.String(), From: e.From, Until: e.Until, Zone: e.Zone, Uses: e.Uses}
	if e.OneTime {
		g.OneTime = &oneTimeWire{Digits: e.Digits, Period: e.Period, SHA256: e.SHA256}
	}
	return g
}

// entry returns what the group says of its codes; that it is sound is for the list's Builder to see.
func (g *groupWire) entry() (list.Entry, error) {
	e := list.Entry{From: g.From, Until: g.Until, Zone: g.Zone, Uses: g.Uses}
	switch g.State {
	case list.Listed.String():
		e.State = list.Listed
	case list.Blocked.String():
		e.State = list.Blocked
	case list.Revoked.String():
		e.State = list.Revoked
	default:
		return list.Entry{}, fmt.Errorf("state %.16q", g.State)
	}
	if err := checkText(g.Zone); err != nil {
		return list.Entry{}, fmt.Errorf("zone: %w", err)
	}
	if o := g.OneTime; o != nil {
		e.OneTime, e.Digits, e.Period, e.SHA256 = true, o.Digits, o.Period, o.SHA256
	}
	return e, nil
}

// FeedGroup says how many codes have an entry in common.
type FeedGroup struct {
	Entry list.Entry
	Codes int
}

// Groups returns the feed's groups, for people.
func (f *Feed) Groups() ([]FeedGroup, error) {
	groups := make([]FeedGroup, 0, len(f.groups))
	for i := range f.groups {
		e, err := f.groups[i].entry()
		if err != nil {
			return nil, err
		}
		n, err := f.groups[i].each(nil)
		if err != nil {
			return nil, err
		}
		groups = append(groups, FeedGroup{e, n})
	}
	return groups, nil
}
