package scannertest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/drivers/frame"
)

// Defaults of Options.
const (
	DefaultPause   = 100 * time.Millisecond                  // shorter than frame.DefaultGap: the code stays whole
	DefaultSilence = frame.DefaultGap + 250*time.Millisecond // longer than it, however coarsely it is measured
	defaultChunk   = 16                                      // bytes a write when a speed is set: what a UART hands on
	maxPayload     = 1 << 20                                 // far over what a lane may take, so that tests can go there
	mille          = 1000
)

// Options says what kind of scanner it is. The zero value sends payload and carriage return as fast as they are taken.
type Options struct {
	AIM            string           // sent before every payload, such as "]Q1"
	Terminator     frame.Terminator // sent after it; under STXETX around AIM and payload
	BytesPerSecond int              // 0: no limit. A line of B baud with 8N1 carries B/10.
	Chunk          int              // bytes a write; 0: everything at once, or 16 where BytesPerSecond is set

	Faults []FaultShare
	Rand   *rand.Rand // needed for Faults and for ScanFault; used by one call at a time

	Pause   time.Duration // of PauseInside
	Silence time.Duration // after a code that was cut, and after every code under frame.IdleGap

	// Link is the path of a symbolic link that leads to the terminal while the scanner is plugged in: the name that stays,
	// as /dev/serial/by-path does. Empty: Path changes with every Plug.
	Link string
}

// Scanner is a simulated scanner. Its methods may be called at the same time; scans wait for each other. Only Receive is for
// one goroutine.
type Scanner struct {
	opts     Options
	scanning sync.Mutex // held for one scan: guards opts.Rand and the order of bytes

	state    sync.Mutex // guards what follows
	device   *os.File   // the scanner's end; nil while unplugged
	terminal *os.File   // holds the host's end open, so that unread bytes and settings stay when the driver goes
	path     string
	sent     Sent
}

// New makes a scanner and plugs it in.
func New(o Options) (*Scanner, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("simulate scanner: %w", err)
	}
	if o.Pause == 0 {
		o.Pause = DefaultPause
	}
	if o.Silence == 0 {
		o.Silence = DefaultSilence
	}
	if o.Chunk == 0 && o.BytesPerSecond > 0 {
		o.Chunk = defaultChunk
	}
	s := &Scanner{opts: o, sent: Sent{Faults: map[Fault]uint64{}}}
	if err := s.Plug(); err != nil {
		return nil, err
	}
	return s, nil
}

func (o Options) check() error {
	shares := 0
	for _, f := range o.Faults {
		if f.Fault == NoFault || f.Fault > lastFault || f.PerThousand < 0 {
			return fmt.Errorf("%d in a thousand of %v is no share of faults", f.PerThousand, f.Fault)
		}
		shares += f.PerThousand
	}
	switch {
	case shares > mille:
		return fmt.Errorf("faults add up to %d in a thousand", shares)
	case shares > 0 && o.Rand == nil:
		return errors.New("faults need a source of random numbers")
	case o.Terminator > frame.IdleGap:
		return fmt.Errorf("unknown terminator %d", o.Terminator)
	case o.BytesPerSecond < 0 || o.Chunk < 0 || o.Pause < 0 || o.Silence < 0:
		return errors.New("negative speed, chunk, pause or silence")
	}
	return nil
}

// Path is where a driver opens the scanner: Options.Link, or else the terminal of the last Plug.
func (s *Scanner) Path() string {
	if s.opts.Link != "" {
		return s.opts.Link
	}
	s.state.Lock()
	defer s.state.Unlock()
	return s.path
}

// Plug plugs an unplugged scanner in again, on a new terminal. Plugged in, it does nothing.
func (s *Scanner) Plug() error {
	s.state.Lock()
	defer s.state.Unlock()
	if s.device != nil {
		return nil
	}
	device, path, err := openDevice()
	if err != nil {
		return fmt.Errorf("simulate scanner: %w", err)
	}
	terminal, err := openTerminal(path)
	if err != nil {
		device.Close()
		return fmt.Errorf("simulate scanner: %w", err)
	}
	if err := link(s.opts.Link, path); err != nil {
		device.Close()
		terminal.Close()
		return fmt.Errorf("simulate scanner: %w", err)
	}
	s.device, s.terminal, s.path = device, terminal, path
	return nil
}

// openDevice opens the end of a new pseudo-terminal that is the scanner, and gives the path of the other end.
func openDevice() (*os.File, string, error) {
	// Non-blocking from the start: only then do time limits work on it.
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, "", fmt.Errorf("open /dev/ptmx: %w", err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		unix.Close(fd)
		return nil, "", fmt.Errorf("unlock pseudo-terminal: %w", err)
	}
	return os.NewFile(uintptr(fd), "/dev/ptmx"), "/dev/pts/" + strconv.Itoa(number), nil
}

// openTerminal opens the host's end and makes it raw, so that nothing is echoed before a driver has set it up.
func openTerminal(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	settings, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err == nil {
		settings.Iflag, settings.Oflag, settings.Lflag = 0, 0, 0
		settings.Cflag = settings.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8 | unix.CREAD | unix.CLOCAL
		settings.Cc[unix.VMIN], settings.Cc[unix.VTIME] = 1, 0
		err = unix.IoctlSetTermios(fd, unix.TCSETS, settings)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("set up %s: %w", path, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// link makes name lead to path, in one step.
func link(name, path string) error {
	if name == "" {
		return nil
	}
	next := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".new")
	if err := os.Symlink(path, next); err != nil {
		return err
	}
	if err := os.Rename(next, name); err != nil {
		os.Remove(next)
		return err
	}
	return nil
}

// Unplug pulls the plug, also in the middle of a code: a driver sees the device go, a running Scan ends with frame.ErrGone,
// and what was not read yet is lost, as it is with a real one. Unplugged, it does nothing.
func (s *Scanner) Unplug() error {
	s.state.Lock()
	defer s.state.Unlock()
	if s.device == nil {
		return nil
	}
	errs := []error{s.device.Close(), s.terminal.Close()}
	if s.opts.Link != "" {
		errs = append(errs, os.Remove(s.opts.Link))
	}
	s.device, s.terminal = nil, nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("unplug scanner: %w", err)
	}
	return nil
}

// Close unplugs the scanner for good.
func (s *Scanner) Close() error { return s.Unplug() }

// Receive blocks until the driver sent something, such as a beeper command or an answer to a scanner that waits, and copies up
// to len(p) bytes of it to p. The error is that of ctx, or frame.ErrGone. A driver that sends commands which nobody receives
// finds the device stuck after 4 KB.
func (s *Scanner) Receive(ctx context.Context, p []byte) (int, error) {
	device, err := s.plugged()
	if err != nil {
		return 0, fmt.Errorf("receive command: %w", err)
	}
	n := 0
	err = until(ctx, device.SetReadDeadline, func() error {
		n, err = device.Read(p)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("receive command: %w", err)
	}
	return n, nil
}

func (s *Scanner) plugged() (*os.File, error) {
	s.state.Lock()
	defer s.state.Unlock()
	if s.device == nil {
		return nil, frame.ErrGone
	}
	return s.device, nil
}

// until runs do, which waits on the device, and ends it early when ctx is done.
func until(ctx context.Context, deadline func(time.Time) error, do func() error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		deadline(time.Unix(1, 0))
		close(ended)
	})
	err := do()
	if !stop() {
		<-ended
		deadline(time.Time{})
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w (%v)", frame.ErrGone, err)
}
