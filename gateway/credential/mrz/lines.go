package mrz

import "bytes"

// Widths and numbers of lines of the formats.
const (
	td1Width, td1Lines = 30, 3
	td2Width, td2Lines = 36, 2
	td3Width, td3Lines = 44, 2

	filler   = '<'
	maxLines = 3
	aimBytes = 3 // an AIM identifier: ], a letter, a letter or digit (ISO/IEC 15424)
)

// Bytes of readers' framings (DESKO and CUTE: STX, lines, ETX; 3M: SOH, a header, STX, a flag, lines, ETX, a check byte).
const (
	soh    = 0x01
	stx    = 0x02
	etx    = 0x03
	blanks = " \t\r\n"

	maxHeader  = 8 // bytes before STX
	maxTrailer = 4 // bytes after ETX
)

// lines are the lines of a zone, all of one width.
type lines struct {
	line [maxLines][]byte
	n    int
}

// unframe returns what stands between STX and ETX, or b where there is no STX, without blanks around it. It returns nothing where a
// framing is broken.
func unframe(b []byte) []byte {
	b = bytes.Trim(b, blanks)
	start := bytes.IndexByte(b, stx)
	if start < 0 {
		return b
	}
	header, b := b[:start], b[start+1:]
	end := bytes.IndexByte(b, etx) // the first: a check byte behind it may be anything
	if start > maxHeader || start > 1 && header[0] != soh || end < 0 || len(b)-end-1 > maxTrailer {
		return nil
	}
	b = bytes.Trim(b[:end], blanks)
	first := bytes.IndexAny(b, "\r\n")
	if flag := first == 1 || linesOf(first-1) > 0; flag && b[0] >= ' ' {
		return b[1:] // one character in front of the first line, the flag of a reader
	}
	return b
}

// split cuts b into the lines of a zone, at any run of CR and LF, or at a format's width where they are joined.
func split(b []byte) (l lines, ok bool) {
	for len(b) > 0 {
		end := bytes.IndexAny(b, "\r\n")
		switch {
		case end == 0:
			b = b[1:]
			continue
		case end < 0:
			end = len(b)
		}
		if l.n == maxLines {
			return l, false
		}
		l.line[l.n] = b[:end]
		if b[0] == ']' && end > aimBytes {
			l.line[l.n] = b[aimBytes:end]
		}
		l.n++
		b = b[end:]
	}
	if l.n == 1 {
		l.unjoin()
	}
	return l, l.whole()
}

// unjoin cuts the only line, if its length is that of a format.
func (l *lines) unjoin() {
	all := l.line[0]
	w := 0
	switch len(all) {
	case td1Width * td1Lines:
		w = td1Width
	case td2Width * td2Lines:
		w = td2Width
	case td3Width * td3Lines:
		w = td3Width
	default:
		return
	}
	for l.n = 0; len(all) > 0; l.n++ {
		l.line[l.n], all = all[:w], all[w:]
	}
}

// whole reports whether the lines are as many as their width asks for, and of characters that a zone may have.
func (l *lines) whole() bool {
	if l.n == 0 || l.n != linesOf(len(l.line[0])) {
		return false
	}
	for _, line := range l.line[:l.n] {
		if len(line) != len(l.line[0]) {
			return false
		}
		for _, c := range line {
			if c != filler && !isDigit(c) && !isLetter(c) {
				return false
			}
		}
	}
	return true
}

// linesOf returns how many lines of w characters a zone has, 0 for a width of no format.
func linesOf(w int) int {
	switch w {
	case td1Width:
		return td1Lines
	case td2Width:
		return td2Lines
	case td3Width:
		return td3Lines
	}
	return 0
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'A' <= c && c <= 'Z' }
