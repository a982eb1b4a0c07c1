package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Report descriptors: a point-of-sale scanner with its data in byte items, a boot keyboard (HID 1.11, appendix B.1), a mouse.
const (
	posDescriptor = "\x05\x8c\x09\x02\xa1\x01\x09\x12\xa1\x02\x85\x02\x75\x08\x95\x01\x05\x01\x09\x3b\x81\x02\x95\x03\x05\x8c" +
		"\x09\xfb\x09\xfc\x09\xfd\x81\x02\x95\x38\x09\xfe\x82\x02\x01\x95\x02\x81\x03\x75\x01\x95\x08\x09\xff\x81\x02\xc0\xc0"
	keysDescriptor = "\x05\x01\x09\x06\xa1\x01\x05\x07\x19\xe0\x29\xe7\x75\x01\x95\x08\x81\x02\x95\x01\x75\x08\x81\x01" +
		"\x95\x06\x75\x08\x05\x07\x19\x00\x29\x65\x81\x00\xc0"
	mouseDescriptor = "\x05\x01\x09\x02\xa1\x01\x05\x09\x19\x01\x29\x03\x75\x01\x95\x08\x81\x02\xc0"
)

// board is a machine that is made up: its files below a folder.
type board struct {
	t    *testing.T
	root string
	n    int
}

func newBoard(t *testing.T) *board {
	t.Helper()
	b := &board{t: t, root: t.TempDir()}
	b.file("sys/class/tty/README", "")
	return b
}

