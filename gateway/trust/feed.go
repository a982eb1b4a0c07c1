package trust

import "math/bits"

// FeedKind is what a feed lists. The zero value is no kind.
type FeedKind uint8

// The kinds of feeds. Each is about one scope.
const (
	NoFeed         FeedKind = iota
	FeedCodes               // opaque codes that are good at an event, with what is known of each
	FeedDeny                // credentials that are blocked at an event, by their identity
	FeedPassengers          // who is on a flight, by the identity of the boarding pass
	FeedPretix              // revoked and blocked tickets of an event, by the signed message
	numFeedKinds
)

var feedNames = [numFeedKinds]string{FeedCodes: "codes", FeedDeny: "deny", FeedPassengers: "passengers", FeedPretix: "pretix"}

// String returns the kind's name in files.
func (k FeedKind) String() string {
	if k == NoFeed || k >= numFeedKinds {
		return "none"
	}
	return feedNames[k]
}

// ParseFeedKind returns the kind of that name; (NoFeed, false) for one that this program does not know.
func ParseFeedKind(name string) (FeedKind, bool) {
	for k := FeedCodes; k < numFeedKinds; k++ {
		if feedNames[k] == name {
			return k, true
		}
	}
	return NoFeed, false
}

// FeedKinds is a set of kinds. The empty set means nothing.
type FeedKinds uint8

// FeedKindsOf makes a set.
func FeedKindsOf(kinds ...FeedKind) FeedKinds {
	var s FeedKinds
	for _, k := range kinds {
		if k > NoFeed && k < numFeedKinds {
			s |= 1 << k
		}
	}
	return s
}

// Has reports whether k is in the set.
func (s FeedKinds) Has(k FeedKind) bool { return k > NoFeed && k < numFeedKinds && s&(1<<k) != 0 }

// Names returns the set's members in a fixed order.
func (s FeedKinds) Names() []string {
	names := make([]string, 0, bits.OnesCount8(uint8(s)))
	for k := FeedCodes; k < numFeedKinds; k++ {
		if s.Has(k) {
			names = append(names, feedNames[k])
		}
	}
	return names
}
