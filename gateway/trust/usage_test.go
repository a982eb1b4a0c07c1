package trust

import (
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
)

func TestUsagesOfAKeyAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", MaxScope)
	tests := []struct {
		text  string
		usage Usage
		scope string
		ok    bool
	}{
		{"ticket", TicketUsage, "", true},
		{"pass", PassUsage, "", true},
		{"voucher", VoucherUsage, "", true},
		{"stamp", StampUsage, "", true},
		{"supervisor", SupervisorUsage, "", true},
		{"hcert:test", HCERTTest, "", true},
		{"claim169", Claim169Usage, "", true},
		{"claim169:www.mosip.io", Claim169Usage, "www.mosip.io", true},
		{"pretix:demo", PretixUsage, "demo", true},
		{"pretix:org/demo:2", PretixUsage, "org/demo:2", true},
		{"bcbp:LH", BCBPUsage, "LH", true},
		{"pretix:" + long, PretixUsage, long, true},
		{"pretix:" + long + "x", 0, "", false},
		{"pretix", PretixUsage, "", false},
		{"bcbp", BCBPUsage, "", false},
		{"pretix:", 0, "", false},
		{"pretix:*", 0, "", false},
		{"pretix:a\x1bb", 0, "", false},
		{"pretix:\xff", 0, "", false},
		{"vdsnc", VDSNCUsage, "", false},
		{"vdsnc:AU", 0, "", false},
		{"ticket:demo", 0, "", false},
		{"hcert:test:x", 0, "", false},
		{"hcert", 0, "", false},
		{"Ticket", 0, "", false},
		{"", 0, "", false},
		{":", 0, "", false},
		{"uic:1080", 0, "", false},
	}
	for _, tt := range tests {
		u, scope, ok := ParseKeyUsage(tt.text)
		if ok != tt.ok || ok && (u != tt.usage || scope != tt.scope) {
			t.Errorf("%q: %v, %q, %t; want %v, %q, %t", tt.text, u, scope, ok, tt.usage, tt.scope, tt.ok)
		}
		if !ok {
			continue
		}
		if k := (Key{Usages: u, Scope: scope}); !slices.Equal(k.UsageNames(), []string{tt.text}) {
			t.Errorf("%q is written as %q", tt.text, k.UsageNames())
		}
	}
	all := Key{Usages: AllUsages &^ VDSNCUsage, Scope: "s"}
	for _, name := range all.UsageNames() {
		if _, _, ok := ParseKeyUsage(name); !ok {
			t.Errorf("%q is written, but not read", name)
		}
	}
}

func TestAKeyIsFoundWhereItsUsagesSay(t *testing.T) {
	t.Parallel()
	id, demo := keyID(5), ScopeID("demo")
	if sum := sha256.Sum256([]byte("demo")); demo != KeyID(sum[:8]) {
		t.Errorf("ScopeID = %v", demo)
	}
	if ScopeID(strings.Repeat("y", MaxScope+1)) == ScopeID(strings.Repeat("y", MaxScope+2)) {
		t.Error("long scopes are cut")
	}
	for _, tt := range []struct {
		name   string
		usages Usage
		scope  string
		want   []Place
	}{
		{"nothing", 0, "", nil},
		{"nothing with a scope", 0, "demo", nil},
		{"two certificates", HCERTTest | HCERTRecovery, "", []Place{{HCERT, id}}},
		{"tickets and stamps", TicketUsage | StampUsage, "", []Place{{Ticket, id}}},
		{"an event", PretixUsage, "demo", []Place{{Pretix, demo}}},
		{"an event without its name", PretixUsage, "", nil},
		{"every event", PretixUsage, "*", nil},
		{"a carrier", BCBPUsage, "demo", []Place{{BCBP, demo}}},
		{"identity by kid", Claim169Usage, "", []Place{{Claim169, id}}},
		{"identity by kid and issuer", Claim169Usage, "demo", []Place{{Claim169, id}, {Claim169, demo}}},
		{"health and tickets", HCERTTest | PassUsage, "", []Place{{HCERT, id}, {Ticket, id}}},
		{"authority's", VDSNCUsage, "", nil},
	} {
		k := newEntry(5, newKey(t))
		k.Usages, k.Scope = tt.usages, tt.scope
		if got := k.Places(); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		s := newSnapshot(t, List{Keys: []Key{k}})
		found := 0
		for kind := range NumKinds {
			for _, at := range []KeyID{id, demo, ScopeID(""), ScopeID("*")} {
				found += len(s.Keys(kind, at))
			}
		}
		if found != len(tt.want) {
			t.Errorf("%s: found at %d places, want %d", tt.name, found, len(tt.want))
		}
	}
	same := k5(t)
	same.ID, same.Usages, same.Scope = demo, Claim169Usage, "demo"
	if s := newSnapshot(t, List{Keys: []Key{same}}); len(s.Keys(Claim169, demo)) != 1 {
		t.Error("a key whose id is that of its scope is found twice, or not")
	}
}

func k5(t *testing.T) Key { return newEntry(5, newKey(t)) }

func TestAtMostSoManyKeysAreUnderAScope(t *testing.T) {
	t.Parallel()
	keys := func(n int) []Key {
		var list []Key
		for i := range n {
			k := newEntry(i+1, newKey(t))
			k.Usages, k.Scope = PretixUsage, "demo"
			list = append(list, k)
		}
		return list
	}
	s := newSnapshot(t, List{Keys: keys(MaxKeysPerID)})
	if n := len(s.Keys(Pretix, ScopeID("demo"))); n != MaxKeysPerID {
		t.Errorf("%d keys", n)
	}
	if _, err := New(List{Keys: keys(MaxKeysPerID + 1)}); err == nil {
		t.Error("one more is taken")
	}
}

func TestAcceptanceIsForEachUsageByItself(t *testing.T) {
	t.Parallel()
	s := newSnapshot(t, List{Acceptance: []Acceptance{
		{Country: "MA", Usages: TicketUsage | StampUsage, From: 1}, {Country: "*", Usages: VDSNCUsage, From: 1},
	}})
	for u := Usage(1); u <= VDSNCUsage; u <<= 1 {
		if got, want := s.Accepts("MA", u, 5, 5), u&(TicketUsage|StampUsage|VDSNCUsage) != 0; got != want {
			t.Errorf("%v: %t, want %t", u, got, want)
		}
	}
	if s.Accepts("FR", TicketUsage, 5, 5) || !s.Accepts("AU", VDSNCUsage, 5, 5) {
		t.Error("the country is not looked at")
	}
}
