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

// stadiumCmd plays the hour before a match.
type stadiumCmd struct {
	storyOptions `embed:""`

	Entries int     `help:"How many people enter." default:"20000"`
	Peak    float64 `help:"Scans a second over all lanes in the last third of the hour, at most: how fast the hour goes by." default:"240"`
}

// Limits of a stadium.
const (
	minEntries   = 20 // one of each sort, and some visitors
	maxEntries   = 100_000
	maxPeak      = 2000
	stadiumLanes = 16
)

// Run prints a table and exits 1 if a verdict was wrong.
func (c *stadiumCmd) Run(ctx context.Context, std streams) error {
	t, err := c.tell(ctx, std)
	return t.exit(err)
}

func (c *stadiumCmd) tell(ctx context.Context, std streams) (tally, error) {
	if c.Entries < minEntries || c.Entries > maxEntries || !(c.Peak > 0 && c.Peak <= maxPeak) {
		return tally{}, misuse{fmt.Errorf("want %d to %d entries, and a peak above 0 and up to %d", minEntries, maxEntries, maxPeak)}
	}
	s, err := newStadium(c)
	if err != nil {
		return tally{}, err
	}
	return s.tell(ctx, std, c.storyOptions)
}

// The match. Tickets are for one of two zones, each with half of the lanes.
const (
	match      = "WAC-RCA"
	otherMatch = "FUS-MAS"
	statusURI  = "https://tickets.invalid/status/1"
)

var (
	zones    = [2]string{"nord", "sud"}
	products = [2]int64{101, 102} // of pretix, one for each zone
)

// The shares of the hour's thirds, in a hundred.
var thirds = [3]int{15, 25, 60}

// stadium is the story while it is made.
type stadium struct {
	*story
	tickets *ticketOffice
	entries int
	people  int // so far
}

// newStadium makes the story: who comes when, with what, and what must come of it.
func newStadium(c *stadiumCmd) (*story, error) {
	s := &stadium{story: newStory("stadium", c.storyOptions), entries: c.Entries}
	s.profile, s.timed = policy.Venue(), true
	s.profile.Production = false // the keys are invented
	sessions := make(map[string]sessionJSON)
	for i := range stadiumLanes {
		id := strconv.Itoa(i + 1)
		s.lanes = append(s.lanes, storyLane{id: id, aim: "]Q1"})
		zone := zoneOf(i)
		sessions[id] = sessionJSON{Event: match, Zone: zones[zone], Products: []int64{products[zone]}}
	}
	s.acts = []act{{sessions: sessions}}
	var err error
	if s.tickets, err = newTicketOffice(s.story, c.Entries); err != nil {
		return nil, err
	}
	if err := s.crowd(); err != nil {
		return nil, err
	}
	if s.list, err = s.tickets.list(); err != nil {
		return nil, err
	}
	s.pace(c.Peak)
	return s.story, nil
}

func zoneOf(lane int) int { return lane * len(zones) / stadiumLanes }

// hour is the story's own time.
const hour = time.Hour

// arrival returns when somebody comes.
func (s *stadium) arrival() time.Duration {
	n := s.rand.IntN(thirds[0] + thirds[1] + thirds[2])
	third := 0
	for n >= thirds[third] {
		n -= thirds[third]
		third++
	}
	return time.Duration(third)*hour/3 + time.Duration(s.rand.Int64N(int64(hour/3)))
}

// later returns a time after another one: in the rest of the hour, or in the minute behind it.
func (s *stadium) later(than time.Duration) time.Duration {
	return than + 1 + time.Duration(s.rand.Int64N(int64(max(hour-than, hour/60))))
}

// laneIn returns a lane of a zone, another one than not.
func (s *stadium) laneIn(zone, not int) int {
	half := stadiumLanes / len(zones)
	for {
		if l := zone*half + s.rand.IntN(half); l != not {
			return l
		}
	}
}

