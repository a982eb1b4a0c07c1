//go:build !race

package trust

import "testing"

func TestLookUpsDoNotAllocate(t *testing.T) {
	s := newSnapshot(t, List{
		Keys:       manyKeys(t, 3_000),
		Acceptance: []Acceptance{{Country: "DE", Usages: AllHCERT, From: 1}, {Country: "*", Usages: HCERTTest, From: 1}},
		Revoked:    []Revocation{{Country: "MA", Expires: 9, Entries: make([]RevocationHash, 1_000)}},

		Authorities: []Authority{{SKI: []byte("ski"), Public: newKey(t), Revoked: [][]byte{{1}, {2}}}}, Carriers: []Carrier{{"LH", true}},
	})
	ski, none, code := []byte("ski"), []byte("none"), []byte("LH")
	event := string([]byte("final"))
	country := string([]byte{'M', 'A'})
	unknown := string([]byte{'X', 'X'})
	for name, f := range map[string]func(){
		"Keys":                 func() { _ = s.Keys(HCERT, keyID(77)) },
		"Keys, unknown":        func() { _ = s.Keys(HCERT, keyID(77_777)) },
		"Accepts":              func() { _ = s.Accepts(country, HCERTTest, 5, 6) },
		"Accepts, refused":     func() { _ = s.Accepts(country, AllHCERT, 5, 6) },
		"Revoked":              func() { _ = s.Revoked(country, RevokedUCI, RevocationHash{}) },
		"Revoked, not":         func() { _ = s.Revoked(country, RevokedUCI, RevocationHash{1}) },
		"Revoked, no list":     func() { _ = s.Revoked(unknown, RevokedUCI, RevocationHash{1}) },
		"Revocations":          func() { _, _ = s.Revocations(country) },
		"Revocations, unknown": func() { _, _ = s.Revocations(unknown) },
		"ScopeID":              func() { _ = s.Keys(Pretix, ScopeID(event)) },
		"Authorities":          func() { _ = s.Authorities(ski)[0].HasRevoked(none) },
		"Authorities, unknown": func() { _ = s.Authorities(none) },
		"Carrier":              func() { _, _ = s.Carrier(code) },
		"Carrier, unknown":     func() { _, _ = s.Carrier(none) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}
