package workload

import (
	"bytes"
	"compress/zlib"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"passerelle/gateway/credential/hcert"
	"passerelle/gateway/encoding/base45"
)

const prefix = "HC1:"

// Template is a public certificate taken apart, ready to be signed again.
type Template struct {
	source      string
	length      int     // characters of the original code
	header      [2]byte // of the zlib stream
	kind        block
	protected   []byte
	unprotected cbor.RawMessage
	kid         []byte // as it stands in one of the headers, or both
	claims      []byte
	times       []numericDate // in claims
	message     []byte        // the whole as it was signed by its issuer
	packed      []byte        // the zlib stream that it came in
}

// Length returns the characters of the original code.
func (t *Template) Length() int { return t.length }

// message is a COSE_Sign1 (RFC 9052, section 4.2).
type message struct {
	_           struct{} `cbor:",toarray"`
	Protected   []byte
	Unprotected cbor.RawMessage
	Payload     []byte
	Signature   []byte
}

// header is what is read of a COSE header.
type header struct {
	Algorithm int64  `cbor:"1,keyasint,omitempty"`
	KeyID     []byte `cbor:"4,keyasint,omitempty"`
}

// COSE algorithms of the mix (RFC 9053, section 2.1; RFC 8230, section 2).
const (
	es256 = -7
	ps256 = -37
)

const tagSign1 = 18

// Templates reads the mix and takes its rows apart. Rows that cannot be signed again are named in skipped.
func Templates(corpora string) (templates []*Template, skipped []string, err error) {
	rows, err := readMix(corpora)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range rows {
		t, err := takeApart(r)
		if err != nil {
			skipped = append(skipped, fmt.Sprintf("%s: %v", r.Source, err))
			continue
		}
		templates = append(templates, t)
	}
	return templates, skipped, nil
}

func takeApart(r original) (*Template, error) {
	t := &Template{source: r.Source, length: len(r.Payload)}
	text, ok := strings.CutPrefix(r.Payload, prefix)
	if !ok {
		return nil, errors.New("no HC1 code")
	}
	var err error
	if t.packed, err = base45.AppendDecode(nil, []byte(text)); err != nil {
		return nil, err
	}
	unpacked, err := zlib.NewReader(bytes.NewReader(t.packed))
	if err != nil {
		return nil, err
	}
	t.header, t.kind = [2]byte(t.packed), block(t.packed[2]>>1&3)
	if t.message, err = io.ReadAll(io.LimitReader(unpacked, maxPacked)); err != nil {
		return nil, err
	}
	var tag cbor.RawTag
	if err := cbor.Unmarshal(t.message, &tag); err != nil {
		return nil, err
	}
	if tag.Number != tagSign1 {
		return nil, fmt.Errorf("tag %d", tag.Number)
	}
	var m message
	if err := cbor.Unmarshal(tag.Content, &m); err != nil {
		return nil, err
	}
	t.protected, t.unprotected, t.claims = m.Protected, m.Unprotected, m.Payload
	if t.times, err = findTimes(t.claims); err != nil {
		return nil, err
	}
	var read hcert.Certificate
	if err := read.Parse(slices.Clone(t.claims)); err != nil {
		return nil, err
	}
	return t, t.readHeaders()
}

// readHeaders finds the key id, and writes ES256 where the protected header names another algorithm.
func (t *Template) readHeaders() error {
	var protected, unprotected header
	if err := cbor.Unmarshal(t.protected, &protected); err != nil {
		return fmt.Errorf("protected header: %w", err)
	}
	if err := cbor.Unmarshal(t.unprotected, &unprotected); err != nil {
		return fmt.Errorf("unprotected header: %w", err)
	}
	if t.kid = protected.KeyID; len(t.kid) == 0 {
		t.kid = unprotected.KeyID
	}
	if len(t.kid) != 8 {
		return fmt.Errorf("key id of %d bytes", len(t.kid))
	}
	switch protected.Algorithm {
	case es256:
		return nil
	case ps256:
		return t.replaceAlgorithm()
	}
	return fmt.Errorf("algorithm %d in the protected header", protected.Algorithm)
}

func (t *Template) replaceAlgorithm() error {
	was, is := []byte{1, 0x38, -1 - ps256}, []byte{1, 0x20 | (-1 - es256)}
	if bytes.Count(t.protected, was) != 1 {
		return errors.New("the algorithm is written in an odd way")
	}
	t.protected = bytes.Replace(t.protected, was, is, 1)
	return nil
}

// Code is a code that was signed by one of our keys.
type Code struct {
	Text      []byte // as scanned
	Key       *Key
	Signed    []byte // the Sig_structure (RFC 9052, section 4.4)
	Signature []byte // r‖s
	Source    string
	Stream    Stream

	template *Template
	message  message
	issued   int64 // unix seconds
}

// Stream is how a code was compressed.
type Stream uint8

// String names the block.
func (s Stream) String() string { return block(s).String() }

// The streams: the one block of each code.
const (
	Stored  = Stream(stored)
	Fixed   = Stream(fixed)
	Dynamic = Stream(dynamic)
)

// sign makes a code of the template, issued at a time and expiring at another, in unix seconds.
func (t *Template) sign(k *Key, issued, expires int64) (*Code, error) {
	id := k.entry.ID[:]
	m := message{
		Protected:   bytes.Replace(t.protected, t.kid, id, 1),
		Unprotected: bytes.Replace(t.unprotected, t.kid, id, 1),
		Payload:     withTimes(t.claims, t.times, issued, expires),
	}
	signed, err := cbor.Marshal([]any{"Signature1", m.Protected, []byte{}, m.Payload})
	if err != nil {
		return nil, fmt.Errorf("encode what is signed: %w", err)
	}
	digest := sha256.Sum256(signed)
	r, s, err := ecdsa.Sign(rand.Reader, k.private, digest[:])
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	m.Signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	text, err := t.encode(&m)
	if err != nil {
		return nil, err
	}
	return &Code{
		Text: text, Key: k, Signed: signed, Signature: m.Signature, Source: t.source, Stream: Stream(t.kind),
		template: t, message: m, issued: issued,
	}, nil
}

func (t *Template) encode(m *message) ([]byte, error) {
	encoded, err := cbor.Marshal(cbor.Tag{Number: tagSign1, Content: m})
	if err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	packed, err := pack(encoded, t.header, t.kind)
	if err != nil {
		return nil, err
	}
	return base45.AppendEncode([]byte(prefix), packed), nil
}
