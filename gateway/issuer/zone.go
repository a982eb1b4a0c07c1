package issuer

import (
	"errors"
	"fmt"
	"strings"
)

// TravelDocument is what the machine-readable zone of a card or a passport says (ICAO Doc 9303, parts 4 and 5), for demonstrations,
// simulations and tests.
type TravelDocument struct {
	Country  string // issuing state and nationality, three letters
	Number   string // at most 9 capital letters and digits
	Family   string // letters of the machine-readable zone, see Transliterate
	Given    string
	Birth    string // YYMMDD
	Sex      byte   // 'F', 'M' or '<'
	Expires  string // YYMMDD
	Optional string // a national number, at most 15 capital letters and digits on a card, 14 in a passport
}

// ErrZone is wrapped by the errors about a machine-readable zone.
var ErrZone = errors.New("machine-readable zone")

// Passport returns the two lines of a passport's zone (TD3), with a CR between them.
func (d *TravelDocument) Passport() (string, error) {
	if err := d.check(14); err != nil {
		return "", err
	}
	number, optional := fill(d.Number, 9), fill(d.Optional, 14)
	line := withDigit(number) + d.Country + withDigit(d.Birth) + string(rune(d.Sex)) + withDigit(d.Expires) + withDigit(optional)
	composite := checkDigit(line[:10] + line[13:20] + line[21:43])
	return fill("P<"+d.Country+d.Family+"<<"+d.Given, 44) + "\r" + line + composite, nil
}

// Card returns the three lines of a card's zone (TD1), with a CR between them.
func (d *TravelDocument) Card() (string, error) {
	if err := d.check(15); err != nil {
		return "", err
	}
	first := "ID" + d.Country + withDigit(fill(d.Number, 9)) + fill(d.Optional, 15)
	second := withDigit(d.Birth) + string(rune(d.Sex)) + withDigit(d.Expires) + d.Country + fill("", 11)
	composite := checkDigit(first[5:30] + second[0:7] + second[8:15] + second[18:29])
	return first + "\r" + second + composite + "\r" + fill(d.Family+"<<"+d.Given, 30), nil
}

func (d *TravelDocument) check(optional int) error {
	if len(d.Country) != 3 || len(d.Number) > 9 || len(d.Birth) != 6 || len(d.Expires) != 6 || len(d.Optional) > optional || d.Family == "" || d.Sex == 0 {
		return fmt.Errorf("%w: a field is missing, too long, or no such thing", ErrZone)
	}
	return nil
}

// fill cuts text to n characters, or adds fillers.
func fill(text string, n int) string {
	return (text + strings.Repeat("<", n))[:n]
}

func withDigit(field string) string { return field + checkDigit(field) }

// checkDigit is the sum of the characters' values times 7, 3, 1 in turn, modulo 10 (ICAO Doc 9303, part 3, section 4.9).
func checkDigit(field string) string {
	sum := 0
	for i, c := range []byte(field) {
		value := 0
		switch {
		case '0' <= c && c <= '9':
			value = int(c - '0')
		case 'A' <= c && c <= 'Z':
			value = int(c-'A') + 10
		}
		sum += value * [...]int{7, 3, 1}[i%3]
	}
	return fmt.Sprint(sum % 10)
}
