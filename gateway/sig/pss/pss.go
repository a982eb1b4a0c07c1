// Package pss verifies RSASSA-PSS signatures with SHA-256, MGF1 with SHA-256, and a salt of 32 octets: PS256 of RFC 8230,
// section 2. It follows RFC 8017, sections 8.1.2 and 9.1.2, and its comments name their steps.
//
// It verifies what crypto/rsa verifies and nothing else, but in memory that the Verifier brings: no signature allocates, whether
// it verifies or not. It is the faster one, too, although it has no assembly: what depends on the key alone is computed once, by
// NewKey, and squaring takes three quarters of the multiplications that a product of two numbers takes.
//
// Everything here is public: keys, signatures, and what was signed. Time, branches and memory accesses depend on all of it, on
// purpose. This code must never compute with a secret: neither sign with it, nor decrypt.
package pss

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"math/big"
	"math/bits"
)

// Limits of the keys that are accepted. They bound what one hostile key can cost. An exponent over MaxExponent is refused by
// crypto/rsa, too.
const (
	MinBits     = 1024
	MaxBits     = 4096
	MinExponent = 3
	MaxExponent = 1<<31 - 1
)

// DigestSize is the size of SHA-256 in bytes, which the salt has as well.
const DigestSize = sha256.Size

// ErrKey is returned by NewKey.
var ErrKey = errors.New("pss: not an accepted RSA public key")

// Key is an RSA public key, prepared for Verifiers. It is made by NewKey alone, never changes, and is safe for concurrent use.
type Key struct {
	bits     int // of the modulus
	exponent uint
	modulus  modulus
}

// NewKey prepares a public key: an odd modulus of MinBits to MaxBits, an odd exponent of MinExponent to MaxExponent. The error
// is ErrKey.
func NewKey(pub *rsa.PublicKey) (*Key, error) {
	if pub == nil || pub.N == nil || pub.N.Sign() <= 0 || pub.N.Bit(0) == 0 || pub.E&1 == 0 {
		return nil, ErrKey
	}
	if n := pub.N.BitLen(); n < MinBits || n > MaxBits || pub.E < MinExponent || pub.E > MaxExponent {
		return nil, ErrKey
	}
	return &Key{bits: pub.N.BitLen(), exponent: uint(pub.E), modulus: newModulus(pub.N)}, nil
}

// Size returns the length of a signature in bytes, 0 for the zero Key, under which nothing verifies.
func (k *Key) Size() int { return (k.bits + 7) / 8 }

// Verifier is the memory that a verification needs, about 3 KiB: one a goroutine. The zero Verifier is ready.
type Verifier struct {
	signature [maxLimbs]uint64
	base      [maxLimbs]uint64 // the signature in Montgomery form
	power     [maxLimbs]uint64
	product   [2 * maxLimbs]uint64
	octets    [MaxBits / 8]byte // a number, the highest octet first
	seed      [DigestSize + 4]byte
	hashed    [8 + DigestSize + DigestSize]byte
}

// Verify reports whether signature is one by k over a message with that SHA-256 digest. A signature has exactly k.Size() bytes.
func (v *Verifier) Verify(k *Key, digest *[DigestSize]byte, signature []byte) bool {
	if k == nil || k.bits == 0 || len(signature) != k.Size() { // 8.1.2, step 1
		return false
	}
	m, ok := v.open(k, signature)
	if !ok {
		return false
	}
	emBits := k.bits - 1
	emLen := (emBits + 7) / 8
	if len(m) > emLen { // step 2c: by one octet at most
		if m[0] != 0 {
			return false
		}
		m = m[1:]
	}
	return v.consistent(digest, m, 8*emLen-emBits)
}

// open raises a signature to the public power, which gives the message representative (8.1.2, steps 2a to 2c). It reports
// false for a signature that is not below the modulus (5.2.2, step 1). The octets are as many as the signature's, and stay
// until the next call.
func (v *Verifier) open(k *Key, signature []byte) (octets []byte, ok bool) {
	m := &k.modulus
	n := len(m.n)
	s, base, x, t := v.signature[:n], v.base[:n], v.power[:n], v.product[:2*n]

	number := v.octets[:8*n]
	clear(number)
	copy(number[len(number)-len(signature):], signature)
	setBytes(s, number)
	if !less(s, m.n) {
		return nil, false
	}
	m.mul(base, s, m.rr, t)
	copy(x, base)
	for i := bits.Len(k.exponent) - 2; i >= 0; i-- {
		m.square(x, x, t)
		switch {
		case i == 0: // the exponent is odd, and a factor that is not in Montgomery form takes the product out of it
			m.mul(x, x, s, t)
		case k.exponent>>i&1 == 1:
			m.mul(x, x, base, t)
		}
	}
	putBytes(number, x)
	return number[len(number)-len(signature):], true
}

// consistent is EMSA-PSS-VERIFY (9.1.2) from step 3 on, for an encoded message with so many unused high bits; it overwrites em.
// There is always room for hash, salt and the two fixed octets: MinBits is far above (step 3).
func (v *Verifier) consistent(digest *[DigestSize]byte, em []byte, unused int) bool {
	db, h, trailer := em[:len(em)-DigestSize-1], em[len(em)-DigestSize-1:len(em)-1], em[len(em)-1]
	used := byte(0xff) >> unused
	if trailer != 0xbc || db[0]&^used != 0 { // steps 4 to 6
		return false
	}
	v.unmask(db, h)
	db[0] &= used

	padding, salt := db[:len(db)-DigestSize], db[len(db)-DigestSize:]
	for i, octet := range padding { // step 10: zeros and a one
		if last := i == len(padding)-1; last && octet != 1 || !last && octet != 0 {
			return false
		}
	}
	copy(v.hashed[8:], digest[:]) // the first 8 octets are always zero
	copy(v.hashed[8+DigestSize:], salt)
	want := sha256.Sum256(v.hashed[:])
	return bytes.Equal(want[:], h)
}

// unmask replaces db by db ⊕ MGF1(h, len(db)) (9.1.2, steps 7 and 8; B.2.1).
func (v *Verifier) unmask(db, h []byte) {
	copy(v.seed[:], h)
	for counter := uint32(0); len(db) > 0; counter++ {
		binary.BigEndian.PutUint32(v.seed[DigestSize:], counter)
		mask := sha256.Sum256(v.seed[:])
		db = db[subtle.XORBytes(db, db, mask[:]):]
	}
}

// setBytes sets x to a number of as many octets (OS2IP), putBytes does the reverse (I2OSP).
func setBytes(x []uint64, octets []byte) {
	for i := range x {
		x[i] = binary.BigEndian.Uint64(octets[8*(len(x)-1-i):])
	}
}

func putBytes(octets []byte, x []uint64) {
	for i, limb := range x {
		binary.BigEndian.PutUint64(octets[8*(len(x)-1-i):], limb)
	}
}

// limbs returns a number below 2^(64·n).
func limbs(number *big.Int, n int) []uint64 {
	x := make([]uint64, n)
	setBytes(x, number.FillBytes(make([]byte, 8*n)))
	return x
}
