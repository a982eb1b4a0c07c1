package keyboard

import (
	"fmt"

	"passerelle/drivers/frame"
)

// Layout is what a scanner believes the computer's keyboard to be.
type Layout uint8

const (
	Auto Layout = iota // to be found; only for New
	US                 // QWERTY
	FR                 // French AZERTY
	DE                 // German QWERTZ
)

// layouts are those that can be found, in the order in which they are tried.
var layouts = [...]Layout{US, FR, DE}

func (l Layout) String() string {
	switch l {
	case Auto:
		return "auto"
	case US:
		return "us"
	case FR:
		return "fr"
	case DE:
		return "de"
	}
	return fmt.Sprintf("Layout(%d)", uint8(l))
}

// UnmarshalText reads the names that String gives.
func (l *Layout) UnmarshalText(text []byte) error {
	for k := Auto; k <= DE; k++ {
		if k.String() == string(text) {
			*l = k
			return nil
		}
	}
	return fmt.Errorf("unknown keyboard layout %q: want auto, us, fr or de", text)
}

// Key codes with a meaning of their own (HID Usage Tables 1.5, section 10).
const (
	Enter        = 0x28
	Tab          = 0x2B
	codeFirst    = 0x04 // the key marked A on a US keyboard
	codeEscape   = 0x29
	codeBack     = 0x2A
	codeSpace    = 0x2C
	codeCapsLock = 0x39
	codeF1       = 0x3A // F1 to F12, then keys that move or switch something
	codeNumLock  = 0x53
	codePadFirst = 0x54 // number pad: / * - + Enter 1-9 0 .
	codePadEnter = 0x58
	codePadPoint = 0x63
	codePad1     = 0x59
	codePad0     = 0x62
	codeISO      = 0x64 // the key beside the left shift that US keyboards have not
	codeMenu     = 0x65
	codePower    = 0x66
	codeF13      = 0x68
	codeF24      = 0x73
)

// A table gives the character of each key at each level; 0 for none, below 0 for a dead key with that accent.
type table struct {
	base, shift, altGr, ctrl, shiftCtrl [codeISO + 1]rune
	caps                                [codeISO + 1]bool // Caps Lock acts on this key as Shift does
}

// Rows of keys from codeFirst to the key left of the right shift, in the order of their codes. A NUL is a key without a
// character at that level.
const (
	usBase  = "abcdefghijklmnopqrstuvwxyz1234567890\x00\x1b\b\x00 -=[]\\\\;'`,./"
	usShift = "ABCDEFGHIJKLMNOPQRSTUVWXYZ!@#$%^&*()\x00\x1b\b\x00 _+{}||:\"~<>?"
	frBase  = "qbcdefghijkl,noparstuvzxyw&é\"'(-è_çà\x00\x1b\b\x00 )=^$**mù²;:!"
	frShift = "QBCDEFGHIJKL?NOPARSTUVZXYW1234567890\x00\x1b\b\x00 °+¨£µµM%\x00./§"
	frAltGr = "\x00\x00\x00\x00€\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x00~#{[|`\\^@\x00\x00\x00\x00\x00]}\x00¤"
	deBase  = "abcdefghijklmnopqrstuvwxzy1234567890\x00\x1b\b\x00 ß\x00ü+##öä\x00,.-"
	deShift = "ABCDEFGHIJKLMNOPQRSTUVWXZY!\"§$%&/()=\x00\x1b\b\x00 ?\x00Ü*''ÖÄ°;:_"
	pad     = "/*-+\x001234567890."
)

var (
	usTable = newUS()
	frTable = newFR()
	deTable = newDE()
)

func (l Layout) table() *table {
	switch l {
	case FR:
		return frTable
	case DE:
		return deTable
	}
	return usTable
}

func newUS() *table {
	t := &table{}
	fill(&t.base, codeFirst, usBase)
	fill(&t.shift, codeFirst, usShift)
	t.base[codeISO], t.shift[codeISO] = '\\', '|'
	t.ctrl[0x2F], t.ctrl[0x31], t.ctrl[0x30], t.ctrl[codeISO] = 0x1B, 0x1C, 0x1D, 0x1C
	t.shiftCtrl[0x23], t.shiftCtrl[0x2D] = 0x1E, 0x1F
	t.complete()
	for code, r := range t.base {
		t.caps[code] = r >= 'a' && r <= 'z'
	}
	return t
}

