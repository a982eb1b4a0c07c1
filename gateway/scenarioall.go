package main

import (
	"context"
	"fmt"
)

// scenariosCmd plays all stories, whole.
type scenariosCmd struct {
	storyOptions `embed:""`

	Peak float64 `help:"Of the stadium." default:"240"`
}

// Run prints each story's table and one line about all of them, and exits 1 if a verdict was wrong.
func (c *scenariosCmd) Run(ctx context.Context, std streams) error {
	if !(c.Peak > 0 && c.Peak <= maxPeak) {
		return misuse{fmt.Errorf("want a peak above 0 and up to %d", maxPeak)}
	}
	stories := []func(context.Context, streams) (tally, error){
		(&boardingCmd{storyOptions: c.storyOptions, Passengers: wholeFlight}).tell,
		(&stadiumCmd{storyOptions: c.storyOptions, Entries: wholeStadium, Peak: c.Peak}).tell,
		(&checkpointCmd{storyOptions: c.storyOptions, People: wholeCheckpoint}).tell,
	}
	var all tally
	for _, tell := range stories {
		t, err := tell(ctx, std)
		if err != nil {
			return err
		}
		all.add(t)
		fmt.Fprintln(std.out)
	}
	all.print(std.out, "scenarios")
	return all.exit(nil)
}

// What is played whole.
const (
	wholeFlight     = 180
	wholeStadium    = 20_000
	wholeCheckpoint = 200
)
