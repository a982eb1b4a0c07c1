package verify

import (
	"bytes"

	"passerelle/gateway/credential/bcbp"
	"passerelle/gateway/policy"
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

// keysBCBP returns the keys of the carrier that operates or sells the flight that is boarded here, of the two first that which issued
// the pass, or else of another one that did. A pass names no algorithm: it is the first that the key allows, and the key's size is the
// signature's.
func keysBCBP(it *item, place *policy.Place) []trust.Key {
	leg := place.Boarded(&it.pass)
	carriers := [...][]byte{leg.Carrier, leg.Marketing, it.pass.Issuer}
	if bytes.Equal(it.pass.Issuer, leg.Marketing) {
		carriers[0], carriers[1] = carriers[1], carriers[0]
	}
	for _, carrier := range carriers {
		if len(carrier) == 0 {
			continue
		}
		keys := place.List.Keys(trust.BCBP, trust.ScopeID(string(carrier)))
		if len(keys) == 0 || len(keys[0].Algorithms) == 0 {
			continue
		}
		it.alg, it.signed = keys[0].Algorithms[0], it.pass.Signed
		var err error
		if it.signature, err = it.pass.Security.AppendSignature(it.raw[:0], keys[0].Public.SignatureSize()/2); err != nil {
			it.signature = nil // it is no signature, so it is a bad one
		}
		return keys
	}
	return nil
}

func judgeBCBP(it *item, place *policy.Place) {
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
