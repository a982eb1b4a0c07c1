package verify

import "passerelle/gateway/policy"

// openCode takes a code of no format that we know as it is: only a list can explain it. A view of the scan is enough, since nothing
// writes to it before it is judged.
func openCode(_ *Verifier, it *item, text, arena []byte) []byte {
	it.claims = text
	it.findings.Pass(policy.Format)
	it.layer = LayerClaims
	return arena
}

func judgeCode(it *item, place *policy.Place) {
	place.Code(&it.findings, &it.candidate, it.claims)
	it.claims = nil
	if it.candidate.Kind == policy.Opaque {
		it.layer, it.err = LayerDetect, errOpaque
		return
	}
	it.layer = LayerDone
}
