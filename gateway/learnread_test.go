package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"passerelle/drivers/frame"
	"passerelle/drivers/hid"
	"passerelle/drivers/keyboard"
	"passerelle/drivers/scannertest"
)

// ears collects what a learner says.
type ears struct {
	mu   sync.Mutex
	said []string
}

func (e *ears) tell(_ *plugged, text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.said = append(e.said, text)
}

func (e *ears) heard(part string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.said, func(s string) bool { return strings.Contains(s, part) })
}

// await waits until a learner says something.
func (e *ears) await(t *testing.T, part string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(glance) {
		if e.heard(part) {
			return
		}
	}
	t.Fatalf("it does not say %q but %q", part, e.said)
}

// outcome is what a learner's read returned.
type outcome struct {
	*learned
	err error
}

func startReading(t *testing.T, e *ears, dwell time.Duration, read func(ctx context.Context, l *learner) (*learned, error)) (<-chan outcome, context.CancelFunc) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan outcome, 1)
	l := &learner{known: []byte(knownCode), dwell: dwell, tell: e.tell}
	go func() {
		f, err := read(ctx, l)
		done <- outcome{f, err}
	}()
	t.Cleanup(stop)
	return done, stop
}

func await1[T any](t *testing.T, from <-chan T) (got T) {
	t.Helper()
	select {
	case got = <-from:
	case <-time.After(patience):
		t.Fatal("nothing came")
	}
	return got
}

func TestScannersOnPseudoTerminalsAreUnderstood(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		aim  string
		with frame.Terminator
		cdc  bool
	}{
		{"]Q1", frame.CR, false},
		{"", frame.LF, true},
		{"]Q3", frame.CRLF, true},
		{"", frame.TAB, false},
		{"]Q1", frame.STXETX, false},
		{"", frame.IdleGap, true},
	} {
		t.Run(tt.with.String(), func(t *testing.T) {
			t.Parallel()
			s, err := scannertest.New(scannertest.Options{AIM: tt.aim, Terminator: tt.with, BytesPerSecond: 4000})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			p := &plugged{scanner: scannerSerial, path: "1-1.4:1.0", file: s.Path()}
			want := learned{plugged: *p, framing: framing{terminator: tt.with, aim: tt.aim}, baud: learnSpeeds[0]}
			if tt.cdc {
				p.driver, want.plugged.driver, want.baud = driverCDC, driverCDC, 0
			}
			e := &ears{}
			done, _ := startReading(t, e, time.Minute, func(ctx context.Context, l *learner) (*learned, error) { return l.read(ctx, p) })
			e.await(t, "listening; scan the code")
			scan := func(code string) {
				if err := s.Scan(t.Context(), []byte(code)); err != nil {
					t.Error(err)
				}
			}
			scan(knownCode[:100])
			e.await(t, "the end is missing: 100 of 451 characters came; scan the code again")
			scan(strings.ToLower(knownCode))
			e.await(t, "capital and small letters are exchanged")
			scan(knownCode)
			got := await1(t, done)
			if got.err != nil || fmt.Sprintf("%+v", *got.learned) != fmt.Sprintf("%+v", want) {
				t.Errorf("got %+v, %v, want %+v", got.learned, got.err, want)
			}
			if e.heard("no text came") {
				t.Errorf("text was taken for noise: %q", e.said)
			}
		})
	}
}

// terminal is a pseudo-terminal whose speed the test sees, as a scanner on a line does.
func terminal(t *testing.T) (scanner *os.File, path string, speed func() int) {
	t.Helper()
	scanner, host, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { scanner.Close(); host.Close() })
	settings, err := unix.IoctlGetTermios(int(host.Fd()), unix.TCGETS)
	if err == nil {
		settings.Iflag, settings.Oflag, settings.Lflag = 0, 0, 0
		err = unix.IoctlSetTermios(int(host.Fd()), unix.TCSETS, settings)
	}
	if err != nil {
		t.Fatal(err)
	}
	return scanner, host.Name(), func() int {
		settings, err := unix.IoctlGetTermios(int(host.Fd()), unix.TCGETS2)
		if err != nil {
			t.Error(err)
		}
		return int(settings.Ospeed)
	}
}

