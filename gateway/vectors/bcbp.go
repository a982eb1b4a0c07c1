package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"passerelle/gateway/credential/bcbp"
)

// bcbpCases reads boarding passes. Those of passes.jsonl that their source's tests want refused must be; the others are compared
// item by item with a second reading, written apart from package bcbp (bcbpreading.go). Those of expected/ are compared with what
// KDE's kitinerary reads: all items (.txt), and what a traveller's program makes of them (.json).
func bcbpCases(dir string, check func(name string, err error)) error {
	b, err := os.ReadFile(filepath.Join(dir, "passes.jsonl"))
	if err != nil {
		return err
	}
	for i, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		var row struct{ Data, Src string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			return err
		}
		check(fmt.Sprintf("passes.jsonl:%d", i+1), bcbpCase(row.Data, row.Src))
	}
	files, err := filepath.Glob(filepath.Join(dir, "expected", "*.json"))
	if err != nil || len(files) == 0 {
		return errors.Join(err, errors.New("no expected results"))
	}
	for _, file := range files {
		if err := bcbpExpected(file, check); err != nil {
			return err
		}
	}
	return nil
}

// bcbpRefused reports whether the tests that a pass comes from want it refused: two whole files, and the rows of KDE's
// testParserInvalid, which end before the date of the flight or hold a line feed.
func bcbpRefused(data, src string) bool {
	switch src[strings.LastIndex(src, "/")+1:] {
	case "invalid_input.rs", "not_yet_supported.rs":
		return true
	case "bcbpparsertest.cpp":
		return len(data) < 47 || strings.Contains(data, "\n")
	}
	return false
}

func bcbpCase(data, src string) error {
	var p bcbp.Pass
	err := p.Parse([]byte(data))
	if bcbpRefused(data, src) {
		if err == nil {
			return errors.New("got a pass, want it refused")
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("got %w, want a pass", err)
	}
	want, deviations, err := bcbpReading(data)
	if err != nil {
		return err
	}
	if p.Deviations != deviations {
		return fmt.Errorf("got deviations %b, want %b", p.Deviations, deviations)
	}
	if i := strings.IndexByte(data, '^'); i >= 0 && string(p.Signed) != data[:i] || i < 0 && p.Signed != nil {
		return fmt.Errorf("got signed %q", p.Signed)
	}
	if err := bcbpSignature(&p.Security); err != nil {
		return err
	}
	return bcbpDiffer(bcbpItems(&p), want)
}

// bcbpSignature reads what looks like a DER signature in base64 as one of P-256.
func bcbpSignature(s *bcbp.Security) error {
	signature, err := s.AppendSignature(nil, 32)
	if real := strings.HasPrefix(string(s.Data), "ME"); real != (err == nil) || real && len(signature) != 64 {
		return fmt.Errorf("got a signature of %d bytes, %v, of %q", len(signature), err, s.Data)
	}
	return nil
}

// bcbpExpected checks the pass of one .json file, and the .txt file beside it.
func bcbpExpected(file string, check func(name string, err error)) error {
	var trips []bcbpTrip
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &trips); err != nil {
		return err
	}
	text := strings.TrimSuffix(file, ".json") + ".txt"
	items, err := os.ReadFile(text)
	if err != nil {
		return err
	}
	if len(trips) == 0 {
		return fmt.Errorf("%s: no reservation", file)
	}
	code, _ := strings.CutPrefix(trips[0].Ticket.Token, "aztecCode:")
	name := func(file string) string { return "expected/" + filepath.Base(file) }
	var p bcbp.Pass
	if err := p.Parse([]byte(code)); err != nil {
		check(name(file), err)
		check(name(text), err)
		return nil
	}
	check(name(file), bcbpTrips(&p, trips))
	check(name(text), bcbpText(&p, string(items)))
	return nil
}

