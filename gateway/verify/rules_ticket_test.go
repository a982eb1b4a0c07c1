package verify_test

import (
	"testing"

	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/credential/list"
	"passerelle/gateway/issuer"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
)

// floored is a clock that knows no more than that the time lies between two.
func floored(from, until int64) policy.Now {
	return policy.Now{Earliest: from, Latest: until, Class: policy.ClockFloored}
}

func noSession(s *scene) { s.session = nil }

// lost has the gate know that it once held a feed.
func lost(kind trust.FeedKind, scope string) func(*scene) {
	return func(s *scene) { s.lost = append(s.lost, trust.FeedName{Kind: kind, Scope: scope}) }
}

func TestTicketsAreJudgedByTheirKey(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	stamp := w.codes["stamp"]
	ticket := w.codes["ticket"]
	late := w.ticket(w.retired, func(t *issuer.Ticket) { stampOf2018(t); t.IssuedAt = at("2019-01-01T00:00:00Z") })
	early := w.ticket(w.retired, func(t *issuer.Ticket) { stampOf2018(t); t.IssuedAt = at("2016-12-31T23:59:59Z") })
	runRules(t, []rule{
		{"a stamp whose key ended years ago is judged when it was signed", stamp, nil, "admit ok", policy.Stamp, "key=passed usage=passed time=passed place=not_applicable"},
		{"signed on the key's last second", w.ticket(w.retired, func(t *issuer.Ticket) { stampOf2018(t); t.IssuedAt = w.retired.Scope().NotAfter }), nil, "admit ok", policy.Stamp, ""},
		{"signed after the key's end", late, nil, "refer key_expired", policy.Stamp, "key=failed signature=passed usage=passed"},
		{"signed before the key's begin", early, nil, "refer key_expired", policy.Stamp, "key=failed signature=passed"},
		{"signed after the key's end, which the profile denies", late, func(s *scene) { s.profile.Tighten[policy.KeyExpired] = true }, "deny key_expired", policy.Stamp, ""},
		{"signed after the key's end, which the profile ignores", late, func(s *scene) { s.profile.IgnoreKeyExpired = true }, "admit ok", policy.Stamp, "key=passed"},
		{"the key is not on the list", ticket, func(s *scene) { s.list.Keys = nil }, "deny unknown_issuer", policy.PT1, "format=passed key=failed signature=undetermined"},
		{"the key is switched off", ticket, func(s *scene) {
			s.list.Disabled = [][32]byte{fingerprint(w.ticketing)}
		}, "deny issuer_disabled", policy.Ticket, "key=failed signature=passed"},
		{"a test key at a production gate", ticket, func(s *scene) {
			s.profile.Production = true
			s.key(w.ticketing, func(k *trust.Key) { k.Test = true })
		}, "deny unknown_issuer", policy.Ticket, "key=failed"},
		{"a test key elsewhere", ticket, func(s *scene) { s.key(w.ticketing, func(k *trust.Key) { k.Test = true }) }, "admit ok", policy.Ticket, ""},
		{"another key under the same id", ticket, func(s *scene) {
			other := w.french.Entry()
			s.key(w.ticketing, func(k *trust.Key) { k.Public = other.Public })
		}, "deny bad_signature", policy.PT1, "key=passed signature=failed usage=undetermined"},
		{"the key may not sign by that algorithm", ticket, func(s *scene) { s.key(w.ticketing, func(k *trust.Key) { k.Algorithms = nil }) }, "deny bad_signature", policy.PT1, "signature=failed"},
		{"the list is over age", ticket, func(s *scene) { s.list.Expires = noon - 1 }, "refer list_stale", policy.Ticket, "key=undetermined signature=passed"},
		{"the list may be over age", ticket, func(s *scene) { s.list.Expires = noon; s.now = floored(noon-1, noon+1) }, "refer clock_untrusted", policy.Ticket, "key=undetermined"},
		{"the list is over age, which the profile admits", ticket, func(s *scene) { s.list.Expires = noon - 1; s.profile.AdmitStale = true }, "admit ok", policy.Ticket, ""},
		{"there is no list", ticket, func(s *scene) { s.list = trust.List{} }, "refer list_stale", policy.PT1, "key=undetermined"},
		{"the country is not accepted", w.ticket(w.french, nil), func(s *scene) {
			s.list.Acceptance = []trust.Acceptance{{Country: "MA", Usages: trust.TicketUsage}}
		}, "deny not_accepted", policy.Ticket, "rules=failed"},
		{"the country is accepted for stamps alone", ticket, func(s *scene) {
			s.list.Acceptance = []trust.Acceptance{{Country: "MA", Usages: trust.StampUsage}}
		}, "deny not_accepted", policy.Ticket, "rules=failed"},
		{"the country was accepted until a moment ago", ticket, func(s *scene) {
			s.list.Acceptance = []trust.Acceptance{{Country: "MA", Usages: trust.TicketUsage, Until: noon - 1}}
		}, "deny not_accepted", policy.Ticket, "rules=failed"},
		{"the country is accepted until about now", ticket, func(s *scene) {
			s.list.Acceptance = []trust.Acceptance{{Country: "MA", Usages: trust.TicketUsage, Until: noon}}
			s.now = floored(noon-1, noon+1)
		}, "refer clock_untrusted", policy.Ticket, "rules=undetermined"},
		{"the profile does not accept tickets", ticket, func(s *scene) { s.profile.Accept &^= policy.Kinds(policy.Ticket) }, "deny not_accepted", policy.Ticket, "rules=failed"},
	})
}

