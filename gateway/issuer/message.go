package issuer

import (
	"bytes"
	"fmt"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"
)

// Member is one key of a Map with its value: anything that fxamacker/cbor encodes, another Map, or a cbor.Marshaler.
type Member struct {
	Key   any
	Value any
}

// Map is a CBOR map whose members stand in the order given. A key may stand in it twice, which a Go map could not show.
type Map []Member

// MarshalCBOR implements cbor.Marshaler.
func (m Map) MarshalCBOR() ([]byte, error) {
	out := appendHead(nil, cborMap, len(m))
	for _, x := range m {
		for _, v := range []any{x.Key, x.Value} {
			b, err := cbor.Marshal(v)
			if err != nil {
				return nil, fmt.Errorf("encode map member %v: %w", x.Key, err)
			}
			out = append(out, b...)
		}
	}
	return out, nil
}

// Major types (RFC 8949, section 3.1).
const (
	cborBytes = 2
	cborArray = 4
	cborMap   = 5
	cborTag   = 6
)

// appendHead appends the shortest head of a CBOR item.
func appendHead(dst []byte, major byte, n int) []byte {
	switch {
	case n < 24:
		return append(dst, major<<5|byte(n))
	case n < 1<<8:
		return append(dst, major<<5|24, byte(n))
	case n < 1<<16:
		return append(dst, major<<5|25, byte(n>>8), byte(n))
	}
	return append(dst, major<<5|26, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// COSE header labels (RFC 9052, section 3.1) and tags.
const (
	LabelAlgorithm = 1
	LabelKeyID     = 4

	TagSign1 = 18 // COSE_Sign1
	TagCWT   = 61 // RFC 8392, section 6
)

// Message is a COSE_Sign1 message before it is signed.
type Message struct {
	Tags        []uint64 // around it, the outermost first; empty for none
	Protected   Map      // empty is written as a byte string of length 0
	Unprotected Map
	Claims      any // a Map, or anything that fxamacker/cbor encodes; a []byte is the payload as it is
}

// NewMessage returns the ordinary message for c under k: tag 18, alg and kid in the protected header (HCERT specification,
// section 3.3).
func NewMessage(k *Key, c *Certificate) *Message { return k.message(c.Claims(k.scope.Country)) }

// message returns the ordinary message for claims under k.
func (k *Key) message(claims Map) *Message {
	return &Message{
		Tags:      []uint64{TagSign1},
		Protected: Map{{LabelAlgorithm, int64(k.alg)}, {LabelKeyID, k.id[:]}},
		Claims:    claims,
	}
}

// Sign returns the encoded message with k's signature. The headers are not compared with k: a message that names another
// algorithm or key is signed all the same. The signature is the last item of the message.
func (m *Message) Sign(k *Key) ([]byte, error) {
	payload, ok := m.Claims.([]byte)
	if !ok {
		var err error
		if payload, err = cbor.Marshal(m.Claims); err != nil {
			return nil, fmt.Errorf("encode claims: %w", err)
		}
	}
	headers, err := m.headers(k)
	if err != nil {
		return nil, err
	}
	sign1 := cose.Sign1Message{Headers: headers, Payload: payload}
	if err := sign1.Sign(nil, nil, coseSigner{k}); err != nil {
		return nil, fmt.Errorf("sign with key %v: %w", k.ID(), err)
	}
	encoded, err := sign1.MarshalCBOR()
	if err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	var out []byte
	for _, tag := range m.Tags {
		out = appendHead(out, cborTag, int(tag))
	}
	return append(out, bytes.TrimPrefix(encoded, []byte{cborTag<<5 | TagSign1})...), nil
}

// headers encodes both headers. The Protected map beside the encoded one is what go-cose compares with the signer.
func (m *Message) headers(k *Key) (cose.Headers, error) {
	var protected []byte
	if len(m.Protected) > 0 {
		var err error
		if protected, err = m.Protected.MarshalCBOR(); err != nil {
			return cose.Headers{}, fmt.Errorf("encode protected header: %w", err)
		}
	}
	unprotected, err := m.Unprotected.MarshalCBOR()
	if err != nil {
		return cose.Headers{}, fmt.Errorf("encode unprotected header: %w", err)
	}
	return cose.Headers{
		RawProtected:   append(appendHead(nil, cborBytes, len(protected)), protected...),
		Protected:      cose.ProtectedHeader{cose.HeaderLabelAlgorithm: cose.Algorithm(k.Algorithm())},
		RawUnprotected: unprotected,
	}, nil
}
