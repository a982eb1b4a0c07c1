package usb

import (
	"bytes"
	"strings"
)

// maxUevent is the longest message of the kernel that is read: 2,048 bytes of variables (UEVENT_BUFFER_SIZE) and a path.
const maxUevent = 8192

// Lost is the action of an Event that stands for events that were missed: look at everything again.
const Lost = "lost"

// Event is one message of the kernel about a device that came, went or changed.
type Event struct {
	Action    string // add, remove, bind, unbind, change, …, or Lost
	Subsystem string // usb, hid, tty, …
	DevType   string // usb_device, usb_interface, or ""
	DevPath   string // below SysFS
	Port      string // the USB interface that the device is or belongs to, "1-1.4:1.0", or ""
}

// parseUevent reads a message of the kernel: "action@devpath", then variables, each ended by a NUL (lib/kobject_uevent.c). It
// reports false for anything else, such as what udev sends.
func parseUevent(msg []byte) (Event, bool) {
	if len(msg) > maxUevent {
		return Event{}, false
	}
	head, rest, ok := bytes.Cut(msg, []byte{0})
	if !ok || !bytes.Contains(head, []byte("@/")) {
		return Event{}, false
	}
	var e Event
	for len(rest) > 0 {
		var variable []byte
		variable, rest, _ = bytes.Cut(rest, []byte{0})
		name, value, _ := strings.Cut(string(variable), "=")
		switch name {
		case "ACTION":
			e.Action = value
		case "DEVPATH":
			e.DevPath = value
		case "SUBSYSTEM":
			e.Subsystem = value
		case "DEVTYPE":
			e.DevType = value
		}
	}
	if string(head) != e.Action+"@"+e.DevPath || e.Action == Lost {
		return Event{}, false
	}
	for name := range strings.SplitSeq(e.DevPath, "/") {
		if IsPort(name) {
			e.Port = name
		}
	}
	return e, true
}
