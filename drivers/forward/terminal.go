package forward

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// terminalPart is how many bytes a terminal is given at once: what its kernel buffers (4095 bytes) take whole, so that their fill
// says whether anything of it was taken.
const terminalPart = 2048

// openFlags open a terminal without waiting and without making it ours.
const openFlags = unix.O_RDWR | unix.O_NOCTTY | unix.O_NONBLOCK | unix.O_CLOEXEC

var (
	errBusy   = errors.New("port is in use")
	errHungUp = errors.New("the port is gone")
	errUnread = errors.New("no program has the port open")
)

// serialPort opens a serial port for us alone.
type serialPort struct {
	path string
	baud int
}

func (p *serialPort) open(context.Context) (line, error) {
	fd, err := unix.Open(p.path, openFlags, 0)
	switch {
	case err == unix.EBUSY:
		return nil, errBusy
	case err != nil:
		return nil, err
	}
	if err := p.take(fd); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &wire{fd: fd}, nil
}

// take makes the port ours, in the three ways that others honour (package serial), and sets it up.
func (p *serialPort) take(fd int) error {
	taken, err := unix.IoctlGetInt(fd, unix.TIOCGEXCL)
	switch {
	case err != nil:
		return fmt.Errorf("not a serial port: %w", err)
	case taken != 0 || unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) != nil:
		return errBusy
	}
	if err := unix.IoctlSetInt(fd, unix.TIOCEXCL, 0); err != nil {
		return err
	}
	return setRaw(fd, p.baud)
}

func (p *serialPort) pause() time.Duration { return dialPause }

func (p *serialPort) close() {}

// wire is a line over a serial port.
type wire struct {
	fd  int
	buf [drainSize]byte
}

func (w *wire) watch() unix.PollFd { return unix.PollFd{Fd: int32(w.fd)} }

func (w *wire) look() (bool, error) {
	if hungUp(w.fd, 0) {
		return false, errHungUp
	}
	n, err := unix.Read(w.fd, w.buf[:])
	switch {
	case err == unix.EAGAIN || err == unix.EINTR || n > 0:
		return true, nil
	case err != nil:
		return false, err
	}
	return false, errHungUp
}

func (w *wire) held() (int, error) { return unix.IoctlGetInt(w.fd, unix.TIOCOUTQ) }

func (w *wire) write(b []byte) (int, error) {
	return written(unix.Write(w.fd, b[:min(len(b), terminalPart)]))
}

func (w *wire) giveUp(untouched bool) error {
	if !untouched {
		return nil // the rest follows: half a code may read as another
	}
	return unix.IoctlSetInt(w.fd, unix.TCFLSH, unix.TCOFLUSH)
}

// close drops what the kernel holds: close(2) would wait for it, up to 30 s.
func (w *wire) close() {
	unix.IoctlSetInt(w.fd, unix.TCFLSH, unix.TCOFLUSH)
	unix.Close(w.fd)
}

// virtualPort is a pseudo-terminal behind a symbolic link: both its ends are ours, and the other program opens the slave as well.
// We hold that end because only there the kernel says what was not read yet, because only there it can be thrown away, and because
// a port that a program made exclusive (TIOCEXCL) stays so after that program, unless somebody inside undoes it.
type virtualPort struct {
	link   string
	name   string // /dev/pts/…
	master int
	slave  int
}

func newVirtualPort(link string, mode fs.FileMode) (*virtualPort, error) {
	master, err := unix.Open("/dev/ptmx", openFlags, 0)
	if err != nil {
		return nil, fmt.Errorf("make a pseudo-terminal: %w", err)
	}
	p := &virtualPort{link: link, master: master, slave: -1}
	if err := p.prepare(mode); err != nil {
		p.closeEnds()
		return nil, err
	}
	return p, nil
}

func (p *virtualPort) prepare(mode fs.FileMode) error {
	if err := unix.IoctlSetPointerInt(p.master, unix.TIOCSPTLCK, 0); err != nil {
		return fmt.Errorf("unlock a pseudo-terminal: %w", err)
	}
	number, err := unix.IoctlGetInt(p.master, unix.TIOCGPTN)
	if err != nil {
		return fmt.Errorf("name a pseudo-terminal: %w", err)
	}
	p.name = fmt.Sprintf("/dev/pts/%d", number)
	if err := p.openSlave(); err != nil {
		return err
	}
	if err := unix.Fchmod(p.slave, uint32(mode.Perm())); err != nil {
		return fmt.Errorf("set rights of %s: %w", p.name, err)
	}
	if err := p.empty(); err != nil {
		return err
	}
	return p.linkUp()
}

