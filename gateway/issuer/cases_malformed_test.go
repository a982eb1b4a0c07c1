package issuer_test

import (
	"bytes"
	"compress/zlib"
	"math"
	"strings"

	"github.com/fxamacker/cbor/v2"
	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/testkeys"
)

// malformedText: faults in base45 and zlib.
func (c *cases) malformedText() {
	bad := func(name, title, why, payload string) {
		c.add("malformed-"+name, title, why, malformed, kindHCERT, payload)
	}
	good := c.hc1(testkeys.Ministry, vaccination())
	body := strings.TrimPrefix(good, "HC1:")
	message := c.sign(testkeys.Ministry, vaccination())
	packed := c.zlib(message)

	bad("prefix-alone", "HC1: and nothing else", "nothing to decode", "HC1:")
	bad("base45-lower-case", "one letter in lower case", "base45 has no lower case (RFC 9285, section 4.2)",
		"HC1:"+strings.Replace(body, "A", "a", 1))
	bad("base45-character", "an equals sign", "not in the alphabet", good[:40]+"="+good[41:])
	bad("base45-padded", "two equals signs at the end", "base45 has no padding", good+"==")
	bad("base45-length", "one character too many", "three characters are two bytes, two are one, one is none",
		good+strings.Repeat("0", 1+(3-len(body)%3)%3))
	bad("base45-overflow", "a group of three above 65535", "::: is 91124", good[:4]+":::"+good[7:])
	bad("base45-overflow-pair", "a final pair above 255", ":: is 2024", text(packed[:len(packed)&^1])+"::")
	bad("base45-newline", "a line feed inside", "not in the alphabet; terminators are a driver's", good[:50]+"\n"+good[50:])
	bad("base45-space-at-end", "a space at the end", "a space is a digit of base45: the length does not fit",
		strings.TrimRight(good, " ")+strings.Repeat(" ", 1+(3-len(body)%3)%3))
	bad("doubled", "the code twice in one scan", "two scans glued together hold no single message", good+good)
	bad("glued", "two people's codes in one scan", "two scans glued together hold no single message", good+c.hc1(testkeys.Ministry, recovery()))
	bad("prefix-twice", "HC1:HC1:", "the second prefix is not base45 of anything", "HC1:"+good)
	bad("cut", "the last third is missing", "the zlib stream does not end", good[:len(good)/3*2])
	bad("cut-checksum", "the last two bytes are missing", "the zlib checksum is cut", text(packed[:len(packed)-2]))
	bad("cut-by-three", "the last three characters are missing", "what is left is not base45, or its checksum is cut", good[:len(good)-3])
	bad("beginning-lost", "nine characters after the prefix are missing", "no zlib header", good[:4]+good[13:])

	bad("not-compressed", "COSE without zlib", "the specification demands zlib (upstream case Z2)", text(message))
	bad("zlib-method", "zlib header with method 7", "RFC 1950 knows method 8 only", text(append([]byte{0x77, 0x85}, packed[2:]...)))
	bad("zlib-header-check", "zlib header check wrong", "the first two bytes are no multiple of 31", text(append([]byte{packed[0], packed[1] ^ 1}, packed[2:]...)))
	bad("zlib-dictionary", "zlib with a preset dictionary", "there is none to know", text(c.zlibDictionary(message)))
	bad("zlib-checksum", "Adler-32 wrong by one bit", "the content was damaged", text(flip(packed, len(packed)-1)))
	bad("zlib-damaged", "one bit of the compressed data is wrong", "the content was damaged", text(flip(packed, len(packed)/2)))
	bad("zlib-trailing", "one byte after the zlib stream", "trailing bytes could hide a second message", text(append(bytes.Clone(packed), 0)))
	bad("zlib-twice", "two zlib streams", "trailing bytes could hide a second message", text(append(bytes.Clone(packed), packed...)))
	bad("zlib-empty", "zlib of nothing", "no message in it", text(c.zlib(nil)))
}

func (c *cases) zlibDictionary(b []byte) []byte {
	c.t.Helper()
	var packed bytes.Buffer
	w, err := zlib.NewWriterLevelDict(&packed, zlib.BestCompression, []byte("URN:UVCI:01:MA:"))
	c.check(err)
	_, err = w.Write(b)
	c.check(err)
	c.check(w.Close())
	return packed.Bytes()
}