func fingerprint(k *issuer.Key) [32]byte {
	entry := k.Entry()
	return entry.Public.Fingerprint()
}

// TestAKeySignsOnlyTheKindsThatItMay tries every key with every kind.
func TestAKeySignsOnlyTheKindsThatItMay(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	may := map[cwt.Kind]trust.Usage{cwt.Ticket: trust.TicketUsage, cwt.Pass: trust.PassUsage, cwt.Voucher: trust.VoucherUsage, cwt.Stamp: trust.StampUsage}
	kinds := map[cwt.Kind]policy.Kind{cwt.Ticket: policy.Ticket, cwt.Pass: policy.Pass, cwt.Voucher: policy.Voucher, cwt.Stamp: policy.Stamp}
	for _, usage := range []trust.Usage{
		trust.TicketUsage, trust.PassUsage, trust.VoucherUsage, trust.StampUsage, trust.AllTickets, trust.AllTickets &^ trust.StampUsage, trust.AllHCERT | trust.TicketUsage,
	} {
		for kind, needed := range may {
			s := setup(t)
			s.key(w.ticketing, func(k *trust.Key) { k.Usages = usage })
			c, _ := s.show(t, w.ticket(w.ticketing, func(t *issuer.Ticket) { t.Kind = kind }))
			want := "deny wrong_usage"
			if usage&needed != 0 {
				want = "admit ok"
			}
			if got := verdict(&c); got != want || c.Kind != kinds[kind] {
				t.Errorf("a %v under a key for %v: %v %s, want %s", kind, usage, c.Kind, got, want)
			}
		}
	}
}

func TestTicketsAreJudgedByTheirTimes(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	until := func(d int64) string { return w.ticket(w.ticketing, func(t *issuer.Ticket) { t.Expires = noon + d }) }
	from := func(d int64) string { return w.ticket(w.ticketing, func(t *issuer.Ticket) { t.NotBefore = noon + d }) }
	issued := func(d int64) string { return w.ticket(w.ticketing, func(t *issuer.Ticket) { t.IssuedAt = noon + d }) }
	runRules(t, []rule{
		{"ended a minute ago, which is within the skew", until(-60), nil, "admit ok", policy.Ticket, "time=passed"},
		{"ended a second more ago", until(-61), nil, "deny expired", policy.Ticket, "time=failed"},
		{"begins in a minute", from(60), nil, "admit ok", policy.Ticket, "time=passed"},
		{"begins in a second more", from(61), nil, "deny not_yet_valid", policy.Ticket, "time=failed"},
		{"issued in a minute", issued(60), nil, "admit ok", policy.Ticket, ""},
		{"issued in a second more", issued(61), nil, "deny not_yet_valid", policy.Ticket, ""},
		{"the clock is not known", until(day), func(s *scene) { s.now.Class = policy.ClockUnknown }, "refer clock_untrusted", policy.Ticket, "time=undetermined"},
		{"the clock knows an interval in which it ends", until(0), func(s *scene) { s.now = floored(noon, noon+61) }, "refer clock_untrusted", policy.Ticket, "time=undetermined"},
		{"the clock knows an interval after its end", until(-61), func(s *scene) { s.now = floored(noon, noon+61) }, "deny expired", policy.Ticket, "time=failed"},
		{"the clock knows an interval before its begin, whose end is an assumption", from(1000), func(s *scene) { s.now = floored(noon, noon+61) }, "refer clock_untrusted", policy.Ticket, ""},
		{"the clock knows an interval in which it is valid", until(3600), func(s *scene) { s.now = floored(noon-3600, noon+3600) }, "admit ok", policy.Ticket, "time=passed"},
	})
}

