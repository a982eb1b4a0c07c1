package cache

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	codes "passerelle/gateway/credential/list"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

// Limits of feeds and status lists.
const (
	MaxFeeds      = 1_024          // feeds that are kept, each of another kind and scope
	MaxFeedBytes  = 256 << 20      // of all feeds and status lists together, as they are stored
	MaxRemembered = 16_384         // feeds and status lists of which the highest version is remembered
	KeptExpired   = 30 * 24 * 3600 // seconds that a feed is kept past its expiry
)

// Errors of feeds.
var (
	ErrManyFeeds = errors.New("too many feeds are held")
	ErrFeedKey   = errors.New("the key of the feeds cannot be used")
)

// everywhere is the scope of a feed that holds for every event.
const everywhere = "*"

// statusKind is what stands for a kind of feed at a status list.
const statusKind = "status"

// Taken describes a feed or a status list that was taken.
type Taken struct {
	Kind    string // of a feed, or "status"
	Scope   string // event, flight, or a status list's address
	Version uint64 // of a status list the time at which it was issued
	Expires int64  // unix seconds
	Entries int    // codes, or statuses
	Notes   []string
}

// feedID is the first half of the SHA-256 of what no two feeds have in common.
type feedID [16]byte

// subject is what a feed or a status list is about.
type subject struct {
	Kind    string // of a feed, or statusKind
	Scope   string
	Country string `json:",omitempty"` // of a status list's issuer, as the next one
	Issuer  string `json:",omitempty"`
}

func (s *subject) id() feedID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", s.Kind, s.Scope, s.Country, s.Issuer))
	return feedID(sum[:16])
}

// String names it for people.
func (s *subject) String() string {
	if s.Kind == statusKind {
		return fmt.Sprintf("status list %q of %s", s.Scope, s.Issuer)
	}
	return fmt.Sprintf("feed %s of %q", s.Kind, s.Scope)
}

// blocks reports whether it is about those who may not enter: without it anybody would pass for one who may.
func (s *subject) blocks() bool {
	return s.Kind == trust.FeedDeny.String() || s.Kind == trust.FeedPretix.String()
}

// held is a feed or a status list in force: one of feed and status.
type held struct {
	head   feedHead
	feed   *trust.Feed
	token  []byte // the status list as it came, to be verified again under another trust list
	status *trust.Status
}

// feeds is what a cache holds besides the list, guarded by its mutex.
type feeds struct {
	key   *feedKey          // nil: none has been made, or it is of no use
	held  map[feedID]*held  // what is in force, or would be if there was a list
	floor map[feedID]*floor // the highest version of each that was ever taken
}

// floor remembers a version after what had it is gone.
type floor struct {
	subject
	version uint64
	expires int64
	present bool // it should be in the store
}

// TakeFeed checks a feed, or a status list's token, stores it, and returns the list in force with it. Whatever the error, what is in
// force stays.
func (c *Cache) TakeFeed(file []byte, now bundle.Now) (*trust.Snapshot, Taken, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil {
		return nil, Taken{}, fmt.Errorf("take feed: %w", c.missing)
	}
	var next *held
	var blob []byte
	var err error
	if bundle.IsFeed(file) {
		next, blob, err = c.checkFeed(file, now)
	} else {
		next, blob, err = c.checkStatus(file, now)
	}
	if err != nil {
		return nil, Taken{}, fmt.Errorf("take feed: %w", err)
	}
	c.notes = nil
	if err := c.keepFeed(next, blob, now); err != nil {
		return nil, Taken{}, fmt.Errorf("take feed: %w", err)
	}
	h := &next.head
	return c.snapshot(), Taken{
		Kind: h.Kind, Scope: h.Scope, Version: h.Version, Expires: h.Expires, Entries: h.Entries, Notes: slices.Clone(c.notes),
	}, nil
}

