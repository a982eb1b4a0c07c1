//go:build !p256generic

package p256

import "golang.org/x/sys/cpu"

// The tree of lockstep.go on processors with AVX-512 IFMA: eight signatures in the eight lanes of a vector.
//
// Coordinates of points are below 1.001·p, as FOLD leaves them; differences have 2p added and are below 3.01·p; a product is
// below x·y/2²⁶⁰ + p, which for what meets here is below 1.3·p. All are far below the 2²⁶⁰ (16·p) that a multiplication takes.
//
// Multiplication divides by 2²⁶⁰, while points come from tables, and go on, in Montgomery form with 2²⁵⁶. The two agree if the
// slope is kept as λ·2²⁵⁸: its square is λ²·2²⁵⁶ again, and its product with a difference d·2²⁵⁶ is a quarter of what it
// should be, so that is quadrupled. The slope comes out so if the inverse of a denominator d·2²⁵⁶ is 2²⁶²/d, or 2⁵¹⁸ divided
// by it.

const lanes = 8

// ahead is how many rows before it copies one gatherIFMA asks for its memory.
const ahead = 4

// vectors says that this processor can do that.
var vectors = cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512IFMA

// number is a number a lane: vectors of limbs of 52 bits, the lowest first.
type number [5][lanes]uint64

// points8 is a point a lane, in Montgomery form with 2²⁵⁶.
type points8 struct{ x, y number }

// denominators is what denominator is, for eight signatures.
type denominators [2]number // d, before

// group is eight signatures of a block.
type group struct {
	counts [lanes]uint64 // points of each that are not summed up yet
	points [maxTerms]points8
	ds     [maxTerms / 2]denominators
	from   [maxTerms + ahead][lanes]*point // what gather reads
	negate [maxTerms]uint8                 // a bit a lane
}

// laneScratch is the memory that summing up in lanes needs: two thirds of a megabyte.
type laneScratch []group

func newLaneScratch() laneScratch {
	if !vectors {
		return nil
	}
	return make(laneScratch, Block/lanes)
}

// unit is 2²⁶⁰ mod p, which multiplication leaves alone, in all lanes.
var unit = everywhere([5]uint64{0x10, 0x000f000000000000, 0x000fffffffffffff, 0x000ffeffffffffff, 0x00000000000fffff})

func everywhere(limbs [5]uint64) (z number) {
	for i := range z {
		for l := range z[i] {
			z[i][l] = limbs[i]
		}
	}
	return z
}

// sumLanes sums up all signatures of the block as trees and reports whether it did. It does not without vectors, nor if any
// addition was a doubling or had the sum infinity: then nothing is concluded, and the block is to be done the other way.
func (v *Verifier) sumLanes() bool {
	if v.lanes == nil {
		return false
	}
	groups := v.lanes[:(len(v.work)+lanes-1)/lanes]
	most := v.gatherLanes(groups)
	for most > 1 {
		pairs := (most + 1) / 2
		product := unit
		for i := len(groups) - 1; i >= 0; i-- {
			g := &groups[i]
			multiplyIFMA(&g.ds[0], &product, &g.points[0], pairs, &g.counts)
		}
		if !product.invert() {
			return false
		}
		for i := range groups {
			g := &groups[i]
			addPairsIFMA(&g.points[0], &product, &g.ds[0], pairs, &g.counts)
			for l, n := range g.counts {
				g.counts[l] = (n + 1) / 2
			}
		}
		most = pairs
	}
	for i := range v.work {
		if s := &v.work[i]; s.count > 0 {
			x := groups[i/lanes].points[0].x.lane(i % lanes)
			s.conclude(&x, nil)
		}
	}
	return true
}

// gatherLanes fetches the points of all signatures into their lanes and returns the highest number of them. Lanes without a
// point have the generator, which counts for nothing.
func (v *Verifier) gatherLanes(groups []group) (most int) {
	for i := range groups {
		g := &groups[i]
		members := v.work[i*lanes : min(len(v.work), (i+1)*lanes)]
		terms := v.terms[i*lanes*maxTerms:]
		longest := 0
		for l := range members {
			g.counts[l] = uint64(members[l].count)
			longest = max(longest, members[l].count)
		}
		clear(g.counts[len(members):])
		for t := range longest {
			row, negate := &g.from[t], uint8(0)
			for l := range row {
				row[l] = &generator
				if l < len(members) && t < members[l].count {
					point, sign := v.entry(&members[l], terms[l*maxTerms:], t)
					row[l] = point
					negate |= sign << l
				}
			}
			g.negate[t] = negate
		}
		if longest > 0 {
			gatherIFMA(&g.points[0], &g.from[0], &g.negate[0], longest)
			clear(g.from[:longest]) // tables that are evicted must not be held on to
		}
		most = max(most, longest)
	}
	return most
}

