package list

import (
	"bytes"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of a list that is read as text.
const (
	MaxRow      = 4096      // bytes of a line or an object
	MaxInput    = 512 << 20 // bytes of a whole list
	MaxRefusals = 1000      // refused rows of which the reason is kept
)

// ErrInput is wrapped by the errors of ReadCSV and ReadJSON about a list that is not to be read at all.
var ErrInput = errors.New("list of codes")

// Row is one row of a list.
type Row struct {
	Number int    // CSV: the line, of which the header is 1; JSON: the object, counted from 1
	Code   []byte // valid until the function that it is given to returns; so is Secret
	Entry  Entry
	Secret []byte
}

// Report says what became of the rows.
type Report struct {
	Rows, Taken, Refused int
	Refusals             []Refusal // the first MaxRefusals
}

// Refusal says why a row was not taken. It never holds the row's code or secret.
type Refusal struct {
	Row    int // as Row.Number
	Reason string
}

// enter counts a row; err is why it is refused.
func (r *Report) enter(number int, err error) {
	r.Rows++
	if err == nil {
		r.Taken++
		return
	}
	if r.Refused++; len(r.Refusals) < MaxRefusals {
		r.Refusals = append(r.Refusals, Refusal{Row: number, Reason: err.Error()})
	}
}

// column is what a member of a row says.
type column int

// The columns. A missing one is empty in each row.
const (
	colCode      column = iota
	colFrom             // day (YYYY-MM-DD) or time (RFC 3339); a day is one of UTC, from its first second
	colUntil            // the same; a day to its last second
	colZone             // empty for any
	colUses             // 1 to 255; empty for 1
	colState            // listed, blocked or revoked; empty for listed
	colSecret           // base32 (RFC 4648, section 6), capitals or not, with padding or without; empty for no one-time suffix
	colDigits           // 6 or 8; empty for 6
	colPeriod           // seconds; empty for 30
	colAlgorithm        // SHA1 or SHA256, in any case; empty for SHA1
	numColumns
)

var columnNames = [numColumns]string{"code", "from", "until", "zone", "uses", "state", "secret", "digits", "period", "algorithm"}

// named collects the names of columns.
type named struct {
	seen    [numColumns]bool
	unknown error
}

// add returns the column of a name; numColumns for one that check will refuse.
func (n *named) add(name string) (column, error) {
	c := column(slices.Index(columnNames[:], name))
	if c < 0 {
		if n.unknown == nil {
			n.unknown = fmt.Errorf("unknown column %.32q; there are %s", name, strings.Join(columnNames[:], ", "))
		}
		return numColumns, nil
	}
	if n.seen[c] {
		return 0, fmt.Errorf("column %q stands twice", name)
	}
	n.seen[c] = true
	return c, nil
}

// check returns what is wrong with the names. An unknown one is told only beside a code: in a list without a header it may be one.
func (n *named) check() error {
	if !n.seen[colCode] {
		return fmt.Errorf("no column %q", columnNames[colCode])
	}
	return n.unknown
}

// fields are a row's texts, by column.
type fields [numColumns]string

// row reads the texts. Errors name the column, never what stands in it.
func (f *fields) row(number int) (row Row, err error) {
	row = Row{Number: number, Code: []byte(f[colCode])}
	if len(bytes.TrimSpace(row.Code)) != len(row.Code) {
		return Row{}, errors.New("code: white space around it")
	}
	e := &row.Entry
	e.Zone = f[colZone]
	for _, step := range []struct {
		column column
		read   func(text string) error
	}{
		{colFrom, func(s string) (err error) { e.From, err = moment(s, 0); return err }},
		{colUntil, func(s string) (err error) { e.Until, err = moment(s, 24*time.Hour-time.Second); return err }},
		{colUses, func(s string) (err error) { e.Uses, err = small[uint8](s); return err }},
		{colState, func(s string) (err error) { e.State, err = parseState(s); return err }},
		{colSecret, func(s string) (err error) { row.Secret, err = secretOf(s); return err }},
		{colDigits, func(s string) (err error) { e.Digits, err = small[uint8](s); return err }},
		{colPeriod, func(s string) (err error) { e.Period, err = small[uint16](s); return err }},
		{colAlgorithm, func(s string) (err error) { e.SHA256, err = parseAlgorithm(s); return err }},
	} {
		if err := step.read(f[step.column]); err != nil {
			return Row{}, fmt.Errorf("%s: %w", columnNames[step.column], err)
		}
	}
	e.OneTime = len(row.Secret) > 0
	return row, nil
}

// moment reads a time, or a day as the time that is so far into it; nothing is 0.
func moment(s string, into time.Duration) (int64, error) {
	if s == "" {
		return 0, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err == nil {
		t = t.Add(into)
	} else if t, err = time.Parse(time.RFC3339, s); err != nil {
		return 0, errors.New("neither a day (YYYY-MM-DD) nor a time (RFC 3339)")
	}
	if t.Unix() <= 0 || t.Unix() > MaxTime {
		return 0, ErrTimes
	}
	return t.Unix(), nil
}

// small reads a positive number; nothing is 0.
func small[T uint8 | uint16](s string) (T, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 || n > uint64(^T(0)) {
		return 0, fmt.Errorf("not a number from 1 to %d", ^T(0))
	}
	return T(n), nil
}

func parseState(s string) (State, error) {
	if s == "" {
		return Listed, nil
	}
	for state, name := range stateNames {
		if name == s {
			return State(state), nil
		}
	}
	return 0, fmt.Errorf("none of %s", strings.Join(stateNames[:], ", "))
}

func parseAlgorithm(s string) (isSHA256 bool, err error) {
	switch strings.ToUpper(s) {
	case "", "SHA1":
		return false, nil
	case "SHA256":
		return true, nil
	}
	return false, errors.New("neither SHA1 nor SHA256")
}

func secretOf(s string) ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(strings.TrimRight(s, "=")))
	if err != nil || len(b) == 0 || strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("not base32")
	}
	return b, nil
}
