// Package rows reads the lines that codes come in for bulk verification: one code a line, plain or as JSON.
//
// POST /v1/verify and `passerelle verify` share it, so that a file means the same to both. A plain row is the code, byte for
// byte. A JSON row is one object (RFC 8259) with a member "payload", the code as text, and perhaps "now", the time at which it is
// to be judged (RFC 3339). Other members are allowed and not looked at, as long as they are JSON: such rows come out of tables
// that have an id and columns of their own, and to be without them would mean another file for each question.
//
// What could mean one thing to its writer and another here is refused: "payload" or "now" twice, or in another case; any type
// but text for them, null too; text after the object; bytes that are not UTF-8 and halves of surrogate pairs (RFC 7493,
// section 2.1), for which other readers put a replacement character, so that the code would be another one.
//
// The parser knows this one object and nothing else. It is on the way of every row of a bulk run, where encoding/json would cost
// more than decoding the code does: it reads once, from left to right, unescapes in place and never allocates. Its tests hold it
// against encoding/json.
package rows

import (
	"bytes"
	"errors"
	"unicode/utf8"
)

// Limits of one row.
const (
	MaxLine  = 64 << 10 // bytes of a JSON row: room for the longest code, each byte of it escaped, and for other members
	MaxDepth = 32       // objects and arrays one in the other, the row itself being the first
)

// Why a row is refused.
var (
	ErrLong      = errors.New("longer than a row may be")
	ErrEncoding  = errors.New("not UTF-8")
	ErrSyntax    = errors.New("not one JSON object")
	ErrDepth     = errors.New("nested too deep")
	ErrSurrogate = errors.New("half of a surrogate pair")
	ErrNoPayload = errors.New(`no member "payload"`)
	ErrRepeated  = errors.New(`"payload" or "now" twice`)
	ErrCase      = errors.New(`"payload" or "now" in another case`)
	ErrType      = errors.New(`"payload" or "now" is no text`)
	ErrTime      = errors.New(`"now" is no time of RFC 3339`)
)

// Row is what a JSON row says.
type Row struct {
	Payload []byte // in the line given to Parse
	Now     int64  // unix seconds, if Dated
	Dated   bool   // the row has a time of its own
}

// Cut returns the first row of text and what follows its line feed. A carriage return at the row's end belongs to the end. If
// there is no line feed, ended is false and the row is all there is.
func Cut(text []byte) (row, rest []byte, ended bool) {
	row, rest, ended = bytes.Cut(text, []byte{'\n'})
	if n := len(row); n > 0 && row[n-1] == '\r' {
		row = row[:n-1]
	}
	return row, rest, ended
}

// Parse reads one JSON row. It unescapes in place: line is overwritten, also if there is an error, which is one of this package's.
func Parse(line []byte) (Row, error) {
	if len(line) > MaxLine {
		return Row{}, ErrLong
	}
	if !utf8.Valid(line) {
		return Row{}, ErrEncoding
	}
	c := cursor{text: line}
	var m members
	if err := c.row(&m); err != nil {
		return Row{}, err
	}
	if m.payload == nil {
		return Row{}, ErrNoPayload
	}
	row := Row{Payload: m.payload, Dated: m.now != nil}
	if row.Dated {
		var ok bool
		if row.Now, ok = unixTime(m.now); !ok {
			return Row{}, ErrTime
		}
	}
	return row, nil
}

// members are the texts of the two members that are known, nil if a row lacks them.
type members struct {
	payload, now []byte
}

// row reads the object and that nothing follows it.
func (c *cursor) row(m *members) error {
	if !c.next('{') {
		return ErrSyntax
	}
	for more := !c.next('}'); more; {
		name, err := c.quoted()
		if err != nil {
			return err
		}
		if !c.next(':') {
			return ErrSyntax
		}
		if err := c.member(m, name); err != nil {
			return err
		}
		if more = c.next(','); !more && !c.next('}') {
			return ErrSyntax
		}
	}
	if c.space(); c.at < len(c.text) {
		return ErrSyntax
	}
	return nil
}

// member reads the value of the member of that name.
func (c *cursor) member(m *members, name []byte) (err error) {
	var text *[]byte
	switch {
	case string(name) == "payload":
		text = &m.payload
	case string(name) == "now":
		text = &m.now
	case bytes.EqualFold(name, []byte("payload")), bytes.EqualFold(name, []byte("now")):
		return ErrCase
	default:
		return c.skip(1)
	}
	if *text != nil {
		return ErrRepeated
	}
	if !c.sees('"') {
		if err := c.skip(1); err != nil {
			return err
		}
		return ErrType
	}
	*text, err = c.quoted()
	return err
}
