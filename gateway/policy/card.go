package policy

import "passerelle/gateway/trust"

// cardChecks are what a supervisor's card must pass. That it was not revoked is among them, so a card names a status list that is at
// hand: a card that is lost must end somewhere.
const cardChecks = signed&^(1<<Rules) | 1<<Revocation

// card judges a supervisor's card, whose other checks were made. It opens no lane to its holder, so as a credential it is not accepted
// anywhere; whether it makes its holder a supervisor is noted beside the verdict.
func (p *Place) card(f *Findings, c *Candidate, key *trust.Key) {
	required := cardChecks | c.asked
	outcome, _ := decide(f, required, p.Profile)
	c.card = outcome == Admit && p.List.Accepts(key.Country, trust.SupervisorUsage, p.Now.Earliest, p.Now.Latest)
	f.Fail(Rules, NotAccepted)
}

// Card reports whether the candidate is the card of a supervisor, good here and now. Its verdict is a refusal all the same: a lane
// that takes cards asks this first.
func (c *Candidate) Card() bool { return c.card }
