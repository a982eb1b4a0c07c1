// Package cache keeps the trust list of a gate through restarts, damage and changes of roots.
//
// A folder holds:
//
//	roots.toml   the pinned roots: written at the first run, then only by people
//	list.bundle  the last list that was taken, as one bundle file
//	store/       the same file in Badger
//	version      the highest version that was ever taken, and its digest
//	lock         held while a process has the cache open
//	opening      exists while Badger is open; found at a start, the last process died in Badger
//	feeds/       feeds and status lists in a Badger of their own: no plain code, only keyed ones
//	feeds.key    the secret that they are keyed with; whoever deletes it loses the feeds, and nothing else
//	feeds.index  which feeds there should be, and the highest version of each that was ever taken
//	feeds.opening  as opening, for feeds/
//	*.damaged-N  what was found damaged, kept for people; the newest MaxKept of each
//
// What is decided here:
//   - A list counts only after its signatures have been verified from the pinned roots, at every start. The file carries
//     the manifests that changed the roots, so that pinning once is enough, and taking a list is one atomic rename.
//   - The list stands twice, in the file and in Badger; each is checked and each heals the other, which is said in
//     Info.Notes. When both are gone that is an error, never an empty list.
//   - All checks come before anything is stored. An older version than any source remembers (file, Badger, version file,
//     the journal's head) is refused; a version that was lost may be taken again.
//   - A feed is verified when it is taken; stored is what its codes were made into, sealed with the secret. A status list is stored as
//     it came, and verified at every start. Both are held against every list that is put in force: what its delegate or key may no
//     longer sign is dropped. What is damaged or lost is named and left out; it may be taken again. Lists of those who may not enter
//     stay known as lost until then, whatever they went by: see trust.Snapshot.IsLost.
//   - Feeds change by the minute, the list does not, so that they have a store of their own: what happens to it never costs the list.
//   - Badger is open only while it is read or written, so a full disk or a damaged table cannot stop a running gate. It
//     is not opened when the disk is nearly full: Badger maps its files, and a full disk then kills the process.
package cache

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

// Limits of the folder.
const (
	MaxKept = 4        // damaged copies of one file or store that are kept
	MinFree = 48 << 20 // bytes that must be free before Badger is opened
)

// States of a cache that are not a list.
var (
	ErrBusy    = errors.New("another process has the trust cache open")
	ErrNoRoots = errors.New("no roots are pinned")
	ErrNoList  = errors.New("no trust list has been taken yet")
	ErrLost    = errors.New("the trust list is lost")
	ErrSpace   = errors.New("not enough room on the disk")
)

// Options of a cache.
type Options struct {
	Roots *bundle.Roots                          // pinned if nothing is pinned yet; nil: none at hand
	Floor uint64                                 // version that the journal's head remembers, 0 for none
	Test  func(fingerprint [32]byte) (test bool) // which keys are published test keys; nil: none
	// Random makes the secret of the feeds; nil: no first feed can be taken.
	Random io.Reader
}

// Info describes the list in force and what was found on the way to it.
type Info struct {
	Version uint64
	Issued  int64 // unix seconds
	Expires int64 // unix seconds
	Digest  [32]byte
	Keys    int
	Roots   bundle.Roots     // who must sign the next list
	Skipped []bundle.Skipped // keys that had to be left out
	Known   uint64           // highest version that anything remembers: above Version an older list is in force, to be treated as stale
	Notes   []string         // damage, and what was done about it
}

// Cache is the folder, open. It is safe for concurrent use.
type Cache struct {
	dir     string
	options Options
	lock    *os.File
	pinned  bundle.Roots

	mu      sync.Mutex // guards what follows, and the folder
	current *list      // nil: none
	missing error      // why there is none
	known   uint64     // highest version that anything remembers
	notes   []string

	storeBroken bool // Badger could not be read, and stands as it was found

	feeds feeds
}

// Open locks the folder, pins the roots at the first run, reads the list from both places, and heals what is damaged.
// That there is no list is for Load to say.
func Open(dir string, o Options) (*Cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open trust cache: %w", err)
	}
	lock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("open trust cache %s: %w", dir, err)
	}
	c := &Cache{dir: dir, options: o, lock: lock, known: o.Floor}
	if err := c.pin(); err != nil {
		lock.Close()
		return nil, fmt.Errorf("open trust cache %s: %w", dir, err)
	}
	c.read()
	c.readFeeds()
	return c, nil
}

