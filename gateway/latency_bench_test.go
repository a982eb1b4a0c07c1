package main

import (
	"context"
	"io"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/drivers/lamp"
	"passerelle/drivers/scannertest"
	"passerelle/drivers/serial"
	"passerelle/gateway/issuer/testkeys"
	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
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
	made, err := newSamples(time.Now())
	if err != nil {
		b.Fatal(err)
	}
	list, err := made.list()
	if err != nil {
		b.Fatal(err)
	}
	scanner, err := scannertest.New(scannertest.Options{AIM: "]Q1"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { scanner.Close() })
	profile := policy.Demo()
	profile.Once = 0
	s, err := openStation(stationOptions{
		state: dir, profile: &profile, list: list, verify: verifyConfig{P256: p256Fast}, maxDark: defaultMaxDark,
		log: logger(streams{err: io.Discard}, true),
		lanes: []lane.Config{{
			ID: "1", Profile: &profile, Scanner: scanner.Path(), Lamp: lamps{lamp.NewSimulated(time.Now)},
			Open: func(context.Context) (lane.Scanner, error) { return serial.Open(serial.Options{Path: scanner.Path()}) },
		}},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = s.run(ctx, nil, nil) })
	b.Cleanup(func() {
		stop()
		running.Wait()
		if err := s.close(); err != nil {
			b.Error(err)
		}
	})
	events := s.gate.Subscribe("1", policy.Steward)
	at := make(chan time.Time, 1)
	running.Go(func() {
		defer events.Close()
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-events.Events:
				if e.Kind == lane.VerdictGiven && e.Candidate.Outcome() == policy.Admit {
					at <- e.At
				}
			}
		}
	})
	for end := time.Now().Add(patience); ; time.Sleep(glance) {
		if status, ok := s.gate.Status("1"); ok && status.Connected {
			break
		}
		if time.Now().After(end) {
			b.Fatal("the scanner was not opened")
		}
	}
	return func(code []byte) error { return scanner.Scan(ctx, code) }, at
}
