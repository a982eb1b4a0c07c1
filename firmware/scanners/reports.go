package scanners

import (
	"errors"
	"fmt"

	"passerelle/drivers/frame"
	"passerelle/drivers/keyboard"
)

var errEmpty = errors.New("an empty code")

// Reports is what the scanner sends for a code over HID: point-of-sale reports, or a keyboard's. A keyboard has an error for a code
// with a character that its layout has no key for.
func (s *Scanner) Reports(code []byte) ([][]byte, error) {
	var reports [][]byte
	var err error
	switch {
	case len(code) == 0:
		err = errEmpty
	case s.Link == HIDPOS:
		reports = s.posReports(code)
	case s.Link == HIDKeyboard:
		reports, err = s.keyReports(code)
	default:
		err = errLink
	}
	if err != nil {
		return nil, fmt.Errorf("scan with %s: %w", s.Name, err)
	}
	return reports, nil
}

// posReports cuts a code into reports. The AIM identifier is in its field, in every report, where there is one; else in front of the code.
func (s *Scanner) posReports(code []byte) (reports [][]byte) {
	l := s.POS
	head, tail := s.around()
	if l.AIM > 0 {
		head = s.Prefix
	}
	rest := []byte(head + string(code) + tail)
	for {
		n := min(len(rest), l.Size)
		r := make([]byte, l.Length)
		r[0] = l.ID
		r[l.Count] = byte(n)
		copy(r[l.Data:], rest[:n])
		if l.AIM > 0 {
			copy(r[l.AIM:], s.AIM)
		}
		if l.Own > 0 {
			r[l.Own] = l.OwnQR
		}
		rest = rest[n:]
		if len(rest) > 0 {
			r[l.More] = 1
		}
		reports = append(reports, r)
		if len(rest) == 0 {
			return reports
		}
	}
}

// keyReports types a code.
func (s *Scanner) keyReports(code []byte) ([][]byte, error) {
	keys, err := s.Layout.AppendKeys(nil, []byte(s.Prefix+s.AIM+string(code)))
	if err != nil {
		return nil, err
	}
	end := byte(keyboard.Enter)
	if t, _ := s.Frame(); t == frame.TAB {
		end = keyboard.Tab
	}
	var reports [][]byte
	for _, boot := range keyboard.AppendReports(nil, append(keys, frame.Key{Code: end})) {
		r := make([]byte, s.Keys.Length)
		r[0] = s.Keys.ID
		r[s.Keys.Modifiers] = boot[0]
		r[s.Keys.First] = boot[2]
		reports = append(reports, r)
	}
	return reports, nil
}
