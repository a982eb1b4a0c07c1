package p256

// sumAll sums up all signatures of the block as binary trees, a level of all of them at a time.
func (v *Verifier) sumAll() {
	for v.level() {
	}
	for i := range v.work {
		s := &v.work[i]
		if s.count == 1 && !s.odd {
			s.conclude(&v.points[i*maxTerms].x, nil)
		}
	}
}

// level replaces each two neighbours among the points of a signature by their sum, and reports whether there were any.
//
// It goes over all pairs twice, as Montgomery's trick wants: backward to multiply the denominators of the slopes, and forward
// to take the inverse of the product apart again. Forward the sums can be written over points that are done with.
func (v *Verifier) level() bool {
	n := 0
	for i := range v.work {
		n += v.work[i].count / 2
	}
	if n == 0 {
		return false
	}
	product := one
	at := n
	for i := len(v.work) - 1; i >= 0; i-- {
		s := &v.work[i]
		if pairs := s.count / 2; pairs > 0 {
			at -= pairs
			if !multiply(v.ds[at:at+pairs], &product, v.points[i*maxTerms:i*maxTerms+2*pairs]) {
				s.odd = true
			}
		}
	}
	product.invert(&product)
	for i := range v.work {
		s := &v.work[i]
		points := v.points[i*maxTerms : i*maxTerms+s.count]
		if pairs := s.count / 2; pairs > 0 {
			addPairs(points[:2*pairs], &product, v.ds[at:at+pairs])
			at += pairs
			if s.count&1 != 0 {
				points[pairs] = points[s.count-1]
			}
			s.count -= pairs
		}
	}
	return true
}
