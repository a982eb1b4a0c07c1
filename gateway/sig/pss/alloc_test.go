//go:build !race

package pss_test

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"passerelle/gateway/sig/pss"
)

func TestNothingIsAllocated(t *testing.T) {
	digest := sha256.Sum256([]byte("shown at a gate"))
	for _, s := range signers() {
		k := newKey(t, s.pub)
		v := new(pss.Verifier)
		good := s.sign(&digest, flaw{salt: 32})
		changed := bytes.Clone(good)
		changed[len(changed)-1] ^= 1
		for _, tt := range []struct {
			name      string
			signature []byte
			want      bool
		}{
			{"accepted", good, true},
			{"refused for another number", changed, false},
			{"refused for its salt", s.sign(&digest, flaw{salt: 31}), false},
			{"refused for its hash", s.sign(&digest, flaw{salt: 32, data: func(db []byte) { db[len(db)-1] ^= 1 }}), false},
			{"refused as too large", bytes.Repeat([]byte{255}, len(good)), false},
			{"refused for its length", good[1:], false},
		} {
			if got := v.Verify(k, &digest, tt.signature); got != tt.want {
				t.Errorf("%s, %s: verified = %v, want %v", name(s), tt.name, got, tt.want)
			}
			if n := testing.AllocsPerRun(10, func() { v.Verify(k, &digest, tt.signature) }); n != 0 {
				t.Errorf("%s, %s: %v allocations, want 0", name(s), tt.name, n)
			}
		}
	}
}
