package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/encoding/cose"
	"passerelle/gateway/encoding/statuslist"
)

// statuses are what a list must hold: these, and 0 everywhere else.
type statuses struct {
	bits  int
	count uint64
	of    map[uint64]uint8
}

// What the examples of tokens say (draft, sections 5 and 6).
const (
	statusURI     = "https://example.com/statuslists/1"
	statusIssued  = 1686920170
	statusExpires = 2291720170
	statusTTL     = 43200
)

// statusCases reads the examples of the Token Status List draft: what a list must hold stands in the draft itself. Tokens in JWT
// form are not read here; of these only the list in them is.
func statusCases(dir string, check func(name string, err error)) error {
	draft, err := os.ReadFile(filepath.Join(dir, "draft-ietf-oauth-status-list.md"))
	if err != nil {
		return err
	}
	want := statusWanted(string(draft))
	files, err := filepath.Glob(filepath.Join(dir, "status-list-examples", "*.md"))
	if err != nil || len(files) == 0 {
		return errors.Join(err, errors.New("no examples of status lists"))
	}
	for _, path := range files {
		file, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := filepath.Base(path)
		stem := strings.TrimSuffix(strings.TrimSuffix(name, ".md"), "_diag")
		check("status-list-examples/"+name, statusCase(stem, string(file), want))
	}
	return nil
}

// statusWanted returns what the lists hold, by the beginning of their files' names.
func statusWanted(draft string) map[string]statuses {
	want := map[string]statuses{
		"status_list_encoding":  statusBytes(1, 0xb9, 0xa3), // as drawn in section 4.1
		"status_list_encoding2": statusBytes(2, 0xc9, 0x44, 0xf9),
	}
	// "All examples are initialized with a size of 2^20 entries."
	entry := regexp.MustCompile(`status\[(\d+)\] *= *0b([01]+)`)
	for bits, name := range map[int]string{1: "1_long", 2: "2_long", 4: "4", 8: "8"} {
		_, section, _ := strings.Cut(draft, fmt.Sprintf("\n## %d-bit Status List\n", bits))
		section, _, _ = strings.Cut(section, "\nJSON encoding:")
		s := statuses{bits, 1 << 20, make(map[uint64]uint8)}
		for _, m := range entry.FindAllStringSubmatch(section, -1) {
			index, _ := strconv.ParseUint(m[1], 10, 64) // the expression admits numbers alone
			status, _ := strconv.ParseUint(m[2], 2, 8)
			s.of[index] = uint8(status)
		}
		want["status_list_encoding"+name] = s
	}
	return want
}

// statusBytes returns what the bytes of a list stand for: the least significant bits are the first status.
func statusBytes(bits int, list ...byte) statuses {
	s := statuses{bits, uint64(len(list) * 8 / bits), make(map[uint64]uint8)}
	for i, b := range list {
		for k := range 8 / bits {
			s.of[uint64(i*8/bits+k)] = b >> (k * bits) & (1<<bits - 1)
		}
	}
	return s
}

func statusCase(stem, file string, want map[string]statuses) error {
	small := want["status_list_encoding"]
	switch {
	case stem == "status_list_jwt", stem == "status_list_jwt_raw":
		return statusJWT(file, small)
	case stem == "status_list_cwt":
		return statusToken(file, small)
	case stem == "referenced_token_cwt":
		return statusReference(file)
	}
	_, text, found := strings.Cut(file, "encoded:")
	if !found {
		text = file
	}
	if name, ok := strings.CutSuffix(stem, "_json"); ok {
		return statusJSON(strings.Join(strings.Fields(text), ""), want[name])
	}
	name, ok := strings.CutSuffix(stem, "_cbor")
	if !ok {
		return errors.New("an example that nothing reads")
	}
	b, err := statusHex(text)
	if err != nil {
		return err
	}
	// The map is claim 65533 of a token that has nothing else but sub and iat.
	var token statuslist.Token
	if err := token.Parse(append([]byte("\xa3\x02\x61u\x06\x00\x19\xff\xfd"), b...)); err != nil {
		return err
	}
	return want[name].same(token.Bits, token.Compressed)
}

