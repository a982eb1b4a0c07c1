package p256

import (
	"encoding/binary"
	"math/bits"
)

// fe is an element of the field of p = 2²⁵⁶ - 2²²⁴ + 2¹⁹² + 2⁹⁶ - 1, four limbs with the lowest first, in Montgomery form
// (x·2²⁵⁶ mod p) and always below p, so that equal elements are equal arrays.
type fe [4]uint64

// p, its limbs, and what brings numbers into Montgomery form.
const (
	p0 = 0xffffffffffffffff
	p1 = 0x00000000ffffffff
	p2 = 0x0000000000000000
	p3 = 0xffffffff00000001
)

var (
	prime   = [4]uint64{p0, p1, p2, p3}
	one     = fe{0x0000000000000001, 0xffffffff00000000, 0xffffffffffffffff, 0x00000000fffffffe} // 2²⁵⁶ mod p
	rSquare = fe{0x0000000000000003, 0xfffffffbffffffff, 0xfffffffffffffffe, 0x00000004fffffffd} // 2⁵¹² mod p
)

func (z *fe) isZero() bool { return z[0]|z[1]|z[2]|z[3] == 0 }

// add sets z = x + y.
func (z *fe) add(x, y *fe) {
	t0, c := bits.Add64(x[0], y[0], 0)
	t1, c := bits.Add64(x[1], y[1], c)
	t2, c := bits.Add64(x[2], y[2], c)
	t3, c := bits.Add64(x[3], y[3], c)
	z.reduceOnce(t0, t1, t2, t3, c)
}

// reduceOnce sets z to the number of five limbs, which is below 2p, minus p if it is not below p.
func (z *fe) reduceOnce(t0, t1, t2, t3, t4 uint64) {
	s0, b := bits.Sub64(t0, p0, 0)
	s1, b := bits.Sub64(t1, p1, b)
	s2, b := bits.Sub64(t2, p2, b)
	s3, b := bits.Sub64(t3, p3, b)
	_, b = bits.Sub64(t4, 0, b)
	keep := -b // all ones if it was below p
	z[0] = s0 ^ (s0^t0)&keep
	z[1] = s1 ^ (s1^t1)&keep
	z[2] = s2 ^ (s2^t2)&keep
	z[3] = s3 ^ (s3^t3)&keep
}

// sub sets z = x - y.
func (z *fe) sub(x, y *fe) {
	t0, b := bits.Sub64(x[0], y[0], 0)
	t1, b := bits.Sub64(x[1], y[1], b)
	t2, b := bits.Sub64(x[2], y[2], b)
	t3, b := bits.Sub64(x[3], y[3], b)
	m := -b
	t0, c := bits.Add64(t0, m, 0)
	t1, c = bits.Add64(t1, m&p1, c)
	t2, c = bits.Add64(t2, 0, c)
	t3, _ = bits.Add64(t3, m&p3, c)
	z[0], z[1], z[2], z[3] = t0, t1, t2, t3
}

// negateIf sets z = -z if mask is all ones, and leaves it if mask is 0. z must not be 0: no table has a point with y = 0, for
// the order of the curve is odd.
func (z *fe) negateIf(mask uint64) {
	t0, b := bits.Sub64(p0, z[0], 0)
	t1, b := bits.Sub64(p1, z[1], b)
	t2, b := bits.Sub64(p2, z[2], b)
	t3, _ := bits.Sub64(p3, z[3], b)
	z[0] ^= (z[0] ^ t0) & mask
	z[1] ^= (z[1] ^ t1) & mask
	z[2] ^= (z[2] ^ t2) & mask
	z[3] ^= (z[3] ^ t3) & mask
}

