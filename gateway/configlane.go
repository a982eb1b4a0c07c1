package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"passerelle/drivers/serial"
	"passerelle/gateway/lane"
)

type laneConfig struct {
	ID         string   `toml:"id"`
	Profile    string   `toml:"profile"`
	Scanner    string   `toml:"scanner"`
	Path       string   `toml:"path"`
	Baud       int      `toml:"baud"`
	Terminator string   `toml:"terminator"`
	UndoUTF8   bool     `toml:"undo_utf8"`
	Layout     string   `toml:"layout"`
	Lamp       string   `toml:"lamp"`
	Model      string   `toml:"model"`
	Repeat     duration `toml:"repeat"`
	Hold       duration `toml:"hold"`
}

// bound returns what the configuration names of what may be plugged in: USB ports and device files.
func (c *config) bound() []string {
	bound := slices.Clone(c.Devices.Expected)
	for _, l := range c.Lanes {
		bound = append(bound, l.Path)
	}
	return bound
}

// checkLanes refuses lanes that share a name, or a scanner: each scan would go to one of them, by chance.
func (c *config) checkLanes() error {
	if len(c.Lanes) == 0 {
		return errors.New("there is no [[lane]]")
	}
	ids, paths := make(map[string]bool), make(map[string]string)
	for i := range c.Lanes {
		l := &c.Lanes[i]
		if err := l.check(); err != nil {
			return err
		}
		if _, err := c.profile(l.Profile); err != nil {
			return fmt.Errorf("lane %q: %w", l.ID, err)
		}
		if ids[l.ID] {
			return fmt.Errorf("lane %q stands twice", l.ID)
		}
		if other, taken := paths[l.Path]; taken {
			return fmt.Errorf("lanes %q and %q have the same scanner: %s", other, l.ID, l.Path)
		}
		ids[l.ID], paths[l.Path] = true, l.ID
	}
	return nil
}

func (l *laneConfig) check() error {
	switch {
	case l.ID == "" || strings.ContainsFunc(l.ID, func(r rune) bool { return !isNameRune(r) }) || len(l.ID) > 32:
		return fmt.Errorf("lane id %q: want 1 to 32 of a-z, A-Z, 0-9, '-', '_'", l.ID)
	case l.Scanner != "serial" && l.Scanner != "hid":
		return fmt.Errorf(`lane %q: scanner %q: want "serial" or "hid"`, l.ID, l.Scanner)
	case l.Path == "":
		return fmt.Errorf(`lane %q: "path" is missing: the serial port, or the USB port path that doctor shows`, l.ID)
	case l.Lamp != "" && l.Lamp != "none" && l.Lamp != "beeper":
		return fmt.Errorf(`lane %q: lamp %q: want "none" or "beeper"`, l.ID, l.Lamp)
	case l.Scanner == "hid" && (l.Baud != 0 || l.Terminator != "" || l.UndoUTF8):
		return fmt.Errorf("lane %q: baud, terminator and undo_utf8 are for serial scanners", l.ID)
	case l.Scanner == "serial" && l.Layout != "":
		return fmt.Errorf("lane %q: layout is for keyboard scanners, which are hid", l.ID)
	case l.Lamp != "beeper" && l.Model != "":
		return fmt.Errorf("lane %q: model says whose beeper it is; lamp is not beeper", l.ID)
	case time.Duration(l.Hold) > maxHold:
		return fmt.Errorf("lane %q: hold %v: at most %v", l.ID, time.Duration(l.Hold), maxHold)
	case l.Lamp == "beeper" && l.Scanner != "serial":
		return fmt.Errorf("lane %q: only a serial scanner's beeper can be driven", l.ID)
	case l.Baud != 0 && (l.Baud < serial.MinBaud || l.Baud > serial.MaxBaud):
		return fmt.Errorf("lane %q: baud %d: want %d to %d", l.ID, l.Baud, serial.MinBaud, serial.MaxBaud)
	case l.Repeat != 0 && (time.Duration(l.Repeat) < lane.MinRepeat || time.Duration(l.Repeat) > lane.MaxRepeat):
		return fmt.Errorf("lane %q: repeat %v: want %v to %v", l.ID, time.Duration(l.Repeat), lane.MinRepeat, lane.MaxRepeat)
	case l.Hold != 0 && time.Duration(l.Hold) < lane.MinHold:
		return fmt.Errorf("lane %q: hold %v: want at least %v", l.ID, time.Duration(l.Hold), lane.MinHold)
	}
	return nil
}
