package lane

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"passerelle/drivers/tcp"
	"passerelle/gateway/policy"
)

// TestCodeThatWaitsInANewConnectionTurnsNoLampGreenLater: a scanner on the network was switched off and on while the disk stood still.
func TestCodeThatWaitsInANewConnectionTurnsNoLampGreenLater(t *testing.T) {
	t.Parallel()
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := port.Addr().String()
	port.Close()
	link, err := tcp.New(tcp.Options{Listen: address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { link.Close() })
	s := newSite(t, 1, func(s *site) {
		s.open = func(ctx context.Context, _ *post) (Scanner, error) {
			c, err := link.Open(ctx)
			if err != nil {
				return nil, err
			}
			return c, nil
		}
	})
	p := s.posts[0]
	first := dial(t, address)
	p.want(ScannerBack)
	asked, _ := s.disk.hold()
	fmt.Fprint(first, code(t, 1)+"\r")
	<-asked
	for range buffers - 1 {
		fmt.Fprint(first, code(t, 1)+"\r")
	}
	eventually(t, "all buffers are out", func() bool { return len(s.gate.byID[p.id].free) == 0 })
	fmt.Fprint(dial(t, address), code(t, 2)+"\r")
	time.Sleep(Deadline + 100*time.Millisecond)
	before := len(p.lamp.shown())
	release := s.disk.holdNext() // it is slow once more: what the lamp showed has ended when the next verdict is there
	time.Sleep(MinHold + 400*time.Millisecond)
	release()
	end := time.After(patience)
	for judged := false; !judged; {
		select {
		case e := <-p.events.Events:
			if judged = e.Kind == VerdictGiven && numberOf(&e) == 2; judged && !e.Late {
				t.Error("it is not late")
			}
		case <-end:
			t.Fatal("no verdict")
		}
	}
	if got := p.lamp.shown()[before:]; slices.Contains(got, SignalAdmit) {
		t.Errorf("lamp: %v", got)
	}
}

func dial(t *testing.T, address string) (c net.Conn) {
	t.Helper()
	eventually(t, "a connection", func() (ok bool) {
		var err error
		c, err = net.Dial("tcp", address)
		return err == nil
	})
	t.Cleanup(func() { c.Close() })
	return c
}

// TestLaneIsGreenAgainSoonAfterAStall: people come so close together that the port is never seen to be empty.
func TestLaneIsGreenAgainSoonAfterAStall(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, func(s *site) { s.repeat = MinRepeat })
	p := s.posts[0]
	asked, release := s.disk.hold()
	p.show(code(t, 1))
	<-asked
	for range buffers - 1 {
		p.show(code(t, 1))
	}
	eventually(t, "all buffers are out", func() bool { return len(s.gate.byID[p.id].free) == 0 })
	time.Sleep(Deadline)
	release()
	p.wantVerdict(1, "admit ok")
	for range buffers - 1 {
		p.want(ShownAgain)
	}
	stalled := time.Now()
	p.show(code(t, 2))
	if e := p.wantVerdict(2, "admit ok"); !e.Late {
		t.Error("the first one after the stall is not late")
	}
	time.Sleep(MinRepeat + 100*time.Millisecond)
	p.show(code(t, 2)) // after its repeat time, which counts from when it was read
	p.wantVerdict(2, "admit ok")
	n := 2
	for green := false; !green; {
		n++
		time.Sleep(silence / 2)
		p.show(code(t, n))
		e := p.wantVerdict(n, "admit ok")
		if green = !e.Late; green && e.Took > Deadline {
			t.Errorf("took %v", e.Took)
		}
		if time.Since(stalled) > patience {
			t.Fatal("all are late for ever")
		}
	}
	if got, want := len(s.entries()), n+1; got != want {
		t.Errorf("%d entries, want %d", got, want)
	}
}

// TestVerdictThatIsThereBeforeItsDeadlineWasLookedAtIsLate: the lamp was being set, and both came meanwhile.
func TestVerdictThatIsThereBeforeItsDeadlineWasLookedAtIsLate(t *testing.T) {
	t.Parallel()
	for range 20 { // which of them is heard first is chance
		inBubble(t, func(s *screen) {
			s.slow = AnswerTime
			s.give(s.read(), policy.Deny)
			time.Sleep(AnswerTime + testHold + 10*time.Millisecond) // the lamp is being set to idle
			read := time.Now().Add(-10 * time.Second)
			s.arrived <- waiting{read: read}
			s.results <- result{read: read, candidate: candidateOf(policy.Admit), sequence: 2, at: time.Now()}
			time.Sleep(time.Minute)
			synctest.Wait()
			s.mu.Lock()
			defer s.mu.Unlock()
			if slices.ContainsFunc(s.changes, func(c change) bool { return c.Signal == SignalAdmit }) {
				t.Errorf("a code that is ten seconds old: %v", s.changes)
			}
		})
	}
}

// crowded is a scanner whose driver has had no room for some codes.
type crowded struct {
	Scanner
	lost uint64
}

func (c *crowded) Dropped() uint64 { return c.lost }

func TestCodesThatTheDriverHadNoRoomForAreCountedAndSaid(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, func(s *site) {
		s.open = func(_ context.Context, p *post) (Scanner, error) {
			port, err := p.openSerial()
			return &crowded{port, 3}, err
		}
	})
	p := s.posts[0]
	p.want(ScannerBack)
	for n := 1; n <= 2; n++ {
		p.show(code(t, n))
		p.wantVerdict(n, "admit ok")
	}
	if got := s.status("1").Dropped; got != 3 {
		t.Errorf("%d dropped, want 3", got)
	}
	if got := s.log.String(); strings.Count(got, "codes=3") != 1 {
		t.Errorf("log: %s", got)
	}
}

func TestBacklogEndsWhenThePortWasEmptyForCertain(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	at := func(d time.Duration) time.Time { return begun.Add(d) }
	for _, tt := range []struct {
		name    string
		resumed time.Duration // once more
		reading time.Duration // begins
		takes   time.Duration
		fresh   bool
	}{
		{"at once", 0, time.Millisecond, 0, false},
		{"after a gap of its own", 0, time.Millisecond, silence - 1, false},
		{"after a silence", 0, time.Millisecond, silence, true},
		{"people close together", 0, drained, time.Millisecond, true},
		{"not long enough", 0, drained - 1, time.Millisecond, false},
		{"the scanner was away meanwhile", drained - 1, drained, time.Millisecond, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b backlog
			b.begin(at(-time.Minute))
			b.begin(at(-time.Second)) // it is behind since before
			b.resume(begun)
			b.resume(at(tt.resumed))
			now := at(tt.reading + tt.takes)
			want := at(-time.Minute)
			if tt.fresh {
				want = now
			}
			if got := b.since(at(tt.reading), now); !got.Equal(want) {
				t.Errorf("there since %v, want %v", got.Sub(begun), want.Sub(begun))
			}
			if got := b.since(at(tt.reading), now); !tt.fresh && !got.Equal(want.Add(1)) || tt.fresh && !got.Equal(now) {
				t.Errorf("the next one since %v", got.Sub(begun))
			}
		})
	}
}