// Close unlocks the folder.
func (c *Cache) Close() error {
	if err := c.lock.Close(); err != nil {
		return fmt.Errorf("close trust cache: %w", err)
	}
	return nil
}

// Load returns the list in force with its feeds, be they expired. Without one the error wraps ErrNoList or ErrLost.
func (c *Cache) Load() (*trust.Snapshot, Info, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil {
		return nil, Info{}, fmt.Errorf("load trust list: %w", c.missing)
	}
	return c.snapshot(), c.info(), nil
}

// Take checks a bundle file, stores it and returns the new list. Parts that the file leaves out come from the list in
// force. Whatever the error, the list in force stays.
func (c *Cache) Take(file []byte, now bundle.Now) (*trust.Snapshot, Info, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next, err := c.check(file, now)
	if err != nil {
		return nil, Info{}, fmt.Errorf("take trust list: %w", err)
	}
	c.notes = nil
	if err := c.store(next); err != nil {
		return nil, Info{}, fmt.Errorf("take trust list: %w", err)
	}
	c.renewFeeds(now)
	return c.snapshot(), c.info(), nil
}

// Part returns a part of the list in force by its SHA-256, or nil: what a fetcher need not fetch.
func (c *Cache) Part(sum [32]byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.part(sum)
}

func (c *Cache) part(sum [32]byte) []byte {
	if c.current == nil {
		return nil
	}
	return c.current.verified.Bundle().Part(sum)
}

// pin reads the pinned roots, or pins those of the options.
func (c *Cache) pin() error {
	path := filepath.Join(c.dir, "roots.toml")
	text, err := readFile(path, bundle.MaxManifest)
	if errors.Is(err, os.ErrNotExist) {
		if c.options.Roots == nil {
			return ErrNoRoots
		}
		if text, err = c.options.Roots.MarshalText(); err != nil {
			return err
		}
		err = writeFile(path, text)
	}
	if err != nil {
		return err
	}
	if err := c.pinned.UnmarshalText(text); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if given := c.options.Roots; given != nil && !given.Equal(&c.pinned) {
		c.note("other roots than those given are pinned in %s; the pinned ones hold", path)
	}
	return nil
}

// check applies every rule to a file, and makes of it the file that will be stored: complete, and verified from the
// pinned roots by itself.
func (c *Cache) check(file []byte, now bundle.Now) (*list, error) {
	b, err := bundle.Open(file, c.part)
	if err != nil {
		return nil, err
	}
	held := c.held()
	v, err := b.Verify(held)
	if err != nil {
		return nil, err
	}
	if err := v.Check(held, now); err != nil {
		return nil, err
	}
	whole := v.Bundle()
	if c.current != nil {
		if err := whole.After(c.current.verified); err != nil {
			return nil, err
		}
	}
	stored, err := whole.File(nil)
	if err != nil {
		return nil, err
	}
	return c.parse(stored)
}

// held is what an offered bundle is judged by.
func (c *Cache) held() bundle.Held {
	h := bundle.Held{Roots: c.pinned}
	if c.current != nil {
		h = c.current.verified.Held()
	}
	if h.Version != c.known {
		h.Version, h.Digest = c.known, [32]byte{} // the newest list that was known is lost
	}
	return h
}

func (c *Cache) info() Info {
	s, h := c.current.snapshot, c.current.verified.Held()
	return Info{
		Version: s.Version(), Issued: s.Issued(), Expires: s.Expires(), Digest: s.Digest(), Keys: s.Len(),
		Roots: h.Roots, Skipped: c.current.skipped, Known: c.known, Notes: append([]string(nil), c.notes...),
	}
}

func (c *Cache) note(format string, args ...any) {
	c.notes = append(c.notes, fmt.Sprintf(format, args...))
}

// list is a bundle file that was verified from the pinned roots, and what it says.
type list struct {
	file     []byte
	verified *bundle.Verified
	snapshot *trust.Snapshot
	skipped  []bundle.Skipped
}

func (l *list) version() uint64 { return l.snapshot.Version() }

func (c *Cache) parse(file []byte) (*list, error) {
	b, err := bundle.Open(file, nil)
	if err != nil {
		return nil, err
	}
	v, err := b.Verify(bundle.Held{Roots: c.pinned})
	if err != nil {
		return nil, err
	}
	s, skipped, err := v.Snapshot(c.options.Test)
	if err != nil {
		return nil, err
	}
	return &list{file: file, verified: v, snapshot: s, skipped: skipped}, nil
}
