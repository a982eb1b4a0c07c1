package web

import (
	"time"

	"passerelle/gateway/policy"
)

// laneSession is what a lane is for, with the members that POST /v1/lanes/{id}/session takes. Nothing in it is of a person.
type laneSession struct {
	Event    string       `json:"event,omitempty"`
	Gate     string       `json:"gate,omitempty"`
	Zone     string       `json:"zone,omitempty"`
	Exit     bool         `json:"exit,omitempty"`
	Products []int64      `json:"products,omitempty"`
	Subevent int64        `json:"subevent,omitempty"`
	Airport  string       `json:"airport,omitempty"`
	Flights  []laneFlight `json:"flights,omitempty"`
	From     string       `json:"from,omitempty"`  // RFC 3339
	Until    string       `json:"until,omitempty"` // RFC 3339
}

type laneFlight struct {
	Carrier string `json:"carrier"`
	Number  int    `json:"number"`
	Suffix  string `json:"suffix,omitempty"`
	Date    string `json:"date"`
	List    string `json:"list,omitempty"`
}

func newLaneSession(s *policy.Session) *laneSession {
	if s == nil {
		return nil
	}
	l := &laneSession{
		Event: s.Event, Gate: s.Gate, Zone: s.Zone, Exit: s.Exit, Products: s.Products, Subevent: s.Subevent, Airport: s.Airport,
		From: bound(s.From), Until: bound(s.Until),
	}
	for _, f := range s.Flights {
		flight := laneFlight{Carrier: f.Carrier, Number: f.Number, Date: time.Unix(f.Day, 0).UTC().Format(time.DateOnly), List: f.List}
		if f.Suffix != 0 {
			flight.Suffix = string(rune(f.Suffix))
		}
		l.Flights = append(l.Flights, flight)
	}
	return l
}

// brief is what a page shows of a session, every second: without the long list of products and what only machines name.
func (l *laneSession) brief() *laneSession {
	if l == nil {
		return nil
	}
	b := *l
	b.Products, b.Subevent, b.Flights = nil, 0, nil
	for _, f := range l.Flights {
		f.List = ""
		b.Flights = append(b.Flights, f)
	}
	return &b
}

// bound writes one end of the time in which a session is in force.
func bound(unix int64) string {
	if unix == 0 {
		return ""
	}
	return time.Unix(unix, 0).UTC().Format(time.RFC3339)
}

// Kinds of which nothing is admitted unless the lane is for an event, or for flights.
var (
	eventKinds  = policy.Kinds(policy.Ticket, policy.Pretix, policy.Code)
	flightKinds = policy.Kinds(policy.BCBP)
)

// sessionLevel is amber where codes are referred to a person because of what the lane is for: it is not said, it is for something that
// its profile does not take, or it is not the time.
func sessionLevel(s *policy.Session, p *policy.Profile, now policy.Now) level {
	forEvents, forFlights := p.Accept&eventKinds != 0, p.Accept&flightKinds != 0
	switch {
	case s == nil && !forEvents && !forFlights:
		return good
	case s == nil, !inForce(s, now):
		return warn
	case !forEvents && !forFlights, forEvents && s.Event != "", forFlights && len(s.Flights) > 0:
		return good
	}
	return warn
}

// inForce reports whether verdicts go by a session now, whatever it is for.
func inForce(s *policy.Session, now policy.Now) bool {
	p := policy.Place{Session: &policy.Session{Event: "any", From: s.From, Until: s.Until}, Now: now}
	return p.HasEvent()
}
