// Package bcbp reads IATA bar coded boarding passes: format M of Resolution 792, versions 1 to 8 and codes without a version.
//
// A pass is text of fixed widths: 23 characters for the passenger, then for each flight 37 mandatory characters, whose last two
// are the size of what follows: on the first flight ">", a version and the items that occur once, then on every flight the items
// that are repeated, then what the carrier keeps for itself. A security item, opened by "^", ends the pass. What is read here is
// true only if a signature over Signed was checked; this package checks none.
//
// Airlines stray from the Resolution. What is tolerated is decided here, once, because each form was seen on passes in use;
// Pass.Deviations and the empty field say what was met, so that a profile can refuse it:
//
//	found                                            decided                                                told by
//	the code ends in the last leg, after its date    the items that are whole count                         CutMandatory, Leg.Missing
//	the code ends in the last conditional part       the items that are whole count                         CutConditional
//	the size is 0 or too small, one leg only         all up to the security item belongs to the leg         WrongSize
//	the size fits, but no ">" follows                the carrier's own use, if it opens like it             NoVersion
//	a version that we do not know                    read like version 8, later versions only add items     UnknownVersion
//	a size that ends inside an item                  that item is absent                                    PartialItem
//	airline of a frequent flyer without its blank    two letters and a digit: the digit is the number's     ShortDesignator
//	group separators (GS) between items or legs      passed over, not counted by sizes; also "E" behind one Separator
//	blank items, lower-case names, hex of either case, numbers with blanks for zeros, no e-ticket flag      the item
//
// A leg in which carrier, flight, date, origin or sequence number is blank or no such thing says so (Leg.Missing): nobody can
// board by it, but another leg of the pass may be whole. Sequence number 0 is what airlines write before there is one.
//
// Refused: any other format, more than MaxLegs flights (the Resolution's own limit; the digit could say 9), a code that ends
// before the date of a leg that it promises, characters outside of printable ASCII (the Resolution has no others; a name in
// Latin-1 or UTF-8 would shift all that follows it), airports, carriers and dates of the wrong kind of characters, sizes that
// lead out of their part, anything behind the last leg.
//
// The security item is never passed over. The first "^" opens it, wherever it stands, and it must fill the code to the last
// character, else the pass is refused by ErrSecurity. A pass with one must also be whole: a part that is cut off is then
// malformed. A pass that was cut off so that it lost its security item reads as one without: that the carrier signs, and that
// this pass therefore is bad, is for the caller to say.
//
// Field widths, order and limits: Resolution 792, attachment A, as its public implementation guides and readers give them.
package bcbp

import (
	"errors"
	"fmt"
)

// Limits.
const (
	MaxLegs   = 4  // Resolution 792: at most four flights
	MinLength = 47 // up to and with the date of the first flight

	passengerSize = 23                                                                       // format, legs, name, e-ticket flag
	mandatorySize = 37                                                                       // of each leg
	neededSize    = MinLength - passengerSize                                                // of a leg that is cut off
	maxSize       = 255                                                                      // two hexadecimal digits
	securityHead  = 4                                                                        // "^", type, size
	MaxLength     = passengerSize + MaxLegs*(mandatorySize+maxSize) + securityHead + maxSize // in bytes
)

// Errors of Parse. All are an ErrMalformed.
var (
	ErrMalformed = errors.New("malformed boarding pass")
	ErrTooLong   = fmt.Errorf("%w: too long", ErrMalformed)
	ErrCharacter = fmt.Errorf("%w: a character that no boarding pass has", ErrMalformed)
	ErrLegs      = fmt.Errorf("%w: more than four legs", ErrMalformed)
	ErrSecurity  = fmt.Errorf("%w: damaged security item", ErrMalformed)
)

// Deviation is a set of tolerated deviations from Resolution 792; the package's documentation explains them.
type Deviation uint16

// The deviations.
const (
	CutMandatory Deviation = 1 << iota
	CutConditional
	WrongSize
	NoVersion
	UnknownVersion
	PartialItem
	ShortDesignator
	Separator
)

// Pass holds one boarding pass. Text points into the bytes given to Parse and is valid as long as they are; blanks around it are
// left out, and it is empty where the item is blank or absent. Items of one character are 0 if absent, and may be blank.
type Pass struct {
	NameField []byte // the 20 characters of the name as they stand; see Name
	ETicket   byte   // 'E' for an electronic ticket

	Version      byte   // '1' to '8'; 0 for none; anything else is an UnknownVersion
	Description  byte   // of the passenger: adult, child, infant …
	CheckIn      byte   // source of check-in
	Issuance     byte   // source of issuance
	Issued       []byte // date of issue: the year's last digit and the day of the year; see Leg.Issue
	DocumentType byte   // 'B' for a boarding pass
	Issuer       []byte // airline
	Baggage      [3][]byte

	Security Security
	Signed   []byte // all bytes before "^"; nil without a security item

	Deviations Deviation

	legs [MaxLegs]Leg
	n    int
}

// Leg is one flight. A Leg may also be made by hand, of a passenger list's texts; see AppendPassenger.
type Leg struct {
	PNR         []byte // booking reference of the operating carrier
	From, To    []byte // airports, or stations of trains
	Carrier     []byte // designator of the operating carrier, 2 or 3 characters
	Flight      []byte // see FlightNumber
	Date        []byte // see Day
	Compartment byte
	Seat        []byte // see SeatNumber
	Sequence    []byte // of check-in; see SequenceNumber
	Status      byte   // of the passenger

	Numeric      []byte // numeric code of the document's airline
	Serial       []byte // of the document
	Selectee     byte
	Verification byte   // of international documents
	Marketing    []byte // designator of the marketing carrier
	FlyerAirline []byte // of the frequent flyer's programme
	FlyerNumber  []byte
	IDAD         byte   // ID or AD ticket of the industry
	Allowance    []byte // free baggage
	FastTrack    byte   // 'Y', 'N' or blank
	OwnUse       []byte // the carrier's own, as it stands
}

// Parse reads the pass in b, which is a whole code without the scanner's framing. Every error is an ErrMalformed; p is then of no
// use. It does not allocate and does not change b.
func (p *Pass) Parse(b []byte) error {
	*p = Pass{}
	if err := checkCharacters(b); err != nil {
		return err
	}
	body, err := p.security(b)
	if err != nil {
		return err
	}
	r := reader{rest: body, pass: p}
	r.passenger()
	for i := 0; i < p.n && r.err == nil; i++ {
		r.leg(i)
	}
	if r.err == nil && len(r.rest) > 0 {
		r.err = ErrMalformed
	}
	return r.err
}

// Legs returns the flights, one to MaxLegs after a Parse without error.
func (p *Pass) Legs() []Leg { return p.legs[:p.n] }

// Electronic reports whether the pass says that there is an electronic ticket. Some airlines leave the flag out.
func (p *Pass) Electronic() bool { return p.ETicket == 'E' }

// separator is the only control character that passes have.
const separator = 0x1d

func checkCharacters(b []byte) error {
	if len(b) > MaxLength {
		return ErrTooLong
	}
	for _, c := range b {
		if (c < ' ' || c > '~') && c != separator {
			return ErrCharacter
		}
	}
	return nil
}
