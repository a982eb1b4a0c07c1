package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"passerelle/drivers/camera"
	"passerelle/drivers/hid"
	"passerelle/drivers/serial"
	"passerelle/drivers/usb"
)

// plugged is one thing that is plugged in, or part of the board: what doctor shows and learn chooses from. It was not opened.
type plugged struct {
	what    string   // for people: "serial port", "USB-HID", "camera", "GPIO chip", "USB device"
	scanner string   // as a lane calls it, "" for what is no scanner
	path    string   // as a lane's path names it: the USB port of the interface, else a device file; of a whole USB device its port
	file    string   // that is opened, below the root
	names   []string // others that a configuration may use: device files and their links
	mode    string   // for people
	about   string   // maker, name and numbers
	driver  string   // of the kernel, "" for none
	device  string   // USB port of the whole device, "" for what is not on USB
	node    string   // changes with each plugging in
	kind    hid.Kind
	vendor  uint16
	product uint16
}

// fixedSpeed reports whether a serial port has no speed that would have to fit.
func (p *plugged) fixedSpeed() bool { return p.driver == driverCDC }

// Drivers of the kernel that mean something here.
const (
	driverCDC  = "cdc_acm"
	driverHeld = "usbfs" // a program holds the interface
)

// inventory lists all that is plugged in below root, "/" on a real machine. What cannot be listed is an error, and the rest is there all
// the same.
func inventory(root string) ([]plugged, error) {
	sys := filepath.Join(root, "sys")
	interfaces, err := usb.List(sys)
	ports, err2 := serialPorts(root, interfaces)
	hids, err3 := hidDevices(root)
	cameras, err4 := cameraDevices(root)
	all := slices.Concat(ports, hids, cameras)
	all = append(all, otherDevices(root, interfaces, all)...)
	chips, err5 := gpioChips(root)
	return append(all, chips...), errors.Join(err, err2, err3, err4, err5)
}

// serialPorts finds the USB interface of each serial port, by which lanes name it.
func serialPorts(root string, interfaces []usb.Interface) ([]plugged, error) {
	ports, err := serial.Ports(root)
	if err != nil {
		return nil, err
	}
	byFile := make(map[string]*usb.Interface)
	for i := range interfaces {
		if file, err := serial.Find(root, interfaces[i].Port); err == nil {
			byFile[file] = &interfaces[i]
		}
	}
	var all []plugged
	for _, p := range ports {
		found := plugged{
			what: "serial port", scanner: scannerSerial, path: p.Device, file: filepath.Join(root, p.Device), names: present(p.Device, p.ByPath, p.ByID),
			mode: "serial port of the board", driver: p.Driver, node: p.Device, device: p.USBPath, vendor: hexNumber(p.Vendor), product: hexNumber(p.Product),
		}
		if i := byFile[found.file]; i != nil {
			found.onUSB(i)
		}
		if found.device != "" {
			found.about = aboutUSB(p.Manufacturer, p.ProductName, found.vendor, found.product)
			found.mode = "converter " + p.Driver
			if p.Driver == driverCDC {
				found.mode = "USB-CDC"
			}
		}
		all = append(all, found)
	}
	return all, nil
}

func hidDevices(root string) ([]plugged, error) {
	devices, err := hid.List(filepath.Join(root, "sys"))
	if err != nil {
		return nil, err
	}
	var all []plugged
	for _, d := range devices {
		found := plugged{what: "USB-HID", scanner: scannerHID, kind: d.Kind, mode: hidMode(&d)}
		found.onUSB(&d.Interface)
		found.file = filepath.Join(root, d.Node)
		all = append(all, found)
	}
	return all, nil
}

func hidMode(d *hid.Info) string {
	switch {
	case d.Kind == hid.POS:
		return "HID point-of-sale"
	case d.Kind == hid.Keyboard:
		return "HID keyboard"
	case d.Driver == driverHeld:
		return "HID"
	}
	return d.What() + ", neither point-of-sale nor keyboard"
}

func cameraDevices(root string) ([]plugged, error) {
	cameras, err := camera.List(root)
	if err != nil {
		return nil, err
	}
	var all []plugged
	for _, c := range cameras {
		found := plugged{
			what: "camera", scanner: scannerCamera, path: c.Device, file: filepath.Join(root, c.Device), names: present(c.Device, c.ByPath),
			mode: "camera", driver: c.Driver, about: c.Name, node: c.Device, vendor: hexNumber(c.Vendor), product: hexNumber(c.Product),
		}
		if usb.IsPort(c.Position) {
			found.path = c.Position
			found.device, _, _ = strings.Cut(c.Position, ":")
			found.about = aboutUSB(c.Maker, c.Model, found.vendor, found.product)
		}
		all = append(all, found)
	}
	return all, nil
}

