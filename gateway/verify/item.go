package verify

import (
	"passerelle/gateway/credential/bcbp"
	"passerelle/gateway/credential/claim169"
	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/credential/hcert"
	"passerelle/gateway/credential/mrz"
	"passerelle/gateway/credential/pretix"
	"passerelle/gateway/credential/vdsnc"
	"passerelle/gateway/encoding/cose"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// item is one code on its way through a batch.
type item struct {
	format    *format
	findings  policy.Findings
	candidate policy.Candidate
	layer     Layer
	err       error // why layer did not open; nil if all did

	message   cose.Message
	alg       sig.Algorithm
	signed    []byte // what the signature is over
	signature []byte
	raw       [trust.MaxKeysPerID][2 * maxCoordinate]byte // of a signature that the code spells otherwise, as one by each of keys
	claims    []byte                                      // a copy of the payload: reading it may rearrange it, and what was signed is looked at again
	keys      []trust.Key
	key       *trust.Key // whose signature passed
	job       sig.Job    // of key

	// What the code says, one of them.
	cert      hcert.Certificate
	ticket    cwt.Claims
	person    claim169.Person
	pretix    pretix.Ticket
	pass      bcbp.Pass
	leg       *bcbp.Leg // of pass, by which it is judged
	zone      mrz.Zone
	seal      vdsnc.Seal
	sealer    vdsnc.Signer     // who signed seal
	signer    [1]trust.Key     // the same as a key
	authority *trust.Authority // under which sealer stands
}

// maxCoordinate is the size of r and s on the largest curve, P-521.
const maxCoordinate = 66

// format is what is different for one kind of code.
type format struct {
	kind policy.Kind
	// open decodes text into the head of arena and returns what is left of it. The item's layer is then the one that did not open, or
	// LayerKey, or LayerClaims where nothing is signed.
	open func(v *Verifier, it *item, text, arena []byte) []byte
	// keys returns who may have signed it.
	keys func(it *item, place *policy.Place) []trust.Key
	// judge reads what a genuine code says, and judges that.
	judge func(it *item, place *policy.Place)
}

// formats are the kinds that are read here, by the kind that Detect gives.
var formats = [policy.NumKinds]format{
	policy.HCERT:    {policy.HCERT, openHCERT, keysHCERT, judgeHCERT},
	policy.PT1:      {policy.PT1, openTicket, keysTicket, judgeTicket},
	policy.Claim169: {policy.Claim169, openClaim169, keysClaim169, judgeClaim169},
	policy.Pretix:   {policy.Pretix, openPretix, keysPretix, judgePretix},
	policy.BCBP:     {policy.BCBP, openBCBP, keysBCBP, judgeBCBP},
	policy.MRZ:      {policy.MRZ, openMRZ, nil, judgeMRZ},
	policy.VDSNC:    {policy.VDSNC, openVDSNC, keysVDSNC, judgeVDSNC},
	policy.Opaque:   {policy.Opaque, openCode, nil, judgeCode},
}

// reset makes an item ready for the next code. Messages and claims reset themselves when they are parsed.
func (it *item) reset(f *format, kind policy.Kind) {
	it.format = f
	it.findings, it.candidate, it.layer, it.err = policy.Findings{}, policy.Candidate{Kind: kind}, 0, nil
	it.keys, it.key, it.authority = nil, nil, nil
	it.signed, it.signature, it.claims = nil, nil, nil
}

// kind returns what Detect said, of those kinds that are read; the candidate's may say more.
func (it *item) kind() policy.Kind { return it.format.kind }

// fail records that a code could not be opened beyond a layer.
func (it *item) fail(layer Layer, why policy.Reason, err error) {
	it.layer, it.err = layer, err
	it.findings.Fail(policy.Format, why)
}

// done records that the claims of a code could be read, or why not; it is false then.
func (it *item) done(err error) bool {
	if err != nil {
		it.fail(LayerClaims, policy.Malformed, err)
		return false
	}
	it.layer = LayerDone
	return true
}
