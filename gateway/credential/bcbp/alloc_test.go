//go:build !race

package bcbp_test

import (
	"crypto/elliptic"
	"testing"

	"passerelle/gateway/credential/bcbp"
)

func TestNothingAllocates(t *testing.T) {
	signed, _ := seal(t, elliptic.P256(), one(part()))
	var p bcbp.Pass
	scratch := make([]byte, 0, 256)
	for name, code := range map[string]string{
		"signed": signed, "two legs": two(), "cut off": signed[:80], "no pass": "M1" + person, "damaged": signed + "X",
		"bad character": signed + "\n", "no leg": "M2" + one("")[2:],
	} {
		b := []byte(code)
		if n := testing.AllocsPerRun(100, func() {
			if p.Parse(b) != nil {
				return
			}
			for i := range p.Legs() {
				l := &p.Legs()[i]
				day, _ := l.Day()
				_, _, _, start, _ := bcbp.Date(day, 1_771_027_200)
				p.Issue(start)
				scratch = bcbp.AppendUse(scratch[:0], l, start)
				scratch = bcbp.AppendPassenger(scratch[:0], l, start)
				l.SeatNumber()
			}
			p.Name()
			scratch, _ = p.Security.AppendSignature(scratch[:0], 32)
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
