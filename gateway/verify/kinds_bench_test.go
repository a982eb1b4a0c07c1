package verify_test

import (
	"slices"
	"testing"

	"passerelle/gateway/verify"
)

// BenchmarkVerify has a row kind=… each: what a good code of a kind takes in a batch of MaxBatch, with keys that have tables.
func BenchmarkVerify(b *testing.B) {
	s := setup(b)
	list, fast := s.snapshot(b), accelerator(b)
	var names []string
	for name := range s.codes {
		names = append(names, name)
	}
	slices.Sort(names)
	var codes [][]byte
	for _, name := range names {
		codes = append(codes, []byte(s.codes[name]))
	}
	warmScene(b, s, fast, codes)
	for _, name := range names {
		scans := make([]verify.Scan, verify.MaxBatch)
		for i := range scans {
			scans[i].Data = []byte(s.codes[name])
		}
		b.Run("kind="+name, func(b *testing.B) {
			v := s.verifier(fast)
			dst := v.Verify(nil, scans, list, s.now)
			b.ReportAllocs()
			for b.Loop() {
				dst = v.Verify(dst[:0], scans, list, s.now)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(scans)), "ns/code")
		})
	}
}
