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

// keysBCBP returns the keys of the carrier that operates the leg that is boarded here, or of the one that sold it where that one may
// sign for it; of the two first that which issued the pass, or else of another one that did, lest its signature pass for none.
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
			return keys
		}
	}
	return nil
}

// passSignature reads the signature of a pass as one by the k-th key, since a pass names no algorithm: it is the first that the key allows,
// and the key's size is the signature's. Without one it is no signature by that key.
func (it *item) passSignature(k int) (alg sig.Algorithm, signature []byte) {
	key := &it.keys[k]
	if len(key.Algorithms) == 0 {
		return 0, nil
	}
	signature, err := it.pass.Security.AppendSignature(it.raw[k][:0], key.Public.SignatureSize()/2)
	if err != nil {
		return 0, nil
	}
	return key.Algorithms[0], signature
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
