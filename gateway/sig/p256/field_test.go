package p256

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

func bigOf(n [4]uint64) *big.Int { return new(big.Int).SetBytes(appendNumber(nil, &n)) }

func numberOf(x *big.Int) [4]uint64 { return fromBytes(x.FillBytes(make([]byte, 32))) }

var bigP, bigN = bigOf(prime), bigOf(order)

// edges are numbers below m at which carries happen, and many random ones.
func edges(m *big.Int) [][4]uint64 {
	var all [][4]uint64
	add := func(x *big.Int) { all = append(all, numberOf(x.Mod(x, m))) }
	for i := range int64(4) {
		add(big.NewInt(i))
		add(new(big.Int).Sub(m, big.NewInt(i+1)))
		for _, shift := range []uint{32, 64, 96, 128, 192, 224, 255} {
			x := new(big.Int).Lsh(big.NewInt(1), shift)
			add(x.Add(x, big.NewInt(i-2)))
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	word := func() uint64 {
		switch r.IntN(4) {
		case 0:
			return 0
		case 1:
			return ^uint64(0)
		}
		return r.Uint64()
	}
	for range 60 {
		n := [4]uint64{word(), word(), word(), word()}
		add(bigOf(n))
	}
	return all
}

func TestFieldArithmeticIsThatOfBigIntegers(t *testing.T) {
	t.Parallel()
	inR := new(big.Int).ModInverse(new(big.Int).Lsh(big.NewInt(1), 256), bigP)
	all := edges(bigP)
	for _, a := range all {
		for _, b := range all {
			x, y := fe(a), fe(b)
			check := func(name string, got fe, want *big.Int) {
				t.Helper()
				if want.Mod(want, bigP); bigOf(got).Cmp(want) != 0 {
					t.Fatalf("%s of %x and %x: got %x, want %x", name, a, b, got, numberOf(want))
				}
			}
			A, B := bigOf(a), bigOf(b)
			product := new(big.Int).Mul(A, B)
			product.Mul(product, inR)
			var z fe
			z.add(&x, &y)
			check("sum", z, new(big.Int).Add(A, B))
			z.sub(&x, &y)
			check("difference", z, new(big.Int).Sub(A, B))
			z.mul(&x, &y)
			check("product", z, product)
		}
		x := fe(a)
		A := bigOf(a)
		square := new(big.Int).Mul(A, A)
		square.Mul(square, inR).Mod(square, bigP)
		var z fe
		z.sqr(&x)
		if bigOf(z).Cmp(square) != 0 {
			t.Fatalf("square of %x: got %x", a, z)
		}
		z.setNumber(&a)
		if z.number() != a {
			t.Fatalf("%x comes back from Montgomery form as %x", a, z.number())
		}
		if a != ([4]uint64{}) {
			z = x
			z.negateIf(^uint64(0))
			if z.add(&z, &x); !z.isZero() {
				t.Fatalf("%x and its negative make %x", a, z)
			}
			z = x
			if z.negateIf(0); z != x {
				t.Fatalf("%x changed to %x", a, z)
			}
		}
	}
}

func BenchmarkMul(b *testing.B) {
	x, y := rSquare, one
	for b.Loop() {
		x.mul(&x, &y)
	}
}

func BenchmarkSqr(b *testing.B) {
	x := rSquare
	for b.Loop() {
		x.sqr(&x)
	}
}
