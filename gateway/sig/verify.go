package sig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"math/big"

	"passerelle/gateway/sig/p256"
	"passerelle/gateway/sig/pss"
)

// Job is one signature to check. The slices are only read, and only during the call that is given the Job.
type Job struct {
	Key       *Key
	Alg       Algorithm
	Message   []byte // what was signed, not its hash
	Signature []byte // r‖s for ECDSA, the bare signature otherwise
	OK        bool   // set by Verifier.Verify
}

// Verifier checks batches of signatures with its own scratch space: one a goroutine. The zero Verifier is ready, and does
// everything by the standard library.
type Verifier struct {
	standard standard
	fast     *Accelerator // nil: none
	p256     *p256.Verifier
	pss      pss.Verifier
	batch    []p256.Job
	owners   []*Job // of batch
	since    [2]int // results given since the last sample of a refusal and of an acceptance
}

// NewVerifier returns a Verifier that shares an Accelerator with others; nil is that of nobody.
func NewVerifier(a *Accelerator) *Verifier {
	v := &Verifier{fast: a}
	if a != nil {
		v.p256 = p256.NewVerifier(a.tables)
		v.batch = make([]p256.Job, 0, p256.Block)
		v.owners = make([]*Job, 0, p256.Block)
	}
	return v
}

// Verify sets OK of each job, each on its own: a bad signature never changes a neighbour's result. ES256 by P-256 keys that
// have tables is done in batches by package p256, PS256 by package pss, everything else as Confirm does it.
func (v *Verifier) Verify(jobs []Job) {
	v.batch, v.owners = v.batch[:0], v.owners[:0] // a Verify that panicked may have left some
	fast := v.fast != nil && !v.fast.standard.Load()
	for i := range jobs {
		j := &jobs[i]
		j.OK = false
		switch {
		case fast && j.Alg == ES256 && j.Key != nil && j.Key.fast != nil:
			v.batch = append(v.batch, p256.Job{Key: j.Key.fast, Digest: sha256.Sum256(j.Message), Signature: j.Signature})
			if v.owners = append(v.owners, j); len(v.owners) == p256.Block {
				v.verifyBatch()
			}
		case fast && j.Alg == PS256 && j.Key != nil && j.Key.pss != nil:
			digest := sha256.Sum256(j.Message)
			j.OK = v.pss.Verify(j.Key.pss, &digest, j.Signature)
			v.sample(j, &digest)
		default:
			j.OK = v.Confirm(j)
		}
	}
	v.verifyBatch()
}

// verifyBatch verifies what was lined up, and has crypto/ecdsa do what p256 leaves.
func (v *Verifier) verifyBatch() {
	if len(v.batch) == 0 {
		return
	}
	v.p256.Verify(v.batch)
	for i := range v.batch {
		b, j := &v.batch[i], v.owners[i]
		switch b.Result {
		case p256.Accepted, p256.Refused:
			j.OK = b.Result == p256.Accepted
			v.sample(j, &b.Digest)
		default:
			j.OK = v.standard.verify(j.Key, j.Alg, b.Digest[:], b.Signature)
		}
	}
	clear(v.batch) // the signatures are the caller's
	clear(v.owners)
	v.batch, v.owners = v.batch[:0], v.owners[:0]
}

// sample has one result in sampleEvery looked at again.
func (v *Verifier) sample(j *Job, digest *[sha256.Size]byte) {
	since := &v.since[0]
	if j.OK {
		since = &v.since[1]
	}
	if *since++; *since < sampleEvery || len(j.Signature) != j.Key.sigLen {
		return
	}
	*since = 0
	s := sample{key: j.Key, alg: j.Alg, digest: *digest, size: len(j.Signature), accepted: j.OK}
	copy(s.signature[:], j.Signature)
	select {
	case v.fast.samples <- s:
	default:
		v.fast.missed.Add(1)
	}
}

// Recheck is Confirm for a job that Verify gave its OK, and ends the fast path if the two differ.
func (v *Verifier) Recheck(j *Job) bool {
	ok := v.Confirm(j)
	if ok != j.OK && v.fast != nil {
		v.fast.alarm(j.Key, j.OK)
	}
	return ok
}

// Confirm checks one signature by the standard library alone, whatever Verify uses.
func (v *Verifier) Confirm(j *Job) bool {
	k := j.Key
	if k == nil || !k.Allows(j.Alg) || len(j.Signature) != k.sigLen {
		return false
	}
	switch j.Alg {
	case ES256, PS256:
		sum := sha256.Sum256(j.Message)
		return v.standard.verify(k, j.Alg, sum[:], j.Signature)
	case ES384:
		sum := sha512.Sum384(j.Message)
		return v.standard.verify(k, j.Alg, sum[:], j.Signature)
	case ES512:
		sum := sha512.Sum512(j.Message)
		return v.standard.verify(k, j.Alg, sum[:], j.Signature)
	case EdDSA:
		return ed25519.Verify(k.ed, j.Message, j.Signature)
	}
	return false
}

// standard verifies signatures over digests by the standard library, with scratch numbers of its own. The key allows the
// algorithm.
type standard struct{ r, s big.Int }

func (v *standard) verify(k *Key, alg Algorithm, digest, signature []byte) bool {
	if len(signature) != k.sigLen {
		return false
	}
	if alg == PS256 {
		return rsa.VerifyPSS(k.rsa, crypto.SHA256, digest, signature, pssOptions) == nil
	}
	half := len(signature) / 2
	v.r.SetBytes(signature[:half])
	v.s.SetBytes(signature[half:])
	return ecdsa.Verify(k.ec, digest, &v.r, &v.s)
}

// pssOptions: salt as long as the hash, MGF1 with the same hash (RFC 8230, section 2). It never changes.
var pssOptions = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
