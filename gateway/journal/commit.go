package journal

import (
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/dgraph-io/badger/v4"

	"passerelle/gateway/policy"
)

// Commit claims the uses of a batch, appends one entry for each verdict and has all of it on disk, as one step. Where the
// same use occurs twice, the first claims it first. Only after a nil error are the verdicts in batch final; after any other
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
		for _, zone := range []string{p.Zone, p.Candidate.Zone} {
			if len(zone) <= MaxZone && utf8.ValidString(zone) {
				continue
			}
			return fmt.Errorf("%w: zone %.*q of lane %q", ErrLimit, MaxZone, zone, p.Lane)
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
	j        *Journal
	hasher   *hasher
	txn      *badger.Txn
	last     link
	tally    tally // of the current segment
	arena    []byte
	finals   []final
	effects  effects           // of the entry that is being appended
	replaced []replacedUse     // what the ledger in memory held before
	appeared []waiting         // movements that wait from now on
	gone     uint64            // the one that does no longer; 0 for none
	counted  map[place]counter // what is added to the counters
}

type replacedUse struct {
	key   useKey
	known bool
	was   heldUse
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
	w.arena, w.finals = w.arena[:0], w.finals[:0]
	w.replaced, w.appeared, w.gone = w.replaced[:0], w.appeared[:0], 0
	w.effects = effects{changes: w.effects.changes[:0]}
	clear(w.counted)
	return w
}

// next returns the number of the entry that is being appended.
func (w *writer) next() uint64 { return w.last.sequence + 1 }

// verdict appends the entry of one candidate. What it claims stands in the ledger at once, so that the next of the batch
// sees it; abandon takes it out again.
func (w *writer) verdict(p *Pending) error {
	d := w.decide(p)
	done := *p
	done.Candidate.Verdict = p.Candidate.Finalize(d.claim, p.Profile)
	f := final{verdict: done.Candidate.Verdict, sequence: w.next(), earlier: d.earlier}

	e := &w.effects
	*e = effects{changes: e.changes[:0]}
	if done.Candidate.Outcome() == policy.Admit {
		if err := w.admit(&done, &d); err != nil {
			return err
		}
	}
	var before *Earlier
	if d.claim == policy.UsedBefore {
		before = &f.earlier
	}
	w.finals = append(w.finals, f)
	return w.entry(done.Candidate.Outcome().String(), p.At, func(b []byte) []byte {
		return appendVerdict(b, &done, e, before)
	})
}

// admit does what was decided.
func (w *writer) admit(p *Pending, d *decision) error {
	e, at, exit := &w.effects, placeOf(p), p.Candidate.Exit
	e.changes = append(e.changes, d.changes[:d.n]...)
	e.counts(at, exit, p.Awaited, false, true)
	if err := w.changeLedger(); err != nil || !p.Awaited {
		return err
	}
	u := waitingFrom(w.next(), p.At.UnixMilli(), at, exit, e.changes)
	e.unresolved = u.digest()
	w.appeared = append(w.appeared, u)
	return w.set(func(b []byte) []byte { return appendNumberKey(b, prefixWaiting, u.sequence) }, u.append)
}

// changeLedger makes the changes of w.effects in the ledger and in the store.
func (w *writer) changeLedger() error {
	l := &w.j.ledger
	for i := range w.effects.changes {
		c := &w.effects.changes[i]
		was, known := l.uses[c.key]
		if !l.set(c.key, c.now) {
			return fmt.Errorf("%w: too many lanes", ErrLimit)
		}
		w.replaced = append(w.replaced, replacedUse{c.key, known, was})
		if err := w.set(func(b []byte) []byte { return append(append(b, prefixUse), c.key[:]...) }, c.now.append); err != nil {
			return err
		}
	}
	return nil
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
	w.tally.apply(&w.effects)
	if e := &w.effects; e.count != (counter{}) {
		w.counted[e.at] = w.counted[e.at].plus(e.count)
	}
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
	if err := w.saveCounts(); err != nil {
		return w.abandon(err)
	}
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
	w.publish()
	return nil
}

// publish shows what is on disk now.
func (w *writer) publish() {
	j := w.j
	j.published.Lock()
	defer j.published.Unlock()
	for at, more := range w.counted {
		j.counts[at] = j.counts[at].plus(more)
		j.totals.add(at, more)
	}
	for _, u := range w.appeared {
		j.unresolved[u.sequence] = u
	}
	delete(j.unresolved, w.gone)
}

// abandon takes back what the writer claimed and returns err.
func (w *writer) abandon(err error) error {
	w.txn.Discard()
	for _, r := range slices.Backward(w.replaced) {
		if r.known {
			w.j.ledger.uses[r.key] = r.was
		} else {
			delete(w.j.ledger.uses, r.key)
		}
	}
	return err
}
