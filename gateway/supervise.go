package main

import (
	"errors"
	"fmt"
	"time"

	"passerelle/gateway/journal"
	"passerelle/gateway/lane"
	"passerelle/gateway/people"
)

// supervise does what a supervisor asks for, once the journal says who asked, and why. What cannot be written is not done.
func (s *station) supervise(a people.Action) error {
	now := time.Now()
	if a.Deed == people.Free {
		err := s.journal.Free(a.Lane, now, a.Sequence, string(a.Reason))
		if errors.Is(err, journal.ErrNothingToFree) || errors.Is(err, journal.ErrRange) {
			return fmt.Errorf("%w: %w", people.ErrNotNow, err)
		}
		if err != nil {
			return err
		}
	}
	if a.Deed == people.ConfirmTime {
		if err := s.clock.confirm(a.Time); err != nil {
			return fmt.Errorf("%w: %w", people.ErrNotNow, err)
		}
	}
	fields := map[string]string{"deed": a.Deed.String(), "by": a.By, "means": string(a.Means), "reason": string(a.Reason)}
	switch a.Deed {
	case people.Override, people.Free:
		fields["entry"] = fmt.Sprint(a.Sequence)
	case people.OpenCount, people.Rehearsal:
		fields["on"] = fmt.Sprint(a.On)
	case people.ConfirmTime:
		fields["time"] = a.Time.UTC().Format(time.RFC3339)
	}
	if _, err := s.journal.Note(a.Lane, now, "supervisor", fields); err != nil {
		return fmt.Errorf("journal a supervisor's deed: %w", err)
	}
	s.committed()
	switch a.Deed {
	case people.Override:
		return s.gate.Override(a.Lane, a.Sequence)
	case people.OpenCount:
		return s.gate.SetMode(a.Lane, modeIf(a.On, lane.OpenCount))
	case people.Rehearsal:
		return s.gate.SetMode(a.Lane, modeIf(a.On, lane.Rehearsal))
	}
	return nil
}

func modeIf(on bool, m lane.Mode) lane.Mode {
	if on {
		return m
	}
	return lane.Normal
}
