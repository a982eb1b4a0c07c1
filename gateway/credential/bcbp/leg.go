package bcbp

import (
	"bytes"
	"encoding/binary"
)

// Missing is a set of items without which nobody can board by a leg: blank, cut off, or no such thing.
type Missing uint8

// The items.
const (
	MissingCarrier Missing = 1 << iota
	MissingFlight
	MissingDate
	MissingOrigin
	MissingSequence
)

// Missing says what the leg lacks of carrier, flight, date, origin and sequence number. Only a leg that lacks nothing can be
// boarded and has an identity; to the others "malformed" applies.
func (l *Leg) Missing() Missing {
	var m Missing
	if n := len(trim(l.Carrier)); n < 2 || n > 3 || !designator(l.Carrier) {
		m |= MissingCarrier
	}
	if _, _, ok := l.FlightNumber(); !ok {
		m |= MissingFlight
	}
	if _, ok := l.Day(); !ok {
		m |= MissingDate
	}
	if len(l.From) != 3 || !letters(l.From) {
		m |= MissingOrigin
	}
	if _, _, ok := l.SequenceNumber(); !ok {
		m |= MissingSequence
	}
	return m
}

// FlightNumber returns the number, 1 to 9999, and the letter behind it as a capital, 0 for none.
func (l *Leg) FlightNumber() (n int, suffix byte, ok bool) { return positive(l.Flight) }

// SequenceNumber returns the number of check-in, 1 to 9999, and the letter behind it as a capital, 0 for none. There is none on
// passes of people who are not checked in for this leg, and 0 means the same.
func (l *Leg) SequenceNumber() (n int, suffix byte, ok bool) { return positive(l.Sequence) }

func positive(b []byte) (n int, suffix byte, ok bool) {
	if n, suffix, ok = numbered(b); n == 0 {
		return 0, 0, false
	}
	return n, suffix, ok
}

// Day returns the day of the year, 1 to 366, on which the flight departs.
func (l *Leg) Day() (n int, ok bool) {
	n, ok = dayOfYear(l.Date)
	return n, ok && n > 0 && n <= maxDay
}

// SeatNumber returns the seat without zeros in front: "1A" for "001A"; empty if there is none.
func (l *Leg) SeatNumber() []byte { return bytes.TrimLeft(l.Seat, "0") }

// What an identity begins with, so that one of a boarding is never one of a passenger.
const (
	useTag       = 'U'
	passengerTag = 'P'
)

// AppendUse appends what tells this boarding from every other one: carrier, flight, day, origin and sequence number, the same
// however the pass spells them, in 21 bytes. dayStart is the flight's date, unix seconds of 00:00 UTC; see Date. dst is returned
// as it was if the leg lacks one of them: ask Missing before. It does not allocate when dst has room.
func AppendUse(dst []byte, l *Leg, dayStart int64) []byte {
	if l.Missing() != 0 {
		return dst
	}
	return l.appendIdentity(append(dst, useTag), dayStart)
}

// AppendPassenger appends what a passenger list is keyed by: as AppendUse, and the booking reference in capitals. dst is returned
// as it was if the leg has none.
func AppendPassenger(dst []byte, l *Leg, dayStart int64) []byte {
	pnr := trim(l.PNR)
	if l.Missing() != 0 || pnr == nil {
		return dst
	}
	dst = l.appendIdentity(append(dst, passengerTag), dayStart)
	for _, c := range pnr { // the last item: its length needs no telling
		dst = append(dst, upper(c))
	}
	return dst
}

// appendIdentity appends items of fixed lengths.
func (l *Leg) appendIdentity(dst []byte, dayStart int64) []byte {
	flight, suffix, _ := l.FlightNumber()
	sequence, letter, _ := l.SequenceNumber()
	carrier := [3]byte{' ', ' ', ' '}
	copy(carrier[:], trim(l.Carrier))
	dst = append(dst, carrier[:]...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(flight))
	dst = append(dst, suffix)
	dst = binary.BigEndian.AppendUint64(dst, uint64(dayStart))
	dst = append(dst, l.From...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(sequence))
	return append(dst, letter)
}
