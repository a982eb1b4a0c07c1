package journal

import (
	"context"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"passerelle/gateway/policy"
)

// holder is what a plain list of what happened says of one ticket in one zone.
type holder struct {
	entries   int
	inside    bool
	moved     time.Time // zero for never
	waits     uint64    // the entry that waits
	last      Earlier   // the entry that let in
	again     bool      // that counted no use
	freed     bool      // it was taken back
	usedUpFor *holder   // the replacement that was let in
	usedUpBy  uint64    // its entry
}

// spot is a ticket in a zone.
type spot struct {
	ticket int
	zone   string
}

// move is one admitted movement that may be resolved or freed.
type move struct {
	p        Pending
	saved    map[spot]holder // of the tickets concerned, as they were before
	resolved bool
}

// crowd is a model of the ledger that keeps everything.
type crowd struct {
	holders  map[spot]*holder
	moves    map[uint64]*move
	counts   map[place]*Count
	replaced [6]int // by each ticket, all its life, since its signature says so; -1 for none
	sequence uint64
	now      time.Time
}

func (c *crowd) holder(s spot) *holder {
	if c.holders[s] == nil {
		c.holders[s] = &holder{}
	}
	return c.holders[s]
}

func (c *crowd) count(lane, zone string) *Count {
	at := place{lane, zone}
	if c.counts[at] == nil {
		c.counts[at] = &Count{Lane: lane, Zone: zone}
	}
	return c.counts[at]
}

// TestLedgerIsAListOfMovements runs random entries, exits, resolutions, annulments, frees, replaced credentials, restarts and
// prunings over several lanes and zones against the model.
func TestLedgerIsAListOfMovements(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		c := crowd{holders: make(map[spot]*holder), moves: make(map[uint64]*move), counts: make(map[place]*Count), now: testTime}
		opts := retentionOptions()
		opts.segment = uint64(rapid.IntRange(1, 9).Draw(rt, "segment"))
		prof := demo
		prof.Reentry = rapid.Bool().Draw(rt, "reentry")
		c.replaced = [6]int{-1, -1, -1, -1}
		for n := 4; n < len(c.replaced); n++ { // 4 and 5 replace 0 and 1; or both the same
			c.replaced[n] = rapid.IntRange(0, 1).Draw(rt, "lost")
		}
		prof.Passback = time.Duration(rapid.IntRange(0, 2).Draw(rt, "passback")) * 10 * time.Minute
		j, err := Open(dir, opts)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = j.Close() }()
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			c.now = c.now.Add(time.Duration(rapid.IntRange(-1, 12).Draw(rt, "minutes")) * time.Minute)
			switch rapid.IntRange(0, 9).Draw(rt, "step") {
			case 0:
				if err := j.Close(); err != nil {
					rt.Fatal(err)
				}
				if j, err = Open(dir, opts); err != nil {
					rt.Fatal(err)
				}
			case 1:
				c.prune(rt, j)
			case 2, 3:
				c.resolve(rt, j)
			case 4:
				c.free(rt, j)
			default:
				c.commit(rt, j, &prof)
			}
			c.check(rt, j)
		}
	})
}

