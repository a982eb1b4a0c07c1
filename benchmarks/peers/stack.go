package main

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/fxamacker/cbor/v2"
	kzlib "github.com/klauspost/compress/zlib"
	"github.com/veraison/go-cose"

	"passerelle/gateway/trust"
)

// stack is the library stack at its best: base45, zlib, go-cose with crypto/ecdsa, fxamacker/cbor. What can be made once is:
// a verifier for each key and algorithm, the decompressor's window, the buffers. What each call of a library allocates stays.
type stack struct {
	base45    *plain45
	packed    []byte
	source    bytes.Reader
	inflater  io.ReadCloser
	open      opener
	plain     bytes.Buffer
	verifiers map[signer]known
}

type signer struct {
	kid string
	alg cose.Algorithm
}

type known struct {
	cose.Verifier
	from, until int64 // unix seconds
}

// opener begins a zlib stream.
type opener func(io.Reader) (io.ReadCloser, error)

// library is a zlib implementation.
type library struct {
	name string
	open opener
}

// zlibs are those that are compared. They do not change.
var zlibs = []library{{"compress/zlib", openStandard}, {"klauspost/compress/zlib", openKlauspost}}

func (l library) stackName() string {
	return "plain base45 + " + l.name + " + go-cose + fxamacker/cbor"
}

func openStandard(r io.Reader) (io.ReadCloser, error)  { return zlib.NewReader(r) }
func openKlauspost(r io.Reader) (io.ReadCloser, error) { return kzlib.NewReader(r) }

// newStack makes a stack that knows the keys of a list that go-cose takes.
func newStack(open opener, list *trust.Snapshot) *stack {
	s := &stack{base45: newPlain45(), open: open, verifiers: make(map[signer]known)}
	for k := range list.All {
		for _, alg := range k.Algorithms {
			s.addKey(k, cose.Algorithm(alg))
		}
	}
	return s
}

func (s *stack) addKey(k *trust.Key, alg cose.Algorithm) {
	v, err := cose.NewVerifier(alg, k.Public.Public())
	if err != nil {
		return // such as RSA under 2048 bits; its codes are then unknown
	}
	s.verifiers[signer{string(k.ID[:]), alg}] = known{v, k.NotBefore, k.NotAfter}
}

// maxInflated bounds what a code may inflate to, as a careful user of the libraries would.
const maxInflated = 16 << 10

// dccClaims are the claims of an EU certificate, as far as a checkpoint reads them.
type dccClaims struct {
	Issuer    string  `cbor:"1,keyasint"`
	Expires   float64 `cbor:"4,keyasint"`
	NotBefore float64 `cbor:"5,keyasint"`
	IssuedAt  float64 `cbor:"6,keyasint"`
	Health    struct {
		Certificate certificate `cbor:"1,keyasint"`
	} `cbor:"-260,keyasint"`
}

type certificate struct {
	Version string `cbor:"ver"`
	Name    struct {
		Family     string `cbor:"fn"`
		FamilyICAO string `cbor:"fnt"`
		Given      string `cbor:"gn"`
		GivenICAO  string `cbor:"gnt"`
	} `cbor:"nam"`
	Birth        string        `cbor:"dob"`
	Vaccinations []vaccination `cbor:"v"`
	Tests        []test        `cbor:"t"`
	Recoveries   []recovery    `cbor:"r"`
}

type vaccination struct {
	ID      string  `cbor:"ci"`
	Target  string  `cbor:"tg"`
	Country string  `cbor:"co"`
	Issuer  string  `cbor:"is"`
	Vaccine string  `cbor:"vp"`
	Product string  `cbor:"mp"`
	Maker   string  `cbor:"ma"`
	Dose    float64 `cbor:"dn"`
	Doses   float64 `cbor:"sd"`
	Date    string  `cbor:"dt"`
}

type test struct {
	ID        string `cbor:"ci"`
	Target    string `cbor:"tg"`
	Country   string `cbor:"co"`
	Issuer    string `cbor:"is"`
	Maker     string `cbor:"ma"`
	Method    string `cbor:"tt"`
	Name      string `cbor:"nm"`
	Collected string `cbor:"sc"`
	Result    string `cbor:"tr"`
	Centre    string `cbor:"tc"`
}

