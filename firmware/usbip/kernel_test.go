package usbip_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/firmware/usbip"
)

const (
	sysDevices = "/sys/bus/usb/devices"
	patience   = 20 * time.Second // for what must come; the board is slow
)

// plugIn plugs a device into a port of the real controller and waits until a driver has it.
func plugIn(t *testing.T, d *usbip.Device, port int) *usbip.Attached {
	t.Helper()
	a := attach(t, d, port)
	if err := a.Ready(within(t, patience)); err != nil {
		t.Fatal(err)
	}
	return a
}

func attach(t *testing.T, d *usbip.Device, port int) *usbip.Attached {
	t.Helper()
	if _, err := os.Stat(usbip.Controller); err != nil {
		if os.Getenv("BOARD") != "" {
			t.Fatal("the board has no virtual USB controller: vhci-hcd is not loaded")
		}
		t.Skip("needs the kernel module vhci-hcd: make e2e runs this on the emulated board")
	}
	a, err := usbip.Attach(d, port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Unplug(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// found waits until a pattern matches exactly one file and returns it.
func found(t *testing.T, pattern string) string {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if names, err := filepath.Glob(pattern); err == nil && len(names) == 1 {
			return names[0]
		}
	}
	t.Fatalf("nothing is at %s", pattern)
	return ""
}

// open opens the device file that the kernel made for an entry of sysfs.
func open(t *testing.T, sys string) *os.File {
	t.Helper()
	name := "/dev/" + filepath.Base(sys)
	if strings.HasPrefix(filepath.Base(sys), "event") {
		name = "/dev/input/" + filepath.Base(sys)
	}
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		var fd int
		if fd, err = unix.Open(name, unix.O_RDWR|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0); err == nil {
			file := os.NewFile(uintptr(fd), name)
			t.Cleanup(func() { file.Close() })
			return file
		}
	}
	t.Fatalf("open %s: %v", name, err)
	return nil
}

// raw sets a terminal to carry bytes as they are, at a speed.
func raw(t *testing.T, tty *os.File, speed uint32) {
	t.Helper()
	control(t, tty, func(fd int) error {
		settings, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err != nil {
			return err
		}
		settings.Iflag, settings.Oflag, settings.Lflag = 0, 0, 0
		settings.Cflag = settings.Cflag&^(unix.CBAUD|unix.CSIZE|unix.PARENB) | unix.CS8 | unix.CREAD | unix.CLOCAL | speed
		settings.Cc[unix.VMIN], settings.Cc[unix.VTIME] = 1, 0
		return unix.IoctlSetTermios(fd, unix.TCSETS, settings)
	})
}

func control(t *testing.T, file *os.File, do func(fd int) error) {
	t.Helper()
	c, err := file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if failed := c.Control(func(fd uintptr) { err = do(int(fd)) }); failed != nil || err != nil {
		t.Fatal(failed, err)
	}
}

// read reads until n bytes are there.
func read(t *testing.T, file *os.File, n int) []byte {
	t.Helper()
	if err := file.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, n)
	k, err := io.ReadFull(file, got)
	if err != nil {
		t.Fatalf("read %s: %v after %d of %d bytes", file.Name(), err, k, n)
	}
	return got
}

// write writes all of p.
func write(t *testing.T, file *os.File, p []byte) {
	t.Helper()
	if _, err := file.Write(p); err != nil {
		t.Fatal(err)
	}
}

// endOf waits until reading a device fails and returns the error.
func endOf(t *testing.T, file *os.File) error {
	t.Helper()
	if err := file.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := file.Read(make([]byte, 64)); err != nil {
			return err
		}
	}
}

// report is a point-of-sale report of 64 bytes as Honeywell's manuals draw it.
func report(text string, more bool) []byte {
	r := make([]byte, 64)
	r[0], r[1] = 2, byte(len(text))
	copy(r[2:], "]Q1")
	copy(r[5:], text)
	if more {
		r[63] = 1
	}
	return r
}

func newScanner(speed usbip.Speed) *usbip.HID {
	return usbip.NewHID(
		usbip.Identity{Vendor: 0x0C2E, Product: 0x0B61, Release: 0x0100, Maker: "Honeywell", Name: "Scanner é", Serial: "A1", Speed: speed},
		usbip.HIDOptions{Descriptor: []byte(posDescriptor), Features: [][]byte{{0xFE, 0}}},
	)
}

