package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"passerelle/gateway/lane"
	"passerelle/gateway/people"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
)

// departure is a gate of one lane that may be made wrong in any way.
type departure struct {
	*town
	profile policy.Profile
	session atomic.Pointer[policy.Session]
	free    atomic.Uint64 // bytes on the disk; 0 is an error
}

const needed = 48 << 20

func newDeparture(t testing.TB, change func(*Config)) *departure {
	t.Helper()
	d := &departure{profile: policy.Venue()}
	d.free.Store(100 * needed)
	d.town = settle(t, func(c *Config) {
		c.Session = func(string) (*policy.Session, *policy.Profile) { return d.session.Load(), &d.profile }
		c.Disk = func() (uint64, uint64, error) {
			if d.free.Load() == 0 {
				return 0, 0, errors.New("no such disk")
			}
			return d.free.Load(), needed, nil
		}
		if change != nil {
			change(c)
		}
	}, "A")
	now := time.Now()
	d.session.Store(&policy.Session{Event: "final", Gate: "14", From: now.Add(-time.Hour).Unix(), Until: now.Add(8 * time.Hour).Unix()})
	codes := feed(trust.FeedCodes, "final", now, 24*time.Hour)
	d.place.set(func(p *place) { p.list = p.list.With([]*trust.Feed{codes}, nil) })
	return d
}

func feed(kind trust.FeedKind, scope string, now time.Time, life time.Duration) *trust.Feed {
	return &trust.Feed{Kind: kind, Scope: scope, Version: 3, Issued: now.Add(-time.Hour).Unix(), Expires: now.Add(life).Unix()}
}

