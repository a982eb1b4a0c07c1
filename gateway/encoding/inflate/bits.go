package inflate

import "encoding/binary"

// bitReader reads bits from the least significant end of each byte
// (RFC 1951, section 3.1.1).
type bitReader struct {
	src  []byte
	pos  int    // next byte of src to load
	bits uint64 // loaded bits, next one lowest; above n there may be further bits of src[pos]
	n    uint   // how many of them count
}

// fill loads what is left of src, up to 57 to 64 bits.
func (r *bitReader) fill() {
	if len(r.src)-r.pos >= 8 {
		r.bits |= binary.LittleEndian.Uint64(r.src[r.pos:]) << (r.n & 63)
		r.pos += int(63-r.n) >> 3
		r.n |= 56
		return
	}
	for r.n <= 56 && r.pos < len(r.src) {
		r.bits |= uint64(r.src[r.pos]) << (r.n & 63)
		r.pos++
		r.n += 8
	}
}

// drop consumes the bits of a code that was found, and its extra bits.
func (r *bitReader) drop(e entry) {
	r.bits >>= e & 63
	r.n -= e.consumes()
}

// take consumes k bits, at most 16. It reports whether there were so many.
func (r *bitReader) take(k uint) (v uint, ok bool) {
	if r.n < k {
		r.fill()
		if r.n < k {
			return 0, false
		}
	}
	v = uint(r.bits & (1<<(k&63) - 1))
	r.bits >>= k & 63
	r.n -= k
	return v, true
}

// align drops bits up to the next byte's start and gives whole bytes back.
func (r *bitReader) align() {
	r.pos -= int(r.n / 8)
	r.bits, r.n = 0, 0
}

// rest returns the bytes that were not consumed at all.
func (r *bitReader) rest() []byte {
	r.align()
	return r.src[r.pos:]
}

// uint16 reads two bytes; the reader must stand at a byte's start.
func (r *bitReader) uint16() (uint16, bool) {
	if len(r.src)-r.pos < 2 {
		return 0, false
	}
	v := binary.LittleEndian.Uint16(r.src[r.pos:])
	r.pos += 2
	return v, true
}

// bytes returns the next k bytes; the reader must stand at a byte's start.
func (r *bitReader) bytes(k int) ([]byte, bool) {
	if len(r.src)-r.pos < k {
		return nil, false
	}
	p := r.src[r.pos : r.pos+k]
	r.pos += k
	return p, true
}
