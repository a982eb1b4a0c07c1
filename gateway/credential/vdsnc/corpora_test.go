package vdsnc_test

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"testing"

	"passerelle/gateway/credential/vdsnc"
	"passerelle/gateway/sig"
)

// TestPublishedSealsAreVerified: Australia's whole, the others' as far as there is a key.
func TestPublishedSealsAreVerified(t *testing.T) {
	t.Parallel()
	dir := corpora(t, "vds-nc")
	csca, err := x509.ParseCertificate(read(t, dir+"/aus-csca.der"))
	if err != nil {
		t.Fatal(err)
	}
	authority, err := sig.New(csca.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		file                             string
		genuine, issued, may             bool
		id, name, number, country, first string
		serial                           string
	}{
		{"aus-validVDSJson.json", true, true, true, "VB0009990025", "CITIZEN  JOHN", "PA0940385", "AU", "2021-04-02", "18ad"},
		{"aus-invalidVDSJson.json", false, true, true, "VB0009990025", "CITIZEN  JOHNX", "PA0940385", "AU", "2021-04-02", "18ad"},
		{"kde-single-vaccine.txt", true, false, false, "U32870", "Smith Bill", "A1234567Z", "FR", "2021-03-03", "00801bcbac71d2dbd29a5a9de34de6c07b"},
		{"kde-test.txt", true, false, false, "U01932", "Cook Gerald", "E1234567P", "FR", "negative", "00801bcbac71d2dbd29a5a9de34de6c07b"},
	} {
		s := parse(t, read(t, dir+"/"+tt.file))
		signer := parseSigner(t, s.Certificate)
		if genuine(s, signer) != tt.genuine || signer.IssuedBy(&authority) != tt.issued || signer.MaySign(s.Type) != tt.may {
			t.Errorf("%s: genuine %v, issued %v, may sign %v", tt.file, genuine(s, signer), signer.IssuedBy(&authority), signer.MaySign(s.Type))
		}
		first := s.Test.Result
		if s.Type == vdsnc.Vaccination {
			first = s.Doses()[0].Date
		}
		if string(s.ID) != tt.id || string(s.Person.Name) != tt.name || string(s.Person.DocumentNumber) != tt.number || string(first) != tt.first {
			t.Errorf("%s: %+v", tt.file, texts(s))
		}
		if signer.Country != tt.country || hex.EncodeToString(signer.Serial) != tt.serial || tt.issued != bytes.Equal(signer.AKI, csca.SubjectKeyId) {
			t.Errorf("%s: signer of %s, serial %x, authority %x", tt.file, signer.Country, signer.Serial, signer.AKI)
		}
	}
	refused(t, "no seal", read(t, dir+"/aus-nonVDSJson.json"), vdsnc.ErrMalformed)
	if _, err := vdsnc.ParseSigner(read(t, dir+"/aus-csca.der")); err != vdsnc.ErrSigner {
		t.Errorf("the authority's own certificate as a signer's: %v", err)
	}
}
