// Package verify is the hot path: from the text of a code to a candidate verdict.
//
// Verifier.Verify walks a batch through its steps, each for the whole batch: open (what is it, decode), choose the keys, check
// all signatures at once, judge. A refused code is a candidate with a reason, never an error; one bad code never changes
// another's result. Everything works in memory that New allocates, and nothing here waits, looks at a clock or knows a device.
package verify

import (
	"crypto/sha256"
	"errors"

	"passerelle/gateway/credential/hcert"
	"passerelle/gateway/encoding/base45"
	"passerelle/gateway/encoding/cose"
	"passerelle/gateway/encoding/inflate"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// Limits of one code and of one batch.
const (
	MaxScan     = 4296 // bytes of a code: the most that a QR code of version 40 holds
	MaxFrame    = MaxScan + aimBytes
	MaxInflated = 16 * 1024 // bytes that a code may inflate to; the longest honest message seen has 870
	MaxBatch    = 64        // codes that are verified together
)

// Scan is one code as a scanner gave it, without the terminator; an AIM identifier may stand in front.
type Scan struct {
	Data []byte // only read
}

// Verifier verifies batches under one profile, with its own scratch memory: one a goroutine.
type Verifier struct {
	profile *policy.Profile
	inflate inflate.Decoder
	sig     *sig.Verifier
	text    []byte // decoded base45, reused from code to code
	arena   []byte // the messages of a batch with their claims, one behind the other
	items   []item // of the batch in work
	jobs    []sig.Job
	owners  []int // jobs[i] belongs to items[owners[i]]
}

// item is one code on its way through a batch.
type item struct {
	findings  policy.Findings
	candidate policy.Candidate
	layer     Layer
	err       error // why layer did not open; nil if all did
	message   cose.Message
	alg       sig.Algorithm
	signed    []byte // the Sig_structure
	claims    []byte // a copy of the payload: reading it may rearrange it, and what was signed is looked at again
	keys      []trust.Key
	key       *trust.Key // whose signature passed
	job       sig.Job    // of key
	cert      hcert.Certificate
}

// New returns a Verifier for a profile, which must not change any more. Signatures are verified by what the process shares for
// that; nil is the standard library.
func New(p *policy.Profile, fast *sig.Accelerator) *Verifier {
	return &Verifier{
		profile: p,
		sig:     sig.NewVerifier(fast),
		text:    make([]byte, 0, MaxScan),
		arena:   make([]byte, MaxBatch*(cose.Headroom+2*MaxInflated)), // twice: for the claims' own copy
		items:   make([]item, MaxBatch),
		jobs:    make([]sig.Job, 0, MaxBatch*trust.MaxKeysPerID),
		owners:  make([]int, 0, MaxBatch*trust.MaxKeysPerID),
	}
}

// Verify appends a candidate for each scan to dst, in their order. Any number of scans is taken, MaxBatch at a time.
// What the codes say is not in the candidates; see Result.
func (v *Verifier) Verify(dst []policy.Candidate, scans []Scan, list *trust.Snapshot, now policy.Now) []policy.Candidate {
	place := policy.Place{List: list, Now: now, Profile: v.profile}
	for len(scans) > 0 {
		n := min(len(scans), MaxBatch)
		v.open(scans[:n])
		v.chooseKeys(&place)
		v.checkSignatures()
		dst = v.judge(dst, &place)
		scans = scans[n:]
	}
	return dst
}

// open finds out what each code is and decodes those that we know.
func (v *Verifier) open(scans []Scan) {
	v.items = v.items[:len(scans)]
	arena := v.arena
	for i, scan := range scans {
		it := &v.items[i]
		it.reset()
		kind, payload := Detect(scan.Data)
		it.candidate.Kind = kind
		switch {
		case len(scan.Data)-aimLen(scan.Data) > MaxScan:
			it.fail(LayerCode, policy.TooLarge, errTooLong)
		case len(payload) == 0:
			it.fail(LayerCode, policy.Unreadable, errNothing)
		case kind == policy.HCERT:
			arena = v.openHCERT(it, payload, arena)
		case kind == policy.Opaque:
			it.layer = LayerDetect
			it.err = errOpaque
			it.findings.Pass(policy.Format)
			it.findings.Fail(policy.Rules, policy.NotAccepted) // no profile uses lists yet
		default:
			it.fail(LayerDetect, policy.Unsupported, errUnsupported)
		}
	}
}

// reset makes an item ready for the next code. The message resets itself when it is parsed.
func (it *item) reset() {
	it.findings, it.candidate, it.layer, it.err = policy.Findings{}, policy.Candidate{}, 0, nil
	it.keys, it.key = nil, nil
}

// openHCERT decodes base45, zlib and COSE into the head of arena and returns what is left of it.
func (v *Verifier) openHCERT(it *item, text, arena []byte) []byte {
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
	it.signed = it.message.ToBeSigned()
	it.layer = LayerKey
	it.findings.Pass(policy.Format)
	arena = arena[len(buf):]
	it.claims = arena[:copy(arena, it.message.Payload)]
	return arena[len(it.claims):]
}

// chooseKeys looks up who may have signed each code and lines the signatures up.
func (v *Verifier) chooseKeys(place *policy.Place) {
	v.jobs, v.owners = v.jobs[:0], v.owners[:0]
	for i := range v.items {
		it := &v.items[i]
		if it.layer != LayerKey {
			continue
		}
		it.chooseKeys(place)
		for k := range it.keys {
			if key := &it.keys[k]; key.Allows(it.alg) {
				v.jobs = append(v.jobs, sig.Job{Key: &key.Public, Alg: it.alg, Message: it.signed, Signature: it.message.Signature})
				v.owners = append(v.owners, i)
			}
		}
	}
}

func (it *item) chooseKeys(place *policy.Place) {
	c := &it.candidate
	if len(it.message.KeyID) == len(c.Key) {
		copy(c.Key[:], it.message.KeyID)
		c.HasKey = true
		it.keys = place.List.Keys(trust.HCERT, c.Key)
	}
	if len(it.keys) == 0 {
		place.KeyUsable(&it.findings, nil)
		it.err = errNoKey
		return
	}
	it.layer = LayerSignature
}

// checkSignatures checks all of the batch at once; the first key that fits is the signer.
func (v *Verifier) checkSignatures() {
	v.sig.Verify(v.jobs)
	for j := range v.jobs {
		it := &v.items[v.owners[j]]
		if !v.jobs[j].OK || it.key != nil {
			continue
		}
		for k := range it.keys {
			if &it.keys[k].Public == v.jobs[j].Key {
				it.key, it.job = &it.keys[k], v.jobs[j]
			}
		}
	}
}

// judge reads the claims of what is genuine and appends the candidates.
func (v *Verifier) judge(dst []policy.Candidate, place *policy.Place) []policy.Candidate {
	for i := range v.items {
		it := &v.items[i]
		c, f := &it.candidate, &it.findings
		if it.layer == LayerSignature {
			v.judgeSigned(it, place)
		}
		place.Date(c)
		c.Conclude(f, v.profile)
		dst = append(dst, *c)
	}
	return dst
}

func (v *Verifier) judgeSigned(it *item, place *policy.Place) {
	c, f := &it.candidate, &it.findings
	if it.key == nil {
		named := it.keyNamed()
		place.KeyUsable(f, named)
		c.Issuer = named.Country
		f.Fail(policy.Signature, policy.BadSignature)
		it.err = errSignature
		return
	}
	place.KeyUsable(f, it.key)
	c.Issuer = it.key.Country
	f.Pass(policy.Signature)
	if err := it.cert.Parse(it.claims); err != nil {
		it.fail(LayerClaims, policy.Malformed, err)
		return
	}
	it.layer = LayerDone
	place.HCERT(f, c, &it.cert, it.key, it.message.Signature)
	if c.Once = v.profile.Once.Has(c.Kind); c.Once {
		sum := sha256.Sum256(it.message.Payload)
		copy(c.Use[:], sum[:])
	}
}

// keyNamed returns the key that a code with a bad signature is judged by: the first of its id that is not switched off.
func (it *item) keyNamed() *trust.Key {
	for k := range it.keys {
		if !it.keys[k].Disabled {
			return &it.keys[k]
		}
	}
	return &it.keys[0]
}

// fail records that a code could not be opened beyond a layer.
func (it *item) fail(layer Layer, why policy.Reason, err error) {
	it.layer, it.err = layer, err
	it.findings.Fail(policy.Format, why)
}

func tooLargeOr(err, limit error) policy.Reason {
	if errors.Is(err, limit) {
		return policy.TooLarge
	}
	return policy.Malformed
}
