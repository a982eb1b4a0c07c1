// Package cose reads a COSE_Sign1 message (RFC 9052, section 4.2) in place and
// rebuilds, in the same bytes, what its signature was made over.
//
// What is decided here, because health certificates and tickets in the field
// ask for it, or because an attacker must not profit from it:
//   - A message may be bare, or tagged 18, or tagged 61 and then 18 (RFC 8392,
//     section 6). Any other tag is refused.
//   - The algorithm counts only in the protected header: anybody can write into
//     the other one.
//   - The key id may be in either header; the protected one wins. It only selects
//     among the keys on the trust list, so it needs no protection.
//   - A header with crit is refused (section 3.1): no extension is understood.
//   - A detached payload is refused. Labels are unique within a header. Nothing
//     follows the message, nor the map in the protected header.
//   - Lengths may be indefinite everywhere.
package cose

import (
	"encoding/binary"
	"errors"

	"passerelle/gateway/encoding/cbor"
)

const (
	// Headroom is how many bytes the caller leaves free in front of a message.
	// The Sig_structure has in front of the payload what the message has too,
	// the protected header and the heads, and further the context string and the
	// external data; it lacks the unprotected header, which is a byte or more.
	Headroom = len(contextHead) + len(externalHead) - len("\x84") - len("\xa0")

	// MaxKeyID is how many bytes a key id may have.
	MaxKeyID = 64
)

// A Sig_structure (RFC 9052, section 4.4) is an array of four: the context, the
// protected header, the external data, which is empty, and the payload.
const (
	contextHead  = "\x84\x6aSignature1"
	externalHead = "\x40"
)

var (
	// ErrMalformed means that the message is not a COSE_Sign1 as described above.
	// What is wrong with the CBOR itself is reported by that package's errors.
	ErrMalformed = errors.New("cose: malformed message")
	// ErrNoAlg means that the protected header names no algorithm.
	ErrNoAlg = errors.New("cose: no algorithm in the protected header")
	// ErrCritical means that a header lists critical parameters.
	ErrCritical = errors.New("cose: critical header parameters")
	// ErrDetached means that the payload is not in the message.
	ErrDetached = errors.New("cose: detached payload")
	// ErrHeadroom means that the caller left less than Headroom bytes free.
	ErrHeadroom = errors.New("cose: no headroom")
)

// Tags and header labels (RFC 9052, sections 2 and 3.1; RFC 8392, section 6).
const (
	tagSign1 = 18
	tagCWT   = 61

	labelAlg      = 1
	labelCritical = 2
	labelKeyID    = 4
)

// Message is a parsed COSE_Sign1. The zero value is ready for Parse, and may be
// used again. It is about 2 KiB and must not be copied.
type Message struct {
	// Alg is the algorithm of the protected header (IANA, COSE Algorithms). It is
	// 0, which is reserved, if the message names it by a text: no algorithm of
	// ours has such a name. HasAlg is true after every successful Parse.
	Alg    int64
	HasAlg bool

	// KeyID is a copy inside the Message, empty if there is none.
	KeyID []byte

	// Payload and Signature are views of the bytes given to Parse.
	Payload   []byte
	Signature []byte

	buf       []byte
	protected []byte // content of the protected header, a view of buf
	payloadAt int    // where Payload starts in buf
	signed    []byte // what ToBeSigned has built

	keyID  [MaxKeyID]byte
	cursor cbor.Cursor
}

// Parse reads the message buf[start:]. All of buf is ours to overwrite from now
// on, and start must be at least Headroom. An error is one of this package's or
// of package cbor's; the Message is empty then.
func (m *Message) Parse(buf []byte, start int) error {
	m.clear()
	if start < Headroom || start > len(buf) {
		return ErrHeadroom
	}
	m.buf = buf
	err := m.parse(start)
	if err != nil {
		m.clear()
	}
	return err
}

func (m *Message) clear() {
	m.Alg, m.HasAlg = 0, false
	m.KeyID, m.Payload, m.Signature = nil, nil, nil
	m.buf, m.protected, m.signed = nil, nil, nil
}

