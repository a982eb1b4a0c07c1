package pss

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

func pow2(k int) *big.Int { return new(big.Int).Lsh(big.NewInt(1), uint(k)) }

func number(x []uint64) *big.Int {
	octets := make([]byte, 8*len(x))
	putBytes(octets, x)
	return new(big.Int).SetBytes(octets)
}

// moduli returns odd numbers of that many limbs: the highest, the lowest, the lowest with its highest bit set, and others.
func moduli(size int, random *rand.ChaCha8) []*big.Int {
	all := []*big.Int{
		new(big.Int).Sub(pow2(64*size), big.NewInt(1)),
		new(big.Int).Add(pow2(64*(size-digit)+1), big.NewInt(1)),
		new(big.Int).Add(pow2(64*size-1), big.NewInt(1)),
		new(big.Int).Sub(pow2(64*size-1), big.NewInt(1)),
		new(big.Int).Sub(pow2(64*size), new(big.Int).Add(pow2(64*size/2), big.NewInt(1))),
		new(big.Int).Sub(pow2(64*size), new(big.Int).Sub(pow2(64*digit/2), big.NewInt(1))),
	}
	for range 3 {
		octets := make([]byte, 8*size)
		random.Read(octets)
		n := new(big.Int).SetBytes(octets)
		all = append(all, n.SetBit(n, 0, 1).SetBit(n, 64*(size-digit)+1, 1))
	}
	return all
}

// values returns the factors that are special to a modulus, and others.
func values(n *big.Int, size int, random *rand.ChaCha8) []*big.Int {
	one := big.NewInt(1)
	all := []*big.Int{
		new(big.Int), one, big.NewInt(2), new(big.Int).Sub(n, one), new(big.Int).Sub(n, big.NewInt(2)),
		new(big.Int).Rsh(n, 1), pow2(64 * size), pow2(64 * digit), new(big.Int).ModInverse(pow2(64*digit), n),
		new(big.Int).Sub(pow2(64*size-1), one), new(big.Int).Sub(pow2(64*(size-1)), one), new(big.Int).Sub(n, pow2(64*size/2)),
	}
	for range 4 {
		octets := make([]byte, 8*size)
		random.Read(octets)
		all = append(all, new(big.Int).SetBytes(octets))
	}
	for _, x := range all {
		x.Mod(x, n)
	}
	return all
}

func TestProductsAreThoseOfMathBig(t *testing.T) {
	t.Parallel()
	random := rand.NewChaCha8([32]byte{1})
	for _, size := range []int{4, 8, 12, 16, 20, 32, 36, 48, 60, 64} {
		z, scratch := make([]uint64, size), make([]uint64, 2*size)
		for _, n := range moduli(size, random) {
			m := newModulus(n)
			if len(m.n) != size {
				t.Fatalf("%d limbs, want %d", len(m.n), size)
			}
			inverse := new(big.Int).ModInverse(pow2(64*size), n)
			want := func(x, y *big.Int) *big.Int {
				p := new(big.Int).Mul(x, y)
				return p.Mod(p.Mul(p, inverse), n)
			}
			all := values(n, size, random)
			for _, x := range all {
				xs := limbs(x, size)
				if m.square(z, xs, scratch); number(z).Cmp(want(x, x)) != 0 {
					t.Errorf("modulo %x: the square of %x is %x, want %x", n, x, number(z), want(x, x))
				}
				for _, y := range all {
					if m.mul(z, xs, limbs(y, size), scratch); number(z).Cmp(want(x, y)) != 0 {
						t.Errorf("modulo %x: %x·%x is %x, want %x", n, x, y, number(z), want(x, y))
					}
				}
				if m.mul(xs, xs, xs, scratch); number(xs).Cmp(want(x, x)) != 0 {
					t.Errorf("modulo %x: %x·%x in place is wrong", n, x, x)
				}
			}
		}
	}
}

// patterns are limbs that carry far, or not at all.
func patterns(size int, random *rand.ChaCha8) [][]uint64 {
	ones, high, mixed := make([]uint64, size), make([]uint64, size), make([]uint64, size)
	for i := range size {
		ones[i] = 1<<64 - 1
		high[i] = 1 << 63
		mixed[i] = []uint64{random.Uint64(), 0, 1<<64 - 1}[random.Uint64()%3]
	}
	return [][]uint64{make([]uint64, size), ones, high, mixed}
}

