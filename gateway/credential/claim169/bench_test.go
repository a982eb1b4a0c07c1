package claim169_test

import (
	"testing"

	"passerelle/gateway/credential/claim169"
)

func BenchmarkParse(b *testing.B) {
	payload := claims(b, nil)
	var p claim169.Person
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Parse(payload); err != nil {
			b.Fatal(err)
		}
	}
}
