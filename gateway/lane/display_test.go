package lane

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passerelle/gateway/policy"
)

// screen is a display in a bubble of time, with a lamp that remembers when it was set.
type screen struct {
	*display
	t     *testing.T
	sub   *Subscription
	begun time.Time
	log   log

	mu      sync.Mutex // guards what follows
	changes []change
	fault   error // of the lamp

	slow time.Duration // that setting the lamp takes
}

// change is one signal, and when it was set, from the start on.
type change struct {
	At     time.Duration
	Signal Signal
}

const testHold = 2 * time.Second

// inBubble runs a test of a display whose scanner is there. Times are exact.
func inBubble(t *testing.T, test func(*screen)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &screen{t: t, begun: time.Now()}
		g := &Gate{opts: Options{Wall: time.Now, Log: slog.New(slog.NewTextHandler(&s.log, nil))}}
		s.display = newDisplay(g, Config{ID: "1", Profile: &demo, Lamp: s, Hold: testHold})
		s.sub = g.Subscribe("1", policy.Steward)
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.run()
		}()
		s.linked <- true
		synctest.Wait()
		s.take(ScannerBack)
		s.clear()
		test(s)
		synctest.Wait()
		close(s.results)
		<-done
	})
}

var demo = policy.Demo()

// Set implements Lamp.
func (s *screen) Set(signal Signal) error {
	time.Sleep(s.slow)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes = append(s.changes, change{time.Since(s.begun), signal})
	return s.fault
}

// fail makes the lamp answer with err from now on.
func (s *screen) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = err
}

func (s *screen) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes = nil
}

// wantChanges compares all changes since the start.
func (s *screen) wantChanges(want ...change) {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.changes, want) {
		s.t.Errorf("the lamp was set to %v, want %v", s.changes, want)
	}
}

// take returns the next event, which must be there and of that kind.
func (s *screen) take(kind EventKind) Event {
	s.t.Helper()
	synctest.Wait()
	select {
	case e := <-s.sub.Events:
		if e.Kind != kind {
			s.t.Errorf("event %v, want %v", e.Kind, kind)
		}
		return e
	default:
		s.t.Errorf("no event, want %v", kind)
		return Event{}
	}
}

func (s *screen) wantNoEvent() {
	s.t.Helper()
	synctest.Wait()
	select {
	case e := <-s.sub.Events:
		s.t.Errorf("event %v, want none", e.Kind)
	default:
	}
}

// read is a frame that was read now.
func (s *screen) read() (read time.Time) {
	read = time.Now()
	s.arrived <- waiting{read: read}
	synctest.Wait()
	return read
}

// give is the verdict on a frame.
func (s *screen) give(read time.Time, o policy.Outcome) {
	s.results <- result{read: read, candidate: candidateOf(o), at: time.Now()}
	synctest.Wait()
}

// giveAgain says that a frame was a repeated sight.
func (s *screen) giveAgain(read time.Time) {
	s.results <- result{read: read, kind: ShownAgain, candidate: candidateOf(policy.Admit), at: read}
	synctest.Wait()
}

// candidateOf makes one by the rules of policy.
func candidateOf(o policy.Outcome) policy.Candidate {
	var f policy.Findings
	for c := range policy.Use {
		f.Pass(c)
	}
	switch o {
	case policy.Deny:
		f.Fail(policy.Time, policy.Expired)
	case policy.Refer:
		f.Fail(policy.KeyCheck, policy.WeakKey)
	}
	c := policy.Candidate{Kind: policy.HCERTTest}
	c.Conclude(&f, &demo)
	c.Verdict = c.Finalize(policy.Claimed, &demo)
	return c
}

const second = time.Second

func TestVerdictIsShownForItsHold(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *screen) {
		s.give(s.read(), policy.Admit)
		time.Sleep(testHold - 1)
		s.wantChanges(change{0, SignalAdmit})
		time.Sleep(time.Nanosecond)
		s.wantChanges(change{0, SignalAdmit}, change{testHold, SignalIdle})
	})
}

func TestNextVerdictBeginsItsOwnHold(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *screen) {
		s.give(s.read(), policy.Admit)
		time.Sleep(second)
		s.give(s.read(), policy.Deny)
		time.Sleep(10 * second)
		s.wantChanges(change{0, SignalAdmit}, change{second, SignalDeny}, change{second + testHold, SignalIdle})
	})
}

func TestRepeatedSightNeitherSetsTheLampNorHoldsIt(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *screen) {
		s.give(s.read(), policy.Admit)
		s.take(VerdictGiven)
		time.Sleep(second)
		read := s.read()
		s.giveAgain(read)
		if e := s.take(ShownAgain); !e.At.Equal(read) || e.Count != 1 {
			s.t.Errorf("event at %v with count %d, want %v and 1", e.At, e.Count, read)
		}
		time.Sleep(10 * second)
		s.wantChanges(change{0, SignalAdmit}, change{testHold, SignalIdle})
		s.wantNoEvent() // the frame of the repeated sight has its answer
	})
}

