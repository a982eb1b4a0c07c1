package verify

import (
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// openPretix decodes a pretix ticket into the head of arena and returns what is left of it.
func openPretix(_ *Verifier, it *item, text, arena []byte) []byte {
	buf, err := it.pretix.Parse(arena[:0:len(arena)], text)
	if err != nil {
		it.fail(LayerTicket, policy.Malformed, err)
		return arena
	}
	it.alg, it.signed, it.signature = sig.EdDSA, it.pretix.Message, it.pretix.Signature
	it.layer = LayerKey
	it.findings.Pass(policy.Format)
	return arena[len(buf):]
}

// keysPretix returns the keys of the session's event: a ticket names none.
func keysPretix(_ *item, place *policy.Place) []trust.Key {
	if !place.HasEvent() {
		return nil
	}
	return place.List.Keys(trust.Pretix, trust.ScopeID(place.Session.Event))
}

func judgePretix(it *item, place *policy.Place) {
	it.layer = LayerDone
	place.Pretix(&it.findings, &it.candidate, &it.pretix, it.key)
}
