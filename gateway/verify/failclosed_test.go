package verify_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"passerelle/gateway/credential/bcbp"
	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/credential/list"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
)

// mustPass is what a document of a kind has to pass anywhere, written out once more.
var mustPass = map[policy.Kind]string{
	policy.HCERTVaccination: "format key signature usage time rules",
	policy.Ticket:           "format key signature usage time rules place",
	policy.Pass:             "format key signature usage time rules",
	policy.Voucher:          "format key signature usage time rules",
	policy.Stamp:            "format key signature usage time rules",
	policy.Pretix:           "format key signature usage time rules place",
	policy.Code:             "format key revocation time rules place",
	policy.BCBP:             "format time rules place",
	policy.VDSNC:            "format key signature usage time rules",
	policy.Claim169:         "format key signature usage time rules",
	policy.MRZ:              "format time rules identity",
}

// document is what the predicate below knows of a good code.
type document struct {
	kind      policy.Kind
	and       string // checks that this one has to pass besides
	byKey     bool   // a key of the list vouches for it
	place     bool   // it is bound to the event
	accepted  bool   // there must be a row of acceptance
	deniable  []byte // what block lists name it by; nil for none
	feed      trust.FeedKind
	feedAsked bool // without the feed it is not admitted
	status    bool // it names a status list
	crl       bool // its authority has a revocation list
	revocable bool // a profile may ask that it is known not to be revoked
	known     bool // and that is known of it
}

func documents(t testing.TB) map[string]document {
	t.Helper()
	w := theWorld(t)
	id := func(cti string) []byte { return cwt.AppendIdentity(nil, []byte("Box Office"), []byte(cti)) }
	seal := sealID(t, w.codes["vds-nc"])
	boarding := func(l boardingLeg) []byte { return bcbp.AppendUse(nil, l.leg(), today) }
	return map[string]document{
		"hcert":              {kind: policy.HCERTVaccination, byKey: true, accepted: true, deniable: claimsID(t, w.codes["hcert"]), revocable: true},
		"hcert ed25519":      {kind: policy.HCERTVaccination, byKey: true, accepted: true, deniable: claimsID(t, w.codes["hcert ed25519"]), revocable: true},
		"ticket":             {kind: policy.Ticket, byKey: true, place: true, accepted: true, deniable: id("ticket 1"), revocable: true},
		"ticket ed25519":     {kind: policy.Ticket, byKey: true, place: true, accepted: true, deniable: id("ticket ed25519"), revocable: true},
		"ticket with status": {kind: policy.Ticket, and: "revocation", byKey: true, place: true, accepted: true, deniable: id("ticket with status"), status: true, revocable: true, known: true},
		"pass":               {kind: policy.Pass, and: "place", byKey: true, place: true, accepted: true, deniable: id("pass"), revocable: true},
		"voucher":            {kind: policy.Voucher, byKey: true, accepted: true, deniable: cwt.AppendIdentity(nil, []byte("Counter"), []byte("voucher")), revocable: true},
		"stamp":              {kind: policy.Stamp, byKey: true, accepted: true, deniable: id("stamp"), revocable: true},
		"pretix":             {kind: policy.Pretix, byKey: true, place: true, accepted: true, deniable: pretixMessage(w.codes["pretix"]), feed: trust.FeedPretix, revocable: true, known: true},
		"code":               {kind: policy.Code, place: true, deniable: []byte(plainCode), feed: trust.FeedCodes, feedAsked: true, revocable: true, known: true},
		"code with suffix":   {kind: policy.Code, and: "signature", place: true, deniable: []byte(movingCode), feed: trust.FeedCodes, feedAsked: true, revocable: true, known: true},
		"bcbp":               {kind: policy.BCBP, deniable: boarding(boardingLeg{}), feed: trust.FeedPassengers, feedAsked: true},
		"bcbp signed":        {kind: policy.BCBP, and: "key signature usage", byKey: true, deniable: boarding(boardingLeg{sequence: "0003 "}), feed: trust.FeedPassengers},
		"vds-nc":             {kind: policy.VDSNC, byKey: true, accepted: true, deniable: seal, crl: true, revocable: true, known: true},
		"claim169":           {kind: policy.Claim169, byKey: true, accepted: true, deniable: []byte("registry.example\x001234567890")},
		"mrz":                {kind: policy.MRZ},
	}
}

