package journal

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"

	"passerelle/gateway/policy"
)

// Limits of what Commit, Note and Read take.
const (
	MaxBatch     = 128    // verdicts of one Commit; the largest there can be are within what Badger takes at once
	MaxRead      = 10_000 // entries that one Read appends
	MaxLane      = 64     // bytes of a lane's id, and of a profile's name
	MaxZone      = 64     // bytes of a zone's name
	MaxEvent     = 32     // bytes of a note's event and of a field's name: lower-case letters, digits and _
	MaxFields    = 16     // fields of a note
	MaxFieldText = 512    // bytes of a field's value
)

// Defaults of Options.
const (
	// DefaultMinFree covers what Badger may touch between two checks: a memory table's log, the tables that it becomes
	// and a compaction of them.
	DefaultMinFree = 48 << 20
	// DefaultBallast is as much, so that a store on a full disk can be opened and closed again.
	DefaultBallast = 48 << 20
	DefaultKeep    = 72 * time.Hour
	DefaultMaxUses = 500_000 // about 67 MB of memory
)

// Errors that callers choose by. On every one of them nothing of a batch is final.
var (
	ErrFull     = errors.New("journal: too little space on the disk")
	ErrDamaged  = errors.New("journal: damaged")
	ErrInUse    = errors.New("journal: in use by another process (while passerelle runs, its journal cannot be opened a second time)")
	ErrClosed   = errors.New("journal: closed")
	ErrReadOnly = errors.New("journal: opened for reading only")
	ErrLimit    = errors.New("journal: limit exceeded")
	ErrNoGap    = errors.New("journal: there is no gap to accept")
	ErrRange    = errors.New("journal: no such entry")
	ErrOlder    = errors.New("journal: an older trust list than the one taken")
)

// Options are what a journal needs from outside. Now and Random are required.
type Options struct {
	Now    func() time.Time // for the journal's own records; no verdict depends on it
	Random io.Reader        // journal ids and event keys
	Logger *slog.Logger     // nil: silent

	// Free returns the free bytes of the file system that holds dir, from any goroutine; nil asks the system.
	Free func(dir string) (uint64, error)
	// MinFree is the free space, in bytes, below which Commit refuses; 0 is DefaultMinFree. The store is not opened with
	// less than two thirds of it.
	MinFree uint64
	// Begun says that a journal was here before, as the caller knows from outside of dir: none is then a lost one.
	Begun bool
	// Ballast is the size of the ballast file in bytes; 0 is DefaultBallast.
	Ballast int64
	// Keep is the age that entries must reach, acknowledged, before Prune drops them; 0 is DefaultKeep.
	Keep time.Duration
	// MaxUses limits the ledger: beyond it a credential that is used once is referred, and a ledger that is larger is not
	// opened. 0 is DefaultMaxUses.
	MaxUses int

	segment  uint64                            // entries of a segment, for tests; 0 is segmentEntries
	memTable int64                             // bytes of Badger's memory table, for tests; 0 is memTableSize
	unsynced bool                              // for the test that shows that the power-cut rig sees losses
	pageOut  func(start, length uintptr) error // for tests; nil is pageOut
}

