package main

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/drivers/lamp"
	"passerelle/drivers/serial"
	"passerelle/gateway/issuer/testkeys"
	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust/bundle"
)

// BenchmarkLaneLatency is the time from a code's last byte on a pseudo-terminal to its verdict, one scan after the other, through
// what runs at a gate: serial driver, lane, the second check of an Admit, journal. The code is written at once, and time counts from
// before that. The journal is on a disk, with its fsync, or in memory (tmpfs): the same code without the disk.
func BenchmarkLaneLatency(b *testing.B) {
	b.Run("journal=disk", func(b *testing.B) {
		dir := b.TempDir()
		if inMemory(b, dir) {
			b.Skipf("%s is in memory: set TMPDIR to a folder on a disk", dir)
		}
		benchLatency(b, dir)
	})
	b.Run("journal=memory", func(b *testing.B) {
		dir, err := os.MkdirTemp("/dev/shm", "passerelle-")
		if err != nil || !inMemory(b, dir) {
			b.Skipf("there is no tmpfs at /dev/shm: %v", err)
		}
		b.Cleanup(func() { os.RemoveAll(dir) })
		benchLatency(b, dir)
	})
}

func inMemory(b *testing.B, dir string) bool {
	b.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		b.Fatal(err)
	}
	return s.Type == unix.TMPFS_MAGIC
}

func benchLatency(b *testing.B, dir string) {
	scan, verdicts := benchLane(b, dir)
	codes := benchSamples(b)
	one := func(i int) time.Duration {
		began := time.Now()
		if err := scan(codes[i%len(codes)]); err != nil {
			b.Fatal(err)
		}
		select {
		case at := <-verdicts:
			return at.Sub(began)
		case <-time.After(patience):
			b.Fatal("a scan got no verdict")
			return 0
		}
	}
	const warming = 200 // until the key has its table
	for i := range warming {
		one(i)
	}
	took := make([]time.Duration, 0, b.N)
	b.ResetTimer()
	for i := range b.N {
		took = append(took, one(warming+i))
	}
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(quantile(took, 0.50).Nanoseconds())/1e3, "p50-µs")
	b.ReportMetric(float64(quantile(took, 0.99).Nanoseconds())/1e3, "p99-µs")
}

// benchSamples are as many codes as a lane has forgotten when they come round again.
func benchSamples(b *testing.B) (codes [][]byte) {
	b.Helper()
	made, err := newSamples(time.Now())
	if err != nil {
		b.Fatal(err)
	}
	for range 256 {
		code, err := made.sign(testkeys.Ministry, made.vaccination())
		if err != nil {
			b.Fatal(err)
		}
		codes = append(codes, []byte(code))
	}
	return codes
}

// benchLane runs a gate of one lane that keeps its state in dir. scan scans a code; the time of each Admit comes over verdicts.
func benchLane(b *testing.B, dir string) (scan func(code []byte) error, verdicts <-chan time.Time) {
	b.Helper()
	scanner := benchScanner(b)
	benchState(b, dir)
	g := startBenchGate(b, dir, scanner.Path(), nil)
	b.Cleanup(g.stop)
	g.await(b, isBack)
	at := make(chan time.Time, 1)
	ctx, stop := context.WithCancel(context.Background())
	var listening sync.WaitGroup
	listening.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-g.events.Events:
				if isAdmit(e) {
					at <- e.At
				}
			}
		}
	})
	b.Cleanup(func() { stop(); listening.Wait() })
	return func(code []byte) error { return scanner.Scan(ctx, code) }, at
}

// benchState makes a state folder of a gate that has taken the samples' list.
func benchState(b *testing.B, dir string) {
	b.Helper()
	made, err := newSamples(time.Now())
	if err != nil {
		b.Fatal(err)
	}
	d := demo{state: dir, samples: made}
	root, err := d.root()
	if err != nil {
		b.Fatal(err)
	}
	profile := policy.Demo()
	d.station, err = openStation(stationOptions{
		state: dir, roots: &bundle.Roots{Threshold: 1, Keys: []bundle.Root{root.Root()}}, profile: &profile, maxDark: defaultMaxDark,
		log: logger(streams{err: io.Discard}, true), taking: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(d.takeList(root), d.station.close()); err != nil {
		b.Fatal(err)
	}
}

// benchGate is a gate of one lane, running.
type benchGate struct {
	events *lane.Subscription
	stop   func()
}

// startBenchGate runs a gate of the lane "1" on the state that benchState made. Its scanner is the device at path; hotplug may be nil.
func startBenchGate(b *testing.B, dir, path string, h *hotplug) benchGate {
	b.Helper()
	profile := policy.Demo()
	profile.Once = 0
	config := lane.Config{
		ID: "1", Profile: &profile, Scanner: path, Lamp: lamps{lamp.NewSimulated(time.Now)},
		Open: func(context.Context) (lane.Scanner, error) { return serial.Open(serial.Options{Path: path}) },
	}
	if h != nil {
		config.Changed = h.await
	}
	s, err := openStation(stationOptions{
		state: dir, profile: &profile, verify: verifyConfig{P256: p256Fast}, maxDark: defaultMaxDark,
		log: logger(streams{err: io.Discard}, true), lanes: []lane.Config{config},
	})
	if err != nil {
		b.Fatal(err)
	}
	events := s.gate.Subscribe("1", policy.Steward)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = s.run(ctx, nil, nil) })
	return benchGate{events: events, stop: func() {
		events.Close()
		stop()
		running.Wait()
		if err := s.close(); err != nil {
			b.Error(err)
		}
	}}
}

// await returns the next event that is wanted.
func (g benchGate) await(b *testing.B, wanted func(lane.Event) bool) lane.Event {
	b.Helper()
	end := time.After(patience)
	for {
		select {
		case e := <-g.events.Events:
			if wanted(e) {
				return e
			}
		case <-end:
			b.Fatal("it did not happen")
		}
	}
}
