package source

import (
	"bytes"
	"crypto/elliptic"
	"testing"

	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

// checkContent fails if an importer lets anything through that a signer would refuse.
func checkContent(t *testing.T, c bundle.Content, report Report) {
	t.Helper()
	if report.Read != report.Taken+len(report.Skipped) || report.Taken != len(c.Keys) {
		t.Errorf("read %d, taken %d, skipped %d, %d keys", report.Read, report.Taken, len(report.Skipped), len(c.Keys))
	}
	if len(c.Keys) == 0 {
		return
	}
	if _, err := bundle.Build(c, bundle.Header{Version: 1, Issued: 1, Expires: 2}); err != nil {
		t.Errorf("imported, but refused by the signer: %v", err)
	}
}

func FuzzCertificate(f *testing.F) {
	p256 := newECDSA(f, elliptic.P256())
	der := newCertificate(f, p256)
	f.Add(der)
	f.Add(withNegativeSerial(f, der))
	f.Add(withPublicKey(f, der, explicitSPKI(f, &p256.PublicKey, false, nil)))
	f.Add(withPublicKey(f, der, explicitSPKI(f, &p256.PublicKey, true, func(p *explicitParameters) { p.Base[3] ^= 1 })))
	f.Fuzz(func(t *testing.T, der []byte) {
		c, report, err := Import("der", []Input{{Name: "fuzz", Data: der}}, Options{Usages: trust.AllHCERT})
		if err != nil {
			t.Fatal(err)
		}
		checkContent(t, c, report)
		var loose certificate
		if err := loose.readLeniently(der); err == nil && !loose.public.Valid() {
			t.Error("read, but without a key")
		}
	})
}

func FuzzPublicKey(f *testing.F) {
	p256, p384 := newECDSA(f, elliptic.P256()), newECDSA(f, elliptic.P384())
	f.Add(spkiOf(f, p256.Public()))
	f.Add(explicitSPKI(f, &p256.PublicKey, false, nil))
	f.Add(explicitSPKI(f, &p384.PublicKey, true, nil))
	f.Fuzz(func(t *testing.T, der []byte) {
		if key, err := parsePublicKey(der); (err == nil) != key.Valid() {
			t.Errorf("key %v, error %v", &key, err)
		}
	})
}

func FuzzDE(f *testing.F) {
	der := newCertificate(f, newECDSA(f, elliptic.P256()))
	list, key := signDE(f, deBody(f, deEntry("DE", der), deEntry("FR", withNegativeSerial(f, der))))
	f.Add(list)
	f.Add([]byte("\n{}"))
	f.Fuzz(func(t *testing.T, list []byte) {
		if c, report, err := Import("de", []Input{{Name: "fuzz", Data: list}}, Options{ListKey: key}); err == nil {
			checkContent(t, c, report)
		}
		_, body, _ := bytes.Cut(list, []byte("\n"))
		c := collector{seen: make(map[identity]string), under: make(map[trust.Place]int)}
		if c.readDEBody(body) == nil {
			checkContent(t, c.content, c.report)
		}
	})
}

func FuzzPEM(f *testing.F) {
	der := newCertificate(f, newECDSA(f, elliptic.P256()))
	f.Add(append(pemOf("CERTIFICATE", der), pemOf("PUBLIC KEY", spkiOf(f, newECDSA(f, elliptic.P256()).Public()))...))
	f.Fuzz(func(t *testing.T, file []byte) {
		c, report, err := Import("pem", []Input{{Name: "fuzz", Data: file}}, Options{Country: "DE", Usages: trust.HCERTTest, NotAfter: 1})
		if err != nil {
			t.Fatal(err)
		}
		checkContent(t, c, report)
	})
}

func FuzzKeySet(f *testing.F) {
	f.Add([]byte(keySetFile(f, fullContent(f))))
	f.Add([]byte("[[key]]\nid = 'ff00000000000000'\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		c, err := ParseKeySet(file)
		if err != nil {
			return
		}
		var first, second bytes.Buffer
		if err := WriteKeySet(&first, c); err != nil {
			t.Fatalf("read, but not written: %v", err)
		}
		again, err := ParseKeySet(first.Bytes())
		if err != nil {
			t.Fatalf("written, but not read: %v\n%s", err, &first)
		}
		if err := WriteKeySet(&second, again); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("read as another key set: %v\n%s\n%s", err, &first, &second)
		}
	})
}
