package list

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ReadCSV calls add for each row of a list in CSV (RFC 4180) and reports what became of them. The first line names the columns:
// code, and any of from, until, zone, uses, state, secret, digits, period, algorithm. Fields are separated by commas, or by
// semicolons where the header is; a field may be quoted but holds no line break, so that a stray quotation mark costs one row. A row
// that cannot be read, or that add refuses, is reported, and the next one follows. An error means that the list is no such list, or
// could not be read to its end: what add was given before is then not to be used.
func ReadCSV(r io.Reader, add func(Row) error) (Report, error) { return readCSV(r, MaxInput, add) }

func readCSV(r io.Reader, limit int64, add func(Row) error) (Report, error) {
	lines := newLines(r, limit)
	header, err := lines.next()
	if err == io.EOF {
		return Report{}, fmt.Errorf("%w: empty", ErrInput)
	}
	if err != nil {
		return Report{}, fmt.Errorf("%w: header: %w", ErrInput, err)
	}
	columns, separator, err := readHeader(bytes.TrimPrefix(header, []byte("\ufeff")))
	if err != nil {
		return Report{}, fmt.Errorf("%w: header: %w", ErrInput, err)
	}
	var report Report
	for {
		line, err := lines.next()
		switch {
		case err == io.EOF:
			return report, nil
		case errors.Is(err, errLong):
		case err != nil:
			return Report{}, fmt.Errorf("%w: line %d: %w", ErrInput, lines.number, err)
		case len(line) == 0:
			continue
		default:
			err = readLine(line, separator, columns, lines.number, add)
		}
		report.enter(lines.number, err)
	}
}

// readHeader returns the columns and what separates them.
func readHeader(line []byte) (columns []column, separator byte, err error) {
	separator = ','
	if bytes.IndexByte(line, ',') < 0 && bytes.IndexByte(line, ';') >= 0 {
		separator = ';'
	}
	names, err := split(line, separator)
	if err != nil {
		return nil, 0, err
	}
	var n named
	for _, name := range names {
		c, err := n.add(name)
		if err != nil {
			return nil, 0, err
		}
		columns = append(columns, c)
	}
	if err := n.check(); err != nil {
		return nil, 0, err
	}
	return columns, separator, nil
}

func readLine(line []byte, separator byte, columns []column, number int, add func(Row) error) error {
	texts, err := split(line, separator)
	if err != nil {
		return err
	}
	if len(texts) != len(columns) {
		return fmt.Errorf("%d fields, the header has %d", len(texts), len(columns))
	}
	var f fields
	for i, c := range columns {
		f[c] = texts[i]
	}
	row, err := f.row(number)
	if err != nil {
		return err
	}
	return add(row)
}

var errQuotes = errors.New("a quotation mark at a wrong place")

// split cuts a line into fields.
func split(line []byte, separator byte) (texts []string, err error) {
	for {
		var field string
		var ok bool
		if len(line) > 0 && line[0] == '"' {
			field, line, err = quoted(line[1:])
			if err != nil {
				return nil, err
			}
			if ok = len(line) > 0; ok && line[0] != separator {
				return nil, errQuotes
			}
		} else {
			end := bytes.IndexByte(line, separator)
			if ok = end >= 0; !ok {
				end = len(line)
			}
			field, line = string(line[:end]), line[end:]
			if strings.Contains(field, `"`) {
				return nil, errQuotes
			}
		}
		texts = append(texts, field)
		if !ok {
			return texts, nil
		}
		line = line[1:]
	}
}

// quoted returns a field up to its closing quotation mark, and what follows that. Two quotation marks stand for one.
func quoted(line []byte) (field string, rest []byte, err error) {
	var b strings.Builder
	for {
		end := bytes.IndexByte(line, '"')
		if end < 0 {
			return "", nil, errQuotes
		}
		b.Write(line[:end])
		line = line[end+1:]
		if len(line) == 0 || line[0] != '"' {
			return b.String(), line, nil
		}
		b.WriteByte('"')
		line = line[1:]
	}
}

// lines reads lines of at most MaxRow bytes.
type lines struct {
	input  *bufio.Reader
	left   *io.LimitedReader
	number int // of the line that next returned last
}

var (
	errLong  = fmt.Errorf("longer than %d bytes", MaxRow)
	errLarge = fmt.Errorf("more than %d bytes", MaxInput)
)

func newLines(r io.Reader, limit int64) *lines {
	left := &io.LimitedReader{R: r, N: limit + 1}
	return &lines{input: bufio.NewReaderSize(left, MaxRow+2), left: left} // 2: CR LF
}

// next returns a line without its end, valid until the next call; errLong for one that is too long, io.EOF after the last.
func (l *lines) next() ([]byte, error) {
	l.number++
	line, err := l.input.ReadSlice('\n')
	long := false
	for err == bufio.ErrBufferFull {
		long = true
		_, err = l.input.ReadSlice('\n')
	}
	switch {
	case l.left.N == 0:
		return nil, errLarge
	case err != nil && err != io.EOF:
		return nil, err
	case long:
		return nil, errLong
	case err == io.EOF && len(line) == 0:
		return nil, io.EOF
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if len(line) > MaxRow {
		return nil, errLong
	}
	return line, nil
}
