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
	p.sealRevoked(f, authority, signer.Serial)
	p.Now.within(f, signer.NotBefore-Skew, signer.NotAfter+Skew)
	p.accepted(f, VDSNC, authority.Country)
	f.Skip(PlaceCheck)
	f.Skip(Identity)
	p.use(c, identityOf(VDSNC, identity[:]), 1, nil)
}

// sealRevoked looks the signer up in its authority's revocation list. Without one, that it is not revoked is not known, which matters
// where a profile asks for it, as of certificates: see hcertRevoked.
func (p *Place) sealRevoked(f *Findings, authority *trust.Authority, serial []byte) {
	if authority.HasRevoked(serial) {
		f.Fail(Revocation, Revoked)
	}
	if authority.RevokedUntil == 0 {
		f.Doubt(Revocation, ListStale)
		return
	}
	if why, doubtful := p.past(authority.RevokedUntil); doubtful {
		f.Fail(Revocation, why)
	}
	f.Pass(Revocation)
}
