package cwt_test

import (
	"testing"

	"passerelle/gateway/credential/cwt"
)

func BenchmarkParse(b *testing.B) {
	payload := claims(b, nil)
	var c cwt.Claims
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Parse(payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHolderHash(b *testing.B) {
	salt := []byte("0123456789abcdef")
	b.ReportAllocs()
	for b.Loop() {
		cwt.HolderHash(salt, "VAN<DER<BERGHE<<ANNA<MARIA<JOS", "860314")
	}
}
