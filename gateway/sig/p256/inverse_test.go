package p256

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

func TestInversesAreThoseOfBigIntegers(t *testing.T) {
	t.Parallel()
	r := new(big.Int).Lsh(big.NewInt(1), 256)
	random := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		n := [4]uint64{random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64()}
		for i := 3; i >= 0 && random.IntN(3) == 0; i-- { // short ones too
			n[i] = 0
		}
		checkInverses(t, r, n)
	}
	for _, m := range []*big.Int{bigP, bigN} {
		for _, n := range edges(m) {
			checkInverses(t, r, n)
		}
	}
}

func checkInverses(t *testing.T, r *big.Int, n [4]uint64) {
	t.Helper()
	x := new(big.Int).Mod(bigOf(n), bigP)
	if x.Sign() != 0 {
		var z fe
		in := fe(numberOf(x))
		z.invert(&in)
		// In Montgomery form: x/2²⁵⁶ has the inverse 2²⁵⁶/x, which is 2⁵¹²/x in that form.
		want := new(big.Int).ModInverse(x, bigP)
		want.Mul(want, r).Mul(want, r).Mod(want, bigP)
		if bigOf(z).Cmp(want) != 0 {
			t.Fatalf("field: 1/%x: got %x, want %x", in, z, numberOf(want))
		}
	}
	x = new(big.Int).Mod(bigOf(n), bigN)
	if x.Sign() != 0 {
		var z scalar
		in := scalar(numberOf(x))
		z.invert(&in)
		want := new(big.Int).ModInverse(x, bigN)
		want.Mul(want, r).Mod(want, bigN)
		if bigOf(z).Cmp(want) != 0 {
			t.Fatalf("order: 1/%x: got %x, want %x", in, z, numberOf(want))
		}
	}
}

func TestScalarProductsAreThoseOfBigIntegers(t *testing.T) {
	t.Parallel()
	inR := new(big.Int).ModInverse(new(big.Int).Lsh(big.NewInt(1), 256), bigN)
	all := edges(bigN)
	for _, a := range all {
		for _, b := range all {
			x, y := scalar(a), scalar(b)
			want := new(big.Int).Mul(bigOf(a), bigOf(b))
			want.Mul(want, inR).Mod(want, bigN)
			var z scalar
			if z.mul(&x, &y); bigOf(z).Cmp(want) != 0 {
				t.Fatalf("%x · %x: got %x, want %x", a, b, z, numberOf(want))
			}
		}
		x := scalar(a)
		if x.isZero() {
			continue
		}
		x.negate()
		if sum := new(big.Int).Add(bigOf(x), bigOf(a)); sum.Cmp(bigN) != 0 {
			t.Fatalf("-%x: got %x", a, x)
		}
	}
	for _, a := range append(edges(bigN), edges(new(big.Int).Lsh(big.NewInt(1), 256))...) {
		var z scalar
		if z.setReduced(a); bigOf(z).Cmp(new(big.Int).Mod(bigOf(a), bigN)) != 0 {
			t.Fatalf("%x mod n: got %x", a, z)
		}
	}
}

func BenchmarkInvert(b *testing.B) {
	x := rSquare
	for b.Loop() {
		x.invert(&x)
	}
}

func BenchmarkScalarMul(b *testing.B) {
	x := scalar(halfOrder)
	y := x
	for b.Loop() {
		x.mul(&x, &y)
	}
}
