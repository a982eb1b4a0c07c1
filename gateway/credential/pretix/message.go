package pretix

import "unicode/utf8"

// Fields of the message, with their numbers (message Ticket of pretix's pretix_sig1.proto).
const (
	fieldSeed = 1 + iota
	fieldItem
	fieldVariation
	fieldSubevent
	fieldFrom
	fieldUntil
)

// Wire types of protobuf. Groups, 3 and 4, are refused.
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

const maxField = 1<<29 - 1 // protobuf's highest field number

// readMessage reads Message and reports whether it is a ticket's.
func (t *Ticket) readMessage() bool {
	r := reader{rest: t.Message}
	var seen uint // bit n: field n stood
	for n := 0; len(r.rest) > 0 && !r.bad; n++ {
		key := r.varint()
		field, wire := key>>3, key&7
		if n == MaxFields || field == 0 || field > maxField {
			return false
		}
		if field > fieldUntil {
			r.skip(wire)
			continue
		}
		if seen&(1<<field) != 0 {
			return false
		}
		seen |= 1 << field
		t.readField(&r, field, wire)
	}
	return !r.bad && len(t.Seed) > 0 && utf8.Valid(t.Seed) && t.Item != 0
}

// readField reads a field that is known.
func (t *Ticket) readField(r *reader, field, wire uint64) {
	if field == fieldSeed {
		if wire != wireBytes {
			r.bad = true
			return
		}
		t.Seed = r.bytes()
		return
	}
	if wire != wireVarint {
		r.bad = true
		return
	}
	v := int64(r.varint())
	if v < 0 {
		r.bad = true
		return
	}
	switch field {
	case fieldItem:
		t.Item = v
	case fieldVariation:
		t.Variation = v
	case fieldSubevent:
		t.Subevent = v
	case fieldFrom:
		t.From, r.bad = v, r.bad || v > MaxTime
	case fieldUntil:
		t.Until, r.bad = v, r.bad || v > MaxTime
	}
}

// reader is a cursor over a protobuf. After a fault bad is set, and what it returns means nothing.
type reader struct {
	rest []byte
	bad  bool
}

// varint reads a number: seven bits a byte, the lowest first, in at most ten bytes of which the last holds one bit.
func (r *reader) varint() (v uint64) {
	for i, c := range r.rest {
		if i == 9 && c > 1 {
			break
		}
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			r.rest = r.rest[i+1:]
			return v
		}
	}
	r.bad = true
	return 0
}

// bytes reads a length and as many bytes.
func (r *reader) bytes() []byte {
	n := r.varint()
	if n > uint64(len(r.rest)) {
		r.bad = true
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// skip reads over a field that is not known.
func (r *reader) skip(wire uint64) {
	switch wire {
	case wireVarint:
		r.varint()
	case wire64:
		r.fixed(8)
	case wireBytes:
		r.bytes()
	case wire32:
		r.fixed(4)
	default:
		r.bad = true
	}
}

func (r *reader) fixed(n int) {
	if n > len(r.rest) {
		r.bad = true
		return
	}
	r.rest = r.rest[n:]
}
