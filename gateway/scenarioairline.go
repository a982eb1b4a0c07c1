package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"passerelle/gateway/credential/list"
	"passerelle/gateway/issuer"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
)

// flight is a flight of the gate.
type flight struct {
	carrier string
	number  int
	to      string
	signs   bool
	about   string // kind of its good passes

	last     int // sequence number given so far
	pnr      string
	family   int // members of the present booking that are still to come
	surname  string
	previous issuer.BoardingPass // the last good pass
}

// airport is where is boarded.
const airport = "CMN"

// airline checks passengers in: the invented carriers of the gate, their key, and the passenger list.
type airline struct {
	now           time.Time
	day           time.Time // of the flights
	rand          *rand.Rand
	key, stranger *issuer.Key
	feeds         *storyFeeds
	on            *storyFeed // the passenger list

	signed, unsigned *flight
	shared           *flight // another carrier's number of unsigned
}

func newAirline(s *story) (*airline, error) {
	a := &airline{
		now: s.now, day: s.now.UTC().Truncate(24 * time.Hour), rand: s.rand, feeds: newStoryFeeds(s.now, s.rand),
		signed:   &flight{carrier: "XX", number: 834, to: "CDG", signs: true, about: "signed pass"},
		unsigned: &flight{carrier: "XY", number: 202, to: "LIS", about: "unsigned pass, on the passenger list"},
		shared:   &flight{carrier: "XZ", number: 5202, to: "LIS"},
	}
	var err error
	if a.key, err = storyKey("Carrier XX", s.now, false, trust.BCBPUsage); err != nil {
		return nil, err
	}
	if a.stranger, err = storyKey("Nobody", s.now, false, trust.BCBPUsage); err != nil {
		return nil, err
	}
	a.on = a.feeds.feed(trust.FeedPassengers, a.scope(a.unsigned))
	return a, nil
}

// list returns what the gate is to trust.
func (a *airline) list() (*trust.Snapshot, error) {
	carriers := []trust.Carrier{{Code: a.signed.carrier, Signs: true}, {Code: a.unsigned.carrier}, {Code: a.shared.carrier}}
	trusted, err := storyList(a.now, trust.BCBPUsage, carriers, testEntry(a.key, a.signed.carrier))
	if err != nil {
		return nil, err
	}
	return a.feeds.with(trusted)
}

func (a *airline) date() string { return a.day.Format(time.DateOnly) }

// scope is what the passenger list of a flight is called.
func (a *airline) scope(f *flight) string {
	return flightScope(policy.Flight{Carrier: f.carrier, Number: f.number, Day: a.day.Unix()}, airport)
}

// next checks somebody in: members of a booking follow each other.
func (a *airline) next(f *flight) issuer.BoardingPass {
	if f.family == 0 {
		f.pnr, f.family, f.surname = a.booking(), 1+a.rand.IntN(4), surnames[a.rand.IntN(len(surnames))]
	}
	f.family--
	f.last++
	return a.pass(f, f.pnr, f.surname, f.last)
}

// booking returns a reference.
func (a *airline) booking() string {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	b := make([]byte, 6)
	for i := range b {
		b[i] = letters[a.rand.IntN(len(letters))]
	}
	return string(b)
}

func (a *airline) pass(f *flight, pnr, surname string, sequence int) issuer.BoardingPass {
	return issuer.BoardingPass{
		Surname: surname, Given: givenNames[a.rand.IntN(len(givenNames))] + titles[a.rand.IntN(len(titles))],
		Legs: []issuer.BoardingLeg{{
			PNR: pnr, From: airport, To: f.to, Carrier: f.carrier, Number: f.number, Date: a.day,
			Seat: a.seat(), Sequence: sequence,
		}},
	}
}

func (a *airline) seat() string {
	return strconv.Itoa(1+a.rand.IntN(36)) + string(rune('A'+a.rand.IntN(6)))
}

// passenger checks somebody in for a flight and returns his pass.
func (a *airline) passenger(f *flight) (string, error) {
	f.previous = a.next(f)
	a.enlist(f, &f.previous, list.Listed)
	return a.issue(f, &f.previous)
}

// reseated returns another pass of the passenger who was checked in last.
func (a *airline) reseated(f *flight) (string, error) {
	p := f.previous
	leg := p.Legs[0]
	for leg.Seat == p.Legs[0].Seat {
		leg.Seat = a.seat()
	}
	p.Legs = []issuer.BoardingLeg{leg}
	return a.issue(f, &p)
}

// enlist puts a pass on the flight's passenger list, if it has one.
func (a *airline) enlist(f *flight, p *issuer.BoardingPass, state list.State) {
	if f.signs {
		return
	}
	l := &p.Legs[len(p.Legs)-1]
	a.on.add(feedRow{
		"carrier": l.Carrier, "flight": strconv.Itoa(l.Number), "date": a.date(), "origin": l.From,
		"sequence": strconv.Itoa(l.Sequence), "pnr": l.PNR,
	}, list.Entry{State: state}, nil)
}