func TestAddMulIsThatOfMathBig(t *testing.T) {
	t.Parallel()
	random := rand.NewChaCha8([32]byte{2})
	for _, size := range []int{4, 8, 12, 32, 64} {
		for _, x := range patterns(size, random) {
			for _, y := range patterns(digit, random) {
				for _, z := range patterns(size+digit+1, random) {
					for carry := range uint64(2) {
						want := new(big.Int).Mul(number(x), number(y))
						want.Add(want, number(z[:size+digit]))
						want.Add(want, new(big.Int).Mul(new(big.Int).SetUint64(carry), pow2(64*size)))

						got, above := slices.Clone(z), z[size+digit]
						out := addMul(got, x, (*[digit]uint64)(y), carry)
						sum := number(got[:size+digit])
						sum.Add(sum, new(big.Int).Mul(new(big.Int).SetUint64(out), pow2(64*(size+digit))))
						if sum.Cmp(want) != 0 || out > 1 || got[size+digit] != above {
							t.Errorf("%x + %x·%x + carry %d is %x, want %x", z, x, y, carry, sum, want)
						}
					}
				}
			}
		}
	}
}

func TestSubtractionAndComparisonAreThoseOfMathBig(t *testing.T) {
	t.Parallel()
	random := rand.NewChaCha8([32]byte{3})
	for _, size := range []int{4, 32, 64} {
		all := append(patterns(size, random), patterns(size, random)...)
		for _, x := range all {
			for _, y := range all {
				want := new(big.Int).Sub(number(x), number(y))
				if got := less(x, y); got != (want.Sign() < 0) {
					t.Errorf("%x < %x: %v", x, y, got)
				}
				diff := slices.Clone(x)
				borrow := sub(diff, y)
				got := number(diff)
				if borrow == 1 {
					got.Sub(got, pow2(64*size))
				}
				if got.Cmp(want) != 0 || borrow > 1 {
					t.Errorf("%x - %x is %x, borrow %d, want %x", x, y, diff, borrow, want)
				}
			}
		}
	}
}

func TestNumbersOfAnyLengthFillDigits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ bits, limbs int }{{1024, 16}, {1025, 20}, {1280, 20}, {1281, 24}, {2048, 32}, {4095, 64}, {4096, 64}} {
		if got := len(newModulus(new(big.Int).Sub(pow2(tt.bits), big.NewInt(1))).n); got != tt.limbs {
			t.Errorf("%d bits: %d limbs, want %d", tt.bits, got, tt.limbs)
		}
	}
}

// FuzzProducts multiplies any two numbers modulo any odd number of at most MaxBits.
func FuzzProducts(f *testing.F) {
	random := rand.NewChaCha8([32]byte{4})
	for _, size := range []int{4, 16, 32, 64} {
		for _, n := range moduli(size, random) {
			f.Add(n.Bytes(), new(big.Int).Sub(n, big.NewInt(1)).Bytes(), new(big.Int).Rsh(n, 1).Bytes())
		}
	}
	f.Fuzz(func(t *testing.T, modulus, first, second []byte) {
		if len(modulus) > MaxBits/8 || len(first) > MaxBits/8 || len(second) > MaxBits/8 {
			return
		}
		n := new(big.Int).SetBytes(modulus)
		if n.SetBit(n, 0, 1).BitLen() < 2 {
			return
		}
		m := newModulus(n)
		size := len(m.n)
		x, y := new(big.Int).SetBytes(first), new(big.Int).SetBytes(second)
		x.Mod(x, n)
		y.Mod(y, n)
		inverse := new(big.Int).ModInverse(pow2(64*size), n)
		z, scratch := make([]uint64, size), make([]uint64, 2*size)

		want := new(big.Int).Mul(x, y)
		want.Mod(want.Mul(want, inverse), n)
		if m.mul(z, limbs(x, size), limbs(y, size), scratch); number(z).Cmp(want) != 0 {
			t.Errorf("modulo %x: %x·%x is %x, want %x", n, x, y, number(z), want)
		}
		want.Mul(x, x)
		want.Mod(want.Mul(want, inverse), n)
		if m.square(z, limbs(x, size), scratch); number(z).Cmp(want) != 0 {
			t.Errorf("modulo %x: the square of %x is %x, want %x", n, x, number(z), want)
		}
	})
}