// hidraw opens the raw device of a HID interface.
func hidraw(t *testing.T, port string) *os.File {
	t.Helper()
	return open(t, found(t, filepath.Join(sysDevices, port, "0003:*", "hidraw", "hidraw*")))
}

func TestKernelFindsAHIDScannerAndGetsItsReports(t *testing.T) {
	for _, speed := range []usbip.Speed{usbip.FullSpeed, usbip.HighSpeed} {
		t.Run(fmt.Sprint(speed), func(t *testing.T) {
			scanner := newScanner(speed)
			begun := time.Now()
			a := plugIn(t, scanner.Device, 0)
			t.Logf("figure: HID device plugged in to driver bound: %v", time.Since(begun).Round(time.Millisecond))
			for name, want := range map[string]string{
				"idVendor": "0c2e", "idProduct": "0b61", "bcdDevice": "0100", "manufacturer": "Honeywell", "product": "Scanner é", "serial": "A1",
				"speed": map[usbip.Speed]string{usbip.FullSpeed: "12", usbip.HighSpeed: "480"}[speed],
			} {
				got, err := os.ReadFile(filepath.Join(sysDevices, a.Path(), name))
				if err != nil || strings.TrimSpace(string(got)) != want {
					t.Errorf("%s is %q (%v), want %q", name, got, err, want)
				}
			}
			got, err := os.ReadFile(found(t, filepath.Join(sysDevices, a.Interface(0), "0003:0C2E:0B61.*", "report_descriptor")))
			if err != nil || string(got) != posDescriptor {
				t.Errorf("report descriptor is %x (%v), want %x", got, err, posDescriptor)
			}
			device := hidraw(t, a.Interface(0))
			for i := range 100 {
				want := report(fmt.Sprintf("HC1:%03d", i), i%3 == 0)
				if err := scanner.Send(want); err != nil {
					t.Fatal(err)
				}
				if got := read(t, device, len(want)); !bytes.Equal(got, want) {
					t.Fatalf("report %d: got %x, want %x", i, got, want)
				}
			}
		})
	}
}

func TestKernelSetsFeatureReports(t *testing.T) {
	scanner := newScanner(usbip.FullSpeed)
	a := plugIn(t, scanner.Device, 0)
	device := hidraw(t, a.Interface(0))
	ioctl := func(number uintptr, data []byte) error { return hidIoctl(device, number, data) }
	const setFeature, getFeature = 0x06, 0x07
	if err := ioctl(setFeature, []byte{0xFE, 1}); err != nil {
		t.Fatal(err)
	}
	if got := scanner.Feature(0xFE); !bytes.Equal(got, []byte{0xFE, 1}) {
		t.Errorf("feature report is %x", got)
	}
	got := []byte{0xFE, 0}
	if err := ioctl(getFeature, got); err != nil || got[1] != 1 {
		t.Errorf("read back %x, %v", got, err)
	}
	scanner.StallControl(func(s usbip.Setup) bool { return s.Request == 0x09 })
	if err := ioctl(setFeature, []byte{0xFE, 0}); !errors.Is(err, unix.EPIPE) {
		t.Errorf("a refused report gives %v, want EPIPE", err)
	}
}

func TestKernelGetsZeroLengthPacketsStallsAndBrokenReports(t *testing.T) {
	scanner := newScanner(usbip.FullSpeed)
	a := plugIn(t, scanner.Device, 0)
	device := hidraw(t, a.Interface(0))
	first, second, cut := report("first", false), report("second", false), report("cut", false)[:20]
	if err := errors.Join(
		scanner.Send(nil, first, nil, nil),
		scanner.Pause(usbip.HIDIn, 50*time.Millisecond),
		scanner.Send(cut),
		scanner.Stall(usbip.HIDIn),
		scanner.Send(second),
	); err != nil {
		t.Fatal(err)
	}
	if got := read(t, device, 64); !bytes.Equal(got, first) {
		t.Fatalf("got %x, want %x", got, first)
	}
	got := make([]byte, 64)
	n, err := device.Read(got)
	if err == nil && bytes.Equal(got[:n], cut) { // newer kernels keep it to themselves: "Event data for report 2 was too short"
		n, err = device.Read(got)
	}
	if err != nil || !bytes.Equal(got[:n], second) {
		t.Fatalf("after a stall: got %x, %v, want %x", got[:n], err, second)
	}
	cleared := slices.ContainsFunc(scanner.Requests(), func(r usbip.Request) bool {
		return r.Type == 0x02 && r.Request == 1 && r.Value == 0 && r.Index == usbip.HIDIn
	})
	if !cleared {
		t.Error("the kernel did not clear the halted endpoint")
	}
}