func (c *crowd) commit(rt *rapid.T, j *Journal, prof *policy.Profile) {
	batch := make([]Pending, rapid.IntRange(1, 6).Draw(rt, "batch"))
	tickets := make([]spot, len(batch))
	lost := make([]int, len(batch))
	for i := range batch {
		p := &batch[i]
		n := rapid.IntRange(0, len(c.replaced)-1).Draw(rt, "ticket")
		zone := rapid.SampledFrom([]string{"", "stand-a"}).Draw(rt, "zone")
		*p = in(rapid.SampledFrom([]string{"north", "south"}).Draw(rt, "lane"), zone, n)
		p.Profile, p.At = prof, c.now
		p.Awaited = rapid.Bool().Draw(rt, "awaited")
		p.Candidate.Exit = rapid.IntRange(0, 2).Draw(rt, "exit") == 0
		p.Candidate.Uses = uint8(n / 2) // 0, 0, 1, 1, 2, 2
		p.Candidate.Expires = testTime.AddDate(1, 0, 0).Unix()
		if tickets[i], lost[i] = (spot{n, zone}), c.replaced[n]; lost[i] >= 0 {
			p.Candidate.Also = useID(lost[i])
		}
	}
	shownBatch := slices.Clone(batch)
	if err := j.Commit(batch); err != nil {
		rt.Fatal(err)
	}
	for i := range batch {
		c.sequence++
		var other *spot
		if lost[i] >= 0 {
			other = &spot{lost[i], ""} // wherever it was good: it is void everywhere
		}
		want, earlier := c.judge(&shownBatch[i], tickets[i], other)
		p := &batch[i]
		if p.Candidate.Reason() != want || p.Sequence != c.sequence || p.Earlier != earlier || !p.Candidate.Final() {
			rt.Fatalf("ticket %+v, exit %v: %v, entry %d, earlier %+v; want %v, entry %d, earlier %+v", tickets[i], p.Candidate.Exit,
				p.Candidate.Reason(), p.Sequence, p.Earlier, want, c.sequence, earlier)
		}
		if want == policy.OK {
			c.move(p, tickets[i], other)
		}
	}
}

// judge says what the rules make of a showing.
func (c *crowd) judge(p *Pending, s spot, lost *spot) (policy.Reason, Earlier) {
	h := c.holder(s)
	if p.Candidate.Exit {
		if h.inside && h.waits == 0 {
			return policy.OK, Earlier{}
		}
		return policy.WrongPlace, Earlier{}
	}
	limit := max(1, int(p.Candidate.Uses))
	tooSoon := p.Profile.Passback > 0 && !h.moved.IsZero() && p.At.Before(h.moved.Add(p.Profile.Passback))
	usedUp := h.entries >= limit
	if p.Profile.Reentry && h.entries > 0 {
		usedUp = h.inside
	}
	if h.usedUpFor != nil || h.waits != 0 || tooSoon || usedUp {
		return policy.AlreadyUsed, h.last
	}
	if gone := c.holder(spot{s.ticket, ""}); gone.usedUpFor != nil {
		return policy.AlreadyUsed, gone.last
	}
	if lost != nil {
		if o := c.holder(spot{lost.ticket, s.zone}); o.entries > 0 || o.waits != 0 || o.usedUpFor != nil && o.usedUpFor != h {
			return policy.AlreadyUsed, o.last
		}
		o := c.holder(*lost)
		if o.entries > 0 || o.waits != 0 || o.usedUpFor != nil && o.usedUpFor != h {
			return policy.AlreadyUsed, o.last
		}
	}
	return policy.OK, Earlier{}
}

// move does what was admitted.
func (c *crowd) move(p *Pending, s spot, lost *spot) {
	h, m := c.holder(s), &move{p: *p, saved: map[spot]holder{}, resolved: !p.Awaited}
	m.saved[s] = *h
	n := c.count(p.Lane, s.zone)
	n.Authorised++
	h.moved = p.At
	if p.Candidate.Exit {
		h.inside = false
	} else {
		h.again = p.Profile.Reentry && h.entries > 0
		if !h.again {
			h.entries++
		}
		h.inside, h.freed = true, false
		h.last = Earlier{p.Lane, p.At, p.Sequence}
		if lost != nil {
			o := c.holder(*lost)
			m.saved[*lost] = *o
			o.usedUpFor, o.usedUpBy, o.last, o.freed, o.moved = h, p.Sequence, h.last, false, time.Time{}
		}
	}
	if p.Awaited {
		h.waits = p.Sequence
		n.Pending++
	} else {
		n.pass(p.Candidate.Exit)
	}
	c.moves[p.Sequence] = m
}

func (n *Count) pass(exit bool) {
	n.Passed++
	if exit {
		n.Left++
	} else {
		n.Entered++
	}
}

// waiting returns the entries that wait, in order.
func (c *crowd) waiting() []uint64 {
	waiting := []uint64{}
	for _, n := range slices.Sorted(maps.Keys(c.moves)) {
		if !c.moves[n].resolved {
			waiting = append(waiting, n)
		}
	}
	return waiting
}