// claimsID is what block lists know a certificate by.
func claimsID(t testing.TB, code string) []byte {
	t.Helper()
	_, r := setup(t).show(t, code)
	if r.Message == nil {
		t.Fatalf("no message: %v", r.Err)
	}
	sum := sha256.Sum256(r.Message.Payload)
	return sum[:]
}

func sealID(t testing.TB, code string) []byte {
	t.Helper()
	_, r := setup(t).show(t, code)
	if r.Seal == nil {
		t.Fatalf("no seal: %v", r.Err)
	}
	id := r.Seal.Identity()
	return id[:]
}

// age is what became of something that changes by the minute.
type age string

const (
	fresh   age = "fresh"
	absent  age = "absent"
	stale   age = "stale"
	byTest  age = "by a test key"
	hostile age = "names it" // a list of what is bad
	gone    age = "lost"     // it was there once
)

// knobs is a scene in words.
type knobs struct {
	profile                      policy.Profile
	clock                        string // trusted, floored, unknown
	session                      string // good, none, other, over
	list                         age
	codes, pretix, passengers    age
	denyEvent, denyAll           age
	denyFlight                   age
	status, crl                  age
	accepted, testKeys, disabled bool
}

func drawKnobs(t *rapid.T) knobs {
	pick := func(name string, values ...age) age { // the first one most often
		return rapid.SampledFrom(append(slices.Repeat([]age{values[0]}, 4*len(values)), values...)).Draw(t, name)
	}
	rarely := func(name string) bool { return rapid.IntRange(0, 9).Draw(t, name) == 9 }
	k := knobs{
		clock: string(pick("clock", "trusted", "floored", "unknown")), session: string(pick("session", "good", "none", "other", "over")),
		list: pick("list", fresh, absent, stale), codes: pick("codes", fresh, absent, stale, byTest, gone), pretix: pick("pretix", fresh, absent, stale, byTest, hostile, gone),
		passengers: pick("passengers", fresh, absent, stale, byTest, gone), denyEvent: pick("deny at event", absent, fresh, stale, hostile, byTest, gone),
		denyAll: pick("deny everywhere", absent, fresh, stale, hostile, byTest, gone), denyFlight: pick("deny on flight", absent, fresh, stale, hostile, byTest, gone),
		status: pick("status", fresh, absent, stale), crl: pick("crl", fresh, absent, stale),
		accepted: !rarely("accepted nowhere"), testKeys: rarely("test keys"), disabled: rarely("keys switched off"),
	}
	k.profile = everyKind()
	switch n := rapid.IntRange(0, 2*len(policy.BuiltIn())).Draw(t, "profile"); {
	case n < len(policy.BuiltIn()):
		k.profile = policy.BuiltIn()[n]
	default:
		k.profile.Production = rapid.Bool().Draw(t, "production")
		k.profile.AdmitUnsigned = !rarely("no unsigned passes")
		k.profile.AdmitStale = rarely("stale lists admit")
		if rarely("revocation is asked for") {
			k.profile.Require = policy.Checks(policy.Revocation)
		}
		for kind := range policy.NumKinds {
			if policy.Admissible.Has(kind) && rarely("not "+kind.String()) {
				k.profile.Accept &^= policy.Kinds(kind)
			}
			if k.profile.Accept.Has(kind) && rarely(kind.String()+" with another") {
				k.profile.Needs[kind] = policy.Kinds(policy.MRZ)
			}
		}
	}
	return k
}

