package lane

import (
	"slices"
	"testing"
	"time"

	"passerelle/gateway/policy"
)

// TestCodeThatWaitsInThePortTurnsNoLampGreenLater: a phone that was left in front of a fixed scanner fills all buffers while the disk
// stands still. A person deals with whoever shows a code then, and somebody else stands at the gate when the disk is back.
func TestCodeThatWaitsInThePortTurnsNoLampGreenLater(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	p := s.posts[0]
	asked, release := s.disk.hold()
	p.show(code(t, 1))
	<-asked
	for range buffers - 1 {
		p.show(code(t, 1))
	}
	l := s.gate.byID[p.id]
	eventually(t, "all buffers are out", func() bool { return len(l.free) == 0 })
	for n := 2; n < 5; n++ {
		p.show(code(t, n))
	}
	time.Sleep(Deadline + 100*time.Millisecond)
	before := len(p.lamp.shown())
	release()
	p.wantVerdict(1, "admit ok")
	for range buffers - 1 {
		p.want(ShownAgain)
	}
	for n := 2; n < 5; n++ {
		if e := p.wantVerdict(n, "admit ok"); !e.Late {
			t.Errorf("code %d is not late", n)
		}
	}
	if got := p.lamp.shown()[before:]; slices.Contains(got, SignalAdmit) {
		t.Errorf("lamp: %v", got)
	}
	eventually(t, "the lamp rests", func() bool { return p.lamp.now() == SignalIdle })
	p.show(code(t, 5))
	p.wantVerdict(5, "admit ok")
	eventually(t, "the next one sees green", func() bool { return p.lamp.now() == SignalAdmit })
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
