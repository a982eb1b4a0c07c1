package verify_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"passerelle/gateway/credential/bcbp"
	"passerelle/gateway/credential/list"
	"passerelle/gateway/issuer"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

func TestBoardingPassesAreJudgedByFlightAndDay(t *testing.T) {
	t.Parallel()
	other := boardingLeg{from: "RAK", to: "CMN", flight: "0456 "}
	here := boardingLeg{}
	days := func(n int) string {
		return boardingPass(boardingLeg{day: time.Unix(today+int64(n)*day, 0).UTC().YearDay()})
	}
	session := func(edit func(*policy.Session)) func(*scene) { return func(s *scene) { s.during(edit) } }
	runRules(t, []rule{
		{"the flight's", boardingPass(here), nil, "admit ok", policy.BCBP, "format=passed key=not_applicable signature=not_applicable usage=not_applicable time=passed rules=passed place=passed"},
		{"the flight is the second leg", boardingPass(other, here), nil, "admit ok", policy.BCBP, "place=passed"},
		{"the flight is the fourth leg", boardingPass(other, other, other, here), nil, "admit ok", policy.BCBP, "place=passed"},
		{"none of two legs", boardingPass(other, other), nil, "deny wrong_place", policy.BCBP, "place=failed"},
		{"another flight", boardingPass(boardingLeg{flight: "0124 "}), nil, "deny wrong_place", policy.BCBP, "place=failed"},
		{"the flight with a letter", boardingPass(boardingLeg{flight: "0123A"}), nil, "deny wrong_place", policy.BCBP, "place=failed"},
		{"another carrier's flight of that number", boardingPass(boardingLeg{carrier: "AF"}), nil, "deny wrong_place", policy.BCBP, "place=failed"},
		{"the flight from another airport", boardingPass(boardingLeg{from: "RAK"}), nil, "deny wrong_place", policy.BCBP, "place=failed"},
		{"a lane of any airport", boardingPass(here), session(func(s *policy.Session) { s.Airport = "" }), "admit ok", policy.BCBP, "place=passed"},
		{"a code share that passes name", boardingPass(boardingLeg{carrier: "KL", flight: "0777 ", marketing: "AT"}), session(func(s *policy.Session) {
			s.Flights = append(s.Flights, policy.Flight{Carrier: "AT", Number: 777, Day: today, List: flight})
		}), "admit ok", policy.BCBP, "place=passed"},
		{"yesterday's", days(-1), nil, "deny expired", policy.BCBP, "time=failed place=passed"},
		{"tomorrow's", days(1), nil, "deny not_yet_valid", policy.BCBP, "time=failed place=passed"},
		{"half a year ago", days(-182), nil, "deny expired", policy.BCBP, "time=failed"},
		{"half a year ahead", days(182), nil, "deny not_yet_valid", policy.BCBP, "time=failed"},
		{"tomorrow's, and the lane boards both", days(1), func(s *scene) {
			s.during(func(s *policy.Session) {
				s.Flights = append(s.Flights, policy.Flight{Carrier: "AT", Number: 123, Day: today + day, List: "tomorrow"})
			})
			s.feed(trust.FeedPassengers, "tomorrow", func(f *trust.Feed) {
				f.Set = setOf(list.Listed, []byte(passenger(boardingLeg{day: 167}, today+day)))
			})
		}, "admit ok", policy.BCBP, "time=passed place=passed"},
		{"two legs of one flight, today and tomorrow", boardingPass(boardingLeg{day: 167}, boardingLeg{}), nil, "admit ok", policy.BCBP, "time=passed"},
		{"yesterday's, of another flight", boardingPass(boardingLeg{flight: "0124 ", day: 163}), nil, "deny expired", policy.BCBP, "time=failed place=failed"},
		{"of a year ago, by its date of issue", passOptions{issued: "5165"}.text(here), nil, "deny expired", policy.BCBP, "time=failed"},
		{"issued this year", passOptions{issued: "6165"}.text(here), nil, "admit ok", policy.BCBP, "time=passed"},
		{"issued in a year of the last decade", passOptions{issued: "7165"}.text(here), nil, "deny expired", policy.BCBP, "time=failed"},
		{"no session", boardingPass(here), noSession, "refer list_stale", policy.BCBP, "place=undetermined rules=undetermined"},
		{"a session of no flight", boardingPass(here), session(func(s *policy.Session) { s.Flights = nil }), "refer list_stale", policy.BCBP, "place=undetermined"},
		{"a session that has ended", boardingPass(here), session(func(s *policy.Session) { s.Until = noon - 1 }), "refer list_stale", policy.BCBP, "place=undetermined"},
		{"the profile does not accept passes", boardingPass(here), func(s *scene) { s.profile.Accept &^= policy.Kinds(policy.BCBP) }, "deny not_accepted", policy.BCBP, "rules=failed"},

		{"the clock is not known", boardingPass(here), func(s *scene) { s.now.Class = policy.ClockUnknown }, "refer clock_untrusted", policy.BCBP, "time=undetermined rules=undetermined"},
		{"the clock knows a day", boardingPass(here), func(s *scene) { s.list.Expires = noon + 2*day; s.now = floored(noon-hour, noon+hour) }, "admit ok", policy.BCBP, "time=passed"},
		{"the clock leaves a choice of years", boardingPass(here), func(s *scene) {
			s.list.Expires, s.now = noon+3*year, floored(noon, noon+year)
			s.feed(trust.FeedPassengers, flight, func(f *trust.Feed) { f.Expires = noon + 2*year })
		}, "refer clock_untrusted", policy.BCBP, "time=undetermined rules=undetermined"},
		{"the sequence number is 0", boardingPass(boardingLeg{sequence: "0000 "}), nil, "refer malformed", policy.BCBP, "format=undetermined"},
		{"the sequence number is blank", boardingPass(boardingLeg{sequence: "     "}), nil, "refer malformed", policy.BCBP, "format=undetermined"},
		{"no carrier", boardingPass(boardingLeg{carrier: "  "}), nil, "deny malformed", policy.BCBP, "format=failed"},
		{"no flight", boardingPass(boardingLeg{flight: "     "}), nil, "deny malformed", policy.BCBP, "format=failed"},
		{"day 0", strings.Replace(boardingPass(here), "0123 166", "0123 000", 1), nil, "deny malformed", policy.BCBP, "format=failed"},
		{"cut off behind the date", boardingPass(here)[:50], nil, "refer malformed", policy.BCBP, "format=undetermined"},
		{"cut off before the date", boardingPass(here)[:46], nil, "deny not_listed", policy.Code, "rules=failed"},
		{"cut off in a second leg", boardingPass(here, here)[:80], nil, "deny malformed", policy.BCBP, "format=failed"},
		{"five legs", boardingPass(here, here, here, here, here), nil, "deny malformed", policy.BCBP, "format=failed signature=undetermined"},
	})
}

