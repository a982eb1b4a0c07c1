package pss_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"testing"

	"passerelle/gateway/sig/pss"
)

func newKey(t testing.TB, pub *rsa.PublicKey) *pss.Key {
	t.Helper()
	k, err := pss.NewKey(pub)
	if err != nil {
		t.Fatalf("a key of %d bits: %v", pub.N.BitLen(), err)
	}
	return k
}

func name(s *signer) string { return fmt.Sprintf("%d bits, exponent %d", s.pub.N.BitLen(), s.pub.E) }

func TestOnlyMessagesThatAreEncodedRightVerify(t *testing.T) {
	t.Parallel()
	digest := sha256.Sum256([]byte("shown at a gate"))
	const salt = 32
	for _, s := range signers() {
		k := newKey(t, s.pub)
		room := (s.pub.N.BitLen()+6)/8 - 34
		for _, tt := range []struct {
			name string
			flaw flaw
			want bool
		}{
			{"right", flaw{salt: salt}, true},
			{"a salt of 0 octets", flaw{}, false},
			{"a salt of 31 octets", flaw{salt: 31}, false},
			{"a salt of 33 octets", flaw{salt: 33}, false},
			{"the longest salt", flaw{salt: room}, false},
			{"the trailer of another hash", flaw{salt: salt, em: func(em []byte) { em[len(em)-1] = 0xcc }}, false},
			{"the trailer's highest bit", flaw{salt: salt, em: func(em []byte) { em[len(em)-1] ^= 0x80 }}, false},
			{"the trailer's lowest bit", flaw{salt: salt, em: func(em []byte) { em[len(em)-1] ^= 1 }}, false},
			{"no trailer", flaw{salt: salt, em: func(em []byte) { em[len(em)-1] = 0 }}, false},
			{"the hash's first bit", flaw{salt: salt, em: func(em []byte) { em[len(em)-33] ^= 0x80 }}, false},
			{"the hash's last bit", flaw{salt: salt, em: func(em []byte) { em[len(em)-2] ^= 1 }}, false},
			{"the padding's first octet", flaw{salt: salt, data: func(db []byte) { db[0] ^= 1 }}, false},
			{"the padding's last octet", flaw{salt: salt, data: func(db []byte) { db[len(db)-34] ^= 0x80 }}, false},
			{"no one after the padding", flaw{salt: salt, data: func(db []byte) { db[len(db)-33] = 0 }}, false},
			{"a three after the padding", flaw{salt: salt, data: func(db []byte) { db[len(db)-33] = 3 }}, false},
			{"a second one before it", flaw{salt: salt, data: func(db []byte) { db[len(db)-34] = 1 }}, false},
			{"the salt's first octet", flaw{salt: salt, data: func(db []byte) { db[len(db)-32] ^= 1 }}, false},
			{"the salt's last octet", flaw{salt: salt, data: func(db []byte) { db[len(db)-1] ^= 1 }}, false},
			{"the highest bit of the modulus set", flaw{salt: salt, big: func(m, n *big.Int) { m.SetBit(m, n.BitLen()-1, 1) }}, false},
			{"the number 0", flaw{salt: salt, big: func(m, n *big.Int) { m.SetInt64(0) }}, false},
			{"the highest number", flaw{salt: salt, big: func(m, n *big.Int) { m.Sub(n, big.NewInt(1)) }}, false},
		} {
			signature := s.sign(&digest, tt.flaw)
			if got := standard(s.pub, &digest, signature, rsa.PSSSaltLengthEqualsHash); got != tt.want {
				t.Errorf("%s, %s: crypto/rsa verifies: %v, want %v: the test is wrong", name(s), tt.name, got, tt.want)
			}
			if got := new(pss.Verifier).Verify(k, &digest, signature); got != tt.want {
				t.Errorf("%s, %s: verified = %v, want %v", name(s), tt.name, got, tt.want)
			}
			if plain := tt.flaw.data == nil && tt.flaw.em == nil && tt.flaw.big == nil; plain && !standard(s.pub, &digest, signature, tt.flaw.salt) {
				t.Errorf("%s, %s: crypto/rsa refuses it with that salt: the test is wrong", name(s), tt.name)
			}
		}
	}
}

