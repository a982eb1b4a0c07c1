package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passerelle/drivers/usb"
)

// machine is a folder that looks like / with USB devices.
type machine struct {
	t    *testing.T
	root string
	next int // number of the next device
}

// plug makes what sysfs has of an interface of a new device; class has two hex digits each of class, subclass, protocol.
func (m *machine) plug(port, class string) {
	m.t.Helper()
	m.next++
	device, _, _ := strings.Cut(port, ":")
	for name, text := range map[string]string{
		device + "/idVendor": "05e0", device + "/idProduct": "1200", device + "/busnum": "1", device + "/devnum": fmt.Sprint(m.next),
		port + "/bInterfaceClass": class[:2], port + "/bInterfaceSubClass": class[2:4], port + "/bInterfaceProtocol": class[4:],
	} {
		path := filepath.Join(m.root, "sys/bus/usb/devices", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			m.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
			m.t.Fatal(err)
		}
	}
}

func (m *machine) file(name, text string) {
	m.t.Helper()
	path := filepath.Join(m.root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) link(to, name string) {
	m.t.Helper()
	path := filepath.Join(m.root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(to, path)); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) unplug(port string) {
	m.t.Helper()
	device, _, _ := strings.Cut(port, ":")
	m.remove(port)
	m.remove(device)
}

func (m *machine) remove(name string) {
	m.t.Helper()
	if err := os.RemoveAll(filepath.Join(m.root, "sys/bus/usb/devices", name)); err != nil {
		m.t.Fatal(err)
	}
}

// noted is what was written into the journal.
type noted struct {
	mu     sync.Mutex
	events []string
}

func (n *noted) note(event string, fields map[string]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events = append(n.events, event+" "+fields["port"]+" "+fields["what"])
}

func (n *noted) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	events := n.events
	n.events = nil
	return events
}

