package bcbp

import "bytes"

// reader reads a pass without its security item from the front. After an error it reads nothing.
type reader struct {
	rest []byte
	pass *Pass
	err  error
}

func (r *reader) fail() {
	if r.err == nil {
		r.err = ErrMalformed
	}
}

// passenger reads the items before the first leg.
func (r *reader) passenger() {
	p := r.pass
	if len(r.rest) < MinLength || r.rest[0] != 'M' || r.rest[1] < '1' || r.rest[1] > '9' {
		r.fail()
		return
	}
	if p.n = int(r.rest[1] - '0'); p.n > MaxLegs {
		p.n, r.err = 0, ErrLegs
		return
	}
	if bytes.IndexByte(r.rest[:passengerSize], separator) >= 0 {
		r.fail()
	}
	p.NameField, p.ETicket = r.rest[2:passengerSize-1], r.rest[passengerSize-1]
	r.rest = r.rest[passengerSize:]
}

// leg reads leg i: its mandatory items and the part whose size they end with.
func (r *reader) leg(i int) {
	l, last := &r.pass.legs[i], i == r.pass.n-1
	if i > 0 {
		r.boundary()
	}
	if len(r.rest) < mandatorySize {
		r.cutLeg(l, last)
		return
	}
	r.mandatory(l, r.rest[:atSize])
	size, ok := hexByte(r.rest[atSize:])
	if !ok {
		r.fail()
	}
	if r.rest = r.rest[mandatorySize:]; r.err != nil {
		return
	}
	part, lenient := r.part(size, last)
	r.conditional(l, part, i == 0, lenient)
}

// boundary passes over a separator in front of a leg, and over the e-ticket flag that some repeat behind it.
func (r *reader) boundary() {
	if len(r.rest) == 0 || r.rest[0] != separator {
		return
	}
	r.rest = r.rest[1:]
	r.pass.Deviations |= Separator
	if len(r.rest) > 0 && r.rest[0] == 'E' && !likeLeg(r.rest) && likeLeg(r.rest[1:]) {
		r.rest = r.rest[1:]
	}
}

// cutLeg reads a last leg that the code's end cuts off. A pass that is cut off has no security item behind it.
func (r *reader) cutLeg(l *Leg, last bool) {
	if !last || len(r.rest) < neededSize || r.pass.Security.State != NoSecurity {
		r.fail()
		return
	}
	r.pass.Deviations |= CutMandatory
	r.mandatory(l, r.rest)
	r.rest = nil
}

// Where the mandatory items of a leg begin and end.
const (
	atFrom, atTo, atCarrier, atFlight, atDate, atCompartment = 7, 10, 13, 16, 21, 24
	atSeat, atSequence, atStatus, atSize                     = 25, 29, 34, 35
)

// sequenceDigits are enough of a sequence number that is cut off: what follows is nearly always blank.
const sequenceDigits = 4

// mandatory reads a leg's items from b, which ends before the size, or earlier where the code is cut off.
func (r *reader) mandatory(l *Leg, b []byte) {
	if bytes.IndexByte(b, separator) >= 0 || !likeLeg(b) {
		r.fail()
		return
	}
	l.PNR = trim(b[:atFrom])
	l.From, l.To, l.Carrier = trim(b[atFrom:atTo]), trim(b[atTo:atCarrier]), trim(b[atCarrier:atFlight])
	l.Flight, l.Date = trim(b[atFlight:atDate]), trim(b[atDate:atCompartment])
	if len(b) > atCompartment {
		l.Compartment = b[atCompartment]
	}
	if len(b) >= atSequence {
		l.Seat = trim(b[atSeat:atSequence])
	}
	if len(b) >= atSequence+sequenceDigits {
		l.Sequence = trim(b[atSequence:min(len(b), atStatus)])
	}
	if len(b) > atStatus {
		l.Status = b[atStatus]
	}
}

// likeLeg reports whether airports, carrier and date at the front of b are blank or of their kind of characters.
func likeLeg(b []byte) bool {
	if len(b) < neededSize {
		return false
	}
	day, ok := dayOfYear(trim(b[atDate:atCompartment]))
	return letters(b[atFrom:atTo]) && letters(b[atTo:atCarrier]) && designator(b[atCarrier:atFlight]) &&
		(ok && day <= maxDay || len(trim(b[atDate:atCompartment])) == 0)
}

// part takes a leg's part of the size that the leg gives. It is lenient, so that sections may end early in it, where the size is
// wrong or the code is cut off.
func (r *reader) part(size int, last bool) (part []byte, lenient bool) {
	p := r.pass
	part, rest, whole := section(r.rest, size)
	r.rest = rest
	switch {
	case !whole && (!last || p.Security.State != NoSecurity):
		r.fail()
	case !whole:
		p.Deviations |= CutConditional
		lenient = true
	case last && len(r.rest) > 0:
		// A ">" behind a part that was not empty might open a security item of old: it is not taken for the carrier's own use.
		all := part[:len(part)+len(r.rest)]
		if p.n > 1 || all[0] != '>' || size > 0 && r.rest[0] == '>' {
			r.fail()
			return nil, false
		}
		p.Deviations |= WrongSize
		part, r.rest = all, nil
		lenient = p.Security.State == NoSecurity
	}
	return part, lenient
}

