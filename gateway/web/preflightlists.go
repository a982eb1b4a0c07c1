package web

import (
	"fmt"
	"slices"
	"strings"

	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
)

// everywhere is the scope of a block list that holds for every event.
const everywhere = "*"

// signed are the kinds that a key or an authority of the list vouches for, with what it must be allowed to sign.
var signed = []struct {
	kind  policy.Kind
	usage trust.Usage
}{
	{policy.HCERTVaccination, trust.HCERTVaccination},
	{policy.HCERTTest, trust.HCERTTest},
	{policy.HCERTRecovery, trust.HCERTRecovery},
	{policy.VDSNC, trust.VDSNCUsage},
	{policy.Ticket, trust.TicketUsage},
	{policy.Pass, trust.PassUsage},
	{policy.Voucher, trust.VoucherUsage},
	{policy.Stamp, trust.StampUsage},
	{policy.Claim169, trust.Claim169Usage},
	{policy.Pretix, trust.PretixUsage},
	{policy.BCBP, trust.BCBPUsage},
}

var (
	ownKinds   = policy.Kinds(policy.Ticket, policy.Pass, policy.Voucher, policy.Stamp) // those that may name a status list
	hcertKinds = policy.Kinds(policy.HCERTVaccination, policy.HCERTTest, policy.HCERTRecovery)
)

// leanedOn returns which feeds verdicts lean on now, and whether one that a published test key signed counts at any lane: those of the
// lanes' events and flights, of kinds that the lanes take, and the block list for all.
func (s *Server) leanedOn() map[trust.FeedName]bool {
	asked := make(map[trust.FeedName]bool)
	for _, id := range s.config.Gate.Lanes() {
		session, p := s.config.Session(id)
		lean := func(kind trust.FeedKind, scope string) {
			name := trust.FeedName{Kind: kind, Scope: scope}
			asked[name] = asked[name] || !p.Production
		}
		lean(trust.FeedDeny, everywhere)
		if session == nil {
			continue
		}
		if session.Event != "" {
			lean(trust.FeedDeny, session.Event)
			if p.Accept.Has(policy.Code) {
				lean(trust.FeedCodes, session.Event)
			}
			if p.Accept.Has(policy.Pretix) {
				lean(trust.FeedPretix, session.Event)
			}
		}
		for _, flight := range session.Flights {
			if p.Accept.Has(policy.BCBP) {
				lean(trust.FeedDeny, flight.List)
				lean(trust.FeedPassengers, flight.List)
			}
		}
	}
	return asked
}

// checkFeeds looks at each list that changes by the minute and that a lane leans on: one that is over age lets nobody in of whom it
// speaks.
func (s *Server) checkFeeds(now policy.Now) []finding {
	var all []finding
	list, asked := s.config.Snapshot(), s.leanedOn()
	for _, feed := range list.Feeds() {
		tests, leaned := asked[trust.FeedName{Kind: feed.Kind, Scope: feed.Scope}]
		if !leaned || feed.Test && !tests {
			continue // yesterday's flight, or nothing that counts here
		}
		name := fmt.Sprintf("%v of %s, version %d", feed.Kind, feed.Scope, feed.Version)
		all = append(all, changing(checkFeed, name, feed.Issued, feed.Expires, bad, now))
	}
	for _, lost := range list.Lost() {
		if _, leaned := asked[lost]; leaned {
			all = append(all, finding{
				Check: checkFeed, Level: bad, State: "none",
				Text: fmt.Sprintf("%v of %s was here and is lost: those of whom it may speak are referred", lost.Kind, lost.Scope),
				Fix:  "POST /v1/feeds: a new one",
			})
		}
	}
	over := warn // supervisors' cards alone lean on it
	for _, id := range s.config.Gate.Lanes() {
		if _, p := s.config.Session(id); p.Accept&ownKinds != 0 {
			over = bad
		}
	}
	for _, status := range list.Statuses() {
		all = append(all, changing(checkStatus, status.URI, status.Issued, status.Expires, over, now))
	}
	return all
}

