package web

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
)

// preflight is the answer to GET /v1/preflight: whether the doors can be opened, and what speaks against it.
type preflight struct {
	Ready  bool      `json:"ready"` // no finding is bad
	At     string    `json:"at"`
	Checks []finding `json:"checks"` // what is bad first, then what is warned of
}

// finding is one thing that was looked at.
type finding struct {
	Lane  string `json:"lane"` // "" for the whole gate
	Check string `json:"check"`
	Level level  `json:"level"`
	Text  string `json:"text"`
	Fix   string `json:"fix"` // "" where nothing is to be done
}

// The checks of a preflight, as openapi.yaml lists them.
const (
	checkTrust   = "trust_list"
	checkFeed    = "feed"
	checkStatus  = "status_list"
	checkClock   = "clock"
	checkDisk    = "disk"
	checkJournal = "journal"
	checkReports = "reports"
	checkPeople  = "supervisors"
	checkDevices = "devices"
	checkSession = "session"
	checkScanner = "scanner"
	checkLamp    = "lamp"
	checkContact = "contact"
	checkMode    = "mode"
)

// soon is how long before an end that end is warned of.
const soon = 12 * time.Hour

// preflight answers GET /v1/preflight.
func (s *Server) preflight(ctx *fasthttp.RequestCtx, _ string) {
	v := s.visitor(ctx)
	p := preflight{Ready: true, At: stamp(s.config.Wall()), Checks: s.checkGate()}
	for _, id := range s.config.Gate.Lanes() {
		if st, ok := s.config.Gate.Status(id); ok && v.in(everybody, id) {
			p.Checks = append(p.Checks, s.checkLane(&st)...)
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
	all := append([]finding{s.checkTrust(now), s.checkClock()}, s.checkFeeds(now)...)
	return append(all, s.checkDisk(), s.checkJournal(), s.checkReports(), s.checkPeople(), s.checkDevices())
}

func (s *Server) checkTrust(now policy.Now) finding {
	list, state := s.config.Snapshot(), s.trustState()
	f := finding{Check: checkTrust, Level: state.Level, Text: "there is none", Fix: "passerelle trust take, or POST /v1/trust"}
	if state.Version == 0 {
		return f
	}
	f.Text = fmt.Sprintf("version %d, %d keys, %s old, %s", state.Version, state.Keys, span(state.Age), until(list.Expires(), now))
	switch {
	case state.Level == good && list.Expires()-now.Latest < int64(soon/time.Second):
		f.Level = warn
	case state.Level == good:
		f.Fix = ""
	}
	return f
}

// scopes returns whose feeds verdicts lean on now: those of the lanes' events and flights, and of block lists for all.
func (s *Server) scopes() map[string]bool {
	asked := map[string]bool{"*": true}
	for _, id := range s.config.Gate.Lanes() {
		session, _ := s.config.Session(id)
		if session == nil {
			continue
		}
		asked[session.Event] = true
		for _, flight := range session.Flights {
			asked[flight.List] = true
		}
	}
	return asked
}

// checkFeeds looks at each list that changes by the minute and that a lane leans on: one that is over age lets nobody in of whom it speaks.
func (s *Server) checkFeeds(now policy.Now) []finding {
	var all []finding
	add := func(check, name string, issued, expires int64) {
		f := finding{Check: check, Level: good, Text: fmt.Sprintf("%s: %s old, %s", name, span(now.Latest-issued), until(expires, now))}
		switch {
		case expires != 0 && now.Latest > expires:
			f.Level, f.Fix = bad, "take a newer one: POST /v1/feeds"
		case expires != 0 && expires-now.Latest < int64(soon/time.Second):
			f.Level, f.Fix = warn, "take a newer one before it ends: POST /v1/feeds"
		}
		all = append(all, f)
	}
	list, asked := s.config.Snapshot(), s.scopes()
	for _, feed := range list.Feeds() {
		if !asked[feed.Scope] {
			continue // yesterday's flight
		}
		add(checkFeed, fmt.Sprintf("%v of %s, version %d", feed.Kind, feed.Scope, feed.Version), feed.Issued, feed.Expires)
	}
	for _, lost := range list.Lost() {
		if asked[lost.Scope] {
			all = append(all, finding{
				Check: checkFeed, Level: bad, Text: fmt.Sprintf("%v of %s was here and is lost: those of whom it may speak are referred", lost.Kind, lost.Scope),
				Fix: "POST /v1/feeds: a new one",
			})
		}
	}
	for _, status := range list.Statuses() {
		add(checkStatus, status.URI, status.Issued, status.Expires)
	}
	return all
}

func (s *Server) checkClock() finding {
	f := finding{Check: checkClock, Level: bad, Fix: "a supervisor confirms the time"}
	switch s.config.Now().Class {
	case policy.ClockTrusted:
		return finding{Check: checkClock, Level: good, Text: "the time is sure"}
	case policy.ClockFloored:
		f.Level, f.Text = warn, "the time is only roughly known: what is not good throughout is referred to a person"
	default:
		f.Text = "the time is not known: everybody is referred to a person"
	}
	return f
}

func (s *Server) checkDisk() finding {
	f := finding{Check: checkDisk, Level: bad, Text: "nobody looks at it", Fix: "see passerelle doctor"}
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
	switch state := s.config.Journal(); state {
	case "ok":
		return finding{Check: checkJournal, Level: good, Text: "it can be written"}
	case "gap":
		return finding{
			Check: checkJournal, Level: bad, Text: "an earlier journal was lost: what is good once is referred to a person",
			Fix: "passerelle journal accept-loss, once a supervisor has decided so",
		}
	default:
		return finding{Check: checkJournal, Level: bad, Text: "it is " + state + ": nobody is admitted", Fix: "see passerelle doctor"}
	}
}

func (s *Server) checkReports() finding {
	if s.config.Reports == nil {
		return finding{Check: checkReports, Level: good, Text: "nothing is reported"}
	}
	r := s.config.Reports()
	f := finding{Check: checkReports, Level: good, Text: fmt.Sprintf("%d entries wait, %d were refused", r.Backlog, r.Parked)}
	if r.Backlog >= backlogWarn || r.Parked > 0 {
		f.Level, f.Fix = warn, "look at the network and at the endpoint; lanes go on"
	}
	return f
}

func (s *Server) checkPeople() finding {
	switch p := s.config.People; {
	case !s.loginNeeded():
		return finding{Check: checkPeople, Level: warn, Text: "nobody logs in here, so nobody can act as a supervisor", Fix: "passerelle people add --role supervisor"}
	case len(p.Supervisors()) == 0:
		return finding{Check: checkPeople, Level: warn, Text: "no supervisor has a PIN", Fix: "passerelle people pin"}
	default:
		return finding{Check: checkPeople, Level: good, Text: fmt.Sprintf("%d with a PIN", len(p.Supervisors()))}
	}
}

func (s *Server) checkDevices() finding {
	n := 0
	if s.config.Foreign != nil {
		n = s.config.Foreign()
	}
	if n > 0 {
		return finding{Check: checkDevices, Level: warn, Text: fmt.Sprintf("%d USB interfaces are plugged in that nobody asked for", n), Fix: "passerelle doctor names them"}
	}
	return finding{Check: checkDevices, Level: good, Text: "nothing foreign is plugged in"}
}

// checkLane looks at one lane.
func (s *Server) checkLane(st *lane.Status) []finding {
	all := []finding{{Check: checkScanner, Level: good, Text: "ready"}, {Check: checkLamp, Level: good, Text: "no fault"}, {Check: checkMode, Level: good, Text: st.Mode.String()}}
	if !st.Connected {
		all[0] = finding{Check: checkScanner, Level: bad, Text: "gone", Fix: "plug it in; passerelle doctor says where"}
	}
	if st.LampFault {
		all[1] = finding{Check: checkLamp, Level: bad, Text: "it could not be set: nobody knows what it shows", Fix: "look at its cable; passerelle lamps tries it"}
	}
	if st.Mode != lane.Normal {
		all[2] = finding{Check: checkMode, Level: bad, Text: "the lane is in " + st.Mode.String() + " mode", Fix: "a supervisor ends it"}
	}
	if st.Contact {
		f := finding{Check: checkContact, Level: good, Text: "it moves"}
		switch {
		case !st.ContactReads:
			f = finding{Check: checkContact, Level: bad, Text: "it cannot be read: nobody who does not walk through is annulled", Fix: "look at [lane.contact]"}
		case st.ContactStill:
			f = finding{Check: checkContact, Level: bad, Text: "several in a row did not walk through: nobody is annulled any more", Fix: "look at its cable, then walk through once"}
		case !st.ContactMoves:
			f = finding{Check: checkContact, Level: warn, Text: "it has not moved yet: until it does, nobody who does not walk through is annulled", Fix: "walk through once; where that is not counted, look at its cable"}
		}
		all = append(all, f)
	}
	session, profile := s.config.Session(st.Lane)
	all = append(all, s.checkSession(session, profile)...)
	for i := range all {
		all[i].Lane = st.Lane
	}
	return all
}

// placedKinds are the kinds that are little worth at a lane of which nobody said what it is for: most passes name an event, too.
var placedKinds = eventKinds | flightKinds | policy.Kinds(policy.Pass)

// checkSession looks at what a lane is for, and at the lists without which nobody of that gets in.
func (s *Server) checkSession(session *policy.Session, p *policy.Profile) []finding {
	now := s.config.Now()
	f := finding{Check: checkSession, Level: sessionLevel(session, p, now), Text: "nothing is said", Fix: "POST /v1/lanes/{id}/session"}
	if f.Level != good && p.Accept&^placedKinds == 0 {
		f.Level = bad
	}
	switch {
	case f.Level != good && session == nil:
		f.Text = "nothing is said: what is bound to an event or a flight is referred"
	case f.Level != good && !inForce(session, now):
		f.Text = purpose(session) + ": it is not its time"
	case f.Level != good:
		f.Text = purpose(session) + ": " + p.Name + " takes nothing of the kind"
	case session == nil:
		f.Text, f.Fix = p.Name+" needs none", ""
	default:
		f.Text, f.Fix = purpose(session), ""
		if session.Until != 0 && session.Until-now.Latest < int64(time.Hour/time.Second) {
			f.Level, f.Text, f.Fix = warn, f.Text+": it "+until(session.Until, now), "POST /v1/lanes/{id}/session with a later end"
		}
	}
	all := []finding{f}
	if session == nil {
		return all
	}
	list := s.config.Snapshot()
	if p.Accept.Has(policy.Code) && session.Event != "" && list.Feed(trust.FeedCodes, session.Event) == nil {
		all = append(all, finding{Check: checkFeed, Level: unlessOnly(p, policy.Code), Text: "no list of codes of " + session.Event, Fix: "POST /v1/feeds"})
	}
	if p.Accept.Has(policy.BCBP) && p.AdmitUnsigned {
		for _, flight := range session.Flights {
			if list.Feed(trust.FeedPassengers, flight.List) == nil {
				all = append(all, finding{Check: checkFeed, Level: bad, Text: "no passenger list " + flight.List + ": passes that nobody signed are referred", Fix: "POST /v1/feeds"})
			}
		}
	}
	return all
}

// unlessOnly is bad where a profile takes nothing but a kind, and a warning where that is one of several.
func unlessOnly(p *policy.Profile, kind policy.Kind) level {
	if p.Accept == policy.Kinds(kind) {
		return bad
	}
	return warn
}

// purpose says in words what a session is for.
func purpose(s *policy.Session) string {
	var parts []string
	for _, part := range []struct{ name, value string }{{"", s.Event}, {"gate ", s.Gate}, {"zone ", s.Zone}, {"from ", s.Airport}} {
		if part.value != "" {
			parts = append(parts, part.name+part.value)
		}
	}
	if s.Exit {
		parts = append(parts, "way out")
	}
	for _, f := range s.Flights {
		parts = append(parts, fmt.Sprintf("%s %d%s of %s", f.Carrier, f.Number, strings.TrimRight(string(rune(f.Suffix)), "\x00"), time.Unix(f.Day, 0).UTC().Format(time.DateOnly)))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// span says how long some seconds are, cut to one unit.
func span(seconds int64) string {
	seconds = max(0, seconds)
	for _, unit := range []struct {
		size int64
		name string
	}{{24 * 3600, "d"}, {3600, "h"}, {60, "min"}} {
		if seconds >= 2*unit.size {
			return fmt.Sprintf("%d %s", seconds/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%d s", seconds)
}

// until says when something ends, by the latest that it may be; 0 is never.
func until(end int64, now policy.Now) string {
	switch {
	case end == 0:
		return "never ends"
	case end < now.Latest:
		return "ended " + span(now.Latest-end) + " ago"
	}
	return "ends in " + span(end-now.Latest)
}
