package hcert_test

import (
	"testing"

	"passerelle/gateway/credential/hcert"
)

func BenchmarkParse(b *testing.B) {
	payload := claims(b, nil)
	var c hcert.Certificate
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Parse(payload); err != nil {
			b.Fatal(err)
		}
	}
}
