// Package jcs writes JSON in its canonical form (RFC 8785, the JSON Canonicalization Scheme): the bytes over which signatures of JSON
// documents are made.
//
// The text must be strict JSON (RFC 8259) of the kind that has one meaning only (I-JSON, RFC 7493): UTF-8 without a byte order mark, no
// member name twice in one object, no half of a surrogate pair, no number beyond the doubles. Anything else is refused, since a signer
// and a verifier may read it differently. Members are sorted by the UTF-16 code units of their names (section 3.2.3); numbers are the
// shortest that give the same double, laid out as ECMAScript does it (section 3.2.2.3); strings escape only what must be escaped
// (section 3.2.2.2). Unicode is not normalised, and noncharacters, of which I-JSON disapproves, pass: their bytes are unambiguous.
package jcs

import (
	"errors"
	"fmt"
)

// Limits of a text.
const (
	MaxBytes   = 16 * 1024 // of the text; the canonical form may be five times as long, where 1e20 becomes 21 digits
	MaxDepth   = 32        // arrays and objects in each other
	MaxMembers = 512       // of an object, together with those of the objects around it that stand before it
)

// Errors of Append. ErrDuplicate is an ErrMalformed.
var (
	ErrMalformed = errors.New("jcs: malformed JSON")
	ErrDuplicate = fmt.Errorf("%w: a member stands twice", ErrMalformed)
	ErrTooLarge  = errors.New("jcs: too large, too deep, or too many members")
)

// Append appends the canonical form of the JSON text src to dst. An error is ErrMalformed or wraps it, or is ErrTooLarge; dst then keeps
// its first len(dst) bytes. It does not allocate when dst has room for twice the canonical form and no number in src is longer than 32
// bytes. src and the room in dst must not overlap.
func Append(dst, src []byte) ([]byte, error) {
	if len(src) > MaxBytes {
		return dst, ErrTooLarge
	}
	w := writer{src: src, dst: dst}
	w.value()
	w.space()
	if w.pos != len(src) {
		w.fail(ErrMalformed)
	}
	if w.err != nil {
		return dst, w.err
	}
	return w.dst, nil
}

// writer reads src at pos and writes the canonical form of what it has read to dst. After the first error it reads nothing but zero
// bytes, which are no JSON, so that every loop ends.
type writer struct {
	src     []byte
	pos     int
	dst     []byte
	depth   int
	err     error
	members [MaxMembers]member // of the objects that are open
	open    int                // how many of them
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
	w.src, w.pos = nil, 0
}

// peek returns the next byte, 0 at the end.
func (w *writer) peek() byte {
	if w.pos < len(w.src) {
		return w.src[w.pos]
	}
	return 0
}

// skip consumes the byte c, which is not 0, if it is next.
func (w *writer) skip(c byte) bool {
	if w.peek() != c {
		return false
	}
	w.pos++
	return true
}

// space consumes white space.
func (w *writer) space() {
	for w.pos < len(w.src) {
		switch w.src[w.pos] {
		case ' ', '\t', '\n', '\r':
			w.pos++
		default:
			return
		}
	}
}

// value reads any value with the white space before it.
func (w *writer) value() {
	w.space()
	switch c := w.peek(); {
	case c == '{':
		w.enter(w.object)
	case c == '[':
		w.enter(w.array)
	case c == '"':
		w.text()
	case c == 't':
		w.literal("true")
	case c == 'f':
		w.literal("false")
	case c == 'n':
		w.literal("null")
	default:
		w.number()
	}
}

// enter reads an array or object, whose first byte is next.
func (w *writer) enter(read func()) {
	if w.depth == MaxDepth {
		w.fail(ErrTooLarge)
		return
	}
	w.depth++
	w.pos++
	read()
	w.depth--
}

func (w *writer) literal(word string) {
	if len(w.src)-w.pos < len(word) || string(w.src[w.pos:w.pos+len(word)]) != word {
		w.fail(ErrMalformed)
		return
	}
	w.pos += len(word)
	w.dst = append(w.dst, word...)
}

func (w *writer) array() {
	w.dst = append(w.dst, '[')
	if w.space(); !w.skip(']') {
		w.value()
		for w.space(); w.skip(','); w.space() {
			w.dst = append(w.dst, ',')
			w.value()
		}
		if !w.skip(']') {
			w.fail(ErrMalformed)
		}
	}
	w.dst = append(w.dst, ']')
}
