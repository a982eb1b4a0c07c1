package bcbp_test

import (
	"testing"
	"time"

	"passerelle/gateway/credential/bcbp"
)

// calendar is a walk over days, one by one, that knows nothing but the rule of leap years.
type calendar []struct{ year, month, dayOfMonth, day int }

func walk(from, until int) (c calendar) {
	lengths := [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	for year := from; year < until; year++ {
		day := 0
		for month, length := range lengths {
			if month == 1 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
				length++
			}
			for dayOfMonth := range length {
				day++
				c = append(c, struct{ year, month, dayOfMonth, day int }{year, month + 1, dayOfMonth + 1, day})
			}
		}
	}
	return c
}

// Every day of the year, asked for on each day of eight years, and of the years around a century that is no leap year.
func TestTheNearestDateIsFound(t *testing.T) {
	t.Parallel()
	for _, years := range [][2]int{{2023, 2031}, {2098, 2106}} {
		c := walk(years[0]-1, years[1]+1)
		epoch := time.Date(years[0]-1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
		for i := 366; i < len(c)-366; i++ {
			var nearest [368]int // by day: index in c
			for away := 183; away >= 0; away-- {
				nearest[c[i-away].day] = i - away
				nearest[c[i+away].day] = i + away
			}
			for day, j := range nearest {
				near := epoch + int64(i)*86400 + int64(day*i%86400) // any time of the day
				year, month, dayOfMonth, start, ok := bcbp.Date(day, near)
				if ok != (j != 0) {
					t.Fatalf("day %d from %+v: ok = %v, want %v", day, c[i], ok, j != 0)
				}
				if w := c[j]; ok && (year != w.year || month != w.month || dayOfMonth != w.dayOfMonth || start != epoch+int64(j)*86400) {
					t.Fatalf("day %d from %+v: %d-%d-%d, want %+v", day, c[i], year, month, dayOfMonth, w)
				}
			}
		}
	}
}

func TestDatesAroundNewYearAndLeapDays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		near string
		day  int
		want string // empty: none
	}{
		{"2026-12-31T23:59:59Z", 1, "2027-01-01"},
		{"2027-01-01T00:00:00Z", 365, "2026-12-31"},
		{"2025-01-01T06:00:00Z", 366, "2024-12-31"},
		{"2024-12-31T06:00:00Z", 366, "2024-12-31"},
		{"2025-07-02T00:00:00Z", 366, "2024-12-31"}, // 183 days
		{"2025-07-03T00:00:00Z", 366, ""},           // 184
		{"2024-06-30T00:00:00Z", 366, ""},           // 184
		{"2024-07-01T00:00:00Z", 366, "2024-12-31"},
		{"2026-06-15T00:00:00Z", 366, ""},
		{"2024-02-20T00:00:00Z", 60, "2024-02-29"},
		{"2025-02-20T00:00:00Z", 60, "2025-03-01"},
		{"2024-07-02T12:00:00Z", 1, "2025-01-01"}, // 183 days to either side
		{"2026-01-01T00:00:00Z", 0, ""},
		{"2026-01-01T00:00:00Z", 367, ""},
		{"2026-01-01T00:00:00Z", -1, ""},
		{"1969-12-31T23:59:59Z", 1, ""},
		{"1970-01-01T00:00:00Z", 1, "1970-01-01"},
		{"9998-12-31T23:59:59Z", 1, "9999-01-01"},
		{"9999-01-01T00:00:00Z", 1, ""},
	} {
		near, err := time.Parse(time.RFC3339, tt.near)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		year, month, dayOfMonth, start, ok := bcbp.Date(tt.day, near.Unix())
		if ok {
			got = time.Date(year, time.Month(month), dayOfMonth, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
		}
		if got != tt.want || ok && time.Unix(start, 0).UTC().Format(time.DateOnly) != got {
			t.Errorf("day %d from %s: %q (start %d), want %q", tt.day, tt.near, got, start, tt.want)
		}
	}
}

func TestTheDateOfIssueTellsThePassOfAnotherYear(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, issued, flight string
		want                 bcbp.Issue
	}{
		{"the day before", "6044", "2026-02-14", bcbp.IssueAgrees},
		{"the same day", "6045", "2026-02-14", bcbp.IssueAgrees},
		{"a day later, of another time zone", "6046", "2026-02-14", bcbp.IssueAgrees},
		{"two days later", "6047", "2026-02-14", bcbp.IssueDisagrees},
		{"the year before", "5044", "2026-02-14", bcbp.IssueDisagrees},
		{"the year after", "7044", "2026-02-14", bcbp.IssueDisagrees},
		{"over new year", "5365", "2026-01-01", bcbp.IssueAgrees},
		{"over new year, a day late", "6001", "2025-12-31", bcbp.IssueAgrees},
		{"half a year before", "5227", "2026-02-14", bcbp.IssueAgrees}, // 15 August: 183 days
		{"a day more", "5226", "2026-02-14", bcbp.IssueDisagrees},
		{"leap day", "4366", "2025-01-02", bcbp.IssueAgrees},
		{"a leap day of no leap year", "5366", "2026-01-02", bcbp.IssueDisagrees},
		{"decade", "9364", "2030-01-01", bcbp.IssueAgrees},
		{"blank", "    ", "2026-02-14", bcbp.IssueUnknown},
		{"no year", " 044", "2026-02-14", bcbp.IssueUnknown},
		{"zeros", "0000", "2026-02-14", bcbp.IssueUnknown},
		{"day 367", "6367", "2026-02-14", bcbp.IssueUnknown},
		{"letters", "6A44", "2026-02-14", bcbp.IssueUnknown},
	} {
		flight, err := time.Parse(time.DateOnly, tt.flight)
		if err != nil {
			t.Fatal(err)
		}
		p := parse(t, one(">6"+sized("1WM"+tt.issued+"BAT ")))
		if got := p.Issue(flight.Unix()); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
	p := parse(t, one(part()))
	for _, start := range []int64{-1, 253_370_764_800} {
		if got := p.Issue(start); got != bcbp.IssueUnknown {
			t.Errorf("start %d: %d", start, got)
		}
	}
	if got := parse(t, one("")).Issue(0); got != bcbp.IssueUnknown {
		t.Errorf("no date of issue: %d", got)
	}
}
