package hid

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passerelle/drivers/frame"
	"passerelle/drivers/keyboard"
)

// tape is a recorded device: what its reads gave, and when. It stands for the USB library; everything above is the real thing.
type tape struct {
	steps   []step
	reading atomic.Bool
	closed  atomic.Int32
	misused atomic.Bool // Close during Read, or Read after Close
}

// step is one read: a report after a pause, nothing (a zero-length packet), or the error of an unplugged device. It lasts longer than it
// was to wait where the box stands still in it.
type step struct {
	pause  time.Duration
	stall  time.Duration
	report []byte
	err    error
}

var errUnplugged = errors.New("hidapi: hid_error is not implemented yet")

func (d *tape) ReadTimeout(b []byte, timeout int) (int, error) {
	if !d.reading.CompareAndSwap(false, true) || d.closed.Load() > 0 {
		d.misused.Store(true)
	}
	defer d.reading.Store(false)
	limit := time.Duration(timeout) * time.Millisecond
	if len(d.steps) == 0 || d.steps[0].pause > limit {
		if len(d.steps) > 0 {
			d.steps[0].pause -= limit
		}
		time.Sleep(limit)
		return 0, nil
	}
	s := d.steps[0]
	d.steps = d.steps[1:]
	time.Sleep(s.pause + s.stall)
	return copy(b, s.report), s.err
}

func (d *tape) Close() error {
	if d.reading.Load() {
		d.misused.Store(true)
	}
	time.Sleep(145 * time.Millisecond)
	d.closed.Add(1)
	return nil
}

// play makes steps of reports that come with the same pause.
func play(pause time.Duration, reports ...[]byte) (steps []step) {
	for _, r := range reports {
		steps = append(steps, step{pause: pause, report: r})
	}
	return steps
}

// posReports are the reports of one code as a Honeywell scanner sends them.
func posReports(code string) (reports [][]byte) {
	for more := true; more; {
		n := min(len(code), 56)
		r := make([]byte, 64)
		r[0], r[1] = 2, byte(n)
		copy(r[2:], "]Q1")
		copy(r[5:], code[:n])
		code = code[n:]
		if more = code != ""; more {
			r[63] = 1
		}
		reports = append(reports, r)
	}
	return reports
}

func keyReports(t *testing.T, l keyboard.Layout, code string) (reports [][]byte) {
	t.Helper()
	keys, err := l.AppendKeys(nil, []byte(code))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range keyboard.AppendReports(nil, append(keys, frame.Key{Code: keyboard.Enter})) {
		reports = append(reports, r[:])
	}
	return reports
}

// readAll reads codes until the device is gone.
func readAll(t *testing.T, s *Scanner) (codes []string) {
	t.Helper()
	p := make([]byte, frame.MaxFrame+1)
	for {
		n, err := s.ReadFrame(p)
		if err != nil {
			if n != 0 || !errors.Is(err, frame.ErrGone) {
				t.Errorf("ReadFrame: %d, %v", n, err)
			}
			return codes
		}
		codes = append(codes, string(p[:n]))
	}
}

var payload550 = "HC1:" + strings.Repeat("6BF+70790T9WJWG.FKY*4GO0.O1CV2 O5 N2FBBRW1*70HS8WY04AC*WIFN0AHCD8KD97TK0F90KECTHGWJC0FDC:5AIA%G7X+AQB9746", 6)[:546]

