//go:build !p256generic

package p256

import (
	"math/rand/v2"
	"testing"
)

func needAssembly(t testing.TB) {
	t.Helper()
	if !assembly {
		t.Skip("this processor lacks ADX or BMI2")
	}
}

func TestAssemblyMultipliesAsGoDoes(t *testing.T) {
	t.Parallel()
	needAssembly(t)
	all := edges(bigP)
	// Not reduced, which no fe is. Above 2²⁵⁶ - 2¹⁹² the assembly would lose a carry.
	all = append(all, prime, [4]uint64{0, p1 + 1, p2, p3}, [4]uint64{0, 0, 0, ^uint64(0)}, [4]uint64{1, 2, 3, p3 + 7})
	random := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		all = append(all, [4]uint64{random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64()})
	}
	for _, a := range all {
		for _, b := range all {
			x, y := fe(a), fe(b)
			var got, want fe
			mulADX(&got, &x, &y)
			want.mul(&x, &y)
			if got != want {
				t.Fatalf("%x · %x: got %x, want %x", a, b, got, want)
			}
		}
	}
}

func BenchmarkMulADX(b *testing.B) {
	needAssembly(b)
	x, y := rSquare, one
	for b.Loop() {
		mulADX(&x, &x, &y)
	}
}