func TestCodeWithoutVerdictIsShownAtItsDeadline(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *screen) {
		read := s.read()
		time.Sleep(Deadline - 1)
		s.wantChanges()
		s.wantNoEvent()
		time.Sleep(time.Nanosecond)
		s.wantChanges(change{Deadline, SignalRefer})
		if e := s.take(VerdictLate); e.At.Sub(read) != Deadline || e.Lane != "1" {
			s.t.Errorf("late at %v in lane %q", e.At.Sub(read), e.Lane)
		}
		time.Sleep(10 * second)
		s.wantNoEvent() // once
		s.give(read, policy.Admit)
		s.take(VerdictGiven)
		time.Sleep(10 * second)
		s.wantChanges(change{Deadline, SignalRefer}, change{Deadline + 10*second, SignalRefer}, change{Deadline + 10*second + testHold, SignalIdle})
		if st := s.snapshot(); st.Late != 1 || st.Admitted != 1 {
			s.t.Errorf("status: %+v", st)
		}
	})
}

// TestLateCodeStaysShownPastAnEarlierVerdict: the person before got green; when that has been shown for long enough, the lamp
// must not rest while a code is without its verdict.
func TestLateCodeStaysShownPastAnEarlierVerdict(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *screen) {
		s.give(s.read(), policy.Admit)
		time.Sleep(second / 5)
		read := s.read()
		time.Sleep(10 * second)
		s.wantChanges(change{0, SignalAdmit}, change{second/5 + Deadline, SignalRefer})
		s.give(read, policy.Deny)
		s.wantChanges(change{0, SignalAdmit}, change{second/5 + Deadline, SignalRefer}, change{second/5 + 10*second, SignalDeny})
	})
}

// TestGreenDoesNotHideARefusal: whoever was refused, and whoever stands behind, must see whose colour it is.
func TestGreenDoesNotHideARefusal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		first  policy.Outcome
		after  time.Duration
		second policy.Outcome
		want   Signal
	}{
		{"green at once after red", policy.Deny, 0, policy.Admit, SignalRefer},
		{"green just before red was seen", policy.Deny, MinHold - 1, policy.Admit, SignalRefer},
		{"green when red was seen", policy.Deny, MinHold, policy.Admit, SignalAdmit},
		{"green at once after amber", policy.Refer, 0, policy.Admit, SignalRefer},
		{"green after green", policy.Admit, 0, policy.Admit, SignalAdmit},
		{"red after green", policy.Admit, 0, policy.Deny, SignalDeny},
		{"red after red", policy.Deny, 0, policy.Deny, SignalDeny},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *screen) {
				s.give(s.read(), tt.first)
				time.Sleep(tt.after)
				s.give(s.read(), tt.second)
				if got := s.wanted; got != tt.want {
					s.t.Errorf("the lamp shows %v, want %v", got, tt.want)
				}
			})
		})
	}
}

func TestALampThatFailedIsSetAgainButNotToGreen(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *screen) {
		s.fail(errors.New("no lamp"))
		s.give(s.read(), policy.Admit)
		time.Sleep(testHold + lampRetry*3/2)
		if !s.snapshot().LampFault {
			s.t.Error("nobody is told that the lamp failed")
		}
		s.fail(nil)
		time.Sleep(5 * lampRetry)
		s.wantChanges(change{0, SignalAdmit}, change{testHold, SignalIdle}, change{testHold + lampRetry, SignalIdle},
			change{testHold + 2*lampRetry, SignalIdle})
		if s.snapshot().LampFault {
			s.t.Error("the fault stays though the lamp was set")
		}
	})
}

// TestEachCodeHasItsOwnDeadline: the verdict on one code does not give the next one more time.
func TestEachCodeHasItsOwnDeadline(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *screen) {
		first := s.read()
		time.Sleep(second / 5)
		next := s.read()
		time.Sleep(second)
		s.give(first, policy.Admit)
		s.take(VerdictGiven)
		time.Sleep(second/2 - 1)
		s.wantNoEvent()
		time.Sleep(time.Nanosecond)
		if e := s.take(VerdictLate); e.At.Sub(next) != Deadline {
			s.t.Errorf("late after %v, want %v", e.At.Sub(next), Deadline)
		}
		s.wantChanges(change{second * 6 / 5, SignalAdmit}, change{second/5 + Deadline, SignalRefer})
		s.give(next, policy.Admit)
	})
}

