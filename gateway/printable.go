package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// isHarmless reports whether a terminal shows a character and does nothing else: it neither controls anything nor changes the
// direction of writing.
func isHarmless(r rune) bool { return unicode.IsPrint(r) && !unicode.Is(unicode.Bidi_Control, r) }

// printable makes text from outside harmless on a terminal: what is not is written as an escape. Line feeds stay.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == '\n' || isHarmless(r) {
			b.WriteRune(r)
			continue
		}
		b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
	}
	return b.String()
}

// oneLine is printable for text that must not bring a line of its own.
func oneLine(s string) string { return strings.ReplaceAll(printable(s), "\n", `\n`) }

// appendPrintableJSON appends one line of JSON and means the same. What would not be harmless can only stand in its strings,
// where it may be written as \uXXXX (RFC 8259, section 7).
func appendPrintableJSON(dst, text []byte) []byte {
	for _, r := range string(text) {
		if isHarmless(r) {
			dst = utf8.AppendRune(dst, r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			dst = fmt.Appendf(dst, `\u%04x`, unit)
		}
	}
	return dst
}
