package book

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// A line is "CHECKSUM TAB TYPE TAB FIELD …" LF. The checksum is CRC-32C, 8 hexadecimal digits, of what follows it up to the line feed,
// continuing the checksum of the line before. The types and their fields:
//
//	book    version, id, created, country, issuer, address of the first status list
//	issue   id, index, kind, issued, expires, key id, content, event, reference, id of what it replaces
//	state   id, new state, time
//
// Numbers are decimal, ids and digests hexadecimal, and what is absent is empty. "issue" with an id that it replaces makes that one
// Replaced: it is one line, so that never one half of it is on disk.
const (
	version   = "1"
	maxLine   = 1024 // bytes; the longest that can be written has fewer
	sumDigits = 8

	typeBook  = "book"
	typeIssue = "issue"
	typeState = "state"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errLine = errors.New("not a line of a book")

// appendLine appends a line whose predecessor has the checksum sum, and returns its own.
func appendLine(dst []byte, sum uint32, fields ...string) ([]byte, uint32) {
	body := strings.Join(fields, "\t")
	sum = crc32.Update(sum, castagnoli, []byte(body))
	dst = fmt.Appendf(dst, "%08x\t", sum)
	dst = append(dst, body...)
	return append(dst, '\n'), sum
}

// splitLine returns the fields of a line without its line feed, and its checksum.
func splitLine(line []byte, before uint32) (fields []string, sum uint32, err error) {
	if len(line) > maxLine || len(line) <= sumDigits || line[sumDigits] != '\t' {
		return nil, 0, errLine
	}
	body := line[sumDigits+1:]
	sum = crc32.Update(before, castagnoli, body)
	var want [4]byte
	if _, err := hex.Decode(want[:], line[:sumDigits]); err != nil || !bytes.Equal(line[:sumDigits], fmt.Appendf(nil, "%08x", sum)) {
		return nil, 0, errors.New("the checksum is wrong: this line or the one before it was changed, or one was taken out")
	}
	return strings.Split(string(body), "\t"), sum, nil
}

func (h *Header) fields() []string {
	return []string{typeBook, version, h.ID.String(), decimal(h.Created), h.Country, h.Issuer, h.URI}
}

func parseHeader(f []string) (Header, error) {
	if len(f) < 2 || f[0] != typeBook {
		return Header{}, errLine
	}
	if f[1] != version {
		return Header{}, fmt.Errorf("version %.16q, this program knows %s", f[1], version)
	}
	if len(f) != 7 {
		return Header{}, errLine
	}
	id, err := ParseID(f[2])
	if err != nil {
		return Header{}, err
	}
	h := Header{ID: id, Country: f[4], Issuer: f[5], URI: f[6]}
	if h.Created, err = parseDecimal(f[3]); err != nil {
		return Header{}, err
	}
	return h, h.check()
}

func (r *Record) fields() []string {
	return []string{
		typeIssue, r.ID.String(), orEmpty(r.Index != NoIndex, decimal(r.Index)), r.Kind, decimal(r.Issued), decimal(r.Expires),
		hex.EncodeToString(r.Key[:]), hex.EncodeToString(r.Content[:]), r.Event, r.Ref, orEmpty(r.Replaces != ID{}, r.Replaces.String()),
	}
}

func orEmpty(there bool, s string) string {
	if there {
		return s
	}
	return ""
}

func parseRecord(f []string) (Record, error) {
	if len(f) != 11 {
		return Record{}, errLine
	}
	r := Record{Kind: f[3], Event: f[8], Ref: f[9], Index: NoIndex}
	var errs [7]error
	r.ID, errs[0] = ParseID(f[1])
	if f[2] != "" {
		r.Index, errs[1] = parseDecimal(f[2])
	}
	r.Issued, errs[2] = parseDecimal(f[4])
	r.Expires, errs[3] = parseDecimal(f[5])
	errs[4] = parseHex(r.Key[:], f[6])
	errs[5] = parseHex(r.Content[:], f[7])
	if f[10] != "" {
		r.Replaces, errs[6] = ParseID(f[10])
	}
	if err := errors.Join(errs[:]...); err != nil {
		return Record{}, err
	}
	return r, r.check()
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// parseDecimal reads a number that is not negative.
func parseDecimal(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("number %.24q", s)
	}
	return n, nil
}

func parseHex(dst []byte, s string) error {
	if len(s) != 2*len(dst) {
		return errLine
	}
	_, err := hex.Decode(dst, []byte(s))
	return err
}
