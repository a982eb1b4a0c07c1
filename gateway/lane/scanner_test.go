package lane

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"passerelle/drivers/scannertest"
)

func TestUnpluggedScannerComesBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	p := s.posts[0]
	for n := 1; n <= 4; n++ {
		unplugInside(t, p, code(t, n))
		p.want(ScannerGone)
		if n == 1 && p.lamp.now() != SignalFault { // later it still shows a verdict
			t.Errorf("the lamp shows %v, want %v", p.lamp.now(), SignalFault)
		}
		if s.status("1").Connected {
			t.Error("an unplugged scanner is said to be connected")
		}
		if err := p.scanner.Plug(); err != nil {
			t.Fatal(err)
		}
		plugged := time.Now()
		back := p.want(ScannerBack)
		if took := back.At.Sub(plugged); took > time.Second {
			t.Errorf("read again %v after plugging in, want one second at most", took)
		} else {
			t.Logf("read again %v after plugging in", took.Round(time.Millisecond))
		}
		p.show(code(t, n))
		e := p.wantVerdict(n, "admit ok") // the half code is not part of it
		if e.Count != uint64(n) {
			t.Errorf("verdict %d, want %d: the lane was not started anew", e.Count, n)
		}
	}
	if got := len(s.entries()); got != 4 {
		t.Errorf("%d entries, want 4", got)
	}
}

// unplugInside pulls the plug when half of a code is on the line and was read.
func unplugInside(t *testing.T, p *post, text string) {
	t.Helper()
	sent := p.scanner.Sent().Bytes
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	go func() { failed <- p.scanner.ScanFault(ctx, []byte(text), scannertest.PauseInside) }()
	eventually(t, "half a code is sent", func() bool { return p.scanner.Sent().Bytes > sent })
	time.Sleep(20 * time.Millisecond)
	err := p.scanner.Unplug()
	cancel()
	if err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err == nil {
		t.Fatal("the whole code was sent before the plug was out")
	}
}

func TestScannerThatNeverOpensDisturbsNoOtherLane(t *testing.T) {
	t.Parallel()
	var attempts atomic.Int64
	s := newSite(t, 2, func(s *site) {
		s.open = func(_ context.Context, p *post) (Scanner, error) {
			if p.id == "2" {
				attempts.Add(1)
				return nil, fs.ErrPermission
			}
			return p.openSerial()
		}
	})
	p, q := s.posts[0], s.posts[1]
	p.want(ScannerBack)
	for n := 1; n <= 50; n++ {
		p.show(code(t, n))
		p.wantVerdict(n, "admit ok")
	}
	if st := s.status("2"); st.Connected || q.lamp.now() != SignalFault {
		t.Errorf("status %+v, lamp %v", st, q.lamp.now())
	}
	if err := s.gate.Enter("2", []byte(code(t, 51))); err != nil { // typing still works there
		t.Fatal(err)
	}
	q.wantVerdict(51, "admit ok")
	eventually(t, "four attempts", func() bool { return attempts.Load() >= 4 })
	if got := strings.Count(s.log.String(), "permission"); got != 1 {
		t.Errorf("the log says %d times why the scanner cannot be opened, want once:\n%s", got, s.log.String())
	}
}

// TestScannerThatFailsAtOnceIsOpenedAtAPace: a device that resets itself whenever it is opened.
func TestScannerThatFailsAtOnceIsOpenedAtAPace(t *testing.T) {
	t.Parallel()
	var opened atomic.Int64
	s := newSite(t, 1, func(s *site) {
		s.open = func(_ context.Context, p *post) (Scanner, error) {
			opened.Add(1)
			port, err := p.openSerial()
			return port, errors.Join(err, p.scanner.Unplug(), p.scanner.Plug())
		}
	})
	s.posts[0].want(ScannerBack)
	s.posts[0].want(ScannerGone)
	begun, before := time.Now(), opened.Load()
	time.Sleep(4 * reopenPause)
	most := int64(time.Since(begun)/reopenPause) + 1
	if got := opened.Load() - before; got > most || got == 0 {
		t.Errorf("opened %d times in %v, want 1 to %d", got, time.Since(begun), most)
	}
}
