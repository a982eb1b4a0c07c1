package main

import (
	"context"
	"time"
)

const (
	shutdownTime = 2 * time.Second
	pruneEvery   = time.Hour
	releaseEvery = time.Minute
)

// prune drops what is reported and past age, now and every hour, by the time that is certainly over: by a wrong clock, or a supervisor's
// mistake, a used ticket would be forgotten.
func (s *station) prune(ctx context.Context) {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		if n, err := s.journal.Prune(time.Unix(s.clock.passed(), 0)); err != nil {
			s.log.Error("journal", "err", err)
		} else if n > 0 {
			s.log.Info("journal: dropped what is reported and past age", "entries", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// releasePages keeps the files of the journal out of memory, every minute: they are mapped, and would fill it as the journal grows.
func (s *station) releasePages(ctx context.Context) {
	tick := time.NewTicker(releaseEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.journal.ReleasePages(); err != nil {
			s.log.Error("journal", "err", err)
		}
	}
}

// saveClock keeps the last trusted time for the next boot, every ten minutes.
func (s *station) saveClock(ctx context.Context) {
	tick := time.NewTicker(clockSaveEvery * time.Second)
	defer tick.Stop()
	for {
		if err := s.clock.save(); err != nil {
			s.log.Error("clock", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
