package hid

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"passerelle/drivers/frame"
)

// Kind says how a device sends codes.
type Kind uint8

const (
	Other    Kind = iota // neither, or not known; in a Config: to be found
	POS                  // reports of the point-of-sale page
	Keyboard             // key codes
)

func (k Kind) String() string {
	switch k {
	case Other:
		return "other"
	case POS:
		return "pos"
	case Keyboard:
		return "keyboard"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// UnmarshalText reads the names that String gives, and "auto" for Other.
func (k *Kind) UnmarshalText(text []byte) error {
	switch string(text) {
	case "auto", "other":
		*k = Other
	case "pos":
		*k = POS
	case "keyboard":
		*k = Keyboard
	default:
		return fmt.Errorf("unknown scanner kind %q: want auto, pos or keyboard", text)
	}
	return nil
}

// Info describes one HID interface that is plugged in.
type Info struct {
	Port            string // where it is plugged in, "1-1.4:1.0"
	Vendor, Product uint16
	Kind            Kind   // Other while a program holds the device: its descriptor cannot be read then
	Maker           string // these three as the device tells them, made printable, at most 126 characters (USB 2.0, section 9.6.7)
	Name            string
	Serial          string
	Driver          string // "usbhid": the kernel's; "usbfs": a program holds it; "": none
	Node            string // device file that must be writable to open it
}

// Limits on what is read from sysfs.
const (
	maxPort       = 64 // characters of a port's name
	maxAttribute  = 4 * maxName
	maxName       = 126 // characters of a USB string
	maxInterfaces = 256 // entries of the USB bus looked at
)

// SysFS is where sysfs is mounted.
const SysFS = "/sys"

const usbDevices = "bus/usb/devices"

// List tells what is plugged in. sys is SysFS. A machine without USB has an empty list.
func List(sys string) ([]Info, error) {
	dir, err := os.Open(filepath.Join(sys, usbDevices))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list USB devices: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(maxInterfaces)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("list USB devices: %w", err)
	}
	var list []Info
	for _, name := range names {
		if !isPort(name) || readAttribute(sys, name, "bInterfaceClass") != "03" {
			continue
		}
		info, _, err := describe(sys, name)
		if err != nil {
			continue // it was unplugged meanwhile
		}
		list = append(list, info)
	}
	slices.SortFunc(list, func(a, b Info) int { return strings.Compare(a.Port, b.Port) })
	return list, nil
}

// describe reads what sysfs says of the interface at port. d is nil where it has no report descriptor, because no driver or a
// program has the interface; Kind then follows the interface's boot protocol. The only error is frame.ErrGone.
func describe(sys, port string) (info Info, d *frame.Descriptor, err error) {
	device, _, _ := strings.Cut(port, ":")
	if _, err := os.Stat(filepath.Join(sys, usbDevices, port)); err != nil {
		return Info{}, nil, frame.ErrGone
	}
	number := func(name string, base, bits int) uint64 {
		n, _ := strconv.ParseUint(readAttribute(sys, device, name), base, bits)
		return n
	}
	info = Info{
		Port:    port,
		Vendor:  uint16(number("idVendor", 16, 16)),
		Product: uint16(number("idProduct", 16, 16)),
		Maker:   readAttribute(sys, device, "manufacturer"),
		Name:    readAttribute(sys, device, "product"),
		Serial:  readAttribute(sys, device, "serial"),
		Node:    fmt.Sprintf("/dev/bus/usb/%03d/%03d", number("busnum", 10, 16), number("devnum", 10, 16)),
	}
	if link, err := os.Readlink(filepath.Join(sys, usbDevices, port, "driver")); err == nil {
		info.Driver = filepath.Base(link)
	}
	raw := readDescriptor(sys, port)
	if raw == nil {
		if readAttribute(sys, port, "bInterfaceSubClass") == "01" && readAttribute(sys, port, "bInterfaceProtocol") == "01" {
			info.Kind = Keyboard
		}
		return info, nil, nil
	}
	described, err := frame.ParseDescriptor(raw)
	switch {
	case err != nil: // one that makes no sense is no scanner's
	case described.POS.Known():
		info.Kind = POS
	case described.Keys.Known():
		info.Kind = Keyboard
	}
	return info, &described, nil
}

// readDescriptor reads the report descriptor of the HID device that the kernel made of the interface at port, nil if it made
// none. Its folder is named bus:vendor:product.number, as 0003:0C2E:0B61.0001.
func readDescriptor(sys, port string) []byte {
	paths, err := filepath.Glob(filepath.Join(sys, usbDevices, port, "0003:*:*.*", "report_descriptor"))
	if err != nil || len(paths) == 0 {
		return nil
	}
	file, err := os.Open(paths[0])
	if err != nil {
		return nil
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, frame.MaxDescriptor+1))
	if err != nil || len(raw) == 0 {
		return nil
	}
	return raw
}

// bindKernelDriver gives an interface without a driver back to the kernel, which then reads its descriptor. It needs to be root.
func bindKernelDriver(sys, port string) error {
	file, err := os.OpenFile(filepath.Join(sys, "bus/usb/drivers/usbhid/bind"), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("bind kernel driver: %w", err)
	}
	_, err = file.WriteString(port)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("bind kernel driver: %w", err)
	}
	return nil
}

// readAttribute reads a sysfs attribute of a USB device or interface, "" if it has none, and makes it printable: the text comes
// from the device.
func readAttribute(sys, device, name string) string {
	file, err := os.Open(filepath.Join(sys, usbDevices, device, name))
	if err != nil {
		return ""
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxAttribute))
	if err != nil {
		return ""
	}
	text := bytes.Runes(bytes.TrimSpace(raw))
	text = text[:min(len(text), maxName)]
	for i, r := range text {
		if !strconv.IsPrint(r) || r == utf8.RuneError {
			text[i] = '?'
		}
	}
	return string(text)
}

// isPort reports whether s names an interface: bus-port[.port…]:configuration.interface, all numbers.
func isPort(s string) bool {
	if len(s) > maxPort {
		return false
	}
	bus, rest, ok := strings.Cut(s, "-")
	ports, rest, ok2 := strings.Cut(rest, ":")
	configuration, number, ok3 := strings.Cut(rest, ".")
	if !ok || !ok2 || !ok3 || !isNumber(bus) || !isNumber(configuration) || !isNumber(number) {
		return false
	}
	for port := range strings.SplitSeq(ports, ".") {
		if !isNumber(port) {
			return false
		}
	}
	return true
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 8)
	return err == nil && s[0] != '+'
}
