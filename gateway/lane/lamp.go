package lane

import (
	"time"

	"passerelle/gateway/policy"
)

// signal decides what the lamp shows for a verdict. Green is for the one person at the gate: it never answers a code that was
// said to be late, whose holder a person dealt with, nor stands where another code is late, nor follows a refusal that was not
// seen for MinHold. Then a person looks.
func (d *display) signal(r *result, late bool) Signal {
	s := signalIn(r.mode, r.candidate.Outcome())
	unseen := d.held && d.wanted != SignalAdmit && r.at.Sub(d.lit) < MinHold
	if d.anyLate() || s == SignalAdmit && (late || unseen) {
		return SignalRefer
	}
	return s
}

// keep has the lamp show what it shows now for the time of a verdict, or until no code is late.
func (d *display) keep() {
	if d.held, d.lit = !d.anyLate(), d.gate.opts.Wall(); d.held {
		d.hold.Reset(d.config.Hold)
	} else {
		d.hold.Stop()
	}
}

// resting is what the lamp shows between verdicts.
func (d *display) resting() Signal {
	switch {
	case d.anyLate():
		return SignalRefer
	case !d.snapshot().Connected:
		return SignalFault
	}
	return SignalIdle
}

// set sets the lamp. Where that fails it is tried again every lampRetry, but a green only once: whom it was for may be gone.
func (d *display) set(s Signal) {
	d.wanted = s
	err := d.config.Lamp.Set(s)
	if err != nil {
		d.gate.opts.Log.Error("lamp", "lane", d.config.ID, "err", err)
	}
	if err != nil && s != SignalAdmit {
		d.retry.Reset(lampRetry)
	} else {
		d.retry.Stop()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status.LampFault = err != nil
	switch dark := err == nil && s != SignalAdmit; {
	case !dark:
		d.dark = time.Time{}
	case d.dark.IsZero():
		d.dark = d.gate.opts.Wall()
	}
}

// darkFor returns how long the lamp has certainly let nobody through.
func (d *display) darkFor(now time.Time) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dark.IsZero() {
		return 0
	}
	return now.Sub(d.dark)
}

// override lets one person in because a supervisor says so.
func (d *display) override(sequence uint64) {
	now := d.gate.opts.Wall()
	d.set(SignalAdmit)
	d.about = sequence
	d.held, d.lit = true, now
	d.hold.Reset(d.config.Hold)
	d.gate.hub.publish(d.count(Event{Kind: Overridden, Lane: d.config.ID, At: now, Sequence: sequence}))
}

// withdraw has a green lamp end, if it is about this verdict; the passage calls it.
func (d *display) withdraw(sequence uint64) { d.withdrawn <- sequence }

func (d *display) endRelease(sequence uint64) {
	if d.wanted != SignalAdmit || d.about != sequence {
		return
	}
	d.hold.Stop()
	d.held = false
	d.set(d.resting())
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
