package lane

import (
	"slices"
	"strings"
	"testing"

	"passerelle/gateway/identity"
	"passerelle/gateway/issuer"
	"passerelle/gateway/policy"
)

// pairing makes a lane's profile ask for a card or passport beside each certificate. A zone has lines, so these tests type their codes.
func pairing(s *site) {
	s.profile = policy.Demo()
	s.profile.Once = 0
	for _, kind := range []policy.Kind{policy.HCERTVaccination, policy.HCERTTest, policy.HCERTRecovery} {
		s.profile.Needs[kind] = policy.Kinds(policy.MRZ)
	}
}

// enter types a code, which goes the way of a scan.
func (p *post) enter(code string) {
	p.site.t.Helper()
	if err := p.site.gate.Enter(p.id, []byte(code)); err != nil {
		p.site.t.Fatal(err)
	}
}

// passport returns the zone of a passport.
func passport(t testing.TB, change func(*issuer.TravelDocument)) string {
	t.Helper()
	d := issuer.TravelDocument{
		Country: "MAR", Number: "AA1234567", Family: "CANARYGROVE", Given: "NADIA", Birth: "881123", Sex: 'F', Expires: "310101",
	}
	change(&d)
	zone, err := d.Passport()
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// card returns the zone of Morocco's national card, which has the printed number in its optional data.
func card(t testing.TB, number string) string {
	t.Helper()
	zone, err := (&issuer.TravelDocument{
		Country: "MAR", Number: "X7766554", Optional: number, Family: "SOMEBODY", Given: "ELSE", Birth: "881123", Sex: 'F', Expires: "310101",
	}).Card()
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func asIs(*issuer.TravelDocument) {}

func TestTwoDocumentsMakeOneVerdict(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		zone string
		want string
	}{
		{"a passport of the same name and birth date", passport(t, asIs), "admit ok"},
		{"the card whose number the certificate has", card(t, canaryNumber), "admit ok"},
		{"another person's passport", passport(t, func(d *issuer.TravelDocument) { d.Family, d.Given = "BENALI", "SAMIRA" }), "refer identity_mismatch"},
		{"a sister's passport", passport(t, func(d *issuer.TravelDocument) { d.Given = "NADA" }), "refer identity_mismatch"},
		{"a namesake's passport", passport(t, func(d *issuer.TravelDocument) { d.Birth = "881124" }), "refer identity_mismatch"},
		{"the card of somebody else", card(t, "BK111222"), "refer identity_mismatch"},
		{"an expired passport", passport(t, func(d *issuer.TravelDocument) { d.Expires = "260601" }), "deny expired"},
	} {
		for _, order := range []string{"certificate first", "document first"} {
			t.Run(tt.name+", "+order, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, 1, pairing)
				p := s.posts[0]
				first, second := code(t, 1), tt.zone
				if order == "document first" {
					first, second = second, first
				}
				p.enter(first)
				if tt.want == "deny expired" && order == "document first" {
					e := p.want(VerdictGiven) // an expired document is refused at once, whatever might follow
					if got := verdictOf(&e); got != tt.want {
						t.Fatalf("%s, want %s", got, tt.want)
					}
					return
				}
				if e := p.want(SecondWanted); e.Sequence != 0 {
					t.Errorf("the first document has journal entry %d", e.Sequence)
				}
				if n := len(s.entries()); n != 0 {
					t.Errorf("%d entries in the journal before the second document", n)
				}
				p.enter(second)
				e := p.want(VerdictGiven)
				if got := verdictOf(&e); got != tt.want {
					t.Errorf("%s, want %s", got, tt.want)
				}
				if e.Candidate.Kind != policy.HCERTVaccination || e.Candidate.Second != policy.MRZ {
					t.Errorf("the verdict is on a %v beside a %v", e.Candidate.Kind, e.Candidate.Second)
				}
				if n := len(s.entries()); n != 1 {
					t.Errorf("%d entries in the journal, want 1", n)
				}
			})
		}
	}
}

func TestDocumentWithoutASecondOneIsReferredWhenTimeIsOut(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, pairing, func(s *site) { s.second = MinSecond })
	p := s.posts[0]
	p.enter(code(t, 1))
	p.want(SecondWanted)
	e := p.want(VerdictGiven)
	if got := verdictOf(&e); got != "refer second_document_missing" || e.Sequence == 0 {
		t.Errorf("%s with entry %d, want refer second_document_missing on disk", got, e.Sequence)
	}
	p.enter(passport(t, asIs))
	p.want(SecondWanted) // it begins anew
}

