//go:build !race

package verify_test

import (
	"testing"

	"passerelle/gateway/policy"
	"passerelle/gateway/verify"
)

// TestRefusedAndAcceptedCodesAllocateOnlyInSignatures: everything but crypto/ecdsa and crypto/rsa works in memory that New
// allocated. How much the standard library allocates for a signature is pinned here, so that it can only go down.
func TestRefusedAndAcceptedCodesAllocateOnlyInSignatures(t *testing.T) {
	const signature = 80 // allocations of one RSA signature by the standard library; ECDSA has far fewer
	cases, now := sameList(t)
	v := verify.New(cases[0].profile)
	dst := make([]policy.Candidate, 0, 1)
	for _, c := range cases {
		scans := []verify.Scan{{Data: c.Payload}}
		got := v.Verify(dst[:0], scans, c.list, now)[0]
		allowed := 0.0
		if v.Result(0).Layer >= verify.LayerSignature {
			allowed = signature
		}
		if n := testing.AllocsPerRun(20, func() { dst = v.Verify(dst[:0], scans, c.list, now) }); n > allowed {
			t.Errorf("%s (%v): %v allocations, at most %v", c.Name, got.Reason(), n, allowed)
		}
	}
}
