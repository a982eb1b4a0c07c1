package serial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/drivers/frame"
)

// drainStep is how often Close looks whether the last command is out.
const drainStep = 10 * time.Millisecond

// Write sends a command (trigger, beeper, an answer to a scanner that waits) within Options.WriteTimeout.
func (s *Scanner) Write(b []byte) (int, error) { return s.WriteTimeout(b, s.opts.WriteTimeout) }

// WriteTimeout sends a command and returns len(b) once it has left the kernel: the device, or the chip of the port, has it all. It takes no
// longer than d, at most MaxWriteTimeout, also when another write is before it. When time is out it drops what was not taken, so that
// nothing of it comes later, and the error is os.ErrDeadlineExceeded; else the errors are those of ReadFrame.
func (s *Scanner) WriteTimeout(b []byte, d time.Duration) (int, error) {
	limit, cancel := context.WithTimeout(context.Background(), min(d, MaxWriteTimeout))
	defer cancel()
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
	case <-limit.Done():
		return 0, fmt.Errorf("write scanner %s: %w", s.opts.Path, os.ErrDeadlineExceeded)
	}
	err := s.write(limit, b)
	switch {
	case err == nil:
		return len(b), nil
	case s.closed.Load(), errors.Is(err, os.ErrClosed):
		err = frame.ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.dropOutput()
	default:
		err = fmt.Errorf("%w (%v)", frame.ErrGone, err)
	}
	return 0, fmt.Errorf("write scanner %s: %w", s.opts.Path, err)
}

// write waits for the kernel to take b, until limit ends.
func (s *Scanner) write(limit context.Context, b []byte) error {
	if s.closed.Load() {
		return frame.ErrClosed
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(limit, func() {
		s.endWrite()
		close(ended)
	})
	_, err := s.out.Write(b)
	if !stop() {
		<-ended
		if !s.closed.Load() {
			s.out.SetWriteDeadline(time.Time{})
		}
	}
	if err != nil {
		return err
	}
	return s.awaitOutput(limit)
}

// leaveStep is how often a write looks whether the command has left.
const leaveStep = time.Millisecond

// awaitOutput waits until the kernel holds nothing more for the device. A pseudo-terminal never says that it does.
func (s *Scanner) awaitOutput(limit context.Context) error {
	for {
		held, err := s.heldOutput()
		if err != nil || held == 0 {
			return err
		}
		select {
		case <-limit.Done():
			return os.ErrDeadlineExceeded
		case <-time.After(leaveStep):
		}
	}
}

// heldOutput is how many bytes the kernel holds for the device (tty_ioctl(4), TIOCOUTQ; on USB with those under way).
func (s *Scanner) heldOutput() (held int, err error) {
	err = control(s.out, func(fd int) (err error) {
		held, err = unix.IoctlGetInt(fd, unix.TIOCOUTQ)
		return err
	})
	return held, err
}

// endWrite makes a write that waits return now.
func (s *Scanner) endWrite() { s.out.SetWriteDeadline(time.Unix(1, 0)) }

// dropOutput throws away what the kernel still holds for the device.
func (s *Scanner) dropOutput() {
	control(s.out, func(fd int) error { return unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCOFLUSH) })
}

// finishOutput gives the last command time to leave, then drops the rest: close(2) on a serial port would wait for it up to 30 s.
func (s *Scanner) finishOutput() {
	for waited := time.Duration(0); waited < s.opts.WriteTimeout; waited += drainStep {
		if held, err := s.heldOutput(); err != nil || held == 0 {
			break
		}
		time.Sleep(drainStep)
	}
	s.dropOutput()
}
