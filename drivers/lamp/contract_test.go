package lamp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"passerelle/drivers/frame"
	"passerelle/drivers/scannertest"
)

// What a Lamp is, for every device that is one.
var (
	_ Lamp = (*GPIO)(nil)
	_ Lamp = (*Tower)(nil)
	_ Lamp = (*RelayBoard)(nil)
)

// subject is one implementation with what can be seen of it.
type subject struct {
	name  string
	open  func(t *testing.T) (Lamp, func() bool) // the second reports whether the device admits somebody now
	blind bool                                   // it has nothing to show, and no state
	model Model                                  // of a Beeper, whose sounds end by themselves: silence may be no command
}

func subjects() []subject {
	all := []subject{
		{name: "none", blind: true, open: func(*testing.T) (Lamp, func() bool) {
			return None{}, func() bool { return false }
		}},
		{name: "simulated", open: func(*testing.T) (Lamp, func() bool) {
			l := NewSimulated(time.Now)
			return l, func() bool { return l.Signal() == Green }
		}},
		{name: "gpio", open: openRecordedGPIO},
		{name: "tower", open: func(t *testing.T) (Lamp, func() bool) {
			device, port := scanner(t)
			l, err := NewTower(port, Adafruit)
			if err != nil {
				t.Fatal(err)
			}
			return l, simulate(t, device, new(towerDevice))
		}},
	}
	for model, device := range relayDevices() {
		all = append(all, subject{name: "relay " + string(model), open: func(t *testing.T) (Lamp, func() bool) {
			simulated, port := scanner(t)
			l, err := NewRelayBoard(port, RelayConfig{Model: model, Channel: testChannel, Pulse: MaxPulse})
			if err != nil {
				t.Fatal(err)
			}
			return l, simulate(t, simulated, device)
		}})
	}
	for _, model := range Models() {
		if model.command(Red) == "" {
			continue // it says nothing but Green, so nothing shows when that ends
		}
		all = append(all, subject{name: "beeper " + string(model), model: model, open: func(t *testing.T) (Lamp, func() bool) {
			device, port := scanner(t)
			l, err := NewBeeper(port, model)
			if err != nil {
				t.Fatal(err)
			}
			return l, simulate(t, device, &beeperDevice{model: model})
		}})
	}
	return all
}

func openRecordedGPIO(t *testing.T) (Lamp, func() bool) {
	var last atomic.Uint64
	g, err := newGPIO(GPIOConfig{Chip: "recorded", Red: line("1"), Green: line("2"), Relay: line("3"), Pulse: MaxPulse},
		func(string, request) (handle, error) { return &lastBits{&last}, nil })
	if err != nil {
		t.Fatal(err)
	}
	return g, func() bool { return last.Load()&0b110 != 0 }
}

type lastBits struct{ bits *atomic.Uint64 }

func (l *lastBits) set(bits uint64) error { l.bits.Store(bits); return nil }
func (l *lastBits) close() error          { return nil }

func TestEveryLampKeepsTheContract(t *testing.T) {
	t.Parallel()
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			l, admits := s.open(t)
			if admits() {
				t.Error("a new lamp admits")
			}
			for _, signal := range []Signal{Off, Red, Amber, Fault, Fault + 1, 255} {
				show(t, l, Green)
				expectAdmits(t, admits, !s.blind, "green")
				begun := time.Now()
				err := l.Set(signal)
				if took := time.Since(begun); took > SetTimeout+50*time.Millisecond {
					t.Errorf("%v took %v, want at most %v", signal, took, SetTimeout)
				}
				if refused := err != nil; refused != (signal > Fault && !s.blind) {
					t.Errorf("%v: %v", signal, err)
				}
				if s.model == "" || signal <= Fault && s.model.command(signal) != "" {
					expectAdmits(t, admits, false, fmt.Sprint(signal))
				}
			}
			show(t, l, Green)
			expectAdmits(t, admits, !s.blind, "green")
			if err := errors.Join(l.Close(), l.Close()); err != nil {
				t.Errorf("close: %v", err)
			}
			if s.model == "" {
				expectAdmits(t, admits, false, "close")
			}
			if err := l.Set(Red); !s.blind && !errors.Is(err, frame.ErrClosed) {
				t.Errorf("Set after Close: got %v, want frame.ErrClosed", err)
			}
		})
	}
}

