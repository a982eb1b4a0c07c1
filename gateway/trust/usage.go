package trust

import (
	"crypto/sha256"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Usage is a set of things that a key may sign. The empty set means nothing at all.
type Usage uint32

// What a key may sign. Names in files are those of usageNames.
const (
	HCERTVaccination Usage = 1 << iota
	HCERTTest
	HCERTRecovery
	TicketUsage
	PassUsage
	VoucherUsage
	StampUsage
	Claim169Usage
	PretixUsage
	BCBPUsage
	VDSNCUsage // of acceptance rows alone: VDS-NC is signed under authorities, not with keys of the list
	SupervisorUsage

	AllHCERT   = HCERTVaccination | HCERTTest | HCERTRecovery
	AllTickets = TicketUsage | PassUsage | VoucherUsage | StampUsage | SupervisorUsage // of PT1
	AllUsages  = AllHCERT | AllTickets | Claim169Usage | PretixUsage | BCBPUsage | VDSNCUsage

	scoped      = Claim169Usage | PretixUsage | BCBPUsage
	mustBeScope = PretixUsage | BCBPUsage // nothing finds such a key without its scope
)

var usageNames = []struct {
	usage Usage
	name  string
}{
	{HCERTVaccination, "hcert:vaccination"},
	{HCERTTest, "hcert:test"},
	{HCERTRecovery, "hcert:recovery"},
	{TicketUsage, "ticket"},
	{PassUsage, "pass"},
	{VoucherUsage, "voucher"},
	{StampUsage, "stamp"},
	{Claim169Usage, "claim169"},
	{PretixUsage, "pretix"},
	{BCBPUsage, "bcbp"},
	{VDSNCUsage, "vdsnc"},
	{SupervisorUsage, "supervisor"},
}

// MaxScope is the longest scope, in bytes.
const MaxScope = 128

// ParseUsage returns the single usage of that name, without a scope, as it stands in an acceptance row. A name that this program
// does not know gives (0, false): a newer list may carry it, and here it means nothing.
func ParseUsage(name string) (Usage, bool) {
	for _, u := range usageNames {
		if u.name == name {
			return u.usage, true
		}
	}
	return 0, false
}

// ParseKeyUsage returns the single usage of that name with its scope, as it stands at a key: "ticket", "pretix:EVENT",
// "bcbp:CARRIER", "claim169" or "claim169:ISS". What this program does not know, and a usage that no key has, give ok = false,
// and mean nothing here.
func ParseKeyUsage(text string) (u Usage, scope string, ok bool) {
	if u, ok = ParseUsage(text); ok {
		return u, "", u&(mustBeScope|VDSNCUsage) == 0
	}
	name, scope, _ := strings.Cut(text, ":")
	if u, ok = ParseUsage(name); !ok || u&scoped == 0 || !ValidScope(scope) {
		return 0, "", false
	}
	return u, scope, true
}

// ValidScope reports whether s may stand as the scope of a key or a feed: 1 to MaxScope bytes of printable UTF-8, not "*", which
// stands for every scope where a delegate is given one.
func ValidScope(s string) bool {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	return s != "" && s != "*" && len(s) <= MaxScope && utf8.ValidString(s) && !strings.ContainsFunc(s, unprintable)
}

// ScopeID returns the id under which keys of a scope are found: the first 8 bytes of its SHA-256. It does not allocate for scopes
// of up to MaxScope bytes.
func ScopeID(scope string) KeyID {
	var text [MaxScope]byte
	if len(scope) <= len(text) {
		sum := sha256.Sum256(text[:copy(text[:], scope)])
		return KeyID(sum[:8])
	}
	sum := sha256.Sum256([]byte(scope))
	return KeyID(sum[:8])
}

// Scoped reports whether the set has a member that goes with a scope.
func (u Usage) Scoped() bool { return u&scoped != 0 }

// Names returns the set's members in a fixed order, without scopes.
func (u Usage) Names() []string {
	var names []string
	for _, n := range usageNames {
		if u&n.usage != 0 {
			names = append(names, n.name)
		}
	}
	return names
}

// String joins Names with commas.
func (u Usage) String() string { return strings.Join(u.Names(), ",") }

// UsageNames returns what the key may sign, each as ParseKeyUsage reads it.
func (k *Key) UsageNames() []string {
	names := k.Usages.Names()
	for i, name := range names {
		if u, _ := ParseUsage(name); u&scoped != 0 && k.Scope != "" {
			names[i] = name + ":" + k.Scope
		}
	}
	return names
}

// Place is where a Snapshot finds a key.
type Place struct {
	Kind Kind
	ID   KeyID
}

// Places returns every place at which a Snapshot finds the key; none if its usages mean nothing here.
func (k *Key) Places() []Place {
	var places []Place
	if k.Usages&AllHCERT != 0 {
		places = append(places, Place{HCERT, k.ID})
	}
	if k.Usages&AllTickets != 0 {
		places = append(places, Place{Ticket, k.ID})
	}
	if k.Usages&Claim169Usage != 0 {
		places = append(places, Place{Claim169, k.ID})
	}
	if !ValidScope(k.Scope) {
		return places
	}
	id := ScopeID(k.Scope)
	if k.Usages&Claim169Usage != 0 && id != k.ID {
		places = append(places, Place{Claim169, id})
	}
	if k.Usages&PretixUsage != 0 {
		places = append(places, Place{Pretix, id})
	}
	if k.Usages&BCBPUsage != 0 {
		places = append(places, Place{BCBP, id})
	}
	return places
}
