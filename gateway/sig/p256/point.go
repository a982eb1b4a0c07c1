package p256

// point is a point of the curve y² = x³ - 3x + b in affine coordinates. Infinity has none and is never stored.
type point struct{ x, y fe }

var (
	generator = point{
		x: fe{0x79e730d418a9143c, 0x75ba95fc5fedb601, 0x79fb732b77622510, 0x18905f76a53755c6},
		y: fe{0xddf25357ce95560a, 0x8b4ab8e4ba19e45c, 0xd2e88688dd21f325, 0x8571ff1825885d85},
	}
	curveB = fe{0xd89cdf6229c4bddf, 0xacf005cd78843090, 0xe5a220abf7212ed6, 0xdc30061d04874834}
)

// onCurve reports whether p solves the curve's equation.
func (p *point) onCurve() bool {
	var left, right, three fe
	left.sqr(&p.y)
	right.sqr(&p.x)
	three.add(&one, &one)
	three.add(&three, &one)
	right.sub(&right, &three)
	right.mul(&right, &p.x)
	right.add(&right, &curveB)
	return left == right
}

// sum is a point in XYZZ coordinates: x = X/ZZ and y = Y/ZZZ with ZZ³ = ZZZ² (Explicit-Formulas Database, short Weierstrass
// curves). It is never infinity.
type sum struct{ x, y, zz, zzz fe }

func (s *sum) set(p *point) { s.x, s.y, s.zz, s.zzz = p.x, p.y, one, one }

// add adds p, by madd-2008-s. It reports false, and leaves s as it is, if p has the x coordinate of s: the formula does not
// hold then.
func (s *sum) add(p *point) bool {
	var u, r, pp, ppp, q fe
	u.mul(&p.x, &s.zz)
	u.sub(&u, &s.x)
	if u.isZero() {
		return false
	}
	r.mul(&p.y, &s.zzz)
	r.sub(&r, &s.y)
	pp.sqr(&u)
	ppp.mul(&u, &pp)
	q.mul(&s.x, &pp)
	s.x.sqr(&r)
	s.x.sub(&s.x, &ppp)
	s.x.sub(&s.x, &q)
	s.x.sub(&s.x, &q)
	q.sub(&q, &s.x)
	q.mul(&q, &r)
	s.y.mul(&s.y, &ppp)
	s.y.sub(&q, &s.y)
	s.zz.mul(&s.zz, &pp)
	s.zzz.mul(&s.zzz, &ppp)
	return true
}

// setSum sets s to the sum of points, at least one. It reports false for sums on whose way two points have one x coordinate.
func (s *sum) setSum(points []point) bool {
	s.set(&points[0])
	return s.addEach(points[1:])
}

func (s *sum) addEachGeneric(points []point) bool {
	for i := range points {
		if !s.add(&points[i]) {
			return false
		}
	}
	return true
}

// addSumGeneric adds another sum, by add-2008-s. It reports false, and leaves s as it is, if both have one x coordinate. A sum
// with zz = 0 makes one of zz = 0, or is reported.
func (s *sum) addSumGeneric(o *sum) bool {
	var u1, u, s1, r, pp, ppp fe
	u1.mul(&s.x, &o.zz)
	u.mul(&o.x, &s.zz)
	u.sub(&u, &u1)
	if u.isZero() {
		return false
	}
	s1.mul(&s.y, &o.zzz)
	r.mul(&o.y, &s.zzz)
	r.sub(&r, &s1)
	pp.sqr(&u)
	ppp.mul(&u, &pp)
	u1.mul(&u1, &pp)
	s.x.sqr(&r)
	s.x.sub(&s.x, &ppp)
	s.x.sub(&s.x, &u1)
	s.x.sub(&s.x, &u1)
	u1.sub(&u1, &s.x)
	u1.mul(&u1, &r)
	s1.mul(&s1, &ppp)
	s.y.sub(&u1, &s1)
	s.zz.mul(&s.zz, &o.zz)
	s.zz.mul(&s.zz, &pp)
	s.zzz.mul(&s.zzz, &o.zzz)
	s.zzz.mul(&s.zzz, &ppp)
	return true
}

// double doubles s, by dbl-2008-s-1 with a = -3. No point of the curve has order 2.
func (s *sum) double() {
	var u, v, w, q, m, t fe
	u.add(&s.y, &s.y)
	v.sqr(&u)
	w.mul(&u, &v)
	q.mul(&s.x, &v)
	m.sub(&s.x, &s.zz)
	t.add(&s.x, &s.zz)
	m.mul(&m, &t)
	t.add(&m, &m)
	m.add(&m, &t)
	s.x.sqr(&m)
	s.x.sub(&s.x, &q)
	s.x.sub(&s.x, &q)
	q.sub(&q, &s.x)
	q.mul(&q, &m)
	s.y.mul(&s.y, &w)
	s.y.sub(&q, &s.y)
	s.zz.mul(&s.zz, &v)
	s.zzz.mul(&s.zzz, &w)
}

// affine returns s in affine coordinates, at the cost of an inversion.
func (s *sum) affine() point {
	var p point
	var i fe
	i.invert(&s.zzz) // Z⁻³
	p.y.mul(&s.y, &i)
	i.mul(&i, &s.zz) // Z⁻¹
	i.sqr(&i)
	p.x.mul(&s.x, &i)
	return p
}
