package cbor

import (
	"encoding/binary"
	"unicode/utf8"
)

// Bytes reads a byte string. The result is a view of the input.
//
// The chunks of an indefinite string are joined in place: the input is
// rewritten so that the first chunk holds everything and the others nothing. It
// means the same as before and can be read again, but it is no longer what was
// signed: hash first. CopyBytes, Skip and Raw leave the input as it is.
func (c *Cursor) Bytes() []byte {
	s, _ := c.str(majorBytes)
	return s
}

// Text reads a text string, which must be UTF-8, in the same way.
func (c *Cursor) Text() []byte {
	start := c.pos
	if n, word, ok := shortText(c.b, start); ok && word&notASCII == 0 {
		c.pos += 1 + n
		return c.b[start+1 : c.pos : c.pos]
	}
	s, joined := c.str(majorText)
	if !joined && !validText(s) {
		c.failAt(start, ErrMalformed)
		return nil
	}
	return s
}

// shortText reads a definite text of up to 8 bytes, most of which are keys and
// codes, without a loop and without a branch on its length: n is the length, and
// word the text, first byte lowest. It is not ok if the text is longer, or stands
// so near the end of b that no word can be read.
func shortText(b []byte, pos int) (n int, word uint64, ok bool) {
	if len(b)-pos <= 8 || b[pos]-majorText<<5 > 8 {
		return 0, 0, false
	}
	n = int(b[pos] & infoMask)
	return n, binary.LittleEndian.Uint64(b[pos+1:pos+9]) & (1<<(8*n) - 1), true
}

// notASCII has the bits that no byte of an ASCII text has.
const notASCII = 0x8080_8080_8080_8080

// CopyBytes copies a byte string to dst and returns how long it is. It is an
// error if dst is shorter. The input stays as it is.
func (c *Cursor) CopyBytes(dst []byte) int {
	start, n := c.pos, 0
	if c.Kind() != KindBytes {
		c.wrongKind()
		return 0
	}
	r := chunksAt(c.b, c.pos)
	for r.next() {
		if len(r.chunk) > len(dst)-n {
			c.failAt(start, ErrTooLong)
			return 0
		}
		n += copy(dst[n:], r.chunk)
	}
	c.close(&r)
	if c.err != nil {
		return 0
	}
	return n
}

// wrongKind reports an item of another type than was asked for.
func (c *Cursor) wrongKind() {
	if c.Kind() == KindEnd {
		c.Fail(ErrMalformed)
	}
	c.Fail(ErrType)
}

// validText reports whether s is UTF-8. Most texts are ASCII, and short.
func validText(s []byte) bool {
	n := len(s)
	if n < 8 {
		return utf8.Valid(s)
	}
	all := binary.LittleEndian.Uint64(s[n-8:])
	for i := 0; i < n-8; i += 8 {
		all |= binary.LittleEndian.Uint64(s[i : i+8])
	}
	return all&notASCII == 0 || utf8.Valid(s)
}

// skipString reads a byte or text string without joining it.
func (c *Cursor) skipString() {
	switch initial := c.b[c.pos]; {
	case initial&infoMask == infoIndefinite:
	case initial>>5 == majorText:
		c.Text()
		return
	default:
		c.Bytes()
		return
	}
	r := chunksAt(c.b, c.pos)
	for r.next() {
	}
	c.close(&r)
}

// close makes the cursor go on after the string that r walked over.
func (c *Cursor) close(r *chunks) {
	if r.malformed {
		c.Fail(ErrMalformed)
		return
	}
	c.pos = r.pos
}

// str reads a string of the given major type. If it was joined, it has been
// checked too.
func (c *Cursor) str(major byte) (s []byte, joined bool) {
	if c.pos < len(c.b) {
		n := int(c.b[c.pos]) - int(major)<<5
		if n >= 0 && n < infoByte && n < len(c.b)-c.pos {
			start := c.pos + 1
			c.pos = start + n
			return c.b[start:c.pos:c.pos], false
		}
	}
	return c.longStr(major)
}

func (c *Cursor) longStr(major byte) (s []byte, joined bool) {
	start := c.pos
	initial, n := c.head()
	if initial>>5 != major {
		c.failAt(start, ErrType)
		return nil, false
	}
	if initial&infoMask == infoIndefinite {
		c.pos = start
		return c.join(), true
	}
	if n > uint64(len(c.b)-c.pos) {
		c.failAt(start, ErrMalformed)
		return nil, false
	}
	end := c.pos + int(n)
	s = c.b[c.pos:end:end]
	c.pos = end
	return s, false
}

// join reads an indefinite string and rewrites it, if it has to, as one chunk,
// as many empty chunks as the space asks for, and the break. Two chunk heads or
// more are never shorter than the one head that replaces them, because the
// input is at most MaxLen long.
func (c *Cursor) join() []byte {
	start := c.pos
	total, longest := 0, []byte{}
	r := chunksAt(c.b, start)
	for r.next() {
		total += len(r.chunk)
		if len(r.chunk) > len(longest) {
			longest = r.chunk
		}
	}
	if c.close(&r); c.err != nil {
		return nil
	}
	if len(longest) == total { // the others are empty
		return longest[:total:total]
	}

	item := c.b[start:c.pos]
	n := 1
	r = chunksAt(c.b, start)
	for r.next() {
		n += copy(item[n:], r.chunk)
	}
	major := item[0] &^ infoMask
	var head [3]byte
	h := putHead(&head, major, total)
	s := item[1+h : 1+h+total : 1+h+total]
	copy(s, item[1:])
	copy(item[1:], head[:h])
	rest := item[1+h+total:]
	for i := range rest {
		rest[i] = major // an empty chunk
	}
	rest[len(rest)-1] = initialBreak
	return s
}

// putHead writes the head of a string of n ≤ MaxLen bytes.
func putHead(head *[3]byte, major byte, n int) int {
	switch {
	case n < infoByte:
		head[0] = major | byte(n)
		return 1
	case n < 1<<8:
		head[0], head[1] = major|infoByte, byte(n)
		return 2
	default:
		head[0] = major | (infoByte + 1)
		binary.BigEndian.PutUint16(head[1:], uint16(n))
		return 3
	}
}

// chunks walks over the chunks of a string; a definite string is one chunk.
type chunks struct {
	b          []byte
	pos        int // of the next chunk, in the end of what follows the string
	major      byte
	indefinite bool
	done       bool
	malformed  bool
	chunk      []byte // the current one
}

// chunksAt returns a walk over the string that starts at b[pos].
func chunksAt(b []byte, pos int) chunks {
	r := chunks{b: b, pos: pos, major: b[pos] >> 5}
	if b[pos]&infoMask == infoIndefinite {
		r.indefinite = true
		r.pos++
	}
	return r
}

// next goes on to the next chunk. It reports false at the end and at an error.
func (r *chunks) next() bool {
	if r.done {
		return false
	}
	if r.indefinite && r.pos < len(r.b) && r.b[r.pos] == initialBreak {
		r.pos++
		r.done = true
		return false
	}
	initial, size, n := headAt(r.b, r.pos)
	if n == 0 || initial>>5 != r.major || initial&infoMask == infoIndefinite || size > uint64(len(r.b)-r.pos-n) {
		r.malformed = true
		r.done = true
		return false
	}
	start := r.pos + n
	r.pos = start + int(size)
	r.chunk = r.b[start:r.pos]
	r.done = !r.indefinite
	if r.major == majorText && !validText(r.chunk) {
		r.malformed = true
		r.done = true
		return false
	}
	return true
}
