// Package sig verifies signatures with public keys that can only be valid ones.
//
// A Key is made by ParseSPKI or New alone, which check that the point lies on its curve and that the modulus has
// a size that we accept; a Key in hand therefore needs no further check. The COSE algorithm of a message names the hash,
// the key names the curve (RFC 9053, section 2.1): ES256 with a P-384 key is legal and some issuers use it. Which pairs
// are accepted stands in one table, Key.Allows. Signatures are r‖s of exactly twice the curve's size; DER is refused.
//
// All inputs are public, so nothing here needs constant time, and nothing here may ever be used to sign.
package sig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"

	"passerelle/gateway/sig/p256"
	"passerelle/gateway/sig/pss"
)

// Algorithm is a COSE algorithm identifier (RFC 9053, RFC 8230). The zero value is no algorithm and never verifies.
type Algorithm int16

// The algorithms that a Key may allow.
const (
	ES256 Algorithm = -7
	EdDSA Algorithm = -8
	ES384 Algorithm = -35
	ES512 Algorithm = -36
	PS256 Algorithm = -37
)

// String returns the name that the IANA COSE registry gives the algorithm.
func (a Algorithm) String() string {
	switch a {
	case ES256:
		return "ES256"
	case EdDSA:
		return "EdDSA"
	case ES384:
		return "ES384"
	case ES512:
		return "ES512"
	case PS256:
		return "PS256"
	}
	return fmt.Sprintf("alg(%d)", int16(a))
}

// ParseAlgorithm returns the algorithm of that name; the error names it.
func ParseAlgorithm(name string) (Algorithm, error) {
	for _, a := range []Algorithm{ES256, EdDSA, ES384, ES512, PS256} {
		if a.String() == name {
			return a, nil
		}
	}
	return 0, fmt.Errorf("algorithm %q: %w", name, ErrKey)
}

// MinRSABits is the smallest RSA modulus that verifies at all; below WeakRSABits a key is Weak and its signatures are
// never enough for an Admit. MaxRSABits bounds the time that one hostile key can cost.
const (
	MinRSABits  = 1024
	WeakRSABits = 2048
	MaxRSABits  = 4096
)

// ErrKey is returned for a public key that no Key can be made of.
var ErrKey = errors.New("not an accepted public key")

type curve uint8

const (
	noCurve curve = iota
	curveP256
	curveP384
	curveP521
)

// Key is a public key that is known to be valid. The zero Key verifies nothing.
type Key struct {
	ec          *ecdsa.PublicKey
	fast        *p256.Key // of P-256 keys
	rsa         *rsa.PublicKey
	pss         *pss.Key // of RSA keys
	ed          ed25519.PublicKey
	curve       curve
	sigLen      int // bytes of a signature by this key
	fingerprint [32]byte
}

// ParseSPKI makes a Key of a DER SubjectPublicKeyInfo (RFC 5280, section 4.1). Errors wrap ErrKey.
func ParseSPKI(der []byte) (Key, error) {
	pub, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %v", ErrKey, err)
	}
	return New(pub)
}

// New makes a Key of an *ecdsa.PublicKey on P-256, P-384 or P-521, an *rsa.PublicKey of MinRSABits to MaxRSABits, or an
// ed25519.PublicKey. Errors wrap ErrKey.
func New(pub crypto.PublicKey) (Key, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %v", ErrKey, err)
	}
	k := Key{fingerprint: sha256.Sum256(der)}
	switch pub := pub.(type) {
	case *ecdsa.PublicKey:
		return k.withECDSA(pub)
	case *rsa.PublicKey:
		return k.withRSA(pub)
	case ed25519.PublicKey:
		if err := checkEd25519(pub); err != nil {
			return Key{}, err
		}
		k.ed, k.sigLen = pub, ed25519.SignatureSize
		return k, nil
	}
	return Key{}, fmt.Errorf("%w: %T", ErrKey, pub)
}

