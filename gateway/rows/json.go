package rows

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// cursor reads JSON (RFC 8259) from left to right. What it has passed may be overwritten.
type cursor struct {
	text []byte // UTF-8
	at   int
}

// space passes white space (section 2).
func (c *cursor) space() {
	for c.at < len(c.text) {
		switch c.text[c.at] {
		case ' ', '\t', '\n', '\r':
			c.at++
		default:
			return
		}
	}
}

// sees reports whether b comes next, after white space.
func (c *cursor) sees(b byte) bool {
	c.space()
	return c.at < len(c.text) && c.text[c.at] == b
}

// next passes b if it comes next, after white space.
func (c *cursor) next(b byte) bool {
	if !c.sees(b) {
		return false
	}
	c.at++
	return true
}

// skip passes any value (section 3) that stands within depth objects and arrays.
func (c *cursor) skip(depth int) error {
	c.space()
	if c.at == len(c.text) {
		return ErrSyntax
	}
	switch c.text[c.at] {
	case '"':
		_, err := c.quoted()
		return err
	case '{':
		return c.skipAll('}', depth+1)
	case '[':
		return c.skipAll(']', depth+1)
	case 't':
		return c.literal("true")
	case 'f':
		return c.literal("false")
	case 'n':
		return c.literal("null")
	}
	return c.number()
}

// skipAll passes an object or an array (sections 4 and 5), which is the depth-th; end is its last character.
func (c *cursor) skipAll(end byte, depth int) error {
	if depth > MaxDepth {
		return ErrDepth
	}
	c.at++
	for more := !c.next(end); more; {
		if end == '}' {
			if _, err := c.quoted(); err != nil {
				return err
			}
			if !c.next(':') {
				return ErrSyntax
			}
		}
		if err := c.skip(depth); err != nil {
			return err
		}
		if more = c.next(','); !more && !c.next(end) {
			return ErrSyntax
		}
	}
	return nil
}

func (c *cursor) literal(name string) error {
	if rest := c.text[c.at:]; len(rest) < len(name) || string(rest[:len(name)]) != name {
		return ErrSyntax
	}
	c.at += len(name)
	return nil
}

// number passes a number (section 6). Whoever called looks at what follows it.
func (c *cursor) number() error {
	c.pass("-")
	if !c.pass("0") && c.digits() == 0 {
		return ErrSyntax
	}
	if c.pass(".") && c.digits() == 0 {
		return ErrSyntax
	}
	if c.pass("eE") {
		c.pass("+-")
		if c.digits() == 0 {
			return ErrSyntax
		}
	}
	return nil
}

// pass passes one of a few characters.
func (c *cursor) pass(set string) bool {
	for i := range len(set) {
		if c.at < len(c.text) && c.text[c.at] == set[i] {
			c.at++
			return true
		}
	}
	return false
}

// digits passes digits and returns their number.
func (c *cursor) digits() (n int) {
	for c.at < len(c.text) && '0' <= c.text[c.at] && c.text[c.at] <= '9' {
		c.at++
		n++
	}
	return n
}

// quoted reads a string (section 7) and unescapes it in place: no escape is shorter than what it stands for. The result is not nil.
func (c *cursor) quoted() ([]byte, error) {
	if !c.next('"') {
		return nil, ErrSyntax
	}
	b := c.text[c.at:]
	to := plain(b)
	for from := to; from < len(b); {
		switch b[from] {
		case '"':
			c.at += from + 1
			return b[:to:to], nil
		case '\\':
			r, n, err := escape(b[from:])
			if err != nil {
				return nil, err
			}
			to += utf8.EncodeRune(b[to:], r)
			from += n
		default:
			n := plain(b[from:])
			if n == 0 { // a control character
				return nil, ErrSyntax
			}
			copy(b[to:], b[from:from+n])
			to, from = to+n, from+n
		}
	}
	return nil, ErrSyntax
}

// plain returns how many bytes come before the first that is not plain in a string: a quotation mark, a reverse solidus or
// a control character. It looks at eight bytes at a time. A byte x below n sets the top bit of (x-n)&^x; by borrowing, so may
// bytes after it, never one before it, and only the first counts.
func plain(b []byte) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		quote, solidus := x^ones*'"', x^ones*'\\'
		if found := ((x-ones*' ')&^x | (quote-ones)&^quote | (solidus-ones)&^solidus) & tops; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(b); i++ {
		if b[i] < ' ' || b[i] == '"' || b[i] == '\\' {
			break
		}
	}
	return i
}

// escape returns what the escape at the beginning of b stands for, and its length. A pair of surrogates is one escape.
func escape(b []byte) (r rune, n int, err error) {
	if len(b) < 2 {
		return 0, 0, ErrSyntax
	}
	switch b[1] {
	case '"', '\\', '/':
		return rune(b[1]), 2, nil
	case 'b':
		return '\b', 2, nil
	case 'f':
		return '\f', 2, nil
	case 'n':
		return '\n', 2, nil
	case 'r':
		return '\r', 2, nil
	case 't':
		return '\t', 2, nil
	case 'u':
		return escapedUnit(b)
	}
	return 0, 0, ErrSyntax
}

// Lengths of escapes.
const (
	oneUnit  = len(`\u0041`)
	twoUnits = len(`\ud83d\ude00`)
)

func escapedUnit(b []byte) (r rune, n int, err error) {
	first, ok := hexUnit(b)
	if !ok {
		return 0, 0, ErrSyntax
	}
	if !utf16.IsSurrogate(first) {
		return first, oneUnit, nil
	}
	second, ok := hexUnit(b[oneUnit:])
	if r = utf16.DecodeRune(first, second); !ok || r == utf8.RuneError {
		return 0, 0, ErrSurrogate
	}
	return r, twoUnits, nil
}

// hexUnit reads \u and four hexadecimal digits.
func hexUnit(b []byte) (unit rune, ok bool) {
	if len(b) < oneUnit || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, d := range b[2:oneUnit] {
		switch {
		case '0' <= d && d <= '9':
			d -= '0'
		case 'a' <= d && d <= 'f':
			d -= 'a' - 10
		case 'A' <= d && d <= 'F':
			d -= 'A' - 10
		default:
			return 0, false
		}
		unit = unit<<4 | rune(d)
	}
	return unit, true
}
