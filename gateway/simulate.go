package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"passerelle/drivers/lamp"
	"passerelle/drivers/scannertest"
	"passerelle/drivers/serial"
	"passerelle/gateway/journal"
	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
)

// simulateCmd plays scanners, and people with codes, into a real station.
type simulateCmd struct {
	Traffic    trafficCmd    `cmd:"" default:"withargs" help:"Play scanners at a rate, with faults, and count what came out."`
	Boarding   boardingCmd   `cmd:"" help:"Play the boarding of two flights at one gate: each code has one verdict that is right."`
	Stadium    stadiumCmd    `cmd:"" help:"Play the hour before a match, likewise."`
	Checkpoint checkpointCmd `cmd:"" help:"Play people with two documents each, likewise."`
	All        scenariosCmd  `cmd:"" help:"Play all three, whole."`
}

// trafficCmd plays scanners into real lanes, with a real journal, and counts what came out.
type trafficCmd struct {
	Rate   float64        `help:"Scans a second at each lane." default:"10"`
	For    time.Duration  `help:"How long." default:"10s"`
	Lanes  int            `help:"How many lanes." default:"1"`
	Faults map[string]int `name:"fault" help:"A fault and how many scans in a thousand have it: noise, cut, doubled, glued, 'wrong layout', wake-up, 'bit flip', 'pause inside'." placeholder:"NAME=N"`
	Seed   uint64         `help:"Of the faults: the same seed makes the same ones." default:"1"`
	State  string         `help:"Folder for the journal; a temporary one without it." placeholder:"DIR"`
}

// Limits of one run.
const (
	maxSimulated = 64
	maxRate      = 10_000 // scans a second at each lane
)

// Run prints a table and exits 1 if a scan was lost, doubled or wrongly admitted.
func (c *trafficCmd) Run(ctx context.Context, std streams) (err error) {
	if c.Lanes < 1 || c.Lanes > maxSimulated || !(c.Rate > 0 && c.Rate <= maxRate) || c.For <= 0 {
		return misuse{fmt.Errorf("want 1 to %d lanes, a rate above 0 and up to %d, and a time above 0", maxSimulated, maxRate)}
	}
	shares, err := faultShares(c.Faults)
	if err != nil {
		return misuse{err}
	}
	if c.State == "" {
		if c.State, err = os.MkdirTemp("", "passerelle-simulate-"); err != nil {
			return fmt.Errorf("make a temporary folder: %w", err)
		}
		defer closing(func() error { return os.RemoveAll(c.State) }, &err)
	}
	s := &simulation{command: c, memory: memoryLog{begun: time.Now()}}
	defer closing(s.close, &err)
	if err := s.open(std, shares); err != nil {
		return err
	}
	if err := s.run(ctx); err != nil {
		return err
	}
	return s.print(std.out)
}

func faultShares(faults map[string]int) ([]scannertest.FaultShare, error) {
	var shares []scannertest.FaultShare
	left := 1000
	for name, n := range faults {
		f := scannertest.NoFault + 1
		for f.String() != name {
			if f++; f > scannertest.PauseInside {
				return nil, fmt.Errorf("fault %q is not known", name)
			}
		}
		if n < 0 || n > left {
			return nil, errors.New("faults add up to more than 1000 in a thousand, or one is below 0")
		}
		left -= n
		shares = append(shares, scannertest.FaultShare{Fault: f, PerThousand: n})
	}
	slices.SortFunc(shares, func(a, b scannertest.FaultShare) int { return int(a.Fault) - int(b.Fault) })
	return shares, nil
}

// simulation is one run.
type simulation struct {
	command *trafficCmd
	station *station
	lanes   []*simulatedLane
	memory  memoryLog
	before  uint64 // entries that the journal had
}

func (s *simulation) open(std streams, shares []scannertest.FaultShare) error {
	made, err := newSamples(time.Now())
	if err != nil {
		return err
	}
	list, err := made.list()
	if err != nil {
		return err
	}
	profile := policy.Demo()
	profile.Once = 0
	o := stationOptions{
		state: s.command.State, profile: &profile, list: list, log: logger(std, true),
		maxDark: defaultMaxDark,
	}
	for i := range s.command.Lanes {
		scanner, err := scannertest.New(scannertest.Options{
			AIM: "]Q1", Faults: shares, Rand: rand.New(rand.NewPCG(s.command.Seed, uint64(i))),
		})
		if err != nil {
			return err
		}
		expected := int(s.command.Rate*s.command.For.Seconds()) + 1
		coder, err := newCoder(made.fork((i + 1) * 10_000_000))
		if err != nil {
			return err
		}
		l := &simulatedLane{
			id: strconv.Itoa(i + 1), faulty: len(shares) > 0, scanner: scanner, coder: coder, verdicts: make(map[policy.Reason]int),
			begun: touched[time.Time](expected), latency: touched[time.Duration](expected),
		}
		s.lanes = append(s.lanes, l)
		o.lanes = append(o.lanes, lane.Config{
			ID: l.id, Profile: &profile, Scanner: scanner.Path(), Lamp: lamps{lamp.NewSimulated(time.Now)},
			Open: func(context.Context) (lane.Scanner, error) { return serial.Open(serial.Options{Path: scanner.Path()}) },
		})
	}
	if s.station, err = openStation(o); err != nil {
		return err
	}
	s.before, _ = s.station.journal.Head()
	s.memory.release = s.station.journal.ReleasePages
	return nil
}

