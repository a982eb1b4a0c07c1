// Package pretix reads the signed tickets of pretix, an open-source event ticketing system: its secret scheme pretix-sig1.
//
// The code is base64 (RFC 4648, section 4) spelled backwards, padding first, of: the version 1, the length of the message and of
// the signature (two bytes each, big-endian), the message, the signature. The message is a protobuf, the signature is Ed25519 over
// it. Nothing in a code names its event or its key: the reader has to know the event.
//
// Parse proves nothing; it finds the signed bytes and reads them before their signature is checked. What published tickets need
// is decided here: numbers may be spelled with more bytes than they need, up to ten, as the zero of one is; a time of 0 is no
// time. Everything else is strict. A message has one text: base64 must be canonical (no white space, exact padding, unused bits 0),
// and the sizes must add up to the whole. A known field may stand once and with its wire type only, where protobuf would let the
// last one win: two readers never see two tickets. Unknown fields are skipped, groups are refused. Seed and item must be there:
// without a seed, two tickets would be the same bytes.
//
// A ticket is known by the SHA-256 of its Message, never by its text or its signature. The lists of revoked and blocked tickets
// name whole secrets, which are texts like the codes: AppendMessage finds the message in one, and tells apart what is not of
// pretix-sig1.
package pretix

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Limits of a ticket.
const (
	MaxMessage = 256          // bytes; published tickets have 13 to 21. No more than a code of package list has, which holds the revoked ones
	MaxFields  = 32           // fields of a message, unknown ones included
	MaxTime    = 253402300799 // unix seconds of the end of the year 9999
)

const (
	version       = 1
	headerBytes   = 5
	signatureSize = 64 // of Ed25519
	maxText       = (headerBytes + MaxMessage + signatureSize + 2) / 3 * 4
)

// Errors of Parse and AppendMessage. All but ErrNotSig1 are an ErrMalformed.
var (
	ErrMalformed = errors.New("malformed ticket")
	ErrEncoding  = fmt.Errorf("%w: not canonical base64 spelled backwards", ErrMalformed)
	ErrTooLong   = fmt.Errorf("%w: longer than a ticket may be", ErrMalformed)
	ErrFrame     = fmt.Errorf("%w: version or lengths", ErrMalformed)
	ErrMessage   = fmt.Errorf("%w: message", ErrMalformed)
	ErrNotSig1   = errors.New("not a secret of pretix-sig1")
)

// Ticket is what one code says. Its slices point into the bytes that Parse appended, valid as long as those are.
type Ticket struct {
	Seed        []byte // random text, UTF-8, never empty
	Item        int64  // the product, never 0
	Variation   int64  // of the product; 0 for none
	Subevent    int64  // date of an event series; 0 for none
	From, Until int64  // unix seconds, at most MaxTime; 0 for none
	Message     []byte // what is signed; its SHA-256 is the ticket's identity
	Signature   []byte // Ed25519, 64 bytes
}

// Parse reads the ticket in text and appends the bytes that it is spelled from to dst. Every error is an ErrMalformed; dst then
// keeps its first len(dst) bytes and t is of no use. It does not allocate when dst has room for len(text)/4*3 more bytes. text and the
// room in dst must not overlap.
func (t *Ticket) Parse(dst, text []byte) ([]byte, error) {
	*t = Ticket{}
	start := len(dst)
	whole, err := appendDecode(dst, text)
	if err != nil {
		return dst, err
	}
	if err := t.split(whole[start:]); err != nil {
		return dst, err
	}
	if !t.readMessage() {
		return dst, ErrMessage
	}
	return whole, nil
}

// split finds message and signature.
func (t *Ticket) split(b []byte) error {
	if len(b) < headerBytes || b[0] != version {
		return ErrFrame
	}
	n, m := int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	if m != signatureSize || headerBytes+n+m != len(b) {
		return ErrFrame
	}
	if n > MaxMessage {
		return ErrTooLong
	}
	t.Message, t.Signature = b[headerBytes:headerBytes+n:headerBytes+n], b[headerBytes+n:len(b):len(b)]
	return nil
}

// AppendMessage appends the message of a secret, as it stands in an event's list of revoked or blocked secrets, to dst.
// ErrNotSig1 is for a secret that does not open as version 1, such as the random ones that pretix makes by default: no signed ticket has
// it. An ErrMalformed is for one that does and cannot be read: whoever takes the list should say so. dst then keeps its first len(dst)
// bytes.
func AppendMessage(dst, secret []byte) ([]byte, error) {
	if !opens(secret) {
		return dst, ErrNotSig1
	}
	var t Ticket
	whole, err := t.Parse(dst, secret)
	if err != nil {
		return dst, err
	}
	return append(whole[:len(dst)], t.Message...), nil
}

// opens reports whether a text spells the version and the first half of a length under 4096, backwards: the characters that every
// ticket ends with. Random secrets are lower case.
func opens(text []byte) bool {
	const last = "QA"
	return len(text) >= len(last) && string(text[len(text)-len(last):]) == last
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// invalid marks a byte outside the alphabet, above every sum of values in a group.
const invalid = 1 << 24

// sextets holds the value of each character.
var sextets = values()

func values() (v [256]uint32) {
	for i := range v {
		v[i] = invalid
	}
	for i := range len(alphabet) {
		v[alphabet[i]] = uint32(i)
	}
	return v
}

// appendDecode appends the bytes of base64 that is spelled backwards. Two texts never give the same bytes.
func appendDecode(dst, text []byte) ([]byte, error) {
	if len(text) > maxText {
		return nil, ErrTooLong
	}
	if len(text) == 0 || len(text)%4 != 0 {
		return nil, ErrEncoding
	}
	padding := 0
	for padding < 2 && text[padding] == '=' {
		padding++
	}
	dst = slices.Grow(dst, len(text)/4*3)
	var seen uint32
	for i := len(text); i > 4; i -= 4 {
		v := sextets[text[i-1]]<<18 | sextets[text[i-2]]<<12 | sextets[text[i-3]]<<6 | sextets[text[i-4]]
		seen |= sextets[text[i-1]] | sextets[text[i-2]] | sextets[text[i-3]] | sextets[text[i-4]]
		dst = append(dst, byte(v>>16), byte(v>>8), byte(v))
	}
	return appendLast(dst, text[:4], padding, seen)
}

// appendLast appends the bytes of the last group, which is spelled first and may be padded.
func appendLast(dst, group []byte, padding int, seen uint32) ([]byte, error) {
	var v uint32
	for i := 3; i >= padding; i-- {
		seen |= sextets[group[i]]
		v = v<<6 | sextets[group[i]]&63
	}
	v <<= 6 * padding
	unused := v & (1<<(8*padding) - 1)
	if seen >= invalid || unused != 0 {
		return nil, ErrEncoding
	}
	last := [3]byte{byte(v >> 16), byte(v >> 8), byte(v)}
	return append(dst, last[:3-padding]...), nil
}
