package issuer_test

import (
	"bytes"
	"compress/zlib"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"passerelle/gateway/encoding/base45"
	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/testkeys"
	"passerelle/testdata"
)

// cases collects what becomes files. Its methods make payloads; any fault in the making ends the test.
type cases struct {
	t   *testing.T
	all []testdata.Case
}

func allCases(t *testing.T) []testdata.Case {
	t.Helper()
	c := &cases{t: t}
	c.valid()
	c.placement()
	c.tolerated()
	c.malformedText()
	c.malformedMessage()
	c.malformedClaims()
	c.limits()
	c.keys()
	c.signatures()
	c.revoked()
	c.times()
	c.acceptance()
	c.stale()
	c.precedence()
	c.opaque()
	c.unsupported()
	c.elsewhere()
	c.hostile()
	c.aim()
	return c.all
}

// option changes a case from the usual: shown at the usual time, under profile demo, with the standard list.
type option func(*testdata.Case)

func at(now string) option        { return func(c *testdata.Case) { c.Now = time.Unix(unix(now), 0) } }
func under(profile string) option { return func(c *testdata.Case) { c.Profile = profile } }
func with(list string) option     { return func(c *testdata.Case) { c.Trust = list } }

// add takes the case's name, which is its file's; what it is, in a few words; why it ends so; and the kind.
func (c *cases) add(name, title, why, want, kind, payload string, options ...option) {
	x := testdata.Case{
		Name: name, Title: title, Why: why, Now: time.Unix(showing, 0), Profile: "demo", Trust: "standard",
		Want: want, Kind: kind, Payload: []byte(payload),
	}
	for _, change := range options {
		change(&x)
	}
	c.all = append(c.all, x)
}

// Kinds and outcomes, as the program names them.
const (
	kindVaccination = "hcert:vaccination"
	kindTest        = "hcert:test"
	kindRecovery    = "hcert:recovery"
	kindHCERT       = "hcert" // an HC1 code whose type is not known: its claims are not read
	kindOpaque      = "opaque"

	admit     = "admit ok"
	malformed = "deny malformed"
)

func (c *cases) check(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// hc1 signs a certificate as an issuer would.
func (c *cases) hc1(key string, cert *issuer.Certificate) string {
	c.t.Helper()
	code, err := issuer.HC1(testKey(c.t, key), cert)
	c.check(err)
	return code
}

// sign signs a message that was changed, or a certificate that HC1 would refuse.
func (c *cases) sign(key string, cert *issuer.Certificate, changes ...func(*issuer.Message)) []byte {
	c.t.Helper()
	k := testKey(c.t, key)
	m := issuer.NewMessage(k, cert)
	for _, change := range changes {
		change(m)
	}
	message, err := m.Sign(k)
	c.check(err)
	return message
}

func (c *cases) encode(message []byte) string {
	c.t.Helper()
	code, err := issuer.Encode(message)
	c.check(err)
	return code
}

// odd is sign and encode.
func (c *cases) odd(cert *issuer.Certificate, changes ...func(*issuer.Message)) string {
	c.t.Helper()
	return c.encode(c.sign(testkeys.Ministry, cert, changes...))
}

// claimed is odd with other claims.
func (c *cases) claimed(claims any) string {
	c.t.Helper()
	return c.odd(vaccination(), func(m *issuer.Message) { m.Claims = claims })
}

func (c *cases) cbor(v any) []byte {
	c.t.Helper()
	b, err := cbor.Marshal(v)
	c.check(err)
	return b
}

func (c *cases) zlib(b []byte) []byte {
	c.t.Helper()
	var packed bytes.Buffer
	w, err := zlib.NewWriterLevel(&packed, zlib.BestCompression)
	c.check(err)
	_, err = w.Write(b)
	c.check(err)
	c.check(w.Close())
	return packed.Bytes()
}

// text is base45 with the prefix, around anything.
func text(packed []byte) string { return string(base45.AppendEncode([]byte("HC1:"), packed)) }

// kid returns a key's id as a header holds it.
func (c *cases) kid(name string) []byte {
	c.t.Helper()
	id := testKey(c.t, name).ID()
	return id[:]
}

// claimsOf returns the ordinary claims of a certificate of the ministry.
func claimsOf(cert *issuer.Certificate) issuer.Map { return cert.Claims("MA") }

// set returns m with the value under key replaced, or added at the end.
func set(m issuer.Map, key, value any) issuer.Map {
	out := append(issuer.Map{}, m...)
	for i := range out {
		if out[i].Key == key {
			out[i].Value = value
			return out
		}
	}
	return append(out, issuer.Member{Key: key, Value: value})
}

// without returns m without the member under key.
func without(m issuer.Map, key any) issuer.Map {
	var out issuer.Map
	for _, x := range m {
		if x.Key != key {
			out = append(out, x)
		}
	}
	return out
}

// dcc returns the claims of cert with its inner map changed.
func dcc(cert *issuer.Certificate, change func(issuer.Map) issuer.Map) issuer.Map {
	claims := claimsOf(cert)
	for i := range claims {
		if claims[i].Key == issuer.ClaimHCERT {
			inner := claims[i].Value.(issuer.Map)[0].Value.(issuer.Map)
			claims[i].Value = issuer.Map{{Key: issuer.MemberDCC, Value: change(inner)}}
		}
	}
	return claims
}

// entry returns the claims of cert with its one entry changed; list is v, t or r.
func entry(cert *issuer.Certificate, list string, change func(issuer.Map) issuer.Map) issuer.Map {
	return dcc(cert, func(m issuer.Map) issuer.Map {
		return set(m, list, []any{change(member(m, list).([]any)[0].(issuer.Map))})
	})
}

func member(m issuer.Map, key any) any {
	for _, x := range m {
		if x.Key == key {
			return x.Value
		}
	}
	return nil
}

// streamed writes a map, and all maps, lists and texts in it, with indefinite lengths (RFC 8949, section 3.2).
type streamed struct{ value any }

func (s streamed) MarshalCBOR() ([]byte, error) {
	const end = 0xff
	switch v := s.value.(type) {
	case issuer.Map:
		out := []byte{0xbf}
		for _, x := range v {
			for _, part := range []any{streamed{x.Key}, streamed{x.Value}} {
				b, err := cbor.Marshal(part)
				if err != nil {
					return nil, err
				}
				out = append(out, b...)
			}
		}
		return append(out, end), nil
	case []any:
		out := []byte{0x9f}
		for _, x := range v {
			b, err := cbor.Marshal(streamed{x})
			if err != nil {
				return nil, err
			}
			out = append(out, b...)
		}
		return append(out, end), nil
	case string:
		if len(v) < 4 || len(v) > 64 || !isASCII(v) { // keys stay whole; so do texts that a cut could split within a letter
			return cbor.Marshal(v)
		}
		out := []byte{0x7f}
		for _, part := range []string{v[:2], "", v[2:]} {
			b, err := cbor.Marshal(part)
			if err != nil {
				return nil, err
			}
			out = append(out, b...)
		}
		return append(out, end), nil
	}
	return cbor.Marshal(s.value)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// nested returns n lists, one within the other.
func nested(n int) any {
	var v any = 0
	for range n {
		v = []any{v}
	}
	return v
}

// trimSignature returns a message without its signature of n bytes.
func trimSignature(message []byte, n int) []byte {
	head := 2
	if n >= 256 {
		head = 3
	}
	return bytes.Clone(message[:len(message)-n-head])
}

// resign returns an ES256 message with another signature.
func (c *cases) resign(message, signature []byte) []byte {
	c.t.Helper()
	return append(trimSignature(message, 64), c.cbor(signature)...)
}
