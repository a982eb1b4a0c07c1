package p256

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

// scalars are numbers below n at which digits and carries are special for some window, and random ones.
func scalars(random int) []*big.Int {
	var all []*big.Int
	add := func(x *big.Int) { all = append(all, modN(x)) }
	for _, n := range edges(bigN) {
		add(bigOf(n))
	}
	for i := range int64(7) { // where a number and its negative change places
		add(new(big.Int).Add(bigOf(halfOrder), big.NewInt(i-3)))
	}
	for _, window := range []uint{smallWindow, largeWindow, generatorWindow} {
		half := int64(1) << (window - 1)
		for _, d := range []int64{1, half - 1, half, half + 1, 2*half - 1} { // each digit alone, all below it, all above it
			row := new(big.Int)
			for i := range digits(window) {
				digit := new(big.Int).Lsh(big.NewInt(d), window*uint(i))
				add(new(big.Int).Set(digit))
				add(new(big.Int).Neg(digit))
				row.Add(row, digit)
				add(new(big.Int).Set(row))
			}
		}
	}
	r := rand.New(rand.NewPCG(15, 16))
	for range random {
		add(bigOf([4]uint64{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()}))
	}
	return all
}

func TestDigitsAddUpToTheScalar(t *testing.T) {
	t.Parallel()
	for _, window := range []uint{smallWindow, largeWindow, generatorWindow} {
		each := 1 << (window - 1)
		highest := 0
		for _, k := range scalars(3000) {
			terms := make([]term, digits(window))
			count := recode(terms, scalar(numberOf(k)), window)
			if count < 0 || count > len(terms) {
				t.Fatalf("window %d: %x: %d digits, want at most %d", window, k, count, len(terms))
			}
			total, row := new(big.Int), -1
			for _, n := range terms[:count] {
				index := int(n >> 1)
				if index >= len(terms)*each {
					t.Fatalf("window %d: %x: a term names entry %d of %d", window, k, index, len(terms)*each)
				}
				if index/each <= row {
					t.Fatalf("window %d: %x: a digit for row %d after one for row %d", window, k, index/each, row)
				}
				row = index / each
				total.Add(total, termValue(n, window))
			}
			highest = max(highest, row)
			if new(big.Int).Sub(total, k).Sign() != 0 && new(big.Int).Sub(k, total).Cmp(bigN) != 0 {
				t.Fatalf("window %d: %x: the digits add up to %x", window, k, total)
			}
		}
		// Window 5 has a row for a carry only.
		if want := 254 / int(window); highest < want {
			t.Errorf("window %d: no digit above row %d, want one in row %d", window, highest, want)
		}
	}
}

func TestGatherNegatesWhatItIsToldTo(t *testing.T) {
	t.Parallel()
	table := newTable(&generator, smallWindow)
	random := rand.New(rand.NewPCG(17, 18))
	terms := make([]term, maxTerms)
	for i := range terms {
		terms[i] = term(random.IntN(2 * len(table.points)))
	}
	points := make([]point, maxTerms)
	table.gather(points, terms)
	for i, n := range terms {
		from, got := &table.points[n>>1], &points[i]
		if got.x != from.x {
			t.Fatalf("term %d: got another x than entry %d", n, n>>1)
		}
		y, want := got.y.number(), from.y.number()
		if n&1 != 0 {
			want = numberOf(new(big.Int).Sub(bigP, bigOf(want)))
		}
		if y != want {
			t.Fatalf("term %d: got y = %x, want %x", n, y, want)
		}
	}
}
