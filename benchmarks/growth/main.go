// Growth measures how the product's cost grows: with the size of a batch, the number of keys, the length of a code, the size of
// the trust list at start, the number of lanes and the length of the journal.
//
//	go run ./growth [-save FOLDER] [-picture FILE] [-full]
//
// It prints one line a point, and draws the first four as a picture. What is computed is timed by the thread's own CPU time, what
// waits for a disk by the wall clock; each line says which.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"passerelle/benchmarks/measure"
	"passerelle/benchmarks/workload"
)

func main() {
	var o options
	flag.StringVar(&o.save, "save", "", "folder that the output is also written to, with date and machine in the file's name")
	flag.StringVar(&o.picture, "picture", "", "file to draw the picture to, SVG")
	flag.BoolVar(&o.full, "full", false, "let the journal grow to a million entries instead of a hundred thousand")
	flag.Parse()
	if err := o.run(os.Stdout, time.Now()); err != nil {
		fmt.Fprintf(os.Stderr, "growth: error: %v\n", err)
		os.Exit(1)
	}
}

type options struct {
	save    string
	picture string
	full    bool
}

// series is points of one kind. Each has a value, and what else was seen there.
type series struct {
	name, x, y string // names of the columns, with units
	points     []point
}

type point struct {
	x, y float64
	kind string // tells points of one series apart; empty where there is one kind
	note string
}

func (o *options) run(out io.Writer, now time.Time) error {
	root, err := workload.Root()
	if err != nil {
		return err
	}
	machine := measure.Describe(root)
	if o.save != "" {
		f, err := os.Create(filepath.Join(o.save, now.UTC().Format(time.DateOnly)+"-"+machine.Slug()+"-growth.txt"))
		if err != nil {
			return fmt.Errorf("save: %w", err)
		}
		defer f.Close()
		out = io.MultiWriter(out, f)
	}
	fmt.Fprintf(out, "growth, %s\nmachine: %v\n", now.UTC().Format(time.RFC3339), machine)
	field, err := newField()
	if err != nil {
		return err
	}
	defer measure.Pin()()
	entries := 100_000
	if o.full {
		entries = 1_000_000
	}
	var drawn []series
	for _, run := range []func() (series, error){
		field.batches, field.keys, field.lengths, field.starts, field.lanes,
		func() (series, error) { return field.journal(entries) },
	} {
		s, err := run()
		if err != nil {
			return err
		}
		s.print(out)
		drawn = append(drawn, s)
	}
	if o.picture == "" {
		return nil
	}
	return draw(o.picture, drawn[:4], machine, now)
}

func (s *series) print(out io.Writer) {
	fmt.Fprintf(out, "\n%s: %s, %s\n", s.name, s.x, s.y)
	for _, p := range s.points {
		line := fmt.Sprintf("%s %g %.3f", s.name, p.x, p.y)
		for _, more := range []string{p.kind, p.note} {
			if more != "" {
				line += " " + more
			}
		}
		fmt.Fprintln(out, line)
	}
}
