package camera

import (
	"errors"
	"image"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/blackjack/webcam"
	"golang.org/x/sys/unix"

	"passerelle/drivers/frame"
)

// recording is a camera that gives frames of ours at a steady rate, in the way of the kernel: it fills a buffer only if there is
// one to fill, and holds filled ones back until they are taken.
type recording struct {
	interval time.Duration
	start    time.Time
	frame    func(number int) []byte
	fails    error // of GetFrame, from failsAt on
	failsAt  time.Time

	mu          sync.Mutex
	given       int      // frames that were to be filled up to now
	free        []uint32 // buffers to fill
	full        []uint32 // filled, oldest first
	content     [][]byte // of each buffer
	ours        [8]bool  // buffers that the scanner holds
	closes      int      // calls of Close
	closedInUse bool     // Close while a buffer was held
}

func newRecording(buffers int, interval time.Duration, frame func(number int) []byte) *recording {
	r := &recording{interval: interval, start: time.Now(), frame: frame, content: make([][]byte, buffers)}
	for i := range buffers {
		r.free = append(r.free, uint32(i))
	}
	return r
}

func (r *recording) GetFrame() ([]byte, uint32, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fails != nil && !time.Now().Before(r.failsAt) {
		return nil, 0, r.fails
	}
	for due := int(time.Since(r.start) / r.interval); r.given < due; r.given++ {
		if len(r.free) == 0 {
			continue
		}
		i := r.free[0]
		r.free, r.full = r.free[1:], append(r.full, i)
		r.content[i] = r.frame(r.given + 1)
	}
	if len(r.full) == 0 {
		return nil, 0, unix.EAGAIN
	}
	i := r.full[0]
	r.full, r.ours[i] = r.full[1:], true
	return r.content[i], i, nil
}

func (r *recording) ReleaseFrame(i uint32) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ours[i] {
		return unix.EINVAL
	}
	r.free, r.ours[i] = append(r.free, i), false
	return nil
}

func (r *recording) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closes++
	r.closedInUse = r.closedInUse || slices.Contains(r.ours[:], true)
	return nil
}

// small is a frame size that costs little.
var small = layout{grey, 160, 120}

// scan opens a scanner on a recording.
func scan(r *recording, l layout, look func(*image.Gray) []Symbol) *Scanner {
	o := Options{Path: "recording", Now: time.Now}
	return newScanner(o, stream{r, len(r.content)}, l, look)
}

// numbered gives frames whose pixels are all the frame's number.
func numbered(number int) []byte {
	f := make([]byte, small.width*small.height)
	for i := range f {
		f[i] = byte(number)
	}
	return f
}

func nothing(*image.Gray) []Symbol { return nil }

func code(payload string) []Symbol { return []Symbol{{QR, []byte(payload)}} }

const fps30 = time.Second / 30

func TestFramesAreReadInEveryPixelFormat(t *testing.T) {
	t.Parallel()
	const payload = "M1DESMARAIS/LUC       EABC123 YULFRAAC 0834 226F001A0025 100"
	picture := shoot(gray(qr(t, payload, QROptions{})), shots["middle, turned 3°"], 1)
	for name, frame := range formatsOf(t, picture) {
		l := layout{frame.format, shotWidth, shotHeight}
		s := scan(newRecording(buffers, fps30, func(int) []byte { return frame.bytes }), l, newLadder(l.side()).look)
		defer s.Close()
		p := make([]byte, 100)
		n, err := s.ReadFrame(p)
		if err != nil || string(p[:n]) != payload {
			t.Errorf("%s: got %q, %v", name, p[:n], err)
		}
	}
}

func TestOnlyHalfOfACoreIsUsed(t *testing.T) {
	t.Parallel()
	for _, took := range []time.Duration{time.Millisecond, 12 * time.Millisecond, 50 * time.Millisecond, 400 * time.Millisecond, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			var busy time.Duration
			r := newRecording(buffers, fps30, numbered)
			s := scan(r, small, func(*image.Gray) []Symbol {
				time.Sleep(took)
				busy += took
				return nil
			})
			go func() {
				time.Sleep(time.Minute)
				s.Close()
			}()
			start := time.Now()
			if _, err := s.ReadFrame(make([]byte, 10)); !errors.Is(err, frame.ErrClosed) {
				t.Fatal(err)
			}
			part := busy.Seconds() / time.Since(start).Seconds()
			// A frame comes every 33 ms and is noticed within a step: more than that is not lost.
			least := 0.8 * took.Seconds() / (2*took + fps30 + step).Seconds()
			if part > 0.54 || part < least { // the last search may begin before Close
				t.Errorf("searching takes %v: %.0f %% of a core, want %.0f to 50 %%", took, 100*part, 100*least)
			}
		})
	}
}