func TestRecordedTraffic(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	newPOS := func() Decoder { return frame.NewPOS(frame.CommonPOS()) }
	newKeys := func() Decoder { return &typist{layout: frame.BootKeys(), Decoder: keyboard.New(keyboard.Auto)} }
	gone := step{pause: 150 * ms, err: errUnplugged}
	pos, us, fr := posReports(payload550), keyReports(t, keyboard.US, payload550), keyReports(t, keyboard.FR, payload550)
	if len(payload550) != 550 || len(pos) != 10 {
		t.Fatalf("%d bytes in %d reports", len(payload550), len(pos))
	}
	noise := [][]byte{{}, {}}
	withZero := func(reports [][]byte) (all [][]byte) {
		for _, r := range reports {
			all = append(append(all, r), noise...)
		}
		return all
	}
	tests := []struct {
		name    string
		decoder Decoder
		steps   []step
		want    []string
	}{
		{"pos", newPOS(), play(ms, pos...), []string{"]Q1" + payload550}},
		{"pos with zero-length packets", newPOS(), play(ms, withZero(pos)...), []string{"]Q1" + payload550}},
		{"pos, two codes", newPOS(), slices.Concat(play(ms, pos...), play(ms, posReports("M1")...)), []string{"]Q1" + payload550, "]Q1M1"}},
		{"pos unplugged inside a code", newPOS(), play(ms, pos[:5]...), nil},
		{"pos unplugged after a code", newPOS(), slices.Concat(play(ms, pos...), play(ms, pos[:5]...)), []string{"]Q1" + payload550}},
		{"pos, first report lost", newPOS(), play(ms, pos[1:]...), []string{"]Q1" + payload550[56:]}},
		{"pos, last report lost", newPOS(), play(ms, pos[:9]...), nil},
		{
			"pos, last report lost, next code a second later", newPOS(),
			slices.Concat(play(ms, pos[:9]...), play(time.Second, posReports("M1")...)),
			[]string{"]Q1M1"},
		},
		{"us keyboard", newKeys(), play(ms, us...), []string{payload550}},
		{"us keyboard at 8 ms", newKeys(), play(8*ms, us...), []string{payload550}},
		{"fr keyboard", newKeys(), play(ms, fr...), []string{payload550}},
		{"fr keyboard with zero-length packets", newKeys(), play(ms, withZero(fr)...), []string{payload550}},
		{"keyboard unplugged inside a code", newKeys(), play(ms, fr[:500]...), nil},
		{
			"keyboard, pause inside a code", newKeys(),
			slices.Concat(play(ms, us[:501]...), []step{{pause: 250 * ms}}, play(ms, us[501:]...), play(ms, us...)),
			[]string{payload550},
		},
		{"key press lost", newKeys(), play(ms, slices.Delete(slices.Clone(us), 30, 31)...), []string{withoutKey(15)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				dev := &tape{steps: append(slices.Clone(tt.steps), gone)}
				s := NewScanner(dev, tt.decoder, time.Now)
				if got := readAll(t, s); !slices.Equal(got, tt.want) {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				if dev.closed.Load() != 1 || dev.misused.Load() || s.Dropped() != 0 {
					t.Errorf("closed %d times, misused %v, %d codes dropped", dev.closed.Load(), dev.misused.Load(), s.Dropped())
				}
			})
		})
	}
}

// withoutKey is the payload with one character missing: what a lost report makes of a typed code. A signature shows it.
func withoutKey(i int) string { return payload550[:i] + payload550[i+1:] }

// Between key presses that are too far apart for one code a scanner of two functions may report something else.
func TestOtherReportsDoNotHideAPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := keyReports(t, keyboard.US, payload550)
		other := play(50*time.Millisecond, make([]byte, 3), make([]byte, 3), make([]byte, 3), make([]byte, 3))
		steps := slices.Concat(play(time.Millisecond, keys[:501]...), other, play(time.Millisecond, keys[501:]...))
		dev := &tape{steps: append(steps, step{err: errUnplugged})}
		if got := readAll(t, NewScanner(dev, typing(), time.Now)); got != nil {
			t.Errorf("got %q", got)
		}
	})
}

