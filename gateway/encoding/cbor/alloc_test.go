//go:build !race

package cbor

import (
	"bytes"
	"testing"
)

func TestNothingIsAllocated(t *testing.T) {
	var c Cursor
	for _, tt := range []struct {
		name, hex string
		refused   bool
	}{
		{"certificate", certificate, false},
		{"chunks", "9f 7f 65 7374726561 64 6d696e67 ff 5f 42 0102 43 030405 ff ff", false},
		{"chunked keys", "bf 7f 6161 6162 ff 00 7f 6162 6161 ff f97e00 20 fb3ff199999999999a ff", false},
		{"duplicate key", "a2 626162 00 7f 6161 6162 ff 00", true},
		{"too deep", nested("81", "00", "", MaxDepth+1), true},
		{"too many", "990101", true},
		{"cut", certificate[:len(certificate)-2], true},
		{"text is not UTF-8", "6a 61616161ff6161616161", true},
		{"not a key", "a1f400", true},
	} {
		b := unhex(t, tt.hex)
		scratch := bytes.Clone(b)
		n := testing.AllocsPerRun(100, func() {
			copy(scratch, b) // reading joins the chunks
			c.Reset(scratch)
			c.Skip()
			c.End()
			c.Reset(scratch)
			read(&c)
			c.End()
		})
		if n != 0 || tt.refused != (c.Err() != nil) && tt.name != "chunked keys" {
			t.Errorf("%s: %v allocations, %v, want 0, an error: %v", tt.name, n, c.Err(), tt.refused)
		}
	}
}
