package lane

import (
	"context"
	"hash/maphash"
	"slices"
	"testing"
	"time"

	"passerelle/drivers/scannertest"
	"passerelle/gateway/policy"
)

// wantAgain returns the lane's next event, which must be a repeated sight of code n that was given this verdict.
func (p *post) wantAgain(n int, first Event) Event {
	p.site.t.Helper()
	e := p.want(ShownAgain)
	if numberOf(&e) != n || e.Sequence != first.Sequence || verdictOf(&e) != verdictOf(&first) {
		p.site.t.Errorf("again: code %d, entry %d, %s; want code %d, entry %d, %s",
			numberOf(&e), e.Sequence, verdictOf(&e), n, first.Sequence, verdictOf(&first))
	}
	return e
}

func TestSameCodeAgainIsNoNewVerdict(t *testing.T) {
	t.Parallel()
	for _, aim := range []string{"", "]Q1"} {
		s := newSite(t, 1, func(s *site) { s.aim = aim })
		p := s.posts[0]
		for i, n := range []int{1, firstRetired + 1, firstStranger + 1} {
			p.show(code(t, n))
			first := p.want(VerdictGiven)
			signals := len(p.lamp.shown())
			p.show(code(t, n))
			if e := p.wantAgain(n, first); e.Count != uint64(i+1) {
				t.Errorf("a repeated sight was counted as verdict %d", e.Count)
			}
			if got := p.lamp.shown()[signals:]; slices.Contains(got, signalOf(first.Candidate.Outcome())) {
				t.Errorf("AIM %q: a repeated sight set the lamp to %v", aim, got)
			}
		}
		if st := s.status("1"); st.Again != 3 || st.Admitted != 1 || st.Referred != 1 || st.Denied != 1 || st.Last.Kind != VerdictGiven {
			t.Errorf("AIM %q: status %+v", aim, st)
		}
		if got := len(s.entries()); got != 3 {
			t.Errorf("AIM %q: %d entries, want 3", aim, got)
		}
	}
}

func TestPhoneLeftInFrontOfTheScannerStaysOneVerdict(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, func(s *site) { s.repeat = DefaultRepeat })
	p := s.posts[0]
	p.show(onceCode(t, 1))
	first := p.wantVerdict(1, "admit ok")
	for range 30 { // 9 s, far over the repeat time
		s.clock.add(300 * time.Millisecond)
		p.show(onceCode(t, 1))
		p.wantAgain(1, first)
	}
	s.clock.add(DefaultRepeat)
	p.show(onceCode(t, 1))
	p.wantVerdict(1, "deny already_used")
	if got := len(s.entries()); got != 2 {
		t.Errorf("%d entries, want 2", got)
	}
}

func TestAfterTheRepeatTimeThereIsANewVerdict(t *testing.T) {
	t.Parallel()
	for _, repeat := range []time.Duration{0, MinRepeat, MaxRepeat} {
		s := newSite(t, 1, func(s *site) { s.repeat = repeat })
		p := s.posts[0]
		if repeat == 0 {
			repeat = DefaultRepeat
		}
		p.show(code(t, 1))
		first := p.wantVerdict(1, "admit ok")
		if repeat > DefaultRepeat { // time enough on a busy machine
			s.clock.add(repeat - time.Second)
			p.show(code(t, 1))
			p.wantAgain(1, first)
		}
		s.clock.add(repeat)
		p.show(code(t, 1))
		if e := p.wantVerdict(1, "admit ok"); e.Sequence != 2 || e.Count != 2 {
			t.Errorf("repeat %v: sequence %d, count %d, want 2", repeat, e.Sequence, e.Count)
		}
	}
}

// TestEqualFramesOfOneBatchAreOneVerdict: a scanner that sends each code twice.
func TestEqualFramesOfOneBatchAreOneVerdict(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	p := s.posts[0]
	asked, release := s.disk.hold()
	defer release()
	p.show(code(t, 1))
	<-asked // code 1 is being committed; what comes now waits and is one batch
	for _, n := range []int{2, 3} {
		if err := p.scanner.ScanFault(context.Background(), []byte(onceCode(t, n)), scannertest.Doubled); err != nil {
			t.Fatal(err)
		}
	}
	p.show(code(t, 1))
	l := s.gate.byID["1"]
	eventually(t, "five frames wait", func() bool { return len(l.frames) == 5 })
	release()
	first := p.wantVerdict(1, "admit ok")
	p.wantAgain(1, first)
	second, third := p.wantVerdict(2, "admit ok"), p.wantVerdict(3, "admit ok")
	p.wantAgain(2, second)
	p.wantAgain(3, third)
	if got := len(s.entries()); got != 3 {
		t.Errorf("%d entries, want 3", got)
	}
}

// TestRepeatTimeBeginsWithTheVerdict: whoever waited long for the lamp and holds the phone there again is not refused as
// already used.
func TestRepeatTimeBeginsWithTheVerdict(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	p := s.posts[0]
	asked, release := s.disk.hold()
	defer release()
	p.show(onceCode(t, 1))
	<-asked
	s.clock.add(s.repeat / 2)
	release()
	first := p.wantVerdict(1, "admit ok")
	s.clock.add(s.repeat * 3 / 4)
	p.show(onceCode(t, 1))
	p.wantAgain(1, first)
}

// TestAIMIdentifierMakesNoOtherCode: a code that was scanned and is then typed is the same one.
func TestAIMIdentifierMakesNoOtherCode(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, func(s *site) { s.aim = "]Q1" })
	p := s.posts[0]
	p.show(onceCode(t, 1))
	first := p.wantVerdict(1, "admit ok")
	if err := s.gate.Enter("1", []byte(onceCode(t, 1))); err != nil {
		t.Fatal(err)
	}
	p.wantAgain(1, first)
	// Without its prefix it is another code, which nobody may get in with, or hide behind.
	if err := s.gate.Enter("1", []byte(onceCode(t, 1)[len("HC1:"):])); err != nil {
		t.Fatal(err)
	}
	p.wantVerdict(0, "deny not_accepted")
}

func TestLaneRemembersItsLastCodes(t *testing.T) {
	t.Parallel()
	begun := time.Unix(showing, 0)
	r := recent{seed: maphash.MakeSeed(), within: DefaultRepeat}
	if r.seen(0, time.Time{}) != nil {
		t.Error("a lane remembers a code before the first one")
	}
	for i := range uint64(len(r.shown)) {
		r.remember(i, begun, policy.Candidate{}, i+1)
	}
	for i := range uint64(len(r.shown)) {
		if s := r.seen(i, begun.Add(DefaultRepeat-1)); s == nil || s.sequence != i+1 {
			t.Errorf("code %d: %+v, want entry %d", i, s, i+1)
		}
	}
	r.remember(100, begun, policy.Candidate{}, 100)
	if r.seen(0, begun) != nil || r.seen(1, begun) == nil || r.seen(100, begun) == nil {
		t.Error("the oldest code was not the one that made place")
	}
}
