package policy

// Binding says whether two documents belong to the same person. The zero value is that nobody can tell.
type Binding uint8

// The bindings.
const (
	Unclear   Binding = iota // there is no way to compare them, or it says neither
	Different                // they are two persons'
	Same
)

// Awaits reports whether nothing but a second document is missing.
func (c *Candidate) Awaits() bool { return c.outcome == Refer && c.reason == SecondDocumentMissing }

// Join makes c, which awaits a second document, the verdict on both: other is what was found about the second one, which awaited c
// in turn or stands for itself. c must be the one that the verdict is about, see Profile.Pairs.
//
// Whatever is wrong with either is wrong with both, and where both did not pass a check the worse reason counts; that they are one
// person's is c's check of identity.
func (c *Candidate) Join(other *Candidate, b Binding, p *Profile) {
	f := c.findings
	f.states[Identity] = Undetermined // the doubt was that there is no second one
	switch b {
	case Same:
		f.Pass(Identity)
	case Different:
		f.Fail(Identity, IdentityMismatch)
	default:
		f.Doubt(Identity, IdentityUnclear)
	}
	required := c.required(p)
	for check := Check(0); check < NumChecks; check++ {
		if check == Identity || weigh(&other.findings, check, other.required(p), p) <= weigh(&f, check, required, p) {
			continue
		}
		f.states[check], f.reasons[check] = other.findings.states[check], other.findings.reasons[check]
		required |= Checks(check)
	}
	if other.Once && !joinUse(c, other) {
		f.Doubt(Identity, IdentityUnclear)
	}
	c.Second = other.Kind
	c.asked |= required
	c.findings = f
	c.outcome, c.reason = decide(&f, required, p)
}

// joinUse has c use up the second document, too, if that may be used only so often; both together as often as the one of them that may be
// used less. It is false if c has no room to say so: then a person decides.
func joinUse(c, other *Candidate) bool {
	switch {
	case other.Zone != "" && other.Zone != c.Zone && c.Once:
		return false // the ledger counts by zones, and c's uses are counted in c's
	case !c.Once:
		c.Once, c.Use, c.Also, c.Uses, c.Expires = true, other.Use, other.Also, other.Uses, other.Expires
		c.Zone, c.Exit = other.Zone, other.Exit
		return true
	case c.Also == UseID{} && other.Also == UseID{}:
		c.Also, c.Uses = other.Use, min(c.Uses, other.Uses)
		if c.Expires != 0 && (other.Expires == 0 || other.Expires > c.Expires) { // 0 is never
			c.Expires = other.Expires
		}
		return true
	}
	return false
}
