package verify_test

import (
	"testing"

	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/credential/list"
	"passerelle/gateway/issuer"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
)

// TestACardMakesASupervisorOnlyWhereEverythingSpeaksForIt shows cards to a lane: whatever becomes of them, nobody is admitted by one.
func TestACardMakesASupervisorOnlyWhereEverythingSpeaksForIt(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	card := func(edit func(*issuer.Ticket)) string {
		return w.ticket(w.ticketing, func(t *issuer.Ticket) {
			t.Kind, t.Event, t.Zone, t.Gate, t.ID = cwt.Supervisor, "", "", "", []byte("card 1")
			t.StatusURI, t.StatusIndex = statusURI, 0
			if edit != nil {
				edit(t)
			}
		})
	}
	plain := card(nil)
	key := func(edit func(*trust.Key)) func(*scene) { return func(s *scene) { s.key(w.ticketing, edit) } }
	for _, tt := range []struct {
		name string
		code string
		edit func(*scene)
		good bool
		want string
	}{
		{"a good one", plain, nil, true, "deny not_accepted"},
		{"a good one, and the lane has no session", plain, noSession, true, "deny not_accepted"},
		{"a good one of this event", card(func(t *issuer.Ticket) { t.Event = event }), nil, true, "deny not_accepted"},
		{"a good one at a production gate", plain, func(s *scene) { s.profile = policy.Venue() }, true, "deny not_accepted"},
		{"of another event", card(func(t *issuer.Ticket) { t.Event = "OTHER" }), nil, false, "deny not_accepted"},
		{"of an event, and the lane has no session", card(func(t *issuer.Ticket) { t.Event = event }), noSession, false, "deny not_accepted"},
		{"of another gate", card(func(t *issuer.Ticket) { t.Gate = "Z9" }), nil, false, "deny not_accepted"},
		{"ended", card(func(t *issuer.Ticket) { t.Expires = noon - 61 }), nil, false, "deny expired"},
		{"not good yet", card(func(t *issuer.Ticket) { t.NotBefore = noon + 61 }), nil, false, "deny not_yet_valid"},
		{"the time is not known", plain, func(s *scene) { s.now.Class = policy.ClockUnknown }, false, "deny not_accepted"},
		{"revoked", card(func(t *issuer.Ticket) { t.StatusIndex = 1 }), nil, false, "deny revoked"},
		{"names no status list, so nobody could revoke it", card(func(t *issuer.Ticket) { t.StatusURI = "" }), nil, false, "deny not_accepted"},
		{"its status list is not at hand", plain, func(s *scene) { s.statuses = nil }, false, "deny not_accepted"},
		{"blocked", plain, func(s *scene) {
			s.feed(trust.FeedDeny, "*", func(f *trust.Feed) {
				f.Set = setOf(list.Blocked, cwt.AppendIdentity(nil, []byte("Box Office"), []byte("card 1")))
			})
		}, false, "deny blocked"},
		{"by a key for tickets alone", plain, key(func(k *trust.Key) { k.Usages = trust.AllTickets &^ trust.SupervisorUsage }), false, "deny wrong_usage"},
		{"by a key that was switched off", plain, func(s *scene) { s.list.Disabled = [][32]byte{fingerprint(w.ticketing)} }, false, "deny issuer_disabled"},
		{"by a test key at a production gate", plain, func(s *scene) {
			s.profile.Production = true
			s.key(w.ticketing, func(k *trust.Key) { k.Test = true })
		}, false, "deny unknown_issuer"},
		{"by another key under that id", plain, key(func(k *trust.Key) { other := w.french.Entry(); k.Public = other.Public }), false, "deny bad_signature"},
		{"by a country that is not accepted for it", plain, func(s *scene) { s.list.Acceptance = []trust.Acceptance{{Country: "MA", Usages: trust.TicketUsage}} }, false, "deny not_accepted"},
		{"the list is over age", plain, func(s *scene) { s.list.Expires = noon - 1 }, false, "deny not_accepted"},
		{"a ticket", w.codes["ticket"], nil, false, "admit ok"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			s.list.Acceptance = append(s.list.Acceptance, trust.Acceptance{Country: "MA", Usages: trust.SupervisorUsage})
			if tt.edit != nil {
				tt.edit(s)
			}
			c, r := s.show(t, tt.code)
			if got := verdict(&c); got != tt.want || c.Card() != tt.good {
				t.Errorf("%s, a card: %v; want %s, %v (layer %v: %v)\n%s", got, c.Card(), tt.want, tt.good, r.Layer, r.Err, line(&c))
			}
			if c.Card() && c.Once {
				t.Error("it would be used up")
			}
			c.Withdraw(&s.profile)
			if c.Card() {
				t.Error("it is one although its signature was not confirmed")
			}
		})
	}
}

// TestNoProfileCanAcceptACard holds what an operator may write against the kinds.
func TestNoProfileCanAcceptACard(t *testing.T) {
	t.Parallel()
	if policy.Admissible.Has(policy.Supervisor) {
		t.Error("a profile may accept cards")
	}
}
