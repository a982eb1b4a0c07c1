package pss

import (
	"math/big"
	"math/bits"
)

// Numbers are slices of 64-bit limbs, the lowest first. A digit is four limbs, so that the base of numbers in digits is
// B = 2^256, and all slices hold whole digits: that many limbs of one factor go through the other in one pass of addMul.
const (
	digit    = 4
	maxLimbs = MaxBits / 64
)

// modulus is an odd number n and what Montgomery's multiplication needs to know of it. R is 2^(64·len(n)).
type modulus struct {
	n       []uint64
	shifted []uint64      // 1/B mod n
	rr      []uint64      // R² mod n
	inverse [digit]uint64 // -1/n mod B
}

func newModulus(n *big.Int) modulus {
	size := (n.BitLen() + 64*digit - 1) / (64 * digit) * digit
	b := new(big.Int).Lsh(big.NewInt(1), 64*digit)
	rr := new(big.Int).Lsh(big.NewInt(1), uint(2*64*size))
	inverse := new(big.Int).ModInverse(n, b)
	m := modulus{
		n:       limbs(n, size),
		shifted: limbs(new(big.Int).ModInverse(b, n), size),
		rr:      limbs(rr.Mod(rr, n), size),
	}
	copy(m.inverse[:], limbs(inverse.Sub(b, inverse), digit))
	return m
}

// mul sets z = x·y/R mod n for x and y below n. z may be x or y; t is scratch of twice their length.
func (m *modulus) mul(z, x, y, t []uint64) {
	clear(t)
	for i := 0; i < len(y); i += digit {
		addMul(t[i:], x, (*[digit]uint64)(y[i:]), 0)
	}
	m.reduce(z, t)
}

// square is mul(z, x, x, t), but computes each product of two different digits once. Like there, no addMul carries: the digits of
// a factor that went through the other so far make a product that ends where it ends.
func (m *modulus) square(z, x, t []uint64) {
	clear(t)
	for i := 0; i < len(x)-digit; i += digit {
		addMul(t[2*i+digit:], x[i+digit:], (*[digit]uint64)(x[i:]), 0)
	}
	doubleAddSquares(t, x)
	m.reduce(z, t)
}

// reduce sets z = t/R mod n, for a t below n² of twice n's length, by dividing by B, modulo n, once for each digit of n.
//
// To divide, it takes away the lowest digit d and adds d·(1/B mod n) to the rest. No step waits for a quotient, but t stays a
// digit longer than n: at the end t < n²·B/R + n·B < 2n·B. So the last division is Montgomery's own, which adds that q·n that
// makes the lowest digit 0, and gives t < 3n.
func (m *modulus) reduce(z, t []uint64) {
	var carry uint64
	last := len(z) - digit
	for i := 0; i < last; i += digit {
		carry = addMul(t[i+digit:], m.shifted, (*[digit]uint64)(t[i:]), carry)
	}
	var q [2 * digit]uint64 // only the lower half counts
	addMul(q[:], t[last:last+digit], &m.inverse, 0)
	carry += addMul(t[last:], m.n, (*[digit]uint64)(q[:]), 0)

	copy(z, t[len(z):])
	for carry != 0 || !less(z, m.n) { // twice at most
		carry -= sub(z, m.n)
	}
}

// addMul adds x·y to z, and a carry above x: z += x·y + carry·2^(64·len(x)). It uses the first len(x) + 4 limbs of z, and
// returns the carry out of them; a next call whose z ends one digit further up takes it.
//
// It goes through the columns from the lowest, with three limbs for the sum of a column: c0 is the column's own, c1 and c2
// belong to the next ones. Nearly all of the time of a verification is spent in the loop. The first two stores to z[i] there
// matter only to the compiler, which puts no load before an earlier store: else it does the four multiplications at once, and
// on amd64 has not registers enough for that.
func addMul(z, x []uint64, y *[digit]uint64, carry uint64) uint64 {
	z = z[:len(x)+digit]
	low := (*[digit]uint64)(x)
	c0, c1, c2 := next(0, 0, z[0])
	z[0], c1, c2 = mac(c0, c1, c2, low[0], y[0])

	c0, c1, c2 = next(c1, c2, z[1])
	c0, c1, c2 = mac(c0, c1, c2, low[0], y[1])
	z[1], c1, c2 = mac(c0, c1, c2, low[1], y[0])

	c0, c1, c2 = next(c1, c2, z[2])
	c0, c1, c2 = mac(c0, c1, c2, low[0], y[2])
	c0, c1, c2 = mac(c0, c1, c2, low[1], y[1])
	z[2], c1, c2 = mac(c0, c1, c2, low[2], y[0])

	for i := digit - 1; i < len(x); i++ {
		c0, c1, c2 = next(c1, c2, z[i])
		c0, c1, c2 = mac(c0, c1, c2, x[i-3], y[3])
		z[i] = c0
		c0, c1, c2 = mac(c0, c1, c2, x[i-2], y[2])
		c0, c1, c2 = mac(c0, c1, c2, x[i-1], y[1])
		z[i] = c0
		z[i], c1, c2 = mac(c0, c1, c2, x[i], y[0])
	}

	high, top := (*[digit]uint64)(x[len(x)-digit:]), (*[digit]uint64)(z[len(x):])
	c0, c1, c2 = next(c1, c2, top[0])
	c0, carry = bits.Add64(c0, carry, 0)
	c1 += carry
	c0, c1, c2 = mac(c0, c1, c2, high[1], y[3])
	c0, c1, c2 = mac(c0, c1, c2, high[2], y[2])
	top[0], c1, c2 = mac(c0, c1, c2, high[3], y[1])

	c0, c1, c2 = next(c1, c2, top[1])
	c0, c1, c2 = mac(c0, c1, c2, high[2], y[3])
	top[1], c1, c2 = mac(c0, c1, c2, high[3], y[2])

	c0, c1, c2 = next(c1, c2, top[2])
	top[2], c1, c2 = mac(c0, c1, c2, high[3], y[3])

	top[3], c1, _ = next(c1, c2, top[3])
	return c1
}

