package main

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"passerelle/benchmarks/measure"
	"passerelle/benchmarks/workload"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
	"passerelle/gateway/trust/cache"
)

// startRounds is how often each list is read.
const startRounds = 9

// starts: the trust list as a box finds it when it is switched on: in the cache's file and in Badger, both read, compared and
// verified, then indexed. Wall time, the files in the system's cache.
func (f *field) starts() (series, error) {
	s := series{name: "start", x: "keys of the trust list", y: "ms of wall time until the list is in force"}
	for _, n := range listSizes {
		p, err := start(f.signers[:n])
		if err != nil {
			return s, fmt.Errorf("list of %d keys: %w", n, err)
		}
		s.points = append(s.points, p)
	}
	return s, nil
}

func start(keys []*workload.Key) (_ point, err error) {
	dir, err := os.MkdirTemp("", "passerelle-growth-")
	if err != nil {
		return point{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	roots, size, err := fill(dir, keys)
	if err != nil {
		return point{}, err
	}
	entries := make([]trust.Key, len(keys))
	for i, k := range keys {
		entries[i] = k.Entry()
	}
	var took, index []float64
	for range startRounds {
		runtime.GC()
		begun := time.Now()
		c, err := cache.Open(dir, cache.Options{Roots: roots})
		if err != nil {
			return point{}, err
		}
		list, _, err := c.Load()
		took = append(took, milliseconds(time.Since(begun)))
		if err = errors.Join(err, c.Close()); err != nil {
			return point{}, err
		}
		if list.Len() != len(keys) {
			return point{}, fmt.Errorf("%d keys were loaded", list.Len())
		}
		begun = time.Now()
		if _, err := trust.New(workload.ListOf(entries)); err != nil {
			return point{}, err
		}
		index = append(index, milliseconds(time.Since(begun)))
	}
	return point{
		x: float64(len(keys)), y: measure.Median(took),
		note: fmt.Sprintf("ms, of which trust.New %.3f ms; file of %d kB", measure.Median(index), size/1000),
	}, nil
}

// fill takes a signed list of the keys into a new cache, as a box does.
func fill(dir string, keys []*workload.Key) (*bundle.Roots, int, error) {
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) // signs nothing but this
	signer, err := bundle.NewSigner(private)
	if err != nil {
		return nil, 0, err
	}
	root, err := sig.New(private.Public())
	if err != nil {
		return nil, 0, err
	}
	roots := &bundle.Roots{Threshold: 1, Keys: []bundle.Root{{Key: root, Name: "growth"}}}
	content := bundle.Content{Acceptance: []trust.Acceptance{{Country: "*", Usages: trust.AllHCERT}}}
	for _, k := range keys {
		content.Keys = append(content.Keys, bundle.Entry{Key: k.Entry(), Source: "growth"})
	}
	now := time.Now()
	b, err := bundle.Build(content, bundle.Header{Version: 1, Issued: now.Unix(), Expires: now.Add(24 * time.Hour).Unix()})
	if err != nil {
		return nil, 0, err
	}
	if err := b.Sign(nil, signer); err != nil {
		return nil, 0, err
	}
	file, err := b.File(nil)
	if err != nil {
		return nil, 0, err
	}
	c, err := cache.Open(dir, cache.Options{Roots: roots})
	if err != nil {
		return nil, 0, err
	}
	_, _, err = c.Take(file, bundle.At(now))
	return roots, len(file), errors.Join(err, c.Close())
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }
