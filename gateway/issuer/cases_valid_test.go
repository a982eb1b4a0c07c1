package issuer_test

import (
	"bytes"

	"github.com/fxamacker/cbor/v2"
	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/testkeys"
)

// valid: what is admitted every day.
func (c *cases) valid() {
	c.add("valid-vaccination", "vaccination of the holder of a national card", "all checks pass; names in Latin letters, CNIE number",
		admit, kindVaccination, c.hc1(testkeys.Ministry, vaccination()))
	c.add("valid-vaccination-arabic", "vaccination with names in Arabic letters", "all checks pass; fn and gn are Arabic, fnt and gnt Latin",
		admit, kindVaccination, c.hc1(testkeys.Ministry, arabic()))
	c.add("valid-test", "test by the ministry, holder of a passport", "all checks pass; PN number",
		admit, kindTest, c.hc1(testkeys.Ministry, laboratoryTest()))
	c.add("valid-test-laboratory", "test signed by an accredited laboratory", "its key may sign tests, and this is one",
		admit, kindTest, c.hc1(testkeys.Laboratory, laboratoryTest()))
	c.add("valid-recovery", "recovery of the holder of a residence card", "all checks pass; CS number, birth month without a day, umlauts",
		admit, kindRecovery, c.hc1(testkeys.Ministry, recovery()))

	plain := vaccination()
	plain.Document, plain.Birth, plain.Name = issuer.Document{}, "", issuer.Name{Family: "Samira"}
	c.add("valid-without-document", "no document number, one name, birth date unknown", "none of these is required for authenticity",
		admit, kindVaccination, c.hc1(testkeys.Ministry, plain))
	c.add("valid-longest", "every text at its limit of 80 Arabic letters", "the longest certificate that the schema allows must be read",
		admit, kindTest, c.hc1(testkeys.Ministry, longest()))
	c.add("valid-france", "vaccination by another country", "the list accepts France for vaccinations on this day",
		admit, kindVaccination, c.hc1(testkeys.France, french(vaccination())))

	for _, a := range []struct{ name, key, why string }{
		{"es256", testkeys.Ministry, "ES256 with P-256"},
		{"es256-p384", testkeys.P384SHA256, "ES256 with P-384: alg names the hash, the key names the curve; 96 bytes of signature"},
		{"es384", testkeys.P384, "ES384 with P-384"},
		{"es512", testkeys.P521, "ES512 with P-521; 132 bytes of signature"},
		{"ps256", testkeys.RSA2048, "PS256 with RSA of 2048 bits, salt of 32 bytes"},
		{"eddsa", testkeys.Ed25519, "EdDSA with Ed25519"},
	} {
		c.add("valid-alg-"+a.name, "signed with "+a.name, a.why, admit, kindVaccination, c.hc1(a.key, vaccination()))
	}
	c.add("valid-second-key-under-kid", "two keys have the kid, the second signed", "all keys under a kid are tried",
		admit, kindVaccination, c.hc1(testkeys.Ministry, vaccination()), with("twins"))
	c.add("valid-first-key-under-kid", "two keys have the kid, the first signed", "all keys under a kid are tried", admit, kindVaccination,
		c.encode(c.sign(testkeys.Twin, vaccination(), func(m *issuer.Message) {
			m.Protected = set(m.Protected, issuer.LabelKeyID, c.kid(testkeys.Ministry))
		})), with("twins"))
}

// french makes a certificate one of France's.
func french(cert *issuer.Certificate) *issuer.Certificate {
	cert.Document = issuer.Document{}
	switch {
	case cert.Vaccination != nil:
		cert.Vaccination.Country, cert.Vaccination.Authority, cert.Vaccination.ID = "FR", "CNAM", "URN:UVCI:01:FR:SPECIMEN0001"
	case cert.Test != nil:
		cert.Test.Country, cert.Test.Authority, cert.Test.ID = "FR", "CNAM", "URN:UVCI:01:FR:SPECIMEN0002"
	case cert.Recovery != nil:
		cert.Recovery.Country, cert.Recovery.Authority, cert.Recovery.ID = "FR", "CNAM", "URN:UVCI:01:FR:SPECIMEN0003"
	}
	return cert
}

