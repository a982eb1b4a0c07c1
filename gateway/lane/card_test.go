package lane

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"slices"
	"sync"
	"testing"

	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/encoding/cose"
	"passerelle/gateway/encoding/statuslist"
	"passerelle/gateway/issuer"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

const cardsURI = "https://status.example/cards"

// reception takes supervisors' cards.
type reception struct {
	mu    sync.Mutex
	ids   []string
	fault error
}

func (r *reception) take(id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fault != nil {
		return r.fault
	}
	r.ids = append(r.ids, id)
	return nil
}

func (r *reception) taken() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.ids)
}

// cardholder returns a site that takes cards, and a function that signs them.
func cardholder(t *testing.T, r *reception, changes ...func(*site)) (*site, func(id string) string) {
	t.Helper()
	scope := issuer.Scope{Country: "MA", Name: "Security", Usages: trust.SupervisorUsage, NotBefore: showing - 3600, NotAfter: showing + 3600}
	signer, err := issuer.New(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), sig.EdDSA, scope)
	if err != nil {
		t.Fatal(err)
	}
	entry := signer.Entry()
	changes = append(changes, func(s *site) {
		s.list.Keys = append(s.list.Keys, entry)
		s.list.Acceptance = append(s.list.Acceptance, trust.Acceptance{Country: entry.Country, Usages: trust.SupervisorUsage})
		if r != nil {
			s.card = r.take
		}
	})
	s := newSite(t, 1, changes...)
	list, err := statuslist.New(2, 64)
	if err != nil {
		t.Fatal(err)
	}
	text, err := issuer.StatusList(signer, cardsURI, list, showing-60, showing+3600, 0)
	if err != nil {
		t.Fatal(err)
	}
	var m cose.Message
	if err := m.Parse(append(make([]byte, cose.Headroom), text...), cose.Headroom); err != nil {
		t.Fatal(err)
	}
	var token statuslist.Token
	if err := token.Parse(m.Payload); err != nil {
		t.Fatal(err)
	}
	status, err := trust.NewStatus(&token, &entry)
	if err != nil {
		t.Fatal(err)
	}
	s.gate.SetSnapshot(s.gate.Snapshot().With(nil, []*trust.Status{status}))
	s.posts[0].want(TrustChanged)
	return s, func(id string) string {
		text, err := issuer.PT1(signer, &issuer.Ticket{
			Issuer: scope.Name, Kind: cwt.Supervisor, ID: []byte(id), IssuedAt: showing - 60, Expires: showing + 3600, StatusURI: cardsURI, StatusIndex: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
}

func TestSupervisorsCardIsNoVerdict(t *testing.T) {
	t.Parallel()
	var r reception
	s, card := cardholder(t, &r)
	p := s.posts[0]
	p.show(card("card one"))
	if e := p.want(CardShown); e.Sequence != 0 || e.Claims != nil {
		t.Errorf("%+v", e)
	}
	p.show(card("card one")) // left in front of the scanner
	p.want(ShownAgain)
	p.show(code(t, 1))
	p.wantVerdict(1, "admit ok")
	if got, want := r.taken(), []string{hex.EncodeToString([]byte("card one"))}; !slices.Equal(got, want) {
		t.Errorf("taken %q, want %q", got, want)
	}
	if n := len(s.entries()); n != 1 {
		t.Errorf("%d verdicts in the journal, want that on the certificate", n)
	}
	if st := s.status("1"); st.Admitted != 1 || st.Denied+st.Referred != 0 || st.Again != 1 {
		t.Errorf("status %+v", st)
	}
	if got, want := p.lamp.shown(), []Signal{SignalAdmit}; !slices.Contains(got, SignalAdmit) || slices.Contains(got, SignalDeny) {
		t.Errorf("the lamp showed %v, want %v", got, want)
	}
}

func TestCardIsRefusedWhereItIsNotTaken(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*reception{"the lane takes none": nil, "it cannot be written down": {fault: errors.New("disk full")}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, card := cardholder(t, r)
			p := s.posts[0]
			p.show(card("card two"))
			e := p.want(VerdictGiven)
			if got := verdictOf(&e); got != "deny not_accepted" || e.Candidate.Kind != policy.Supervisor {
				t.Errorf("%v %s, want a refused card", e.Candidate.Kind, got)
			}
			if r != nil && len(r.taken()) != 0 {
				t.Error("it was taken")
			}
		})
	}
}

// TestCardBetweenTwoDocumentsChangesNothing: a supervisor helps while a second document is awaited.
func TestCardBetweenTwoDocumentsChangesNothing(t *testing.T) {
	t.Parallel()
	var r reception
	s, card := cardholder(t, &r, pairing)
	p := s.posts[0]
	p.enter(code(t, 1))
	p.want(SecondWanted)
	p.enter(card("card three"))
	p.want(CardShown)
	p.enter(passport(t, asIs))
	if e := p.want(VerdictGiven); verdictOf(&e) != "admit ok" {
		t.Errorf("%s, want admit ok", verdictOf(&e))
	}
}
