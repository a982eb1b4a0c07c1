package p256

import (
	"errors"
	"sync"
)

// The widths, in bits, of the digits that scalars are cut into, which are the sizes of tables too.
const (
	generatorWindow = 13 // 5 MiB
	largeWindow     = 8  // 256 KiB
	smallWindow     = 5  // 52 KiB
)

// digits returns how many digits of so many bits a scalar of up to half the order has.
func digits(window uint) int { return (255 + int(window)) / int(window) }

// pointBytes is the size of a table's entry.
const pointBytes = 64

func tableBytes(window uint) int64 { return int64(digits(window)) << (window - 1) * pointBytes }

// table holds the multiples of one point P that digits stand for: points[i<<(window-1) + j - 1] = j·2^(window·i)·P for j from
// 1 to 2^(window-1). It never changes.
type table struct {
	window uint
	points []point
}

// generatorTable is built and checked once a process, in less than a tenth of a second; nil if it failed its check.
var generatorTable = sync.OnceValue(func() *table {
	t := newTable(&generator, generatorWindow)
	if t.check(&generator) != nil {
		return nil
	}
	return t
})

// newTable builds the table of a point.
func newTable(p *point, window uint) *table {
	n, each := digits(window), 1<<(window-1)
	t := &table{window: window, points: make([]point, n*each)}

	// The first entries: 2^(window·i)·P by doubling.
	var s sum
	s.set(p)
	for i := range n {
		t.points[i*each] = s.affine()
		for range window {
			s.double()
		}
	}

	// From multiples 1 to known of each to those up to twice as many, by adding the known-th; all with one inversion.
	var b builder
	for known := 1; known < each; known *= 2 {
		b.reset(n * known)
		for i := range n {
			same := t.points[i*each : (i+1)*each]
			for j := range known {
				b.queue(&same[j], &same[known-1], &same[known+j])
			}
		}
		b.run()
	}
	return t
}

// builder does many additions of affine points with one inversion. A sum of two equal points is a doubling; no two points of
// a table are each other's opposites, for the order of the curve is a prime above the multiples that meet there.
type builder struct {
	work   []addition
	prefix []fe // prefix[i] is the product of the denominators of work[:i]
}

type addition struct {
	p, q, to *point
	slope    fe // the denominator, and then the slope
}

func (b *builder) reset(n int) {
	b.work = make([]addition, 0, n)
	b.prefix = make([]fe, 0, n)
}

// queue lines up to = p + q.
func (b *builder) queue(p, q, to *point) {
	a := addition{p: p, q: q, to: to}
	if p.x == q.x {
		a.slope.add(&p.y, &p.y)
	} else {
		a.slope.sub(&q.x, &p.x)
	}
	b.work = append(b.work, a)
}

func (b *builder) run() {
	product := one
	for i := range b.work {
		b.prefix = append(b.prefix, product)
		product.mul(&product, &b.work[i].slope)
	}
	product.invert(&product)
	for i := len(b.work) - 1; i >= 0; i-- {
		a := &b.work[i]
		var inverse fe
		inverse.mul(&product, &b.prefix[i])
		product.mul(&product, &a.slope)
		a.finish(&inverse)
	}
}

// finish adds, with the inverse of the slope's denominator.
func (a *addition) finish(inverse *fe) {
	var top fe
	if a.p.x == a.q.x { // 3x² - 3
		var t fe
		top.sqr(&a.p.x)
		top.sub(&top, &one)
		t.add(&top, &top)
		top.add(&top, &t)
	} else {
		top.sub(&a.q.y, &a.p.y)
	}
	a.slope.mul(&top, inverse)
	var x, y fe
	x.sqr(&a.slope)
	x.sub(&x, &a.p.x)
	x.sub(&x, &a.q.x)
	y.sub(&a.p.x, &x)
	y.mul(&y, &a.slope)
	y.sub(&y, &a.p.y)
	a.to.x, a.to.y = x, y
}

// errTable is returned for a table that is not that of its point.
var errTable = errors.New("p256: a table failed its check")

// check holds a table against its point. An entry that is on the curve, and has another x coordinate than those that it was
// added up from, is their sum if its opposite lies on the line through them, which takes no inversion to see. So each entry is
// shown from the ones before, and the first is the point.
func (t *table) check(p *point) error {
	each := 1 << (t.window - 1)
	if len(t.points) != digits(t.window)*each || t.points[0] != *p {
		return errTable
	}
	for i := range t.points {
		q, first := &t.points[i], &t.points[i-i%each]
		ok := q.onCurve()
		switch at := i % each; {
		case at == 0 && i > 0:
			ok = ok && q.isDouble(&t.points[i-1])
		case at == 1:
			ok = ok && q.isDouble(first)
		case at > 1:
			ok = ok && q.isSum(&t.points[i-1], first)
		}
		if !ok {
			return errTable
		}
	}
	return nil
}

// isSum reports whether s = p + q, all of them on the curve, p and q neither equal nor opposites.
func (s *point) isSum(p, q *point) bool {
	if s.x == p.x || s.x == q.x || p.x == q.x {
		return false
	}
	var a, b, c, d fe
	a.sub(&p.y, &q.y)
	b.sub(&s.x, &q.x)
	a.mul(&a, &b)
	c.add(&s.y, &q.y)
	d.sub(&p.x, &q.x)
	c.mul(&c, &d)
	a.add(&a, &c)
	return a.isZero()
}

// isDouble reports whether s = 2p, both on the curve.
func (s *point) isDouble(p *point) bool {
	if s.x == p.x {
		return false
	}
	var a, b, c fe
	a.sqr(&p.x)
	a.sub(&a, &one)
	b.add(&a, &a)
	a.add(&a, &b) // 3x² - 3
	b.sub(&s.x, &p.x)
	a.mul(&a, &b)
	b.add(&p.y, &p.y)
	c.add(&s.y, &p.y)
	b.mul(&b, &c)
	a.add(&a, &b)
	return a.isZero()
}
