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

	Once    bool  // may be used only once here
	Use     UseID // meaningful if Once and the signature check passed
	Expires int64 // when the credential ends, skew included, unix seconds: how long its use must be remembered

	List  uint64 // version of the trust list that decided
	Aged  int64  // seconds since that list was issued, 0 if the clock says less
	Clock ClockClass
}

// Conclude turns findings into the candidate's verdict under a profile: the last step of verification.
func (c *Candidate) Conclude(f *Findings, p *Profile) {
	f.Skip(Use)
	c.findings = *f
	c.outcome, c.reason = decide(f, p.required(), p)
	c.final = false
}

// Claim is what the journal says of a candidate's use.
type Claim uint8

// The claims. The zero value is a store that cannot say: it never admits.
const (
	StoreFailed Claim = iota // nothing is on disk
	Claimed                  // this verdict is on disk and, for a credential used once, so is its use
	UsedBefore               // the use was claimed by an earlier verdict
)

// Finalize returns the final verdict for a candidate whose journal entry is written. Only a candidate that would be
// admitted can be changed by the claim; a refusal stays what it was, on disk or not.
func (c *Candidate) Finalize(claim Claim, p *Profile) Verdict {
	v := c.Verdict
	if v.outcome == Admit {
		required := p.required()
		v.findings.states[Use] = Undetermined
		switch {
		case claim == UsedBefore:
			v.findings.Fail(Use, AlreadyUsed)
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
	}
	v.final = claim != StoreFailed
	return v
}

// Withdraw returns the verdict for a candidate that the second, independent check of its signature did not confirm: the
// fast path has a fault, so a person decides.
func (c *Candidate) Withdraw(p *Profile) {
	c.findings.Fail(Signature, Internal)
	c.outcome, c.reason = decide(&c.findings, p.required(), p)
}

// Date records which list decided, how old it was, and how far the clock was known.
func (p *Place) Date(c *Candidate) {
	c.List, c.Clock = p.List.Version(), p.Now.Class
	c.Aged = max(0, p.Now.Latest-p.List.Issued())
}
