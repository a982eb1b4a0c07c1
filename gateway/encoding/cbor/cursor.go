// Package cbor reads CBOR (RFC 8949) item by item, from bytes that an attacker
// may have made.
//
// A Cursor walks over the bytes and hands out values and views. The first error
// stays: after it every getter returns zero values, More returns false, and only
// Err needs a look, once, at the end. There is no reflection and no allocation,
// for refused input neither.
//
// What is decided here:
//   - Lengths and integers may be longer than they need to be (section 4.2.1 asks
//     otherwise of encoders; real issuers do it), and lengths may be indefinite.
//   - Map keys are integers or texts. Two keys are the same if their values are
//     (section 5.6), however each is encoded, and then the map is refused, also
//     where it is only skipped: a reader that took the first and one that took
//     the last would see different certificates.
//   - Text is UTF-8 (section 5.3.1), each chunk of it too.
//   - Tags are read, never understood: their content may be any item.
//   - Depth, number of items, number of keys and length are limited.
package cbor

import (
	"encoding/binary"
	"errors"
	"math"
)

// Limits on what a Cursor reads.
const (
	// MaxDepth is how deep arrays and maps may nest. In what Skip passes over, a
	// tag directly on a tag counts too.
	MaxDepth = 8
	// MaxItems is how many elements an array, or pairs a map, may have.
	MaxItems = 256
	// MaxKeys is how many keys may have been read in all open maps together.
	MaxKeys = 512
	// MaxKeyChunks is how many chunks a key may have. Keys are compared with each
	// other, so each chunk would be looked at many times.
	MaxKeyChunks = 4
	// MaxLen is how many bytes the input may have.
	MaxLen = 1<<16 - 1
)

var (
	// ErrMalformed means that the bytes are not CBOR, or are cut, or hold a text
	// that is not UTF-8 or a map key that is neither integer nor text.
	ErrMalformed = errors.New("cbor: malformed")
	// ErrTooDeep means more than MaxDepth levels.
	ErrTooDeep = errors.New("cbor: nested too deep")
	// ErrTooMany means more than MaxItems items, MaxKeys keys or MaxKeyChunks chunks.
	ErrTooMany = errors.New("cbor: too many items")
	// ErrTooLong means an input over MaxLen, or a string that CopyBytes has no room for.
	ErrTooLong = errors.New("cbor: too long")
	// ErrDuplicate means that a map has a key twice.
	ErrDuplicate = errors.New("cbor: duplicate map key")
	// ErrTrailing means that bytes follow the last item that was read.
	ErrTrailing = errors.New("cbor: trailing bytes")
	// ErrType means that an item is not of the type that was asked for.
	ErrType = errors.New("cbor: unexpected type")
	// ErrRange means an integer that does not fit int64, or a number that is not finite.
	ErrRange = errors.New("cbor: number out of range")
)

// Kind says what an item is.
type Kind uint8

// Kinds of items.
const (
	KindEnd    Kind = iota // end of the input or of an indefinite container
	KindInt                // major types 0 and 1
	KindBytes              // major type 2
	KindText               // major type 3
	KindArray              // major type 4
	KindMap                // major type 5
	KindTag                // major type 6
	KindBool               // false and true
	KindNull               // null and undefined
	KindFloat              // of 16, 32 or 64 bits
	KindSimple             // any other simple value: only Skip and Raw read it
)

// Major types, and what else an initial byte may say (RFC 8949, section 3).
const (
	majorUint = iota
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorSimple

	infoMask       = 31
	infoByte       = 24 // one byte follows; 25, 26, 27: two, four, eight
	infoEight      = 27
	infoIndefinite = 31

	initialFalse     = majorSimple<<5 | 20
	initialTrue      = majorSimple<<5 | 21
	initialNull      = majorSimple<<5 | 22
	initialUndefined = majorSimple<<5 | 23
	initialFloat16   = majorSimple<<5 | 25
	initialFloat32   = majorSimple<<5 | 26
	initialFloat64   = majorSimple<<5 | 27
	initialBreak     = majorSimple<<5 | infoIndefinite

	leastSimple = 32 // of those that take a second byte
)

// Cursor reads items from bytes, see Reset. It is about 2 KiB, meant to be kept
// in a scratch struct and used again, and must not be copied while in use.
type Cursor struct {
	b     []byte // nil after an error
	pos   int
	err   error
	depth int
	keys  keyList
}

// Reset starts at the first byte of b. Bytes and Text may rewrite b, see there.
func (c *Cursor) Reset(b []byte) {
	c.b, c.pos, c.err, c.depth, c.keys.n = b, 0, nil, 0, 0
	if len(b) > MaxLen {
		c.Fail(ErrTooLong)
	}
}

// Err returns the first error.
func (c *Cursor) Err() error { return c.err }

// Offset returns how many bytes have been read, up to the error if there is one.
func (c *Cursor) Offset() int { return c.pos }

// Fail makes err the error, if there is none yet. The caller may report with it
// that a value does not fit.
func (c *Cursor) Fail(err error) {
	if c.err == nil {
		c.err = err
		c.b = nil
	}
}

// failAt is Fail for an item that starts at pos.
func (c *Cursor) failAt(pos int, err error) {
	if c.err == nil {
		c.pos = pos
		c.Fail(err)
	}
}

// End makes it an error if not all input has been read, and all containers to
// their end.
func (c *Cursor) End() {
	switch {
	case c.err != nil:
	case c.depth != 0:
		c.Fail(ErrMalformed)
	case c.pos != len(c.b):
		c.Fail(ErrTrailing)
	}
}

