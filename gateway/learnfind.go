package main

import (
	"bytes"
	"fmt"
	"math/bits"

	"passerelle/drivers/frame"
)

// framing is how a scanner on a byte stream sends its codes.
type framing struct {
	terminator frame.Terminator
	aim        string // AIM identifier in front of each code, "" for none
	undoUTF8   bool
}

// terminators in the order in which they are tried: a CR LF would do as CR too.
var terminators = []frame.Terminator{frame.CRLF, frame.CR, frame.LF, frame.TAB, frame.STXETX, frame.IdleGap}

// findFraming finds the framing under which a lane would read the known code out of what a scanner sent, and nothing else. It is proved,
// not guessed: what came is given twice to the splitter that the lane will use. raw is what came from one silence to the next; nothing
// of it is kept.
func findFraming(known, raw []byte) (framing, bool) {
	for _, undo := range []bool{false, true} {
		for _, t := range terminators {
			if aim, ok := proves(known, raw, t, undo); ok {
				return framing{terminator: t, aim: aim, undoUTF8: undo}, true
			}
		}
	}
	return framing{}, false
}

// proves reports whether all frames are the known code, at least one a time, with the same AIM identifier in front or none.
func proves(known, raw []byte, t frame.Terminator, undo bool) (aim string, ok bool) {
	split, err := frame.NewSplitter(frame.Config{Terminator: t})
	if err != nil {
		return "", false
	}
	defer split.Reset()
	count := 0
	right := func(f []byte) bool {
		if undo {
			f = frame.UndoUTF8(f)
		}
		identifier, is := isKnown(known, f)
		if is && count > 0 && identifier != aim {
			return false
		}
		aim = identifier
		count++
		return is
	}
	for range 2 {
		for rest := raw; len(rest) > 0; {
			var f []byte
			if f, rest = split.Next(rest); f != nil && !right(f) {
				return "", false
			}
		}
		if f := split.Idle(frame.MaxGap); f != nil && !right(f) {
			return "", false
		}
	}
	return aim, count >= 2 && split.Discarded() == 0
}

// isKnown reports whether a frame is the known code, and the AIM identifier in front of it.
func isKnown(known, f []byte) (aim string, ok bool) {
	if bytes.Equal(f, known) {
		return "", true
	}
	if n := len(f) - len(known); n == aimSize && isAIM(f) && bytes.Equal(f[n:], known) {
		return string(f[:n]), true
	}
	return "", false
}

// aimSize is the length of an AIM identifier: ], a letter, a letter or digit (ISO/IEC 15424).
const aimSize = 3

func isAIM(b []byte) bool {
	letter := func(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
	return len(b) >= aimSize && b[0] == ']' && letter(b[1]) && (letter(b[2]) || '0' <= b[2] && b[2] <= '9')
}

// sevenBits reports whether what came is the known code on a line of seven data bits, and names it: read with eight and no parity, the
// eighth bit is the parity, or the second stop bit. No lane is read so.
func sevenBits(known, raw []byte) (line string, ok bool) {
	if len(raw) == 0 {
		return "", false
	}
	low := make([]byte, len(raw))
	defer clear(low)
	var odd, even, high int
	for i, b := range raw {
		low[i] = b & 0x7F
		high += int(b >> 7)
		if bits.OnesCount8(b)%2 == 0 {
			even++
		} else {
			odd++
		}
	}
	if _, ok := findFraming(known, low); !ok {
		return "", false
	}
	switch len(raw) {
	case even:
		return "7 data bits, even parity", true
	case odd:
		return "7 data bits, odd parity", true
	case high:
		return "7 data bits, mark parity or two stop bits", true
	}
	return "", false // bits were lost on the way
}

// minText is the fewest bytes that can be told from noise.
const minText = 16

// isNoise reports whether what came is no text, as at a wrong speed.
func isNoise(raw []byte) bool {
	printable := 0
	for _, b := range raw {
		if b >= ' ' && b <= '~' {
			printable++
		}
	}
	return len(raw) < minText || printable*10 < len(raw)*9
}

// maxQuoted bounds what is shown of characters around the known code: a prefix is, another code is not.
const maxQuoted = 12

// difference says in words how what came differs from the known code. Nothing is shown of another code: it may be somebody's.
func difference(known, raw []byte) string {
	if n := bytes.Count(raw, known); n > 1 {
		return fmt.Sprintf("the code came %d times at once, and a lane could not tell them apart: set a terminator, and no continuous reading", n)
	}
	if before, after, ok := bytes.Cut(raw, known); ok {
		return around(before, after)
	}
	text := core(raw)
	switch {
	case len(text) == 0:
		return "only control characters came"
	case len(text) >= minText && bytes.HasPrefix(known, text):
		return fmt.Sprintf("the end is missing: %d of %d characters came", len(text), len(known))
	case len(text) >= minText && bytes.HasSuffix(known, text):
		return fmt.Sprintf("the beginning is missing: %d of %d characters came", len(text), len(known))
	case len(text) == len(known) && bytes.EqualFold(text, known):
		return "capital and small letters are exchanged: Caps Lock, or a setting of the scanner"
	case isExpanded(known, text):
		return "bytes are sent as UTF-8 characters, which a lane can undo for serial scanners only"
	case len(text) != len(known):
		return fmt.Sprintf("%d characters came, the known code has %d: it is another code, or characters were changed", len(text), len(known))
	}
	wrong := 0
	for i := range text {
		if text[i] != known[i] {
			wrong++
		}
	}
	if wrong > len(known)/2 {
		return fmt.Sprintf("%d of %d characters differ: it is another code", wrong, len(known))
	}
	return fmt.Sprintf("%d of %d characters differ: the layout is unknown, or the line is disturbed", wrong, len(known))
}

// isExpanded reports whether a text is the known code with its bytes sent as UTF-8 characters.
func isExpanded(known, text []byte) bool {
	copied := bytes.Clone(text)
	defer clear(copied)
	return bytes.Equal(frame.UndoUTF8(copied), known)
}

// core is what came without an AIM identifier and without what may stand around a code.
func core(raw []byte) []byte {
	text := bytes.Trim(raw, "\x00\x02\x03\t\r\n")
	if isAIM(text) {
		text = text[aimSize:]
	}
	return text
}

// around says what stands around a known code that should not.
func around(before, after []byte) string {
	if n := len(before) - aimSize; n >= 0 && isAIM(before[n:]) {
		before = before[:n]
	}
	const fix = ": switch that off, or make it CR"
	switch {
	case len(before)+len(after) > maxQuoted:
		return fmt.Sprintf("%d characters stand around the code%s", len(before)+len(after), fix)
	case len(before) == 0:
		return fmt.Sprintf("%q stands behind the code%s", after, fix)
	case len(bytes.Trim(after, "\r\n\t")) == 0:
		return fmt.Sprintf("%q stands in front of the code: switch that off", before)
	}
	return fmt.Sprintf("%q stands in front of the code and %q behind it%s", before, after, fix)
}
