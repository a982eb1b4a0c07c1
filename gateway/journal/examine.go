package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"os"

	"github.com/dgraph-io/badger/v4"
)

// openCurrent opens the current journal and holds what is in it against the head file, the chain and the ledger's digests.
// Where it returns an error nothing stays open.
func (j *Journal) openCurrent(whole bool) (err error) {
	h, t, err := openHead(j.path(currentName, headName), os.O_RDWR)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = h.f.Close()
		}
	}()
	db, err := openStore(storeOptions(j.path(currentName, storeName), &j.opts))
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			return
		}
		if closeErr := protect(db.Close); closeErr != nil { // not joined: it says nothing about what was there
			j.log.Warn("store not closed", "error", closeErr)
		}
	}()
	if whole {
		if err := checkTables(db); err != nil {
			return err
		}
	}
	var seen examined
	err = protect(func() error {
		return db.View(func(txn *badger.Txn) (err error) {
			seen, err = examine(txn, t, whole, j.opts.MaxUses)
			return err
		})
	})
	if err != nil {
		return err
	}
	return j.adopt(db, h, seen)
}

// adopt takes the opened store over. Entries beyond the head file were on disk before a crash kept it from being written.
func (j *Journal) adopt(db *badger.DB, h *headFile, seen examined) (err error) {
	folder, err := os.Open(j.path(currentName, storeName))
	if err != nil {
		return err
	}
	j.setStore(db)
	j.head, j.folder = h, &watchedFolder{f: folder}
	defer func() {
		if err != nil {
			j.setStore(nil)
			j.head, j.folder = nil, nil
			_ = folder.Close()
		}
	}()
	j.tally = seen.tally
	j.setAside(seen.aside)
	j.writer = writer{j: j, hasher: newHasher(seen.tip.id), counted: make(map[place]counter)}
	j.setMeta(seen.meta)
	if err := j.openKey(); err != nil {
		return err
	}
	j.publish(seen.tip, seen.point, seen.acked, j.meta.Gap)
	if seen.beyond > 0 {
		j.log.Info("journal entries beyond the head file adopted", "entries", seen.beyond)
	}
	return j.setHeadTwice(seen.tip)
}

func (j *Journal) setStore(db *badger.DB) {
	j.using.Lock()
	defer j.using.Unlock()
	j.db = db
}

// examined is a store that was found good.
type examined struct {
	meta  meta
	point checkpoint
	tip   tip
	acked uint64
	aside
	tally  tally  // of the current segment
	beyond uint64 // entries that the head file did not know
}

// aside is what is stored beside the chain and must follow from it.
type aside struct {
	ledger     ledger // without a map, the records are checked and not kept
	uses       uint64 // records of it
	unresolved map[uint64]waiting
	counts     map[place]counter
}

func newAside() aside {
	return aside{ledger: newLedger(), unresolved: make(map[uint64]waiting), counts: make(map[place]counter)}
}

// examine holds a store against its head: what the head says must be there, the chain must hold through the current segment
// and the one before (through all of it if whole), and the ledger must be what the segments say. All else is damage.
func examine(txn *badger.Txn, head tip, whole bool, maxUses int) (examined, error) {
	x := examined{tip: head, aside: newAside()}
	if err := readDescription(txn, &x); err != nil {
		return examined{}, err
	}
	if journalID(x.meta.ID) != head.id {
		return examined{}, damagedf("head file of journal %v beside the store of %x", head.id, x.meta.ID)
	}
	last := max(lastEntry(txn), x.point.Sequence)
	if head.sequence > last || head.sequence < x.point.Sequence {
		return examined{}, damagedf("head file knows entry %d, the store holds %d to %d", head.sequence, x.point.Sequence+1, last)
	}
	x.beyond = last - head.sequence
	expected, err := readSegmentEnds(txn, &x, last)
	if err != nil {
		return examined{}, err
	}
	from := x.point.link()
	if !whole {
		from = walkStart(&x, expected, last, head.sequence)
	}
	w := walker{hasher: newHasher(head.id), meta: &x.meta, point: &x.point, at: from, ends: expected, head: head}
	if err := w.walk(context.Background(), txn, last); err != nil {
		return examined{}, err
	}
	x.tally = w.tally
	x.tip.sequence, x.tip.chain, x.tip.trust = last, w.at.hash, max(head.trust, x.meta.Trust)
	w.expectUnfinished()
	if err := x.load(txn, &x.point, expected, maxUses); err != nil {
		return examined{}, err
	}
	return x, nil
}

func readDescription(txn *badger.Txn, x *examined) error {
	found, err := getJSON(txn, []byte(keyMeta), &x.meta)
	if err != nil {
		return err
	}
	if !found || x.meta.Segment == 0 {
		return damagedf("the store has no description")
	}
	if _, err := getJSON(txn, []byte(keyCheckpoint), &x.point); err != nil {
		return err
	}
	item, err := txn.Get([]byte(keyAcked))
	switch {
	case errors.Is(err, badger.ErrKeyNotFound):
		return nil
	case err != nil:
		return damagedf("read what is acknowledged: %v", err)
	}
	return item.Value(func(b []byte) error {
		if len(b) != 8 {
			return damagedf("what is acknowledged has %d bytes", len(b))
		}
		x.acked = binary.BigEndian.Uint64(b)
		return nil
	})
}

// lastEntry returns the highest number of an entry, 0 if there is none.
func lastEntry(txn *badger.Txn) uint64 {
	it := txn.NewIterator(badger.IteratorOptions{Reverse: true})
	defer it.Close()
	it.Seek([]byte{prefixEntry + 1})
	if !it.ValidForPrefix([]byte{prefixEntry}) {
		return 0
	}
	return sequenceOf(it.Item().Key())
}

// readSegmentEnds returns the end of each segment that is complete; one that is not there is damage.
func readSegmentEnds(txn *badger.Txn, x *examined, last uint64) (map[uint64]segmentEnd, error) {
	ends := make(map[uint64]segmentEnd)
	if last == x.point.Sequence {
		return ends, nil
	}
	for s := x.meta.segmentOf(x.point.Sequence + 1); x.meta.endOf(s) <= last; s++ {
		var end segmentEnd
		found, err := getJSON(txn, segmentKey(s), &end)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, damagedf("end of segment %d is missing", s)
		}
		ends[s] = end
	}
	return ends, nil
}

// walkStart returns the end of the segment before the last two, or before what the head file knows last.
func walkStart(x *examined, ends map[uint64]segmentEnd, last, head uint64) link {
	first := x.point.Sequence + 1
	segment := x.meta.segmentOf(max(1, min(last, head)))
	if segment < 2 || x.meta.endOf(segment-2) < first {
		return x.point.link()
	}
	return link{x.meta.endOf(segment - 2), ends[segment-2].Hash}
}