// rescan scans as somebody does who is told to do so again and again, until the learner is done.
func rescan(t *testing.T, done <-chan outcome, scan func()) outcome {
	t.Helper()
	tick := time.NewTicker(2 * learnGap)
	defer tick.Stop()
	limit := time.After(patience)
	for {
		select {
		case got := <-done:
			return got
		case <-tick.C:
			scan()
		case <-limit:
			t.Fatal("nothing was learned")
		}
	}
}

func TestSpeedIsFoundByScanningAgain(t *testing.T) {
	t.Parallel()
	scanner, path, speed := terminal(t)
	p := &plugged{scanner: scannerSerial, path: path, file: path, driver: "ftdi_sio"}
	e := &ears{}
	done, _ := startReading(t, e, time.Minute, func(ctx context.Context, l *learner) (*learned, error) { return l.read(ctx, p) })
	got := rescan(t, done, func() {
		text := strings.Repeat("\xf8\x00\x1e\x80A", 30)
		if speed() == 57600 {
			text = knownCode + "\r"
		}
		if _, err := scanner.WriteString(text); err != nil {
			t.Error(err)
		}
	})
	if got.err != nil || got.baud != 57600 || got.terminator != frame.CR {
		t.Errorf("got %+v, %v", got.learned, got.err)
	}
	for _, part := range []string{"no text came at 9600 baud: scan the code again", "at 19200 baud", "at 38400 baud"} {
		if !e.heard(part) {
			t.Errorf("it does not say %q but %q", part, e.said)
		}
	}
	if e.heard("57600") {
		t.Errorf("the right speed was taken for a wrong one: %q", e.said)
	}
}

func TestSpeedAtWhichNothingComesIsPassedOver(t *testing.T) {
	t.Parallel()
	scanner, path, speed := terminal(t)
	p := &plugged{scanner: scannerSerial, path: path, file: path}
	done, _ := startReading(t, &ears{}, 4*learnGap, func(ctx context.Context, l *learner) (*learned, error) { return l.read(ctx, p) })
	got := rescan(t, done, func() {
		if speed() == 38400 {
			if _, err := scanner.WriteString("]Q1" + knownCode + "\r\n"); err != nil {
				t.Error(err)
			}
		}
	})
	if got.err != nil || got.baud != 38400 || got.terminator != frame.CRLF || got.aim != "]Q1" {
		t.Errorf("got %+v, %v", got.learned, got.err)
	}
}

// A line of seven bits is at the right speed: it is told, and listened to until the scanner is set right.
func TestSevenBitsAreToldAndThenWaitedFor(t *testing.T) {
	t.Parallel()
	scanner, path, _ := terminal(t)
	p := &plugged{scanner: scannerSerial, path: path, file: path}
	e := &ears{}
	done, _ := startReading(t, e, 5*learnGap, func(ctx context.Context, l *learner) (*learned, error) { return l.read(ctx, p) })
	raw := withEighthBit(knownCode+"\r", func(ones int) bool { return ones%2 == 1 })
	got := rescan(t, done, func() {
		if e.heard("7 data bits, even parity at 9600 baud, which no lane reads") {
			time.Sleep(10 * learnGap) // longer than a speed without text is listened to
			raw = []byte(knownCode + "\r")
		}
		if _, err := scanner.Write(raw); err != nil {
			t.Error(err)
		}
	})
	if got.err != nil || got.baud != 9600 {
		t.Errorf("got %+v, %v", got.learned, got.err)
	}
}

