package main

import (
	"strconv"
	"strings"
	"unicode"
)

// printable makes text from outside harmless on a terminal: control characters and anything else that does not print, and
// what changes the direction of writing, is written as an escape.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == '\n' || unicode.IsPrint(r) && !unicode.Is(unicode.Bidi_Control, r) {
			b.WriteRune(r)
			continue
		}
		b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
	}
	return b.String()
}

// oneLine is printable for text that must not bring a line of its own.
func oneLine(s string) string { return strings.ReplaceAll(printable(s), "\n", `\n`) }
