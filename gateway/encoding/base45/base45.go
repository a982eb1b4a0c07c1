// Package base45 implements the text encoding of RFC 9285, which turns two
// bytes into three characters that QR codes hold in their alphanumeric mode.
//
// Decoding is strict, because two texts must not stand for the same bytes:
// lower case, padding, a value over its range (section 4: ":::" would be
// 91124) and a lone last character are refused.
package base45

import (
	"encoding/binary"
	"errors"
	"slices"
)

// ErrEncoding means that the text is not base45.
var ErrEncoding = errors.New("base45: invalid encoding")

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

// invalid marks a byte outside the alphabet. It is above every value that a
// group can hold, and so is its sum with two others: one comparison finds a
// wrong character and an overflow alike.
const invalid = 1 << 16

// ones, tens and hundreds hold the value of a character at the first, second
// and third place of its group: c, 45c and 2025c.
var (
	ones     = weights(1)
	tens     = weights(45)
	hundreds = weights(45 * 45)
)

func weights(unit uint32) (w [256]uint32) {
	for i := range w {
		w[i] = invalid
	}
	for i := range len(alphabet) {
		w[alphabet[i]] = uint32(i) * unit
	}
	return w
}

// DecodedLen returns the number of bytes that n characters decode to.
func DecodedLen(n int) int {
	return n/3*2 + n%3/2
}

// EncodedLen returns the number of characters that n bytes encode to.
func EncodedLen(n int) int {
	return n/2*3 + n%2*2
}

// AppendDecode appends the bytes that src encodes to dst: 2 for 3 characters,
// 1 for a final 2 (RFC 9285, section 4). The only error is ErrEncoding; dst
// then keeps its first len(dst) bytes. It does not allocate when dst has room
// for DecodedLen(len(src)) more bytes. src and the room in dst must not overlap.
func AppendDecode(dst, src []byte) ([]byte, error) {
	if len(src)%3 == 1 {
		return dst, ErrEncoding
	}
	start := len(dst)
	dst = slices.Grow(dst, DecodedLen(len(src)))[:start+DecodedLen(len(src))]
	out := dst[start:]

	var seen uint32 // all values together; a bit above 15 is an error
	for len(src) >= 12 && len(out) >= 8 {
		a, b, c, d := group(src[0:3]), group(src[3:6]), group(src[6:9]), group(src[9:12])
		seen |= a | b | c | d
		binary.BigEndian.PutUint64(out, uint64(a)<<48|uint64(b)<<32|uint64(c)<<16|uint64(d))
		src, out = src[12:], out[8:]
	}
	for len(src) >= 3 && len(out) >= 2 {
		v := group(src)
		seen |= v
		binary.BigEndian.PutUint16(out, uint16(v))
		src, out = src[3:], out[2:]
	}
	if len(src) == 2 {
		v := ones[src[0]] + tens[src[1]]
		seen |= v &^ 0xff << 8
		out[0] = byte(v)
	}
	if seen >= invalid {
		return dst[:start], ErrEncoding
	}
	return dst, nil
}

// group returns the value of three characters, over 65535 when they are invalid.
func group(s []byte) uint32 {
	return ones[s[0]] + tens[s[1]] + hundreds[s[2]]
}

// AppendEncode appends the base45 text of src to dst. It does not allocate
// when dst has room for EncodedLen(len(src)) more characters.
func AppendEncode(dst, src []byte) []byte {
	dst = slices.Grow(dst, EncodedLen(len(src)))
	for ; len(src) >= 2; src = src[2:] {
		v := int(src[0])<<8 | int(src[1])
		dst = append(dst, alphabet[v%45], alphabet[v/45%45], alphabet[v/2025])
	}
	if len(src) == 1 {
		dst = append(dst, alphabet[src[0]%45], alphabet[src[0]/45])
	}
	return dst
}
