package tcp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/drivers/frame"
)

const (
	// pollInterval is how long one wait for input lasts: the step in which silence is measured and a newer connection noticed.
	pollInterval = 50 * time.Millisecond

	// sendStep is how often a command that the scanner has no room for is looked at again.
	sendStep = 5 * time.Millisecond

	// AckTime is how long a scanner has to acknowledge a command: longer than a host may put that off (0.5 s, RFC 9293, section 3.8.6.3), and
	// than it takes to send once more what was lost, to a host that acknowledges at once.
	AckTime = 750 * time.Millisecond

	// closeWait is how long Close waits for the scanner to acknowledge the last command.
	closeWait = 250 * time.Millisecond

	readSize = 4096
)

var (
	errEnded    = errors.New("closed by the scanner")
	errReplaced = errors.New("a newer connection took its place")
	errStuck    = errors.New("it did not take a command in time")
	errSilent   = errors.New("it did not acknowledge a command in time")
)

// Scanner is one connection to a scanner. ReadFrame is for one goroutine; Write, WriteTimeout, Discarded and Close may be called
// from any other at the same time.
type Scanner struct {
	link      *Link
	conn      *net.TCPConn
	raw       syscall.RawConn
	closed    atomic.Bool
	cut       atomic.Pointer[error] // why a command was given up, and the connection with it
	discarded atomic.Uint64

	reading sync.Mutex // held by ReadFrame; guards what follows
	split   *frame.Splitter
	wait    time.Duration
	rest    []byte // bytes of buf that the Splitter has not taken
	gone    error  // set once the connection was lost
	poll    [1]unix.PollFd
	receive func(fd uintptr) // sets n and err
	n       int              // bytes received; 0 without err is silence for wait, -1 is nothing at all
	err     error
	buf     [readSize]byte

	writing chan struct{} // holds one element while a write is under way

	sending sync.Mutex // held while bytes are handed to the kernel
	sent    uint64     // bytes that were; guarded by sending
}

func newSplitter(o Options) (*frame.Splitter, error) {
	return frame.NewSplitter(frame.Config{Terminator: o.Terminator, Gap: o.Gap})
}

// newScanner makes the scanner of a connection and notes it as the link's current one.
func (l *Link) newScanner(conn *net.TCPConn) (*Scanner, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	if err := tune(raw); err != nil {
		return nil, err
	}
	split, err := newSplitter(l.opts)
	if err != nil {
		return nil, err
	}
	s := &Scanner{link: l, conn: conn, raw: raw, split: split, wait: pollInterval, writing: make(chan struct{}, 1)}
	if l.opts.Gap > 0 {
		s.wait = max(min(s.wait, l.opts.Gap).Truncate(time.Millisecond), time.Millisecond) // what poll(2) can count
	}
	s.receive = s.receiveFrom
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, frame.ErrClosed
	}
	l.current = s
	return s, nil
}

// ReadFrame blocks until one whole frame is there and copies it to p without its terminator; AIM identifiers and control
// characters stay. A frame longer than p is cut to len(p), and one longer than frame.MaxFrame to one byte over that; the rest is
// dropped. It never returns 0 bytes without an error.
// Silence is measured, and a newer connection noticed, while it waits: give it a goroutine that does nothing but read.
//
// The error is frame.ErrGone once the connection was lost, frame.ErrClosed after Close; then every later call gives the same.
func (s *Scanner) ReadFrame(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, fmt.Errorf("read scanner %s: %w", s.link.name, io.ErrShortBuffer)
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	for {
		if s.closed.Load() {
			return 0, fmt.Errorf("read scanner %s: %w", s.link.name, frame.ErrClosed)
		}
		if s.gone != nil {
			return 0, s.gone
		}
		f := s.next()
		switch {
		case f == nil:
		case string(f) == s.link.opts.Ignore:
			clear(f)
		default:
			return s.deliver(p, f), nil
		}
	}
}

// next cuts one frame from what was received, or receives once.
func (s *Scanner) next() (f []byte) {
	switch {
	case len(s.rest) > 0:
		f, s.rest = s.split.Next(s.rest)
		if len(s.rest) == 0 {
			clear(s.buf[:])
		}
	case s.link.look():
		s.lose(errReplaced)
	default:
		if err := s.raw.Control(s.receive); err != nil {
			s.err = err
		}
		switch why := s.cut.Load(); {
		case s.err != nil && why != nil:
			s.lose(*why)
		case s.err != nil:
			s.lose(s.err)
		case s.n == 0:
			f = s.split.Idle(s.wait)
		case s.n > 0:
			s.rest = s.buf[:s.n]
		}
	}
	s.discarded.Store(s.split.Discarded())
	return f
}

