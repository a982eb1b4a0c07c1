//go:build !race

package cose

import (
	"bytes"
	"testing"
)

func TestNothingIsAllocated(t *testing.T) {
	for _, tt := range []struct {
		name, hex string
		refused   bool
	}{
		{"tagged", "d2 84 4d a2 01 26 04" + kid8 + "a0 4101 42aabb", false},
		{"indefinite", "9f 5f 41 bf 42 0126 41 ff ff bf 04 5f 41 11 41 22 ff ff 5f 41 01 42 0203 ff 5f 41 aa 41 bb ff ff", false},
		{"other tag", "d862 84" + es256Header + "a0 4101 42aabb", true},
		{"no algorithm", "84 40 a1 01 26 4101 42aabb", true},
		{"critical", "84" + es256Header + "a1 02 81 01 4101 42aabb", true},
		{"duplicate label", "84 45 a2 01 26 01 26 a0 4101 42aabb", true},
		{"cut", "84" + es256Header + "a0 4101 42aa", true},
	} {
		message := room(unhex(t, tt.hex))
		buf := bytes.Clone(message)
		var m Message
		var err error
		n := testing.AllocsPerRun(100, func() {
			copy(buf, message)
			err = m.Parse(buf, Headroom)
			m.ToBeSigned()
		})
		if n != 0 || tt.refused != (err != nil) {
			t.Errorf("%s: %v allocations, %v, want 0, an error: %v", tt.name, n, err, tt.refused)
		}
	}
}

// The whole chain, over every payload of the corpus, accepted or refused.
func TestDecodingACertificateAllocatesNothing(t *testing.T) {
	d := newChain()
	for _, row := range certificates(t, "payloads.jsonl") {
		text := []byte(row.Payload)
		if n := testing.AllocsPerRun(1, func() { d.decode(text) }); n != 0 {
			t.Errorf("%s: %v allocations, want 0", row.Source, n)
		}
	}
}
