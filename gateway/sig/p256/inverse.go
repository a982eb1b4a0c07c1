package p256

import (
	"math/big"
	"math/bits"
)

// Inversion by division steps (Bernstein and Yang, "Fast constant-time gcd computation and modular inversion", 2019), here in
// variable time.
//
// A step takes an odd f and any g: if g is odd and delta is positive, f and g change places, g becoming -f; then f or 0 is
// added to g to make it even, and g is halved. With delta = 1 at first, 741 steps at most bring 256-bit numbers to g = 0 and
// f = ±1. The steps look at low bits only, so 62 of them are found on the lowest limbs, as a matrix, and done at once.
//
// Beside f and g go d and e with f = d·x·2^(2k) and g = e·x·2^(2k) modulo m, but for the start: after k matrices, each of which
// divides f and g by 2⁶² and d and e, by a step of Montgomery reduction, by 2⁶⁴. At first d = 0 and e = 1. In the end f is ±1,
// and so x⁻¹ is ±d·2^(2k).

// steps is how many division steps one matrix holds, and mostMatrices how many matrices are needed at most: 741 / 62.
const (
	steps        = 62
	mostMatrices = 12
)

// modulus is an odd number above 2²⁵⁵, with what inversion modulo it needs.
type modulus struct {
	m      [4]uint64
	factor uint64                      // -m⁻¹ mod 2⁶⁴
	back   [mostMatrices + 1][4]uint64 // back[k] = 2^(2k)·2^(256·scale)
}

var (
	moduloP = newModulus(prime, 1, 3)
	moduloN = newModulus(order, orderFactor, 2)
)

func newModulus(m [4]uint64, factor uint64, scale uint) *modulus {
	z := &modulus{m: m, factor: factor}
	modulo := new(big.Int).SetBytes(appendNumber(nil, &m))
	x := new(big.Int).Lsh(big.NewInt(1), 256*scale)
	for k := range z.back {
		var b [32]byte
		z.back[k] = fromBytes(x.Mod(x, modulo).FillBytes(b[:]))
		x.Lsh(x, 2)
	}
	return z
}

// invert sets z = 1/x in the field; x must not be 0.
func (z *fe) invert(x *fe) {
	d, k := moduloP.inverse((*[4]uint64)(x))
	z.mul((*fe)(&d), (*fe)(&moduloP.back[k]))
}

// invert sets z = 2²⁵⁶/x, the inverse in Montgomery form of a number that is not; x must not be 0.
func (z *scalar) invert(x *scalar) {
	d, k := moduloN.inverse((*[4]uint64)(x))
	z.mul((*scalar)(&d), (*scalar)(&moduloN.back[k]))
}

// matrix is what 62 steps do: 2⁶² times the new f and g are u·f + v·g and q·f + r·g. No row's absolute values add up to more
// than 2⁶².
type matrix struct{ u, v, q, r int64 }

// wide is a signed number of 320 bits, the lowest limb first.
type wide [5]uint64

// inverse returns d and k with x⁻¹ = d·2^(2k) modulo m. x must be below m and not 0.
func (m *modulus) inverse(x *[4]uint64) (d [4]uint64, k int) {
	f := wide{m.m[0], m.m[1], m.m[2], m.m[3], 0}
	g := wide{x[0], x[1], x[2], x[3], 0}
	e := [4]uint64{1}
	delta := int64(1)
	for ; g != (wide{}); k++ {
		var t matrix
		t, delta = divisionSteps(delta, f[0], g[0])
		f, g = combine(t.u, &f, t.v, &g), combine(t.q, &f, t.r, &g)
		d, e = m.combine(t.u, &d, t.v, &e), m.combine(t.q, &d, t.r, &e)
	}
	if int64(f[4]) < 0 {
		m.negate(&d)
	}
	return d, k
}

// divisionSteps returns the matrix of the next 62 steps and the delta after them, from the lowest limbs of f and g.
func divisionSteps(delta int64, f, g uint64) (matrix, int64) {
	u, v, q, r := uint64(1), uint64(0), uint64(0), uint64(1)
	left := steps
	for {
		// Steps with an even g halve it, which here doubles f's row instead.
		zeros := min(bits.TrailingZeros64(g), left)
		g >>= uint(zeros)
		u <<= uint(zeros)
		v <<= uint(zeros)
		delta += int64(zeros)
		if left -= zeros; left == 0 {
			return matrix{int64(u), int64(v), int64(q), int64(r)}, delta
		}
		if delta > 0 {
			delta = -delta
			f, g = g, -f
			u, q = q, -u
			v, r = r, -v
		}
		// The next 1 - delta steps change no places: a multiple of f clears as many bits of g at once, at most six.
		clear := min(1-delta, int64(left), 6)
		w := (g * f * (f*f - 2)) & (1<<uint(clear) - 1) // -g/f, for f·(2 - f²) is 1/f modulo 2⁶
		g += f * w
		q += u * w
		r += v * w
	}
}

