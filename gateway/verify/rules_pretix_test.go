package verify_test

import (
	"testing"

	"passerelle/gateway/credential/list"
	"passerelle/gateway/issuer"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
)

func TestPretixTicketsAreJudged(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	ticket := w.codes["pretix"]
	with := func(edit func(*issuer.PretixTicket)) string { return w.pretixTicket(w.pretix, edit) }
	session := func(edit func(*policy.Session)) func(*scene) { return func(s *scene) { s.during(edit) } }
	listed := func(state list.State, edit func(*trust.Feed)) func(*scene) {
		return func(s *scene) {
			s.feed(trust.FeedPretix, event, func(f *trust.Feed) {
				f.Set = setOf(state, pretixMessage(ticket))
				if edit != nil {
					edit(f)
				}
			})
		}
	}
	old := func(f *trust.Feed) { f.Expires = noon - 1 }
	damaged := []byte(ticket)
	damaged[10] ^= 1
	runRules(t, []rule{
		{"good", ticket, nil, "admit ok", policy.Pretix, "key=passed signature=passed usage=passed revocation=passed time=passed rules=passed place=passed"},
		{"by the key of another event", w.pretixTicket(w.pretix2, nil), nil, "deny bad_signature", policy.Pretix, "key=passed signature=failed"},
		{"at another event, which has a key", ticket, session(func(s *policy.Session) { s.Event = "OTHER" }), "deny bad_signature", policy.Pretix, "signature=failed"},
		{"at another event, which has none", ticket, session(func(s *policy.Session) { s.Event = "THIRD" }), "deny unknown_issuer", policy.Pretix, "key=failed"},
		{"by the second key of the event", w.pretixTicket(w.pretix2, nil), func(s *scene) { s.key(w.pretix2, func(k *trust.Key) { k.Scope = event }) }, "admit ok", policy.Pretix, ""},
		{"damaged", string(damaged), nil, "deny bad_signature", policy.Pretix, "signature=failed"},
		{"no session", ticket, noSession, "refer wrong_place", policy.Pretix, "key=undetermined signature=undetermined"},
		{"a session of no event", ticket, session(func(s *policy.Session) { s.Event = "" }), "refer wrong_place", policy.Pretix, "key=undetermined"},
		{"a session that has ended", ticket, session(func(s *policy.Session) { s.Until = noon - 1 }), "refer wrong_place", policy.Pretix, "key=undetermined"},
		{"revoked", ticket, listed(list.Revoked, nil), "deny revoked", policy.Pretix, "revocation=failed"},
		{"blocked", ticket, listed(list.Blocked, nil), "deny blocked", policy.Pretix, "revocation=failed"},
		{"revoked by a list that is over age", ticket, listed(list.Revoked, old), "deny revoked", policy.Pretix, "revocation=failed"},
		{"the list is lost", ticket, func(s *scene) { s.feed(trust.FeedPretix, event, nil); lost(trust.FeedPretix, event)(s) }, "refer list_stale", policy.Pretix, "revocation=failed"},
		{"the list is over age", with(func(t *issuer.PretixTicket) { t.Seed = []byte("another") }), listed(list.Revoked, old), "refer list_stale", policy.Pretix, "revocation=failed"},
		{"there is no list", ticket, func(s *scene) { s.feed(trust.FeedPretix, event, nil) }, "admit ok", policy.Pretix, "revocation=undetermined"},
		{"there is no list, where there has to be", ticket, func(s *scene) {
			s.feed(trust.FeedPretix, event, nil)
			s.profile.Require = policy.Checks(policy.Revocation)
		}, "refer list_stale", policy.Pretix, "revocation=undetermined"},
		{"on the operator's block list", ticket, func(s *scene) {
			s.feed(trust.FeedDeny, event, func(f *trust.Feed) { f.Set = setOf(list.Blocked, pretixMessage(ticket)) })
		}, "deny blocked", policy.Pretix, "revocation=failed"},
		{"over", with(func(t *issuer.PretixTicket) { t.Until = noon - 1 }), nil, "deny expired", policy.Pretix, "time=failed"},
		{"on its last second", with(func(t *issuer.PretixTicket) { t.Until = noon }), nil, "admit ok", policy.Pretix, ""},
		{"not yet", with(func(t *issuer.PretixTicket) { t.From = noon + 1 }), nil, "deny not_yet_valid", policy.Pretix, "time=failed"},
		{"on its first second", with(func(t *issuer.PretixTicket) { t.From = noon }), nil, "admit ok", policy.Pretix, ""},
		{"without times", with(func(t *issuer.PretixTicket) { t.From, t.Until = 0, 0 }), nil, "admit ok", policy.Pretix, ""},
		{"without times, the clock is not known", with(func(t *issuer.PretixTicket) { t.From, t.Until = 0, 0 }), func(s *scene) { s.now.Class = policy.ClockUnknown }, "refer clock_untrusted", policy.Pretix, "time=undetermined"},
		{"a product that enters here", ticket, session(func(s *policy.Session) { s.Products = []int64{1, 42} }), "admit ok", policy.Pretix, ""},
		{"a product that does not", ticket, session(func(s *policy.Session) { s.Products = []int64{1, 43} }), "deny wrong_place", policy.Pretix, "place=failed"},
		{"the right subevent", ticket, session(func(s *policy.Session) { s.Subevent = 5 }), "admit ok", policy.Pretix, ""},
		{"another subevent", ticket, session(func(s *policy.Session) { s.Subevent = 6 }), "deny wrong_place", policy.Pretix, "place=failed"},
		{"no subevent, where there is one", with(func(t *issuer.PretixTicket) { t.Subevent = 0 }), session(func(s *policy.Session) { s.Subevent = 5 }), "deny wrong_place", policy.Pretix, "place=failed"},
		{"the key is over", ticket, func(s *scene) { s.key(w.pretix, func(k *trust.Key) { k.NotAfter = noon - 1 }) }, "refer key_expired", policy.Pretix, "key=failed"},
		{"the key is not yet", ticket, func(s *scene) { s.key(w.pretix, func(k *trust.Key) { k.NotBefore = noon + 1 }) }, "refer key_expired", policy.Pretix, "key=failed"},
		{"the key is over, which the profile ignores", ticket, func(s *scene) {
			s.key(w.pretix, func(k *trust.Key) { k.NotAfter = noon - 1 })
			s.profile.IgnoreKeyExpired = true
		}, "admit ok", policy.Pretix, ""},
		{"the key is switched off", ticket, func(s *scene) { s.list.Disabled = [][32]byte{fingerprint(w.pretix)} }, "deny issuer_disabled", policy.Pretix, "key=failed"},
		{"a test key at a production gate", ticket, func(s *scene) {
			s.key(w.pretix, func(k *trust.Key) { k.Test = true })
			s.profile.Production = true
		}, "deny unknown_issuer", policy.Pretix, "key=failed"},
		{"the list of keys is over age", ticket, func(s *scene) { s.list.Expires = noon - 1 }, "refer list_stale", policy.Pretix, "key=undetermined"},
		{"the country is not accepted", ticket, func(s *scene) { s.list.Acceptance = nil }, "deny not_accepted", policy.Pretix, "rules=failed"},
		{"the profile does not accept it", ticket, func(s *scene) { s.profile.Accept &^= policy.Kinds(policy.Pretix) }, "deny not_accepted", policy.Pretix, "rules=failed"},
	})
}

func TestATicketOfPretixIsUsedOnceHoweverItIsSigned(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	s := setup(t)
	s.key(w.pretix2, func(k *trust.Key) { k.Scope = event })
	first, _ := s.show(t, w.codes["pretix"])
	resigned, _ := s.show(t, w.pretixTicket(w.pretix2, nil))
	other, _ := s.show(t, w.pretixTicket(w.pretix, func(t *issuer.PretixTicket) { t.Seed = []byte("another") }))
	if !first.Once || first.Use == (policy.UseID{}) || first.Use != resigned.Use || first.Use == other.Use {
		t.Errorf("uses %x, signed again %x, another %x", first.Use, resigned.Use, other.Use)
	}
	if first.Uses != 1 || first.Expires != noon+hour+policy.Skew || first.Zone != "" { // it names no zone: once in all
		t.Errorf("%+v", first)
	}
}
