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
	switch a.Deed {
	case people.Free:
		return s.free(a, now)
	case people.ConfirmTime:
		if err := s.clock.plausible(a.Time); err != nil {
			return fmt.Errorf("%w: %w", people.ErrNotNow, err)
		}
	}
	fields := map[string]string{"deed": a.Deed.String(), "by": a.By, "means": string(a.Means), "reason": string(a.Reason)}
	switch a.Deed {
	case people.Override:
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
	case people.ConfirmTime:
		return s.clock.confirm(a.Time)
	case people.Override:
		return s.gate.Override(a.Lane, a.Sequence)
	case people.OpenCount:
		return s.gate.SetMode(a.Lane, modeIf(a.On, lane.OpenCount))
	case people.Rehearsal:
		return s.gate.SetMode(a.Lane, modeIf(a.On, lane.Rehearsal))
	}
	return nil
}

// free makes a used ticket usable again; the entry that does so says who asked.
func (s *station) free(a people.Action, now time.Time) error {
	err := s.journal.Free(a.Lane, now, a.Sequence, journal.Deed{Reason: string(a.Reason), By: a.By, Means: string(a.Means)})
	switch {
	case errors.Is(err, journal.ErrNothingToFree), errors.Is(err, journal.ErrRange), errors.Is(err, journal.ErrStillPending):
		return fmt.Errorf("%w: %w", people.ErrNotNow, err)
	case err != nil:
		return err
	}
	s.committed()
	return nil
}

// takeCard makes whoever stands at a lane a supervisor for a moment, once the journal says so: a card with this id was read there.
func (s *station) takeCard(lane, id string) error {
	now := time.Now()
	if _, err := s.journal.Note(lane, now, "supervisor_card", map[string]string{"card": id}); err != nil {
		return fmt.Errorf("journal a supervisor's card: %w", err)
	}
	s.committed()
	s.options.web.People.Grant(lane, "card:"+id, now.Add(people.GrantLife))
	return nil
}

func modeIf(on bool, m lane.Mode) lane.Mode {
	if on {
		return m
	}
	return lane.Normal
}
