package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
)

// boardingCmd plays the boarding of two flights at one gate.
type boardingCmd struct {
	storyOptions `embed:""`

	Passengers int `help:"How many are on each of the two flights." default:"180"`
}

// Limits of a flight.
const (
	minPassengers = 20
	maxPassengers = 800
	boardingLanes = 2
	boardingRate  = 40 // codes a second
)

// Run prints a table and exits 1 if a verdict was wrong.
func (c *boardingCmd) Run(ctx context.Context, std streams) error {
	t, err := c.tell(ctx, std)
	return t.exit(err)
}

func (c *boardingCmd) tell(ctx context.Context, std streams) (tally, error) {
	if c.Passengers < minPassengers || c.Passengers > maxPassengers {
		return tally{}, misuse{fmt.Errorf("want %d to %d passengers", minPassengers, maxPassengers)}
	}
	s, err := newBoarding(c)
	if err != nil {
		return tally{}, err
	}
	return s.tell(ctx, std, c.storyOptions)
}

// boarding is the story while it is made.
//
// Two flights leave from one gate, with one lane for each side of the desk. The carrier of the first one signs its passes and the gate has
// its key; that of the second one does not, so its flight has a passenger list. In the first act the groups are called in their order,
// in the second everybody else comes as he likes; in the third the first flight has left.
type boarding struct {
	*story
	airline *airline
	n       int // on each flight
	people  int // so far
}

const (
	boardingTime = 20 * time.Minute // of the first act, and of the second one
	groups       = 4
)

func newBoarding(c *boardingCmd) (*story, error) {
	b := &boarding{story: newStory("boarding", c.storyOptions), n: c.Passengers}
	b.profile = policy.Boarding()
	b.profile.Production = false // the keys are invented
	for i := range boardingLanes {
		b.lanes = append(b.lanes, storyLane{id: strconv.Itoa(i + 1), aim: "]Q1"})
	}
	var err error
	if b.airline, err = newAirline(b.story); err != nil {
		return nil, err
	}
	for _, scene := range []struct {
		flights []*flight
		play    func() error
	}{
		{[]*flight{b.airline.signed, b.airline.unsigned}, b.inGroups},
		{[]*flight{b.airline.unsigned, b.airline.signed}, b.everybodyElse},
		{[]*flight{b.airline.unsigned}, b.theFirstHasLeft},
	} {
		b.acts = append(b.acts, act{sessions: b.sessions(scene.flights)})
		if err := scene.play(); err != nil {
			return nil, err
		}
		b.acts[len(b.acts)-1].order(boardingRate)
	}
	if b.list, err = b.airline.list(); err != nil {
		return nil, err
	}
	shown := 0
	for range b.all {
		shown++
	}
	b.about = fmt.Sprintf("two flights of %d at one gate with %d lanes, one that signs its passes and one with a passenger list, %d codes shown",
		b.n, boardingLanes, shown)
	return b.story, nil
}

// order puts the showings in the order of their times, and has them played at a rate.
func (a *act) order(rate float64) {
	slices.SortStableFunc(a.showings, func(x, y *showing) int { return int(x.at - y.at) })
	for i, x := range a.showings {
		x.at = time.Duration(float64(i) / rate * float64(time.Second))
	}
}

// sessions says which flights the lanes board. The second flight is sold under another carrier's number, too.
func (b *boarding) sessions(flights []*flight) map[string]sessionJSON {
	s := sessionJSON{Gate: "B7", Airport: airport}
	for _, f := range flights {
		s.Flights = append(s.Flights, flightJSON{Carrier: f.carrier, Number: f.number, Date: b.airline.date()})
		if f == b.airline.unsigned {
			shared := b.airline.shared
			s.Flights = append(s.Flights, flightJSON{
				Carrier: shared.carrier, Number: shared.number, Date: b.airline.date(), List: b.airline.scope(f),
			})
		}
	}
	all := make(map[string]sessionJSON)
	for _, l := range b.lanes {
		all[l.id] = s
	}
	return all
}

