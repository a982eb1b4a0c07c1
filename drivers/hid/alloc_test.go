//go:build !race

package hid

import (
	"testing"
	"time"

	"passerelle/drivers/frame"
	"passerelle/drivers/keyboard"
)

func TestReadingDoesNotAllocate(t *testing.T) {
	s := &Scanner{free: make(chan *code, queue), full: make(chan *code, queue)}
	s.free <- new(code)
	p := make([]byte, frame.MaxFrame)
	reports := keyReports(t, keyboard.FR, payload550)
	var decoder Decoder = &typist{layout: frame.BootKeys(), Decoder: keyboard.New(keyboard.FR)}
	emit := s.put
	n := testing.AllocsPerRun(20, func() {
		for _, r := range reports {
			decoder.Report(r, time.Millisecond, emit)
		}
		if got, err := s.ReadFrame(p); err != nil || string(p[:got]) != payload550 {
			t.Errorf("got %q, %v", p[:got], err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a code, want 0", n)
	}
}
