package source

import (
	"bytes"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

// importOne imports one input and returns the only key, or why there is none.
func importOne(t *testing.T, format string, data []byte, o Options) (*bundle.Entry, string) {
	t.Helper()
	c, report, err := Import(format, []Input{{Name: "dir/input", Data: data}}, o)
	if err != nil {
		t.Fatal(err)
	}
	if report.Read != 1 || report.Taken+len(report.Skipped) != 1 || len(c.Keys) != report.Taken {
		t.Fatalf("read %d, taken %d, skipped %q", report.Read, report.Taken, report.Skipped)
	}
	if report.Taken == 0 {
		return nil, report.Skipped[0].Why
	}
	return &c.Keys[0], ""
}

func TestCertificateBecomesAKey(t *testing.T) {
	t.Parallel()
	private := newECDSA(t, elliptic.P256())
	der := newCertificate(t, private)
	for format, data := range map[string][]byte{"der": der, "pem": append([]byte("words before\n"), pemOf("CERTIFICATE", der)...)} {
		e, why := importOne(t, format, data, Options{Usages: trust.AllHCERT})
		if e == nil {
			t.Fatalf("%s: skipped: %s", format, why)
		}
		sum := sha256.Sum256(der)
		want, err := sig.New(private.Public())
		if err != nil {
			t.Fatal(err)
		}
		if e.ID != trust.KeyID(sum[:8]) || e.Country != "MA" || e.Issuer != "Ministère" || e.Source != "input" ||
			e.Usages != trust.AllHCERT || e.NotBefore != notBefore.Unix() || e.NotAfter != notAfter.Unix() || e.Disabled ||
			e.Public.Fingerprint() != want.Fingerprint() || len(e.Algorithms) != 1 || e.Algorithms[0] != sig.ES256 {
			t.Errorf("%s: got %+v", format, e)
		}
	}
}

func TestUsagesComeFromBothArcs(t *testing.T) {
	t.Parallel()
	arc := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 1847, 2021, 1}
	misprint := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 0, 1847, 2021, 1}
	in := func(arc asn1.ObjectIdentifier, n int) asn1.ObjectIdentifier {
		return append(arc[:len(arc):len(arc)], n)
	}
	codeSigning := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 3}
	tests := []struct {
		name  string
		oids  []asn1.ObjectIdentifier
		asked trust.Usage
		want  trust.Usage
	}{
		{"none, and nobody says what it is for", nil, 0, 0},
		{"only others, and nobody says what it is for", []asn1.ObjectIdentifier{codeSigning, in(arc, 4)}, 0, 0},
		{"none, of a signer of certificates", nil, trust.AllHCERT, trust.AllHCERT},
		{"none, of a signer of tickets", nil, trust.TicketUsage, trust.TicketUsage},
		{"test", []asn1.ObjectIdentifier{in(arc, 1)}, 0, trust.HCERTTest},
		{"vaccination", []asn1.ObjectIdentifier{in(arc, 2)}, 0, trust.HCERTVaccination},
		{"recovery", []asn1.ObjectIdentifier{in(arc, 3)}, 0, trust.HCERTRecovery},
		{"test, other arc", []asn1.ObjectIdentifier{in(misprint, 1)}, 0, trust.HCERTTest},
		{"vaccination, other arc", []asn1.ObjectIdentifier{in(misprint, 2)}, 0, trust.HCERTVaccination},
		{"recovery, other arc", []asn1.ObjectIdentifier{in(misprint, 3)}, 0, trust.HCERTRecovery},
		{"two and another", []asn1.ObjectIdentifier{codeSigning, in(arc, 1), in(misprint, 3)}, 0, trust.HCERTTest | trust.HCERTRecovery},
		{"asked for less", nil, trust.HCERTTest, trust.HCERTTest},
		{"asked for more", []asn1.ObjectIdentifier{in(arc, 1)}, trust.AllHCERT, trust.HCERTTest},
		{"asked for something else", []asn1.ObjectIdentifier{in(arc, 1)}, trust.HCERTRecovery, 0},
	}
	private := newECDSA(t, elliptic.P256())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			der := newCertificate(t, private, tt.oids...)
			for name, der := range map[string][]byte{"strict": der, "lenient": withNegativeSerial(t, der)} {
				var got trust.Usage
				if e, _ := importOne(t, "der", der, Options{Usages: tt.asked}); e != nil {
					got = e.Usages
				}
				if got != tt.want {
					t.Errorf("%s: got %v, want %v", name, got, tt.want)
				}
			}
		})
	}
}

