// Peers compares the product with other people's code in one process and prints a table of ratios.
//
//	go run ./peers [-rows LIST] [-budget 2s] [-save FOLDER]
//
// README.md of this module says what each row means. Before a row is timed, each side's outcome for each of its payloads is
// checked, so that no side is fast by being wrong.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"passerelle/benchmarks/measure"
	"passerelle/benchmarks/workload"
)

func main() {
	var o options
	flag.StringVar(&o.rows, "rows", "", "comma-separated names of the rows to run; empty: all")
	flag.DurationVar(&o.budget, "budget", 1200*time.Millisecond, "how long each row runs")
	flag.StringVar(&o.save, "save", "", "folder that the output is also written to, with date and machine in the file's name")
	flag.BoolVar(&o.json, "json", false, "print each row as one line of JSON and nothing else")
	flag.Parse()
	if err := o.run(os.Stdout, time.Now()); err != nil {
		fmt.Fprintf(os.Stderr, "peers: error: %v\n", err)
		os.Exit(1)
	}
}

type options struct {
	rows   string
	budget time.Duration
	save   string
	json   bool
}

func (o *options) run(out io.Writer, now time.Time) error {
	chosen, err := choose(o.rows)
	if err != nil {
		return err
	}
	root, err := workload.Root()
	if err != nil {
		return err
	}
	machine := measure.Describe(root)
	if o.save != "" {
		f, err := os.Create(filepath.Join(o.save, now.UTC().Format(time.DateOnly)+"-"+machine.Slug()+".txt"))
		if err != nil {
			return fmt.Errorf("save: %w", err)
		}
		defer f.Close()
		out = io.MultiWriter(out, f)
		fmt.Fprintf(out, "peers, %s\n", now.UTC().Format(time.RFC3339))
	}
	b, err := newBench(root, o.budget)
	if err != nil {
		return err
	}
	if o.json {
		return b.printJSON(out, chosen)
	}
	return b.printTable(out, chosen, machine)
}

// choose returns the rows of a comma-separated list, in the order of the table.
func choose(list string) ([]row, error) {
	if list == "" {
		return rows, nil
	}
	names := strings.Split(list, ",")
	for _, name := range names {
		if !slices.ContainsFunc(rows, func(r row) bool { return r.name == name }) {
			return nil, fmt.Errorf("there is no row %q", name)
		}
	}
	var chosen []row
	for _, r := range rows {
		if slices.Contains(names, r.name) {
			chosen = append(chosen, r)
		}
	}
	return chosen, nil
}

func (b *bench) printJSON(out io.Writer, chosen []row) error {
	return b.each(chosen, func(r result) error { return json.NewEncoder(out).Encode(r) })
}

// printTable runs the rows, says what each is while they run, and ends with the table and the machine.
func (b *bench) printTable(out io.Writer, chosen []row, machine measure.Machine) error {
	begun := time.Now()
	fmt.Fprintf(out, "%s\npeers: %s\n", b.workload(), versions())
	var results []result
	err := b.each(chosen, func(r result) error {
		results = append(results, r)
		_, err := fmt.Fprintln(out, r.note())
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%d rows in %.0f s; times in ns of the thread's CPU time a payload, medians; ratio: median of the rounds' ratios\n\n",
		len(results), time.Since(begun).Seconds())
	if err := writeTable(out, results); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\nmachine: %v\n", machine)
	return err
}

// versions names the peers' modules; crypto/ecdsa and compress/zlib are Go's own.
func versions() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	var list []string
	for _, m := range info.Deps {
		if slices.Contains(peerModules, m.Path) {
			list = append(list, m.Path+" "+m.Version)
		}
	}
	return strings.Join(list, ", ")
}

var peerModules = []string{
	"github.com/veraison/go-cose", "github.com/fxamacker/cbor/v2", "github.com/klauspost/compress", "github.com/dgraph-io/badger/v4",
}

// each runs the rows on one thread.
func (b *bench) each(chosen []row, take func(result) error) error {
	defer measure.Pin()()
	for _, r := range chosen {
		got, err := r.run(b)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		got.Name, got.Tags = r.name, buildTags()
		if err := take(got); err != nil {
			return err
		}
	}
	return nil
}