// issue prints a pass, signed where its carrier signs.
func (a *airline) issue(f *flight, p *issuer.BoardingPass) (string, error) {
	text, err := a.print(p, a.day.AddDate(0, 0, -1), "")
	if err != nil || !f.signs {
		return text, err
	}
	return issuer.SignPass(a.key, text)
}

// bare is the conditional part of the first leg of a pass that issuer prints, with nothing in it.
const bare = "06>60000"

// print returns the text of a pass that was issued on a day, with the carrier that sold the first leg if it is another one (IATA Resolution
// 792: eleven characters that stand once, then eighteen of the leg).
func (a *airline) print(p *issuer.BoardingPass, issued time.Time, marketing string) (string, error) {
	text, err := p.Text()
	if err != nil {
		return "", err
	}
	unique := fmt.Sprintf("1WW%d%03dB%-3s", issued.Year()%10, issued.YearDay(), p.Legs[0].Carrier)
	repeated := ""
	if marketing != "" {
		repeated = fmt.Sprintf("%15s%-3s", "", marketing)
	}
	part := fmt.Sprintf(">6%02X%s%02X%s", len(unique), unique, len(repeated), repeated)
	return strings.Replace(text, bare, fmt.Sprintf("%02X%s", len(part), part), 1), nil
}

// oddPass is a pass that is none of the good ones, or an unusual good one.
type oddPass struct {
	kind string
	make func(*airline, *flight) (string, error)
	want reply
}

const secondLeg = "pass of two legs, on its second one"

// anywhere are odd passes of either flight.
var anywhere = []oddPass{
	{"yesterday's pass", changedLeg(func(a *airline, l *issuer.BoardingLeg) { l.Date = a.day.AddDate(0, 0, -1) }), denied(policy.Expired)},
	{"tomorrow's pass", changedLeg(func(a *airline, l *issuer.BoardingLeg) { l.Date = a.day.AddDate(0, 0, 1) }), denied(policy.NotYetValid)},
	{"another flight", changedLeg(func(_ *airline, l *issuer.BoardingLeg) { l.Number += 7 }), denied(policy.WrongPlace)},
	{"another airport", changedLeg(func(_ *airline, l *issuer.BoardingLeg) { l.From = "RAK" }), denied(policy.WrongPlace)},
	{"the same day a year ago, by its date of issue", (*airline).ofLastYear, denied(policy.Expired)},
	{secondLeg, (*airline).twoLegs, admitted()},
	{"no pass at all", func(a *airline, _ *flight) (string, error) { return "https://example.org/" + a.booking(), nil }, denied(policy.NotAccepted)},
}

// signedOnly are odd passes of the carrier that signs.
var signedOnly = []oddPass{
	{"drawn at home: the right flight, not signed", (*airline).drawn, denied(policy.BadSignature)},
	{"drawn at home: signed by a stranger", (*airline).drawnAndSigned, denied(policy.BadSignature)},
	{"a signed pass without its signature", (*airline).stripped, denied(policy.BadSignature)},
	{"a signed pass with another name", edited(2), denied(policy.BadSignature)},
	{"a signed pass with another seat", edited(seatAt), denied(policy.BadSignature)},
	{"a signed pass that was cut", (*airline).cut, denied(policy.Malformed)},
	{"standby, signed and on no list", changedLeg(standby), referred(policy.NotListed)},
}

// unsignedOnly are odd passes of the flight with a passenger list.
var unsignedOnly = []oddPass{
	{"drawn at home: the right flight, on no list", (*airline).drawn, denied(policy.NotListed)},
	{"drawn at home: a passenger's number, another booking", (*airline).drawnOver, denied(policy.NotListed)},
	{"offloaded", func(a *airline, f *flight) (string, error) { return a.listedAs(f, list.Blocked, '1') }, denied(policy.Blocked)},
	{"standby, not on the list", changedLeg(standby), denied(policy.NotListed)},
	{"standby, on the list by now", func(a *airline, f *flight) (string, error) { return a.listedAs(f, list.Listed, '7') }, admitted()},
	{"code share: the other carrier's number", (*airline).codeShare, admitted()},
	{"code share: sold by the other carrier, this one's number", (*airline).soldByOther, admitted()},
	{"code share: who is listed under the other number", (*airline).listedUnderOther, denied(policy.NotListed)},
}

// standby makes a leg that of a passenger who waits for a seat (Resolution 792, passenger status 7).
func standby(_ *airline, l *issuer.BoardingLeg) { l.Status = '7' }

// changedLeg makes a pass, issued by its carrier, whose leg is another one. It is on no list.
func changedLeg(change func(*airline, *issuer.BoardingLeg)) func(*airline, *flight) (string, error) {
	return func(a *airline, f *flight) (string, error) {
		p := a.next(f)
		change(a, &p.Legs[0])
		return a.issue(f, &p)
	}
}

