package serial

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"passerelle/drivers/frame"
)

// maxAttr bounds what is read of one sysfs attribute. USB strings have at most 126 characters; they come from the device.
const maxAttr = 512

// Port is one serial port that the kernel knows. Empty fields are unknown; USB fields are empty for a port that is not on USB.
// What the device says of itself is printable ASCII, with '?' for anything else: it is safe to show in a terminal.
type Port struct {
	Device string // /dev/ttyACM0
	ByPath string // /dev/serial/by-path/…, the name that stays with the socket; give this to Options.Path
	ByID   string // /dev/serial/by-id/…, the name that goes with the device
	Driver string // kernel driver: cdc_acm, ftdi_sio, uart-pl011

	USBPath      string // position on the bus: 1-1.4 is port 4 of the hub in port 1 of bus 1
	USBInterface string // interface number, two hex digits
	Vendor       string // four hex digits
	Product      string // four hex digits
	Manufacturer string
	ProductName  string
	Serial       string
}

// Ports lists the serial ports below root, "/" on a real machine, in the order of their names. It opens none of them.
func Ports(root string) ([]Port, error) {
	class := filepath.Join(root, "sys/class/tty")
	entries, err := os.ReadDir(class)
	if err != nil {
		return nil, fmt.Errorf("list serial ports: %w", err)
	}
	byPath, err := aliases(root, "dev/serial/by-path")
	if err != nil {
		return nil, fmt.Errorf("list serial ports: %w", err)
	}
	byID, err := aliases(root, "dev/serial/by-id")
	if err != nil {
		return nil, fmt.Errorf("list serial ports: %w", err)
	}
	var ports []Port
	for _, e := range entries {
		name := e.Name()
		tty := filepath.Join(class, name)
		device, err := filepath.EvalSymlinks(filepath.Join(tty, "device"))
		if err != nil || empty(tty) {
			continue // a console, a pseudo-terminal, or an unplug while we look
		}
		p := Port{Device: "/dev/" + name, ByPath: byPath[name], ByID: byID[name]}
		if driver, err := filepath.EvalSymlinks(filepath.Join(device, "driver")); err == nil {
			p.Driver = filepath.Base(driver)
		}
		p.describeUSB(root, device)
		ports = append(ports, p)
	}
	return ports, nil
}

// Find returns the device file of the serial port that the USB interface at port has, "1-1.4:1.0", below root. The error is frame.ErrGone
// where there is none: nothing is plugged in, or what is has no serial driver yet.
func Find(root, port string) (string, error) {
	folder := filepath.Join(root, "sys/bus/usb/devices", port)
	for _, pattern := range []string{"tty/tty*", "tty*"} { // USB-CDC, and converters
		names, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			return "", fmt.Errorf("find serial port %s: %w", port, err)
		}
		for _, name := range names {
			if base := filepath.Base(name); base != "tty" {
				return filepath.Join(root, "dev", base), nil
			}
		}
	}
	return "", fmt.Errorf("find serial port %s: %w", port, frame.ErrGone)
}

// empty reports whether the entry is one of the four ttyS places that the kernel keeps on every machine, with no chip behind it:
// its type is 0 (PORT_UNKNOWN).
func empty(tty string) bool { return attr(tty, "type") == "0" }

// aliases maps the name of a tty to the symbolic link in dir that leads to it. A machine without ports has no such folder.
func aliases(root, dir string) (map[string]string, error) {
	links, err := os.ReadDir(filepath.Join(root, dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(links))
	for _, l := range links {
		target, err := os.Readlink(filepath.Join(root, dir, l.Name()))
		if err != nil {
			continue
		}
		// A controller may have two names for one socket, "usb" and "usbv2": ReadDir sorts, the first one stays.
		if name := filepath.Base(target); names[name] == "" {
			names[name] = filepath.Join("/", dir, l.Name())
		}
	}
	return names, nil
}

// describeUSB fills in the USB fields from the folders above device: first the interface, then the device.
func (p *Port) describeUSB(root, device string) {
	top, err := filepath.EvalSymlinks(filepath.Join(root, "sys"))
	if err != nil {
		return
	}
	for dir := device; strings.HasPrefix(dir, top+"/"); dir = filepath.Dir(dir) {
		if p.USBInterface == "" {
			p.USBInterface = attr(dir, "bInterfaceNumber")
		}
		if vendor := attr(dir, "idVendor"); vendor != "" {
			p.USBPath = filepath.Base(dir)
			p.Vendor, p.Product = vendor, attr(dir, "idProduct")
			p.Manufacturer, p.ProductName, p.Serial = attr(dir, "manufacturer"), attr(dir, "product"), attr(dir, "serial")
			return
		}
	}
}

// attr reads one sysfs attribute; a missing one is empty.
func attr(dir, name string) string {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxAttr))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(strings.Map(printable, strings.TrimRight(string(b), "\n")))
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}
