// Package policy turns what was found out about a code into a verdict.
//
// Each check ends in one of four states whose zero is Undetermined. A Profile lists the checks that a kind of credential
// must pass; decide is the one function that makes Admit, and only when every required check passed. The first check in
// the order of their constants that did not pass gives the reason, and any Deny beats any Refer.
//
// A Candidate is what verification found, before anything is consumed; its verdict becomes final once the journal has claimed
// the use and has it on disk. Neither holds personal data.
package policy

// Outcome is what happens at the gate. The zero value refuses.
type Outcome uint8

// The outcomes.
const (
	Deny Outcome = iota
	Refer
	Admit
)

// String returns "deny", "refer" or "admit".
func (o Outcome) String() string {
	switch o {
	case Admit:
		return "admit"
	case Refer:
		return "refer"
	}
	return "deny"
}

// Check is one question about a code. Their order is their precedence.
type Check uint8

// The checks, in order of precedence.
const (
	Format Check = iota
	KeyCheck
	Signature
	UsageCheck
	Revocation
	Time
	Rules
	PlaceCheck
	Identity
	Use
	NumChecks
)

// String returns the name that reports use.
func (c Check) String() string {
	if c < NumChecks {
		return checkNames[c]
	}
	return "unknown"
}

var checkNames = [NumChecks]string{
	Format: "format", KeyCheck: "key", Signature: "signature", UsageCheck: "usage", Revocation: "revocation",
	Time: "time", Rules: "rules", PlaceCheck: "place", Identity: "identity", Use: "use",
}

// ParseCheck returns the check of that name.
func ParseCheck(name string) (Check, bool) {
	for c, n := range checkNames {
		if n == name {
			return Check(c), true
		}
	}
	return 0, false
}

// State is how a check ended.
type State uint8

// The states. A check that nobody ran is Undetermined.
const (
	Undetermined State = iota
	Passed
	Failed
	NotApplicable
)

// String returns the name that reports use.
func (s State) String() string {
	switch s {
	case Passed:
		return "passed"
	case Failed:
		return "failed"
	case NotApplicable:
		return "not_applicable"
	}
	return "undetermined"
}

// CheckSet is a set of checks.
type CheckSet uint16

// Checks makes a set.
func Checks(checks ...Check) CheckSet {
	var s CheckSet
	for _, c := range checks {
		s |= 1 << c
	}
	return s
}

// Has reports whether c is in the set.
func (s CheckSet) Has(c Check) bool { return s&(1<<c) != 0 }

// Findings are the checks of one code with their states, and for those that did not pass the reason.
// The zero Findings have determined nothing.
type Findings struct {
	states  [NumChecks]State
	reasons [NumChecks]Reason
}

// State returns how check c ended.
func (f *Findings) State(c Check) State { return f.states[c] }

// Reason returns why check c did not pass; Internal if nobody said.
func (f *Findings) Reason(c Check) Reason { return f.reasons[c] }

// Pass records that c passed. It does not undo a failure: a check that failed once stays failed.
func (f *Findings) Pass(c Check) {
	if f.states[c] != Failed {
		f.states[c] = Passed
	}
}

// Fail records that c failed, and why. The first reason stays, unless it asks a person and another one refuses.
func (f *Findings) Fail(c Check, why Reason) {
	if f.states[c] != Failed || DefaultOutcome(f.reasons[c]) == Refer && DefaultOutcome(why) == Deny {
		f.states[c], f.reasons[c] = Failed, why
	}
}

// Doubt records that c could not be determined, and why; after it, Pass would still count, so it is said last.
func (f *Findings) Doubt(c Check, why Reason) {
	if f.states[c] != Failed {
		f.states[c], f.reasons[c] = Undetermined, why
	}
}

// Skip records that c does not apply to this credential. A required check that does not apply is not passed.
func (f *Findings) Skip(c Check) {
	if f.states[c] == Undetermined {
		f.states[c] = NotApplicable
	}
}

// Verdict is an outcome with its reason and its checks. Only this package makes one that is not the zero value, which is
// Deny for Internal.
type Verdict struct {
	outcome  Outcome
	reason   Reason
	final    bool
	findings Findings
}

// Outcome returns what happens at the gate; for a verdict that is not Final, what would happen.
func (v *Verdict) Outcome() Outcome { return v.outcome }

// Reason returns why.
func (v *Verdict) Reason() Reason { return v.reason }

// Final reports whether the use is claimed and the verdict is on disk. No lamp turns green for one that is not.
func (v *Verdict) Final() bool { return v.final }

// State returns how check c ended.
func (v *Verdict) State(c Check) State { return v.findings.states[c] }

// decide is the only place where Admit is made: nothing failed, and every required check passed.
func decide(f *Findings, required CheckSet, p *Profile) (Outcome, Reason) {
	outcome, reason := Admit, OK
	for c := Check(0); c < NumChecks; c++ {
		switch weigh(f, c, required, p) {
		case denies:
			return Deny, f.reasons[c]
		case doubted, failed:
			if outcome == Admit {
				outcome, reason = Refer, f.reasons[c]
			}
		}
	}
	return outcome, reason
}

// weight is how much a check says against a verdict.
type weight uint8

const (
	nothing weight = iota
	doubted        // it was not passed, and had to be
	failed
	denies
)

// weigh says how much check c says where those in required had to be passed.
func weigh(f *Findings, c Check, required CheckSet, p *Profile) weight {
	state, why := f.states[c], f.reasons[c]
	switch {
	case state == Passed || state != Failed && !required.Has(c):
		return nothing
	case state == Failed && p.outcome(why) == Deny || p.Tighten[why]:
		return denies
	case state == Failed:
		return failed
	}
	return doubted
}

// Why returns why check c did not pass; Internal if it passed or nobody said.
func (v *Verdict) Why(c Check) Reason { return v.findings.reasons[c] }