func TestKernelTellsEqualScannersApartByPort(t *testing.T) {
	one, two := newScanner(usbip.FullSpeed), newScanner(usbip.FullSpeed)
	a, b := plugIn(t, one.Device, 0), plugIn(t, two.Device, 4)
	if a.Path() == b.Path() {
		t.Fatalf("both are at %s", a.Path())
	}
	deviceA, deviceB := hidraw(t, a.Interface(0)), hidraw(t, b.Interface(0))
	if err := errors.Join(one.Send(report("one", false)), two.Send(report("two", false))); err != nil {
		t.Fatal(err)
	}
	if got := read(t, deviceA, 64); !bytes.Equal(got, report("one", false)) {
		t.Errorf("at %s: got %x", a.Path(), got)
	}
	if got := read(t, deviceB, 64); !bytes.Equal(got, report("two", false)) {
		t.Errorf("at %s: got %x", b.Path(), got)
	}
}

func TestUnpluggedScannerIsGoneAndComesBack(t *testing.T) {
	scanner := newScanner(usbip.FullSpeed)
	for range 3 {
		a := plugIn(t, scanner.Device, 1)
		device := hidraw(t, a.Interface(0))
		if err := scanner.Send(report("whole", false), report("half", true)); err != nil {
			t.Fatal(err)
		}
		read(t, device, 128)
		begun := time.Now()
		if err := a.Unplug(); err != nil {
			t.Fatal(err)
		}
		err := endOf(t, device)
		if !errors.Is(err, unix.EIO) && !errors.Is(err, unix.ENODEV) {
			t.Errorf("reading a device that is gone gives %v", err)
		}
		t.Logf("figure: unplugged to read error: %v", time.Since(begun).Round(time.Millisecond))
		if err := scanner.Send(report("lost", false)); err == nil {
			t.Error("an unplugged scanner sent a report")
		}
		device.Close()
	}
}

func TestStuckDeviceDoesNotHinderAnother(t *testing.T) {
	stuck, good := newScanner(usbip.FullSpeed), newScanner(usbip.FullSpeed)
	a := plugIn(t, stuck.Device, 2)
	stuck.Hang()
	stuckDevice := hidraw(t, a.Interface(0))
	hanging := make(chan error, 1)
	go func() { hanging <- hidIoctl(stuckDevice, 0x06, []byte{0xFE, 1}) }() // waits for seconds
	b := plugIn(t, good.Device, 3)
	device := hidraw(t, b.Interface(0))
	for i := range 50 {
		want := report(fmt.Sprint("good ", i), false)
		if err := errors.Join(stuck.Send(report("stuck", false)), good.Send(want)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, device, 64); !bytes.Equal(got, want) {
			t.Fatalf("got %x, want %x", got, want)
		}
	}
	if got := stuck.Pending(usbip.HIDIn); got != 50 {
		t.Errorf("the stuck device has %d reports left, want 50", got)
	}
	if err := <-hanging; !errors.Is(err, unix.ETIMEDOUT) {
		t.Errorf("a request to the stuck device ends with %v, want ETIMEDOUT", err)
	}
	stuck.Recover()
	read(t, stuckDevice, 64)
}