// doubleAddSquares doubles t, and adds to it the squares of the digits of x: that of digit i to digits 2i and 2i+1. It goes
// through the columns as addMul does.
func doubleAddSquares(t, x []uint64) {
	var c0, c1, c2, bit uint64
	for len(t) >= 2*digit && len(x) >= digit {
		z, d := (*[2 * digit]uint64)(t), (*[digit]uint64)(x)
		c0, c1, c2, bit = nextDoubled(c1, c2, z[0], bit)
		z[0], c1, c2 = mac(c0, c1, c2, d[0], d[0])

		c0, c1, c2, bit = nextDoubled(c1, c2, z[1], bit)
		z[1], c1, c2 = mac2(c0, c1, c2, d[0], d[1])

		c0, c1, c2, bit = nextDoubled(c1, c2, z[2], bit)
		c0, c1, c2 = mac2(c0, c1, c2, d[0], d[2])
		z[2], c1, c2 = mac(c0, c1, c2, d[1], d[1])

		c0, c1, c2, bit = nextDoubled(c1, c2, z[3], bit)
		c0, c1, c2 = mac2(c0, c1, c2, d[0], d[3])
		z[3], c1, c2 = mac2(c0, c1, c2, d[1], d[2])

		c0, c1, c2, bit = nextDoubled(c1, c2, z[4], bit)
		c0, c1, c2 = mac2(c0, c1, c2, d[1], d[3])
		z[4], c1, c2 = mac(c0, c1, c2, d[2], d[2])

		c0, c1, c2, bit = nextDoubled(c1, c2, z[5], bit)
		z[5], c1, c2 = mac2(c0, c1, c2, d[2], d[3])

		c0, c1, c2, bit = nextDoubled(c1, c2, z[6], bit)
		z[6], c1, c2 = mac(c0, c1, c2, d[3], d[3])

		z[7], c1, c2, bit = nextDoubled(c1, c2, z[7], bit)
		t, x = t[2*digit:], x[digit:]
	}
}

// next begins a column with z and what the column before left, which is far below 2^128.
func next(c1, c2, z uint64) (uint64, uint64, uint64) {
	c0, c := bits.Add64(c1, z, 0)
	c1, _ = bits.Add64(c2, 0, c)
	return c0, c1, 0
}

// nextDoubled is next with 2z; bit is what the doubling of the limb below left, and becomes what this one leaves.
func nextDoubled(c1, c2, z, bit uint64) (_, _, _, left uint64) {
	c0, c1, c2 := next(c1, c2, z<<1|bit)
	return c0, c1, c2, z >> 63
}

// mac adds x·y to a sum of three limbs, mac2 adds 2·x·y.
func mac(c0, c1, c2, x, y uint64) (uint64, uint64, uint64) {
	hi, lo := bits.Mul64(x, y)
	c0, c := bits.Add64(c0, lo, 0)
	c1, c = bits.Add64(c1, hi, c)
	c2, _ = bits.Add64(c2, 0, c)
	return c0, c1, c2
}

func mac2(c0, c1, c2, x, y uint64) (uint64, uint64, uint64) {
	hi, lo := bits.Mul64(x, y)
	c0, c := bits.Add64(c0, lo, 0)
	c1, c = bits.Add64(c1, hi, c)
	c2, _ = bits.Add64(c2, 0, c)
	c0, c = bits.Add64(c0, lo, 0)
	c1, c = bits.Add64(c1, hi, c)
	c2, _ = bits.Add64(c2, 0, c)
	return c0, c1, c2
}

// less reports x < y.
func less(x, y []uint64) bool {
	for i := len(x) - 1; i >= 0; i-- {
		if x[i] != y[i] {
			return x[i] < y[i]
		}
	}
	return false
}

// sub sets x to x - y, and returns the borrow.
func sub(x, y []uint64) (borrow uint64) {
	y = y[:len(x)]
	for i := range x {
		x[i], borrow = bits.Sub64(x[i], y[i], borrow)
	}
	return borrow
}
