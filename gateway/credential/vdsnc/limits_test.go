package vdsnc_test

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
	"time"

	"passerelle/gateway/credential/vdsnc"
)

// rebuilt writes a certificate again with another serial number, whatever it is.
func rebuilt(t *testing.T, der, serial []byte) []byte {
	t.Helper()
	var file, tbs []asn1.RawValue
	for _, level := range []struct {
		b  []byte
		to *[]asn1.RawValue
	}{{der, &file}, {nil, &tbs}} {
		if level.b == nil {
			level.b = file[0].FullBytes
		}
		if _, err := asn1.Unmarshal(level.b, level.to); err != nil {
			t.Fatal(err)
		}
	}
	tbs[1] = asn1.RawValue{Tag: asn1.TagInteger, Bytes: serial}
	inner, err := asn1.Marshal(tbs)
	if err != nil {
		t.Fatal(err)
	}
	file[0] = asn1.RawValue{FullBytes: inner}
	outer, err := asn1.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return outer
}

func TestSerialNumbersOfEveryKind(t *testing.T) {
	t.Parallel()
	good := certificate(t, ecdsaKey(t, elliptic.P256()), ecdsaKey(t, elliptic.P256()).Public(), nil)
	for _, tt := range []struct {
		name   string
		serial []byte
		ok     bool
	}{
		{"negative", []byte{0x80, 1}, true},
		{"zero", []byte{0}, true},
		{"the longest", bytes.Repeat([]byte{0x7f}, vdsnc.MaxSerial), true},
		{"one byte more", bytes.Repeat([]byte{0x7f}, vdsnc.MaxSerial+1), false},
		{"none", nil, false},
	} {
		s, err := vdsnc.ParseSigner(rebuilt(t, good, tt.serial))
		if (err == nil) != tt.ok || tt.ok && !bytes.Equal(s.Serial, tt.serial) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestAsManyExtensionsAsMayBe(t *testing.T) {
	t.Parallel()
	authority, key := ecdsaKey(t, elliptic.P256()), ecdsaKey(t, elliptic.P256()).Public()
	with := func(n int) []byte { // and the three of the helper's: key usage, and two key identifiers
		return certificate(t, authority, key, func(c, _ *x509.Certificate) {
			for i := range n - 3 {
				c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3, i}, Value: []byte{5, 0}})
			}
		})
	}
	const limit = 32
	if s := parseSigner(t, with(limit)); !s.Usage {
		t.Errorf("%+v", s)
	}
	if _, err := vdsnc.ParseSigner(with(limit + 1)); err != vdsnc.ErrSigner {
		t.Errorf("one more: %v", err)
	}
}

func TestACriticalFlagThatIsNotDERIsRefused(t *testing.T) {
	t.Parallel()
	der := certificate(t, ecdsaKey(t, elliptic.P256()), ecdsaKey(t, elliptic.P256()).Public(), func(c, _ *x509.Certificate) {
		c.KeyUsage = x509.KeyUsageDigitalSignature // crypto/x509 writes it as critical
	})
	critical := []byte("\x55\x1d\x0f\x01\x01\xff")
	if bytes.Count(der, critical) != 1 {
		t.Fatal("no critical extension")
	}
	for _, flag := range []string{"\x00", "\x01"} {
		changed := bytes.Replace(der, critical, append(bytes.Clone(critical[:5]), flag...), 1)
		if _, err := vdsnc.ParseSigner(changed); err != vdsnc.ErrSigner {
			t.Errorf("flag %x: %v", flag, err)
		}
	}
}

// TestYearsOfTwoDigits: 00 to 49 are this century's (RFC 5280, section 4.1.2.5.1).
func TestYearsOfTwoDigits(t *testing.T) {
	t.Parallel()
	good := certificate(t, ecdsaKey(t, elliptic.P256()), ecdsaKey(t, elliptic.P256()).Public(), nil)
	for years, want := range map[string]int{"00": 2000, "49": 2049, "50": 1950, "68": 1968, "69": 1969, "99": 1999} {
		der := bytes.Replace(good, []byte("200913122640Z"), []byte(years+"0913122640Z"), 1)
		if got := time.Unix(parseSigner(t, der).NotBefore, 0).UTC(); got.Year() != want || got.Month() != time.September || got.Second() != 40 {
			t.Errorf("%s: %v, want %d", years, got, want)
		}
	}
}
