package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"passerelle/gateway/credential/bcbp"
)

// bcbpMends are the deviations of single passes, by the piece of text in which they are: what the airline, or the test's author,
// wrote, and what Resolution 792 wants there, as the tests that the passes come from explain them. With what the program is to say.
var bcbpMends = []struct {
	found, mended string
	deviations    bcbp.Deviation
}{
	{"\x1dEDEF456", "DEF456", bcbp.Separator},                                   // legs kept apart by GS, each with a flag
	{"\x1d    Y", "    Y", bcbp.Separator},                                      // GS between items
	{" 0   AB1234", " 0   AB 1234", bcbp.ShortDesignator | bcbp.CutConditional}, // one character short of its size, too
	{" 0   SK9876", " 0   SK 9876", bcbp.ShortDesignator | bcbp.CutConditional}, // nothing behind the number, in spite of its size
	{" 123>5321OR", " 15D>5321OR", bcbp.WrongSize},
	{" 100>2180 ", " 149>2180 ", bcbp.WrongSize},                       // size 0
	{" 000>5002A", " 013>5002A", bcbp.WrongSize | bcbp.CutConditional}, // size 0, and no end
	{" 13D>10B0MM", " 13D>10B0MM", bcbp.CutConditional | bcbp.PartialItem},
}

// bcbpColumn is an item of a fixed place.
type bcbpColumn struct {
	name     string
	at, size int
}

var (
	bcbpHead = []bcbpColumn{{"formatCode", 0, 1}, {"numberOfLegs", 1, 1}, {"passengerName", 2, 20}, {"electronicTicketIndicator", 22, 1}}
	bcbpLeg  = []bcbpColumn{
		{"operatingCarrierPNRCode", 0, 7},
		{"fromCityAirportCode", 7, 3},
		{"toCityAirportCode", 10, 3},
		{"operatingCarrierDesignator", 13, 3},
		{"flightNumber", 16, 5},
		{"dayOfFlight", 21, 3},
		{"compartmentCode", 24, 1},
		{"seatNumber", 25, 4},
		{"checkinSequenceNumber", 29, 5},
		{"passengerStatus", 34, 1},
	}
	bcbpOnce = []bcbpColumn{
		{"passengerDescription", 0, 1},
		{"sourceOfCheckin", 1, 1},
		{"sourceOfBoardingPassIssuance", 2, 1},
		{"yearOfIssue", 3, 1},
		{"dayOfIssue", 4, 3},
		{"documentType", 7, 1},
		{"airlineDesignatorOfBoardingPassIssuer", 8, 3},
		{"baggageTagLicensePlateNumber1", 11, 13},
		{"baggageTagLicensePlateNumber2", 24, 13},
		{"baggageTagLicensePlateNumber3", 37, 13},
	}
	bcbpRepeated = []bcbpColumn{
		{"airlineNumericCode", 0, 3},
		{"documentNumber", 3, 10},
		{"selecteeIndicator", 13, 1},
		{"internationalDocumentVerification", 14, 1},
		{"marketingCarrierDesignator", 15, 3},
		{"frequentFlyerAirlineDesignator", 18, 3},
		{"frequenFlyerNumber", 21, 16},
		{"idAdIndicator", 37, 1},
		{"freeBaggageAllowance", 38, 3},
		{"fastTrack", 41, 1},
	}
	bcbpSecurity = regexp.MustCompile(`\^(.)([0-9A-F]{2})(.*)$`)
	bcbpVersion  = regexp.MustCompile(`^>(\d)([0-9A-F]{2})`)
)

// bcbpReading reads a pass a second time, by columns of its mended text.
func bcbpReading(text string) (items map[string]string, deviations bcbp.Deviation, err error) {
	for _, m := range bcbpMends {
		if strings.Contains(text, m.found) {
			text = strings.Replace(text, m.found, m.mended, 1)
			deviations |= m.deviations
		}
	}
	items = map[string]string{"version": "0"}
	if s := bcbpSecurity.FindStringSubmatch(text); s != nil {
		size, err := strconv.ParseUint(s[2], 16, 8)
		if err != nil || int(size) != len(s[3]) {
			return nil, 0, fmt.Errorf("a security item of size %s with %d characters", s[2], len(s[3]))
		}
		items["security type"], items["security size"], items["security securityData"] = s[1], strconv.Itoa(len(s[3])), s[3]
		text = strings.TrimSuffix(text, s[0])
	}
	bcbpColumns(items, "", text, bcbpHead)
	bcbpColumns(items, "", "", bcbpOnce)
	at := 23
	for leg := 1; strconv.Itoa(leg) <= items["numberOfLegs"]; leg++ {
		group := fmt.Sprintf("leg %d ", leg)
		bcbpColumns(items, group, text[at:], bcbpLeg)
		if len(text) < at+37 {
			deviations |= bcbp.CutMandatory
			bcbpColumns(items, group, "", bcbpRepeated)
			break
		}
		part, _, err := bcbpCut(text[at+35:])
		if err != nil {
			return nil, 0, err
		}
		at += 37 + len(part)
		if err := bcbpPart(items, group, part); err != nil {
			return nil, 0, err
		}
	}
	return items, deviations, nil
}

// bcbpPart reads what follows the mandatory items of a leg.
func bcbpPart(items map[string]string, group, part string) error {
	if v := bcbpVersion.FindStringSubmatch(part); v != nil {
		once, rest, err := bcbpCut(part[2:])
		if err != nil {
			return err
		}
		items["version"] = v[1]
		bcbpColumns(items, "", once, bcbpOnce)
		part = rest
	}
	repeated, own, err := bcbpCut(part)
	if err != nil {
		return err
	}
	bcbpColumns(items, group, repeated, bcbpRepeated)
	items[group+"Airline use section"] = own
	return nil
}

// bcbpCut takes what follows two digits of size, as far as it is there, and returns what follows that.
func bcbpCut(text string) (section, rest string, err error) {
	if text == "" {
		return "", "", nil
	}
	size, err := strconv.ParseUint(text[:min(2, len(text))], 16, 8)
	if err != nil {
		return "", "", err
	}
	end := min(2+int(size), len(text))
	return text[2:end], text[end:], nil
}

// bcbpColumns enters the items of text that are whole, and numbers as numbers.
func bcbpColumns(items map[string]string, group, text string, columns []bcbpColumn) {
	for _, c := range columns {
		value := ""
		if c.at+c.size <= len(text) {
			value = strings.TrimSpace(text[c.at : c.at+c.size])
		}
		if c.name == "yearOfIssue" || strings.HasPrefix(c.name, "dayOf") {
			n, _ := strconv.Atoi(value)
			value = strconv.Itoa(n)
		}
		items[group+c.name] = value
	}
}