// mul sets z = x·y: all sixteen products, then reduce.
func (z *fe) mul(x, y *fe) {
	x0, x1, x2, x3 := x[0], x[1], x[2], x[3]
	var c, c2 uint64

	y0 := y[0]
	h0, t0 := bits.Mul64(x0, y0)
	h1, l1 := bits.Mul64(x1, y0)
	h2, l2 := bits.Mul64(x2, y0)
	h3, l3 := bits.Mul64(x3, y0)
	t1, c := bits.Add64(h0, l1, 0)
	t2, c := bits.Add64(h1, l2, c)
	t3, c := bits.Add64(h2, l3, c)
	t4 := h3 + c

	y1 := y[1]
	h0, l0 := bits.Mul64(x0, y1)
	h1, l1 = bits.Mul64(x1, y1)
	h2, l2 = bits.Mul64(x2, y1)
	h3, l3 = bits.Mul64(x3, y1)
	l1, c = bits.Add64(h0, l1, 0)
	l2, c = bits.Add64(h1, l2, c)
	l3, c = bits.Add64(h2, l3, c)
	h3 += c
	t1, c2 = bits.Add64(t1, l0, 0)
	t2, c2 = bits.Add64(t2, l1, c2)
	t3, c2 = bits.Add64(t3, l2, c2)
	t4, c2 = bits.Add64(t4, l3, c2)
	t5 := h3 + c2

	y2 := y[2]
	h0, l0 = bits.Mul64(x0, y2)
	h1, l1 = bits.Mul64(x1, y2)
	h2, l2 = bits.Mul64(x2, y2)
	h3, l3 = bits.Mul64(x3, y2)
	l1, c = bits.Add64(h0, l1, 0)
	l2, c = bits.Add64(h1, l2, c)
	l3, c = bits.Add64(h2, l3, c)
	h3 += c
	t2, c2 = bits.Add64(t2, l0, 0)
	t3, c2 = bits.Add64(t3, l1, c2)
	t4, c2 = bits.Add64(t4, l2, c2)
	t5, c2 = bits.Add64(t5, l3, c2)
	t6 := h3 + c2

	y3 := y[3]
	h0, l0 = bits.Mul64(x0, y3)
	h1, l1 = bits.Mul64(x1, y3)
	h2, l2 = bits.Mul64(x2, y3)
	h3, l3 = bits.Mul64(x3, y3)
	l1, c = bits.Add64(h0, l1, 0)
	l2, c = bits.Add64(h1, l2, c)
	l3, c = bits.Add64(h2, l3, c)
	h3 += c
	t3, c2 = bits.Add64(t3, l0, 0)
	t4, c2 = bits.Add64(t4, l1, c2)
	t5, c2 = bits.Add64(t5, l2, c2)
	t6, c2 = bits.Add64(t6, l3, c2)
	t7 := h3 + c2

	z.reduce(t0, t1, t2, t3, t4, t5, t6, t7)
}

// sqr sets z = x²: six products doubled, and four squares.
func (z *fe) sqr(x *fe) {
	x0, x1, x2, x3 := x[0], x[1], x[2], x[3]
	var c uint64

	t2, t1 := bits.Mul64(x0, x1)
	h, l := bits.Mul64(x0, x2)
	t2, c = bits.Add64(t2, l, 0)
	t4, t3 := bits.Mul64(x0, x3)
	t3, c = bits.Add64(t3, h, c)
	t4 += c
	h, l = bits.Mul64(x1, x2)
	t3, c = bits.Add64(t3, l, 0)
	t4, c = bits.Add64(t4, h, c)
	t5 := c
	h, l = bits.Mul64(x1, x3)
	t4, c = bits.Add64(t4, l, 0)
	t5, _ = bits.Add64(t5, h, c)
	t6, l := bits.Mul64(x2, x3)
	t5, c = bits.Add64(t5, l, 0)
	t6 += c

	t7 := t6 >> 63
	t6 = t6<<1 | t5>>63
	t5 = t5<<1 | t4>>63
	t4 = t4<<1 | t3>>63
	t3 = t3<<1 | t2>>63
	t2 = t2<<1 | t1>>63
	t1 <<= 1

	h0, t0 := bits.Mul64(x0, x0)
	h1, l1 := bits.Mul64(x1, x1)
	h2, l2 := bits.Mul64(x2, x2)
	h3, l3 := bits.Mul64(x3, x3)
	t1, c = bits.Add64(t1, h0, 0)
	t2, c = bits.Add64(t2, l1, c)
	t3, c = bits.Add64(t3, h1, c)
	t4, c = bits.Add64(t4, l2, c)
	t5, c = bits.Add64(t5, h2, c)
	t6, c = bits.Add64(t6, l3, c)
	t7, _ = bits.Add64(t7, h3, c)

	z.reduce(t0, t1, t2, t3, t4, t5, t6, t7)
}

