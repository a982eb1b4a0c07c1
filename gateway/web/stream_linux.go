package web

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// limitUnacknowledged sets how long sent bytes may stay unacknowledged (tcp(7), TCP_USER_TIMEOUT). A connection that cannot have
// it, one that is no TCP, keeps the system's default: it is still found, later.
func limitUnacknowledged(c net.Conn, d time.Duration) {
	if under, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = under.NetConn()
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d.Milliseconds()))
		})
	}
}
