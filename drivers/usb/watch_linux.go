package usb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const kernelGroup = 1 // multicast group of the kernel's own messages; udev has group 2

// Watch calls fn for each device that comes, goes or changes, until ctx ends, and then returns its error. It returns any other
// error at once. Between the call of Watch and its first event things may change: list what is there after the first Lost event,
// which comes as soon as the kernel is being listened to.
func Watch(ctx context.Context, fn func(Event)) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return fmt.Errorf("watch devices: %w", err)
	}
	socket := os.NewFile(uintptr(fd), "uevents") // from here on the runtime waits for it, so that a deadline wakes us
	defer socket.Close()
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: kernelGroup}); err != nil {
		return fmt.Errorf("watch devices: %w", err)
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return fmt.Errorf("watch devices: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = socket.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()

	fn(Event{Action: Lost})
	buf := make([]byte, maxUevent)
	for {
		n, from, flags, err := receive(raw, buf)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, unix.ENOBUFS), err == nil && flags&unix.MSG_TRUNC != 0:
			fn(Event{Action: Lost})
		case err != nil:
			return fmt.Errorf("watch devices: %w", err)
		default:
			// Any program may send to the socket; only the kernel has port 0.
			if e, ok := parseUevent(buf[:n]); ok && from == 0 {
				fn(e)
			}
		}
	}
}

// rawReader is what receive needs of a syscall.RawConn.
type rawReader interface {
	Read(f func(fd uintptr) (done bool)) error
}

// receive waits for one message and tells the netlink port that it came from.
func receive(raw rawReader, buf []byte) (n int, from uint32, flags int, err error) {
	var sender unix.Sockaddr
	waitErr := raw.Read(func(fd uintptr) bool {
		for {
			n, _, flags, sender, err = unix.Recvmsg(int(fd), buf, nil, 0)
			if !errors.Is(err, unix.EINTR) {
				return !errors.Is(err, unix.EAGAIN)
			}
		}
	})
	if waitErr != nil {
		return 0, 0, 0, waitErr
	}
	if err != nil {
		return 0, 0, 0, err
	}
	address, ok := sender.(*unix.SockaddrNetlink)
	if !ok {
		return 0, ^uint32(0), flags, nil
	}
	return n, address.Pid, flags, nil
}