func TestKeyIsTakenFromACertificateThatX509Refuses(t *testing.T) {
	t.Parallel()
	p256, p384, p521 := newECDSA(t, elliptic.P256()), newECDSA(t, elliptic.P384()), newECDSA(t, elliptic.P521())
	der := newCertificate(t, p256)
	seed := func(p *explicitParameters) { p.Curve.Seed = asn1.BitString{Bytes: make([]byte, 20), BitLength: 160} }
	tests := []struct {
		name string
		der  []byte
		want sig.Key
	}{
		{"negative serial number", withNegativeSerial(t, der), keyOf(t, p256.Public())},
		{"P-256 written out", withPublicKey(t, der, explicitSPKI(t, &p256.PublicKey, false, nil)), keyOf(t, p256.Public())},
		{"P-256 with a seed and no cofactor", withPublicKey(t, der, explicitSPKI(t, &p256.PublicKey, false, func(p *explicitParameters) {
			seed(p)
			p.Cofactor = nil
		})), keyOf(t, p256.Public())},
		{"P-384 written out", withPublicKey(t, der, explicitSPKI(t, &p384.PublicKey, true, seed)), keyOf(t, p384.Public())},
		{"P-521 written out", withPublicKey(t, der, explicitSPKI(t, &p521.PublicKey, true, nil)), keyOf(t, p521.Public())},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, report, err := Import("der", []Input{{Name: "one", Data: tt.der}}, Options{Usages: trust.AllHCERT})
			if err != nil || len(c.Keys) != 1 {
				t.Fatalf("%v, skipped %q", err, report.Skipped)
			}
			if c.Keys[0].Public.Fingerprint() != tt.want.Fingerprint() || c.Keys[0].Country != "MA" || c.Keys[0].NotAfter != notAfter.Unix() {
				t.Errorf("got %v of %s", &c.Keys[0], c.Keys[0].Country)
			}
			if len(report.Notes) != 1 || !strings.Contains(report.Notes[0], "x509") {
				t.Errorf("notes %q, want why crypto/x509 refuses it", report.Notes)
			}
		})
	}
}

