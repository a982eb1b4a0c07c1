package vdsnc_test

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"testing"

	"passerelle/gateway/credential/vdsnc"
	"passerelle/gateway/encoding/jcs"
)

// FuzzParse holds every text of an accepted seal against what encoding/json makes of the same.
func FuzzParse(f *testing.F) {
	for _, fields := range []func() (data, signature m){vaccination, test} {
		b := text(f, fields, nil)
		f.Add(b)
		f.Add([]byte("[" + string(b) + "]"))
		f.Add(text(f, fields, func(d, _ m) { d["msg"].(m)["pid"].(m)["n"] = "\"\\\n\x01😀" }))
	}
	f.Add(text(f, vaccination, func(d, _ m) { d["hdr"].(m)["t"] = "icao.visa" }))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s vdsnc.Seal
		buf, err := s.Parse([]byte("kept"), b)
		if err != nil {
			if string(buf) != "kept" || s.Signed != nil || s.Type != vdsnc.NoType {
				t.Fatalf("%q beside %v", buf, err)
			}
			return
		}
		var list []json.RawMessage
		if json.Unmarshal(b, &list) == nil {
			b = list[0]
		}
		var want struct {
			Data struct {
				Hdr struct{ T, Is string }
				Msg struct {
					Pid        *struct{ N, Dob *string }
					Uvci, Utci *string
				}
			}
			Sig struct{ Alg, Cer, Sigvl string }
		}
		var whole struct{ Data json.RawMessage }
		if err := json.Unmarshal(b, &whole); err != nil {
			t.Fatalf("accepted what encoding/json refuses: %v", err)
		}
		canonical, err := jcs.Append(nil, whole.Data)
		if err != nil || !bytes.Equal(canonical, s.Signed) {
			t.Fatalf("signed is %s, want %s (%v)", s.Signed, canonical, err)
		}
		if json.Unmarshal(b, &want) != nil {
			return // of another type in the other kind of seal; or names that differ in capitals, which encoding/json takes for the same
		}
		if !sameCase(canonical) {
			return
		}
		if got := string(s.TypeName); got != want.Data.Hdr.T || string(s.Issuer) != want.Data.Hdr.Is || s.Alg.String() != want.Sig.Alg {
			t.Fatalf("%q of %q by %v, want %+v", got, s.Issuer, s.Alg, want)
		}
		certificate, err := base64.URLEncoding.DecodeString(want.Sig.Cer)
		if err != nil {
			certificate, err = base64.RawURLEncoding.DecodeString(want.Sig.Cer)
		}
		if err != nil || !bytes.Equal(certificate, s.Certificate) {
			t.Fatalf("certificate %x, want %x (%v)", s.Certificate, certificate, err)
		}
		if p := want.Data.Msg.Pid; p != nil && (!same(p.N, s.Person.Name) || !same(p.Dob, s.Person.Birth)) {
			t.Fatalf("person %+v", s.Person)
		}
		id := want.Data.Msg.Uvci
		if s.Type == vdsnc.Test {
			id = want.Data.Msg.Utci
		}
		if !same(id, s.ID) {
			t.Fatalf("id %q", s.ID)
		}
	})
}

func same(want *string, got []byte) bool {
	if want == nil {
		return got == nil
	}
	return *want == string(got)
}

// sameCase reports whether no name differs from one that is read in its capitals alone.
func sameCase(canonical []byte) bool {
	return bytes.Equal(canonical, bytes.ToLower(canonical)) || !bytes.ContainsAny(namesOf(canonical), "ABCDEFGHIJKLMNOPQRSTUVWXYZ\u017f\u212a")
}

// namesOf returns all texts that stand before a colon.
func namesOf(canonical []byte) []byte {
	var names []byte
	parts := bytes.Split(canonical, []byte(`":`))
	for _, part := range parts[:len(parts)-1] {
		names = append(names, part[bytes.LastIndexByte(part, '"')+1:]...)
	}
	return names
}

// FuzzParseSigner holds what is accepted against what crypto/x509 makes of it. Its seeds stand in testdata/fuzz, since certificates that are
// made anew differ each time.
func FuzzParseSigner(f *testing.F) {
	own := public(f, ecdsaKey(f, elliptic.P256()))
	f.Fuzz(func(t *testing.T, der []byte) {
		s, err := vdsnc.ParseSigner(der)
		if err != nil {
			if s != nil {
				t.Fatal("a signer beside an error")
			}
			return
		}
		if raw, err := s.AuthoritySignature(nil, own); s.IssuedBy(own) && err != nil || err == nil && len(raw) != own.SignatureSize() {
			t.Fatalf("a signature of %d bytes, %v", len(raw), err)
		}
		want, err := x509.ParseCertificate(der)
		if err != nil {
			return // it refuses more: negative serial numbers, and extensions that are not read here
		}
		country := ""
		if len(want.Subject.Country) == 1 {
			country = want.Subject.Country[0]
		}
		if len(s.Country) != 2 || !bytes.EqualFold([]byte(country), []byte(s.Country)) || s.NotBefore != want.NotBefore.Unix() || s.NotAfter != want.NotAfter.Unix() {
			t.Fatalf("%+v, want %q from %v until %v", s, country, want.NotBefore, want.NotAfter)
		}
		if want.IsCA || !bytes.Equal(s.TBS, want.RawTBSCertificate) || !bytes.Equal(s.Signature, want.Signature) ||
			!bytes.Equal(s.SKI, want.SubjectKeyId) || !bytes.Equal(s.AKI, want.AuthorityKeyId) {
			t.Fatalf("%+v differs from crypto/x509", s)
		}
		seals := false
		for _, oid := range want.UnknownExtKeyUsage {
			seals = seals || oid.Equal(oidUsage)
		}
		if s.Usage != seals {
			t.Fatalf("usage %v, want %v", s.Usage, seals)
		}
	})
}
