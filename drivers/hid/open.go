package hid

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	karalabe "github.com/karalabe/hid"

	"passerelle/drivers/frame"
	"passerelle/drivers/usb"
)

var (
	// ErrUnsupported says that the program was built without cgo and so cannot open HID devices.
	ErrUnsupported = errors.New("this program was built without support for USB HID scanners (CGO_ENABLED=0)")

	// ErrNotScanner says that what sits in the port sends neither point-of-sale reports nor key codes that can be read.
	ErrNotScanner = errors.New("not a scanner that can be read")

	// ErrNoDescriptor says that the kernel has no description of the device.
	ErrNoDescriptor = errors.New("the kernel has no description of the device: unplug it and plug it in again")

	// ErrSilent says that the device does not answer.
	ErrSilent = errors.New("the device does not answer")

	// ErrBusy says that another program holds the device.
	ErrBusy = errors.New("another program holds the device")
)

// A device is opened again for a second: one that has just been plugged in is not ready, and a library that has not noticed
// yet that one is gone still offers it.
const (
	openTries = 21
	openPause = 50 * time.Millisecond

	// refusal is the longest that a device takes to refuse a report: the library waits a second for one that does not answer.
	refusal = 500 * time.Millisecond
)

// Config names a scanner.
type Config struct {
	Port     string           // where it is plugged in, "1-1.4:1.0"
	Keyboard Decoder          // turns key codes into codes, kept by the caller over replugging; needed for scanners that type
	Now      func() time.Time // a monotonic clock
}

// Open opens the scanner in a port and begins to read it. It tries for about a second. The error is, beside those of this
// package, frame.ErrGone where nothing is plugged in, fs.ErrPermission where the device file is not ours to write, or ctx's.
func Open(ctx context.Context, c Config) (*Scanner, error) {
	if !karalabe.Supported() {
		return nil, fmt.Errorf("open scanner %s: %w", c.Port, ErrUnsupported)
	}
	return open(ctx, c, kernel{usb.SysFS, giveBack}, func(path string) (karalabe.Device, error) {
		return karalabe.DeviceInfo{Path: path}.Open() // the path is the port: no need to enumerate, which opens every device
	})
}

// kernel is what opening needs of it.
type kernel struct {
	sys      string           // where sysfs is
	giveBack func(Info) error // an interface that has no driver
}

// open is Open with the kernel and the library passed in.
func open(ctx context.Context, c Config, k kernel, library func(path string) (karalabe.Device, error)) (*Scanner, error) {
	if !usb.IsPort(c.Port) {
		return nil, fmt.Errorf("open scanner %q: not a USB port such as 1-1.4:1.0", c.Port)
	}
	if c.Now == nil {
		return nil, fmt.Errorf("open scanner %s: no clock", c.Port)
	}
	for try := 1; ; try++ {
		s, err := openOnce(c, k, try, library)
		if err == nil {
			return s, nil
		}
		if try == openTries || errors.Is(err, ErrNotScanner) || errors.Is(err, ErrSilent) || errors.Is(err, fs.ErrPermission) {
			return nil, fmt.Errorf("open scanner %s: %w", c.Port, err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("open scanner %s: %w", c.Port, ctx.Err())
		case <-time.After(openPause):
		}
	}
}

// openOnce describes the device, opens it, and makes sure that it opened what it described.
func openOnce(c Config, k kernel, try int, library func(path string) (karalabe.Device, error)) (*Scanner, error) {
	info, descriptor, err := describePort(k.sys, c.Port)
	if err == nil && descriptor == nil {
		err = k.withoutDescriptor(info, try)
	}
	if err != nil {
		return nil, err
	}
	decoder, err := c.decoder(info, descriptor)
	if err != nil {
		return nil, err
	}
	dev, err := library(c.Port)
	if err != nil {
		return nil, openError(info, err)
	}
	if descriptor != nil && descriptor.Redirect != 0 {
		// A scanner that refuses this may have been set to send reports already: only scanning shows. One that does not answer hangs, and
		// would send nothing once it has come to itself.
		asked := c.Now()
		if _, err := dev.SendFeatureReport([]byte{descriptor.Redirect, 1}); err != nil && c.Now().Sub(asked) >= refusal {
			return nil, errors.Join(ErrSilent, dev.Close())
		}
	}
	if now, _, err := describePort(k.sys, c.Port); err != nil || now.Node != info.Node {
		return nil, errors.Join(frame.ErrGone, dev.Close()) // unplugged or exchanged meanwhile
	}
	decoder.Reset()
	return NewScanner(dev, decoder, c.Now), nil
}

// withoutDescriptor deals with an interface whose descriptor cannot be had: it waits for the kernel, which may be about to
// read it, then asks for it, then does without.
func (k kernel) withoutDescriptor(info Info, try int) error {
	switch {
	case info.Driver == "usbfs":
		return ErrBusy
	case try < openTries/4:
		return ErrNoDescriptor
	case try < openTries/2:
		if err := k.giveBack(info); errors.Is(err, fs.ErrPermission) {
			return err
		}
		return ErrNoDescriptor // whether it helped is seen at the next try
	}
	return nil
}

// decoder chooses how the device is read. d is nil where it has no descriptor to go by: then a keyboard is one by its boot protocol.
func (c Config) decoder(info Info, d *frame.Descriptor) (Decoder, error) {
	keys := frame.BootKeys()
	if d != nil {
		keys = d.Keys
	}
	switch {
	case info.Kind == POS:
		return frame.NewPOS(d.POS), nil
	case info.Kind == Keyboard && c.Keyboard != nil:
		return &typist{layout: keys, Decoder: c.Keyboard}, nil
	case info.Kind == Keyboard:
		return nil, fmt.Errorf("%w: it types, and no keyboard layout is set", ErrNotScanner)
	case d == nil:
		return nil, ErrNoDescriptor
	}
	return nil, fmt.Errorf("%w: %04x:%04x %s", ErrNotScanner, info.Vendor, info.Product, info.Name)
}

// typist brings reports of a keyboard into the boot keyboard's form.
type typist struct {
	layout frame.KeyLayout
	boot   [frame.BootReport]byte
	Decoder
}

func (t *typist) Report(report []byte, since time.Duration, emit func(code []byte)) {
	var ok bool
	if t.boot, ok = t.layout.Boot(report); !ok {
		t.Decoder.Report(nil, since, emit) // about something else, but time went by
		return
	}
	t.Decoder.Report(t.boot[:], since, emit)
}

// Reset overwrites the last report too: it is part of a code.
func (t *typist) Reset() {
	t.boot = [frame.BootReport]byte{}
	t.Decoder.Reset()
}

// openError says why the library could not open a device; it says nothing itself.
func openError(info Info, err error) error {
	file, openErr := os.OpenFile(info.Node, os.O_RDWR, 0)
	if openErr == nil {
		_ = file.Close()
		return err
	}
	if errors.Is(openErr, fs.ErrPermission) {
		return openErr
	}
	return err
}
