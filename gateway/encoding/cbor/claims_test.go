package cbor

import (
	"errors"
	"testing"
)

func TestKeysAreLabelsOrNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		hex   string
		label int64
		name  string
	}{
		{"a1 01 00", 1, ""},
		{"a1 1801 00", 1, ""},
		{"a1 3a00011170 00", -70001, ""},
		{"a1 3b7fffffffffffffff 00", NoLabel, ""}, // the smallest int64: nobody's label
		{"a1 6161 00", NoLabel, "a"},
		{"a1 7f 6161 6162 ff 00", NoLabel, "ab"},
	} {
		for _, labels := range []bool{true, false} {
			var c Cursor
			c.Reset(unhex(t, tt.hex))
			m := c.Map()
			if !c.More(&m) {
				t.Fatalf("%s: %v", tt.hex, c.Err())
			}
			if labels {
				if got := c.Label(); got != tt.label {
					t.Errorf("%s: label %d, want %d", tt.hex, got, tt.label)
				}
			} else if got := string(c.Name()); got != tt.name {
				t.Errorf("%s: name %q, want %q", tt.hex, got, tt.name)
			}
			c.Skip()
			if c.More(&m) {
				t.Errorf("%s: another pair", tt.hex)
			}
			c.End()
			if c.Err() != nil {
				t.Errorf("%s: %v", tt.hex, c.Err())
			}
		}
	}
}

func TestAKeyThatFitsNoLabelIsRefused(t *testing.T) {
	t.Parallel()
	var c Cursor
	c.Reset(unhex(t, "a1 1bffffffffffffffff 00"))
	m := c.Map()
	c.More(&m)
	if got := c.Label(); got != 0 || !errors.Is(c.Err(), ErrRange) {
		t.Errorf("label %d, %v, want ErrRange", got, c.Err())
	}
}

func TestOnlyNullIsSkippedAsNull(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		hex  string
		null bool
	}{{"f6", true}, {"f7", true}, {"f4", false}, {"00", false}, {"60", false}, {"", false}} {
		var c Cursor
		c.Reset(unhex(t, tt.hex))
		if got := c.SkipNull(); got != tt.null || c.Err() != nil || (c.Offset() != 0) != tt.null {
			t.Errorf("%q: SkipNull = %v at %d, %v, want %v", tt.hex, got, c.Offset(), c.Err(), tt.null)
		}
	}
}

func TestDatesAreSecondsOfThisEra(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, hex string
		date      int64
		want      error
	}{
		{"1970", "00", 0, nil},
		{"an integer", "1a514b67b0", 1363896240, nil},
		{"a half second", "fb41d452d9ec200000", 1363896240, nil},
		{"a float16", "f93c00", 1, nil},
		{"minus zero", "f98000", 0, nil},
		{"the last second of the year 9999", "1b0000003afff4417f", MaxDate, nil},
		{"half a second later", "fb424d7ffa20bfc000", MaxDate, nil},
		{"one second later", "1b0000003afff44180", 0, ErrRange},
		{"before 1970", "20", 0, ErrRange},
		{"half a second before 1970", "f9b800", 0, ErrRange},
		{"2^64-1", "1bffffffffffffffff", 0, ErrRange},
		{"not a number", "f97e00", 0, ErrRange},
		{"without end", "f97c00", 0, ErrRange},
		{"text", "6130", 0, ErrType},
		{"null", "f6", 0, ErrType},
		{"tagged as a time", "c100", 0, ErrType},
	} {
		var c Cursor
		c.Reset(unhex(t, tt.hex))
		got := c.NumericDate()
		c.End()
		if got != tt.date || !errors.Is(c.Err(), tt.want) {
			t.Errorf("%s: %d, %v, want %d, %v", tt.name, got, c.Err(), tt.date, tt.want)
		}
		if tt.want != nil && c.Offset() != 0 {
			t.Errorf("%s: the error is at %d, want 0", tt.name, c.Offset())
		}
	}
}