// same expands a list and compares.
func (s statuses) same(bits int, lst []byte) error {
	if s.count == 0 || len(s.of) < 2 {
		return errors.New("the draft does not say what the list holds")
	}
	list, err := statuslist.Decompress(bits, lst)
	if err != nil {
		return err
	}
	if bits != s.bits || list.Len() != s.count {
		return fmt.Errorf("got %d statuses of %d bits, want %d of %d", list.Len(), bits, s.count, s.bits)
	}
	for i := range s.count {
		if got, ok := list.At(i); got != s.of[i] || !ok {
			return fmt.Errorf("status %d is %d, %v, want %d", i, got, ok, s.of[i])
		}
	}
	return nil
}

func statusJSON(text string, want statuses) error {
	var list struct {
		Bits int
		Lst  string
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return err
	}
	lst, err := base64.RawURLEncoding.DecodeString(list.Lst)
	if err != nil {
		return err
	}
	return want.same(list.Bits, lst)
}

// statusJWT reads a token in JSON, plain or packed, which must not be taken for a COSE message.
func statusJWT(file string, want statuses) error {
	text := strings.Join(strings.Fields(file), "")
	if _, payload, ok := strings.Cut(text, "}.{"); ok {
		text = "{" + payload
	} else if parts := strings.Split(text, "."); len(parts) == 3 { // header, payload, signature
		b, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			return err
		}
		if _, err := statusMessage([]byte(text)); err == nil {
			return errors.New("a JWT was read as a COSE message")
		}
		text = string(b)
	}
	var token struct {
		List json.RawMessage `json:"status_list"`
	}
	if err := json.Unmarshal([]byte(text), &token); err != nil {
		return err
	}
	return statusJSON(string(token.List), want)
}

func statusToken(file string, want statuses) error {
	b, err := statusHex(file)
	if err != nil {
		return err
	}
	m, err := statusMessage(b)
	if err != nil {
		return err
	}
	if !bytes.Contains(b, []byte("\x10\x78\x1a"+statuslist.MediaType)) {
		return errors.New("no type in the header")
	}
	var token statuslist.Token
	if err := token.Parse(m.Payload); err != nil {
		return err
	}
	if string(token.Subject) != statusURI || token.IssuedAt != statusIssued || token.Expires != statusExpires || token.TTL != statusTTL {
		return fmt.Errorf("got %+v", token)
	}
	return want.same(token.Bits, token.Compressed)
}

// statusReference reads a token that refers to a list. It lacks what a credential of ours must have, and is refused for it; with that
// added, its reference must be read.
func statusReference(file string) error {
	b, err := statusHex(file)
	if err != nil {
		return err
	}
	m, err := statusMessage(b)
	if err != nil {
		return err
	}
	var c cwt.Claims
	if err := c.Parse(bytes.Clone(m.Payload)); !errors.Is(err, cwt.ErrMissing) {
		return fmt.Errorf("as it is: %v, want %v", err, cwt.ErrMissing)
	}
	whole := append(bytes.Clone(m.Payload), "\x07\x41i\x3a\x00\x01\x11\x70\xa1\x05\x66ticket"...) // cti, and -70001 with the kind
	whole[0] += 2                                                                                 // a map of two more
	if err := c.Parse(whole); err != nil {
		return err
	}
	if !c.Status.Present || c.Status.Index != 0 || string(c.Status.URI) != statusURI || c.IssuedAt != statusIssued || c.Expires != statusExpires {
		return fmt.Errorf("got %+v", c)
	}
	return nil
}

func statusMessage(b []byte) (*cose.Message, error) {
	m := new(cose.Message)
	if err := m.Parse(append(make([]byte, cose.Headroom), b...), cose.Headroom); err != nil {
		return nil, err
	}
	return m, nil
}

// statusHex reads hexadecimal, over lines that may end in a comment.
func statusHex(text string) ([]byte, error) {
	var digits strings.Builder
	for line := range strings.Lines(text) {
		code, _, _ := strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(code), ""))
	}
	return hex.DecodeString(digits.String())
}
