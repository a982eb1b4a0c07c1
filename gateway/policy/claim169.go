package policy

import (
	"crypto/sha256"
	"math"

	"passerelle/gateway/credential/claim169"
	"passerelle/gateway/trust"
)

// Claim169 judges an identity code whose signature by key passed. One that does not say until when it is good is good until it is
// revoked, as its specification has it; one that does not say since when was issued when its key was.
// One without a number is known by the SHA-256 of its claims.
func (p *Place) Claim169(f *Findings, c *Candidate, person *claim169.Person, key *trust.Key, claims []byte) {
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
	} else {
		sum := sha256.Sum256(claims)
		identity = append(identity[:0], sum[:]...)
	}
	f.Skip(Revocation)
	p.Now.within(f, max(issued, person.NotBefore)-Skew, until)
	p.accepted(f, Claim169, key.Country)
	f.Skip(PlaceCheck)
	f.Skip(Identity)
	var ofKey [maxIdentity]byte // so that no other country's key can use it up: see ticketUse
	identity = append(append(append(ofKey[:0], key.Country...), '/'), identity...)
	p.use(c, identityOf(Claim169, identity), 1, nil)
}
