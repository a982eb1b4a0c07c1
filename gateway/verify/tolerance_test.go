package verify_test

import (
	"strings"
	"testing"

	"passerelle/gateway/policy"
	"passerelle/gateway/verify"
)

// tolerance is the table of what real issuers do and what we decided, a row each; the codes are in testdata/cases. What a
// certificate's key usages allow is decided by the importer: trust/source has those rows.
var tolerance = []struct {
	row   string
	cases map[string]string // case → verdict
}{
	{"COSE untagged, tag 18, or tag 61 then 18; any other tag is malformed", map[string]string{
		"valid-tag-none": "admit ok", "valid-vaccination": "admit ok", "valid-tag-61-18": "admit ok", "malformed-tag-17": "deny malformed",
		"malformed-tag-61-alone": "deny malformed", "malformed-tag-18-61": "deny malformed", "malformed-tag-98": "deny malformed",
	}},
	{"kid protected, only unprotected, or both; the protected one wins", map[string]string{
		"valid-kid-unprotected": "admit ok", "valid-kid-both": "admit ok", "valid-kid-differs": "admit ok",
		"unknown-issuer-kid-protected-wins": "deny unknown_issuer",
	}},
	{"alg only in the unprotected header is refused", map[string]string{
		"malformed-alg-unprotected": "deny malformed", "malformed-alg-unprotected-kid-protected": "deny malformed", "malformed-alg-missing": "deny malformed",
	}},
	{"kid not 8 bytes", map[string]string{
		"unknown-issuer-kid-7-bytes": "deny unknown_issuer", "unknown-issuer-kid-9-bytes": "deny unknown_issuer",
		"unknown-issuer-kid-empty": "deny unknown_issuer", "unknown-issuer-kid-missing": "deny unknown_issuer",
	}},
	{"several keys under one kid are all tried", map[string]string{
		"valid-first-key-under-kid": "admit ok", "valid-second-key-under-kid": "admit ok",
	}},
	{"ES256 with a P-384 key; the signature is twice the curve's size", map[string]string{
		"valid-alg-es256-p384": "admit ok", "bad-signature-wrong-curve": "deny bad_signature", "bad-signature-short": "deny bad_signature",
	}},
	{"PS256 with RSA of 2048 bits", map[string]string{"valid-alg-ps256": "admit ok"}},
	{"PS256 with RSA-1024: the signature passes, then weak_key", map[string]string{"weak-key": "refer weak_key"}},
	{"DER in place of r and s is refused", map[string]string{"bad-signature-der": "deny bad_signature"}},
	{"iat, exp, nbf as floats; NaN and infinities are malformed", map[string]string{
		"valid-times-float": "admit ok", "valid-times-float32": "admit ok", "malformed-exp-nan": "deny malformed",
		"malformed-exp-infinity": "deny malformed", "malformed-iat-infinity": "deny malformed", "malformed-nbf-nan": "deny malformed",
	}},
	{"extra claims, any order, indefinite lengths; duplicate keys are malformed", map[string]string{
		"valid-claims-extra": "admit ok", "valid-claims-other-order": "admit ok", "valid-claims-streamed": "admit ok",
		"valid-cose-indefinite": "admit ok", "malformed-duplicate-claim": "deny malformed", "malformed-duplicate-field": "deny malformed",
	}},
	{"v, t, r null or absent; dn, sd as floats; dates with time, spaces, null", map[string]string{
		"valid-null-lists": "admit ok", "valid-null-fields": "admit ok", "valid-doses-float": "admit ok",
		"valid-date-with-time": "admit ok", "valid-date-with-spaces": "admit ok",
	}},
	{"more than one of v, t, r, or more than one entry", map[string]string{
		"malformed-two-entries": "deny malformed", "malformed-two-types": "deny malformed",
	}},
	{"not compressed", map[string]string{"malformed-not-compressed": "deny malformed"}},
	{"iss is for display only", map[string]string{"valid-iss-odd": "admit ok", "valid-iss-missing": "admit ok"}},
	{"a key's usages", map[string]string{
		"valid-test-laboratory": "admit ok", "wrong-usage-vaccination": "deny wrong_usage", "wrong-usage-recovery": "deny wrong_usage",
	}},
	{"valid while iat ≤ now ≤ exp, 60 s of skew", map[string]string{
		"limit-iat": "admit ok", "limit-exp": "admit ok", "expired": "deny expired", "not-yet-valid-iat": "deny not_yet_valid",
	}},
	{"iat outside the signer's own validity: the signature stays passed", map[string]string{
		"key-expired": "refer key_expired", "key-not-yet-valid": "refer key_expired",
	}},
	{"trailing bytes after the message or the zlib stream", map[string]string{
		"malformed-cose-trailing": "deny malformed", "malformed-zlib-trailing": "deny malformed",
	}},
}

func TestToleranceTable(t *testing.T) {
	t.Parallel()
	all := map[string]loaded{}
	for _, c := range loadCases(t) {
		all[c.Name] = c
	}
	for _, row := range tolerance {
		t.Run(row.row, func(t *testing.T) {
			t.Parallel()
			for name, want := range row.cases {
				c, ok := all[name]
				if !ok {
					t.Errorf("there is no case %s", name)
					continue
				}
				v := verify.New(c.profile, nil)
				got := v.Verify(nil, []verify.Scan{{Data: c.Payload}}, c.list, policy.At(c.Now.Unix()))[0]
				if verdict := got.Outcome().String() + " " + got.Reason().String(); verdict != want {
					t.Errorf("%s: %s, want %s", name, verdict, want)
				}
				weak := strings.HasPrefix(want, "refer")
				if weak && got.State(policy.Signature) != policy.Passed {
					t.Errorf("%s: the signature check is %v", name, got.State(policy.Signature))
				}
			}
		})
	}
}