func (m *Message) parse(start int) error {
	c := &m.cursor
	c.Reset(m.buf[start:])
	readTags(c)
	n := 0
	for it := c.Array(); c.More(&it); n++ {
		switch n {
		case 0:
			m.protected = c.Bytes()
		case 1:
			m.readHeader(c, false)
		case 2:
			m.readPayload(c, start)
		case 3:
			m.Signature = c.Bytes()
		default:
			c.Fail(ErrMalformed)
		}
	}
	if n != 4 {
		c.Fail(ErrMalformed)
	}
	c.End()
	if c.Err() != nil {
		return c.Err()
	}

	if len(m.protected) != 0 {
		c.Reset(m.protected)
		m.readHeader(c, true)
		c.End()
	}
	if c.Err() == nil && !m.HasAlg {
		return ErrNoAlg
	}
	return c.Err()
}

// readTags reads the tags that a message may have.
func readTags(c *cbor.Cursor) {
	if c.Kind() != cbor.KindTag {
		return
	}
	tag := c.Tag()
	if tag == tagCWT && c.Kind() == cbor.KindTag {
		tag = c.Tag()
	}
	if tag != tagSign1 {
		c.Fail(ErrMalformed)
	}
}

// readHeader reads a header's map. The protected header comes after the other
// one, so that its key id replaces that one's.
func (m *Message) readHeader(c *cbor.Cursor, protected bool) {
	for it := c.Map(); c.More(&it); {
		if c.Kind() != cbor.KindInt {
			c.Skip()
			c.Skip()
			continue
		}
		switch c.Int() {
		case labelCritical:
			c.Fail(ErrCritical)
		case labelKeyID:
			m.KeyID = m.keyID[:c.CopyBytes(m.keyID[:])]
		case labelAlg:
			if protected {
				m.readAlg(c)
			} else {
				c.Skip()
			}
		default:
			c.Skip()
		}
	}
}

func (m *Message) readAlg(c *cbor.Cursor) {
	switch c.Kind() {
	case cbor.KindInt:
		m.Alg = c.Int()
	case cbor.KindText:
		c.Skip()
	default:
		c.Fail(ErrMalformed)
	}
	m.HasAlg = true
}

// readPayload reads the payload, and moves it to the end of its item if it came
// in chunks: so it is known where it starts, and the heads have room before it.
func (m *Message) readPayload(c *cbor.Cursor, start int) {
	if c.Kind() == cbor.KindNull {
		c.Fail(ErrDetached)
		return
	}
	p := c.Bytes()
	end := start + c.Offset()
	m.payloadAt = end - len(p)
	m.Payload = m.buf[m.payloadAt:end:end]
	copy(m.Payload, p)
}

// ToBeSigned returns the Sig_structure that the signature was made over. The
// first call builds it around the payload, overwriting what stands before that;
// Payload and Signature stay valid. Without a parsed message it returns nil.
func (m *Message) ToBeSigned() []byte {
	if m.signed != nil || m.buf == nil {
		return m.signed
	}
	// From the payload backwards. The protected header moves first: it stands
	// where the heads are going to be written.
	payloadHead := m.payloadAt - headLen(len(m.Payload))
	protectedAt := payloadHead - len(externalHead) - len(m.protected)
	copy(m.buf[protectedAt:], m.protected)
	m.protected = m.buf[protectedAt : protectedAt+len(m.protected)]
	protectedHead := protectedAt - headLen(len(m.protected))
	first := protectedHead - len(contextHead)

	copy(m.buf[first:], contextHead)
	putHead(m.buf[protectedHead:], len(m.protected))
	copy(m.buf[protectedAt+len(m.protected):], externalHead)
	putHead(m.buf[payloadHead:], len(m.Payload))
	m.signed = m.buf[first : m.payloadAt+len(m.Payload)]
	return m.signed
}

// headLen returns how long the shortest head of a byte string of n bytes is;
// cbor.MaxLen bounds n.
func headLen(n int) int {
	switch {
	case n < 24:
		return 1
	case n < 1<<8:
		return 2
	default:
		return 3
	}
}

// putHead writes that head (RFC 8949, section 3).
func putHead(b []byte, n int) {
	switch {
	case n < 24:
		b[0] = 0x40 | byte(n)
	case n < 1<<8:
		b[0], b[1] = 0x58, byte(n)
	default:
		b[0] = 0x59
		binary.BigEndian.PutUint16(b[1:], uint16(n))
	}
}
