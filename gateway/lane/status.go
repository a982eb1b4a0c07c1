package lane

import "passerelle/gateway/policy"

// Status is how a lane stands.
type Status struct {
	Lane         string
	Profile      string
	Scanner      string
	Connected    bool
	Admitted     uint64 // verdicts since start
	Denied       uint64
	Referred     uint64
	Again        uint64
	Late         uint64
	Passed       uint64 // counted by the lane's contact
	Annulled     uint64 // let in, and did not walk through
	Overridden   uint64 // let in by a supervisor
	Opened       uint64 // verdicts while everybody was let in
	Dropped      uint64 // codes that the driver had no room for
	Mode         Mode
	LampFault    bool  // the lamp could not be set: nobody knows what it shows
	Contact      bool  // there is one that says who walked through
	ContactReads bool  // and it can be read
	ContactMoves bool  // and has moved since: else nobody is annulled
	ContactStill bool  // it stood still for several people in a row: nobody is annulled until it moves
	Last         Event // zero if there was none yet
}

// count enters an event in the lane's status and gives it its number.
func (d *display) count(e Event) Event {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &d.status
	switch {
	case e.Mode == Rehearsal:
	case e.Kind == ShownAgain:
		s.Again++
	case e.Kind == SecondWanted, e.Kind == CardShown:
	case e.Kind == VerdictLate:
		s.Late++
	case e.Kind == Overridden:
		s.Overridden++
	case e.Kind == Annulled:
		s.Annulled++
	case e.Kind == Passed:
	case e.Candidate.Outcome() == policy.Admit:
		s.Admitted++
	case e.Candidate.Outcome() == policy.Refer:
		s.Referred++
	default:
		s.Denied++
	}
	if e.Kind == VerdictGiven && e.Mode == OpenCount {
		s.Opened++
	}
	e.Count = s.Admitted + s.Referred + s.Denied
	if e.Kind == VerdictGiven {
		s.Last = e
		s.Last.Claims = nil
	}
	return e
}

// dropped counts codes that the scanner's driver had no room for.
func (d *display) dropped(n uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status.Dropped += n
}

// contact notes how the lane's contact stands.
func (d *display) contact(reads, moves, still bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status.ContactReads, d.status.ContactMoves, d.status.ContactStill = reads, moves, still
}

// passed counts a person who walked through, by the contact: it moves.
func (d *display) passed() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status.Passed++
	d.status.ContactMoves, d.status.ContactStill = d.status.ContactReads, false
}

func (d *display) snapshot() Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.status
}
