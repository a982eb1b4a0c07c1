package issuer_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/asn1"
	"math/big"

	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/testkeys"
)

// keys: who signed is unknown, switched off, too weak, or may not sign this.
func (c *cases) keys() {
	unknown := func(name, title, why, payload string, options ...option) {
		c.add("unknown-issuer-"+name, title, why, "deny unknown_issuer", kindHCERT, payload, options...)
	}
	protected := func(id any) string {
		return c.odd(vaccination(), func(m *issuer.Message) { m.Protected = set(m.Protected, issuer.LabelKeyID, id) })
	}
	id := c.kid(testkeys.Ministry)
	good := c.hc1(testkeys.Ministry, vaccination())
	unknown("stranger", "signed by a key on no list", "only keys of the list count", c.hc1(testkeys.Stranger, vaccination()))
	unknown("kid-missing", "no kid in either header", "without a kid no key is selected", c.odd(vaccination(), func(m *issuer.Message) {
		m.Protected = without(m.Protected, issuer.LabelKeyID)
	}))
	unknown("kid-7-bytes", "the first 7 bytes of the right kid", "a kid has 8 bytes", protected(id[:7]))
	unknown("kid-9-bytes", "the right kid with a byte more", "a kid has 8 bytes", protected(append(bytes.Clone(id), 0)))
	unknown("kid-empty", "a kid of no bytes", "a kid has 8 bytes", protected([]byte{}))
	unknown("kid-protected-wins", "unlisted kid protected, the right one unprotected", "the protected one wins", c.odd(vaccination(), func(m *issuer.Message) {
		m.Protected = set(m.Protected, issuer.LabelKeyID, c.kid(testkeys.Stranger))
		m.Unprotected = issuer.Map{{Key: issuer.LabelKeyID, Value: id}}
	}))
	unknown("kid-short-protected-wins", "a kid of 3 bytes protected, the right one unprotected", "the protected one wins (upstream case CO22)",
		c.odd(vaccination(), func(m *issuer.Message) {
			m.Protected = set(m.Protected, issuer.LabelKeyID, []byte("foo"))
			m.Unprotected = issuer.Map{{Key: issuer.LabelKeyID, Value: id}}
		}))
	unknown("empty-list", "a good code and an empty list", "a gate without keys knows nobody", good, with("empty"))

	c.add("production-refuses-test-keys", "a good code under a production profile", "everybody has the test keys",
		"deny unknown_issuer", kindVaccination, good, under("health"))
	c.add("issuer-disabled", "signed by a key that is switched off", "the list names the hash of its public key as disabled",
		"deny issuer_disabled", kindVaccination, c.hc1(testkeys.Disabled, vaccination()))
	c.add("weak-key", "PS256 with RSA of 1024 bits", "the signature is right, and no reason to admit",
		"refer weak_key", kindVaccination, c.hc1(testkeys.RSA1024, vaccination()))
	c.add("wrong-usage-vaccination", "an accredited laboratory signs a vaccination", "its key may sign tests only",
		"deny wrong_usage", kindVaccination, c.encode(c.sign(testkeys.Laboratory, vaccination())))
	c.add("wrong-usage-recovery", "an accredited laboratory signs a recovery", "its key may sign tests only",
		"deny wrong_usage", kindRecovery, c.encode(c.sign(testkeys.Laboratory, recovery())))

	late, early := vaccination(), vaccination()
	late.IssuedAt = unix("2026-01-01T00:00:00Z")
	c.add("key-expired", "issued one second after its signer's certificate ended", "a person decides; the signature stays passed",
		"refer key_expired", kindVaccination, c.encode(c.sign(testkeys.Retired, late)))
	early.IssuedAt = unix("2024-12-31T23:59:59Z")
	c.add("key-not-yet-valid", "issued one second before its signer's certificate began", "a person decides; the signature stays passed",
		"refer key_expired", kindVaccination, c.encode(c.sign(testkeys.Ministry, early)))
	last := vaccination()
	last.IssuedAt = unix("2025-12-31T23:59:59Z")
	c.add("limit-key-last-second", "issued in the last second of its signer's certificate", "its bounds are part of the validity",
		admit, kindVaccination, c.encode(c.sign(testkeys.Retired, last)))
}

