// Package list looks opaque codes up: codes that carry nothing but a number, and mean what a list says of them. Most stadium
// tickets are such, and the 16-digit e-stamp; the lists of blocked credentials and of passengers are held alike.
//
// Codes can be guessed, so a bare hash of one would tell it. A Set holds HMAC-SHA-256 (RFC 2104) of the exact bytes under the
// box's own key, cut to 128 bits, and never the code. No code appears in an error. A code has one entry.
//
// An entry may have a secret. Its code is shown with a time-based one-time password behind it (RFC 6238), so that a photograph of
// it is soon worth nothing. The secret is held under a mask that only key and code together give; whoever reads the disk has
// neither codes nor secrets.
//
// A Set is its own file: ParseSet keeps the bytes and adds an index of at most a tenth. Nothing here changes after it was
// made; any number of goroutines may look up.
package list

import (
	"bytes"
	"encoding/binary"
)

// Limits of a list.
const (
	MaxCode  = 256          // bytes of a code, without a one-time suffix
	MaxCodes = 4_000_000    // codes of a Set
	MaxZone  = 64           // bytes of a zone's name
	MaxZones = 1<<16 - 1    // different zones of a Set
	MaxTime  = 253402300799 // unix seconds of the end of the year 9999
)

// Key is the box's secret, 32 random bytes. A Set made under one key is of no use under another.
type Key [32]byte

// State is what an entry says of its code. The zero value is a refusal.
type State uint8

// The states.
const (
	Revoked State = iota // void for good
	Blocked              // void for now
	Listed               // good
	numStates
)

var stateNames = [numStates]string{Revoked: "revoked", Blocked: "blocked", Listed: "listed"}

// String returns the state's name in files.
func (s State) String() string {
	if s >= numStates {
		return "unknown"
	}
	return stateNames[s]
}

// Entry is what a list says of a code.
type Entry struct {
	State       State
	From, Until int64  // unix seconds, inclusive, at most MaxTime; 0 for none
	Zone        string // UTF-8, at most MaxZone bytes; empty for any
	Uses        uint8  // how often it may be used; 0 counts as 1

	OneTime bool   // the code is shown with a one-time suffix; it has a secret then, and else none
	Digits  uint8  // of the suffix: 6 or 8; 0 counts as 6
	Period  uint16 // seconds that a suffix lasts, MinPeriod to MaxPeriod; 0 counts as 30
	SHA256  bool   // the suffix is made by HMAC-SHA-256, else by HMAC-SHA-1
}

// Match is the entry of a code that was looked up.
type Match struct {
	State        State
	From, Until  int64 // unix seconds, inclusive; 0 for none
	Zone         string
	Uses         uint8  // at least 1
	NeedsOneTime bool   // the code is worth nothing without a suffix that CheckOneTime calls Valid
	Code         []byte // what was looked up, without its suffix: a view of it
	Suffix       []byte // the digits behind the code, a view of them; nil if there are none
	oneTime      oneTime
}

// Set is a list of codes. The zero Set is empty.
type Set struct {
	layout
	ids, masks mac
	bits       int      // how many of the first bits of an id have an index
	starts     []uint32 // how many ids begin with less than each value of these bits; at the end, how many there are
}

// Len returns the number of codes.
func (s *Set) Len() int { return s.codes }

// Find looks up a code as it was scanned. A code with a one-time suffix is found by what is before the suffix; where a list has
// both a longer and a shorter code that would fit, the longer one is meant. It does not allocate.
func (s *Set) Find(code []byte) (Match, bool) {
	if m, ok := s.find(code, 0); ok {
		return m, true
	}
	for _, digits := range [...]uint8{6, 8} {
		if s.hasDigits(digits) && endsInDigits(code, int(digits)) {
			if m, ok := s.find(code, digits); ok {
				return m, true
			}
		}
	}
	return Match{}, false
}

// find looks up a code with a suffix of so many digits; 0 for none.
func (s *Set) find(shown []byte, digits uint8) (m Match, ok bool) {
	code := shown[:len(shown)-int(digits)]
	if s.codes == 0 || len(code) == 0 || len(code) > MaxCode {
		return Match{}, false
	}
	id := s.ids.sum(code)
	at, ok := s.search(id[:idBytes])
	if !ok {
		return Match{}, false
	}
	g := s.group(s.groupOf(at))
	if digits != 0 && g.digits != digits {
		return Match{}, false
	}
	m = Match{State: g.state, From: g.from, Until: g.until, Zone: s.zones[g.zone], Uses: g.uses, Code: code}
	if g.digits == 0 {
		return m, true
	}
	m.NeedsOneTime = true
	m.oneTime = oneTime{digits: g.digits, period: int64(g.period), sha256: g.sha256, size: g.secret, secret: s.secretOf(at, code)}
	if digits != 0 {
		m.Suffix = shown[len(code):]
	}
	return m, true
}

func endsInDigits(b []byte, n int) bool {
	if len(b) <= n {
		return false
	}
	for _, c := range b[len(b)-n:] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// minPerStart is how many ids there are, at least, for each member of starts.
const minPerStart = 2

// index makes the index of the ids, which are sorted, and spread evenly since they are hashes.
func (s *Set) index() {
	for 2<<s.bits+1 <= s.codes/minPerStart {
		s.bits++
	}
	s.starts = make([]uint32, 1<<s.bits+1)
	for i := range s.codes {
		s.starts[s.firstBits(s.id(i))+1]++
	}
	for i := range 1 << s.bits {
		s.starts[i+1] += s.starts[i]
	}
}

func (s *Set) firstBits(id []byte) uint64 { return binary.BigEndian.Uint64(id) >> (64 - s.bits) }

// search returns the place of an id.
func (s *Set) search(id []byte) (at int, ok bool) {
	first := s.firstBits(id)
	low, high := int(s.starts[first]), int(s.starts[first+1])
	for low < high {
		middle := (low + high) / 2
		switch c := bytes.Compare(s.id(middle), id); {
		case c == 0:
			return middle, true
		case c < 0:
			low = middle + 1
		default:
			high = middle
		}
	}
	return 0, false
}

// secretOf returns the secret of the entry at a place, padded with zeros.
func (s *Set) secretOf(at int, code []byte) (secret [MaxSecret]byte) {
	low, high := 0, s.secrets
	for low < high {
		if middle := (low + high) / 2; s.secretPlace(middle) < at {
			low = middle + 1
		} else {
			high = middle
		}
	}
	mask, held := s.masks.sum(code), s.masked(low)
	for i := range secret {
		secret[i] = mask[i] ^ held[i]
	}
	return secret
}
