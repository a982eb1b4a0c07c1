package policy

import (
	"crypto/sha256"

	"passerelle/gateway/credential/hcert"
	"passerelle/gateway/trust"
)

// HCERT judges a certificate whose signature by key passed: who may sign it, whether it is revoked, when it is valid, and
// whether it is accepted here. signature is the message's, for revocation lists that name it.
func (p *Place) HCERT(f *Findings, c *Candidate, cert *hcert.Certificate, key *trust.Key, signature []byte) {
	c.Kind, c.Expires = hcertKind(cert.Type), cert.Expires+Skew
	p.signer(f, c.Kind, key, cert.IssuedAt)
	p.hcertRevoked(f, cert, key, signature)
	p.Now.within(f, max(cert.IssuedAt, cert.NotBefore)-Skew, cert.Expires+Skew)
	p.accepted(f, c.Kind, key.Country)
	f.Skip(PlaceCheck)
	f.Skip(Identity)
}

// HCERTDenied judges a certificate by the operator's block lists, which know it by the SHA-256 of its claims; that is made only where
// there is such a list.
func (p *Place) HCERTDenied(f *Findings, claims []byte) {
	if !p.blocks() {
		return
	}
	identity := sha256.Sum256(claims)
	p.denied(f, identity[:])
}

// HCERTUse says how a certificate is used: it is known by the SHA-256 of its claims, which is made only where it matters.
func (p *Place) HCERTUse(c *Candidate, claims []byte) {
	var id UseID
	if p.Profile.Once.Has(c.Kind) {
		sum := sha256.Sum256(claims)
		copy(id[:], sum[:])
	}
	p.use(c, id, 1, nil)
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
