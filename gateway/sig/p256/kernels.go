package p256

// The two loops that most of the time is spent in, and the one of a signature alone. kernels_amd64.go has them in assembly too.

// denominator is the difference of two x coordinates that a slope is divided by, and the product of those before it.
type denominator struct{ d, before fe }

// multiplyGeneric goes backward over points, an even number of them: each pair's denominator is written to ds, and multiplied
// to product. It reports false if one was 0, a doubling or infinity, in whose place 1 was taken: as a factor 0 would spoil
// all others.
func multiplyGeneric(ds []denominator, product *fe, points []point) bool {
	ok := true
	ds = ds[:len(points)/2]
	for i := len(ds) - 1; i >= 0; i-- {
		d := &ds[i]
		d.d.sub(&points[2*i+1].x, &points[2*i].x)
		if d.d.isZero() {
			ok, d.d = false, one
		}
		d.before = *product
		product.mul(product, &d.d)
	}
	return ok
}

// addPairsGeneric goes forward over the same points: the i-th pair's sum is written to points[i]. inverse is that of the
// product up to here, and is left as that of the product before.
func addPairsGeneric(points []point, inverse *fe, ds []denominator) {
	for i := range len(points) / 2 {
		var own fe
		own.mul(inverse, &ds[i].before)
		inverse.mul(inverse, &ds[i].d)
		add(&points[i], &points[2*i], &points[2*i+1], &own)
	}
}

// add sets to = p + q, with the inverse of q.x - p.x.
func add(to, p, q *point, inverse *fe) {
	var slope, x, y fe
	slope.sub(&q.y, &p.y)
	slope.mul(&slope, inverse)
	x.sqr(&slope)
	x.sub(&x, &p.x)
	x.sub(&x, &q.x)
	y.sub(&p.x, &x)
	y.mul(&y, &slope)
	y.sub(&y, &p.y)
	to.x, to.y = x, y
}
