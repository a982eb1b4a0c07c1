package main

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"passerelle/benchmarks/measure"
	"passerelle/benchmarks/ours"
	"passerelle/benchmarks/workload"
	"passerelle/gateway/journal"
	"passerelle/gateway/policy"
)

// singleCommits is how many verdicts are committed one by one at each size.
const singleCommits = 100

// journal: at 1,000, 10,000 … entries, all of them tickets that are used once: what a commit of one verdict takes, and what a
// start takes. Wall time.
func (f *field) journal(most int) (s series, err error) {
	s = series{name: "journal", x: "entries", y: "ms of wall time for one verdict to be on disk, p50"}
	ticket, err := f.ticket()
	if err != nil {
		return s, err
	}
	dir, err := os.MkdirTemp("", "passerelle-growth-")
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	options := journal.Options{Now: time.Now, Random: rand.Reader, MaxUses: 2 * most}
	j, err := journal.Open(dir, options)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	tickets := &tickets{of: ticket}
	for size := 1000; size <= most; size *= 10 {
		if err := tickets.fill(j, size); err != nil {
			return s, err
		}
		took, err := tickets.single(j)
		if err != nil {
			return s, err
		}
		if err := j.Close(); err != nil {
			return s, err
		}
		begun := time.Now()
		if j, err = journal.Open(dir, options); err != nil {
			return s, err
		}
		opened := time.Since(begun)
		bytes, err := diskUse(dir)
		if err != nil {
			return s, err
		}
		s.points = append(s.points, point{
			x: float64(size), y: measure.Median(took),
			note: fmt.Sprintf("ms; opens in %.0f ms after an orderly end, %d MB on disk", milliseconds(opened), bytes>>20),
		})
	}
	return s, nil
}

// ticket is a genuine candidate.
func (f *field) ticket() (journal.Pending, error) {
	set, err := workload.NewSet(f.templates[:1], f.signers[:1], 1)
	if err != nil {
		return journal.Pending{}, err
	}
	c := ours.New().Verify(set.Scans, set.List, set.Now)[0]
	if c.Outcome() != policy.Admit {
		return journal.Pending{}, fmt.Errorf("the ticket is refused: %v", c.Reason())
	}
	profile := policy.Health()
	return journal.Pending{Lane: "1", Profile: &profile, Candidate: c}, nil
}

// tickets are as many as are asked for, each to be used once.
type tickets struct {
	of    journal.Pending
	count int
}

func (t *tickets) next() journal.Pending {
	t.count++
	p := t.of
	p.At = time.Now()
	p.Candidate.Once, p.Candidate.Expires = true, p.At.Add(24*time.Hour).Unix()
	binary.BigEndian.PutUint64(p.Candidate.Use[:], uint64(t.count)*0x9e3779b97f4a7c15) // spread like the hashes that they are
	return p
}

// fill commits large batches until the journal has so many entries, less those that single commits.
func (t *tickets) fill(j *journal.Journal, size int) error {
	for t.count < size-singleCommits {
		n := min(journal.MaxBatch, size-singleCommits-t.count)
		pending := make([]journal.Pending, n)
		for i := range pending {
			pending[i] = t.next()
		}
		if err := j.Commit(pending); err != nil {
			return err
		}
	}
	return nil
}

func (t *tickets) single(j *journal.Journal) ([]float64, error) {
	var took []float64
	for range singleCommits {
		pending := []journal.Pending{t.next()}
		begun := time.Now()
		if err := j.Commit(pending); err != nil {
			return nil, err
		}
		took = append(took, milliseconds(time.Since(begun)))
		if v := pending[0].Candidate; v.Outcome() != policy.Admit || !v.Final() {
			return nil, fmt.Errorf("a ticket's verdict is %v", v.Reason())
		}
	}
	return took, nil
}

// diskUse returns the length of a folder's files.
func diskUse(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