type recovery struct {
	ID      string `cbor:"ci"`
	Target  string `cbor:"tg"`
	Country string `cbor:"co"`
	Issuer  string `cbor:"is"`
	Date    string `cbor:"fr"`
	From    string `cbor:"df"`
	Until   string `cbor:"du"`
}

var (
	errPrefix  = errors.New("no HC1 code")
	errKey     = errors.New("unknown key")
	errTooLong = errors.New("inflates to too much")
	errTime    = errors.New("not valid now")
	errEntries = errors.New("not one entry")
)

// verify is the whole path. The error of a code that is genuine but out of its time is errTime.
func (s *stack) verify(code []byte, now int64) (*dccClaims, error) {
	message, err := s.unpack(code)
	if err != nil {
		return nil, err
	}
	key, err := s.keyOf(message)
	if err != nil {
		return nil, err
	}
	if err := message.Verify(nil, key); err != nil {
		return nil, err
	}
	claims, err := readClaims(message.Payload)
	if err != nil {
		return nil, err
	}
	issued := int64(claims.IssuedAt)
	if now < issued || now < int64(claims.NotBefore) || now > int64(claims.Expires) || issued < key.from || issued > key.until {
		return nil, errTime
	}
	return claims, nil
}

// decode is the path without the signature: what was signed is hashed all the same.
func (s *stack) decode(code []byte) (digest [sha256.Size]byte, err error) {
	message, err := s.unpack(code)
	if err != nil {
		return digest, err
	}
	protected, err := message.Headers.MarshalProtected()
	if err != nil {
		return digest, err
	}
	signed, err := cbor.Marshal([]any{"Signature1", cbor.RawMessage(protected), []byte{}, message.Payload})
	if err != nil {
		return digest, err
	}
	_, err = readClaims(message.Payload)
	return sha256.Sum256(signed), err
}

// unpack goes from the text to the COSE message.
func (s *stack) unpack(code []byte) (*cose.Sign1Message, error) {
	text, ok := bytes.CutPrefix(code, []byte("HC1:"))
	if !ok {
		return nil, errPrefix
	}
	packed, err := s.base45.decode(s.packed[:0], text)
	if err != nil {
		return nil, err
	}
	s.packed = packed
	s.source.Reset(packed)
	if err := s.reset(); err != nil {
		return nil, err
	}
	s.plain.Reset()
	n, err := s.plain.ReadFrom(io.LimitReader(s.inflater, maxInflated+1))
	if err != nil {
		return nil, err
	}
	if n > maxInflated {
		return nil, errTooLong
	}
	var message cose.Sign1Message
	if err := message.UnmarshalCBOR(s.plain.Bytes()); err != nil {
		return nil, err
	}
	return &message, nil
}

// reset begins a zlib stream with the decompressor that there is.
func (s *stack) reset() (err error) {
	if s.inflater == nil {
		s.inflater, err = s.open(&s.source)
		return err
	}
	return s.inflater.(zlib.Resetter).Reset(&s.source, nil)
}

func (s *stack) keyOf(m *cose.Sign1Message) (known, error) {
	kid, ok := m.Headers.Protected[cose.HeaderLabelKeyID].([]byte)
	if !ok {
		kid, _ = m.Headers.Unprotected[cose.HeaderLabelKeyID].([]byte)
	}
	alg, err := m.Headers.Protected.Algorithm()
	if err != nil {
		return known{}, err
	}
	key, ok := s.verifiers[signer{string(kid), alg}]
	if !ok {
		return known{}, fmt.Errorf("%w %x", errKey, kid)
	}
	return key, nil
}

func readClaims(payload []byte) (*dccClaims, error) {
	var claims dccClaims
	if err := cbor.Unmarshal(payload, &claims); err != nil {
		return nil, err
	}
	c := &claims.Health.Certificate
	if len(c.Vaccinations)+len(c.Tests)+len(c.Recoveries) != 1 {
		return nil, errEntries
	}
	return &claims, nil
}
