package verify_test

import (
	"strings"
	"testing"

	"passerelle/gateway/credential/list"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
)

func TestListedCodesAreJudged(t *testing.T) {
	t.Parallel()
	session := func(edit func(*policy.Session)) func(*scene) { return func(s *scene) { s.during(edit) } }
	feed := func(edit func(*trust.Feed)) func(*scene) {
		return func(s *scene) { s.feed(trust.FeedCodes, event, edit) }
	}
	old := feed(func(f *trust.Feed) { f.Expires = noon - 1 })
	wrong := []byte(oneTime(noon))
	wrong[5] = '0' + (wrong[5]-'0'+1)%10
	runRules(t, []rule{
		{"listed", plainCode, nil, "admit ok", policy.Code, "format=passed key=passed signature=not_applicable usage=not_applicable revocation=passed time=passed rules=passed place=passed"},
		{"behind an AIM identifier", "]C1" + plainCode, nil, "admit ok", policy.Code, ""},
		{"not listed", "4006381333931001", nil, "deny not_listed", policy.Code, "rules=failed"},
		{"with a blank behind", plainCode + " ", nil, "deny not_listed", policy.Code, ""},
		{"blocked", blockedCode, nil, "deny blocked", policy.Code, "revocation=failed"},
		{"revoked", revokedCode, nil, "deny revoked", policy.Code, "revocation=failed"},
		{"over", lateCode, nil, "deny expired", policy.Code, "time=failed"},
		{"not yet", earlyCode, nil, "deny not_yet_valid", policy.Code, "time=failed"},
		{"on its only second", manyCode, nil, "admit ok", policy.Code, ""},
		{"of this zone", zonedCode, nil, "admit ok", policy.Code, "place=passed"},
		{"of another zone", southCode, nil, "deny wrong_place", policy.Code, "place=failed"},
		{"of another zone, at a lane of the whole place", southCode, session(func(s *policy.Session) { s.Zone = "" }), "admit ok", policy.Code, "place=passed"},
		{"the clock is not known", plainCode, func(s *scene) { s.now.Class = policy.ClockUnknown }, "refer clock_untrusted", policy.Code, "time=undetermined"},

		{"with a good suffix", movingCode + oneTime(noon), nil, "admit ok", policy.Code, "signature=passed"},
		{"with the suffix of a step before", movingCode + oneTime(noon-30), nil, "admit ok", policy.Code, "signature=passed"},
		{"with the suffix of a step after", movingCode + oneTime(noon+30), nil, "admit ok", policy.Code, "signature=passed"},
		{"with the suffix of two steps before", movingCode + oneTime(noon-60), nil, "deny bad_signature", policy.Code, "signature=failed"},
		{"with another suffix", movingCode + string(wrong), nil, "deny bad_signature", policy.Code, "signature=failed"},
		{"without its suffix", movingCode, nil, "deny unsigned", policy.Code, "signature=failed"},
		{"with half of a suffix", movingCode + oneTime(noon)[:3], nil, "deny not_listed", policy.Code, ""},
		{"with a suffix, the clock knows a minute", movingCode + oneTime(noon), func(s *scene) { s.now = floored(noon-30, noon+30) }, "admit ok", policy.Code, "signature=passed"},
		{"with a suffix, the clock knows an hour", movingCode + oneTime(noon), func(s *scene) { s.now = floored(noon-1800, noon+1800) }, "refer clock_untrusted", policy.Code, "signature=undetermined"},
		{"with a suffix, the clock is not known", movingCode + oneTime(noon), func(s *scene) { s.now.Class = policy.ClockUnknown }, "refer clock_untrusted", policy.Code, "signature=undetermined"},
		{"with a suffix that it does not have", plainCode + oneTime(noon), nil, "deny not_listed", policy.Code, ""},

		{"there is no list", plainCode, feed(nil), "refer list_stale", policy.Code, "key=undetermined"},
		{"there is a list of another event", plainCode, session(func(s *policy.Session) { s.Event = "OTHER" }), "refer list_stale", policy.Code, "key=undetermined"},
		{"the list is over age", plainCode, old, "refer list_stale", policy.Code, "key=undetermined"},
		{"the list is over age, and the code is not on it", "4006381333931001", old, "refer list_stale", policy.Code, "rules=undetermined"},
		{"the list is over age, and the code is blocked", blockedCode, old, "deny blocked", policy.Code, "revocation=failed"},
		{"the list is over age, which the profile admits", plainCode, func(s *scene) { old(s); s.profile.AdmitStale = true }, "admit ok", policy.Code, ""},
		{"the list may be over age", plainCode, func(s *scene) {
			s.feed(trust.FeedCodes, event, func(f *trust.Feed) { f.Expires = noon })
			s.now = floored(noon-1, noon+1)
		}, "refer clock_untrusted", policy.Code, "key=undetermined"},
		{"the trust list, which names who may list codes, is over age", plainCode, func(s *scene) { s.list.Expires = noon - 1 }, "refer list_stale", policy.Code, "key=undetermined"},
		{"there is no trust list", plainCode, func(s *scene) { s.list = trust.List{} }, "refer list_stale", policy.Code, "key=undetermined"},
		{"the list is by a test delegate, at a production gate", plainCode, func(s *scene) {
			s.feed(trust.FeedCodes, event, func(f *trust.Feed) { f.Test = true })
			s.profile.Production = true
		}, "refer list_stale", policy.Code, "key=undetermined"},
		{"the list is by a test delegate, elsewhere", plainCode, feed(func(f *trust.Feed) { f.Test = true }), "admit ok", policy.Code, ""},
		{"no session", plainCode, noSession, "refer list_stale", policy.Code, "key=undetermined place=undetermined"},
		{"a session of no event", plainCode, session(func(s *policy.Session) { s.Event = "" }), "refer list_stale", policy.Code, "place=undetermined"},
		{"a session that has ended", plainCode, session(func(s *policy.Session) { s.Until = noon - 1 }), "refer list_stale", policy.Code, ""},
		{"on the operator's block list", plainCode, func(s *scene) {
			s.feed(trust.FeedDeny, "*", func(f *trust.Feed) { f.Set = setOf(list.Blocked, []byte(plainCode)) })
		}, "deny blocked", policy.Code, "revocation=failed"},
		{"the code before a suffix is on the operator's block list", movingCode + oneTime(noon), func(s *scene) {
			s.feed(trust.FeedDeny, event, func(f *trust.Feed) { f.Set = setOf(list.Blocked, []byte(movingCode)) })
		}, "deny blocked", policy.Code, "revocation=failed"},
		{"the profile does not accept codes", plainCode, func(s *scene) { s.profile.Accept &^= policy.Kinds(policy.Code) }, "deny not_accepted", policy.Opaque, "format=passed rules=failed"},
		{"an address", "https://example.org/ticket/1", nil, "deny not_listed", policy.Code, ""},
		{"nothing", "", nil, "deny unreadable", policy.Opaque, "format=failed"},
		{"an AIM identifier and nothing", "]Q1", nil, "deny unreadable", policy.Opaque, "format=failed"},
		{"longer than any code", strings.Repeat("x", verify.MaxScan+1), nil, "deny too_large", policy.Opaque, "format=failed"},
		{"as long as a code may be", strings.Repeat("x", verify.MaxScan), nil, "deny not_listed", policy.Code, "format=passed"},
	})
}

func TestWhatUsesAListedCodeUp(t *testing.T) {
	t.Parallel()
	s := setup(t)
	plain, _ := s.show(t, plainCode)
	now, _ := s.show(t, movingCode+oneTime(noon))
	then, _ := s.show(t, movingCode+oneTime(noon-30))
	many, _ := s.show(t, manyCode)
	if !plain.Once || plain.Uses != 1 || plain.Expires != 0 || plain.Zone != "" { // its entry names no zone: once in all
		t.Errorf("%+v", plain)
	}
	if now.Use != then.Use || now.Use == plain.Use || now.Use == (policy.UseID{}) {
		t.Errorf("a code with one suffix %x and with another %x", now.Use, then.Use)
	}
	if many.Uses != 3 || many.Expires != noon+policy.Skew {
		t.Errorf("%+v", many)
	}
	s.during(func(s *policy.Session) { s.Event = "OTHER" })
	s.feed(trust.FeedCodes, "OTHER", func(f *trust.Feed) { f.Set = setOf(list.Listed, []byte(plainCode)) })
	if other, _ := s.show(t, plainCode); verdict(&other) != "admit ok" || other.Use == plain.Use {
		t.Errorf("the same code of another event: %s, use %x", verdict(&other), other.Use)
	}
}
