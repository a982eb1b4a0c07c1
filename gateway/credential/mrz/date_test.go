package mrz_test

import (
	"testing"
	"time"

	"passerelle/gateway/credential/mrz"
)

func TestATwoDigitYearGetsItsCenturyFromTheWindow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		field string
		now   time.Time
		birth mrz.Date
		isB   bool
		exp   mrz.Date
		isE   bool
	}{
		{"860314", now, mrz.Date{Year: 1986, Month: 3, Day: 14}, true, mrz.Date{Year: 1986, Month: 3, Day: 14}, true},
		{"260615", now, mrz.Date{Year: 2026, Month: 6, Day: 15}, true, mrz.Date{Year: 2026, Month: 6, Day: 15}, true},
		{"260616", now, mrz.Date{Year: 1926, Month: 6, Day: 16}, true, mrz.Date{Year: 2026, Month: 6, Day: 16}, true},
		{"260701", now, mrz.Date{Year: 1926, Month: 7, Day: 1}, true, mrz.Date{Year: 2026, Month: 7, Day: 1}, true},
		{"270101", now, mrz.Date{Year: 1927, Month: 1, Day: 1}, true, mrz.Date{Year: 2027, Month: 1, Day: 1}, true},
		{"751231", now, mrz.Date{Year: 1975, Month: 12, Day: 31}, true, mrz.Date{Year: 2075, Month: 12, Day: 31}, true},
		{"760101", now, mrz.Date{Year: 1976, Month: 1, Day: 1}, true, mrz.Date{Year: 1976, Month: 1, Day: 1}, true},
		{"990101", now, mrz.Date{Year: 1999, Month: 1, Day: 1}, true, mrz.Date{Year: 1999, Month: 1, Day: 1}, true},
		{"000229", now, mrz.Date{Year: 2000, Month: 2, Day: 29}, true, mrz.Date{Year: 2000, Month: 2, Day: 29}, true},
		{"280229", now, mrz.Date{Year: 1928, Month: 2, Day: 29}, true, mrz.Date{Year: 2028, Month: 2, Day: 29}, true},
		{"100101", now.AddDate(73, 0, 0), mrz.Date{Year: 2010, Month: 1, Day: 1}, true, mrz.Date{Year: 2110, Month: 1, Day: 1}, true},
		{"250229", now, mrz.Date{}, false, mrz.Date{}, false},
		{"860230", now, mrz.Date{}, false, mrz.Date{}, false},
		{"861301", now, mrz.Date{}, false, mrz.Date{}, false},
		{"860001", now, mrz.Date{}, false, mrz.Date{}, false},
		{"860100", now, mrz.Date{}, false, mrz.Date{}, false},
		{"860132", now, mrz.Date{}, false, mrz.Date{}, false},
		{"8603<<", now, mrz.Date{Year: 1986, Month: 3}, true, mrz.Date{}, false},
		{"86<<<<", now, mrz.Date{Year: 1986}, true, mrz.Date{}, false},
		{"26<<<<", now, mrz.Date{Year: 2026}, true, mrz.Date{}, false},
		{"2607<<", now, mrz.Date{Year: 1926, Month: 7}, true, mrz.Date{}, false},
		{"<<0229", now, mrz.Date{Month: 2, Day: 29}, true, mrz.Date{}, false},
		{"<<0230", now, mrz.Date{}, false, mrz.Date{}, false},
		{"<<<<31", now, mrz.Date{Day: 31}, true, mrz.Date{}, false},
		{"<<<<<<", now, mrz.Date{}, true, mrz.Date{}, false},
		{"86031<", now, mrz.Date{}, false, mrz.Date{}, false},
		{"<60314", now, mrz.Date{}, false, mrz.Date{}, false},
		{"8603I4", now, mrz.Date{}, false, mrz.Date{}, false},
		{"", now, mrz.Date{}, false, mrz.Date{}, false},
	} {
		z := mrz.Zone{Birth: []byte(tt.field), Expiry: []byte(tt.field)}
		if got, is := z.BirthDate(tt.now); got != tt.birth || is != tt.isB {
			t.Errorf("birth %s in %d: got %v %v, want %v %v", tt.field, tt.now.Year(), got, is, tt.birth, tt.isB)
		}
		if got, is := z.ExpiryDate(tt.now); got != tt.exp || is != tt.isE {
			t.Errorf("expiry %s in %d: got %v %v, want %v %v", tt.field, tt.now.Year(), got, is, tt.exp, tt.isE)
		}
	}
}

func TestADateIsWholeWhereEveryPartIsKnown(t *testing.T) {
	t.Parallel()
	if !(mrz.Date{Year: 1986, Month: 3, Day: 14}).Whole() {
		t.Error("a whole date is not")
	}
	for _, d := range []mrz.Date{{}, {Year: 1986}, {Year: 1986, Month: 3}, {Month: 3, Day: 14}} {
		if d.Whole() {
			t.Errorf("%v is whole", d)
		}
	}
}
