package identity

import "passerelle/gateway/policy"

// birth is a date of birth as far as a document knows it; years are those of the century, since machine-readable zones have no other.
// Month and day are -1 where they are not known. The zero birth knows nothing.
type birth struct {
	known            bool
	year, month, day int8
}

// setBirth reads YYYY-MM-DD, YYYY-MM, YYYY, YYYYMMDD, or YYMMDD with < or 0 for what is not known; a time may follow a date. Anything else is not
// known.
func (p *Person) setBirth(b []byte) {
	p.birth = birth{}
	switch {
	case len(b) == 8 && !hasHyphen(b):
		p.birth = birth{year: two(b[2:]), month: two(b[4:]), day: two(b[6:])}
	case len(b) == 6 && !hasHyphen(b):
		p.birth = birth{year: two(b), month: two(b[2:]), day: two(b[4:])}
	case len(b) >= 4:
		p.birth = birth{year: two(b[2:]), month: -1, day: -1}
		if two(b) < 0 || len(b) > 4 && b[4] != '-' {
			p.birth.year = -1
		}
		if len(b) >= 7 {
			p.birth.month = two(b[5:])
		}
		if len(b) >= 10 && b[7] == '-' {
			p.birth.day = two(b[8:])
		}
	}
	if len(b) >= 4 {
		p.birth.known = p.birth.year >= 0
	}
	if p.birth.month == 0 {
		p.birth.month = -1
	}
	if p.birth.day == 0 {
		p.birth.day = -1
	}
}

func hasHyphen(b []byte) bool {
	for _, c := range b {
		if c == '-' {
			return true
		}
	}
	return false
}

// two reads two digits; -1 for anything else.
func two(b []byte) int8 {
	if len(b) < 2 || b[0] < '0' || b[0] > '9' || b[1] < '0' || b[1] > '9' {
		return -1
	}
	return int8(b[0]-'0')*10 + int8(b[1]-'0')
}

// compareBirths is Unclear if a side knows no year. What only one side knows of month and day is no disagreement.
func compareBirths(a, b birth) policy.Binding {
	if !a.known || !b.known {
		return policy.Unclear
	}
	if a.year != b.year || differ(a.month, b.month) || differ(a.day, b.day) {
		return policy.Different
	}
	return policy.Same
}

func differ(a, b int8) bool { return a >= 0 && b >= 0 && a != b }