// A device that hangs from the start keeps its bus busy until the kernel gives up; the others on it go on reading.
func TestDeviceThatHangsFromTheStartDoesNotHinderThoseThatAreThere(t *testing.T) {
	good, stuck := newScanner(usbip.FullSpeed), newScanner(usbip.FullSpeed)
	device := hidraw(t, plugIn(t, good.Device, 11).Interface(0))
	stuck.Hang()
	attach(t, stuck.Device, 12)
	for i := range 20 {
		want := report(fmt.Sprint("good ", i), false)
		if err := good.Send(want); err != nil {
			t.Fatal(err)
		}
		if got := read(t, device, 64); !bytes.Equal(got, want) {
			t.Fatalf("got %x, want %x", got, want)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if stuck.Configured() {
		t.Error("a device that answers nothing was configured")
	}
}

func TestKernelReadsAKeyboardAndSetsItsLamps(t *testing.T) {
	keyboard := usbip.NewKeyboard(usbip.Identity{Vendor: 0x046D, Product: 0xC31C, Maker: "Somebody", Name: "Keyboard"})
	a := plugIn(t, keyboard.Device, 5)
	event := open(t, found(t, filepath.Join(sysDevices, a.Interface(0), "0003:*", "input", "input*", "event*")))
	press := []byte{0x02, 0, 4, 0, 0, 0, 0, 0} // shift and A
	if err := keyboard.Send(press, make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	const eventSize = 24 // struct input_event: two words of time, type, code, value
	var keys []uint16
	for len(keys) < 4 {
		e := read(t, event, eventSize)
		if kind := uint16(e[16]) | uint16(e[17])<<8; kind == 1 {
			keys = append(keys, uint16(e[18])|uint16(e[19])<<8)
		}
	}
	const leftShift, keyA = 42, 30
	if want := []uint16{leftShift, keyA, leftShift, keyA}; !slices.Equal(keys, want) {
		t.Errorf("got keys %v, want %v", keys, want)
	}
	capsOn := make([]byte, eventSize) // EV_LED, LED_CAPSL, on
	capsOn[16], capsOn[18], capsOn[20] = 0x11, 1, 1
	write(t, event, capsOn)
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if o := keyboard.Outputs(); len(o) > 0 && bytes.Equal(o[len(o)-1], []byte{2}) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("lamps were set to %x, want 02 last", keyboard.Outputs())
		}
	}
}

func TestKernelMakesSerialPorts(t *testing.T) {
	for _, tt := range []struct {
		name, tty string // what its name begins with: the machine may have others
		make      func(usbip.Identity) *usbip.Serial
		speed     usbip.Speed
		id        usbip.Identity
	}{
		{"CDC-ACM at full speed", "tty/ttyACM*", usbip.NewACM, usbip.FullSpeed, usbip.Identity{Vendor: 0x0C2E, Product: 0x0B6A}},
		{"CDC-ACM at high speed", "tty/ttyACM*", usbip.NewACM, usbip.HighSpeed, usbip.Identity{Vendor: 0x0C2E, Product: 0x0B6A}},
		{"FTDI", "ttyUSB*", usbip.NewFTDI, usbip.FullSpeed, usbip.Identity{Vendor: usbip.FTDIVendor, Product: usbip.FTDIProduct}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.id.Speed = tt.speed
			device := tt.make(tt.id)
			a := plugIn(t, device.Device, 6)
			tty := open(t, found(t, "/sys/bus/usb/devices/"+a.Interface(0)+"/"+tt.tty))
			raw(t, tty, unix.B9600)
			for _, n := range []int{1, 61, 62, 63, 64, 65, 124, 128, 512, 513, 4000} {
				want := bytes.Repeat([]byte("HC1:+/-%$.\r\x00\xff"), n)[:n]
				if _, err := device.Write(want); err != nil {
					t.Fatal(err)
				}
				if got := read(t, tty, n); !bytes.Equal(got, want) {
					t.Fatalf("%d bytes: got %q, want %q", n, got, want)
				}
			}
			line := device.Line()
			if line.Baud != 9600 || line.DataBits != 8 || !line.DTR || !line.RTS {
				t.Errorf("the line is set to %+v", line)
			}
			command := bytes.Repeat([]byte("\x16\x07\r"), 100)
			write(t, tty, command)
			var got []byte
			for len(got) < len(command) {
				var buf [64]byte
				n, err := device.Receive(within(t, patience), buf[:])
				if err != nil {
					t.Fatalf("after %d bytes: %v", len(got), err)
				}
				got = append(got, buf[:n]...)
			}
			if !bytes.Equal(got, command) {
				t.Errorf("the device received %q, want %q", got, command)
			}
		})
	}
}

func TestReadingASerialPortThatIsGoneFails(t *testing.T) {
	device := usbip.NewACM(usbip.Identity{Vendor: 0x0C2E, Product: 0x0B6A})
	a := plugIn(t, device.Device, 7)
	tty := open(t, found(t, "/sys/bus/usb/devices/"+a.Interface(0)+"/tty/ttyACM*"))
	raw(t, tty, unix.B115200)
	if _, err := device.Write([]byte("HC1:half")); err != nil {
		t.Fatal(err)
	}
	read(t, tty, 8)
	if err := a.Unplug(); err != nil {
		t.Fatal(err)
	}
	if err := endOf(t, tty); !errors.Is(err, io.EOF) && !errors.Is(err, unix.EIO) && !errors.Is(err, unix.ENODEV) {
		t.Errorf("reading a terminal that is gone gives %v", err)
	}
	if _, err := device.Receive(t.Context(), make([]byte, 1)); !errors.Is(err, usbip.ErrUnplugged) {
		t.Errorf("Receive gives %v, want ErrUnplugged", err)
	}
}