// ofLastYear says the day of today, and was issued a year ago.
func (a *airline) ofLastYear(f *flight) (string, error) {
	p := a.next(f)
	text, err := a.print(&p, a.day.AddDate(-1, 0, 0), "")
	if err != nil || !f.signs {
		return text, err
	}
	return issuer.SignPass(a.key, text)
}

// twoLegs came with another flight today and goes on with this one.
func (a *airline) twoLegs(f *flight) (string, error) {
	p := a.next(f)
	feeder := p.Legs[0]
	feeder.From, feeder.To, feeder.Number, feeder.Sequence = "RAK", airport, f.number+300, 1+a.rand.IntN(90)
	p.Legs = []issuer.BoardingLeg{feeder, p.Legs[0]}
	a.enlist(f, &p, list.Listed)
	return a.issue(f, &p)
}

// homeMade is a pass that no airline knows: the flight is right, booking and number are invented.
func (a *airline) homeMade(f *flight) issuer.BoardingPass {
	return a.pass(f, a.booking(), surnames[a.rand.IntN(len(surnames))], maxPassengers+1+a.rand.IntN(maxPassengers))
}

func (a *airline) drawn(f *flight) (string, error) {
	p := a.homeMade(f)
	return a.print(&p, a.day, "")
}

func (a *airline) drawnAndSigned(f *flight) (string, error) {
	text, err := a.drawn(f)
	if err != nil {
		return "", err
	}
	return issuer.SignPass(a.stranger, text)
}

func (a *airline) drawnOver(f *flight) (string, error) {
	p := a.pass(f, a.booking(), f.surname, 1+a.rand.IntN(f.last))
	return a.print(&p, a.day, "")
}

// stripped is a real pass up to its signature. Its owner never boards here.
func (a *airline) stripped(f *flight) (string, error) {
	p := a.next(f)
	code, err := a.issue(f, &p)
	text, _, _ := strings.Cut(code, "^")
	return text, err
}

// seatAt is where the seat's letter stands (Resolution 792: 23 characters, then 7, 3, 3, 3, 5, 3, 1 before the seat's four).
const seatAt = 23 + 25 + 3

// edited is a real pass with another letter at a place.
func edited(at int) func(*airline, *flight) (string, error) {
	return func(a *airline, f *flight) (string, error) {
		p := a.next(f)
		code, err := a.issue(f, &p)
		if err != nil {
			return "", err
		}
		b := []byte(code)
		b[at] = otherOf(b[at], 'B', 'D')
		return string(b), nil
	}
}

// cut has lost the end of its signature.
func (a *airline) cut(f *flight) (string, error) {
	p := a.next(f)
	code, err := a.issue(f, &p)
	return code[:max(0, len(code)-10)], err
}

func (a *airline) listedAs(f *flight, state list.State, status byte) (string, error) {
	p := a.next(f)
	p.Legs[0].Status = status
	a.enlist(f, &p, state)
	return a.issue(f, &p)
}

// codeShare is a pass, and a row of the list, with the number under which the other carrier sells the flight.
func (a *airline) codeShare(f *flight) (string, error) {
	p := a.next(f)
	p.Legs[0].Carrier, p.Legs[0].Number = a.shared.carrier, a.shared.number
	a.enlist(f, &p, list.Listed)
	return a.issue(f, &p)
}

// soldByOther is a pass with the operating carrier's number that says who sold it.
func (a *airline) soldByOther(f *flight) (string, error) {
	p := a.next(f)
	a.enlist(f, &p, list.Listed)
	return a.print(&p, a.day, a.shared.carrier)
}

// listedUnderOther is a second pass, with this flight's number, of somebody who is on the list with the other carrier's.
func (a *airline) listedUnderOther(f *flight) (string, error) {
	p := a.next(f)
	other := p
	other.Legs = []issuer.BoardingLeg{p.Legs[0]}
	other.Legs[0].Carrier, other.Legs[0].Number = a.shared.carrier, a.shared.number
	a.enlist(f, &other, list.Listed)
	return a.issue(f, &p)
}

// Names of invented passengers.
var (
	surnames = []string{
		"EL IDRISSI", "BENJELLOUN", "ALAOUI", "TAZI", "BERRADA", "CHRAIBI", "DUPONT", "MARTIN", "GARCIA LOPEZ", "SILVA", "OKAFOR", "NGUYEN",
		"VAN DER BERG", "MUELLER", "ROSSI", "KOWALSKI",
	}
	givenNames = []string{"FATIMA ZAHRA", "YOUSSEF", "AMINE", "SALMA", "KHADIJA", "OMAR", "MARIE", "JEAN", "LUCIA", "TIAGO", "ADAEZE", "LINH"}
	titles     = []string{"", "MR", "MRS", "MS"}
)