// A box that stands still for a moment is no pause of the scanner's, whether the library waits just then or reports wait for us.
func TestMomentInWhichTheBoxStandsStillTearsNoTypedCode(t *testing.T) {
	t.Parallel()
	const stall = 400 * time.Millisecond // longer than a typed code's gap
	for _, in := range []string{"in a read", "between two reads", "when time was out"} {
		t.Run(in, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				decoder, reports := Decoder(typing()), keyReports(t, keyboard.US, payload550)
				steps, half := play(time.Millisecond, reports...), len(reports)/2
				switch in {
				case "in a read":
					steps[half].stall = stall
				case "between two reads":
					decoder = &stalling{Decoder: decoder, left: half, stall: stall}
				case "when time was out":
					steps = slices.Insert(steps, half, step{stall: stall})
				}
				dev := &tape{steps: append(steps, step{err: errUnplugged})}
				if got := readAll(t, NewScanner(dev, decoder, time.Now)); !slices.Equal(got, []string{payload550}) {
					t.Errorf("got %q", got)
				}
			})
		})
	}
}

// While our goroutine stands still, the library goes on and drops what is oldest: the rest of one person's code and the start of the
// next one's. Neither alone nor together may they become a code that nobody showed.
func TestTwoCodesAreNeverJoinedWhileTheBoxStandsStill(t *testing.T) {
	t.Parallel()
	const first, second, third = "SATUR-ROW12-SEAT-034", "SUNDA-ROW55-SEAT-101", "MONDA-ROW07-SEAT-222"
	for keys := 5; keys < len(first); keys++ {
		synctest.Test(t, func(t *testing.T) {
			var codes [][][]byte
			for _, c := range []string{first, second, third} {
				codes = append(codes, keyReports(t, keyboard.US, c))
			}
			decoder := &stalling{Decoder: typing(), left: 2*keys - 1, stall: time.Second}
			got := readAll(t, NewScanner(typed(2*time.Millisecond, 800*time.Millisecond, codes...), decoder, time.Now))
			if !slices.Equal(got, []string{third}) {
				t.Errorf("stalled after %d keys: got %q, want only the one that came afterwards", keys, got)
			}
		})
	}
}

func TestCutCodeIsThrownAwayWhileTheBoxStandsStill(t *testing.T) {
	t.Parallel()
	const next = "HC1:NEXT"
	for _, tt := range []struct {
		name    string
		decoder Decoder
		cut     [][]byte
		next    [][]byte
		want    string
	}{
		{"typed", typing(), keyReports(t, keyboard.US, "HC1:ABC")[:13], keyReports(t, keyboard.US, next), next},
		{"pos", frame.NewPOS(frame.CommonPOS()), posReports(payload550)[:5], posReports(next), "]Q1" + next},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				steps := append(play(time.Millisecond, tt.cut...), step{stall: frame.DefaultGap})
				steps = append(append(steps, play(time.Millisecond, tt.next...)...), step{err: errUnplugged})
				if got := readAll(t, NewScanner(&tape{steps: steps}, tt.decoder, time.Now)); !slices.Equal(got, []string{tt.want}) {
					t.Errorf("got %q", got)
				}
			})
		})
	}
}

func typing() *typist { return &typist{layout: frame.BootKeys(), Decoder: keyboard.New(keyboard.US)} }

// stalling stands still after a number of reports.
type stalling struct {
	Decoder
	left  int
	stall time.Duration
}

func (s *stalling) Report(report []byte, since time.Duration, emit func(code []byte)) {
	s.Decoder.Report(report, since, emit)
	if s.left--; s.left == 0 {
		time.Sleep(s.stall)
	}
}

// overrun stands for the USB library where its own thread matters: it takes reports at any time, keeps 32 and drops the oldest.
type overrun struct{ reports chan []byte }

// typed gives codes to an overrun queue, a report after each pause, then a rest after the code, and unplugs.
func typed(pause, rest time.Duration, codes ...[][]byte) *overrun {
	q := &overrun{reports: make(chan []byte, 32)}
	go func() {
		defer close(q.reports)
		for _, code := range codes {
			for _, r := range code {
				time.Sleep(pause)
				if len(q.reports) == cap(q.reports) {
					<-q.reports
				}
				q.reports <- r
			}
			time.Sleep(rest)
		}
	}()
	return q
}

func (q *overrun) ReadTimeout(b []byte, timeout int) (int, error) {
	select {
	case r, ok := <-q.reports:
		if !ok {
			return 0, errUnplugged
		}
		return copy(b, r), nil
	case <-time.After(time.Duration(timeout) * time.Millisecond):
		return 0, nil
	}
}