func keyOf(t testing.TB, public any) sig.Key {
	t.Helper()
	key, err := sig.New(public)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestUnsafeKeyIsSkippedByName(t *testing.T) {
	t.Parallel()
	p256 := newECDSA(t, elliptic.P256())
	der := newCertificate(t, p256)
	explicit := func(change func(*explicitParameters)) []byte {
		return withPublicKey(t, der, explicitSPKI(t, &p256.PublicKey, false, change))
	}
	offCurve := explicitSPKI(t, &p256.PublicKey, false, nil)
	offCurve[len(offCurve)-1] ^= 1
	brainpool := bytes.Replace(spkiOf(t, p256.Public()), []byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}, []byte{6, 8, 0x2b, 0x24, 3, 3, 2, 8, 1, 7}, 1)
	oddUsages := reissue(t, newCertificate(t, p256, asn1.ObjectIdentifier{1, 2, 3}), func(c *looseTBS) {
		c.Serial = asn1.RawValue{FullBytes: []byte{2, 2, 0xff, 0x01}}
		for i := range c.Extensions {
			c.Extensions[i].Value = []byte{4, 0}
		}
	})
	tests := []struct {
		name, says string
		der        []byte
	}{
		{"another generator", "not those of", explicit(func(p *explicitParameters) { p.Base[5] ^= 1 })},
		{"another prime", "not those of", explicit(func(p *explicitParameters) { p.Field.P = new(big.Int).Add(p.Field.P, big.NewInt(2)) })},
		{"another order", "not those of", explicit(func(p *explicitParameters) { p.Order = new(big.Int).Add(p.Order, big.NewInt(2)) })},
		{"another a", "not those of", explicit(func(p *explicitParameters) { p.Curve.A[0] ^= 1 })},
		{"another b", "not those of", explicit(func(p *explicitParameters) { p.Curve.B[0] ^= 1 })},
		{"cofactor 2", "not those of", explicit(func(p *explicitParameters) { p.Cofactor = big.NewInt(2) })},
		{"a characteristic-two field", "not those of", explicit(func(p *explicitParameters) { p.Field.OID = asn1.ObjectIdentifier{1, 2, 840, 10045, 1, 2} })},
		{"version 0", "not those of", explicit(func(p *explicitParameters) { p.Version = 0 })},
		{"parameters that are none", "cannot be read", withPublicKey(t, der, bytes.Replace(spkiOf(t, p256.Public()), []byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}, []byte{0x30, 8, 2, 1, 1, 2, 1, 1, 5, 0}, 1))},
		{"a point off the curve", "not an accepted public key", withPublicKey(t, der, offCurve)},
		{"a curve that we have not", "not an accepted public key", withPublicKey(t, der, brainpool)},
		{"key usages that cannot be read", "extended key usages", oddUsages},
		{"a country of three letters", "country", reissue(t, der, func(c *looseTBS) {
			c.Subject = asn1.RawValue{FullBytes: bytes.Replace(c.Subject.FullBytes, []byte("MA"), []byte("M1"), 1)}
		})},
		{"something after it", "not a certificate", append(bytes.Clone(der), 0)},
		{"cut", "not a certificate", der[:len(der)-1]},
		{"nothing", "not a certificate", nil},
		{"too long", "16385 bytes", make([]byte, MaxCertificate+1)},
		{"as long as may be, of zeros", "not a certificate", make([]byte, MaxCertificate)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if e, why := importOne(t, "der", tt.der, Options{Usages: trust.AllHCERT}); e != nil || !strings.Contains(why, tt.says) {
				t.Errorf("got %v, skipped for %q, want %q", e, why, tt.says)
			}
		})
	}
}

func TestWeakKeyIsTakenAndSaid(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	c, report, err := Import("der", []Input{{Name: "one", Data: newCertificate(t, private)}}, Options{Usages: trust.AllHCERT})
	if err != nil || len(c.Keys) != 1 || !c.Keys[0].Public.Weak() {
		t.Fatalf("%v, %q", err, report.Skipped)
	}
	if len(report.Notes) != 1 || !strings.Contains(report.Notes[0], "RSA-1024") {
		t.Errorf("notes %q", report.Notes)
	}
}

