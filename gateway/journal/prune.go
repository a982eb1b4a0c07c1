package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// sweepBatch is how many keys Prune deletes before it lets the next verdict in.
const sweepBatch = 512

// Acknowledge records that everything up to an entry was reported, so that Prune may drop it.
func (j *Journal) Acknowledge(sequence uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.writable(); err != nil {
		return err
	}
	if last := j.current().sequence; sequence > last {
		return fmt.Errorf("%w: acknowledged %d, the last is %d", ErrRange, sequence, last)
	}
	if sequence <= j.acked {
		return nil
	}
	if err := j.update(func(txn *badger.Txn) error {
		return txn.Set([]byte(keyAcked), binary.BigEndian.AppendUint64(nil, sequence))
	}); err != nil {
		return err
	}
	j.published.Lock()
	defer j.published.Unlock()
	j.acked = sequence
	return nil
}

// Acknowledged returns the entry up to which everything was reported.
func (j *Journal) Acknowledged() uint64 {
	j.published.RLock()
	defer j.published.RUnlock()
	return j.acked
}

// writable refuses what cannot write, but writes a little with less space than Commit wants: retention gives space back.
func (j *Journal) writable() error {
	if err := j.usable(); err != nil {
		return err
	}
	if free, err := j.opts.Free(j.dir); err != nil || j.db == nil || free < j.needToOpen() {
		return ErrFull
	}
	return nil
}

func (j *Journal) update(fn func(*badger.Txn) error) error {
	if err := protect(func() error { return j.db.Update(fn) }); err != nil {
		return j.fail(err)
	}
	return nil
}

// Prune drops the oldest segments whose entries were all acknowledged and are all older than Options.Keep, and forgets the
// uses of dropped entries that ended before now; others it carries along. Where everything up to the last entry is old and
// acknowledged, it drops the unfinished segment too, and with the last use that is remembered it destroys the event key. A
// chained entry says what was dropped; the chain goes on from there.
//
// now must be the earliest time that it can be: a clock that runs ahead would forget uses. Prune returns the number of
// entries that it dropped.
func (j *Journal) Prune(now time.Time) (uint64, error) {
	dropped, err := j.prune(now)
	for from := []byte{prefixEntry}; err == nil && from != nil; {
		from, err = j.sweep(from)
	}
	if err != nil {
		return 0, fmt.Errorf("prune journal: %w", err)
	}
	return dropped, nil
}

