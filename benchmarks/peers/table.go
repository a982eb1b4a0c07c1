package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"passerelle/benchmarks/measure"
)

// result is one line of the table.
type result struct {
	Name    string
	Ours    float64 // ns a payload
	Peer    float64 // ns a payload
	Ratio   float64
	Allocs  float64 // ours, a payload
	Rounds  int
	Against string   // who the peer is
	Notes   []string // what was measured besides
	Skipped string   // why there is no result
	Tags    string   // of the build that measured it
}

// compared makes a result of samples. The peer is the fastest of them; the others stand in the notes.
func compared(ours measure.Samples, names []string, peers []measure.Samples) result {
	best := measure.Fastest(peers)
	r := result{
		Ours: measure.Median(ours.NS), Peer: measure.Median(peers[best].NS), Ratio: measure.Ratio(ours.NS, peers[best].NS),
		Allocs: measure.Median(ours.Allocs), Rounds: len(ours.NS), Against: names[best],
	}
	for i, p := range peers {
		allocs := fmt.Sprintf("%s allocations", decimal(measure.Median(p.Allocs)))
		if i == best {
			r.Against += ", " + allocs
			continue
		}
		r.Notes = append(r.Notes, fmt.Sprintf("%s: %s ns, ratio %.2f, %s", names[i], nanoseconds(measure.Median(p.NS)), measure.Ratio(ours.NS, p.NS), allocs))
	}
	return r
}

// note says what a row is, for the lines before the table.
func (r *result) note() string {
	if r.Skipped != "" {
		return fmt.Sprintf("%s: skipped: %s", r.Name, r.Skipped)
	}
	lines := append([]string{fmt.Sprintf("%s: against %s; %d rounds", r.Name, r.Against, r.Rounds)}, r.Notes...)
	return strings.Join(lines, "\n    ")
}

func writeTable(out io.Writer, results []result) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "name\tours_ns\tpeer_ns\tratio\tallocs")
	for _, r := range results {
		if r.Skipped != "" {
			fmt.Fprintf(w, "%s\tskipped: %s\n", r.Name, r.Skipped)
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%.2f\t%s\n", r.Name, nanoseconds(r.Ours), nanoseconds(r.Peer), r.Ratio, decimal(r.Allocs))
	}
	return w.Flush()
}

// nanoseconds has a decimal only where it says something.
func nanoseconds(ns float64) string {
	if ns < 100 {
		return fmt.Sprintf("%.1f", ns)
	}
	return fmt.Sprintf("%.0f", ns)
}

// decimal has one decimal, or is 0: one allocation in a thousand payloads is the runtime's own.
func decimal(allocs float64) string {
	if s := fmt.Sprintf("%.1f", allocs); s != "0.0" {
		return s
	}
	return "0"
}
