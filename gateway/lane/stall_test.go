package lane

import (
	"slices"
	"testing"
	"time"

	"passerelle/gateway/policy"
)

// stall fills all buffers of a lane while the disk stands still, with one code: a phone that was left in front of a fixed scanner.
func stall(t *testing.T, p *post) (release func()) {
	t.Helper()
	asked, release := p.site.disk.hold()
	p.show(code(t, 1))
	<-asked
	for range buffers - 1 {
		p.show(code(t, 1))
	}
	l := p.site.gate.byID[p.id]
	eventually(t, "all buffers are out", func() bool { return len(l.free) == 0 })
	return release
}

// TestCodeShownWhileTheDiskStandsStillTurnsNoLampGreenLater: a person deals with whoever shows one then, and somebody else stands at the
// gate when the disk is back.
func TestCodeShownWhileTheDiskStandsStillTurnsNoLampGreenLater(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	p := s.posts[0]
	release := stall(t, p)
	for n := 2; n < 5; n++ {
		p.show(code(t, n))
		eventually(t, "it is said to be late", func() bool { return s.status(p.id).Late >= uint64(n-1) && p.lamp.now() == SignalRefer })
	}
	time.Sleep(Deadline)
	before := len(p.lamp.shown())
	release()
	p.wantVerdict(1, "admit ok")
	for range buffers - 1 {
		p.want(ShownAgain)
	}
	if got := p.lamp.shown()[before:]; slices.Contains(got, SignalAdmit) {
		t.Errorf("lamp: %v", got)
	}
	eventually(t, "the lamp rests", func() bool { return p.lamp.now() == SignalIdle })
	s.clock.add(s.repeat)
	p.show(code(t, 2)) // again, as the person was asked to
	p.wantVerdict(2, "admit ok")
	if got := len(s.entries()); got != 2 {
		t.Errorf("%d entries, want 2", got)
	}
}

// TestCodeBeforeOneThatWasDroppedTurnsNoLampGreen: nothing is late yet, and the verdict before it comes in time; but it is not the holder of
// that code who stands at the gate.
func TestCodeBeforeOneThatWasDroppedTurnsNoLampGreen(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *screen) {
		first := s.read()
		s.give(s.read(), policy.Admit) // green for somebody
		s.take(VerdictGiven)
		s.clear()
		for range 3 {
			s.arrived <- waiting{read: time.Now(), dropped: true}
			s.take(VerdictLate)
		}
		s.give(first, policy.Admit)
		s.take(VerdictGiven)
		s.wantChanges(change{0, SignalRefer}, change{0, SignalRefer})
		time.Sleep(testHold)
		s.wantChanges(change{0, SignalRefer}, change{0, SignalRefer}, change{testHold, SignalIdle})
		if st := s.snapshot(); st.Late != 3 {
			s.t.Errorf("%d are late, want 3", st.Late)
		}
	})
}

// TestNewsOfADroppedCodeThatComesLastDoesNotStay: by then there is a verdict on all before it.
func TestNewsOfADroppedCodeThatComesLastDoesNotStay(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *screen) {
		h := &host{begun: time.Now()}
		s.config.Reader = h
		s.arrived <- waiting{read: time.Now(), answer: true, dropped: true}
		s.take(VerdictLate)
		time.Sleep(2 * testHold)
		s.wantChanges(change{0, SignalRefer}, change{testHold, SignalIdle})
		if got, _ := h.was(); !slices.Equal(got, []told{{0, AnswerBad}}) {
			s.t.Errorf("the reader was told %v, want bad at once", got)
		}
	})
}

// TestRefusalThatWasShownLateIsSeenBeforeAGreen: what counts is when the lamp was set, not when the code was read.
func TestRefusalThatWasShownLateIsSeenBeforeAGreen(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *screen) {
		again := s.read()
		time.Sleep(Deadline + time.Second)
		s.giveAgain(again) // the lamp has asked for a person since Deadline, and may rest from now on
		s.give(s.read(), policy.Admit)
		s.wantChanges(change{Deadline, SignalRefer}, change{Deadline + time.Second, SignalRefer})
	})
}

// TestGreenEndsWhenAnotherCouldTakeItForHis: he shows again what was refused, or the first of two documents.
func TestGreenEndsWhenAnotherCouldTakeItForHis(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		shown result
		mode  Mode
		want  Signal
	}{
		{"refused", result{kind: ShownAgain, sequence: 1, candidate: candidateOf(policy.Deny)}, Normal, SignalDeny},
		{"a person decides", result{kind: ShownAgain, sequence: 1, candidate: candidateOf(policy.Refer)}, Normal, SignalRefer},
		{"first document", result{kind: SecondWanted, candidate: candidateOf(policy.Refer)}, Normal, SignalIdle},
		{"let in", result{kind: ShownAgain, sequence: 1, candidate: candidateOf(policy.Admit)}, Normal, SignalAdmit},
		{"the green is about it: a supervisor has gone over it", result{kind: ShownAgain, sequence: 2, candidate: candidateOf(policy.Deny)}, Normal, SignalAdmit},
		{"the first of the two that it is about", result{kind: ShownAgain, candidate: candidateOf(policy.Refer)}, Normal, SignalAdmit},
		{"everybody is let in", result{kind: ShownAgain, sequence: 1, candidate: candidateOf(policy.Deny)}, OpenCount, SignalAdmit},
		{"a supervisor's card", result{kind: CardShown, candidate: candidateOf(policy.Refer)}, Normal, SignalAdmit},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *screen) {
				s.setMode(tt.mode)
				s.results <- result{read: s.read(), candidate: candidateOf(policy.Admit), sequence: 2, at: time.Now()}
				tt.shown.read, tt.shown.at = s.read(), time.Now()
				s.results <- tt.shown
				want := []change{{0, SignalAdmit}}
				if tt.want != SignalAdmit {
					want = append(want, change{0, tt.want})
				}
				s.wantChanges(want...)
			})
		})
	}
}