// anyLane returns a lane.
func (b *boarding) anyLane() int { return b.rand.IntN(boardingLanes) }

// anyTime returns a time of the present act.
func (b *boarding) anyTime() time.Duration { return time.Duration(b.rand.Int64N(int64(boardingTime))) }

// inGroups boards the first half of both flights, group by group, and everything odd comes in between.
func (b *boarding) inGroups() error {
	for _, f := range []*flight{b.airline.signed, b.airline.unsigned} {
		for i := range b.n / 2 {
			group := i * groups / (b.n / 2)
			at := boardingTime*time.Duration(group)/groups + time.Duration(b.rand.Int64N(int64(boardingTime/groups)))
			if err := b.board(f, at, i); err != nil {
				return err
			}
		}
		for range max(1, b.n/60) {
			if err := b.odd(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// everybodyElse boards the other half in no order.
func (b *boarding) everybodyElse() error {
	for i := b.n / 2; i < b.n; i++ {
		for _, f := range []*flight{b.airline.signed, b.airline.unsigned} {
			if err := b.board(f, b.anyTime(), i); err != nil {
				return err
			}
		}
	}
	return nil
}

// theFirstHasLeft: its last passenger is too late, that of the other one is not.
func (b *boarding) theFirstHasLeft() error {
	for _, x := range []struct {
		f    *flight
		kind string
		want reply
	}{
		{b.airline.signed, "too late, the flight has left", denied(policy.WrongPlace)},
		{b.airline.unsigned, "late, the flight has not left", admitted()},
	} {
		code, err := b.airline.passenger(x.f)
		if err != nil {
			return err
		}
		b.people++
		b.show(showing{kind: x.kind, lane: b.anyLane(), code: code, want: x.want, person: b.people})
	}
	return nil
}

// board shows a good pass; some are shown a second time.
func (b *boarding) board(f *flight, at time.Duration, i int) error {
	code, err := b.airline.passenger(f)
	if err != nil {
		return err
	}
	b.people++
	x := b.show(showing{kind: f.about, lane: b.anyLane(), at: at, code: code, want: admitted(), person: b.people})
	again := showing{at: at, code: code, after: x, person: b.people, lane: x.lane, want: denied(policy.AlreadyUsed)}
	switch i % 45 {
	case 3:
		again.kind, again.want, again.within = "the same pass at once", shownAgain(), lane.DefaultRepeat
	case 10:
		again.kind, again.lane, again.at = "the same pass later at the other lane", 1-x.lane, at+boardingTime/10
	case 17:
		again.kind, again.pause, again.at = "the same pass later at the same lane", afterRepeat, at+boardingTime/4
	case 30: // a new seat, on paper
		again.kind, again.at = "the pass of the new seat of one who has boarded", at+boardingTime/10
		if again.code, err = b.airline.reseated(f); err != nil {
			return err
		}
	default:
		return nil
	}
	b.show(again)
	return nil
}

// odd shows one of each odd pass of a flight.
func (b *boarding) odd(f *flight) error {
	all := slices.Concat(anywhere, unsignedOnly)
	if f.signs {
		all = slices.Concat(anywhere, signedOnly)
	}
	for _, o := range all {
		code, err := o.make(b.airline, f)
		if err != nil {
			return fmt.Errorf("%s: %w", o.kind, err)
		}
		person := 0
		if o.want == admitted() {
			b.people++
			person = b.people
		}
		x := b.show(showing{kind: o.kind, lane: b.anyLane(), at: b.anyTime(), code: code, want: o.want, person: person})
		if o.kind == secondLeg {
			b.show(showing{
				kind: "the pass of two legs once more", lane: 1 - x.lane, at: x.at + boardingTime/10, code: code,
				want: denied(policy.AlreadyUsed), person: person, after: x,
			})
		}
	}
	return nil
}
