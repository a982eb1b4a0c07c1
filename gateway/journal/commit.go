package journal

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/dgraph-io/badger/v4"

	"passerelle/gateway/policy"
)

// Commit claims the uses of a batch, appends one entry for each verdict and has all of it on disk, as one step. Where the
// same use occurs twice, the first claims it. Only after a nil error are the verdicts in batch final; after any other
// nothing of it is, batch is unchanged, and the caller finalizes with policy.StoreFailed.
//
// In the states Gap and Damaged a credential that may be used once and that the ledger does not know is entered as not
// final, with what policy makes of StoreFailed: absent means unused only while the journal is OK.
func (j *Journal) Commit(batch []Pending) error {
	if err := checkBatch(batch); err != nil || len(batch) == 0 {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	w, err := j.begin()
	if err != nil {
		return err
	}
	for i := range batch {
		if err := w.verdict(&batch[i]); err != nil {
			return w.abandon(err)
		}
	}
	if err := w.commit(); err != nil {
		return err
	}
	for i := range batch {
		p, f := &batch[i], &w.finals[i]
		p.Candidate.Verdict, p.Sequence, p.Earlier = f.verdict, f.sequence, f.earlier
	}
	return nil
}

func checkBatch(batch []Pending) error {
	if len(batch) > MaxBatch {
		return fmt.Errorf("%w: a batch of %d, at most %d", ErrLimit, len(batch), MaxBatch)
	}
	for i := range batch {
		p := &batch[i]
		if err := checkOrigin(p.Lane, p.At); err != nil {
			return err
		}
		if p.Profile == nil || len(p.Profile.Name) > MaxLane {
			return fmt.Errorf("%w: a verdict of lane %q without a profile, or with one whose name is too long", ErrLimit, p.Lane)
		}
	}
	return nil
}

// checkOrigin refuses what a body could not give back as it was.
func checkOrigin(lane string, at time.Time) error {
	if len(lane) > MaxLane || !utf8.ValidString(lane) {
		return fmt.Errorf("%w: lane %.*q", ErrLimit, MaxLane, lane)
	}
	if y := at.UTC().Year(); y < 0 || y > 9999 {
		return fmt.Errorf("%w: a time in the year %d", ErrLimit, y)
	}
	return nil
}

// Note appends an entry that is not a verdict (start, trust list taken, clock …) and returns its number once it is on disk.
func (j *Journal) Note(lane string, at time.Time, event string, fields map[string]string) (uint64, error) {
	if err := checkNote(lane, at, event, fields); err != nil {
		return 0, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	w, err := j.begin()
	if err != nil {
		return 0, err
	}
	if err := w.note(lane, at, event, fields); err != nil {
		return 0, w.abandon(err)
	}
	if err := w.commit(); err != nil {
		return 0, err
	}
	return w.last.sequence, nil
}

// AcceptLoss ends the state Gap: a supervisor takes it on himself that tickets of the lost journal may be shown again.
func (j *Journal) AcceptLoss(lane string, at time.Time, note string) error {
	fields := map[string]string{"note": note}
	if err := checkNote(lane, at, "note", fields); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	w, err := j.begin()
	if err != nil {
		return err
	}
	if !j.meta.Gap {
		return w.abandon(ErrNoGap)
	}
	accepted := j.meta
	accepted.Gap = false
	err = w.note(lane, at, eventAccepted, fields)
	if err == nil {
		err = setJSON(w.txn, []byte(keyMeta), &accepted)
	}
	if err != nil {
		return w.abandon(err)
	}
	if err := w.commit(); err != nil {
		return err
	}
	j.setMeta(accepted)
	return nil
}

// writer gathers the entries of one commit. Its scratch is kept from one to the next.
type writer struct {
	j       *Journal
	hasher  *hasher
	txn     *badger.Txn
	last    link
	tally   tally // of the current segment
	arena   []byte
	finals  []final
	claimed []useKey
}

type final struct {
	verdict  policy.Verdict
	sequence uint64
	earlier  Earlier
}

// begin opens the store if a full disk had kept it closed, and refuses while there is too little space.
func (j *Journal) begin() (*writer, error) {
	if err := j.usable(); err != nil {
		return nil, err
	}
	free, err := j.opts.Free(j.dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFull, err)
	}
	if free < j.opts.MinFree {
		return nil, fmt.Errorf("%w: %d bytes free, need %d", ErrFull, free, j.opts.MinFree)
	}
	if j.db == nil {
		if err := j.start(true); err != nil {
			return nil, fmt.Errorf("open journal %s: %w", j.dir, err)
		}
		if j.db == nil {
			return nil, ErrFull
		}
	}
	return j.beginAnyway(), nil
}

// beginAnyway is begin without the look at the space.
func (j *Journal) beginAnyway() *writer {
	w := &j.writer
	t := j.current()
	w.txn = j.db.NewTransaction(true)
	w.last, w.tally = link{t.sequence, t.chain}, j.tally
	w.arena, w.finals, w.claimed = w.arena[:0], w.finals[:0], w.claimed[:0]
	return w
}

// verdict appends the entry of one candidate. What it claims stands in the ledger at once, so that the next of the batch
// sees it; abandon takes it out again.
func (w *writer) verdict(p *Pending) error {
	key, claim, earlier := w.claim(&p.Candidate)
	done := *p
	done.Candidate.Verdict = p.Candidate.Finalize(claim, p.Profile)
	f := final{verdict: done.Candidate.Verdict, sequence: w.last.sequence + 1, earlier: earlier}

	var record *useRecord
	if v := &done.Candidate; claim == policy.Claimed && v.Once && v.Outcome() == policy.Admit {
		record = &useRecord{f.sequence, p.At.UnixMilli(), remember(v.Expires), p.Lane}
		if !w.j.ledger.add(key, *record) {
			return fmt.Errorf("%w: too many lanes", ErrLimit)
		}
		w.claimed = append(w.claimed, key)
		if err := w.set(func(b []byte) []byte { return append(append(b, prefixUse), key[:]...) }, record.append); err != nil {
			return err
		}
		w.tally.addUse(key, *record)
	}
	var before *Earlier
	if claim == policy.UsedBefore {
		before = &f.earlier
	}
	w.finals = append(w.finals, f)
	return w.entry(done.Candidate.Outcome().String(), p.At, func(b []byte) []byte {
		return appendVerdict(b, &done, key, record, before)
	})
}

// claim decides about a candidate's use. Only one that would be admitted is used.
func (w *writer) claim(c *policy.Candidate) (useKey, policy.Claim, Earlier) {
	j := w.j
	if !c.Once || c.Outcome() != policy.Admit {
		return useKey{}, policy.Claimed, Earlier{}
	}
	if c.Use == (policy.UseID{}) {
		return useKey{}, policy.StoreFailed, Earlier{} // nobody made an id: all such would be one credential
	}
	key := j.ledger.keyOf(c.Use)
	if r, ok := j.ledger.find(key); ok {
		return key, policy.UsedBefore, Earlier{r.lane, time.UnixMilli(r.at).UTC(), r.sequence}
	}
	if j.meta.Gap || j.damaged.Load() || len(j.ledger.uses) >= j.opts.MaxUses {
		return key, policy.StoreFailed, Earlier{}
	}
	return key, policy.Claimed, Earlier{}
}

// note appends an entry that is not a verdict.
func (w *writer) note(lane string, at time.Time, event string, fields map[string]string) error {
	return w.entry("", at, func(b []byte) []byte { return appendNote(b, lane, at, event, fields) })
}

// entry appends one entry to the chain, and a segment's end after its last.
func (w *writer) entry(outcome string, at time.Time, appendBody func([]byte) []byte) error {
	previous := w.last
	sequence := previous.sequence + 1
	err := w.set(
		func(b []byte) []byte { return appendNumberKey(b, prefixEntry, sequence) },
		func(b []byte) []byte {
			start := len(b)
			b = append(b, previous.hash[:]...)
			b = append(b, previous.hash[:]...) // room for its own
			b = appendBody(b)
			w.hasher.appendHash(b[start+32:start+32], previous, b[start+entryHeader:])
			w.last = link{sequence, [32]byte(b[start+32:])}
			return b
		})
	if err != nil {
		return err
	}
	w.tally.addEntry(outcome, at.UnixMilli())
	meta := &w.j.meta
	if segment := meta.segmentOf(sequence); sequence == meta.endOf(segment) {
		err = setJSON(w.txn, segmentKey(segment), &segmentEnd{w.last.hash, w.tally})
		w.tally = tally{}
	}
	return err
}

// set writes a key and a value that are made in the arena, which grows but never moves what Badger holds on to.
func (w *writer) set(appendKey, appendValue func([]byte) []byte) error {
	start := len(w.arena)
	w.arena = appendKey(w.arena)
	middle := len(w.arena)
	w.arena = appendValue(w.arena)
	end := len(w.arena)
	return w.txn.Set(w.arena[start:middle:middle], w.arena[middle:end:end])
}

// commit has everything on disk: first the store, then the names of its files, then the head.
func (w *writer) commit() error {
	j := w.j
	err := protect(w.txn.Commit)
	if err == nil && !j.opts.unsynced {
		err = j.folder.syncNew()
	}
	if err != nil {
		return j.fail(w.abandon(err))
	}
	next := j.current()
	next.sequence, next.chain = w.last.sequence, w.last.hash
	if err := j.setHead(next); err != nil {
		return w.abandon(err)
	}
	j.tally = w.tally
	return nil
}

// abandon takes back what the writer claimed and returns err.
func (w *writer) abandon(err error) error {
	w.txn.Discard()
	for _, k := range w.claimed {
		w.j.ledger.remove(k)
	}
	return err
}
