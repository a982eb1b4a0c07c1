package policy_test

import (
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"passerelle/gateway/policy"
)

// findings draws any findings that verification could end with.
// states are drawn from: most checks pass, else hardly anything is admitted.
var states = append(slices.Repeat([]policy.State{policy.Passed}, 20), policy.Failed, policy.Undetermined, policy.NotApplicable)

func findings(t *rapid.T) *policy.Findings {
	f := new(policy.Findings)
	for c := policy.Check(0); c < policy.NumChecks; c++ {
		why := policy.Reason(rapid.IntRange(0, int(policy.NumReasons)-1).Draw(t, "reason"))
		switch rapid.SampledFrom(states).Draw(t, c.String()) {
		case policy.Failed:
			f.Fail(c, why)
		case policy.Undetermined:
			f.Doubt(c, why)
		case policy.NotApplicable:
			f.Skip(c)
		default:
			f.Pass(c)
		}
	}
	return f
}

func profile(t *rapid.T) *policy.Profile {
	p := policy.Health()
	p.Require = policy.CheckSet(rapid.Uint16().Draw(t, "require") & rapid.Uint16().Draw(t, "and") & rapid.Uint16().Draw(t, "and"))
	p.Tighten[policy.Reason(rapid.IntRange(0, int(policy.NumReasons)-1).Draw(t, "tighten"))] = true
	return &p
}

func TestNothingIsAdmittedUnlessEveryRequiredCheckPassed(t *testing.T) {
	t.Parallel()
	always := policy.Checks(policy.Format, policy.KeyCheck, policy.Signature, policy.UsageCheck, policy.Time, policy.Rules)
	admitted := 0
	rapid.Check(t, func(t *rapid.T) {
		f, p := findings(t), profile(t)
		c := policy.Candidate{Kind: policy.HCERTVaccination}
		c.Once = rapid.Bool().Draw(t, "once")
		c.Conclude(f, p)
		claim := rapid.SampledFrom([]policy.Claim{policy.Claimed, policy.StoreFailed, policy.Claimed, policy.UsedBefore, policy.NotInside, 200}).Draw(t, "claim")
		final := c.Finalize(claim, p)
		clean := true
		for check := policy.Check(0); check < policy.Use; check++ {
			state := f.State(check)
			if state == policy.Failed || state != policy.Passed && (always.Has(check) || p.Require.Has(check)) {
				clean = false
			}
		}
		useFailed := f.State(policy.Use) == policy.Failed
		if got := c.Outcome() == policy.Admit; got != (clean && !useFailed) {
			t.Fatalf("candidate is %v (%v), clean = %v", c.Outcome(), c.Reason(), clean)
		}
		if got, want := final.Outcome() == policy.Admit, clean && !useFailed && claim == policy.Claimed; got != want {
			t.Fatalf("final is %v (%v), want admitted = %v", final.Outcome(), final.Reason(), want)
		}
		if final.Outcome() == policy.Admit && !final.Final() {
			t.Fatal("admitted without being on disk")
		}
		if c.Final() {
			t.Fatal("a candidate says that it is final")
		}
		if final.Outcome() == policy.Admit {
			admitted++
		}
	})
	if admitted == 0 {
		t.Error("nothing was admitted: the test tests nothing")
	}
}

func TestAnyDenyBeatsAnyRefer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f, p := findings(t), profile(t)
		var c policy.Candidate
		c.Conclude(f, p)
		deny := false
		for check := policy.Check(0); check < policy.NumChecks; check++ {
			if f.State(check) == policy.Failed && policy.DefaultOutcome(f.Reason(check)) == policy.Deny {
				deny = true
			}
		}
		if deny && c.Outcome() != policy.Deny {
			t.Fatalf("outcome = %v for %v", c.Outcome(), c.Reason())
		}
	})
}

func TestTheZeroVerdictIsARefusal(t *testing.T) {
	t.Parallel()
	var v policy.Verdict
	if v.Outcome() != policy.Deny || v.Final() {
		t.Errorf("zero verdict = %v, final %v; want deny, not final", v.Outcome(), v.Final())
	}
	var c policy.Candidate
	p := policy.Profile{}
	c.Conclude(&policy.Findings{}, &p)
	if c.Outcome() == policy.Admit {
		t.Error("findings that determined nothing were admitted")
	}
	p = policy.Health()
	if final := c.Finalize(policy.Claimed, &p); final.Outcome() == policy.Admit {
		t.Error("a candidate that nobody judged was admitted")
	}
}