// flip returns b with the lowest bit of one byte turned over.
func flip(b []byte, at int) []byte {
	out := bytes.Clone(b)
	out[at] ^= 1
	return out
}

// malformedMessage: faults in the COSE message.
func (c *cases) malformedMessage() {
	bad := func(name, title, why, payload string) {
		c.add("malformed-"+name, title, why, malformed, kindHCERT, payload)
	}
	change := func(change func(*issuer.Message)) string { return c.odd(vaccination(), change) }
	tags := func(tags ...uint64) string { return change(func(m *issuer.Message) { m.Tags = tags }) }
	message := c.sign(testkeys.Ministry, vaccination())
	signature := message[len(message)-66:] // with its head
	claims := c.cbor(claimsOf(vaccination()))
	k := testKey(c.t, testkeys.Ministry)
	protected := c.cbor(issuer.NewMessage(k, vaccination()).Protected)
	raw := func(items ...any) string { return c.encode(c.cbor(cbor.Tag{Number: issuer.TagSign1, Content: items})) }

	bad("tag-98", "tag 98, COSE_Sign", "one signer only, tag 18", tags(98))
	bad("tag-17", "tag 17, COSE_Mac0", "a MAC proves nothing to us", tags(17))
	bad("tag-18-twice", "tag 18 around tag 18", "only 61 may stand around 18", tags(18, 18))
	bad("tag-18-61", "tag 18 around tag 61", "the wrong order", tags(18, 61))
	bad("tag-61-alone", "tag 61 alone", "61 needs 18 within", tags(61))
	bad("tag-55799", "self-described CBOR around tag 18", "no other tag is accepted", tags(55799, 18))
	bad("cose-not-an-array", "the message is a map", "COSE_Sign1 is an array of four", c.encode(c.cbor(issuer.Map{{Key: 1, Value: 2}})))
	bad("cose-number", "the message is a number with bytes behind", "upstream case CBO2", c.encode(append([]byte{0x18, 0x2a}, message...)))
	bad("cose-three", "an array of three", "COSE_Sign1 is an array of four", raw(protected, issuer.Map{}, claims))
	bad("cose-five", "an array of five", "COSE_Sign1 is an array of four", raw(protected, issuer.Map{}, claims, signature[2:], 0))
	bad("cose-detached", "no payload in the message", "a detached payload is nowhere", raw(protected, issuer.Map{}, nil, signature[2:]))
	bad("cose-payload-map", "the payload is a map", "the payload is a byte string", raw(protected, issuer.Map{}, cbor.RawMessage(claims), signature[2:]))
	bad("cose-signature-text", "the signature is text", "the signature is a byte string", raw(protected, issuer.Map{}, claims, "signature"))
	bad("cose-protected-map", "the protected header is a bare map", "it is a byte string", raw(cbor.RawMessage(protected), issuer.Map{}, claims, signature[2:]))
	bad("cose-protected-list", "the protected header holds a list", "it holds a map", raw(c.cbor([]any{1, -7}), issuer.Map{}, claims, signature[2:]))
	bad("cose-protected-trailing", "a byte after the map in the protected header", "trailing bytes", raw(append(bytes.Clone(protected), 0), issuer.Map{}, claims, signature[2:]))
	bad("cose-unprotected-list", "the unprotected header is a list", "it is a map", raw(protected, []any{}, claims, signature[2:]))
	bad("cose-trailing", "a byte after the message", "trailing bytes could hide a second message", c.encode(append(bytes.Clone(message), 0)))
	bad("cose-twice", "two messages", "trailing bytes could hide a second message", c.encode(append(bytes.Clone(message), message...)))
	bad("cose-cut", "the message ends within the signature", "fewer bytes than announced", c.encode(message[:len(message)-1]))
	bad("cose-long-length", "a byte string that announces 2^63 bytes", "fewer bytes than announced",
		c.encode([]byte{0xd2, 0x84, 0x5b, 0x80, 0, 0, 0, 0, 0, 0, 0}))
	bad("cose-reserved-length", "additional information 28", "reserved (RFC 8949, section 3)", c.encode([]byte{0xd2, 0x84, 0x5c}))

	bad("alg-unprotected", "alg in the unprotected header only, the protected one empty", "an attacker can write there (upstream case CO20, disputed)",
		change(func(m *issuer.Message) { m.Protected, m.Unprotected = nil, m.Protected }))
	bad("alg-unprotected-kid-protected", "kid protected, alg unprotected", "an attacker can write there",
		change(func(m *issuer.Message) {
			m.Unprotected = issuer.Map{m.Protected[0]}
			m.Protected = without(m.Protected, issuer.LabelAlgorithm)
		}))
	bad("alg-missing", "no alg anywhere", "a message must name its algorithm", change(func(m *issuer.Message) {
		m.Protected = without(m.Protected, issuer.LabelAlgorithm)
	}))
	bad("crit", "a critical header that nobody knows", "what must be understood is not (RFC 9052, section 3.1)", change(func(m *issuer.Message) {
		m.Protected = append(m.Protected, issuer.Member{Key: 2, Value: []any{99}}, issuer.Member{Key: 99, Value: 1})
	}))
	bad("kid-text", "kid is text", "a kid is a byte string", change(func(m *issuer.Message) {
		m.Protected = set(m.Protected, issuer.LabelKeyID, "12345678")
	}))
	bad("duplicate-protected-label", "kid twice in the protected header", "two readers could take different ones",
		change(func(m *issuer.Message) {
			m.Protected = append(m.Protected, issuer.Member{Key: issuer.LabelKeyID, Value: c.kid(testkeys.Stranger)})
		}))
	bad("duplicate-alg", "alg twice in the protected header", "two readers could take different ones",
		change(func(m *issuer.Message) {
			m.Protected = append(m.Protected, issuer.Member{Key: issuer.LabelAlgorithm, Value: -8})
		}))
	bad("duplicate-unprotected-label", "kid twice in the unprotected header", "two readers could take different ones",
		change(func(m *issuer.Message) {
			id := m.Protected[1]
			m.Protected, m.Unprotected = m.Protected[:1], issuer.Map{id, {Key: issuer.LabelKeyID, Value: c.kid(testkeys.Stranger)}}
		}))
}