func TestOldFramesAreNotLookedAt(t *testing.T) {
	t.Parallel()
	for _, took := range []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond, 70 * time.Millisecond, 300 * time.Millisecond} {
		for _, count := range []int{2, 3, 4, 6} {
			synctest.Test(t, func(t *testing.T) {
				r := newRecording(count, fps30, numbered)
				looked := 0
				s := scan(r, small, func(g *image.Gray) []Symbol {
					looked++
					shown := r.start.Add(time.Duration(g.Pix[0]) * fps30)
					if age := time.Since(shown); age > fps30+step {
						t.Errorf("search of %v, %d buffers: frame %d is %v old", took, count, g.Pix[0], age)
					}
					time.Sleep(took)
					return code("A")
				})
				for range 10 { // with pauses in which the buffers run full
					if _, err := s.ReadFrame(make([]byte, 10)); err != nil {
						t.Fatal(err)
					}
					time.Sleep(200 * time.Millisecond)
				}
				s.Close()
				if looked != 10 {
					t.Errorf("looked %d times", looked)
				}
			})
		}
	}
}

func TestCodeInViewIsGivenFourTimesASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := scan(newRecording(buffers, fps30, numbered), small, func(*image.Gray) []Symbol {
			time.Sleep(10 * time.Millisecond)
			return code("HC1:ABC")
		})
		defer s.Close()
		start, given := time.Now(), 0
		for time.Since(start) < time.Minute {
			p := make([]byte, 10)
			n, err := s.ReadFrame(p)
			if err != nil || string(p[:n]) != "HC1:ABC" {
				t.Fatalf("got %q, %v", p[:n], err)
			}
			given++
		}
		if given < 180 || given > 240 {
			t.Errorf("given %d times in a minute, want 180 to 240", given)
		}
	})
}

func TestSeveralCodesOfAFrameComeOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := scan(newRecording(buffers, fps30, numbered), small, func(*image.Gray) []Symbol {
			return append(code("first"), code("second")...)
		})
		defer s.Close()
		p := make([]byte, 4)
		for _, want := range []string{"firs", "seco", "firs"} {
			if n, err := s.ReadFrame(p); err != nil || string(p[:n]) != want {
				t.Errorf("got %q, %v, want %q", p[:n], err, want)
			}
		}
	})
}

func TestCodesAndFramesAreOverwritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		found := append(code("first"), code("second")...)
		payloads := [][]byte{found[0].Payload, found[1].Payload}
		s := scan(newRecording(buffers, fps30, numbered), small, func(*image.Gray) []Symbol { return found })
		p := make([]byte, 10)
		if _, err := s.ReadFrame(p); err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(s.picture.Pix, func(b byte) bool { return b != 0 }) {
			t.Error("the picture is kept after the search")
		}
		s.Close()
		if _, err := s.ReadFrame(p); !errors.Is(err, frame.ErrClosed) {
			t.Error(err)
		}
		for _, payload := range payloads {
			if slices.ContainsFunc(payload, func(b byte) bool { return b != 0 }) {
				t.Errorf("%q is kept", payload)
			}
		}
	})
}

func TestCloseEndsReading(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		look          func(*image.Gray) []Symbol
		after, within time.Duration
	}{
		{"waiting for a frame", nothing, time.Millisecond, 0},
		{"searching", func(*image.Gray) []Symbol { time.Sleep(300 * time.Millisecond); return nil }, 100 * time.Millisecond, 300 * time.Millisecond},
		{"resting", func(*image.Gray) []Symbol { time.Sleep(300 * time.Millisecond); return nil }, 400 * time.Millisecond, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRecording(buffers, fps30, numbered)
			s := scan(r, small, tt.look)
			var asked time.Time
			closed := make(chan struct{})
			go func() {
				defer close(closed)
				time.Sleep(tt.after)
				asked = time.Now()
				if err := errors.Join(s.Close(), s.Close()); err != nil {
					t.Error(err)
				}
			}()
			for range 2 {
				if _, err := s.ReadFrame(make([]byte, 10)); !errors.Is(err, frame.ErrClosed) {
					t.Errorf("%s: %v", tt.name, err)
				}
			}
			if late := time.Since(asked); late > tt.within {
				t.Errorf("%s: ended %v after Close", tt.name, late)
			}
			<-closed
			if r.closes != 1 || r.closedInUse {
				t.Errorf("%s: closed %d times, in use: %v", tt.name, r.closes, r.closedInUse)
			}
		})
	}
}

