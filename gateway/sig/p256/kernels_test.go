package p256

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
)

// bigPoint is a pair of coordinates. The formulas for additions ask no more of it: no curve.
type bigPoint struct{ x, y *big.Int }

func (p *point) big() bigPoint {
	x, y := p.coordinates()
	return bigPoint{x, y}
}

func (p bigPoint) String() string { return fmt.Sprintf("%x, %x", p.x, p.y) }

func modP(x *big.Int) *big.Int { return x.Mod(x, bigP) }

// plus returns p + q, whose x coordinates differ.
func (p bigPoint) plus(q bigPoint) bigPoint {
	slope := modP(new(big.Int).Sub(q.x, p.x))
	slope.ModInverse(slope, bigP)
	slope.Mul(slope, new(big.Int).Sub(q.y, p.y)).Mod(slope, bigP)
	x := new(big.Int).Mul(slope, slope)
	modP(x.Sub(x, p.x).Sub(x, q.x))
	y := new(big.Int).Sub(p.x, x)
	modP(y.Mul(y, slope).Sub(y, p.y))
	return bigPoint{x, y}
}

func (p bigPoint) equal(q bigPoint) bool { return p.x.Cmp(q.x) == 0 && p.y.Cmp(q.y) == 0 }

// edgePoints returns n points, of coordinates where carries happen and of random ones; some neighbours have equal x.
func edgePoints(random *rand.Rand, n, equal int) []point {
	numbers := edges(bigP)
	points := make([]point, n)
	for i := range points {
		for _, z := range []*fe{&points[i].x, &points[i].y} {
			if *z = fe(numbers[random.IntN(len(numbers))]); random.IntN(3) == 0 {
				x := new(big.Int).SetBytes(appendNumber(nil, &[4]uint64{random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64()}))
				*z = fe(numberOf(modP(x)))
			}
		}
	}
	for range equal {
		if i := random.IntN(n); i+1 < n {
			points[i].x = points[i+1].x
		}
	}
	return points
}

func TestPairsAreAddedAsBigIntegersAre(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(23, 24))
	equals := 0
	for round := range 400 / slowness() {
		points := edgePoints(random, 2*(1+random.IntN(maxTerms/2)), round%3)
		pairs := len(points) / 2
		start := edgePoints(random, 1, 0)[0].x
		if start.isZero() {
			start = one
		}
		ds, generic := make([]denominator, pairs), make([]denominator, pairs)
		product, genericProduct := start, start
		ok, genericOK := multiply(ds, &product, points), multiplyGeneric(generic, &genericProduct, points)

		equal := make(map[int]bool)
		want := bigOf(start.number())
		for i := range pairs {
			p, q := points[2*i].big(), points[2*i+1].big()
			if p.x.Cmp(q.x) == 0 {
				equal[i] = true
				continue
			}
			modP(want.Mul(want, new(big.Int).Sub(q.x, p.x)))
		}
		equals += len(equal)
		if ok != (len(equal) == 0) || genericOK != ok {
			t.Fatalf("%d of %d pairs have equal x coordinates: got %v, and in Go alone %v", len(equal), pairs, ok, genericOK)
		}
		if product != genericProduct || fmt.Sprint(ds) != fmt.Sprint(generic) {
			t.Fatalf("the denominators of %d pairs differ from those of Go alone", pairs)
		}
		if got := bigOf(product.number()); got.Cmp(want) != 0 {
			t.Fatalf("the product of %d pairs: got %x, want %x", pairs, got, want)
		}
		checkPairs(t, points, product, start, ds, equal)
	}
	if equals == 0 {
		t.Error("no pair had equal x coordinates")
	}
}

// checkPairs adds the pairs up, with the inverse of the product, and looks at all that are no exceptions.
func checkPairs(t *testing.T, points []point, product, start fe, ds []denominator, equal map[int]bool) {
	t.Helper()
	pairs := len(ds)
	var inverse, first fe
	inverse.invert(&product)
	first.invert(&start)
	genericInverse := inverse
	got, generic := append([]point(nil), points...), append([]point(nil), points...)
	addPairs(got, &inverse, ds)
	addPairsGeneric(generic, &genericInverse, ds)
	if inverse != first || genericInverse != first {
		t.Fatalf("the inverse is left as %x, in Go alone as %x, want %x", inverse, genericInverse, first)
	}
	for i := range pairs {
		if got[i] != generic[i] {
			t.Fatalf("sum %d of %d differs from that of Go alone", i, pairs)
		}
		if equal[i] {
			continue
		}
		if want := points[2*i].big().plus(points[2*i+1].big()); !got[i].big().equal(want) {
			t.Fatalf("sum %d of %d: got %v, want %v", i, pairs, got[i].big(), want)
		}
	}
}

