package verify_test

import (
	"testing"

	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
	"passerelle/testdata"
)

// An old list can no longer vouch for anybody; what it knows to be bad stays bad.
func TestWhatAnOldListSays(t *testing.T) {
	t.Parallel()
	now := int64(0)
	codes := map[string][]byte{}
	for _, c := range loadCases(t) {
		codes[c.Name] = c.Payload
		if c.Name == "valid-vaccination" {
			now = c.Now.Unix()
		}
	}
	expired := func(l *trust.List) { l.Expires = now - 1 }
	nothing := func(*trust.List) {}
	for _, tt := range []struct {
		name    string
		code    string
		list    func(*trust.List)
		profile func(*policy.Profile)
		want    string
	}{
		{"a good code", "valid-vaccination", expired, func(*policy.Profile) {}, "refer list_stale"},
		{"a good code, the profile admits by old lists", "valid-vaccination", expired, func(p *policy.Profile) { p.AdmitStale = true }, "admit ok"},
		{"a switched-off issuer", "issuer-disabled", expired, func(*policy.Profile) {}, "deny issuer_disabled"},
		{"a test key at a production gate", "valid-vaccination", expired, func(p *policy.Profile) { p.Production = true }, "deny unknown_issuer"},
		{"an unknown key", "unknown-issuer-stranger", expired, func(*policy.Profile) {}, "refer list_stale"},
		{"no list at all", "valid-vaccination", func(l *trust.List) { *l = trust.List{} }, func(p *policy.Profile) { p.AdmitStale = true }, "refer list_stale"},
		{"a code that is late as well, where old lists are refused", "key-expired", expired, func(p *policy.Profile) { p.Tighten[policy.ListStale] = true }, "deny list_stale"},
		{"revocations over age", "valid-vaccination", func(l *trust.List) {
			for i := range l.Revoked {
				l.Revoked[i].Expires = now - 1
			}
		}, func(*policy.Profile) {}, "refer list_stale"},
		{"revocations over age, the code is on them", "revoked-uci", func(l *trust.List) {
			for i := range l.Revoked {
				l.Revoked[i].Expires = now - 1
			}
		}, func(*policy.Profile) {}, "deny revoked"},
		{"no revocations, not asked for", "valid-vaccination", func(l *trust.List) { l.Revoked = nil }, func(*policy.Profile) {}, "admit ok"},
		{
			"no revocations, asked for", "valid-vaccination", func(l *trust.List) { l.Revoked = nil },
			func(p *policy.Profile) { p.Require = policy.Checks(policy.Revocation) }, "refer list_stale",
		},
		{"revocations asked for and there", "valid-vaccination", nothing, func(p *policy.Profile) { p.Require = policy.Checks(policy.Revocation) }, "admit ok"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			list, err := testdata.Trust("standard")
			if err != nil {
				t.Fatal(err)
			}
			tt.list(&list)
			snapshot, err := trust.New(list)
			if err != nil {
				t.Fatal(err)
			}
			profile := policy.Demo()
			tt.profile(&profile)
			got := verify.New(&profile, nil).Verify(nil, []verify.Scan{{Data: codes[tt.code]}}, snapshot, policy.At(now))[0]
			if verdict := got.Outcome().String() + " " + got.Reason().String(); verdict != tt.want {
				t.Errorf("got %s, want %s", verdict, tt.want)
			}
		})
	}
}
