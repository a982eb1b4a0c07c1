package frame

import "bytes"

// Readers of machine-readable zones, whose framings [MRZ] takes:
//
//   - two or three lines, each with CR, LF or both behind it;
//   - the same between STX and ETX, with a delimiter of the device before STX and another after ETX: DESKO (Protocol
//     Description for DESKO Devices According to Misc. Reader Interface Specification for CUTE System, release 2.12, section
//     1.4, page 5);
//   - SOH, a length and "OU", STX, one flag, three lines each with CR behind it of which the upper ones may be empty, ETX and
//     a check byte: 3M (RTE6701-OEM Integration Manual VC27U, section 9.1.1, page 26);
//   - each row read and sent alone, so that one may be missing: Code (CR1200 Interface Configuration Document V002450,
//     section 12.5.1, page 57);
//   - all lines as one of 72, 88 or 90 characters: that is an ordinary frame, and the gateway knows it.
//
// An AIM identifier in front of each line is allowed (ISO/IEC 15424); only the first one stays.
//
// The shapes are those of ICAO 9303: three lines of 30 characters (part 5, TD1), two of 36 (part 6, TD2; part 7, visas of type
// B) or two of 44 (part 4, TD3; part 7, visas of type A), of A-Z, 0-9 and <. A first line has < in it, so that a code of 30
// digits or letters is never held back for lines that do not come. The check digits are not looked at.
const (
	td1Width, td1Lines = 30, 3
	td2Width, td2Lines = 36, 2
	td3Width, td3Lines = 44, 2

	aimBytes   = 3
	maxMRZLine = aimBytes + td3Width
)

// place is where in a reader's framing the next byte stands.
type place uint8

const (
	outside place = iota
	header        // after SOH, up to STX: noise
	inside        // between STX and ETX
	trailer       // after ETX, up to STX or a line end: noise
)

// zone is what takeMRZ remembers: the lines before the present one are in front of the Splitter's buffer, each with LF behind it.
type zone struct {
	place place
	lines int // of a zone, whole
	width int // of each of them
	start int // where the present line starts in the buffer
}

// takeMRZ is take for lines of machine-readable zones and codes that end with CR or LF.
func (s *Splitter) takeMRZ(c byte) bool {
	z := &s.zone
	switch {
	case c == stx:
		if z.place != inside {
			s.n = z.start // what stood before it is the device's, and no lost code
		}
		s.discard()
		z.place = inside
	case z.place == header:
	case c == soh && s.n == z.start:
		z.place = header
	case z.place == trailer:
		if c == '\r' || c == '\n' {
			z.place = outside
		}
	case c == etx && z.place == inside:
		done := s.endLine()
		if !done {
			s.discard() // a zone that lacks lines: no more will come
		}
		z.place = trailer
		return done
	case c == '\r' || c == '\n':
		return s.endLine()
	case s.n == z.start && s.padding(c):
	default:
		if s.put(c); z.lines > 0 && s.n-z.start > maxMRZLine {
			s.dropZone()
		}
	}
	return false
}

// endLine takes the line that ended and reports whether a frame is whole: a zone's last line, or a line of something else.
func (s *Splitter) endLine() bool {
	z := &s.zone
	if s.n == z.start {
		return false
	}
	if z.place == inside && s.n == z.start+1 { // the flag of a reader that found no upper line
		s.n = z.start
		return false
	}
	if z.lines > 0 && !s.nextLine() {
		s.dropZone()
	}
	if z.lines == 0 && !s.firstLine() {
		return true
	}
	z.lines++
	if z.lines == linesOf(z.width) {
		return true
	}
	s.put('\n')
	z.start = s.n
	return false
}

// firstLine reports whether the present line can be the first of a zone. One character in front of it, the flag of a reader,
// is cut off.
func (s *Splitter) firstLine() bool {
	if s.n > maxMRZLine {
		return false
	}
	line := s.buf[:s.n]
	text := line[aimLen(line):]
	flag := 0
	if linesOf(len(text)) == 0 && len(line) > 1 {
		flag, text = 1, line[1:]
	}
	if linesOf(len(text)) == 0 || !isMRZ(text) || bytes.IndexByte([]byte("PVIAC"), text[0]) < 0 {
		return false
	}
	filler := "<<" // between the names
	if len(text) == td1Width {
		filler = "<"
	}
	if !bytes.Contains(text, []byte(filler)) {
		return false
	}
	s.n = copy(s.buf[:], line[flag:])
	s.zone.width = len(text)
	return true
}

// nextLine reports whether the present line can follow those before it, and cuts its AIM identifier off.
func (s *Splitter) nextLine() bool {
	z := &s.zone
	line := s.buf[z.start:s.n]
	text := line[aimLen(line):]
	if len(text) != z.width || !isMRZ(text) {
		return false
	}
	if z.lines == 1 && !bytes.ContainsAny(text, "0123456789") { // dates stand in every second line: this is a first one again
		return false
	}
	s.n = z.start + copy(line, text)
	return true
}

// dropZone throws the lines of an unfinished zone away and leaves the present line.
func (s *Splitter) dropZone() {
	s.discarded++
	s.n = copy(s.buf[:], s.buf[s.zone.start:s.n])
	s.zone.lines, s.zone.start = 0, 0
}

// linesOf is the number of lines in a zone whose lines have this width, 0 for no zone.
func linesOf(width int) int {
	switch width {
	case td1Width:
		return td1Lines
	case td2Width:
		return td2Lines
	case td3Width:
		return td3Lines
	}
	return 0
}

func isMRZ(text []byte) bool {
	for _, c := range text {
		if c != '<' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// aimLen is the length of an AIM identifier in front: ], a letter, a letter or digit (ISO/IEC 15424).
func aimLen(line []byte) int {
	if len(line) >= aimBytes && line[0] == ']' {
		return aimBytes
	}
	return 0
}
