// Command e2e boots the image that firmware/image built on an emulated board and runs the scenarios of firmware/rig, and of the
// drivers that need a real kernel, inside it. It prints what each one came to, the figures that they measured, and last
//
//	e2e: N scenarios, N passed, N failed
//
// One round is two boots of the same disk. In the first all scenarios run; its last one commissions the box. Then the plug is pulled.
// In the second the box has to come back by itself and decide. -rounds 20 shows whether any scenario is flaky.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

func main() {
	o := options{}
	flag.StringVar(&o.image, "image", "build/image", "folder that firmware/image wrote")
	flag.StringVar(&o.run, "run", "", "only scenarios that match this pattern of go test")
	flag.StringVar(&o.log, "log", "build/e2e.log", "file for everything that the board printed")
	flag.BoolVar(&o.verbose, "v", false, "print what the scenarios print")
	rounds := flag.Int("rounds", 1, "how often")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	if err := run(ctx, o, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: error:", err)
		os.Exit(1)
	}
}

// options of a run.
type options struct {
	image, run, log string
	verbose         bool
}

// errFailed says that scenarios failed; what failed was printed.
var errFailed = errors.New("not all scenarios passed")

func run(ctx context.Context, o options, rounds int) error {
	r, err := newRig(o)
	if err != nil {
		return err
	}
	defer r.close()
	total := newTally()
	total.partial = o.run != ""
	done := 0
	for round := range rounds {
		begun := time.Now()
		t, err := r.round(ctx)
		if err != nil && ctx.Err() != nil && done > 0 { // somebody has seen enough
			break
		}
		if err != nil {
			return fmt.Errorf("round %d: %w", round+1, err)
		}
		done++
		total.add(t)
		passed, failed := t.count(1)
		fmt.Printf("e2e: round %d of %d: %d scenarios, %d passed, %d failed, %.0f s\n", round+1, rounds, passed+failed, passed, failed, time.Since(begun).Seconds())
	}
	total.print(done)
	passed, failed := total.count(done)
	fmt.Printf("e2e: %d scenarios, %d passed, %d failed\n", passed+failed, passed, failed)
	if failed > 0 || passed == 0 || done < rounds {
		return errFailed
	}
	return nil
}

// tally is how often each scenario passed and failed, and what was measured.
type tally struct {
	names          []string // in the order in which they ran
	passed, failed map[string]int
	figures        map[string][]string
	order          []string // of figures
	partial        bool     // not all scenarios were asked for
}

func newTally() *tally {
	return &tally{passed: make(map[string]int), failed: make(map[string]int), figures: make(map[string][]string)}
}

func (t *tally) result(name string, ok bool) {
	if !slices.Contains(t.names, name) {
		t.names = append(t.names, name)
	}
	if ok {
		t.passed[name]++
	} else {
		t.failed[name]++
	}
}

func (t *tally) figure(name, value string) {
	if t.figures[name] == nil {
		t.order = append(t.order, name)
	}
	t.figures[name] = append(t.figures[name], value)
}

func (t *tally) add(o *tally) {
	for _, name := range o.names {
		for range o.passed[name] {
			t.result(name, true)
		}
		for range o.failed[name] {
			t.result(name, false)
		}
	}
	for _, name := range o.order {
		for _, value := range o.figures[name] {
			t.figure(name, value)
		}
	}
}

// count counts scenarios: one has passed if it did in each round.
func (t *tally) count(rounds int) (passed, failed int) {
	for _, name := range t.names {
		if t.good(name, rounds) {
			passed++
		} else {
			failed++
		}
	}
	return passed, failed
}

func (t *tally) good(name string, rounds int) bool {
	return t.failed[name] == 0 && t.passed[name] == rounds
}

// print prints the table of scenarios and the figures.
func (t *tally) print(rounds int) {
	for _, name := range t.names {
		word := "ok"
		if !t.good(name, rounds) {
			word = "FAILED"
		}
		fmt.Printf("e2e: %3d of %d  %-6s %s\n", t.passed[name], rounds, word, name)
	}
	for _, name := range t.order {
		fmt.Printf("e2e: figure: %s: %s\n", name, summary(t.figures[name]))
	}
}

// summary is what was measured: each value where there are few, else the middle one and the largest, where they are times; other texts are
// shown once each.
func summary(values []string) string {
	const few = 3
	var times []time.Duration
	for _, v := range values {
		if d, err := time.ParseDuration(strings.ReplaceAll(v, " ", "")); err == nil {
			times = append(times, d)
		}
	}
	if len(times) == len(values) && len(values) > few {
		slices.Sort(times)
		return fmt.Sprintf("%v in the middle, %v at most, of %d", times[len(times)/2], times[len(times)-1], len(times))
	}
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(values))), "; ")
}
