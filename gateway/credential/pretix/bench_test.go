package pretix_test

import (
	"testing"

	"passerelle/gateway/credential/pretix"
)

func BenchmarkParse(b *testing.B) {
	text := code([]byte("\x0a\x09FCTDtWEQz\x10\x01\x28\xf0\xa3\xf6\x9e\x06\x30\x00"))
	dst := make([]byte, 0, len(text))
	var ticket pretix.Ticket
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = ticket.Parse(dst[:0], text); err != nil {
			b.Fatal(err)
		}
	}
}