// section takes size characters off the front of b, not counting separators. It is not whole if there are fewer.
func section(b []byte, size int) (inner, rest []byte, whole bool) {
	n := 0
	for ; n < len(b) && size > 0; n++ {
		if b[n] != separator {
			size--
		}
	}
	return b[:n], b[n:], size == 0
}

// conditional reads what follows a leg's mandatory items.
func (r *reader) conditional(l *Leg, part []byte, first, lenient bool) {
	if len(part) == 0 || r.err != nil {
		return
	}
	if first {
		if part[0] != '>' {
			r.unversioned(l, part)
			return
		}
		part = r.unique(part[1:], lenient)
	}
	inner, part := r.sized(part, lenient)
	it := items{rest: inner}
	it.repeated(l)
	r.finish(&it)
	l.OwnUse = r.ownUse(part)
}

// ownUse takes what is left of a part for the carrier's own use.
func (r *reader) ownUse(part []byte) []byte {
	if len(part) == 0 {
		return nil
	}
	if bytes.IndexByte(part, separator) >= 0 {
		r.pass.Deviations |= Separator
	}
	return part
}

// unversioned takes a first part without ">" for the carrier's own use. One that opens by a sign is damaged: a scanner of the
// wrong keyboard layout does that.
func (r *reader) unversioned(l *Leg, part []byte) {
	if c := part[0]; !isUpper(upper(c)) && !isDigit(c) && c != ' ' && c != '*' {
		r.fail()
		return
	}
	r.pass.Deviations |= NoVersion
	l.OwnUse = r.ownUse(part)
}

// unique reads the items that occur once, behind ">", and returns what follows them.
func (r *reader) unique(part []byte, lenient bool) []byte {
	p := r.pass
	if len(part) == 0 || part[0] == separator {
		r.cut(lenient)
		return nil
	}
	if p.Version = part[0]; p.Version < '1' || p.Version > '8' {
		p.Deviations |= UnknownVersion
	}
	inner, part := r.sized(part[1:], lenient)
	it := items{rest: inner}
	p.Description, p.CheckIn, p.Issuance = it.char(), it.char(), it.char()
	p.Issued = it.text(4)
	p.DocumentType = it.char()
	p.Issuer = it.text(3)
	for i := range p.Baggage {
		p.Baggage[i] = it.text(13)
	}
	r.finish(&it)
	return part
}

// sized takes a section off the front of part that begins with its own size; there may be none at all.
func (r *reader) sized(part []byte, lenient bool) (inner, rest []byte) {
	if len(part) == 0 {
		return nil, nil
	}
	size, ok := hexByte(part)
	switch {
	case !ok && len(part) == 1:
		r.cut(lenient)
		return nil, nil
	case !ok:
		r.fail()
		return nil, nil
	}
	inner, rest, whole := section(part[2:], size)
	if !whole {
		r.cut(lenient)
	}
	return inner, rest
}

// cut notes that a section ends early, which only a lenient part may.
func (r *reader) cut(lenient bool) {
	if !lenient {
		r.fail()
	}
	r.pass.Deviations |= CutConditional
}

// finish notes what a section's items showed.
func (r *reader) finish(it *items) {
	r.pass.Deviations |= it.deviations
	if it.damaged {
		r.fail()
	}
}

// items reads a section's items one after another; those for which nothing is left are absent.
type items struct {
	rest       []byte
	deviations Deviation
	damaged    bool
}

// repeated reads the items that every leg may have.
func (it *items) repeated(l *Leg) {
	l.Numeric, l.Serial = it.text(3), it.text(10)
	l.Selectee, l.Verification = it.char(), it.char()
	l.Marketing = it.text(3)
	l.FlyerAirline = it.airline()
	l.FlyerNumber = it.text(16)
	l.IDAD = it.char()
	l.Allowance = it.text(3)
	l.FastTrack = it.char()
}

func (it *items) take(n int) []byte {
	for len(it.rest) > 0 && it.rest[0] == separator {
		it.rest = it.rest[1:]
		it.deviations |= Separator
	}
	if len(it.rest) < n {
		if len(it.rest) > 0 {
			it.deviations |= PartialItem
		}
		it.rest = nil
		return nil
	}
	item := it.rest[:n]
	if bytes.IndexByte(item, separator) >= 0 {
		it.damaged = true
	}
	it.rest = it.rest[n:]
	return item
}

func (it *items) text(n int) []byte { return trim(it.take(n)) }

func (it *items) char() byte {
	if c := it.take(1); c != nil {
		return c[0]
	}
	return 0
}

// airline reads the designator of a frequent flyer's airline. Two letters and a digit are no designator: the blank between a
// designator and the number was left out, and the digit is the number's first.
func (it *items) airline() []byte {
	if b := it.rest; len(b) >= 3 && isUpper(b[0]) && isUpper(b[1]) && isDigit(b[2]) {
		it.deviations |= ShortDesignator
		return it.take(2)
	}
	return it.text(3)
}
