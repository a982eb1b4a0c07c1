//go:build !race

package mrz_test

import (
	"strings"
	"testing"
	"time"

	"passerelle/gateway/credential/mrz"
)

func TestParseDoesNotAllocate(t *testing.T) {
	inputs := map[string][]byte{"garbage": []byte("garbage"), "too long": make([]byte, mrz.MaxBytes+1), "one line": []byte(card().lines()[0])}
	for _, d := range all() {
		inputs[d.format.String()] = d.joined()
		inputs[d.format.String()+" framed"] = []byte("\x02" + strings.Join(d.lines(), "\r") + "\x03")
	}
	wrong := card().joined()
	wrong[10] = 'O'
	inputs["wrong digit"] = wrong
	var z mrz.Zone
	now := time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)
	number := make([]byte, 0, 2*mrz.MaxNumber)
	for name, b := range inputs {
		if n := testing.AllocsPerRun(100, func() {
			if z.Parse(b) != nil {
				return
			}
			_ = z.Valid()
			_, _ = z.BirthDate(now)
			_, _ = z.ExpiryDate(now)
			number = z.AppendPersonal(z.AppendNumber(number[:0]))
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