func TestDeviceThatNobodyAskedForIsSaidOnceAndCounted(t *testing.T) {
	t.Parallel()
	m, n := &machine{t: t, root: t.TempDir()}, &noted{}
	h := newHotplug(m.root, []string{"1-1.4:1.0", "1-3", "/dev/serial/by-path/no-such", "/dev/video0"}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	h.note = n.note
	steps := []struct {
		name    string
		do      func()
		want    []string
		foreign int
	}{
		{"the scanner and what is expected", func() { m.plug("1-1.4:1.0", "030000"); m.plug("1-3:1.0", "ff0000") }, nil, 0},
		{"the hub between", func() { m.plug("1-1:1.0", "090000") }, nil, 0},
		{"the scanner's second interface", func() { m.plug("1-1.4:1.1", "030101") }, nil, 0},
		{"a camera that is bound by its file", func() {
			m.plug("1-6:1.0", "0e0100")
			m.file("dev/video0", "")
			m.file("sys/devices/usb1/1-6/idVendor", "046d")
			m.file("sys/devices/usb1/1-6/1-6:1.0/bInterfaceClass", "0e")
			m.link("../../../devices/usb1/1-6/1-6:1.0", "sys/class/video4linux/video0/device")
		}, nil, 0},
		{"a keyboard", func() { m.plug("1-2:1.0", "030101") }, []string{"foreign_device 1-2:1.0 keyboard"}, 1},
		{"nothing new", func() {}, nil, 1},
		{"a stick beside it", func() { m.plug("1-1.5:1.0", "080650") }, []string{"foreign_device 1-1.5:1.0 storage"}, 2},
		{"another keyboard in its place", func() { m.unplug("1-2:1.0"); m.plug("1-2:1.0", "030101") }, []string{"foreign_device 1-2:1.0 keyboard", "foreign_device_gone 1-2:1.0 "}, 2},
		{"a hub with nothing of ours behind", func() { m.plug("1-5:1.0", "090000") }, []string{"foreign_device 1-5:1.0 hub"}, 3},
		{"a network adapter whose second interface is there first", func() { m.plug("1-7:1.1", "0a0000") }, []string{"foreign_device 1-7:1.1 data of another interface"}, 4},
		{"then its first", func() { m.next--; m.plug("1-7:1.0", "020600") }, []string{"foreign_device 1-7:1.0 network adapter"}, 5},
		{"which goes first", func() { m.remove("1-7:1.0") }, nil, 4},
		{"with it", func() { m.unplug("1-7:1.1") }, []string{"foreign_device_gone 1-7:1.1 "}, 3},
		{"all gone", func() { m.unplug("1-2:1.0"); m.unplug("1-1.5:1.0"); m.unplug("1-5:1.0") }, []string{"foreign_device_gone 1-1.5:1.0 ", "foreign_device_gone 1-2:1.0 ", "foreign_device_gone 1-5:1.0 "}, 0},
	}
	for _, s := range steps {
		s.do()
		h.heard(usb.Event{Action: "add", Subsystem: "usb"})
		if got := n.take(); !slices.Equal(got, s.want) || h.foreigners() != s.foreign {
			t.Errorf("%s: %q, %d foreign, want %q, %d", s.name, got, h.foreigners(), s.want, s.foreign)
		}
	}
}

func TestDevicesWithoutEndDoNotFillTheJournal(t *testing.T) {
	t.Parallel()
	m, n := &machine{t: t, root: t.TempDir()}, &noted{}
	h := newHotplug(m.root, nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
	h.note = n.note
	for range 2 * maxRecords {
		m.plug("1-2:1.0", "030101")
		m.plug("1-2:1.1", "030102") // two interfaces of one device: the number is that of the second
		h.heard(usb.Event{Action: "add", Subsystem: "usb"})
		m.unplug("1-2:1.0")
		m.unplug("1-2:1.1")
		h.heard(usb.Event{Action: "remove", Subsystem: "usb"})
	}
	events := n.take()
	if len(events) != maxRecords || !strings.HasPrefix(events[maxRecords-1], "foreign_devices_flood") {
		t.Errorf("%d entries, the last one %q", len(events), events[len(events)-1])
	}
}

func TestLaneThatWaitsIsWokenByTheKernel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHotplug(t.TempDir(), nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
		took := func(what string, want time.Duration) {
			t.Helper()
			begun := time.Now()
			h.await(t.Context())
			if got := time.Since(begun); got != want {
				t.Errorf("%s: waited %v, want %v", what, got, want)
			}
		}
		time.Sleep(time.Hour)
		took("nothing is heard", blindStep)
		time.AfterFunc(300*time.Millisecond, func() { h.heard(usb.Event{Action: "add", Subsystem: "tty"}) })
		took("a port comes", 300*time.Millisecond)
		took("its file may not be there yet", settleStep)
		time.AfterFunc(time.Millisecond, func() { h.heard(usb.Event{Action: "bind", Subsystem: "usb"}) })
		took("a scanner that fails makes news itself", settleStep)
		time.Sleep(settle)
		took("long after", blindStep)
		h.deaf = true
		took("the kernel is not to be heard", deafStep)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		h.await(ctx)
	})
}

func TestOnlyScannersOfThisMachineAreAwaitedByItsHotPlug(t *testing.T) {
	t.Parallel()
	c, err := loadConfig(written(t, stateLine+serialLane+"[[lane]]\nid = \"2\"\nscanner = \"tcp\"\npath = \"192.0.2.1:2001\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.station()
	if err != nil {
		t.Fatal(err)
	}
	o.hotplug = newHotplug(t.TempDir(), c.bound(), slog.New(slog.DiscardHandler))
	outputs, err := c.outputs(o)
	if err != nil {
		t.Fatal(err)
	}
	defer outputs.Close()
	if o.lanes[0].Changed == nil || o.lanes[1].Changed != nil {
		t.Errorf("serial waits for events: %v, tcp: %v, want true and false", o.lanes[0].Changed != nil, o.lanes[1].Changed != nil)
	}
}