// share returns as many of this story's entries as n are of 20,000, at least one.
func (s *stadium) share(n int) int { return max(1, n*s.entries/20_000) }

// pace puts the showings in their order and presses the hour together, so that its last third has that many scans a second.
func (s *stadium) pace(peak float64) {
	a := &s.acts[0]
	slices.SortStableFunc(a.showings, func(x, y *showing) int { return int(x.at - y.at) })
	last := 0
	for _, x := range a.showings {
		if x.at >= hour*2/3 {
			last++
		}
	}
	third := time.Duration(float64(last) / peak * float64(time.Second))
	squeeze := float64(3*third) / float64(hour)
	for _, x := range a.showings {
		x.at = time.Duration(float64(x.at) * squeeze)
	}
	s.about = fmt.Sprintf("%d entries over %d lanes, %d codes shown, %d %% of them in the last third of an hour that takes %v, %.0f a second then",
		s.entries, stadiumLanes, len(a.showings), 100*last/len(a.showings), (3 * third).Round(time.Second), peak)
}

// crowd makes everybody who comes.
func (s *stadium) crowd() error {
	steps := []struct {
		n    int
		make func() error
	}{
		{s.entries - s.share(400) - s.share(200) - s.share(200) - s.share(100) - 4*s.share(60), s.visitor},
		{s.share(400), s.visitorAndCopy},
		{s.share(200), s.phoneHandedBack},
		{s.share(200), s.misread},
		{s.share(100), s.twoCopiesAtOnce},
		{s.share(60), s.lostNewFirst},
		{s.share(60), s.lostOldFirst},
		{s.share(60), s.wrongZone},
		{s.share(60), s.refused},
	}
	for _, step := range steps {
		for range step.n {
			s.people++
			if err := step.make(); err != nil {
				return err
			}
		}
	}
	return nil
}

// enter shows a ticket that must be let in.
func (s *stadium) enter(kind string, t *soldTicket) *showing {
	return s.show(showing{
		kind: kind, lane: s.laneIn(t.zone, -1), at: s.arrival(), code: t.code, secret: t.secret, want: admitted(), person: s.people,
	})
}

func (s *stadium) visitor() error {
	t, err := s.tickets.sell(s.people, ticketKind(s.people%int(ticketKinds)), s.rand.IntN(len(zones)))
	if err != nil {
		return err
	}
	s.enter("ticket, "+t.kind.String(), t)
	return nil
}

// sold returns a ticket of some kind.
func (s *stadium) sold() (*soldTicket, error) {
	return s.tickets.sell(s.people, ticketKind(s.rand.IntN(int(ticketKinds))), s.rand.IntN(len(zones)))
}

// visitorAndCopy enters, and somebody else shows the same ticket later, often at another lane.
func (s *stadium) visitorAndCopy() error {
	t, err := s.sold()
	if err != nil {
		return err
	}
	first := s.enter("ticket that is shown again later", t)
	second := showing{
		kind: "duplicate at another lane", lane: s.laneIn(t.zone, first.lane), at: s.later(first.at), code: t.code, secret: t.secret,
		want: denied(policy.AlreadyUsed), person: s.people, after: first,
	}
	if s.people%4 == 0 {
		second.kind, second.lane, second.pause = "duplicate at the same lane", first.lane, afterRepeat
	}
	s.show(second)
	return nil
}

// afterRepeat is when a code is no longer one that was just shown.
const afterRepeat = lane.DefaultRepeat + 200*time.Millisecond

// phoneHandedBack is in front of the scanner a second time before its owner has moved on.
func (s *stadium) phoneHandedBack() error {
	t, err := s.tickets.sell(s.people, ticketKind(s.rand.IntN(int(oneTimeCode))), s.rand.IntN(len(zones)))
	if err != nil {
		return err
	}
	first := s.enter("ticket of a phone that is handed back", t)
	s.show(showing{
		kind: "phone handed back", lane: first.lane, at: first.at, code: t.code, want: shownAgain(), person: s.people,
		after: first, within: lane.DefaultRepeat,
	})
	return nil
}

