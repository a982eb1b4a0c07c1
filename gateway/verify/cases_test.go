package verify_test

import (
	"testing"

	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
	"passerelle/testdata"
)

// loaded is one case of testdata, ready to be verified.
type loaded struct {
	testdata.Case
	list    *trust.Snapshot
	profile *policy.Profile
}

func loadCases(t testing.TB) []loaded {
	t.Helper()
	cases, err := testdata.Cases()
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) < 100 {
		t.Fatalf("only %d cases", len(cases))
	}
	lists := map[string]*trust.Snapshot{}
	profiles := map[string]*policy.Profile{}
	var all []loaded
	for _, c := range cases {
		if lists[c.Trust] == nil {
			list, err := testdata.Trust(c.Trust)
			if err != nil {
				t.Fatal(err)
			}
			if lists[c.Trust], err = trust.New(list); err != nil {
				t.Fatal(err)
			}
		}
		if profiles[c.Profile] == nil {
			p, ok := policy.Named(c.Profile)
			if !ok {
				t.Fatalf("case %s: no profile %q", c.Name, c.Profile)
			}
			profiles[c.Profile] = &p
		}
		all = append(all, loaded{c, lists[c.Trust], profiles[c.Profile]})
	}
	return all
}

func TestEachCaseGetsItsVerdict(t *testing.T) {
	t.Parallel()
	for _, c := range loadCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			v := verify.New(c.profile, nil)
			got := v.Verify(nil, []verify.Scan{{Data: c.Payload}}, c.list, policy.At(c.Now.Unix()))[0]
			verdict := got.Outcome().String() + " " + got.Reason().String()
			if verdict != c.Want || got.Kind.String() != c.Kind {
				t.Errorf("%s\n got %s, kind %v (layer %v: %v)\nwant %s, kind %s", c.Why, verdict, got.Kind,
					v.Result(0).Layer, v.Result(0).Err, c.Want, c.Kind)
			}
		})
	}
}
