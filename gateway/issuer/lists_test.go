package issuer_test

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"testing"

	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/testkeys"
	"passerelle/testdata"
)

// Identifiers of revoked certificates.
const (
	revokedUCI        = "URN:UVCI:01:MA:REVOKED0001"
	revokedCountryUCI = "URN:UVCI:01:MA:REVOKED0002"
)

// revokedBySignature returns the message whose signature stands on the revocation list.
func revokedBySignature(t *testing.T) []byte {
	t.Helper()
	c := vaccination()
	c.Vaccination.ID = "URN:UVCI:01:MA:REVOKED0003"
	k := testKey(t, testkeys.Ministry)
	message, err := issuer.NewMessage(k, c).Sign(k)
	if err != nil {
		t.Fatal(err)
	}
	return message
}

// lists returns the trust lists by the names that cases use.
func lists(t *testing.T) map[string]testdata.List {
	t.Helper()
	standard := standardList(t)

	expired := standard
	expired.Version = 2605
	expired.Issued, expired.Expires = unix("2026-05-01T00:00:00Z"), unix("2026-06-15T09:29:59Z")

	late := standard
	late.Version = 2703
	late.Issued, late.Expires = unix("2027-02-15T00:00:00Z"), unix("2027-04-01T00:00:00Z")
	late.Revoked = slices.Clone(standard.Revoked)
	for i := range late.Revoked {
		late.Revoked[i].Expires = late.Expires
	}

	twins := standard
	ministry := testKey(t, testkeys.Ministry)
	twin := listed(t, testkeys.Twin)
	id := ministry.ID()
	twin.ID = hexOf(id[:])
	twins.Keys = append([]testdata.Key{twin}, standard.Keys...)

	empty := testdata.List{Version: 1, Issued: standard.Issued, Expires: standard.Expires}
	return map[string]testdata.List{"standard": standard, "expired": expired, "late": late, "twins": twins, "empty": empty}
}

// standardList knows every test key but Stranger and Twin.
func standardList(t *testing.T) testdata.List {
	t.Helper()
	all := []string{"hcert:vaccination", "hcert:test", "hcert:recovery"}
	l := testdata.List{Version: 2606, Issued: unix("2026-06-01T00:00:00Z"), Expires: unix("2026-07-15T00:00:00Z")}
	for _, name := range testkeys.Names() {
		if name != testkeys.Stranger && name != testkeys.Twin {
			l.Keys = append(l.Keys, listed(t, name))
		}
	}
	disabled := testKey(t, testkeys.Disabled).Entry()
	fingerprint := disabled.Public.Fingerprint()
	l.Disabled = []string{hexOf(fingerprint[:])}
	l.Acceptance = []testdata.Acceptance{
		{Country: "MA", Usages: all, From: unix("2025-01-01T00:00:00Z")},
		{Country: "XB", Usages: all, From: unix("2025-01-01T00:00:00Z")},
		{Country: "FR", Usages: []string{"hcert:vaccination"}, From: unix("2026-01-01T00:00:00Z"), Until: unix("2026-06-30T23:59:59Z")},
		{Country: "FR", Usages: []string{"hcert:test"}, From: unix("2026-01-01T00:00:00Z"), Until: unix("2026-05-31T23:59:59Z")},
		{Country: "FR", Usages: []string{"hcert:recovery"}, From: unix("2026-07-01T00:00:00Z")},
	}
	message := revokedBySignature(t)
	r := message[len(message)-64:][:32]
	l.Revoked = []testdata.Revocation{
		{Country: "MA", Kind: "uci", Expires: l.Expires, Entries: []string{half([]byte(revokedUCI))}},
		{Country: "MA", Kind: "country_uci", Expires: l.Expires, Entries: []string{half([]byte("MA" + revokedCountryUCI))}},
		{Country: "MA", Kind: "signature", Expires: l.Expires, Entries: []string{half(r)}},
	}
	return l
}

// half returns the first 16 bytes of the SHA-256 of b, as revocation lists hold them.
func half(b []byte) string {
	sum := sha256.Sum256(b)
	return hexOf(sum[:16])
}

// listed returns a test key as a list's file spells it.
func listed(t *testing.T, name string) testdata.Key {
	t.Helper()
	e := testKey(t, name).Entry()
	k := testdata.Key{
		Name: name, ID: e.ID.String(), Country: e.Country, Issuer: e.Issuer,
		SPKI: base64.StdEncoding.EncodeToString(e.Public.SPKI()), Usages: e.Usages.Names(),
		NotBefore: e.NotBefore, NotAfter: e.NotAfter,
	}
	for _, alg := range e.Algorithms {
		k.Algorithms = append(k.Algorithms, alg.String())
	}
	return k
}
