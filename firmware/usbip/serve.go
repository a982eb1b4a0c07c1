package usbip

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Serve plugs a device in at the other end of conn, which is the kernel's, and answers for it until conn ends. It returns nil when the
// other end closed, or conn was closed here. It does not close conn.
func Serve(conn io.ReadWriter, d *Device) error {
	if err := d.plug(conn); err != nil {
		return fmt.Errorf("serve a USB device: %w", err)
	}
	return d.serve(conn)
}

// serve answers for a device that is plugged in.
func (d *Device) serve(conn io.Reader) error {
	defer d.unplug()
	for {
		q, err := readRequest(conn)
		if err == nil {
			err = d.take(q)
		}
		switch {
		case err == nil:
		case ended(err):
			return nil
		default:
			return fmt.Errorf("serve a USB device: %w", err)
		}
	}
}

// ended reports whether an error only says that one of the two ends was closed.
func ended(err error) bool {
	for _, end := range []error{io.EOF, io.ErrClosedPipe, os.ErrClosed, unix.ECONNRESET, unix.EPIPE} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}

// take handles one request. The error is ErrProtocol, or that of an answer that could not be written.
func (d *Device) take(q request) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if q.command == cmdUnlink {
		d.unlink(q)
	} else if err := d.submit(q); err != nil {
		return err
	}
	return d.broken
}
