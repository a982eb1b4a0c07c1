package jcs

import (
	"unicode/utf16"
	"unicode/utf8"
)

// short holds, for each control character and the two others that a string must escape, the letter of its short escape, else 0 (RFC
// 8785, section 3.2.2.2).
var short = [utf8.RuneSelf]byte{'\b': 'b', '\t': 't', '\n': 'n', '\f': 'f', '\r': 'r', '"': '"', '\\': '\\'}

const hexDigits = "0123456789abcdef"

// text reads a string.
func (w *writer) text() {
	if !w.skip('"') {
		w.fail(ErrMalformed)
	}
	w.dst = append(w.dst, '"')
	for w.err == nil && !w.skip('"') {
		switch c := w.peek(); {
		case c == '\\':
			w.character(w.escape())
		case c < ' ':
			w.fail(ErrMalformed)
		case c < utf8.RuneSelf:
			w.plain()
		default:
			r, n := utf8.DecodeRune(w.src[w.pos:])
			if r == utf8.RuneError && n == 1 {
				w.fail(ErrMalformed)
				return
			}
			w.dst = append(w.dst, w.src[w.pos:w.pos+n]...)
			w.pos += n
		}
	}
	w.dst = append(w.dst, '"')
}

// plain copies the characters of ASCII that need no escape.
func (w *writer) plain() {
	end := w.pos
	for end < len(w.src) && ' ' <= w.src[end] && w.src[end] < utf8.RuneSelf && w.src[end] != '"' && w.src[end] != '\\' {
		end++
	}
	w.dst = append(w.dst, w.src[w.pos:end]...)
	w.pos = end
}

// character writes one that was escaped.
func (w *writer) character(r rune) {
	switch {
	case r < utf8.RuneSelf && short[r] != 0:
		w.dst = append(w.dst, '\\', short[r])
	case r < ' ':
		w.dst = append(w.dst, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&0xf])
	default:
		w.dst = utf8.AppendRune(w.dst, r)
	}
}

// escape reads an escaped character; two escapes that are a surrogate pair are one (RFC 8259, section 7).
func (w *writer) escape() rune {
	w.pos++
	c := w.peek()
	w.pos++
	switch c {
	case '"', '\\', '/':
		return rune(c)
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'u':
		r := w.hex()
		if !utf16.IsSurrogate(r) {
			return r
		}
		if w.skip('\\') && w.skip('u') {
			if r = utf16.DecodeRune(r, w.hex()); r != utf8.RuneError {
				return r
			}
		}
	}
	w.fail(ErrMalformed)
	return 0
}

// hex reads the four digits of an escape.
func (w *writer) hex() rune {
	var r rune
	for range 4 {
		c := w.peek()
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			w.fail(ErrMalformed)
			return 0
		}
		w.pos++
	}
	return r
}

// unescape returns the character that an escape of the canonical form stands for, and its length.
func unescape(b []byte) (r rune, size int) {
	switch b[1] {
	case 'b':
		return '\b', 2
	case 't':
		return '\t', 2
	case 'n':
		return '\n', 2
	case 'f':
		return '\f', 2
	case 'r':
		return '\r', 2
	case 'u': // of a control character: \u00xx
		return nibble(b[4])<<4 | nibble(b[5]), 6
	}
	return rune(b[1]), 2
}

func nibble(c byte) rune {
	if c <= '9' {
		return rune(c - '0')
	}
	return rune(c-'a') + 10
}

// AppendText appends what a string of the canonical form says to dst; it begins and ends with its quotation marks, as Append wrote it.
// It does not allocate when dst has room for len(canonical) more bytes.
func AppendText(dst, canonical []byte) []byte {
	for b := canonical[1 : len(canonical)-1]; len(b) > 0; {
		if b[0] != '\\' {
			dst, b = append(dst, b[0]), b[1:]
			continue
		}
		r, n := unescape(b)
		dst, b = utf8.AppendRune(dst, r), b[n:]
	}
	return dst
}
