package hid

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What usbfs is asked for (linux/usbdevice_fs.h).
const (
	usbfsIoctl   = 3<<30 | uint(unsafe.Sizeof(interfaceRequest{}))<<16 | 'U'<<8 | 18 // USBDEVFS_IOCTL, as _IOWR makes it
	usbfsConnect = 'U'<<8 | 23                                                       // USBDEVFS_CONNECT
)

// interfaceRequest is struct usbdevfs_ioctl: something that is asked of one interface.
type interfaceRequest struct {
	number, code int32
	data         uintptr
}

// giveBack gives an interface without a driver back to the kernel, which then reads its descriptor. Whoever may open the device may do so.
func giveBack(i Info) error {
	n, err := strconv.ParseUint(i.Port[strings.LastIndexByte(i.Port, '.')+1:], 10, 8) // of the interface
	if err != nil {
		return fmt.Errorf("give %s back to the kernel: %w", i.Port, err)
	}
	file, err := os.OpenFile(i.Node, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("give %s back to the kernel: %w", i.Port, err)
	}
	defer file.Close()
	request := interfaceRequest{number: int32(n), code: usbfsConnect}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, file.Fd(), uintptr(usbfsIoctl), uintptr(unsafe.Pointer(&request))); errno != 0 {
		return fmt.Errorf("give %s back to the kernel: %w", i.Port, errno)
	}
	return nil
}
