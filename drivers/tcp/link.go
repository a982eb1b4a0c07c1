package tcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/drivers/frame"
)

// OpenWait is how long Open waits for the scanner, in either direction.
const OpenWait = 2 * time.Second

const (
	backlog = 16 // connections that the kernel keeps for us to look at
	maxLook = 64 // connections that are looked at in one go, so that strangers cannot keep a scanner from being read

	// What the kernel may hold a connection. Accepted ones inherit it from the port.
	receiveBuffer = 64 << 10
	sendBuffer    = 16 << 10
)

// When the kernel gives a silent or unreachable peer up; see the package's doc.
const (
	keepIdle    = 2    // seconds
	keepEvery   = 1    // seconds
	keepProbes  = 3    // only for a kernel that counts them beside the user timeout
	userTimeout = 3500 // milliseconds
)

// Link is the place of one scanner on the network. Open is for one goroutine; Close and Refused may be called from any other.
type Link struct {
	opts    Options
	peer    netip.Prefix
	name    string // for errors
	refused atomic.Uint64

	opening sync.Mutex // held by Open

	mu       sync.Mutex // guards what follows; never held while waiting
	closed   bool
	current  *Scanner // the last one opened
	waiting  *net.TCPConn
	port     *net.TCPListener // nil while not listening
	raw      syscall.RawConn  // of port
	ready    func(fd uintptr) // sets pending
	pending  bool             // somebody waits at the port
	poll     [1]unix.PollFd
	stranger netip.Addr // refused last
}

// New makes a link. It checks the options and opens nothing.
func New(o Options) (*Link, error) {
	name := o.Address
	if name == "" {
		name = "at " + o.Listen
	}
	o, peer, err := o.complete()
	if err != nil {
		return nil, fmt.Errorf("scanner %s: %w", name, err)
	}
	if _, err := newSplitter(o); err != nil {
		return nil, fmt.Errorf("scanner %s: %w", name, err)
	}
	l := &Link{opts: o, peer: peer, name: name}
	l.ready = l.lookAtPort
	return l, nil
}

// Open returns the next connection to the scanner and closes the one before. It waits until the scanner is there, for no longer
// than OpenWait; then the error is frame.ErrGone. After Close it is frame.ErrClosed, when ctx is cancelled it is ctx's; a port that
// cannot be listened on gives the kernel's error.
func (l *Link) Open(ctx context.Context) (*Scanner, error) {
	l.opening.Lock()
	defer l.opening.Unlock()
	l.closeCurrent()
	conn, err := l.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("open scanner %s: %w", l.name, err)
	}
	s, err := l.newScanner(conn)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("open scanner %s: %w", l.name, err)
	}
	return s, nil
}

func (l *Link) closeCurrent() {
	l.mu.Lock()
	s := l.current
	l.current = nil
	l.mu.Unlock()
	if s != nil {
		s.Close()
	}
}

func (l *Link) connect(ctx context.Context) (*net.TCPConn, error) {
	l.mu.Lock()
	closed := l.closed
	l.mu.Unlock()
	switch {
	case closed:
		return nil, frame.ErrClosed
	case l.opts.Address != "":
		return l.dial(ctx)
	}
	if err := l.listen(ctx); err != nil {
		return nil, err
	}
	return l.await(ctx)
}

// dial connects to the scanner.
func (l *Link) dial(ctx context.Context) (*net.TCPConn, error) {
	d := net.Dialer{Timeout: OpenWait, KeepAlive: -1, Control: limitBuffers}
	conn, err := d.DialContext(ctx, "tcp", l.opts.Address)
	switch {
	case ctx.Err() != nil:
		if err == nil {
			conn.Close()
		}
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("%w (%v)", frame.ErrGone, err)
	}
	return conn.(*net.TCPConn), nil
}

// listen takes the port, once.
func (l *Link) listen(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.port != nil {
		return nil
	}
	c := net.ListenConfig{KeepAlive: -1, Control: limitBuffers}
	port, err := c.Listen(ctx, "tcp", l.opts.Listen)
	if err != nil {
		return err
	}
	l.port = port.(*net.TCPListener)
	if l.raw, err = l.port.SyscallConn(); err == nil {
		// Listening again only changes the backlog, which package net takes from the system: thousands.
		err = control(l.raw, func(fd int) error { return unix.Listen(fd, backlog) })
	}
	if err != nil {
		l.port.Close()
		l.port = nil
		return err
	}
	return nil
}