// signatures: known key, but it did not sign this.
func (c *cases) signatures() {
	bad := func(name, title, why, payload string) {
		c.add("bad-signature-"+name, title, why, "deny bad_signature", kindHCERT, payload)
	}
	message := c.sign(testkeys.Ministry, vaccination())
	signature := bytes.Clone(message[len(message)-64:])
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	n := elliptic.P256().Params().N
	resigned := func(signature []byte) string { return c.encode(c.resign(message, signature)) }
	pair := func(r, s *big.Int) []byte {
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	zero := new(big.Int)

	bad("bit", "one bit of the signature is wrong", "it is not the signature of this message", resigned(flip(signature, 63)))
	bad("payload-bit", "one bit of the claims is wrong", "it is not the message that was signed", c.encode(flip(message, bytes.Index(message, []byte("Zineb")))))
	bad("header-bit", "content type in the protected header changed", "the protected header is signed", c.encode(bytes.Replace(
		c.sign(testkeys.Ministry, vaccination(), func(m *issuer.Message) { m.Protected = set(m.Protected, 3, 60) }),
		[]byte{3, 0x18, 60}, []byte{3, 0x18, 61}, 1)))
	bad("other-key", "signed by a stranger under the ministry's kid", "a kid only selects", c.encode(c.sign(testkeys.Stranger, vaccination(), func(m *issuer.Message) {
		m.Protected = set(m.Protected, issuer.LabelKeyID, c.kid(testkeys.Ministry))
	})))
	bad("other-certificate", "a good signature of another certificate", "it is not the signature of this message", resigned(func() []byte {
		other := c.sign(testkeys.Ministry, recovery())
		return other[len(other)-64:]
	}()))
	der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	c.check(err)
	bad("der", "the right signature in DER", "COSE has r and s side by side (RFC 9053, section 2.1)", resigned(der))
	bad("empty", "a signature of no bytes", "nothing is signed", resigned([]byte{}))
	bad("short", "a signature of 63 bytes", "its length is twice the curve's size", resigned(signature[:63]))
	bad("long", "a signature of 65 bytes", "its length is twice the curve's size", resigned(append(bytes.Clone(signature), 0)))
	bad("zero", "r and s are zero", "both are from 1 to n-1", resigned(make([]byte, 64)))
	bad("r-zero", "r is zero", "both are from 1 to n-1", resigned(pair(zero, s)))
	bad("s-zero", "s is zero", "both are from 1 to n-1", resigned(pair(r, zero)))
	bad("r-n", "r is n", "both are from 1 to n-1", resigned(pair(n, s)))
	bad("s-n", "s is n", "both are from 1 to n-1", resigned(pair(r, n)))
	bad("exchanged", "r and s exchanged", "it is not the signature of this message", resigned(pair(s, r)))
	c.add("valid-mirrored-signature", "s is n-s: the signature mirrored", "ECDSA accepts both; a signature is no identity",
		admit, kindVaccination, resigned(pair(r, new(big.Int).Sub(n, s))))

	c.algorithms(bad)
}

// algorithms: alg names what the key does not sign with.
func (c *cases) algorithms(bad func(name, title, why, payload string)) {
	alg := func(value any) string {
		return c.odd(vaccination(), func(m *issuer.Message) { m.Protected = set(m.Protected, issuer.LabelAlgorithm, value) })
	}
	bad("alg-es384", "alg ES384 with a key of P-256", "the key does not allow it", alg(-35))
	bad("alg-ps256", "alg PS256 with a key of P-256", "the key does not allow it", alg(-37))
	bad("alg-eddsa", "alg EdDSA with a key of P-256", "the key does not allow it", alg(-8))
	bad("alg-rs256", "alg RS256", "no key allows it", alg(-257))
	bad("alg-hs256", "alg HS256, a MAC", "no key allows it: a public key is no secret", alg(5))
	bad("alg-wraps-16-bits", "alg 65529, which is -7 in 16 bits", "numbers must not wrap around", alg(65529))
	bad("alg-wraps-32-bits", "alg 4294967289, which is -7 in 32 bits", "numbers must not wrap around", alg(int64(4294967289)))
	bad("alg-text", "alg is the text ES256", "no algorithm has that identifier", alg("ES256"))
	bad("wrong-curve", "signed with P-384 under the kid of a key of P-256", "96 bytes are no signature by P-256", c.encode(c.sign(testkeys.P384SHA256, vaccination(), func(m *issuer.Message) {
		m.Protected = set(m.Protected, issuer.LabelKeyID, c.kid(testkeys.Ministry))
	})))
	bad("hash", "alg ES384, but signed over SHA-256", "alg names the hash", c.encode(c.sign(testkeys.P384SHA256, vaccination(), func(m *issuer.Message) {
		m.Protected = set(m.Protected, issuer.LabelAlgorithm, -35)
	})))
}

// revoked: on one of the three lists.
func (c *cases) revoked() {
	by := func(name, title, why, payload string) {
		c.add("revoked-"+name, title, why, "deny revoked", kindVaccination, payload)
	}
	identified := func(id string) *issuer.Certificate {
		v := vaccination()
		v.Vaccination.ID = id
		return v
	}
	by("uci", "revoked by certificate identifier", "SHA-256 of ci is listed", c.hc1(testkeys.Ministry, identified(revokedUCI)))
	by("country-uci", "revoked by country and certificate identifier", "SHA-256 of the key's country and ci is listed",
		c.hc1(testkeys.Ministry, identified(revokedCountryUCI)))
	message := revokedBySignature(c.t)
	by("signature", "revoked by signature", "SHA-256 of r is listed", c.encode(message))
	signature := bytes.Clone(message[len(message)-64:])
	s := new(big.Int).SetBytes(signature[32:])
	new(big.Int).Sub(elliptic.P256().Params().N, s).FillBytes(signature[32:])
	by("signature-mirrored", "revoked by signature, shown with the mirrored one", "r alone is listed, since anybody can mirror s",
		c.encode(c.resign(message, signature)))
	c.add("valid-same-id-other-country", "another country's certificate with a revoked identifier", "a country's list holds for its own certificates",
		admit, kindVaccination, c.hc1(testkeys.France, french2(identified(revokedUCI))))
}

// french2 makes a certificate France's and keeps its identifier.
func french2(cert *issuer.Certificate) *issuer.Certificate {
	id := cert.Vaccination.ID
	cert = french(cert)
	cert.Vaccination.ID = id
	return cert
}

// times: valid while iat ≤ now ≤ exp, with 60 s for clocks that differ.
func (c *cases) times() {
	early := func(name, title, why, payload string, options ...option) {
		c.add("not-yet-valid-"+name, title, why, "deny not_yet_valid", kindVaccination, payload, options...)
	}
	good := c.hc1(testkeys.Ministry, vaccination())
	c.add("limit-exp", "shown at exp and 60 seconds", "clocks may differ by that much", admit, kindVaccination, good,
		at("2027-03-01T08:01:00Z"), with("late"))
	c.add("expired", "shown at exp and 61 seconds", "over", "deny expired", kindVaccination, good, at("2027-03-01T08:01:01Z"), with("late"))
	c.add("limit-iat", "shown at iat less 60 seconds", "clocks may differ by that much", admit, kindVaccination, good,
		at("2026-03-01T07:59:00Z"))
	early("iat", "shown at iat less 61 seconds", "not issued yet", good, at("2026-03-01T07:58:59Z"))
	early("nbf", "nbf is tomorrow", "it says itself from when it holds", c.odd(vaccination(), func(m *issuer.Message) {
		m.Claims = set(claimsOf(vaccination()), issuer.ClaimNotBefore, unix("2026-06-16T00:00:00Z"))
	}))
	early("iat-of-years-ahead", "issued in two years", "upstream case CO16", c.encode(c.sign(testkeys.Ministry, func() *issuer.Certificate {
		v := vaccination()
		v.IssuedAt, v.Expires = unix("2028-05-03T18:00:00Z"), unix("2028-05-05T18:00:00Z")
		return v
	}())))
	c.add("expired-years-ago", "ended in 2025", "over", "deny expired", kindTest, c.hc1(testkeys.Ministry, func() *issuer.Certificate {
		t := laboratoryTest()
		t.IssuedAt, t.Expires = unix("2025-03-01T00:00:00Z"), unix("2025-03-04T00:00:00Z")
		return t
	}()))
	c.add("expired-before-issued", "exp before iat", "valid at no time", "deny expired", kindVaccination,
		c.odd(vaccination(), func(m *issuer.Message) {
			m.Claims = set(claimsOf(vaccination()), issuer.ClaimExpires, issued-3600)
		}))
	c.add("expired-1970", "exp is 0", "over", "deny expired", kindVaccination, c.odd(vaccination(), func(m *issuer.Message) {
		m.Claims = set(claimsOf(vaccination()), issuer.ClaimExpires, 0)
	}))
}

// acceptance: genuine, but not accepted here.
func (c *cases) acceptance() {
	no := func(name, title, why, kind, payload string) {
		c.add("not-accepted-"+name, title, why, "deny not_accepted", kind, payload)
	}
	no("country", "a country that nobody decided to accept", "its key is listed, but no row accepts it", kindVaccination,
		c.hc1(testkeys.Foreign, vaccination()))
	no("ended", "a French test", "the row for tests of France ended in May", kindTest, c.hc1(testkeys.France, french(laboratoryTest())))
	no("not-begun", "a French recovery", "the row for recoveries of France begins in July", kindRecovery, c.hc1(testkeys.France, french(recovery())))
	c.add("limit-acceptance-last-second", "a French vaccination in the last second of its row", "the bounds belong to the row",
		admit, kindVaccination, c.hc1(testkeys.France, french(vaccination())), at("2026-06-30T23:59:59Z"))
	c.add("not-accepted-one-second-late", "a French vaccination one second after its row", "the row ended",
		"deny not_accepted", kindVaccination, c.hc1(testkeys.France, french(vaccination())), at("2026-07-01T00:00:00Z"))
}

// stale: the list is past its expiry.
func (c *cases) stale() {
	good := c.hc1(testkeys.Ministry, vaccination())
	c.add("list-stale", "a good code, one second after the list's expiry", "an expired list still knows its keys, but is no reason to admit",
		"refer list_stale", kindVaccination, good, with("expired"))
	c.add("limit-list-last-second", "a good code in the last second of the list", "the list holds until its expiry",
		admit, kindVaccination, good, with("expired"), at("2026-06-15T09:29:59Z"))
	c.add("list-stale-unknown-key", "an unknown key under an expired list", "a newer list might know it",
		"refer list_stale", kindHCERT, c.hc1(testkeys.Stranger, vaccination()), with("expired"))
	c.add("list-stale-expired", "an expired certificate under an expired list", "any deny beats any refer",
		"deny expired", kindTest, c.hc1(testkeys.Ministry, func() *issuer.Certificate {
			t := laboratoryTest()
			t.IssuedAt, t.Expires = unix("2025-03-01T00:00:00Z"), unix("2025-03-04T00:00:00Z")
			return t
		}()), with("expired"))
	c.add("list-stale-bad-signature", "a forged code under an expired list", "any deny beats any refer",
		"deny bad_signature", kindHCERT, c.encode(c.sign(testkeys.Stranger, vaccination(), func(m *issuer.Message) {
			m.Protected = set(m.Protected, issuer.LabelKeyID, c.kid(testkeys.Ministry))
		})), with("expired"))
	c.add("list-stale-malformed", "a damaged code under an expired list", "any deny beats any refer",
		malformed, kindHCERT, good[:len(good)-3], with("expired"))
}

// precedence: two reasons at once; the first check in order gives the reason, and any deny beats any refer.
func (c *cases) precedence() {
	ended := func(cert *issuer.Certificate) *issuer.Certificate {
		cert.IssuedAt, cert.Expires = unix("2025-03-01T00:00:00Z"), unix("2025-03-04T00:00:00Z")
		return cert
	}
	first := func(name, title, why, want, kind, payload string, options ...option) {
		c.add("precedence-"+name, title, why, want, kind, payload, options...)
	}
	impostor := func(of string, cert *issuer.Certificate) string {
		return c.encode(c.sign(testkeys.Stranger, cert, func(m *issuer.Message) {
			m.Protected = set(m.Protected, issuer.LabelKeyID, c.kid(of))
		}))
	}
	first("disabled-bad-signature", "forged in the name of a disabled issuer", "key comes before signature",
		"deny issuer_disabled", kindHCERT, impostor(testkeys.Disabled, vaccination()))
	first("bad-signature-expired", "forged, and its text says expired", "claims are not read unless the signature is good",
		"deny bad_signature", kindHCERT, impostor(testkeys.Ministry, ended(vaccination())))
	first("bad-signature-malformed", "forged, and its claims are damaged", "claims are not read unless the signature is good",
		"deny bad_signature", kindHCERT, c.encode(c.sign(testkeys.Stranger, vaccination(), func(m *issuer.Message) {
			m.Protected = set(m.Protected, issuer.LabelKeyID, c.kid(testkeys.Ministry))
			m.Claims = "damaged"
		})))
	first("usage-expired", "a laboratory's vaccination, expired", "usage comes before time",
		"deny wrong_usage", kindVaccination, c.encode(c.sign(testkeys.Laboratory, ended(vaccination()))))
	first("revoked-expired", "revoked and expired", "revocation comes before time", "deny revoked", kindVaccination,
		c.encode(c.sign(testkeys.Ministry, func() *issuer.Certificate {
			v := ended(vaccination())
			v.Vaccination.ID = revokedUCI
			return v
		}())))
	first("expired-not-accepted", "expired, of a country that is not accepted", "time comes before rules",
		"deny expired", kindVaccination, c.encode(c.sign(testkeys.Foreign, ended(vaccination()))))
	first("weak-key-expired", "weak key and expired", "any deny beats any refer",
		"deny expired", kindVaccination, c.encode(c.sign(testkeys.RSA1024, ended(vaccination()))))
	first("weak-key-bad-signature", "weak key and a wrong signature", "any deny beats any refer", "deny bad_signature", kindHCERT,
		c.encode(func() []byte {
			message := c.sign(testkeys.RSA1024, vaccination())
			return flip(message, len(message)-1)
		}()))
	first("key-expired-expired", "issued after its signer's end, expired too", "any deny beats any refer", "deny expired", kindVaccination,
		c.encode(c.sign(testkeys.Retired, func() *issuer.Certificate {
			v := vaccination()
			v.IssuedAt, v.Expires = unix("2026-01-02T00:00:00Z"), unix("2026-02-01T00:00:00Z")
			return v
		}())))
}
