package lane

import (
	"time"

	"passerelle/gateway/identity"
	"passerelle/gateway/journal"
	"passerelle/gateway/policy"
)

// held is the first of two documents: a state of the lane, neither a verdict nor an entry of the journal, until the second one is
// there or time is out. It is forgotten then, and as soon as anything else is shown that could be read: one person's document is never
// joined with a third one.
type held struct {
	hash      uint64
	candidate policy.Candidate
	person    identity.Person
	glance    *glance
	mode      Mode      // in which it was shown, not OpenCount: nobody is let in for it when everybody is, later
	until     time.Time // zero: nothing is held
}

// pair joins the batch's i-th document with the one that is held, or holds it. It returns whether there is a verdict, and what may be
// seen of the document that it is about.
func (l *Lane) pair(i int) (*glance, bool) {
	if !l.held.until.IsZero() && l.gate.opts.Wall().After(l.held.until) {
		l.giveUp() // its timer had no turn yet
	}
	c, mode := &l.candidates[i], Mode(l.mode.Load())
	switch {
	case c.State(policy.Format) != policy.Passed:
		return l.look(i), true // nothing could be read, so it is no other document
	case l.joins(c):
		return l.join(i, c), true
	case c.Awaits() && mode != OpenCount: // an open lane asks nobody for anything
		l.hold(i, c, mode)
		return nil, false
	}
	l.forget()
	return l.look(i), true
}

// joins reports whether c is what the held document waits for.
func (l *Lane) joins(c *policy.Candidate) bool {
	if l.held.until.IsZero() {
		return false
	}
	_, ok := l.config.Profile.Pairs(l.held.candidate.Kind, c.Kind)
	return ok
}

// join makes c, the candidate of the batch's i-th frame, the verdict on both documents.
func (l *Lane) join(i int, c *policy.Candidate) *glance {
	var person identity.Person
	l.identify(&person, i)
	binding := identity.Compare(&l.held.person, &person)
	person = identity.Person{}
	first, second, seen := &l.held.candidate, c, l.held.glance
	if main, _ := l.config.Profile.Pairs(first.Kind, second.Kind); main != first.Kind {
		first, second, seen = second, first, l.look(i)
	} else {
		l.held.glance = nil // it goes on
	}
	both := *first
	both.Join(second, binding, l.config.Profile)
	*c, l.batch[i].first = both, l.held.hash
	l.forget()
	return seen
}

// hold keeps the batch's i-th document until a second one is there, and says so. A document that was held before is forgotten.
func (l *Lane) hold(i int, c *policy.Candidate, mode Mode) {
	f, now := l.batch[i], l.gate.opts.Wall()
	l.forget()
	l.identify(&l.held.person, i)
	l.held.hash, l.held.candidate, l.held.glance, l.held.until = f.hash, *c, l.look(i), now.Add(l.config.Second)
	l.held.mode = mode
	l.patience.Reset(l.config.Second)
	l.recent.remember(f.hash, now, *c, 0)
	l.display.results <- result{kind: SecondWanted, read: f.at, candidate: *c, at: now}
	l.sayAgain(f, c, 0)
	l.giveBack(f)
}

// forget ends the state in which a second document is awaited.
func (l *Lane) forget() {
	l.held.glance.end()
	l.held = held{}
	l.patience.Stop()
}

// giveUp makes the held document, to which no second one came in time, a verdict of its own.
func (l *Lane) giveUp() {
	if l.held.until.IsZero() {
		return
	}
	hash, c, seen, mode := l.held.hash, l.held.candidate, l.held.glance, l.held.mode
	l.held.glance = nil // it goes on
	l.forget()
	if mode == Rehearsal {
		l.display.results <- result{kind: VerdictGiven, mode: mode, candidate: c, at: l.gate.opts.Wall(), glance: seen}
		return
	}
	l.ticket.pending = append(l.ticket.pending[:0], journal.Pending{
		Lane: l.config.ID, Zone: l.zone(), At: l.gate.opts.Wall(), Profile: l.config.Profile, Candidate: c,
	})
	l.gate.writer.in <- &l.ticket
	<-l.ticket.done
	p, now := &l.ticket.pending[0], l.gate.opts.Wall()
	l.recent.settle(hash, p.Candidate, p.Sequence)
	l.display.results <- result{kind: VerdictGiven, mode: mode, candidate: p.Candidate, sequence: p.Sequence, at: now, glance: seen}
}

// identify reads off who the last batch's i-th document is about.
func (l *Lane) identify(p *identity.Person, i int) {
	r := l.verifier.Result(i)
	switch {
	case r.Certificate != nil:
		p.Certificate(r.Certificate)
	case r.Zone != nil:
		p.Zone(r.Zone)
	case r.BoardingPass != nil:
		p.BoardingPass(r.BoardingPass)
	case r.Ticket != nil:
		p.Ticket(r.Ticket)
	case r.Seal != nil:
		p.Seal(r.Seal)
	case r.Person != nil:
		p.Claim169(r.Person)
	}
}