func newFR() *table {
	t := &table{}
	fill(&t.base, codeFirst, frBase)
	fill(&t.shift, codeFirst, frShift)
	fill(&t.altGr, codeFirst, frAltGr)
	t.base[codeISO], t.shift[codeISO] = '<', '>'
	t.base[0x2F], t.shift[0x2F] = -'^', -'¨'
	t.altGr[0x1F], t.altGr[0x24] = -'~', -'`'
	t.ctrl[0x2F], t.ctrl[0x31], t.ctrl[0x30], t.ctrl[codeISO] = 0x1B, 0x1C, 0x1D, 0x1C
	t.shiftCtrl[0x22], t.shiftCtrl[0x25], t.shiftCtrl[0x26], t.shiftCtrl[0x23] = 0x1B, 0x1C, 0x1E, 0x1F
	t.complete()
	t.lockShift()
	t.caps[0x35] = false
	return t
}

func newDE() *table {
	t := &table{}
	fill(&t.base, codeFirst, deBase)
	fill(&t.shift, codeFirst, deShift)
	t.base[codeISO], t.shift[codeISO], t.altGr[codeISO] = '<', '>', '|'
	t.base[0x2E], t.shift[0x2E], t.base[0x35] = -'´', -'`', -'^'
	for code, r := range map[byte]rune{
		0x14: '@', 0x08: '€', 0x10: 'µ', 0x1F: '²', 0x20: '³', 0x24: '{', 0x25: '[', 0x26: ']', 0x27: '}', 0x2D: '\\', 0x30: '~',
	} {
		t.altGr[code] = r
	}
	t.ctrl[0x2F], t.ctrl[0x31], t.ctrl[0x30] = 0x1B, 0x1C, 0x1D
	t.shiftCtrl[0x23], t.shiftCtrl[0x38] = 0x1E, 0x1F
	t.complete()
	t.base[codePadPoint], t.shift[codePadPoint] = ',', ','
	t.lockShift()
	t.caps[0x2E], t.caps[0x35], t.caps[0x38] = false, false, false
	return t
}

// lockShift makes Caps Lock a Shift Lock: it acts on every key of the main block that has a character.
func (t *table) lockShift() {
	for code := codeFirst; code < codeF1; code++ {
		t.caps[code] = t.base[code] < 0 || t.base[code] > ' '
	}
}

func fill(level *[codeISO + 1]rune, code int, row string) {
	for _, r := range row {
		level[code] = r
		code++
	}
}

// complete adds what all layouts share: the number pad, the key 0x32 that stands where 0x31 does, and Ctrl + letter.
func (t *table) complete() {
	fill(&t.base, codePadFirst, pad)
	fill(&t.shift, codePadFirst, pad)
	t.ctrl[0x32] = t.ctrl[0x31]
	for code, r := range t.base {
		if r >= 'a' && r <= 'z' {
			t.ctrl[code] = r - 'a' + 1
		}
	}
}

// char gives the character of a key with these modifiers, 0 if it has none, below 0 for a dead key.
func (t *table) char(code, mods byte, caps bool) rune {
	if int(code) >= len(t.base) || mods&(frame.LeftGUI|frame.RightGUI) != 0 {
		return 0
	}
	shift := mods&(frame.LeftShift|frame.RightShift) != 0
	ctrl := mods&(frame.LeftCtrl|frame.RightCtrl) != 0
	alt := mods&frame.LeftAlt != 0
	switch {
	case mods&frame.RightAlt != 0 || ctrl && alt: // Windows takes Ctrl + Alt for AltGr
		if shift {
			return 0
		}
		return t.altGr[code]
	case alt:
		return 0
	case ctrl && shift:
		return t.shiftCtrl[code]
	case ctrl:
		return t.ctrl[code]
	}
	if caps && t.caps[code] {
		shift = !shift
	}
	if shift {
		return t.shift[code]
	}
	return t.base[code]
}

// composed gives the letter that a dead key and the letter after it make, 0 if they make none.
func composed(accent, letter rune) rune {
	var letters, result string
	switch accent {
	case '^':
		letters, result = "aeiouAEIOU", "âêîôûÂÊÎÔÛ"
	case '¨':
		letters, result = "aeiouyAEIOU", "äëïöüÿÄËÏÖÜ"
	case '`':
		letters, result = "aeiouAEIOU", "àèìòùÀÈÌÒÙ"
	case '´':
		letters, result = "aeiouyAEIOUY", "áéíóúýÁÉÍÓÚÝ"
	case '~':
		letters, result = "anoANO", "ãñõÃÑÕ"
	}
	n := 0
	for _, r := range result {
		if rune(letters[n]) == letter {
			return r
		}
		n++
	}
	return 0
}
