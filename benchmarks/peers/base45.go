package main

import "errors"

// No base45 library for Go could be had from the module proxy, so the peer's is this one, named plain in the table: as RFC 9285
// has it, one table, no tricks.

const alphabet45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

var errBase45 = errors.New("base45: not an encoding of bytes")

// plain45 decodes base45.
type plain45 struct {
	values [256]uint16 // 45 for what is not in the alphabet
}

func newPlain45() *plain45 {
	var p plain45
	for i := range p.values {
		p.values[i] = 45
	}
	for i := range alphabet45 {
		p.values[alphabet45[i]] = uint16(i)
	}
	return &p
}

// decode appends the bytes of text to dst: two for three characters, one for a final two (RFC 9285, section 4).
func (p *plain45) decode(dst, text []byte) ([]byte, error) {
	for len(text) > 0 {
		if len(text) == 1 {
			return nil, errBase45
		}
		c, d := p.values[text[0]], p.values[text[1]]
		if c == 45 || d == 45 {
			return nil, errBase45
		}
		n := uint32(c) + 45*uint32(d)
		if len(text) == 2 {
			if n > 0xff {
				return nil, errBase45
			}
			return append(dst, byte(n)), nil
		}
		e := p.values[text[2]]
		if n += 45 * 45 * uint32(e); e == 45 || n > 0xffff {
			return nil, errBase45
		}
		dst = append(dst, byte(n>>8), byte(n))
		text = text[3:]
	}
	return dst, nil
}