func TestListeningEnds(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"", driverCDC} {
		s, err := scannertest.New(scannertest.Options{})
		if err != nil {
			t.Fatal(err)
		}
		p := &plugged{scanner: scannerSerial, file: s.Path(), driver: driver}
		read := func(ctx context.Context, l *learner) (*learned, error) { return l.read(ctx, p) }
		e := &ears{}
		done, stop := startReading(t, e, time.Minute, read)
		e.await(t, "listening")
		stop()
		if got := await1(t, done); got.learned != nil || !errors.Is(got.err, context.Canceled) {
			t.Errorf("driver %q, stopped: %+v, %v", driver, got.learned, got.err)
		}
		e = &ears{}
		done, _ = startReading(t, e, time.Minute, read)
		e.await(t, "listening")
		if err := s.Unplug(); err != nil {
			t.Fatal(err)
		}
		if got := await1(t, done); got.learned != nil || !errors.Is(got.err, frame.ErrGone) {
			t.Errorf("driver %q, unplugged: %+v, %v", driver, got.learned, got.err)
		}
	}
}

// recorded is a USB-HID device that plays reports, some at a time. It stands for the USB library; all above it is the real thing.
type recorded struct{ reports chan []byte }

func (d *recorded) ReadTimeout(b []byte, timeout int) (int, error) {
	select {
	case r, ok := <-d.reports:
		if !ok {
			return 0, frame.ErrGone
		}
		time.Sleep(100 * time.Microsecond)
		return copy(b, r), nil
	case <-time.After(time.Duration(timeout) * time.Millisecond):
		return 0, nil
	}
}

func (d *recorded) Close() error { return nil }

func (d *recorded) play(reports [][]byte) {
	for _, r := range reports {
		d.reports <- r
	}
}

// showUntil scans a code, and again as somebody would until it is understood: on a machine that stands still in the middle of it, the
// pause between two keys ends a code.
func showUntil(t *testing.T, dev *recorded, reports [][]byte, done <-chan outcome) outcome {
	t.Helper()
	for range 10 {
		for _, r := range reports {
			select {
			case dev.reports <- r:
			case got := <-done:
				return got
			}
		}
		select {
		case got := <-done:
			return got
		case <-time.After(patience / 10):
		}
	}
	t.Fatal("nothing came")
	return outcome{}
}

// typed is the reports of a scanner that types a code under a layout, and then these keys.
func typed(t *testing.T, l keyboard.Layout, code string, then ...frame.Key) (reports [][]byte) {
	t.Helper()
	keys, err := l.AppendKeys(nil, []byte(code))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range keyboard.AppendReports(nil, append(keys, then...)) {
		reports = append(reports, r[:])
	}
	return reports
}

// pointOfSale is the reports of a point-of-sale scanner: an id, a length, an AIM identifier, 56 bytes, whether more follows.
func pointOfSale(code string) (reports [][]byte) {
	for more := true; more; {
		n := min(len(code), 56)
		r := make([]byte, 64)
		r[0], r[1] = 2, byte(n)
		copy(r[2:], "]Q1")
		copy(r[5:], code[:n])
		code = code[n:]
		if more = code != ""; more {
			r[63] = 1
		}
		reports = append(reports, r)
	}
	return reports
}

// listenTo listens to a recorded device.
func listenTo(t *testing.T, e *ears, decoder func(typed *typing) hid.Decoder) (*recorded, <-chan outcome) {
	t.Helper()
	dev := &recorded{reports: make(chan []byte)}
	p := &plugged{scanner: scannerHID, path: "1-1.3:1.0"}
	done, _ := startReading(t, e, 0, func(ctx context.Context, l *learner) (*learned, error) {
		typed := newTyping()
		return l.listenHID(ctx, p, hid.NewScanner(dev, decoder(typed), time.Now), typed)
	})
	return dev, done
}

func keys(typed *typing) hid.Decoder { return typed }

