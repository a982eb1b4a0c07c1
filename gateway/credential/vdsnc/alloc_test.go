//go:build !race

package vdsnc_test

import (
	"crypto/elliptic"
	"testing"

	"passerelle/gateway/credential/vdsnc"
)

// What a seal and a certificate may allocate, so that it can only go down. A seal needs nothing; encoding/base64 has an error to make;
// a certificate needs its key, most of it by crypto/x509 and by package sig's tables.
const (
	allocsParse        = 0
	allocsBadBase64    = 1
	allocsSigner       = 54
	allocsSignerCut    = 1
	allocsAppendSigned = 0
)

func TestParseDoesNotAllocate(t *testing.T) {
	good := text(t, vaccination, func(d, _ m) { d["msg"].(m)["pid"].(m)["n"] = "EL \"IDRISSI\"\n" })
	var s vdsnc.Seal
	for _, tt := range []struct {
		name string
		text []byte
		most float64
	}{
		{"a vaccination", good, allocsParse},
		{"a test", text(t, test, nil), allocsParse},
		{"cut", good[:len(good)/2], allocsParse},
		{"of another type", text(t, vaccination, func(d, _ m) { d["hdr"].(m)["t"] = "icao.visa" }), allocsParse},
		{"a member of another kind", text(t, vaccination, func(d, _ m) { d["msg"].(m)["pid"].(m)["n"] = 1 }), allocsParse},
		{"too large", make([]byte, vdsnc.MaxBytes+1), allocsParse},
		{"base64 that is none", text(t, vaccination, func(_, s m) { s["cer"] = "++++" }), allocsBadBase64},
	} {
		dst := make([]byte, 0, 2*len(tt.text))
		if n := testing.AllocsPerRun(100, func() { _, _ = s.Parse(dst, tt.text) }); n > tt.most {
			t.Errorf("%s: %v allocations, at most %v", tt.name, n, tt.most)
		}
	}
}

func TestAllocationsOfASigner(t *testing.T) {
	authority := ecdsaKey(t, elliptic.P256())
	der := certificate(t, authority, ecdsaKey(t, elliptic.P256()).Public(), nil)
	if n := testing.AllocsPerRun(100, func() { _, _ = vdsnc.ParseSigner(der) }); n > allocsSigner {
		t.Errorf("a certificate: %v allocations, at most %d", n, allocsSigner)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = vdsnc.ParseSigner(der[:len(der)-1]) }); n > allocsSignerCut {
		t.Errorf("a certificate that is cut: %v allocations, at most %d", n, allocsSignerCut)
	}
	s, own, dst := parseSigner(t, der), public(t, authority), make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() { _, _ = s.AuthoritySignature(dst, own) }); n > allocsAppendSigned {
		t.Errorf("the authority's signature: %v allocations, at most %d", n, allocsAppendSigned)
	}
}
