package lamp

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passerelle/drivers/frame"
	"passerelle/drivers/scannertest"
	"passerelle/drivers/serial"
)

// expectBytes reads what a device at the end of a pseudo-terminal received.
func expectBytes(t *testing.T, device *scannertest.Scanner, what string, want []byte) {
	t.Helper()
	var got []byte
	p := make([]byte, 100)
	for len(got) < len(want) {
		n, err := device.Receive(t.Context(), p)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		got = append(got, p[:n]...)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: received % X, want % X", what, got, want)
	}
}

func TestTowerIsSentItsWholeStateEachTime(t *testing.T) {
	t.Parallel()
	device, driver := scanner(t)
	l, err := NewTower(driver, Adafruit)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		signal Signal
		want   []byte
	}{
		{Off, []byte{0x28, 0x24, 0x22, 0x21}},
		{Red, []byte{0x28, 0x24, 0x22, 0x11}},
		{Amber, []byte{0x28, 0x24, 0x21, 0x12}},
		{Fault, []byte{0x28, 0x24, 0x12, 0x11}},
		{Green, []byte{0x22, 0x21, 0x18, 0x14, 0x28, 0x22, 0x21, 0x14}}, // the sound ends by itself
		{Red, []byte{0x28, 0x24, 0x22, 0x11}},
	} {
		if err := l.Set(tt.signal); err != nil {
			t.Fatal(err)
		}
		expectBytes(t, device, tt.signal.String(), tt.want)
	}
	if err := l.Restore(); err != nil {
		t.Fatal(err)
	}
	expectBytes(t, device, "restore", []byte{0x28, 0x24, 0x22, 0x11})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	expectBytes(t, device, "close", []byte{0x28, 0x24, 0x22, 0x21})
}

func TestRelayBoardIsPulsed(t *testing.T) {
	t.Parallel()
	for model, d := range relayDevices() {
		t.Run(string(model), func(t *testing.T) {
			t.Parallel()
			device, driver := scanner(t)
			l, err := NewRelayBoard(driver, RelayConfig{Model: model, Channel: testChannel, Pulse: MaxPulse})
			if err != nil {
				t.Fatal(err)
			}
			board := d.(*relayDevice)
			for _, tt := range []struct {
				what string
				do   func() error
				want []byte
			}{
				{"restore of a new one", l.Restore, board.off},
				{"red", func() error { return l.Set(Red) }, board.off},
				{"green", func() error { return l.Set(Green) }, board.on},
				{"off in the pulse", func() error { return l.Set(Off) }, board.off},
				{"green again", func() error { return l.Set(Green) }, board.on},
				{"restore in the pulse", l.Restore, board.off},
				{"one more green", func() error { return l.Set(Green) }, board.on},
				{"close", l.Close, board.off},
			} {
				if err := tt.do(); err != nil {
					t.Fatal(err)
				}
				expectBytes(t, device, tt.what, tt.want)
			}
		})
	}
}

func TestPulseOfARelayBoardEnds(t *testing.T) {
	t.Parallel()
	device, driver := scanner(t)
	l, err := NewRelayBoard(driver, RelayConfig{Model: LCUS})
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := l.Set(Green); err != nil {
		t.Fatal(err)
	}
	expectBytes(t, device, "green", []byte{0xA0, 1, 1, 0xA2})
	expectBytes(t, device, "end of the pulse", []byte{0xA0, 1, 0, 0xA1})
	if took := time.Since(begun); took < DefaultPulse || took > DefaultPulse+time.Second {
		t.Errorf("the pulse took %v, want %v", took, DefaultPulse)
	}
}

// TestCommandsAreThoseOfTheMakersPages holds commands against the examples that makers and sellers print.
func TestCommandsAreThoseOfTheMakersPages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		model   RelayModel
		channel int
		on      bool
		pulse   time.Duration
		want    string
	}{
		{LCUS, 1, true, DefaultPulse, "\xA0\x01\x01\xA2"},
		{LCUS, 1, false, DefaultPulse, "\xA0\x01\x00\xA1"},
		{LCUS, 8, true, DefaultPulse, "\xA0\x08\x01\xA9"},
		{Devantech, 1, true, DefaultPulse, "\x65"},
		{Devantech, 8, true, DefaultPulse, "\x6C"},
		{Devantech, 1, false, DefaultPulse, "\x6F"},
		{Devantech, 8, false, DefaultPulse, "\x76"},
		{Numato, 1, true, DefaultPulse, "\rrelay on 0\r"},
		{Numato, 8, false, DefaultPulse, "\rrelay off 7\r"},
		{Waveshare, 1, true, 700 * time.Millisecond, "\x01\x05\x02\x00\x00\x07\x8D\xB0"},
		{Waveshare, 2, true, 800 * time.Millisecond, "\x01\x05\x02\x01\x00\x08\x9C\x74"},
		{Waveshare, 2, true, 701 * time.Millisecond, "\x01\x05\x02\x01\x00\x08\x9C\x74"}, // tenths, rounded up: we end it in time
		{Waveshare, 1, false, 700 * time.Millisecond, "\x01\x05\x00\x00\x00\x00\xCD\xCA"},
	} {
		if got := string(tt.model.command(tt.channel, tt.on, tt.pulse)); got != tt.want {
			t.Errorf("%s, relay %d, on %v for %v: got % X, want % X", tt.model, tt.channel, tt.on, tt.pulse, got, tt.want)
		}
	}
}

// clocked is a Port that notes when something was written.
type clocked struct {
	begun time.Time
	at    []time.Duration
}

func (c *clocked) WriteTimeout(b []byte, _ time.Duration) (int, error) {
	c.at = append(c.at, time.Since(c.begun))
	return len(b), nil
}

