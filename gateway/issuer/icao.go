package issuer

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// ErrScript is wrapped by the errors of Transliterate.
var ErrScript = errors.New("no machine-readable form")

// Transliterate writes a name in Latin letters as machine-readable zones do: A to Z, and < between parts (ICAO Doc 9303,
// part 3, sections 4.6 and 6.A). Apostrophes and full stops are left out; hyphens, commas and spaces become one <. Letters
// with marks become their base letter, but for those of the standard's table that do not. Where it leaves a choice, Ä, Å, Ö,
// Ø and Ü are two letters and Ñ is one. Any other character is an error: two people's names must not become one in silence.
func Transliterate(name string) (string, error) {
	var b strings.Builder
	for _, r := range norm.NFC.String(name) {
		r = unicode.ToUpper(r)
		switch letters, listed := national[r]; {
		case listed:
			b.WriteString(letters)
		case strings.ContainsRune(omitted, r) || unicode.Is(unicode.Mn, r):
		case strings.ContainsRune(separators, r):
			if b.Len() > 0 && !strings.HasSuffix(b.String(), "<") {
				b.WriteByte('<')
			}
		default:
			base, _ := utf8.DecodeRuneInString(norm.NFD.String(string(r)))
			if base < 'A' || base > 'Z' {
				return "", fmt.Errorf("%w: %q has %U", ErrScript, name, r)
			}
			b.WriteRune(base)
		}
	}
	return strings.TrimRight(b.String(), "<"), nil
}

const (
	omitted    = ".'`\u2019\u02bc"              // full stop, apostrophes
	separators = " ,-<\u00a0\u2010\u2011\u202f" // spaces, comma, hyphens
)

// national holds the letters of section 6.A that do not become their base letter, or have none.
var national = map[rune]string{
	'Ä': "AE", 'Å': "AA", 'Æ': "AE", 'Ð': "D", 'Đ': "D", 'Ħ': "H", 'Ĳ': "IJ", 'ĸ': "Q", 'Ŀ': "L", 'Ł': "L",
	'Ŋ': "N", 'Ö': "OE", 'Ø': "OE", 'Œ': "OE", 'ß': "SS", 'ẞ': "SS", 'Ŧ': "T", 'Þ': "TH", 'Ü': "UE",
}
