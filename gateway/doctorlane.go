package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"passerelle/drivers/hid"
	"passerelle/drivers/usb"
)

// Advice that several findings share.
const (
	fixUnplugged = "plug it in, or correct \"path\": the ports below are there"
	fixRules     = "install deploy/70-passerelle.rules, plug it in again, and join the group "
	fixReplug    = "unplug it and plug it in again"
	textHeld     = "in use: by the gateway that is running, or another program"
)

// lane looks at one lane, a step for each thing that it has.
func (x *examination) lane(c *config, l *laneConfig, devices []plugged) {
	x.laneProfile(c, l)
	x.laneScanner(l, devices)
	x.laneOutputs(x.root, l, devices)
}

func (x *examination) laneProfile(c *config, l *laneConfig) {
	if p, err := c.profile(l.Profile); err == nil && !p.Production {
		x.problem("lane "+l.ID, "give it a profile for production, such as health", "profile %q admits published test keys", p.Name)
	}
}

// laneScanner looks whether a lane's scanner is where the configuration says, is of that kind, and can be opened.
func (x *examination) laneScanner(l *laneConfig, devices []plugged) {
	what := "lane " + l.ID
	if l.Scanner == scannerTCP || l.Scanner == scannerListen {
		x.note(what, "scanner on the network, %s %s: only run connects, since many take one connection alone", l.Scanner, l.Path)
		return
	}
	if l.Scanner == scannerHID && !hid.Supported() {
		x.problem(what, "use a program that was built with gcc", "its scanner is USB-HID")
	}
	p, err := find(devices, l.Path)
	switch {
	case err != nil && l.Scanner == scannerSerial && !usb.IsPort(l.Path):
		x.laneSerial(what, l.Path, l.Path, "") // a virtual port, or a link to one
	case err != nil:
		x.laneMissing(what, l, devices)
	case p.scanner != l.Scanner && p.scanner == "":
		x.problem(what, "correct \"path\"", "%s sits at %s: %s", p.mode, l.Path, p.about)
	case p.scanner != l.Scanner:
		x.problem(what, fmt.Sprintf("correct \"path\", or set scanner = %q", p.scanner),
			"%s sits at %s, %s; the lane takes it for %s", p.mode, l.Path, p.about, l.Scanner)
	case p.scanner == scannerHID:
		x.laneHID(what, p)
	case p.scanner == scannerCamera:
		x.laneFile(what, p, "video")
	default:
		x.laneSerial(what, l.Path, p.file, p.describe())
		x.modems(markProblem, what, p)
	}
}

// laneMissing says what is in the place of a scanner that is not there.
func (x *examination) laneMissing(what string, l *laneConfig, devices []plugged) {
	kind := map[string]string{scannerHID: "USB-HID device", scannerSerial: "serial scanner", scannerCamera: "camera"}[l.Scanner]
	device, _, _ := strings.Cut(l.Path, ":")
	for _, p := range devices {
		if !usb.IsPort(l.Path) || p.device != device {
			continue
		}
		text := fmt.Sprintf("no %s at %s: %s sits there, %s", kind, l.Path, p.mode, p.about)
		switch {
		case p.scanner == "" && p.driver == "":
			x.problem(what, cmp.Or(setupText(&p), "load the kernel's driver for it, or set it to HID point-of-sale or USB-CDC"), "%s; no driver has it", text)
		case p.scanner == "":
			x.problem(what, "correct \"path\", or plug the scanner in there", "%s", text)
		default:
			x.problem(what, fmt.Sprintf("set path = %q and scanner = %q", p.path, p.scanner), "%s", text)
		}
		return
	}
	x.problem(what, fixUnplugged, "no %s at %s", kind, l.Path)
}

// laneHID looks at a USB-HID device that a lane is bound to.
func (x *examination) laneHID(what string, p *plugged) {
	switch {
	case p.driver == driverHeld:
		x.fine(what, "%s: %s", p.describe(), textHeld)
	case p.driver == "" && !x.knowsHID():
		x.problem(what, "load the kernel module usbhid", "%s: no driver has it, so how it sends codes is not known", p.describe())
	case p.driver == "":
		x.laneFile(what, p, "plugdev") // a program that was killed left it so: run gives it back to the kernel, which needs no other right
	case p.kind == hid.Other:
		x.problem(what, cmp.Or(setupText(p), "set the scanner to HID point-of-sale or USB-CDC"),
			"%s: it sends neither point-of-sale reports nor key codes that can be read", p.describe())
	default:
		x.laneFile(what, p, "plugdev")
	}
}

// knowsHID reports whether the kernel has the driver that describes HID devices.
func (x *examination) knowsHID() bool {
	_, err := os.Stat(filepath.Join(x.root, "sys/bus/usb/drivers/usbhid"))
	return err == nil
}

// laneFile looks at the rights of a device file that is not opened here: that would take the device from who has it.
func (x *examination) laneFile(what string, p *plugged, group string) {
	state, err := askFile(p.file)
	switch state {
	case portFree:
		x.fine(what, "%s", p.describe())
	case portGone:
		x.problem(what, "mount /dev, or start udev", "%s: there is no %s", p.describe(), p.file)
	case portForbidden:
		x.problem(what, fixRules+group, "no right to open %s, %s", p.file, p.describe())
	default:
		x.problem(what, fixReplug, "%s: %v", p.describe(), err)
	}
}

// laneSerial looks whether a serial port can be opened. Its name in the configuration is path, its device file is file.
func (x *examination) laneSerial(what, path, file, about string) {
	if about == "" {
		about = path
	}
	state, err := askPort(file)
	switch state {
	case portFree:
		x.fine(what, "serial scanner at %s", about)
	case portHeld:
		x.fine(what, "serial scanner at %s: %s", about, textHeld)
	case portGone:
		x.problem(what, fixUnplugged, "no scanner at %s", path)
	case portForbidden:
		x.problem(what, fixRules+"dialout", "no right to open %s", about)
	default:
		x.problem(what, fixReplug, "%s: %v", about, err)
	}
}

// modems says that ModemManager would take a serial scanner.
func (x *examination) modems(mark, what string, p *plugged) {
	if p.driver == driverCDC && modemManager(x.root) && !modemManagerIgnores(x.root, p.file) {
		x.say(mark, what, "install deploy/70-passerelle.rules and plug it in again",
			p.path+": ModemManager runs, takes this port for 10 to 20 s after plugging in and sends it AT commands")
	}
}
