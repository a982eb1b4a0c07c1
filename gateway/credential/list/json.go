package list

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// ReadJSON calls add for each row of a list in JSON: an array of objects, or objects one behind the other. Their members are named
// as the columns of ReadCSV and are texts; numbers will do where a number is meant, and null where nothing is. The code is always a
// text, since a number loses its leading zeros. Rows are refused one by one as ReadCSV does it; what is no JSON ends the reading with an
// error, and what add was given before is then not to be used.
func ReadJSON(r io.Reader, add func(Row) error) (Report, error) { return readJSON(r, MaxInput, add) }

func readJSON(r io.Reader, limit int64, add func(Row) error) (Report, error) {
	left := &io.LimitedReader{R: r, N: limit + 1}
	input := bufio.NewReader(left)
	array, err := isArray(input)
	if err != nil {
		return Report{}, err
	}
	d := json.NewDecoder(input)
	if array {
		if _, err := d.Token(); err != nil {
			return Report{}, jsonError(err, left, 1)
		}
	}
	var report Report
	var object json.RawMessage
	for !array || d.More() {
		number := report.Rows + 1
		err := d.Decode(&object)
		if err == io.EOF && !array {
			break
		}
		if err != nil {
			return Report{}, jsonError(err, left, number)
		}
		report.enter(number, readObject(object, number, add))
	}
	if array {
		if _, err := d.Token(); err != nil {
			return Report{}, jsonError(err, left, report.Rows+1)
		}
		if _, err := d.Token(); err != io.EOF {
			return Report{}, fmt.Errorf("%w: something follows the array", ErrInput)
		}
	}
	if left.N == 0 {
		return Report{}, jsonError(nil, left, report.Rows)
	}
	return report, nil
}

// isArray looks at the first character of a list.
func isArray(input *bufio.Reader) (bool, error) {
	if mark, _ := input.Peek(3); string(mark) == "\ufeff" {
		_, _ = input.Discard(3) // they are in the buffer
	}
	for {
		c, err := input.ReadByte()
		switch {
		case err == io.EOF:
			return false, fmt.Errorf("%w: empty", ErrInput)
		case err != nil:
			return false, fmt.Errorf("%w: %w", ErrInput, err)
		case c == '[' || c == '{':
			return c == '[', input.UnreadByte()
		case strings.IndexByte(" \t\r\n", c) < 0:
			return false, fmt.Errorf("%w: neither an array nor an object", ErrInput)
		}
	}
}

// jsonError is why the reading ends at an object. What the decoder says of the syntax is left out: it quotes the text.
func jsonError(err error, left *io.LimitedReader, object int) error {
	var syntax *json.SyntaxError
	switch {
	case left.N == 0:
		return fmt.Errorf("%w: %w", ErrInput, errLarge)
	case errors.As(err, &syntax):
		return fmt.Errorf("%w: object %d: no JSON at byte %d", ErrInput, object, syntax.Offset)
	case err == io.EOF, err == io.ErrUnexpectedEOF:
		return fmt.Errorf("%w: object %d: the list ends in the middle", ErrInput, object)
	}
	return fmt.Errorf("%w: object %d: %w", ErrInput, object, err)
}

func readObject(object []byte, number int, add func(Row) error) error {
	if len(object) > MaxRow {
		return errLong
	}
	if !utf8.Valid(object) {
		return errors.New("not UTF-8")
	}
	f, err := members(object)
	if err != nil {
		return err
	}
	row, err := f.row(number)
	if err != nil {
		return err
	}
	return add(row)
}

var errObject = errors.New("not an object")

// members reads an object whose syntax the decoder found right.
func members(object []byte) (f fields, err error) {
	d := json.NewDecoder(bytes.NewReader(object))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return fields{}, errObject
	}
	var n named
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		var value json.RawMessage
		if err != nil || !ok || d.Decode(&value) != nil {
			return fields{}, errObject
		}
		c, err := n.add(name)
		if err != nil {
			return fields{}, err
		}
		if c == numColumns {
			continue
		}
		if f[c], err = textOf(value, c); err != nil {
			return fields{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := n.check(); err != nil {
		return fields{}, err
	}
	return f, nil
}

// textOf returns a member's value as it would stand in CSV.
func textOf(value json.RawMessage, c column) (string, error) {
	switch first := value[0]; {
	case first == '"':
		var s string
		if err := json.Unmarshal(value, &s); err != nil || strings.ContainsRune(s, utf8.RuneError) {
			return "", errors.New("half of a surrogate pair") // the decoder puts U+FFFD there
		}
		return s, nil
	case string(value) == "null":
		return "", nil
	case (first == '-' || '0' <= first && first <= '9') && (c == colUses || c == colDigits || c == colPeriod):
		return string(value), nil
	}
	return "", errors.New("not a text")
}
