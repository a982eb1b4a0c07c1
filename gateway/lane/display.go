package lane

import (
	"slices"
	"sync"
	"time"

	"passerelle/gateway/policy"
)

// result is one verdict, a repeated sight of one, or the wish for a second document, on its way to the lamp.
type result struct {
	kind      EventKind // VerdictGiven, ShownAgain, SecondWanted or CardShown
	mode      Mode
	read      time.Time // its frame, as arrived said; zero for the verdict on a document to which no second one came
	candidate policy.Candidate
	sequence  uint64
	earlier   Earlier
	at        time.Time
	glance    *glance
}

// display owns a lane's lamp, its counters and its events.
type display struct {
	gate      *Gate
	config    Config
	arrived   chan waiting // one a frame, before its result
	linked    chan bool    // the scanner was opened; it is gone or could not be opened
	results   chan result  // closed at the end
	overrides chan uint64  // numbers of verdicts that a supervisor goes over
	withdrawn chan uint64  // numbers of verdicts whose release is to end
	passage   *passage     // nil without a contact

	mu     sync.Mutex
	status Status    // guarded by mu
	dark   time.Time // guarded by mu: since when the lamp certainly is not green; zero if it may be

	// Owned by run.
	waiting  []waiting   // frames without a result, in the order in which they were read
	deadline *time.Timer // of the first of waiting that is not late
	hold     *time.Timer
	held     bool // the lamp shows a verdict until hold ends
	retry    *time.Timer
	wanted   Signal    // what the lamp should show
	about    uint64    // the verdict that a green lamp is about
	lit      time.Time // since when, if held
	glance   *glance   // of the last verdict, until forget
	forget   *time.Timer
}

// waiting is a frame without a result.
type waiting struct {
	read   time.Time
	answer bool // the reader waits to be told
	late   bool // and that was said, to the reader too
}

func newDisplay(g *Gate, c Config) *display {
	return &display{
		gate: g, config: c,
		arrived:   make(chan waiting, buffers),
		linked:    make(chan bool, 1),
		results:   make(chan result, buffers),
		overrides: make(chan uint64, 1),
		withdrawn: make(chan uint64, maxWaiting),
		waiting:   make([]waiting, 0, 2*buffers),
		status:    Status{Lane: c.ID, Profile: c.Profile.Name, Scanner: c.Scanner},
	}
}

// run shows what happens until results is closed; then the lamp is in its safe state.
func (d *display) run() {
	d.deadline, d.hold, d.retry, d.forget = stoppedTimer(), stoppedTimer(), stoppedTimer(), stoppedTimer()
	defer d.set(SignalIdle)
	defer d.see(nil)
	d.set(d.resting())
	for {
		select {
		case w := <-d.arrived:
			d.await(w)
		case connected := <-d.linked:
			d.link(connected)
		case r, ok := <-d.results:
			if !ok {
				return
			}
			d.show(r)
		case sequence := <-d.overrides:
			d.override(sequence)
		case sequence := <-d.withdrawn:
			d.endRelease(sequence)
		case <-d.deadline.C:
			d.late()
		case <-d.hold.C:
			d.held = false
			d.set(d.resting())
		case <-d.forget.C:
			d.see(nil)
		case <-d.retry.C:
			d.set(d.wanted)
		}
	}
}

func (d *display) await(w waiting) {
	d.waiting = append(d.waiting, w)
	d.setDeadline()
}

func (d *display) setDeadline() {
	i := slices.IndexFunc(d.waiting, func(w waiting) bool { return !w.late })
	if i < 0 {
		d.deadline.Stop()
		return
	}
	d.deadline.Reset(d.patience(&d.waiting[i]) - d.gate.opts.Wall().Sub(d.waiting[i].read))
}

// patience is how long a frame may be without a verdict. A reader that waits must have been told by Deadline, and while it takes a good;
// before it is told the lamp is set, which may take as long.
func (d *display) patience(w *waiting) time.Duration {
	if w.answer {
		return min(Deadline, d.config.Reader.Patience()) - 2*AnswerTime
	}
	return Deadline
}

// show sets the lamp for a final verdict and tells everybody. A repeated sight, a first document, or a supervisor's card turns no lamp
// green and is not counted.
func (d *display) show(r result) {
	var w waiting
	if !r.read.IsZero() {
		w = d.answered(r.read)
	}
	late := w.late
	e := Event{Kind: r.kind, Mode: r.mode, Lane: d.config.ID, At: r.at, Sequence: r.sequence, Candidate: r.candidate}
	switch {
	case r.kind == VerdictGiven:
		e.Earlier, e.Late = r.earlier, late
		if d.see(r.glance); r.glance != nil {
			e.Claims = r.glance.of
		}
		if !r.read.IsZero() {
			e.Took = r.at.Sub(r.read)
		}
		d.passage.await(&r.candidate, r.sequence, r.at)
		d.set(d.signal(&r, late))
		d.about = r.sequence
		d.keep()
	case late:
		if d.wanted != SignalAdmit { // a supervisor's green has its own time
			d.keep()
		}
	case d.wanted == SignalAdmit && d.about != r.sequence:
		d.endOthersGreen(&r)
	}
	if w.answer && !late && !d.overtaken(r.read) {
		d.answer(r.read, answerTo(e.Kind, d.wanted))
	}
	if d.config.Forward != nil && r.kind == VerdictGiven && r.mode != Rehearsal {
		d.forward(&r)
	}
	d.gate.hub.publish(d.count(e))
}