func show(t *testing.T, l Lamp, s Signal) {
	t.Helper()
	if err := l.Set(s); err != nil {
		t.Fatal(err)
	}
}

// expectAdmits waits until the device does what is expected: it is at the other end of a line.
func expectAdmits(t *testing.T, admits func() bool, want bool, what string) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); admits() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: admits = %v, want %v", what, !want, want)
		}
	}
}

// device is the inside of a device on a serial port: it takes what it understands from the front of what came, and leaves the rest.
type device interface {
	take(b []byte) (rest []byte)
	admits() bool
}

// simulate plays a device at the end of a pseudo-terminal until the test ends, and returns whether it admits.
func simulate(t *testing.T, end *scannertest.Scanner, d device) func() bool {
	t.Helper()
	var now atomic.Bool
	go func() {
		var rest []byte
		p := make([]byte, 256)
		for {
			n, err := end.Receive(context.Background(), p)
			if err != nil {
				return // unplugged at the test's end
			}
			rest = d.take(append(rest, p[:n]...))
			now.Store(d.admits())
		}
	}()
	return now.Load
}

// towerDevice is a signal tower: each byte switches one element.
type towerDevice struct{ lit byte }

func (d *towerDevice) take(b []byte) []byte {
	for _, c := range b {
		switch element := c & 0x0F; c >> 4 {
		case 1:
			d.lit |= element
		case 2:
			d.lit &^= element
		}
	}
	return nil
}

func (d *towerDevice) admits() bool { return d.lit&0x0C != 0 } // green or buzzer

// testChannel is the relay of each board that the tests use.
const testChannel = 3

// relayDevices are relay boards with one relay, testChannel, that is known by its exact commands: from the makers' and sellers' pages.
func relayDevices() map[RelayModel]device {
	return map[RelayModel]device{
		LCUS:      &relayDevice{on: []byte{0xA0, 3, 1, 0xA4}, off: []byte{0xA0, 3, 0, 0xA3}},
		Devantech: &relayDevice{on: []byte{0x67}, off: []byte{0x71}},
		Numato:    &relayDevice{on: []byte("\rrelay on 2\r"), off: []byte("\rrelay off 2\r")},
		// 10 s; the sums were computed by another program.
		Waveshare: &relayDevice{on: []byte{1, 5, 2, 2, 0, 100, 0x6C, 0x59}, off: []byte{1, 5, 0, 2, 0, 0, 0x6C, 0x0A}},
	}
}

type relayDevice struct {
	on, off []byte
	closed  bool
}

func (d *relayDevice) take(b []byte) []byte {
	for {
		switch {
		case bytes.HasPrefix(b, d.on):
			d.closed, b = true, b[len(d.on):]
		case bytes.HasPrefix(b, d.off):
			d.closed, b = false, b[len(d.off):]
		default:
			return b // an unknown command stays, and is the end of all
		}
	}
}

func (d *relayDevice) admits() bool { return d.closed }

// beeperDevice is a scanner; what it did last is what it says.
type beeperDevice struct {
	model Model
	said  Signal
}

func (d *beeperDevice) take(b []byte) []byte {
	for len(b) > 0 {
		found := false
		for _, s := range []Signal{Green, Fault, Red, Amber, Off} { // a longer command before one that it begins with
			if c := d.model.command(s); c != "" && bytes.HasPrefix(b, []byte(c)) {
				d.said, b, found = s, b[len(c):], true
				break
			}
		}
		if !found {
			return b
		}
	}
	return nil
}

func (d *beeperDevice) admits() bool { return d.said == Green }
