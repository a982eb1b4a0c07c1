package mrz_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"passerelle/gateway/credential/mrz"
)

func FuzzParse(f *testing.F) {
	for _, d := range all() {
		lines := d.lines()
		f.Add([]byte(strings.Join(lines, "")))
		f.Add([]byte(strings.Join(lines, "\r\n")))
		f.Add([]byte("\x02" + strings.Join(lines, "\r") + "\r\x03"))
		f.Add([]byte("\x01\x5fOU\x02A" + strings.Join(lines, "\r") + "\r\x03\x41"))
	}
	f.Add([]byte("I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<"))
	f.Add([]byte("]\r]o1\r\x02\x03"))
	now := time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		var z mrz.Zone
		err := z.Parse(b)
		if !bytes.Equal(b, before) {
			t.Error("the input is changed")
		}
		if err == nil && bytes.Contains(b, []byte("<<")) && !mrz.Shaped(b) {
			t.Error("parsed, and not seen as a zone")
		}
		if err != nil {
			if !errors.Is(err, mrz.ErrMalformed) || z.Valid() {
				t.Errorf("error %v, valid %v", err, z.Valid())
			}
			return
		}
		if z.Format == mrz.NoFormat || len(z.Birth) != 6 || len(z.Expiry) != 6 || len(z.Primary)+len(z.Secondary) == 0 {
			t.Errorf("accepted without its fields: %+v", z)
		}
		if n := len(z.AppendNumber(nil)); n > mrz.MaxNumber {
			t.Errorf("a number of %d characters", n)
		}
		if d, is := z.BirthDate(now); is && d.Year > now.Year() {
			t.Errorf("born in %d", d.Year)
		}
		if d, is := z.ExpiryDate(now); is != d.Whole() {
			t.Errorf("expiry %v, %v", d, is)
		}
	})
}