// misread is a ticket that the scanner reads wrongly, then well.
func (s *stadium) misread() error {
	kind := ticketKind(s.people % int(oneTimeCode))
	t, err := s.tickets.sell(s.people, kind, s.rand.IntN(len(zones)))
	if err != nil {
		return err
	}
	text, reason := s.tickets.damage(t)
	bad := s.show(showing{kind: "misread, " + kind.String(), lane: s.laneIn(t.zone, -1), at: s.arrival(), code: text, want: denied(reason)})
	s.show(showing{kind: "ticket read again", lane: bad.lane, at: bad.at, code: t.code, want: admitted(), person: s.people})
	return nil
}

// twoCopiesAtOnce are in front of two scanners at the same moment.
func (s *stadium) twoCopiesAtOnce() error {
	t, err := s.sold()
	if err != nil {
		return err
	}
	one := s.enter("copies at two lanes at the same moment", t)
	other := s.show(showing{
		kind: one.kind, lane: s.laneIn(t.zone, one.lane), at: one.at, code: t.code, secret: t.secret, want: denied(policy.AlreadyUsed),
		person: s.people, twin: one,
	})
	one.twin = other
	return nil
}

// wrongZone is sent to the other end of the stadium.
func (s *stadium) wrongZone() error {
	t, err := s.sold()
	if err != nil {
		return err
	}
	wrong := s.show(showing{
		kind: "wrong zone", lane: s.laneIn(1-t.zone, -1), at: s.arrival(), code: t.code, secret: t.secret, want: denied(policy.WrongPlace),
	})
	s.show(showing{
		kind: "ticket in its zone after all", lane: s.laneIn(t.zone, -1), at: s.later(wrong.at), code: t.code, secret: t.secret,
		want: admitted(), person: s.people, after: wrong,
	})
	return nil
}

// lostNewFirst has lost a ticket and comes with the new one; later somebody shows the old one.
func (s *stadium) lostNewFirst() error {
	old, replacement, reason, err := s.tickets.replaced(s.people, s.rand.IntN(len(zones)))
	if err != nil {
		return err
	}
	first := s.enter("replacement of a lost ticket", replacement)
	s.show(showing{
		kind: "lost ticket after its replacement", lane: s.laneIn(old.zone, -1), at: s.later(first.at), code: old.code,
		want: denied(reason), person: s.people, after: first,
	})
	return nil
}

// lostOldFirst comes with the new one after somebody has shown the old one. Where the old one is on no list of revoked ones it was let in.
func (s *stadium) lostOldFirst() error {
	old, replacement, reason, err := s.tickets.replaced(s.people, s.rand.IntN(len(zones)))
	if err != nil {
		return err
	}
	first := showing{
		kind: "lost ticket before its replacement", lane: s.laneIn(old.zone, -1), at: s.arrival(), code: old.code, want: denied(reason), person: s.people,
	}
	second := showing{kind: "replacement after the lost ticket", code: replacement.code, want: admitted(), person: s.people}
	if reason == policy.AlreadyUsed {
		first.want, second.want = admitted(), denied(policy.AlreadyUsed)
	}
	shown := s.show(first)
	second.lane, second.at, second.after = s.laneIn(old.zone, -1), s.later(shown.at), shown
	s.show(second)
	return nil
}

// refused is one of each sort that must not be let in, and a good visitor.
func (s *stadium) refused() error {
	all, err := s.tickets.badOnes(s.people)
	if err != nil {
		return err
	}
	for _, b := range all {
		s.show(showing{kind: b.kind, lane: s.laneIn(b.zone, -1), at: s.arrival(), code: b.code, secret: b.secret, old: b.old, want: denied(b.reason)})
	}
	return s.visitor()
}