func TestKeyboardLayoutIsFound(t *testing.T) {
	t.Parallel()
	for _, l := range []keyboard.Layout{keyboard.US, keyboard.FR, keyboard.DE} {
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			e := &ears{}
			dev, done := listenTo(t, e, keys)
			enter := frame.Key{Code: keyboard.Enter}
			dev.play(typed(t, l, "HC1:SOMETHING ELSE", enter))
			e.await(t, "18 characters came, the known code has 451")
			got := showUntil(t, dev, typed(t, l, "]Q1"+knownCode, enter), done)
			if got.err != nil || !got.typing || got.layout != l || got.aim != "]Q1" || got.mode != "HID keyboard" {
				t.Errorf("got %+v, %v", got.learned, got.err)
			}
			if lane := got.lane("7"); lane != (laneConfig{ID: "7", Scanner: "hid", Path: "1-1.3:1.0", Layout: l.String()}) {
				t.Errorf("lane %+v", lane)
			}
		})
	}
}

// A layout that is not known types the start of a code as one that is, and the rest otherwise: it is told, never taken.
func TestUnknownLayoutIsNotTaken(t *testing.T) {
	t.Parallel()
	e := &ears{}
	dev, done := listenTo(t, e, keys)
	wrong := strings.NewReplacer("%", "@", "$", "#").Replace(knownCode)
	dev.play(typed(t, keyboard.US, wrong, frame.Key{Code: keyboard.Enter}))
	e.await(t, fmt.Sprintf("%d of 451 characters differ: the layout is unknown", strings.Count(knownCode, "%")+strings.Count(knownCode, "$")))
	close(dev.reports)
	if got := await1(t, done); got.learned != nil || !errors.Is(got.err, frame.ErrGone) {
		t.Errorf("got %+v, %v", got.learned, got.err)
	}
}

func TestKeyboardThatEndsNoCodeIsTold(t *testing.T) {
	t.Parallel()
	e := &ears{}
	dev, done := listenTo(t, e, keys)
	dev.play(typed(t, keyboard.US, knownCode))
	e.await(t, "keys came, but no whole code")
	if got := showUntil(t, dev, typed(t, keyboard.US, knownCode, frame.Key{Code: keyboard.Tab}), done); got.err != nil || got.layout != keyboard.US {
		t.Errorf("got %+v, %v", got.learned, got.err)
	}
}

func TestPointOfSaleScannerIsUnderstood(t *testing.T) {
	t.Parallel()
	e := &ears{}
	dev, done := listenTo(t, e, func(*typing) hid.Decoder { return frame.NewPOS(frame.CommonPOS()) })
	dev.play(pointOfSale(knownCode[:200]))
	e.await(t, "the end is missing: 200 of 451")
	got := showUntil(t, dev, pointOfSale(knownCode), done)
	if got.err != nil || got.typing || got.aim != "]Q1" || got.mode != "HID point-of-sale" {
		t.Errorf("got %+v, %v", got.learned, got.err)
	}
	if lane := got.lane("x"); lane != (laneConfig{ID: "x", Scanner: "hid", Path: "1-1.3:1.0"}) {
		t.Errorf("lane %+v", lane)
	}
}