// TestSignaturesThatAreOtherNumbersAreRefused takes the numbers that are special to the arithmetic, and the same signature
// written in another way.
func TestSignaturesThatAreOtherNumbersAreRefused(t *testing.T) {
	t.Parallel()
	digest := sha256.Sum256([]byte("shown at a gate"))
	var v pss.Verifier
	for _, s := range signers() {
		k := newKey(t, s.pub)
		n, size := s.pub.N, s.pub.Size()
		good := s.sign(&digest, flaw{salt: 32})
		number := new(big.Int).SetBytes(good)
		for name, x := range map[string]*big.Int{
			"0": new(big.Int), "1": big.NewInt(1), "2": big.NewInt(2), "a factor of n": s.primes[0],
			"n-1": new(big.Int).Sub(n, big.NewInt(1)), "n": n, "n+1": new(big.Int).Add(n, big.NewInt(1)),
			"n less itself": new(big.Int).Sub(n, number), "n more": new(big.Int).Add(n, number),
			"the highest": new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(8*size)), big.NewInt(1)),
		} {
			if x.BitLen() > 8*size {
				continue // n more, where it has no room
			}
			signature := x.FillBytes(make([]byte, size))
			if v.Verify(k, &digest, signature) || standard(s.pub, &digest, signature, rsa.PSSSaltLengthEqualsHash) {
				t.Errorf("%d bits: the signature %s verified", n.BitLen(), name)
			}
		}
		for name, signature := range map[string][]byte{
			"none": nil, "empty": {}, "an octet short": good[:size-1], "an octet long": append(good[:size:size], 0),
			"a zero before it": append([]byte{0}, good...), "twice itself": append(good[:size:size], good...),
		} {
			if v.Verify(k, &digest, signature) || standard(s.pub, &digest, signature, rsa.PSSSaltLengthEqualsHash) {
				t.Errorf("%d bits: a signature that is %s verified", n.BitLen(), name)
			}
		}
		if !v.Verify(k, &digest, good) {
			t.Errorf("%s: the right signature was refused after the others", name(s))
		}
	}
}

func TestSignaturesWithLeadingZerosKeepThem(t *testing.T) {
	t.Parallel()
	digest := sha256.Sum256([]byte("shown at a gate"))
	for _, s := range signers()[:4] {
		signature := s.sign(&digest, flaw{salt: 32})
		for try := uint32(1); signature[0] != 0; try++ {
			signature = s.sign(&digest, flaw{salt: 32, try: try})
		}
		k := newKey(t, s.pub)
		var v pss.Verifier
		if !v.Verify(k, &digest, signature) {
			t.Errorf("%s: a signature that begins with a zero was refused", name(s))
		}
		if v.Verify(k, &digest, signature[1:]) {
			t.Errorf("%s: it verified without its zero", name(s))
		}
	}
}

// TestEveryChangedBitIsSeen changes each bit of a signature and of a digest.
func TestEveryChangedBitIsSeen(t *testing.T) {
	t.Parallel()
	digest := sha256.Sum256([]byte("shown at a gate"))
	var v pss.Verifier
	s := signers()[1]
	k := newKey(t, s.pub)
	signature := s.sign(&digest, flaw{salt: 32})
	for i := range 8 * len(signature) {
		changed := bytes.Clone(signature)
		changed[i/8] ^= 1 << (i % 8)
		if v.Verify(k, &digest, changed) {
			t.Errorf("a signature verified with bit %d changed", i)
		}
	}
	for i := range 8 * len(digest) {
		changed := digest
		changed[i/8] ^= 1 << (i % 8)
		if v.Verify(k, &changed, signature) {
			t.Errorf("a digest verified with bit %d changed", i)
		}
	}
	if !v.Verify(k, &digest, signature) {
		t.Error("the unchanged ones were refused")
	}
}

func TestSignaturesOfTheStandardLibraryVerify(t *testing.T) {
	t.Parallel()
	digest, other := sha256.Sum256([]byte("shown at a gate")), sha256.Sum256([]byte("shown at another gate"))
	for _, bits := range []int{1024, 1025, 2048} {
		priv, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		k := newKey(t, &priv.PublicKey)
		var v pss.Verifier
		for range 20 {
			signature, err := rsa.SignPSS(rand.Reader, priv, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 32})
			if err != nil {
				t.Fatal(err)
			}
			if !v.Verify(k, &digest, signature) || v.Verify(k, &other, signature) {
				t.Errorf("%d bits: verified = %v, for another message %v; want true, false",
					bits, v.Verify(k, &digest, signature), v.Verify(k, &other, signature))
			}
		}
	}
}