// Kind returns what the next item is. Nothing is consumed.
func (c *Cursor) Kind() Kind {
	if c.pos >= len(c.b) {
		return KindEnd
	}
	return kinds[c.b[c.pos]]
}

// kinds holds the kind of each initial byte. It never changes.
var kinds = makeKinds()

func makeKinds() (k [256]Kind) {
	ofMajor := [8]Kind{KindInt, KindInt, KindBytes, KindText, KindArray, KindMap, KindTag, KindSimple}
	for i := range k {
		k[i] = ofMajor[i>>5]
	}
	k[initialFalse], k[initialTrue] = KindBool, KindBool
	k[initialNull], k[initialUndefined] = KindNull, KindNull
	k[initialFloat16], k[initialFloat32], k[initialFloat64] = KindFloat, KindFloat, KindFloat
	k[initialBreak] = KindEnd
	return k
}

// Int reads an integer of major type 0 or 1 that fits int64.
func (c *Cursor) Int() int64 {
	if c.pos < len(c.b) && c.b[c.pos] < infoByte {
		c.pos++
		return int64(c.b[c.pos-1])
	}
	return c.longInt()
}

func (c *Cursor) longInt() int64 {
	start := c.pos
	initial, arg := c.head()
	if initial>>5 > majorNegative {
		c.failAt(start, ErrType)
		return 0
	}
	if arg > math.MaxInt64 {
		c.failAt(start, ErrRange)
		return 0
	}
	if initial>>5 == majorNegative {
		return -1 - int64(arg)
	}
	return int64(arg)
}

// Number reads an integer or a float. It must be finite.
func (c *Cursor) Number() float64 {
	start := c.pos
	initial, arg := c.head()
	var f float64
	switch {
	case initial>>5 == majorUint:
		return float64(arg)
	case initial>>5 == majorNegative:
		return -1 - float64(arg)
	case initial == initialFloat16:
		f = float16(uint16(arg))
	case initial == initialFloat32:
		f = float64(math.Float32frombits(uint32(arg)))
	case initial == initialFloat64:
		f = math.Float64frombits(arg)
	default:
		c.failAt(start, ErrType)
		return 0
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		c.failAt(start, ErrRange)
		return 0
	}
	return f
}

// float16 converts an IEEE 754 binary16 (RFC 8949, appendix D).
func float16(h uint16) float64 {
	sign, exponent, fraction := uint64(h>>15), int(h>>10&31), float64(h&0x3ff)
	var f float64
	switch exponent {
	case 0:
		f = math.Ldexp(fraction, -24)
	case 31:
		f = math.Inf(1)
		if fraction != 0 {
			f = math.NaN()
		}
	default:
		f = math.Ldexp(fraction+1024, exponent-25)
	}
	return math.Float64frombits(math.Float64bits(f) | sign<<63)
}

// Bool reads false or true.
func (c *Cursor) Bool() bool {
	start := c.pos
	initial, _ := c.head()
	if initial != initialFalse && initial != initialTrue {
		c.failAt(start, ErrType)
	}
	return initial == initialTrue
}

// Null reads null or undefined.
func (c *Cursor) Null() {
	start := c.pos
	initial, _ := c.head()
	if initial != initialNull && initial != initialUndefined {
		c.failAt(start, ErrType)
	}
}

// Tag reads the number of a tag; the item that it is on comes next.
func (c *Cursor) Tag() uint64 {
	start := c.pos
	initial, arg := c.head()
	if initial>>5 != majorTag {
		c.failAt(start, ErrType)
		return 0
	}
	if c.Kind() == KindEnd {
		c.Fail(ErrMalformed)
		return 0
	}
	return arg
}

// head reads the initial byte of an item and its argument (RFC 8949, section
// 3). After an error it returns a break, which is no item.
func (c *Cursor) head() (initial byte, arg uint64) {
	if uint(c.pos) < uint(len(c.b)) {
		initial = c.b[c.pos]
		if initial&infoMask < infoByte {
			c.pos++
			return initial, uint64(initial & infoMask)
		}
	}
	return c.longHead()
}

func (c *Cursor) longHead() (initial byte, arg uint64) {
	initial, arg, n := headAt(c.b, c.pos)
	if n == 0 {
		c.Fail(ErrMalformed)
		return initialBreak, 0
	}
	c.pos += n
	return initial, arg
}

// headAt reads the head that starts at b[pos] and returns how long it is: 0 if
// there is none, or it is malformed.
func headAt(b []byte, pos int) (initial byte, arg uint64, n int) {
	if pos >= len(b) {
		return 0, 0, 0
	}
	b = b[pos:]
	initial = b[0]
	info := initial & infoMask
	if info < infoByte {
		return initial, uint64(info), 1
	}
	if info > infoEight {
		major := initial >> 5
		if info == infoIndefinite && major >= majorBytes && major <= majorMap {
			return initial, 0, 1
		}
		return 0, 0, 0 // reserved, or a break that is not where one may be
	}
	n = 1 + 1<<(info-infoByte)
	if len(b) < n {
		return 0, 0, 0
	}
	switch n {
	case 2:
		arg = uint64(b[1])
		if initial>>5 == majorSimple && arg < leastSimple {
			return 0, 0, 0
		}
	case 3:
		arg = uint64(binary.BigEndian.Uint16(b[1:]))
	case 5:
		arg = uint64(binary.BigEndian.Uint32(b[1:]))
	default:
		arg = binary.BigEndian.Uint64(b[1:])
	}
	return initial, arg, n
}
