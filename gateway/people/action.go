package people

import (
	"errors"
	"slices"
	"time"
)

// Deed is what a supervisor does.
type Deed uint8

// The deeds. The zero value is none.
const (
	NoDeed      Deed = iota
	Override         // lets one person in whom the gate did not
	Free             // makes a used ticket usable again
	OpenCount        // everybody in, counted; or the end of that
	Rehearsal        // nothing is consumed; or the end of that
	ConfirmTime      // says that the time is right
	numDeeds
)

var deedNames = [numDeeds]string{
	NoDeed: "none", Override: "override", Free: "free", OpenCount: "open", Rehearsal: "rehearsal", ConfirmTime: "clock",
}

// String returns the name that routes, journal and page use.
func (d Deed) String() string {
	if d < numDeeds {
		return deedNames[d]
	}
	return deedNames[NoDeed]
}

// Deeds returns all deeds, in their order.
func Deeds() []Deed { return []Deed{Override, Free, OpenCount, Rehearsal, ConfirmTime} }

// Reason is why a supervisor acts: one of a fixed list, never free text, so that nothing about a person can be written down.
type Reason string

// The reasons.
const (
	ScannerFault    Reason = "scanner_fault"
	CodeDamaged     Reason = "code_damaged" // a torn paper, a broken screen
	DocumentChecked Reason = "document_checked"
	IdentityChecked Reason = "identity_checked"
	ChildWithAdult  Reason = "child_with_adult"
	Assistance      Reason = "assistance" // a person who needs help
	ListError       Reason = "list_error"
	NotPassed       Reason = "not_passed" // was let in and did not walk through
	WrongLane       Reason = "wrong_lane"
	CrowdPressure   Reason = "crowd_pressure"
	Emergency       Reason = "emergency"
	Training        Reason = "training"
	BeforeOpening   Reason = "before_opening"
	BackToNormal    Reason = "back_to_normal"
	ClockChecked    Reason = "clock_checked"
	OtherOfficial   Reason = "other_official" // an official's decision that none of the others names
)

// reasons is the one table of which reason stands for which deed.
var reasons = [numDeeds][]Reason{
	Override:    {DocumentChecked, IdentityChecked, CodeDamaged, ScannerFault, ChildWithAdult, Assistance, ListError, OtherOfficial},
	Free:        {NotPassed, WrongLane, ScannerFault, ListError, OtherOfficial},
	OpenCount:   {CrowdPressure, Emergency, ScannerFault, BackToNormal, OtherOfficial},
	Rehearsal:   {BeforeOpening, Training, BackToNormal},
	ConfirmTime: {ClockChecked},
}

// Reasons returns the reasons that a deed may have.
func Reasons(d Deed) []Reason {
	if d >= numDeeds {
		return nil
	}
	return slices.Clone(reasons[d])
}

// Allows reports whether a reason may stand for a deed.
func (d Deed) Allows(r Reason) bool { return d < numDeeds && slices.Contains(reasons[d], r) }

// Means is how a supervisor showed who he is.
type Means string

// The means.
const (
	BySession Means = "session"
	ByPIN     Means = "pin"
	ByCard    Means = "card"
)

// Action is one deed of a supervisor, for the lane and the journal. It carries no personal data but the supervisor's own name.
type Action struct {
	Deed     Deed
	Lane     string // "" for ConfirmTime
	By       string // the account, or the card's name
	Means    Means
	Reason   Reason
	On       bool      // for OpenCount and Rehearsal: begin or end
	Sequence uint64    // for Override and Free: the journal entry of the verdict that it is about
	Time     time.Time // for ConfirmTime: what the time is
}

// ErrNotNow is what doing an Action returns if it is none that can be done now; what it wraps is shown to the supervisor.
var ErrNotNow = errors.New("that cannot be done now")

// grant is a card's right to act at a lane.
type grant struct {
	card  string
	until time.Time
}

// Grant makes whoever stands at a lane a supervisor until then, at most for GrantLife: a signed card was scanned there. card names it.
func (p *People) Grant(lane, card string, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if latest := p.opts.Now().Add(GrantLife); until.After(latest) {
		until = latest
	}
	p.grants[lane] = grant{card, until}
}

// Granted returns the card by which whoever stands at a lane is a supervisor now.
func (p *People) Granted(lane string) (card string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g, ok := p.grants[lane]
	if ok && !p.opts.Now().Before(g.until) {
		delete(p.grants, lane)
		return "", false
	}
	return g.card, ok
}