// apply makes the scene.
func (k *knobs) apply(t testing.TB, s *scene, deniable [][]byte) {
	s.profile = k.profile
	switch k.clock {
	case "floored":
		s.now = floored(noon-5, noon+5)
	case "unknown":
		s.now.Class = policy.ClockUnknown
	}
	switch k.session {
	case "none":
		s.session = nil
	case "other":
		s.during(func(s *policy.Session) { s.Event = "THIRD" })
	case "over":
		s.during(func(s *policy.Session) { s.Until = noon - 1 })
	}
	switch k.list {
	case absent:
		s.list = trust.List{}
	case stale:
		s.list.Expires = noon - 1
	}
	for _, f := range []struct {
		kind  trust.FeedKind
		scope string
		age   age
	}{
		{trust.FeedCodes, event, k.codes},
		{trust.FeedPretix, event, k.pretix},
		{trust.FeedPassengers, flight, k.passengers},
		{trust.FeedDeny, event, k.denyEvent},
		{trust.FeedDeny, "*", k.denyAll},
		{trust.FeedDeny, flight, k.denyFlight},
	} {
		k.feed(s, f.kind, f.scope, f.age, deniable)
	}
	switch k.status {
	case absent:
		s.statuses = nil
	case stale:
		s.statuses = []*trust.Status{must(theWorld(t).status(theWorld(t).ticketing, statusURI, noon-1))}
	}
	if !k.accepted {
		s.list.Acceptance = nil
	}
	for i := range s.list.Keys {
		s.list.Keys[i].Test, s.list.Keys[i].Disabled = k.testKeys, k.disabled
	}
	for i := range s.list.Authorities {
		a := &s.list.Authorities[i]
		a.Test, a.Disabled = k.testKeys, k.disabled
		switch k.crl {
		case absent:
			a.RevokedUntil = 0
		case stale:
			a.RevokedUntil = noon - 1
		}
	}
}

func (k *knobs) feed(s *scene, kind trust.FeedKind, scope string, a age, deniable [][]byte) {
	switch a {
	case gone:
		lost(kind, scope)(s)
		fallthrough
	case absent:
		s.feed(kind, scope, nil)
		return
	}
	s.feed(kind, scope, func(f *trust.Feed) {
		switch {
		case a == hostile, a == byTest && kind == trust.FeedDeny:
			f.Set = setOf(list.Blocked, deniable...)
		case f.Set == nil:
			f.Set = setOf(list.Blocked, []byte("somebody else's"))
		}
		if a == stale {
			f.Expires = noon - 1
		}
		f.Test = a == byTest
	})
}

// admits says, in other words than the program's, whether a good document is admitted.
func (k *knobs) admits(d *document) bool {
	p := &k.profile
	over := func(a age) bool { return a == stale && !p.AdmitStale }
	counts := func(a age) bool { return a != absent && a != gone && (a != byTest || !p.Production) }
	inSession := k.session == "good" || k.session == "other"
	switch {
	case !p.Accept.Has(d.kind), p.Needs[d.kind] != 0, d.kind == policy.MRZ: // not accepted, or not alone
		return false
	case k.clock == "unknown", k.list == absent, over(k.list):
		return false
	case d.byKey && (k.disabled || k.testKeys && p.Production):
		return false
	case d.accepted && !k.accepted:
		return false
	case d.place && k.session != "good", d.kind == policy.BCBP && !inSession:
		return false
	case d.kind == policy.BCBP && !d.byKey && !p.AdmitUnsigned:
		return false
	case d.status && (k.status == absent || over(k.status)):
		return false
	case d.crl && (over(k.crl) || k.crl == absent && p.Require != 0):
		return false
	case p.Require != 0 && d.revocable && !d.known:
		return false
	}
	feed := map[trust.FeedKind]age{trust.FeedCodes: k.codes, trust.FeedPretix: k.pretix, trust.FeedPassengers: k.passengers}[d.feed]
	switch {
	case d.feed == trust.NoFeed:
	case feed == gone:
		return false
	case !counts(feed) && (d.feedAsked || d.feed == trust.FeedPretix && p.Require != 0):
		return false
	case counts(feed) && (over(feed) || feed == hostile):
		return false
	}
	if d.deniable == nil {
		return true
	}
	for _, deny := range []struct {
		age   age
		asked bool
	}{{k.denyAll, true}, {k.denyEvent, k.session == "good"}, {k.denyFlight, d.kind == policy.BCBP && inSession}} {
		if deny.asked && (deny.age == gone || counts(deny.age) && (deny.age == hostile || deny.age == byTest || over(deny.age))) {
			return false
		}
	}
	return true
}