// linkUp makes the link. Only a link to a pseudo-terminal, which a process that was killed left behind, is replaced.
func (p *virtualPort) linkUp() error {
	old, err := os.Readlink(p.link)
	switch {
	case err == nil && strings.HasPrefix(old, "/dev/pts/"):
		if err := os.Remove(p.link); err != nil {
			return err
		}
	case err == nil:
		return fmt.Errorf("%s is there already and leads to %s", p.link, old)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is there already and is no link of ours", p.link)
	}
	return os.Symlink(p.name, p.link)
}

// empty makes the port as a program expects to find it: raw, without what the one before did not read.
func (p *virtualPort) empty() error {
	if err := setRaw(p.slave, 0); err != nil {
		return err
	}
	return p.flush()
}

// flush throws away what was not read: what the slave's line discipline has, and what is on its way there.
func (p *virtualPort) flush() error {
	if err := unix.IoctlSetInt(p.master, unix.TCFLSH, unix.TCOFLUSH); err != nil {
		return err
	}
	return unix.IoctlSetInt(p.slave, unix.TCFLSH, unix.TCIFLUSH)
}

func (p *virtualPort) open(context.Context) (line, error) {
	if p.slave < 0 {
		if err := p.openSlave(); err != nil {
			return nil, err
		}
	}
	return &reader{port: p}, nil
}

func (p *virtualPort) openSlave() (err error) {
	if p.slave, err = unix.Open(p.name, openFlags, 0); err != nil {
		p.slave = -1
		return fmt.Errorf("open %s: %w", p.name, err)
	}
	return nil
}

func (p *virtualPort) pause() time.Duration { return idlePoll }

func (p *virtualPort) close() {
	if to, err := os.Readlink(p.link); err == nil && to == p.name {
		os.Remove(p.link)
	}
	p.flush()
	p.closeEnds()
}

func (p *virtualPort) closeEnds() {
	if p.slave >= 0 {
		unix.Close(p.slave)
	}
	unix.Close(p.master)
}

// inUse reports whether another program has the port open. The master hangs up when nobody has, which our own slave hides: it is
// closed for a moment. Nobody opens an exclusive port, not even we, so that is taken off for this moment too; a program that left
// one behind keeps others out until it is looked at again, for 100 ms at most.
func (p *virtualPort) inUse() (bool, error) {
	exclusive, err := unix.IoctlGetInt(p.slave, unix.TIOCGEXCL)
	if err != nil {
		return false, err
	}
	if err := unix.IoctlSetInt(p.slave, unix.TIOCNXCL, 0); err != nil {
		return false, err
	}
	unix.Close(p.slave)
	alone := hungUp(p.master, 0)
	if err := p.openSlave(); err != nil {
		return false, err
	}
	if exclusive != 0 && !alone {
		return true, unix.IoctlSetInt(p.slave, unix.TIOCEXCL, 0)
	}
	return !alone, nil
}

// reader is a line to the programs that have the virtual port open. It is over when the last of them leaves.
type reader struct {
	port  *virtualPort
	there bool
	buf   [drainSize]byte
}

func (r *reader) watch() unix.PollFd { return unix.PollFd{Fd: -1} } // our own slave keeps it from hanging up

func (r *reader) look() (bool, error) {
	there, err := r.port.inUse()
	switch {
	case err != nil:
		return false, err
	case r.there && !there:
		return false, errUnread
	}
	r.there = there
	_, err = unix.Read(r.port.master, r.buf[:])
	if err != nil && err != unix.EAGAIN && err != unix.EINTR {
		return false, err
	}
	return there, nil
}

// held asks the slave. To poll it makes the kernel move there first what is on its way.
func (r *reader) held() (int, error) {
	hungUp(r.port.slave, unix.POLLIN)
	return unix.IoctlGetInt(r.port.slave, unix.TIOCINQ)
}

func (r *reader) write(b []byte) (int, error) {
	return written(unix.Write(r.port.master, b[:min(len(b), terminalPart)]))
}

func (r *reader) giveUp(untouched bool) error {
	if !untouched {
		return nil // a program has read the first part and gets the rest
	}
	return r.port.flush()
}

// close makes the port ready for the next program.
func (r *reader) close() { r.port.empty() }

// setRaw makes a terminal 8-bit clean: no echo, no line editing, no signals, no flow control, no translation, 8 data bits, no parity.
// baud is 0 for a virtual one.
func setRaw(fd, baud int) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS2)
	if err != nil {
		return err
	}
	t.Iflag = 0
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ICANON | unix.ECHO | unix.ECHONL | unix.ISIG | unix.IEXTEN
	t.Cflag &^= unix.CSIZE | unix.PARENB | unix.CSTOPB | unix.CRTSCTS
	t.Cflag |= unix.CS8 | unix.CREAD | unix.CLOCAL
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	if baud > 0 {
		t.Cflag = t.Cflag&^(unix.CBAUD|unix.CIBAUD) | unix.BOTHER
		t.Ispeed, t.Ospeed = uint32(baud), uint32(baud)
	}
	return unix.IoctlSetTermios(fd, unix.TCSETS2, t)
}