func TestTicketsAreJudgedByTheirStatusList(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	with := func(index uint64) string {
		return w.ticket(w.ticketing, func(t *issuer.Ticket) { t.StatusURI, t.StatusIndex = statusURI, index })
	}
	statusOf := func(k *issuer.Key, uri string, expires int64, edit func(*trust.Status)) func(*scene) {
		return func(s *scene) {
			st := must(w.status(k, uri, expires))
			if edit != nil {
				edit(st)
			}
			s.statuses = []*trust.Status{st}
		}
	}
	tight := func(s *scene) { s.profile.Require = policy.Checks(policy.Revocation) }
	runRules(t, []rule{
		{"valid", with(0), nil, "admit ok", policy.Ticket, "revocation=passed"},
		{"valid, at an index that nobody set", with(63), nil, "admit ok", policy.Ticket, "revocation=passed"},
		{"invalid", with(1), nil, "deny revoked", policy.Ticket, "revocation=failed"},
		{"suspended", with(2), nil, "deny blocked", policy.Ticket, "revocation=failed"},
		{"the issuer's own word for something", with(3), nil, "deny blocked", policy.Ticket, "revocation=failed"},
		{"an index that the list does not have", with(64), nil, "refer list_stale", policy.Ticket, "revocation=undetermined"},
		{"an index beyond all lists", with(1<<63 - 1), nil, "refer list_stale", policy.Ticket, "revocation=undetermined"},
		{"the list is absent", with(0), func(s *scene) { s.statuses = nil }, "refer list_stale", policy.Ticket, "revocation=undetermined"},
		{"a list of another address", with(0), statusOf(w.ticketing, "https://status.example/2", noon+hour, nil), "refer list_stale", policy.Ticket, "revocation=undetermined"},
		{"the list is over age", with(0), statusOf(w.ticketing, statusURI, noon-1, nil), "refer list_stale", policy.Ticket, "revocation=undetermined"},
		{"the list is over age, and says invalid", with(1), statusOf(w.ticketing, statusURI, noon-1, nil), "deny revoked", policy.Ticket, "revocation=failed"},
		{"the list may be over age", with(0), func(s *scene) {
			statusOf(w.ticketing, statusURI, noon, nil)(s)
			s.now = floored(noon-1, noon+1)
		}, "refer clock_untrusted", policy.Ticket, "revocation=undetermined"},
		{"the list is over age, which the profile denies", with(0), func(s *scene) {
			statusOf(w.ticketing, statusURI, noon-1, nil)(s)
			s.profile.Tighten[policy.ListStale] = true
		}, "deny list_stale", policy.Ticket, ""},
		{"the list is by an issuer of another country", with(0), statusOf(w.french, statusURI, noon+hour, nil), "refer list_stale", policy.Ticket, "revocation=undetermined"},
		{"the list is by another issuer of the country", with(0), statusOf(w.vouchers, statusURI, noon+hour, nil), "refer list_stale", policy.Ticket, "revocation=undetermined"},
		{"the list is by another key of the same issuer", with(1), statusOf(w.ticketingEd, statusURI, noon+hour, nil), "deny revoked", policy.Ticket, "revocation=failed"},
		{"the list is by a test key, the ticket is not", with(0), statusOf(w.ticketing, statusURI, noon+hour, func(st *trust.Status) { st.Test = true }), "refer list_stale", policy.Ticket, "revocation=undetermined"},
		{"the ticket names no list", w.codes["ticket"], nil, "admit ok", policy.Ticket, "revocation=undetermined"},
		{"the ticket names no list, where it has to", w.codes["ticket"], tight, "refer list_stale", policy.Ticket, "revocation=undetermined"},
		{"valid, where it has to be", with(0), tight, "admit ok", policy.Ticket, "revocation=passed"},
	})
}

