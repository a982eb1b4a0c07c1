package policy

import "slices"

// Session says what a lane is for at the moment. It is made whole, never changed afterwards, and replaced by another one. A lane
// without a session, or outside its times, refers to a person what is bound to an event or a flight.
type Session struct {
	Event string // as tickets, lists and keys name it
	Gate  string // as tickets name it; empty for any
	Zone  string // as tickets name it; uses are counted for each zone; empty for the whole place
	Exit  bool   // the lane leads out of the zone

	Products []int64 // pretix items that may enter; empty for all
	Subevent int64   // of pretix; 0 for any

	Airport string // where is boarded, three letters; empty for any
	Flights []Flight

	From, Until int64 // when the session is in force, unix seconds, inclusive; 0 for no bound
}

// Flight is one flight that is boarded.
type Flight struct {
	Carrier string // designator of the operating carrier, or of a code share that passes name: two or three characters
	Number  int
	Suffix  byte   // a letter, 0 for none
	Day     int64  // of its departure, unix seconds of 00:00 UTC of the date that passes name
	List    string // scope of its passenger list
}

// session returns the session in force, nil if there is none or if that is not sure.
func (p *Place) session() *Session {
	s := p.Session
	if s == nil || p.Now.Class == ClockUnknown && (s.From != 0 || s.Until != 0) || p.Now.Earliest < s.From || s.Until != 0 && p.Now.Latest > s.Until {
		return nil
	}
	return s
}

// HasEvent reports whether the lane is for an event at the moment.
func (p *Place) HasEvent() bool {
	s := p.session()
	return s != nil && s.Event != ""
}

// admits judges a ticket that names an event, a zone and a gate, each perhaps empty, for what the lane is for. bound says that it must
// name the event.
func (p *Place) admits(f *Findings, c *Candidate, event, zone, gate []byte, bound bool) {
	if !bound && len(event) == 0 && len(zone) == 0 && len(gate) == 0 {
		f.Skip(PlaceCheck)
		return
	}
	c.asked |= Checks(PlaceCheck)
	s := p.session()
	switch {
	case s == nil:
		f.Doubt(PlaceCheck, WrongPlace)
	case (bound || len(event) > 0) && (s.Event == "" || string(event) != s.Event),
		s.Zone != "" && len(zone) > 0 && string(zone) != s.Zone,
		s.Gate != "" && len(gate) > 0 && string(gate) != s.Gate:
		f.Fail(PlaceCheck, WrongPlace)
	default:
		f.Pass(PlaceCheck)
	}
}

// use says whether the holder comes or leaves, and how a candidate of the place is used, if its kind is used only so often here. zone
// is the one that the credential itself names: were it the lane's, a ticket for every zone would be good once in each.
func (p *Place) use(c *Candidate, id UseID, uses int64, zone []byte) {
	s := p.session()
	if s != nil {
		c.Exit = s.Exit
	}
	if c.Once = p.Profile.Once.Has(c.Kind); !c.Once {
		return
	}
	c.Use, c.Uses = id, uint8(min(max(uses, 1), 255))
	switch {
	case len(zone) == 0:
	case s != nil && string(zone) == s.Zone:
		c.Zone = s.Zone
	default:
		c.Zone = string(zone)
	}
}

// flight returns the session's flight that a pass names, on its day if there is one on that day.
func (s *Session) flight(carrier []byte, number int, suffix byte, day int64) (*Flight, bool) {
	same := func(f Flight) bool { return f.Number == number && f.Suffix == suffix && f.Carrier == string(carrier) }
	if i := slices.IndexFunc(s.Flights, func(f Flight) bool { return same(f) && f.Day == day }); i >= 0 {
		return &s.Flights[i], true
	}
	i := slices.IndexFunc(s.Flights, same)
	if i < 0 {
		return nil, false
	}
	return &s.Flights[i], false
}