// bcbpTrip is one flight in a .json file.
type bcbpTrip struct {
	Seat     string `json:"airplaneSeat"`
	Sequence string `json:"passengerSequenceNumber"`
	Number   string `json:"reservationNumber"`
	Program  struct {
		Number string `json:"membershipNumber"`
		Name   string `json:"programName"`
	} `json:"programMembershipUsed"`
	For struct {
		Airline, Provider                struct{ IataCode, Identifier string }
		ArrivalAirport, DepartureAirport struct{ IataCode string }
		ArrivalStation, DepartureStation struct{ Identifier string }
		DepartureDay, FlightNumber       string
	} `json:"reservationFor"`
	Ticket struct {
		Number string `json:"ticketNumber"`
		Token  string `json:"ticketToken"`
	} `json:"reservedTicket"`
	Name struct{ FamilyName, GivenName string } `json:"underName"`
}

func bcbpTrips(p *bcbp.Pass, trips []bcbpTrip) error {
	legs := p.Legs()
	if len(legs) != len(trips) {
		return fmt.Errorf("got %d legs, want %d", len(legs), len(trips))
	}
	surname, given, _, _ := p.Name()
	for i := range trips {
		t, l := &trips[i], &legs[i]
		got := map[string]string{
			"seat": string(l.SeatNumber()), "sequence": bcbpNumber(l.SequenceNumber()), "PNR": string(l.PNR),
			"flyer": string(l.FlyerNumber), "program": string(l.FlyerAirline), "carrier": string(l.Carrier), "from": string(l.From),
			"to": string(l.To), "flight": bcbpNumber(l.FlightNumber()), "ticket": string(l.Numeric) + " " + string(l.Serial),
			"surname": string(surname), "given": string(given),
		}
		station := func(s string) string { return strings.TrimPrefix(s, "iata:") }
		want := map[string]string{
			"seat": t.Seat, "sequence": t.Sequence, "PNR": t.Number, "flyer": t.Program.Number, "program": t.Program.Name,
			"carrier": t.For.Airline.IataCode + station(t.For.Provider.Identifier),
			"from":    t.For.DepartureAirport.IataCode + station(t.For.DepartureStation.Identifier),
			"to":      t.For.ArrivalAirport.IataCode + station(t.For.ArrivalStation.Identifier),
			"flight":  t.For.FlightNumber, "ticket": t.Ticket.Number, "surname": t.Name.FamilyName, "given": t.Name.GivenName,
		}
		for key, value := range want {
			if value == "" { // an absent member asserts nothing
				delete(want, key)
				delete(got, key)
			}
		}
		if err := errors.Join(bcbpDiffer(got, want), bcbpDay(l, t.For.DepartureDay)); err != nil {
			return fmt.Errorf("leg %d: %w", i+1, err)
		}
	}
	return nil
}

// bcbpNumber writes a number with its letter as kitinerary does, without zeros in front.
func bcbpNumber(n int, suffix byte, ok bool) string {
	switch {
	case !ok:
		return ""
	case suffix == 0:
		return strconv.Itoa(n)
	}
	return strconv.Itoa(n) + string(rune(suffix))
}

// bcbpDay checks that a leg's day is this date for everybody who asks within some months of it.
func bcbpDay(l *bcbp.Leg, date string) error {
	want, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return err
	}
	day, _ := l.Day()
	for months := -5; months <= 5; months++ {
		year, month, dayOfMonth, start, ok := bcbp.Date(day, want.AddDate(0, months, 0).Unix())
		if got := fmt.Sprintf("%04d-%02d-%02d", year, month, dayOfMonth); !ok || got != date || start != want.Unix() {
			return fmt.Errorf("got date %s (%v) %d months away, want %s", got, ok, months, date)
		}
	}
	return nil
}

// bcbpIssue checks that a pass agrees with itself about its year, where kitinerary found a date of issue.
func bcbpIssue(p *bcbp.Pass, flight, issued string) error {
	t, err := time.Parse(time.DateOnly, flight)
	if err != nil {
		return err
	}
	wants := map[int]bcbp.Issue{-1: bcbp.IssueDisagrees, 0: bcbp.IssueAgrees, 1: bcbp.IssueDisagrees}
	if issued == "" {
		wants = map[int]bcbp.Issue{0: bcbp.IssueUnknown}
	}
	for years, want := range wants {
		if got := p.Issue(t.AddDate(years, 0, 0).Unix()); got != want {
			return fmt.Errorf("issued %q, flown %s and %d years: got %d, want %d", p.Issued, flight, years, got, want)
		}
	}
	return nil
}

