package web

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestUnacknowledgedBytesEndAStream(t *testing.T) {
	t.Parallel()
	l := impatient{listen(t, "127.0.0.1:0"), 5 * time.Second}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	raw, err := accepted.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var got int
	if controlErr := raw.Control(func(fd uintptr) {
		got, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
	}); controlErr != nil || err != nil {
		t.Fatal(controlErr, err)
	}
	if got != 5000 {
		t.Errorf("TCP_USER_TIMEOUT is %d ms, want 5000", got)
	}
}
