package lane

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"passerelle/gateway/journal"
	"passerelle/gateway/policy"
)

// TestWhoWalkedThroughOnAFullDiskHasPassed: that he did is known, though it can be written only later.
func TestWhoWalkedThroughOnAFullDiskHasPassed(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, turnstile)
	p := s.posts[0]
	p.show(onceCode(t, 1))
	p.wantVerdict(1, "admit ok")
	s.disk.set(0, nil)
	s.gate.Passed(p.id)
	eventually(t, "it was tried", func() bool { return strings.Contains(s.log.String(), "a passage cannot be written yet") })
	s.disk.set(plenty, nil)
	p.want(Passed)
	if c := s.counted(); c.Passed != 1 || c.Annulled != 0 || c.Pending != 0 {
		t.Errorf("counters: %+v", c)
	}
	s.clock.add(s.repeat)
	p.show(onceCode(t, 1))
	p.wantVerdict(1, "deny already_used")
}

// TestFreedTicketTakesNobodysPulse: a supervisor frees one who waits; who walks in after him has passed.
func TestFreedTicketTakesNobodysPulse(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, turnstile, func(s *site) { s.passing = MaxPassing })
	p := s.posts[0]
	p.show(onceCode(t, 1))
	freed := p.wantVerdict(1, "admit ok")
	if err := s.journal.Free(p.id, time.Now(), freed.Sequence, journal.Deed{Reason: "not_passed", By: "amina", Means: "pin"}); err != nil {
		t.Fatal(err)
	}
	p.show(onceCode(t, 2))
	walked := p.wantVerdict(2, "admit ok")
	s.gate.Passed(p.id)
	if e := p.want(Passed); e.Sequence != walked.Sequence {
		t.Errorf("entry %d has passed, want %d", e.Sequence, walked.Sequence)
	}
	if c := s.counted(); c.Passed != 1 || c.Annulled != 1 || c.Pending != 0 {
		t.Errorf("counters: %+v", c)
	}
}

// TestWhoWaitsBesidesOneWhoWalkedIsNotAnnulled: two wait and one walks; which of them it was nobody knows.
func TestWhoWaitsBesidesOneWhoWalkedIsNotAnnulled(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, turnstile)
	p := s.posts[0]
	p.show(onceCode(t, 1))
	p.wantVerdict(1, "admit ok")
	p.show(onceCode(t, 2))
	second := p.wantVerdict(2, "admit ok")
	s.gate.Passed(p.id)
	p.want(Passed)
	eventually(t, "nobody is waited for", func() bool { return strings.Contains(s.log.String(), "nobody knows whether this one walked through") })
	if left := s.journal.Unresolved(); len(left) != 1 || left[0].Sequence != second.Sequence {
		t.Errorf("unresolved: %+v, want entry %d", left, second.Sequence)
	}
	s.clock.add(s.repeat)
	p.show(onceCode(t, 2))
	p.wantVerdict(2, "deny already_used")
}

// TestBlindMomentCostsTheNextPersonNothing: who was let in before it stays open, and takes no pulse of those behind.
func TestBlindMomentCostsTheNextPersonNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, turnstile, func(s *site) { s.passing = MaxPassing })
	p := s.posts[0]
	p.show(onceCode(t, 1))
	first := p.wantVerdict(1, "admit ok")
	s.gate.ContactReads(p.id, false)
	s.gate.ContactReads(p.id, true)
	eventually(t, "it was seen", func() bool { return strings.Contains(s.log.String(), "nobody knows whether this one walked through") })
	p.show(onceCode(t, 2))
	second := p.wantVerdict(2, "admit ok")
	s.gate.Passed(p.id)
	if e := p.want(Passed); e.Sequence != second.Sequence {
		t.Errorf("entry %d has passed, want %d", e.Sequence, second.Sequence)
	}
	if left := s.journal.Unresolved(); len(left) != 1 || left[0].Sequence != first.Sequence {
		t.Errorf("unresolved: %+v, want entry %d", left, first.Sequence)
	}
}

// stuck is a lamp that stays green while it is.
type stuck struct {
	*witness
	is *atomic.Bool
}

func (l stuck) Set(s Signal) error {
	if s != SignalAdmit && l.is.Load() {
		return errors.New("the relay does not answer")
	}
	return l.witness.Set(s)
}

// TestNobodyIsAnnulledWhileTheTurnstileMayBeOpen: the release could not be withdrawn.
func TestNobodyIsAnnulledWhileTheTurnstileMayBeOpen(t *testing.T) {
	t.Parallel()
	var is atomic.Bool
	s := newSite(t, 1, turnstile, func(s *site) { s.still = true })
	p := s.posts[0]
	s.gate.byID[p.id].display.config.Lamp = stuck{p.lamp, &is}
	s.start()
	p.show(onceCode(t, 1))
	p.wantVerdict(1, "admit ok")
	is.Store(true)
	time.Sleep(MinPassing + 3*settling)
	if c := s.counted(); c.Annulled != 0 || c.Pending != 1 || p.lamp.now() != SignalAdmit {
		t.Errorf("lamp %v, counters %+v", p.lamp.now(), c)
	}
	is.Store(false)
	p.want(Annulled)
}

