package lane

import (
	"slices"
	"testing"
	"time"

	driver "passerelle/drivers/frame"
	"passerelle/gateway/policy"
)

// TestCodeThatWaitsInThePortTurnsNoLampGreenLater: a phone that was left in front of a fixed scanner fills all buffers while the disk
// stands still. A person deals with whoever shows a code then, and somebody else stands at the gate when the disk is back.
func TestCodeThatWaitsInThePortTurnsNoLampGreenLater(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		ending driver.Terminator
		apart  time.Duration // two codes
		wait   int           // in the port; without an end of their own two are one there
	}{{"carriage return", driver.CR, 0, 2}, {"a gap, for which each reading waits", driver.IdleGap, 250 * time.Millisecond, 1}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 1, func(s *site) { s.ending = tt.ending })
			p := s.posts[0]
			asked, _ := s.disk.hold()
			p.show(code(t, 1))
			<-asked
			for range buffers - 1 {
				p.show(code(t, 1))
				time.Sleep(tt.apart)
			}
			eventually(t, "all buffers are out", func() bool { return len(s.gate.byID[p.id].free) == 0 })
			for n := range tt.wait {
				p.show(code(t, 2+n))
			}
			time.Sleep(Deadline + 100*time.Millisecond)
			before := len(p.lamp.shown())
			release := s.disk.holdNext() // it is slow once more: what the lamp showed has ended when the next verdict is there
			time.Sleep(MinHold + 200*time.Millisecond)
			release()
			p.wantVerdict(1, "admit ok")
			for range buffers - 1 {
				p.want(ShownAgain)
			}
			for n := range tt.wait {
				if e := p.wantVerdict(2+n, "admit ok"); !e.Late {
					t.Errorf("code %d is not late", 2+n)
				}
			}
			if got := p.lamp.shown()[before:]; slices.Contains(got, SignalAdmit) {
				t.Errorf("lamp: %v", got)
			}
			eventually(t, "the lamp rests", func() bool { return p.lamp.now() == SignalIdle })
			time.Sleep(silence)
			p.show(code(t, 5))
			p.wantVerdict(5, "admit ok")
			eventually(t, "the next one sees green", func() bool { return slices.Contains(p.lamp.shown()[before:], SignalAdmit) })
		})
	}
}

// TestFirstDocumentThatWasRefusedEndsAnothersGreen: nobody came with the second one, and its holder stands behind somebody who is let in.
func TestFirstDocumentThatWasRefusedEndsAnothersGreen(t *testing.T) {
	t.Parallel()
	for _, forgotten := range []bool{false, true} {
		s := newSite(t, 1, pairing, func(s *site) {
			s.shows = MaxSecond // a busy machine has time enough
			if s.second = MinSecond; forgotten {
				s.second = MaxSecond
			}
		})
		p := s.posts[0]
		p.enter(code(t, 1))
		p.want(SecondWanted)
		if !forgotten {
			if e := p.want(VerdictGiven); verdictOf(&e) != "refer second_document_missing" {
				t.Fatal(verdictOf(&e))
			}
			time.Sleep(MinHold + 200*time.Millisecond)
		}
		p.enter(sign(t, 2, certificate(2)))
		p.want(SecondWanted)
		p.enter(passport(t, asIs))
		green := p.want(VerdictGiven)
		eventually(t, "the lamp is green", func() bool { return p.lamp.now() == SignalAdmit })
		p.enter(sign(t, 2, certificate(2))) // whose green it is
		if e := p.want(ShownAgain); e.Sequence != green.Sequence || p.lamp.now() != SignalAdmit {
			t.Errorf("the first document of both is known as entry %d, want %d; lamp %v", e.Sequence, green.Sequence, p.lamp.now())
		}
		p.enter(code(t, 1))
		p.want(ShownAgain)
		if lamp := p.lamp.now(); lamp != SignalRefer {
			t.Errorf("forgotten %v: the lamp shows %v, want refer", forgotten, lamp)
		}
	}
}

// TestGreenOfASupervisorEndsInItsTimeAndForALateCode: it was given while codes are late, of which nobody knows.
func TestGreenOfASupervisorEndsInItsTimeAndForALateCode(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *screen) {
		first := s.read()
		time.Sleep(100 * time.Millisecond)
		s.read()
		time.Sleep(2 * Deadline)
		s.overrides <- 7
		time.Sleep(second)
		s.giveAgain(first) // late, and the other one is late still
		time.Sleep(time.Minute)
		green := 100*time.Millisecond + 2*Deadline
		s.wantChanges(change{Deadline, SignalRefer}, change{green, SignalAdmit}, change{green + testHold, SignalRefer})
	})
	inBubble(t, func(s *screen) {
		s.read()
		time.Sleep(Deadline)
		s.read()
		time.Sleep(Deadline - 100*time.Millisecond)
		s.overrides <- 7
		time.Sleep(time.Minute)
		s.wantChanges(change{Deadline, SignalRefer}, change{2*Deadline - 100*time.Millisecond, SignalAdmit}, change{2 * Deadline, SignalRefer})
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
		{"the first of two that was forgotten", result{kind: ShownAgain, candidate: candidateOf(policy.Refer)}, Normal, SignalRefer},
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
