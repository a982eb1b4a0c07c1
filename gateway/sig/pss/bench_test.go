package pss_test

import (
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"passerelle/gateway/sig/pss"
)

// BenchmarkVerify verifies a right signature: by this package, by crypto/rsa, and by both in turns. The turns give the ratio of
// their times, the median of all rounds, which is what may be compared between machines.
func BenchmarkVerify(b *testing.B) {
	digest := sha256.Sum256([]byte("shown at a gate"))
	for _, bits := range []int{1024, 2048, 3072, 4096} {
		s := newSigner(bits, 65537)
		k, signature := newKey(b, s.pub), s.sign(&digest, flaw{salt: 32})
		var v pss.Verifier
		ours := func() bool { return v.Verify(k, &digest, signature) }
		theirs := func() bool { return standard(s.pub, &digest, signature, rsa.PSSSaltLengthEqualsHash) }
		for _, side := range []struct {
			name   string
			verify func() bool
		}{{"passerelle", ours}, {"crypto_rsa", theirs}} {
			b.Run(fmt.Sprintf("bits=%d/by=%s", bits, side.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if !side.verify() {
						b.Fatal("a right signature was refused")
					}
				}
			})
		}
		b.Run(fmt.Sprintf("bits=%d/by=turns", bits), func(b *testing.B) {
			var ratios []float64
			for b.Loop() {
				mine := timed(ours)
				ratios = append(ratios, float64(timed(theirs))/float64(mine))
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "ratio")
		})
	}
}

// timed returns how long some verifications take.
func timed(verify func() bool) time.Duration {
	start := time.Now()
	for range 4 {
		verify()
	}
	return time.Since(start)
}

func BenchmarkNewKey(b *testing.B) {
	s := newSigner(2048, 65537)
	for b.Loop() {
		newKey(b, s.pub)
	}
}