// malformedClaims: faults in what is signed. The signatures are good, since claims are read only then.
func (c *cases) malformedClaims() {
	bad := func(name, title, why string, claims any) {
		c.add("malformed-"+name, title, why, malformed, kindHCERT, c.claimed(claims))
	}
	v := vaccination()
	claims := claimsOf(v)
	inner := func(change func(issuer.Map) issuer.Map) issuer.Map { return dcc(vaccination(), change) }
	one := func(change func(issuer.Map) issuer.Map) issuer.Map { return entry(vaccination(), "v", change) }
	first := func(m issuer.Map) any { return member(m, "v").([]any)[0] }

	bad("claims-list", "the claims are a list", "claims are a map (RFC 8392, section 3)", []any{1, 2})
	bad("claims-empty", "no claims", "nothing is certified", issuer.Map{})
	bad("claims-trailing", "a byte after the claims", "trailing bytes", append(c.cbor(claims), 0))
	bad("claims-cut", "the claims end early", "fewer members than announced", c.cut(claims))
	bad("claims-empty-payload", "a payload of no bytes", "no claims in it", []byte{})
	bad("hcert-missing", "no claim -260", "no certificate", without(claims, issuer.ClaimHCERT))
	bad("hcert-not-a-map", "claim -260 is text", "it is a map", set(claims, issuer.ClaimHCERT, "HC1"))
	bad("hcert-member-2", "claim -260 has member 2, not 1", "no certificate that we know", set(claims, issuer.ClaimHCERT, issuer.Map{{Key: 2, Value: issuer.Map{}}}))
	bad("no-entry", "neither v, t nor r", "nothing is certified (upstream case DGC1)", inner(func(m issuer.Map) issuer.Map { return without(m, "v") }))
	bad("no-entry-null", "v is null", "nothing is certified", inner(func(m issuer.Map) issuer.Map { return set(m, "v", nil) }))
	bad("no-entry-empty", "v is an empty list", "nothing is certified", inner(func(m issuer.Map) issuer.Map { return set(m, "v", []any{}) }))
	bad("two-entries", "two entries in v", "which one counts is not said", inner(func(m issuer.Map) issuer.Map {
		return set(m, "v", []any{first(m), first(m)})
	}))
	bad("two-types", "v and t", "which one counts is not said", inner(func(m issuer.Map) issuer.Map {
		return append(issuer.Map{{Key: "t", Value: []any{member(laboratoryEntry(), "t").([]any)[0]}}}, m...)
	}))
	bad("entries-not-a-list", "v is a map", "v is a list of one", inner(func(m issuer.Map) issuer.Map { return set(m, "v", first(m)) }))
	bad("entry-not-a-map", "the entry is text", "an entry is a map", inner(func(m issuer.Map) issuer.Map { return set(m, "v", []any{"dose 2"}) }))
	bad("name-not-a-map", "nam is text", "nam is a map", inner(func(m issuer.Map) issuer.Map { return set(m, "nam", "Benjelloun") }))
	bad("name-number", "fn is a number", "names are text", inner(func(m issuer.Map) issuer.Map { return set(m, "nam", issuer.Map{{Key: "fn", Value: 7}}) }))
	bad("identifier-bytes", "ci is a byte string", "identifiers are text", one(func(m issuer.Map) issuer.Map { return set(m, "ci", []byte("URN")) }))
	bad("doses-text", "dn is text", "numbers of doses are numbers", one(func(m issuer.Map) issuer.Map { return set(m, "dn", "2") }))
	bad("doses-fraction", "dn is 1.5", "there is no half dose", one(func(m issuer.Map) issuer.Map { return set(m, "dn", 1.5) }))

	bad("name-not-utf8", "fn is not UTF-8", "text is UTF-8 (RFC 8949, section 3.1)", inner(func(m issuer.Map) issuer.Map {
		return set(m, "nam", issuer.Map{{Key: "fn", Value: cbor.RawMessage{0x62, 0xc3, 0x28}}})
	}))

	bad("duplicate-claim", "exp twice", "two readers could take different ones", append(set(claims, 99, 0), issuer.Member{Key: issuer.ClaimExpires, Value: expires + 1}))
	bad("duplicate-hcert", "claim -260 twice", "two readers could take different ones", append(set(claims, 99, 0), claims[3]))
	bad("duplicate-unknown-claim", "an unknown claim twice", "duplicate keys are malformed, known or not", append(set(claims, 99, 0), issuer.Member{Key: 99, Value: 1}))
	bad("duplicate-member", "dob twice", "two readers could take different ones", inner(func(m issuer.Map) issuer.Map {
		return append(m, issuer.Member{Key: "dob", Value: "2001-01-01"})
	}))
	bad("duplicate-field", "dn twice", "two readers could take different ones", one(func(m issuer.Map) issuer.Map {
		return append(m, issuer.Member{Key: "dn", Value: 3})
	}))

	bad("exp-missing", "no exp", "the specification demands it; without an end it would be valid for ever", without(claims, issuer.ClaimExpires))
	bad("iat-missing", "no iat", "the specification demands it; the key is judged by it", without(claims, issuer.ClaimIssuedAt))
	bad("exp-null", "exp is null", "times are numbers", set(claims, issuer.ClaimExpires, nil))
	bad("exp-text", "exp is text", "times are numbers", set(claims, issuer.ClaimExpires, "2027-03-01T08:00:00Z"))
	bad("exp-nan", "exp is not a number", "NaN compares with nothing", set(claims, issuer.ClaimExpires, math.NaN()))
	bad("exp-infinity", "exp is infinite", "it would be valid for ever", set(claims, issuer.ClaimExpires, math.Inf(1)))
	bad("exp-huge", "exp is 1e300", "no such time", set(claims, issuer.ClaimExpires, 1e300))
	bad("exp-2-63", "exp is 2^63", "it would wrap around to the past or the future", set(claims, issuer.ClaimExpires, uint64(1)<<63))
	bad("iat-infinity", "iat is minus infinity", "no such time", set(claims, issuer.ClaimIssuedAt, math.Inf(-1)))
	bad("nbf-nan", "nbf is not a number", "NaN compares with nothing", set(claims, issuer.ClaimNotBefore, math.NaN()))
}