// changing looks at the age of a list that changes by the minute; over is how bad it is if it has ended.
func changing(check, name string, issued, end int64, over level, now policy.Now) finding {
	f := finding{Check: check, Level: good, Values: aged(issued, end, now), Text: name + ": " + lifetime(issued, end, now)}
	switch {
	case now.Latest > end:
		f.Level, f.Fix = over, "take a newer one: POST /v1/feeds"
	case endsToday(end, now):
		f.Level, f.Fix = warn, "take a newer one before it ends: POST /v1/feeds"
	}
	return f
}

// feedAt returns a feed, nil if there is none that counts at a lane with this profile.
func (s *Server) feedAt(p *policy.Profile, kind trust.FeedKind, scope string) *trust.Feed {
	f := s.config.Snapshot().Feed(kind, scope)
	if f != nil && f.Test && p.Production {
		return nil
	}
	return f
}

// checkLists looks for the lists without which nobody of a lane's event or flights gets in.
func (s *Server) checkLists(session *policy.Session, p *policy.Profile) []finding {
	var all []finding
	missing := func(at level, text string) {
		all = append(all, finding{Check: checkFeed, Level: at, State: "none", Text: text, Fix: "POST /v1/feeds"})
	}
	if session == nil {
		return nil
	}
	if p.Accept.Has(policy.Code) && session.Event != "" && s.feedAt(p, trust.FeedCodes, session.Event) == nil {
		missing(unlessOnly(p, policy.Code), "no list of codes of "+session.Event)
	}
	if p.Accept.Has(policy.Pretix) && p.Require.Has(policy.Revocation) && session.Event != "" && s.feedAt(p, trust.FeedPretix, session.Event) == nil {
		missing(unlessOnly(p, policy.Pretix), "no list of revoked pretix tickets of "+session.Event+": they are referred")
	}
	if p.Accept&ownKinds != 0 && p.Require.Has(policy.Revocation) && len(s.config.Snapshot().Statuses()) == 0 {
		missing(bad, "no status list, and "+p.Name+" requires that revocation is known: tickets are referred")
	}
	if p.Accept.Has(policy.BCBP) && p.AdmitUnsigned {
		for _, flight := range session.Flights {
			if s.feedAt(p, trust.FeedPassengers, flight.List) == nil {
				missing(bad, "no passenger list "+flight.List+": passes that nobody signed are referred")
			}
		}
	}
	return all
}

// unlessOnly is bad where a profile takes nothing but a kind, and a warning where that is one of several.
func unlessOnly(p *policy.Profile, kind policy.Kind) level {
	if p.Accept == policy.Kinds(kind) {
		return bad
	}
	return warn
}

// signer is whom the trust list lets sign something: what a lane asks of a key before it has seen a code.
type signer struct {
	country string
	usages  trust.Usage
	scope   string
	test    bool
}

// signers are those of a list, each once.
type signers struct {
	list *trust.Snapshot
	all  []signer
}

// signersNow returns those of the list in force. They are gathered anew only when the list changes: a page asks every second, and there may
// be thousands of keys.
func (s *Server) signersNow() *signers {
	list := s.config.Snapshot()
	if known := s.signers.Load(); known != nil && known.list == list {
		return known
	}
	now, seen := &signers{list: list}, make(map[signer]bool)
	list.All(func(k *trust.Key) bool {
		one := signer{k.Country, k.Usages, k.Scope, k.Test}
		if !k.Disabled && !seen[one] {
			seen[one] = true
			now.all = append(now.all, one)
		}
		return true
	})
	s.signers.Store(now)
	return now
}

// accepted returns whose credentials of a usage are accepted now at a lane with this profile.
func (s *signers) accepted(usage trust.Usage, p *policy.Profile, now policy.Now) []signer {
	var all []signer
	for _, one := range s.all {
		if one.usages&usage != 0 && !(one.test && p.Production) && (usage == trust.BCBPUsage || s.list.Accepts(one.country, usage, now.Earliest, now.Latest)) {
			all = append(all, one)
		}
	}
	return all
}

