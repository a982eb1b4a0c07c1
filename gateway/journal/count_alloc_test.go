//go:build !race

package journal

import (
	"strconv"
	"testing"
)

// TestLaneCountAllocatesNothing: it is read every second for each page that is open.
func TestLaneCountAllocatesNothing(t *testing.T) {
	j := mustOpen(t, t.TempDir(), testOptions())
	for n := range 20 {
		mustCommit(t, j, in("n", "zone-"+strconv.Itoa(n), n))
	}
	var got Count
	if n := testing.AllocsPerRun(100, func() { got = j.LaneCount("n") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if got.Passed != 20 {
		t.Errorf("%+v, want 20 passed", got)
	}
}

// BenchmarkLaneCount reads one lane's total among as many counters as there can be.
func BenchmarkLaneCount(b *testing.B) {
	j := mustOpen(b, b.TempDir(), testOptions())
	for n := 0; n < MaxCounters; n += 64 {
		batch := make([]Pending, 64)
		for i := range batch {
			batch[i] = in("lane-"+strconv.Itoa(i), "zone-"+strconv.Itoa(n), n+i)
		}
		mustCommit(b, j, batch...)
	}
	b.ReportAllocs()
	for b.Loop() {
		if j.LaneCount("lane-7").Passed != MaxCounters/64 {
			b.Fatal("wrong total")
		}
	}
}