// TestACodeIsAdmittedExactlyWhenNothingSpeaksAgainstIt draws scenes, and holds the verdict against the predicate above and against the
// states of its own checks.
func TestACodeIsAdmittedExactlyWhenNothingSpeaksAgainstIt(t *testing.T) {
	t.Parallel()
	w, docs := theWorld(t), documents(t)
	var names []string
	var deniable [][]byte
	for name, d := range docs {
		names = append(names, name)
		if d.deniable != nil {
			deniable = append(deniable, d.deniable)
		}
	}
	slices.Sort(names)
	rapid.Check(t, func(r *rapid.T) {
		k := drawKnobs(r)
		s := setup(t)
		k.apply(t, s, deniable)
		var scans []verify.Scan
		for _, name := range names {
			scans = append(scans, verify.Scan{Data: []byte(w.codes[name])})
		}
		for i, c := range s.verifier(nil).Verify(nil, scans, s.snapshot(t), s.now) {
			d := docs[names[i]]
			if got, want := c.Outcome() == policy.Admit, k.admits(&d); got != want {
				r.Fatalf("%s: %s, admitted %v, want %v\n%+v\n%s", names[i], verdict(&c), got, want, k, line(&c))
			}
			if err := consistent(&c, &d, &k.profile); err != nil {
				r.Fatalf("%s: %v\n%s", names[i], err, line(&c))
			}
		}
	})
}

// consistent holds outcome and reason against the checks' states: the first that matters and did not pass gives the reason, any Deny
// beats any Refer, and only where all passed there is Admit.
func consistent(c *policy.Candidate, d *document, p *policy.Profile) error {
	required := strings.Fields(mustPass[d.kind] + " " + d.and)
	if d.kind == policy.BCBP && (!p.AdmitUnsigned || c.State(policy.KeyCheck) != policy.NotApplicable) { // not let off
		required = append(required, "key", "signature", "usage")
	}
	if p.Require.Has(policy.Revocation) && d.revocable {
		required = append(required, "revocation")
	}
	if p.Needs[d.kind] != 0 || d.kind == policy.MRZ {
		required = append(required, "identity")
	}
	refer := policy.OK
	for check := policy.Format; check < policy.NumChecks; check++ {
		state, why := c.State(check), c.Why(check)
		asked := slices.Contains(required, check.String())
		switch {
		case asked && state != policy.Passed && c.Outcome() == policy.Admit:
			return fmt.Errorf("admitted, and %v is %v", check, state)
		case state == policy.Failed && policy.DefaultOutcome(why) == policy.Deny:
			if c.Outcome() != policy.Deny {
				return fmt.Errorf("%v failed by %v, and it is not denied", check, why)
			}
			if c.Reason() != why {
				return fmt.Errorf("%v denies by %v first, the reason is %v", check, why, c.Reason())
			}
			return nil
		case refer == policy.OK && (state == policy.Failed || asked && state != policy.Passed):
			refer = why
		}
	}
	if c.Outcome() == policy.Deny {
		return fmt.Errorf("denied, and nothing that denies failed")
	}
	if refer != policy.OK && (c.Outcome() != policy.Refer || c.Reason() != refer) {
		return fmt.Errorf("%s, want refer %v", verdict(c), refer)
	}
	return nil
}

// TestNoKindIsAdmittedWhereItIsNotAccepted takes each kind out of each profile.
func TestNoKindIsAdmittedWhereItIsNotAccepted(t *testing.T) {
	t.Parallel()
	for kind, code := range oneOfEachKind(t) {
		for _, p := range append(policy.BuiltIn(), everyKind(), policy.Profile{}) {
			s := setup(t)
			s.profile = p
			s.profile.Accept &^= policy.Kinds(kind)
			if c, _ := s.show(t, code); c.Outcome() == policy.Admit {
				t.Errorf("%s without %v: %s", p.Name, kind, line(&c))
			}
		}
	}
}
