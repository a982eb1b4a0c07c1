package source

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

// newAuthority is the certificate of an authority; change may alter it.
func newAuthority(t testing.TB, private crypto.Signer, change func(c *x509.Certificate)) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: notBefore, NotAfter: notAfter, IsCA: true, BasicConstraintsValid: true,
		SubjectKeyId: []byte{1, 2, 3, 4}, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		Subject: pkix.Name{Country: []string{"ut"}, CommonName: "Utopia CSCA"},
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func newCRL(t testing.TB, issuer *x509.Certificate, private crypto.Signer, serials ...int64) []byte {
	t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: notBefore, NextUpdate: notAfter}
	for _, n := range serials {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(n), RevocationTime: notBefore})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, issuer, private)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func importCSCA(t testing.TB, o Options, inputs ...Input) (bundle.Content, Report) {
	t.Helper()
	c, report, err := Import("csca", inputs, o)
	if err != nil {
		t.Fatal(err)
	}
	if report.Read != report.Taken+len(report.Skipped) {
		t.Errorf("read %d, taken %d, skipped %q", report.Read, report.Taken, report.Skipped)
	}
	return c, report
}

func TestAustraliasAuthorityIsTakenWithItsRevocationList(t *testing.T) {
	t.Parallel()
	o := Options{RevocationLists: []Input{{Name: "aus.crl", Data: corpus(t, "vds-nc", "aus-2021-08.crl")}}}
	c, report := importCSCA(t, o, Input{Name: "aus-csca.der", Data: corpus(t, "vds-nc", "aus-csca.der")})
	if len(c.Authorities) != 1 || report.Taken != 2 || len(report.Skipped) != 0 {
		t.Fatalf("%d authorities, report %+v", len(c.Authorities), report)
	}
	a := &c.Authorities[0]
	if a.Country != "AU" || a.Public.String() != "RSA-4096" || len(a.Revoked) != 0 || a.NotBefore != time.Date(2020, 5, 5, 1, 4, 32, 0, time.UTC).Unix() {
		t.Errorf("authority %v", a)
	}
	if ski := []byte{0x36, 0x17, 0xc1, 0xe7}; !slices.Equal(a.SKI[:4], ski) {
		t.Errorf("identifier %x", a.SKI)
	}
	if want := time.Date(2021, 11, 17, 0, 0, 0, 0, time.UTC).Unix(); a.RevokedUntil/(24*3600)*(24*3600) != want {
		t.Errorf("nobody is revoked until %s", time.Unix(a.RevokedUntil, 0).UTC())
	}
	if !strings.Contains(strings.Join(report.Notes, "\n"), "issued 2021-08-19, next due 2021-11-17") {
		t.Errorf("notes %q", report.Notes)
	}
}

func TestAuthoritiesAreTakenForWhatCounts(t *testing.T) {
	t.Parallel()
	p256, p384 := newECDSA(t, elliptic.P256()), newECDSA(t, elliptic.P384())
	whole := newAuthority(t, p256, nil)
	explicit := reissue(t, whole.Raw, func(c *looseTBS) { c.PublicKey.FullBytes = explicitSPKI(t, &p256.PublicKey, false, nil) })
	foreign := reissue(t, whole.Raw, func(c *looseTBS) {
		c.PublicKey.FullBytes = explicitSPKI(t, &p256.PublicKey, false, func(p *explicitParameters) { p.Order = new(big.Int).Sub(p.Order, big.NewInt(2)) })
	})
	large, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		der     []byte
		country string
		says    string // empty: taken
	}{
		{"as it should be", whole.Raw, "", ""},
		{"as PEM", pemOf("CERTIFICATE", whole.Raw), "", ""},
		{"P-384", newAuthority(t, p384, nil).Raw, "", ""},
		{"a weak key, which the gate judges", newAuthority(t, large, nil).Raw, "", ""},
		{"parameters written out", explicit, "", ""},
		{"a negative serial number", withNegativeSerial(t, whole.Raw), "", ""},
		{"parameters of its own", foreign, "", "not those of"},
		{"not an authority", newAuthority(t, p256, func(c *x509.Certificate) { c.IsCA = false }).Raw, "", "authority"},
		{"a signer", newCertificate(t, p256), "", "authority"},
		{"no country", newAuthority(t, p256, func(c *x509.Certificate) { c.Subject.Country = nil }).Raw, "", "country"},
		{"no country, but one is given", newAuthority(t, p256, func(c *x509.Certificate) { c.Subject.Country = nil }).Raw, "UT", ""},
		{"three letters", newAuthority(t, p256, func(c *x509.Certificate) { c.Subject.Country = []string{"UTO"} }).Raw, "", "country"},
		{"no certificate", []byte("none"), "", "not a certificate"},
		{"nothing", nil, "", "no certificate"},
		{"another PEM block", pemOf("PUBLIC KEY", whole.Raw), "", "no certificate"},
		{"too long", make([]byte, MaxCertificate+1), "", "at most"},
	} {
		c, report := importCSCA(t, Options{Country: tt.country}, Input{Name: "x", Data: tt.der})
		if tt.says != "" {
			if len(c.Authorities) != 0 || len(report.Skipped) != 1 || !strings.Contains(report.Skipped[0].Why, tt.says) {
				t.Errorf("%s: %+v", tt.name, report)
			}
			continue
		}
		if len(c.Authorities) != 1 || c.Authorities[0].Country != "UT" || !slices.Equal(c.Authorities[0].SKI, []byte{1, 2, 3, 4}) {
			t.Errorf("%s: %+v, %+v", tt.name, c.Authorities, report)
		}
	}
}