func TestTicketsAreJudgedByBlockLists(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	identity := cwt.AppendIdentity(nil, []byte("Box Office"), []byte("ticket 1"))
	other := cwt.AppendIdentity(nil, []byte("Box Office"), []byte("ticket 2"))
	deny := func(scope string, id []byte, edit func(*trust.Feed)) func(*scene) {
		return func(s *scene) {
			s.feed(trust.FeedDeny, scope, func(f *trust.Feed) {
				f.Set = setOf(list.Blocked, id)
				if edit != nil {
					edit(f)
				}
			})
		}
	}
	old := func(f *trust.Feed) { f.Expires = noon - 1 }
	ticket := w.codes["ticket"]
	runRules(t, []rule{
		{"blocked at the event", ticket, deny(event, identity, nil), "deny blocked", policy.Ticket, "revocation=failed"},
		{"blocked everywhere", ticket, deny("*", identity, nil), "deny blocked", policy.Ticket, "revocation=failed"},
		{"blocked everywhere, and there is no session", ticket, func(s *scene) { deny("*", identity, nil)(s); noSession(s) }, "deny blocked", policy.Ticket, "revocation=failed"},
		{"blocked at another event", ticket, deny("OTHER", identity, nil), "admit ok", policy.Ticket, ""},
		{"another one is blocked", ticket, deny(event, other, nil), "admit ok", policy.Ticket, ""},
		{"a stamp is blocked everywhere", w.codes["stamp"], deny("*", cwt.AppendIdentity(nil, []byte("Box Office"), []byte("stamp")), nil), "deny blocked", policy.Stamp, "revocation=failed"},
		{"the event's block list is lost", ticket, lost(trust.FeedDeny, event), "refer list_stale", policy.Ticket, "revocation=failed"},
		{"the block list for all is lost, and there is no session", ticket, func(s *scene) { lost(trust.FeedDeny, "*")(s); noSession(s) }, "refer list_stale", policy.Ticket, "revocation=failed"},
		{"another event's block list is lost", ticket, lost(trust.FeedDeny, "OTHER"), "admit ok", policy.Ticket, ""},
		{"the block list is lost, and the profile admits what is over age", ticket, func(s *scene) { lost(trust.FeedDeny, event)(s); s.profile.AdmitStale = true }, "refer list_stale", policy.Ticket, ""},
		{"the block list for all is over age, and the event's names it", ticket, func(s *scene) { deny("*", other, old)(s); deny(event, identity, nil)(s) }, "deny blocked", policy.Ticket, "revocation=failed"},
		{"the event's block list is over age", ticket, deny(event, other, old), "refer list_stale", policy.Ticket, "revocation=failed"},
		{"the block list for all is over age", ticket, deny("*", other, old), "refer list_stale", policy.Ticket, "revocation=failed"},
		{"blocked by a list that is over age", ticket, deny(event, identity, old), "deny blocked", policy.Ticket, "revocation=failed"},
		{"the block list may be over age", ticket, func(s *scene) {
			deny(event, other, func(f *trust.Feed) { f.Expires = noon })(s)
			s.now = floored(noon-1, noon+1)
		}, "refer clock_untrusted", policy.Ticket, ""},
		{"the block list is signed by a test delegate, at a production gate", ticket, func(s *scene) {
			deny(event, identity, func(f *trust.Feed) { f.Test = true })(s)
			s.profile.Production = true
		}, "admit ok", policy.Ticket, ""},
		{"the block list is signed by a test delegate, elsewhere", ticket, deny(event, identity, func(f *trust.Feed) { f.Test = true }), "deny blocked", policy.Ticket, ""},
	})
}