// checkFeed applies every rule to a feed and keys its codes: the plain ones go no further.
func (c *Cache) checkFeed(file []byte, now bundle.Now) (*held, []byte, error) {
	f, err := bundle.OpenFeed(file)
	if err != nil {
		return nil, nil, err
	}
	d, err := f.Verify(c.current.snapshot, now)
	if err != nil {
		return nil, nil, err
	}
	h := f.Header()
	about := subject{Kind: h.Kind.String(), Scope: h.Scope}
	if err := f.Check(c.feeds.known(about.id()), now); err != nil {
		return nil, nil, err
	}
	if err := c.needFeedKey(); err != nil {
		return nil, nil, err
	}
	builder := codes.NewBuilder(&c.feeds.key.codes)
	if err := f.Each(builder.Add); err != nil {
		return nil, nil, err
	}
	set, err := builder.Set()
	if err != nil {
		return nil, nil, err
	}
	fingerprint := d.Public.Fingerprint()
	next := &held{
		head: feedHead{subject: about, Version: h.Version, Issued: h.Issued, Expires: h.Expires, Entries: f.Len(), Test: d.Test, Signer: fingerprint[:]},
		feed: &trust.Feed{Kind: h.Kind, Scope: h.Scope, Version: h.Version, Issued: h.Issued, Expires: h.Expires, Test: d.Test, Set: set},
	}
	blob, err := set.AppendBinary(nil)
	if err != nil {
		return nil, nil, err
	}
	return next, blob, nil
}

// checkStatus applies every rule to a status list's token, which is stored as it is.
func (c *Cache) checkStatus(file []byte, now bundle.Now) (*held, []byte, error) {
	t, err := bundle.OpenStatus(file)
	if err != nil {
		return nil, nil, err
	}
	status, err := t.Verify(c.current.snapshot)
	if err != nil {
		return nil, nil, err
	}
	next := &held{token: bytes.Clone(file), status: status}
	next.head = feedHead{
		subject: subject{Kind: statusKind, Scope: status.URI, Country: status.Country, Issuer: status.Issuer},
		Version: uint64(status.Issued), Issued: status.Issued, Expires: status.Expires, Entries: int(status.Len()), Test: status.Test,
	}
	if err := bundle.CheckStatus(status, c.feeds.known(next.head.id()), now); err != nil {
		return nil, nil, err
	}
	if err := c.needFeedKey(); err != nil {
		return nil, nil, err
	}
	return next, next.token, nil
}

// known is what a feed that is offered is judged by.
func (f *feeds) known(id feedID) bundle.HeldFeed {
	known := f.floor[id]
	if known == nil {
		return bundle.HeldFeed{}
	}
	return bundle.HeldFeed{Version: known.version, Lost: !known.present}
}

// keepFeed stores what was checked and puts it in force.
func (c *Cache) keepFeed(next *held, blob []byte, now bundle.Now) error {
	id := next.head.id()
	gone := c.oldFeeds(now)
	if c.feeds.held[id] == nil && len(c.feeds.held)-len(gone) >= MaxFeeds {
		oldest, ok := c.longestExpired(now, gone)
		if !ok {
			return fmt.Errorf("%w: %d, and none of them has expired", ErrManyFeeds, MaxFeeds)
		}
		gone = append(gone, oldest)
	}
	next.head.seal(blob)
	total := len(blob)
	for other, h := range c.feeds.held {
		if other != id && !slices.Contains(gone, other) {
			total += int(h.head.Length)
		}
	}
	if total > MaxFeedBytes {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrManyFeeds, total, MaxFeedBytes)
	}
	if err := c.writeFeed(&next.head, blob, gone); err != nil {
		return err
	}
	for _, other := range gone {
		c.forget(other)
	}
	c.feeds.held[id] = next
	c.feeds.floor[id] = &floor{subject: next.head.subject, version: next.head.Version, expires: next.head.Expires, present: true}
	if err := c.writeIndex(); err != nil {
		c.note("%v", err) // the store says the same, and is read first
	}
	return nil
}

// oldFeeds are those that expired more than KeptExpired ago, whatever time it is.
func (c *Cache) oldFeeds(now bundle.Now) []feedID {
	var old []feedID
	for id, h := range c.feeds.held {
		if h.head.Expires < now.Earliest-KeptExpired {
			old = append(old, id)
		}
	}
	return old
}

