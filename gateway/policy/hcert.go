package policy

import (
	"crypto/sha256"

	"passerelle/gateway/credential/hcert"
	"passerelle/gateway/trust"
)

// Place is all that a verdict depends on besides the code: the list, the time, and what is asked here.
type Place struct {
	List    *trust.Snapshot
	Now     Now
	Profile *Profile
}

// Stale reports whether the list is past its expiry, or may be.
func (p *Place) Stale() bool { return p.Now.Latest > p.List.Expires() }

// doubt returns why the list can vouch for nobody, if it cannot: there is none, it is past its expiry, or it may be.
func (p *Place) doubt() (why Reason, doubtful bool) {
	switch {
	case p.List.Version() == 0:
		return ListStale, true
	case p.Profile.AdmitStale || !p.Stale():
		return OK, false
	case p.Now.Earliest > p.List.Expires():
		return ListStale, true
	}
	return ClockUntrusted, true
}

// KeyUsable judges the key that a code names, before its signature is known. What is known to be bad stays so on an old list;
// who is good, or unknown, an old list cannot say.
func (p *Place) KeyUsable(f *Findings, key *trust.Key) {
	why, doubtful := p.doubt()
	switch {
	case key != nil && key.Test && p.Profile.Production:
		f.Fail(KeyCheck, UnknownIssuer)
	case key != nil && key.Disabled:
		f.Fail(KeyCheck, IssuerDisabled)
	case doubtful:
		f.Doubt(KeyCheck, why)
	case key == nil:
		f.Fail(KeyCheck, UnknownIssuer)
	case key.Public.Weak():
		f.Fail(KeyCheck, WeakKey)
	default:
		f.Pass(KeyCheck)
	}
}

// HCERT judges a certificate whose signature by key passed: who may sign it, whether it is revoked, when it is valid, and
// whether it is accepted here. signature is the message's, for revocation lists that name it.
func (p *Place) HCERT(f *Findings, c *Candidate, cert *hcert.Certificate, key *trust.Key, signature []byte) {
	c.Kind, c.Expires = hcertKind(cert.Type), cert.Expires+Skew
	usage := c.Kind.usage()
	outside := cert.IssuedAt < key.NotBefore || cert.IssuedAt > key.NotAfter
	if outside && !p.Profile.IgnoreKeyExpired && f.State(KeyCheck) == Passed { // a doubt about the list itself says more
		f.Fail(KeyCheck, KeyExpired)
	}
	if key.Usages&usage == 0 {
		f.Fail(UsageCheck, WrongUsage)
	}
	f.Pass(UsageCheck)
	p.hcertRevoked(f, cert, key, signature)
	p.Now.within(f, max(cert.IssuedAt, cert.NotBefore)-Skew, cert.Expires+Skew)
	p.accepted(f, c.Kind, key.Country)
	f.Skip(PlaceCheck)
	f.Skip(Identity)
}

// accepted judges whether the kind and the issuer are accepted here and now.
func (p *Place) accepted(f *Findings, kind Kind, country string) {
	usage, from, until := kind.usage(), p.Now.Earliest, p.Now.Latest
	switch {
	case !p.Profile.Accept.Has(kind) || !p.List.AcceptsSometime(country, usage, from, until):
		f.Fail(Rules, NotAccepted)
	case !p.List.Accepts(country, usage, from, until):
		f.Doubt(Rules, ClockUntrusted)
	default:
		f.Pass(Rules)
	}
}

func hcertKind(t hcert.Type) Kind {
	switch t {
	case hcert.Vaccination:
		return HCERTVaccination
	case hcert.Test:
		return HCERTTest
	case hcert.Recovery:
		return HCERTRecovery
	}
	return HCERT
}

// maxUCI is the longest certificate identifier that a revocation list can name; the schema allows 80 characters.
const maxUCI = 256

// hcertRevoked looks the certificate up in its country's lists. Without a list, that it is not revoked is not known, which
// matters where a profile asks for it; a list that is over age, or may be, never admits unless the profile says so.
func (p *Place) hcertRevoked(f *Findings, cert *hcert.Certificate, key *trust.Key, signature []byte) {
	expires, listed := p.List.Revocations(key.Country)
	if !listed {
		f.Doubt(Revocation, ListStale)
		return
	}
	if len(cert.Entry.ID) > maxUCI {
		f.Fail(Format, TooLarge)
		return
	}
	var scratch [8 + maxUCI]byte
	text := append(append(scratch[:0], key.Country...), cert.Entry.ID...)
	if key.Public.ECDSA() {
		signature = signature[:len(signature)/2] // r; s may be mirrored
	}
	if p.List.Revoked(key.Country, trust.RevokedUCI, half(cert.Entry.ID)) ||
		p.List.Revoked(key.Country, trust.RevokedCountryUCI, half(text)) ||
		p.List.Revoked(key.Country, trust.RevokedSignature, half(signature)) {
		f.Fail(Revocation, Revoked)
	}
	if p.Now.Latest > expires && !p.Profile.AdmitStale {
		f.Fail(Revocation, ListStale)
	}
	f.Pass(Revocation)
}

// half returns the first 16 bytes of the SHA-256 of b, as revocation lists hold them.
func half(b []byte) (h trust.RevocationHash) {
	sum := sha256.Sum256(b)
	copy(h[:], sum[:])
	return h
}
