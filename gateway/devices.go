package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"passerelle/drivers/answer"
	"passerelle/drivers/camera"
	"passerelle/drivers/frame"
	"passerelle/drivers/hid"
	"passerelle/drivers/keyboard"
	"passerelle/drivers/serial"
	"passerelle/drivers/tcp"
	"passerelle/drivers/usb"
	"passerelle/gateway/lane"
)

// device is what a lane is bound to: a scanner that comes and goes, and all that shows its verdicts.
type device struct {
	config     laneConfig
	terminator frame.Terminator
	keyboard   *keyboard.Decoder // keeps the layout that was found over replugging
	link       *tcp.Link         // for a scanner on the network
	reader     *answer.Reader    // nil: the scanner does not wait for answers

	mu    sync.Mutex
	port  commandPort // of the scanner that is open; guarded by mu
	since time.Time   // when that was opened; guarded by mu
}

// commandPort takes commands to a scanner.
type commandPort interface {
	WriteTimeout(b []byte, d time.Duration) (int, error)
}

// newDevice checks what the configuration says of a lane's scanner; nothing is opened.
func newDevice(c laneConfig) (*device, error) {
	d := &device{config: c}
	if c.Terminator != "" {
		if err := d.terminator.UnmarshalText([]byte(c.Terminator)); err != nil {
			return nil, fmt.Errorf("lane %q: terminator: %w", c.ID, err)
		}
	}
	var layout keyboard.Layout
	if c.Layout != "" {
		if err := layout.UnmarshalText([]byte(c.Layout)); err != nil {
			return nil, fmt.Errorf("lane %q: layout: %w", c.ID, err)
		}
	}
	d.keyboard = keyboard.New(layout)
	if c.Answer != "" {
		var err error
		if d.reader, err = answer.NewReader(d, c.answerDelay(), c.Answer, time.Now); err != nil {
			return nil, fmt.Errorf("lane %q: %w", c.ID, err)
		}
	}
	if c.Scanner == scannerTCP || c.Scanner == scannerListen {
		o := tcp.Options{Terminator: d.terminator, UndoUTF8: c.UndoUTF8, Ignore: c.Heartbeat, Peer: c.Peer}
		if c.Scanner == scannerTCP {
			o.Address = c.Path
		} else {
			o.Listen = c.Path
		}
		var err error
		if d.link, err = tcp.New(o); err != nil {
			return nil, fmt.Errorf("lane %q: %w", c.ID, err)
		}
	}
	return d, nil
}

var _ lane.Dropper = (*hid.Scanner)(nil)

// open opens the lane's scanner at its place.
func (d *device) open(ctx context.Context) (lane.Scanner, error) {
	switch d.config.Scanner {
	case scannerHID:
		return hid.Open(ctx, hid.Config{Port: d.config.Path, Keyboard: d.keyboard, Now: time.Now})
	case scannerCamera:
		return d.openCamera(ctx)
	case scannerTCP, scannerListen:
		s, err := d.link.Open(ctx)
		if err != nil {
			return nil, err
		}
		return d.commanded(s, s)
	}
	return d.openSerial()
}

func (d *device) openSerial() (lane.Scanner, error) {
	path, err := serialFile(d.config.Path)
	if err != nil {
		return nil, err
	}
	s, err := serial.Open(serial.Options{
		Path: path, Baud: d.config.Baud, Terminator: d.terminator, UndoUTF8: d.config.UndoUTF8,
	})
	if err != nil {
		return nil, err
	}
	return d.commanded(s, s)
}

// serialFile is the device file of a serial port that is named by its USB port, or by a file.
func serialFile(path string) (string, error) {
	if usb.IsPort(path) {
		return serial.Find("/", path)
	}
	return path, nil
}

func (d *device) openCamera(ctx context.Context) (lane.Scanner, error) {
	path := d.config.Path
	if usb.IsPort(path) {
		var err error
		if path, err = camera.Find("/", path); err != nil {
			return nil, err
		}
	}
	return camera.Open(ctx, camera.Options{Path: path, Now: time.Now})
}

// commanded makes a scanner's port the one that commands go to, and starts it where it has to be triggered.
func (d *device) commanded(s lane.Scanner, port commandPort) (lane.Scanner, error) {
	d.mu.Lock()
	d.port, d.since = port, time.Now()
	d.mu.Unlock()
	if d.config.Trigger == "" {
		return s, nil
	}
	return newTriggered(s, d, d.config.Trigger)
}

// WriteTimeout sends a command to the scanner that is open now: what its beeper, its trigger and its answers need.
func (d *device) WriteTimeout(b []byte, t time.Duration) (int, error) {
	d.mu.Lock()
	port := d.port
	d.mu.Unlock()
	if port == nil {
		return 0, frame.ErrGone
	}
	return port.WriteTimeout(b, t)
}

// Patience implements lane.Reader.
func (d *device) Patience() time.Duration { return d.reader.Limit() }

// Answer implements lane.Reader.
func (d *device) Answer(read time.Time, a lane.Answer) error {
	told := answer.Bad
	switch a {
	case lane.AnswerGood:
		told = answer.Good
	case lane.AnswerIgnore:
		told = answer.Ignore
	}
	d.mu.Lock()
	stranger := read.Before(d.since)
	d.mu.Unlock()
	if stranger { // its reader was unplugged since, and what is there now waits for something else, or for nothing
		return fmt.Errorf("answer %v: %w", told, frame.ErrGone)
	}
	return d.reader.Answer(read, told)
}
