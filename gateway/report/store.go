package report

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"passerelle/gateway/journal"
)

// store keeps the entries of many journals, each once.
//
//	DIR/store   Badger: 'e' journal(16) sequence(8, big-endian) → previous(32) hash(32) received(8, unix ms) body
//	                    'j' journal(16) → keeper as JSON
//	DIR/head    how many entries were acknowledged: Badger by itself opens without what damage took from it
type store struct {
	dir     string
	opts    *CollectorOptions
	db      *badger.DB
	entries atomic.Uint64 // in db
	last    atomic.Int64  // when the last report was accepted, unix seconds

	mu     sync.Mutex // one batch at a time; guards what follows
	head   *slots
	broken error // a write failed: what is on disk is known again after the next open
}

// Sizes of the store. One transaction may hold 15 % of a memory table; an entry is added until maxTransaction is reached.
// The larger a memory table, the more space a compaction of tables needs for a while.
const (
	memoryTable    = 8 << 20
	maxTransaction = memoryTable*15/100 - MaxEntryBytes - 64<<10
)

// keeper is what the store knows of one journal.
type keeper struct {
	Box     string `json:"box"` // the box whose secret signed; empty for one without a name
	First   uint64 `json:"first"`
	Last    uint64 `json:"last"`
	Entries uint64 `json:"entries"`
}

// Errors of the store.
var (
	errSpace   = errors.New("too little space on the disk")
	errBroken  = errors.New("the store failed")
	errForeign = errors.New("the journal belongs to another box")
	errDamaged = errors.New("the store is damaged; move its folder aside, keep it, and start with an empty one")
)

// openStore opens both parts and compares them.
func openStore(dir string, opts *CollectorOptions) (*store, error) {
	s := &store{dir: dir, opts: opts}
	if err := os.MkdirAll(s.path(), 0o700); err != nil {
		return nil, err
	}
	for _, folder := range []string{filepath.Dir(filepath.Clean(dir)), dir} { // the names that MkdirAll made
		if err := syncFolder(folder); err != nil {
			return nil, err
		}
	}
	// Before Badger maps a file: on a full disk that ends the process. A store that accepts nothing any more can be opened.
	if err := s.space(opts.MinFree / 2); err != nil {
		return nil, err
	}
	if err := s.openParts(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *store) path() string { return filepath.Join(s.dir, "store") }

func (s *store) openParts() (err error) {
	// Badger panics on some damage. This turns that into an error; what panics in a goroutine of its own ends the process.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %s", errDamaged, printable(fmt.Append(nil, r)))
		}
	}()
	var value []byte
	if s.head, value, err = openSlots(filepath.Join(s.dir, "head")); errors.Is(err, errSlots) {
		return fmt.Errorf("%w: %w", errDamaged, err)
	} else if err != nil {
		return err
	}
	db, err := badger.Open(badgerOptions(s.path()))
	if err != nil {
		return err // db is half open then, and cannot be closed
	}
	s.db = db
	held, err := s.countEntries()
	if err != nil {
		return err
	}
	acknowledged := uint64(0)
	if value != nil {
		if acknowledged, err = strconv.ParseUint(string(value), 10, 64); err != nil {
			return fmt.Errorf("%w: its head is not a number", errDamaged)
		}
	} else if held > 0 {
		return fmt.Errorf("%w: %d entries and no head", errDamaged, held)
	}
	if held < acknowledged {
		return fmt.Errorf("%w: %d entries of %d", errDamaged, held, acknowledged)
	}
	s.entries.Store(held)
	return s.acknowledge()
}

func badgerOptions(dir string) badger.Options {
	return badger.DefaultOptions(dir).
		WithLogger(nil).
		WithMetricsEnabled(false).
		WithSyncWrites(true).
		WithDetectConflicts(false). // one writer
		WithMemTableSize(memoryTable).
		WithNumMemtables(2).
		WithNumLevelZeroTables(2).
		WithNumLevelZeroTablesStall(4).
		WithBaseLevelSize(8 << 20).
		WithNumCompactors(2).
		WithBlockCacheSize(4 << 20).
		WithIndexCacheSize(4 << 20).
		WithValueLogFileSize(16 << 20).
		WithValueThreshold(MaxEntryBytes + 1024). // values stay in the tables: nothing to collect in a value log
		WithChecksumVerificationMode(options.OnBlockRead).
		WithVerifyValueChecksum(true)
}

// countEntries counts what can be read, and compares it with what each journal's record says.
func (s *store) countEntries() (held uint64, err error) {
	recorded := uint64(0)
	err = s.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			item := it.Item()
			switch item.Key()[0] {
			case 'e':
				held++
			case 'j':
				k, err := readKeeper(item)
				if err != nil {
					return err
				}
				recorded += k.Entries
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	if held != recorded {
		return 0, fmt.Errorf("%w: %d entries of %d", errDamaged, held, recorded)
	}
	return held, nil
}

func readKeeper(item *badger.Item) (k keeper, err error) {
	err = item.Value(func(value []byte) error { return json.Unmarshal(value, &k) })
	if err != nil {
		return keeper{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return k, nil
}

func (s *store) close() error {
	var err error
	if s.db != nil {
		err = s.db.Close()
	}
	if s.head != nil {
		err = errors.Join(err, s.head.close())
	}
	return err
}

// space refuses when the disk has less free space than that.
func (s *store) space(want uint64) error {
	free, err := s.opts.Free(s.dir)
	if err != nil {
		return err
	}
	if free < want {
		return fmt.Errorf("%w: %d bytes free, want %d", errSpace, free, want)
	}
	return nil
}

// key is a letter and the journal's id, which parseBatch has checked.
func key(letter byte, journalID string) []byte {
	id, err := hex.DecodeString(journalID)
	if err != nil {
		panic("journal id was not checked")
	}
	return append([]byte{letter}, id...)
}

func keeperKey(journalID string) []byte { return key('j', journalID) }

func entryKey(journalID string, sequence uint64) []byte {
	return binary.BigEndian.AppendUint64(key('e', journalID), sequence)
}

const entryHead = 32 + 32 + 8

func entryValue(e *journal.Entry, at time.Time) []byte {
	v := make([]byte, 0, entryHead+len(e.Body))
	v = append(v, e.Previous[:]...)
	v = append(v, e.Hash[:]...)
	v = binary.BigEndian.AppendUint64(v, uint64(at.UnixMilli()))
	return append(v, e.Body...)
}

// readEntry reads a value. The body points into it.
func readEntry(value []byte) (e journal.Entry, received time.Time, err error) {
	if len(value) <= entryHead {
		return journal.Entry{}, time.Time{}, errDamaged
	}
	e.Previous, e.Hash = [32]byte(value), [32]byte(value[32:])
	received = time.UnixMilli(int64(binary.BigEndian.Uint64(value[64:]))).UTC()
	e.Body = value[entryHead:]
	return e, received, nil
}

// ready says whether accept could work now.
func (s *store) ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	return s.space(s.opts.MinFree)
}
