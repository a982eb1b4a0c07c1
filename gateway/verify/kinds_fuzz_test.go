package verify_test

import (
	"maps"
	"slices"
	"testing"

	"passerelle/gateway/credential/bcbp"
	"passerelle/gateway/policy"
	"passerelle/gateway/verify"
)

// FuzzEveryKind: nothing that was not signed or listed is admitted, and the good code behind it still is.
func FuzzEveryKind(f *testing.F) {
	s := setup(f)
	all := samples(f)
	for i := range all {
		f.Add(all[i].code)
		f.Add(append([]byte("]Q1"), all[i].code...))
	}
	snapshot, v := s.snapshot(f), s.verifier(nil)
	vouched := map[string]bool{} // what somebody signed
	for i := range all {
		if c := v.Verify(nil, []verify.Scan{{Data: all[i].code}}, snapshot, s.now)[0]; c.State(policy.Signature) == policy.Passed {
			vouched[signedText(v.Result(0))] = true
		}
	}
	delete(vouched, "")
	if len(vouched) < 14 {
		f.Fatalf("only %d signed texts", len(vouched))
	}
	listed := map[string]bool{plainCode: true, zonedCode: true, manyCode: true, looksLikeOne: false}
	for _, t := range []int64{noon - 30, noon, noon + 30} {
		listed[movingCode+oneTime(t)] = true
	}
	passengers := map[string]bool{}
	for _, l := range []boardingLeg{{}, {sequence: "0003 "}, {carrier: "KL", flight: "0777 ", marketing: "AT"}} {
		passengers[passenger(l, today)] = true
	}
	good := slices.Sorted(maps.Keys(s.codes))
	f.Fuzz(func(t *testing.T, code []byte) {
		behind := good[len(code)%len(good)]
		got := v.Verify(nil, []verify.Scan{{Data: code}, {Data: []byte(s.codes[behind])}}, snapshot, s.now)
		if c := &got[1]; c.Outcome() != policy.Admit && behind != "mrz" {
			t.Fatalf("%s behind it: %s", behind, line(c))
		}
		c, r := &got[0], v.Result(0)
		if c.State(policy.Signature) == policy.Passed && c.Kind != policy.Code && !vouched[signedText(r)] {
			t.Fatalf("nobody signed %q: %s", signedText(r), line(c))
		}
		if c.Outcome() != policy.Admit {
			return
		}
		_, body := verify.Detect(code)
		switch {
		case c.Kind == policy.MRZ:
			t.Fatalf("a zone is admitted: %s", line(c))
		case c.Kind == policy.Code && !listed[string(body)]:
			t.Fatalf("nobody listed %q: %s", body, line(c))
		case c.Kind == policy.BCBP && c.State(policy.Signature) != policy.Passed && !onTheList(r.BoardingPass, passengers):
			t.Fatalf("nobody listed the passenger: %s", line(c))
		case c.Kind != policy.Code && c.Kind != policy.BCBP && c.State(policy.Signature) != policy.Passed:
			t.Fatalf("admitted without a signature: %s", line(c))
		}
		if !v.Confirm(0) {
			t.Fatalf("admitted and not confirmed: %s", line(c))
		}
	})
}

// signedText is what was signed of a code.
func signedText(r verify.Result) string {
	switch {
	case r.Message != nil:
		return string(r.Message.Payload)
	case r.Pretix != nil:
		return string(r.Pretix.Message)
	case r.Seal != nil:
		return string(r.Seal.Signed)
	case r.BoardingPass != nil:
		return string(r.BoardingPass.Signed)
	}
	return ""
}

// onTheList reports whether some leg of a pass is that of a passenger on the list.
func onTheList(p *bcbp.Pass, passengers map[string]bool) bool {
	legs := p.Legs()
	return slices.ContainsFunc(legs, func(l bcbp.Leg) bool { return passengers[string(bcbp.AppendPassenger(nil, &l, today))] })
}
