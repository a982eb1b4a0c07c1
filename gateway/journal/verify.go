package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// Report is what Verify found. It is intact if Break is nil.
type Report struct {
	Journal  string // id
	Dropped  uint64 // entries that retention dropped; the chain is checked from there
	First    uint64 // numbers of the entries that were checked; 0 if there are none
	Last     uint64
	Head     [32]byte // hash of the last
	Admitted uint64
	Denied   uint64
	Referred uint64
	Uses     uint64 // uses that are remembered

	// Movements since the counters began: Authorised = Passed + Annulled + Pending, and the counters of all lanes agree.
	Authorised, Passed, Annulled, Pending uint64

	Break *Break
}

// Break is the first thing that does not fit. Sequence is 0 where it is not an entry of the chain.
type Break struct {
	Sequence uint64
	Why      string
}

// Verify walks the whole journal: every link and body, every segment's end, the ledger, the counters, the head file and the
// checksums of Badger's tables. A journal that is not intact is a report, not an error.
func (j *Journal) Verify(ctx context.Context) (Report, error) {
	var r Report
	err := j.verify(ctx, &r, newAside())
	if err == nil || !isDamage(err) {
		if err != nil {
			return Report{}, fmt.Errorf("verify journal: %w", err)
		}
		if j.beside != "" {
			r.Break = &Break{Why: j.beside}
		}
		return r, nil
	}
	r.Break = &Break{Why: err.Error()}
	if b := (*brokenAt)(nil); errors.As(err, &b) {
		r.Break = &Break{b.sequence, b.why}
	}
	return r, nil
}

// verify checks the tables, and then reads what is in them in a view of its own. The order matters: Badger merges tables in the
// background, and from one with a broken block it leaves out without a word whatever stands behind that block. A table that
// is gone by the time we come to it was merged before, so the view that begins then shows what is missing. The other way round
// a view could still read the old table, by keys that are not in the broken block, and the check find none but new ones.
func (j *Journal) verify(ctx context.Context, r *Report, into aside) error {
	broken := j.checkTables()
	if broken != nil && !isDamage(broken) {
		return broken
	}
	err := j.view(func(txn *badger.Txn, head tip) error { return verifyView(ctx, txn, head, j.opts.MaxUses, r, into) })
	if err == nil {
		err = broken
	}
	return err
}

// checkTables reads every block of Badger's tables, and remembers damage.
func (j *Journal) checkTables() error {
	return j.remember(j.withStore(checkTables))
}

func checkTables(db *badger.DB) error {
	if err := protect(db.VerifyChecksum); err != nil {
		return damagedf("a table of the store is broken: %v", err)
	}
	return nil
}

func verifyView(ctx context.Context, txn *badger.Txn, head tip, maxUses int, r *Report, into aside) error {
	r.Journal = head.id.String()
	x := examined{tip: head, aside: into}
	if err := readDescription(txn, &x); err != nil {
		return err
	}
	if journalID(x.meta.ID) != head.id {
		return damagedf("head file of journal %v beside the store of %x", head.id, x.meta.ID)
	}
	last := max(lastEntry(txn), x.point.Sequence)
	r.Dropped = x.point.Sequence
	ends, err := readSegmentEnds(txn, &x, last)
	if err != nil {
		return err
	}
	w := walker{hasher: newHasher(head.id), meta: &x.meta, point: &x.point, at: x.point.link(), ends: ends, head: head}
	err = w.walk(ctx, txn, last)
	w.total.add(w.tally)
	if w.at.sequence > x.point.Sequence {
		r.First, r.Last, r.Head = x.point.Sequence+1, w.at.sequence, w.at.hash
	}
	r.Admitted, r.Denied, r.Referred = w.total.Admitted, w.total.Denied, w.total.Referred
	if err != nil {
		return err
	}
	if head.sequence > last {
		return &brokenAt{last + 1, "is missing: the head file knows of it"}
	}
	w.expectUnfinished()
	if err := x.load(txn, &x.point, ends, maxUses); err != nil {
		return err
	}
	r.Uses = x.uses
	for _, c := range x.counts {
		r.Authorised += c.authorised
		r.Passed += c.passed
		r.Annulled += c.annulled
	}
	r.Pending = uint64(len(x.unresolved))
	return nil
}

// CheckOlder walks what Verify walks, without the memory that a second ledger takes: above all the older segments, which Open
// did not read. The caller runs it once in the background, in a goroutine of its own, and ends it through ctx before Close. What
// it finds makes the state Damaged, and the next start moves the journal aside; once it found nothing, the next start need
// not walk everything.
func (j *Journal) CheckOlder(ctx context.Context) error {
	into := newAside()
	into.ledger.uses = nil
	var r Report
	if err := j.verify(ctx, &r, into); err != nil {
		return fmt.Errorf("check older entries of the journal: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.starts == nil || j.damaged.Load() {
		return nil
	}
	return j.starts.settle()
}
