//go:build !race

package lane

import (
	"testing"

	"passerelle/gateway/policy"
	"passerelle/gateway/verify"
)

// TestLaneItselfDoesNotAllocate runs the steps of decide that are the lane's own: for a code that was seen before, all of them.
func TestLaneItselfDoesNotAllocate(t *testing.T) {
	s := newSite(t, 1, func(s *site) { s.still = true })
	l := s.gate.byID["1"]
	text := []byte(code(t, 1))
	step := func() {
		f := <-l.free
		f.n, f.at = copy(f.buf[:], text), s.clock.wall()
		l.frames <- f
		l.collect(<-l.frames)
		l.dropRepeated()
		l.verify()
		l.confirm()
		l.commit()
		l.release()
	}
	l.recent.remember(l.recent.sum(text), s.clock.wall(), policy.Candidate{}, 1)
	if n := testing.AllocsPerRun(100, func() {
		step()
		if r := <-l.display.results; r.kind != ShownAgain {
			t.Fatal("the code was not known")
		}
	}); n != 0 {
		t.Errorf("a repeated sight allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		for range verify.MaxBatch / buffers {
			f, g := <-l.free, <-l.free
			f.n, g.n = copy(f.buf[:], text), copy(g.buf[:], text[1:])
			l.frames <- f
			l.frames <- g
			l.collect(<-l.frames)
			l.recent.shown = [len(l.recent.shown)]shown{}
			l.dropRepeated()
			if len(l.batch) != 2 {
				t.Fatal("codes were dropped")
			}
			l.release()
		}
	}); n != 0 {
		t.Errorf("a new code allocates %v times before it is verified", n)
	}
}

func TestDisplayDoesNotAllocate(t *testing.T) {
	s := newSite(t, 1, func(s *site) { s.still = true })
	d := s.gate.byID["1"].display
	d.deadline, d.hold, d.retry, d.forget = stoppedTimer(), stoppedTimer(), stoppedTimer(), stoppedTimer()
	d.config.Lamp = dark{}
	sub := s.gate.Subscribe("1", policy.Steward)
	r := result{candidate: candidateOf(policy.Admit)}
	if n := testing.AllocsPerRun(100, func() {
		r.read = s.clock.wall()
		d.arrived <- waiting{read: r.read}
		r.at = r.read
		d.show(r)
		<-sub.Events
	}); n != 0 {
		t.Errorf("a verdict allocates %v times", n)
	}
}

// dark is a lamp of no weight.
type dark struct{}

func (dark) Set(Signal) error { return nil }
