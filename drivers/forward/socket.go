package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	dialWait  = 2 * time.Second
	dialPause = 500 * time.Millisecond

	backlog = 16 // connections that the kernel keeps for us to look at
	maxLook = 64 // connections that are looked at in one go

	sendBuffer    = 64 << 10 // bytes that the kernel may hold a connection: more than one code
	receiveBuffer = 8 << 10  // what is received is dropped

	// When the kernel gives a silent or unreachable host up, as in package tcp; sooner where codes get old sooner.
	keepIdle    = 2 // seconds
	keepEvery   = 1 // seconds
	keepProbes  = 3
	userTimeout = 3500 * time.Millisecond
)

var (
	errReplaced = errors.New("a newer connection took its place")
	errNobody   = errors.New("nobody has connected")
)

// dialer connects to the other program.
type dialer struct {
	address string
	maxAge  time.Duration
}

func (d *dialer) open(ctx context.Context) (line, error) {
	n := net.Dialer{Timeout: dialWait, KeepAlive: -1, Control: limitBuffers}
	conn, err := n.DialContext(ctx, "tcp", d.address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	fd, err := descriptor(conn.(*net.TCPConn))
	if err != nil {
		return nil, err
	}
	return newConnection(fd, d.maxAge, nil)
}

func (d *dialer) pause() time.Duration { return dialPause }

func (d *dialer) close() {}

// listener waits for the other program to connect.
type listener struct {
	address string
	peer    netip.Prefix
	maxAge  time.Duration
	port    int // -1 while not listening
	waiting int // the newest connection that nobody serves yet; -1: none
	refused netip.Addr
}

func (l *listener) open(ctx context.Context) (line, error) {
	if l.port < 0 {
		if err := l.listen(ctx); err != nil {
			return nil, err
		}
	}
	switch there := l.look(); {
	case there:
		fd := l.waiting
		l.waiting = -1
		return newConnection(fd, l.maxAge, l)
	case l.refused.IsValid():
		return nil, fmt.Errorf("%w; %v may not", errNobody, l.refused)
	}
	return nil, errNobody
}

func (l *listener) pause() time.Duration { return idlePoll }

func (l *listener) listen(ctx context.Context) error {
	c := net.ListenConfig{KeepAlive: -1, Control: limitBuffers}
	port, err := c.Listen(ctx, "tcp", l.address)
	if err != nil {
		return err
	}
	defer port.Close()
	fd, err := descriptor(port.(*net.TCPListener)) // the port stays open behind it
	if err != nil {
		return err
	}
	if err := unix.Listen(fd, backlog); err != nil { // again: package net takes the backlog from the system, which is thousands
		unix.Close(fd)
		return err
	}
	l.port = fd
	return nil
}

// look takes the connections that wait and reports whether a peer's is among them; of several the newest is kept. Those of
// strangers are reset.
func (l *listener) look() bool {
	for range maxLook {
		fd, from, err := unix.Accept4(l.port, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err == unix.ECONNABORTED || err == unix.EINTR {
			continue
		}
		if err != nil {
			break
		}
		if a := addressOf(from); !l.peer.Contains(a) {
			l.refused = a
			reset(fd)
			continue
		}
		if l.waiting >= 0 {
			reset(l.waiting)
		}
		l.waiting = fd
	}
	return l.waiting >= 0
}

func (l *listener) close() {
	if l.waiting >= 0 {
		reset(l.waiting)
	}
	if l.port >= 0 {
		unix.Close(l.port)
	}
}

func addressOf(from unix.Sockaddr) netip.Addr {
	switch a := from.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(a.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(a.Addr).Unmap()
	}
	return netip.Addr{}
}

// connection is a line over TCP.
type connection struct {
	fd   int
	port *listener // where a newer one may come from; nil when we connected
	buf  [drainSize]byte
}

func newConnection(fd int, maxAge time.Duration, port *listener) (line, error) {
	if err := tune(fd, maxAge); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &connection{fd: fd, port: port}, nil
}

func (c *connection) watch() unix.PollFd { return unix.PollFd{Fd: int32(c.fd), Events: unix.POLLRDHUP} }

func (c *connection) look() (bool, error) {
	if c.port != nil && c.port.look() {
		return false, errReplaced
	}
	ended := hungUp(c.fd, unix.POLLRDHUP)
	n, err := unix.Read(c.fd, c.buf[:])
	switch {
	case err != nil && err != unix.EAGAIN && err != unix.EINTR:
		return false, err
	case ended || err == nil && n == 0:
		return false, errEnded
	}
	return true, nil
}

// held counts what the other host has not acknowledged.
func (c *connection) held() (int, error) { return unix.IoctlGetInt(c.fd, unix.SIOCOUTQ) }

func (c *connection) write(b []byte) (int, error) {
	return written(unix.SendmsgN(c.fd, b, nil, nil, unix.MSG_NOSIGNAL))
}

// giveUp ends the connection: the other program then sees that a code is not whole, or nothing of it.
func (c *connection) giveUp(bool) error { return errStuck }

// close ends a connection that holds something by a reset: the kernel would go on trying to deliver it.
func (c *connection) close() {
	if n, err := c.held(); n > 0 || err != nil {
		reset(c.fd)
		return
	}
	unix.Close(c.fd)
}

// hungUp reports whether an end of the line is gone.
func hungUp(fd int, events int16) bool {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: events}}
	n, err := unix.Poll(fds[:], 0)
	return err == nil && n > 0
}

// written makes a full buffer no error.
func written(n int, err error) (int, error) {
	if err == unix.EAGAIN || err == unix.EINTR {
		return 0, nil
	}
	return max(n, 0), err
}

// reset closes a connection at once, with what the kernel holds of it.
func reset(fd int) {
	unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	unix.Close(fd)
}

// descriptor gives a second descriptor of a socket, which package net does not know.
func descriptor(c syscall.Conn) (fd int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	err = control(raw, func(own int) (err error) {
		fd, err = unix.FcntlInt(uintptr(own), unix.F_DUPFD_CLOEXEC, 3)
		return err
	})
	return fd, err
}

// limitBuffers is for a socket that is not connected yet: the window that TCP offers follows from them.
func limitBuffers(_, _ string, raw syscall.RawConn) error {
	return control(raw, func(fd int) error {
		return setOptions(fd, [][3]int{
			{unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer},
			{unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer},
		})
	})
}

// tune makes the kernel notice a dead host, drop what it did not acknowledge in time, and send at once.
func tune(fd int, maxAge time.Duration) error {
	return setOptions(fd, [][3]int{
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, keepIdle},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, keepEvery},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, keepProbes},
		{unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(min(maxAge, userTimeout).Milliseconds())},
	})
}

// setOptions sets socket options: level, name, value.
func setOptions(fd int, options [][3]int) error {
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o[0], o[1], o[2]); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	return nil
}

func control(raw syscall.RawConn, do func(fd int) error) error {
	var result error
	if err := raw.Control(func(fd uintptr) { result = do(int(fd)) }); err != nil {
		return err
	}
	return result
}