// endOthersGreen ends a green that somebody could take for his own: one who shows again what was refused, or a first document. The green
// of one who was let in stays when he is seen again, and a supervisor's card says nothing about anybody.
func (d *display) endOthersGreen(r *result) {
	s := signalIn(d.snapshot().Mode, r.candidate.Outcome())
	switch {
	case r.kind == SecondWanted:
		d.hold.Stop()
		d.held = false
		d.set(d.resting())
	case r.kind == ShownAgain && s != SignalAdmit:
		d.set(s)
		d.about = r.sequence
		d.keep()
	}
}

// forward tells the other program. It is never told of a green that the lamp does not show.
func (d *display) forward(r *result) {
	outcome, reason := r.candidate.Outcome(), r.candidate.Reason()
	if outcome == policy.Admit && d.wanted != SignalAdmit {
		outcome, reason = policy.Refer, policy.Internal
	}
	d.config.Forward.Verdict(outcome, reason, r.sequence)
}

// see makes a glance the one that counts, for as long as the lamp shows a verdict.
func (d *display) see(g *glance) {
	d.glance.end()
	if d.glance = g; g != nil {
		d.forget.Reset(d.config.Hold)
	} else {
		d.forget.Stop()
	}
}

// overtaken reports whether the reader has given a later code: it waits for that one's answer now, and would take this one for it.
func (d *display) overtaken(read time.Time) bool {
	return slices.ContainsFunc(d.waiting, func(w waiting) bool { return w.answer && w.read.After(read) })
}

// answerTo is what a reader is told: good only where the lamp is to be green for this very code.
func answerTo(kind EventKind, lamp Signal) Answer {
	switch {
	case kind != VerdictGiven:
		return AnswerIgnore
	case lamp == SignalAdmit:
		return AnswerGood
	}
	return AnswerBad
}

// answer tells the reader. One that cannot be told shows by itself that nobody answered, so there is nothing to try again.
func (d *display) answer(read time.Time, a Answer) {
	if err := d.config.Reader.Answer(read, a); err != nil {
		d.gate.opts.Log.Error("reader", "lane", d.config.ID, "err", err)
	}
}

// answered takes a frame off those that wait. That it arrived was said before its result, but perhaps not heard yet; nor that it is late.
func (d *display) answered(read time.Time) (w waiting) {
	for len(d.arrived) > 0 {
		d.await(<-d.arrived)
	}
	d.late()
	i := slices.IndexFunc(d.waiting, func(w waiting) bool { return w.read.Equal(read) })
	w = d.waiting[i]
	d.waiting = slices.Delete(d.waiting, i, i+1)
	d.setDeadline()
	return w
}

// late says which codes are there without a verdict for too long: a person decides.
func (d *display) late() {
	now := d.gate.opts.Wall()
	for i := range d.waiting {
		if w := &d.waiting[i]; !w.late && now.Sub(w.read) >= d.patience(w) {
			if !d.anyLate() || d.wanted == SignalAdmit {
				d.askPerson()
			}
			w.late = true
			if w.answer && !d.overtaken(w.read) {
				d.answer(w.read, AnswerBad)
			}
			d.gate.hub.publish(d.count(Event{Kind: VerdictLate, Lane: d.config.ID, At: now}))
		}
	}
	d.setDeadline()
}

func (d *display) anyLate() bool {
	return slices.ContainsFunc(d.waiting, func(w waiting) bool { return w.late })
}

// askPerson ends what the lamp showed: it is not about the code that is there now.
func (d *display) askPerson() {
	d.hold.Stop()
	d.held = false
	d.set(SignalRefer)
}

// link notes whether the scanner is there, and says so when that changes. A verdict on the lamp outlasts its scanner.
func (d *display) link(connected bool) {
	d.mu.Lock()
	changed := d.status.Connected != connected
	d.status.Connected = connected
	d.mu.Unlock()
	if !changed {
		return
	}
	kind := ScannerGone
	if connected {
		kind = ScannerBack
	}
	if !d.held {
		d.set(d.resting())
	}
	d.gate.hub.publish(Event{Kind: kind, Lane: d.config.ID, At: d.gate.opts.Wall()})
}

// resolved tells everybody that somebody walked through, or did not.
func (d *display) resolved(kind EventKind, sequence uint64, at time.Time) {
	d.gate.hub.publish(d.count(Event{Kind: kind, Lane: d.config.ID, At: at, Sequence: sequence}))
}

func (d *display) setMode(m Mode) {
	d.mu.Lock()
	d.status.Mode = m
	d.mu.Unlock()
	d.gate.hub.publish(Event{Kind: ModeChanged, Mode: m, Lane: d.config.ID, At: d.gate.opts.Wall()})
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}