func TestCertificatesOfOneAuthorityAreOneAuthority(t *testing.T) {
	t.Parallel()
	p256, other := newECDSA(t, elliptic.P256()), newECDSA(t, elliptic.P256())
	later := newAuthority(t, p256, func(c *x509.Certificate) { c.SerialNumber, c.NotAfter = big.NewInt(2), notAfter.Add(time.Hour) })
	c, report := importCSCA(t, Options{},
		Input{Name: "1", Data: newAuthority(t, p256, nil).Raw}, Input{Name: "2", Data: later.Raw}, Input{Name: "3", Data: newAuthority(t, other, nil).Raw})
	if len(c.Authorities) != 2 || report.Taken != 3 {
		t.Fatalf("%d authorities, %+v", len(c.Authorities), report)
	}
	for _, a := range c.Authorities {
		want := notAfter.Unix()
		if key := keyOf(t, p256.Public()); a.Public.Fingerprint() == key.Fingerprint() {
			want = notAfter.Add(time.Hour).Unix()
		}
		if a.NotBefore != notBefore.Unix() || a.NotAfter != want {
			t.Errorf("%v: valid until %d, want %d", &a, a.NotAfter, want)
		}
	}
}

func TestARevocationListCountsForTheAuthorityThatSignedIt(t *testing.T) {
	t.Parallel()
	mine, other := newECDSA(t, elliptic.P256()), newECDSA(t, elliptic.P384())
	authority := newAuthority(t, mine, nil)
	stranger := newAuthority(t, other, func(c *x509.Certificate) { c.SubjectKeyId = []byte{9} })
	pretender := newAuthority(t, other, nil) // says that it has the same identifier
	good := newCRL(t, authority, mine, 0x80, 7, 7, 0x1234)
	damaged := slices.Clone(good)
	damaged[len(damaged)-1] ^= 1
	for _, tt := range []struct {
		name    string
		lists   [][]byte
		want    int // serial numbers
		skipped int
	}{
		{"its own", [][]byte{good}, 3, 0},
		{"as PEM", [][]byte{pemOf("X509 CRL", good)}, 3, 0},
		{"two of them", [][]byte{good, newCRL(t, authority, mine, 8, 7)}, 4, 0},
		{"a stranger's", [][]byte{newCRL(t, stranger, other, 1)}, 0, 1},
		{"one by another key with its identifier", [][]byte{newCRL(t, pretender, other, 1)}, 0, 1},
		{"a damaged one beside a good one", [][]byte{damaged, good}, 3, 1},
		{"none at all", [][]byte{[]byte("no"), nil}, 0, 2},
	} {
		var o Options
		for _, l := range tt.lists {
			o.RevocationLists = append(o.RevocationLists, Input{Name: "crl", Data: l})
		}
		c, report := importCSCA(t, o, Input{Name: "csca", Data: authority.Raw})
		a := &c.Authorities[0]
		if len(a.Revoked) != tt.want || len(report.Skipped) != tt.skipped {
			t.Errorf("%s: revoked %x, report %+v", tt.name, a.Revoked, report)
		}
		if tt.want >= 3 && (!a.HasRevoked([]byte{0, 0x80}) || !a.HasRevoked([]byte{7}) || !a.HasRevoked([]byte{0x12, 0x34}) || a.HasRevoked([]byte{0x12})) {
			t.Errorf("%s: revoked %x", tt.name, a.Revoked)
		}
	}
}