// otherDevices are the USB devices of which something is not listed yet, one entry a device: keyboards are, storage is not.
func otherDevices(root string, interfaces []usb.Interface, listed []plugged) []plugged {
	var all []plugged
	for _, i := range interfaces {
		if i.What() == "HID device" || i.What() == "keyboard" || i.What() == "mouse" || i.What() == "data of another interface" {
			continue
		}
		if slices.ContainsFunc(listed, func(p plugged) bool {
			return p.path == i.Port || p.device == i.Device() && p.what == i.What() // a camera's second interface carries its pictures
		}) {
			continue
		}
		if at := slices.IndexFunc(all, func(p plugged) bool { return p.device == i.Device() }); at >= 0 {
			if !strings.Contains(all[at].mode, i.What()) {
				all[at].mode += ", " + i.What()
			}
			continue
		}
		found := plugged{what: "USB device", mode: i.What()}
		found.onUSB(&i)
		found.path = found.device
		found.file = filepath.Join(root, i.Node)
		all = append(all, found)
	}
	return all
}

func gpioChips(root string) ([]plugged, error) {
	files, err := filepath.Glob(filepath.Join(root, "dev/gpiochip*"))
	if err != nil {
		return nil, fmt.Errorf("list GPIO chips: %w", err)
	}
	var all []plugged
	for _, file := range files {
		name := filepath.Base(file)
		found := plugged{what: "GPIO chip", path: "/dev/" + name, file: file, mode: "lines for lamps, relays and contacts"}
		found.names = []string{found.path}
		if device, err := filepath.EvalSymlinks(filepath.Join(root, "sys/bus/gpio/devices", name)); err == nil {
			found.about = filepath.Base(filepath.Dir(device)) // what most chips have as their label
			found.names = append(found.names, found.about)
		}
		all = append(all, found)
	}
	return all, nil
}

// onUSB fills in what an interface tells.
func (p *plugged) onUSB(i *usb.Interface) {
	p.path, p.device, p.node = i.Port, i.Device(), i.Node
	p.vendor, p.product = i.Vendor, i.Product
	p.about = aboutUSB(i.Maker, i.Name, i.Vendor, i.Product)
	p.driver = i.Driver
}

func aboutUSB(maker, name string, vendor, product uint16) string {
	return strings.TrimSpace(strings.Join(present(maker, name), " ") + fmt.Sprintf(" (%04x:%04x)", vendor, product))
}

func hexNumber(text string) uint16 {
	n, _ := strconv.ParseUint(text, 16, 16) // 0 for what the kernel does not tell
	return uint16(n)
}

// present leaves out what is empty.
func present(all ...string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// use is one thing that a configuration names, and what it is for.
type use struct{ name, by string }

// Words for what is bound.
const (
	useExpected = "expected"
	useNone     = "not bound: never read"
)

// uses lists what a configuration names of what may be plugged in, lanes first.
func (c *config) uses() []use {
	var all []use
	for _, l := range c.Lanes {
		by := "lane " + l.ID
		all = append(all, use{l.Path, by})
		if l.Tower != nil {
			all = append(all, use{l.Tower.Path, by + ", signal tower"})
		}
		if l.Relay != nil {
			all = append(all, use{l.Relay.Path, by + ", relay"})
		}
		if l.Forward != nil {
			all = append(all, use{strings.TrimPrefix(l.Forward.To, "serial:"), by + ", forwarding"})
		}
		if l.GPIO != nil {
			all = append(all, use{l.GPIO.Chip, by + ", lamps"})
		}
		if l.Contact != nil {
			all = append(all, use{l.Contact.Chip, by + ", contact"})
		}
	}
	for _, port := range c.Devices.Expected {
		device, _, _ := strings.Cut(port, ":")
		all = append(all, use{device, useExpected})
	}
	return all
}

// usedBy says what a thing is for, "" if nothing names it. A scanner's second interface is the scanner's, and a hub belongs to what is
// behind it, as for run.
func (p *plugged) usedBy(uses []use) string {
	var by []string
	for _, u := range uses {
		if p.is(u.name) {
			by = append(by, u.by)
		}
	}
	if len(by) > 0 {
		slices.Sort(by)
		return strings.Join(slices.Compact(by), "; ")
	}
	for _, u := range uses {
		port, _, _ := strings.Cut(u.name, ":")
		switch {
		case p.device == "" || strings.HasPrefix(u.name, "/"):
		case port == p.device && u.by == useExpected:
			return useExpected
		case port == p.device:
			return "of the device of " + u.by + ", not read"
		case strings.Contains(p.mode, "hub") && strings.HasPrefix(port, p.device+"."):
			return "on the way to " + strings.Replace(u.by, useExpected, "a device that is expected", 1)
		}
	}
	return ""
}

// is reports whether a configuration means this thing by a name. A link of the installer's own is followed.
func (p *plugged) is(name string) bool {
	if name == p.path || slices.Contains(p.names, name) {
		return true
	}
	if !strings.HasPrefix(name, "/") || p.scanner == scannerHID { // which has no device file of its own
		return false
	}
	info, err := os.Stat(name)
	own, err2 := os.Stat(p.file)
	return err == nil && err2 == nil && os.SameFile(info, own)
}

// find returns what a configuration means by a name; the error is fs.ErrNotExist.
func find(all []plugged, name string) (*plugged, error) {
	for i := range all {
		if all[i].is(name) {
			return &all[i], nil
		}
	}
	return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}