func TestSumsAreThoseOfBigIntegers(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(25, 26))
	exceptions := 0
	for round := range 300 / slowness() {
		points := edgePoints(random, 1+random.IntN(maxTerms), 0)
		if at := random.IntN(len(points)); round%4 == 0 && at > 0 { // meets the sum of those before
			var s sum
			if s.setSum(points[:at]) && !s.zz.isZero() {
				points[at] = s.affine()
				if round%8 == 0 {
					points[at].y.sub(&fe{}, &points[at].y)
				}
			}
		}
		// The sum up to the first exception.
		want, upTo := points[0].big(), 1
		for upTo < len(points) && want.x.Cmp(points[upTo].big().x) != 0 {
			want = want.plus(points[upTo].big())
			upTo++
		}
		var got, generic sum
		got.set(&points[0])
		generic.set(&points[0])
		ok, genericOK := got.addEach(points[1:]), generic.addEachGeneric(points[1:])
		if got != generic || ok != genericOK {
			t.Fatalf("the sum of %d points differs from that of Go alone", len(points))
		}
		if ok != (upTo == len(points)) {
			t.Fatalf("%d points, an exception at %d: got %v", len(points), upTo, ok)
		}
		exceptions += int(oneIf(!ok))
		affine := got.affine()
		if !affine.big().equal(want) {
			t.Fatalf("the sum of %d of %d points: got %v, want %v", upTo, len(points), affine.big(), want)
		}
	}
	if exceptions == 0 {
		t.Error("no sum met an exception")
	}
}

func TestSumsAreAddedAsBigIntegersAre(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(27, 28))
	for round := range 300 / slowness() {
		var parts [2]sum
		var wants [2]bigPoint
		for i := range parts {
			for {
				points := edgePoints(random, 1+random.IntN(4), 0)
				if parts[i].setSum(points) {
					break
				}
			}
			affine := parts[i].affine()
			wants[i] = affine.big()
		}
		if round%5 == 0 { // the same point, in other coordinates, or its opposite
			affine := parts[0].affine()
			if round%10 == 0 {
				affine.y.sub(&fe{}, &affine.y)
			}
			parts[1].set(&affine)
			wants[1] = affine.big()
		}
		exception := wants[0].x.Cmp(wants[1].x) == 0
		got, generic := parts[0], parts[0]
		ok, genericOK := addSums(&got, &parts[1]), generic.addSumGeneric(&parts[1])
		if got != generic || ok != genericOK || ok == exception {
			t.Fatalf("round %d, equal x %v: got %v, Go alone %v; the sums are equal: %v", round, exception, ok, genericOK, got == generic)
		}
		want := wants[0]
		if !exception {
			want = want.plus(wants[1])
		}
		if affine := got.affine(); !affine.big().equal(want) {
			t.Fatalf("round %d: got %v, want %v", round, affine.big(), want)
		}
	}
}

func TestDoublingIsThatOfTheStandardLibrary(t *testing.T) {
	t.Parallel()
	for n := range uint64(20) {
		d := scalarOf(9400 + n)
		p := newKnown(t, d).key(t, 0).point
		var s sum
		s.set(&p)
		for i := range uint(40) {
			s.double()
			x, y := multipleOfG(t, times(d, new(big.Int).Lsh(big.NewInt(1), i+1)))
			if got, want := s.affine(), (bigPoint{x, y}); !got.big().equal(want) {
				t.Fatalf("doubled %d times: got %v, want %v", i+1, got.big(), want)
			}
		}
	}
}

func TestOnCurveIsTheCurvesEquation(t *testing.T) {
	t.Parallel()
	p := newKnown(t, scalarOf(9500)).key(t, 0).point
	for _, tt := range []struct {
		name string
		p    point
		want bool
	}{
		{"a key", p, true},
		{"the generator", generator, true},
		{"other y", point{p.x, generator.y}, false},
		{"other x", point{generator.x, p.y}, false},
		{"zero", point{}, false},
		{"one", point{one, one}, false},
	} {
		if got := tt.p.onCurve(); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
		tt.p.y.sub(&fe{}, &tt.p.y)
		if got := tt.p.onCurve(); got != tt.want {
			t.Errorf("minus %s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}
