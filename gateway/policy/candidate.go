package policy

import "passerelle/gateway/trust"

// UseID is the identity of one use of a credential, the first 128 bits of a SHA-256 over what was signed. Never the code's
// text, which can be respelled, never the signature, which can be mirrored.
type UseID [16]byte

// Candidate is the verdict on one code before anything is consumed. It carries no personal data.
type Candidate struct {
	Verdict
	Kind   Kind
	Issuer string      // country of the key, ISO 3166-1 alpha-2; empty if no key was found
	Key    trust.KeyID // meaningful if HasKey
	HasKey bool

	Once    bool   // may be used only Uses times here
	Use     UseID  // meaningful if Once and the signature check passed
	Also    UseID  // of the lost credential that this one replaces, which is used up with it; zero for none
	Uses    uint8  // how often it may be used in all; 0 is once
	Zone    string // that the credential names: its uses are counted there; empty for the whole place
	Exit    bool   // the holder leaves the zone
	Expires int64  // when the credential ends, skew included, unix seconds: how long its use must be remembered

	Second Kind // of the document that was shown beside this one; Unknown for none

	List  uint64 // version of the trust list that decided
	Aged  int64  // seconds since that list was issued, 0 if the clock says less
	Clock ClockClass

	card   bool     // a supervisor's, and good
	waived CheckSet // that its kind must pass elsewhere, but not here
	asked  CheckSet // that it must pass although its kind need not
}

// Conclude turns findings into the candidate's verdict under a profile: the last step of verification.
func (c *Candidate) Conclude(f *Findings, p *Profile) {
	f.Skip(Use)
	if p.pairs(c.Kind) {
		f.Doubt(Identity, SecondDocumentMissing)
	}
	c.findings = *f
	c.outcome, c.reason = decide(f, c.required(p), p)
	c.final = false
}

func (c *Candidate) required(p *Profile) CheckSet { return p.required(c.Kind)&^c.waived | c.asked }

// Claim is what the journal says of a candidate's use.
type Claim uint8

// The claims. The zero value is a store that cannot say: it never admits.
const (
	StoreFailed Claim = iota // nothing is on disk
	Claimed                  // this verdict is on disk and, for a credential used once, so is its use
	UsedBefore               // the use was claimed by an earlier verdict
	NotInside                // at an exit: the holder is not known to be inside, so a person decides
)

// Finalize returns the final verdict for a candidate whose journal entry is written. Only a candidate that would be
// admitted can be changed by the claim; a refusal stays what it was, on disk or not.
func (c *Candidate) Finalize(claim Claim, p *Profile) Verdict {
	v := c.Verdict
	if v.outcome == Admit {
		required := c.required(p)
		v.findings.states[Use] = Undetermined
		switch {
		case claim == UsedBefore:
			v.findings.Fail(Use, AlreadyUsed)
		case claim == NotInside:
			required |= Checks(Use)
			v.findings.Doubt(Use, WrongPlace)
		case claim != Claimed:
			required |= Checks(Use)
			v.findings.Doubt(Use, StoreUnavailable)
		case c.Once:
			required |= Checks(Use)
			v.findings.Pass(Use)
		default:
			v.findings.Skip(Use)
		}
		v.outcome, v.reason = decide(&v.findings, required, p)
		if claim == NotInside {
			v.outcome = Refer // however a profile tightens it: nobody is locked in
		}
	}
	v.final = claim != StoreFailed
	return v
}

// Withdraw returns the verdict for a candidate that the second, independent check of its signature did not confirm: the
// fast path has a fault, so a person decides.
func (c *Candidate) Withdraw(p *Profile) {
	c.findings.Fail(Signature, Internal)
	c.card = false
	c.outcome, c.reason = decide(&c.findings, c.required(p), p)
}

// Date records which list decided, how old it was, and how far the clock was known.
func (p *Place) Date(c *Candidate) {
	c.List, c.Clock = p.List.Version(), p.Now.Class
	c.Aged = max(0, p.Now.Latest-p.List.Issued())
}
