package measure

import (
	"runtime"
	"time"
)

// Side is one of those that are compared. Pass does the whole work once: Count payloads.
type Side struct {
	Name  string
	Count int
	Pass  func()
}

// Samples are what one side took: one value a round.
type Samples struct {
	NS     []float64 // CPU time a payload, in nanoseconds
	Allocs []float64 // allocations a payload
}

// Plan says how long a comparison lasts.
type Plan struct {
	Budget time.Duration // wall time; no round begins after it
	Least  int           // rounds that are done all the same
	Turn   time.Duration // CPU time of one turn at least; a turn has as many passes as it takes
}

// Compare runs the sides in turns and returns their samples in the order of the sides. Each side does one pass beforehand,
// which is not counted. The caller must have called Pin.
func (p Plan) Compare(sides ...Side) []Samples {
	passes := make([]int, len(sides))
	for i, s := range sides {
		begun := threadTime()
		s.Pass()
		passes[i] = passesFor(p.Turn, time.Duration(threadTime()-begun))
	}
	samples := make([]Samples, len(sides))
	begun := time.Now()
	for round := 0; round < p.Least || time.Since(begun) < p.Budget; round++ {
		for i, s := range sides {
			ns, allocs := turn(s, passes[i])
			samples[i].NS = append(samples[i].NS, ns)
			samples[i].Allocs = append(samples[i].Allocs, allocs)
		}
	}
	return samples
}

// passesFor returns how many passes fill a turn.
func passesFor(turn, pass time.Duration) int {
	if pass <= 0 {
		pass = 1
	}
	return max(1, int((turn+pass-1)/pass))
}

func turn(s Side, passes int) (ns, allocs float64) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := threadTime()
	for range passes {
		s.Pass()
	}
	took := threadTime() - begun
	runtime.ReadMemStats(&after)
	payloads := float64(passes * s.Count)
	return float64(took) / payloads, float64(after.Mallocs-before.Mallocs) / payloads
}

// Settle runs pass at least so often, and after each what is done off the path, until pass gets no faster: what is built for those
// who come often is there then.
func Settle(least int, pass, aside func()) {
	const (
		longest = 100
		still   = 4 // passes in which nothing changes
	)
	best, since := int64(1<<62), 0
	for n := 0; n < least || n < longest && since < still; n++ {
		begun := threadTime()
		pass()
		took := threadTime() - begun
		aside()
		if since++; took < best-best/50 {
			best, since = took, 0
		}
	}
}