// TestVerifiersKeepNothingAndShareKeys has one Verifier a goroutine go through all keys, larger ones before smaller ones too.
func TestVerifiersKeepNothingAndShareKeys(t *testing.T) {
	t.Parallel()
	digest := sha256.Sum256([]byte("shown at a gate"))
	var keys []*pss.Key
	var signatures [][]byte
	for _, s := range signers() {
		keys, signatures = append(keys, newKey(t, s.pub)), append(signatures, s.sign(&digest, flaw{salt: 32}))
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			var v pss.Verifier
			for i := range 5 * len(keys) {
				key, of := (i*7+g)%len(keys), (i*11+g)%len(keys)
				if got := v.Verify(keys[key], &digest, signatures[of]); got != (key == of) {
					t.Errorf("key %d verified the signature by key %d: %v", key, of, got)
				}
				if !v.Verify(keys[key], &digest, signatures[key]) {
					t.Errorf("key %d refused its own signature after others", key)
				}
			}
		})
	}
	wg.Wait()
}

func TestKeysOutsideTheLimitsAreRefused(t *testing.T) {
	t.Parallel()
	over := int64(pss.MaxExponent) + 2 // no constant: where int has 32 bits it becomes negative
	odd := func(bits int) *big.Int { return new(big.Int).SetBit(big.NewInt(1), bits-1, 1) }
	for _, tt := range []struct {
		name string
		pub  *rsa.PublicKey
		want bool
	}{
		{"none", nil, false},
		{"no modulus", &rsa.PublicKey{E: 65537}, false},
		{"modulus 0", &rsa.PublicKey{N: new(big.Int), E: 65537}, false},
		{"a negative modulus", &rsa.PublicKey{N: new(big.Int).Neg(odd(2048)), E: 65537}, false},
		{"an even modulus", &rsa.PublicKey{N: new(big.Int).Lsh(odd(2047), 1), E: 65537}, false},
		{"1023 bits", &rsa.PublicKey{N: odd(pss.MinBits - 1), E: 65537}, false},
		{"1024 bits", &rsa.PublicKey{N: odd(pss.MinBits), E: 65537}, true},
		{"4096 bits", &rsa.PublicKey{N: odd(pss.MaxBits), E: 65537}, true},
		{"4097 bits", &rsa.PublicKey{N: odd(pss.MaxBits + 1), E: 65537}, false},
		{"exponent 0", &rsa.PublicKey{N: odd(2048)}, false},
		{"exponent 1", &rsa.PublicKey{N: odd(2048), E: 1}, false},
		{"exponent -3", &rsa.PublicKey{N: odd(2048), E: -3}, false},
		{"exponent 3", &rsa.PublicKey{N: odd(2048), E: pss.MinExponent}, true},
		{"exponent 65536", &rsa.PublicKey{N: odd(2048), E: 65536}, false},
		{"exponent 2^31-1", &rsa.PublicKey{N: odd(2048), E: pss.MaxExponent}, true},
		{"exponent 2^31+1", &rsa.PublicKey{N: odd(2048), E: int(over)}, false},
	} {
		k, err := pss.NewKey(tt.pub)
		if (err == nil) != tt.want || (k != nil) != tt.want || err != nil && !errors.Is(err, pss.ErrKey) {
			t.Errorf("%s: NewKey = %v, %v; want a key: %v", tt.name, k != nil, err, tt.want)
		}
		if tt.want && k.Size() != tt.pub.Size() {
			t.Errorf("%s: a signature has %d bytes, want %d", tt.name, k.Size(), tt.pub.Size())
		}
	}
}

func TestNothingVerifiesWithoutAKey(t *testing.T) {
	t.Parallel()
	var v pss.Verifier
	var digest [32]byte
	for _, k := range []*pss.Key{nil, {}} {
		for _, signature := range [][]byte{nil, {}, {0}, make([]byte, 128), make([]byte, 512)} {
			if v.Verify(k, &digest, signature) {
				t.Errorf("%d octets verified", len(signature))
			}
		}
	}
}