func TestPEMOfSeveralBlocks(t *testing.T) {
	t.Parallel()
	a, b := newCertificate(t, newECDSA(t, elliptic.P256())), newCertificate(t, newECDSA(t, elliptic.P384()))
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	bare := spkiOf(t, ed.Public())
	file := bytes.Join([][]byte{
		pemOf("CERTIFICATE", a), pemOf("CERTIFICATE", a), pemOf("PRIVATE KEY", []byte{1}), pemOf("CERTIFICATE", []byte{1}),
		pemOf("PUBLIC KEY", bare), pemOf("CERTIFICATE", b), pemOf("PUBLIC KEY", []byte{1}),
		pemOf("PUBLIC KEY", make([]byte, MaxCertificate+1)),
	}, []byte("words\n"))
	o := Options{Country: "FR", Issuer: "Labo", Usages: trust.HCERTTest, NotBefore: 5, NotAfter: 10, Source: "by hand"}
	c, report, err := Import("pem", []Input{{Name: "some.pem", Data: file}, {Name: "none.pem", Data: []byte("no")}}, o)
	if err != nil {
		t.Fatal(err)
	}
	var skipped []string
	for _, s := range report.Skipped {
		skipped = append(skipped, s.What)
	}
	want := "some.pem, block 2|some.pem, block 3|some.pem, block 4|some.pem, block 7|some.pem, block 8|none.pem"
	if got := strings.Join(skipped, "|"); got != want {
		t.Errorf("skipped %s, want %s", got, want)
	}
	if report.Read != 9 || report.Taken != 3 || len(c.Keys) != 3 {
		t.Fatalf("read %d, taken %d, %d keys; want 9, 3, 3", report.Read, report.Taken, len(c.Keys))
	}
	for _, e := range c.Keys {
		if e.Country != "FR" || e.Usages != trust.HCERTTest || e.Source != "by hand" {
			t.Errorf("got %v for %v from %q", &e, e.Usages, e.Source)
		}
		if sum := sha256.Sum256(bare); e.Public.Fingerprint() == sum && (e.ID != trust.KeyID(sum[:8]) || e.Issuer != "Labo" || e.NotAfter != 10) {
			t.Errorf("bare key: %+v", e)
		}
	}
	for name, o := range map[string]Options{
		"no country": {Usages: trust.HCERTTest, NotAfter: 10}, "no usages": {Country: "FR", NotAfter: 10}, "no validity": {Country: "FR", Usages: trust.HCERTTest},
	} {
		if e, why := importOne(t, "pem", pemOf("PUBLIC KEY", bare), o); e != nil || !strings.Contains(why, "bare public key") {
			t.Errorf("%s: got %v, %q", name, e, why)
		}
	}
}

func TestGermanListMustBeSignedByTheGivenKey(t *testing.T) {
	t.Parallel()
	der := newCertificate(t, newECDSA(t, elliptic.P256()))
	body := deBody(t, deEntry("DE", der))
	good, key := signDE(t, body)
	_, other := signDE(t, body)
	line, _, _ := bytes.Cut(good, []byte("\n"))
	tests := []struct {
		name, says string
		list       []byte
		o          Options
	}{
		{"as it is", "", good, Options{ListKey: key}},
		{"a line end of two characters", "", append(append(bytes.Clone(line), "\r\n"...), body...), Options{ListKey: key}},
		{"no key", "no key", good, Options{}},
		{"another key", "not signed by", good, Options{ListKey: other}},
		{"a byte more", "not signed by", append(bytes.Clone(good), '\n'), Options{ListKey: key}},
		{"a byte changed", "not signed by", bytes.Replace(good, []byte(`"DSC"`), []byte(`"DSK"`), 1), Options{ListKey: key}},
		{"no signature", "no signature line", body, Options{ListKey: key}},
		{"an empty signature", "not signed by", append([]byte("\n"), body...), Options{ListKey: key}},
		{"a signature of 63 bytes", "not signed by", append([]byte(base64.StdEncoding.EncodeToString(make([]byte, 63))+"\n"), body...), Options{ListKey: key}},
		{"no base64", "signature line", append([]byte("*\n"), body...), Options{ListKey: key}},
		{"nothing", "no signature line", nil, Options{ListKey: key}},
		{"a country by hand", "itself", good, Options{ListKey: key, Country: "FR"}},
		{"usages by hand", "itself", good, Options{ListKey: key, Usages: trust.HCERTTest}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, report, err := Import("de", []Input{{Name: "list", Data: tt.list}}, tt.o)
			if tt.says == "" {
				if err != nil || report.Taken != 1 || c.Keys[0].Country != "DE" {
					t.Errorf("taken %d, %v", report.Taken, err)
				}
				return
			}
			if !errors.Is(err, ErrSource) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %v that says %q", err, ErrSource, tt.says)
			}
			if len(c.Keys) != 0 || report.Read != 0 {
				t.Error("keys beside an error")
			}
		})
	}
	for _, body := range []string{"{}", "[]", `{"certificates": {}}`, "no", ""} {
		list, key := signDE(t, []byte(body))
		if _, _, err := Import("de", []Input{{Name: "list", Data: list}}, Options{ListKey: key}); !errors.Is(err, ErrSource) {
			t.Errorf("signed list %q: %v, want %v", body, err, ErrSource)
		}
	}
}

