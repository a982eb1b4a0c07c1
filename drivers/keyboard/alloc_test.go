//go:build !race

package keyboard_test

import (
	"testing"

	"passerelle/drivers/frame"
	"passerelle/drivers/keyboard"
)

func TestDecoderDoesNotAllocate(t *testing.T) {
	d := keyboard.New(keyboard.Auto)
	keys := append(keysOf(t, keyboard.FR, hcert), enter)
	keys = append(keys, frame.Key{Code: 0xA0}, enter) // refused
	keys = append(keyboard.AppendAltKeys(keys, 'A', true), enter)
	keys = append(append(keys, keysOf(t, keyboard.DE, passPlain)...), enter) // ambiguous
	keys = append(append(keys, keysOf(t, keyboard.DE, hcert)...), enter)
	keys = append(append(keys, keysOf(t, keyboard.DE, passPlain)...), enter)
	reports := keyboard.AppendReports(nil, keys)
	codes := 0
	emit := func([]byte) { codes++ }
	n := testing.AllocsPerRun(100, func() {
		for i := range reports {
			d.Report(reports[i][:], poll, emit)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a run, want 0", n)
	}
	if codes != 404 || d.Ambiguous() != 101 {
		t.Errorf("%d codes, %d ambiguous, want 404 and 101", codes, d.Ambiguous())
	}
}
