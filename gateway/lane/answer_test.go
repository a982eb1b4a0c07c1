package lane

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passerelle/gateway/policy"
)

// host remembers what a reader was told, and what was handed on.
type host struct {
	begun    time.Time
	delay    time.Duration // that telling the reader takes
	patience time.Duration // of the reader; 0 is 10 s

	mu        sync.Mutex // guards what follows
	answers   []told
	forwarded []string
}

type told struct {
	At     time.Duration
	Answer Answer
}

func (h *host) Answer(_ time.Time, a Answer) error {
	time.Sleep(h.delay)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers = append(h.answers, told{time.Since(h.begun), a})
	return nil
}

func (h *host) Patience() time.Duration { return cmp.Or(h.patience, 10*time.Second) }

func (h *host) Scan(code []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forwarded = append(h.forwarded, string(code))
}

func (h *host) Verdict(o policy.Outcome, r policy.Reason, _ uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forwarded = append(h.forwarded, fmt.Sprint(o, " ", r))
}

func (h *host) was() ([]told, []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.answers), slices.Clone(h.forwarded)
}

func TestReaderThatWaitsIsAlwaysAnsweredInTime(t *testing.T) {
	t.Parallel()
	const told1 = Deadline - 2*AnswerTime
	tests := []struct {
		name string
		play func(s *screen, read func() time.Time)
		want []told
	}{
		{"admitted", func(s *screen, read func() time.Time) { s.give(read(), policy.Admit) }, []told{{0, AnswerGood}}},
		{"refused", func(s *screen, read func() time.Time) { s.give(read(), policy.Deny) }, []told{{0, AnswerBad}}},
		{"a person decides", func(s *screen, read func() time.Time) { s.give(read(), policy.Refer) }, []told{{0, AnswerBad}}},
		{"shown again", func(s *screen, read func() time.Time) { s.giveAgain(read()) }, []told{{0, AnswerIgnore}}},
		{"never a verdict", func(s *screen, read func() time.Time) {
			r := read()
			time.Sleep(5 * second)
			s.give(r, policy.Admit)
		}, []told{{told1, AnswerBad}}},
		{"green stays away because a refusal was not seen", func(s *screen, read func() time.Time) {
			s.give(read(), policy.Deny)
			s.give(read(), policy.Admit)
		}, []told{{0, AnswerBad}, {0, AnswerBad}}},
		{"good is not for the second of two that wait", func(s *screen, read func() time.Time) {
			first := read()
			time.Sleep(100 * time.Millisecond)
			second := read()
			s.give(first, policy.Admit)
			time.Sleep(5 * time.Second)
			s.give(second, policy.Admit)
		}, []told{{100*time.Millisecond + told1, AnswerBad}}},
		{"none for the first of two when the second is answered", func(s *screen, read func() time.Time) {
			first := read()
			time.Sleep(100 * time.Millisecond)
			second := read()
			s.give(first, policy.Deny)
			s.give(second, policy.Deny)
		}, []told{{100 * time.Millisecond, AnswerBad}}},
		{"a typed code has nobody who waits", func(s *screen, _ func() time.Time) { s.give(s.read(), policy.Admit) }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *screen) {
				h := &host{begun: time.Now()}
				s.config.Reader = h
				tt.play(s, func() time.Time {
					read := time.Now()
					s.arrived <- waiting{read: read, answer: true}
					synctest.Wait()
					return read
				})
				if got, _ := h.was(); !slices.Equal(got, tt.want) {
					s.t.Errorf("the reader was told %v, want %v", got, tt.want)
				}
			})
		})
	}
}

// TestSlowLampAndReaderStayWithinTheDeadline: each takes as long as it may.
func TestSlowLampAndReaderStayWithinTheDeadline(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *screen) {
		h := &host{begun: time.Now(), delay: AnswerTime}
		s.config.Reader = h
		s.slow = AnswerTime
		read := time.Now()
		s.arrived <- waiting{read: read, answer: true}
		time.Sleep(Deadline - 2*AnswerTime - 1) // the verdict comes at the last moment
		s.results <- result{read: read, candidate: candidateOf(policy.Admit), at: time.Now()}
		time.Sleep(2 * second)
		if got, _ := h.was(); len(got) != 1 || got[0].At > Deadline || got[0].Answer != AnswerGood {
			s.t.Errorf("the reader was told %v, want good within %v", got, Deadline)
		}
	})
}

func TestWhatIsReadGoesOnToTheProgramBehind(t *testing.T) {
	t.Parallel()
	h := &host{begun: time.Now()}
	s := newSite(t, 1, func(s *site) { s.forward = h })
	p := s.posts[0]
	good := code(t, 1)
	p.show(good)
	p.wantVerdict(1, "admit ok")
	p.show("nonsense")
	p.wantVerdict(0, "deny not_accepted")
	p.show(good)
	p.want(ShownAgain)
	want := []string{good, "admit ok", "nonsense", "deny not_accepted", good}
	if _, got := h.was(); !slices.Equal(got, want) {
		t.Errorf("went on: %q, want %q", got, want)
	}
}

// TestReaderOfLittlePatienceIsToldWhileItTakesAGood: a lamp that is green and a reader that says no would be two answers.
func TestReaderOfLittlePatienceIsToldWhileItTakesAGood(t *testing.T) {
	t.Parallel()
	const limit = 900 * time.Millisecond
	inBubble(t, func(s *screen) {
		h := &host{begun: time.Now(), patience: limit}
		s.config.Reader = h
		read := time.Now()
		s.arrived <- waiting{read: read, answer: true}
		time.Sleep(limit)
		s.give(read, policy.Admit)
		told1 := limit - 2*AnswerTime
		if got, _ := h.was(); !slices.Equal(got, []told{{told1, AnswerBad}}) {
			s.t.Errorf("the reader was told %v, want bad after %v", got, told1)
		}
		s.wantChanges(change{told1, SignalRefer}, change{limit, SignalRefer})
	})
}

func TestReaderThatGivesUpBeforeAnyVerdictIsRefused(t *testing.T) {
	t.Parallel()
	c := Config{ID: "1", Profile: &demo, Open: func(context.Context) (Scanner, error) { return nil, nil }, Lamp: &screen{}, Reader: &host{patience: 2 * AnswerTime}}
	if _, err := New(mustList(t, standardList(t)), Options{}, []Config{c}); err == nil || !strings.Contains(err.Error(), "gives up") {
		t.Errorf("got %v", err)
	}
}
