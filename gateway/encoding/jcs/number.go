package jcs

import (
	"math"
	"strconv"
)

// number reads a number (RFC 8259, section 6).
func (w *writer) number() {
	start := w.pos
	w.skip('-')
	if !w.skip('0') && !w.digits() {
		w.fail(ErrMalformed)
		return
	}
	if w.skip('.') && !w.digits() {
		w.fail(ErrMalformed)
		return
	}
	if w.skip('e') || w.skip('E') {
		if !w.skip('+') {
			w.skip('-')
		}
		if !w.digits() {
			w.fail(ErrMalformed)
			return
		}
	}
	f, err := strconv.ParseFloat(string(w.src[start:w.pos]), 64)
	if err != nil { // beyond the doubles
		w.fail(ErrMalformed)
		return
	}
	w.dst = appendNumber(w.dst, f)
}

// digits consumes at least one digit, or none and is false.
func (w *writer) digits() bool {
	start := w.pos
	for w.pos < len(w.src) && '0' <= w.src[w.pos] && w.src[w.pos] <= '9' {
		w.pos++
	}
	return w.pos > start
}

// appendNumber writes a finite number as ECMAScript does (ECMA-262, Number::toString; RFC 8785, section 3.2.2.3): the shortest digits that
// give the same double, with an exponent below 1e-6 and from 1e21 on.
func appendNumber(dst []byte, f float64) []byte {
	if f == 0 {
		return append(dst, '0') // -0, too
	}
	if size := math.Abs(f); 1e-6 <= size && size < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if n := len(dst); dst[n-4] == 'e' && dst[n-2] == '0' { // e-07 is e-7 there
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}
