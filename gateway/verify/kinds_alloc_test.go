//go:build !race

package verify_test

import (
	"strings"
	"testing"

	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/credential/list"
	"passerelle/gateway/issuer"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
)

// allocations are what one code may allocate; what does not stand here allocates nothing, accepted or refused. A seal is JSON with a
// certificate in it, which is parsed and verified anew each time; and crypto/ed25519 allocates the error that it refuses with.
var allocations = map[string]float64{
	"pretix of another event": 1, "pretix, a character changed": 1,
	"vds-nc": 96, "seal by another key": 97, "seal under another authority": 78, "vds-nc, a character changed": 97,
}

// TestCodesOfEveryKindAllocateNothing takes each code alone, good and bad, with keys that have tables.
func TestCodesOfEveryKindAllocateNothing(t *testing.T) {
	s, fast := setup(t), accelerator(t)
	all := samples(t)
	codes := make([][]byte, len(all))
	for i := range all {
		codes[i] = all[i].code
	}
	warmScene(t, s, fast, codes)
	v, list := s.verifier(fast), s.snapshot(t)
	dst := make([]policy.Candidate, 0, 1)
	for _, x := range all {
		scans := []verify.Scan{{Data: x.code}}
		dst = v.Verify(dst[:0], scans, list, s.now)
		n := testing.AllocsPerRun(20, func() { dst = v.Verify(dst[:0], scans, list, s.now) })
		if n > allocations[x.name] {
			t.Errorf("%s (%s): %v allocations, at most %v", x.name, verdict(&dst[0]), n, allocations[x.name])
		}
	}
}

// TestABatchOfAllKindsAllocatesNothing takes them together, but for those that may allocate alone.
func TestABatchOfAllKindsAllocatesNothing(t *testing.T) {
	s, fast := setup(t), accelerator(t)
	var scans []verify.Scan
	var codes [][]byte
	for _, x := range samples(t) {
		if allocations[x.name] == 0 {
			scans, codes = append(scans, verify.Scan{Data: x.code}), append(codes, x.code)
		}
	}
	warmScene(t, s, fast, codes)
	v, list := s.verifier(fast), s.snapshot(t)
	dst := make([]policy.Candidate, 0, len(scans))
	if n := testing.AllocsPerRun(20, func() { dst = v.Verify(dst[:0], scans, list, s.now) }); n != 0 {
		t.Errorf("a batch of %d codes: %v allocations, want 0", len(scans), n)
	}
}

// TestLongNamesAllocateNothing takes texts of the greatest length, with block lists and a replaced ticket.
func TestLongNamesAllocateNothing(t *testing.T) {
	w, s, fast := theWorld(t), setup(t), accelerator(t)
	long := func(n int) string { return strings.Repeat("N", n) }
	name := long(trust.MaxScope)
	s.during(func(s *policy.Session) { s.Event, s.Zone, s.Gate = name, long(list.MaxZone), long(cwt.MaxText) })
	s.key(w.pretix, func(k *trust.Key) { k.Scope = name })
	code := long(list.MaxCode-6) + "1234AB"
	s.feed(trust.FeedCodes, name, func(f *trust.Feed) {
		f.Set = set(map[string]list.Entry{code: {State: list.Listed, Zone: long(list.MaxZone)}, "DC0212345678": {State: list.Listed}})
	})
	for _, scope := range []string{name, "*"} {
		s.feed(trust.FeedDeny, scope, func(f *trust.Feed) { f.Set = setOf(list.Blocked, []byte("somebody else's")) })
	}
	codes := map[string]string{
		"ticket": w.ticket(w.ticketing, func(t *issuer.Ticket) {
			t.Issuer, t.ID, t.Replaces = long(cwt.MaxIssuer), []byte(long(cwt.MaxID)), []byte(long(cwt.MaxID-1))
			t.Event, t.Zone, t.Gate, t.Seat = name, long(list.MaxZone), long(cwt.MaxText), long(cwt.MaxText)
			t.StatusURI = statusURI
		}),
		"pretix":                              w.pretixTicket(w.pretix, func(t *issuer.PretixTicket) { t.Seed = []byte(long(200)) }),
		"code":                                code,
		"code that looks like another format": "DC0212345678",
	}
	v, trusted := s.verifier(fast), s.snapshot(t)
	dst := make([]policy.Candidate, 0, 1)
	for what, code := range codes {
		warmScene(t, s, fast, [][]byte{[]byte(code)})
		scans := []verify.Scan{{Data: []byte(code)}}
		n := testing.AllocsPerRun(20, func() { dst = v.Verify(dst[:0], scans, trusted, s.now) })
		if n != 0 || verdict(&dst[0]) != "admit ok" {
			t.Errorf("a %s: %s with %v allocations, want admit ok with 0", what, verdict(&dst[0]), n)
		}
	}
}
