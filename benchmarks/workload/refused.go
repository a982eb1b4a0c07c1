package workload

import (
	"bytes"
	"fmt"
	"slices"

	"passerelle/gateway/encoding/base45"
	"passerelle/gateway/policy"
)

// Fault is what is wrong with a code that must be refused.
type Fault uint8

// The faults, and where they are found.
const (
	SignatureBit Fault = iota // one bit of the signature: by the signature
	ClaimsBit                 // one bit of the claims: by the signature
	UnknownKey                // a key id that is on no list: at the key
	Expired                   // genuine, its time is over: by the claims
	Checksum                  // one bit of zlib's checksum: by the decompressor
	NotBase45                 // one character that base45 has not: at once
	numFaults
)

// Faults returns all of them.
func Faults() []Fault {
	faults := make([]Fault, numFaults)
	for i := range faults {
		faults[i] = Fault(i)
	}
	return faults
}

// Reason is what the product refuses it for.
func (f Fault) Reason() policy.Reason {
	switch f {
	case SignatureBit, ClaimsBit:
		return policy.BadSignature
	case UnknownKey:
		return policy.UnknownIssuer
	case Expired:
		return policy.Expired
	}
	return policy.Malformed
}

// Refused returns the set with a fault in every code: the given faults in turn.
func (s *Set) Refused(faults ...Fault) (*Set, error) {
	refused := &Set{List: s.List, Now: s.Now}
	for i, c := range s.Codes {
		spoilt, err := c.with(faults[i%len(faults)], i)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Source, err)
		}
		refused.add(spoilt)
	}
	return refused, nil
}

// with returns a copy of c with a fault; at varies where it is.
func (c *Code) with(f Fault, at int) (*Code, error) {
	spoilt := *c
	m := c.message
	switch f {
	case SignatureBit:
		m.Signature = flip(m.Signature, at)
		spoilt.Signature = m.Signature
	case ClaimsBit:
		m.Payload = flip(m.Payload, 8*(len(m.Payload)/2)+at%8)
	case UnknownKey:
		id := c.Key.entry.ID[:]
		stranger := flip(id, at)
		m.Protected, m.Unprotected = bytes.Replace(m.Protected, id, stranger, 1), bytes.Replace(m.Unprotected, id, stranger, 1)
	case Expired:
		return c.template.sign(c.Key, c.issued, c.issued+24*3600)
	case Checksum:
		packed, err := base45.AppendDecode(nil, c.Text[len(prefix):])
		if err != nil {
			return nil, err
		}
		spoilt.Text = base45.AppendEncode([]byte(prefix), flip(packed, 8*len(packed)-1-at%32))
		return &spoilt, nil
	case NotBase45:
		spoilt.Text = slices.Clone(c.Text)
		spoilt.Text[len(prefix)+at%(len(c.Text)-len(prefix))] = 'a'
		return &spoilt, nil
	}
	text, err := c.template.encode(&m)
	if err != nil {
		return nil, err
	}
	spoilt.Text = text
	return &spoilt, nil
}

// flip returns a copy of b with one bit changed, counted modulo its bits.
func flip(b []byte, bit int) []byte {
	b = slices.Clone(b)
	b[bit/8%len(b)] ^= 1 << (bit % 8)
	return b
}