func TestBadEntryDoesNotSinkTheGermanList(t *testing.T) {
	t.Parallel()
	private := newECDSA(t, elliptic.P256())
	der := newCertificate(t, private)
	csca := deEntry("DE", der)
	csca["certificateType"] = "CSCA"
	misnamed := deEntry("FR", newCertificate(t, newECDSA(t, elliptic.P256())))
	misnamed["kid"] = "AAAAAAAAAAA="
	list, key := signDE(t, deBody(
		t, deEntry("DE", der), deEntry("DE", []byte("no")), csca, deEntry("", der), deEntry("Germany", newCertificate(t, private)),
		map[string]any{"certificateType": "DSC", "rawData": "*"}, "no", nil, deEntry("AT", der), misnamed,
	))
	c, report, err := Import("de", []Input{{Name: "list.json", Data: list}}, Options{ListKey: key})
	if err != nil {
		t.Fatal(err)
	}
	if report.Read != 10 || report.Taken != 2 || len(report.Skipped) != 8 || len(c.Keys) != 2 {
		t.Errorf("read %d, taken %d, skipped %d %q", report.Read, report.Taken, len(report.Skipped), report.Skipped)
	}
	for i, says := range []string{"not a certificate", "CSCA", "no country", "country", "base64", "cannot unmarshal", "type", "same key as entry 1"} {
		if i < len(report.Skipped) && !strings.Contains(report.Skipped[i].Why, says) {
			t.Errorf("skipped %q for %q, want %q", report.Skipped[i].What, report.Skipped[i].Why, says)
		}
	}
	if len(report.Notes) != 1 || !strings.Contains(report.Notes[0], "AAAAAAAAAAA=") {
		t.Errorf("notes %q, want the other kid", report.Notes)
	}
}

func TestReportIsATable(t *testing.T) {
	t.Parallel()
	r := Report{Read: 12, Taken: 10, Skipped: []bundle.Skipped{{What: "entry 3, DE", Why: "not a key"}, {What: "entry 11, FR", Why: "twice"}}, Notes: []string{"a note"}}
	var out bytes.Buffer
	n, err := r.WriteTo(&out)
	want := "read            12\ntaken           10\nskipped         2\n  entry 3, DE   not a key\n  entry 11, FR  twice\nnote: a note\n"
	if err != nil || out.String() != want || n != int64(len(want)) {
		t.Errorf("%d, %v:\n%s\nwant\n%s", n, err, out.String(), want)
	}
	for room := range len(want) {
		if _, err := r.WriteTo(&failing{room}); err == nil {
			t.Errorf("no error from a writer that takes %d bytes", room)
		}
	}
}

// failing takes so many bytes.
type failing struct{ room int }

func (f *failing) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, errors.New("full")
	}
	return len(p), nil
}

func TestNamesInReportsCannotSteerATerminal(t *testing.T) {
	t.Parallel()
	_, report, err := Import("der", []Input{{Name: "a\x1b[2J\u202e\xff", Data: []byte("no")}}, Options{})
	if err != nil || len(report.Skipped) != 1 || report.Skipped[0].What != "a?[2J??" {
		t.Errorf("%q, %v", report.Skipped, err)
	}
}

