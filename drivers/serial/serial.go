package serial

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"go.bug.st/serial"
	"golang.org/x/sys/unix"

	"passerelle/drivers/frame"
)

var (
	// ErrBusy says that another program, or another Scanner, has the port.
	ErrBusy = errors.New("port is in use")

	// ErrDescriptor says that the process has so many open files that the port got a descriptor of 1024 or more.
	ErrDescriptor = errors.New("descriptor of the port is 1024 or more: lower RLIMIT_NOFILE to 1024")
)

const (
	// pollInterval is how long one read waits: how late a Close is noticed, and the step in which silence is measured.
	pollInterval = 50 * time.Millisecond

	// pause follows a read that gave nothing. Should the kernel ever report such reads without waiting, it keeps them from spinning.
	pause = time.Millisecond

	readSize = 4096 // what a Linux line discipline holds at most
)

// Scanner is one scanner on a serial port. ReadFrame is for one goroutine; Write, WriteTimeout, Discarded and Close may be
// called from any other at the same time.
type Scanner struct {
	opts      Options
	closed    atomic.Bool
	discarded atomic.Uint64

	reading sync.Mutex // held by ReadFrame; guards what follows
	port    serial.Port
	split   *frame.Splitter
	poll    time.Duration
	rest    []byte // bytes of buf that the Splitter has not taken
	gone    error  // set once the device failed
	buf     [readSize]byte

	writing chan struct{} // holds one element while a write is under way
	out     *os.File      // the same port, for commands
}

// Open opens the port for this process alone and drops what it received before: a code that was shown while nobody listened
// belongs to nobody who stands at the gate now. The error is ErrBusy, ErrDescriptor, an fs error (ErrNotExist, ErrPermission),
// or says what is wrong with the options.
func Open(o Options) (*Scanner, error) {
	s, err := open(o)
	if err != nil {
		return nil, fmt.Errorf("open scanner %s: %w", o.Path, err)
	}
	return s, nil
}

func open(o Options) (*Scanner, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	split, err := frame.NewSplitter(frame.Config{Terminator: o.Terminator, Gap: o.Gap, KeepNUL: o.Parity != NoParity})
	if err != nil {
		return nil, err
	}
	out, err := openExclusive(o.Path)
	if err != nil {
		return nil, err
	}
	port, err := serial.Open(o.Path, o.mode())
	if err != nil {
		out.Close()
		return nil, portError(err)
	}
	s := &Scanner{opts: o, port: port, split: split, poll: pollInterval, writing: make(chan struct{}, 1), out: out}
	if o.Gap > 0 {
		s.poll = min(s.poll, o.Gap)
	}
	if err := s.start(); err != nil {
		port.Close()
		out.Close()
		return nil, err
	}
	return s, nil
}

// openExclusive opens the path a first time, for commands and for its lock.
func openExclusive(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, portError(errors.Unwrap(err))
	}
	if err := lock(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func lock(f *os.File) error {
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return errors.New("not a serial port")
	}
	return control(f, func(fd int) error {
		taken, err := unix.IoctlGetInt(fd, unix.TIOCGEXCL)
		switch {
		case err != nil:
			return fmt.Errorf("not a serial port: %w", err)
		case taken != 0:
			return ErrBusy
		}
		return portError(unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB))
	})
}

// portError gives a refused open the name that callers look for.
func portError(err error) error {
	var pe *serial.PortError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EBUSY), errors.Is(err, unix.EWOULDBLOCK), errors.As(err, &pe) && pe.Code() == serial.PortBusy:
		return ErrBusy
	}
	return err
}

func control(f *os.File, do func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if err := conn.Control(func(fd uintptr) { result = do(int(fd)) }); err != nil {
		return err
	}
	return result
}

// start drops stale input and makes the first read, which tells whether the library can wait on its descriptors at all.
func (s *Scanner) start() (err error) {
	if err := s.port.ResetInputBuffer(); err != nil {
		return fmt.Errorf("drop stale input: %w", err)
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case runtime.Error:
			err = fmt.Errorf("%w (%v)", ErrDescriptor, r)
		default:
			panic(r)
		}
	}()
	if err := s.port.SetReadTimeout(0); err != nil {
		return err
	}
	n, err := s.port.Read(s.buf[:])
	if err != nil {
		return fmt.Errorf("first read: %w", frame.ErrGone)
	}
	s.rest = s.buf[:n]
	return s.port.SetReadTimeout(s.poll)
}

// ReadFrame blocks until one whole frame is there and copies it to p without its terminator; AIM identifiers and control
// characters stay. A frame longer than p is cut to len(p), and one longer than frame.MaxFrame to one byte over that; the rest is
// dropped. It never returns 0 bytes without an error.
// Silence is measured while it waits: give it a goroutine that does nothing but read.
//
// The error is frame.ErrGone once the device failed, frame.ErrClosed after Close; then every later call gives the same.
func (s *Scanner) ReadFrame(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, fmt.Errorf("read scanner %s: %w", s.opts.Path, io.ErrShortBuffer)
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	for {
		if s.closed.Load() {
			return 0, fmt.Errorf("read scanner %s: %w", s.opts.Path, frame.ErrClosed)
		}
		if s.gone != nil {
			return 0, s.gone
		}
		if f := s.next(); f != nil {
			return s.deliver(p, f), nil
		}
	}
}

// next cuts one frame from what was read, or reads once.
func (s *Scanner) next() (f []byte) {
	if len(s.rest) > 0 {
		f, s.rest = s.split.Next(s.rest)
		if len(s.rest) == 0 {
			clear(s.buf[:])
		}
	} else if n, err := s.port.Read(s.buf[:]); err != nil {
		s.gone = fmt.Errorf("read scanner %s: %w (%v)", s.opts.Path, frame.ErrGone, err)
	} else if n == 0 {
		f = s.split.Idle(s.poll)
		time.Sleep(pause)
	} else {
		s.rest = s.buf[:n]
	}
	s.discarded.Store(s.split.Discarded())
	return f
}

// deliver copies a frame out and overwrites it here: raw codes are kept nowhere longer than needed.
func (s *Scanner) deliver(p, f []byte) int {
	whole := f
	if s.opts.UndoUTF8 {
		f = frame.UndoUTF8(f)
	}
	n := copy(p, f)
	clear(whole)
	return n
}

// Discarded counts the scans that were cut and thrown away since Open.
func (s *Scanner) Discarded() uint64 { return s.discarded.Load() }

// Close gives the port back. A ReadFrame that waits returns within 60 ms, a write at once. Closing again does nothing.
func (s *Scanner) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.endWrite()
	s.reading.Lock() // ReadFrame is not in the library any more
	defer s.reading.Unlock()
	s.finishOutput()
	s.split.Reset()
	clear(s.buf[:])
	err := s.port.Close()
	if outErr := s.out.Close(); err == nil {
		err = outErr
	}
	if err != nil && s.gone == nil {
		return fmt.Errorf("close scanner %s: %w", s.opts.Path, err)
	}
	return nil
}
