package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"passerelle/benchmarks/measure"
	"passerelle/benchmarks/ours"
	"passerelle/benchmarks/workload"
	"passerelle/gateway/policy"
)

const (
	batch     = 64
	microsecs = "µs of CPU time a payload"
)

// plan of all that is computed.
var plan = measure.Plan{Least: 7, Turn: 10 * time.Millisecond}

// field is what the series are made of.
type field struct {
	templates []*workload.Template
	signers   []*workload.Key // as many as the largest list has
}

// Sizes of the lists.
var listSizes = []int{10, 30, 100, 300, 1000, 3000, 10_000}

func newField() (*field, error) {
	corpora, err := workload.Corpora()
	if err != nil {
		return nil, err
	}
	templates, _, err := workload.Templates(corpora)
	if err != nil {
		return nil, err
	}
	keys, err := workload.NewKeys(slices.Max(listSizes))
	if err != nil {
		return nil, err
	}
	return &field{templates: templates, signers: keys}, nil
}

// side verifies a set, so many scans a call, after checking that all of it is admitted.
func side(p *ours.Path, set *workload.Set, size int) (measure.Side, error) {
	pass := func() {
		for scans := range slices.Chunk(set.Scans, size) {
			p.Verify(scans, set.List, set.Now)
		}
	}
	measure.Settle(0, pass, p.Settle)
	for scans := range slices.Chunk(set.Scans, size) {
		for _, c := range p.Verify(scans, set.List, set.Now) {
			if c.Outcome() != policy.Admit {
				return measure.Side{}, fmt.Errorf("a payload was refused: %v", c.Reason())
			}
		}
	}
	if err := p.Check(); err != nil {
		return measure.Side{}, err
	}
	return measure.Side{Count: len(set.Scans), Pass: pass}, nil
}

// batches: the same 4,096 payloads by ten keys, given in calls of 1 to 4,096.
func (f *field) batches() (series, error) {
	const most = 4096
	s := series{name: "batch", x: "payloads a call", y: microsecs}
	set, err := workload.NewSet(f.templates, f.signers[:10], most)
	if err != nil {
		return s, err
	}
	p := ours.New()
	var sides []measure.Side
	for n := 1; n <= most; n *= 2 {
		one, err := side(p, set, n)
		if err != nil {
			return s, err
		}
		sides = append(sides, one)
		s.points = append(s.points, point{x: float64(n)})
	}
	for i, got := range plan.Compare(sides...) {
		s.points[i].y = measure.Median(got.NS) / 1000
		s.points[i].note = fmt.Sprintf("%.1f allocations", measure.Median(got.Allocs))
	}
	return s, nil
}

// Lists of at most wellKnown keys have each key used so often before, so that the busiest have their large tables. With more keys
// that would take minutes, and most have no table.
const (
	wellKnown  = 1000
	usesBefore = 100
)

// keys: all keys of the list sign equally often, which is the worst case: beyond the memory for tables, some have none.
func (f *field) keys() (series, error) {
	s := series{name: "keys", x: "keys in rotation", y: microsecs}
	var sides []measure.Side
	for _, n := range append([]int{1}, listSizes...) {
		set, err := workload.NewSet(f.templates, f.signers[:n], max(1024, n))
		if err != nil {
			return s, err
		}
		p := ours.New()
		one, err := side(p, set, batch)
		if err != nil {
			return s, err
		}
		if n <= wellKnown {
			for range usesBefore * n / len(set.Scans) {
				one.Pass()
				p.Settle()
			}
		}
		sides = append(sides, one)
		s.points = append(s.points, point{x: float64(n), note: p.Tables()})
	}
	for i, got := range plan.Compare(sides...) {
		s.points[i].y = measure.Median(got.NS) / 1000
	}
	return s, nil
}

// lengths: certificates from the shortest to the longest, each signed 64 times by one key.
func (f *field) lengths() (series, error) {
	const chosen = 48
	s := series{name: "length", x: "characters of a code", y: microsecs}
	sorted := slices.SortedStableFunc(slices.Values(f.templates), func(a, b *workload.Template) int {
		return cmp.Compare(a.Length(), b.Length())
	})
	p := ours.New()
	var sides []measure.Side
	for i := range chosen {
		at := i * (len(sorted) - 1) / (chosen - 1)
		set, err := workload.NewSet(sorted[at:at+1], f.signers[:1], batch)
		if err != nil {
			return s, err
		}
		one, err := side(p, set, batch)
		if err != nil {
			return s, err
		}
		sides = append(sides, one)
		code := set.Codes[0]
		s.points = append(s.points, point{x: float64(len(code.Text)), kind: code.Stream.String()})
	}
	for i, got := range plan.Compare(sides...) {
		s.points[i].y = measure.Median(got.NS) / 1000
	}
	slices.SortFunc(s.points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
	return s, nil
}