// placement: the tags, headers and spellings of the COSE message that issuers use.
func (c *cases) placement() {
	tags := func(tags ...uint64) func(*issuer.Message) { return func(m *issuer.Message) { m.Tags = tags } }
	c.add("valid-tag-none", "COSE_Sign1 without a tag", "untagged, tag 18, and tag 61 then 18 are accepted",
		admit, kindVaccination, c.odd(vaccination(), tags()))
	c.add("valid-tag-61-18", "CWT tag 61 around tag 18", "untagged, tag 18, and tag 61 then 18 are accepted",
		admit, kindVaccination, c.odd(vaccination(), tags(issuer.TagCWT, issuer.TagSign1)))

	ministry, stranger := c.kid(testkeys.Ministry), c.kid(testkeys.Stranger)
	c.add("valid-kid-unprotected", "kid in the unprotected header only", "one issuer in eight puts it there; it only selects a key",
		admit, kindVaccination, c.odd(vaccination(), func(m *issuer.Message) {
			m.Protected, m.Unprotected = without(m.Protected, issuer.LabelKeyID), issuer.Map{{Key: issuer.LabelKeyID, Value: ministry}}
		}))
	c.add("valid-kid-both", "the same kid in both headers", "they agree",
		admit, kindVaccination, c.odd(vaccination(), func(m *issuer.Message) {
			m.Unprotected = issuer.Map{{Key: issuer.LabelKeyID, Value: ministry}}
		}))
	c.add("valid-kid-differs", "right kid protected, another unprotected", "the protected one wins",
		admit, kindVaccination, c.odd(vaccination(), func(m *issuer.Message) {
			m.Unprotected = issuer.Map{{Key: issuer.LabelKeyID, Value: stranger}}
		}))
	c.add("valid-header-content-type", "protected header has a content type", "two countries write label 3; it means nothing to us",
		admit, kindVaccination, c.odd(vaccination(), func(m *issuer.Message) { m.Protected = set(m.Protected, 3, 61) }))
	c.add("valid-header-order", "kid before alg in the protected header", "maps have no order",
		admit, kindVaccination, c.odd(vaccination(), func(m *issuer.Message) {
			m.Protected = issuer.Map{m.Protected[1], m.Protected[0]}
		}))
	c.add("valid-header-more-unprotected", "further unprotected headers", "labels that we do not know are skipped",
		admit, kindVaccination, c.odd(vaccination(), func(m *issuer.Message) {
			m.Unprotected = issuer.Map{{Key: 99, Value: "x"}, {Key: "text label", Value: []any{1, nil, true}}}
		}))
	c.add("valid-cose-indefinite", "the COSE array has an indefinite length", "allowed by RFC 8949; what is signed is the same",
		admit, kindVaccination, c.encode(streamedArray(c.sign(testkeys.Ministry, vaccination()))))
	c.add("valid-cose-chunked", "the payload has an indefinite length, in three chunks", "allowed by RFC 8949; what is signed is the same",
		admit, kindVaccination, c.encode(c.chunked(c.sign(testkeys.Ministry, vaccination()))))
	c.add("valid-long-heads", "lengths and numbers longer than they need to be", "only deterministic encoders are bound to the shortest",
		admit, kindVaccination, c.claimed(longHeads(c.cbor(claimsOf(vaccination())))))
}

// longHeads returns claims with the head of their map, and iss, a size larger than need be.
func longHeads(claims []byte) []byte {
	return append([]byte{0xb8, 4, 0x18, 1, 0x79, 0, 2}, claims[3:]...) // was: map of 4, 1, text of 2
}

// chunked gives the payload of an ES256 message an indefinite length; only it and the heads before it change.
func (c *cases) chunked(message []byte) []byte {
	payload := c.cbor(claimsOf(vaccination()))
	whole := c.cbor(payload)
	var parts []byte
	for _, part := range [][]byte{payload[:10], {}, payload[10:]} {
		parts = append(parts, c.cbor(part)...)
	}
	return bytes.Replace(message, whole, append(append([]byte{0x5f}, parts...), 0xff), 1)
}

