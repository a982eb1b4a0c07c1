package rig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// gadget is a device that Linux itself presents, by its gadget stack behind dummy_hcd: a second implementation of USB beside package
// usbip, by other people.
type gadget struct {
	t      *testing.T
	folder string // in configfs
	udc    string
	node   string // device file that plays the scanner's end
}

// gadgetConfig describes a gadget with one function.
type gadgetConfig struct {
	vendor, product uint16
	descriptor      []byte // of a HID device; nil is a USB-CDC port
	report          int    // bytes of its longest report
	boot            bool   // it is a boot keyboard
}

const gadgets = "/sys/kernel/config/usb_gadget"

// newGadget makes a gadget on a controller of its own, "dummy_udc.0"; plug plugs it in.
func newGadget(t *testing.T, udc string, c gadgetConfig) *gadget {
	t.Helper()
	onBoard(t)
	g := &gadget{t: t, folder: filepath.Join(gadgets, strings.ReplaceAll(udc, ".", "-")), udc: udc}
	function := "acm.0"
	files := [][2]string{
		{"idVendor", fmt.Sprintf("%#04x", c.vendor)},
		{"idProduct", fmt.Sprintf("%#04x", c.product)},
		{"strings/0x409/manufacturer", "Rig"},
		{"strings/0x409/product", "Scanner"},
		{"strings/0x409/serialnumber", udc},
		{"configs/c.1/MaxPower", "250"},
	}
	if c.descriptor != nil {
		function = "hid.0"
		protocol := "0"
		if c.boot {
			protocol = "1"
		}
		files = append(files, [][2]string{
			{"functions/hid.0/protocol", protocol},
			{"functions/hid.0/subclass", protocol},
			{"functions/hid.0/report_length", fmt.Sprint(c.report)},
			{"functions/hid.0/report_desc", string(c.descriptor)},
		}...)
	}
	for _, folder := range []string{".", "strings/0x409", "configs/c.1", "functions/" + function} {
		if err := os.Mkdir(filepath.Join(g.folder, folder), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			t.Fatal(err)
		}
	}
	t.Cleanup(g.remove)
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(g.folder, f[0]), []byte(f[1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(g.folder, "functions", function), filepath.Join(g.folder, "configs/c.1", function)); err != nil {
		t.Fatal(err)
	}
	return g
}

// plug plugs the gadget in and returns the USB port of its first interface.
func (g *gadget) plug() (port string) {
	g.t.Helper()
	before := deviceFiles()
	if err := os.WriteFile(filepath.Join(g.folder, "UDC"), []byte(g.udc+"\n"), 0o644); err != nil {
		g.t.Fatal(err)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		names, err := filepath.Glob("/sys/bus/usb/devices/*/serial")
		if err != nil {
			g.t.Fatal(err)
		}
		for _, name := range names {
			serial, err := os.ReadFile(name)
			if err != nil || strings.TrimSpace(string(serial)) != g.udc {
				continue
			}
			interfaces, _ := filepath.Glob(filepath.Join(filepath.Dir(name), "*:1.0"))
			if len(interfaces) == 1 {
				g.node = newFile(before, deviceFiles())
				return filepath.Base(interfaces[0])
			}
		}
	}
	g.t.Fatal("the gadget does not appear")
	return ""
}

// deviceFiles are the scanner's ends of all gadgets that are plugged in.
func deviceFiles() []string {
	hid, _ := filepath.Glob("/dev/hidg*")
	serial, _ := filepath.Glob("/dev/ttyGS*")
	return append(hid, serial...)
}

func newFile(before, after []string) string {
	for _, f := range after {
		if !slices.Contains(before, f) {
			return f
		}
	}
	if len(after) > 0 {
		return after[0] // it stays over unplugging
	}
	return ""
}

// unplug pulls the plug.
func (g *gadget) unplug() {
	g.t.Helper()
	if err := os.WriteFile(filepath.Join(g.folder, "UDC"), []byte("\n"), 0o644); err != nil && !errors.Is(err, unix.ENODEV) {
		g.t.Fatal(err)
	}
}

// remove takes the gadget apart, in the reverse order.
func (g *gadget) remove() {
	_ = os.WriteFile(filepath.Join(g.folder, "UDC"), []byte("\n"), 0o644)
	for _, pattern := range []string{"configs/c.1/*.0", "configs/c.1", "functions/*", "strings/0x409", "."} {
		names, _ := filepath.Glob(filepath.Join(g.folder, pattern))
		for _, name := range names {
			if err := os.Remove(name); err != nil {
				g.t.Errorf("remove the gadget: %v", err)
			}
		}
	}
}

// send gives reports, or bytes, to the host, each in one write.
func (g *gadget) send(pause time.Duration, parts ...[]byte) error {
	node, err := os.OpenFile(g.node, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer node.Close()
	for _, p := range parts {
		if _, err := node.Write(p); err != nil {
			return fmt.Errorf("%w: %w", errGone, err)
		}
		time.Sleep(pause)
	}
	return nil
}
