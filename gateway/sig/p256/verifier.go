package p256

import "math/bits"

// Block is how many signatures are worked on together. More would share an inversion, but leave the caches.
const Block = 64

// treeFrom is the number of signatures from which on trees of affine additions win over XYZZ coordinates.
const treeFrom = 6

// Verifier verifies batches with its own scratch memory of about half a megabyte: one a goroutine.
type Verifier struct {
	tables  *Tables
	work    []signature // of the block
	terms   [Block * maxTerms]term
	points  [Block * maxTerms]point
	ds      [Block * maxTerms / 2]denominator
	touched uint64
	lanes   laneScratch
}

// signature is one of a block on its way.
type signature struct {
	job   *Job
	table *table
	r, s  scalar
	left  scalar // the product of the s before
	split int    // terms of the generator, before those of the key
	count int    // terms, and then points not summed up yet
	odd   bool   // met an exception; goes along, so that the others need not know
}

// NewVerifier returns a Verifier that uses, and asks for, the tables in t.
func NewVerifier(t *Tables) *Verifier {
	return &Verifier{tables: t, work: make([]signature, 0, Block), lanes: newLaneScratch()}
}

// Verify sets the Result of each job, each on its own. It does not allocate.
func (v *Verifier) Verify(jobs []Job) {
	for len(jobs) > 0 {
		n := min(len(jobs), Block)
		if v.take(jobs[:n]); len(v.work) > 0 {
			v.invertS()
			v.recode()
			v.sum()
			clear(v.work) // of pointers to jobs and tables, which others may want to go
		}
		jobs = jobs[n:]
	}
}

// take parses the signatures and keeps those that can be verified here.
func (v *Verifier) take(jobs []Job) {
	v.work = v.work[:0]
	v.tables.count(len(jobs))
	for i := range jobs {
		j := &jobs[i]
		j.Result = Undetermined
		if j.Key == nil {
			continue
		}
		t := v.tables.use(j.Key)
		if t == nil {
			continue
		}
		v.work = v.work[:len(v.work)+1]
		s := &v.work[len(v.work)-1]
		if !s.parse(j.Signature) {
			j.Result = Refused
			v.work = v.work[:len(v.work)-1]
			continue
		}
		s.job, s.table, s.odd = j, t, false
	}
}

// parse reads r and s and reports whether both are from 1 to n-1.
func (s *signature) parse(b []byte) bool {
	if len(b) != SignatureSize {
		return false
	}
	s.r, s.s = fromBytes(b[:32]), fromBytes(b[32:])
	return !s.r.isZero() && !s.s.isZero() && less((*[4]uint64)(&s.r), &order) && less((*[4]uint64)(&s.s), &order)
}

// invertS sets each s to 2²⁵⁶/s, with one inversion for all.
func (v *Verifier) invertS() {
	product := scalar{1}
	for i := range v.work {
		s := &v.work[i]
		if s.left = product; i == 0 {
			product = s.s
		} else {
			product.mul(&product, &s.s)
		}
	}
	product.invert(&product)
	for i := len(v.work) - 1; i > 0; i-- {
		s := &v.work[i]
		var inverse scalar
		inverse.mul(&product, &s.left)
		product.mul(&product, &s.s)
		s.s = inverse
	}
	v.work[0].s = product
}

// recode computes u1 = e/s and u2 = r/s, and which table entries u1·G + u2·Q is the sum of.
func (v *Verifier) recode() {
	g := v.tables.generator
	for i := range v.work {
		s := &v.work[i]
		var u1, u2 scalar
		u1.setReduced(fromBytes(s.job.Digest[:]))
		u1.mul(&u1, &s.s)
		u2.mul(&s.r, &s.s)
		terms := v.terms[i*maxTerms:][:maxTerms]
		s.split = recode(terms, u1, g.window)
		s.count = s.split + recode(terms[s.split:], u2, s.table.window)
	}
}

// sum sums up and concludes.
func (v *Verifier) sum() {
	switch {
	case len(v.work) < treeFrom:
		v.sumEach()
	case !v.sumLanes():
		v.gather(0, len(v.work))
		v.sumAll()
	}
}

// gather copies the points of some signatures.
func (v *Verifier) gather(from, to int) {
	g := v.tables.generator
	for i := from; i < to; i++ {
		s := &v.work[i]
		terms, points := v.terms[i*maxTerms:], v.points[i*maxTerms:]
		v.touched ^= g.gather(points, terms[:s.split])
		v.touched ^= s.table.gather(points[s.split:], terms[s.split:s.count])
	}
}

// sumEach sums up one signature after the other.
func (v *Verifier) sumEach() {
	for i := range v.work {
		s := &v.work[i]
		total, ok := v.sumInLanes(i)
		if !ok && s.count > 0 {
			v.gather(i, i+1)
			ok = total.setSum(v.points[i*maxTerms:][:s.count])
		}
		if ok {
			s.conclude(&total.x, &total.zz)
		}
	}
}

// conclude accepts if x/zz, as a number, is r modulo n. The number is below p, which is above n, so it may be r + n.
func (s *signature) conclude(x, zz *fe) {
	s.job.Result = Refused
	var want fe
	number := [4]uint64(s.r)
	for {
		want.setNumber(&number)
		if zz != nil {
			want.mul(&want, zz)
		}
		if want == *x {
			s.job.Result = Accepted
			return
		}
		if !addOrder(&number) {
			return
		}
	}
}

// addOrder adds the order to a number below 2·n and reports whether the sum is below p.
func addOrder(x *[4]uint64) bool {
	var c uint64
	x[0], c = bits.Add64(x[0], order[0], 0)
	x[1], c = bits.Add64(x[1], order[1], c)
	x[2], c = bits.Add64(x[2], order[2], c)
	x[3], c = bits.Add64(x[3], order[3], c)
	return c == 0 && less(x, &prime)
}
