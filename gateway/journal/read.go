package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/dgraph-io/badger/v4"
)

// Read appends to dst the acknowledged entries numbered from and up, at most limit (and MaxRead) of them, and checks each
// link. It begins behind what retention dropped. Bodies are the caller's.
func (j *Journal) Read(dst []Entry, from uint64, limit int) ([]Entry, error) {
	var entries []Entry
	err := j.view(func(txn *badger.Txn, acknowledged tip) error {
		r, err := newReader(txn, acknowledged)
		if err != nil {
			return err
		}
		if err := r.seek(txn, from); err != nil {
			return err
		}
		last := min(r.tip.sequence, r.at.sequence+uint64(max(0, min(limit, MaxRead))))
		return eachEntry(context.Background(), txn, r.hasher, &r.at, last, func(e *Entry, _ *facts) error {
			e.Body = bytes.Clone(e.Body)
			entries = append(entries, *e)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read journal from entry %d: %w", from, err)
	}
	return append(dst, entries...), nil
}

// view runs fn over one state of the store, which holds what was acknowledged and perhaps more. Damage that fn finds is
// remembered.
func (j *Journal) view(fn func(*badger.Txn, tip) error) error {
	return j.remember(j.viewStore(fn))
}

// remember passes an error on; damage stays with the journal.
func (j *Journal) remember(err error) error {
	if err != nil && isDamage(err) {
		j.markDamaged(err)
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

func (j *Journal) viewStore(fn func(*badger.Txn, tip) error) error {
	return j.withStore(func(db *badger.DB) error {
		acknowledged := j.current() // before the transaction begins
		return protect(func() error {
			return db.View(func(txn *badger.Txn) error { return fn(txn, acknowledged) })
		})
	})
}

// withStore runs fn, which must not take the writers' turn, while nobody closes the store.
func (j *Journal) withStore(fn func(*badger.DB) error) error {
	j.using.RLock()
	defer j.using.RUnlock()
	switch {
	case j.closed.Load():
		return ErrClosed
	case j.db == nil:
		return ErrFull
	}
	return fn(j.db)
}

// markDamaged remembers damage for this run and, in the file of starts, for the next.
func (j *Journal) markDamaged(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.recordDamage(err)
}

// recordDamage is markDamaged in the writers' turn.
func (j *Journal) recordDamage(err error) {
	if j.damaged.Swap(true) || j.readOnly {
		return
	}
	j.log.Error("journal is damaged", "error", err)
	if j.starts == nil {
		return
	}
	if err := j.starts.markDamaged(); err != nil {
		j.log.Error("damage not recorded", "error", err)
	}
}

// reader reads the acknowledged part of the chain.
type reader struct {
	hasher *hasher
	point  checkpoint
	tip    tip
	at     link
}

func newReader(txn *badger.Txn, t tip) (*reader, error) {
	var x examined
	if err := readDescription(txn, &x); err != nil {
		return nil, err
	}
	if t.sequence < x.point.Sequence { // retention has just dropped everything
		t.sequence, t.chain = x.point.Sequence, x.point.Hash
	}
	return &reader{hasher: newHasher(t.id), point: x.point, tip: t, at: x.point.link()}, nil
}

// seek goes to the entry before the one numbered from.
func (r *reader) seek(txn *badger.Txn, from uint64) error {
	if from > r.tip.sequence {
		r.at = link{r.tip.sequence, r.tip.chain}
		return nil
	}
	if from <= r.at.sequence+1 {
		return nil
	}
	item, err := txn.Get(entryKey(from - 1))
	if err != nil {
		return &brokenAt{from - 1, "is missing"}
	}
	return item.Value(func(b []byte) error {
		if len(b) < entryHeader {
			return &brokenAt{from - 1, "too short"}
		}
		r.at = link{from - 1, [32]byte(b[32:])}
		return nil
	})
}

// exportFormula tells an outsider how to check an export.
const exportFormula = "hash = SHA-256(field(journal id, 16 bytes), field(sequence, 8 bytes big-endian), " +
	"field(previous hash, 32 bytes), field(body, UTF-8)); field(x) = 4 bytes big-endian length of x, then x; " +
	"previous of entry 1 is 32 zero bytes"

// Export writes the acknowledged entries as JSON lines. The first line names the journal, the place that the chain is
// exported from and the formula; then one line for each entry, its body as a string, so that every JSON parser gives back
// the bytes that were hashed; the last line says how many there were, so that a cut-off file is seen.
func (j *Journal) Export(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	err := j.view(func(txn *badger.Txn, acknowledged tip) error {
		r, err := newReader(txn, acknowledged)
		if err != nil {
			return err
		}
		first := exportHeader{r.tip.id.String(), r.point.Sequence, r.point.Hash, exportFormula}
		if err := out.Encode(&first); err != nil {
			return err
		}
		count := uint64(0)
		err = eachEntry(context.Background(), txn, r.hasher, &r.at, r.tip.sequence, func(e *Entry, _ *facts) error {
			count++
			return out.Encode(&exportEntry{e.Sequence, e.Previous, e.Hash, string(e.Body)})
		})
		if err != nil {
			return err
		}
		return out.Encode(&exportEnd{count, r.tip.sequence, r.tip.chain})
	})
	if err != nil {
		return fmt.Errorf("export journal: %w", err)
	}
	return nil
}

type exportHeader struct {
	Journal string `json:"journal"`
	After   uint64 `json:"after"` // the entry that retention dropped last
	Hash    digest `json:"after_hash"`
	Formula string `json:"formula"`
}

type exportEntry struct {
	Sequence uint64 `json:"sequence"`
	Previous digest `json:"previous"`
	Hash     digest `json:"hash"`
	Body     string `json:"body"`
}

type exportEnd struct {
	Entries  uint64 `json:"entries"`
	Sequence uint64 `json:"last_sequence"`
	Hash     digest `json:"last_hash"`
}
