package source

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

// corpus reads a file of the public test data.
func corpus(t testing.TB, elem ...string) []byte {
	t.Helper()
	folder := os.Getenv("CORPORA")
	if folder == "" {
		folder = filepath.Join(root(t), "..", "shared", "corpora")
	}
	data, err := os.ReadFile(filepath.Join(append([]string{folder}, elem...)...))
	if err == nil {
		return data
	}
	const hint = "set CORPORA to the folder of public test data (CORPORA.md there says where it comes from)"
	if os.Getenv("CI") == "true" {
		t.Fatalf("%v: %s", err, hint)
	}
	t.Skipf("%v: %s", err, hint)
	return nil
}

// root is the folder that holds go.mod.
func root(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above this folder")
		}
		dir = parent
	}
}

func deListAndKey(t testing.TB) ([]byte, sig.Key) {
	t.Helper()
	block, _ := pem.Decode(corpus(t, "trust", "de-acceptance", "dsc-list-signing-key.pem"))
	if block == nil {
		t.Fatal("no PEM block in the list's key")
	}
	key, err := sig.ParseSPKI(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return corpus(t, "trust", "de-acceptance", "dsc-list.json"), key
}

func TestGermanAcceptanceListIsTakenWhole(t *testing.T) {
	t.Parallel()
	list, key := deListAndKey(t)
	c, report, err := Import("de", []Input{{Name: "dsc-list.json", Data: list}}, Options{ListKey: key})
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if _, err := report.WriteTo(&table); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", &table)
	body, err := openDE(list, &key)
	if err != nil {
		t.Fatal(err)
	}
	var entries struct{ Certificates []struct{ RawData []byte } }
	if err := json.Unmarshal(body, &entries); err != nil {
		t.Fatal(err)
	}
	refused := 0 // by crypto/x509
	for _, e := range entries.Certificates {
		if _, err := x509.ParseCertificate(e.RawData); err != nil {
			refused++
		}
	}
	if n := len(entries.Certificates); n == 0 || report.Read != n || report.Taken != n || len(report.Skipped) != 0 || len(c.Keys) != n {
		t.Errorf("read %d, taken %d, skipped %d of %d", report.Read, report.Taken, len(report.Skipped), n)
	}
	countries := make(map[string]int)
	usages := make(map[trust.Usage]int)
	for _, e := range c.Keys {
		countries[e.Country]++
		usages[e.Usages]++
	}
	t.Logf("%d countries, usages %v", len(countries), usages)
	noted := 0
	for _, note := range report.Notes {
		if strings.Contains(note, "taken although crypto/x509 refuses the certificate") {
			noted++
		}
	}
	if noted != refused {
		t.Errorf("%d certificates that crypto/x509 refuses are in the notes, want %d:\n%s", noted, refused, strings.Join(report.Notes, "\n"))
	}
}

// What the lenient reader reads of a certificate is what crypto/x509 reads, wherever that reads it.
func TestLenientReaderAgreesWithX509(t *testing.T) {
	t.Parallel()
	list, key := deListAndKey(t)
	body, err := openDE(list, &key)
	if err != nil {
		t.Fatal(err)
	}
	var entries struct{ Certificates []struct{ RawData []byte } }
	if err := json.Unmarshal(body, &entries); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for i, e := range entries.Certificates {
		var strict, loose certificate
		if err := loose.readLeniently(e.RawData); err != nil {
			t.Errorf("entry %d: %v", i+1, err)
			continue
		}
		x, err := x509.ParseCertificate(e.RawData)
		if err != nil {
			continue
		}
		if err := strict.readStrictly(x); err != nil {
			t.Fatal(err)
		}
		compared++
		if got, want := summary(&loose), summary(&strict); got != want {
			t.Errorf("entry %d:\n got %s\nwant %s", i+1, got, want)
		}
	}
	if compared != 606 {
		t.Errorf("compared %d, want 606", compared)
	}
}

func summary(c *certificate) string {
	return fmt.Sprintf("%x %q %q %v %d %d", c.public.Fingerprint(), c.country, c.issuer, c.usages, c.notBefore, c.notAfter)
}

func TestKeySetOfTheGermanListSurvivesItsFile(t *testing.T) {
	t.Parallel()
	list, key := deListAndKey(t)
	c, _, err := Import("de", []Input{{Name: "dsc-list.json", Data: list}}, Options{ListKey: key})
	if err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	if err := WriteKeySet(&first, c); err != nil {
		t.Fatal(err)
	}
	again, err := ParseKeySet(first.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(again.Keys)
	if err := WriteKeySet(&second, again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("written, read and written again, the key set is another")
	}
	b, err := bundle.Build(again, bundle.Header{Version: 1, Issued: 1_700_000_000, Expires: 1_710_000_000})
	if err != nil {
		t.Fatal(err)
	}
	file, err := b.File(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d keys: key set %d bytes, bundle %d bytes", len(c.Keys), first.Len(), len(file))
	if limit := 1000 + 120_000*len(c.Keys)/830; len(file) > limit {
		t.Errorf("bundle of %d bytes, want at most %d", len(file), limit)
	}
}
