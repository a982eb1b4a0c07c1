package verify

import (
	"bytes"

	"passerelle/gateway/credential/bcbp"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// openBCBP reads a boarding pass in the scan itself, which nothing writes to.
func openBCBP(_ *Verifier, it *item, text, arena []byte) []byte {
	if err := it.pass.Parse(text); err != nil {
		it.fail(LayerPass, policy.Malformed, err)
		return arena
	}
	it.findings.Pass(policy.Format)
	it.layer = LayerClaims
	if it.pass.Security.State == bcbp.HasSecurity {
		it.layer = LayerKey
	}
	return arena
}

// keysBCBP returns the keys of the carrier that operates the flight that is boarded here, or of the one that sold it where the session
// names it by that one; of the two first that which issued the pass, or else of another one that did.
func keysBCBP(it *item, place *policy.Place) []trust.Key {
	leg, shared := place.Boarded(&it.pass)
	carriers := [...][]byte{leg.Carrier, nil, it.pass.Issuer}
	switch {
	case shared && bytes.Equal(it.pass.Issuer, leg.Marketing):
		carriers[0], carriers[1] = leg.Marketing, leg.Carrier
	case shared:
		carriers[1] = leg.Marketing
	}
	for _, carrier := range carriers {
		if len(carrier) == 0 {
			continue
		}
		if keys := place.List.Keys(trust.BCBP, trust.ScopeID(string(carrier))); len(keys) > 0 {
			it.signed = it.pass.Signed
			it.alg, it.signature = it.signatureFor(keys)
			return keys
		}
	}
	return nil
}

// signatureFor reads the signature of a pass, which names no algorithm: it is that of the smallest of the keys into whose numbers the
// signature fits. nil is no signature, so a bad one.
func (it *item) signatureFor(keys []trust.Key) (alg sig.Algorithm, signature []byte) {
	smallest := 0
	for i := range keys {
		key := &keys[i]
		if size := key.Public.SignatureSize(); len(key.Algorithms) > 0 && (signature == nil || size < smallest) {
			if s, err := it.pass.Security.AppendSignature(it.raw[:0], size/2); err == nil {
				alg, signature, smallest = key.Algorithms[0], s, size
			}
		}
	}
	if signature == nil {
		return 0, nil
	}
	signature, _ = it.pass.Security.AppendSignature(it.raw[:0], smallest/2) // a larger one may have been read over it; it was read before
	return alg, signature
}

func judgeBCBP(it *item, place *policy.Place) {
	it.leg, _ = place.Boarded(&it.pass)
	place.BCBP(&it.findings, &it.candidate, &it.pass, it.key)
	switch {
	case it.findings.State(policy.Format) != policy.Passed:
		it.layer, it.err = LayerPass, errIncomplete
	case it.key != nil || it.findings.State(policy.Signature) == policy.NotApplicable: // that there is no key for it may be no fault
		it.layer, it.err = LayerDone, nil
	case it.layer == LayerClaims:
		it.layer, it.err = LayerSignature, errUnsigned
	}
}
