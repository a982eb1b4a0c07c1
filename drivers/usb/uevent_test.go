package usb

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"
)

func uevent(lines ...string) []byte { return []byte(strings.Join(lines, "\x00") + "\x00") }

func TestUevents(t *testing.T) {
	t.Parallel()
	const usb = "/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1.4"
	tests := []struct {
		name string
		msg  []byte
		want Event
		ok   bool
	}{
		{
			"interface comes",
			uevent("add@"+usb+"/1-1.4:1.0", "ACTION=add", "DEVPATH="+usb+"/1-1.4:1.0", "SUBSYSTEM=usb", "DEVTYPE=usb_interface", "PRODUCT=c2e/b61/100", "SEQNUM=4711"),
			Event{"add", "usb", "usb_interface", usb + "/1-1.4:1.0", "1-1.4:1.0"},
			true,
		},
		{
			"hid device of an interface",
			uevent("add@"+usb+"/1-1.4:1.0/0003:0C2E:0B61.0001", "ACTION=add", "DEVPATH="+usb+"/1-1.4:1.0/0003:0C2E:0B61.0001", "SUBSYSTEM=hid", "SEQNUM=4713"),
			Event{"add", "hid", "", usb + "/1-1.4:1.0/0003:0C2E:0B61.0001", "1-1.4:1.0"},
			true,
		},
		{
			"device goes",
			uevent("remove@"+usb, "ACTION=remove", "DEVPATH="+usb, "SUBSYSTEM=usb", "DEVTYPE=usb_device"),
			Event{"remove", "usb", "usb_device", usb, ""},
			true,
		},
		{"from udev", []byte("libudev\x00\xfe\xed\xca\xfe\x28\x00\x00\x00ACTION=add\x00DEVPATH=/x\x00"), Event{}, false},
		{"empty", nil, Event{}, false},
		{"no NUL", []byte("add@/x"), Event{}, false},
		{"no path", uevent("add@", "ACTION=add"), Event{}, false},
		{"variables of another message", uevent("add@/x", "ACTION=remove", "DEVPATH=/x"), Event{}, false},
		{"no variables", uevent("add@/x"), Event{}, false},
		{"our own word for lost events", uevent("lost@/x", "ACTION=lost", "DEVPATH=/x"), Event{}, false},
		{"line without value", uevent("add@/x", "ACTION=add", "DEVPATH=/x", "SUBSYSTEM", "", "=y"), Event{"add", "", "", "/x", ""}, true},
		{"longest", uevent("add@/x", "ACTION=add", "DEVPATH=/x", strings.Repeat("A", maxUevent-30)), Event{"add", "", "", "/x", ""}, true},
		{"one longer", uevent("add@/x", "ACTION=add", "DEVPATH=/x", strings.Repeat("A", maxUevent-29)), Event{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, ok := parseUevent(tt.msg); got != tt.want || ok != tt.ok {
				t.Errorf("%d bytes: got %+v, %v", len(tt.msg), got, ok)
			}
		})
	}
}

func FuzzUevent(f *testing.F) {
	f.Add(uevent("add@/devices/usb1/1-1/1-1:1.0", "ACTION=add", "DEVPATH=/devices/usb1/1-1/1-1:1.0", "SUBSYSTEM=usb", "DEVTYPE=usb_interface"))
	f.Add([]byte("libudev\x00"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		e, ok := parseUevent(msg)
		if !ok && e != (Event{}) {
			t.Errorf("refused, yet %+v", e)
		}
		if e.Port != "" && (!IsPort(e.Port) || strings.Contains(e.Port, "/")) {
			t.Errorf("port %q", e.Port)
		}
	})
}

// The kernel sends a message of the kind that is asked for in a device's uevent file; the loopback interface is always there.
func TestWatchHearsTheKernel(t *testing.T) {
	t.Parallel()
	const lo = "/sys/class/net/lo/uevent"
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	events := make(chan Event, 100)
	ended := make(chan error, 1)
	go func() { ended <- Watch(ctx, func(e Event) { events <- e }) }()
	select {
	case first := <-events:
		if first != (Event{Action: Lost}) {
			t.Errorf("first event %+v", first)
		}
	case err := <-ended:
		t.Fatal(err)
	}
	if err := os.WriteFile(lo, []byte("change"), 0); errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("cannot make the kernel send an event; run as root on Linux: %v", err)
	}
	for {
		select {
		case e := <-events:
			if e.Action != "change" || e.DevPath != "/devices/virtual/net/lo" {
				continue // something else on this machine
			}
			if e.Subsystem != "net" || e.Port != "" {
				t.Errorf("got %+v", e)
			}
		case <-ctx.Done():
			t.Fatal("no event")
		}
		break
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Watch ended with %v", err)
	}
}
