//go:build !p256generic

package p256

import (
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

// dropVectors has a Verifier do without vectors, and reports whether it used them.
func dropVectors(v *Verifier) bool {
	v.lanes = nil
	return vectors
}

func addSums(s, o *sum) bool { return s.addSum(o) }

// otherProducts are x·y in Montgomery form as assembly has it.
func otherProducts(x, y *fe) map[string]*big.Int {
	all := make(map[string]*big.Int)
	if assembly {
		var z fe
		mulADX(&z, x, y)
		all["ADX"] = bigOf(z)
	}
	if vectors {
		var a, b, z number
		a.setLane(3, x)
		b.setLane(3, y)
		mulIFMA(&z, &a, &b)
		all["IFMA"] = modP(new(big.Int).Lsh(z.big(3), 4)) // it divides by 2²⁶⁰
	}
	return all
}

func needVectors(t testing.TB) {
	t.Helper()
	if !vectors {
		t.Skip("this processor lacks AVX-512 IFMA")
	}
}

// big returns the number in a lane.
func (z *number) big(l int) *big.Int {
	x := new(big.Int)
	for i := len(z) - 1; i >= 0; i-- {
		x.Lsh(x, 52).Add(x, new(big.Int).SetUint64(z[i][l]))
	}
	return x
}

func (z *number) setBig(l int, x *big.Int) {
	mask := new(big.Int).SetUint64(1<<52 - 1)
	for i := range z {
		z[i][l] = new(big.Int).And(new(big.Int).Rsh(x, uint(52*i)), mask).Uint64()
	}
}

// loose sets a lane to a field element, or to that plus the prime if it is so little above it as a coordinate may be.
func (z *number) loose(l int, x *fe, random *rand.Rand) {
	n := bigOf(*x)
	if above := new(big.Int).Add(n, bigP); random.IntN(2) == 0 && above.Cmp(new(big.Int).Lsh(big.NewInt(1), 256)) < 0 {
		n = above
	}
	z.setBig(l, n)
}

func TestVectorsMultiplyAsBigIntegersDo(t *testing.T) {
	t.Parallel()
	needVectors(t)
	shift := new(big.Int).Lsh(big.NewInt(1), 260)
	inverse := new(big.Int).ModInverse(shift, bigP)
	var all []*big.Int
	for i := range int64(4) {
		for _, m := range []*big.Int{shift, new(big.Int).Lsh(big.NewInt(1), 256), bigP, new(big.Int).Lsh(bigP, 1), new(big.Int).Mul(bigP, big.NewInt(3))} {
			all = append(all, new(big.Int).Sub(m, big.NewInt(i+1)))
		}
		all = append(all, big.NewInt(i))
	}
	for _, n := range edges(bigP) {
		all = append(all, bigOf(n))
	}
	random := rand.New(rand.NewPCG(29, 30))
	for range 100 {
		n := bigOf([4]uint64{random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64()})
		all = append(all, n.Lsh(n, 4).Add(n, big.NewInt(int64(random.IntN(16)))))
	}
	for i, a := range all {
		for from := 0; from < len(all); from += lanes {
			var x, y, z number
			for l := range lanes {
				x.setBig(l, all[(i+l*7)%len(all)])
				y.setBig(l, all[(from+l)%len(all)])
			}
			x.setBig(i%lanes, a)
			mulIFMA(&z, &x, &y)
			for l := range lanes {
				product := new(big.Int).Mul(x.big(l), y.big(l))
				most := new(big.Int).Add(new(big.Int).Rsh(product, 260), bigP)
				got := z.big(l)
				if got.Cmp(most) > 0 {
					t.Fatalf("%x · %x in lane %d: got %x, which is above what it may be", x.big(l), y.big(l), l, got)
				}
				if want := modP(product.Mul(product, inverse)); modP(got).Cmp(want) != 0 {
					t.Fatalf("%x · %x in lane %d: got %x, want %x", x.big(l), y.big(l), l, got, want)
				}
			}
		}
	}
}

func TestVectorsGatherAsGoDoes(t *testing.T) {
	t.Parallel()
	needVectors(t)
	random := rand.New(rand.NewPCG(31, 32))
	for round := range 200 {
		points := edgePoints(random, 100, 0)
		rows := 1 + round%maxTerms
		var g group
		var want [maxTerms][lanes]point
		for row := range rows {
			for l := range lanes {
				p := &points[random.IntN(len(points))]
				g.from[row][l], want[row][l] = p, *p
				if random.IntN(2) == 0 && !p.y.isZero() {
					g.negate[row] |= 1 << l
					want[row][l].y.negateIf(^uint64(0))
				}
			}
		}
		gatherIFMA(&g.points[0], &g.from[0], &g.negate[0], rows)
		for row := range rows {
			for l := range lanes {
				x, y := g.points[row].x.big(l), g.points[row].y.big(l)
				if x.Cmp(bigOf(want[row][l].x)) != 0 || y.Cmp(bigOf(want[row][l].y)) != 0 {
					t.Fatalf("row %d of %d, lane %d: got %x, %x, want %x, %x", row, rows, l, x, y, want[row][l].x, want[row][l].y)
				}
			}
		}
		for row := rows; row < maxTerms; row++ {
			if g.points[row] != (points8{}) {
				t.Fatalf("row %d, which is above %d, was written", row, rows)
			}
		}
	}
}

// value is the number that a lane in Montgomery form with 2²⁵⁶ stands for.
func (z *number) value(l int) *big.Int {
	return modP(new(big.Int).Mul(z.big(l), new(big.Int).ModInverse(new(big.Int).Lsh(big.NewInt(1), 256), bigP)))
}

// mostCoordinate is what coordinates stay below: 1.001 times the prime.
var mostCoordinate = new(big.Int).Div(new(big.Int).Mul(bigP, big.NewInt(1001)), big.NewInt(1000))

func TestVectorsAddPairsAsBigIntegersAre(t *testing.T) {
	t.Parallel()
	needVectors(t)
	random := rand.New(rand.NewPCG(33, 34))
	exceptions := 0
	for round := range 150 {
		groups := make([]group, 1+random.IntN(3))
		most := 0
		for i := range groups {
			g := &groups[i]
			for l := range lanes {
				n := random.IntN(maxTerms + 1)
				if round%3 == 0 {
					n = random.IntN(4)
				}
				g.counts[l] = uint64(n)
				most = max(most, n)
				equal := 0
				if round%5 == 0 && random.IntN(20) == 0 {
					equal = 1
				}
				for row, p := range edgePoints(random, maxTerms, equal) { // above the count too
					g.points[row].x.loose(l, &p.x, random)
					g.points[row].y.loose(l, &p.y, random)
				}
			}
		}
		pairs := (most + 1) / 2
		if pairs == 0 {
			continue
		}
		before := append([]group(nil), groups...)
		product := unit
		for i := len(groups) - 1; i >= 0; i-- {
			g := &groups[i]
			multiplyIFMA(&g.ds[0], &product, &g.points[0], pairs, &g.counts)
		}
		exception := false
		for i := range before {
			for l, n := range before[i].counts {
				for at := 0; at+1 < int(n); at += 2 {
					exception = exception || before[i].points[at].x.value(l).Cmp(before[i].points[at+1].x.value(l)) == 0
				}
			}
		}
		if ok := product.invert(); ok == exception {
			t.Fatalf("round %d: equal x coordinates: %v, but got an inverse: %v", round, exception, ok)
		}
		if exception {
			exceptions++
			continue
		}
		for i := range groups {
			g := &groups[i]
			addPairsIFMA(&g.points[0], &product, &g.ds[0], pairs, &g.counts)
			compareSums(t, g, &before[i])
		}
	}
	if exceptions == 0 {
		t.Error("no pair had equal x coordinates")
	}
}

// compareSums holds the sums of a group against its points.
func compareSums(t *testing.T, got, from *group) {
	t.Helper()
	for l, n := range from.counts {
		for at := 0; at < int(n); at += 2 {
			p := &from.points[at]
			want := bigPoint{p.x.value(l), p.y.value(l)}
			if at+1 < int(n) {
				q := &from.points[at+1]
				want = want.plus(bigPoint{q.x.value(l), q.y.value(l)})
			}
			s := &got.points[at/2]
			if sum := (bigPoint{s.x.value(l), s.y.value(l)}); !sum.equal(want) {
				t.Fatalf("lane %d, pair %d of %d points: got %v, want %v", l, at/2, n, sum, want)
			}
			if s.x.big(l).Cmp(mostCoordinate) >= 0 || s.y.big(l).Cmp(mostCoordinate) >= 0 {
				t.Fatalf("lane %d, pair %d of %d points: got %x, %x, which may not be so large", l, at/2, n, s.x.big(l), s.y.big(l))
			}
		}
	}
}

func TestVectorsSumRowsAsBigIntegersAre(t *testing.T) {
	t.Parallel()
	needVectors(t)
	random := rand.New(rand.NewPCG(35, 36))
	exceptions := 0
	for round := range 150 {
		rows := 1 + round%9
		last := uint8(1)<<(1+random.IntN(lanes)) - 1
		var points [9]points8
		for l := range lanes {
			column := edgePoints(random, rows, 0)
			if round%3 == 0 && rows > 1 && random.IntN(4) == 0 {
				var s sum // comes upon the sum of those before
				if at := 1 + random.IntN(rows-1); s.setSum(column[:at]) {
					column[at] = s.affine()
				}
			}
			for row := range column {
				points[row].x.loose(l, &column[row].x, random)
				points[row].y.loose(l, &column[row].y, random)
			}
		}
		var got sums8
		sumRowsIFMA(&got, &points[0], rows, last)
		for l := range lanes {
			want := bigPoint{points[0].x.value(l), points[0].y.value(l)}
			exception := false
			for row := 1; row < rows && !exception; row++ {
				if row == rows-1 && last>>l&1 == 0 {
					break
				}
				next := bigPoint{points[row].x.value(l), points[row].y.value(l)}
				if exception = next.x.Cmp(want.x) == 0; !exception {
					want = want.plus(next)
				}
			}
			s := got.lane(l)
			if s.zz.isZero() != exception {
				t.Fatalf("round %d, lane %d: met an exception %v, but got zz = %x", round, l, exception, s.zz)
			}
			if exception {
				exceptions++
				continue
			}
			if affine := s.affine(); !affine.big().equal(want) {
				t.Fatalf("round %d, lane %d of %d rows: got %v, want %v", round, l, rows, affine.big(), want)
			}
		}
	}
	if exceptions == 0 {
		t.Error("no lane met an exception")
	}
}

func TestLanesKeepWhatIsPutIn(t *testing.T) {
	t.Parallel()
	for _, n := range edges(bigP) {
		for l := range lanes {
			var z number
			x := fe(n)
			z.setLane(l, &x)
			if got := z.lane(l); got != x || z.big(l).Cmp(bigOf(n)) != 0 {
				t.Fatalf("lane %d: got %x, want %x", l, got, x)
			}
			z.setBig(l, new(big.Int).Add(bigOf(n), bigP)) // below twice the prime
			if got := z.lane(l); got != x {
				t.Fatalf("lane %d, with the prime added: got %x, want %x", l, got, x)
			}
		}
	}
}

// TestVectorsComeToAResultUnlessAnExceptionIsMet has batches of all sizes follow each other, so that what one leaves in the lanes
// would be seen by the next.
func TestVectorsComeToAResultUnlessAnExceptionIsMet(t *testing.T) {
	t.Parallel()
	needVectors(t)
	v := NewVerifier(NewTables(MinLimit))
	key := newKnown(t, scalarOf(2100))
	var pool []Job
	for n := range uint64(20) {
		pool = append(pool, key.good(t, smallWindow, n).job, key.bad(t, largeWindow, n).job)
	}
	prepare := func(jobs []Job) {
		v.take(jobs)
		v.invertS()
		v.recode()
	}
	random := rand.New(rand.NewPCG(39, 40))
	for range 200 {
		jobs := make([]Job, 1+random.IntN(Block))
		for i := range jobs {
			jobs[i] = pool[random.IntN(len(pool))]
		}
		prepare(jobs)
		if !v.sumLanes() {
			t.Fatalf("no result for a batch of %d", len(jobs))
		}
		for i := range jobs {
			if _, ok := v.sumInLanes(i); !ok {
				t.Fatalf("no result for %d of %d alone", i, len(jobs))
			}
		}
	}
	met := 0
	for _, rel := range relations(t) {
		jobs := make([]Job, lanes)
		for i := range jobs {
			jobs[i] = rel.trial(t, rel.low).job
		}
		prepare(jobs)
		if _, ok := v.sumInLanes(0); !ok && v.work[0].count >= lanes {
			met++
		} else if strings.Contains(rel.name, "lane") {
			t.Errorf("%s: got a result", rel.name)
		}
		if v.sumLanes() != (rel.level < 0) {
			t.Errorf("%s: as trees, an exception is met at level %d", rel.name, rel.level)
		}
		// What was given up leaves nothing behind.
		if prepare(pool[:3]); !v.sumLanes() {
			t.Errorf("%s: no result for the next batch", rel.name)
		}
	}
	if met < 6 {
		t.Errorf("only %d signatures met an exception in their lanes", met)
	}
}