// What a passer-by may plug in is what the kernel makes of it. Drivers that are not loaded, as on the appliance, leave the interface alone.
func TestKernelRecognisesForeignDevices(t *testing.T) {
	id := usbip.Identity{Vendor: 0x1D6B, Product: 0x0104, Maker: "Somebody", Name: "Thing"}
	mac := usbip.MAC{2, 0, 0, 0, 0, 1}
	for _, tt := range []struct {
		name   string
		device *usbip.Device
		class  string // of interface 0: class, subclass, protocol
		driver string
		made   string // what the driver makes
	}{
		{"storage", usbip.NewStorage(id), "08 06 50", "usb-storage", "host*/target*/*/block/sd*"},
		{"CDC-ECM", usbip.NewECM(id, mac), "02 06 00", "cdc_ether", "net/*/address"},
		{"RNDIS", usbip.NewRNDIS(id, mac), "e0 01 03", "rndis_host", "net/*/address"},
		{"hub", usbip.NewHub(id), "09 00 00", "hub", "*-port4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := attach(t, tt.device, 8)
			dir := filepath.Join(sysDevices, a.Interface(0))
			found(t, dir+"/bInterfaceProtocol")
			var got []string
			for _, name := range []string{"bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol"} {
				text, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, strings.TrimSpace(string(text)))
			}
			if strings.Join(got, " ") != tt.class {
				t.Errorf("the interface is %v, want %s", got, tt.class)
			}
			if _, err := os.Stat("/sys/bus/usb/drivers/" + tt.driver); errors.Is(err, fs.ErrNotExist) {
				t.Logf("driver %s is not loaded", tt.driver)
				return
			}
			if err := a.Ready(within(t, patience)); err != nil {
				t.Fatal(err)
			}
			made := found(t, filepath.Join(dir, tt.made))
			if strings.HasSuffix(made, "/address") {
				text, err := os.ReadFile(made)
				if err != nil || strings.TrimSpace(string(text)) != "02:00:00:00:00:01" {
					t.Errorf("the adapter's address is %q, %v", text, err)
				}
			}
		})
	}
}

func TestPortThatIsNotThereIsRefused(t *testing.T) {
	a := attach(t, newScanner(usbip.FullSpeed).Device, 9)
	if _, err := usbip.Attach(newScanner(usbip.FullSpeed).Device, 9); err == nil {
		t.Error("a port took two devices")
	}
	for _, port := range []int{-1, 15} {
		if _, err := usbip.Attach(newScanner(usbip.FullSpeed).Device, port); err == nil {
			t.Errorf("port %d is there", port)
		}
	}
	if err := a.Ready(within(t, patience)); err != nil {
		t.Errorf("the device that was there before: %v", err)
	}
	twice := newScanner(usbip.FullSpeed)
	attach(t, twice.Device, 13)
	if err := twice.Send(report("at once", false)); err != nil {
		t.Errorf("Send right after Attach: %v", err)
	}
	if _, err := usbip.Attach(twice.Device, 14); err == nil {
		t.Error("one device is in two ports")
	}
}

// A thousand reports as fast as they are taken: none lost, none changed, none out of order.
func TestNoneOfAThousandReportsIsLost(t *testing.T) {
	scanner := newScanner(usbip.HighSpeed)
	a := plugIn(t, scanner.Device, 10)
	device := hidraw(t, a.Interface(0))
	begun := time.Now()
	const reports, window = 1000, 32 // hidraw keeps 64 (HIDRAW_BUFFER_SIZE)
	sent := 0
	for i := range reports {
		for sent < min(i+window, reports) {
			if err := scanner.Send(report(fmt.Sprint("HC1:", sent), false)); err != nil {
				t.Fatal(err)
			}
			sent++
		}
		if got, want := read(t, device, 64), report(fmt.Sprint("HC1:", i), false); !bytes.Equal(got, want) {
			t.Fatalf("report %d: got %q, want %q", i, got, want)
		}
	}
	t.Logf("figure: HID reports a second: %.0f", reports/time.Since(begun).Seconds())
}