func (q *overrun) Close() error { return nil }

func TestLongReportsAndCodes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		long := strings.Repeat("A", frame.MaxFrame+100)
		dev := &tape{steps: append(play(time.Millisecond, posReports(long)...), step{err: errUnplugged})}
		s := NewScanner(dev, frame.NewPOS(frame.CommonPOS()), time.Now)
		p := make([]byte, 10)
		if n, err := s.ReadFrame(p); err != nil || string(p[:n]) != "]Q1AAAAAAA" {
			t.Errorf("got %q, %v", p[:n], err)
		}
		if n, err := s.ReadFrame(p); n != 0 || !errors.Is(err, frame.ErrGone) {
			t.Errorf("the rest of a code was given: %d, %v", n, err)
		}
	})
}

func TestCloseEndsAWaitingReadFrame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dev := &tape{}
		s := NewScanner(dev, frame.NewPOS(frame.CommonPOS()), time.Now)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if n, err := s.ReadFrame(make([]byte, 9)); n != 0 || !errors.Is(err, frame.ErrClosed) {
					t.Errorf("ReadFrame: %d, %v", n, err)
				}
			})
			wg.Go(func() {
				time.Sleep(time.Second + 30*time.Millisecond)
				if err := s.Close(); err != nil || dev.closed.Load() != 1 {
					t.Errorf("Close: %v, closed %d times", err, dev.closed.Load())
				}
			})
		}
		start := time.Now()
		wg.Wait()
		if took := time.Since(start) - 1030*time.Millisecond; took > poll+200*time.Millisecond {
			t.Errorf("Close took %v", took)
		}
		if _, err := s.ReadFrame(make([]byte, 9)); !errors.Is(err, frame.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		if dev.misused.Load() {
			t.Error("the handle was used by two at a time")
		}
	})
}

func TestCodesThatNobodyTakesAreDroppedAndCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var steps []step
		for c := byte('A'); c < 'A'+queue+3; c++ {
			steps = append(steps, play(time.Millisecond, posReports(string(c))...)...)
		}
		dev := &tape{steps: append(steps, step{pause: time.Second, err: errUnplugged})}
		s := NewScanner(dev, frame.NewPOS(frame.CommonPOS()), time.Now)
		time.Sleep(500 * time.Millisecond)
		if got := s.Dropped(); got != 3 {
			t.Errorf("%d codes dropped, want 3", got)
		}
		want := []string{"]Q1A", "]Q1B", "]Q1C", "]Q1D", "]Q1E", "]Q1F", "]Q1G", "]Q1H"}
		if got := readAll(t, s); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestBufferOfNoLengthIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := NewScanner(&tape{}, frame.NewPOS(frame.CommonPOS()), time.Now)
		defer s.Close()
		if _, err := s.ReadFrame(nil); !errors.Is(err, io.ErrShortBuffer) {
			t.Errorf("ReadFrame(nil): %v", err)
		}
	})
}

func TestTakenCodesAreOverwritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dev := &tape{steps: append(play(time.Millisecond, posReports(payload550)...), step{err: errUnplugged})}
		s := NewScanner(dev, frame.NewPOS(frame.CommonPOS()), time.Now)
		readAll(t, s)
		for range queue {
			if c := <-s.free; bytes.Contains(c.b[:], []byte("6BF")) {
				t.Error("a code is still in memory")
			}
		}
	})
}

func TestScannerThatRepliesAtOnceDoesNotStopClose(t *testing.T) {
	t.Parallel()
	s := NewScanner(busy{}, frame.NewPOS(frame.CommonPOS()), time.Now)
	done := make(chan struct{})
	go func() { _ = s.Close(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("Close hangs")
	}
}

// busy sends zero-length packets without a pause.
type busy struct{}

func (busy) ReadTimeout([]byte, int) (int, error) { return 0, nil }
func (busy) Close() error                         { return nil }
