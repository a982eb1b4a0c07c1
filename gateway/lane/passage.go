package lane

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"passerelle/gateway/journal"
	"passerelle/gateway/policy"
)

// passage waits for those who were let in to walk through, where the lane's turnstile has a contact: authorised → passed, or annulled.
//
// Whoever has not walked through in time has the release withdrawn first. Then, as soon as the lamp is seen to be dark, the contact gets its
// settling time, since a person may be in the turnstile at this moment; only then the entry is annulled on disk, and the ticket is good
// again. Whatever leaves it open who walked, a contact that cannot be read or does not move, two who wait and one pulse, leaves the ticket
// used until a supervisor frees it; so does the gate's end.
//
// A cable that is cut, and a contact that is stuck, can be read: nobody walks through. So nobody is annulled before the contact has moved,
// nor when maxStill were in a row since it did.
type passage struct {
	lane      *Lane
	admitted  chan admission
	news      chan news     // of the contact, in their order
	done      chan struct{} // closed when nobody hears any more
	lost      atomic.Bool   // a pulse found no room
	waiting   []admission   // the one who has waited longest first
	unwritten []outcome     // known, and not on disk yet
	blind     bool          // the contact cannot be read
	still     int           // how many were annulled since the contact moved; maxStill if it did not yet
	timer     *time.Timer   // of the first of waiting
	retry     *time.Timer   // of unwritten
}

// admission is one person who was let in and has not walked through.
type admission struct {
	sequence  uint64
	until     time.Time // when the release is withdrawn, then when the entry is annulled
	withdrawn bool
	unknown   bool // a pulse that was another's may have been this one's
}

// news is a pulse of the contact, or whether it can be read.
type news struct {
	pulse time.Time // zero: none
	reads bool
}

// outcome is what became of one who was let in.
type outcome struct {
	sequence uint64
	at       time.Time
	passed   bool
}

// Times of a passage.
const (
	MinPassing  = 2 * time.Second
	MaxPassing  = 60 * time.Second
	settling    = time.Second // that a contact may be behind
	resolveWait = time.Second // between attempts to write, while the disk is full
	maxStill    = 3           // a family that turns back
	maxWaiting  = 64
)

func newPassage(l *Lane) *passage {
	return &passage{
		lane: l, admitted: make(chan admission, maxWaiting), news: make(chan news, maxWaiting), done: make(chan struct{}), blind: true, still: maxStill, timer: stoppedTimer(), retry: stoppedTimer(),
		waiting: make([]admission, 0, maxWaiting),
	}
}

// run runs until the context ends.
func (p *passage) run(ctx context.Context) {
	defer close(p.done)
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-p.admitted:
			p.take(a)
		case n := <-p.news:
			p.hear(n)
		case <-p.timer.C:
			p.overdue()
		case <-p.retry.C:
			p.write()
		}
		p.setTimers()
	}
}

func (p *passage) setTimers() {
	p.timer.Stop()
	if len(p.waiting) > 0 {
		p.timer.Reset(max(0, p.waiting[0].until.Sub(p.lane.gate.opts.Wall())))
	}
	p.retry.Stop()
	if len(p.unwritten) > 0 {
		p.retry.Reset(resolveWait)
	}
}

// pulse is one person who walked through.
func (p *passage) pulse(at time.Time) {
	select {
	case p.news <- news{pulse: at}:
	default:
		p.lost.Store(true)
	}
}

// contact says whether the contact can be read.
func (p *passage) contact(reads bool) {
	select {
	case p.news <- news{reads: reads}:
	case <-p.done:
	}
}

func (p *passage) hear(n news) {
	if n.pulse.IsZero() {
		p.see(n.reads)
	} else {
		p.passed(n.pulse)
	}
}

// passed resolves the person who has waited longest: people walk through in their order. Nobody is sure of that, so those who wait
// besides are not annulled after it. A pulse that nobody waits for is counted alone.
func (p *passage) passed(at time.Time) {
	p.collect()
	p.lane.display.passed()
	p.still = 0
	for len(p.waiting) > 0 {
		first := p.waiting[0]
		p.waiting = slices.Delete(p.waiting, 0, 1)
		if p.resolve(outcome{first.sequence, at, true}) {
			for i := range p.waiting {
				p.waiting[i].unknown = true
			}
			return
		}
	}
}