// laboratoryEntry returns the inner map of a test certificate.
func laboratoryEntry() issuer.Map {
	claims := claimsOf(laboratoryTest())
	return member(member(claims, issuer.ClaimHCERT).(issuer.Map), issuer.MemberDCC).(issuer.Map)
}

func (c *cases) cut(claims issuer.Map) []byte {
	b := c.cbor(claims)
	return b[:len(b)-1]
}

// limits: each limit, and one beyond.
func (c *cases) limits() {
	big := func(name, title, why, kind, payload string) {
		c.add("too-large-"+name, title, why, "deny too_large", kind, payload)
	}
	c.add("limit-4296-characters", "a certificate in a code of 4296 characters", "the most that a QR code holds",
		admit, kindVaccination, c.ofLength(4296))
	big("4297-characters", "a certificate in a code of 4297 characters", "one more than a QR code holds; refused unread", kindHCERT, c.ofLength(4297))
	big("opaque", "4297 characters of nothing known", "one more than a QR code holds", kindOpaque, strings.Repeat("X", 4297))
	c.add("limit-opaque", "4296 characters of nothing known", "long, but within the limit", "deny not_accepted", kindOpaque, strings.Repeat("X", 4296))

	c.add("limit-16-kib", "a message that inflates to 16384 bytes", "the limit", admit, kindVaccination, c.encode(c.ofSize(16384)))
	big("16-kib-and-one", "a message that inflates to 16385 bytes", "one more than the limit", kindHCERT, c.encode(c.ofSize(16385)))
	big("bomb", "2 MB of zeros in 2 KB", "inflating stops at the limit", kindHCERT, text(c.zlib(make([]byte, 2<<20))))
	bomb := c.zlib(make([]byte, 2<<20))
	big("bomb-cut", "the same, without its end", "inflating stops at the limit, before the end would be missed", kindHCERT, text(bomb[:len(bomb)-20]))

	claims := claimsOf(vaccination())
	list := func(n int) issuer.Map { return set(claims, 99, make([]int, n)) }
	object := func(n int) issuer.Map {
		var m issuer.Map
		for i := range n {
			m = append(m, issuer.Member{Key: i, Value: i})
		}
		return set(claims, 99, m)
	}
	c.add("limit-256-items", "a list of 256 items in an unknown claim", "the limit", admit, kindVaccination, c.claimed(list(256)))
	c.add("malformed-257-items", "a list of 257 items in an unknown claim", "one more than the limit", malformed, kindHCERT, c.claimed(list(257)))
	c.add("limit-256-members", "a map of 256 members in an unknown claim", "the limit", admit, kindVaccination, c.claimed(object(256)))
	c.add("malformed-257-members", "a map of 257 members in an unknown claim", "one more than the limit", malformed, kindHCERT, c.claimed(object(257)))
	c.add("limit-depth-8", "lists nested 8 deep, the claims themselves being the first", "the limit", admit, kindVaccination, c.claimed(set(claims, 99, nested(7))))
	c.add("malformed-depth-9", "lists nested 9 deep, the claims themselves being the first", "one more than the limit", malformed, kindHCERT,
		c.claimed(set(claims, 99, nested(8))))
	c.add("malformed-depth-2000", "2000 lists, one within the other", "a recursive reader would use up its stack", malformed, kindHCERT,
		c.claimed(set(claims, 99, cbor.RawMessage(append(bytes.Repeat([]byte{0x81}, 2000), 0)))))
	c.add("malformed-depth-header", "2000 lists in the unprotected header", "a recursive reader would use up its stack", malformed, kindHCERT,
		c.odd(vaccination(), func(m *issuer.Message) {
			m.Unprotected = issuer.Map{{Key: 99, Value: cbor.RawMessage(append(bytes.Repeat([]byte{0x81}, 2000), 0))}}
		}))
}

// ofSize returns a message of exactly n bytes, filled up with zeros in an unknown claim.
func (c *cases) ofSize(n int) []byte {
	c.t.Helper()
	padded := func(zeros int) []byte {
		return c.sign(testkeys.Ministry, vaccination(), func(m *issuer.Message) {
			m.Claims = set(claimsOf(vaccination()), 99, make([]byte, zeros))
		})
	}
	message := padded(n - len(padded(n/2)) + n/2)
	if len(message) != n {
		c.t.Fatalf("made a message of %d bytes, want %d", len(message), n)
	}
	return message
}

// ofLength returns a code of exactly n characters, filled up with noise in an unknown claim.
func (c *cases) ofLength(n int) string {
	c.t.Helper()
	for size := n; size > 0; {
		code := c.claimed(set(claimsOf(vaccination()), 99, noise(size)))
		if len(code) == n {
			return code
		}
		size -= max(1, (len(code)-n)/3) // a byte is one and a half characters
	}
	c.t.Fatalf("no code of %d characters", n)
	return ""
}