// look asks as a supervisor and returns the answer.
func (d *departure) look(t testing.TB) preflight {
	t.Helper()
	var p preflight
	if err := json.Unmarshal([]byte(d.get(t, "/v1/preflight", "Authorization: Bearer secret")), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func (d *departure) status(change func(*lane.Status)) {
	d.source.mu.Lock()
	defer d.source.mu.Unlock()
	st := d.source.status["A"]
	change(&st)
	d.source.status["A"] = st
}

func TestDoorsAreReadyOnlyIfNothingIsBad(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, tt := range []struct {
		name  string
		wrong func(d *departure)
		want  string // lane, check and level of the first finding, and whether it is ready
		text  string // part of what it says
	}{
		{"all is well", func(*departure) {}, "", ""},
		{"no trust list", func(d *departure) { d.place.set(func(p *place) { p.list = trust.Empty() }) }, " trust_list bad", "there is none"},
		{"a trust list over age", func(d *departure) {
			list := testList(t, 7, now.Add(-48*time.Hour), now.Add(-time.Hour))
			d.place.set(func(p *place) { p.list = list })
		}, " trust_list bad", "min ago"},
		{"a trust list that ends today", func(d *departure) {
			list := testList(t, 7, now.Add(-time.Hour), now.Add(5*time.Hour)).With([]*trust.Feed{feed(trust.FeedCodes, "final", now, 24*time.Hour)}, nil)
			d.place.set(func(p *place) { p.list = list })
		}, " trust_list warn", "ends in 4 h"},
		{"the event's codes over age", func(d *departure) {
			d.place.set(func(p *place) {
				p.list = p.list.With([]*trust.Feed{feed(trust.FeedCodes, "final", now, -30*time.Minute)}, nil)
			})
		}, " feed bad", "codes of final, version 3"},
		{"the block list ends today", func(d *departure) {
			d.place.set(func(p *place) {
				p.list = p.list.With([]*trust.Feed{feed(trust.FeedCodes, "final", now, 24*time.Hour), feed(trust.FeedDeny, "*", now, time.Hour)}, nil)
			})
		}, " feed warn", "deny of *"},
		{"another event's codes are over age, which is nobody's matter", func(d *departure) {
			d.place.set(func(p *place) {
				p.list = p.list.With([]*trust.Feed{feed(trust.FeedCodes, "final", now, 24*time.Hour), feed(trust.FeedCodes, "yesterday", now, -30*time.Minute)}, nil)
			})
		}, "", ""},
		{"the block list was lost", func(d *departure) {
			d.place.set(func(p *place) { p.list = p.list.WithLost([]trust.FeedName{{Kind: trust.FeedDeny, Scope: "*"}}) })
		}, " feed bad", "deny of * was here and is lost"},
		{"a block list of another event was lost", func(d *departure) {
			d.place.set(func(p *place) { p.list = p.list.WithLost([]trust.FeedName{{Kind: trust.FeedDeny, Scope: "other"}}) })
		}, "", ""},
		{"no codes of the event", func(d *departure) { d.place.set(func(p *place) { p.list = p.list.With(nil, nil) }) }, "A feed warn", "no list of codes of final"},
		{"no codes, and nothing else is taken", func(d *departure) {
			d.profile.Accept = policy.Kinds(policy.Code)
			d.place.set(func(p *place) { p.list = p.list.With(nil, nil) })
		}, "A feed bad", "no list of codes of final"},
		{"the clock is rough", func(d *departure) { d.place.set(func(p *place) { p.now.Class = policy.ClockFloored }) }, " clock warn", "roughly"},
		{"the clock is unknown", func(d *departure) { d.place.set(func(p *place) { p.now.Class = policy.ClockUnknown }) }, " clock bad", "not known"},
		{"the disk is nearly full", func(d *departure) { d.free.Store(3 * needed) }, " disk warn", "144 MB free"},
		{"the disk is full", func(d *departure) { d.free.Store(needed + 1) }, " disk bad", "48 MB free"},
		{"the disk is gone", func(d *departure) { d.free.Store(0) }, " disk bad", "cannot be looked at"},
		{"an earlier journal was lost", func(d *departure) { d.place.set(func(p *place) { p.journal = "gap" }) }, " journal bad", "lost"},
		{"the journal is damaged", func(d *departure) { d.place.set(func(p *place) { p.journal = "damaged" }) }, " journal bad", "damaged"},
		{"reports wait", func(d *departure) { d.place.set(func(p *place) { p.reports.Backlog = backlogWarn }) }, " reports warn", "1000 entries wait"},
		{"a foreign keyboard", func(d *departure) { d.place.set(func(p *place) { p.foreign = 1 }) }, " devices warn", "1 USB"},
		{"no session", func(d *departure) { d.session.Store(nil) }, "A session bad", "nothing is said"},
		{"no session, and certificates get in without one", func(d *departure) {
			d.profile = policy.Demo()
			d.session.Store(nil)
		}, "A session warn", "bound to an event or a flight is referred"},
		{"yesterday's session", func(d *departure) {
			d.session.Store(&policy.Session{Event: "final", Until: now.Add(-time.Hour).Unix()})
		}, "A session bad", "not its time"},
		{"a session of another kind", func(d *departure) {
			d.session.Store(&policy.Session{Flights: []policy.Flight{{Carrier: "AT", Number: 834, Day: now.Unix(), List: "x"}}})
		}, "A session bad", "takes nothing of the kind"},
		{"a session that ends soon", func(d *departure) {
			d.session.Store(&policy.Session{Event: "final", Until: now.Add(40 * time.Minute).Unix()})
		}, "A session warn", "ends in 3"},
		{"no passenger list", func(d *departure) {
			d.profile = policy.Boarding()
			d.session.Store(&policy.Session{Airport: "CMN", Flights: []policy.Flight{{Carrier: "AT", Number: 834, Suffix: 'B', Day: now.Unix(), List: "AT834B"}}})
		}, "A feed bad", "no passenger list AT834B"},
		{"the scanner is gone", func(d *departure) { d.status(func(s *lane.Status) { s.Connected = false }) }, "A scanner bad", "gone"},
		{"the lamp fails", func(d *departure) { d.status(func(s *lane.Status) { s.LampFault = true }) }, "A lamp bad", "nobody knows"},
		{"a contact that moves", func(d *departure) {
			d.status(func(s *lane.Status) { s.Contact, s.ContactReads, s.ContactMoves = true, true, true })
		}, "", ""},
		{"a contact that has not moved", func(d *departure) { d.status(func(s *lane.Status) { s.Contact, s.ContactReads = true, true }) }, "A contact warn", "not moved yet"},
		{"a contact that does not move any more", func(d *departure) {
			d.status(func(s *lane.Status) { s.Contact, s.ContactReads, s.ContactStill = true, true, true })
		}, "A contact bad", "several in a row"},
		{"a contact that does not", func(d *departure) { d.status(func(s *lane.Status) { s.Contact = true }) }, "A contact bad", "cannot be read"},
		{"a rehearsal goes on", func(d *departure) { d.status(func(s *lane.Status) { s.Mode = lane.Rehearsal }) }, "A mode bad", "rehearsal"},
		{"everybody is let in", func(d *departure) { d.status(func(s *lane.Status) { s.Mode = lane.OpenCount }) }, "A mode bad", "open"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDeparture(t, nil)
			tt.wrong(d)
			p := d.look(t)
			i := slices.IndexFunc(p.Checks, func(f finding) bool { return f.Level != good })
			got, text := "", ""
			if i >= 0 {
				f := p.Checks[i]
				got, text = fmt.Sprintf("%s %s %s", f.Lane, f.Check, f.Level), f.Text
				if f.Fix == "" {
					t.Errorf("nothing says what to do about %q", f.Text)
				}
			}
			if got != tt.want || !strings.Contains(text, tt.text) || i > 0 {
				t.Errorf("got %q: %q at %d, want %q: %q at 0", got, text, i, tt.want, tt.text)
			}
			if want := !strings.HasSuffix(tt.want, " bad"); p.Ready != want {
				t.Errorf("ready %v, want %v", p.Ready, want)
			}
			if len(p.Checks) < 9 {
				t.Errorf("only %d things were looked at: %+v", len(p.Checks), p.Checks)
			}
		})
	}
}

func TestPreflightSaysWhereNobodyCanActAsASupervisor(t *testing.T) {
	t.Parallel()
	w := settleWith(t, nil, nil) // without accounts
	var p preflight
	if err := json.Unmarshal([]byte(w.get(t, "/v1/preflight", "Accept: */*")), &p); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(p.Checks, func(f finding) bool { return f.Check == checkPeople })
	if i < 0 || p.Checks[i].Level != warn {
		t.Errorf("%+v", p.Checks)
	}
	disk := slices.IndexFunc(p.Checks, func(f finding) bool { return f.Check == checkDisk })
	if p.Ready || p.Checks[disk].Level != bad { // nobody looks at it here
		t.Errorf("ready %v, %+v", p.Ready, p.Checks[disk])
	}
}

// TestTabletSeesItsOwnLaneAlone: what is wrong at another lane is not its steward's.
func TestTabletSeesItsOwnLaneAlone(t *testing.T) {
	t.Parallel()
	w := settle(t, nil)
	var p preflight
	if err := json.Unmarshal([]byte(w.get(t, "/v1/preflight", w.tablet(t, "A", people.Steward))), &p); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(p.Checks, func(f finding) bool { return f.Lane == "B" }) || !slices.ContainsFunc(p.Checks, func(f finding) bool { return f.Lane == "A" }) {
		t.Errorf("%+v", p.Checks)
	}
}

func TestPreflightPageSaysReadyOrNot(t *testing.T) {
	t.Parallel()
	d := newDeparture(t, nil)
	for i, v := range viewports {
		b := openAlone(t, v)
		b.open(d.page + "/preflight?lang=en")
		if i == 0 {
			b.arrive("location.pathname === '/login'")
		}
		b.logIn("operator", goodPassword)
		b.until("ready", "document.body?.dataset.ready === 'yes'", 5*time.Second)
		for _, l := range languages {
			b.say(l)
			if got, want := b.text("#ready"), words(t)[l].Page["ready_yes"]; got != want {
				t.Errorf("%v, %s: got %q, want %q", v, l, got, want)
			}
			b.readable(fmt.Sprintf("%v, %s, ready", v, l))
			b.touchable(l, ".tool")
		}
		d.status(func(s *lane.Status) { s.Connected = false })
		d.place.set(func(p *place) { p.foreign = 1 })
		b.until("not ready", "document.body.dataset.ready === 'no'", 5*time.Second)
		for _, l := range languages {
			b.say(l)
			w := words(t)[l].Page
			if got, want := b.text("#ready"), w["ready_no"]; got != want {
				t.Errorf("%v, %s: got %q, want %q", v, l, got, want)
			}
			if got := unisolated(b.text(".finding")); !strings.Contains(got, w["scanner"]) || !strings.Contains(got, "A") || !strings.Contains(got, "gone") {
				t.Errorf("%v, %s: the first finding is %q", v, l, got)
			}
			b.readable(fmt.Sprintf("%v, %s, not ready", v, l))
			if left := eval[[]string](b, cut+"('.finding div')"); len(left) > 0 {
				t.Errorf("%v, %s: cut off: %q", v, l, left)
			}
			b.keep(fmt.Sprintf("preflight-%v-%s", v, l))
		}
		d.status(func(s *lane.Status) { s.Connected = true })
		d.place.set(func(p *place) { p.foreign = 0 })
		b.until("ready again", "document.body.dataset.ready === 'yes'", 5*time.Second)
		b.quiet("401", "net::ERR_ABORTED")
	}
}
