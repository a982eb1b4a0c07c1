package verify

import (
	"errors"

	"passerelle/gateway/credential/hcert"
	"passerelle/gateway/encoding/cose"
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
	LayerKey                    // no key of that id on the list
	LayerSignature              // no key of that id made the signature
	LayerClaims                 // RFC 8392 and the HCERT specification
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
	errNoKey       = errors.New("no key of that id on the trust list")
	errSignature   = errors.New("the signature is not by a key of that id")
)

// Result is more of what the last Verify found out about one code, for inspect and for the second check of an Admit. It is valid
// until the next Verify.
type Result struct {
	Layer   Layer         // that did not open, or LayerDone
	Err     error         // why; nil for LayerDone
	Message *cose.Message // nil if the code was not opened that far
	Key     *trust.Key    // whose signature passed, else nil
	// Certificate is what a genuine code says; nil unless its signature passed.
	Certificate *hcert.Certificate
}

// Result returns what the last Verify found out about its i-th scan. The last Verify must have had at most MaxBatch scans.
func (v *Verifier) Result(i int) Result {
	it := &v.items[i]
	r := Result{Layer: it.layer, Err: it.err, Key: it.key}
	if it.layer >= LayerKey {
		r.Message = &it.message
	}
	if it.layer == LayerDone {
		r.Certificate = &it.cert
	}
	return r
}

// Confirm checks the signature of the last Verify's i-th scan again, by the standard library alone, which ends the fast
// path if the two differ. It is false for a code whose signature did not pass in the first place.
func (v *Verifier) Confirm(i int) bool {
	it := &v.items[i]
	return it.key != nil && v.sig.Recheck(&it.job)
}
