package policy

import (
	"passerelle/gateway/credential/bcbp"
	"passerelle/gateway/credential/list"
	"passerelle/gateway/trust"
)

// BCBP judges a boarding pass by the leg that is boarded here. key is whose signature it bears, nil if it bears none that could be
// checked; the checks of key and signature are then undetermined so far.
func (p *Place) BCBP(f *Findings, c *Candidate, pass *bcbp.Pass, key *trust.Key) {
	if !p.Profile.Accepts(BCBP) {
		f.Fail(Rules, NotAccepted)
		return
	}
	leg, flight, day := p.boarded(pass)
	p.bcbpSigned(f, c, pass, leg, flight, key)
	if key != nil && day >= 0 { // it was signed about then, or earlier; a pass need not say when
		p.inForce(f, key, min(max(key.NotBefore, day-daySeconds), day+2*daySeconds))
	}
	f.Skip(Revocation)
	f.Skip(Identity)
	p.bcbpPlace(f, flight)
	p.bcbpDay(f, c, pass, flight, day)
	p.bcbpListed(f, leg, flight, day, key != nil)
	switch leg.Missing() {
	case 0:
	case bcbp.MissingSequence: // airlines print 0 before there is a number: he may board, but not by this pass alone
		f.Doubt(Format, Malformed)
		return
	default:
		f.Fail(Format, Malformed)
		return
	}
	var scratch [maxIdentity]byte
	identity := bcbp.AppendUse(scratch[:0], leg, day)
	p.denied(f, identity)
	if flight != nil {
		p.deniedBy(f, flight.List, identity)
	}
	p.use(c, identityOf(BCBP, identity), 1, nil)
}

// Boarded returns the leg of a pass that is boarded here, the first one if none is. shared says that the carrier which sold it may
// sign for it as well as the one that operates it.
func (p *Place) Boarded(pass *bcbp.Pass) (leg *bcbp.Leg, shared bool) {
	leg, flight, _ := p.boarded(pass)
	return leg, p.shared(leg, flight)
}

// shared reports whether the session names the flight by the designator of the carrier that sold the leg, too. Where no flight is boarded
// it does not matter: then the place is the reason, and nobody calls an honest pass of another gate a fake.
func (p *Place) shared(leg *bcbp.Leg, flight *Flight) bool {
	if flight == nil {
		return true
	}
	_, named := p.session().flight(leg.Marketing, flight.Number, flight.Suffix, flight.Day)
	return named
}

// boarded returns the leg that is boarded here with the session's flight, nil if it is none of these, and the day on which it leaves,
// unix seconds; -1 if that cannot be told. A leg on its day comes before one on another day, that before the first one.
func (p *Place) boarded(pass *bcbp.Pass) (leg *bcbp.Leg, flight *Flight, day int64) {
	legs := pass.Legs()
	leg, day = &legs[0], p.day(&legs[0])
	s := p.session()
	if s == nil {
		return leg, nil, day
	}
	for i := range legs {
		l := &legs[i]
		number, suffix, ok := l.FlightNumber()
		if !ok || s.Airport != "" && string(l.From) != s.Airport {
			continue
		}
		leaves := p.day(l)
		fl, today := s.flight(l.Carrier, number, suffix, leaves)
		if fl == nil && len(l.Marketing) > 0 {
			fl, today = s.flight(l.Marketing, number, suffix, leaves)
		}
		if today {
			return l, fl, leaves
		}
		if fl != nil && flight == nil {
			leg, flight, day = l, fl, leaves
		}
	}
	return leg, flight, day
}

// day returns the date of a leg, which names no year: the one nearest to now. -1 if there is none, or if the clock leaves a choice.
func (p *Place) day(l *bcbp.Leg) int64 {
	n, ok := l.Day()
	if !ok || p.Now.Class == ClockUnknown {
		return -1
	}
	_, _, _, early, ok := bcbp.Date(n, p.Now.Earliest)
	_, _, _, late, ok2 := bcbp.Date(n, p.Now.Latest)
	if !ok || !ok2 || early != late {
		return -1
	}
	return early
}