func TestTicketsAreJudgedByTheSession(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	placed := func(kind cwt.Kind, event, zone, gate string) string {
		return w.ticket(w.ticketing, func(t *issuer.Ticket) { t.Kind, t.Event, t.Zone, t.Gate = kind, event, zone, gate })
	}
	ticket := w.codes["ticket"]
	session := func(edit func(*policy.Session)) func(*scene) { return func(s *scene) { s.during(edit) } }
	runRules(t, []rule{
		{"another event", placed(cwt.Ticket, "OTHER", "", ""), nil, "deny wrong_place", policy.Ticket, "place=failed"},
		{"another zone", placed(cwt.Ticket, event, "SOUTH", ""), nil, "deny wrong_place", policy.Ticket, "place=failed"},
		{"another gate", placed(cwt.Ticket, event, zone, "B"), nil, "deny wrong_place", policy.Ticket, "place=failed"},
		{"any zone and gate", placed(cwt.Ticket, event, "", ""), nil, "admit ok", policy.Ticket, "place=passed"},
		{"a lane of the whole place", placed(cwt.Ticket, event, "SOUTH", "B"), session(func(s *policy.Session) { s.Zone, s.Gate = "", "" }), "admit ok", policy.Ticket, "place=passed"},
		{"an event spelled in a longer way", placed(cwt.Ticket, event+" ", "", ""), nil, "deny wrong_place", policy.Ticket, "place=failed"},
		{"no session", ticket, noSession, "refer wrong_place", policy.Ticket, "place=undetermined"},
		{"a session of no event", ticket, session(func(s *policy.Session) { s.Event = "" }), "deny wrong_place", policy.Ticket, "place=failed"},
		{"a session that begins later", ticket, session(func(s *policy.Session) { s.From = noon + 1 }), "refer wrong_place", policy.Ticket, "place=undetermined"},
		{"a session that has just begun", ticket, session(func(s *policy.Session) { s.From = noon }), "admit ok", policy.Ticket, "place=passed"},
		{"a session that has ended", ticket, session(func(s *policy.Session) { s.Until = noon - 1 }), "refer wrong_place", policy.Ticket, "place=undetermined"},
		{"a session that ends now", ticket, session(func(s *policy.Session) { s.Until = noon }), "admit ok", policy.Ticket, "place=passed"},
		{"a session that may have ended", ticket, func(s *scene) {
			s.during(func(s *policy.Session) { s.Until = noon })
			s.now = floored(noon-1, noon+1)
		}, "refer wrong_place", policy.Ticket, "place=undetermined"},
		{"a pass that names no place", placed(cwt.Pass, "", "", ""), noSession, "admit ok", policy.Pass, "place=not_applicable"},
		{"a pass that names its event", placed(cwt.Pass, event, "", ""), nil, "admit ok", policy.Pass, "place=passed"},
		{"a pass that names its event, and there is no session", placed(cwt.Pass, event, "", ""), noSession, "refer wrong_place", policy.Pass, "place=undetermined"},
		{"a pass that names another event", placed(cwt.Pass, "OTHER", "", ""), nil, "deny wrong_place", policy.Pass, "place=failed"},
		{"a pass of a zone", placed(cwt.Pass, "", zone, ""), nil, "admit ok", policy.Pass, "place=passed"},
		{"a pass of another zone", placed(cwt.Pass, "", "SOUTH", ""), nil, "deny wrong_place", policy.Pass, "place=failed"},
		{"a voucher of another gate", placed(cwt.Voucher, "", "", "B"), nil, "deny wrong_place", policy.Voucher, "place=failed"},
		{"a voucher that names no place", placed(cwt.Voucher, "", "", ""), noSession, "admit ok", policy.Voucher, "place=not_applicable"},
		{"a ticket without an event", placed(cwt.Ticket, "", "", ""), nil, "deny wrong_place", policy.Ticket, "place=failed"},
		{"a ticket without an event, at a lane without one", placed(cwt.Ticket, "", "", ""), session(func(s *policy.Session) { s.Event = "" }), "deny wrong_place", policy.Ticket, "place=failed"},
	})
}

