package journal

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

// BenchmarkCommit measures Commit with everything on disk, for one verdict and for a batch.
func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			j := mustOpen(b, b.TempDir(), testOptions())
			batch := make([]Pending, size)
			n := 0
			var took []time.Duration
			b.ReportAllocs()
			for b.Loop() {
				for i := range batch {
					batch[i] = ticket("north", n)
					n++
				}
				start := time.Now()
				mustCommit(b, j, batch...)
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}

// BenchmarkOpen measures a start over a journal of 100,000 used tickets: after an orderly end, and after a crash that came
// before the whole was checked.
func BenchmarkOpen(b *testing.B) {
	const entries = 100_000
	dir := b.TempDir()
	j := mustOpen(b, dir, testOptions())
	for n := 0; n < entries; n += MaxBatch {
		batch := make([]Pending, MaxBatch)
		for i := range batch {
			batch[i] = ticket("north", n+i)
		}
		mustCommit(b, j, batch...)
	}
	mustClose(b, j)
	b.Logf("%d entries and uses take up %d MB", entries, diskUse(b, filepath.Join(dir, currentName))>>20)
	for _, whole := range []bool{false, true} {
		b.Run(fmt.Sprintf("whole=%v", whole), func(b *testing.B) {
			for b.Loop() {
				s, err := openStarts(filepath.Join(dir, startsName))
				if err != nil {
					b.Fatal(err)
				}
				s.unclean = whole
				if err := s.write(); err != nil {
					b.Fatal(err)
				}
				_ = s.f.Close()
				j, err := Open(dir, testOptions())
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				start := time.Now()
				if err := j.CheckOlder(context.Background()); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(time.Since(start).Milliseconds()), "check-ms")
				mustClose(b, j)
				b.StartTimer()
			}
		})
	}
}

// BenchmarkLedgerMemory measures what a remembered use takes up in memory.
func BenchmarkLedgerMemory(b *testing.B) {
	for _, n := range []int{100_000, DefaultMaxUses} {
		b.Run(fmt.Sprintf("uses=%d", n), func(b *testing.B) {
			for b.Loop() {
				before := liveHeap()
				l := newLedger()
				l.setKey(make([]byte, 32))
				for i := range n {
					l.set(l.keyOf(useID(i), "stand-a"), useRecord{entry: uint64(i), until: forever, lane: "north"})
				}
				b.ReportMetric(float64(liveHeap()-before)/float64(n), "bytes/use")
				runtime.KeepAlive(l.uses)
			}
		})
	}
}

func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