// TestBoardingPassesAtTheTurnOfAYear is about days that pass names without a year.
func TestBoardingPassesAtTheTurnOfAYear(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, now, flight string
		day               int
		want              string
	}{
		{"New Year's Eve, shown on it", "2026-12-31T22:00:00Z", "2026-12-31T00:00:00Z", 365, "admit ok"},
		{"New Year's Eve, delayed beyond midnight", "2027-01-01T01:00:00Z", "2026-12-31T00:00:00Z", 365, "admit ok"},
		{"New Year's Day, shown on the eve", "2026-12-31T22:00:00Z", "2027-01-01T00:00:00Z", 1, "admit ok"},
		{"New Year's Day, for the eve's flight", "2026-12-31T22:00:00Z", "2026-12-31T00:00:00Z", 1, "deny not_yet_valid"},
		{"New Year's Eve, for the flight of the day", "2027-01-01T08:00:00Z", "2027-01-01T00:00:00Z", 365, "deny expired"},
		{"29 February", "2028-02-29T08:00:00Z", "2028-02-29T00:00:00Z", 60, "admit ok"},
		{"1 March of a leap year is not 29 February", "2028-02-29T08:00:00Z", "2028-02-29T00:00:00Z", 61, "deny not_yet_valid"},
		{"1 March of another year", "2027-03-01T08:00:00Z", "2027-03-01T00:00:00Z", 60, "admit ok"},
		{"day 366 of a leap year", "2028-12-31T08:00:00Z", "2028-12-31T00:00:00Z", 366, "admit ok"},
		{"day 366 of no year that is near", "2026-12-31T08:00:00Z", "2026-12-31T00:00:00Z", 366, "deny expired"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			s.now = policy.At(at(tt.now))
			s.list.Expires = s.now.Latest + day
			s.during(func(s *policy.Session) { s.Flights[0].Day = at(tt.flight) })
			leg := boardingLeg{day: tt.day}
			s.feed(trust.FeedPassengers, flight, func(f *trust.Feed) {
				f.Expires = s.list.Expires
				f.Set = setOf(list.Listed, []byte(passenger(leg, at(tt.flight))))
			})
			if c, _ := s.show(t, boardingPass(leg)); verdict(&c) != tt.want {
				t.Errorf("%s, want %s\n%s", verdict(&c), tt.want, line(&c))
			}
		})
	}
}