// bcbpSigned judges that somebody signed the pass, or that nobody had to. The operating carrier signs, or who sold the flight where
// the session says that it is that one's as well: no carrier signs for another one. A carrier that signs has signed all its passes: one
// without a signature was stripped of it. A security item of a carrier that need not sign, and has no key here, says nothing: such a
// pass is worth what an unsigned one is.
func (p *Place) bcbpSigned(f *Findings, c *Candidate, pass *bcbp.Pass, leg *bcbp.Leg, flight *Flight, key *trust.Key) {
	if key != nil {
		if key.Scope != string(leg.Carrier) && !(key.Scope == string(leg.Marketing) && p.shared(leg, flight)) {
			f.Fail(UsageCheck, WrongUsage)
		}
		f.Pass(UsageCheck)
		return
	}
	signs := false
	for _, code := range [...][]byte{leg.Carrier, leg.Marketing, pass.Issuer} {
		if carrier, ok := p.List.Carrier(code); ok && carrier.Signs {
			signs = true
		}
	}
	why, doubtful := p.doubt()
	switch {
	case signs && pass.Security.State != bcbp.HasSecurity:
		f.Fail(Signature, BadSignature)
	case doubtful:
		f.Doubt(KeyCheck, why) // who signs, an old list cannot say
	case signs:
		f.Fail(KeyCheck, UnknownIssuer)
	case !p.Profile.AdmitUnsigned:
		f.Fail(Signature, Unsigned)
	default:
		f.Skip(KeyCheck)
		f.Skip(Signature)
		f.Skip(UsageCheck)
		c.waived |= Checks(KeyCheck, Signature, UsageCheck)
	}
}

func (p *Place) bcbpPlace(f *Findings, flight *Flight) {
	s := p.session()
	switch {
	case s == nil || len(s.Flights) == 0:
		f.Doubt(PlaceCheck, WrongPlace)
	case flight == nil:
		f.Fail(PlaceCheck, WrongPlace)
	default:
		f.Pass(PlaceCheck)
	}
}

// bcbpDay judges the date: that of the session's flight, or for a pass of another flight about now.
func (p *Place) bcbpDay(f *Findings, c *Candidate, pass *bcbp.Pass, flight *Flight, day int64) {
	switch {
	case day < 0 && p.Now.Class == ClockTrusted:
		f.Fail(Time, Expired) // day 366, and no leap year is near
		return
	case day < 0:
		f.Doubt(Time, ClockUntrusted)
		return
	}
	c.Expires = day + bcbpRemembered
	switch {
	case pass.Issue(day) == bcbp.IssueDisagrees:
		f.Fail(Time, Expired) // of the same day in another year
	case flight == nil:
		p.Now.within(f, day-daySeconds, day+2*daySeconds)
	case day < flight.Day:
		f.Fail(Time, Expired)
	case day > flight.Day:
		f.Fail(Time, NotYetValid)
	default:
		f.Pass(Time)
	}
}

const (
	daySeconds = 24 * 60 * 60
	// bcbpRemembered is how long after the flight's date its boarding is remembered: delays, and every time zone.
	bcbpRemembered = 4 * daySeconds
)

// bcbpListed judges the passenger by the flight's list. A pass that nobody signed is worth nothing without one: whoever
// draws a pass knows the flight, too.
func (p *Place) bcbpListed(f *Findings, leg *bcbp.Leg, flight *Flight, day int64, signed bool) {
	var feed *trust.Feed
	if flight != nil {
		feed = p.feed(trust.FeedPassengers, flight.List)
	}
	if feed == nil {
		switch {
		case !signed, flight != nil && p.List.IsLost(trust.FeedPassengers, flight.List):
			f.Doubt(Rules, ListStale)
		case !checkedIn(leg.Status):
			f.Doubt(Rules, NotListed)
		default:
			f.Pass(Rules)
		}
		return
	}
	if day < 0 || leg.Missing() != 0 {
		f.Doubt(Rules, NotListed) // nobody knows what to look for
		return
	}
	var scratch [maxIdentity]byte
	m, found := feed.Set.Find(bcbp.AppendPassenger(scratch[:0], leg, day))
	why, doubtful := p.past(feed.Expires)
	switch {
	case found && m.State != list.Listed:
		f.Fail(Rules, Blocked) // offloaded
	case doubtful:
		f.Doubt(Rules, why)
	case !found:
		f.Fail(Rules, NotListed)
	default:
		f.Pass(Rules)
	}
}

// checkedIn reports whether a passenger's status (Resolution 792) lets him board without a list that says so: 0 and 2 are not checked in
// yet, 7 is on standby.
func checkedIn(status byte) bool { return status != '0' && status != '2' && status != '7' }
