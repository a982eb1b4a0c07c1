package verify_test

import (
	"bytes"
	"errors"
	"math"
	"math/big"

	oracle "github.com/fxamacker/cbor/v2"
	gocose "github.com/veraison/go-cose"

	"passerelle/gateway/credential/hcert"
	"passerelle/gateway/encoding/cbor"
	"passerelle/gateway/encoding/cose"
)

var errPlain = errors.New("refused by the reference")

// Major types of CBOR (RFC 8949, section 3.1).
const (
	majorBytes = 2
	majorText  = 3
	majorArray = 4
	majorMap   = 5
	majorTag   = 6
)

func major(b []byte) int {
	if len(b) == 0 {
		return -1
	}
	return int(b[0] >> 5)
}

// spelled makes of what fxamacker/cbor knows in its own way what means nothing to it. With plainTags these are tags: it drops
// 55799, the mark of CBOR (RFC 8949, section 3.4.6), wherever it stands, and refuses the tags 0 to 3 on what they are not for.
// With wideKeys it is the sign of map keys under -2^63: they get another value.
func (as rules) spelled(b []byte) []byte {
	if !as.plainTags && !as.wideKeys {
		return b
	}
	w := surveyor{b: bytes.Clone(b), retag: as.plainTags, narrow: as.wideKeys}
	all := w.b
	w.item(0)
	return all
}

// untag takes a tag off.
func untag(b []byte) (number uint64, content oracle.RawMessage) {
	w := surveyor{b: b}
	_, number, _ = w.head()
	return number, w.b
}

// message is a COSE_Sign1 as go-cose holds it.
type message struct {
	cose  gocose.Sign1Message
	keyID []byte
}

// sign1 is what a COSE_Sign1 consists of: three byte strings, joined, and a header as it stands there.
type sign1 struct {
	protected, payload, signature []byte
	unprotected                   oracle.RawMessage
}

// split takes a message apart: bare, under tag 18, or under the tags 61 and 18.
func split(b []byte) (s sign1, err error) {
	if major(b) == majorTag {
		number, content := untag(b)
		if number == 61 && major(content) == majorTag {
			number, content = untag(content)
		}
		if b = content; number != 18 {
			return s, errPlain
		}
	}
	var elements []oracle.RawMessage
	if major(b) != majorArray || decoding.Unmarshal(b, &elements) != nil || len(elements) != 4 {
		return s, errPlain
	}
	for i, dst := range []*[]byte{0: &s.protected, 2: &s.payload, 3: &s.signature} {
		if dst != nil && (major(elements[i]) != majorBytes || decoding.Unmarshal(elements[i], dst) != nil) {
			return s, errPlain
		}
	}
	s.unprotected = elements[1]
	return s, nil
}

// parse reads a message by go-cose, which wants tag 18, definite lengths and shortest heads. The protected header is what was
// signed, so the one that go-cose has read is changed back.
func (as rules) parse(b []byte) (*message, error) {
	s, err := split(b)
	if err != nil {
		return nil, err
	}
	if as.plainTags || as.wideKeys {
		t, err := split(as.spelled(b))
		if err != nil {
			return nil, err
		}
		s.unprotected = t.unprotected
	}
	if len(s.signature) == 0 && as.emptySignature {
		s.signature = []byte{0}
	}
	protected, err := as.header(s.protected, 1, 2, 4)
	if err != nil {
		return nil, err
	}
	unprotected, err := as.header(s.unprotected, 2, 4)
	if err != nil {
		return nil, err
	}
	var m message
	if err := m.cose.UnmarshalCBOR(encode(oracle.Tag{Number: 18, Content: []any{[]byte(protected), unprotected, s.payload, s.signature}})); err != nil {
		return nil, err
	}
	m.cose.Headers.RawProtected = encode(s.protected)
	if _, err := m.cose.Headers.Protected.Algorithm(); errors.Is(err, gocose.ErrAlgorithmNotFound) {
		return nil, err
	}
	if _, critical := m.cose.Headers.Protected[gocose.HeaderLabelCritical]; critical && as.crit {
		return nil, errPlain
	}
	for _, h := range []map[any]any{m.cose.Headers.Unprotected, m.cose.Headers.Protected} { // the protected one wins
		if id, ok := h[gocose.HeaderLabelKeyID].([]byte); ok {
			m.keyID = id
		}
		if len(m.keyID) > cose.MaxKeyID && as.maxKeyID {
			return nil, errPlain
		}
	}
	return &m, nil
}

