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

// conflict is an entry whose content differs from what the store holds, or does not fit beside it.
type conflict struct{ sequence uint64 }

func (e *conflict) Error() string {
	return "entry " + strconv.FormatUint(e.sequence, 10) + " differs from the one held: an older or an edited journal"
}

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

// receipt is what became of a batch.
type receipt struct {
	fresh []int // indexes of the entries that are new
	gap   span  // entries before the batch that have not come; zero if there are none
}

// accept keeps the entries of a batch that are new. When it returns without an error all of them are on disk; with one,
// none is known to be.
func (s *store) accept(b *batch, box string, at time.Time) (receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return receipt{}, s.broken
	}
	if err := s.space(s.opts.MinFree); err != nil {
		return receipt{}, err
	}
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	k, err := findKeeper(txn, b.journal)
	if err != nil {
		return receipt{}, err
	}
	if k.Entries > 0 && k.Box != "" && k.Box != box {
		return receipt{}, errForeign
	}
	r, err := compare(txn, b)
	if err != nil {
		return receipt{}, err
	}
	if b.First > k.Last+1 {
		r.gap = span{k.Last + 1, b.First - 1}
	}
	if len(r.fresh) == 0 && k.Box == box {
		return r, nil
	}
	k.Box = box
	if err := s.keep(b, r.fresh, k, at); err != nil {
		s.broken = fmt.Errorf("%w: %w", errBroken, err)
		return receipt{}, s.broken
	}
	s.last.Store(at.Unix())
	return r, nil
}

// keep writes entries of a batch, in order, and what the store knows of their journal; when it returns nil all is on disk.
// A batch that is larger than one transaction is written in several: one that ends early is found so when it is sent again.
func (s *store) keep(b *batch, fresh []int, k keeper, at time.Time) error {
	for done := 0; ; {
		txn := s.db.NewTransaction(true)
		defer txn.Discard()
		size, added := 0, 0
		for ; done < len(fresh) && size < maxTransaction; done++ {
			e := &b.entries[fresh[done]]
			value := entryValue(e, at)
			if err := txn.Set(entryKey(b.journal, e.Sequence), value); err != nil {
				return fmt.Errorf("keep entry %d: %w", e.Sequence, err)
			}
			if k.Entries == 0 || e.Sequence < k.First {
				k.First = e.Sequence
			}
			k.Last, k.Entries = max(k.Last, e.Sequence), k.Entries+1
			size, added = size+len(value), added+1
		}
		if err := putKeeper(txn, b.journal, k); err != nil {
			return err
		}
		if err := txn.Commit(); err != nil {
			return fmt.Errorf("keep entries: %w", err)
		}
		s.entries.Add(uint64(added))
		if done == len(fresh) {
			return s.acknowledge()
		}
	}
}

// acknowledge has on disk what Badger does not see to, the names of the files that it made, and then the count.
func (s *store) acknowledge() error {
	if err := syncFolder(s.path()); err != nil {
		return err
	}
	return s.head.save(strconv.AppendUint(nil, s.entries.Load(), 10))
}

// compare finds the entries that are new. Those that are held must be the same, and those beside must fit.
func compare(txn *badger.Txn, b *batch) (receipt, error) {
	var r receipt
	for i := range b.entries {
		e := &b.entries[i]
		held, found, err := find(txn, b.journal, e.Sequence)
		if err != nil {
			return receipt{}, err
		}
		if !found {
			r.fresh = append(r.fresh, i)
		} else if held.Hash != e.Hash {
			return receipt{}, &conflict{e.Sequence}
		}
	}
	first, last := &b.entries[0], &b.entries[len(b.entries)-1]
	before, found, err := find(txn, b.journal, first.Sequence-1)
	if err != nil {
		return receipt{}, err
	}
	if found && before.Hash != first.Previous {
		return receipt{}, &conflict{first.Sequence}
	}
	after, found, err := find(txn, b.journal, last.Sequence+1)
	if err != nil {
		return receipt{}, err
	}
	if found && after.Previous != last.Hash {
		return receipt{}, &conflict{last.Sequence}
	}
	return r, nil
}

func find(txn *badger.Txn, journalID string, sequence uint64) (e journal.Entry, found bool, err error) {
	item, err := txn.Get(entryKey(journalID, sequence))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return journal.Entry{}, false, nil
	}
	if err == nil {
		err = item.Value(func(value []byte) error {
			e, _, err = readEntry(value)
			return err
		})
	}
	if err != nil {
		return journal.Entry{}, false, fmt.Errorf("read entry %d: %w", sequence, err)
	}
	return e, true, nil
}

func findKeeper(txn *badger.Txn, journalID string) (keeper, error) {
	item, err := txn.Get(keeperKey(journalID))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return keeper{}, nil
	}
	if err != nil {
		return keeper{}, fmt.Errorf("read journal %s: %w", journalID, err)
	}
	return readKeeper(item)
}

func putKeeper(txn *badger.Txn, journalID string, k keeper) error {
	value, err := json.Marshal(&k)
	if err == nil {
		err = txn.Set(keeperKey(journalID), value)
	}
	if err != nil {
		return fmt.Errorf("keep journal %s: %w", journalID, err)
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
