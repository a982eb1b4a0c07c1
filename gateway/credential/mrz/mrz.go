// Package mrz reads machine-readable zones of identity cards, passports and visas (ICAO Doc 9303, eighth edition: part 3 for
// what is common, part 5 TD1, part 6 TD2, part 4 TD3, part 7 visas MRV-A and MRV-B).
//
// A zone is unsigned: anybody can print one. Its check digits tell that it was read well, not that it is genuine; it binds an
// identity, and never admits by itself. What is decided here:
//
//   - The shape must be whole: two lines of 36 or 44 characters or three of 30, with CR, LF or both between them or joined, in
//     a reader's framing or without, blanks around it or none. Only A to Z, 0 to 9 and < occur. Lower case is refused: no
//     document has it, so it is not from a reader of documents. A zone without any name is refused: there would be nothing to
//     compare.
//   - What is misread is not mended: O for 0 in a number is a wrong check digit, 0 for O in a name a wrong character. Both are
//     outcomes in Checks and not errors, so that a person can be told which part of the document to look at.
//   - Check digits see a character only by its value modulo 10 (part 3, section 4.9): 0, A, K, U and < are one to them, likewise
//     1, B, L and V, and so on. Names, states and sex have none.
//   - A document number of more than nine characters has < for its check digit and goes on in the optional data of a TD1 or a
//     TD2 (parts 5 and 6, section 4.2.2, note j). That < does not count in the check digit (part 5, section 4.2.4).
//   - Two lines of 36 that begin with IDFRA are the French card of before 2021, a layout of its own without a date of expiry:
//     [ErrNational], lest its parts be taken for something else.
//   - Two-digit years get their century from a window, see [Zone.BirthDate] and [Zone.ExpiryDate].
package mrz

import (
	"bytes"
	"errors"
	"fmt"
)

// Errors of Parse. All are ErrMalformed.
var (
	ErrMalformed = errors.New("malformed machine-readable zone")
	ErrTooLong   = fmt.Errorf("%w: more bytes than a reader sends", ErrMalformed)
	ErrNational  = fmt.Errorf("%w: the French layout of before 2021", ErrMalformed)
)

// MaxBytes limits what Parse reads: 90 characters with line ends, AIM identifiers and a reader's framing around them.
const MaxBytes = 128

// Format is a zone's layout. The zero value is none.
type Format uint8

// The formats.
const (
	NoFormat Format = iota
	TD1             // identity card: 3 lines of 30
	TD2             // larger card: 2 lines of 36
	TD3             // passport: 2 lines of 44
	MRVA            // visa of format A: 2 lines of 44
	MRVB            // visa of format B: 2 lines of 36
)

// String returns the name that Doc 9303 gives the format.
func (f Format) String() string {
	switch f {
	case TD1:
		return "TD1"
	case TD2:
		return "TD2"
	case TD3:
		return "TD3"
	case MRVA:
		return "MRV-A"
	case MRVB:
		return "MRV-B"
	}
	return "none"
}

// Zone holds a zone's fields. Text points into the bytes given to Parse and is valid as long as they are. Fillers at the end of
// a field are cut; those inside stand for spaces and hyphens.
type Zone struct {
	Format      Format
	Type        []byte // document code: P, V, I, A or C first; the issuer decides on the second character
	Issuer      []byte // issuing state or organisation, up to 3 letters (part 3, section 5)
	Nationality []byte // the same of the holder
	Sex         byte   // M, F or <; some states write X for <

	Number    []byte // document number, its first 9 characters
	Rest      []byte // what follows them, where the number is longer; see AppendNumber
	Birth     []byte // YYMMDD, always 6 characters; << where a part is not known
	Expiry    []byte // YYMMDD, always 6 characters
	Optional1 []byte // optional data, without Rest and its check digit
	Optional2 []byte // TD1: optional data of the second line

	Primary       []byte // names: primary identifier, one < between its parts
	Secondary     []byte // secondary identifier; empty where the holder has none
	NameTruncated bool   // the name field is full: any part of the names may be cut (section 4.2.3 of parts 4 to 6)

	Checks Checks
}

// Shaped reports whether b looks like a zone: its lines, its first letter, and two fillers in a row, which hardly any other code has.
// Whatever Parse takes and has those is shaped; the rest is for Parse to say. It allocates nothing.
func Shaped(b []byte) bool {
	if len(b) > MaxBytes || !bytes.Contains(b, []byte("<<")) {
		return false
	}
	l, ok := split(unframe(b))
	return ok && isDocument(l.line[0][0])
}

// isDocument reports whether a document code may begin with c: A, C or I on cards, P on passports and V on visas.
func isDocument(c byte) bool { return bytes.IndexByte([]byte("ACIPV"), c) >= 0 }

// Parse reads the zone in b. It allocates nothing, and b stays as it is. Every error is an ErrMalformed; z is then of no use.
// No error means that the zone has a shape: whether it was read well is what Valid and Checks say.
func (z *Zone) Parse(b []byte) error {
	*z = Zone{}
	if len(b) > MaxBytes {
		return ErrTooLong
	}
	lines, ok := split(unframe(b))
	if !ok {
		return ErrMalformed
	}
	if err := z.identify(&lines); err != nil {
		return err
	}
	if z.Format == TD1 {
		z.readTD1(&lines)
	} else {
		z.readTwoLines(&lines)
	}
	if len(z.Primary) == 0 && len(z.Secondary) == 0 {
		return ErrMalformed
	}
	if len(z.Number) == 0 {
		z.Checks.Number = Wrong // 0 is its digit, but a document without a number is none
	}
	z.checkCharacters()
	return nil
}