// header encodes a header again, with definite lengths; with readAlone only what labels name.
func (as rules) header(b oracle.RawMessage, labels ...uint64) (oracle.RawMessage, error) {
	if len(b) == 0 {
		return oracle.RawMessage{}, nil // the shortest way to say that there is nothing in it
	}
	b = as.spelled(b)
	if err := as.check(b); err != nil {
		return nil, err
	}
	if as.readAlone && major(b) == majorMap {
		all, err := members(b)
		if err != nil {
			return nil, err
		}
		read := make(map[any]oracle.RawMessage)
		for _, label := range labels {
			if value, ok := all[label]; ok {
				read[label] = value
			}
			delete(all, label)
		}
		for label, value := range all { // they must be well formed all the same
			switch number := label.(type) {
			case uint64:
				if number > math.MaxInt64 {
					return nil, errPlain
				}
			case int64, string:
			default:
				return nil, errPlain
			}
			if _, err := as.definite(value); err != nil {
				return nil, err
			}
		}
		b = encode(read)
	}
	return as.definite(b)
}

// check looks at the limits of one item with everything in it.
func (as rules) check(b []byte) error {
	if err := decoding.Wellformed(b); err != nil {
		return err
	}
	s := surveyOf(b)
	if as.keyLimits && (s.keyChunks > cbor.MaxKeyChunks || s.openKeys > cbor.MaxKeys) || as.otherKeys && s.otherKeys {
		return errPlain
	}
	return nil
}

// members decodes a map, its values not yet.
func members(b oracle.RawMessage) (map[any]oracle.RawMessage, error) {
	var m map[any]oracle.RawMessage
	err := decoding.Unmarshal(b, &m)
	return m, err
}

// definite encodes an item with definite lengths and shortest heads. Tags stay, whatever they are on.
func (as rules) definite(b oracle.RawMessage) (oracle.RawMessage, error) {
	switch major(b) {
	case majorArray:
		var list []oracle.RawMessage
		if err := decoding.Unmarshal(b, &list); err != nil {
			return nil, err
		}
		for i := range list {
			var err error
			if list[i], err = as.definite(list[i]); err != nil {
				return nil, err
			}
		}
		return encode(list), nil
	case majorMap:
		m, err := members(b)
		if err != nil {
			return nil, err
		}
		for key, value := range m {
			if m[key], err = as.definite(value); err != nil {
				return nil, err
			}
		}
		return encode(m), nil
	case majorTag:
		number, content := untag(b)
		content, err := as.definite(content)
		return append(cborOf(tagged{number, raw{}}, nil), content...), err
	}
	var v any
	if err := decoding.Unmarshal(b, &v); err != nil {
		return nil, err
	}
	return encode(v), nil
}

func encode(v any) oracle.RawMessage {
	b, err := oracle.Marshal(v)
	if err != nil {
		panic(err) // it was decoded before
	}
	return b
}

// tagged is an item under a tag.
type tagged struct {
	number  uint64
	content any
}

// plain decodes an item to what Go has for it. Tags are kept and mean nothing.
func (as rules) plain(b oracle.RawMessage) (any, error) {
	switch major(b) {
	case majorArray:
		var list []oracle.RawMessage
		if err := decoding.Unmarshal(b, &list); err != nil {
			return nil, err
		}
		values := make([]any, len(list))
		for i := range list {
			var err error
			if values[i], err = as.plain(list[i]); err != nil {
				return nil, err
			}
		}
		return values, nil
	case majorMap:
		members, err := members(b)
		if err != nil {
			return nil, err
		}
		values := make(map[any]any, len(members))
		for key, value := range members {
			if values[key], err = as.plain(value); err != nil {
				return nil, err
			}
		}
		return values, nil
	case majorTag:
		number, content := untag(b)
		value, err := as.plain(content)
		return tagged{number, value}, err
	}
	var v any
	err := decoding.Unmarshal(b, &v)
	return v, err
}

