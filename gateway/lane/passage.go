package lane

import (
	"context"
	"errors"
	"slices"
	"time"

	"passerelle/gateway/journal"
	"passerelle/gateway/policy"
)

// passage waits for those who were let in to walk through, where the lane's turnstile has a contact: authorised → passed, or annulled.
//
// Whoever has not walked through in time has the release withdrawn first; then the contact gets its settling time, since a person may
// be in the turnstile at this moment; only then the entry is annulled on disk, and the ticket is good again. What is unresolved when the
// gate ends stays used until a supervisor frees it.
type passage struct {
	lane     *Lane
	admitted chan admission
	pulses   chan time.Time // of the contact
	reads    chan bool      // whether the contact can be read
	waiting  []admission    // the one who has waited longest first
	blind    bool           // the contact cannot be read
	timer    *time.Timer
}

// admission is one person who was let in and has not walked through.
type admission struct {
	sequence  uint64
	until     time.Time // when the release is withdrawn, then when the entry is annulled
	withdrawn bool
	unknown   bool // the contact could not be read at some time: whether this one walked through nobody knows
}

// Times of a passage.
const (
	MinPassing  = 2 * time.Second
	MaxPassing  = 60 * time.Second
	settling    = time.Second // that a contact may be behind
	resolveWait = time.Second // between attempts to write, while the disk is full
	maxWaiting  = 64
)

func newPassage(l *Lane) *passage {
	return &passage{
		lane: l, admitted: make(chan admission, maxWaiting), pulses: make(chan time.Time, maxWaiting),
		reads: make(chan bool, 4), blind: true, timer: stoppedTimer(),
		waiting: make([]admission, 0, maxWaiting),
	}
}

// run runs until the context ends.
func (p *passage) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-p.admitted:
			p.take(a)
		case at := <-p.pulses:
			p.passed(at)
		case reads := <-p.reads:
			p.see(reads)
		case <-p.timer.C:
			p.overdue()
		}
		p.setTimer()
	}
}

func (p *passage) setTimer() {
	if len(p.waiting) == 0 {
		p.timer.Stop()
		return
	}
	p.timer.Reset(max(0, p.waiting[0].until.Sub(p.lane.gate.opts.Wall())))
}

// passed resolves the person who has waited longest: people walk through in their order. A pulse that nobody waits for is counted alone.
func (p *passage) passed(at time.Time) {
	p.collect()
	p.lane.display.passed()
	if len(p.waiting) > 0 {
		p.resolve(at, true)
	}
}

// see notes whether the contact can be read. Whoever waits while it cannot is never annulled: a ticket that was walked in on would be
// good again.
func (p *passage) see(reads bool) {
	p.collect()
	if p.blind = !reads; p.blind {
		for i := range p.waiting {
			p.waiting[i].unknown = true
		}
	}
}

// collect takes those who were let in before what is looked at now.
func (p *passage) collect() {
	for len(p.admitted) > 0 {
		p.take(<-p.admitted)
	}
}

func (p *passage) take(a admission) {
	a.unknown = p.blind
	p.waiting = append(p.waiting, a)
}

// overdue withdraws the release for whoever has waited too long, and annuls the entry once the contact can say nothing more.
func (p *passage) overdue() {
	now := p.lane.gate.opts.Wall()
	if len(p.waiting) == 0 || now.Before(p.waiting[0].until) {
		return
	}
	first := &p.waiting[0]
	if first.withdrawn && first.unknown {
		p.lane.gate.opts.Log.Error("contact: nobody knows whether this one walked through; a supervisor may free the ticket", "lane", p.lane.config.ID, "entry", first.sequence)
		p.waiting = slices.Delete(p.waiting, 0, 1)
		return
	}
	if first.withdrawn {
		p.resolve(now, false)
		return
	}
	first.withdrawn, first.until = true, now.Add(settling)
	p.lane.display.withdraw(first.sequence)
}

// resolve has it on disk that the first of waiting passed, or did not. On a full disk that is tried again: until then the ticket stays
// used.
func (p *passage) resolve(at time.Time, passed bool) {
	l, first := p.lane, &p.waiting[0]
	_, err := l.gate.opts.Journal.Resolve(l.config.ID, at, first.sequence, passed)
	if errors.Is(err, journal.ErrFull) {
		l.gate.opts.Log.Error("journal: a passage cannot be written yet", "lane", l.config.ID, "err", err)
		first.until = l.gate.opts.Wall().Add(resolveWait)
		return
	}
	kind := Annulled
	if passed {
		kind = Passed
	}
	if err != nil { // freed by a supervisor meanwhile, or the store is gone
		l.gate.opts.Log.Error("journal: a passage was not written", "lane", l.config.ID, "entry", first.sequence, "err", err)
	} else {
		l.display.resolved(kind, first.sequence, at)
		l.gate.opts.Committed()
	}
	p.waiting = slices.Delete(p.waiting, 0, 1)
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
