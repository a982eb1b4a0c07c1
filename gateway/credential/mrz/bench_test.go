package mrz_test

import (
	"testing"

	"passerelle/gateway/credential/mrz"
)

func BenchmarkParse(b *testing.B) {
	for _, d := range all() {
		b.Run(d.format.String(), func(b *testing.B) {
			text := d.joined()
			var z mrz.Zone
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if z.Parse(text) != nil || !z.Valid() {
					b.Fatal("not valid")
				}
			}
		})
	}
}
