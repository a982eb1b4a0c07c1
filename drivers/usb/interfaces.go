package usb

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
)

// Interface is one interface of a device that is plugged in.
type Interface struct {
	Port            string // where it is plugged in, "1-1.4:1.0"
	Vendor, Product uint16
	Class           byte // these three say what it is (USB-IF, Defined Class Codes)
	SubClass        byte
	Protocol        byte
	Maker           string // these three as the device tells them, made printable, at most 126 characters (USB 2.0, section 9.6.7)
	Name            string
	Serial          string
	Driver          string // of the kernel; "usbfs": a program holds it; "": none
	Node            string // device file that must be writable to open it
}

// Classes of interfaces (USB-IF, Defined Class Codes).
const (
	classAudio    = 0x01
	classComm     = 0x02
	classHID      = 0x03
	classPrinter  = 0x07
	classStorage  = 0x08
	classHub      = 0x09
	classData     = 0x0A
	classCard     = 0x0B
	classVideo    = 0x0E
	classWireless = 0xE0
	classOwn      = 0xFF

	subClassBoot      = 0x01 // of HID
	protocolKeyboard  = 0x01
	protocolMouse     = 0x02
	subClassACM       = 0x02 // of communication: a modem, or a serial scanner
	subClassRNDIS     = 0x01 // of wireless: protocol 3 is RNDIS
	protocolRNDIS     = 0x03
	protocolBluetooth = 0x01
)

// What says in a word or two what the interface is, for people.
func (i *Interface) What() string {
	switch i.Class {
	case classHID:
		switch {
		case i.SubClass == subClassBoot && i.Protocol == protocolKeyboard:
			return "keyboard"
		case i.SubClass == subClassBoot && i.Protocol == protocolMouse:
			return "mouse"
		}
		return "HID device"
	case classStorage:
		return "storage"
	case classHub:
		return "hub"
	case classComm:
		if i.SubClass == subClassACM && i.Protocol != classOwn {
			return "serial port"
		}
		return "network adapter"
	case classWireless:
		if i.SubClass == subClassRNDIS && i.Protocol == protocolRNDIS {
			return "network adapter"
		}
		return "radio"
	case classData:
		return "data of another interface"
	case classVideo:
		return "camera"
	case classAudio:
		return "sound"
	case classPrinter:
		return "printer"
	case classCard:
		return "card reader"
	}
	return "device of its maker's own class"
}

// Device is the port of the device that the interface belongs to, "1-1.4".
func (i *Interface) Device() string {
	device, _, _ := strings.Cut(i.Port, ":")
	return device
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

// Devices is the folder of USB devices and interfaces below SysFS.
const Devices = "bus/usb/devices"

// ErrNone says that nothing is plugged in at a port.
var ErrNone = errors.New("nothing is plugged in there")

// List tells what is plugged in, by port. sys is SysFS. A machine without USB has an empty list; root hubs are not in it.
func List(sys string) ([]Interface, error) {
	dir, err := os.Open(filepath.Join(sys, Devices))
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
	var list []Interface
	for _, name := range names {
		if !IsPort(name) || isRootHub(name) {
			continue
		}
		i, err := Describe(sys, name)
		if err != nil {
			continue // it was unplugged meanwhile
		}
		list = append(list, i)
	}
	slices.SortFunc(list, func(a, b Interface) int { return strings.Compare(a.Port, b.Port) })
	return list, nil
}

// Describe tells what is plugged in at a port, "1-1.4:1.0". The only error is ErrNone.
func Describe(sys, port string) (Interface, error) {
	if _, err := os.Stat(filepath.Join(sys, Devices, port)); err != nil {
		return Interface{}, ErrNone
	}
	i := Interface{Port: port}
	device := i.Device()
	number := func(of, name string, base, bits int) uint64 {
		n, _ := strconv.ParseUint(attribute(sys, of, name), base, bits)
		return n
	}
	i.Vendor, i.Product = uint16(number(device, "idVendor", 16, 16)), uint16(number(device, "idProduct", 16, 16))
	i.Class = byte(number(port, "bInterfaceClass", 16, 8))
	i.SubClass = byte(number(port, "bInterfaceSubClass", 16, 8))
	i.Protocol = byte(number(port, "bInterfaceProtocol", 16, 8))
	i.Maker, i.Name, i.Serial = attribute(sys, device, "manufacturer"), attribute(sys, device, "product"), attribute(sys, device, "serial")
	i.Node = fmt.Sprintf("/dev/bus/usb/%03d/%03d", number(device, "busnum", 10, 16), number(device, "devnum", 10, 16))
	if link, err := os.Readlink(filepath.Join(sys, Devices, port, "driver")); err == nil {
		i.Driver = filepath.Base(link)
	}
	return i, nil
}

// attribute reads a sysfs attribute of a USB device or interface, "" if it has none, and makes it printable: the text comes from the
// device.
func attribute(sys, device, name string) string {
	file, err := os.Open(filepath.Join(sys, Devices, device, name))
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

// IsPort reports whether s names an interface: bus-port[.port…]:configuration.interface, all numbers.
func IsPort(s string) bool {
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

// isRootHub reports whether a port's name is that of a root hub's interface, "1-0:1.0".
func isRootHub(port string) bool { return strings.Contains(port, "-0:") }

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 8)
	return err == nil && s[0] != '+'
}
