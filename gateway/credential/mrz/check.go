package mrz

import "bytes"

// Check is the outcome of one check. The zero value is none: the format does not have it.
type Check uint8

// The outcomes.
const (
	None Check = iota
	Wrong
	Right
)

// String returns none, wrong or right.
func (c Check) String() string {
	switch c {
	case Wrong:
		return "wrong"
	case Right:
		return "right"
	}
	return "none"
}

// Checks are the outcomes of a zone's check digits, and of what has no digit.
type Checks struct {
	Number    Check // the document number, with its rest
	Birth     Check
	Expiry    Check
	Optional  Check // TD3 alone
	Composite Check // over numbers, dates and optional data; not on visas

	// Characters is no digit: whether names, issuer and nationality have letters, dates have digits, and sex is M, F, X or <.
	Characters Check
}

// Valid reports whether everything that the zone's format has is right. It is false for the zero Zone.
func (z *Zone) Valid() bool {
	c := z.Checks
	for _, needed := range [...]Check{c.Number, c.Birth, c.Expiry, c.Characters} {
		if needed != Right {
			return false
		}
	}
	switch z.Format {
	case TD1, TD2:
		return c.Composite == Right
	case TD3:
		return c.Composite == Right && c.Optional == Right
	case MRVA, MRVB:
		return true
	}
	return false
}

// verify holds a check digit against the fields that it is computed from, one after the other: the sum of their values, weighted
// 7, 3, 1 and again from 7, modulo 10 (part 3, section 4.9). A digit that is none is wrong.
func verify(digit byte, fields ...[]byte) Check {
	sum, i := 0, 0
	for _, field := range fields {
		for _, c := range field {
			sum += int(value(c)) * weights[i%len(weights)]
			i++
		}
	}
	if !isDigit(digit) || sum%10 != int(digit-'0') {
		return Wrong
	}
	return Right
}

var weights = [3]int{7, 3, 1}

// value is 0 to 9 for digits, 10 to 35 for letters and 0 for the filler.
func value(c byte) byte {
	switch {
	case isDigit(c):
		return c - '0'
	case isLetter(c):
		return c - 'A' + 10
	}
	return 0
}

// checkCharacters looks at the fields that may not have both letters and digits.
func (z *Zone) checkCharacters() {
	z.Checks.Characters = Right
	for _, field := range [...][]byte{z.Issuer, z.Nationality, z.Primary, z.Secondary} {
		if !all(field, isLetter) {
			z.Checks.Characters = Wrong
		}
	}
	if !all(z.Birth, isDigit) || !all(z.Expiry, isDigit) || bytes.IndexByte([]byte("MFX<"), z.Sex) < 0 {
		z.Checks.Characters = Wrong
	}
}

// all reports whether a field has nothing but fillers and what is asked for.
func all(field []byte, is func(c byte) bool) bool {
	for _, c := range field {
		if c != filler && !is(c) {
			return false
		}
	}
	return true
}
