package verify

import "passerelle/gateway/policy"

// openMRZ reads a machine-readable zone in the scan itself, which nothing writes to.
func openMRZ(_ *Verifier, it *item, text, arena []byte) []byte {
	if err := it.zone.Parse(text); err != nil {
		it.fail(LayerZone, policy.Malformed, err)
		return arena
	}
	it.findings.Pass(policy.Format)
	it.layer = LayerClaims
	return arena
}

func judgeMRZ(it *item, place *policy.Place) {
	place.MRZ(&it.findings, &it.zone)
	if it.findings.State(policy.Format) == policy.Failed {
		it.layer, it.err = LayerZone, errCheckDigit
		return
	}
	it.layer = LayerDone
}
