package bcbp

import "time"

const (
	maxDay     = 366
	reach      = 183 // days: half a year
	daySeconds = 24 * 60 * 60
	maxNear    = 253_370_764_800 // 9999-01-01, unix seconds
)

// dayOfYear reads at most three digits. The number may be too large.
func dayOfYear(b []byte) (n int, ok bool) {
	if len(b) == 0 || len(b) > 3 {
		return 0, false
	}
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// Date returns the date that a day of the year, 1 to 366, means, since passes have no year: the one nearest to near, unix
// seconds, at most 183 days from its date in UTC. Of two equally near, 183 days to either side, it is the later one. start is
// 00:00 UTC of it in unix seconds. It is not ok if there is none: day 366 exists in leap years only, and one must be in reach.
func Date(day int, near int64) (year, month, dayOfMonth int, start int64, ok bool) {
	if day < 1 || day > maxDay || near < 0 || near >= maxNear {
		return 0, 0, 0, 0, false
	}
	today := near - near%daySeconds
	best := int64(reach + 1)
	for y := time.Unix(near, 0).UTC().Year() - 1; y <= time.Unix(near, 0).UTC().Year()+1; y++ {
		t, exists := ofYear(y, day)
		if !exists {
			continue
		}
		if away := abs(t.Unix()-today) / daySeconds; away < best || away == best && best <= reach {
			best, start, ok = away, t.Unix(), true
			year, month, dayOfMonth = t.Year(), int(t.Month()), t.Day()
		}
	}
	return year, month, dayOfMonth, start, ok
}

// ofYear returns 00:00 UTC of a day of a year, if the year has it.
func ofYear(year, day int) (t time.Time, exists bool) {
	t = time.Date(year, time.January, day, 0, 0, 0, 0, time.UTC)
	return t, t.Year() == year
}

func abs(n int64) int64 { return max(n, -n) }

// Issue is what the date of issue says about a flight's date.
type Issue uint8

// The answers.
const (
	IssueUnknown   Issue = iota // there is no date of issue, or it is no date
	IssueAgrees                 // issued at most half a year before the flight
	IssueDisagrees              // issued at another time: the pass is that of another year's flight
)

// Issue compares the pass's date of issue, the last digit of a year and a day, with a flight's date as Date gives it. It tells a
// pass of today from one of the same day a year ago or ahead, which Date cannot. The date of issue may be one day after that of
// the flight, since it need not be of the same time zone.
func (p *Pass) Issue(start int64) Issue {
	if len(p.Issued) != 4 || !isDigit(p.Issued[0]) || start < 0 || start >= maxNear {
		return IssueUnknown
	}
	day, ok := dayOfYear(p.Issued[1:])
	if !ok || day < 1 || day > maxDay {
		return IssueUnknown
	}
	year := time.Unix(start, 0).UTC().Year()
	for y := year - 1; y <= year+1; y++ {
		issued, exists := ofYear(y, day)
		if !exists || y%10 != int(p.Issued[0]-'0') {
			continue
		}
		if before := (start - issued.Unix()) / daySeconds; -1 <= before && before <= reach {
			return IssueAgrees
		}
	}
	return IssueDisagrees
}
