package mrz_test

import (
	"fmt"
	"strconv"
	"strings"

	"passerelle/gateway/credential/mrz"
)

// document is what a zone is built from. The builder knows the layouts by itself: it shares nothing with the package.
type document struct {
	format                    mrz.Format
	kind, issuer, nationality string
	number, birth, expiry     string
	sex, optional1, optional2 string
	names                     string // with fillers, cut at the field's width
	emptyOptionalIsFiller     bool   // TD3: < as the digit of an unused personal number
	lone                      bool   // TD1, TD2: < as the digit of a short document number
}

// lines returns the zone's lines with every digit right.
func (d document) lines() []string {
	head := fill(d.kind, 2) + fill(d.issuer, 3)
	dates := d.birth + digit(d.birth) + d.sex + d.expiry + digit(d.expiry)
	number, optional := d.number, d.optional1
	numberDigit := digit(fill(number, 9))
	if len(number) > 9 {
		optional = number[9:] + digit(number) + "<" + optional
		number, numberDigit = number[:9], "<"
	}
	if d.lone {
		numberDigit = "<"
	}
	number = fill(number, 9) + numberDigit
	switch d.format {
	case mrz.TD1:
		one := head + number + fill(optional, 15)
		two := dates + fill(d.nationality, 3) + fill(d.optional2, 11)
		return []string{one, two + digit(one[5:]+two[:7]+two[8:15]+two[18:]), fill(d.names, 30)}
	case mrz.TD2:
		two := number + fill(d.nationality, 3) + dates + fill(optional, 7)
		return []string{head + fill(d.names, 31), two + digit(two[:10]+two[13:20]+two[21:])}
	case mrz.TD3:
		optional = fill(optional, 14)
		if d.emptyOptionalIsFiller {
			optional += "<"
		} else {
			optional += digit(optional)
		}
		two := number + fill(d.nationality, 3) + dates + optional
		return []string{head + fill(d.names, 39), two + digit(two[:10]+two[13:20]+two[21:])}
	case mrz.MRVA:
		return []string{head + fill(d.names, 39), number + fill(d.nationality, 3) + dates + fill(optional, 16)}
	case mrz.MRVB:
		return []string{head + fill(d.names, 31), number + fill(d.nationality, 3) + dates + fill(optional, 8)}
	}
	panic(fmt.Sprintf("no format %v", d.format))
}

// fill brings s to a width with fillers, or cuts it.
func fill(s string, width int) string {
	if len(s) > width {
		return s[:width]
	}
	return s + strings.Repeat("<", width-len(s))
}

// digit computes a check digit as Doc 9303, part 3, section 4.9 has it.
func digit(s string) string {
	sum := 0
	for i, c := range strings.ReplaceAll(s, "<", "0") {
		v, err := strconv.ParseInt(string(c), 36, 0)
		if err != nil {
			panic(fmt.Sprintf("%q: %v", s, err))
		}
		sum += int(v) * []int{7, 3, 1}[i%3]
	}
	return strconv.Itoa(sum % 10)
}

// joined returns the zone as one line.
func (d document) joined() []byte {
	return []byte(strings.Join(d.lines(), ""))
}

// card is a Moroccan national card's layout with invented data: the card's serial is its document number, the CNIE's number the
// optional data.
func card() document {
	return document{
		format: mrz.TD1, kind: "ID", issuer: "MAR", nationality: "MAR", number: "VSX00001", birth: "860314", expiry: "331113",
		sex: "F", optional1: "XX123456", names: "EL<IDRISSI<<FATIMA<ZAHRA",
	}
}

func passport() document {
	return document{
		format: mrz.TD3, kind: "P", issuer: "UTO", nationality: "UTO", number: "L898902C3", birth: "740812", expiry: "300415",
		sex: "F", optional1: "ZE184226B", names: "ERIKSSON<<ANNA<MARIA",
	}
}

func visa(f mrz.Format) document {
	d := passport()
	d.format, d.kind, d.optional1 = f, "V", "ZE184226"
	return d
}

func large() document {
	d := card()
	d.format, d.optional1, d.names = mrz.TD2, "AB12", "BENALI<<MOHAMED"
	return d
}

func all() []document {
	return []document{card(), large(), passport(), visa(mrz.MRVA), visa(mrz.MRVB)}
}