func TestBoardingPassesAreJudgedByThePassengerList(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	feed := func(edit func(*trust.Feed)) func(*scene) {
		return func(s *scene) { s.feed(trust.FeedPassengers, flight, edit) }
	}
	old := feed(func(f *trust.Feed) { f.Expires = noon - 1 })
	pass := func(sequence string) string { return boardingPass(boardingLeg{sequence: sequence}) }
	signed := func(sequence string) string { return w.signed(w.royal, pass(sequence)) }
	status := func(code byte) boardingLeg { return boardingLeg{status: code} }
	runRules(t, []rule{
		{"on it", pass("0001 "), nil, "admit ok", policy.BCBP, "rules=passed"},
		{"the number without zeros in front", pass("1    "), nil, "admit ok", policy.BCBP, "rules=passed"},
		{"offloaded", pass("0002 "), nil, "deny blocked", policy.BCBP, "rules=failed"},
		{"struck off", pass("0004 "), nil, "deny blocked", policy.BCBP, "rules=failed"},
		{"not on it", pass("0005 "), nil, "deny not_listed", policy.BCBP, "rules=failed"},
		{"drawn at home, with another booking", boardingPass(boardingLeg{pnr: "XYZ999"}), nil, "deny not_listed", policy.BCBP, "rules=failed"},
		{"there is none", pass("0001 "), feed(nil), "refer list_stale", policy.BCBP, "rules=undetermined"},
		{"it is over age", pass("0001 "), old, "refer list_stale", policy.BCBP, "rules=undetermined"},
		{"it is over age, and he is not on it", pass("0005 "), old, "refer list_stale", policy.BCBP, "rules=undetermined"},
		{"it is over age, and he was offloaded", pass("0002 "), old, "deny blocked", policy.BCBP, "rules=failed"},
		{"it is over age, which the profile admits", pass("0001 "), func(s *scene) { old(s); s.profile.AdmitStale = true }, "admit ok", policy.BCBP, ""},
		{"it is by a test delegate, at a production gate", pass("0001 "), func(s *scene) {
			s.feed(trust.FeedPassengers, flight, func(f *trust.Feed) { f.Test = true })
			s.profile.Production = true
		}, "refer list_stale", policy.BCBP, "rules=undetermined"},
		{"the trust list is over age", pass("0001 "), func(s *scene) { s.list.Expires = noon - 1 }, "refer list_stale", policy.BCBP, "key=undetermined"},
		{"the trust list is over age, and he was offloaded", pass("0002 "), func(s *scene) { s.list.Expires = noon - 1 }, "deny blocked", policy.BCBP, ""},
		{"the profile admits no pass that is not signed", pass("0001 "), func(s *scene) { s.profile.AdmitUnsigned = false }, "deny unsigned", policy.BCBP, "signature=failed"},
		{"standby, and on it", boardingPass(status('7')), nil, "admit ok", policy.BCBP, ""},
		{"signed, and on it", signed("0001 "), nil, "admit ok", policy.BCBP, "key=passed signature=passed usage=passed rules=passed"},
		{"signed, and not on it", signed("0005 "), nil, "deny not_listed", policy.BCBP, "signature=passed rules=failed"},
		{"signed, and offloaded", signed("0002 "), nil, "deny blocked", policy.BCBP, "rules=failed"},
		{"signed, and there is none", signed("0005 "), feed(nil), "admit ok", policy.BCBP, "rules=passed"},
		{"signed, and it is lost", signed("0001 "), func(s *scene) { s.feed(trust.FeedPassengers, flight, nil); lost(trust.FeedPassengers, flight)(s) }, "refer list_stale", policy.BCBP, "rules=undetermined"},
		{"signed, and blocked by a list of the flight", signed("0001 "), func(s *scene) {
			s.feed(trust.FeedDeny, flight, func(f *trust.Feed) {
				f.Set = setOf(list.Blocked, bcbp.AppendUse(nil, boardingLeg{sequence: "0001 "}.leg(), today))
			})
		}, "deny blocked", policy.BCBP, "revocation=failed"},
		{"blocked by a list of another flight", pass("0001 "), func(s *scene) {
			s.feed(trust.FeedDeny, "AF1", func(f *trust.Feed) {
				f.Set = setOf(list.Blocked, bcbp.AppendUse(nil, boardingLeg{sequence: "0001 "}.leg(), today))
			})
		}, "admit ok", policy.BCBP, ""},
		{"the flight's block list is over age", pass("0001 "), func(s *scene) {
			s.feed(trust.FeedDeny, flight, func(f *trust.Feed) { f.Set, f.Expires = setOf(list.Blocked, []byte("somebody else")), noon-1 })
		}, "refer list_stale", policy.BCBP, "revocation=failed"},
		{"the flight's block list is lost", pass("0001 "), lost(trust.FeedDeny, flight), "refer list_stale", policy.BCBP, "revocation=failed"},
		{"signed, and it is over age", signed("0001 "), old, "refer list_stale", policy.BCBP, "rules=undetermined"},
		{"signed, standby, and there is none", w.signed(w.royal, boardingPass(status('7'))), feed(nil), "refer not_listed", policy.BCBP, "rules=undetermined"},
		{"signed, not checked in, and there is none", w.signed(w.royal, boardingPass(status('0'))), feed(nil), "refer not_listed", policy.BCBP, "rules=undetermined"},
		{"signed, ticket issued but not checked in, and there is none", w.signed(w.royal, boardingPass(status('2'))), feed(nil), "refer not_listed", policy.BCBP, "rules=undetermined"},
		{"signed, standby, and on it", w.signed(w.royal, boardingPass(status('7'))), nil, "admit ok", policy.BCBP, ""},
		{"signed, the sequence number is 0, and there is none", signed("0000 "), feed(nil), "refer malformed", policy.BCBP, "format=undetermined"},
		{"his boarding is on the operator's block list", pass("0001 "), func(s *scene) {
			s.feed(trust.FeedDeny, "*", func(f *trust.Feed) {
				f.Set = setOf(list.Blocked, bcbp.AppendUse(nil, boardingLeg{}.leg(), today))
			})
		}, "deny blocked", policy.BCBP, "revocation=failed"},
		{"revocation is asked for, which nobody has for passes", pass("0001 "), func(s *scene) { s.profile.Require = policy.Checks(policy.Revocation) }, "admit ok", policy.BCBP, "revocation=not_applicable"},
	})
}