func TestFailedCameraIsGone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*recording)
		after  time.Duration
	}{
		{"unplugged", func(r *recording) { r.fails, r.failsAt = unix.ENODEV, r.start.Add(time.Second) }, time.Second},
		{"failed", func(r *recording) { r.fails, r.failsAt = unix.EIO, r.start.Add(time.Second) }, time.Second},
		{"no frames", func(r *recording) { r.interval = time.Hour }, silence},
		{"frames of another size", func(r *recording) { r.frame = func(int) []byte { return make([]byte, 640*480) } }, silence},
		{"empty frames", func(r *recording) { r.frame = func(int) []byte { return []byte{} } }, silence},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRecording(buffers, fps30, numbered)
			tt.change(r)
			s := scan(r, small, nothing)
			defer s.Close()
			start := time.Now()
			for range 2 {
				if n, err := s.ReadFrame(make([]byte, 10)); n != 0 || !errors.Is(err, frame.ErrGone) {
					t.Errorf("%s: got %d, %v", tt.name, n, err)
				}
			}
			if took := time.Since(start); took < tt.after || took > tt.after+10*step {
				t.Errorf("%s: noticed after %v, want %v", tt.name, took, tt.after)
			}
		})
	}
}

func TestSlowSearchIsNoSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		looked := 0
		s := scan(newRecording(buffers, fps30, numbered), small, func(*image.Gray) []Symbol {
			time.Sleep(2 * silence)
			if looked++; looked == 3 {
				return code("A")
			}
			return nil
		})
		defer s.Close()
		if _, err := s.ReadFrame(make([]byte, 1)); err != nil {
			t.Error(err)
		}
	})
}

func TestInterruptedCallIsMadeAgain(t *testing.T) {
	t.Parallel()
	r := &interrupted{recording: newRecording(buffers, time.Microsecond, numbered), times: 3}
	time.Sleep(time.Millisecond)
	if _, err := (stream{r, buffers + 1}).newest(func([]byte) {}); err != nil || r.times != 0 {
		t.Errorf("%v, %d interruptions to come", err, r.times)
	}
}

// interrupted is a camera whose first calls are interrupted.
type interrupted struct {
	*recording
	times int
}

func (r *interrupted) GetFrame() ([]byte, uint32, error) {
	if r.times > 0 {
		r.times--
		return nil, 0, unix.EINTR
	}
	return r.recording.GetFrame()
}

func TestNoRoomForACodeIsAnError(t *testing.T) {
	t.Parallel()
	s := scan(newRecording(buffers, fps30, numbered), small, nothing)
	defer s.Close()
	if _, err := s.ReadFrame(nil); !errors.Is(err, io.ErrShortBuffer) {
		t.Error(err)
	}
}

func TestOptionsLimits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		w, h int
		ok   bool
	}{
		{0, 0, true},
		{120, 120, true},
		{119, 120, false},
		{120, 119, false},
		{120, 0, false},
		{-1280, -720, false},
		{4096, 4096, true},
		{4096, 4097, false},
		{1 << 40, 1 << 40, false},
	} {
		o := Options{Path: "/nowhere", Width: tt.w, Height: tt.h, Now: time.Now}
		if err := o.check(); (err == nil) != tt.ok {
			t.Errorf("%d x %d: %v", tt.w, tt.h, err)
		}
	}
	if _, err := Open(t.Context(), Options{Path: "/dev/null"}); err == nil {
		t.Error("opened without a clock")
	}
}

func TestOpenSaysWhyNot(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]error{"/dev/null": ErrNotCamera, "/nowhere": frame.ErrGone} {
		s, err := Open(t.Context(), Options{Path: path, Now: time.Now})
		if s != nil || !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
}

// pictured is a frame in one pixel format.
type pictured struct {
	format webcam.PixelFormat
	bytes  []byte
}
