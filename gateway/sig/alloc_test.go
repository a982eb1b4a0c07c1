//go:build !race

package sig_test

import (
	"testing"

	"passerelle/gateway/sig"
	"passerelle/gateway/sig/p256"
)

// What one signature may allocate. Code of our own needs nothing, for accepted and for refused signatures; what the standard
// library needs is pinned, so that it can only go down.
const (
	allocsFast          = 0  // ES256 by a P-256 key that has its table
	allocsPS256         = 0  // package pss
	allocsEdDSA         = 0  // crypto/ed25519
	allocsEdDSARefused  = 2  // its errors: one on amd64
	allocsP256          = 21 // crypto/ecdsa, ES256 by a P-256 key that has no table
	allocsECDSA         = 28 // crypto/ecdsa, P-384 and P-521
	allocsStandardPS256 = 14 // crypto/rsa, where the fast path has ended
	allocsNever         = 0  // a key that does not allow the algorithm, or a signature of another length
)

func TestAllocationsOfASignature(t *testing.T) {
	fast, slow := newAccelerator(t), sig.NewAccelerator(sig.AcceleratorOptions{Memory: p256.MinLimit - 1})
	withTable := signES256(t, "a ticket")[0]
	warm(t, fast, withTable)
	for _, s := range append(genuine(t), signed{"ES256 with a table", withTable}) {
		for _, a := range []*sig.Accelerator{fast, slow, nil} {
			v := sig.NewVerifier(a)
			for i, j := range variants(s.job) {
				batch := []sig.Job{j}
				n := testing.AllocsPerRun(10, func() { v.Verify(batch) })
				if allowed := allocsOf(&batch[0], len(s.job.Signature), a, a == fast && j.Key == withTable.Key); n > float64(allowed) {
					t.Errorf("%s, variant %d (verified = %v), accelerator %v: %v allocations, at most %v", s.name, i, batch[0].OK, a != nil, n, allowed)
				}
			}
		}
	}
}

func allocsOf(j *sig.Job, size int, a *sig.Accelerator, table bool) int {
	switch {
	case j.Key == nil || !j.Key.Allows(j.Alg) || len(j.Signature) != size:
		return allocsNever
	case j.Alg == sig.PS256 && a == nil:
		return allocsStandardPS256
	case j.Alg == sig.PS256:
		return allocsPS256
	case j.Alg == sig.EdDSA && j.OK:
		return allocsEdDSA
	case j.Alg == sig.EdDSA:
		return allocsEdDSARefused
	case table:
		return allocsFast
	case j.Key.String() == "P-256":
		return allocsP256
	}
	return allocsECDSA
}

// TestABatchWithTablesAllocatesNothing, whatever is wrong with some of it; taking samples does not either.
func TestABatchWithTablesAllocatesNothing(t *testing.T) {
	a := newAccelerator(t)
	var pool []sig.Job
	for range 4 {
		j := signES256(t, "a ticket")[0]
		warm(t, a, j)
		for _, c := range variants(j) {
			if c.Key != nil && c.Key.Allows(c.Alg) {
				pool = append(pool, c)
			}
		}
	}
	v := sig.NewVerifier(a)
	for size := range p256.Block + 2 {
		batch := pool[:size]
		if n := testing.AllocsPerRun(10, func() { v.Verify(batch) }); n != 0 {
			t.Errorf("batch of %d: %v allocations, want 0", size, n)
		}
	}
	if a.Stats().Missed == 0 {
		t.Error("no sample was taken")
	}
}
