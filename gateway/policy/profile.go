package policy

// Profile is what a place asks of a code. It is made at start and not changed afterwards. The zero Profile accepts nothing.
type Profile struct {
	Name string
	// Production refuses keys that are published for tests.
	Production bool
	// Accept lists the kinds that are accepted here.
	Accept KindSet
	// Require adds checks to those that every credential must pass (alwaysRequired).
	Require CheckSet
	// Tighten makes a reason that would be Refer a Deny.
	Tighten [NumReasons]bool
	// Once lists the kinds that may be used only once here.
	Once KindSet
	// IgnoreKeyExpired accepts a credential that was issued outside its signer's own validity.
	IgnoreKeyExpired bool
	// AdmitStale says in words that a list past its expiry still admits.
	AdmitStale bool
}

// alwaysRequired holds for every profile: a credential that we admit is well formed, signed by a known key that may sign
// this, valid now, and of an accepted kind and issuer.
const alwaysRequired = CheckSet(1<<Format | 1<<KeyCheck | 1<<Signature | 1<<UsageCheck | 1<<Time | 1<<Rules)

// required returns the checks that a candidate must pass. The use is claimed later, by the journal.
func (p *Profile) required() CheckSet { return (p.Require | alwaysRequired) &^ Checks(Use) }

// outcome returns what a reason leads to here: the table, or tighter.
func (p *Profile) outcome(r Reason) Outcome {
	if p.Tighten[r] {
		return Deny
	}
	return DefaultOutcome(r)
}

var hcertKinds = Kinds(HCERTVaccination, HCERTTest, HCERTRecovery)

// Checkpoint admits EU-compatible certificates of real issuers.
func Checkpoint() Profile {
	return Profile{Name: "checkpoint", Production: true, Accept: hcertKinds}
}

// Demo is Checkpoint with test keys, and with test certificates good for one entry, so that a second showing is seen.
func Demo() Profile {
	return Profile{Name: "demo", Accept: hcertKinds, Once: Kinds(HCERTTest)}
}

// Named returns the built-in profile of that name.
func Named(name string) (Profile, bool) {
	for _, p := range []Profile{Checkpoint(), Demo()} {
		if p.Name == name {
			return p, true
		}
	}
	return Profile{}, false
}
