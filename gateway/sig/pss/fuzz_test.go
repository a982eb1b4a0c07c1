package pss_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
	"testing"

	"passerelle/gateway/sig/pss"
)

// FuzzVerdictsAreThoseOfTheStandardLibrary changes signatures, and encoded messages before they are signed, and gives both sides
// the octets as they come.
func FuzzVerdictsAreThoseOfTheStandardLibrary(f *testing.F) {
	for i := range signers() {
		f.Add(uint8(i), []byte("shown at a gate"), uint16(32), []byte{}, []byte{}, []byte{}, []byte{})
		f.Add(uint8(i), []byte("shown at a gate"), uint16(31), []byte{}, []byte{}, []byte{}, []byte{})
		f.Add(uint8(i), []byte("shown"), uint16(1000), []byte{1}, []byte{}, []byte{}, []byte{})
		f.Add(uint8(i), []byte("shown"), uint16(32), []byte{}, []byte{0x80}, []byte{}, []byte{})
		f.Add(uint8(i), []byte("shown"), uint16(32), []byte{}, []byte{}, []byte{1}, []byte{})
		f.Add(uint8(i), []byte("shown"), uint16(32), []byte{}, []byte{}, []byte{}, bytes.Repeat([]byte{255}, 128))
	}
	var v pss.Verifier
	f.Fuzz(func(t *testing.T, key uint8, message []byte, salt uint16, data, em, signature, other []byte) {
		s := signers()[int(key)%len(signers())]
		k := newKey(t, s.pub)
		digest := sha256.Sum256(message)
		made := flaw{
			salt: int(salt) % (s.pub.Size() - 34),
			data: func(db []byte) { change(db, data) },
			em:   func(b []byte) { change(b, em) },
		}
		signed := other // as they come
		if len(other) == 0 {
			if signed = s.power(new(big.Int).SetBytes(s.encode(&digest, made))); signed == nil {
				return // no such message
			}
			change(signed, signature)
		}
		want := standard(s.pub, &digest, signed, rsa.PSSSaltLengthEqualsHash)
		if got := v.Verify(k, &digest, signed); got != want {
			t.Errorf("%s: verified = %v, crypto/rsa says %v; digest %x, signature %x", name(s), got, want, digest, signed)
		}
	})
}

// change is b ⊕ with, as far as both go.
func change(b, with []byte) {
	for i := range min(len(b), len(with)) {
		b[i] ^= with[i]
	}
}
