package bundle

import "testing"

// BenchmarkReadBundle opens, verifies and indexes a file: what a gate does at start.
func BenchmarkReadBundle(b *testing.B) {
	s := newSigners(b, 3)
	roots := rootsOf(2, s...)
	f := file(b, build(b, newContent(b, 3_000), header(1), s[0], s[2]))
	for b.Loop() {
		opened, err := Open(f, nil)
		if err != nil {
			b.Fatal(err)
		}
		v, err := opened.Verify(Held{Roots: roots})
		if err != nil {
			b.Fatal(err)
		}
		if snap, skipped, err := v.Snapshot(nil); err != nil || snap.Len() != 3_000 {
			b.Fatal(skipped, err)
		}
	}
	b.ReportMetric(float64(len(f)), "bytes/file")
}