// identify takes the format from the shape and the first letter. Only V decides: the others are seen on documents of each size.
func (z *Zone) identify(l *lines) error {
	first := l.line[0]
	if !isDocument(first[0]) {
		return ErrMalformed
	}
	visa := first[0] == 'V'
	switch len(first) {
	case td1Width:
		z.Format = TD1
		if visa {
			return ErrMalformed
		}
	case td2Width:
		if bytes.HasPrefix(first, []byte("IDFRA")) {
			return ErrNational
		}
		if z.Format = TD2; visa {
			z.Format = MRVB
		}
	case td3Width:
		if z.Format = TD3; visa {
			z.Format = MRVA
		}
	}
	z.Type, z.Issuer = cut(first[0:2]), cut(first[2:5])
	return nil
}

// readTD1 takes the fields of part 5, section 4.2.2.
func (z *Zone) readTD1(l *lines) {
	a, b, c := l.line[0], l.line[1], l.line[2]
	z.number(a[5:14], a[14], a[15:30])
	z.Birth, z.Sex, z.Expiry, z.Nationality, z.Optional2 = b[0:6], b[7], b[8:14], cut(b[15:18]), cut(b[18:29])
	z.names(c)
	z.Checks.Birth = verify(b[6], z.Birth)
	z.Checks.Expiry = verify(b[14], z.Expiry)
	z.Checks.Composite = verify(b[29], a[5:30], b[0:7], b[8:15], b[18:29])
}

// readTwoLines takes the fields of parts 4, 6 and 7, which differ in width and in what stands at the end.
func (z *Zone) readTwoLines(l *lines) {
	a, b := l.line[0], l.line[1]
	z.names(a[5:])
	z.Nationality, z.Birth, z.Sex, z.Expiry = cut(b[10:13]), b[13:19], b[20], b[21:27]
	z.Checks.Birth = verify(b[19], z.Birth)
	z.Checks.Expiry = verify(b[27], z.Expiry)
	switch z.Format {
	case TD2:
		z.number(b[0:9], b[9], b[28:35])
		z.Checks.Composite = verify(b[35], b[0:10], b[13:20], b[21:35])
	case TD3:
		z.Number, z.Optional1 = cut(b[0:9]), cut(b[28:42])
		z.Checks.Number = verify(b[9], b[0:9])
		z.Checks.Optional = verify(b[42], b[28:42])
		if b[42] == filler && len(z.Optional1) == 0 { // 0 or < where nothing is there, as the state likes (part 4, section 4.2.2.2)
			z.Checks.Optional = Right
		}
		z.Checks.Composite = verify(b[43], b[0:10], b[13:20], b[21:43])
	case MRVA, MRVB:
		z.Number, z.Optional1 = cut(b[0:9]), cut(b[28:])
		z.Checks.Number = verify(b[9], b[0:9])
	}
}

// number takes a document number that may go on in the optional data: there stand the rest, the check digit and a filler.
func (z *Zone) number(field []byte, digit byte, optional []byte) {
	z.Number, z.Optional1 = cut(field), cut(optional)
	if digit != filler {
		z.Checks.Number = verify(digit, field)
		return
	}
	z.Checks.Number = Wrong
	end := bytes.IndexByte(optional, filler)
	if end < 2 || len(z.Number) < len(field) {
		return
	}
	z.Rest, z.Optional1 = optional[:end-1], cut(optional[end+1:])
	z.Checks.Number = verify(optional[end-1], field, z.Rest)
}

// names splits the name field at its first two fillers (part 3, section 4.6).
func (z *Zone) names(field []byte) {
	z.NameTruncated = field[len(field)-1] != filler
	field = cut(field)
	primary, secondary, _ := bytes.Cut(field, []byte{filler, filler})
	z.Primary, z.Secondary = primary, bytes.TrimLeft(secondary, "<")
}

// AppendNumber appends the whole document number to dst, ready for comparison: capital letters and digits, no fillers.
// It does not allocate when dst has room for MaxNumber bytes.
func (z *Zone) AppendNumber(dst []byte) []byte {
	return appendSolid(appendSolid(dst, z.Number), z.Rest)
}

// MaxNumber is the length of the longest document number: 9 characters, and 13 in the optional data of a TD1.
const MaxNumber = 9 + 13

// AppendPersonal appends the first optional data to dst as AppendNumber does the document number. The issuer decides what they
// are: on passports the holder's personal number, if anything (part 4, section 4.2.2.2). Morocco's national card, a TD1 whose
// issuer is MAR, has the card's own serial as document number and here the number of the CNIE that is printed on its face.
func (z *Zone) AppendPersonal(dst []byte) []byte { return appendSolid(dst, z.Optional1) }

func appendSolid(dst, field []byte) []byte {
	for _, c := range field {
		if c != filler {
			dst = append(dst, c)
		}
	}
	return dst
}

// cut returns a field without the fillers at its end.
func cut(field []byte) []byte { return bytes.TrimRight(field, "<") }
