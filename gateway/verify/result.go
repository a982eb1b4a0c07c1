package verify

import (
	"errors"

	"passerelle/gateway/encoding/cose"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
)

// Layer is how far a code was opened.
type Layer uint8

// The layers, from outside to inside. The layer of a Result is the one that did not open, or LayerDone.
const (
	LayerCode      Layer = iota // the bytes as scanned: too many, or none
	LayerDetect                 // no format that is read here
	LayerBase45                 // RFC 9285
	LayerZlib                   // RFC 1950
	LayerCOSE                   // RFC 9052, COSE_Sign1
	LayerTicket                 // pretix-sig1
	LayerPass                   // IATA Resolution 792
	LayerZone                   // ICAO Doc 9303
	LayerSeal                   // ICAO VDS-NC
	LayerKey                    // no key of that id on the list
	LayerSignature              // no key of that id made the signature
	LayerClaims                 // RFC 8392 and what each kind says in it
	LayerDone
)

// String names the layer for people.
func (l Layer) String() string {
	switch l {
	case LayerCode:
		return "code"
	case LayerDetect:
		return "format"
	case LayerBase45:
		return "base45"
	case LayerZlib:
		return "zlib"
	case LayerCOSE:
		return "COSE"
	case LayerTicket:
		return "pretix"
	case LayerPass:
		return "BCBP"
	case LayerZone:
		return "MRZ"
	case LayerSeal:
		return "VDS-NC"
	case LayerKey:
		return "key"
	case LayerSignature:
		return "signature"
	case LayerClaims:
		return "claims"
	case LayerDone:
		return "done"
	}
	return "unknown"
}

var (
	errTooLong     = errors.New("longer than any code")
	errNothing     = errors.New("nothing was read")
	errOpaque      = errors.New("no format that is known here")
	errUnsupported = errors.New("recognised, not supported")
	errCheckDigit  = errors.New("a check digit is wrong")
	errIncomplete  = errors.New("nobody can board by what it says")
	errNoKey       = errors.New("no key of that id on the trust list")
	errUnsigned    = errors.New("nobody signed it whom this place trusts")
	errSignature   = errors.New("the signature is not by a key of that id")
)

// Result is more of what the last Verify found out about one code, for inspect, for a second document and for the second check of an
// Admit. It is valid until the next Verify or Forget. What the code says is nil unless its signature passed, or it is of a kind that nobody signs.
type Result struct {
	Layer   Layer         // that did not open, or LayerDone
	Err     error         // why; nil for LayerDone
	Message *cose.Message // nil if the code was not opened that far, or is of another kind
	Key     *trust.Key    // whose signature passed, else nil
	Keys    []trust.Key   // that may have signed it
	policy.Said
}

// Result returns what the last Verify found out about its i-th scan. The last Verify must have had at most MaxBatch scans.
func (v *Verifier) Result(i int) Result {
	it := &v.items[i]
	r := Result{Layer: it.layer, Err: it.err, Key: it.key, Keys: it.keys}
	if it.layer >= LayerKey && it.message.HasAlg && it.isCOSE() {
		r.Message = &it.message
	}
	if it.layer != LayerDone {
		return r
	}
	switch it.kind() {
	case policy.HCERT:
		r.Certificate = &it.cert
	case policy.PT1:
		r.Ticket = &it.ticket
	case policy.Claim169:
		r.Person = &it.person
	case policy.Pretix:
		r.Pretix = &it.pretix
	case policy.BCBP:
		r.BoardingPass, r.Leg = &it.pass, it.leg
	case policy.MRZ:
		r.Zone = &it.zone
	case policy.VDSNC:
		r.Seal = &it.seal
	}
	return r
}

func (it *item) isCOSE() bool {
	return it.kind() == policy.HCERT || it.kind() == policy.PT1 || it.kind() == policy.Claim169
}

// Confirm checks the signatures of the last Verify's i-th scan again, by the standard library alone, which ends the fast
// path if the two differ. It is false for a code of which a signature did not pass in the first place; where nothing was asked to be
// signed there is nothing to confirm.
func (v *Verifier) Confirm(i int) bool {
	it := &v.items[i]
	switch {
	case it.key != nil:
		return v.sig.Recheck(&it.job)
	case it.layer != LayerDone:
		return false
	case it.format.keys == nil: // of a kind that nobody signs
		return true
	}
	return it.candidate.State(policy.Signature) == policy.NotApplicable
}
