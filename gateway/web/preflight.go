package web

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"passerelle/gateway/policy"
)

// preflight is the answer to GET /v1/preflight: whether the doors can be opened, and what speaks against it.
type preflight struct {
	Ready  bool      `json:"ready"` // no finding is bad
	At     string    `json:"at"`
	Checks []finding `json:"checks"` // what is bad first, then what is warned of
}

// finding is one thing that was looked at. What is not known stands as badly as it could.
type finding struct {
	Lane   string  `json:"lane"` // "" for the whole gate
	Check  string  `json:"check"`
	Level  level   `json:"level"`
	State  string  `json:"state"`  // what was found, in a word that pages have in each language; "" where the figures say it
	Values figures `json:"values"` // that belong to it
	Text   string  `json:"text"`
	Fix    string  `json:"fix"` // "" where nothing is to be done
}

// figures are what a page writes in its own language.
type figures struct {
	Age    *int64 `json:"age,omitempty"`     // seconds
	EndsIn *int64 `json:"ends_in,omitempty"` // seconds; below zero where it has ended
	N      *int64 `json:"n,omitempty"`       // how many, or megabytes
}

func number(n int64) figures { return figures{N: &n} }

// The checks of a preflight, as openapi.yaml lists them.
const (
	checkTrust      = "trust_list"
	checkFeed       = "feed"
	checkStatus     = "status_list"
	checkClock      = "clock"
	checkDisk       = "disk"
	checkJournal    = "journal"
	checkReports    = "reports"
	checkPeople     = "supervisors"
	checkDevices    = "devices"
	checkSession    = "session"
	checkDate       = "date"
	checkRules      = "rules"
	checkRevocation = "revocation"
	checkScanner    = "scanner"
	checkLamp       = "lamp"
	checkContact    = "contact"
	checkMode       = "mode"
)

// preflight answers GET /v1/preflight.
func (s *Server) preflight(ctx *fasthttp.RequestCtx, _ string) {
	v := s.visitor(ctx)
	p := preflight{At: stamp(s.config.Wall()), Checks: s.checkGate()}
	for _, id := range s.config.Gate.Lanes() {
		if v.in(everybody, id) {
			p.Checks = append(p.Checks, s.checkLane(id)...)
		}
	}
	rank := map[level]int{bad: 0, warn: 1, good: 2}
	slices.SortStableFunc(p.Checks, func(a, b finding) int { return rank[a.Level] - rank[b.Level] })
	p.Ready = !slices.ContainsFunc(p.Checks, func(f finding) bool { return f.Level == bad })
	reply(ctx, fasthttp.StatusOK, v.seen(docPreflight, p))
}

// checkGate looks at what all lanes lean on.
func (s *Server) checkGate() []finding {
	now := s.config.Now()
	all := append([]finding{s.checkTrust(now), s.checkClock(now)}, s.checkFeeds(now)...)
	return append(all, s.checkDisk(), s.checkJournal(), s.checkReports(), s.checkPeople(), s.checkDevices())
}

func (s *Server) checkTrust(now policy.Now) finding {
	list, state := s.config.Snapshot(), s.trustState()
	f := finding{Check: checkTrust, Level: state.Level, State: "none", Text: "there is none", Fix: "passerelle trust take, or POST /v1/trust"}
	if state.Version == 0 {
		return f
	}
	f.State, f.Values = "", aged(list.Issued(), list.Expires(), now)
	f.Text = fmt.Sprintf("version %d, %d keys, %s", state.Version, state.Keys, lifetime(list.Issued(), list.Expires(), now))
	switch {
	case state.Level == good && endsToday(list.Expires(), now):
		f.Level = warn
	case state.Level == good:
		f.Fix = ""
	}
	return f
}

func (s *Server) checkClock(now policy.Now) finding {
	f := finding{Check: checkClock, Level: bad, State: now.Class.String(), Fix: "a supervisor confirms the time"}
	switch now.Class {
	case policy.ClockTrusted:
		f.Level, f.Fix = good, ""
		f.Text = minute(now.Latest) + ", and that is sure"
	case policy.ClockFloored:
		f.Level = warn
		f.Text = fmt.Sprintf("between %s and %s: what is not good throughout is referred to a person", minute(now.Earliest), minute(now.Latest))
	default:
		f.Text = "the time is not known: everybody is referred to a person"
	}
	return f
}

func (s *Server) checkDisk() finding {
	f := finding{Check: checkDisk, Level: bad, State: "unknown", Text: "nobody looks at it", Fix: "see passerelle doctor"}
	if s.config.Disk == nil {
		return f
	}
	free, need, err := s.config.Disk()
	if err != nil {
		s.config.Log.Warn("web: preflight", "err", err)
		f.Text = "it cannot be looked at"
		return f
	}
	const mb = 1 << 20
	f.State, f.Values = "free", number(int64(free/mb))
	f.Text, f.Fix = fmt.Sprintf("%d MB free", free/mb), fmt.Sprintf("free some space: under %d MB nothing is admitted", need/mb)
	switch {
	case free >= 8*need:
		f.Level, f.Fix = good, ""
	case free >= 2*need:
		f.Level = warn
	}
	return f
}

