package lane

import "passerelle/gateway/policy"

// Mode is how a lane treats what is shown to it. The zero value is as always.
type Mode uint8

// The modes.
const (
	Normal    Mode = iota
	OpenCount      // everybody in: verdicts are made, counted and journaled, and the lamp is green for each
	Rehearsal      // verdicts are made and shown on the page; nothing is consumed, journaled or reported, and no lamp turns green
)

// String returns the name that pages and the journal use.
func (m Mode) String() string {
	switch m {
	case OpenCount:
		return "open"
	case Rehearsal:
		return "rehearsal"
	}
	return "normal"
}

// SetMode puts a lane into a mode from the next code on. A lane always starts in Normal. It is ErrNoLane if there is no lane of that name.
func (g *Gate) SetMode(lane string, m Mode) error {
	l := g.byID[lane]
	if l == nil {
		return ErrNoLane
	}
	l.mode.Store(uint32(m))
	l.display.setMode(m)
	return nil
}

// Mode returns a lane's mode; Normal if there is no lane of that name.
func (g *Gate) Mode(lane string) Mode {
	if l := g.byID[lane]; l != nil {
		return Mode(l.mode.Load())
	}
	return Normal
}

// Override has a lane's lamp say that one person may pass, whatever the verdict with that number said: a supervisor takes that upon
// himself, and the caller has written so. It is ErrNoLane, or ErrBusy while the lane is about to end.
func (g *Gate) Override(lane string, sequence uint64) error {
	l := g.byID[lane]
	if l == nil {
		return ErrNoLane
	}
	select {
	case l.display.overrides <- sequence:
		return nil
	default:
		return ErrBusy
	}
}

// rehearse gives the candidates to the display as they are: nothing is claimed, and nothing is written.
func (l *Lane) rehearse() {
	now := l.gate.opts.Wall()
	for i, f := range l.batch {
		l.remember(f, now, l.candidates[i], 0)
		l.display.results <- result{kind: VerdictGiven, mode: Rehearsal, read: f.at, candidate: l.candidates[i], at: now, glance: l.glances[i]}
	}
	for i, f := range l.batch {
		l.sayAgain(f, &l.candidates[i], 0)
	}
}

// signalIn is what the lamp shows for an outcome in a mode.
func signalIn(m Mode, o policy.Outcome) Signal {
	switch {
	case m == OpenCount:
		return SignalAdmit
	case m == Rehearsal && o == policy.Admit:
		return SignalRefer // green is only for what is on disk
	}
	return signalOf(o)
}
