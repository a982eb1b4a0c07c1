package policy

import (
	"math"

	"passerelle/gateway/credential/claim169"
	"passerelle/gateway/trust"
)

// Claim169 judges an identity code whose signature by key passed. One that does not say until when it is good is good until it is
// revoked, as its specification has it; one that does not say since when was issued when its key was.
// One without a number has no identity here: its use is for the caller to set.
func (p *Place) Claim169(f *Findings, c *Candidate, person *claim169.Person, key *trust.Key) {
	issued, until := person.IssuedAt, int64(math.MaxInt64)
	if issued == 0 {
		issued = key.NotBefore
	}
	if person.Expires != 0 {
		until, c.Expires = person.Expires+Skew, person.Expires+Skew
	}
	p.signer(f, Claim169, key, issued)
	var scratch [maxIdentity]byte
	identity := append(append(append(scratch[:0], person.Issuer...), 0), person.ID...)
	if len(person.ID) > 0 {
		p.denied(f, identity)
	}
	f.Skip(Revocation)
	p.Now.within(f, max(issued, person.NotBefore)-Skew, until)
	p.accepted(f, Claim169, key.Country)
	f.Skip(PlaceCheck)
	f.Skip(Identity)
	var of [maxIdentity]byte
	p.use(c, identityOf(Claim169, append(append(append(of[:0], key.Country...), '/'), identity...)), 1, nil) // as of a ticket: see ticketUse
}