func (o Options) withDefaults() Options {
	if o.Free == nil {
		o.Free = freeSpace
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.MinFree = orDefault(o.MinFree, DefaultMinFree)
	o.Ballast = orDefault(o.Ballast, DefaultBallast)
	o.Keep = orDefault(o.Keep, DefaultKeep)
	o.MaxUses = orDefault(o.MaxUses, DefaultMaxUses)
	o.segment = orDefault(o.segment, segmentEntries)
	o.memTable = orDefault(o.memTable, memTableSize)
	if o.pageOut == nil {
		o.pageOut = pageOut
	}
	return o
}

func orDefault[T comparable](v, standard T) T {
	var zero T
	if v == zero {
		return standard
	}
	return v
}

// Pending is a candidate on its way to a final verdict.
type Pending struct {
	Lane      string
	Zone      string // of the lane, at most MaxZone bytes; empty if it has none
	At        time.Time
	Profile   *policy.Profile
	Candidate policy.Candidate // its Verdict is made final by Commit
	Awaited   bool             // a contact says whether the person walks through: Resolve follows if this is admitted
	Open      bool             // the lane lets everybody in, whatever the verdict
	Sequence  uint64           // set by Commit
	Earlier   Earlier          // set by Commit where the use was claimed before
}

// Earlier says by which entry a use was claimed.
type Earlier struct {
	Lane     string
	At       time.Time
	Sequence uint64
}

// Entry is one link of the chain.
type Entry struct {
	Sequence       uint64
	Previous, Hash [32]byte
	Lane           string
	Body           []byte // one JSON object, exactly as hashed and reported
}

// State says how far the journal can be relied on. The zero value is not at all.
type State uint8

// The states.
const (
	Damaged State = iota // found while running; kinds used once are referred, and the next start moves the journal aside
	Full                 // Commit refuses until there is space
	Gap                  // an earlier journal was lost: kinds used once are referred until AcceptLoss
	OK
)

// String returns the name that the lane, metrics and reports use.
func (s State) String() string {
	switch s {
	case OK:
		return "ok"
	case Gap:
		return "gap"
	case Full:
		return "full"
	}
	return "damaged"
}

// Journal is one open journal. Commit, Note and the other writers take turns; Read, Verify, Export, State, Head,
// Counts, LaneCount, ZoneCounts, Unresolved and ReleasePages may be called from any goroutine at any time.
type Journal struct {
	dir      string
	opts     Options
	log      *slog.Logger
	lock     *os.File // nil for a folder that was moved aside
	readOnly bool
	beside   string // OpenReadOnly: what is wrong beside the store, for Verify

	mu     sync.Mutex // the writers' turn; guards what follows up to the blank line
	starts *startsFile
	head   *headFile
	folder *watchedFolder // of the store
	key    eventKey
	meta   meta
	ledger ledger
	writer writer
	tally  tally // of the current segment
	broken error // a write failed: what is on disk is known again after the next Open

	using sync.RWMutex // held by those who use db outside mu; taken whole by those who set it
	db    *badger.DB   // nil while there is too little space to open it

	published sync.RWMutex // guards what any goroutine may ask
	tip       tip
	point     checkpoint
	acked     uint64
	hasGap    bool

	// Changed in the writers' turn only, so a writer reads them without published.
	unresolved map[uint64]waiting
	counts     map[place]counter
	totals     totals // of counts

	damaged    atomic.Bool
	closed     atomic.Bool
	keepsPages atomic.Bool // ReleasePages said that it cannot
}

// tip is what the head file says.
type tip struct {
	id       journalID
	sequence uint64
	chain    [32]byte
	trust    uint64
}

// Open opens the journal in dir, and makes one if there is none. What it finds damaged it moves aside. With too little
// space it returns a journal in the state Full, which opens its store by itself once there is space.
func Open(dir string, opts Options) (*Journal, error) {
	if opts.Now == nil || opts.Random == nil {
		return nil, errors.New("open journal: no clock or no source of randomness given")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	j := &Journal{dir: dir, opts: opts, log: opts.Logger, lock: lock}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.start(false); err != nil {
		err = errors.Join(err, j.release())
		return nil, fmt.Errorf("open journal %s: %w", dir, err)
	}
	return j, nil
}

// State returns how far the journal can be relied on now.
func (j *Journal) State() State {
	if j.damaged.Load() {
		return Damaged
	}
	j.using.RLock()
	open := j.db != nil
	j.using.RUnlock()
	if free, err := j.opts.Free(j.dir); !open || err != nil || free < j.opts.MinFree {
		return Full
	}
	j.published.RLock()
	defer j.published.RUnlock()
	if j.hasGap {
		return Gap
	}
	return OK
}

// ID returns the journal's id, 32 hexadecimal digits: zeros as long as a full disk kept it from being made.
func (j *Journal) ID() string { return j.current().id.String() }

// Head returns the last acknowledged entry's number and hash.
func (j *Journal) Head() (sequence uint64, chain [32]byte) {
	t := j.current()
	return t.sequence, t.chain
}

// TrustVersion returns the version of the newest trust list that was taken.
func (j *Journal) TrustVersion() uint64 { return j.current().trust }

// SetTrustVersion records that a trust list was taken. It never goes back.
func (j *Journal) SetTrustVersion(version uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.usable(); err != nil {
		return err
	}
	if j.head == nil {
		return ErrFull
	}
	next := j.current()
	if version < next.trust {
		return fmt.Errorf("%w: %d, have %d", ErrOlder, version, next.trust)
	}
	if version == next.trust {
		return nil
	}
	next.trust = version
	if err := j.setHeadTwice(next); err != nil || j.writable() != nil {
		return err // on a full disk the head file alone, which takes no space
	}
	j.meta.Trust = version
	return j.saveMeta()
}

// Close ends the journal. On a full disk it leaves the store as a power cut would, which loses nothing: to tidy up needs space.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed.Swap(true) {
		return nil
	}
	err := j.closeStore()
	if err == nil && j.starts != nil && !j.damaged.Load() {
		err = j.starts.settle()
	}
	if err = errors.Join(err, j.release()); err != nil {
		return fmt.Errorf("close journal %s: %w", j.dir, err)
	}
	return nil
}

// usable refuses what a closed, broken or read-only journal cannot do.
func (j *Journal) usable() error {
	switch {
	case j.closed.Load():
		return ErrClosed
	case j.readOnly:
		return ErrReadOnly
	case j.broken != nil:
		return fmt.Errorf("%w: an earlier write failed: %w", ErrDamaged, j.broken)
	}
	return nil
}

// fail remembers that what is on disk is no longer known.
func (j *Journal) fail(err error) error {
	j.broken = err
	j.damaged.Store(true)
	j.log.Error("journal write failed", "error", err)
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

func (j *Journal) current() tip {
	j.published.RLock()
	defer j.published.RUnlock()
	return j.tip
}

func (j *Journal) setHead(next tip) error {
	if err := j.head.write(next); err != nil {
		return j.fail(err)
	}
	j.published.Lock()
	j.tip = next
	j.published.Unlock()
	return nil
}

// setHeadTwice fills both slots, where nothing else on disk says the same.
func (j *Journal) setHeadTwice(next tip) error {
	if err := j.setHead(next); err != nil {
		return err
	}
	return j.setHead(next)
}

// journalID names a journal; a new one is made whenever the chain begins again.
type journalID [16]byte

func (id journalID) String() string { return hex.EncodeToString(id[:]) }