func TestCandidatesAreWhatNothingElseHas(t *testing.T) {
	t.Parallel()
	all := []plugged{
		{scanner: scannerSerial, path: "1-1.1:1.0", device: "1-1.1", names: []string{"/dev/ttyACM0"}, driver: driverCDC},
		{scanner: scannerSerial, path: "/dev/ttyAMA0", names: []string{"/dev/ttyAMA0"}},
		{scanner: scannerSerial, path: "1-1.2:1.0", device: "1-1.2", names: []string{"/dev/ttyUSB0"}, driver: "ftdi_sio"},
		{scanner: scannerHID, path: "1-1.3:1.0", device: "1-1.3", kind: hid.Keyboard, driver: "usbhid"},
		{scanner: scannerHID, path: "1-1.4:1.0", device: "1-1.4", kind: hid.POS, driver: "usbhid"},
		{scanner: scannerHID, path: "1-1.4:1.1", device: "1-1.4", kind: hid.Keyboard, driver: "usbhid"},
		{scanner: scannerHID, path: "1-1.5:1.0", device: "1-1.5", kind: hid.POS, driver: driverHeld},
		{scanner: scannerHID, path: "1-1.6:1.0", device: "1-1.6", kind: hid.Other, driver: "usbhid"},
		{scanner: scannerHID, path: "1-1.7:1.0", device: "1-1.7", kind: hid.Other},
		{scanner: scannerHID, path: "1-1.8:1.0", device: "1-1.8", kind: hid.Other, mode: "mouse"},
		{scanner: scannerCamera, path: "1-2.1:1.0", device: "1-2.1"},
		{path: "1-2.2", device: "1-2.2"},
	}
	lane := use{"1-1.4:1.0", "lane 1"}
	for _, tt := range []struct {
		name string
		uses []use
		path string
		want string
	}{
		{"all that is free", nil, "", "1-1.1:1.0 1-1.2:1.0 1-1.3:1.0 1-1.4:1.0 1-1.4:1.1 1-1.7:1.0"},
		{"a lane has its whole device", []use{lane}, "", "1-1.1:1.0 1-1.2:1.0 1-1.3:1.0 1-1.7:1.0"},
		{"by device file, and expected", []use{{"/dev/ttyACM0", "lane 2"}, {"1-1.3", useExpected}}, "", "1-1.2:1.0 1-1.4:1.0 1-1.4:1.1 1-1.7:1.0"},
		{"by port", nil, "1-1.2:1.0", "1-1.2:1.0"},
		{"by device file", nil, "/dev/ttyUSB0", "1-1.2:1.0"},
		{"a console that is named", nil, "/dev/ttyAMA0", "/dev/ttyAMA0"},
		{"held by a program", nil, "1-1.5:1.0", ""},
		{"a camera", nil, "1-2.1:1.0", ""},
	} {
		var got []string
		for _, p := range candidates(all, tt.uses, tt.path, []string{"/dev/ttyAMA0"}) {
			got = append(got, p.path)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestItIsSaidWhyNothingIsListenedTo(t *testing.T) {
	t.Parallel()
	all := []plugged{
		{scanner: scannerHID, path: "1-1.5:1.0", device: "1-1.5", kind: hid.POS, driver: driverHeld, mode: "HID"},
		{scanner: scannerHID, path: "1-1.6:1.0", device: "1-1.6", driver: "usbhid", mode: "mouse"},
		{path: "1-2.2", device: "1-2.2", driver: "usb-storage", mode: "storage"},
	}
	const held, mouse, storage, nothing = "1-1.5:1.0: another program has it: HID", "1-1.6:1.0: no scanner that can be listened to: mouse",
		"1-2.2: no scanner that can be listened to: storage", "nothing is plugged in"
	for _, tt := range []struct {
		path string
		uses []use
		want []string
	}{
		{"", nil, []string{held, mouse, nothing}},
		{"", []use{{"1-1.5:1.0", "lane 1"}}, []string{mouse, nothing}},
		{"1-2.2:1.0", nil, []string{storage, nothing}},
		{"1-1.5:1.0", nil, []string{held, nothing}},
		{"/dev/ttyACM9", nil, []string{nothing}},
	} {
		var out strings.Builder
		r := &round{std: streams{err: &out}, command: &learnCmd{Path: tt.path}, uses: tt.uses, told: make(map[string]bool)}
		for range 2 { // it is said once
			r.explain(all)
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) != len(tt.want) {
			t.Errorf("%q: %q, want %q", tt.path, lines, tt.want)
			continue
		}
		for i, want := range tt.want {
			if !strings.HasPrefix(lines[i], want) {
				t.Errorf("%q: %q, want %q", tt.path, lines[i], want)
			}
		}
	}
	var out strings.Builder
	r := &round{std: streams{err: &out}, command: &learnCmd{}, told: make(map[string]bool), running: map[string]bool{"1-1.5:1.0 /dev/bus/usb/001/007": true}}
	if r.explain(all); out.Len() > 0 {
		t.Errorf("while it listens to one of them it says %q", out.String())
	}
}
