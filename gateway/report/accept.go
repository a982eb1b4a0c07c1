package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/dgraph-io/badger/v4"

	"passerelle/gateway/journal"
)

// conflict is an entry whose content differs from what the store holds, or does not fit beside it.
type conflict struct{ sequence uint64 }

func (e *conflict) Error() string {
	return "entry " + strconv.FormatUint(e.sequence, 10) + " differs from the one held: an older or an edited journal"
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
