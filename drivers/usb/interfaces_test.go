package usb

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// plug makes the sysfs entries of one interface, as the kernel has them.
func plug(t *testing.T, sys, port, class, subClass, protocol string) {
	t.Helper()
	device, _, _ := strings.Cut(port, ":")
	for name, content := range map[string]string{
		device + "/idVendor": "0c2e\n", device + "/idProduct": "0b61\n", device + "/busnum": "1\n", device + "/devnum": "7\n",
		device + "/manufacturer": "Honey\x1bwell\n", device + "/product": strings.Repeat("é", 200) + "\n",
		port + "/bInterfaceClass": class + "\n", port + "/bInterfaceSubClass": subClass + "\n", port + "/bInterfaceProtocol": protocol + "\n",
	} {
		path := filepath.Join(sys, Devices, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestListSaysWhatIsPluggedIn(t *testing.T) {
	t.Parallel()
	sys := t.TempDir()
	var want []string
	for _, tt := range []struct{ port, class, subClass, protocol, what string }{
		{"1-1:1.0", "03", "01", "01", "keyboard"},
		{"1-1:1.1", "03", "01", "02", "mouse"},
		{"1-1:1.2", "03", "00", "00", "HID device"},
		{"1-2:1.0", "08", "06", "50", "storage"},
		{"1-3:1.0", "02", "06", "00", "network adapter"},
		{"1-3:1.1", "0a", "00", "00", "data of another interface"},
		{"1-4:1.0", "e0", "01", "03", "network adapter"},
		{"1-5:1.0", "02", "02", "ff", "network adapter"}, // RNDIS by its older numbers
		{"1-6:1.0", "02", "02", "01", "serial port"},
		{"1-7.1:1.0", "09", "00", "00", "hub"},
		{"1-7.2:1.0", "0e", "01", "00", "camera"},
		{"1-8:1.0", "ff", "00", "00", "device of its maker's own class"},
		{"1-9:1.0", "e0", "01", "01", "radio"},
	} {
		plug(t, sys, tt.port, tt.class, tt.subClass, tt.protocol)
		want = append(want, tt.port+" "+tt.what)
	}
	plug(t, sys, "1-0:1.0", "09", "00", "00") // a root hub is part of the box
	list, err := List(sys)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range list {
		got = append(got, i.Port+" "+i.What())
		if i.Maker != "Honey?well" || i.Name != strings.Repeat("é", maxName) || i.Vendor != 0x0c2e || i.Node != "/dev/bus/usb/001/007" {
			t.Errorf("%+v", i)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestMachineWithoutUSBHasAnEmptyList(t *testing.T) {
	t.Parallel()
	if got, err := List(t.TempDir()); got != nil || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestPortWithNothingInIt(t *testing.T) {
	t.Parallel()
	if i, err := Describe(t.TempDir(), "1-1:1.0"); err != ErrNone || i != (Interface{}) {
		t.Errorf("got %+v, %v", i, err)
	}
}

func TestPortNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"1-1:1.0": true, "1-1.4:1.0": true, "12-1.4.3.2.7:2.11": true,
		"": false, "1-1": false, "usb1": false, "1-0:1": false, "1-1:1.0/..": false, "../1-1:1.0": false, "1-../x:1.0": false,
		"1-1.:1.0": false, "1-:1.0": false, "-1:1.0": false, "1-1:.0": false, "+1-1:1.0": false, "1-1:1.256": false, "1-1*:1.0": false,
		"1-" + strings.Repeat("1.", 28) + "12:1.0":  true,
		"1-" + strings.Repeat("1.", 28) + "123:1.0": false,
	} {
		if got := IsPort(name); got != want {
			t.Errorf("%q (%d): got %v, want %v", name, len(name), got, want)
		}
	}
}
