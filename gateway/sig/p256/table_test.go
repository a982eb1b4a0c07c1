package p256

import (
	"crypto/sha256"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// coordinates returns a point's coordinates as numbers.
func (p *point) coordinates() (x, y *big.Int) { return bigOf(p.x.number()), bigOf(p.y.number()) }

func TestEntriesAreTheMultiplesThatTheyStandFor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		window uint
		d      *big.Int
		every  int // entry, beside the first and last ones of rows
	}{
		{smallWindow, big.NewInt(1), 1},
		{smallWindow, new(big.Int).Sub(bigN, big.NewInt(1)), 1},
		{smallWindow, scalarOf(9000), 1},
		{largeWindow, scalarOf(9001), 7},
		{largeWindow, big.NewInt(3), 11},
		{generatorWindow, big.NewInt(1), 97},
	} {
		key := newKnown(t, tt.d)
		p := key.key(t, 0).point
		table := generatorTable()
		if tt.window != generatorWindow {
			table = newTable(&p, tt.window)
		}
		each := 1 << (tt.window - 1)
		if got, want := len(table.points), digits(tt.window)*each; got != want || int64(want)*pointBytes != tableBytes(tt.window) {
			t.Fatalf("window %d: %d entries, want %d", tt.window, got, want)
		}
		if err := table.check(&p); err != nil {
			t.Errorf("window %d: %v", tt.window, err)
		}
		every := tt.every * slowness()
		for i := range table.points {
			if at := i % each; i%every != 0 && (at != 0 && at != each-1 || every > 1000) {
				continue
			}
			x, y := multipleOfG(t, times(termValue(term(2*i), tt.window), tt.d))
			if gx, gy := table.points[i].coordinates(); gx.Cmp(x) != 0 || gy.Cmp(y) != 0 {
				t.Fatalf("window %d, entry %d: got %x, %x, want %x, %x", tt.window, i, gx, gy, x, y)
			}
		}
	}
}

func TestAFlippedBitFailsTheCheck(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(19, 20))
	p := newKnown(t, scalarOf(9100)).key(t, 0).point
	for _, window := range []uint{smallWindow, largeWindow} {
		table := newTable(&p, window)
		for range 200 / slowness() {
			i, limb, bit := random.IntN(len(table.points)), random.IntN(4), random.IntN(64)
			for _, of := range []*fe{&table.points[i].x, &table.points[i].y} {
				of[limb] ^= 1 << bit
				if table.check(&p) == nil {
					t.Errorf("window %d, entry %d: nobody noticed bit %d of limb %d", window, i, bit, limb)
				}
				of[limb] ^= 1 << bit
			}
		}
		if err := table.check(&p); err != nil {
			t.Errorf("window %d: %v", window, err)
		}
	}
}

// TestATableOfAnotherPointFailsTheCheck includes the mirror image: all its x coordinates are right.
func TestATableOfAnotherPointFailsTheCheck(t *testing.T) {
	t.Parallel()
	d := scalarOf(9200)
	p := newKnown(t, d).key(t, 0).point
	for _, window := range []uint{smallWindow, largeWindow} {
		for name, other := range map[string]*big.Int{"another": scalarOf(9201), "twice": times(d, big.NewInt(2)), "minus": minus(d)} {
			q := newKnown(t, other).key(t, 0).point
			if newTable(&q, window).check(&p) == nil {
				t.Errorf("window %d: the table of %s point passes", window, name)
			}
		}
	}
}

// TestExchangedEntriesThatTheCheckUsesFailIt exchanges entries of a table and turns the sign of some, which leaves all of them
// on the curve. What shows that is multiples of the point, which need some of the entries.
func TestExchangedEntriesThatTheCheckUsesFailIt(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(21, 22))
	p := newKnown(t, scalarOf(9300)).key(t, 0).point
	for _, window := range []uint{smallWindow, largeWindow} {
		table := newTable(&p, window)
		used := usedByCheck(&p, window)
		t.Logf("window %d: the check uses %d of %d entries", window, len(used), len(table.points))
		for range 60 / slowness() {
			i, j := used[random.IntN(len(used))], random.IntN(len(table.points))
			if slices.Contains(used, j) {
				continue // in one sum the two may take each other's place
			}
			table.points[i], table.points[j] = table.points[j], table.points[i]
			if table.check(&p) == nil {
				t.Errorf("window %d: nobody noticed that %d and %d were exchanged", window, i, j)
			}
			table.points[i], table.points[j] = table.points[j], table.points[i]
			table.points[i].y.negateIf(^uint64(0))
			if table.check(&p) == nil {
				t.Errorf("window %d: nobody noticed the sign of %d", window, i)
			}
			table.points[i].y.negateIf(^uint64(0))
		}
	}
}

// usedByCheck returns the entries that the four multiples need that table.check takes.
func usedByCheck(p *point, window uint) []int {
	x, y := p.x.number(), p.y.number()
	encoded := appendNumber(appendNumber([]byte{4}, &x), &y)
	var used []int
	for i := range 4 {
		hash := sha256.Sum256(append(encoded, byte(i)))
		var k scalar
		k.setReduced(fromBytes(hash[:]))
		var terms [maxTerms]term
		for _, n := range terms[:recode(terms[:], k, window)] {
			if at := int(n >> 1); !slices.Contains(used, at) {
				used = append(used, at)
			}
		}
	}
	return used
}

func BenchmarkBuildSmall(b *testing.B) { benchmarkBuild(b, smallWindow) }
func BenchmarkBuildLarge(b *testing.B) { benchmarkBuild(b, largeWindow) }
func BenchmarkCheckSmall(b *testing.B) { benchmarkCheck(b, smallWindow) }
func BenchmarkCheckLarge(b *testing.B) { benchmarkCheck(b, largeWindow) }

func benchmarkBuild(b *testing.B, window uint) {
	b.ReportAllocs()
	for b.Loop() {
		newTable(&generator, window)
	}
}

func benchmarkCheck(b *testing.B, window uint) {
	table := newTable(&generator, window)
	b.ReportAllocs()
	for b.Loop() {
		if err := table.check(&generator); err != nil {
			b.Fatal(err)
		}
	}
}