func TestBoardingPassesAreJudgedByTheCarriersSignature(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	signs := boardingLeg{carrier: "SG", flight: "0009B"}
	plain := boardingPass(signs)
	whole := w.signed(w.signing, plain)
	damaged := strings.Replace(whole, "BENALI", "BENALY", 1)
	data := strings.Index(whole, "^")
	onList := func(s *scene) {
		s.feed(trust.FeedPassengers, "SG9B", func(f *trust.Feed) {
			f.Set = setOf(list.Listed, []byte(passenger(signs, today)))
		})
	}
	larger, largerKey := largeKey(t, w.signing)
	shared := boardingLeg{carrier: "KL", flight: "0777 ", marketing: "AT"}
	sharing := func(s *scene) {
		s.during(func(s *policy.Session) {
			s.Flights = append(s.Flights, policy.Flight{Carrier: "KL", Number: 777, Day: today, List: flight}, policy.Flight{Carrier: "AT", Number: 777, Day: today, List: flight})
		})
	}
	notShared := func(s *scene) {
		sharing(s)
		s.during(func(s *policy.Session) { s.Flights = s.Flights[:len(s.Flights)-1] })
		s.feed(trust.FeedPassengers, flight, nil)
	}
	bothSign := func(s *scene) { sharing(s); s.key(w.foreign, func(k *trust.Key) { k.Scope = "KL" }) }
	runRules(t, []rule{
		{"by the carrier that signs", whole, nil, "admit ok", policy.BCBP, "key=passed signature=passed usage=passed"},
		{"stripped of it, and on the list", plain, onList, "deny bad_signature", policy.BCBP, "signature=failed"},
		{"an item without data", plain + "^100", onList, "deny bad_signature", policy.BCBP, "signature=failed"},
		{"an item that is cut off", whole[:len(whole)-1], onList, "deny malformed", policy.BCBP, "format=failed"},
		{"an item that is no signature", plain + "^104AAAA", onList, "deny bad_signature", policy.BCBP, "signature=failed"},
		{"another name under it", damaged, onList, "deny bad_signature", policy.BCBP, "signature=failed"},
		{"that of another pass", plain + w.signed(w.signing, boardingPass(boardingLeg{carrier: "SG", flight: "0009B", seat: "001A"}))[data:], onList, "deny bad_signature", policy.BCBP, "signature=failed"},
		{"by another carrier's key", w.signed(w.foreign, plain), onList, "deny bad_signature", policy.BCBP, "signature=failed"},
		{"by a key of the list that signs tickets", w.signed(w.ticketing, plain), onList, "deny bad_signature", policy.BCBP, "signature=failed"},
		{"the carrier that signs has no key here", whole, func(s *scene) { s.key(w.signing, func(k *trust.Key) { k.Scope = "XX" }) }, "deny unknown_issuer", policy.BCBP, "key=failed"},
		{"the carrier that signs has no key on a list that is over age", whole, func(s *scene) {
			s.key(w.signing, func(k *trust.Key) { k.Scope = "XX" })
			s.list.Expires = noon - 1
		}, "refer list_stale", policy.BCBP, "key=undetermined"},
		{"the list of keys is over age", whole, func(s *scene) { s.list.Expires = noon - 1 }, "refer list_stale", policy.BCBP, "key=undetermined signature=passed"},
		{"a key that is switched off", whole, func(s *scene) { s.list.Disabled = [][32]byte{fingerprint(w.signing)} }, "deny issuer_disabled", policy.BCBP, "key=failed"},
		{"a test key at a production gate", whole, func(s *scene) {
			s.key(w.signing, func(k *trust.Key) { k.Test = true })
			s.profile.Production = true
		}, "deny unknown_issuer", policy.BCBP, "key=failed"},
		{"a key that ended before the flight", whole, func(s *scene) { s.key(w.signing, func(k *trust.Key) { k.NotAfter = today - 30*day }) }, "refer key_expired", policy.BCBP, "key=failed signature=passed"},
		{"a key that begins after the flight", whole, func(s *scene) { s.key(w.signing, func(k *trust.Key) { k.NotBefore = today + 30*day }) }, "refer key_expired", policy.BCBP, "key=failed"},
		{"a key that begins on the flight's day", whole, func(s *scene) { s.key(w.signing, func(k *trust.Key) { k.NotBefore = noon }) }, "admit ok", policy.BCBP, "key=passed"},
		{"a carrier that need not sign, by its key", w.signed(w.royal, boardingPass(boardingLeg{})), nil, "admit ok", policy.BCBP, "signature=passed"},
		{"a carrier that need not sign, by another's key", w.signed(w.foreign, boardingPass(boardingLeg{})), nil, "deny bad_signature", policy.BCBP, "signature=failed"},
		{"a carrier that need not sign and has no key here", w.signed(w.royal, boardingPass(boardingLeg{})), func(s *scene) {
			s.key(w.royal, func(k *trust.Key) { k.Scope = "XX" })
		}, "admit ok", policy.BCBP, "signature=not_applicable"},
		{"a carrier that need not sign and has no key here, where nothing unsigned is admitted", w.signed(w.royal, boardingPass(boardingLeg{})), func(s *scene) {
			s.key(w.royal, func(k *trust.Key) { k.Scope = "XX" })
			s.profile.AdmitUnsigned = false
		}, "deny unsigned", policy.BCBP, "signature=failed"},
		{"a code share, by the carrier that sells it", w.signed(w.royal, boardingPass(shared)), sharing, "admit ok", policy.BCBP, "signature=passed usage=passed"},
		{"no code share: the session does not name the flight by the carrier whose key it is", w.signed(w.royal, passOptions{issuer: "AT"}.text(shared)), notShared, "deny wrong_usage", policy.BCBP, "usage=failed"},
		{"a code share, at the gate of another flight", w.signed(w.royal, passOptions{issuer: "AT"}.text(shared)), nil, "deny wrong_place", policy.BCBP, "signature=passed usage=passed place=failed"},
		{"a code share, without a session", w.signed(w.royal, passOptions{issuer: "AT"}.text(shared)), noSession, "refer wrong_place", policy.BCBP, "signature=passed usage=passed place=undetermined"},
		{"a code share, a day too early", w.signed(w.royal, passOptions{issuer: "AT"}.text(boardingLeg{carrier: "KL", flight: "0777 ", marketing: "AT", day: 167})), sharing, "deny not_yet_valid", policy.BCBP, "usage=passed time=failed"},
		{"no code share: the session names the other carrier's flight of that number on another day", w.signed(w.royal, passOptions{issuer: "AT"}.text(shared)), func(s *scene) {
			notShared(s)
			s.during(func(s *policy.Session) {
				s.Flights = append(s.Flights, policy.Flight{Carrier: "AT", Number: 777, Day: today + day, List: flight})
			})
		}, "deny wrong_usage", policy.BCBP, "usage=failed"},
		{"by another carrier's key, which says that it sold and issued the flight of one that signs", w.signed(w.foreign, passOptions{issuer: "ZZ"}.text(boardingLeg{carrier: "SG", flight: "0009B", marketing: "ZZ"})), nil, "deny bad_signature", policy.BCBP, "signature=failed"},
		{"the same, and the one that signs has no key here", w.signed(w.foreign, passOptions{issuer: "ZZ"}.text(boardingLeg{carrier: "SG", flight: "0009B", marketing: "ZZ"})), func(s *scene) {
			s.key(w.signing, func(k *trust.Key) { k.Scope = "XX" })
		}, "deny wrong_usage", policy.BCBP, "usage=failed"},
		{"an item that nobody here can read, of a carrier that need not sign: worth what none is", boardingPass(boardingLeg{carrier: "KL", flight: "0777 "}) + "^104AAAA", sharing, "admit ok", policy.BCBP, "signature=not_applicable rules=passed"},
		{"the same, and not on the list", boardingPass(boardingLeg{carrier: "KL", flight: "0777 ", sequence: "0005 "}) + "^104AAAA", sharing, "deny not_listed", policy.BCBP, "signature=not_applicable rules=failed"},
		{"the same, where nothing unsigned is admitted", boardingPass(boardingLeg{carrier: "KL", flight: "0777 "}) + "^104AAAA", func(s *scene) { sharing(s); s.profile.AdmitUnsigned = false }, "deny unsigned", policy.BCBP, "signature=failed"},
		{"a carrier with a larger key besides, which stands first", whole, func(s *scene) {
			s.list.Keys = append([]trust.Key{larger}, s.list.Keys...)
			onList(s)
		}, "admit ok", policy.BCBP, "signature=passed usage=passed"},
		{"a carrier with a larger key besides, signed with that", plain + signedBy(t, largerKey, plain), func(s *scene) {
			s.list.Keys = append([]trust.Key{larger}, s.list.Keys...)
			onList(s)
		}, "admit ok", policy.BCBP, "signature=passed usage=passed"},
		{"a carrier with two larger keys of two algorithms, signed with the second", plain + signedBy(t, largerKey, plain), func(s *scene) {
			other, _ := largeKey(t, w.signing)
			other.ID, other.Algorithms = trust.KeyID{0, 2}, []sig.Algorithm{sig.ES256}
			s.list.Keys = append([]trust.Key{other, larger}, s.list.Keys...)
			onList(s)
		}, "admit ok", policy.BCBP, "signature=passed usage=passed"},
		{"a carrier with a key of another kind besides, which stands first", whole, func(s *scene) {
			other := w.identities.Entry()
			other.ID, other.Usages, other.Scope = trust.KeyID{0, 3}, trust.BCBPUsage, "SG"
			s.list.Keys = append([]trust.Key{other}, s.list.Keys...)
			onList(s)
		}, "admit ok", policy.BCBP, "signature=passed usage=passed"},
		{"a code share of two that sign, by the one that sells and issued it", w.signed(w.royal, passOptions{issuer: "AT"}.text(shared)), bothSign, "admit ok", policy.BCBP, "signature=passed usage=passed"},
		{"a code share of two that sign, by the one that flies", w.signed(w.foreign, boardingPass(shared)), bothSign, "admit ok", policy.BCBP, "signature=passed usage=passed"},
		{"a code share with a seller that signs, stripped", boardingPass(boardingLeg{marketing: "SG"}), nil, "deny bad_signature", policy.BCBP, "signature=failed"},
		{"issued by one that signs, stripped", passOptions{issuer: "SG"}.text(boardingLeg{}), nil, "deny bad_signature", policy.BCBP, "signature=failed"},
		{"a pass of a carrier without a key, by that of an issuer who has nothing to do with the flight", w.signed(w.foreign, passOptions{issuer: "ZZ"}.text(boardingLeg{carrier: "KL", flight: "0777 "})), sharing, "deny wrong_usage", policy.BCBP, "usage=failed signature=passed"},
	})
}

