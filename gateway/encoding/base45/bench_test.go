package base45

import (
	"bytes"
	"testing"
)

// 540 characters are the usual length of a health certificate.
var benchmarkText = AppendEncode(nil, bytes.Repeat([]byte("\x78\xda\xbb\xd4\xe2\xbc\x88\xc5\x23"), 40))

func BenchmarkAppendDecode(b *testing.B) {
	dst := make([]byte, 0, DecodedLen(len(benchmarkText)))
	b.SetBytes(int64(len(benchmarkText)))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = AppendDecode(dst[:0], benchmarkText); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendEncode(b *testing.B) {
	raw, err := AppendDecode(nil, benchmarkText)
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, len(benchmarkText))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendEncode(dst[:0], raw)
	}
}
