package lane

import (
	"sync"
	"time"

	"passerelle/gateway/policy"
)

// EventKind says what happened at a lane.
type EventKind uint8

// The events.
const (
	VerdictGiven EventKind = iota // a final verdict: on disk, lamp set
	ShownAgain                    // the same code within the repeat time: no new verdict, no lamp, no report
	SecondWanted                  // a first document is there and a second one of the same person is asked for
	VerdictLate                   // a code is there and no verdict within Deadline: a person decides
	CardShown                     // a supervisor's card was read: whoever stands there may act as one for a moment
	Overridden                    // a supervisor let somebody in
	Passed                        // who was let in walked through
	Annulled                      // who was let in did not, and the ticket is good again
	ModeChanged
	ScannerGone
	ScannerBack
	TrustChanged // another trust list is in force
)

// String returns the name that the event stream uses.
func (k EventKind) String() string {
	switch k {
	case VerdictGiven:
		return "verdict"
	case ShownAgain:
		return "again"
	case SecondWanted:
		return "second_wanted"
	case VerdictLate:
		return "late"
	case CardShown:
		return "card"
	case Overridden:
		return "overridden"
	case Passed:
		return "passed"
	case Annulled:
		return "annulled"
	case ModeChanged:
		return "mode"
	case ScannerGone:
		return "scanner_gone"
	case ScannerBack:
		return "scanner_back"
	case TrustChanged:
		return "trust"
	}
	return "unknown"
}

// Event is one thing that happened at a lane, for pages and logs. It carries no personal data and nothing of the code's text; what Claims
// returns is the lane's, which forgets it.
type Event struct {
	Kind      EventKind
	Mode      Mode // of the lane, for VerdictGiven and ModeChanged
	Lane      string
	At        time.Time
	Sequence  uint64           // of the journal entry; 0 where there is none
	Candidate policy.Candidate // with its final verdict, for VerdictGiven and ShownAgain; for SecondWanted what was found about the first document
	Earlier   Earlier          // for AlreadyUsed
	Late      bool             // it was said before that there was no verdict in time: no lamp turns green for it
	Took      time.Duration    // from the frame's last byte to the verdict on disk
	Count     uint64           // verdicts of this lane since start: two greens in a row differ

	// Claims returns what a role may see of the credential that a verdict is about, as long as the lane knows, see Subscribe; nil: nothing.
	Claims func(policy.Role) []policy.Disclosed
}

// Earlier says where and when a credential was used before; the zero value says that it was not.
type Earlier struct {
	Lane     string
	At       time.Time
	Sequence uint64 // of the journal entry, by which a supervisor frees it
}

// hub hands events to subscribers without ever waiting for one: a subscriber that is behind loses the oldest.
type hub struct {
	mu   sync.Mutex
	subs map[*Subscription]struct{} // guarded by mu
}

// subscriptionDepth is how many events a subscriber may be behind.
const subscriptionDepth = 64

// Subscription receives the events of one lane, or of all, until Close.
type Subscription struct {
	Events <-chan Event

	lane   string
	role   policy.Role
	events chan Event
	hub    *hub
}

func (h *hub) subscribe(lane string, role policy.Role) *Subscription {
	events := make(chan Event, subscriptionDepth)
	s := &Subscription{Events: events, lane: lane, role: role, events: events, hub: h}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subs == nil {
		h.subs = make(map[*Subscription]struct{})
	}
	h.subs[s] = struct{}{}
	return s
}

// looks returns the role that may see most of those who watch a lane.
func (h *hub) looks(lane string) policy.Role {
	h.mu.Lock()
	defer h.mu.Unlock()
	most := policy.Steward
	for s := range h.subs {
		if s.lane == "" || s.lane == lane {
			most = max(most, s.role)
		}
	}
	return most
}

// Close ends the subscription; Events is not closed and receives nothing more.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	delete(s.hub.subs, s)
}

func (h *hub) publish(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subs {
		if s.lane != "" && s.lane != e.Lane {
			continue
		}
		for full := true; full; {
			select {
			case s.events <- e:
				full = false
			default:
				select {
				case <-s.events: // the oldest
				default:
				}
			}
		}
	}
}
