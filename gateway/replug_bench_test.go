package main

import (
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"passerelle/drivers/scannertest"
	"passerelle/drivers/usb"
	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
)

// BenchmarkReplug is how long a lane takes to show that its scanner was unplugged, and to read again from when the kernel said that it
// is back. The scanner is a pseudo-terminal, of whose coming no kernel tells: the benchmark says it in its place.
func BenchmarkReplug(b *testing.B) {
	dir := b.TempDir()
	scanner := benchScanner(b)
	benchState(b, dir)
	plugs := newHotplug("/", nil, logger(streams{err: io.Discard}, true))
	g := startBenchGate(b, dir, scanner.Path(), plugs)
	b.Cleanup(g.stop)
	g.await(b, isBack)
	gone, back := make([]time.Duration, 0, b.N), make([]time.Duration, 0, b.N)
	for range b.N {
		began := time.Now()
		if err := scanner.Unplug(); err != nil {
			b.Fatal(err)
		}
		gone = append(gone, g.await(b, isGone).At.Sub(began))
		time.Sleep(2 * settleStep) // the lane waits for it by now
		if err := scanner.Plug(); err != nil {
			b.Fatal(err)
		}
		began = time.Now()
		plugs.heard(usb.Event{Action: "add", Subsystem: "tty"})
		back = append(back, g.await(b, isBack).At.Sub(began))
	}
	reportTimes(b, "gone", gone)
	reportTimes(b, "back", back)
}

// BenchmarkStart is the time from a gate's start, with its journal and trust list on disk, to the first verdict, for a person who
// holds a code before the scanner already.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	scanner := benchScanner(b)
	benchState(b, dir)
	code := benchSamples(b)[0]
	took := make([]time.Duration, 0, b.N)
	for range b.N {
		began := time.Now()
		g := startBenchGate(b, dir, scanner.Path(), nil)
		g.await(b, isBack)
		if err := scanner.Scan(context.Background(), code); err != nil {
			b.Fatal(err)
		}
		took = append(took, g.await(b, isAdmit).At.Sub(began))
		g.stop()
	}
	reportTimes(b, "verdict", took)
}

func benchScanner(b *testing.B) *scannertest.Scanner {
	b.Helper()
	scanner, err := scannertest.New(scannertest.Options{AIM: "]Q1"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { scanner.Close() })
	return scanner
}

// reportTimes gives the middle and the longest of some times.
func reportTimes(b *testing.B, what string, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	b.ReportMetric(float64(quantile(took, 0.50).Microseconds())/1e3, what+"-p50-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1e3, what+"-max-ms")
}

func isBack(e lane.Event) bool { return e.Kind == lane.ScannerBack }
func isGone(e lane.Event) bool { return e.Kind == lane.ScannerGone }

func isAdmit(e lane.Event) bool {
	return e.Kind == lane.VerdictGiven && e.Candidate.Outcome() == policy.Admit
}
