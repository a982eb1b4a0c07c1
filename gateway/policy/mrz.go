package policy

import (
	"math"
	"time"

	"passerelle/gateway/credential/mrz"
)

// MRZ judges a machine-readable zone. Nobody signs one: it says who stands there, and never that he may pass.
func (p *Place) MRZ(f *Findings, z *mrz.Zone) {
	if !z.Valid() {
		f.Fail(Format, Unreadable) // it was misread, or never was one
	}
	for _, check := range [...]Check{KeyCheck, Signature, UsageCheck, Revocation, PlaceCheck} {
		f.Skip(check)
	}
	if p.Profile.Accepts(MRZ) {
		f.Pass(Rules)
	} else {
		f.Fail(Rules, NotAccepted)
	}
	last, ok := z.ExpiryDate(time.Unix(p.Now.Earliest, 0).UTC())
	if !ok {
		f.Doubt(Time, Expired) // it does not say until when it is valid
		return
	}
	end := time.Date(last.Year, time.Month(last.Month), last.Day+1, 0, 0, 0, 0, time.UTC)
	p.Now.within(f, math.MinInt64, end.Unix()+halfDay)
}

// halfDay is how much later a day ends at the other side of the world.
const halfDay = 12 * 60 * 60
