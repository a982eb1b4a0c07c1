package policy

import (
	"passerelle/gateway/credential/vdsnc"
	"passerelle/gateway/trust"
)

// AuthorityUsable judges the authority under which the signer of a seal stands, as KeyUsable does a key, and then the signer's own key.
func (p *Place) AuthorityUsable(f *Findings, a *trust.Authority, signer *trust.Key) {
	as := *signer
	as.Test, as.Disabled = a.Test, a.Disabled
	p.KeyUsable(f, &as)
	if f.State(KeyCheck) == Passed && a.Public.Weak() {
		f.Fail(KeyCheck, WeakKey)
	}
}

// Seal judges an ICAO VDS-NC whose signature by signer passed, and signer's by authority. A seal says of itself no time at which it
// ends: it is good as long as its signer's certificate is.
func (p *Place) Seal(f *Findings, c *Candidate, s *vdsnc.Seal, signer *vdsnc.Signer, authority *trust.Authority) {
	c.Expires = signer.NotAfter + Skew
	within := signer.NotBefore >= authority.NotBefore && signer.NotBefore <= authority.NotAfter
	if !within && !p.Profile.IgnoreKeyExpired && f.State(KeyCheck) == Passed {
		f.Fail(KeyCheck, KeyExpired)
	}
	if !signer.MaySign(s.Type) || signer.Country != authority.Country {
		f.Fail(UsageCheck, WrongUsage)
	}
	f.Pass(UsageCheck)
	identity := s.Identity()
	p.denied(f, identity[:])
	switch {
	case authority.HasRevoked(signer.Serial):
		f.Fail(Revocation, Revoked)
	case len(authority.Revoked) == 0: // nobody brought a revocation list of it
		f.Doubt(Revocation, ListStale)
	default:
		f.Pass(Revocation)
	}
	p.Now.within(f, signer.NotBefore-Skew, signer.NotAfter+Skew)
	p.accepted(f, VDSNC, authority.Country)
	f.Skip(PlaceCheck)
	f.Skip(Identity)
	p.use(c, identityOf(VDSNC, identity[:]), 1, nil)
}