// largeKey returns an entry of the same carrier with a P-384 key, and that key.
func largeKey(t *testing.T, of *issuer.Key) (trust.Key, *ecdsa.PrivateKey) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := sig.New(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	k := of.Entry()
	k.ID, k.Public, k.Usages, k.Scope, k.Algorithms = trust.KeyID{0, 1}, public, trust.BCBPUsage, "SG", []sig.Algorithm{sig.ES384}
	return k, private
}

// signedBy returns the security item that a P-384 key makes.
func signedBy(t *testing.T, k *ecdsa.PrivateKey, text string) string {
	t.Helper()
	digest := sha512.Sum384([]byte(text))
	der, err := ecdsa.SignASN1(rand.Reader, k, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	data := base64.StdEncoding.EncodeToString(der)
	return fmt.Sprintf("^1%02X%s", len(data), data)
}

// TestTheLegThatIsBoardedIsShown: whoever changes planes has two flights and two seats on one pass.
func TestTheLegThatIsBoardedIsShown(t *testing.T) {
	t.Parallel()
	first := boardingLeg{pnr: "FIRST1", from: "RAK", to: "CMN", flight: "0456 ", seat: "001A", sequence: "0077 ", day: 165}
	second := boardingLeg{}
	for _, tt := range []struct{ name, code, flight, from, seat, sequence, booking string }{
		{"the second of two", boardingPass(first, second), "AT0123", "CMN", "28C", "0001", "ABC123"},
		{"the first of two", boardingPass(second, boardingLeg{from: "CDG", to: "JFK", flight: "0456 "}), "AT0123", "CMN", "28C", "0001", "ABC123"},
		{"none of two: the first, by which it was judged", boardingPass(first, boardingLeg{flight: "0124 "}), "AT0456", "RAK", "1A", "0077", "FIRST1"},
	} {
		s := setup(t)
		_, r := s.show(t, tt.code)
		shown := map[string]string{}
		for _, d := range policy.Disclose(policy.Authority, &r.Said) {
			shown[d.Name] = strings.TrimSpace(d.Value)
		}
		for name, want := range map[string]string{"flight": tt.flight, "from": tt.from, "seat": tt.seat, "sequence": tt.sequence, "booking": tt.booking} {
			if shown[name] != want {
				t.Errorf("%s: %s %q, want %q", tt.name, name, shown[name], want)
			}
		}
	}
}

func TestWhatUsesABoardingPassUp(t *testing.T) {
	t.Parallel()
	s := setup(t)
	use := func(code string) policy.Candidate {
		c, _ := s.show(t, code)
		if verdict(&c) != "admit ok" {
			t.Fatalf("%s", line(&c))
		}
		return c
	}
	first := use(boardingPass(boardingLeg{}))
	if !first.Once || first.Uses != 1 || first.Use == (policy.UseID{}) || first.Expires != today+4*day {
		t.Errorf("%+v", first)
	}
	for name, code := range map[string]string{
		"with another seat and name": passOptions{name: "SOMEBODY/ELSE"}.text(boardingLeg{seat: "001A"}),
		"as a second leg":            boardingPass(boardingLeg{from: "RAK", flight: "0456 "}, boardingLeg{}),
		"spelled otherwise":          boardingPass(boardingLeg{flight: "123  ", sequence: "1    "}),
		"signed":                     theWorld(t).signed(theWorld(t).royal, boardingPass(boardingLeg{})),
	} {
		if c := use(code); c.Use != first.Use {
			t.Errorf("%s it is another boarding", name)
		}
	}
	if c := use(boardingPass(boardingLeg{sequence: "0003 "})); c.Use == first.Use {
		t.Error("two passengers are one boarding")
	}
}