func (b *board) file(name, text string) {
	b.t.Helper()
	path := filepath.Join(b.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// plug makes the sysfs entries of one interface: class holds class, subclass and protocol.
func (b *board) plug(port, id, class, driver, descriptor string) {
	b.t.Helper()
	b.n++
	device, _, _ := strings.Cut(port, ":")
	folder := "sys/bus/usb/devices/"
	vendor, product, _ := strings.Cut(id, ":")
	numbers := strings.Fields(class)
	for name, text := range map[string]string{
		device + "/idVendor": vendor, device + "/idProduct": product, device + "/busnum": "1", device + "/devnum": fmt.Sprint(b.n),
		device + "/product": "Thing", port + "/bInterfaceClass": numbers[0], port + "/bInterfaceSubClass": numbers[1], port + "/bInterfaceProtocol": numbers[2],
	} {
		b.file(folder+name, text+"\n")
	}
	b.file(fmt.Sprintf("dev/bus/usb/001/%03d", b.n), "")
	if descriptor != "" {
		b.file(folder+port+"/0003:0C2E:0B61.0001/report_descriptor", descriptor)
	}
	if driver != "" {
		if err := os.Symlink("../../drivers/"+driver, filepath.Join(b.root, folder, port, "driver")); err != nil {
			b.t.Fatal(err)
		}
	}
}

// doctor runs the command over the board.
func (b *board) doctor(lanes string) string {
	b.t.Helper()
	config := filepath.Join(b.root, "passerelle.toml")
	b.file("passerelle.toml", fmt.Sprintf("state = %q\nprofile = \"health\"\n[clock]\nsource = \"system\"\n%s", filepath.Join(b.root, "state"), lanes))
	var out, errs bytes.Buffer
	execute(b.t.Context(), []string{"doctor", "--root", b.root, "--config", config}, streams{out: &out, err: &errs})
	if errs.Len() > 0 {
		b.t.Errorf("it says %s", errs.String())
	}
	return out.String()
}

func TestDoctorSaysWhatIsInTheWrongPlaceOrMode(t *testing.T) {
	t.Parallel()
	const keyboardClass, hidClass = "03 01 01", "03 00 00"
	lane := func(scanner, path string) string {
		return fmt.Sprintf("[[lane]]\nid = \"1\"\nscanner = %q\npath = %q\n", scanner, path)
	}
	for _, tt := range []struct {
		name  string
		plug  func(b *board)
		lanes string
		want  []string // patterns, of lines in this order
	}{
		{"a point-of-sale scanner", func(b *board) {
			b.plug("1-1.3:1.0", "0c2e:0b61", hidClass, "usbhid", posDescriptor)
		}, lane("hid", "1-1.3:1.0"), []string{
			`^ok +lane 1 +1-1.3:1.0, HID point-of-sale, Thing \(0c2e:0b61\)$`,
			`^ok +USB-HID +1-1.3:1.0  HID point-of-sale, Thing \(0c2e:0b61\): lane 1$`, `^nothing is wrong$`,
		}},
		{"a keyboard scanner of a maker whose setup codes are known", func(b *board) {
			b.plug("1-1.3:1.0", "0c2e:0b61", keyboardClass, "usbhid", keysDescriptor)
		}, lane("hid", "1-1.3:1.0"), []string{
			`^ok +lane 1 +1-1.3:1.0, HID keyboard`, `^ok +USB-HID +1-1.3:1.0  HID keyboard.*: lane 1$`,
			`^ +→ Honeywell \(Metrologic\) scanner in keyboard mode: slow and layout-dependent; scan this to switch: "HID POS, terminal ID 131"`,
		}},
		{"storage where the lane takes it for a scanner", func(b *board) {
			b.plug("1-1.3:1.0", "0781:5567", "08 06 50", "usb-storage", "")
		}, lane("hid", "1-1.3:1.0"), []string{
			`^PROBLEM +lane 1 +no USB-HID device at 1-1.3:1.0: storage sits there, Thing`, `→ correct "path", or plug the scanner in there`,
		}},
		{"the other interface", func(b *board) {
			b.plug("1-1.3:1.1", "0c2e:0b61", hidClass, "usbhid", posDescriptor)
		}, lane("hid", "1-1.3:1.0"), []string{
			`^PROBLEM +lane 1 +no USB-HID device at 1-1.3:1.0: HID point-of-sale sits there`, `→ set path = "1-1.3:1.1" and scanner = "hid"$`,
		}},
		{"a HID scanner at a serial lane", func(b *board) {
			b.plug("1-1.3:1.0", "0c2e:0b61", hidClass, "usbhid", posDescriptor)
		}, lane("serial", "1-1.3:1.0"), []string{
			`^PROBLEM +lane 1 +HID point-of-sale sits at 1-1.3:1.0, Thing .*; the lane takes it for serial$`, `→ correct "path", or set scanner = "hid"$`,
		}},
		{"a mouse", func(b *board) {
			b.plug("1-1.3:1.0", "046d:c077", "03 01 02", "usbhid", mouseDescriptor)
		}, lane("hid", "1-1.3:1.0"), []string{
			`^PROBLEM +lane 1 +1-1.3:1.0, mouse, neither point-of-sale nor keyboard.*: it sends neither`, `→ set the scanner to HID point-of-sale or USB-CDC$`,
		}},
		{"no driver, and the kernel has none", func(b *board) {
			b.plug("1-1.3:1.0", "0c2e:0b61", hidClass, "", "")
		}, lane("hid", "1-1.3:1.0"), []string{`^PROBLEM +lane 1 +1-1.3:1.0, .*, no driver: no driver has it`, `→ load the kernel module usbhid$`}},
		{"no driver: a program that was killed left it so", func(b *board) {
			b.plug("1-1.3:1.0", "0c2e:0b61", hidClass, "", "")
			b.file("sys/bus/usb/drivers/usbhid/bind", "")
		}, lane("hid", "1-1.3:1.0"), []string{`^ok +lane 1 +1-1.3:1.0, .*, no driver$`}},
		{"a serial scanner whose module is missing", func(b *board) {
			b.plug("1-1.3:1.0", "065a:0009", "ff 00 00", "", "")
		}, lane("serial", "1-1.3:1.0"), []string{
			`^PROBLEM +lane 1 +no serial scanner at 1-1.3:1.0: device of its maker's own class sits there.*; no driver has it$`,
			`→ Opticon scanner as a serial port: as it should be; needs the kernel module opticon$`,
		}},
		{"no device file", func(b *board) {
			b.plug("1-1.3:1.0", "0c2e:0b61", hidClass, "usbhid", posDescriptor)
			if err := os.RemoveAll(filepath.Join(b.root, "dev")); err != nil {
				b.t.Fatal(err)
			}
		}, lane("hid", "1-1.3:1.0"), []string{`^PROBLEM +lane 1 +1-1.3:1.0, .*: there is no \S+/dev/bus/usb/001/001$`, `→ mount /dev, or start udev$`}},
		{"foreign devices", func(b *board) {
			b.plug("1-1.1:1.0", "0bda:8153", "02 06 00", "cdc_ether", "")
			b.plug("1-1.2:1.0", "0781:5567", "08 06 50", "usb-storage", "")
			b.plug("1-1.2:1.1", "0781:5567", keyboardClass, "usbhid", keysDescriptor)
			b.plug("1-1:1.0", "05e3:0608", "09 00 00", "hub", "")
		}, "[devices]\nexpected = [\"1-1.1\"]\n" + lane("hid", "1-1.3:1.0"), []string{
			`^PROBLEM +lane 1 +no USB-HID device at 1-1.3:1.0$`,
			`^note +USB-HID +1-1.2:1.1  HID keyboard, Thing \(0781:5567\): not bound: never read$`, `→ if it is a scanner: `,
			`^ok +USB device +1-1.1  network adapter, Thing \(0bda:8153\): expected$`,
			`^note +USB device +1-1.2  storage, Thing \(0781:5567\): not bound: never read$`,
			`^ok +USB device +1-1  hub, Thing \(05e3:0608\): on the way to lane 1$`,
		}},
		{"what belongs to a lane's lamps", func(b *board) {
			b.plug("1-1.3:1.0", "0c2e:0b61", hidClass, "usbhid", posDescriptor)
			b.plug("1-1.5:1.0", "1a86:7523", "ff 00 00", "ch341", "")
		}, lane("hid", "1-1.3:1.0") + "[lane.tower]\npath = \"1-1.5:1.0\"\nmodel = \"adafruit\"\n", []string{
			`^ok +USB device +1-1.5  device of its maker's own class.*: of the device of lane 1, signal tower, not read$`,
		}},
		{"a name that would move the cursor", func(b *board) {
			b.plug("1-1.3:1.0", "0c2e:0b61", hidClass, "usbhid", posDescriptor)
			b.file("sys/bus/usb/devices/1-1.3/product", "Evil\x1b[2J\u202ename\n")
		}, lane("hid", "1-1.3:1.0"), []string{`^ok +USB-HID +1-1.3:1.0  HID point-of-sale, Evil\?\[2J\?name \(0c2e:0b61\): lane 1$`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBoard(t)
			tt.plug(b)
			got := b.doctor(tt.lanes)
			if err := checkHarmless(got); err != nil {
				t.Error(err)
			}
			lines := strings.Split(got, "\n")
			for _, want := range tt.want {
				pattern := regexp.MustCompile(want)
				for len(lines) > 0 && !pattern.MatchString(lines[0]) {
					lines = lines[1:]
				}
				if len(lines) == 0 {
					t.Fatalf("no line %q, in this place, in\n%s", want, got)
				}
			}
		})
	}
}

func TestAgesAreCutNotRounded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)
	x := &examination{now: now}
	for far, want := range map[time.Duration]string{
		0: "0 s ago", -59 * time.Second: "59 s ago", -time.Minute: "1 min ago", -119 * time.Second: "1 min ago", -time.Hour: "1 h ago",
		-47 * time.Hour: "1 d ago", -72 * time.Hour: "3 d ago", 27*24*time.Hour + 23*time.Hour: "in 27 d", 5 * time.Second: "in 5 s",
	} {
		if got := x.age(now.Add(far).Unix()); got != want {
			t.Errorf("%v: got %q, want %q", far, got, want)
		}
	}
}

func TestPortsAreAskedWithoutTakingThem(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	plain := filepath.Join(folder, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := askPort(filepath.Join(folder, "missing")); got != portGone || err != nil {
		t.Errorf("missing: %v, %v", got, err)
	}
	if got, err := askPort(plain); got != portBroken || err == nil || !strings.Contains(err.Error(), "not a serial port") {
		t.Errorf("a plain file: %v, %v", got, err)
	}
	if got, err := askFile(filepath.Join(folder, "missing")); got != portGone || err != nil {
		t.Errorf("missing: %v, %v", got, err)
	}
	if got, err := askFile(plain); got != portFree || err != nil {
		t.Errorf("ours: %v, %v", got, err)
	}
	if os.Geteuid() == 0 {
		return // root may do all
	}
	if err := os.Chmod(plain, 0); err != nil {
		t.Fatal(err)
	}
	if got, err := askFile(plain); got != portForbidden || err != nil {
		t.Errorf("not ours: %v, %v", got, err)
	}
	if got, err := askPort(plain); got != portForbidden || err != nil {
		t.Errorf("not ours: %v, %v", got, err)
	}
}
