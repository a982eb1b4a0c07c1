package lamp

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"passerelle/drivers/frame"
	"passerelle/drivers/scannertest"
	"passerelle/drivers/serial"
)

// Every device is a Lamp, and a serial scanner takes a Beeper's commands.
var (
	_ Lamp = None{}
	_ Lamp = (*Simulated)(nil)
	_ Lamp = (*Beeper)(nil)
	_ Port = (*serial.Scanner)(nil)
)

// clock gives one second more each time.
func clock() func() time.Time {
	t := time.Unix(0, 0)
	return func() time.Time {
		t = t.Add(time.Second)
		return t
	}
}

func TestSafeStateBeforeTheFirstSetAndAfterClose(t *testing.T) {
	t.Parallel()
	if Signal(0) != Off {
		t.Error("the zero signal is not Off")
	}
	l := NewSimulated(clock())
	if got := l.Signal(); got != Off || len(l.History()) != 0 {
		t.Errorf("new lamp shows %v, history %v", got, l.History())
	}
	if err := errors.Join(l.Set(Red), l.Set(Green), l.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	if err := l.Set(Green); !errors.Is(err, frame.ErrClosed) {
		t.Errorf("Set after Close: got %v, want frame.ErrClosed", err)
	}
	if got := l.Signal(); got != Off {
		t.Errorf("closed lamp shows %v", got)
	}
	want := []Change{{time.Unix(1, 0), Red}, {time.Unix(2, 0), Green}, {time.Unix(3, 0), Off}}
	if got := l.History(); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

func TestUnknownSignalGivesTheSafeState(t *testing.T) {
	t.Parallel()
	l := NewSimulated(clock())
	if err := l.Set(Green); err != nil {
		t.Fatal(err)
	}
	if err := l.Set(Fault + 1); err == nil || l.Signal() != Off {
		t.Errorf("got %v and %v, want an error and Off", err, l.Signal())
	}
	if n := l.Count(Fault + 1); n != 0 {
		t.Errorf("counted %d unknown signals", n)
	}
}

func TestHistoryIsBoundedAndCountsAreNot(t *testing.T) {
	t.Parallel()
	l := NewSimulated(clock())
	for i := 1; i <= HistoryLimit+1; i++ {
		if err := l.Set(Green); err != nil {
			t.Fatal(err)
		}
		h := l.History()
		if len(h) != min(i, HistoryLimit) || !h[len(h)-1].At.Equal(time.Unix(int64(i), 0)) {
			t.Fatalf("after %d changes: %d remembered, last at %v", i, len(h), h[len(h)-1].At)
		}
	}
	if first := l.History()[0].At; !first.Equal(time.Unix(2, 0)) {
		t.Errorf("oldest is of %v, want the second", first)
	}
	if n := l.Count(Green); n != HistoryLimit+1 || l.Count(Red) != 0 {
		t.Errorf("counted %d green, %d red; want %d, 0", n, l.Count(Red), HistoryLimit+1)
	}
}

func TestSimulatedLampIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	l := NewSimulated(time.Now)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				if err := l.Set(Green); err != nil {
					t.Error(err)
				}
				_, _ = l.Signal(), l.History()
			}
		})
	}
	wg.Wait()
	if n := l.Count(Green); n != 2000 {
		t.Errorf("counted %d, want 2000", n)
	}
}

func TestNothingButGreenSoundsLikeGreen(t *testing.T) {
	t.Parallel()
	// What each model does for Green alone.
	admits := map[Model][]string{
		BEL:               {"\a"},
		Honeywell:         {"\x1b7", "\x1b1", "\x1b2", "\x1b3", "\x1ba"},
		Datalogic:         {"\x01", "\a", "B", "01\r"},
		DatalogicCordless: {"\x1b[3q", "\x1b[6q", "\x1b[8q"},
		Opticon:           {"\x06"},
		CipherLab:         {"#@////\r"},
	}
	for _, m := range Models() {
		marks := admits[m]
		if len(marks) == 0 {
			t.Errorf("%s: this test does not know what admits", m)
		}
		contains := func(command string) bool {
			for _, mark := range marks {
				if strings.Contains(command, mark) {
					return true
				}
			}
			return false
		}
		for s := Off; s <= Fault; s++ {
			if got := contains(m.command(s)); got != (s == Green) {
				t.Errorf("%s: %v sends %q; sounds like admitted: %v", m, s, m.command(s), got)
			}
		}
	}
}

