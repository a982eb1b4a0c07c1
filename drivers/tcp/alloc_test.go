//go:build !race

package tcp

import (
	"bytes"
	"testing"

	"passerelle/drivers/frame"
)

func TestReadingDoesNotAllocate(t *testing.T) {
	code := append(bytes.Repeat([]byte("x"), 540), '\r')
	p := make([]byte, frame.MaxFrame+1)
	measure := func(t *testing.T, s *Scanner, d device) {
		if n := testing.AllocsPerRun(200, func() {
			if _, err := d.Write(code); err != nil {
				t.Fatal(err)
			}
			if n, err := s.ReadFrame(p); err != nil || n != 540 {
				t.Fatal(n, err)
			}
		}); n != 0 {
			t.Errorf("%v allocations a code, want 0", n)
		}
	}
	t.Run("we connect", func(t *testing.T) {
		s, d := connect(t, Options{Ignore: "HEARTBEAT"})
		measure(t, s, d)
	})
	t.Run("the scanner connects", func(t *testing.T) {
		l, at := listening(t, Options{UndoUTF8: true})
		d := dial(t, at)
		measure(t, open(t, l), d)
	})
}

func TestSilenceDoesNotAllocate(t *testing.T) {
	l, at := listening(t, Options{Terminator: frame.IdleGap, Gap: 1})
	dial(t, at)
	s := open(t, l)
	if n := testing.AllocsPerRun(100, func() { s.next() }); n != 0 {
		t.Errorf("%v allocations a silent wait, want 0", n)
	}
}
