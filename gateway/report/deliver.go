package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"passerelle/gateway/journal"
)

// noJournal is the id of a journal that has not begun.
const noJournal = "00000000000000000000000000000000"

// acknowledgeEvery is how many entries are settled between two acknowledgements while there are more: each takes the
// journal's writer for a moment.
const acknowledgeEvery = 10 * MaxBatchEntries

// nothing is the wait of a step that found nothing to do.
const nothing = time.Duration(-1)

// step sends one report and returns how long to wait before the next step. An error is a fault of this box.
func (f *Forwarder) step(ctx context.Context) (time.Duration, error) {
	if err := f.follow(); err != nil {
		return 0, err
	}
	replaying := f.replay != nil || f.retry.Load()
	if f.turn = replaying && !f.turn; f.turn { // in turns, so that neither waits for the other
		return f.stepParked(ctx)
	}
	entries, err := f.batch()
	if err != nil {
		return 0, err
	}
	if err := f.save(); err != nil { // the range is on disk before it is sent
		return 0, err
	}
	if len(entries) == 0 {
		f.idle()
		if replaying {
			return f.stepParked(ctx)
		}
		return nothing, nil
	}
	f.body = appendBatch(f.body[:0], f.cursor.Journal, entries)
	a := f.sender.post(ctx, batchID(f.cursor.Journal, f.cursor.Pending[0]), f.body, len(entries))
	if ctx.Err() != nil {
		return 0, nil // aborted: not known, so the same again at the next start
	}
	return f.settle(entries, a)
}

// follow begins anew when the journal has another id. An id of zeros is a journal that a full disk kept from beginning:
// it has no entries yet.
func (f *Forwarder) follow() error {
	id := f.log.ID()
	if id == f.cursor.Journal || id == noJournal {
		return nil
	}
	if err := parseJournalID(id); err != nil {
		return fmt.Errorf("follow the journal: %w", err)
	}
	if former := f.cursor; former.Journal != "" {
		f.alarm(Alarm{
			Kind: AlarmReplaced, Journal: former.Journal, First: former.Next,
			Detail: "another journal began; what this one holds from here on is not reported",
		})
	}
	f.cursor = cursor{Journal: id, Parked: f.cursor.Parked, Missing: f.cursor.Missing}
	f.changed, f.acked = true, 0
	f.publish()
	return nil
}

// batch returns the entries of the first pending range; where none is pending, it makes one of what the journal has next.
func (f *Forwarder) batch() ([]journal.Entry, error) {
	if len(f.cursor.Pending) > 0 {
		s := f.cursor.Pending[0]
		entries, err := f.read(s.First, int(s.size()))
		if err != nil {
			return nil, err
		}
		if uint64(len(entries)) == s.size() && entries[0].Sequence == s.First && entries[len(entries)-1].Sequence == s.Last {
			return entries, nil
		}
		f.cursor.Pending, f.changed = nil, true // some are gone: what is left is said below
	}
	if f.cursor.Journal == "" {
		return nil, nil
	}
	entries, err := f.read(max(f.cursor.Next, 1), f.opts.entries)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	entries = entries[:fill(entries)]
	s := span{entries[0].Sequence, entries[len(entries)-1].Sequence}
	if f.cursor.Next != 0 && s.First > f.cursor.Next {
		f.cursor.Missing += s.First - f.cursor.Next
		f.alarm(Alarm{
			Kind: AlarmMissing, Journal: f.cursor.Journal, First: f.cursor.Next, Last: s.First - 1,
			Detail: "the journal no longer holds these entries",
		})
	}
	f.cursor.Next, f.cursor.Pending, f.changed = s.First, []span{s}, true
	return entries, nil
}

// read returns what the journal has from a sequence on, in order.
func (f *Forwarder) read(from uint64, most int) ([]journal.Entry, error) {
	if head, _ := f.log.Head(); head < from {
		return nil, nil
	}
	var err error
	f.entries, err = f.log.Read(f.entries[:0], from, most)
	if err != nil {
		return nil, fmt.Errorf("read the journal from %d: %w", from, err)
	}
	if f.log.ID() != f.cursor.Journal {
		return nil, errors.New("read the journal: it was replaced meanwhile")
	}
	for i := range f.entries {
		e := &f.entries[i]
		if e.Sequence < from || i > 0 && e.Sequence <= f.entries[i-1].Sequence || e.Sequence > maxSequence {
			return nil, fmt.Errorf("read the journal from %d: entry %d is out of order", from, e.Sequence)
		}
	}
	return f.entries, nil
}

// save makes the cursor durable, and lets the journal drop what is settled.
func (f *Forwarder) save() error {
	if !f.changed || f.cursor.Journal == "" {
		return nil
	}
	value, err := f.cursor.encode()
	if err == nil {
		err = f.slots.save(value)
	}
	if err != nil {
		return fmt.Errorf("save the cursor: %w", err)
	}
	f.changed = false
	f.publish()
	if f.cursor.Next > f.acked+acknowledgeEvery {
		f.acknowledge()
	}
	return nil
}

