package verify_test

import (
	"crypto/sha256"
	"testing"

	"passerelle/gateway/credential/list"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
)

// TestCertificatesOnABlockListAreRefused: the operator's block lists know a certificate by the SHA-256 of its claims, whoever issued it.
func TestCertificatesOnABlockListAreRefused(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	code := w.codes["hcert"]
	s := setup(t)
	got, r := s.show(t, code)
	if got.Outcome() != policy.Admit || r.Layer != verify.LayerDone {
		t.Fatalf("before: %v %v", got.Outcome(), got.Reason())
	}
	identity := sha256.Sum256(r.Message.Payload)
	for _, scope := range []string{"*", event} {
		s := setup(t)
		s.feed(trust.FeedDeny, scope, func(f *trust.Feed) { f.Set = setOf(list.Blocked, identity[:]) })
		if got, _ := s.show(t, code); got.Outcome() != policy.Deny || got.Reason() != policy.Blocked {
			t.Errorf("blocked for %q: %v %v, want deny blocked", scope, got.Outcome(), got.Reason())
		}
	}
}
