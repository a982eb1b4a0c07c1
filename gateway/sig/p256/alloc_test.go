//go:build !race

package p256

import (
	"math/big"
	"testing"
)

// TestVerifyDoesNotAllocate is not parallel: allocations are counted for the whole process.
func TestVerifyDoesNotAllocate(t *testing.T) {
	key, twin := newKnown(t, scalarOf(9900)), newKnown(t, big.NewInt(1))
	e, r, s := twin.made(t, big.NewInt(1), big.NewInt(1)) // G + G, in whatever order
	odd := twin.trial(t, largeWindow, numberBytes(e), joined(r, s))
	good := key.good(t, largeWindow, 1)
	malformed := good
	malformed.job.Signature = good.job.Signature[:63]
	malformed.valid = false
	zero := key.trial(t, largeWindow, good.job.Digest, joined(new(big.Int), new(big.Int)))
	asking, err := NewKey(key.public)
	if err != nil {
		t.Fatal(err)
	}
	asks := trial{job: good.job, must: true}
	asks.job.Key = asking
	kinds := []struct {
		name   string
		trial  trial
		result Result
	}{
		{"accepted", good, Accepted},
		{"accepted with a small table", key.good(t, smallWindow, 1), Accepted},
		{"refused", key.bad(t, largeWindow, 2), Refused},
		{"malformed", malformed, Refused},
		{"r and s 0", zero, Refused},
		{"undetermined for an exception", odd, Undetermined},
		{"undetermined without a table", key.good(t, 0, 3), Undetermined},
		{"undetermined while the key asks for a table", asks, Undetermined},
		{"no key", trial{must: true}, Undetermined},
	}
	for name, v := range verifiers() {
		for _, size := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, Block, Block + 1, 2*Block + 2} {
			mixed := make([]Job, size)
			for i := range mixed {
				mixed[i] = kinds[i%len(kinds)].trial.job
			}
			if n := testing.AllocsPerRun(5, func() { v.Verify(mixed) }); n != 0 {
				t.Errorf("%s: all kinds, a batch of %d: %v allocations", name, size, n)
			}
			for _, kind := range kinds {
				jobs := make([]Job, size)
				for i := range jobs {
					jobs[i] = kind.trial.job
				}
				if n := testing.AllocsPerRun(5, func() { v.Verify(jobs) }); n != 0 {
					t.Errorf("%s: %s, a batch of %d: %v allocations", name, kind.name, size, n)
				}
				for i := range jobs {
					if jobs[i].Result != kind.result {
						t.Fatalf("%s: %s, %d of %d: got %v, want %v", name, kind.name, i, size, jobs[i].Result, kind.result)
					}
				}
			}
		}
	}
	none := NewVerifier(nil)
	jobs := []Job{good.job, malformed.job}
	if n := testing.AllocsPerRun(5, func() { none.Verify(jobs) }); n != 0 {
		t.Errorf("without tables: %v allocations", n)
	}
}
