package keyboard

import (
	"fmt"
	"unicode/utf8"

	"passerelle/drivers/frame"
)

// AppendKeys appends the key presses with which a scanner types text, which is UTF-8, under the layout l (US for Auto). Text
// has no terminator: add frame.Key{Code: Enter} or Tab. The error names the first character that has no key.
func (l Layout) AppendKeys(dst []frame.Key, text []byte) ([]frame.Key, error) {
	t := l.table()
	start := len(dst)
	for i, w := 0, 0; i < len(text); i += w {
		var r rune
		r, w = utf8.DecodeRune(text[i:])
		keys, ok := t.keysFor(r)
		if !ok || r == utf8.RuneError && w == 1 {
			return dst[:start], fmt.Errorf("no key for %q at byte %d in layout %v", text[i:i+w], i, l)
		}
		dst = append(dst, keys...)
	}
	return dst, nil
}

// keysFor gives the one or two key presses that write r: a dead key needs a space after it.
func (t *table) keysFor(r rune) ([]frame.Key, bool) {
	if r <= 0 || r == '\r' || r == '\n' || r == '\t' {
		return nil, false
	}
	for _, want := range [...]rune{r, -r} {
		for _, mods := range [...]byte{0, frame.LeftShift, frame.RightAlt, frame.LeftCtrl, frame.LeftCtrl | frame.LeftShift} {
			for code := byte(codeFirst); code <= codeISO; code++ {
				if t.char(code, mods, false) != want || code >= codePadFirst && code < codeISO {
					continue
				}
				keys := []frame.Key{{Code: code, Mods: mods}}
				if want < 0 {
					keys = append(keys, frame.Key{Code: codeSpace})
				}
				return keys, true
			}
		}
	}
	return nil, false
}

// AppendAltKeys appends the key presses with which a scanner types b as Alt + number pad, with a leading zero if zero is set.
func AppendAltKeys(dst []frame.Key, b byte, zero bool) []frame.Key {
	dst = append(dst, frame.Key{Mods: frame.LeftAlt})
	format := "%d"
	if zero {
		format = "0%03d"
	}
	for _, digit := range fmt.Sprintf(format, b) {
		code := byte(codePad0)
		if digit != '0' {
			code = codePad1 + byte(digit-'1')
		}
		dst = append(dst, frame.Key{Code: code, Mods: frame.LeftAlt})
	}
	return append(dst, frame.Key{})
}

// AppendReports appends the boot keyboard reports that a scanner sends for keys: each press, then its release, during which
// the modifiers stay down that the next press needs too.
func AppendReports(dst [][frame.BootReport]byte, keys []frame.Key) [][frame.BootReport]byte {
	for i, k := range keys {
		dst = append(dst, [frame.BootReport]byte{0: k.Mods, 2: k.Code})
		if k.Code == 0 {
			continue
		}
		var next byte
		if i+1 < len(keys) {
			next = keys[i+1].Mods
		}
		dst = append(dst, [frame.BootReport]byte{0: k.Mods & next})
	}
	return dst
}
