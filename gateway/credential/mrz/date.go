package mrz

import "time"

// Date is a day of the Gregorian calendar. A part that the document leaves open is 0.
type Date struct {
	Year, Month, Day int
}

// Whole reports whether every part is known.
func (d Date) Whole() bool { return d.Year != 0 && d.Month != 0 && d.Day != 0 }

// expiryAhead is how many years after the present one a date of expiry may lie; the window is a century long. Documents are
// valid for 15 years at most, but for the few that say 99 where they mean for ever: those seem to have expired, and a person
// decides. Set further ahead, it would make a document that expired decades ago valid.
const expiryAhead = 49

// BirthDate returns the holder's date of birth. The zone has two digits of the year: it is the latest one that makes the date
// not later than now's day in now's location, so that a person over a hundred comes out a century too young. Whoever compares
// with a date of four digits compares Birth with its last two. Fillers are parts that are not known (part 3, section 4.8).
// It returns false where Birth is no date.
func (z *Zone) BirthDate(now time.Time) (Date, bool) {
	d, known, ok := parse(z.Birth)
	if !ok {
		return Date{}, false
	}
	if known {
		year, month, day := now.Date()
		d.Year += year - year%100
		if d.Year > year || d.Year == year && (d.Month > int(month) || d.Month == int(month) && d.Day > day) {
			d.Year -= 100
		}
	}
	if !exists(d) {
		return Date{}, false
	}
	return d, true
}

// ExpiryDate returns the last day on which the document is valid, or the visa may be used. The year is the one that is at most
// 49 years after now's and at most 50 before it. It returns false where Expiry is no whole date: Doc 9303 lets no part of it
// be unknown, and who asks must not take an open date for a late one.
func (z *Zone) ExpiryDate(now time.Time) (Date, bool) {
	d, known, ok := parse(z.Expiry)
	if !ok || !known || d.Month == 0 || d.Day == 0 {
		return Date{}, false
	}
	year := now.Year()
	d.Year += year - year%100
	if d.Year > year+expiryAhead {
		d.Year -= 100
	} else if d.Year <= year+expiryAhead-100 {
		d.Year += 100
	}
	if !exists(d) {
		return Date{}, false
	}
	return d, true
}

// parse reads YYMMDD, where any part may be <<. The year has no century yet; known says whether it is there.
func parse(field []byte) (d Date, known, ok bool) {
	if len(field) != len("YYMMDD") {
		return Date{}, false, false
	}
	var part [3]int
	for i := range part {
		tens, ones := field[2*i], field[2*i+1]
		switch {
		case isDigit(tens) && isDigit(ones):
			part[i] = int(tens-'0')*10 + int(ones-'0')
			known = known || i == 0
			if i > 0 && part[i] == 0 {
				return Date{}, false, false
			}
		case tens != filler || ones != filler:
			return Date{}, false, false
		}
	}
	return Date{Year: part[0], Month: part[1], Day: part[2]}, known, true
}

// exists reports whether the calendar has the day: what is not known may be anything.
func exists(d Date) bool {
	year, month := d.Year, d.Month
	if year == 0 {
		year = 2000 // a leap year
	}
	if month == 0 {
		month = 1 // a month of 31 days
	}
	if month > 12 {
		return false
	}
	last := time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return d.Day <= last
}
