package p256

import "math/bits"

// Arithmetic modulo n, the order of the curve, by Montgomery multiplication with 2²⁵⁶.

var (
	order     = [4]uint64{0xf3b9cac2fc632551, 0xbce6faada7179e84, 0xffffffffffffffff, 0xffffffff00000000}
	halfOrder = [4]uint64{0x79dce5617e3192a8, 0xde737d56d38bcf42, 0x7fffffffffffffff, 0x7fffffff80000000} // (n-1)/2
)

// orderFactor is -n⁻¹ mod 2⁶⁴.
const orderFactor = 0xccd1c8aaee00bc4f

// scalar is a number below n. Which ones are in Montgomery form is said where they are used.
type scalar [4]uint64

func (z *scalar) isZero() bool { return z[0]|z[1]|z[2]|z[3] == 0 }

// setReduced sets z to a number below 2²⁵⁶ modulo n, which is at most one subtraction.
func (z *scalar) setReduced(x [4]uint64) {
	t0, b := bits.Sub64(x[0], order[0], 0)
	t1, b := bits.Sub64(x[1], order[1], b)
	t2, b := bits.Sub64(x[2], order[2], b)
	t3, b := bits.Sub64(x[3], order[3], b)
	if b == 0 {
		x = [4]uint64{t0, t1, t2, t3}
	}
	*z = x
}

// negate sets z = n - z; z must not be 0.
func (z *scalar) negate() {
	var b uint64
	z[0], b = bits.Sub64(order[0], z[0], 0)
	z[1], b = bits.Sub64(order[1], z[1], b)
	z[2], b = bits.Sub64(order[2], z[2], b)
	z[3], _ = bits.Sub64(order[3], z[3], b)
}

// mul sets z = x·y/2²⁵⁶ mod n. It adds a row of the product and a multiple of n that clears the lowest limb, in turns.
func (z *scalar) mul(x, y *scalar) {
	var t0, t1, t2, t3, t4 uint64 // below 2n
	for _, w := range x {
		var c, c2 uint64
		h0, l0 := bits.Mul64(w, y[0])
		h1, l1 := bits.Mul64(w, y[1])
		h2, l2 := bits.Mul64(w, y[2])
		h3, l3 := bits.Mul64(w, y[3])
		l1, c = bits.Add64(l1, h0, 0)
		l2, c = bits.Add64(l2, h1, c)
		l3, c = bits.Add64(l3, h2, c)
		h3 += c
		t0, c2 = bits.Add64(t0, l0, 0)
		t1, c2 = bits.Add64(t1, l1, c2)
		t2, c2 = bits.Add64(t2, l2, c2)
		t3, c2 = bits.Add64(t3, l3, c2)
		t4, c2 = bits.Add64(t4, h3, c2)
		t5 := c2

		m := t0 * orderFactor
		h0, l0 = bits.Mul64(m, order[0])
		h1, l1 = bits.Mul64(m, order[1])
		h2, l2 = bits.Mul64(m, order[2])
		h3, l3 = bits.Mul64(m, order[3])
		l1, c = bits.Add64(l1, h0, 0)
		l2, c = bits.Add64(l2, h1, c)
		l3, c = bits.Add64(l3, h2, c)
		h3 += c
		_, c2 = bits.Add64(t0, l0, 0)
		t0, c2 = bits.Add64(t1, l1, c2)
		t1, c2 = bits.Add64(t2, l2, c2)
		t2, c2 = bits.Add64(t3, l3, c2)
		t3, c2 = bits.Add64(t4, h3, c2)
		t4 = t5 + c2
	}
	s0, b := bits.Sub64(t0, order[0], 0)
	s1, b := bits.Sub64(t1, order[1], b)
	s2, b := bits.Sub64(t2, order[2], b)
	s3, b := bits.Sub64(t3, order[3], b)
	if _, b = bits.Sub64(t4, 0, b); b != 0 {
		*z = scalar{t0, t1, t2, t3}
		return
	}
	*z = scalar{s0, s1, s2, s3}
}