// see notes whether the contact can be read. Whoever waits while it cannot is never annulled: a ticket that was walked in on would be
// good again.
func (p *passage) see(reads bool) {
	p.collect()
	p.lane.display.contact(reads, false, false)
	p.still = maxStill
	if p.blind = !reads; p.blind {
		p.leaveOpen(len(p.waiting))
	}
}

// leaveOpen gives up on the first n who wait: their tickets stay used.
func (p *passage) leaveOpen(n int) {
	for _, a := range p.waiting[:n] {
		p.lane.gate.opts.Log.Error("contact: nobody knows whether this one walked through; a supervisor may free the ticket",
			"lane", p.lane.config.ID, "entry", a.sequence)
	}
	p.waiting = slices.Delete(p.waiting, 0, n)
}

// collect takes those who were let in before what is looked at now.
func (p *passage) collect() {
	for len(p.admitted) > 0 {
		p.take(<-p.admitted)
	}
}

func (p *passage) take(a admission) {
	p.waiting = append(p.waiting, a)
	if p.blind {
		p.leaveOpen(len(p.waiting))
	}
}

// overdue withdraws the release for whoever has waited too long, and annuls the entry once the contact can say nothing more.
func (p *passage) overdue() {
	p.collect()
	for len(p.news) > 0 {
		p.hear(<-p.news)
	}
	if p.lost.Swap(false) {
		p.lane.gate.opts.Log.Error("lane: the contact is faster than the journal", "lane", p.lane.config.ID)
		p.leaveOpen(len(p.waiting))
	}
	now := p.lane.gate.opts.Wall()
	if len(p.waiting) == 0 || now.Before(p.waiting[0].until) {
		return
	}
	first := &p.waiting[0]
	if !first.withdrawn {
		first.withdrawn, first.until = true, now.Add(settling)
		p.lane.display.withdraw(first.sequence)
		return
	}
	switch dark := p.lane.display.darkFor(now); {
	case dark < settling:
		first.until = now.Add(settling - dark)
	case first.unknown, p.still >= maxStill:
		p.leaveOpen(1)
	default:
		sequence := first.sequence
		p.waiting = slices.Delete(p.waiting, 0, 1)
		if p.resolve(outcome{sequence, now, false}) {
			p.still++
		}
		if p.still == maxStill {
			p.lane.display.contact(true, false, true)
			p.lane.gate.opts.Log.Error("contact: nobody is annulled any more until it moves; look at its cable", "lane", p.lane.config.ID, "annulled in a row", maxStill)
		}
	}
}

// resolve has it on disk that somebody passed, or did not. On a full disk that is tried again: until then the ticket stays used. It is
// false if nobody waits for that any more: a supervisor has freed the ticket.
func (p *passage) resolve(o outcome) bool {
	l := p.lane
	_, err := l.gate.opts.Journal.Resolve(l.config.ID, o.at, o.sequence, o.passed)
	switch {
	case errors.Is(err, journal.ErrNotPending):
		return false
	case errors.Is(err, journal.ErrFull):
		l.gate.opts.Log.Error("journal: a passage cannot be written yet", "lane", l.config.ID, "err", err)
		p.unwritten = append(p.unwritten, o)
		return true
	case err != nil:
		l.gate.opts.Log.Error("journal: a passage was not written", "lane", l.config.ID, "entry", o.sequence, "err", err)
		return true
	}
	kind := Annulled
	if o.passed {
		kind = Passed
	}
	l.display.resolved(kind, o.sequence, o.at)
	l.gate.opts.Committed()
	return true
}

// write tries again what could not be written.
func (p *passage) write() {
	again := p.unwritten
	p.unwritten = nil
	for _, o := range again {
		p.resolve(o)
	}
}

// await is told of each verdict before its lamp is set.
func (p *passage) await(c *policy.Candidate, sequence uint64, at time.Time) {
	if p == nil || c.Outcome() != policy.Admit || !c.Final() {
		return
	}
	select {
	case p.admitted <- admission{sequence: sequence, until: at.Add(p.lane.config.Passing)}:
	default:
		p.lane.gate.opts.Log.Error("lane: too many wait to walk through; this one stays unresolved", "lane", p.lane.config.ID, "entry", sequence)
	}
}