func (j *Journal) prune(now time.Time) (uint64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.writable(); err != nil {
		return 0, err
	}
	if j.damaged.Load() {
		return 0, ErrDamaged
	}
	if err := checkOrigin("", now); err != nil {
		return 0, err
	}
	next, over, err := j.nextCheckpoint(now)
	if err != nil {
		if isDamage(err) {
			j.recordDamage(err)
			return 0, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		return 0, err
	}
	before := j.point
	if next.Sequence > before.Sequence || len(over) > 0 {
		if err := j.drop(&next, over, now); err != nil {
			return 0, err
		}
	}
	if len(j.ledger.uses) == 0 && next.Dropped.Uses > j.meta.KeyUses {
		if err := j.replaceKey(next.Dropped.Uses); err != nil {
			return 0, err
		}
		j.log.Info("event key destroyed")
	}
	return next.Sequence - before.Sequence, nil
}

// nextCheckpoint says what retention may drop now, and which uses are over with it.
func (j *Journal) nextCheckpoint(now time.Time) (checkpoint, []useKey, error) {
	next, err := j.lastOld(now.Add(-j.opts.Keep).UnixMilli())
	if err != nil {
		return checkpoint{}, nil, err
	}
	next.Forgotten = max(next.Forgotten, now.Unix())
	var over []useKey
	for k := range j.ledger.uses {
		if r, _ := j.ledger.find(k); next.forgets(&r) {
			over = append(over, k)
			next.forget(k, r)
		}
	}
	return next, over, nil
}

// lastOld returns the checkpoint behind the last segment that was acknowledged and is nowhere newer than old, in unix
// milliseconds.
func (j *Journal) lastOld(old int64) (checkpoint, error) {
	next, tip := j.point, j.current()
	err := protect(func() error {
		return j.db.View(func(txn *badger.Txn) error {
			for s := j.meta.segmentOf(next.Sequence + 1); j.meta.endOf(s) <= min(j.acked, tip.sequence); s++ {
				var end segmentEnd
				found, err := getJSON(txn, segmentKey(s), &end)
				if err != nil {
					return err
				}
				if !found {
					return damagedf("end of segment %d is missing", s)
				}
				if end.Tally.Newest > old {
					return nil
				}
				next.advance(link{j.meta.endOf(s), end.Hash}, end.Tally)
			}
			return nil
		})
	})
	if err != nil {
		return checkpoint{}, err
	}
	unfinished := tip.sequence - next.Sequence
	noteAlone := unfinished == 1 && tip.sequence == j.point.Note // of the last Prune: not worth another
	if unfinished > 0 && unfinished == j.tally.Entries && j.acked == tip.sequence && j.tally.Newest <= old && !noteAlone {
		next.advance(link{tip.sequence, tip.chain}, j.tally)
	}
	return next, nil
}

// drop makes next the checkpoint, with the entry that says so.
func (j *Journal) drop(next *checkpoint, over []useKey, now time.Time) error {
	w := j.beginAnyway()
	if next.Sequence == w.last.sequence {
		w.tally = tally{}
	}
	next.Note = w.last.sequence + 1
	sum := next.digest()
	err := w.note("", now, eventPruned, map[string]string{
		"dropped_sequence": strconv.FormatUint(next.Sequence, 10), "dropped_hash": hex.EncodeToString(next.Hash[:]),
		"forgotten": strconv.Itoa(len(over)), "checkpoint": hex.EncodeToString(sum[:]),
	})
	if err == nil {
		err = setJSON(w.txn, []byte(keyCheckpoint), next)
	}
	if err != nil {
		return w.abandon(err)
	}
	if err := w.commit(); err != nil {
		return err
	}
	for _, k := range over {
		delete(j.ledger.uses, k)
	}
	j.published.Lock()
	defer j.published.Unlock()
	j.point = *next
	return nil
}

// digest is what the chained entry says of a checkpoint.
func (c *checkpoint) digest() digest {
	b, _ := json.Marshal(c) // numbers and hexadecimal: it cannot fail
	return sha256.Sum256(b)
}

// sweep deletes some keys that the checkpoint made superfluous, from a key on, and returns where to go on; nil at the end.
// It takes the writers' turn for each batch: a use that was over may be claimed again in between.
func (j *Journal) sweep(from []byte) ([]byte, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.writable(); err != nil {
		return nil, err
	}
	var doomed [][]byte
	var next []byte
	err := protect(func() error {
		return j.db.View(func(txn *badger.Txn) error {
			it := txn.NewIterator(badger.IteratorOptions{})
			defer it.Close()
			it.Seek(from)
			for seen := 0; it.Valid(); seen++ {
				key := it.Item().KeyCopy(nil)
				if len(doomed) == sweepBatch || seen == 8*sweepBatch {
					next = key
					return nil
				}
				if j.superfluous(key) {
					doomed = append(doomed, key)
				} else if key[0] == prefixEntry {
					it.Seek([]byte{prefixEntry + 1})
					continue
				}
				it.Next()
			}
			return nil
		})
	})
	if err != nil || len(doomed) == 0 {
		return next, err
	}
	return next, j.update(func(txn *badger.Txn) error {
		for _, key := range doomed {
			if err := txn.Delete(key); err != nil {
				return err
			}
		}
		return nil
	})
}

// superfluous reports whether the checkpoint made a key superfluous.
func (j *Journal) superfluous(key []byte) bool {
	switch {
	case key[0] == prefixEntry && len(key) == 9:
		return sequenceOf(key) <= j.point.Sequence
	case key[0] == prefixSegment && len(key) == 9:
		return j.meta.endOf(sequenceOf(key)) <= j.point.Sequence
	case key[0] == prefixUse && len(key) == 1+len(useKey{}):
		_, held := j.ledger.find(useKey(key[1:]))
		return !held
	}
	return false
}