func TestImportLimits(t *testing.T) {
	t.Parallel()
	if _, _, err := Import("xml", []Input{{}}, Options{}); !errors.Is(err, ErrSource) {
		t.Errorf("unknown format: %v", err)
	}
	half := make([]byte, MaxInput/2)
	if _, _, err := Import("pem", []Input{{Data: half}, {Data: half}}, Options{}); err != nil {
		t.Errorf("%d bytes: %v", MaxInput, err)
	}
	if _, _, err := Import("pem", []Input{{Data: half}, {Data: half}, {Data: half[:1]}}, Options{}); !errors.Is(err, ErrSource) {
		t.Errorf("a byte more: %v", err)
	}
	private := keyOf(t, newECDSA(t, elliptic.P256()).Public())
	c := collector{seen: make(map[identity]string), under: make(map[trust.Place]int)}
	add := func(id int, key sig.Key) {
		c.report.Read++
		c.take(fmt.Sprint("key ", id), bundle.Entry{Key: trust.Key{
			ID: trust.KeyID{byte(id), byte(id >> 8)}, Country: "DE", Public: key, Usages: trust.HCERTTest, NotAfter: 1,
		}})
	}
	for range trust.MaxKeysPerID + 1 {
		add(0, keyOf(t, newECDSA(t, elliptic.P256()).Public()))
	}
	if c.report.Taken != trust.MaxKeysPerID || len(c.report.Skipped) != 1 || !strings.Contains(c.report.Skipped[0].Why, "under id") {
		t.Errorf("under one id: taken %d, skipped %q", c.report.Taken, c.report.Skipped)
	}
	for i := range trust.MaxKeys - trust.MaxKeysPerID + 1 {
		add(i+1, private)
	}
	if c.report.Taken != trust.MaxKeys || len(c.report.Skipped) != 2 {
		t.Errorf("in all: taken %d, skipped %q", c.report.Taken, c.report.Skipped)
	}
}

func TestFilesFoldersAndStdinAreRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, data string) string {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(data), 0o644)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one := write("one", "1")
	write("folder/b", "b")
	write("folder/a", "a")
	write("folder/sub/c", "c")
	if err := errors.Join(os.Symlink(one, filepath.Join(dir, "folder", "link")), os.Symlink(filepath.Join(dir, "folder"), filepath.Join(dir, "folderlink"))); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		paths []string
		want  string
	}{
		{"nothing named", nil, "in"},
		{"stdin by name", []string{"-"}, "in"},
		{"a file", []string{one}, "1"},
		{"a folder", []string{filepath.Join(dir, "folder")}, "a,b,1,c"},
		{"a link to a folder", []string{filepath.Join(dir, "folderlink")}, "a,b,1,c"},
		{"all", []string{one, "-", filepath.Join(dir, "folder", "sub")}, "1,in,c"},
	}
	for _, tt := range tests {
		inputs, err := ReadInputs(tt.paths, strings.NewReader("in"))
		var got []string
		for _, in := range inputs {
			got = append(got, string(in.Data))
		}
		if err != nil || strings.Join(got, ",") != tt.want {
			t.Errorf("%s: %q, %v; want %s", tt.name, got, err, tt.want)
		}
	}
	for _, path := range []string{filepath.Join(dir, "none"), t.TempDir()} {
		if _, err := ReadInputs([]string{path}, nil); !errors.Is(err, ErrSource) {
			t.Errorf("%s: %v, want %v", path, err, ErrSource)
		}
	}
}

func TestInputLimits(t *testing.T) {
	t.Parallel()
	zeros := bytes.NewReader(make([]byte, MaxInput+1))
	if _, err := ReadInputs(nil, zeros); !errors.Is(err, ErrSource) {
		t.Errorf("%d bytes: %v, want %v", MaxInput+1, err, ErrSource)
	}
	if inputs, err := ReadInputs(nil, bytes.NewReader(make([]byte, MaxInput))); err != nil || len(inputs[0].Data) != MaxInput {
		t.Errorf("%d bytes: %v", MaxInput, err)
	}
	paths := make([]string, MaxInputs)
	for i := range paths {
		paths[i] = "-"
	}
	if _, err := ReadInputs(paths, strings.NewReader("")); err != nil {
		t.Errorf("%d files: %v", MaxInputs, err)
	}
	if _, err := ReadInputs(append(paths, "-"), strings.NewReader("")); !errors.Is(err, ErrSource) {
		t.Errorf("%d files: %v, want %v", MaxInputs+1, err, ErrSource)
	}
}
