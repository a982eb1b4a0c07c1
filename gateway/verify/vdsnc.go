package verify

import (
	"errors"

	"passerelle/gateway/credential/vdsnc"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
)

// openVDSNC reads a seal, and the certificate of its signer that it brings.
func openVDSNC(_ *Verifier, it *item, text, arena []byte) []byte {
	buf, err := it.seal.Parse(arena[:0:len(arena)], text)
	switch {
	case errors.Is(err, vdsnc.ErrUnsupported):
		it.fail(LayerSeal, policy.Unsupported, err)
		return arena
	case errors.Is(err, vdsnc.ErrTooLarge):
		it.fail(LayerSeal, policy.TooLarge, err)
		return arena
	case err != nil:
		it.fail(LayerSeal, policy.Malformed, err)
		return arena
	}
	signer, err := vdsnc.ParseSigner(it.seal.Certificate)
	if err != nil {
		it.fail(LayerSeal, policy.Malformed, err)
		return arena
	}
	it.sealer = *signer
	it.alg, it.signed, it.signature = it.seal.Alg, it.seal.Signed, it.seal.Signature
	it.layer = LayerKey
	it.findings.Pass(policy.Format)
	if len(buf) > len(arena) { // it stands elsewhere
		return arena
	}
	return arena[len(buf):]
}

// keysVDSNC returns the key of the certificate, if an authority of the list signed that.
func keysVDSNC(it *item, place *policy.Place) []trust.Key {
	s := &it.sealer
	authorities := place.List.Authorities(s.AKI)
	for k := range authorities {
		a := &authorities[k]
		if a.Country == s.Country && s.IssuedBy(&a.Public) && (it.authority == nil || says(a, s) > says(it.authority, s)) {
			it.authority = a
		}
	}
	if it.authority == nil {
		return nil
	}
	it.signer[0] = trust.Key{
		Country: s.Country, Public: s.Public, Usages: trust.VDSNCUsage, Algorithms: append(it.signer[0].Algorithms[:0], it.alg),
		NotBefore: s.NotBefore, NotAfter: s.NotAfter,
	}
	return it.signer[:]
}

// says ranks what certificates of one authority, with the same key, say about a signer: that it is off or that he is revoked counts,
// whichever of them says so; then that he was certified while it was in force.
func says(a *trust.Authority, s *vdsnc.Signer) int {
	switch {
	case a.Disabled:
		return 3
	case a.HasRevoked(s.Serial):
		return 2
	case a.NotBefore <= s.NotBefore && s.NotBefore <= a.NotAfter:
		return 1
	}
	return 0
}

func judgeVDSNC(it *item, place *policy.Place) {
	it.layer = LayerDone
	place.Seal(&it.findings, &it.candidate, &it.seal, &it.sealer, it.authority)
}
