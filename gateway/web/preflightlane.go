package web

import (
	"fmt"
	"strings"
	"time"

	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
)

// checkLane looks at one lane.
func (s *Server) checkLane(id string) []finding {
	st, ok := s.config.Gate.Status(id)
	if !ok {
		return []finding{{Lane: id, Check: checkScanner, Level: bad, State: "unknown", Text: "nobody knows how the lane stands", Fix: "start the gate again"}}
	}
	session, profile := s.config.Session(id)
	all := []finding{checkScannerOf(&st), s.checkLampOf(&st), checkModeOf(&st)}
	if st.Contact {
		all = append(all, checkContactOf(&st))
	}
	all = append(all, s.checkSession(session, profile))
	if session != nil {
		all = append(all, s.checkDate(session, profile))
	}
	all = append(all, s.checkRules(session, profile))
	all = append(all, s.checkRevocation(profile)...)
	all = append(all, s.checkLists(session, profile)...)
	for i := range all {
		all[i].Lane = id
	}
	return all
}

func checkScannerOf(st *lane.Status) finding {
	if !st.Connected {
		return finding{Check: checkScanner, Level: bad, State: "disconnected", Text: "gone", Fix: "plug it in; passerelle doctor says where"}
	}
	return finding{Check: checkScanner, Level: good, State: "connected", Text: "ready"}
}

func (s *Server) checkLampOf(st *lane.Status) finding {
	switch {
	case s.config.HasLamp == nil:
		return finding{Check: checkLamp, Level: bad, State: "unknown", Text: "nobody knows whether there is one", Fix: "see passerelle doctor"}
	case st.LampFault:
		return finding{
			Check: checkLamp, Level: bad, State: "fault",
			Text: "it could not be set: nobody knows what it shows", Fix: "look at its cable; passerelle lamps tries it",
		}
	case !s.config.HasLamp(st.Lane):
		return finding{Check: checkLamp, Level: good, State: "none", Text: "there is none, as it was configured: the page shows verdicts"}
	}
	return finding{Check: checkLamp, Level: good, State: "ok", Text: "obeys"}
}

func checkContactOf(st *lane.Status) finding {
	if !st.ContactReads {
		return finding{
			Check: checkContact, Level: bad, State: "fault",
			Text: "it cannot be read: nobody who does not walk through is annulled", Fix: "look at its cable and at [lane.contact]",
		}
	}
	return finding{Check: checkContact, Level: good, State: "ok", Text: "it can be read"}
}

func checkModeOf(st *lane.Status) finding {
	f := finding{Check: checkMode, Level: good, State: st.Mode.String(), Text: st.Mode.String()}
	if st.Mode != lane.Normal {
		f.Level, f.Text, f.Fix = bad, "the lane is in "+st.Mode.String()+" mode", "a supervisor ends it"
	}
	return f
}

// unbound reports whether a profile takes something that has nothing to do with an event or a flight, so that a lane that is for nothing
// still is of use.
func unbound(p *policy.Profile) bool {
	return p.Accept&^(eventKinds|flightKinds|policy.Kinds(policy.Pass)) != 0
}

// checkSession looks at what a lane is for.
func (s *Server) checkSession(session *policy.Session, p *policy.Profile) finding {
	forEvents, forFlights := p.Accept&eventKinds != 0, p.Accept&flightKinds != 0
	f := finding{Check: checkSession, Level: bad, State: "unset", Fix: "POST /v1/lanes/{id}/session"}
	switch {
	case session == nil && !forEvents && !forFlights:
		f.Level, f.Text, f.Fix = good, p.Name+" needs none", ""
	case session == nil && unbound(p):
		f.Level, f.Text = warn, "nothing is said: what is bound to an event or a flight is referred"
	case session == nil:
		f.Text = "nothing is said, and " + p.Name + " needs it: everybody is referred"
	case !forEvents && !forFlights, forEvents && session.Event != "", forFlights && len(session.Flights) > 0:
		f.Level, f.State, f.Text, f.Fix = good, "", purpose(session), ""
	default:
		f.State, f.Text = "odd", purpose(session)+": "+p.Name+" takes nothing of the kind"
	}
	return f
}

// lateness is how soon before a session's end that is warned of.
const lateness = time.Hour

// checkDate looks whether it is the time of what a lane is for.
func (s *Server) checkDate(session *policy.Session, p *policy.Profile) finding {
	now := s.config.Now()
	f := finding{Check: checkDate, Level: good, State: "today", Text: "it is the time"}
	if session.Until != 0 {
		left := session.Until - now.Latest
		f.Values.EndsIn, f.Text = &left, "it is the time, which "+until(session.Until, now)
	}
	var flights finding
	if p.Accept.Has(policy.BCBP) && len(session.Flights) > 0 {
		flights = checkDays(session.Flights, now)
	}
	switch {
	case now.Class == policy.ClockUnknown && (session.From != 0 || session.Until != 0 || len(session.Flights) > 0):
		f.Level, f.State, f.Text, f.Fix = bad, "unknown", "nobody knows whether it is the time", "a supervisor confirms the time"
	case session.From > now.Earliest:
		f.Level, f.State, f.Text = bad, "other_day", "it is not the time yet: from "+minute(session.From)
		f.Fix = "wait, or POST /v1/lanes/{id}/session with another time"
	case !inForce(session, now):
		f.Level, f.State, f.Text = bad, "other_day", "it is not the time any more: it "+until(session.Until, now)
		f.Fix = "POST /v1/lanes/{id}/session: what is next"
	case flights.Level == bad:
		return flights
	case session.Until != 0 && session.Until-now.Latest < int64(lateness/time.Second):
		f.Level, f.Fix = warn, "POST /v1/lanes/{id}/session with a later end"
	case flights.Level == warn:
		return flights
	}
	return f
}

// checkDays looks whether flights leave today, wherever that is. Passes are for a date, and a flight of another date takes none of today's.
func checkDays(flights []policy.Flight, now policy.Now) finding {
	f := finding{Check: checkDate, Level: good, Fix: "POST /v1/lanes/{id}/session with today's flights"}
	var others []string
	far := 0
	for _, flight := range flights {
		if flight.Day == day(now.Earliest) && flight.Day == day(now.Latest) {
			continue
		}
		others = append(others, flightName(flight))
		if now.Latest < flight.Day-daySeconds || now.Earliest >= flight.Day+2*daySeconds {
			far++
		}
	}
	if len(others) == 0 {
		return f
	}
	f.Level, f.State, f.Text = warn, "other_day", "not of today, "+time.Unix(now.Latest, 0).UTC().Format(time.DateOnly)+": "+some(others)
	if far == len(flights) {
		f.Level = bad
	}
	return f
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
		parts = append(parts, flightName(f))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

func flightName(f policy.Flight) string {
	suffix := ""
	if f.Suffix != 0 {
		suffix = string(rune(f.Suffix))
	}
	return fmt.Sprintf("%s%d%s of %s", f.Carrier, f.Number, suffix, time.Unix(f.Day, 0).UTC().Format(time.DateOnly))
}
