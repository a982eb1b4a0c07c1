package policy

import (
	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/trust"
)

// Ticket judges a ticket, pass, voucher or stamp of our own whose signature by key passed. A stamp may outlive its key by years:
// the key is judged when it signed.
func (p *Place) Ticket(f *Findings, c *Candidate, t *cwt.Claims, key *trust.Key) {
	c.Kind, c.Expires = ticketKind(t.Kind), t.Expires+Skew
	var scratch [maxIdentity]byte
	identity := cwt.AppendIdentity(scratch[:0], t.Issuer, t.ID)
	p.signer(f, c.Kind, key, t.IssuedAt)
	p.denied(f, identity)
	p.status(f, c, &t.Status, key)
	p.Now.within(f, max(t.IssuedAt, t.NotBefore)-Skew, t.Expires+Skew)
	p.admits(f, c, t.Event, t.Zone, t.Gate, c.Kind == Ticket)
	f.Skip(Identity)
	if c.Kind == Supervisor {
		p.card(f, c, key)
		return
	}
	p.accepted(f, c.Kind, key.Country)
	if len(t.Zone) > maxZone {
		f.Fail(Format, TooLarge) // the journal could not keep where it was used
		return
	}
	p.use(c, ticketUse(key, t, t.ID), t.Uses, t.Zone)
	if c.Once && len(t.Replaces) > 0 {
		c.Also = ticketUse(key, t, t.Replaces)
	}
}

// maxZone is the longest name of a zone, in bytes, as the journal keeps it.
const maxZone = 64

// ticketUse is the use of the ticket with this id of t's issuer. The country is the key's, so that no other country's key can use up a
// ticket by naming its issuer.
func ticketUse(key *trust.Key, t *cwt.Claims, id []byte) UseID {
	var scratch [maxIdentity]byte
	b := append(append(scratch[:0], key.Country...), '/')
	return identityOf(PT1, cwt.AppendIdentity(b, t.Issuer, id))
}

func ticketKind(k cwt.Kind) Kind {
	switch k {
	case cwt.Ticket:
		return Ticket
	case cwt.Pass:
		return Pass
	case cwt.Voucher:
		return Voucher
	case cwt.Stamp:
		return Stamp
	case cwt.Supervisor:
		return Supervisor
	}
	return PT1
}

// Status values of a Token Status List (IETF draft, section 7.1).
const (
	statusValid   = 0
	statusInvalid = 1
)

// status judges a ticket by the status list that it names. One that names a list must be found valid on it; of one that names none
// nobody can say that it was not revoked, which matters where a profile asks for it.
func (p *Place) status(f *Findings, c *Candidate, s *cwt.Status, key *trust.Key) {
	if !s.Present {
		f.Doubt(Revocation, ListStale)
		return
	}
	c.asked |= Checks(Revocation)
	list, ok := p.List.Status(s.URI, key)
	if !ok {
		f.Doubt(Revocation, ListStale)
		return
	}
	value, ok := list.At(s.Index)
	why, doubtful := p.past(list.Expires)
	switch {
	case ok && value == statusInvalid:
		f.Fail(Revocation, Revoked)
	case ok && value != statusValid:
		f.Fail(Revocation, Blocked) // suspended, or the issuer's own word for something
	case !ok:
		f.Doubt(Revocation, ListStale)
	case doubtful:
		f.Doubt(Revocation, why)
	default:
		f.Pass(Revocation)
	}
}