func TestTheFirstCheckInOrderGivesTheReason(t *testing.T) {
	t.Parallel()
	p := policy.Health()
	for _, tt := range []struct {
		name    string
		set     func(*policy.Findings)
		outcome policy.Outcome
		reason  policy.Reason
	}{
		{"everything passed", func(*policy.Findings) {}, policy.Admit, policy.OK},
		{"weak key", func(f *policy.Findings) { f.Fail(policy.KeyCheck, policy.WeakKey) }, policy.Refer, policy.WeakKey},
		{
			"weak key and expired", func(f *policy.Findings) {
				f.Fail(policy.KeyCheck, policy.WeakKey)
				f.Fail(policy.Time, policy.Expired)
			}, policy.Deny, policy.Expired,
		},
		{
			"two refusals", func(f *policy.Findings) {
				f.Fail(policy.Time, policy.Expired)
				f.Fail(policy.UsageCheck, policy.WrongUsage)
			}, policy.Deny, policy.WrongUsage,
		},
		{
			"two doubts", func(f *policy.Findings) {
				f.Doubt(policy.Time, policy.ClockUntrusted)
				f.Doubt(policy.KeyCheck, policy.ListStale)
			}, policy.Refer, policy.ListStale,
		},
		{"the first reason of a check stays", func(f *policy.Findings) {
			f.Fail(policy.KeyCheck, policy.IssuerDisabled)
			f.Fail(policy.KeyCheck, policy.KeyExpired)
			f.Pass(policy.KeyCheck)
		}, policy.Deny, policy.IssuerDisabled},
		{"the first of two doubts that failed a check stays", func(f *policy.Findings) {
			f.Fail(policy.Revocation, policy.ListStale)
			f.Fail(policy.Revocation, policy.ClockUntrusted)
		}, policy.Refer, policy.ListStale},
		{"a refusal takes the place of a doubt that failed the same check", func(f *policy.Findings) {
			f.Fail(policy.Revocation, policy.ListStale)
			f.Fail(policy.Revocation, policy.Revoked)
			f.Fail(policy.Revocation, policy.Blocked)
			f.Doubt(policy.Revocation, policy.ListStale)
			f.Pass(policy.Revocation)
		}, policy.Deny, policy.Revoked},
	} {
		var f policy.Findings
		for check := policy.Check(0); check < policy.Use; check++ {
			f.Pass(check)
		}
		tt.set(&f)
		var c policy.Candidate
		c.Conclude(&f, &p)
		if c.Outcome() != tt.outcome || c.Reason() != tt.reason {
			t.Errorf("%s: %v %v, want %v %v", tt.name, c.Outcome(), c.Reason(), tt.outcome, tt.reason)
		}
	}
}

func TestAProfileCanOnlyTighten(t *testing.T) {
	t.Parallel()
	p := policy.Health()
	p.Tighten[policy.WeakKey], p.Tighten[policy.ListStale] = true, true
	for _, set := range []func(*policy.Findings){
		func(f *policy.Findings) { f.Fail(policy.KeyCheck, policy.WeakKey) },
		func(f *policy.Findings) { f.Doubt(policy.KeyCheck, policy.ListStale) },
	} {
		var f policy.Findings
		set(&f)
		var c policy.Candidate
		c.Conclude(&f, &p)
		if c.Outcome() != policy.Deny {
			t.Errorf("%v: %v, want deny", c.Reason(), c.Outcome())
		}
	}
}

func TestEachReasonHasANameAndAnOutcome(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for r := policy.Reason(0); r < policy.NumReasons; r++ {
		name := r.String()
		if back, ok := policy.ParseReason(name); !ok || back != r || seen[name] {
			t.Errorf("reason %d is named %q, which is %v", r, name, back)
		}
		seen[name] = true
		if policy.DefaultOutcome(r) == policy.Admit {
			t.Errorf("reason %v admits", r)
		}
	}
	if policy.Reason(200).String() != "internal" {
		t.Error("a reason that is none has a name")
	}
}

func TestACandidateIsOneJSONObject(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f, p := findings(t), profile(t)
		c := policy.Candidate{
			Kind: policy.Kind(rapid.IntRange(0, 255).Draw(t, "kind")), Issuer: rapid.String().Draw(t, "issuer"), HasKey: true,
		}
		c.Conclude(f, p)
		var got struct {
			Verdict, Reason, Kind, Issuer, Key string
			Checks                             map[string]string
			Final                              bool
			Trust                              struct{ Version, Age int64 }
			Clock                              string
		}
		if err := json.Unmarshal(append(c.AppendJSON(nil), '}'), &got); err != nil {
			t.Fatal(err)
		}
		if got.Verdict != c.Outcome().String() || got.Reason != c.Reason().String() || len(got.Checks) != int(policy.NumChecks) {
			t.Fatalf("got %+v", got)
		}
	})
}

func TestWhoIsNotKnownToBeInsideIsReferredAtAnExit(t *testing.T) {
	t.Parallel()
	for _, tighten := range []bool{false, true} {
		p := policy.Checkpoint()
		p.Tighten[policy.WrongPlace] = tighten
		var f policy.Findings
		for check := policy.Check(0); check < policy.Use; check++ {
			f.Pass(check)
		}
		c := policy.Candidate{Once: true, Exit: true}
		c.Conclude(&f, &p)
		v := c.Finalize(policy.NotInside, &p)
		if v.Outcome() != policy.Refer || v.Reason() != policy.WrongPlace || v.State(policy.Use) != policy.Undetermined || !v.Final() {
			t.Errorf("tightened %v: %v %v, use %v, final %v; want refer wrong_place, undetermined, final",
				tighten, v.Outcome(), v.Reason(), v.State(policy.Use), v.Final())
		}
		f.Fail(policy.Time, policy.Expired)
		c.Conclude(&f, &p)
		if v := c.Finalize(policy.NotInside, &p); v.Outcome() != policy.Deny {
			t.Errorf("an expired credential is %v at an exit", v.Outcome())
		}
	}
}
