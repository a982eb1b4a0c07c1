package lane

import (
	"strings"
	"testing"
	"time"

	"passerelle/gateway/journal"
	"passerelle/gateway/policy"
)

// turnstile gives the lanes contacts that wait as short as may be.
func turnstile(s *site) { s.passing = MinPassing }

// counted returns the journal's counters of all lanes together.
func (s *site) counted() (all journal.Count) {
	for _, c := range s.journal.Counts() {
		all.Authorised += c.Authorised
		all.Passed += c.Passed
		all.Annulled += c.Annulled
		all.Pending += c.Pending
	}
	return all
}

func TestWhoWalksThroughHasPassed(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, turnstile)
	p := s.posts[0]
	p.show(onceCode(t, 1))
	p.wantVerdict(1, "admit ok")
	if c := s.counted(); c.Authorised != 1 || c.Pending != 1 || c.Passed != 0 {
		t.Errorf("before: %+v", c)
	}
	s.gate.Passed(p.id)
	p.want(Passed)
	if c := s.counted(); c.Authorised != 1 || c.Pending != 0 || c.Passed != 1 {
		t.Errorf("after: %+v", c)
	}
	s.clock.add(s.repeat)
	p.show(onceCode(t, 1))
	p.wantVerdict(1, "deny already_used")
}

func TestWhoDoesNotWalkThroughMayComeAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2, turnstile)
	p, q := s.posts[0], s.posts[1]
	p.show(onceCode(t, 1))
	first := p.wantVerdict(1, "admit ok")
	q.show(onceCode(t, 1))
	q.wantVerdict(1, "deny already_used") // while it is not known
	e := p.want(Annulled)
	if e.Sequence != first.Sequence {
		t.Errorf("entry %d was annulled, want %d", e.Sequence, first.Sequence)
	}
	if lamp := p.lamp.now(); lamp == SignalAdmit {
		t.Error("the release was not withdrawn")
	}
	s.clock.add(s.repeat)
	q.show(onceCode(t, 1))
	q.wantVerdict(1, "admit ok")
	s.gate.Passed(q.id)
	q.want(Passed)
	if c := s.counted(); c.Authorised != 2 || c.Annulled != 1 || c.Passed != 1 || c.Pending != 0 {
		t.Errorf("counters: %+v", c)
	}
}

func TestPeopleWalkThroughInTheirOrder(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, turnstile, func(s *site) { s.passing = MaxPassing })
	p := s.posts[0]
	var sequences []uint64
	for n := 1; n <= 3; n++ {
		p.show(onceCode(t, n))
		sequences = append(sequences, p.wantVerdict(n, "admit ok").Sequence)
	}
	for _, want := range sequences {
		s.gate.Passed(p.id)
		if e := p.want(Passed); e.Sequence != want {
			t.Errorf("entry %d has passed, want %d", e.Sequence, want)
		}
	}
	s.gate.Passed(p.id) // a member of the staff, who is counted and is nobody's entry; so was the one who tried the contact
	eventually(t, "a fifth person is counted", func() bool { return s.status(p.id).Passed == 5 })
	if c := s.counted(); c.Passed != 3 || c.Pending != 0 {
		t.Errorf("counters: %+v", c)
	}
}

func TestUnresolvedAtTheEndStaysUsedUntilASupervisorFreesIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, turnstile, func(s *site) { s.passing = MaxPassing })
	p := s.posts[0]
	p.show(onceCode(t, 1))
	e := p.wantVerdict(1, "admit ok")
	s.stop()
	left := s.journal.Unresolved()
	if len(left) != 1 || left[0].Sequence != e.Sequence || left[0].Lane != p.id {
		t.Fatalf("unresolved: %+v, want entry %d", left, e.Sequence)
	}
	if err := s.journal.Free(p.id, time.Now(), e.Sequence, journal.Deed{Reason: "not_passed", By: "amina", Means: "pin"}); err != nil {
		t.Fatal(err)
	}
	if c := s.counted(); c.Authorised != 1 || c.Annulled != 1 || c.Pending != 0 {
		t.Errorf("counters: %+v", c)
	}
}

func TestRehearsalConsumesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	p := s.posts[0]
	if err := s.gate.SetMode(p.id, Rehearsal); err != nil {
		t.Fatal(err)
	}
	p.want(ModeChanged)
	for range 2 {
		p.show(onceCode(t, 1))
		if e := p.wantVerdict(1, "admit ok"); e.Mode != Rehearsal || e.Sequence != 0 || e.Candidate.Final() {
			t.Errorf("a rehearsed verdict: %+v", e)
		}
		s.clock.add(s.repeat)
	}
	if n := len(s.entries()); n != 0 {
		t.Errorf("%d entries in the journal", n)
	}
	if st := s.status(p.id); st.Admitted != 0 || st.Mode != Rehearsal {
		t.Errorf("status: %+v", st)
	}
	if err := s.gate.SetMode(p.id, Normal); err != nil {
		t.Fatal(err)
	}
	p.want(ModeChanged)
	p.show(onceCode(t, 1))
	p.wantVerdict(1, "admit ok")
}

