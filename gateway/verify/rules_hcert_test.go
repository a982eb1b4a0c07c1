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

// TestACertificateThatIsUsedOnceLeavesByTheWayOut: like everything else that is.
func TestACertificateThatIsUsedOnceLeavesByTheWayOut(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	for _, once := range []bool{true, false} {
		s := setup(t)
		s.during(func(s *policy.Session) { s.Exit = true })
		if once {
			s.profile.Once |= policy.Kinds(policy.HCERTVaccination)
		}
		c, _ := s.show(t, w.codes["hcert"])
		if !c.Exit || c.Once != once || once && c.Uses != 1 || (c.Use == policy.UseID{}) == once {
			t.Errorf("once %v: exit %v, once %v, %d uses, use %x", once, c.Exit, c.Once, c.Uses, c.Use)
		}
	}
}
