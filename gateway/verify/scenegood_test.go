package verify_test

import (
	"testing"

	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/verify"
)

// TestEachGoodCodeIsAdmitted holds the scene up: what rows change must be what refuses a code.
func TestEachGoodCodeIsAdmitted(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for name, code := range s.codes {
		want := "admit ok"
		if name == "mrz" {
			want = "refer second_document_missing"
		}
		c, r := s.show(t, code)
		if got := verdict(&c); got != want {
			t.Errorf("%s: %s, want %s (layer %v: %v)\n%s\n%.200s", name, got, want, r.Layer, r.Err, line(&c), code)
		}
		if c.Once != s.profile.Once.Has(c.Kind) || c.Once && c.Use == (policy.UseID{}) {
			t.Errorf("%s: once %v with use %x", name, c.Once, c.Use)
		}
	}
}

// warmScene verifies the codes in the scene until every key that they ask for has its table.
func warmScene(t testing.TB, s *scene, fast *sig.Accelerator, codes [][]byte) {
	t.Helper()
	v, list := s.verifier(fast), s.snapshot(t)
	scans := make([]verify.Scan, len(codes))
	for i := range codes {
		scans[i].Data = codes[i]
	}
	for built := ^uint64(0); built != fast.Stats().Tables.Built; {
		built = fast.Stats().Tables.Built
		for range 2 { // the second use asks
			v.Verify(nil, scans, list, s.now)
			fast.Settle()
		}
	}
}
