//go:build !race

package rows

import (
	"bytes"
	"testing"
)

// TestParseDoesNotAllocate covers rows that are taken and rows that are refused.
func TestParseDoesNotAllocate(t *testing.T) {
	for _, s := range []string{
		`{"payload":"HC1:6BF"}`,
		`{"payload":"\u0041\ud83d\ude00\n","now":"2021-06-01T12:00:00Z","id":{"a":[1,2,3]}}`,
		`{"payload":"x","now":"2021-06-01T12:00:00.5+05:45"}`,
		`{"payload":"x","now":"2021-02-30T12:00:00Z"}`,
		``,
		`{"payload":1}`,
		`{"payload":"x","payload":"y"}`,
		`{"payload":"\ud800"}`,
		"{\"payload\":\"\xff\"}",
	} {
		line := make([]byte, len(s))
		_, want := Parse([]byte(s))
		if n := testing.AllocsPerRun(100, func() {
			copy(line, s)
			if _, err := Parse(line); err != want {
				t.Errorf("%s: got %v, want %v", s, err, want)
			}
			for text := line; len(text) > 0; {
				_, text, _ = Cut(text)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations, want 0", s, n)
		}
	}
	if row, err := Parse(bytes.Repeat([]byte(" "), MaxLine+1)); err != ErrLong || row.Payload != nil {
		t.Errorf("got %v, want %v", err, ErrLong)
	}
}
