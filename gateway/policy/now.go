package policy

// ClockClass says how far the time is known. The zero value is not at all.
type ClockClass uint8

// The classes.
const (
	ClockUnknown ClockClass = iota // no verdict about time can pass
	ClockFloored                   // not before the floor, not after the floor and the longest time in the dark
	ClockTrusted                   // a time source agrees
)

// String returns the name that reports use.
func (c ClockClass) String() string {
	switch c {
	case ClockTrusted:
		return "trusted"
	case ClockFloored:
		return "floored"
	}
	return "unknown"
}

// Skew is how far an issuer's clock may be ahead or behind, in seconds.
const Skew = 60

// Now is the time as an interval: the true time lies in [Earliest, Latest], both unix seconds. A clock that is trusted
// has Earliest = Latest.
type Now struct {
	Earliest int64
	Latest   int64
	Class    ClockClass
}

// At is the trusted time t, in unix seconds.
func At(t int64) Now { return Now{Earliest: t, Latest: t, Class: ClockTrusted} }

// within judges the validity [from, until] (unix seconds, inclusive) against the whole interval: it passes only if it
// is valid throughout, fails only if it is invalid throughout, and is a doubt otherwise. The end of a floored interval is
// an assumption (the box was not off for longer), so there too early is a doubt as well: who was issued a credential while the
// box lay in a cupboard is not turned away.
func (n Now) within(f *Findings, from, until int64) {
	switch {
	case n.Class == ClockUnknown || n.Latest < n.Earliest:
		f.Doubt(Time, ClockUntrusted)
	case n.Latest < from && n.Class == ClockTrusted:
		f.Fail(Time, NotYetValid)
	case n.Earliest > until:
		f.Fail(Time, Expired)
	case n.Earliest >= from && n.Latest <= until:
		f.Pass(Time)
	default:
		f.Doubt(Time, ClockUntrusted)
	}
}