// sixtyFour is 64 in Montgomery form.
var sixtyFour = fe{0x40, 0xffffffc000000000, 0xffffffffffffffff, 0x3fffffffbf}

// invert sets each lane of z to 2⁵¹⁸ divided by it, modulo p, with one inversion. It reports false if one is 0.
func (z *number) invert() bool {
	var each, before [lanes]fe
	product := one
	for l := range each {
		each[l] = z.lane(l)
		if each[l].isZero() {
			return false
		}
		before[l] = product
		product.mul(&product, &each[l])
	}
	product.invert(&product) // so that a lane's inverse is 2⁵¹² divided by it
	product.mul(&product, &sixtyFour)
	for l := lanes - 1; l >= 0; l-- {
		var own fe
		own.mul(&product, &before[l])
		product.mul(&product, &each[l])
		z.setLane(l, &own)
	}
	return true
}

// lane returns the number in a lane, which is below 2p, as a field element.
func (z *number) lane(l int) (x fe) {
	x.reduceOnce(z[0][l]|z[1][l]<<52, z[1][l]>>12|z[2][l]<<40, z[2][l]>>24|z[3][l]<<28, z[3][l]>>36|z[4][l]<<16, z[4][l]>>48)
	return x
}

func (z *number) setLane(l int, x *fe) {
	const mask = 1<<52 - 1
	z[0][l] = x[0] & mask
	z[1][l] = (x[0]>>52 | x[1]<<12) & mask
	z[2][l] = (x[1]>>40 | x[2]<<24) & mask
	z[3][l] = (x[2]>>28 | x[3]<<36) & mask
	z[4][l] = x[3] >> 16
}

// sums8 is a sum a lane, in Montgomery form with 2²⁵⁶.
type sums8 struct{ x, y, zz, zzz number }

// sumInLanes sums up the points of one signature in eight lanes, and then the lanes. It reports false, and concludes nothing,
// without vectors, for fewer points than lanes, and for sums that the formulas do not hold for.
func (v *Verifier) sumInLanes(i int) (total sum, ok bool) {
	s := &v.work[i]
	if v.lanes == nil || s.count < lanes {
		return total, false
	}
	g := &v.lanes[0]
	terms := v.terms[i*maxTerms:]
	rows := (s.count + lanes - 1) / lanes
	for row := range rows {
		negate := uint8(0)
		for l := range lanes {
			point, sign := v.entry(s, terms, min(row*lanes+l, s.count-1))
			g.from[row][l] = point
			negate |= sign << l
		}
		g.negate[row] = negate
	}
	gatherIFMA(&g.points[0], &g.from[0], &g.negate[0], rows)
	clear(g.from[:rows])
	var all sums8
	last := uint8(1)<<((s.count-1)%lanes+1) - 1
	sumRowsIFMA(&all, &g.points[0], rows, last)
	total = all.lane(0)
	for l := 1; l < lanes; l++ {
		other := all.lane(l)
		if !total.addSum(&other) {
			return total, false
		}
	}
	return total, !total.zz.isZero() // as it is if any lane's was
}

// entry returns the table entry that the t-th term of a signature names, and 1 if it is to be negated.
func (v *Verifier) entry(s *signature, terms []term, t int) (*point, uint8) {
	table := s.table
	if t < s.split {
		table = v.tables.generator
	}
	return &table.points[terms[t]>>1], uint8(terms[t] & 1)
}

func (s *sums8) lane(l int) sum {
	return sum{x: s.x.lane(l), y: s.y.lane(l), zz: s.zz.lane(l), zzz: s.zzz.lane(l)}
}

// mulIFMA sets z = x·y/2²⁶⁰.
//
//go:noescape
func mulIFMA(z, x, y *number)

// multiplyIFMA is multiplyGeneric for eight signatures, of which counts says how many points each has; pairs is at least one.
// It does not look for denominators that are 0: the product of their lane is 0 then.
//
//go:noescape
func multiplyIFMA(ds *denominators, product *number, points *points8, pairs int, counts *[lanes]uint64)

// addPairsIFMA is addPairsGeneric for eight signatures. The point of a lane that has no second one of a pair stays.
//
//go:noescape
func addPairsIFMA(points *points8, inverse *number, ds *denominators, pairs int, counts *[lanes]uint64)

// gatherIFMA copies n rows of a point a lane, at least one row, negating those whose bit is set. It looks at the pointers of
// the next rows, to have their memory read in time; they may be nil.
//
//go:noescape
func gatherIFMA(to *points8, from *[lanes]*point, negate *uint8, n int)

// sumRowsIFMA adds up rows of a point a lane, at least one row, into a sum a lane; of the last row, unless it is the only one,
// only the lanes of last are added. A sum that the formulas did not hold for has zz = 0.
//
//go:noescape
func sumRowsIFMA(sums *sums8, points *points8, rows int, last uint8)