func TestOnePersonCannotCombineWithAnother(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, pairing)
	p := s.posts[0]
	other := certificate(2)
	other.Name, other.Document = issuer.Name{Family: "Benali", Given: "Samira"}, issuer.Document{}
	p.enter(code(t, 1))
	p.want(SecondWanted)
	p.enter(sign(t, 2, other))
	p.want(SecondWanted) // the third document starts over
	p.enter(passport(t, asIs))
	if e := p.want(VerdictGiven); verdictOf(&e) != "refer identity_mismatch" || numberOf(&e) != 2 {
		t.Errorf("code %d: %s, want code 2: refer identity_mismatch", numberOf(&e), verdictOf(&e))
	}
}

func TestRefusedDocumentBetweenEndsTheWait(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, pairing)
	p := s.posts[0]
	p.enter(code(t, 1))
	p.want(SecondWanted)
	p.enter(code(t, firstStranger))
	if e := p.want(VerdictGiven); verdictOf(&e) != "deny unknown_issuer" {
		t.Errorf("%s, want deny unknown_issuer", verdictOf(&e))
	}
	p.enter(passport(t, asIs))
	p.want(SecondWanted)
}

func TestMisreadZoneLeavesTheFirstDocumentWaiting(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, pairing)
	p := s.posts[0]
	p.enter(code(t, 1))
	p.want(SecondWanted)
	p.enter(strings.Replace(passport(t, asIs), "881123", "881128", 1))
	if e := p.want(VerdictGiven); verdictOf(&e) != "deny unreadable" {
		t.Errorf("%s, want deny unreadable", verdictOf(&e))
	}
	p.enter(passport(t, asIs))
	if e := p.want(VerdictGiven); verdictOf(&e) != "admit ok" {
		t.Errorf("%s, want admit ok", verdictOf(&e))
	}
}

func TestSessionThatChangesForgetsTheFirstDocument(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, pairing)
	p := s.posts[0]
	p.enter(code(t, 1))
	p.want(SecondWanted)
	if err := s.gate.SetSession(p.id, &policy.Session{Event: "final"}); err != nil {
		t.Fatal(err)
	}
	p.enter(passport(t, asIs))
	p.want(SecondWanted)
}

func TestNothingOfAPersonIsKeptAfterwards(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, pairing)
	p := s.posts[0]
	p.enter(code(t, 1))
	p.want(SecondWanted)
	p.enter(passport(t, asIs))
	p.want(VerdictGiven)
	s.stop()
	if l := s.gate.byID[p.id]; l.held.person != (identity.Person{}) || !l.held.until.IsZero() {
		t.Error("the lane still knows who was there")
	}
	for _, e := range s.entries() {
		for _, word := range []string{canaryFamily, "CANARYGROVE", canaryNumber, "881123", "AA1234567"} {
			if strings.Contains(string(e.body), word) {
				t.Errorf("the journal holds %q", word)
			}
		}
	}
}

// TestHeldDocumentTurnsNoLampGreenWhenEverybodyIsLetInLater: whoever showed it may be gone.
func TestHeldDocumentTurnsNoLampGreenWhenEverybodyIsLetInLater(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, pairing, func(s *site) { s.second = MinSecond })
	p := s.posts[0]
	p.enter(code(t, 1))
	p.want(SecondWanted)
	if err := s.gate.SetMode("1", OpenCount); err != nil {
		t.Fatal(err)
	}
	p.want(ModeChanged)
	if e := p.want(VerdictGiven); verdictOf(&e) != "refer second_document_missing" || e.Mode != Normal {
		t.Errorf("%s in mode %v", verdictOf(&e), e.Mode)
	}
	if got := p.lamp.shown(); slices.Contains(got, SignalAdmit) {
		t.Errorf("lamp: %v", got)
	}
}

// TestBothDocumentsCanBeShownAgainAtOnce: the lane has just said that the second one is missing.
func TestBothDocumentsCanBeShownAgainAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, pairing, func(s *site) { s.second, s.repeat = MinSecond, MinRepeat })
	p := s.posts[0]
	p.enter(code(t, 1))
	p.want(SecondWanted)
	p.want(VerdictGiven) // MinSecond later, which is more than MinRepeat
	p.enter(code(t, 1))
	p.want(SecondWanted)
	p.enter(passport(t, asIs))
	p.want(VerdictGiven)
}
