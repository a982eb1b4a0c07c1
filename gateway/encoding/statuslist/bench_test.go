package statuslist

import (
	"math/rand/v2"
	"testing"
)

func BenchmarkAt(b *testing.B) {
	list, err := New(2, 1<<20)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	index := uint64(1)
	for b.Loop() {
		list.At(index & (1<<20 - 1))
		index = index*6364136223846793005 + 1442695040888963407
	}
}

// A million credentials, two in a hundred revoked.
func BenchmarkDecompressMillion(b *testing.B) {
	list, err := New(1, 1_000_000)
	if err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		if err := list.Set(random.Uint64N(1_000_000), Invalid); err != nil {
			b.Fatal(err)
		}
	}
	lst, err := list.Compress()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Decompress(1, lst); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(lst)), "B/list")
}