// TestModbusCommandsAreKeptApart: without the silence between them a board takes two for one that is damaged.
func TestModbusCommandsAreKeptApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		port := &clocked{begun: time.Now()}
		l, err := NewRelayBoard(port, RelayConfig{Model: Waveshare})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(l.Set(Red), l.Set(Green), l.Close()); err != nil {
			t.Fatal(err)
		}
		if want := []time.Duration{0, waveshareQuiet, 2 * waveshareQuiet}; !slices.Equal(port.at, want) {
			t.Errorf("written at %v, want %v", port.at, want)
		}
	})
}

func TestSerialLampsOutOfBoundsAreRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		c    RelayConfig
		ok   bool
	}{
		{"no model", RelayConfig{}, false},
		{"unknown model", RelayConfig{Model: "relay"}, false},
		{"channel -1", RelayConfig{Model: LCUS, Channel: -1}, false},
		{"channel left out", RelayConfig{Model: LCUS}, true},
		{"last channel", RelayConfig{Model: LCUS, Channel: MaxChannel}, true},
		{"channel after the last", RelayConfig{Model: LCUS, Channel: MaxChannel + 1}, false},
		{"shortest pulse", RelayConfig{Model: LCUS, Pulse: MinPulse}, true},
		{"too short a pulse", RelayConfig{Model: LCUS, Pulse: MinPulse - 1}, false},
		{"too long a pulse", RelayConfig{Model: LCUS, Pulse: MaxPulse + 1}, false},
	} {
		if l, err := NewRelayBoard(nil, tt.c); (err == nil) != tt.ok || (l != nil) != tt.ok {
			t.Errorf("%s: got %v, %v", tt.name, l, err)
		}
	}
	if l, err := NewTower(nil, "tower"); err == nil || l != nil {
		t.Errorf("unknown tower: got %v", err)
	}
}

func TestNamesOfTowersAndRelayBoardsReadBack(t *testing.T) {
	t.Parallel()
	for _, m := range TowerModels() {
		var got TowerModel
		if err := got.UnmarshalText([]byte(m)); err != nil || got != m {
			t.Errorf("%s: got %q, %v", m, got, err)
		}
	}
	for _, m := range RelayModels() {
		var got RelayModel
		if err := got.UnmarshalText([]byte(m)); err != nil || got != m {
			t.Errorf("%s: got %q, %v", m, got, err)
		}
	}
	var tower TowerModel
	var board RelayModel
	if tower.UnmarshalText([]byte("lcus")) == nil || board.UnmarshalText([]byte("adafruit")) == nil || tower != "" || board != "" {
		t.Errorf("unknown names were taken: %q, %q", tower, board)
	}
}

// socket is a Port whose device may be pulled and plugged: what the gateway has.
type socket struct {
	t    *testing.T
	path string
	port atomic.Pointer[serial.Scanner]
}

func (s *socket) open() {
	s.t.Helper()
	driver, err := serial.Open(serial.Options{Path: s.path})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { driver.Close() })
	s.port.Store(driver)
}

func (s *socket) WriteTimeout(b []byte, d time.Duration) (int, error) {
	return s.port.Load().WriteTimeout(b, d)
}

func TestTowerThatWasPulledShowsTheSignalAgainButNotGreen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tower")
	device, err := scannertest.New(scannertest.Options{Link: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { device.Close() })
	port := &socket{t: t, path: path}
	port.open()
	l, err := NewTower(port, Adafruit)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, tt := range []struct {
		signal Signal
		after  []byte
	}{
		{Red, []byte{0x28, 0x24, 0x22, 0x11}},
		{Green, []byte{0x28, 0x24, 0x22, 0x21}},
	} {
		if err := device.Unplug(); err != nil {
			t.Fatal(err)
		}
		if err := l.Set(tt.signal); !errors.Is(err, frame.ErrGone) {
			t.Fatalf("%v without a tower: got %v, want frame.ErrGone", tt.signal, err)
		}
		if err := device.Plug(); err != nil {
			t.Fatal(err)
		}
		port.port.Load().Close()
		port.open()
		expectBytes(t, device, "after "+tt.signal.String(), tt.after)
	}
}

func TestStuckRelayBoardNeverHoldsUpASignal(t *testing.T) {
	t.Parallel()
	_, driver := scanner(t) // nobody receives
	if _, err := driver.WriteTimeout(make([]byte, 1<<20), 10*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the board is not stuck: %v", err)
	}
	l, err := NewRelayBoard(driver, RelayConfig{Model: Numato})
	if err != nil {
		t.Fatal(err)
	}
	for range 5000 { // until the kernel takes no more
		begun := time.Now()
		err = l.Set(Red)
		if took := time.Since(begun); took > 2*SetTimeout {
			t.Fatalf("Set took %v, want at most %v", took, SetTimeout)
		}
		if err != nil {
			break
		}
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want os.ErrDeadlineExceeded", err)
	}
	begun := time.Now()
	_ = l.Close() // fails: the board is stuck
	if took := time.Since(begun); took > 2*SetTimeout {
		t.Errorf("Close took %v, want at most %v", took, SetTimeout)
	}
}

func TestErrorsNameTheDevice(t *testing.T) {
	t.Parallel()
	device, driver := scanner(t)
	if err := device.Unplug(); err != nil {
		t.Fatal(err)
	}
	l, err := NewRelayBoard(driver, RelayConfig{Model: LCUS})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Set(Red); err == nil || !strings.HasPrefix(err.Error(), "set relay board lcus to red: ") {
		t.Errorf("got %v", err)
	}
}
