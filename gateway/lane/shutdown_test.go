package lane

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestRunEndsPromptlyUnderScans: what was read still gets its verdict on disk, and nothing is left running.
func TestRunEndsPromptlyUnderScans(t *testing.T) {
	// Not parallel: it counts goroutines.
	before := runtime.NumGoroutine()
	s := newSite(t, 3)
	ctx, cancel := context.WithCancel(context.Background())
	var players sync.WaitGroup
	for i, p := range s.posts {
		players.Go(func() {
			for n := 1 + 100*i; ; n++ {
				text := code(t, 1+n%(firstRetired-1))
				if err := p.scanner.Scan(ctx, []byte(text)); err != nil {
					return
				}
			}
		})
	}
	eventually(t, "verdicts at each lane", func() bool {
		return !slices.ContainsFunc(s.posts, func(p *post) bool { return s.status(p.id).Admitted < 10 })
	})
	begun := time.Now()
	s.stop()
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("Run returned after %v", took)
	} else {
		t.Logf("Run returned after %v", took.Round(time.Millisecond))
	}
	cancel()
	players.Wait()
	verdicts := make(map[string]uint64)
	for _, e := range s.entries() {
		verdicts[e.Lane]++
	}
	for _, p := range s.posts {
		st := s.status(p.id)
		if st.Admitted != verdicts[p.id] || st.Admitted+st.Again == 0 {
			t.Errorf("lane %s: %d verdicts shown, %d on disk", p.id, st.Admitted, verdicts[p.id])
		}
		l := s.gate.byID[p.id]
		if len(l.frames) != 0 || len(l.free) != buffers {
			t.Errorf("lane %s: %d frames were read and have no verdict; %d buffers are free, want %d", p.id, len(l.frames), len(l.free), buffers)
		}
		if p.lamp.now() != SignalIdle {
			t.Errorf("lane %s: the lamp shows %v at the end, want %v", p.id, p.lamp.now(), SignalIdle)
		}
		if err := s.gate.Enter(p.id, []byte(code(t, 1))); !errors.Is(err, ErrBusy) {
			t.Errorf("lane %s: a code typed after the end: %v, want ErrBusy", p.id, err)
		}
	}
	s.journal.Close() // its goroutines were not counted
	var left int
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if left = runtime.NumGoroutine(); left <= before {
			return
		}
	}
	stacks := make([]byte, 1<<20)
	t.Errorf("%d goroutines, %d before:\n%s", left, before, stacks[:runtime.Stack(stacks, true)])
}

// TestFramesReadBeforeTheEndGetTheirVerdict: the end comes while the journal is slow and buffers are full.
func TestFramesReadBeforeTheEndGetTheirVerdict(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	p := s.posts[0]
	asked, release := s.disk.hold()
	defer release()
	p.show(code(t, 1))
	<-asked
	for n := 2; n <= 9; n++ {
		p.show(code(t, n))
	}
	l := s.gate.byID["1"]
	eventually(t, "all are read", func() bool { return len(l.frames) == 8 })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.stop()
	}()
	eventually(t, "the lane takes no more", l.ended)
	release()
	<-ended
	for n := 1; n <= 9; n++ {
		p.wantVerdict(n, "admit ok")
	}
}

// slowScanner takes its time to close, as a port does whose last command is not out.
type slowScanner struct {
	Scanner
	closed *atomic.Bool
}

func (s slowScanner) Close() error {
	err := s.Scanner.Close()
	time.Sleep(200 * time.Millisecond)
	s.closed.Store(true)
	return err
}

func TestScannersAreClosedWhenRunReturns(t *testing.T) {
	t.Parallel()
	var closed atomic.Bool
	s := newSite(t, 1, func(s *site) {
		s.open = func(_ context.Context, p *post) (Scanner, error) {
			port, err := p.openSerial()
			if err != nil {
				return nil, err
			}
			return slowScanner{port, &closed}, nil
		}
	})
	s.posts[0].want(ScannerBack)
	s.stop()
	if !closed.Load() {
		t.Error("the scanner is still being closed")
	}
}

// TestTypingWhileTheGateEndsIsTakenOrRefused: each code that was taken has its verdict; the race detector looks on.
func TestTypingWhileTheGateEndsIsTakenOrRefused(t *testing.T) {
	t.Parallel()
	noScanner := func(s *site) {
		s.open = func(context.Context, *post) (Scanner, error) { return nil, errors.New("none") }
	}
	for round := range 5 {
		s := newSite(t, 2, noScanner)
		var taken atomic.Int64
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for n := 0; ; n++ {
					err := s.gate.Enter(s.posts[i%2].id, fmt.Appendf(nil, "typed %d %d", i, n))
					if err == nil {
						taken.Add(1)
						continue
					}
					if !errors.Is(err, ErrBusy) {
						t.Error(err)
					}
					if s.gate.byID["1"].ended() && s.gate.byID["2"].ended() {
						return
					}
					runtime.Gosched()
				}
			})
		}
		eventually(t, "some are taken", func() bool { return taken.Load() > int64(10*round) })
		s.stop()
		all.Wait()
		if got := int64(len(s.entries())); got != taken.Load() {
			t.Errorf("%d codes were taken, %d have a verdict", taken.Load(), got)
		}
	}
}

// ended reports whether the lane takes nothing more.
func (l *Lane) ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}
