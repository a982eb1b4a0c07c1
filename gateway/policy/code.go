package policy

import (
	"math"

	"passerelle/gateway/credential/list"
	"passerelle/gateway/trust"
)

// Code judges a code of no format that we know by the list of the session's event. Only there can it mean anything.
func (p *Place) Code(f *Findings, c *Candidate, code []byte) {
	if !p.Profile.Accepts(Code) {
		f.Fail(Rules, NotAccepted)
		return
	}
	c.Kind = Code
	f.Skip(UsageCheck)
	f.Skip(Identity)
	s := p.session()
	if s == nil || s.Event == "" {
		f.Doubt(KeyCheck, ListStale)
		f.Doubt(PlaceCheck, WrongPlace)
		return
	}
	feed := p.feed(trust.FeedCodes, s.Event)
	if feed == nil {
		f.Doubt(KeyCheck, ListStale)
		return
	}
	why, doubtful := p.doubt() // the list names who may list codes
	if !doubtful {
		why, doubtful = p.past(feed.Expires)
	}
	if doubtful {
		f.Doubt(KeyCheck, why)
	} else {
		f.Pass(KeyCheck)
	}
	m, found := feed.Set.Find(code)
	switch {
	case found:
		p.listed(f, c, s, &m)
	case doubtful:
		f.Doubt(Rules, why)
	default:
		f.Fail(Rules, NotListed)
	}
}

// ListsCode reports whether a code is on the list of the session's event, whatever that says of it, where the profile takes codes.
func (p *Place) ListsCode(code []byte) bool {
	s := p.session()
	if s == nil || s.Event == "" || !p.Profile.Accepts(Code) {
		return false
	}
	feed := p.feed(trust.FeedCodes, s.Event)
	if feed == nil {
		return false
	}
	_, found := feed.Set.Find(code)
	return found
}

// listed judges a code by its entry.
func (p *Place) listed(f *Findings, c *Candidate, s *Session, m *list.Match) {
	switch m.State {
	case list.Listed:
		f.Pass(Revocation)
	case list.Blocked:
		f.Fail(Revocation, Blocked)
	default:
		f.Fail(Revocation, Revoked)
	}
	c.asked |= Checks(Revocation)
	until := int64(math.MaxInt64)
	if m.Until != 0 {
		until, c.Expires = m.Until, m.Until+Skew
	}
	p.oneTime(f, c, m)
	p.Now.within(f, m.From, until)
	f.Pass(Rules)
	p.admits(f, c, []byte(s.Event), []byte(m.Zone), nil, true)
	var scratch [maxIdentity]byte
	identity := append(append(append(scratch[:0], byte(len(s.Event))), s.Event...), m.Code...)
	p.denied(f, m.Code)
	p.use(c, identityOf(Code, identity), int64(m.Uses), []byte(m.Zone))
}

// oneTime judges the digits behind a code that changes with the time.
func (p *Place) oneTime(f *Findings, c *Candidate, m *list.Match) {
	if !m.NeedsOneTime {
		f.Skip(Signature)
		return
	}
	c.asked |= Checks(Signature)
	switch {
	case len(m.Suffix) == 0:
		f.Fail(Signature, Unsigned)
	case p.Now.Class == ClockUnknown:
		f.Doubt(Signature, ClockUntrusted)
	default:
		switch m.CheckOneTime(p.Now.Earliest, p.Now.Latest) {
		case list.Valid:
			f.Pass(Signature)
		case list.Invalid:
			f.Fail(Signature, BadSignature)
		default:
			f.Doubt(Signature, ClockUntrusted)
		}
	}
}
