// Package p256 verifies ECDSA signatures on P-256 with SHA-256 (FIPS 186-5, section 6.4.2; RFC 9053, section 2.1), batches of
// them, several times as fast as one after the other with crypto/ecdsa; `make peers` says how many times on a machine.
//
// What makes it fast is memory: the keys of a trust list live for years, and few of them sign most of what is shown, so
// each gets a table of multiples (Tables), and u1·G + u2·Q becomes a plain sum of about fifty table entries, without a
// doubling. The sums of a batch are done in lockstep, pair by pair, in affine coordinates; the one inversion that an affine
// addition needs is shared by all additions of a level (Montgomery's trick). A signature alone is summed in XYZZ coordinates.
// On amd64 the inner loops are in assembly as well, chosen at start: eight signatures in the lanes of a vector where there is
// AVX-512 IFMA (lanes_amd64.s), else with MULX and ADX (kernels_amd64.s). The build tag p256generic leaves both out.
//
// Everything here is public: keys, signatures, and what was signed. Time, branches and memory accesses depend on all of it, on
// purpose. This code must never compute with a secret: neither sign with it, nor make keys, nor use it for Diffie-Hellman.
//
// Each signature has a Result of its own, and the rare sum that the formulas do not hold for (two equal x coordinates meet)
// is Undetermined, like a signature by a key without a table: the caller asks crypto/ecdsa. High s is valid, as in
// crypto/ecdsa; signature bytes therefore identify nothing.
package p256

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"sync/atomic"
)

// Sizes of what is verified, in bytes.
const (
	DigestSize    = 32
	SignatureSize = 64 // r‖s, each 32 bytes, the highest first
)

// ErrKey is returned by NewKey.
var ErrKey = errors.New("p256: not a public key on P-256")

// Key is a valid public key and what Tables know of it. It is made by NewKey alone, and safe for concurrent
// use, with one Tables.
type Key struct {
	point point
	table atomic.Pointer[table] // nil: none
	uses  atomic.Uint64
	asks  atomic.Uint64 // at so many uses it asks for a table, or for a larger one
	asked atomic.Bool   // and has not been answered
	// The builder's.
	place  int    // among the keys that have tables
	halved uint64 // when uses were halved last, in half-lives
}

// NewKey makes a Key. The error is ErrKey.
func NewKey(pub *ecdsa.PublicKey) (*Key, error) {
	if pub == nil || pub.Curve != elliptic.P256() {
		return nil, ErrKey
	}
	b, err := pub.Bytes() // checks that it is on the curve
	if err != nil || len(b) != 1+2*32 {
		return nil, ErrKey
	}
	k := new(Key)
	if !k.point.x.setBytes(b[1:33]) || !k.point.y.setBytes(b[33:]) || !k.point.onCurve() {
		return nil, ErrKey
	}
	k.asks.Store(smallUses)
	return k, nil
}

// Result is what came out for one signature.
type Result uint8

// The results.
const (
	Undetermined Result = iota // crypto/ecdsa has to be asked
	Refused
	Accepted
)

// Job is one signature to verify.
type Job struct {
	Key       *Key
	Digest    [DigestSize]byte // SHA-256 of what was signed
	Signature []byte           // only read, and only during Verify; another length than SignatureSize is Refused
	Result    Result           // set by Verify
}
