package policy

import (
	"math"
	"slices"

	"passerelle/gateway/credential/list"
	"passerelle/gateway/credential/pretix"
	"passerelle/gateway/trust"
)

// Pretix judges a pretix ticket whose signature by key, which is the event's, passed.
func (p *Place) Pretix(f *Findings, c *Candidate, t *pretix.Ticket, key *trust.Key) {
	until := int64(math.MaxInt64)
	if t.Until != 0 {
		until, c.Expires = t.Until, t.Until+Skew
	}
	f.Pass(UsageCheck)               // the key was chosen by the event
	if p.Now.Class != ClockUnknown { // a ticket does not say when it was signed
		p.inForce(f, key, p.Now.Earliest)
		p.inForce(f, key, p.Now.Latest)
	}
	p.pretixRevoked(f, key.Scope, t.Message)
	p.Now.within(f, t.From, until)
	p.accepted(f, c.Kind, key.Country)
	p.pretixPlace(f, key.Scope, t)
	f.Skip(Identity)
	p.use(c, identityOf(Pretix, t.Message), 1, nil)
}

// pretixRevoked looks the ticket up in the event's lists, and in the operator's.
func (p *Place) pretixRevoked(f *Findings, event string, message []byte) {
	p.denied(f, message)
	feed := p.feed(trust.FeedPretix, event)
	if feed == nil && p.List.IsLost(trust.FeedPretix, event) {
		f.Fail(Revocation, ListStale)
	}
	if feed == nil {
		f.Doubt(Revocation, ListStale)
		return
	}
	if m, found := feed.Set.Find(message); found {
		if m.State == list.Blocked {
			f.Fail(Revocation, Blocked)
		}
		f.Fail(Revocation, Revoked)
	}
	if why, doubtful := p.past(feed.Expires); doubtful {
		f.Fail(Revocation, why)
	}
	f.Pass(Revocation)
}

// pretixPlace judges event, product and subevent.
func (p *Place) pretixPlace(f *Findings, event string, t *pretix.Ticket) {
	s := p.session()
	switch {
	case s == nil:
		f.Doubt(PlaceCheck, WrongPlace)
	case s.Event != event, s.Subevent != 0 && t.Subevent != s.Subevent, len(s.Products) > 0 && !slices.Contains(s.Products, t.Item):
		f.Fail(PlaceCheck, WrongPlace)
	default:
		f.Pass(PlaceCheck)
	}
}