// reduce sets z to the number of eight limbs, divided by 2²⁵⁶ mod p. It takes away one limb m after the other by adding m·p.
// Since p is -1 mod 2⁶⁴ the factor is the limb itself, and the product needs only shifts: m·2⁹⁶, and m·(2⁶⁴ - 2³² + 1) at the
// third limb. What is left of the lower four limbs is at most p, so the sum with the upper four is below 2p.
func (z *fe) reduce(t0, t1, t2, t3, t4, t5, t6, t7 uint64) {
	var c uint64
	lo, b := bits.Sub64(t0, t0<<32, 0)
	hi, _ := bits.Sub64(t0, t0>>32, b)
	t1, c = bits.Add64(t1, t0<<32, 0)
	t2, c = bits.Add64(t2, t0>>32, c)
	t3, c = bits.Add64(t3, lo, c)
	t0 = hi + c

	lo, b = bits.Sub64(t1, t1<<32, 0)
	hi, _ = bits.Sub64(t1, t1>>32, b)
	t2, c = bits.Add64(t2, t1<<32, 0)
	t3, c = bits.Add64(t3, t1>>32, c)
	t0, c = bits.Add64(t0, lo, c)
	t1 = hi + c

	lo, b = bits.Sub64(t2, t2<<32, 0)
	hi, _ = bits.Sub64(t2, t2>>32, b)
	t3, c = bits.Add64(t3, t2<<32, 0)
	t0, c = bits.Add64(t0, t2>>32, c)
	t1, c = bits.Add64(t1, lo, c)
	t2 = hi + c

	lo, b = bits.Sub64(t3, t3<<32, 0)
	hi, _ = bits.Sub64(t3, t3>>32, b)
	t0, c = bits.Add64(t0, t3<<32, 0)
	t1, c = bits.Add64(t1, t3>>32, c)
	t2, c = bits.Add64(t2, lo, c)
	t3 = hi + c

	t0, c = bits.Add64(t0, t4, 0)
	t1, c = bits.Add64(t1, t5, c)
	t2, c = bits.Add64(t2, t6, c)
	t3, c = bits.Add64(t3, t7, c)
	z.reduceOnce(t0, t1, t2, t3, c)
}

// setBytes sets z to the number of 32 bytes, the highest first, and reports whether it is below p.
func (z *fe) setBytes(b []byte) bool {
	n := fromBytes(b)
	if !less(&n, &prime) {
		return false
	}
	z.setNumber(&n)
	return true
}

// setNumber sets z to a number below p.
func (z *fe) setNumber(n *[4]uint64) { z.mul((*fe)(n), &rSquare) }

// number returns the number below p that z stands for.
func (z *fe) number() [4]uint64 {
	var n fe
	n.reduce(z[0], z[1], z[2], z[3], 0, 0, 0, 0)
	return n
}

// fromBytes reads 32 bytes, the highest first.
func fromBytes(b []byte) [4]uint64 {
	_ = b[31]
	return [4]uint64{
		binary.BigEndian.Uint64(b[24:]), binary.BigEndian.Uint64(b[16:]),
		binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b),
	}
}

// appendNumber appends a number as 32 bytes, the highest first.
func appendNumber(b []byte, n *[4]uint64) []byte {
	for i := 3; i >= 0; i-- {
		b = binary.BigEndian.AppendUint64(b, n[i])
	}
	return b
}

// less reports whether x < y.
func less(x, y *[4]uint64) bool {
	_, b := bits.Sub64(x[0], y[0], 0)
	_, b = bits.Sub64(x[1], y[1], b)
	_, b = bits.Sub64(x[2], y[2], b)
	_, b = bits.Sub64(x[3], y[3], b)
	return b != 0
}
