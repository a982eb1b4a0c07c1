package verify

import (
	"passerelle/gateway/encoding/base45"
	"passerelle/gateway/encoding/cose"
	"passerelle/gateway/encoding/inflate"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// openCOSE decodes base45, zlib and COSE into the head of arena and returns what is left of it.
func (v *Verifier) openCOSE(it *item, text, arena []byte) []byte {
	var err error
	if v.text, err = base45.AppendDecode(v.text[:0], text); err != nil {
		it.fail(LayerBase45, policy.Malformed, err)
		return arena
	}
	buf, err := v.inflate.AppendZlib(arena[:cose.Headroom:len(arena)], v.text, MaxInflated)
	if err != nil {
		it.fail(LayerZlib, tooLargeOr(err, inflate.ErrTooLarge), err)
		return arena
	}
	if err := it.message.Parse(buf, cose.Headroom); err != nil {
		it.fail(LayerCOSE, policy.Malformed, err)
		return arena
	}
	it.alg = sig.Algorithm(it.message.Alg)
	if int64(it.alg) != it.message.Alg {
		it.alg = 0 // none of ours; it must not become one by losing its upper bits
	}
	it.signed, it.signature = it.message.ToBeSigned(), it.message.Signature
	it.layer = LayerKey
	it.findings.Pass(policy.Format)
	arena = arena[len(buf):]
	it.claims = arena[:copy(arena, it.message.Payload)]
	return arena[len(it.claims):]
}

// keysByID returns the keys of the id that the message names.
func (it *item) keysByID(kind trust.Kind, place *policy.Place) []trust.Key {
	c := &it.candidate
	if len(it.message.KeyID) != len(c.Key) {
		return nil
	}
	copy(c.Key[:], it.message.KeyID)
	c.HasKey = true
	return place.List.Keys(kind, c.Key)
}

func openHCERT(v *Verifier, it *item, text, arena []byte) []byte { return v.openCOSE(it, text, arena) }

func keysHCERT(it *item, place *policy.Place) []trust.Key { return it.keysByID(trust.HCERT, place) }

func judgeHCERT(it *item, place *policy.Place) {
	if !it.done(it.cert.Parse(it.claims)) {
		return
	}
	c := &it.candidate
	place.HCERTDenied(&it.findings, it.message.Payload)
	place.HCERT(&it.findings, c, &it.cert, it.key, it.signature)
	place.HCERTUse(c, it.message.Payload)
}

func openTicket(v *Verifier, it *item, text, arena []byte) []byte { return v.openCOSE(it, text, arena) }

func keysTicket(it *item, place *policy.Place) []trust.Key { return it.keysByID(trust.Ticket, place) }

func judgeTicket(it *item, place *policy.Place) {
	if it.done(it.ticket.Parse(it.claims)) {
		place.Ticket(&it.findings, &it.candidate, &it.ticket, it.key)
	}
}

func openClaim169(v *Verifier, it *item, text, arena []byte) []byte {
	return v.openCOSE(it, text, arena)
}

// keysClaim169 finds the keys by the message's key id or, since most name none, by the issuer that it says it is from, which proves
// as little as a key id does.
func keysClaim169(it *item, place *policy.Place) []trust.Key {
	if keys := it.keysByID(trust.Claim169, place); len(keys) > 0 {
		return keys
	}
	if err := it.person.Parse(it.claims); err != nil {
		return nil
	}
	keys := place.List.Keys(trust.Claim169, trust.ScopeID(string(it.person.Issuer)))
	it.claims = it.claims[:copy(it.claims, it.message.Payload)] // reading may have rearranged it
	return keys
}

func judgeClaim169(it *item, place *policy.Place) {
	if it.done(it.person.Parse(it.claims)) {
		place.Claim169(&it.findings, &it.candidate, &it.person, it.key, it.message.Payload)
	}
}
