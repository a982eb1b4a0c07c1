package bcbp_test

import (
	"crypto/elliptic"
	"testing"

	"passerelle/gateway/credential/bcbp"
)

func BenchmarkParse(b *testing.B) {
	code := []byte(two())
	var p bcbp.Pass
	b.SetBytes(int64(len(code)))
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Parse(code); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBoarding is all that the gate asks of a pass but the check of its signature.
func BenchmarkBoarding(b *testing.B) {
	signed, _ := seal(b, elliptic.P256(), one(part()))
	code, scratch := []byte(signed), make([]byte, 0, 256)
	var p bcbp.Pass
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Parse(code); err != nil {
			b.Fatal(err)
		}
		l := &p.Legs()[0]
		day, _ := l.Day()
		_, _, _, start, _ := bcbp.Date(day, 1_771_027_200)
		if p.Issue(start) != bcbp.IssueAgrees {
			b.Fatal("another year")
		}
		scratch = bcbp.AppendPassenger(bcbp.AppendUse(scratch[:0], l, start), l, start)
		var err error
		if scratch, err = p.Security.AppendSignature(scratch, 32); err != nil {
			b.Fatal(err)
		}
	}
}
