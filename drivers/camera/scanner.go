package camera

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"
	"sync"
	"time"

	"github.com/blackjack/webcam"

	"passerelle/drivers/frame"
)

const (
	// defaultWidth and defaultHeight are the frame size that is asked for, in pixels: what nearly all cameras have, and enough
	// for a code of 89 modules at arm's length.
	defaultWidth, defaultHeight = 1280, 720

	// minHeight is the smallest frame size that may be asked for, in pixels a side.
	minHeight = 120

	// step is how often a frame that is not there yet is looked for.
	step = 5 * time.Millisecond

	// repeat is the rest after a code: one that stays in view is reported four times a second.
	repeat = 250 * time.Millisecond

	// silence is how long a camera may give no frame that can be used before it counts as gone.
	silence = 3 * time.Second
)

// A camera is opened again for a second: one that has just been plugged in is not ready.
const (
	openTries = 21
	openPause = 50 * time.Millisecond
)

// Options says which camera is read.
type Options struct {
	Path          string           // /dev/v4l/by-path/…, the name that stays with the socket
	Width, Height int              // of the frame size that is wanted, in pixels; 0: 1280 x 720. The nearest that the camera has is taken
	Now           func() time.Time // a monotonic clock
}

// check fills in what is not set.
func (o *Options) check() error {
	if o.Width == 0 && o.Height == 0 {
		o.Width, o.Height = defaultWidth, defaultHeight
	}
	switch {
	case o.Now == nil:
		return errors.New("no clock")
	case o.Width < minHeight || o.Height < minHeight || o.Width > MaxPixels/o.Height:
		return fmt.Errorf("frame size %d x %d is not between %d x %d and %d pixels", o.Width, o.Height, minHeight, minHeight, MaxPixels)
	}
	return nil
}

// Scanner is one camera that is read. ReadFrame is for one goroutine; Close may be called from any other.
type Scanner struct {
	path   string
	now    func() time.Time
	layout layout
	look   func(*image.Gray) []Symbol
	closed chan struct{} // by Close
	once   sync.Once

	using  sync.Mutex // held while the stream is used, and by Close
	stream stream

	reading sync.Mutex // held by ReadFrame; guards what follows
	picture *image.Gray
	found   []Symbol  // not yet given
	rest    time.Time // until when no frame is looked at
	timer   *time.Timer
	gone    error // set once the camera failed
}

// Open opens a camera and starts it. It tries for about a second. The error is frame.ErrGone where there is none, ErrNotCamera,
// ErrPixels, ErrBusy, fs.ErrPermission, of an option, or ctx's.
func Open(ctx context.Context, o Options) (*Scanner, error) { return open(ctx, o, preferred[:]) }

// open is Open with the pixel formats that may be taken.
func open(ctx context.Context, o Options, formats []webcam.PixelFormat) (*Scanner, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("open camera %s: %w", o.Path, err)
	}
	for try := 1; ; try++ {
		s, l, err := openStream(o, formats)
		if err == nil {
			return newScanner(o, s, l, newLadder(l.side()).look), nil
		}
		if try == openTries || errors.Is(err, ErrNotCamera) || errors.Is(err, ErrPixels) || errors.Is(err, fs.ErrPermission) {
			return nil, fmt.Errorf("open camera %s: %w", o.Path, err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("open camera %s: %w", o.Path, ctx.Err())
		case <-time.After(openPause):
		}
	}
}

func newScanner(o Options, s stream, l layout, look func(*image.Gray) []Symbol) *Scanner {
	side := l.side()
	return &Scanner{
		path: o.Path, now: o.Now, layout: l, look: look, closed: make(chan struct{}), stream: s,
		picture: image.NewGray(image.Rect(0, 0, side, side)), timer: time.NewTimer(0),
	}
}

// ReadFrame waits for a code and copies its payload to p, cut to len(p), which must not be 0: the exact bytes, without AIM
// identifier. Several codes in one frame come one after the other. A code that stays in view is given again every quarter of a
// second. The error is frame.ErrGone once the camera was unplugged, failed, or gave no frame for three seconds, or
// frame.ErrClosed after Close; then every later call gives the same.
func (s *Scanner) ReadFrame(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, fmt.Errorf("read camera %s: %w", s.path, io.ErrShortBuffer)
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	for last := s.now(); ; {
		switch {
		case s.isClosed():
			s.forget()
			return 0, fmt.Errorf("read camera %s: %w", s.path, frame.ErrClosed)
		case len(s.found) > 0:
			return s.take(p), nil
		case s.gone != nil:
			return 0, s.gone
		}
		if d := s.rest.Sub(s.now()); d > 0 {
			s.wait(d)
			last = s.now() // silence counts from when we look
		}
		start := s.now()
		captured, err := s.capture()
		switch {
		case err != nil:
			s.gone = fmt.Errorf("read camera %s: %w (%v)", s.path, frame.ErrGone, err)
		case captured:
			s.found = s.look(s.picture)
			clear(s.picture.Pix)
			last = s.now()
			s.rest = last.Add(restAfter(last.Sub(start), len(s.found) > 0))
		case s.now().Sub(last) >= silence:
			s.gone = fmt.Errorf("read camera %s: %w (no frame of %d x %d in %v)", s.path, frame.ErrGone, s.layout.width, s.layout.height, silence)
		default:
			s.wait(step)
		}
	}
}

// restAfter is how long no frame is looked at after one that took a time: as long again, so that the camera takes half of a
// core at most, however slow that is.
func restAfter(took time.Duration, found bool) time.Duration {
	if found {
		return max(took, repeat)
	}
	return took
}

// capture puts the newest frame's middle into s.picture. It reports whether there was a frame that could be used.
func (s *Scanner) capture() (bool, error) {
	s.using.Lock()
	defer s.using.Unlock()
	if s.isClosed() {
		return false, nil
	}
	usable := false
	fresh, err := s.stream.newest(func(frame []byte) { usable = s.layout.centre(s.picture, frame) })
	return fresh && usable, err
}

// wait waits for d, or until Close.
func (s *Scanner) wait(d time.Duration) {
	if d <= 0 {
		return
	}
	s.timer.Reset(d)
	select {
	case <-s.timer.C:
	case <-s.closed:
	}
}

// take copies the next code out and overwrites it: it is a person's.
func (s *Scanner) take(p []byte) int {
	n := copy(p, s.found[0].Payload)
	clear(s.found[0].Payload)
	s.found = s.found[1:]
	return n
}

// forget overwrites the codes that nobody took.
func (s *Scanner) forget() {
	for _, f := range s.found {
		clear(f.Payload)
	}
	s.found = nil
}

func (s *Scanner) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// Close ends ReadFrame and gives the camera back. ReadFrame returns at once unless it is searching a frame, which it finishes.
func (s *Scanner) Close() error {
	var err error
	s.once.Do(func() {
		close(s.closed)
		s.using.Lock()
		defer s.using.Unlock()
		err = s.stream.Close()
	})
	if err != nil {
		return fmt.Errorf("close camera %s: %w", s.path, err)
	}
	return nil
}
