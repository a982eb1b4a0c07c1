package sig

import (
	"crypto/ed25519"
	"fmt"
	"math/big"
	"slices"
)

// checkEd25519 refuses bytes that are no point of edwards25519 in canonical form (RFC 8032, section 5.1.3), and the points of
// small order: under those anybody can make a signature that verifies.
func checkEd25519(pub ed25519.PublicKey) error {
	if len(pub) != ed25519.PublicKeySize {
		return fmt.Errorf("%w: Ed25519 of %d bytes", ErrKey, len(pub))
	}
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	d := new(big.Int).ModInverse(big.NewInt(121666), p)
	d.Mul(d, big.NewInt(-121665)).Mod(d, p)

	b := slices.Clone(pub)
	slices.Reverse(b)
	b[0] &= 0x7f // the sign of x
	y := new(big.Int).SetBytes(b)
	if y.Cmp(p) >= 0 {
		return fmt.Errorf("%w: Ed25519, y is not reduced", ErrKey)
	}
	y2 := new(big.Int).Mul(y, y)
	num := new(big.Int).Sub(y2, big.NewInt(1))
	den := new(big.Int).Mul(d, y2)
	den.Add(den, big.NewInt(1)).Mod(den, p) // never 0: -1/d is no square
	x2 := num.Mul(num, den.ModInverse(den, p)).Mod(num, p)
	if new(big.Int).ModSqrt(x2, p) == nil {
		return fmt.Errorf("%w: Ed25519, not a point of the curve", ErrKey)
	}
	if smallOrder(x2, y2.Mod(y2, p), p) {
		return fmt.Errorf("%w: Ed25519, a point of small order", ErrKey)
	}
	return nil
}

// smallOrder reports whether the point with these squared coordinates has an order of 1, 2, 4 or 8: one coordinate is 0, or
// doubling gives such a point. The double of (x, y) has y = (y² + x²) / (2 - y² + x²), since a = -1; of order 8 are the points
// whose double has order 4, whose y is 0.
func smallOrder(x2, y2, p *big.Int) bool {
	if x2.Sign() == 0 || y2.Sign() == 0 {
		return true
	}
	sum := new(big.Int).Add(x2, y2)
	return sum.Mod(sum, p).Sign() == 0
}