func (k Key) withECDSA(pub *ecdsa.PublicKey) (Key, error) {
	switch pub.Curve {
	case elliptic.P256():
		k.curve, k.sigLen = curveP256, 64
	case elliptic.P384():
		k.curve, k.sigLen = curveP384, 96
	case elliptic.P521():
		k.curve, k.sigLen = curveP521, 132
	default:
		return Key{}, fmt.Errorf("%w: curve %s", ErrKey, pub.Params().Name)
	}
	if _, err := pub.ECDH(); err != nil { // the point is on the curve and is not infinity
		return Key{}, fmt.Errorf("%w: %v", ErrKey, err)
	}
	k.ec = pub
	if k.curve != curveP256 {
		return k, nil
	}
	var err error
	if k.fast, err = p256.NewKey(pub); err != nil {
		return Key{}, fmt.Errorf("%w: %v", ErrKey, err)
	}
	return k, nil
}

func (k Key) withRSA(pub *rsa.PublicKey) (Key, error) {
	if n := pub.N.BitLen(); n < MinRSABits || n > MaxRSABits {
		return Key{}, fmt.Errorf("%w: RSA of %d bits", ErrKey, n)
	}
	if pub.E < 3 || pub.E&1 == 0 || pub.N.Bit(0) == 0 {
		return Key{}, fmt.Errorf("%w: RSA exponent %d or an even modulus", ErrKey, pub.E)
	}
	var err error
	if k.pss, err = pss.NewKey(pub); err != nil {
		return Key{}, fmt.Errorf("%w: %v", ErrKey, err)
	}
	k.rsa, k.sigLen = pub, pub.Size()
	return k, nil
}

// Fingerprint returns the SHA-256 of the key's SubjectPublicKeyInfo. It names a key whatever certificate carries it.
func (k *Key) Fingerprint() [32]byte { return k.fingerprint }

// Valid reports whether k was made by New or ParseSPKI; the zero Key is not.
func (k *Key) Valid() bool { return k.sigLen != 0 }

// Public returns the key in the standard library's form.
func (k *Key) Public() crypto.PublicKey {
	switch {
	case k.ec != nil:
		return k.ec
	case k.rsa != nil:
		return k.rsa
	case k.ed != nil:
		return k.ed
	}
	return nil
}

// SPKI returns the DER SubjectPublicKeyInfo, nil for the zero Key.
func (k *Key) SPKI() []byte {
	if !k.Valid() {
		return nil
	}
	der, err := x509.MarshalPKIXPublicKey(k.Public())
	if err != nil {
		return nil // New marshalled this very key
	}
	return der
}

// Weak reports an RSA modulus under WeakRSABits: its signatures verify, but are no reason to admit.
func (k *Key) Weak() bool { return k.rsa != nil && k.rsa.N.BitLen() < WeakRSABits }

// SignatureSize returns how many bytes a signature by k has, 0 for the zero Key.
func (k *Key) SignatureSize() int { return k.sigLen }

// ECDSA reports whether signatures by k are r‖s.
func (k *Key) ECDSA() bool { return k.ec != nil }

// Allows reports whether messages that name alg may be verified with k.
func (k *Key) Allows(alg Algorithm) bool {
	switch alg {
	case ES256:
		return k.curve == curveP256 || k.curve == curveP384
	case ES384:
		return k.curve == curveP384
	case ES512:
		return k.curve == curveP521
	case PS256:
		return k.rsa != nil
	case EdDSA:
		return k.ed != nil
	}
	return false
}

// Algorithms returns what Allows is true for, the customary one first; the list is empty for the zero Key.
func (k *Key) Algorithms() []Algorithm {
	switch {
	case k.curve == curveP256:
		return []Algorithm{ES256}
	case k.curve == curveP384:
		return []Algorithm{ES384, ES256}
	case k.curve == curveP521:
		return []Algorithm{ES512}
	case k.rsa != nil:
		return []Algorithm{PS256}
	case k.ed != nil:
		return []Algorithm{EdDSA}
	}
	return nil
}

// String names the key's type and size, for tables that people read.
func (k *Key) String() string {
	switch {
	case k.ec != nil:
		return k.ec.Params().Name
	case k.rsa != nil:
		return fmt.Sprintf("RSA-%d", k.rsa.N.BitLen())
	case k.ed != nil:
		return "Ed25519"
	}
	return "no key"
}