// TestARevocationListSaysUntilWhenItIsTheWholeOne: the newest one counts, and one that is part of another says nothing about those whom it
// does not name.
func TestARevocationListSaysUntilWhenItIsTheWholeOne(t *testing.T) {
	t.Parallel()
	key := newECDSA(t, elliptic.P256())
	authority := newAuthority(t, key, nil)
	list := func(change func(l *x509.RevocationList)) []byte {
		l := &x509.RevocationList{
			Number: big.NewInt(1), ThisUpdate: notBefore, NextUpdate: notBefore.Add(time.Hour),
			RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(7), RevocationTime: notBefore}},
		}
		change(l)
		der, err := x509.CreateRevocationList(rand.Reader, l, authority, key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	whole := list(func(*x509.RevocationList) {})
	newer := list(func(l *x509.RevocationList) { l.NextUpdate = notBefore.Add(2 * time.Hour) })
	ended := list(func(l *x509.RevocationList) { l.NextUpdate = notBefore })
	delta := list(func(l *x509.RevocationList) { // RFC 5280, section 5.2.4
		l.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}}
		l.NextUpdate = notBefore.Add(3 * time.Hour)
	})
	for _, tt := range []struct {
		name  string
		lists [][]byte
		until int64 // unix seconds, 0: nobody says
	}{
		{"none", nil, 0},
		{"one", [][]byte{whole}, notBefore.Add(time.Hour).Unix()},
		{"an older and a newer one", [][]byte{newer, whole}, notBefore.Add(2 * time.Hour).Unix()},
		{"one that has ended", [][]byte{ended}, notBefore.Unix()},
		{"changes alone", [][]byte{delta}, 0},
		{"changes to a whole one", [][]byte{whole, delta}, notBefore.Add(time.Hour).Unix()},
	} {
		var o Options
		for _, l := range tt.lists {
			o.RevocationLists = append(o.RevocationLists, Input{Name: "crl", Data: l})
		}
		c, report := importCSCA(t, o, Input{Name: "csca", Data: authority.Raw})
		if a := &c.Authorities[0]; a.RevokedUntil != tt.until || a.HasRevoked([]byte{7}) != (len(tt.lists) > 0) || len(report.Skipped) != 0 {
			t.Errorf("%s: revoked %x until %d, want until %d; %+v", tt.name, a.Revoked, a.RevokedUntil, tt.until, report)
		}
	}
}

func TestPretixEventsGiveTheirKeys(t *testing.T) {
	t.Parallel()
	o := Options{Country: "DE", NotBefore: 1, NotAfter: 2_000_000_000}
	c, report, err := Import("pretix", []Input{
		{Name: "event1.json", Data: corpus(t, "pretix", "event1.json")}, {Name: "event2.json", Data: corpus(t, "pretix", "event2.json")},
	}, o)
	if err != nil || report.Taken != 3 || len(report.Skipped) != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	s, err := trust.New(c.List(nil))
	if err != nil {
		t.Fatal(err)
	}
	for event, want := range map[string]int{"demo": 2, "demo2": 1, "demo3": 0} {
		keys := s.Keys(trust.Pretix, trust.ScopeID(event))
		if len(keys) != want {
			t.Errorf("%s: %d keys, want %d", event, len(keys), want)
		}
		for _, k := range keys {
			if k.Country != "DE" || k.Scope != event || k.Usages != trust.PretixUsage || k.Public.String() != "Ed25519" || k.NotAfter != 2_000_000_000 {
				t.Errorf("%s: %+v", event, k)
			}
		}
	}
	if c, _, err = Import("pretix", []Input{{Name: "event1.json", Data: corpus(t, "pretix", "event1.json")}}, Options{
		Country: "DE", NotAfter: 2, Scope: "final",
	}); err != nil || len(c.Keys) != 2 || c.Keys[0].Scope != "final" {
		t.Errorf("under another name: %+v, %v", c.Keys, err)
	}
}

func TestPretixEventsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	o := Options{Country: "DE", NotAfter: 2}
	for name, tt := range map[string]struct {
		data string
		o    Options
	}{
		"no country":       {`{"slug":"a","valid_keys":{"pretix_sig1":[]}}`, Options{NotAfter: 2}},
		"no validity":      {`{"slug":"a","valid_keys":{"pretix_sig1":[]}}`, Options{Country: "DE"}},
		"no event":         {`[]`, o},
		"no keys":          {`{"slug":"a"}`, o},
		"no name":          {`{"valid_keys":{"pretix_sig1":[]}}`, o},
		"a name that is *": {`{"slug":"*","valid_keys":{"pretix_sig1":[]}}`, o},
	} {
		if _, _, err := Import("pretix", []Input{{Name: "x", Data: []byte(tt.data)}}, tt.o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	_, report, err := Import("pretix", []Input{{Name: "x", Data: []byte(`{"slug":"a","valid_keys":{"pretix_sig1":["*","bm8=",""]}}`)}}, o)
	if err != nil || report.Read != 3 || len(report.Skipped) != 3 {
		t.Errorf("%+v, %v", report, err)
	}
}
