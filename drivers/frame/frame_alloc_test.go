//go:build !race

package frame

import (
	"bytes"
	"testing"
)

func TestSplitterDoesNotAllocate(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 2*MaxFrame)
	input := bytes.Join([][]byte{[]byte("\x00\x02HC1:GOOD\x03\r\n"), long, []byte("\x03\r\n\x02HALF")}, nil)
	for k := CR; k <= MRZ; k++ {
		s := newSplitter(t, Config{Terminator: k})
		if n := testing.AllocsPerRun(100, func() {
			for rest := input; len(rest) > 0; {
				_, rest = s.Next(rest)
			}
			s.Idle(MaxGap)
			s.Reset()
		}); n != 0 {
			t.Errorf("%v: %v allocations a stream, want 0", k, n)
		}
	}
}

func TestUndoUTF8DoesNotAllocate(t *testing.T) {
	src := expand(bytes.Repeat([]byte{0, 0x7f, 0x80, 0xff}, 100))
	b := make([]byte, len(src))
	if n := testing.AllocsPerRun(100, func() {
		copy(b, src)
		UndoUTF8(b)
	}); n != 0 {
		t.Errorf("%v allocations a call, want 0", n)
	}
}
