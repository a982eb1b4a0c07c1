package vdsnc_test

import (
	"crypto/x509"
	"testing"

	"passerelle/gateway/credential/vdsnc"
	"passerelle/gateway/sig"
)

func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"aus-validVDSJson.json", "kde-test.txt"} {
		b.Run(name, func(b *testing.B) {
			text := read(b, corpora(b, "vds-nc/"+name))
			dst := make([]byte, 0, 2*len(text))
			var s vdsnc.Seal
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Parse(dst, text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseSigner(b *testing.B) {
	der := parse(b, read(b, corpora(b, "vds-nc/aus-validVDSJson.json"))).Certificate
	b.ReportAllocs()
	for b.Loop() {
		if _, err := vdsnc.ParseSigner(der); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIssuedBy is RSA of 4096 bits, Australia's.
func BenchmarkIssuedBy(b *testing.B) {
	csca, err := x509.ParseCertificate(read(b, corpora(b, "vds-nc/aus-csca.der")))
	if err != nil {
		b.Fatal(err)
	}
	authority, err := sig.New(csca.PublicKey)
	if err != nil {
		b.Fatal(err)
	}
	s := parseSigner(b, parse(b, read(b, corpora(b, "vds-nc/aus-validVDSJson.json"))).Certificate)
	b.ReportAllocs()
	for b.Loop() {
		if !s.IssuedBy(&authority) {
			b.Fatal("not issued")
		}
	}
}