func TestCommandsKeepTheRulesOfTheirModel(t *testing.T) {
	t.Parallel()
	for s := Off; s <= Fault; s++ {
		if c := DatalogicCordless.command(s); len(c) > 48 || !strings.HasPrefix(c, "\x12") || strings.Count(c, "\r") != 1 || !strings.HasSuffix(c, "\r") {
			t.Errorf("Datalogic cordless, %v: %q is no message of DC2, at most 48 characters and CR", s, c)
		}
		if c := Honeywell.command(s); strings.Count(c, "\x1b") != strings.Count(c, ",") || len(c) != 3*strings.Count(c, ",") {
			t.Errorf("Honeywell, %v: %q is not ESC, character, comma", s, c)
		}
	}
}

func TestModelNamesReadBack(t *testing.T) {
	t.Parallel()
	for _, m := range Models() {
		var got Model
		if err := got.UnmarshalText([]byte(m)); err != nil || got != m {
			t.Errorf("%s: got %q, %v", m, got, err)
		}
	}
	var m Model
	if err := m.UnmarshalText([]byte("ssi")); err == nil || m != "" {
		t.Errorf("unknown name: got %q, %v", m, err)
	}
	if b, err := NewBeeper(nil, ""); err == nil || b != nil {
		t.Error("a beeper without a model was made")
	}
}

// scanner is a simulated scanner with the driver that reads it.
func scanner(t *testing.T) (*scannertest.Scanner, *serial.Scanner) {
	t.Helper()
	device, err := scannertest.New(scannertest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { device.Close() })
	driver, err := serial.Open(serial.Options{Path: device.Path()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { driver.Close() })
	return device, driver
}

func TestScannerReceivesTheCommandOfEachSignal(t *testing.T) {
	t.Parallel()
	device, driver := scanner(t)
	b, err := NewBeeper(driver, DatalogicCordless)
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 100)
	expect := func(what, want string) {
		t.Helper()
		if n, err := device.Receive(t.Context(), p); err != nil || string(p[:n]) != want {
			t.Errorf("%s: scanner received %q, %v; want %q", what, p[:n], err, want)
		}
	}
	for s := Off; s <= Fault; s++ {
		if err := b.Set(s); err != nil {
			t.Fatal(err)
		}
		expect(fmt.Sprint(s), DatalogicCordless.command(s))
	}
	if err := b.Set(Fault + 1); err == nil {
		t.Error("an unknown signal was taken")
	}
	expect("unknown signal", "\x12\x1b[7q\r")
	if err := errors.Join(b.Close(), b.Close()); err != nil {
		t.Fatal(err)
	}
	expect("close", "\x12\x1b[7q\r")
	if err := b.Set(Green); !errors.Is(err, frame.ErrClosed) {
		t.Errorf("Set after Close: got %v, want frame.ErrClosed", err)
	}
}

func TestStuckScannerNeverHoldsUpASignal(t *testing.T) {
	t.Parallel()
	_, driver := scanner(t) // nobody receives
	b, err := NewBeeper(driver, BEL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := driver.WriteTimeout(make([]byte, 1<<20), 10*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the scanner is not stuck: %v", err)
	}
	for range 20_000 { // until the kernel takes no more
		start := time.Now()
		err = b.Set(Green)
		if took := time.Since(start); took > 2*SetTimeout {
			t.Fatalf("Set took %v, want at most %v", took, SetTimeout)
		}
		if err != nil {
			break
		}
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want os.ErrDeadlineExceeded", err)
	}
}

func TestUnpluggedScannerIsAnError(t *testing.T) {
	t.Parallel()
	device, driver := scanner(t)
	b, err := NewBeeper(driver, BEL)
	if err != nil {
		t.Fatal(err)
	}
	if err := device.Unplug(); err != nil {
		t.Fatal(err)
	}
	if err := b.Set(Green); !errors.Is(err, frame.ErrGone) {
		t.Errorf("Set: got %v, want frame.ErrGone", err)
	}
	if err := b.Set(Red); err != nil {
		t.Errorf("silence needs no scanner: %v", err)
	}
}

func TestNoLamp(t *testing.T) {
	t.Parallel()
	if err := errors.Join(None{}.Set(Green), None{}.Close()); err != nil {
		t.Error(err)
	}
}