// combine returns (a·x + b·y) / 2⁶², which is a whole number.
func combine(a int64, x *wide, b int64, y *wide) wide {
	s, t := x.times(a), y.times(b)
	var c uint64
	s[0], c = bits.Add64(s[0], t[0], 0)
	s[1], c = bits.Add64(s[1], t[1], c)
	s[2], c = bits.Add64(s[2], t[2], c)
	s[3], c = bits.Add64(s[3], t[3], c)
	s[4], _ = bits.Add64(s[4], t[4], c)
	return wide{
		s[0]>>steps | s[1]<<(64-steps), s[1]>>steps | s[2]<<(64-steps), s[2]>>steps | s[3]<<(64-steps),
		s[3]>>steps | s[4]<<(64-steps), uint64(int64(s[4]) >> steps),
	}
}

// times returns a·x mod 2³²⁰.
func (x *wide) times(a int64) wide {
	sign := uint64(a >> 63)
	n := (uint64(a) ^ sign) - sign
	x0, c := bits.Add64(x[0]^sign, -sign, 0)
	x1, c := bits.Add64(x[1]^sign, 0, c)
	x2, c := bits.Add64(x[2]^sign, 0, c)
	x3, c := bits.Add64(x[3]^sign, 0, c)
	x4, _ := bits.Add64(x[4]^sign, 0, c)
	h0, l0 := bits.Mul64(n, x0)
	h1, l1 := bits.Mul64(n, x1)
	h2, l2 := bits.Mul64(n, x2)
	h3, l3 := bits.Mul64(n, x3)
	l4 := n * x4
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	l4, _ = bits.Add64(l4, h3, c)
	return wide{l0, l1, l2, l3, l4}
}

// combine returns (a·x + b·y) / 2⁶⁴ mod m.
func (m *modulus) combine(a int64, x *[4]uint64, b int64, y *[4]uint64) [4]uint64 {
	s, t := m.times(a, x), m.times(b, y) // each below 2⁶²·m
	var c uint64
	s[0], c = bits.Add64(s[0], t[0], 0)
	s[1], c = bits.Add64(s[1], t[1], c)
	s[2], c = bits.Add64(s[2], t[2], c)
	s[3], c = bits.Add64(s[3], t[3], c)
	s[4], _ = bits.Add64(s[4], t[4], c)

	w := s[0] * m.factor
	h0, l0 := bits.Mul64(w, m.m[0])
	h1, l1 := bits.Mul64(w, m.m[1])
	h2, l2 := bits.Mul64(w, m.m[2])
	h3, l3 := bits.Mul64(w, m.m[3])
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	_, c = bits.Add64(s[0], l0, 0)
	r0, c := bits.Add64(s[1], l1, c)
	r1, c := bits.Add64(s[2], l2, c)
	r2, c := bits.Add64(s[3], l3, c)
	r3, c := bits.Add64(s[4], h3, c)

	t0, d := bits.Sub64(r0, m.m[0], 0)
	t1, d := bits.Sub64(r1, m.m[1], d)
	t2, d := bits.Sub64(r2, m.m[2], d)
	t3, d := bits.Sub64(r3, m.m[3], d)
	if c == 0 && d != 0 {
		return [4]uint64{r0, r1, r2, r3}
	}
	return [4]uint64{t0, t1, t2, t3}
}

// times returns |a|·x, or |a|·(m - x) for a negative a.
func (m *modulus) times(a int64, x *[4]uint64) wide {
	y := *x
	if a < 0 {
		a = -a
		m.negate(&y)
	}
	n := uint64(a)
	var c uint64
	h0, l0 := bits.Mul64(n, y[0])
	h1, l1 := bits.Mul64(n, y[1])
	h2, l2 := bits.Mul64(n, y[2])
	h3, l3 := bits.Mul64(n, y[3])
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	return wide{l0, l1, l2, l3, h3 + c}
}

// negate sets z = m - z, so 0 becomes m, which is as good here.
func (m *modulus) negate(z *[4]uint64) {
	var b uint64
	z[0], b = bits.Sub64(m.m[0], z[0], 0)
	z[1], b = bits.Sub64(m.m[1], z[1], b)
	z[2], b = bits.Sub64(m.m[2], z[2], b)
	z[3], _ = bits.Sub64(m.m[3], z[3], b)
}