// streamedArray gives the array of a message under tag 18 an indefinite length.
func streamedArray(message []byte) []byte {
	out := append([]byte{message[0], 0x9f}, message[2:]...)
	return append(out, 0xff)
}

// tolerated: claims that stray from the schema, as real issuers' do.
func (c *cases) tolerated() {
	v, t, r := vaccination(), laboratoryTest(), recovery()
	claims := claimsOf(v)
	c.add("valid-claims-streamed", "claims with indefinite lengths", "maps, lists and texts of indefinite length are accepted",
		admit, kindVaccination, c.claimed(streamed{claims}))
	c.add("valid-claims-other-order", "claims in reverse order", "any order is accepted",
		admit, kindVaccination, c.claimed(issuer.Map{claims[3], claims[2], claims[1], claims[0]}))
	c.add("valid-claims-extra", "further claims and members", "what we do not know is skipped", admit, kindVaccination,
		c.claimed(set(set(set(dcc(v, func(m issuer.Map) issuer.Map {
			return set(set(m, "meta", issuer.Map{{Key: "url", Value: "https://example.invalid/"}}), "pid", "78786B12")
		}), 7, []byte{1, 2, 3}), "text", nil), -70000, true)))
	c.add("valid-id-of-another-shape", "another issuer's member id is a text", "only Morocco's map is read as a document number",
		admit, kindVaccination, c.claimed(dcc(v, func(m issuer.Map) issuer.Map { return set(m, "id", "800114141235") })))
	c.add("valid-iss-odd", "iss is no country", "iss is for display; trust comes from the key's own country",
		admit, kindVaccination, c.claimed(set(claims, issuer.ClaimIssuer, "CH BAG")))
	c.add("valid-iss-missing", "no iss", "iss is optional",
		admit, kindVaccination, c.claimed(without(claims, issuer.ClaimIssuer)))

	c.add("valid-times-float", "iat and exp as 64-bit floats with fractions", "one country writes them so",
		admit, kindVaccination, c.claimed(set(set(claims, issuer.ClaimIssuedAt, float64(issued)+0.286), issuer.ClaimExpires, float64(expires)+0.283)))
	c.add("valid-times-float32", "exp as a 32-bit float", "any CBOR number is a number",
		admit, kindVaccination, c.claimed(set(claims, issuer.ClaimExpires, float32(expires))))

	c.add("valid-null-lists", "t and r are null", "null stands for absent", admit, kindVaccination,
		c.claimed(dcc(v, func(m issuer.Map) issuer.Map { return set(set(m, "t", nil), "r", nil) })))
	c.add("valid-null-fields", "null in text fields", "null stands for absent", admit, kindTest,
		c.claimed(entry(t, "t", func(m issuer.Map) issuer.Map { return set(set(m, "ma", nil), "nm", nil) })))
	c.add("valid-doses-float", "numbers of doses as floats", "2.0 is 2", admit, kindVaccination,
		c.claimed(entry(v, "v", func(m issuer.Map) issuer.Map { return set(set(m, "dn", 2.0), "sd", float32(2)) })))
	c.add("valid-date-with-time", "dates with a time", "the day counts", admit, kindRecovery,
		c.claimed(entry(r, "r", func(m issuer.Map) issuer.Map {
			return set(set(set(m, "fr", "2026-02-21T00:00:00.000Z"), "df", "2026-03-04T05:00:00Z"), "du", "2026-08-20T00:00:00")
		})))
	c.add("valid-date-with-spaces", "spaces around a date", "the day counts", admit, kindVaccination,
		c.claimed(entry(v, "v", func(m issuer.Map) issuer.Map { return set(m, "dt", " 2026-02-27 ") })))
	c.add("valid-date-tagged", "sc as CBOR tag 0, a date and time", "five countries write it so", admit, kindTest,
		c.claimed(entry(t, "t", func(m issuer.Map) issuer.Map {
			return set(m, "sc", cbor.Tag{Number: 0, Content: "2026-06-14T10:05:00Z"})
		})))
	c.add("valid-text-empty", "empty texts", "real issuers leave product and maker empty", admit, kindVaccination,
		c.claimed(entry(v, "v", func(m issuer.Map) issuer.Map { return set(set(m, "mp", ""), "ma", "") })))
}
