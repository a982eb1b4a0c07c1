package inflate

import "encoding/binary"

// bitReader is a place in the input, from which bits are read from the least
// significant end of each byte (RFC 1951, section 3.1.1). Its methods return the
// place after what they did, so that loops can keep it in registers.
type bitReader struct {
	bits uint64 // that are loaded, the next one lowest
	n    uint   // how many of them count; above there may be bits of src[pos]
	pos  int    // next byte of the input to load
}

// fill loads what is left of src, to 56 bits or more if there are as many.
func (r bitReader) fill(src []byte) bitReader {
	if len(src)-r.pos >= 8 {
		r.bits |= binary.LittleEndian.Uint64(src[r.pos:]) << (r.n & 63)
		r.pos += int(63-r.n) >> 3
		r.n |= 56
		return r
	}
	for ; r.n <= 56 && r.pos < len(src); r.pos++ {
		r.bits |= uint64(src[r.pos]) << (r.n & 63)
		r.n += 8
	}
	return r
}

// drop consumes k bits, which must be loaded.
func (r bitReader) drop(k uint) bitReader {
	r.bits >>= k & 63
	r.n -= k
	return r
}

// align drops the bits up to the next byte's start, and gives whole bytes back.
func (r bitReader) align() bitReader {
	return bitReader{pos: r.pos - int(r.n/8)}
}

// take consumes k ≤ 16 bits and returns them. It reports whether there were so many.
func (d *Decoder) take(k uint) (v int, ok bool) {
	d.in = d.in.fill(d.src)
	if d.in.n < k {
		return 0, false
	}
	v = int(d.in.bits & (1<<k - 1))
	d.in = d.in.drop(k)
	return v, true
}

// takeBytes consumes k bytes from the next byte's start. It reports whether there
// were so many.
func (d *Decoder) takeBytes(k int) (p []byte, ok bool) {
	d.in = d.in.align()
	if len(d.src)-d.in.pos < k {
		return nil, false
	}
	p = d.src[d.in.pos : d.in.pos+k]
	d.in.pos += k
	return p, true
}

// rest returns the bytes of which nothing was consumed.
func (d *Decoder) rest() []byte {
	return d.src[d.in.align().pos:]
}