// TestLampAsksForAPersonWhileAnyCodeIsLate: a verdict on one of two late codes says nothing about the other.
func TestLampAsksForAPersonWhileAnyCodeIsLate(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *screen) {
		first, next := s.read(), s.read()
		time.Sleep(2 * second)
		s.take(VerdictLate)
		s.take(VerdictLate)
		s.give(first, policy.Admit)
		time.Sleep(10 * second)
		s.wantChanges(change{Deadline, SignalRefer}, change{2 * second, SignalRefer})
		s.give(next, policy.Admit)
		time.Sleep(10 * second)
		s.wantChanges(change{Deadline, SignalRefer}, change{2 * second, SignalRefer},
			change{12 * second, SignalRefer}, change{12*second + testHold, SignalIdle})
		if st := s.snapshot(); st.Late != 2 || st.Admitted != 2 {
			s.t.Errorf("status: %+v", st)
		}
	})
}

// TestLampRestsAfterALateRepeatedSight: a scanner that sends each code twice, and a slow disk.
func TestLampRestsAfterALateRepeatedSight(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *screen) {
		first, again := s.read(), s.read()
		time.Sleep(2 * second)
		s.give(first, policy.Deny)
		time.Sleep(second)
		s.giveAgain(again)
		time.Sleep(10 * second)
		s.wantChanges(change{Deadline, SignalRefer}, change{2 * second, SignalRefer}, change{3*second + testHold, SignalIdle})
	})
}

func TestCableDoesNotHideALateCode(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *screen) {
		read := s.read()
		time.Sleep(2 * second)
		s.linked <- false
		s.linked <- true
		s.linked <- false
		time.Sleep(10 * second)
		s.wantChanges(change{Deadline, SignalRefer}, change{2 * second, SignalRefer}, change{2 * second, SignalRefer}, change{2 * second, SignalRefer})
		s.give(read, policy.Admit)
		time.Sleep(10 * second)
		synctest.Wait()
		if s.wanted != SignalFault {
			s.t.Errorf("after the verdict the lamp rests as %v, want %v", s.wanted, SignalFault)
		}
	})
}

// TestVerdictMayBeHeardBeforeItsFrame: both are said in this order on two channels, and the display may hear either first.
func TestVerdictMayBeHeardBeforeItsFrame(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *screen) {
		for range 200 {
			read := time.Now()
			s.arrived <- waiting{read: read}
			s.give(read, policy.Admit)
			s.take(VerdictGiven)
			time.Sleep(time.Millisecond)
		}
		time.Sleep(10 * second)
		s.wantNoEvent()
		if st := s.snapshot(); st.Admitted != 200 || st.Late != 0 {
			s.t.Errorf("status %+v", st)
		}
	})
}

// TestVerdictOutlastsItsScanner: somebody who was admitted sees it, whatever becomes of the cable.
func TestVerdictOutlastsItsScanner(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *screen) {
		s.give(s.read(), policy.Admit)
		s.take(VerdictGiven)
		time.Sleep(second / 2)
		s.linked <- false
		s.take(ScannerGone)
		time.Sleep(second / 2)
		s.linked <- true
		s.take(ScannerBack)
		s.linked <- false
		s.take(ScannerGone)
		time.Sleep(10 * second)
		s.wantChanges(change{0, SignalAdmit}, change{testHold, SignalFault})
	})
}

func TestLampShowsAFaultWhileThereIsNoScanner(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *screen) {
		s.linked <- false
		s.linked <- false // said each time that it could not be opened
		s.take(ScannerGone)
		s.wantNoEvent()
		time.Sleep(second)
		s.give(s.read(), policy.Admit) // a typed code
		time.Sleep(10 * second)
		s.linked <- true
		s.wantChanges(change{0, SignalFault}, change{second, SignalAdmit}, change{second + testHold, SignalFault}, change{11 * second, SignalIdle})
	})
}

func TestLampIsIdleAtTheEnd(t *testing.T) {
	t.Parallel()
	for _, connected := range []bool{true, false} {
		var s *screen
		inBubble(t, func(bubble *screen) {
			s = bubble
			s.linked <- connected
			s.give(s.read(), policy.Admit)
		})
		if last := s.changes[len(s.changes)-1].Signal; last != SignalIdle {
			t.Errorf("connected %v: the lamp shows %v at the end, want %v", connected, last, SignalIdle)
		}
	}
}

func TestLampThatFailsIsLoggedAndHoldsNothingUp(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *screen) {
		s.fail(errors.New("no lamp there"))
		s.give(s.read(), policy.Admit)
		s.take(VerdictGiven)
		s.give(s.read(), policy.Deny)
		s.take(VerdictGiven)
		if !strings.Contains(s.log.String(), "no lamp there") {
			s.t.Errorf("log: %q", s.log.String())
		}
	})
}
