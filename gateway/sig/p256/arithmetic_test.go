package p256

import (
	"math/big"
	"testing"
)

// FuzzArithmetic holds everything that computes with two numbers against math/big.
func FuzzArithmetic(f *testing.F) {
	numbers := edges(bigP)
	for i := range numbers {
		f.Add(appendNumber(appendNumber(nil, &numbers[i]), &numbers[(i*7+3)%len(numbers)]))
	}
	inverse := func(m *big.Int) *big.Int { return new(big.Int).ModInverse(new(big.Int).Lsh(big.NewInt(1), 256), m) }
	inP, inN := inverse(bigP), inverse(bigN)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 64 {
			return
		}
		a, c := fromBytes(b), fromBytes(b[32:])
		fuzzField(t, new(big.Int).Mod(bigOf(a), bigP), new(big.Int).Mod(bigOf(c), bigP), inP)
		fuzzScalars(t, new(big.Int).Mod(bigOf(a), bigN), new(big.Int).Mod(bigOf(c), bigN), inN)
		checkInverses(t, new(big.Int).Lsh(big.NewInt(1), 256), a)
	})
}

func fuzzField(t *testing.T, a, b, inverse *big.Int) {
	t.Helper()
	x, y := fe(numberOf(a)), fe(numberOf(b))
	check := func(name string, got fe, want *big.Int) {
		t.Helper()
		if bigOf(got).Cmp(modP(want)) != 0 {
			t.Fatalf("%s of %x and %x: got %x, want %x", name, a, b, got, numberOf(want))
		}
	}
	product := modP(new(big.Int).Mul(new(big.Int).Mul(a, b), inverse))
	var z fe
	z.add(&x, &y)
	check("sum", z, new(big.Int).Add(a, b))
	z.sub(&x, &y)
	check("difference", z, new(big.Int).Sub(a, b))
	z.mul(&x, &y)
	check("product", z, product)
	z.sqr(&x)
	check("square", z, new(big.Int).Mul(new(big.Int).Mul(a, a), inverse))
	for name, got := range otherProducts(&x, &y) {
		if got.Cmp(product) != 0 {
			t.Fatalf("%s: product of %x and %x: got %x, want %x", name, a, b, got, product)
		}
	}
}

func fuzzScalars(t *testing.T, a, b, inverse *big.Int) {
	t.Helper()
	x, y := scalar(numberOf(a)), scalar(numberOf(b))
	var z scalar
	z.mul(&x, &y)
	if want := modN(new(big.Int).Mul(new(big.Int).Mul(a, b), inverse)); bigOf(z).Cmp(want) != 0 {
		t.Fatalf("product of %x and %x: got %x, want %x", a, b, z, numberOf(want))
	}
	for _, window := range []uint{smallWindow, largeWindow, generatorWindow} {
		var terms [maxTerms]term
		total := new(big.Int)
		for _, n := range terms[:recode(terms[:], x, window)] {
			total.Add(total, termValue(n, window))
		}
		if modN(total).Cmp(a) != 0 {
			t.Fatalf("window %d: the digits of %x add up to %x", window, a, total)
		}
	}
}