func TestATicketWhoseClaimsCannotBeReadIsMalformed(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	signed := func(edit func(issuer.Map) issuer.Map) string {
		ticket := &issuer.Ticket{IssuedAt: noon, Expires: noon + day, ID: []byte("1"), Kind: cwt.Ticket, Event: event}
		m := issuer.NewTicketMessage(w.ticketing, ticket)
		m.Claims = edit(m.Claims.(issuer.Map))
		return must(issuer.EncodePT1(must(m.Sign(w.ticketing))))
	}
	without := func(label int) string {
		return signed(func(m issuer.Map) (rest issuer.Map) {
			for _, x := range m {
				if x.Key != label {
					rest = append(rest, x)
				}
			}
			return rest
		})
	}
	runRules(t, []rule{
		{"no issuer", without(issuer.ClaimIssuer), nil, "deny malformed", policy.PT1, "format=failed signature=passed"},
		{"no end", without(issuer.ClaimExpires), nil, "deny malformed", policy.PT1, "format=failed"},
		{"no time of issue", without(issuer.ClaimIssuedAt), nil, "deny malformed", policy.PT1, "format=failed"},
		{"no id", without(issuer.ClaimID), nil, "deny malformed", policy.PT1, "format=failed"},
		{"no claim of ours", without(issuer.ClaimTicket), nil, "deny malformed", policy.PT1, "format=failed"},
		{"half of a status reference", signed(func(m issuer.Map) issuer.Map {
			return append(m, issuer.Member{Key: issuer.ClaimStatus, Value: issuer.Map{{Key: "status_list", Value: issuer.Map{{Key: "idx", Value: 1}}}}})
		}), nil, "deny malformed", policy.PT1, "format=failed"},
		{"a certificate in a ticket's clothes", "PT1:" + w.codes["hcert"][4:], nil, "deny unknown_issuer", policy.PT1, "key=failed"},
		{"a ticket in a certificate's clothes", "HC1:" + w.codes["ticket"][4:], nil, "deny unknown_issuer", policy.HCERT, "key=failed"},
		{"a certificate under a ticket's key", must(issuer.EncodePT1(must(issuer.NewMessage(w.ticketing, &issuer.Certificate{IssuedAt: noon, Expires: noon + day, Recovery: &issuer.Recovery{}}).Sign(w.ticketing)))), nil, "deny malformed", policy.PT1, "format=failed"},
		{"a prefix and nothing else", "PT1:", nil, "deny malformed", policy.PT1, "format=failed"},
	})
}

// TestWhatUsesATicketUp is about the identity of a use, and what else is used up with it.
func TestWhatUsesATicketUp(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	s := setup(t)
	s.during(func(s *policy.Session) { s.Exit = true })
	use := func(k *issuer.Key, edit func(*issuer.Ticket)) policy.Candidate {
		c, _ := s.show(t, w.ticket(k, edit))
		if verdict(&c) != "admit ok" {
			t.Fatalf("%s", line(&c))
		}
		return c
	}
	plain := use(w.ticketing, nil)
	if plain.Uses != 1 || !plain.Once || plain.Zone != zone || !plain.Exit || plain.Expires != noon+day+60 || plain.Also != (policy.UseID{}) {
		t.Errorf("%+v", plain)
	}
	for name, tt := range map[string]struct {
		key  *issuer.Key
		edit func(*issuer.Ticket)
		same bool
	}{
		"another key of the same issuer":     {w.ticketingEd, nil, true},
		"other claims":                       {w.ticketing, func(t *issuer.Ticket) { t.Seat, t.Zone = "1A", "" }, true},
		"another id":                         {w.ticketing, func(t *issuer.Ticket) { t.ID = []byte("ticket 2") }, false},
		"another issuer":                     {w.ticketing, func(t *issuer.Ticket) { t.Issuer = "Other Office" }, false},
		"the issuer's name by another state": {w.french, nil, false},
	} {
		if c := use(tt.key, tt.edit); (c.Use == plain.Use) != tt.same {
			t.Errorf("%s: the same use: %v, want %v", name, c.Use == plain.Use, tt.same)
		}
	}
	if c := use(w.ticketing, func(t *issuer.Ticket) { t.Uses = 255 }); c.Uses != 255 {
		t.Errorf("255 uses are %d", c.Uses)
	}
	again := func(t *issuer.Ticket) { t.ID, t.Replaces = []byte("ticket 2"), []byte("ticket 1") }
	if c := use(w.ticketing, again); c.Also != plain.Use || c.Use == plain.Use {
		t.Errorf("a replacement uses up %x, want %x", c.Also, plain.Use)
	}
	if c := use(w.french, again); c.Also == plain.Use || c.Also == (policy.UseID{}) {
		t.Errorf("another state's ticket uses up %x, which is ours", c.Also)
	}
	if c := use(w.ticketing, func(t *issuer.Ticket) { t.Kind = cwt.Pass; again(t) }); c.Once || c.Use != (policy.UseID{}) || c.Also != (policy.UseID{}) {
		t.Errorf("a pass, which comes and goes, is used: %+v", c)
	}
}
