package hid

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	karalabe "github.com/karalabe/hid"

	"passerelle/drivers/frame"
	"passerelle/drivers/keyboard"
	"passerelle/drivers/usb"
)

// Report descriptors: a Honeywell scanner as its manual describes it, a boot keyboard (HID 1.11, appendix B.1), a mouse.
const (
	scannerDescriptor = "\x05\x8c\x09\x02\xa1\x01\x09\x12\xa1\x02\x85\x02\x75\x08\x95\x01\x05\x01\x09\x3b\x81\x02\x95\x03\x05\x8c" +
		"\x09\xfb\x09\xfc\x09\xfd\x81\x02\x95\x38\x09\xfe\x82\x02\x01\x95\x02\x81\x03\x75\x01\x95\x08\x09\xff\x81\x02\xc0" +
		"\x06\x66\xff\x75\x08\x09\x03\xa1\x02\x85\xfe\x95\x01\x09\x03\xb2\x82\x01\xc0\xc0"
	keyboardDescriptor = "\x05\x01\x09\x06\xa1\x01\x05\x07\x19\xe0\x29\xe7\x75\x01\x95\x08\x81\x02\x95\x01\x75\x08\x81\x01" +
		"\x95\x06\x75\x08\x05\x07\x19\x00\x29\x65\x81\x00\xc0"
	mouseDescriptor = "\x05\x01\x09\x02\xa1\x01\x05\x09\x19\x01\x29\x03\x75\x01\x95\x08\x81\x02\xc0"
)

const port = "1-1.4:1.0"