// receiveFrom waits for input and takes it.
func (s *Scanner) receiveFrom(fd uintptr) {
	s.n, s.err = -1, nil
	s.poll[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	ready, err := unix.Poll(s.poll[:], int(s.wait.Milliseconds()))
	switch {
	case err == unix.EINTR:
	case err != nil:
		s.err = err
	case ready == 0:
		s.n = 0
	default:
		n, err := unix.Read(int(fd), s.buf[:])
		switch {
		case err == unix.EAGAIN, err == unix.EINTR:
		case err != nil:
			s.err = err
		case n == 0:
			s.err = errEnded
		default:
			s.n = n
		}
	}
}

// lose ends the reading and overwrites what was read: a code without its end belongs to nobody.
func (s *Scanner) lose(why error) {
	s.gone = fmt.Errorf("read scanner %s: %w (%v)", s.link.name, frame.ErrGone, why)
	s.split.Reset()
	clear(s.buf[:])
}

// deliver copies a frame out and overwrites it here: raw codes are kept nowhere longer than needed.
func (s *Scanner) deliver(p, f []byte) int {
	whole := f
	if s.link.opts.UndoUTF8 {
		f = frame.UndoUTF8(f)
	}
	n := copy(p, f)
	clear(whole)
	return n
}

// Discarded counts the scans that were cut and thrown away on this connection.
func (s *Scanner) Discarded() uint64 { return s.discarded.Load() }

// Write sends a command (trigger, beeper, an answer to a scanner that waits) within Options.WriteTimeout.
func (s *Scanner) Write(b []byte) (int, error) { return s.WriteTimeout(b, s.link.opts.WriteTimeout) }

// WriteTimeout sends a command and returns len(b) once all of it has left. It takes no longer than d, at most MaxWriteTimeout, also when
// another write is before it; the error is then os.ErrDeadlineExceeded, else that of ReadFrame. A scanner that has no room for a command in
// that time, or does not acknowledge one within AckTime, loses its connection: nothing is sent of it later.
func (s *Scanner) WriteTimeout(b []byte, d time.Duration) (int, error) {
	limit, cancel := context.WithTimeout(context.Background(), min(d, MaxWriteTimeout))
	defer cancel()
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
	case <-limit.Done():
	}
	switch {
	case s.closed.Load():
		return 0, fmt.Errorf("write scanner %s: %w", s.link.name, frame.ErrClosed)
	case limit.Err() != nil:
		return 0, fmt.Errorf("write scanner %s: %w", s.link.name, os.ErrDeadlineExceeded)
	}
	err := s.write(limit, b)
	switch {
	case err == nil:
		return len(b), nil
	case s.closed.Load():
		err = frame.ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.cutOff(errStuck)
	default:
		err = fmt.Errorf("%w (%v)", frame.ErrGone, err)
	}
	return 0, fmt.Errorf("write scanner %s: %w", s.link.name, err)
}

// write hands b to the kernel and waits until it has left, or limit ends.
func (s *Scanner) write(limit context.Context, b []byte) error {
	ended := make(chan struct{})
	stop := context.AfterFunc(limit, func() {
		s.endWrite()
		close(ended)
	})
	err := s.send(b)
	if !stop() {
		<-ended
		if !s.closed.Load() {
			s.conn.SetWriteDeadline(time.Time{})
		}
	}
	for err == nil {
		n, unsentErr := s.outgoing(unix.SIOCOUTQNSD)
		if n == 0 || unsentErr != nil {
			return unsentErr
		}
		select {
		case <-limit.Done():
			return os.ErrDeadlineExceeded
		case <-time.After(sendStep):
		}
	}
	return err
}

// send hands b to the kernel, and has it looked whether the scanner acknowledges it.
func (s *Scanner) send(b []byte) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	n, err := s.conn.Write(b)
	s.sent += uint64(n)
	sent := s.sent
	time.AfterFunc(AckTime, func() { s.expect(sent) })
	return err
}

// expect ends the connection unless the first n bytes of all that was sent are acknowledged: the kernel would send them again for seconds.
func (s *Scanner) expect(n uint64) {
	s.sending.Lock()
	waiting, err := s.outgoing(unix.SIOCOUTQ)
	acknowledged := s.sent - uint64(waiting)
	s.sending.Unlock()
	if err == nil && acknowledged < n {
		s.cutOff(errSilent)
	}
}

// outgoing gives the number of bytes that wait for room at the scanner (SIOCOUTQNSD), or that it did not acknowledge (SIOCOUTQ).
func (s *Scanner) outgoing(which int) (n int, err error) {
	err = control(s.raw, func(fd int) (err error) {
		n, err = unix.IoctlGetInt(fd, uint(which))
		return err
	})
	return n, err
}

// endWrite makes a write that waits return now.
func (s *Scanner) endWrite() { s.conn.SetWriteDeadline(time.Unix(1, 0)) }

// cutOff ends the connection by a reset, for a command that must not come any more.
func (s *Scanner) cutOff(why error) {
	if !s.cut.CompareAndSwap(nil, &why) {
		return
	}
	s.conn.SetLinger(0)
	s.shutdown() // a ReadFrame that waits keeps the socket until it returns
	s.conn.Close()
}

// shutdown makes a ReadFrame that waits return now.
func (s *Scanner) shutdown() {
	control(s.raw, func(fd int) error { return unix.Shutdown(fd, unix.SHUT_RD) })
}

// Close ends the connection. A ReadFrame or a write that waits returns at once. What the scanner does not acknowledge within 250 ms,
// and all that it did not of a connection that was lost, is dropped with a reset: no command comes later. Closing again does nothing.
func (s *Scanner) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.endWrite()
	s.shutdown()
	s.reading.Lock() // ReadFrame does not use the buffers any more
	defer s.reading.Unlock()
	s.split.Reset()
	clear(s.buf[:])
	if !s.acknowledged() {
		s.conn.SetLinger(0)
	}
	if err := s.conn.Close(); err != nil && s.cut.Load() == nil {
		return fmt.Errorf("close scanner %s: %w", s.link.name, err)
	}
	return nil
}

// acknowledged waits for the scanner to acknowledge the last command, where there is hope.
func (s *Scanner) acknowledged() bool {
	for waited := time.Duration(0); ; waited += sendStep {
		n, err := s.outgoing(unix.SIOCOUTQ)
		switch {
		case err == nil && n == 0:
			return true
		case err != nil || s.gone != nil || waited >= closeWait:
			return false
		}
		time.Sleep(sendStep)
	}
}
