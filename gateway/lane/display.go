package lane

import (
	"sync"
	"time"

	"passerelle/gateway/policy"
)

// Status is how a lane stands.
type Status struct {
	Lane      string
	Profile   string
	Scanner   string
	Connected bool
	Admitted  uint64 // verdicts since start
	Denied    uint64
	Referred  uint64
	Again     uint64
	Late      uint64
	Last      Event // zero if there was none yet
}

// result is one verdict, or a repeated sight of one, on its way to the lamp.
type result struct {
	again     bool
	candidate policy.Candidate
	sequence  uint64
	earlier   Earlier
	at        time.Time
	took      time.Duration
}

// display owns a lane's lamp, its counters and its events.
type display struct {
	gate    *Gate
	config  Config
	arrived chan struct{} // one a frame, before its result
	linked  chan bool     // the scanner was opened, or could not be
	results chan result   // closed at the end

	mu     sync.Mutex
	status Status // guarded by mu

	// Owned by run.
	waiting  int // frames without a verdict
	deadline *time.Timer
	hold     *time.Timer
}

func newDisplay(g *Gate, c Config) *display {
	return &display{
		gate: g, config: c,
		arrived: make(chan struct{}, buffers),
		linked:  make(chan bool, 1),
		results: make(chan result, buffers),
		status:  Status{Lane: c.ID, Profile: c.Profile.Name, Scanner: c.Scanner},
	}
}

// run shows what happens until results is closed; then the lamp is in its safe state.
func (d *display) run() {
	d.deadline, d.hold = stoppedTimer(), stoppedTimer()
	defer d.set(SignalIdle)
	d.set(d.resting())
	for {
		select {
		case <-d.arrived:
			if d.waiting++; d.waiting == 1 {
				d.deadline.Reset(Deadline)
			}
		case connected := <-d.linked:
			d.link(connected)
		case r, ok := <-d.results:
			if !ok {
				return
			}
			d.show(r)
		case <-d.deadline.C:
			d.late()
		case <-d.hold.C:
			d.set(d.resting())
		}
	}
}

// show sets the lamp for a final verdict and tells everybody. A repeated sight changes neither lamp nor count.
func (d *display) show(r result) {
	if d.waiting--; d.waiting > 0 {
		d.deadline.Reset(Deadline)
	} else {
		d.deadline.Stop()
	}
	e := Event{
		Kind: VerdictGiven, Lane: d.config.ID, At: r.at, Sequence: r.sequence,
		Candidate: r.candidate, Earlier: r.earlier, Took: r.took,
	}
	if r.again {
		e.Kind = ShownAgain
	} else {
		d.set(signalOf(r.candidate.Outcome()))
		d.hold.Reset(d.config.Hold)
	}
	d.gate.hub.publish(d.count(e))
}

// count enters an event in the lane's status and gives it its number.
func (d *display) count(e Event) Event {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &d.status
	switch {
	case e.Kind == ShownAgain:
		s.Again++
	case e.Kind == VerdictLate:
		s.Late++
	case e.Candidate.Outcome() == policy.Admit:
		s.Admitted++
	case e.Candidate.Outcome() == policy.Refer:
		s.Referred++
	default:
		s.Denied++
	}
	e.Count = s.Admitted + s.Referred + s.Denied
	if e.Kind == VerdictGiven {
		s.Last = e
	}
	return e
}

// late says that a code is there and no verdict: a person decides.
func (d *display) late() {
	d.set(SignalRefer)
	d.gate.hub.publish(d.count(Event{Kind: VerdictLate, Lane: d.config.ID, At: d.gate.opts.Wall()}))
}

// link notes whether the scanner is there, and says so when that changes.
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
	d.set(d.resting())
	d.gate.hub.publish(Event{Kind: kind, Lane: d.config.ID, At: d.gate.opts.Wall()})
}

// resting is what the lamp shows between verdicts.
func (d *display) resting() Signal {
	if !d.snapshot().Connected {
		return SignalFault
	}
	return SignalIdle
}

func (d *display) set(s Signal) {
	if err := d.config.Lamp.Set(s); err != nil {
		d.gate.opts.Log.Error("lamp", "lane", d.config.ID, "err", err)
	}
}

func (d *display) snapshot() Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.status
}

func signalOf(o policy.Outcome) Signal {
	switch o {
	case policy.Admit:
		return SignalAdmit
	case policy.Refer:
		return SignalRefer
	}
	return SignalDeny
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}
