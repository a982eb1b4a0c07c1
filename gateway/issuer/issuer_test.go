package issuer_test

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/veraison/go-cose"
	"passerelle/gateway/encoding/base45"
	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/testkeys"
	"passerelle/gateway/sig"
)

// open undoes Encode with other people's code where there is any.
func open(t *testing.T, code string) []byte {
	t.Helper()
	packed, err := base45.AppendDecode(nil, []byte(strings.TrimPrefix(code, "HC1:")))
	if err != nil {
		t.Fatal(err)
	}
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	message, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return message
}

type claims struct {
	Issuer    string  `cbor:"1,keyasint"`
	Expires   int64   `cbor:"4,keyasint"`
	NotBefore int64   `cbor:"5,keyasint"`
	IssuedAt  int64   `cbor:"6,keyasint"`
	Container wrapper `cbor:"-260,keyasint"`
}

type wrapper struct {
	DCC map[string]any `cbor:"1,keyasint"`
}

// decode reads a code's claims after go-cose verified it with the key, which must be strong enough for go-cose.
func decode(t *testing.T, code string, k *issuer.Key) claims {
	t.Helper()
	var m cose.Sign1Message
	if err := m.UnmarshalCBOR(open(t, code)); err != nil {
		t.Fatal(err)
	}
	entry := k.Entry()
	v, err := cose.NewVerifier(cose.Algorithm(k.Algorithm()), entry.Public.Public())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Verify(nil, v); err != nil {
		t.Fatalf("go-cose refuses the signature: %v", err)
	}
	id := k.ID()
	if got := m.Headers.Protected[cose.HeaderLabelKeyID]; !bytes.Equal(got.([]byte), id[:]) {
		t.Errorf("kid = %x, want %v", got, id)
	}
	var c claims
	if err := cbor.Unmarshal(m.Payload, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCodesHoldWhatTheCertificateSays(t *testing.T) {
	t.Parallel()
	k := testKey(t, testkeys.Ministry)
	for name, tt := range map[string]struct {
		cert *issuer.Certificate
		want string
	}{
		"vaccination": {vaccination(), `{"ver":"1.3.0","dob":"1988-11-23","id":{"t":"CNIE","n":"BE845120"},
			"nam":{"fn":"Benjelloun-Touimi","fnt":"BENJELLOUN<TOUIMI","gn":"Zineb","gnt":"ZINEB"},
			"v":[{"tg":"840539006","vp":"J07BX03","mp":"BBIBP-CorV","ma":"ORG-100020693","dn":2,"sd":2,"dt":"2026-02-27",
			"co":"MA","is":"Ministère de la Santé","ci":"URN:UVCI:01:MA:SPECIMEN0001"}]}`},
		"test": {laboratoryTest(), `{"ver":"1.3.0","dob":"1999-02-28","id":{"t":"PN","n":"A01234567"},
			"nam":{"fn":"Diallo","fnt":"DIALLO","gn":"Aïssatou Fanta","gnt":"AISSATOU<FANTA"},
			"t":[{"tg":"840539006","tt":"LP6464-4","nm":"RT-PCR SARS-CoV-2","sc":"2026-06-14T11:05:00+01:00","tr":"260415000",
			"tc":"Laboratoire agréé, Casablanca","co":"MA","is":"Ministère de la Santé","ci":"URN:UVCI:01:MA:SPECIMEN0002"}]}`},
		"recovery": {recovery(), `{"ver":"1.3.0","dob":"1961-07","id":{"t":"CS","n":"C100234X"},
			"nam":{"fn":"Müller","fnt":"MUELLER","gn":"Jürgen","gnt":"JUERGEN"},
			"r":[{"tg":"840539006","fr":"2026-02-21","co":"MA","is":"Ministère de la Santé","df":"2026-03-04","du":"2026-08-20",
			"ci":"URN:UVCI:01:MA:SPECIMEN0003"}]}`},
		"arabic": {arabic(), `{"ver":"1.3.0","dob":"1988-11-23","id":{"t":"CNIE","n":"K01998"},
			"nam":{"fn":"العلوي","fnt":"EL<ALAOUI","gn":"ياسمين","gnt":"YASMINE"},
			"v":[{"tg":"840539006","vp":"J07BX03","mp":"BBIBP-CorV","ma":"ORG-100020693","dn":2,"sd":2,"dt":"2026-02-27",
			"co":"MA","is":"وزارة الصحة","ci":"URN:UVCI:01:MA:SPECIMEN0004"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, err := issuer.HC1(k, tt.cert)
			if err != nil {
				t.Fatal(err)
			}
			got := decode(t, code, k)
			if got.Issuer != "MA" || got.IssuedAt != tt.cert.IssuedAt || got.Expires != tt.cert.Expires || got.NotBefore != 0 {
				t.Errorf("claims = %+v", got)
			}
			var want map[string]any
			if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, asJSON(t, got.Container.DCC)); diff != "" {
				t.Errorf("certificate, -want +got:\n%s", diff)
			}
		})
	}
}

// asJSON turns CBOR's generic values into JSON's.
func asJSON(t *testing.T, v any) any {
	t.Helper()
	var convert func(v any) any
	convert = func(v any) any {
		switch v := v.(type) {
		case map[any]any:
			m := make(map[string]any)
			for k, x := range v {
				m[k.(string)] = convert(x)
			}
			return m
		case map[string]any:
			m := make(map[string]any)
			for k, x := range v {
				m[k] = convert(x)
			}
			return m
		case []any:
			for i := range v {
				v[i] = convert(v[i])
			}
		case uint64:
			return float64(v)
		}
		return v
	}
	return convert(v)
}

func TestClaimsAreDeterministicCBOR(t *testing.T) {
	t.Parallel()
	mode, err := cbor.EncOptions{Sort: cbor.SortCoreDeterministic}.EncMode()
	if err != nil {
		t.Fatal(err)
	}
	withNotBefore := laboratoryTest()
	withNotBefore.NotBefore = withNotBefore.IssuedAt
	withNotBefore.Test.Device = "1232"
	for _, c := range []*issuer.Certificate{vaccination(), laboratoryTest(), recovery(), arabic(), withNotBefore} {
		got, err := c.Claims("MA").MarshalCBOR()
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := cbor.Unmarshal(got, &v); err != nil {
			t.Fatal(err)
		}
		want, err := mode.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("claims\n%x, in deterministic order\n%x", got, want)
		}
	}
}

func TestCertificatesFollowTheEUSchema(t *testing.T) {
	t.Parallel()
	file := filepath.Join(corpora(t), "hcert", "schema", "DCC.combined-schema.json")
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile(file)
	if err != nil {
		t.Fatal(err)
	}
	k := testKey(t, testkeys.Ministry)
	for _, c := range []*issuer.Certificate{vaccination(), laboratoryTest(), recovery(), arabic()} {
		code, err := issuer.HC1(k, c)
		if err != nil {
			t.Fatal(err)
		}
		dcc := asJSON(t, decode(t, code, k).Container.DCC)
		if err := schema.Validate(dcc); err != nil {
			t.Errorf("%v", err)
		}
		delete(dcc.(map[string]any), "nam")
		if schema.Validate(dcc) == nil {
			t.Error("the schema accepts a certificate without a name: it checks nothing")
		}
	}
}

// corpora returns the folder of public test data.
func corpora(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("CORPORA")
	if dir == "" {
		dir = filepath.Join(root(t), "..", "shared", "corpora")
	}
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no public test data: %v", err)
		}
		t.Skipf("no public test data (set CORPORA to its folder): %v", err)
	}
	return dir
}

// root returns the repository's folder.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

func TestEveryAlgorithmSignsWhatItsKeyVerifies(t *testing.T) {
	t.Parallel()
	for _, name := range testkeys.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := testKey(t, name)
			c := laboratoryTest()
			c.IssuedAt = k.Scope().NotBefore
			code, err := issuer.HC1(k, c)
			if name == testkeys.Retired {
				if !errors.Is(err, issuer.ErrScope) {
					t.Fatalf("error = %v, want the key's end", err)
				}
				c.Expires = k.Scope().NotAfter
				code, err = issuer.HC1(k, c)
			}
			if err != nil {
				t.Fatal(err)
			}
			again, err := issuer.HC1(k, c)
			if err != nil || again != code {
				t.Errorf("the same certificate gave another code, error %v", err)
			}
			verifyCOSE(t, open(t, code), k)
		})
	}
}

// verifyCOSE checks a message with our own verifier, since go-cose refuses a weak key.
func verifyCOSE(t *testing.T, message []byte, k *issuer.Key) {
	t.Helper()
	var m cose.Sign1Message
	if err := m.UnmarshalCBOR(message); err != nil {
		t.Fatal(err)
	}
	signed, err := cbor.Marshal([]any{"Signature1", m.Headers.RawProtected, []byte{}, m.Payload})
	if err != nil {
		t.Fatal(err)
	}
	entry := k.Entry()
	job := sig.Job{Key: &entry.Public, Alg: k.Algorithm(), Message: signed, Signature: m.Signature}
	var v sig.Verifier
	if !v.Confirm(&job) {
		t.Error("signature does not verify")
	}
	job.Message[len(job.Message)-1] ^= 1
	if v.Confirm(&job) {
		t.Error("signature verifies for another message")
	}
}

func TestHC1RefusesWhatAVerifierWouldRefuse(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 81)
	for name, tt := range map[string]struct {
		key    string
		change func(*issuer.Certificate)
		want   error
	}{
		"laboratory signs a vaccination":   {testkeys.Laboratory, func(*issuer.Certificate) {}, issuer.ErrScope},
		"issued before the key's validity": {testkeys.Ministry, func(c *issuer.Certificate) { c.IssuedAt = unix("2024-12-31T23:59:59Z") }, issuer.ErrScope},
		"ends after the key":               {testkeys.Ministry, func(c *issuer.Certificate) { c.Expires = unix("2035-01-01T00:00:00Z") }, issuer.ErrScope},
		"expires before it is issued":      {testkeys.Ministry, func(c *issuer.Certificate) { c.Expires = c.IssuedAt - 1 }, issuer.ErrCertificate},
		"expires before it begins":         {testkeys.Ministry, func(c *issuer.Certificate) { c.NotBefore = c.Expires + 1 }, issuer.ErrCertificate},
		"no type":                          {testkeys.Ministry, func(c *issuer.Certificate) { c.Vaccination = nil }, issuer.ErrCertificate},
		"two types":                        {testkeys.Ministry, func(c *issuer.Certificate) { c.Recovery = recovery().Recovery }, issuer.ErrCertificate},
		"no surname":                       {testkeys.Ministry, func(c *issuer.Certificate) { c.Name.Family = "" }, issuer.ErrCertificate},
		"surname too long":                 {testkeys.Ministry, func(c *issuer.Certificate) { c.Name.Family, c.Name.FamilyICAO = long, "E" }, issuer.ErrCertificate},
		"terminal escape in a name":        {testkeys.Ministry, func(c *issuer.Certificate) { c.Name.Given, c.Name.GivenICAO = "\x1b[2J", "J" }, issuer.ErrCertificate},
		"name that is not UTF-8":           {testkeys.Ministry, func(c *issuer.Certificate) { c.Name.Given, c.Name.GivenICAO = "\xff", "J" }, issuer.ErrCertificate},
		"arabic name without ICAO letters": {testkeys.Ministry, func(c *issuer.Certificate) { c.Name = issuer.Name{Family: "العلوي"} }, issuer.ErrCertificate},
		"arabic forename without letters":  {testkeys.Ministry, func(c *issuer.Certificate) { c.Name.Given = "ياسمين" }, issuer.ErrCertificate},
		"small ICAO letters":               {testkeys.Ministry, func(c *issuer.Certificate) { c.Name.FamilyICAO = "el<alaoui" }, issuer.ErrCertificate},
		"birth in the 19th century":        {testkeys.Ministry, func(c *issuer.Certificate) { c.Birth = "1815-08-24" }, issuer.ErrCertificate},
		"birth on no day":                  {testkeys.Ministry, func(c *issuer.Certificate) { c.Birth = "1988-02-30" }, issuer.ErrCertificate},
		"unknown document":                 {testkeys.Ministry, func(c *issuer.Certificate) { c.Document.Type = "ID" }, issuer.ErrCertificate},
		"document without number":          {testkeys.Ministry, func(c *issuer.Certificate) { c.Document.Number = "" }, issuer.ErrCertificate},
		"document number with a space":     {testkeys.Ministry, func(c *issuer.Certificate) { c.Document.Number = "BE 845120" }, issuer.ErrCertificate},
		"document number too long":         {testkeys.Ministry, func(c *issuer.Certificate) { c.Document.Number = strings.Repeat("1", 21) }, issuer.ErrCertificate},
		"dose 0":                           {testkeys.Ministry, func(c *issuer.Certificate) { c.Vaccination.Dose = 0 }, issuer.ErrCertificate},
		"date with time":                   {testkeys.Ministry, func(c *issuer.Certificate) { c.Vaccination.Date = "2026-02-27T00:00:00Z" }, issuer.ErrCertificate},
		"no identifier":                    {testkeys.Ministry, func(c *issuer.Certificate) { c.Vaccination.ID = "" }, issuer.ErrCertificate},
		"country in small letters":         {testkeys.Ministry, func(c *issuer.Certificate) { c.Vaccination.Country = "ma" }, issuer.ErrCertificate},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := vaccination()
			tt.change(c)
			if code, err := issuer.HC1(testKey(t, tt.key), c); !errors.Is(err, tt.want) || code != "" {
				t.Errorf("HC1 = %q, %v; want error %v", code, err, tt.want)
			}
		})
	}
}

func TestTextAtItsLimitIsIssued(t *testing.T) {
	t.Parallel()
	c := longest()
	code, err := issuer.HC1(testKey(t, testkeys.Ministry), c)
	if err != nil {
		t.Fatal(err)
	}
	if len(code) > 4296 {
		t.Errorf("the longest certificate has %d characters, more than a QR code holds", len(code))
	}
}

// longest returns a certificate with every text at its limit, in letters that take most bytes and pack worst.
func longest() *issuer.Certificate {
	letters := []rune("ابتثجحخدذرزسشصضطظعغفقكلمنهوي")
	text := func(seed int) string {
		out := make([]rune, 80)
		for i, b := range noise(80 * (seed + 1))[80*seed:] {
			out[i] = letters[int(b)%len(letters)]
		}
		return string(out)
	}
	icao := func(seed int) string {
		out := make([]byte, 80)
		for i, b := range noise(80 * (seed + 1))[80*seed:] {
			out[i] = 'A' + b%26
		}
		return string(out)
	}
	c := laboratoryTest()
	c.Name = issuer.Name{Family: text(0), Given: text(1), FamilyICAO: icao(2), GivenICAO: icao(3)}
	c.NotBefore = c.IssuedAt
	c.Document = issuer.Document{Type: issuer.NationalCard, Number: icao(4)[:20]}
	c.Test = &issuer.Test{
		Disease: covid, Method: "LP6464-4", Name: text(5), Device: text(6), Collected: "2026-06-14T11:05:00.123456789+01:00",
		Result: "260415000", Centre: text(7), Country: "MA", Authority: text(8), ID: text(9),
	}
	return c
}

func TestTransliterate(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Benjelloun-Touimi":       "BENJELLOUN<TOUIMI",
		"d'Červenková Panklová":   "DCERVENKOVA<PANKLOVA",
		"Jiřina-Maria Alena":      "JIRINA<MARIA<ALENA",
		"Müller":                  "MUELLER",
		"Mu\u0308ller":            "MUELLER", // decomposed
		"Gößnitz":                 "GOESSNITZ",
		"Ærøskøbing Ångström":     "AEROESKOEBING<AANGSTROEM",
		"Þórður":                  "THORDUR",
		"Đặng Thị Hạnh":           "DANG<THI<HANH",
		"Łukasiewicz":             "LUKASIEWICZ",
		"İbrahim Işık":            "IBRAHIM<ISIK",
		"Ñandú":                   "NANDU",
		"L’Œuvre Jr.":             "LOEUVRE<JR",
		"  El  Alaoui -- Idrissi": "EL<ALAOUI<IDRISSI",
		"Ħamrun Ĳssel Ŋ Ŧ ĸ Ŀ":    "HAMRUN<IJSSEL<N<T<Q<L",
		"EL<ALAOUI":               "EL<ALAOUI",
		"":                        "",
	} {
		if got, err := issuer.Transliterate(in); got != want || err != nil {
			t.Errorf("Transliterate(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"العلوي", "Ελένη", "Anna2", "Anna;", "😀", "\xff", "東京"} {
		if got, err := issuer.Transliterate(in); !errors.Is(err, issuer.ErrScript) || got != "" {
			t.Errorf("Transliterate(%q) = %q, %v; want an error", in, got, err)
		}
	}
}

func TestNamesAreWrittenInNormalFormC(t *testing.T) {
	t.Parallel()
	k := testKey(t, testkeys.Ministry)
	c := vaccination()
	c.Name = issuer.Name{Family: "Mu\u0308ller"}
	code, err := issuer.HC1(k, c)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"fn": "Müller", "fnt": "MUELLER"}
	if diff := cmp.Diff(want, asJSON(t, decode(t, code, k).Container.DCC["nam"])); diff != "" {
		t.Errorf("nam, -want +got:\n%s", diff)
	}
}

func TestMessagesVerifyOnlyUnderTheirKey(t *testing.T) {
	t.Parallel()
	k, other := testKey(t, testkeys.Ministry), testKey(t, testkeys.Stranger)
	message, err := issuer.NewMessage(k, vaccination()).Sign(other)
	if err != nil {
		t.Fatal(err)
	}
	var m cose.Sign1Message
	if err := m.UnmarshalCBOR(message); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[*issuer.Key]bool{k: false, other: true} {
		entry := key.Entry()
		v, err := cose.NewVerifier(cose.AlgorithmES256, entry.Public.Public())
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Verify(nil, v) == nil; got != want {
			t.Errorf("verifies under %v: %v, want %v", key.ID(), got, want)
		}
	}
}
