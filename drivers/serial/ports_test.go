package serial

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"passerelle/drivers/frame"
)

// tree makes files and, for values that start with "->", symbolic links below a new folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, isLink := strings.CutPrefix(content, "->"); isLink {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestPortsAreNamedByPositionAndByDevice(t *testing.T) {
	t.Parallel()
	const (
		acm   = "sys/devices/platform/usb/usb1/1-1/1-1.4/"
		ftdi  = "sys/devices/platform/usb/usb1/1-1/1-1.3/"
		board = "sys/devices/platform/soc/fe201000.serial/"
	)
	root := tree(t, map[string]string{
		"sys/devices/platform/usb/usb1/idVendor":     "1d6b\n",
		"sys/devices/platform/usb/usb1/1-1/idVendor": "05e3\n",

		acm + "idVendor":                     "0c2e\n",
		acm + "idProduct":                    "0b81\n",
		acm + "manufacturer":                 "Maker\n",
		acm + "product":                      "Scanner \x1b[31m\xff\u00e9\n",
		acm + "serial":                       strings.Repeat("7", 2*maxAttr) + "\n",
		acm + "1-1.4:1.0/bInterfaceNumber":   "00\n",
		acm + "1-1.4:1.0/driver":             "->../../../../../../../bus/usb/drivers/cdc_acm",
		acm + "1-1.4:1.0/tty/ttyACM0/device": "->../../../1-1.4:1.0",
		"sys/bus/usb/drivers/cdc_acm/bind":   "",
		"sys/class/tty/ttyACM0":              "->../../devices/platform/usb/usb1/1-1/1-1.4/1-1.4:1.0/tty/ttyACM0",

		ftdi + "idVendor":                             "0403\n",
		ftdi + "idProduct":                            "6001\n",
		ftdi + "1-1.3:1.0/bInterfaceNumber":           "00\n",
		ftdi + "1-1.3:1.0/ttyUSB0/driver":             "->../../../../../../../../bus/usb-serial/drivers/ftdi_sio",
		ftdi + "1-1.3:1.0/ttyUSB0/tty/ttyUSB0/device": "->../../../ttyUSB0",
		"sys/bus/usb-serial/drivers/ftdi_sio/bind":    "",
		"sys/class/tty/ttyUSB0":                       "->../../devices/platform/usb/usb1/1-1/1-1.3/1-1.3:1.0/ttyUSB0/tty/ttyUSB0",

		board + "tty/ttyAMA0/device":        "->../../../fe201000.serial",
		board + "tty/ttyAMA0/type":          "3\n",
		board + "driver":                    "->../../../../bus/amba/drivers/uart-pl011",
		"sys/bus/amba/drivers/uart-pl011/x": "",
		"sys/class/tty/ttyAMA0":             "->../../devices/platform/soc/fe201000.serial/tty/ttyAMA0",

		"sys/devices/platform/serial8250/tty/ttyS1/device": "->../../../serial8250",
		"sys/devices/platform/serial8250/tty/ttyS1/type":   "0\n",
		"sys/class/tty/ttyS1":                              "->../../devices/platform/serial8250/tty/ttyS1",

		"sys/devices/virtual/tty/tty0/uevent": "",
		"sys/class/tty/tty0":                  "->../../devices/virtual/tty/tty0",
		"sys/class/tty/ttyACM9":               "->../../devices/unplugged",

		"dev/serial/by-path/platform-usb-0:1.4:1.0":       "->../../ttyACM0",
		"dev/serial/by-path/platform-usbv2-0:1.4:1.0":     "->../../ttyACM0",
		"dev/serial/by-path/platform-usb-0:1.3:1.0-port0": "->../../ttyUSB0",
		"dev/serial/by-id/usb-Maker_Scanner_7-if00":       "->../../ttyACM0",
	})
	got, err := Ports(root)
	if err != nil {
		t.Fatal(err)
	}
	want := []Port{
		{
			Device: "/dev/ttyACM0", ByPath: "/dev/serial/by-path/platform-usb-0:1.4:1.0", ByID: "/dev/serial/by-id/usb-Maker_Scanner_7-if00",
			Driver: "cdc_acm", USBPath: "1-1.4", USBInterface: "00", Vendor: "0c2e", Product: "0b81",
			Manufacturer: "Maker", ProductName: "Scanner ?[31m??", Serial: strings.Repeat("7", maxAttr),
		},
		{Device: "/dev/ttyAMA0", Driver: "uart-pl011"},
		{
			Device: "/dev/ttyUSB0", ByPath: "/dev/serial/by-path/platform-usb-0:1.3:1.0-port0",
			Driver: "ftdi_sio", USBPath: "1-1.3", USBInterface: "00", Vendor: "0403", Product: "6001",
		},
	}
	if !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

func TestMachineWithoutPorts(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"sys/class/tty/tty0/uevent": ""})
	if got, err := Ports(root); len(got) != 0 || err != nil {
		t.Errorf("got %v, %v; want none", got, err)
	}
	if _, err := Ports(t.TempDir()); err == nil {
		t.Error("no sysfs at all: want an error")
	}
	if _, err := Ports("/"); err != nil {
		t.Errorf("this machine: %v", err)
	}
}

func TestPortOfAUSBInterfaceIsFound(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, folder := range []string{"1-1:1.0/tty/ttyACM0", "1-2.3:1.0/ttyUSB4/tty/ttyUSB4", "1-4:1.0/driver"} {
		if err := os.MkdirAll(filepath.Join(root, "sys/bus/usb/devices", folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for port, want := range map[string]string{"1-1:1.0": "ttyACM0", "1-2.3:1.0": "ttyUSB4", "1-4:1.0": "", "1-5:1.0": ""} {
		got, err := Find(root, port)
		if want == "" {
			if !errors.Is(err, frame.ErrGone) || got != "" {
				t.Errorf("%s: %q, %v", port, got, err)
			}
			continue
		}
		if err != nil || got != filepath.Join(root, "dev", want) {
			t.Errorf("%s: %q, %v, want %s", port, got, err, want)
		}
	}
}
