package lane

import (
	"testing"

	"passerelle/gateway/policy"
)

func value(claims []policy.Disclosed, name string) string {
	for _, c := range claims {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// TestOnlyWhoWatchesAndMaySeesWhatACredentialSays subscribes by role: without anybody who may see it, nothing is even copied.
func TestOnlyWhoWatchesAndMaySeesWhatACredentialSays(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	p := s.posts[0]
	p.show(code(t, 1))
	if e := p.wantVerdict(1, "admit ok"); e.Claims != nil {
		t.Error("claims although only a steward watches")
	}
	elsewhere := s.gate.Subscribe("2", policy.Authority)
	defer elsewhere.Close()
	p.show(code(t, 2))
	if e := p.wantVerdict(2, "admit ok"); e.Claims != nil {
		t.Error("claims although the authority watches another lane")
	}
	airline := s.gate.Subscribe("1", policy.Airline)
	p.show(code(t, 3))
	e := nextEvent(t, airline, VerdictGiven)
	p.wantVerdict(3, "admit ok")
	if got := value(e.Claims(policy.Airline), "family_name"); got != canaryFamily {
		t.Errorf("the airline sees %q, want %q", got, canaryFamily)
	}
	for _, role := range []policy.Role{policy.Steward, policy.Retail, policy.Authority, policy.NumRoles, 255} {
		if got := e.Claims(role); len(got) != 0 {
			t.Errorf("%v sees %v although no more than an airline watches", role, got)
		}
	}
	airline.Close()
	authority := s.gate.Subscribe("", policy.Authority)
	defer authority.Close()
	p.show(code(t, 4))
	e = nextEvent(t, authority, VerdictGiven)
	p.wantVerdict(4, "admit ok")
	if got := value(e.Claims(policy.Authority), "document_number"); got != canaryNumber {
		t.Errorf("the authority sees %q, want %q", got, canaryNumber)
	}
	if got := value(e.Claims(policy.Airline), "document_number"); got != "" {
		t.Errorf("an airline sees the number %q", got)
	}
	p.show("no code of anybody")
	refused := nextEvent(t, authority, VerdictGiven)
	if refused.Claims != nil {
		t.Error("claims of what nobody has vouched for")
	}
	if got := e.Claims(policy.Authority); len(got) != 0 {
		t.Errorf("the next person sees %v of the one before", got)
	}
	if last := s.status("1").Last; last.Claims != nil {
		t.Error("the lane's status keeps claims")
	}
}

func TestALaneForgetsWhatItShowed(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	sub := s.gate.Subscribe("1", policy.Authority)
	defer sub.Close()
	s.posts[0].show(code(t, 1))
	e := nextEvent(t, sub, VerdictGiven)
	if len(e.Claims(policy.Authority)) == 0 {
		t.Fatal("nothing is seen")
	}
	eventually(t, "nothing is kept after the lamp's time", func() bool { return len(e.Claims(policy.Authority)) == 0 })
}

// TestTwoDocumentsShowWhomTheVerdictIsAbout: the certificate's claims, whichever document came first.
func TestTwoDocumentsShowWhomTheVerdictIsAbout(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"certificate first", "passport first"} {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 1, pairing)
			sub := s.gate.Subscribe("1", policy.Authority)
			defer sub.Close()
			p := s.posts[0]
			first, second := code(t, 1), passport(t, asIs)
			if order == "passport first" {
				first, second = second, first
			}
			p.enter(first)
			if e := nextEvent(t, sub, SecondWanted); e.Claims != nil {
				t.Error("claims before there is a verdict")
			}
			p.enter(second)
			e := nextEvent(t, sub, VerdictGiven)
			if got := value(e.Claims(policy.Authority), "document_number"); got != canaryNumber {
				t.Errorf("%q, want the certificate's %q", got, canaryNumber)
			}
		})
	}
}