// claims reads what package hcert reads, from decoded values.
func (as rules) claims(payload []byte) (c *hcert.Certificate, err error) {
	payload = as.spelled(payload)
	if err := as.check(payload); err != nil {
		return nil, err
	}
	v, err := as.plain(payload)
	if err != nil {
		return nil, err
	}
	defer func() { // a value of another type than the reader below asserts
		if r := recover(); r != nil {
			c, err = nil, errPlain
		}
	}()
	c = new(hcert.Certificate)
	claims := v.(map[any]any)
	for key, value := range claims {
		switch key {
		case uint64(1):
			c.Issuer = plainText(value)
		case uint64(4):
			c.Expires = plainTime(value)
		case uint64(5):
			c.NotBefore = plainTime(value)
		case uint64(6):
			c.IssuedAt = plainTime(value)
		case int64(-260):
			for key, value := range value.(map[any]any) {
				if key == uint64(1) {
					readCertificate(c, value.(map[any]any))
				}
				as.label(key)
			}
		}
		as.label(key)
	}
	if claims[uint64(4)] == nil || claims[uint64(6)] == nil || c.Type == hcert.NoType {
		return nil, errPlain
	}
	return c, nil
}

// label panics for an integer over int64, if such a claim is to be refused.
func (as rules) label(key any) {
	if number, ok := key.(uint64); ok && number > math.MaxInt64 && as.wideLabels {
		panic(errPlain)
	}
}

func readCertificate(c *hcert.Certificate, m map[any]any) {
	c.Version, c.Birth = plainText(m["ver"]), plainText(m["dob"])
	if m["nam"] != nil {
		names := m["nam"].(map[any]any)
		c.Family, c.FamilyICAO = plainText(names["fn"]), plainText(names["fnt"])
		c.Given, c.GivenICAO = plainText(names["gn"]), plainText(names["gnt"])
	}
	if id, ok := m["id"].(map[any]any); ok {
		kind, _ := id["t"].(string)
		number, _ := id["n"].(string)
		c.Document = hcert.Document{Type: []byte(kind), Number: []byte(number)}
	}
	for name, kind := range map[string]hcert.Type{"v": hcert.Vaccination, "t": hcert.Test, "r": hcert.Recovery} {
		if m[name] == nil {
			continue
		}
		for _, entry := range m[name].([]any) {
			if c.Type != hcert.NoType {
				panic(errPlain) // more than one
			}
			c.Type = kind
			readEntry(&c.Entry, kind, entry.(map[any]any))
		}
	}
}

func readEntry(e *hcert.Entry, kind hcert.Type, m map[any]any) {
	e.ID, e.Target, e.Country = plainText(m["ci"]), plainText(m["tg"]), plainText(m["co"])
	e.Issuer, e.Maker = plainText(m["is"]), plainText(m["ma"])
	switch kind {
	case hcert.Vaccination:
		e.Vaccine, e.Product, e.Date = plainText(m["vp"]), plainText(m["mp"]), plainText(m["dt"])
		e.Dose, e.Doses = plainCount(m["dn"]), plainCount(m["sd"])
	case hcert.Test:
		e.Method, e.Name, e.Collected = plainText(m["tt"]), plainText(m["nm"]), plainText(m["sc"])
		e.Result, e.Centre = plainText(m["tr"]), plainText(m["tc"])
	case hcert.Recovery:
		e.Date, e.From, e.Until = plainText(m["fr"]), plainText(m["df"]), plainText(m["du"])
	}
}

// plainText reads text, under a date's tag too; absent and null are nothing.
func plainText(v any) []byte {
	if v == nil {
		return nil
	}
	if t, ok := v.(tagged); ok && (t.number == 0 || t.number == 1004) {
		v = t.content
	}
	return []byte(v.(string))
}

func plainCount(v any) int64 {
	if v == nil {
		return 0
	}
	n := plainNumber(v)
	if n != math.Trunc(n) || math.Abs(n) > math.MaxInt32 {
		panic(errPlain)
	}
	return int64(n)
}

// plainTime reads a NumericDate (RFC 8392, section 2) up to the year 9999.
func plainTime(v any) int64 {
	n := math.Floor(plainNumber(v))
	if n < 0 || n > 253_402_300_799 {
		panic(errPlain)
	}
	return int64(n)
}

func plainNumber(v any) float64 {
	switch v := v.(type) {
	case uint64:
		return float64(v)
	case int64:
		return float64(v)
	case big.Int:
		n, _ := new(big.Float).SetInt(&v).Float64()
		return n
	}
	n := v.(float64)
	if math.IsNaN(n) || math.IsInf(n, 0) {
		panic(errPlain)
	}
	return n
}
