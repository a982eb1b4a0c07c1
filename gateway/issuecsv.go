package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxIssueLine is how long a line of a CSV may be, in bytes.
const maxIssueLine = 16 << 10

// issueCSV reads rows from a CSV: UTF-8, perhaps with the mark that spreadsheets put before it, comma, semicolon or tab between values, as
// the first line has it, and one row a line: a quote that is left open spoils its own row, and none behind it.
type issueCSV struct {
	in      *bufio.Reader
	comma   rune
	columns []string
	line    int
	read    int64 // bytes
}

// rowError is why a line is no row.
type rowError struct{ error }

var (
	errRowLong   = rowError{fmt.Errorf("longer than %d bytes", maxIssueLine)}
	errRowQuotes = rowError{errors.New("quotes: one is left open, or stands inside a value")}
)

// newIssueCSV reads the first line: names of columns that are known, each once, and all that are required.
func newIssueCSV(r io.Reader, known, required []string) (*issueCSV, error) {
	c := &issueCSV{in: bufio.NewReaderSize(r, maxIssueLine+2), comma: ','}
	line, err := c.nextLine()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty: want a line with the names of the columns")
	}
	if err != nil {
		return nil, fmt.Errorf("line of column names: %w", err)
	}
	line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	for _, comma := range ";\t" {
		if bytes.ContainsRune(line, comma) && !bytes.ContainsRune(line, ',') {
			c.comma = comma
		}
	}
	names, err := c.split(line)
	if err != nil {
		return nil, fmt.Errorf("line of column names: %w", err)
	}
	for i, name := range names {
		switch {
		case !slices.Contains(known, name):
			return nil, withHint(misuse{fmt.Errorf("column %.40q is not known", name)}, "the columns are: %s", strings.Join(known, ", "))
		case slices.Contains(names[:i], name):
			return nil, misuse{fmt.Errorf("column %q stands twice", name)}
		}
	}
	for _, name := range required {
		if !slices.Contains(names, name) {
			return nil, misuse{fmt.Errorf("column %q is missing", name)}
		}
	}
	c.columns = names
	return c, nil
}

// next returns the next row; a rowError is of that line alone, io.EOF ends them.
func (c *issueCSV) next() (issueRow, error) {
	for {
		line, err := c.nextLine()
		if err != nil {
			return nil, err
		}
		if len(line) == 0 {
			continue
		}
		values, err := c.split(line)
		if err != nil {
			return nil, err
		}
		if len(values) != len(c.columns) {
			return nil, rowError{fmt.Errorf("%d values, want %d, one a column", len(values), len(c.columns))}
		}
		row := make(issueRow, len(values))
		for i, name := range c.columns {
			row[name] = strings.TrimSpace(values[i])
		}
		return row, nil
	}
}

// nextLine returns a line without its end.
func (c *issueCSV) nextLine() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	c.line++
	c.read += int64(len(line))
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, c.skip()
	case errors.Is(err, io.EOF) && len(line) > 0:
	case err != nil:
		return nil, err
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if len(line) > maxIssueLine {
		return nil, errRowLong
	}
	return line, nil
}

// skip reads to the end of a line that is too long.
func (c *issueCSV) skip() error {
	for {
		rest, err := c.in.ReadSlice('\n')
		c.read += int64(len(rest))
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err == nil || errors.Is(err, io.EOF):
			return errRowLong
		default:
			return err
		}
	}
}

// split returns the values of a line (RFC 4180, section 2).
func (c *issueCSV) split(line []byte) ([]string, error) {
	r := csv.NewReader(bytes.NewReader(line))
	r.Comma = c.comma
	values, err := r.Read()
	if err != nil {
		return nil, errRowQuotes
	}
	return values, nil
}