// plug makes the sysfs entries of one interface, as the kernel has them.
func plug(t *testing.T, sys, port, descriptor string, more map[string]string) {
	t.Helper()
	device, _, _ := strings.Cut(port, ":")
	files := map[string]string{
		device + "/idVendor": "0c2e\n", device + "/idProduct": "0b61\n", device + "/busnum": "1\n", device + "/devnum": "7\n",
		device + "/manufacturer": "Honeywell\n", device + "/product": "1900 Scanner\n", device + "/serial": "A1\n",
		port + "/bInterfaceClass": "03\n", port + "/bInterfaceSubClass": "00\n", port + "/bInterfaceProtocol": "00\n",
	}
	driver := "usbfs"
	if descriptor != "" {
		files[port+"/0003:0C2E:0B61.0001/report_descriptor"] = descriptor
		driver = "usbhid"
	}
	for name, content := range more {
		files[name] = content
	}
	for name, content := range files {
		path := filepath.Join(sys, usb.Devices, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../../drivers/"+driver, filepath.Join(sys, usb.Devices, port, "driver")); err != nil {
		t.Fatal(err)
	}
}

// unbind takes the driver from an interface, as a killed program leaves it.
func unbind(t *testing.T, sys string) {
	t.Helper()
	if err := os.Remove(filepath.Join(sys, usb.Devices, port, "driver")); err != nil {
		t.Fatal(err)
	}
}

func TestListTellsWhatIsPluggedIn(t *testing.T) {
	t.Parallel()
	sys := t.TempDir()
	plug(t, sys, "2-1:1.0", scannerDescriptor, nil)
	plug(t, sys, "1-1.4:1.0", keyboardDescriptor, nil)
	plug(t, sys, "1-1.4:1.1", mouseDescriptor, nil)
	plug(t, sys, "1-2:1.0", "", map[string]string{"1-2:1.0/bInterfaceSubClass": "01", "1-2:1.0/bInterfaceProtocol": "01"})
	plug(t, sys, "1-3:1.0", "", nil)
	plug(t, sys, "1-5:1.0", "\x06\x8c", nil)
	plug(t, sys, "1-6:1.0", scannerDescriptor, map[string]string{"1-6:1.0/bInterfaceClass": "08"})
	plug(t, sys, "1-8:1.0", scannerDescriptor, map[string]string{
		"1-8/product": "Key\x1b[2J\xffboard" + strings.Repeat("é", 200), "1-8/serial": "", "1-8/idVendor": "junk",
	})
	plug(t, sys, "1-7:1.0", strings.Repeat("\x08", frame.MaxDescriptor+10), nil)
	got, err := List(sys)
	if err != nil {
		t.Fatal(err)
	}
	scanner := Info{Interface: usb.Interface{
		Port: "2-1:1.0", Vendor: 0x0c2e, Product: 0x0b61, Class: class, Maker: "Honeywell", Name: "1900 Scanner", Serial: "A1",
		Driver: "usbhid", Node: "/dev/bus/usb/001/007",
	}, Kind: POS}
	with := func(change func(i *Info)) Info {
		i := scanner
		change(&i)
		return i
	}
	want := []Info{
		with(func(i *Info) { i.Port, i.Kind = "1-1.4:1.0", Keyboard }),
		with(func(i *Info) { i.Port, i.Kind = "1-1.4:1.1", Other }),
		with(func(i *Info) { i.Port, i.Kind, i.Driver, i.SubClass, i.Protocol = "1-2:1.0", Keyboard, "usbfs", 1, 1 }),
		with(func(i *Info) { i.Port, i.Kind, i.Driver = "1-3:1.0", Other, "usbfs" }),
		with(func(i *Info) { i.Port, i.Kind = "1-5:1.0", Other }),
		with(func(i *Info) { i.Port, i.Kind = "1-7:1.0", Other }),
		with(func(i *Info) {
			i.Port, i.Vendor, i.Serial, i.Name = "1-8:1.0", 0, "", "Key?[2J?board"+strings.Repeat("é", 113)
		}),
		scanner,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("list differs (-want +got):\n%s", diff)
	}
}

func TestMachineWithoutUSBHasAnEmptyList(t *testing.T) {
	t.Parallel()
	if got, err := List(t.TempDir()); got != nil || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

// library stands for karalabe/hid where no device can be plugged in: it opens a tape, or refuses as often as it is told.
type library struct {
	refuse int
	tries  int
	before func()       // runs when the device is opened
	report func() error // is what it says to a feature report
	opened *opened
}

type opened struct {
	karalabe.Device // the methods that are not used
	*tape
	features [][]byte
	report   func() error
}

func (o *opened) ReadTimeout(b []byte, timeout int) (int, error) {
	return o.tape.ReadTimeout(b, timeout)
}
func (o *opened) Close() error { return o.tape.Close() }
func (o *opened) SendFeatureReport(b []byte) (int, error) {
	o.features = append(o.features, b)
	if o.report != nil {
		return 0, o.report()
	}
	return len(b), nil
}

var errLibrary = errors.New("hidapi: failed to open device")

func (l *library) open(path string) (karalabe.Device, error) {
	l.tries++
	if path != port {
		return nil, errors.New("opened " + path)
	}
	if l.tries <= l.refuse {
		return nil, errLibrary
	}
	if l.before != nil {
		l.before()
	}
	l.opened = &opened{tape: &tape{}, report: l.report}
	return l.opened, nil
}

func TestOpen(t *testing.T) {
	t.Parallel()
	keys := keyReports(t, keyboard.FR, payload550)
	pos := posReports(payload550)
	tests := []struct {
		name       string
		descriptor string
		config     Config
		more       map[string]string
		setUp      func(t *testing.T, sys string, l *library)
		reports    [][]byte
		want       string // code; "" where Open must fail
		err        error
		tries      int
	}{
		{name: "scanner", descriptor: scannerDescriptor, reports: pos, want: "]Q1" + payload550, tries: 1},
		{name: "keyboard", descriptor: keyboardDescriptor, config: Config{Keyboard: keyboard.New(keyboard.Auto)}, reports: keys, want: payload550, tries: 1},
		{name: "keyboard without a layout", descriptor: keyboardDescriptor, err: ErrNotScanner},
		{name: "mouse", descriptor: mouseDescriptor, err: ErrNotScanner},
		{name: "descriptor without sense", descriptor: "\x06\x8c", err: ErrNotScanner},
		{
			name: "library not ready", descriptor: scannerDescriptor, reports: pos, want: "]Q1" + payload550, tries: openTries,
			setUp: func(_ *testing.T, _ string, l *library) { l.refuse = openTries - 1 },
		},
		{
			name: "library never ready", descriptor: scannerDescriptor, err: errLibrary, tries: openTries,
			setUp: func(_ *testing.T, _ string, l *library) { l.refuse = openTries },
		},
		{name: "another program has it", err: ErrBusy},
		{
			name: "nothing plugged in", descriptor: scannerDescriptor, err: frame.ErrGone,
			setUp: func(t *testing.T, sys string, _ *library) { _ = os.RemoveAll(filepath.Join(sys, usb.Devices, port)) },
		},
		{
			name: "left by a killed program", err: ErrNoDescriptor,
			setUp: func(t *testing.T, sys string, _ *library) { unbind(t, sys) },
		},
		{
			name:   "left by a killed program, boot keyboard",
			config: Config{Keyboard: keyboard.New(keyboard.FR)}, reports: keys, want: payload550, tries: 1,
			more:  map[string]string{port + "/bInterfaceSubClass": "01", port + "/bInterfaceProtocol": "01"},
			setUp: func(t *testing.T, sys string, _ *library) { unbind(t, sys) },
		},
		{
			name: "exchanged while it was opened", descriptor: scannerDescriptor, reports: pos, want: "]Q1" + payload550, tries: 2,
			setUp: func(t *testing.T, sys string, l *library) {
				l.before = func() {
					if err := os.WriteFile(filepath.Join(sys, usb.Devices, "1-1.4/devnum"), []byte("8\n"), 0o644); err != nil {
						t.Error(err)
					}
				}
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sys, l := t.TempDir(), &library{}
				plug(t, sys, port, tt.descriptor, tt.more)
				if tt.setUp != nil {
					tt.setUp(t, sys, l)
				}
				c := tt.config
				c.Port, c.Now = port, time.Now
				start := time.Now()
				s, err := open(t.Context(), c, stubborn(sys), l.open)
				if took := time.Since(start); took > 1500*time.Millisecond {
					t.Errorf("took %v", took)
				}
				if !errors.Is(err, tt.err) || l.tries != tt.tries {
					t.Fatalf("after %d tries: %v, want %v after %d", l.tries, err, tt.err, tt.tries)
				}
				if err != nil {
					if !strings.HasPrefix(err.Error(), "open scanner 1-1.4:1.0: ") {
						t.Errorf("error reads %q", err)
					}
					return
				}
				s.Close() // the tape is empty: put the reports on a new one for the same decoder
				s = NewScanner(&tape{steps: append(play(time.Millisecond, tt.reports...), step{err: errUnplugged})}, s.decoder, time.Now)
				if got := readAll(t, s); !slices.Equal(got, []string{tt.want}) {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
		})
	}
}

func TestHoneywellScannerIsToldToSendReports(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys, l := t.TempDir(), &library{}
		plug(t, sys, port, scannerDescriptor, nil)
		s, err := open(t.Context(), Config{Port: port, Now: time.Now}, stubborn(sys), l.open)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if got := l.opened.features; len(got) != 1 || !slices.Equal(got[0], []byte{0xFE, 1}) {
			t.Errorf("feature reports sent: % x", got)
		}
	})
}

// TestScannerThatDoesNotAnswerIsNotTakenForOneThatRefuses: it would be shown as connected, and send nothing.
func TestScannerThatDoesNotAnswerIsNotTakenForOneThatRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		takes time.Duration
		want  error
	}{{10 * time.Millisecond, nil}, {time.Second, ErrSilent}} {
		synctest.Test(t, func(t *testing.T) {
			sys, l := t.TempDir(), &library{report: func() error {
				time.Sleep(tt.takes)
				return errLibrary
			}}
			plug(t, sys, port, scannerDescriptor, nil)
			s, err := open(t.Context(), Config{Port: port, Now: time.Now}, stubborn(sys), l.open)
			if !errors.Is(err, tt.want) || l.tries != 1 {
				t.Errorf("after %v: %v, %d tries", tt.takes, err, l.tries)
			}
			if s != nil {
				s.Close()
			}
		})
	}
}

