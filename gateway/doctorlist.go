package main

import (
	"fmt"
	"path/filepath"

	"passerelle/drivers/hid"
	"passerelle/drivers/setup"
)

// devices lists all that is plugged in: where, what, in which mode, and for which lane.
func (x *examination) devices(all []plugged, uses []use) {
	for i := range all {
		p := &all[i]
		by := p.usedBy(uses)
		mark := markFine
		if by == "" {
			mark, by = markNote, useNone
		}
		x.say(mark, p.what, x.advice(p, by), fmt.Sprintf("%s  %s: %s", p.path, p.describeWithout(), by))
		if mark == markNote {
			x.modems(markNote, p.what, p)
		}
	}
}

// advice says what to do about a device, "" for nothing.
func (x *examination) advice(p *plugged, by string) string {
	text := setupText(p)
	switch {
	case p.scanner == scannerHID && p.kind == hid.Keyboard && by == useNone:
		return "if it is a scanner: " + text
	case p.scanner == scannerHID && p.kind == hid.Keyboard, p.kind == hid.Other && p.scanner == scannerHID && p.driver != driverHeld:
		return text
	case p.scanner == "" && p.what == "USB device" && p.driver == "":
		return text
	}
	return ""
}

// setupText is what the makers' table says of a device in the mode that it is in, "" for nothing.
func setupText(p *plugged) string {
	kind := ""
	switch {
	case p.scanner == scannerSerial:
		kind = string(setup.Serial)
	case p.kind == hid.POS:
		kind = string(setup.POS)
	case p.kind == hid.Keyboard:
		kind = string(setup.Keyboard)
	}
	a, ok := setup.Advise(p.vendor, p.product, kind)
	if !ok {
		return ""
	}
	return a.Text
}

// describe says in one line what a device is and where.
func (p *plugged) describe() string { return p.path + ", " + p.describeWithout() }

// describeWithout is describe without the place: mode, device file, maker and name, and what is odd about its driver.
func (p *plugged) describeWithout() string {
	text := p.mode
	if p.device != "" && (p.scanner == scannerSerial || p.scanner == scannerCamera) {
		text += " on /dev/" + filepath.Base(p.file)
	}
	if p.about != "" {
		text += ", " + p.about
	}
	switch {
	case p.driver == driverHeld:
		text += ", held by a program"
	case p.driver == "" && p.device != "":
		text += ", no driver"
	}
	return text
}
