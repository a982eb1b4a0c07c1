package scanners_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/firmware/scanners"
	"passerelle/firmware/usbip"
)

const patience = 20 * time.Second // for what must come; the board is slow

// Every scanner of the table on USB is plugged in to a real kernel and scans the longest certificate; what the kernel hands on is what
// the scanner sent.
func TestKernelHandsOnWhatEveryScannerSends(t *testing.T) {
	needController(t)
	code := bytes.Repeat([]byte(hcert), 9)
	for i, s := range all(t) {
		if s.Link == scanners.Ethernet {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			device, scan := build(t, &s)
			a, err := usbip.Attach(device, i%8)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Unplug()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := a.Ready(ctx); err != nil {
				t.Fatal(err)
			}
			node := open(t, filepath.Join("/sys/bus/usb/devices", a.Interface(0)), &s)
			defer node.Close()
			for _, want := range scan(code) {
				got := make([]byte, len(want))
				if err := node.SetReadDeadline(time.Now().Add(patience)); err != nil {
					t.Fatal(err)
				}
				if n, err := io.ReadFull(node, got); err != nil || !bytes.Equal(got, want) {
					t.Fatalf("got %q (%d bytes, %v), want %q", got, n, err, want)
				}
			}
		})
	}
}

// needController skips a test where no USB device can be played.
func needController(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(usbip.Controller); err != nil {
		if os.Getenv("BOARD") != "" {
			t.Fatal("the board has no virtual USB controller: vhci-hcd is not loaded")
		}
		t.Skip("needs the kernel module vhci-hcd: make e2e runs this on the emulated board")
	}
}

// build makes the device of an entry. scan sends a code, part by part as it is asked for, and gives the parts that must arrive.
func build(t *testing.T, s *scanners.Scanner) (*usbip.Device, func(code []byte) func(yield func(int, []byte) bool)) {
	t.Helper()
	id := usbip.Identity{Vendor: s.Vendor, Product: s.Product, Maker: s.Maker, Name: s.Model, Speed: usbip.FullSpeed}
	if s.Speed == "high" {
		id.Speed = usbip.HighSpeed
	}
	var device *usbip.Device
	var send func(part []byte) error
	parts := s.Reports
	switch s.Link {
	case scanners.HIDPOS, scanners.HIDKeyboard:
		hid := usbip.NewHID(id, usbip.HIDOptions{Descriptor: s.Descriptor, Boot: s.Link == scanners.HIDKeyboard, PacketSize: s.Packet})
		device, send = hid.Device, func(part []byte) error { return hid.Send(part) }
	default:
		serial := usbip.NewACM(id)
		if s.Link == scanners.FTDI {
			serial = usbip.NewFTDI(id)
		}
		device, send = serial.Device, func(part []byte) error { _, err := serial.Write(part); return err }
		parts = func(code []byte) ([][]byte, error) {
			b, err := s.Bytes(code)
			return [][]byte{b}, err
		}
	}
	return device, func(code []byte) func(yield func(int, []byte) bool) {
		list, err := parts(code)
		if err != nil {
			t.Fatal(err)
		}
		return func(yield func(int, []byte) bool) {
			for i, part := range list {
				if err := send(part); err != nil {
					t.Error(err)
					return
				}
				if !yield(i, part) {
					return
				}
			}
		}
	}
}

// open opens the raw device of an interface and checks what the kernel was told.
func open(t *testing.T, port string, s *scanners.Scanner) *os.File {
	t.Helper()
	patterns := map[scanners.Link]string{
		scanners.HIDPOS: port + "/0003:*/hidraw/hidraw*", scanners.HIDKeyboard: port + "/0003:*/hidraw/hidraw*",
		scanners.CDCACM: port + "/tty/ttyACM*", scanners.FTDI: port + "/ttyUSB*",
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		names, err := filepath.Glob(patterns[s.Link])
		if err != nil || len(names) != 1 {
			continue
		}
		node := "/dev/" + filepath.Base(names[0])
		fd, err := unix.Open(node, unix.O_RDWR|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		if s.Link == scanners.CDCACM || s.Link == scanners.FTDI {
			raw(t, fd)
		} else if got, err := os.ReadFile(filepath.Join(names[0], "../../report_descriptor")); err != nil || !bytes.Equal(got, s.Descriptor) {
			t.Errorf("report descriptor is %x (%v), want %x", got, err, s.Descriptor)
		}
		return os.NewFile(uintptr(fd), node)
	}
	t.Fatalf("nothing is at %s", patterns[s.Link])
	return nil
}

// raw sets a terminal to carry bytes as they are.
func raw(t *testing.T, fd int) {
	t.Helper()
	settings, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err == nil {
		settings.Iflag, settings.Oflag, settings.Lflag = 0, 0, 0
		settings.Cflag = settings.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8 | unix.CREAD | unix.CLOCAL
		settings.Cc[unix.VMIN], settings.Cc[unix.VTIME] = 1, 0
		err = unix.IoctlSetTermios(fd, unix.TCSETS, settings)
	}
	if err != nil {
		t.Fatal(err)
	}
}