// stubborn is a kernel that takes no interface back.
func stubborn(sys string) kernel {
	return kernel{sys, func(Info) error { return errors.ErrUnsupported }}
}

func TestInterfaceOfAKilledProgramIsGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys, l := t.TempDir(), &library{}
		plug(t, sys, port, "", nil)
		unbind(t, sys)
		k := kernel{sys, func(i Info) error {
			if i.Port != port || i.Node != "/dev/bus/usb/001/007" {
				t.Errorf("%s at %s is given back", i.Port, i.Node)
			}
			dir := filepath.Join(sys, usb.Devices, port, "0003:0C2E:0B61.0002")
			return errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "report_descriptor"), []byte(scannerDescriptor), 0o644))
		}}
		s, err := open(t.Context(), Config{Port: port, Now: time.Now}, k, l.open)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	})
}

func TestScannerThatMayNotBeGivenBackIsForbidden(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys := t.TempDir()
		plug(t, sys, port, "", nil)
		unbind(t, sys)
		_, err := open(t.Context(), Config{Port: port, Now: time.Now}, kernel{sys, func(Info) error { return fs.ErrPermission }}, (&library{}).open)
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("got %v, want %v", err, fs.ErrPermission)
		}
	})
}

func TestGivingBackWhatIsNotThereIsAnError(t *testing.T) {
	t.Parallel()
	for _, i := range []usb.Interface{{Port: port, Node: "/dev/bus/usb/255/255"}, {Port: port, Node: os.DevNull}, {Port: "1-1.4:1.x", Node: os.DevNull}} {
		if err := giveBack(Info{Interface: i}); err == nil {
			t.Errorf("%s at %s was given back", i.Port, i.Node)
		}
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 120*time.Millisecond)
		defer cancel()
		_, err := open(ctx, Config{Port: port, Now: time.Now}, stubborn(t.TempDir()), (&library{}).open)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestConfigThatNamesNoPortIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []Config{{Port: "../../etc", Now: time.Now}, {Now: time.Now}, {Port: port}} {
		if s, err := open(t.Context(), c, stubborn(t.TempDir()), (&library{}).open); s != nil || err == nil || errors.Is(err, frame.ErrGone) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestDeviceFileThatIsNotOursIsNamed(t *testing.T) {
	t.Parallel()
	node := filepath.Join(t.TempDir(), "007")
	if err := os.WriteFile(node, nil, 0o400); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		node += "/007" // to root nothing is forbidden: the library's own error stays
		if err := openError(Info{Interface: usb.Interface{Node: node}}, errLibrary); !errors.Is(err, errLibrary) {
			t.Errorf("got %v", err)
		}
		return
	}
	if err := openError(Info{Interface: usb.Interface{Node: node}}, errLibrary); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), node) {
		t.Errorf("got %v", err)
	}
}

func TestBuiltWithoutCgoOpenSaysSo(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), Config{Port: "250-250:1.0", Now: time.Now})
	if karalabe.Supported() {
		if errors.Is(err, ErrUnsupported) || !errors.Is(err, frame.ErrGone) {
			t.Errorf("with cgo: %v", err)
		}
		return
	}
	if !errors.Is(err, ErrUnsupported) {
		t.Errorf("without cgo: %v", err)
	}
}

func TestKindNames(t *testing.T) {
	t.Parallel()
	for k, want := range map[Kind]string{Other: "other", POS: "pos", Keyboard: "keyboard", 9: "Kind(9)"} {
		if got := k.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
