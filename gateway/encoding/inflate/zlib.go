// Package inflate decompresses one zlib stream (RFC 1950) of deflated data
// (RFC 1951) that is whole in memory, as it is in a scanned code.
//
// It is made for inputs of a few hundred bytes, where building tables costs as
// much as using them, and for inputs that an attacker made: the caller says how
// many bytes may come out, a match may not reach outside this stream's own
// output, the checksum must hold, nothing may follow the stream, and a preset
// dictionary (RFC 1950, section 2.2) is refused: no code that we read has one.
// Apart from these last two, it refuses what compress/zlib refuses, and nothing
// else.
package inflate

import (
	"encoding/binary"
	"errors"
)

var (
	// ErrCorrupt means that the input is not a zlib stream, or is cut, or
	// carries the wrong checksum.
	ErrCorrupt = errors.New("inflate: corrupt stream")
	// ErrTooLarge means that more bytes would come out than the caller allows.
	ErrTooLarge = errors.New("inflate: output over the limit")
	// ErrTrailing means that a correct stream is followed by other bytes.
	ErrTrailing = errors.New("inflate: bytes after the stream")
)

// Zlib's header and trailer (RFC 1950, section 2.2).
const (
	headerLen      = 2
	methodDeflate  = 8
	maxWindowBits  = 7 // log2 of the window, minus 8
	flagDictionary = 1 << 5
	checksumLen    = 4
)

// Decoder holds the tables and the state of decompression. The zero value is
// ready. It may be used again and again, by one goroutine at a time.
type Decoder struct {
	src []byte
	in  bitReader
	out window

	litLen   table
	dist     table
	codeLens table
}

// AppendZlib appends what the zlib stream src expands to, at most limit bytes,
// to dst. The errors are ErrCorrupt, ErrTooLarge and ErrTrailing; dst then keeps
// its first len(dst) bytes. It does not allocate when dst has room for what comes
// out, and spoils that room even if it fails. src and the room must not overlap.
func (d *Decoder) AppendZlib(dst, src []byte, limit int) ([]byte, error) {
	if !validHeader(src) {
		return dst, ErrCorrupt
	}
	d.src, d.in = src, bitReader{pos: headerLen}
	d.out.reset(dst, limit)

	err := d.inflate()
	if err == nil {
		err = checkTrailer(d.rest(), d.out.written())
	}
	out := d.out.buf[:d.out.n]
	d.src, d.out = nil, window{} // keep nothing of the caller's alive
	if err != nil {
		return out[:len(dst)], err
	}
	return out, nil
}

func validHeader(src []byte) bool {
	if len(src) < headerLen {
		return false
	}
	method, flags := src[0], src[1]
	return method&0xf == methodDeflate && method>>4 <= maxWindowBits &&
		(uint(method)<<8|uint(flags))%31 == 0 && flags&flagDictionary == 0
}

// checkTrailer compares the checksum that stands after the deflated data.
func checkTrailer(rest, written []byte) error {
	if len(rest) < checksumLen || binary.BigEndian.Uint32(rest) != adler32(written) {
		return ErrCorrupt
	}
	if len(rest) > checksumLen {
		return ErrTrailing
	}
	return nil
}
