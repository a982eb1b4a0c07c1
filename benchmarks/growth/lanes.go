package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"passerelle/benchmarks/ours"
	"passerelle/benchmarks/workload"
	"passerelle/gateway/journal"
	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
)

// codesOfLane is how many codes each lane is shown, one after the other, each when the verdict before it is there.
const codesOfLane = 200

// lanes: whole lanes with one journal, each shown a new code as soon as the last one's verdict is on disk. Wall time. No
// device takes part: codes are entered, and the lamps are dark.
func (f *field) lanes() (series, error) {
	s := series{name: "lanes", x: "lanes", y: "ms of wall time from a code to its verdict on disk, p50"}
	const most = 16
	set, err := workload.NewSet(f.templates, f.signers[:100], most*codesOfLane)
	if err != nil {
		return s, err
	}
	for n := 1; n <= most; n *= 2 {
		p, err := crowd(set, n)
		if err != nil {
			return s, fmt.Errorf("%d lanes: %w", n, err)
		}
		s.points = append(s.points, p)
	}
	return s, nil
}

// darkLamp is a lamp that nobody looks at.
type darkLamp struct{}

func (darkLamp) Set(lane.Signal) error { return nil }

// noScanner is connected and reads nothing until it is closed.
type noScanner struct{ context.Context }

func (s noScanner) ReadFrame([]byte) (int, error) {
	<-s.Done()
	return 0, s.Err()
}

func (noScanner) Close() error { return nil }

func crowd(set *workload.Set, n int) (_ point, err error) {
	log, discard, err := newJournal(0)
	if err != nil {
		return point{}, err
	}
	defer func() { err = errors.Join(err, discard()) }()
	fast, stop := ours.Background()
	defer stop()
	profile := policy.Health()
	configs := make([]lane.Config, n)
	for i := range configs {
		configs[i] = lane.Config{
			ID: fmt.Sprint(i), Profile: &profile, Scanner: "none", Lamp: darkLamp{},
			Open: func(ctx context.Context) (lane.Scanner, error) { return noScanner{ctx}, nil },
		}
	}
	gate, err := lane.New(set.List, lane.Options{
		Now: func() policy.Now { return set.Now }, Wall: time.Now, Journal: log, Fast: fast,
		Committed: func() {}, Log: slog.New(slog.DiscardHandler),
	}, configs)
	if err != nil {
		return point{}, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { gate.Run(ctx) })
	defer running.Wait()
	defer cancel()
	return shown(gate, set)
}

// shown shows every lane its codes and waits for all verdicts.
func shown(gate *lane.Gate, set *workload.Set) (point, error) {
	ids := gate.Lanes()
	took, faults := make([][]float64, len(ids)), make([]error, len(ids))
	var people sync.WaitGroup
	begun := time.Now()
	for i, id := range ids {
		people.Go(func() { took[i], faults[i] = queue(gate, id, set.Codes[i*codesOfLane:(i+1)*codesOfLane]) })
	}
	people.Wait()
	elapsed := time.Since(begun)
	if err := errors.Join(faults...); err != nil {
		return point{}, err
	}
	all := slices.Sorted(slices.Values(slices.Concat(took...)))
	return point{x: float64(len(ids)), y: all[len(all)/2], note: fmt.Sprintf("ms, p99 %.3f ms, %.0f verdicts/s in all, %d processors",
		all[len(all)*99/100], float64(len(all))/elapsed.Seconds(), runtime.NumCPU())}, nil
}

// patience is longer than any verdict takes on a machine that works.
const patience = 30 * time.Second

// queue shows one lane its codes and returns how long each took, in milliseconds.
func queue(gate *lane.Gate, id string, codes []*workload.Code) ([]float64, error) {
	events := gate.Subscribe(id, policy.Steward)
	defer events.Close()
	var took []float64
	for _, c := range codes {
		if err := gate.Enter(id, c.Text); err != nil {
			return nil, fmt.Errorf("lane %s: %w", id, err)
		}
		verdict, err := await(events)
		if err != nil {
			return nil, fmt.Errorf("lane %s: %w", id, err)
		}
		if verdict.Candidate.Outcome() != policy.Admit {
			return nil, fmt.Errorf("lane %s: %v", id, verdict.Candidate.Reason())
		}
		took = append(took, milliseconds(verdict.Took))
	}
	return took, nil
}

func await(events *lane.Subscription) (lane.Event, error) {
	late := time.After(patience)
	for {
		select {
		case e := <-events.Events:
			if e.Kind == lane.VerdictGiven {
				return e, nil
			}
		case <-late:
			return lane.Event{}, errors.New("no verdict")
		}
	}
}

// newJournal opens a journal in a folder of its own; discard closes it and removes the folder.
func newJournal(maxUses int) (_ *journal.Journal, discard func() error, err error) {
	dir, err := os.MkdirTemp("", "passerelle-growth-")
	if err != nil {
		return nil, nil, err
	}
	j, err := journal.Open(dir, journal.Options{Now: time.Now, Random: rand.Reader, MaxUses: maxUses})
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return j, func() error { return errors.Join(j.Close(), os.RemoveAll(dir)) }, nil
}
