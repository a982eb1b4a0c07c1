package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"passerelle/drivers/usb"
)

// Times of plugging in and out.
const (
	// settle is how long after the kernel's last word a scanner may still be getting ready: device files appear, and a library that has not
	// noticed yet still holds the old one. Meanwhile a lane tries every settleStep.
	settle     = 2 * time.Second
	settleStep = 50 * time.Millisecond

	// blindStep is between attempts where nothing was heard: a port may be given free by another program, which no kernel tells.
	blindStep = time.Second

	// deafStep is the same where the kernel cannot be listened to.
	deafStep = 250 * time.Millisecond
)

// hotplug hears from the kernel what is plugged in and out, for all lanes of the process.
type hotplug struct {
	root  string   // where /sys and /dev are
	bound []string // of lanes, and what the installer expects: USB ports ("1-1.4", "1-1.4:1.0") and device files
	log   *slog.Logger
	note  func(event string, fields map[string]string)

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each change; guarded by mu
	last    time.Time     // of the last change; guarded by mu
	deaf    bool          // the kernel cannot be listened to; guarded by mu
	foreign []usb.Interface

	// Owned by run.
	hour    time.Time // in which records are counted
	records int
}

func newHotplug(root string, bound []string, log *slog.Logger) *hotplug {
	return &hotplug{root: root, bound: bound, log: log, note: func(string, map[string]string) {}, changed: make(chan struct{})}
}

// run listens until the context ends.
func (h *hotplug) run(ctx context.Context) {
	err := usb.Watch(ctx, h.heard)
	if ctx.Err() != nil {
		return
	}
	h.log.Error("hot-plug: the kernel cannot be listened to; lanes look for their scanners by themselves", "err", err)
	h.mu.Lock()
	h.deaf = true
	h.mu.Unlock()
	for ctx.Err() == nil {
		h.look()
		select {
		case <-ctx.Done():
		case <-time.After(blindStep):
		}
	}
}

// heard wakes the lanes that wait for a scanner, and looks what else came.
func (h *hotplug) heard(e usb.Event) {
	h.mu.Lock()
	h.last = time.Now()
	close(h.changed)
	h.changed = make(chan struct{})
	h.mu.Unlock()
	if e.Action == usb.Lost || e.Subsystem == "usb" {
		h.look()
	}
}

// await waits until it may be worth to open a scanner again.
func (h *hotplug) await(ctx context.Context) {
	h.mu.Lock()
	changed, step := h.changed, blindStep
	switch {
	case h.deaf:
		step = deafStep
	case time.Since(h.last) < settle:
		step = settleStep
	}
	h.mu.Unlock()
	begun := time.Now()
	sleep(ctx, step, changed)
	// A scanner that fails as soon as it is open makes news itself: nobody tries more often than this.
	sleep(ctx, settleStep-time.Since(begun), nil)
}

// sleep waits for d, or less if the context ends or something is closed.
func sleep(ctx context.Context, d time.Duration, sooner <-chan struct{}) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-sooner:
	}
}

// look finds out which devices nobody asked for, and says so once when one comes and when it goes. They are never opened; storage and
// network adapters find no driver on the appliance either.
func (h *hotplug) look() {
	all, err := usb.List(filepath.Join(h.root, "sys"))
	if err != nil {
		h.log.Error("hot-plug", "err", err)
		return
	}
	bound := h.boundPorts()
	var now []usb.Interface
	for _, i := range all {
		if !isBound(&i, bound) {
			now = append(now, i)
		}
	}
	h.mu.Lock()
	before := h.foreign
	h.foreign = now
	h.mu.Unlock()
	for _, i := range devices(now) {
		// Of a device that has just come the kernel may show a later interface first: then it is said again, with what it is.
		if !slices.ContainsFunc(devices(before), func(o usb.Interface) bool { return sameDevice(&i, &o) && o.Port <= i.Port }) {
			h.log.Warn("a device that no lane is bound to was plugged in; it is not read", "port", i.Port, "what", i.What(),
				"id", fmt.Sprintf("%04x:%04x", i.Vendor, i.Product), "maker", i.Maker, "name", i.Name)
			h.record("foreign_device", map[string]string{"port": i.Port, "what": i.What(), "id": fmt.Sprintf("%04x:%04x", i.Vendor, i.Product)})
		}
	}
	for _, o := range devices(before) {
		if !slices.ContainsFunc(now, func(i usb.Interface) bool { return sameDevice(&i, &o) }) {
			h.log.Info("a device that no lane is bound to is gone", "port", o.Port, "what", o.What())
			h.record("foreign_device_gone", map[string]string{"port": o.Port})
		}
	}
}

// devices keeps the first interface of each device.
func devices(all []usb.Interface) (first []usb.Interface) {
	for _, i := range all {
		if !slices.ContainsFunc(first, func(o usb.Interface) bool { return sameDevice(&i, &o) }) {
			first = append(first, i)
		}
	}
	return first
}

// maxRecords is how many comings and goings are journaled in an hour: whoever plugs in and out without end must not fill the journal.
const maxRecords = 60

// record journals an event, as long as there were not too many.
func (h *hotplug) record(event string, fields map[string]string) {
	now := time.Now()
	if now.Sub(h.hour) >= time.Hour {
		h.hour, h.records = now, 0
	}
	h.records++
	switch {
	case h.records < maxRecords:
		h.note(event, fields)
	case h.records == maxRecords:
		h.log.Error("devices come and go without end: no more of them is journaled in this hour")
		h.note("foreign_devices_flood", fields)
	}
}

// sameDevice reports whether two sights are of one device that was not unplugged between them: its number is new each time.
func sameDevice(a, b *usb.Interface) bool { return a.Device() == b.Device() && a.Node == b.Node }

// boundPorts returns the USB ports, "1-1.4", of all that is bound. A device file is followed to the port that it is of now.
func (h *hotplug) boundPorts() []string {
	var ports []string
	for _, b := range h.bound {
		if !strings.HasPrefix(b, "/") {
			device, _, _ := strings.Cut(b, ":")
			ports = append(ports, device)
			continue
		}
		if port := h.portOf(b); port != "" {
			ports = append(ports, port)
		}
	}
	return ports
}

// portOf returns the USB port of the device that a file is of, "" if it is of none.
func (h *hotplug) portOf(file string) string {
	real, err := filepath.EvalSymlinks(filepath.Join(h.root, file))
	if err != nil {
		return "" // unplugged
	}
	for _, class := range []string{"tty", "video4linux"} {
		folder, err := filepath.EvalSymlinks(filepath.Join(h.root, "sys/class", class, filepath.Base(real), "device"))
		if err != nil {
			continue
		}
		for ; strings.Contains(folder, "-"); folder = filepath.Dir(folder) { // up to the device, below its bus
			if _, err := os.Stat(filepath.Join(folder, "idVendor")); err == nil {
				return filepath.Base(folder)
			}
		}
	}
	return ""
}

// isBound reports whether an interface belongs to a device in one of these ports. A scanner's second interface is the scanner's; a hub
// is bound if something behind it is.
func isBound(i *usb.Interface, ports []string) bool {
	device := i.Device()
	return slices.ContainsFunc(ports, func(p string) bool {
		return p == device || i.What() == "hub" && strings.HasPrefix(p, device+".")
	})
}

// foreigners returns how many interfaces are plugged in that nobody asked for.
func (h *hotplug) foreigners() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.foreign)
}
