//go:build !race

package base45

import (
	"bytes"
	"testing"
)

func TestNothingIsAllocated(t *testing.T) {
	good := bytes.Repeat([]byte("BB8"), 180)
	bad := append(bytes.Repeat([]byte("BB8"), 179), ":::"...)
	dst := make([]byte, 0, len(good))
	for _, tt := range []struct {
		name string
		step func()
	}{
		{"accepted", func() { dst, _ = AppendDecode(dst[:0], good) }},
		{"refused", func() { dst, _ = AppendDecode(dst[:0], bad) }},
		{"encoded", func() { dst = AppendEncode(dst[:0], good[:360]) }},
	} {
		if n := testing.AllocsPerRun(100, tt.step); n != 0 {
			t.Errorf("%s: %v allocations, want 0", tt.name, n)
		}
	}
}