// TestPulseThatIsThereWhenTheTimeIsOutCounts: the process stood still meanwhile.
func TestPulseThatIsThereWhenTheTimeIsOutCounts(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, turnstile, func(s *site) { s.still = true })
	passage := s.gate.byID["1"].passage
	passage.blind = false
	passage.take(admission{sequence: 7, until: time.Now().Add(-time.Second), withdrawn: true})
	s.gate.Passed("1")
	passage.overdue()
	if len(passage.waiting) != 0 || s.status("1").Passed != 1 {
		t.Errorf("%d wait, %d passed", len(passage.waiting), s.status("1").Passed)
	}
	for range maxWaiting + 1 {
		s.gate.Passed("1")
	}
	passage.take(admission{sequence: 8, until: time.Now().Add(time.Hour)})
	passage.take(admission{sequence: 9, until: time.Now().Add(time.Hour)})
	for len(passage.news) > 0 {
		<-passage.news
	}
	passage.overdue()
	if len(passage.waiting) != 0 || !strings.Contains(s.log.String(), "the contact is faster than the journal") {
		t.Errorf("%d wait although a pulse was lost", len(passage.waiting))
	}
}

func TestOpenLaneAsksNobodyForASecondDocument(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, pairing)
	p := s.posts[0]
	p.lamp.anyGreen = true
	if err := s.gate.SetMode(p.id, OpenCount); err != nil {
		t.Fatal(err)
	}
	p.want(ModeChanged)
	p.enter(code(t, 1))
	e := p.want(VerdictGiven)
	if got := verdictOf(&e); got != "refer second_document_missing" || e.Mode != OpenCount {
		t.Errorf("%s, mode %v", got, e.Mode)
	}
	eventually(t, "the lamp is green", func() bool { return p.lamp.now() == SignalAdmit })
}

// heard is the other program.
type heard struct{ said chan string }

func (h heard) Scan([]byte) { h.said <- "scan" }
func (h heard) Verdict(o policy.Outcome, r policy.Reason, _ uint64) {
	h.said <- o.String() + " " + r.String()
}

func TestRehearsalIsForwardedToNobody(t *testing.T) {
	t.Parallel()
	h := heard{make(chan string, 9)}
	s := newSite(t, 1, func(s *site) { s.forward = h })
	p := s.posts[0]
	if err := s.gate.SetMode(p.id, Rehearsal); err != nil {
		t.Fatal(err)
	}
	p.want(ModeChanged)
	p.show(onceCode(t, 1))
	p.wantVerdict(1, "admit ok")
	select {
	case got := <-h.said:
		t.Errorf("in a rehearsal the other program was told %q", got)
	default:
	}
}

func TestFirstDocumentIsForgottenUnderAnotherList(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, pairing)
	p := s.posts[0]
	p.enter(code(t, 1))
	p.want(SecondWanted)
	list := s.list
	list.Version++
	list.Keys = append(list.Keys[:0:0], list.Keys...)
	for i := range list.Keys {
		list.Keys[i].Disabled = true
	}
	s.gate.SetSnapshot(mustList(t, list))
	p.want(TrustChanged)
	p.enter(passport(t, asIs))
	p.want(SecondWanted) // the passport is the first one now
	p.enter(code(t, 2))
	if e := p.want(VerdictGiven); verdictOf(&e) != "deny issuer_disabled" {
		t.Errorf("%s", verdictOf(&e))
	}
}

func TestVerifierForgetsThePersonAfterTheVerdict(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	p := s.posts[0]
	p.show(code(t, 1))
	p.wantVerdict(1, "admit ok")
	s.stop()
	v := s.gate.byID[p.id].verifier
	defer func() {
		if recover() == nil {
			t.Error("there is still a result")
		}
	}()
	v.Result(0)
}

// TestPulseAfterTheContactIsThereAgainCounts: what the contact says is heard in its order, however much there is at once.
func TestPulseAfterTheContactIsThereAgainCounts(t *testing.T) {
	t.Parallel()
	for range 20 {
		s := newSite(t, 1, turnstile, func(s *site) { s.still = true })
		s.gate.ContactReads("1", false) // edges were lost
		s.gate.ContactReads("1", true)
		s.gate.Passed("1")
		p := s.gate.byID["1"].passage
		ctx, cancel := context.WithCancel(context.Background())
		go p.run(ctx)
		eventually(t, "all is heard", func() bool { return s.status("1").Passed == 1 })
		cancel()
		<-p.done
		for range cap(p.news) + 1 {
			s.gate.ContactReads("1", false) // nobody hears it, and it returns
		}
		if !s.status("1").ContactMoves {
			t.Fatal("the pulse was heard before the contact could be read")
		}
	}
}