// await waits for the scanner to connect.
func (l *Link) await(ctx context.Context) (*net.TCPConn, error) {
	step := time.NewTicker(pollInterval)
	defer step.Stop()
	for waited := time.Duration(0); ; waited += pollInterval {
		l.look()
		l.mu.Lock()
		conn, stranger, closed := l.waiting, l.stranger, l.closed
		l.waiting = nil
		l.mu.Unlock()
		switch {
		case closed:
			return nil, frame.ErrClosed
		case conn != nil:
			return conn, nil
		case waited >= OpenWait && stranger.IsValid():
			return nil, fmt.Errorf("%w (no scanner has connected; %v may not)", frame.ErrGone, stranger)
		case waited >= OpenWait:
			return nil, fmt.Errorf("%w (no scanner has connected)", frame.ErrGone)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-step.C:
		}
	}
}

// look takes the connections that wait at the port, and reports whether one of them is the scanner's. Of several the newest is
// kept for Open.
func (l *Link) look() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range maxLook {
		if !l.accept() {
			break
		}
	}
	return l.waiting != nil
}

// accept takes one connection, and reports whether there was one.
func (l *Link) accept() bool {
	l.pending = false
	if l.port == nil || l.raw.Control(l.ready) != nil || !l.pending {
		return false
	}
	var conn *net.TCPConn
	err := control(l.raw, func(fd int) (err error) {
		conn, err = acceptFrom(fd)
		return err
	})
	if err != nil {
		return errors.Is(err, unix.ECONNABORTED) || errors.Is(err, unix.EINTR)
	}
	from := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap().WithZone("")
	if !l.peer.Contains(from) {
		l.refused.Add(1)
		l.stranger = from
		reset(conn)
		return true
	}
	if l.waiting != nil {
		reset(l.waiting)
	}
	l.waiting = conn
	return true
}

// lookAtPort sets pending when a connection can be accepted.
func (l *Link) lookAtPort(fd uintptr) {
	l.poll[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	n, err := unix.Poll(l.poll[:], 0)
	l.pending = n > 0 && err == nil
}

// acceptFrom accepts without waiting.
func acceptFrom(port int) (*net.TCPConn, error) {
	fd, _, err := unix.Accept4(port, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "connection")
	defer f.Close()
	conn, err := net.FileConn(f) // on a descriptor of its own
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// Refused counts the connections of strangers.
func (l *Link) Refused() uint64 { return l.refused.Load() }

// Close gives the port back and closes the scanner. An Open that listens returns within 50 ms; to end one that connects, end its
// context.
func (l *Link) Close() error {
	l.mu.Lock()
	l.closed = true
	if l.waiting != nil {
		reset(l.waiting)
		l.waiting = nil
	}
	var err error
	if l.port != nil {
		err = l.port.Close()
		l.port = nil
	}
	l.mu.Unlock()
	l.closeCurrent()
	if err != nil {
		return fmt.Errorf("close scanner %s: %w", l.name, err)
	}
	return nil
}

// reset ends a connection at once, with what the kernel holds of it.
func reset(conn *net.TCPConn) {
	conn.SetLinger(0)
	conn.Close()
}

// limitBuffers is for a socket that is not connected yet: the window that TCP offers follows from them.
func limitBuffers(_, _ string, raw syscall.RawConn) error {
	return control(raw, func(fd int) error {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
		return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer))
	})
}

// tune makes the kernel notice a dead peer, and send commands at once.
func tune(raw syscall.RawConn) error {
	return control(raw, func(fd int) error {
		for _, o := range []struct{ level, name, value int }{
			{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
			{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
			{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, keepIdle},
			{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, keepEvery},
			{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, keepProbes},
			{unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, userTimeout},
		} {
			if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
				return os.NewSyscallError("setsockopt", err)
			}
		}
		return nil
	})
}

func control(raw syscall.RawConn, do func(fd int) error) error {
	var result error
	if err := raw.Control(func(fd uintptr) { result = do(int(fd)) }); err != nil {
		return err
	}
	return result
}
