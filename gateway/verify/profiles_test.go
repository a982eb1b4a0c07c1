package verify_test

import (
	"testing"

	"passerelle/gateway/issuer"
	"passerelle/gateway/policy"
)

// oneOfEachKind returns a good code of each kind that can be admitted.
func oneOfEachKind(t testing.TB) map[policy.Kind]string {
	w := theWorld(t)
	codes := map[policy.Kind]string{
		policy.HCERTVaccination: w.codes["hcert"],
		policy.HCERTTest: w.certificate(w.ministry, func(c *issuer.Certificate) {
			c.Vaccination, c.Test = nil, &issuer.Test{
				Disease: "840539006", Method: "LP6464-4", Collected: "2026-06-14T08:00:00Z", Result: "260415000", Country: "MA", Authority: "Ministry",
				ID: "URN:UVCI:01:MA:SCENE0002",
			}
		}),
		policy.HCERTRecovery: w.certificate(w.ministry, func(c *issuer.Certificate) {
			c.Vaccination, c.Recovery = nil, &issuer.Recovery{
				Disease: "840539006", Positive: "2026-05-01", Country: "MA", Authority: "Ministry", From: "2026-05-12", Until: "2026-10-28",
				ID: "URN:UVCI:01:MA:SCENE0003",
			}
		}),
		policy.Ticket: w.codes["ticket"], policy.Pass: w.codes["pass"], policy.Voucher: w.codes["voucher"], policy.Stamp: w.codes["stamp"],
		policy.Pretix: w.codes["pretix"], policy.Code: w.codes["code"], policy.BCBP: w.codes["bcbp"], policy.MRZ: w.codes["mrz"],
		policy.VDSNC: w.codes["vds-nc"], policy.Claim169: w.codes["claim169"],
	}
	for kind := policy.Unknown; kind < policy.NumKinds; kind++ {
		if _, ok := codes[kind]; ok != policy.Admissible.Has(kind) {
			t.Fatalf("%v: has a code %v, admissible %v", kind, ok, policy.Admissible.Has(kind))
		}
	}
	return codes
}

// profileTable is what each built-in profile does with a good document of each kind. What stands in none of the columns is denied.
var profileTable = map[string]struct{ admits, pairs, once []policy.Kind }{
	"boarding": {admits: []policy.Kind{policy.BCBP}, once: []policy.Kind{policy.BCBP}},
	"venue": {
		admits: []policy.Kind{policy.Ticket, policy.Pass, policy.Pretix, policy.Code},
		once:   []policy.Kind{policy.Ticket, policy.Pretix, policy.Code},
	},
	"checkpoint": {
		pairs: []policy.Kind{policy.HCERTVaccination, policy.HCERTTest, policy.HCERTRecovery, policy.VDSNC, policy.MRZ},
	},
	"health": {admits: []policy.Kind{policy.HCERTVaccination, policy.HCERTTest, policy.HCERTRecovery, policy.VDSNC}},
	"retail": {
		admits: []policy.Kind{policy.HCERTVaccination, policy.HCERTTest, policy.HCERTRecovery, policy.VDSNC, policy.Voucher, policy.Stamp},
		once:   []policy.Kind{policy.Voucher, policy.Stamp},
	},
	"demo": {
		admits: []policy.Kind{
			policy.HCERTVaccination, policy.HCERTTest, policy.HCERTRecovery, policy.VDSNC, policy.Ticket, policy.Pass, policy.Voucher, policy.Stamp,
			policy.Pretix,
		},
		once: []policy.Kind{policy.HCERTTest, policy.Ticket, policy.Voucher, policy.Stamp, policy.Pretix},
	},
}

func has(kinds []policy.Kind, kind policy.Kind) bool { return policy.Kinds(kinds...).Has(kind) }

func TestEachProfileTakesItsKindsAndNoOthers(t *testing.T) {
	t.Parallel()
	codes := oneOfEachKind(t)
	if len(policy.BuiltIn()) != len(profileTable) {
		t.Fatalf("%d profiles, the table has %d", len(policy.BuiltIn()), len(profileTable))
	}
	for _, p := range policy.BuiltIn() {
		row, ok := profileTable[p.Name]
		if !ok {
			t.Errorf("profile %s stands in no table", p.Name)
		}
		for kind, code := range codes {
			s := setup(t)
			s.profile = p
			c, _ := s.show(t, code)
			got, want := verdict(&c), "deny not_accepted"
			switch {
			case has(row.admits, kind):
				want = "admit ok"
			case has(row.pairs, kind):
				want = "refer second_document_missing"
			case kind == policy.Claim169 && has(row.admits, policy.Code):
				want = "deny not_listed" // it is off, so that it is a code like others
			}
			if got != want {
				t.Errorf("%s: a good %v: %s, want %s\n%s", p.Name, kind, got, want, line(&c))
			}
			if c.Once != has(row.once, kind) {
				t.Errorf("%s: a %v is used once: %v, want %v", p.Name, kind, c.Once, has(row.once, kind))
			}
			if c.Awaits() != has(row.pairs, kind) {
				t.Errorf("%s: a %v awaits another: %v", p.Name, kind, c.Awaits())
			}
		}
	}
}

func TestProductionProfilesRefuseWhatTestKeysSign(t *testing.T) {
	t.Parallel()
	codes := oneOfEachKind(t)
	for _, p := range policy.BuiltIn() {
		if p.Production != (p.Name != "demo") {
			t.Errorf("%s is for production: %v", p.Name, p.Production)
		}
		for kind, code := range codes {
			s := setup(t)
			s.profile = p
			for i := range s.list.Keys {
				s.list.Keys[i].Test = true
			}
			s.list.Authorities[0].Test = true
			for name := range s.feeds {
				f := *s.feeds[name]
				f.Test = true
				s.feeds[name] = &f
			}
			c, _ := s.show(t, code)
			if p.Production && c.Outcome() == policy.Admit {
				t.Errorf("%s admits a %v by test keys", p.Name, kind)
			}
			want := "deny unknown_issuer"
			switch {
			case !p.Production || !has(profileTable[p.Name].admits, kind) && !has(profileTable[p.Name].pairs, kind):
				continue
			case kind == policy.Code || kind == policy.BCBP:
				want = "refer list_stale" // a list by a test key is none
			case kind == policy.MRZ:
				want = "refer second_document_missing"
			}
			if got := verdict(&c); got != want {
				t.Errorf("%s: a %v by test keys: %s, want %s", p.Name, kind, got, want)
			}
		}
	}
}

func TestAProfileMayTightenEveryDoubt(t *testing.T) {
	t.Parallel()
	for reason := range policy.NumReasons {
		if policy.DefaultOutcome(reason) != policy.Refer {
			continue
		}
		s := setup(t)
		s.profile.Tighten[reason] = true
		s.list.Expires = noon - 1
		want := "refer list_stale"
		if reason == policy.ListStale {
			want = "deny list_stale"
		}
		if c, _ := s.show(t, s.codes["ticket"]); verdict(&c) != want {
			t.Errorf("with %v tightened: %s, want %s", reason, verdict(&c), want)
		}
	}
}