func (c *crowd) resolve(rt *rapid.T, j *Journal) {
	passed := rapid.Bool().Draw(rt, "passed")
	waiting := c.waiting()
	if len(waiting) == 0 {
		return
	}
	n := rapid.SampledFrom(waiting).Draw(rt, "resolved")
	m := c.moves[n]
	got, err := j.Resolve(m.p.Lane, c.now, n, passed)
	if c.sequence++; err != nil || got != c.sequence {
		rt.Fatalf("resolve = %d, %v; want %d", got, err, c.sequence)
	}
	c.end(m, passed)
}

// end resolves a movement.
func (c *crowd) end(m *move, passed bool) {
	n := c.count(m.p.Lane, m.p.Candidate.Zone)
	n.Pending--
	m.resolved = true
	if passed {
		n.pass(m.p.Candidate.Exit)
	} else {
		n.Annulled++
	}
	for s, before := range m.saved {
		if h := c.holder(s); !passed {
			*h = before
		} else if h.waits == m.p.Sequence {
			h.waits = 0
		}
	}
}

func (c *crowd) free(rt *rapid.T, j *Journal) {
	n := rapid.Uint64Range(1, c.sequence+1).Draw(rt, "freed")
	err := j.Free("desk", c.now, n, mistake)
	m := c.moves[n]
	if m != nil && !m.resolved {
		if c.sequence++; err != nil {
			rt.Fatalf("free of %d, which waits: %v", n, err)
		}
		c.end(m, false)
		return
	}
	var own *holder
	if m != nil && !m.p.Candidate.Exit {
		for s := range m.saved {
			if h := c.holder(s); h.last.Sequence == n && h.entries > 0 && h.usedUpFor == nil {
				own = h
			}
		}
	}
	if own == nil || own.freed || own.waits != 0 {
		if err == nil {
			rt.Fatalf("free of %d, which holds nothing, is taken", n)
		}
		return
	}
	if c.sequence++; err != nil {
		rt.Fatalf("free of %d: %v", n, err)
	}
	if !own.again {
		own.entries--
	}
	own.inside, own.freed, own.again, own.moved = false, true, false, time.Time{}
	for s := range m.saved {
		if o := c.holder(s); o.usedUpFor == own && o.usedUpBy == n && own.entries == 0 {
			o.usedUpFor = nil
		}
	}
}

func (c *crowd) prune(rt *rapid.T, j *Journal) {
	if err := j.Acknowledge(rapid.Uint64Range(0, c.sequence).Draw(rt, "acknowledged")); err != nil {
		rt.Fatal(err)
	}
	if _, err := j.Prune(c.now.Add(time.Duration(rapid.IntRange(0, 2).Draw(rt, "hours")) * time.Hour)); err != nil {
		rt.Fatal(err)
	}
	if sequence, _ := j.Head(); sequence > c.sequence {
		c.sequence++ // the entry that says so
	}
}

func (c *crowd) check(rt *rapid.T, j *Journal) {
	if sequence, _ := j.Head(); j.State() != OK || sequence != c.sequence {
		rt.Fatalf("state %v, head %d; want ok, %d", j.State(), sequence, c.sequence)
	}
	if diff := cmp.Diff(c.waiting(), waits(j)); diff != "" {
		rt.Fatalf("waiting (-want +got):\n%s", diff)
	}
	want := []Count{}
	for _, n := range c.counts {
		want = append(want, *n)
	}
	slices.SortFunc(want, func(a, b Count) int { return slices.Compare([]string{a.Lane, a.Zone}, []string{b.Lane, b.Zone}) })
	if diff := cmp.Diff(want, j.Counts()); diff != "" {
		rt.Fatalf("counters (-want +got):\n%s", diff)
	}
	checkTotals(rt, j)
	r, err := j.Verify(context.Background())
	if err != nil || r.Break != nil || r.Authorised != r.Passed+r.Annulled+r.Pending {
		rt.Fatalf("verify: %+v, %+v, %v", r, r.Break, err)
	}
}
