//go:build !race

package frame_test

import (
	"testing"
	"time"

	"passerelle/drivers/frame"
)

func TestDecodersOfReportsDoNotAllocate(t *testing.T) {
	pos := frame.NewPOS(frame.CommonPOS())
	reports := split("]Q1", text(550))
	codes, keys := 0, 0
	onCode := func([]byte) { codes++ }
	onKey := func(frame.Key) { keys++ }
	var k frame.Keys
	a, released := boot(0, 4), boot(0)
	layout := frame.BootKeys()
	n := testing.AllocsPerRun(100, func() {
		for _, r := range reports {
			pos.Report(r, time.Millisecond, onCode)
		}
		pos.Report(reports[0][:9], time.Millisecond, onCode) // refused
		pos.Report(reports[9], time.Millisecond, onCode)
		for _, r := range [][]byte{a, released} {
			if b, ok := layout.Boot(r); ok {
				k.Report(b[:], onKey)
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a run, want 0", n)
	}
	if codes != 101 || keys != 101 {
		t.Errorf("%d codes and %d keys, want 101 of each", codes, keys)
	}
}