// bcbpText compares with a .txt file, which has a line "name: value" for each item.
func bcbpText(p *bcbp.Pass, text string) error {
	want := make(map[string]string)
	group, issued, leg := "", "", 0
	var errs []error
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		key, value, isItem := strings.Cut(line, ": ")
		key = strings.TrimSpace(key)
		switch {
		case strings.HasPrefix(line, "Leg "):
			leg++
			group = fmt.Sprintf("leg %d ", leg)
		case line == "Security:":
			group = "security "
		case key == "Date of flight" && leg <= len(p.Legs()):
			errs = append(errs, bcbpDay(&p.Legs()[leg-1], value), bcbpIssue(p, value, issued))
		case key == "Date of issue":
			issued = value
		case isItem && !strings.HasSuffix(strings.ToLower(key), "fieldsize"):
			want[group+key] = value
		}
	}
	return errors.Join(append(errs, bcbpDiffer(bcbpItems(p), want))...)
}

// bcbpDiffer says in which items two readings differ.
func bcbpDiffer(got, want map[string]string) error {
	all := maps.Clone(want)
	maps.Copy(all, got)
	var differences []string
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if got[key] != want[key] {
			differences = append(differences, fmt.Sprintf("%s: got %q, want %q", key, got[key], want[key]))
		}
	}
	if differences != nil {
		return errors.New(strings.Join(differences, "; "))
	}
	return nil
}

// bcbpItems writes a pass as kitinerary's .txt files do: items without blanks around them, numbers without zeros in front.
func bcbpItems(p *bcbp.Pass) map[string]string {
	char := func(c byte) string { return strings.Trim(string(rune(c)), " \x00") }
	number := func(b []byte) string {
		n, _ := strconv.Atoi(string(b))
		return strconv.Itoa(n)
	}
	version, year, day := p.Version, []byte(nil), []byte(nil)
	if len(p.Issued) == 4 {
		year, day = p.Issued[:1], p.Issued[1:]
	}
	m := map[string]string{
		"formatCode": "M", "numberOfLegs": strconv.Itoa(len(p.Legs())), "passengerName": strings.TrimSpace(string(p.NameField)),
		"electronicTicketIndicator": char(p.ETicket), "version": number([]byte{version}), "passengerDescription": char(p.Description),
		"sourceOfCheckin": char(p.CheckIn), "sourceOfBoardingPassIssuance": char(p.Issuance), "yearOfIssue": number(year),
		"dayOfIssue": number(day), "documentType": char(p.DocumentType), "airlineDesignatorOfBoardingPassIssuer": string(p.Issuer),
	}
	for i, tag := range p.Baggage {
		m[fmt.Sprintf("baggageTagLicensePlateNumber%d", i+1)] = string(tag)
	}
	if p.Security.State != bcbp.NoSecurity {
		m["security type"], m["security size"] = char(p.Security.Type), strconv.Itoa(len(p.Security.Data))
		m["security securityData"] = string(p.Security.Data)
	}
	for i, l := range p.Legs() {
		day, _ := l.Day()
		for key, value := range map[string]string{
			"operatingCarrierPNRCode": string(l.PNR), "fromCityAirportCode": string(l.From), "toCityAirportCode": string(l.To),
			"operatingCarrierDesignator": string(l.Carrier), "flightNumber": string(l.Flight), "dayOfFlight": strconv.Itoa(day),
			"compartmentCode": char(l.Compartment), "seatNumber": string(l.Seat), "checkinSequenceNumber": string(l.Sequence),
			"passengerStatus": char(l.Status), "airlineNumericCode": string(l.Numeric), "documentNumber": string(l.Serial),
			"selecteeIndicator": char(l.Selectee), "internationalDocumentVerification": char(l.Verification),
			"marketingCarrierDesignator": string(l.Marketing), "frequentFlyerAirlineDesignator": string(l.FlyerAirline),
			"frequenFlyerNumber": string(l.FlyerNumber), "idAdIndicator": char(l.IDAD), "freeBaggageAllowance": string(l.Allowance),
			"fastTrack": char(l.FastTrack), "Airline use section": string(l.OwnUse),
		} {
			m[fmt.Sprintf("leg %d %s", i+1, key)] = value
		}
	}
	return m
}