// checkRules looks whether the lists vouch for anybody at all whom the lane may admit.
func (s *Server) checkRules(session *policy.Session, p *policy.Profile) finding {
	now, all := s.config.Now(), s.signersNow()
	var vouched []string
	for _, k := range signed {
		if p.Accept.Has(k.kind) && s.vouched(all, k.kind, k.usage, session, p, now) {
			vouched = append(vouched, k.kind.String())
		}
	}
	if p.Accept.Has(policy.Code) && (session == nil || s.feedAt(p, trust.FeedCodes, session.Event) != nil) {
		vouched = append(vouched, policy.Code.String())
	}
	f := finding{Check: checkRules, Level: good, State: "vouched", Values: number(int64(len(vouched)))}
	if len(vouched) == 0 {
		f.Level = bad
		f.Text = "the trust list accepts no issuer of anything that " + p.Name + " takes: nobody can be admitted"
		f.Fix = "look at the list's keys and acceptance: passerelle trust show"
		return f
	}
	f.Text = "issuers are accepted of " + strings.Join(vouched, ", ")
	return f
}

// vouched reports whether anybody's credential of a kind can be admitted. What is bound to an event or a flight is not asked for as
// long as the lane is for none: that is a finding of its own.
func (s *Server) vouched(all *signers, kind policy.Kind, usage trust.Usage, session *policy.Session, p *policy.Profile, now policy.Now) bool {
	if kind == policy.VDSNC { // under authorities, whose countries only acceptance rows name
		return slices.ContainsFunc(all.list.Acceptance(), func(a trust.Acceptance) bool {
			return a.Usages&usage != 0 && a.From <= now.Earliest && (a.Until == 0 || now.Latest <= a.Until)
		})
	}
	accepted := all.accepted(usage, p, now)
	switch {
	case kind == policy.Pretix && session != nil:
		return slices.ContainsFunc(accepted, func(one signer) bool { return one.scope == session.Event })
	case kind == policy.BCBP && session == nil:
		return true
	case kind == policy.BCBP:
		return slices.ContainsFunc(session.Flights, func(f policy.Flight) bool {
			signs := slices.ContainsFunc(accepted, func(one signer) bool { return one.scope == f.Carrier })
			return signs || p.AdmitUnsigned && s.feedAt(p, trust.FeedPassengers, f.List) != nil
		})
	}
	return len(accepted) > 0
}

// checkRevocation looks at the revocation lists of the countries whose certificates a lane admits: of one whose list is over age
// nobody is admitted, of one without a list nobody where the profile requires that revocation is known.
func (s *Server) checkRevocation(p *policy.Profile) []finding {
	if p.Accept&hcertKinds == 0 {
		return nil
	}
	now, all := s.config.Now(), s.signersNow()
	countries, referred := make(map[string]bool), []string(nil)
	for _, k := range signed {
		if !hcertKinds.Has(k.kind) || !p.Accept.Has(k.kind) {
			continue
		}
		for _, one := range all.accepted(k.usage, p, now) {
			countries[one.country] = true
		}
	}
	for country := range countries {
		end, listed := all.list.Revocations(country)
		if listed && now.Latest > end && !p.AdmitStale || !listed && p.Require.Has(policy.Revocation) {
			referred = append(referred, country)
		}
	}
	if len(countries) == 0 {
		return nil // checkRules says so
	}
	slices.Sort(referred)
	f := finding{Check: checkRevocation, Level: good, State: "over_age", Values: number(int64(len(referred)))}
	switch {
	case len(referred) == 0:
		f.Text = fmt.Sprintf("%d countries, no list over age", len(countries))
		return []finding{f}
	case len(referred) < len(countries):
		f.Level = warn
	default:
		f.Level = bad
	}
	f.Text = fmt.Sprintf("lists missing or over age of %d of %d countries (%s): their certificates are referred", len(referred), len(countries), some(referred))
	f.Fix = "take a trust list with newer ones: POST /v1/trust"
	return []finding{f}
}

// some names the first few.
func some(names []string) string {
	const shown = 5
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:shown], ", ") + ", …"
}
