package journal

import (
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// load reads what is stored beside the chain into memory and holds it against what the checkpoint and the segments say: a record
// that is missing, changed or too many is damage. Uses of dropped entries that are over are left for Prune to sweep.
func (a *aside) load(txn *badger.Txn, point *checkpoint, ends map[uint64]segmentEnd, maxUses int) error {
	want, got := point.expected(ends), tally{}
	if err := a.loadUses(txn, point, &got, maxUses); err != nil {
		return err
	}
	if err := eachWaiting(txn, func(u waiting) error {
		got.Digest.merge(u.digest())
		a.unresolved[u.sequence] = u
		if len(a.unresolved) > MaxUnresolved {
			return fmt.Errorf("%w: more than %d movements that are not resolved", ErrLimit, MaxUnresolved)
		}
		return nil
	}); err != nil {
		return err
	}
	if got.Uses != want.Uses || got.Digest != want.Digest {
		return damagedf("ledger: %d uses and %d movements that are not resolved, %d and %d expected, or others",
			got.Uses, len(a.unresolved), want.Uses, want.pending())
	}
	return a.loadCounts(txn, &want)
}

func (a *aside) loadUses(txn *badger.Txn, point *checkpoint, got *tally, maxUses int) error {
	return eachUse(txn, func(k useKey, r useRecord) error {
		if point.forgets(&r) {
			return nil
		}
		got.Uses++
		got.Digest.toggle(k, r)
		if a.uses++; a.uses > uint64(maxUses) {
			return fmt.Errorf("%w: more than %d uses", ErrLimit, maxUses)
		}
		if a.ledger.uses != nil && !a.ledger.set(k, r) {
			return damagedf("ledger: a use with a lane too many, or an end that is not that of a day")
		}
		return nil
	})
}

// loadCounts holds the counters against the chain, and each against the movements that wait.
func (a *aside) loadCounts(txn *badger.Txn, want *tally) error {
	var got tally
	if err := eachCounter(txn, func(at place, c counter) error {
		got.Authorised += c.authorised
		got.Passed += c.passed
		got.Annulled += c.annulled
		got.Counted += c.sum(at)
		a.counts[at] = c
		if len(a.counts) > MaxCounters {
			return damagedf("counters: more than %d", MaxCounters)
		}
		return nil
	}); err != nil {
		return err
	}
	if got.Authorised != want.Authorised || got.Passed != want.Passed || got.Annulled != want.Annulled || got.Counted != want.Counted {
		return damagedf("counters: %d authorised, %d passed, %d annulled; %d, %d and %d expected, or others at some lane",
			got.Authorised, got.Passed, got.Annulled, want.Authorised, want.Passed, want.Annulled)
	}
	pending := make(map[place]uint64)
	for _, u := range a.unresolved {
		pending[u.place]++
	}
	for at, c := range a.counts {
		if c.pending() != pending[at] {
			return damagedf("counters: lane %q has %d movements to be resolved, %d are there", at.lane, c.pending(), pending[at])
		}
		delete(pending, at)
	}
	if len(pending) > 0 {
		return damagedf("counters: movements to be resolved at a lane without a counter")
	}
	return nil
}

// setAside takes over what was loaded.
func (j *Journal) setAside(a aside) {
	j.published.Lock()
	defer j.published.Unlock()
	j.ledger, j.unresolved, j.counts, j.totals = a.ledger, a.unresolved, a.counts, totalsOf(a.counts)
}

// eachUse calls fn for the ledger's records.
func eachUse(txn *badger.Txn, fn func(useKey, useRecord) error) error {
	return eachUnder(txn, prefixUse, func(key, value []byte) error {
		r, ok := parseUse(value)
		if !ok || len(key) != 1+len(useKey{}) {
			return damagedf("ledger: a record of %d and %d bytes that is none", len(key), len(value))
		}
		return fn(useKey(key[1:]), r)
	})
}

// eachUnder calls fn for the keys of a kind and their values, which are valid until it returns.
func eachUnder(txn *badger.Txn, prefix byte, fn func(key, value []byte) error) error {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{prefix}})
	defer it.Close()
	for it.Rewind(); it.ValidForPrefix([]byte{prefix}); it.Next() {
		item := it.Item()
		if err := item.Value(func(value []byte) error { return fn(item.Key(), value) }); err != nil {
			return err
		}
	}
	return nil
}