func TestOpenLaneLetsEverybodyInAndCounts(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	p := s.posts[0]
	p.lamp.anyGreen = true
	if err := s.gate.SetMode(p.id, OpenCount); err != nil {
		t.Fatal(err)
	}
	p.want(ModeChanged)
	p.show(code(t, firstStranger))
	e := p.wantVerdict(firstStranger, "deny unknown_issuer")
	if e.Mode != OpenCount || e.Sequence == 0 {
		t.Errorf("%+v", e)
	}
	eventually(t, "the lamp is green", func() bool { return p.lamp.now() == SignalAdmit })
	if st := s.status(p.id); st.Opened != 1 || st.Denied != 1 {
		t.Errorf("status: %+v", st)
	}
}

func TestSupervisorsOverrideLightsGreenOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	p := s.posts[0]
	p.lamp.anyGreen = true
	p.show(code(t, firstRetired))
	e := p.wantVerdict(firstRetired, "refer key_expired")
	if err := s.gate.Override(p.id, e.Sequence); err != nil {
		t.Fatal(err)
	}
	if over := p.want(Overridden); over.Sequence != e.Sequence {
		t.Errorf("entry %d was overridden, want %d", over.Sequence, e.Sequence)
	}
	if st := s.status(p.id); st.Overridden != 1 || st.Admitted != 0 {
		t.Errorf("status: %+v", st)
	}
	if err := s.gate.Override("nowhere", 1); err != ErrNoLane {
		t.Errorf("%v, want %v", err, ErrNoLane)
	}
}

func TestSessionIsTheLanes(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	session := &policy.Session{Event: "final"}
	if err := s.gate.SetSession("1", session); err != nil {
		t.Fatal(err)
	}
	if s.gate.Session("1") != session || s.gate.Session("2") != nil {
		t.Error("the session is another lane's")
	}
	if err := s.gate.SetSession("3", nil); err != ErrNoLane {
		t.Errorf("%v, want %v", err, ErrNoLane)
	}
}

func TestBlindContactNeverMakesATicketGoodAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, turnstile)
	p := s.posts[0]
	p.show(onceCode(t, 1))
	e := p.wantVerdict(1, "admit ok")
	s.gate.ContactReads(p.id, false)
	s.gate.ContactReads(p.id, true)
	eventually(t, "nobody is waited for", func() bool { return p.lamp.now() != SignalAdmit })
	time.Sleep(2 * settling)
	if left := s.journal.Unresolved(); len(left) != 1 || left[0].Sequence != e.Sequence {
		t.Errorf("unresolved: %+v, want entry %d", left, e.Sequence)
	}
	s.clock.add(s.repeat)
	p.show(onceCode(t, 1))
	p.wantVerdict(1, "deny already_used")
}

// TestContactThatHasNotMovedAnnulsNobody: its cable may be cut, and everybody has walked through.
func TestContactThatHasNotMovedAnnulsNobody(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, turnstile)
	p := s.posts[0]
	s.gate.ContactReads(p.id, false)
	s.gate.ContactReads(p.id, true)
	eventually(t, "nobody knows whether it moves", func() bool { st := s.status(p.id); return st.ContactReads && !st.ContactMoves })
	p.show(onceCode(t, 1))
	e := p.wantVerdict(1, "admit ok")
	eventually(t, "nobody is waited for", func() bool { return strings.Contains(s.log.String(), "nobody knows whether this one walked through") })
	if left := s.journal.Unresolved(); len(left) != 1 || left[0].Sequence != e.Sequence {
		t.Errorf("unresolved: %+v, want entry %d", left, e.Sequence)
	}
	s.clock.add(s.repeat)
	p.show(onceCode(t, 1))
	p.wantVerdict(1, "deny already_used")
}

// TestContactThatStandsStillForSeveralInARowAnnulsNobodyMore: whoever turns back is rare, and a cable that was cut looks the same. One who
// is counted makes it good again.
func TestContactThatStandsStillForSeveralInARowAnnulsNobodyMore(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, turnstile)
	p := s.posts[0]
	for n := 1; n <= maxStill; n++ {
		if !s.status(p.id).ContactMoves {
			t.Errorf("%d annulled are too many already", n-1)
		}
		p.show(onceCode(t, n))
		p.wantVerdict(n, "admit ok")
		p.want(Annulled)
	}
	eventually(t, "the contact is doubted", func() bool { st := s.status(p.id); return st.ContactReads && !st.ContactMoves })
	eventually(t, "it is in the log", func() bool { return strings.Contains(s.log.String(), "look at its cable") })
	p.show(onceCode(t, 10))
	left := p.wantVerdict(10, "admit ok")
	eventually(t, "nobody is waited for", func() bool { return strings.Contains(s.log.String(), "nobody knows whether this one walked through") })
	if open := s.journal.Unresolved(); len(open) != 1 || open[0].Sequence != left.Sequence {
		t.Errorf("unresolved: %+v, want entry %d", open, left.Sequence)
	}
	s.gate.Passed(p.id)
	eventually(t, "it moves again", func() bool { return s.status(p.id).ContactMoves })
	p.show(onceCode(t, 11))
	p.wantVerdict(11, "admit ok")
	p.want(Annulled)
}
