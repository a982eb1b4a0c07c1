package bcbp

import (
	"bytes"
	"encoding/base64"
	"errors"
)

// SecurityState says whether a pass has a security item. There is none for a damaged one: Parse refuses that by ErrSecurity.
type SecurityState uint8

// The states.
const (
	NoSecurity    SecurityState = iota
	EmptySecurity               // an item without data: signs nothing
	HasSecurity
)

// Security is the item that ends a pass.
type Security struct {
	State SecurityState
	Type  byte   // '1', or another; the Resolution leaves the algorithm to carriers and authorities
	Data  []byte // of the size that the item gives; see AppendSignature
}

// security reads the security item and returns what stands before it.
func (p *Pass) security(b []byte) (body []byte, err error) {
	i := bytes.IndexByte(b, '^')
	if i < 0 {
		return b, nil
	}
	item := b[i:]
	if len(item) < securityHead {
		return nil, ErrSecurity
	}
	size, ok := hexByte(item[2:])
	if !ok || len(item) != securityHead+size || bytes.IndexByte(item, separator) >= 0 {
		return nil, ErrSecurity
	}
	p.Security = Security{State: HasSecurity, Type: item[1], Data: item[securityHead:]}
	if size == 0 {
		p.Security.State = EmptySecurity
	}
	p.Signed = b[:i:i]
	return p.Signed, nil
}

// ErrSignature is AppendSignature's: the security data is no signature of the form that it reads.
var ErrSignature = errors.New("no signature in the boarding pass's security data")

// maxCoordinate is the size of r and s on the largest curve in use, P-521.
const maxCoordinate = 66

// AppendSignature appends the ECDSA signature in the security data as r‖s, each of the curve's size in bytes: 32 for P-256.
//
// The Resolution does not say how data is signed. The one form read here is that of the passes in use that were published with
// their security item, of types 1 and 4: base64 with padding (RFC 4648, section 4) of a DER Ecdsa-Sig-Value (RFC 3279, section
// 2.2.3), 96 characters for P-256. Both are read strictly, so that one signature has one spelling. dst is returned as it was with an error. It does not allocate when dst has room.
func (s *Security) AppendSignature(dst []byte, size int) ([]byte, error) {
	var scratch [maxSize]byte
	if s.State != HasSecurity || size < 1 || size > maxCoordinate || len(s.Data) > maxSize {
		return dst, ErrSignature
	}
	n, err := strictBase64.Decode(scratch[:], s.Data)
	if err != nil || bytes.ContainsAny(s.Data, "\r\n") {
		return dst, ErrSignature
	}
	body, rest, ok := element(scratch[:n], derSequence)
	if !ok || len(rest) > 0 {
		return dst, ErrSignature
	}
	x, body, okR := integer(body, size)
	y, body, okS := integer(body, size)
	if !okR || !okS || len(body) > 0 {
		return dst, ErrSignature
	}
	return appendPadded(appendPadded(dst, x, size), y, size), nil
}

var strictBase64 = base64.StdEncoding.Strict()

// DER tags (ITU-T X.690).
const (
	derSequence = 0x30
	derInteger  = 0x02
)

// element takes a DER element with this tag off the front of b. Its length is in the shortest form (X.690, section 10.1).
func element(b []byte, tag byte) (contents, rest []byte, ok bool) {
	if len(b) < 2 || b[0] != tag {
		return nil, nil, false
	}
	n, b := int(b[1]), b[2:]
	if n == 0x81 && len(b) > 0 && b[0] >= 0x80 {
		n, b = int(b[0]), b[1:]
	} else if n >= 0x80 {
		return nil, nil, false
	}
	if len(b) < n {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}

// integer takes a positive DER INTEGER of at most size bytes off the front of b, and drops the zero byte of its sign.
func integer(b []byte, size int) (n, rest []byte, ok bool) {
	n, rest, ok = element(b, derInteger)
	if !ok || len(n) == 0 || n[0] >= 0x80 {
		return nil, nil, false
	}
	if n[0] == 0 {
		if len(n) == 1 || n[1] < 0x80 { // zero, or a zero byte too many (X.690, section 8.3.2)
			return nil, nil, false
		}
		n = n[1:]
	}
	return n, rest, len(n) <= size
}

func appendPadded(dst, n []byte, size int) []byte {
	for range size - len(n) {
		dst = append(dst, 0)
	}
	return append(dst, n...)
}