// acknowledge tells the journal what is settled, as the cursor on disk says it. A journal that cannot take it, on a full
// disk say, is told later: reports must flow all the more.
func (f *Forwarder) acknowledge() {
	if f.changed || f.cursor.Next <= f.acked+1 {
		return
	}
	settled := f.cursor.Next - 1
	if err := f.log.Acknowledge(settled); err != nil {
		f.opts.Logger.Warn("journal does not take an acknowledgement", "sequence", settled, "error", printable([]byte(err.Error())))
		return
	}
	f.acked = settled
}

// idle says that everything is reported, as far as the endpoint took it.
func (f *Forwarder) idle() {
	f.acknowledge()
	f.failures = 0
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.State = StateIdle
}

// settle does what an answer to the first pending range asks for.
func (f *Forwarder) settle(entries []journal.Entry, a answer) (time.Duration, error) {
	switch a.outcome {
	case accepted:
		f.cursor.settled()
		f.changed = true
		f.parks = 0
		f.succeeded()
		return 0, nil
	case refused:
		f.changed = true
		if f.cursor.Pending[0].size() > 1 {
			f.cursor.halve()
			return 0, nil
		}
		return f.park(&entries[0], a)
	}
	return f.failed(a), nil
}

func (f *Forwarder) succeeded() {
	f.failures = 0
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.State, f.status.LastError, f.status.LastSuccess = StateSending, "", f.opts.Now()
}

// failed handles an answer that says nothing about the entries.
func (f *Forwarder) failed(a answer) time.Duration {
	f.failures++
	switch a.outcome {
	case unfit:
		f.enter(StateRefused, AlarmRefused, a.detail)
	case clockFault:
		f.enter(StateClock, AlarmClock, a.detail)
	default:
		f.mu.Lock()
		f.status.State, f.status.LastError = StateWaiting, a.detail
		f.mu.Unlock()
	}
	return f.backoff(f.failures, a.after)
}

// park keeps a single refused entry and goes on to the next.
func (f *Forwarder) park(e *journal.Entry, a answer) (time.Duration, error) {
	p := parkedEntry{
		Parked: Parked{
			Journal: f.cursor.Journal, Sequence: e.Sequence,
			Status: a.status, Reason: a.detail, At: f.opts.Now().UTC(),
		},
		Hash: e.Hash, Previous: e.Previous, Body: bytes.Clone(e.Body), // whose buffer is used again
	}
	if err := f.parking.add(p); err != nil {
		return 0, err
	}
	f.cursor.settled()
	f.cursor.Parked = uint64(len(f.parking.entries))
	f.failures = 0
	f.publishParked()
	f.alarm(Alarm{Kind: AlarmParked, Journal: p.Journal, First: p.Sequence, Last: p.Sequence, Detail: a.detail})
	f.mu.Lock()
	f.status.State, f.status.LastError = StateSending, a.detail
	f.mu.Unlock()
	if f.parks++; f.parks > freeParks {
		return f.backoff(f.parks-freeParks, a.after), nil
	}
	return 0, nil
}

// replay is one round of sending the parked entries again.
type replay struct {
	next int           // index of the one to send
	kept []parkedEntry // refused again
}

// stepParked sends one parked entry again, as a report of its own.
func (f *Forwarder) stepParked(ctx context.Context) (time.Duration, error) {
	if f.replay == nil {
		f.retry.Store(false) // whoever asks from here on gets another round
		f.replay = &replay{}
	}
	r := f.replay
	if r.next >= len(f.parking.entries) {
		return 0, f.endReplay()
	}
	p := f.parking.entries[r.next]
	f.body = appendBatch(f.body[:0], p.Journal, []journal.Entry{p.entry()})
	a := f.sender.post(ctx, batchID(p.Journal, span{p.Sequence, p.Sequence}), f.body, 1)
	if ctx.Err() != nil {
		return 0, nil
	}
	switch a.outcome {
	case accepted:
		f.succeeded()
	case refused:
		p.Status, p.Reason = a.status, a.detail
		r.kept = append(r.kept, p)
	default:
		return f.failed(a), nil
	}
	r.next++
	return 0, nil
}

// endReplay forgets the parked entries that were accepted. The count is lowered first: a file may hold more than that,
// never fewer. Where there is no room to write the file anew, all stay parked.
func (f *Forwarder) endReplay() error {
	kept := f.replay.kept
	f.replay = nil
	f.cursor.Parked, f.changed = uint64(len(kept)), true
	err := f.save()
	if err == nil {
		err = f.parking.rewrite(kept)
	}
	f.cursor.Parked, f.changed = uint64(len(f.parking.entries)), true
	f.publishParked()
	return err
}