func (c *Cache) longestExpired(now bundle.Now, gone []feedID) (oldest feedID, ok bool) {
	until := now.Earliest
	for id, h := range c.feeds.held {
		if h.head.Expires < until && !slices.Contains(gone, id) {
			oldest, until, ok = id, h.head.Expires, true
		}
	}
	return oldest, ok
}

// forget takes a feed out of force and remembers its version.
func (c *Cache) forget(id feedID) {
	delete(c.feeds.held, id)
	if known := c.feeds.floor[id]; known != nil {
		known.present = false
	}
}

// limitFloors forgets versions of feeds that are gone, those that expired first, when there are too many of them: lists of those who may
// not enter after all others, and never one that holds everywhere.
func (c *Cache) limitFloors() {
	over := len(c.feeds.floor) - MaxRemembered
	if over <= 0 {
		return
	}
	for _, blocks := range []bool{false, true} {
		for _, id := range c.floorIDs() {
			known := c.feeds.floor[id]
			if over > 0 && !known.present && known.blocks() == blocks && known.Scope != everywhere {
				delete(c.feeds.floor, id)
				over--
			}
		}
	}
}

// floorIDs returns what is remembered, in the order in which it expires.
func (c *Cache) floorIDs() []feedID {
	ids := make([]feedID, 0, len(c.feeds.floor))
	for id := range c.feeds.floor {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b feedID) int {
		return cmp.Or(cmp.Compare(c.feeds.floor[a].expires, c.feeds.floor[b].expires), bytes.Compare(a[:], b[:]))
	})
	return ids
}

// renewFeeds drops what the list that was just taken does not allow, and what is old.
func (c *Cache) renewFeeds(now bundle.Now) {
	gone := c.underList()
	for _, id := range c.oldFeeds(now) {
		c.forget(id)
		gone = append(gone, id)
	}
	if len(gone) == 0 {
		return
	}
	c.removeGone(gone)
	if err := c.writeIndex(); err != nil {
		c.note("%v", err)
	}
}

// underList keeps of the feeds those that the list in force allows: their delegate is on it and active, or the status list's key is.
// The others are dropped, and named.
func (c *Cache) underList() []feedID {
	var gone []feedID
	if c.current == nil {
		return nil
	}
	for _, id := range c.heldIDs() {
		h := c.feeds.held[id]
		err := h.underList(c.current.snapshot)
		if err == nil {
			continue
		}
		c.note("%v, version %d, is dropped: %v", &h.head.subject, h.head.Version, err)
		c.forget(id)
		gone = append(gone, id)
	}
	return gone
}

func (c *Cache) heldIDs() []feedID {
	ids := make([]feedID, 0, len(c.feeds.held))
	for id := range c.feeds.held {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b feedID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

func (h *held) underList(s *trust.Snapshot) error {
	if h.feed == nil {
		t, err := bundle.OpenStatus(h.token)
		if err != nil {
			return err
		}
		if h.status, err = t.Verify(s); err != nil {
			return err
		}
		if h.status.Country != h.head.Country || h.status.Issuer != h.head.Issuer {
			return errors.New("its key is another issuer's now")
		}
		return nil
	}
	all := s.Delegates()
	for i := range all {
		fingerprint := all[i].Public.Fingerprint()
		if bytes.Equal(fingerprint[:], h.head.Signer) && all[i].Covers(h.feed.Kind, h.feed.Scope) {
			return nil
		}
	}
	return errors.New("who signed it may not do so any more")
}

// snapshot is the list in force with everything that goes with it.
func (c *Cache) snapshot() *trust.Snapshot {
	var feeds []*trust.Feed
	var statuses []*trust.Status
	for _, id := range c.heldIDs() {
		if h := c.feeds.held[id]; h.feed != nil {
			feeds = append(feeds, h.feed)
		} else if h.status != nil {
			statuses = append(statuses, h.status)
		}
	}
	var lost []trust.FeedName
	for _, known := range c.feeds.floor {
		if kind, ok := trust.ParseFeedKind(known.Kind); ok && !known.present {
			lost = append(lost, trust.FeedName{Kind: kind, Scope: known.Scope})
		}
	}
	return c.current.snapshot.With(feeds, statuses).WithLost(lost)
}
