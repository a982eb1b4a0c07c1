package sig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"math/big"
)

// Job is one signature to check. The slices are only read, and only during the call that is given the Job.
type Job struct {
	Key       *Key
	Alg       Algorithm
	Message   []byte // what was signed, not its hash
	Signature []byte // r‖s for ECDSA, the bare signature otherwise
	OK        bool   // set by Verifier.Verify
}

// Verifier checks batches of signatures with its own scratch space: one a goroutine. The zero Verifier is ready.
type Verifier struct {
	r, s big.Int
}

// Verify sets OK of each job, each on its own: a bad signature never changes a neighbour's result. This is where a
// batch of ES256 signatures goes to a faster implementation; each path must give what Confirm gives.
func (v *Verifier) Verify(jobs []Job) {
	for i := range jobs {
		jobs[i].OK = v.Confirm(&jobs[i])
	}
}

// Confirm checks one signature by the standard library alone, whatever Verify uses. A lane calls it for every Admit.
func (v *Verifier) Confirm(j *Job) bool {
	k := j.Key
	if k == nil || !k.Allows(j.Alg) || len(j.Signature) != k.sigLen {
		return false
	}
	switch j.Alg {
	case ES256:
		sum := sha256.Sum256(j.Message)
		return v.ecdsa(k, sum[:], j.Signature)
	case ES384:
		sum := sha512.Sum384(j.Message)
		return v.ecdsa(k, sum[:], j.Signature)
	case ES512:
		sum := sha512.Sum512(j.Message)
		return v.ecdsa(k, sum[:], j.Signature)
	case PS256:
		sum := sha256.Sum256(j.Message)
		return rsa.VerifyPSS(k.rsa, crypto.SHA256, sum[:], j.Signature, pssOptions) == nil
	case EdDSA:
		return ed25519.Verify(k.ed, j.Message, j.Signature)
	}
	return false
}

// pssOptions: salt as long as the hash, MGF1 with the same hash (RFC 8230, section 2). It never changes.
var pssOptions = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}

func (v *Verifier) ecdsa(k *Key, sum, signature []byte) bool {
	half := len(signature) / 2
	v.r.SetBytes(signature[:half])
	v.s.SetBytes(signature[half:])
	return ecdsa.Verify(k.ec, sum, &v.r, &v.s)
}
