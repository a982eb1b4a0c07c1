// Package verify is the hot path: from the text of a code to a candidate verdict.
//
// Verifier.Verify walks a batch through its steps, each for the whole batch: open (what is it, decode), choose the keys, check
// all signatures at once, judge. What is different for each kind of code stands in one row of formats, and in one file a kind. A
// refused code is a candidate with a reason, never an error; one bad code never changes another's result. Everything works in
// memory that New allocates, and nothing here waits, looks at a clock or knows a device. Kinds that are JSON inside allocate; their
// number is pinned by tests.
package verify

import (
	"errors"

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
	place   policy.Place // of the Verify at work
	inflate inflate.Decoder
	sig     *sig.Verifier
	text    []byte // decoded base45, reused from code to code
	arena   []byte // the messages of a batch with their claims, one behind the other
	items   []item // of the batch in work
	jobs    []sig.Job
	owners  []int // jobs[i] belongs to items[owners[i]]
	used    int   // bytes of arena with something in them, since Forget
	most    int   // items with something in them, since Forget
}

// room is what one code may take up of the arena: the message, and the claims' own copy.
const room = cose.Headroom + 2*MaxInflated

// New returns a Verifier for a profile, which must not change any more. Signatures are verified by what the process shares for
// that; nil is the standard library.
func New(p *policy.Profile, fast *sig.Accelerator) *Verifier {
	return &Verifier{
		profile: p,
		sig:     sig.NewVerifier(fast),
		text:    make([]byte, 0, MaxScan),
		arena:   make([]byte, MaxBatch*room),
		items:   make([]item, MaxBatch),
		jobs:    make([]sig.Job, 0, MaxBatch*trust.MaxKeysPerID),
		owners:  make([]int, 0, MaxBatch*trust.MaxKeysPerID),
	}
}

// During says what the lane is for from the next Verify on; nil is nothing that is bound to an event or a flight.
func (v *Verifier) During(s *policy.Session) { v.place.Session = s }

// Verify appends a candidate for each scan to dst, in their order. Any number of scans is taken, MaxBatch at a time.
// What the codes say is not in the candidates; see Result.
func (v *Verifier) Verify(dst []policy.Candidate, scans []Scan, list *trust.Snapshot, now policy.Now) []policy.Candidate {
	v.place = policy.Place{List: list, Now: now, Profile: v.profile, Session: v.place.Session}
	for len(scans) > 0 {
		n := min(len(scans), MaxBatch)
		v.open(scans[:n])
		v.chooseKeys(&v.place)
		v.checkSignatures()
		dst = v.judge(dst, &v.place)
		scans = scans[n:]
	}
	return dst
}

// Forget overwrites what is left of the last Verify: codes, claims, who it was. A Result is not valid after it.
func (v *Verifier) Forget() {
	clear(v.text[:cap(v.text)])
	clear(v.arena[:min(v.used+room, len(v.arena))]) // a code that could not be opened leaves something behind the others
	clear(v.items[:v.most])
	v.jobs, v.owners, v.items, v.used, v.most = v.jobs[:0], v.owners[:0], v.items[:0], 0, 0
}

// open finds out what each code is and decodes those that we know.
func (v *Verifier) open(scans []Scan) {
	v.items = v.items[:len(scans)]
	v.most = max(v.most, len(scans))
	arena := v.arena
	for i, scan := range scans {
		it := &v.items[i]
		kind, payload := Detect(scan.Data)
		if kind == policy.Claim169 && !v.profile.Accepts(kind) {
			kind = policy.Opaque // off; and long codes of digits and capitals look like it
		}
		it.reset(&formats[kind], kind)
		switch {
		case len(scan.Data)-aimLen(scan.Data) > MaxScan:
			it.fail(LayerCode, policy.TooLarge, errTooLong)
		case len(payload) == 0:
			it.fail(LayerCode, policy.Unreadable, errNothing)
		case it.format.open == nil && v.place.ListsCode(payload):
			it.reset(&formats[policy.Opaque], policy.Opaque) // a code of the event's own that only looks like that format
			arena = openCode(v, it, payload, arena)
		case it.format.open == nil:
			it.fail(LayerDetect, policy.Unsupported, errUnsupported)
		default:
			arena = it.format.open(v, it, payload, arena)
		}
		if kind == policy.Claim169 && LayerCode < it.layer && it.layer < LayerKey {
			it.reset(&formats[policy.Opaque], policy.Opaque)
			arena = openCode(v, it, payload, arena)
		}
	}
	v.used = max(v.used, len(v.arena)-len(arena))
}

// chooseKeys looks up who may have signed each code and lines the signatures up.
func (v *Verifier) chooseKeys(place *policy.Place) {
	v.jobs, v.owners = v.jobs[:0], v.owners[:0]
	for i := range v.items {
		it := &v.items[i]
		if it.layer != LayerKey {
			continue
		}
		it.keys = it.format.keys(it, place)
		if len(it.keys) == 0 {
			it.err = errNoKey
			continue
		}
		it.layer = LayerSignature
		for k := range it.keys {
			alg, signature := it.alg, it.signature
			if it.kind() == policy.BCBP {
				alg, signature = it.passSignature(k)
			}
			if key := &it.keys[k]; key.Allows(alg) {
				v.jobs = append(v.jobs, sig.Job{Key: &key.Public, Alg: alg, Message: it.signed, Signature: signature})
				v.owners = append(v.owners, i)
			}
		}
	}
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
		switch it.layer {
		case LayerKey:
			it.unknown(place)
		case LayerSignature:
			it.judgeSigned(place)
		case LayerClaims: // nothing is signed in it
			it.format.judge(it, place)
		}
		place.Date(c)
		c.Conclude(f, v.profile)
		dst = append(dst, *c)
	}
	return dst
}

// unknown judges a code that nobody on the list can have signed.
func (it *item) unknown(place *policy.Place) {
	switch {
	case it.kind() == policy.BCBP:
		it.format.judge(it, place) // whether that matters is for the carrier to say
	case it.kind() == policy.Pretix && !place.HasEvent():
		it.findings.Doubt(policy.KeyCheck, policy.WrongPlace) // whose key it needs, only the session says
	default:
		place.KeyUsable(&it.findings, nil)
	}
}

// judgeSigned judges a code for which there were keys: by the one whose signature it is, or by the one that it names.
func (it *item) judgeSigned(place *policy.Place) {
	c, f := &it.candidate, &it.findings
	key := it.key
	if key == nil {
		key = it.keyNamed()
	}
	c.Issuer = key.Country
	if it.kind() == policy.VDSNC {
		place.AuthorityUsable(f, it.authority, key)
	} else {
		place.KeyUsable(f, key)
	}
	if it.key == nil {
		f.Fail(policy.Signature, policy.BadSignature)
		it.err = errSignature
		return
	}
	f.Pass(policy.Signature)
	it.layer = LayerClaims
	it.format.judge(it, place)
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

func tooLargeOr(err, limit error) policy.Reason {
	if errors.Is(err, limit) {
		return policy.TooLarge
	}
	return policy.Malformed
}
