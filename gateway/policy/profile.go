package policy

import "time"

// Profile is what a place asks of a code. It is made at start and not changed afterwards. The zero Profile accepts nothing.
type Profile struct {
	Name string
	// Production refuses keys that are published for tests.
	Production bool
	// Accept lists the kinds that may be admitted here.
	Accept KindSet
	// Needs says which kinds of document one of which must be shown with a document of a kind, by the same person, in either order.
	// The empty set asks for none.
	Needs [NumKinds]KindSet
	// AdmitUnsigned lets boarding passes in that nobody signed, of carriers that do not sign; they must stand on a passenger list.
	AdmitUnsigned bool
	// Require adds checks to those that a kind must pass anywhere.
	Require CheckSet
	// Tighten makes a reason that would be Refer a Deny.
	Tighten [NumReasons]bool
	// Once lists the kinds that may be used only once here, or as often as they say.
	Once KindSet
	// Reentry lets in again, without counting a use, who left by an exit lane of the same zone.
	Reentry bool
	// Passback is how long after an entry or an exit the same credential cannot enter again, even where Reentry or Uses would let it.
	Passback time.Duration
	// IgnoreKeyExpired accepts a credential that was issued outside its signer's own validity.
	IgnoreKeyExpired bool
	// AdmitStale says in words that lists past their expiry still admit: the trust list, revocation and status lists, feeds. One that was
	// lost does not.
	AdmitStale bool
}

// Accepts reports whether a document of kind may be shown here, for admission or beside another one.
func (p *Profile) Accepts(kind Kind) bool { return p.Accept.Has(kind) || p.second().Has(kind) }

// second returns the kinds that are shown beside others here.
func (p *Profile) second() KindSet {
	var s KindSet
	for _, needed := range p.Needs {
		s |= needed
	}
	return s
}

// pairs reports whether a document of kind is worth nothing here without another one.
func (p *Profile) pairs(kind Kind) bool {
	if kind >= NumKinds {
		return false
	}
	return p.Needs[kind] != 0 || kind == MRZ || !p.Accept.Has(kind) && p.second().Has(kind)
}

// Pairs reports whether documents of the two kinds make one verdict here, whichever was shown first, and which of them it is about.
func (p *Profile) Pairs(first, second Kind) (main Kind, ok bool) {
	switch {
	case p.Accept.Has(first) && p.Needs[first].Has(second):
		return first, true
	case p.Accept.Has(second) && p.Needs[second].Has(first):
		return second, true
	}
	return Unknown, false
}

// required returns the checks that a candidate of a kind must pass. The use is claimed later, by the journal.
func (p *Profile) required(kind Kind) CheckSet {
	if kind >= NumKinds || required[kind] == 0 {
		return everything
	}
	add := p.Require
	if !revocable.Has(kind) {
		add &^= Checks(Revocation)
	}
	if p.pairs(kind) {
		add |= Checks(Identity)
	}
	return (required[kind] | add) &^ Checks(Use)
}

// outcome returns what a reason leads to here: the table, or tighter.
func (p *Profile) outcome(r Reason) Outcome {
	if p.Tighten[r] {
		return Deny
	}
	return DefaultOutcome(r)
}

var hcertKinds = Kinds(HCERTVaccination, HCERTTest, HCERTRecovery)

// Health admits certificates about a person's health, whoever shows them.
func Health() Profile {
	return Profile{Name: "health", Production: true, Accept: hcertKinds | Kinds(VDSNC)}
}

// Checkpoint admits who shows a certificate and a card or passport of the same person.
func Checkpoint() Profile {
	p := Profile{Name: "checkpoint", Production: true, Accept: hcertKinds | Kinds(VDSNC)}
	for kind := range NumKinds {
		if p.Accept.Has(kind) {
			p.Needs[kind] = Kinds(MRZ)
		}
	}
	return p
}

// Boarding admits boarding passes of the lane's flights, once. One that nobody signed must stand on the flight's passenger list.
func Boarding() Profile {
	return Profile{Name: "boarding", Production: true, Accept: Kinds(BCBP), Once: Kinds(BCBP), AdmitUnsigned: true}
}

// Venue admits tickets and passes of the lane's event, and codes on its list; tickets and codes once.
func Venue() Profile {
	return Profile{
		Name: "venue", Production: true, Accept: Kinds(Ticket, Pass, Pretix, Code), Once: Kinds(Ticket, Pretix, Code),
	}
}

// retail says yes or no to certificates, and takes vouchers and stamps, once.
func retail() Profile {
	return Profile{
		Name: "retail", Production: true, Accept: hcertKinds | Kinds(VDSNC, Voucher, Stamp), Once: Kinds(Voucher, Stamp),
	}
}

// Demo takes what test keys sign, with tickets and test certificates good for one entry, so that a second showing is seen.
func Demo() Profile {
	return Profile{
		Name: "demo", Accept: hcertKinds | Kinds(VDSNC, Ticket, Pass, Voucher, Stamp, Pretix),
		Once: Kinds(HCERTTest, Ticket, Voucher, Stamp, Pretix),
	}
}

// BuiltIn returns the built-in profiles.
func BuiltIn() []Profile {
	return []Profile{Boarding(), Venue(), Checkpoint(), Health(), retail(), Demo()}
}

// Named returns the built-in profile of that name.
func Named(name string) (Profile, bool) {
	for _, p := range BuiltIn() {
		if p.Name == name {
			return p, true
		}
	}
	return Profile{}, false
}
