package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"passerelle/drivers/frame"
	"passerelle/drivers/hid"
	"passerelle/drivers/keyboard"
	"passerelle/drivers/lamp"
	"passerelle/drivers/serial"
	"passerelle/drivers/usb"
	"passerelle/gateway/lane"
)

// device is what a lane is bound to: a scanner that comes and goes, and a lamp that may be that scanner's own beeper.
type device struct {
	config     laneConfig
	terminator frame.Terminator
	keyboard   *keyboard.Decoder // keeps the layout that was found over replugging

	mu   sync.Mutex
	port *serial.Scanner // while open; guarded by mu
}

// newDevice checks what the configuration says of a lane's devices; nothing is opened.
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
	return d, nil
}

// open opens the lane's scanner at its place.
func (d *device) open(ctx context.Context) (lane.Scanner, error) {
	switch d.config.Scanner {
	case "hid":
		return d.openHID(ctx)
	default:
		return d.openSerial()
	}
}

func (d *device) openSerial() (lane.Scanner, error) {
	path := d.config.Path
	if usb.IsPort(path) {
		var err error
		if path, err = serial.Find("/", path); err != nil {
			return nil, err
		}
	}
	s, err := serial.Open(serial.Options{
		Path: path, Baud: d.config.Baud, Terminator: d.terminator, UndoUTF8: d.config.UndoUTF8,
	})
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.port = s
	return s, nil
}

func (d *device) openHID(ctx context.Context) (lane.Scanner, error) {
	return hid.Open(ctx, hid.Config{Port: d.config.Path, Keyboard: d.keyboard, Now: time.Now})
}

// WriteTimeout sends a command to the scanner that is open now: what a lamp.Beeper needs.
func (d *device) WriteTimeout(b []byte, t time.Duration) (int, error) {
	d.mu.Lock()
	port := d.port
	d.mu.Unlock()
	if port == nil {
		return 0, frame.ErrGone
	}
	return port.WriteTimeout(b, t)
}

// lamp returns the lane's lamp.
func (d *device) lamp() (lane.Lamp, error) {
	if d.config.Lamp != "beeper" {
		return lampOf{lamp.None{}}, nil
	}
	var model lamp.Model
	if err := model.UnmarshalText([]byte(d.config.Model)); err != nil {
		return nil, fmt.Errorf("lane %q: model: %w", d.config.ID, err)
	}
	beeper, err := lamp.NewBeeper(d, model)
	if err != nil {
		return nil, fmt.Errorf("lane %q: %w", d.config.ID, err)
	}
	return lampOf{beeper}, nil
}

// lampOf gives a driver's lamp the lane's signals.
type lampOf struct{ lamp.Lamp }

// Set implements lane.Lamp.
func (l lampOf) Set(s lane.Signal) error {
	signal := lamp.Off
	switch s {
	case lane.SignalDeny:
		signal = lamp.Red
	case lane.SignalRefer:
		signal = lamp.Amber
	case lane.SignalAdmit:
		signal = lamp.Green
	case lane.SignalFault:
		signal = lamp.Fault
	}
	return l.Lamp.Set(signal)
}
