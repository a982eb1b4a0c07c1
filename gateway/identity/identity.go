// Package identity says whether two documents belong to the same person.
//
// Documents are compared by number where both carry one of the same kind; by the salted hash of the holder where a ticket carries that;
// else by name and date of birth, or by name alone where a boarding pass has no date. Same is said only if the two agree in words, not
// if they merely do not disagree; what cannot be told is Unclear, and a person looks. Nothing is scored: each tolerance is a rule about
// how documents are written, and a rule that would let a brother, a twin or a namesake pass is not here.
//
// The rules of names. A name is words. A side has several readings: the choices that ICAO Doc 9303 (part 3, section 6) leaves for a
// letter, the letter without its marks, a title glued to a given name or not, and perhaps cut there, which is left to a person. A name
// with a letter of no table has none: half of it would be another one. Words of two sides meet in their order; neighbours may be
// written together; words may be missing on one side, never on both; an initial meets a word that it begins; a word may be cut where its
// field is full and the other name would not fit into it. At least one family name and one given name must meet as words. Or all words
// are the same in another order, where somebody took the given name for the family name. Arabic script has no vowels: its consonants and
// long vowels must meet, and short ones may stand between them as Moroccan passports write them. OMAR and AMAR are then written alike;
// so where a document has the name in Latin letters as well, what its Arabic letters alone make the same is left to a person.
//
// A Person is personal data in memory of fixed size: assign the zero Person to it to forget it. This package is not on the way of a
// batch; it allocates.
package identity

import (
	"bytes"

	"passerelle/gateway/policy"
)

// Limits in bytes; what is longer is cut, and then the name counts as cut.
const (
	maxName   = 160
	maxNumber = 24
	maxSalt   = 32
)

// Person is who a document is about, as far as documents can be compared. The zero Person knows nothing, and is like nobody.
type Person struct {
	family, given text
	icaoFamily    text // as the document itself transliterates it
	icaoGiven     text
	field         field
	cut           bool // the field is full, so that the name may go on
	birth         birth
	numbers       [4]number
	holder        [16]byte
	salt          [maxSalt]byte
	saltLen       uint8
	hasHolder     bool
}

// text is a name as a document has it.
type text struct {
	bytes [maxName]byte
	n     uint8
}

func (t *text) set(b []byte) { t.n = uint8(copy(t.bytes[:], b)) }

func (t *text) get() []byte { return t.bytes[:t.n] }

// field says how a document writes names.
type field uint8

const (
	written field = iota // as its bearer does, in any script
	mrz30                // machine-readable zones: A to Z, < between words
	mrz31
	mrz39
	pass20 // boarding passes: A to Z, blanks perhaps left out, a title behind the given name
)

// width is how many characters the field has, with what stands between family and given name; 0 for no limit.
func (f field) width() int {
	return [...]int{mrz30: 30, mrz31: 31, mrz39: 39, pass20: 20}[f]
}

// between is how many characters stand between family name and given name, and between words; on boarding passes these are left out, or
// not.
func (f field) between() (names, words int) {
	if f == pass20 {
		return 1, 1
	}
	return 2, 1
}

// number is a document's number: capital letters and digits.
type number struct {
	kind  numberKind
	firm  bool // the document has no other of this kind: another number is another document
	bytes [maxNumber]byte
	n     uint8
}

type numberKind uint8

const (
	noNumber numberKind = iota
	cardNumber
	residenceNumber
	passportNumber
)

// addNumber keeps a number without fillers, blanks and hyphens, in capitals.
func (p *Person) addNumber(kind numberKind, firm bool, b []byte) {
	n := number{kind: kind, firm: firm}
	for _, c := range b {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c == '<' || c == ' ' || c == '-' {
			continue
		}
		if int(n.n) == len(n.bytes) {
			return // no document's number is so long; a part of it would be another number
		}
		n.bytes[n.n] = c
		n.n++
	}
	if n.n < minNumber {
		return
	}
	for i := range p.numbers {
		if p.numbers[i].kind == noNumber {
			p.numbers[i] = n
			return
		}
	}
}

// minNumber is the length below which a number tells nobody apart.
const minNumber = 4

// Compare says whether a and b are the same person.
func Compare(a, b *Person) policy.Binding {
	births := compareBirths(a.birth, b.birth)
	if births == policy.Different {
		return policy.Different
	}
	if by := compareNumbers(a, b); by != policy.Unclear {
		return by
	}
	if a.hasHolder || b.hasHolder {
		return compareHolders(a, b)
	}
	named := compareNames(a, b)
	if named == policy.Same && births == policy.Unclear && !datelessAllowed(a, b) {
		return policy.Unclear // many people share a name
	}
	return named
}

// datelessAllowed reports whether a name alone is enough: on a boarding pass there is no date of birth.
func datelessAllowed(a, b *Person) bool { return a.field == pass20 || b.field == pass20 }

// compareNumbers is Unclear unless both have a number of the same kind of document, and it is the same or can be no other.
func compareNumbers(a, b *Person) policy.Binding {
	result := policy.Unclear
	for i := range a.numbers {
		for j := range b.numbers {
			x, y := &a.numbers[i], &b.numbers[j]
			switch {
			case x.kind == noNumber || x.kind != y.kind:
			case bytes.Equal(x.bytes[:x.n], y.bytes[:y.n]):
				return policy.Same
			case x.firm && y.firm:
				result = policy.Different
			}
		}
	}
	return result
}
