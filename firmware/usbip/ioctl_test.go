package usbip_test

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hidIoctl calls one of hidraw's requests that take a buffer: _IOC(read and write, 'H', number, len(data)) of linux/hidraw.h.
func hidIoctl(device *os.File, number uintptr, data []byte) error {
	request := 3<<30 | uintptr(len(data))<<16 | 'H'<<8 | number
	c, err := device.SyscallConn()
	if err != nil {
		return err
	}
	var errno syscall.Errno
	if err := c.Control(func(fd uintptr) {
		_, _, errno = unix.Syscall(unix.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(&data[0])))
	}); err != nil {
		return err
	}
	if errno != 0 {
		return errno
	}
	return nil
}
