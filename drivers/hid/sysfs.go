package hid

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"passerelle/drivers/frame"
	"passerelle/drivers/usb"
)

// Kind says how a device sends codes.
type Kind uint8

const (
	Other    Kind = iota // neither, or not known
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

// Info describes one HID interface that is plugged in.
type Info struct {
	usb.Interface
	Kind Kind // Other while a program holds the device: its descriptor cannot be read then
}

// List tells which HID interfaces are plugged in. sys is usb.SysFS. A machine without USB has an empty list.
func List(sys string) ([]Info, error) {
	interfaces, err := usb.List(sys)
	if err != nil {
		return nil, err
	}
	var list []Info
	for _, i := range interfaces {
		if i.Class == class {
			info, _ := describe(sys, i)
			list = append(list, info)
		}
	}
	return list, nil
}

// class is that of HID interfaces (USB-IF, Defined Class Codes).
const class = 0x03

// describePort reads what sysfs says of the interface at port. The only error is frame.ErrGone.
func describePort(sys, port string) (Info, *frame.Descriptor, error) {
	i, err := usb.Describe(sys, port)
	if err != nil {
		return Info{}, nil, frame.ErrGone
	}
	info, d := describe(sys, i)
	return info, d, nil
}

// describe reads an interface's report descriptor. d is nil where it has none, because no driver or a program has the interface; Kind
// then follows the interface's boot protocol.
func describe(sys string, i usb.Interface) (info Info, d *frame.Descriptor) {
	info = Info{Interface: i}
	raw := readDescriptor(sys, i.Port)
	if raw == nil {
		if i.SubClass == 1 && i.Protocol == 1 {
			info.Kind = Keyboard
		}
		return info, nil
	}
	described, err := frame.ParseDescriptor(raw)
	switch {
	case err != nil: // one that makes no sense is no scanner's
	case described.POS.Known():
		info.Kind = POS
	case described.Keys.Known():
		info.Kind = Keyboard
	}
	return info, &described
}

// readDescriptor reads the report descriptor of the HID device that the kernel made of the interface at port, nil if it made
// none. Its folder is named bus:vendor:product.number, as 0003:0C2E:0B61.0001.
func readDescriptor(sys, port string) []byte {
	paths, err := filepath.Glob(filepath.Join(sys, usb.Devices, port, "0003:*:*.*", "report_descriptor"))
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
