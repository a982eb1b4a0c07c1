package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"passerelle/benchmarks/measure"
	"passerelle/benchmarks/ours"
	"passerelle/benchmarks/workload"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
)

const (
	payloads = 1024 // distinct ones of a row
	batch    = 64   // payloads of one call
	manyKeys = 100
	settling = 16 // passes at least before a row is timed: each of many keys is used often enough for its largest table
)

// bench is what the rows are made of.
type bench struct {
	root      string // of the repository
	corpora   string
	plan      measure.Plan
	templates []*workload.Template
	skipped   []string
	keys      []*workload.Key
	oneKey    *workload.Set
	allKeys   *workload.Set
	second    map[string]result // rows of the build without assembly, once it has run
}

func newBench(root string, budget time.Duration) (*bench, error) {
	corpora, err := workload.Corpora()
	if err != nil {
		return nil, err
	}
	b := &bench{root: root, corpora: corpora, plan: measure.Plan{Budget: budget, Least: 5, Turn: 25 * time.Millisecond}}
	if b.templates, b.skipped, err = workload.Templates(corpora); err != nil {
		return nil, err
	}
	if b.keys, err = workload.NewKeys(manyKeys); err != nil {
		return nil, err
	}
	if b.oneKey, err = workload.NewSet(b.templates, b.keys[:1], payloads); err != nil {
		return nil, err
	}
	if b.allKeys, err = workload.NewSet(b.templates, b.keys, payloads); err != nil {
		return nil, err
	}
	return b, nil
}

// workload says what is verified.
func (b *bench) workload() string {
	var kinds [3]int
	length := 0
	for _, c := range b.oneKey.Codes {
		kinds[c.Stream]++
		length += len(c.Text)
	}
	return fmt.Sprintf("%d payloads of %d characters in the mean, of %d certificates signed again; zlib blocks: %d fixed, %d dynamic, %d stored\nnot used: %s",
		payloads, length/payloads, len(b.templates), kinds[workload.Fixed], kinds[workload.Dynamic], kinds[workload.Stored],
		strings.Join(b.skipped, "; "))
}

// entrant is one side of a row, and how to see that it is right: check is nil if every payload came to what was wanted.
type entrant struct {
	measure.Side
	check func() error
}

// contest compares ours with peers.
func (b *bench) contest(mine entrant, peers ...entrant) (result, error) {
	samples, err := b.compare(append([]entrant{mine}, peers...)...)
	if err != nil {
		return result{}, err
	}
	return compared(samples[0], names(peers), samples[1:]), nil
}

// compare checks every outcome of every side before it is timed, and again afterwards.
func (b *bench) compare(entrants ...entrant) ([]measure.Samples, error) {
	if err := check(entrants); err != nil {
		return nil, err
	}
	sides := make([]measure.Side, len(entrants))
	for i, e := range entrants {
		sides[i] = e.Side
	}
	samples := b.plan.Compare(sides...)
	if err := check(entrants); err != nil {
		return nil, err
	}
	return samples, nil
}

func check(entrants []entrant) error {
	for _, e := range entrants {
		if err := e.check(); err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
	}
	return nil
}

func names(entrants []entrant) []string {
	list := make([]string, len(entrants))
	for i, e := range entrants {
		list[i] = e.Name
	}
	return list
}

// outcome is what the i-th payload must come to; policy.OK means that it is admitted.
type outcome func(i int) policy.Reason

func admitted(int) policy.Reason { return policy.OK }

// path is our whole way, so many scans a call.
func path(p *ours.Path, set *workload.Set, size int, want outcome) entrant {
	pass := func() {
		for scans := range slices.Chunk(set.Scans, size) {
			p.Verify(scans, set.List, set.Now)
		}
	}
	measure.Settle(settling, pass, p.Settle)
	return entrant{measure.Side{Name: "ours", Count: len(set.Scans), Pass: pass}, func() error {
		first := 0
		for scans := range slices.Chunk(set.Scans, size) {
			for i, c := range p.Verify(scans, set.List, set.Now) {
				if r := want(first + i); c.Reason() != r || (c.Outcome() == policy.Admit) != (r == policy.OK) {
					return fmt.Errorf("payload %d: %v %v, want %v", first+i, c.Outcome(), c.Reason(), r)
				}
			}
			first += len(scans)
		}
		return p.Check()
	}}
}

// stacks are the library stacks, one with each zlib.
func stacks(list *trust.Snapshot, scans []verify.Scan, now int64, want outcome) []entrant {
	var entrants []entrant
	for _, z := range zlibs {
		s := newStack(z.open, list)
		pass := func() {
			for _, scan := range scans {
				_, _ = s.verify(scan.Data, now)
			}
		}
		entrants = append(entrants, entrant{measure.Side{Name: z.stackName(), Count: len(scans), Pass: pass}, func() error {
			for i, scan := range scans {
				if _, err := s.verify(scan.Data, now); (err == nil) != (want(i) == policy.OK) {
					return fmt.Errorf("payload %d: %w, want %v", i, orAccepted(err), want(i))
				}
			}
			return nil
		}})
	}
	return entrants
}

// signatures is our sig package alone, so many a call.
func signatures(p *ours.Path, jobs []sig.Job, size int) entrant {
	pass := func() {
		for some := range slices.Chunk(jobs, size) {
			p.Signatures(some)
		}
	}
	measure.Settle(settling, pass, p.Settle)
	return entrant{measure.Side{Name: "ours", Count: len(jobs), Pass: pass}, func() error {
		for i := range jobs {
			jobs[i].OK = false
		}
		pass()
		for i := range jobs {
			if !jobs[i].OK {
				return fmt.Errorf("payload %d: %w", i, errRefused)
			}
		}
		return p.Check()
	}}
}
