package journal

import (
	"context"
	"encoding/hex"

	"github.com/dgraph-io/badger/v4"
)

// eachEntry calls fn for each entry after at and up to last, and moves at along: every link is checked, and that none is
// missing. The entry is valid until fn returns.
func eachEntry(ctx context.Context, txn *badger.Txn, h *hasher, at *link, last uint64, fn func(*Entry, *facts) error) error {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{prefixEntry}})
	defer it.Close()
	for it.Seek(entryKey(at.sequence + 1)); at.sequence < last; it.Next() {
		if at.sequence%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		next := at.sequence + 1
		if !it.ValidForPrefix([]byte{prefixEntry}) || sequenceOf(it.Item().Key()) != next {
			return &brokenAt{next, "is missing"}
		}
		if err := it.Item().Value(func(b []byte) error {
			e, err := h.follow(*at, b)
			if err != nil {
				return err
			}
			f, err := parseBody(e.Body)
			if err != nil {
				return &brokenAt{next, "body does not parse"}
			}
			e.Lane = f.Lane
			*at = link{e.Sequence, e.Hash}
			return fn(&e, &f)
		}); err != nil {
			return err
		}
	}
	return nil
}

// walker follows the chain and holds it against everything that was written beside it. The first thing that does not fit
// ends the walk with a brokenAt.
type walker struct {
	hasher *hasher
	meta   *meta
	point  *checkpoint
	ends   map[uint64]segmentEnd // of the complete segments
	head   tip                   // an entry whose hash is known

	at    link  // the entry that was checked last
	tally tally // of the segment that at is in, from the checkpoint on
	total tally // of the complete segments
}

// walk checks the entries up to the one numbered last.
func (w *walker) walk(ctx context.Context, txn *badger.Txn, last uint64) error {
	if err := w.checkHead(w.at); err != nil {
		return err
	}
	return eachEntry(ctx, txn, w.hasher, &w.at, last, w.step)
}

func (w *walker) step(e *Entry, f *facts) error {
	did, err := f.effects(e.Sequence)
	if err != nil {
		return &brokenAt{e.Sequence, err.Error()}
	}
	w.tally.addEntry(f.outcome(), f.At.UnixMilli())
	w.tally.apply(&did)
	if e.Sequence == w.point.Note {
		if sum := w.point.digest(); unquote(f.Point) != hex.EncodeToString(sum[:]) {
			return &brokenAt{e.Sequence, "does not say what the checkpoint says"}
		}
	}
	if err := w.checkHead(link{e.Sequence, e.Hash}); err != nil {
		return err
	}
	segment := w.meta.segmentOf(e.Sequence)
	if e.Sequence != w.meta.endOf(segment) {
		return nil
	}
	if want, ok := w.ends[segment]; !ok || want != (segmentEnd{e.Hash, w.tally}) {
		return &brokenAt{e.Sequence, "does not end its segment as it was recorded"}
	}
	w.total.add(w.tally)
	w.tally = tally{}
	return nil
}

// expectUnfinished adds the segment that the walk ended in to the complete ones, if it is not.
func (w *walker) expectUnfinished() {
	if w.tally.Entries > 0 {
		w.ends[w.meta.segmentOf(w.at.sequence)] = segmentEnd{Tally: w.tally}
	}
}

func (w *walker) checkHead(at link) error {
	if at.sequence == w.head.sequence && at.hash != w.head.chain {
		return &brokenAt{at.sequence, "is not the one that the head file knows"}
	}
	return nil
}