func (s *Server) checkJournal() finding {
	f := finding{Check: checkJournal, Level: bad, State: s.config.Journal()}
	switch f.State {
	case "ok":
		f.Level, f.Text = good, "it can be written"
	case "gap":
		f.Text = "an earlier journal was lost: what is good once is referred to a person"
		f.Fix = "passerelle journal accept-loss, once a supervisor has decided so"
	default:
		f.Text, f.Fix = "it is "+f.State+": nobody is admitted", "see passerelle doctor"
	}
	return f
}

// checkReports never keeps the doors shut: lanes go on without a network.
func (s *Server) checkReports() finding {
	if s.config.Reports == nil {
		return finding{Check: checkReports, Level: good, State: "off", Text: "nothing is reported"}
	}
	r := s.config.Reports()
	f := finding{
		Check: checkReports, Level: good, State: "backlog", Values: number(int64(r.Backlog)),
		Text: fmt.Sprintf("%d entries wait, %d were refused", r.Backlog, r.Parked),
	}
	if r.Parked > 0 {
		f.State, f.Values = "parked", number(int64(r.Parked))
	}
	if r.Failing {
		f.Text += ", and the last try failed"
	}
	if r.Backlog >= backlogWarn || r.Parked > 0 || r.Failing {
		f.Level, f.Fix = warn, "look at the network and at the endpoint; lanes go on"
	}
	return f
}

// checkPeople never keeps the doors shut: without a supervisor lanes work, and nobody can put an error right.
func (s *Server) checkPeople() finding {
	f := finding{Check: checkPeople, Level: warn, State: "with_pin", Values: number(0)}
	if !s.loginNeeded() {
		f.Text, f.Fix = "nobody logs in here, so nobody can act as a supervisor", "passerelle people add --role supervisor"
		return f
	}
	n := len(s.config.People.Supervisors())
	if n == 0 {
		f.Text, f.Fix = "no supervisor has a PIN", "passerelle people pin"
		return f
	}
	f.Level, f.Values, f.Text = good, number(int64(n)), fmt.Sprintf("%d with a PIN", n)
	return f
}

// checkDevices warns of what is plugged in and bound to no lane, which is the worst that there can be where nobody looks.
func (s *Server) checkDevices() finding {
	f := finding{Check: checkDevices, Level: warn, State: "unknown", Text: "nobody looks at what is plugged in here", Fix: "passerelle doctor looks"}
	if s.config.Foreign == nil {
		return f
	}
	n := s.config.Foreign()
	f.State, f.Values = "foreign", number(int64(n))
	if n > 0 {
		f.Text, f.Fix = fmt.Sprintf("%d USB interfaces are plugged in that nobody asked for", n), "passerelle doctor names them"
		return f
	}
	f.Level, f.Text, f.Fix = good, "nothing foreign is plugged in", ""
	return f
}

// soon is how long before an end that end is warned of, also where it is not on the same day: doors that open in the evening.
const soon = 12 * time.Hour

// never is the end of what has none.
const never = math.MaxInt64

// endsToday reports whether something ends before the day does (UTC), or soon.
func endsToday(end int64, now policy.Now) bool {
	sameDay := day(end) == day(now.Latest)
	return end != never && (sameDay || end-now.Latest < int64(soon/time.Second))
}

// day returns 00:00 UTC of the date of a time, in unix seconds.
func day(t int64) int64 { return t - ((t%daySeconds)+daySeconds)%daySeconds }

const daySeconds = 24 * 60 * 60

// minute writes a time as far as people want to know it.
func minute(t int64) string { return time.Unix(t, 0).UTC().Format("2006-01-02 15:04 UTC") }

// aged are the figures of a list, by the latest that it may be.
func aged(issued, end int64, now policy.Now) figures {
	age := max(0, now.Latest-issued)
	f := figures{Age: &age}
	if end != never {
		left := end - now.Latest
		f.EndsIn = &left
	}
	return f
}

// lifetime says the same in words.
func lifetime(issued, end int64, now policy.Now) string {
	return span(now.Latest-issued) + " old, " + until(end, now)
}

// span says how long some seconds are, cut to one unit.
func span(seconds int64) string {
	seconds = max(0, seconds)
	for _, unit := range []struct {
		size int64
		name string
	}{{daySeconds, "d"}, {3600, "h"}, {60, "min"}} {
		if seconds >= 2*unit.size {
			return fmt.Sprintf("%d %s", seconds/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%d s", seconds)
}

// until says when something ends, by the latest that it may be. A list that is known not to be the newest has an end of 0.
func until(end int64, now policy.Now) string {
	switch {
	case end == never:
		return "never ends"
	case end <= 0:
		return "not the newest"
	case end < now.Latest:
		return "ended " + span(now.Latest-end) + " ago"
	}
	return "ends in " + span(end-now.Latest)
}
