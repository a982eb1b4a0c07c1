package hid

import (
	"io"
	"sync"
	"sync/atomic"
	"time"

	"passerelle/drivers/frame"
)

const (
	// poll is how long a read waits, and so how long Close does.
	poll = 100 * time.Millisecond

	// queue is how many codes may wait to be taken.
	queue = 8
)

// Device is an open HID device as the library gives it: a read that lasts timeout milliseconds at most and gives 0 bytes
// without an error at its end, or for a zero-length packet. After any error the device is gone. Neither method is called while
// the other runs.
type Device interface {
	ReadTimeout(b []byte, timeout int) (int, error)
	Close() error
}

// Decoder puts reports together to codes, as *frame.POS and *keyboard.Decoder do.
type Decoder interface {
	Report(report []byte, since time.Duration, emit func(code []byte))
	Reset()
}

// Scanner is one open scanner. Its methods may be called from several goroutines.
type Scanner struct {
	dev     Device
	decoder Decoder
	now     func() time.Time

	free, full chan *code
	dropped    atomic.Uint64

	stop chan struct{} // closed by Close
	once sync.Once
	done chan struct{} // closed by the reading goroutine when the handle is closed
}

// code is a code on its way from the reading goroutine to ReadFrame. Whoever took it from a channel owns it.
type code struct {
	n int
	b [frame.MaxFrame + 1]byte
}

// NewScanner reads dev with decoder, which it both owns from now on, until Close or until dev is gone. Open does this for real
// devices; recorded reports are replayed through it. now is a monotonic clock.
func NewScanner(dev Device, decoder Decoder, now func() time.Time) *Scanner {
	s := &Scanner{
		dev: dev, decoder: decoder, now: now,
		free: make(chan *code, queue), full: make(chan *code, queue),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	for range queue {
		s.free <- new(code)
	}
	go s.read()
	return s
}

// ReadFrame waits for one whole code and copies it to p, cut to len(p), which must not be 0. Codes that were complete before
// the scanner was unplugged are still given. The error is frame.ErrGone, or frame.ErrClosed after Close.
func (s *Scanner) ReadFrame(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, io.ErrShortBuffer
	}
	select {
	case <-s.stop:
		return 0, frame.ErrClosed
	default:
	}
	select {
	case c := <-s.full:
		return s.take(p, c), nil
	case <-s.stop:
		return 0, frame.ErrClosed
	case <-s.done:
	}
	select {
	case c := <-s.full:
		return s.take(p, c), nil
	default:
		return 0, frame.ErrGone
	}
}

// Close stops reading, gives the device back to the kernel and returns when that is done, after about a quarter of a second.
func (s *Scanner) Close() error {
	s.once.Do(func() { close(s.stop) })
	<-s.done
	return nil
}

// Dropped counts the codes that found the queue full.
func (s *Scanner) Dropped() uint64 { return s.dropped.Load() }

// take copies a code out and overwrites it: it is a person's.
func (s *Scanner) take(p []byte, c *code) int {
	n := copy(p, c.b[:c.n])
	clear(c.b[:c.n])
	s.free <- c
	return n
}

// read is the reading goroutine.
func (s *Scanner) read() {
	defer close(s.done)
	defer s.dev.Close()
	defer s.decoder.Reset()
	emit := s.put
	var silent time.Duration // since the last report, as far as it was waited for
	last := s.now()
	var report [frame.MaxReport]byte
	for {
		select {
		case <-s.stop:
			return
		default:
		}
		asked := s.now()
		n, err := s.dev.ReadTimeout(report[:], int(poll/time.Millisecond))
		if err != nil {
			return
		}
		now := s.now()
		silent += min(max(0, now.Sub(asked)), poll)
		if n <= 0 {
			continue // time is out, or a zero-length packet
		}
		if since := now.Sub(last); since >= frame.DefaultGap {
			silent = since // time enough for somebody else's code
		}
		s.decoder.Report(report[:n], silent, emit)
		silent, last = 0, now
	}
}

// put hands a code on, or drops it when nobody took the ones before.
func (s *Scanner) put(b []byte) {
	select {
	case c := <-s.free:
		c.n = copy(c.b[:], b)
		s.full <- c
	default:
		s.dropped.Add(1)
	}
}
