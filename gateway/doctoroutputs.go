package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// laneOutputs looks whether what a lane shows its verdicts with is there. Nothing is switched: "lamps try" does that.
func (x *examination) laneOutputs(root string, l *laneConfig, devices []plugged) {
	what := "lane " + l.ID
	if l.GPIO != nil {
		x.chip(root, what, "lamps", l.GPIO.Chip)
	}
	if l.Contact != nil {
		x.chip(root, what, "contact", l.Contact.Chip)
	}
	if l.Tower != nil {
		x.lampPort(what, "signal tower", l.Tower.Path, devices)
	}
	if l.Relay != nil {
		x.lampPort(what, "relay board", l.Relay.Path, devices)
	}
	if l.Forward != nil {
		x.note(what, "%s of it go to another program, %s", l.Forward.Content, l.Forward.To)
	}
}

// chip looks for a GPIO chip that is named by its file; one that is named by its label is found when the lane runs.
func (x *examination) chip(root, what, use, chip string) {
	if !strings.HasPrefix(chip, "/") {
		x.note(what, "%s: lines of the GPIO chip %q", use, chip)
		return
	}
	_, err := os.Stat(filepath.Join(root, chip))
	if err != nil {
		x.problem(what, "correct \"chip\"; gpiodetect lists them. The kernel's driver may have to be loaded", "%s: no GPIO chip %s", use, chip)
		return
	}
	x.fine(what, "%s: lines of %s", use, chip)
}

// lampPort looks for the serial port of a lamp.
func (x *examination) lampPort(what, use, path string, devices []plugged) {
	p, err := find(devices, path)
	switch {
	case err != nil && strings.HasPrefix(path, "/"):
		if _, err := os.Stat(path); err == nil {
			x.fine(what, "%s at %s", use, path)
			return
		}
		x.problem(what, fixUnplugged, "no %s at %s: %v", use, path, fs.ErrNotExist)
	case err != nil:
		x.problem(what, fixUnplugged, "no %s at %s", use, path)
	case p.scanner != scannerSerial:
		x.problem(what, "correct \"path\"", "%s: %s sits at %s", use, p.mode, path)
	default:
		x.fine(what, "%s at %s, %s", use, path, p.about)
	}
}
