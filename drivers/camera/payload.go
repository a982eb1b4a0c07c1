package camera

import (
	"bytes"
	"unicode/utf8"

	"github.com/makiuchi-d/gozxing"
)

// symbolsOf takes the payloads out of results. Parts of a structured append and empty codes are left out.
func symbolsOf(format Format, results ...*gozxing.Result) (symbols []Symbol) {
	for _, r := range results {
		metadata := r.GetResultMetadata()
		if _, part := metadata[gozxing.ResultMetadataType_STRUCTURED_APPEND_SEQUENCE]; part {
			continue
		}
		segments, _ := metadata[gozxing.ResultMetadataType_BYTE_SEGMENTS].([][]byte)
		payload := exact(r.GetText(), segments)
		if format == Aztec {
			payload = latin1(r.GetText())
		}
		if len(payload) > 0 {
			symbols = append(symbols, Symbol{format, payload})
		}
	}
	return symbols
}

// exact undoes what gozxing did to the byte segments of a QR or Data Matrix code: it made UTF-8 of them, taking each byte for
// the character of its number, or as the code's own ECI says. What stands between them is ASCII, or characters of Kanji and
// Hanzi segments, which stay UTF-8. Where a segment is not found in either form, under another ECI, the text stays as it is.
func exact(text string, segments [][]byte) []byte {
	rest := []byte(text)
	var payload []byte
	for _, s := range segments {
		form := utf8Of(s)
		at := bytes.Index(rest, form)
		if at < 0 {
			form = s
			at = bytes.Index(rest, form)
		}
		if at < 0 {
			return []byte(text)
		}
		payload = append(append(payload, rest[:at]...), s...)
		rest = rest[at+len(form):]
	}
	return append(payload, rest...)
}

// latin1 undoes the same for an Aztec code, of which gozxing does not keep the segments: a text of characters below U+0100 is
// the bytes of their numbers. Any other text came through an ECI and stays UTF-8; one that came through an ECI and has
// only such characters is not told apart.
func latin1(text string) []byte {
	payload := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 0xFF {
			return []byte(text)
		}
		payload = append(payload, byte(r))
	}
	return payload
}

// utf8Of takes each byte for the character of its number.
func utf8Of(b []byte) []byte {
	text := make([]byte, 0, len(b))
	for _, c := range b {
		text = utf8.AppendRune(text, rune(c))
	}
	return text
}