// run plays for the time asked for, or until somebody has seen enough, then waits until nothing is on its way.
func (s *simulation) run(enough context.Context) error {
	ctx, stop := context.WithCancel(context.WithoutCancel(enough))
	defer stop()
	var station, watchers, players sync.WaitGroup
	station.Go(func() { _ = s.station.run(ctx, nil, nil) }) // without listeners it ends with its context alone
	defer station.Wait()
	defer stop()
	for _, l := range s.lanes {
		l.events = s.station.gate.Subscribe(l.id, policy.Steward)
		watchers.Go(func() { l.watch(ctx) })
	}
	watchers.Go(func() { s.memory.watch(ctx, s.command.For) })
	if err := awaitScanners(s.station.gate); err != nil {
		return err
	}
	playing, end := context.WithTimeout(enough, s.command.For)
	defer end()
	failed := make(chan error, len(s.lanes))
	for _, l := range s.lanes {
		players.Go(func() { failed <- l.play(playing, s.command.Rate) })
	}
	players.Wait()
	s.settle()
	stop()
	watchers.Wait()
	for range s.lanes {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}

// Times of waiting.
const (
	settleTime = 5 * time.Second // for scanners to be opened, and for the last scans to come out
	settleLook = 10 * time.Millisecond
)

// settle waits until all that was sent came out, or never will.
func (s *simulation) settle() {
	deadline := time.Now().Add(settleTime)
	for _, l := range s.lanes {
		for l.came() < l.scanner.Sent().Frames && time.Now().Before(deadline) {
			time.Sleep(settleLook)
		}
	}
}

// print writes the table, and errRefused if something was lost or doubled.
func (s *simulation) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var latency []time.Duration
	var sent, came, whole, admitted uint64
	for _, l := range s.lanes {
		counts := l.scanner.Sent()
		sent, came = sent+counts.Frames, came+l.came()
		whole, admitted = whole+wholeCodes(counts), admitted+uint64(l.verdicts[policy.OK])
		fmt.Fprintf(t, "lane %s\t%d frames sent\t%d verdicts and %d repeated\t%d late\n", l.id, counts.Frames, l.came()-uint64(l.again), l.again, l.late)
		for _, f := range sortedKeys(counts.Faults) {
			fmt.Fprintf(t, "\tfault %v\t%d\n", f, counts.Faults[f])
		}
		for _, r := range sortedKeys(l.verdicts) {
			fmt.Fprintf(t, "\tverdict %v %v\t%d\n", outcomeOf(r), r, l.verdicts[r])
		}
		latency = append(latency, l.latency...)
	}
	slices.Sort(latency)
	fmt.Fprintf(t, "last byte to verdict on disk\tp50 %v\tp99 %v\tworst %v\n", quantile(latency, 0.50), quantile(latency, 0.99), quantile(latency, 1))
	s.memory.print(t)
	journaled, err := s.journaled()
	if err != nil {
		return err
	}
	fmt.Fprintf(t, "journal\t%d verdicts\n", journaled)
	if err := t.Flush(); err != nil {
		return err
	}
	lost, doubled := max(0, int64(sent)-int64(came)), max(0, int64(came)-int64(sent))
	fmt.Fprintf(w, "simulate: %d sent, %d came out, %d lost, %d doubled\n", sent, came, lost, doubled)
	if admitted > whole {
		fmt.Fprintf(w, "simulate: %d wrongly admitted\n", admitted-whole)
	}
	given := came - s.repeated()
	if journaled != given {
		fmt.Fprintf(w, "simulate: %d verdicts were given, %d stand in the journal\n", given, journaled)
	}
	if sent != came || journaled != given || admitted > whole {
		return errRefused
	}
	return nil
}

// wholeCodes returns how many codes were sent as they were made: no other can be genuine.
func wholeCodes(sent scannertest.Sent) uint64 {
	f := sent.Faults
	scans := sent.Frames + f[scannertest.Cut] - f[scannertest.Doubled]
	return scans - f[scannertest.Cut] - f[scannertest.Noise] - f[scannertest.Glued] - f[scannertest.WrongLayout] - f[scannertest.BitFlip]
}

func (s *simulation) repeated() (n uint64) {
	for _, l := range s.lanes {
		n += uint64(l.again)
	}
	return n
}

// journaled counts the verdicts of this run on disk.
func (s *simulation) journaled() (uint64, error) {
	var n uint64
	var entries []journal.Entry
	for from := s.before + 1; ; {
		var err error
		if entries, err = s.station.journal.Read(entries[:0], from, journal.MaxRead); err != nil || len(entries) == 0 {
			return n, err
		}
		for _, e := range entries {
			if strings.Contains(string(e.Body), `"event":"verdict"`) {
				n++
			}
		}
		from = entries[len(entries)-1].Sequence + 1
	}
}

func (s *simulation) close() error {
	var errs []error
	if s.station != nil {
		errs = append(errs, s.station.close())
	}
	for _, l := range s.lanes {
		errs = append(errs, l.scanner.Close())
	}
	return errors.Join(errs...)
}

func outcomeOf(r policy.Reason) policy.Outcome {
	if r == policy.OK {
		return policy.Admit
	}
	return policy.DefaultOutcome(r)
}

func sortedKeys[K ~uint8, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
