package vdsnc_test

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"passerelle/gateway/credential/vdsnc"
	"passerelle/gateway/encoding/jcs"
	"passerelle/gateway/sig"
)

// said is a Seal as texts.
type said struct {
	Type                                             vdsnc.Type
	TypeName, Issuer, ID                             string
	Version                                          int
	Name, Birth, Sex, Document, Number, Additional   string
	Doses                                            []string
	Centre, Country, Collected, Reported, Method, As string
	Alg                                              sig.Algorithm
}

func texts(s *vdsnc.Seal) said {
	var doses []string
	for _, d := range s.Doses() {
		doses = append(doses, fmt.Sprintf("%s|%s|%s|%s|%s|%s", d.Vaccine, d.Product, d.Disease, d.Date, d.Number, d.Country))
	}
	p, t := &s.Person, &s.Test
	return said{
		s.Type, string(s.TypeName), string(s.Issuer), string(s.ID), s.Version,
		string(p.Name), string(p.Birth), string(p.Sex), string(p.DocumentType), string(p.DocumentNumber), string(p.AdditionalNumber), doses,
		string(t.Centre), string(t.Country), string(t.Collected), string(t.Reported), string(t.Method), string(t.Result), s.Alg,
	}
}

func TestASealIsReadWhole(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		fields func() (data, signature m)
		want   said
	}{
		{"a vaccination", vaccination, said{
			Type: vdsnc.Vaccination, TypeName: "icao.vacc", Issuer: "UTO", ID: "U32870", Version: 1,
			Name: "SMITH  BILL", Birth: "1990-01-02", Sex: "M", Number: "A1234567Z", Additional: "L4567890Z",
			Doses: []string{
				"XM68M6|Comirnaty|RA01.0|2021-03-03|1|AUS", "XM68M6|Comirnaty|RA01.0|2021-03-24|2|UTO", "XM0GQ8|Other|RA01.0|2022-01-01|3|UTO",
			}, Alg: sig.ES256,
		}},
		{"a test", test, said{
			Type: vdsnc.Test, TypeName: "icao.test", Issuer: "D", ID: "U01932", Version: 1,
			Name: "COOK  GERALD", Birth: "1990-01-29", Document: "P", Number: "E1234567P",
			Centre: "General Hospital", Country: "AUS", Collected: "2020-12-12T12:00:00+08:00", Reported: "2021-02-11T14:00:00+08:00",
			Method: "molecular(PCR)", As: "negative", Alg: sig.ES256,
		}},
	} {
		b := text(t, tt.fields, nil)
		dst := []byte("kept")
		var s vdsnc.Seal
		buf, err := s.Parse(dst, b)
		if err != nil || !bytes.HasPrefix(buf, dst) {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, texts(&s)); diff != "" {
			t.Errorf("%s: want -, got +:\n%s", tt.name, diff)
		}
		data, _ := tt.fields()
		canonical, err := jcs.Append(nil, encode(t, data))
		if err != nil || !bytes.Equal(s.Signed, canonical) {
			t.Errorf("%s: signed is %s, want %s", tt.name, s.Signed, canonical)
		}
		if string(s.Certificate) != "certificate" || !bytes.Equal(s.Signature, make([]byte, 64)) {
			t.Errorf("%s: certificate %q, signature %x", tt.name, s.Certificate, s.Signature)
		}
	}
}

// TestTheSpellingChangesNothing: neither what is said, nor what is signed, nor the identity.
func TestTheSpellingChangesNothing(t *testing.T) {
	t.Parallel()
	plain := text(t, vaccination, nil)
	want := parse(t, plain)
	var indented bytes.Buffer
	if err := json.Indent(&indented, plain, "\t", "  "); err != nil {
		t.Fatal(err)
	}
	canonical, err := jcs.Append(nil, plain)
	if err != nil {
		t.Fatal(err)
	}
	_, signature := vaccination()
	data := encode(t, m{"msg": json.RawMessage(canonical[bytes.Index(canonical, []byte(`"msg":`))+6 : bytes.Index(canonical, []byte(`},"sig":`))]), "hdr": json.RawMessage(`{"v":1.0e0,"is":"UTO","t":"icao.vacc"}`)})
	for name, b := range map[string][]byte{
		"indented":      indented.Bytes(),
		"canonical":     canonical,
		"in an array":   []byte(" [ " + string(plain) + " ] "),
		"escapes":       bytes.ReplaceAll(plain, []byte("SMITH"), []byte(`\u0053M\u0049TH`)),
		"sig before":    []byte(fmt.Sprintf(`{"sig":%s,"data":%s}`, encode(t, signature), data)),
		"escaped names": bytes.ReplaceAll(plain, []byte(`"hdr"`), []byte(`"\u0068dr"`)),
	} {
		got := parse(t, b)
		if diff := cmp.Diff(texts(want), texts(got)); diff != "" || !bytes.Equal(got.Signed, want.Signed) || got.Identity() != want.Identity() {
			t.Errorf("%s: signed %s, want %s\n%s", name, got.Signed, want.Signed, diff)
		}
	}
}

func TestAnythingSignedElseIsAnotherIdentity(t *testing.T) {
	t.Parallel()
	one := parse(t, text(t, vaccination, nil))
	other := parse(t, text(t, vaccination, func(data, _ m) { data["msg"].(m)["uvci"] = "U32871" }))
	mirrored := parse(t, text(t, vaccination, func(_, s m) { s["sigvl"] = base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{7}, 64)) }))
	if one.Identity() == other.Identity() || one.Identity() != mirrored.Identity() {
		t.Error("the identity must be that of data, and of nothing else")
	}
}

func TestWhatIssuersDoIsTolerated(t *testing.T) {
	t.Parallel()
	person := func(data m) m { return data["msg"].(m)["pid"].(m) }
	dose := func(data m) m { return data["msg"].(m)["ve"].([]any)[0].(m)["vd"].([]any)[0].(m) }
	for _, tt := range []struct {
		name  string
		edit  func(data, signature m)
		check func(s *vdsnc.Seal) bool
	}{
		{"members that are null", func(d, _ m) { person(d)["sex"], person(d)["ai"] = nil, nil }, func(s *vdsnc.Seal) bool { return s.Person.Sex == nil && s.Person.AdditionalNumber == nil }},
		{"members that are not there", func(d, _ m) { delete(person(d), "dob"); delete(d["msg"].(m), "uvci") }, func(s *vdsnc.Seal) bool { return s.Person.Birth == nil && s.ID == nil }},
		{"unknown members of data", func(d, _ m) {
			d["x"], d["hdr"].(m)["x"], d["msg"].(m)["x"], person(d)["x"] = 1, []any{"t"}, m{"t": 1}, nil
		}, func(s *vdsnc.Seal) bool { return s.Type == vdsnc.Vaccination }},
		{"a member of a test in a vaccination", func(d, _ m) { d["msg"].(m)["tr"], person(d)["dn"] = 5, 6 }, func(s *vdsnc.Seal) bool {
			return s.Test.Result == nil && string(s.Person.DocumentNumber) == "A1234567Z"
		}},
		{"names with every kind of letter", func(d, _ m) { person(d)["n"] = "EL \"I\\D\nRISSI  فاطمة😀" }, func(s *vdsnc.Seal) bool { return string(s.Person.Name) == "EL \"I\\D\nRISSI  فاطمة😀" }},
		{"a dose's number as a text", func(d, _ m) { dose(d)["seq"] = "1" }, func(s *vdsnc.Seal) bool { return string(s.Doses()[0].Number) == "1" }},
		{"a dose without a number", func(d, _ m) { delete(dose(d), "seq") }, func(s *vdsnc.Seal) bool { return s.Doses()[0].Number == nil && string(s.Doses()[1].Number) == "2" }},
		{"ES384", func(_, s m) { s["alg"] = "ES384" }, func(s *vdsnc.Seal) bool { return s.Alg == sig.ES384 }},
		{"ES512", func(_, s m) { s["alg"] = "ES512" }, func(s *vdsnc.Seal) bool { return s.Alg == sig.ES512 }},
		{"base64 with padding", func(_, s m) { s["cer"] = "YQ==" }, func(s *vdsnc.Seal) bool { return string(s.Certificate) == "a" }},
		{"base64 with less padding", func(_, s m) { s["cer"] = "YWI=" }, func(s *vdsnc.Seal) bool { return string(s.Certificate) == "ab" }},
		{"base64 without padding", func(_, s m) { s["cer"] = "YQ" }, func(s *vdsnc.Seal) bool { return string(s.Certificate) == "a" }},
		{"a signature of another length", func(_, s m) { s["sigvl"] = "YQ" }, func(s *vdsnc.Seal) bool { return len(s.Signature) == 1 }},
	} {
		if s := parse(t, text(t, vaccination, tt.edit)); !tt.check(s) {
			t.Errorf("%s: %+v", tt.name, texts(s))
		}
	}
}

func TestWhatIsMalformedIsRefused(t *testing.T) {
	t.Parallel()
	message := func(data m) m { return data["msg"].(m) }
	person := func(data m) m { return message(data)["pid"].(m) }
	event := func(data m) m { return message(data)["ve"].([]any)[0].(m) }
	dose := func(data m) m { return event(data)["vd"].([]any)[0].(m) }
	for _, tt := range []struct {
		name string
		edit func(data, signature m)
	}{
		{"no header", func(d, _ m) { delete(d, "hdr") }},
		{"no message", func(d, _ m) { delete(d, "msg") }},
		{"a header that is a list", func(d, _ m) { d["hdr"] = []any{} }},
		{"a header that is null", func(d, _ m) { d["hdr"] = nil }},
		{"a message that is a text", func(d, _ m) { d["msg"] = "x" }},
		{"no type", func(d, _ m) { delete(d["hdr"].(m), "t") }},
		{"a type that is a number", func(d, _ m) { d["hdr"].(m)["t"] = 1 }},
		{"an empty type", func(d, _ m) { d["hdr"].(m)["t"] = "" }},
		{"a version that is a text", func(d, _ m) { d["hdr"].(m)["v"] = "1" }},
		{"a version that is a fraction", func(d, _ m) { d["hdr"].(m)["v"] = 1.5 }},
		{"a negative version", func(d, _ m) { d["hdr"].(m)["v"] = -1 }},
		{"a version of four digits", func(d, _ m) { d["hdr"].(m)["v"] = 1000 }},
		{"no issuer", func(d, _ m) { delete(d["hdr"].(m), "is") }},
		{"an issuer in small letters", func(d, _ m) { d["hdr"].(m)["is"] = "uto" }},
		{"an issuer of four letters", func(d, _ m) { d["hdr"].(m)["is"] = "UTOP" }},
		{"a person that is a list", func(d, _ m) { message(d)["pid"] = []any{} }},
		{"a name that is a number", func(d, _ m) { person(d)["n"] = 1 }},
		{"a name that is an object", func(d, _ m) { person(d)["n"] = m{} }},
		{"a birth date that is true", func(d, _ m) { person(d)["dob"] = true }},
		{"no vaccination", func(d, _ m) { delete(message(d), "ve") }},
		{"an empty list of vaccinations", func(d, _ m) { message(d)["ve"] = []any{} }},
		{"vaccinations that are null", func(d, _ m) { message(d)["ve"] = nil }},
		{"vaccinations that are an object", func(d, _ m) { message(d)["ve"] = m{} }},
		{"a vaccination that is null", func(d, _ m) { message(d)["ve"] = []any{nil} }},
		{"doses that are an object", func(d, _ m) { event(d)["vd"] = m{} }},
		{"a dose that is a text", func(d, _ m) { event(d)["vd"] = []any{"x"} }},
		{"a dose's date that is a number", func(d, _ m) { dose(d)["dvc"] = 20210303 }},
		{"a dose's number that is a fraction", func(d, _ m) { dose(d)["seq"] = 1.5 }},
		{"a dose's number that is a word", func(d, _ m) { dose(d)["seq"] = "one" }},
		{"a dose's number that is true", func(d, _ m) { dose(d)["seq"] = true }},
		{"no algorithm", func(_, s m) { delete(s, "alg") }},
		{"another algorithm", func(_, s m) { s["alg"] = "PS256" }},
		{"no algorithm by name", func(_, s m) { s["alg"] = "none" }},
		{"an algorithm that is a number", func(_, s m) { s["alg"] = -7 }},
		{"an algorithm in small letters", func(_, s m) { s["alg"] = "es256" }},
		{"no certificate", func(_, s m) { delete(s, "cer") }},
		{"an empty certificate", func(_, s m) { s["cer"] = "" }},
		{"a certificate that is null", func(_, s m) { s["cer"] = nil }},
		{"a certificate that is a list", func(_, s m) { s["cer"] = []any{"YQ"} }},
		{"no signature", func(_, s m) { delete(s, "sigvl") }},
		{"an empty signature", func(_, s m) { s["sigvl"] = "" }},
		{"another member beside the signature", func(_, s m) { s["url"] = "x" }},
		{"base64 of the other alphabet", func(_, s m) { s["cer"] = "+/+/" }},
		{"base64 with padding too much", func(_, s m) { s["cer"] = "YQ===" }},
		{"base64 with three of padding", func(_, s m) { s["cer"] = "Y===" }},
		{"base64 with padding too little", func(_, s m) { s["cer"] = "YQ=" }},
		{"base64 with padding that is not needed", func(_, s m) { s["cer"] = "YWJj=" }},
		{"base64 with padding in the midst", func(_, s m) { s["cer"] = "YQ==YQ==" }},
		{"base64 with bits left over", func(_, s m) { s["cer"] = "YR" }},
		{"base64 with a line end", func(_, s m) { s["cer"] = "YWJj\nYWJj" }},
		{"base64 with a space", func(_, s m) { s["cer"] = "YWJj YWJj" }},
	} {
		refused(t, tt.name, text(t, vaccination, tt.edit), vdsnc.ErrMalformed)
	}
	refused(t, "a test without a result", text(t, test, func(d, _ m) { delete(message(d)["tr"].(m), "r") }), vdsnc.ErrMalformed)
	refused(t, "a test without any", text(t, test, func(d, _ m) { delete(message(d), "tr") }), vdsnc.ErrMalformed)

	plain := string(text(t, vaccination, nil))
	for name, b := range map[string]string{
		"nothing":                        "",
		"no JSON":                        "{",
		"a number":                       "1",
		"a text":                         `"x"`,
		"null":                           "null",
		"an empty object":                "{}",
		"an empty array":                 "[]",
		"an array of nothing":            "[null]",
		"an array of two":                "[" + plain + "," + plain + "]",
		"an array of an array":           "[[" + plain + "]]",
		"something else":                 `{"isThisAVDS":false}`,
		"two values":                     plain + plain,
		"another member at the top":      `{"x":1,` + plain[1:],
		"data that stands twice":         plain[:len(plain)-1] + `,"data":{}}`,
		"a name that stands twice":       strings.Replace(plain, `"n":"SMITH  BILL"`, `"n":"SMITH  BILL","n":"SMITH  JOHN"`, 1),
		"a name that stands twice again": strings.Replace(plain, `"n":"SMITH  BILL"`, `"n":"SMITH  BILL","\u006e":"SMITH  JOHN"`, 1),
		"bytes that are no UTF-8":        strings.Replace(plain, "SMITH", "\xff", 1),
		"half a surrogate pair":          strings.Replace(plain, "SMITH", `\ud83d`, 1),
		"a member that is cut":           plain[:len(plain)-2],
	} {
		refused(t, name, []byte(b), vdsnc.ErrMalformed)
	}
}

func refused(t *testing.T, name string, b []byte, want error) {
	t.Helper()
	var s vdsnc.Seal
	dst, err := s.Parse([]byte("kept"), b)
	if !errors.Is(err, want) || string(dst) != "kept" || s.Type != vdsnc.NoType || s.Signed != nil || len(s.Doses()) != 0 {
		t.Errorf("%s: got %v, type %d; want %v", name, err, s.Type, want)
	}
}

// TestOtherTypesAndVersionsAreRefusedByName: they are recognised, and not read.
func TestOtherTypesAndVersionsAreRefusedByName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind    string
		version any
		want    int
	}{{"icao.visa", 1, 1}, {"icao.vacc", 2, 2}, {"icao.test", 999, 999}, {"ICAO.VACC", 1, 1}, {"icao.vacc ", 1, 1}} {
		var s vdsnc.Seal
		b := text(t, vaccination, func(d, _ m) { d["hdr"].(m)["t"], d["hdr"].(m)["v"] = tt.kind, tt.version })
		dst, err := s.Parse(nil, b)
		if err != vdsnc.ErrUnsupported || dst != nil || string(s.TypeName) != tt.kind || s.Version != tt.want || s.Type != vdsnc.NoType || s.Signed != nil {
			t.Errorf("%s %v: got %v, %q, version %d", tt.kind, tt.version, err, s.TypeName, s.Version)
		}
	}
}

func TestLimitsHoldAtTheLimitAndNotBeyond(t *testing.T) {
	t.Parallel()
	padded := func(n int) []byte {
		b := text(t, vaccination, nil)
		return append(b, bytes.Repeat([]byte(" "), n-len(b))...)
	}
	member := func(name string, n int) []byte {
		return text(t, vaccination, func(_, s m) { s[name] = base64.URLEncoding.EncodeToString(make([]byte, n)) })
	}
	doses := func(n int) []byte {
		return text(t, vaccination, func(d, _ m) {
			d["msg"].(m)["ve"] = []any{m{"vd": slicesOf(n, m{"dvc": "2021-01-01"})}}
		})
	}
	for _, tt := range []struct {
		name string
		text []byte
		ok   bool
	}{
		{"bytes", padded(vdsnc.MaxBytes), true},
		{"one byte more", padded(vdsnc.MaxBytes + 1), false},
		{"a certificate", member("cer", vdsnc.MaxCertificate), true},
		{"one byte more of it", member("cer", vdsnc.MaxCertificate+1), false},
		{"a signature", member("sigvl", vdsnc.MaxSignature), true},
		{"one byte more of it", member("sigvl", vdsnc.MaxSignature+1), false},
		{"doses", doses(vdsnc.MaxDoses), true},
		{"one dose more", doses(vdsnc.MaxDoses + 1), false},
		{"too deep", []byte(strings.Repeat("[", jcs.MaxDepth+1)), false},
	} {
		var s vdsnc.Seal
		_, err := s.Parse(nil, tt.text)
		if tt.ok && err != nil || !tt.ok && err != vdsnc.ErrTooLarge {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func slicesOf(n int, v any) []any {
	all := make([]any, n)
	for i := range all {
		all[i] = v
	}
	return all
}

// TestSealsOfEveryCurveVerify: the algorithm names the hash, the key names the curve.
func TestSealsOfEveryCurveVerify(t *testing.T) {
	t.Parallel()
	authority := ecdsaKey(t, elliptic.P256())
	for _, tt := range []struct {
		alg   string
		hash  crypto.Hash
		curve elliptic.Curve
		want  bool
	}{
		{"ES256", crypto.SHA256, elliptic.P256(), true},
		{"ES256", crypto.SHA256, elliptic.P384(), true},
		{"ES384", crypto.SHA384, elliptic.P384(), true},
		{"ES512", crypto.SHA512, elliptic.P521(), true},
		{"ES384", crypto.SHA384, elliptic.P256(), false},
		{"ES512", crypto.SHA512, elliptic.P384(), false},
		{"ES256", crypto.SHA256, elliptic.P521(), false},
	} {
		key := ecdsaKey(t, tt.curve)
		b := signed(t, key, tt.alg, tt.hash, certificate(t, authority, key.Public(), nil))
		s := parse(t, b)
		signer := parseSigner(t, s.Certificate)
		if got := genuine(s, signer); got != tt.want || !signer.IssuedBy(public(t, authority)) {
			t.Errorf("%s with %s: verified = %v, want %v", tt.alg, tt.curve.Params().Name, got, tt.want)
		}
		if s = parse(t, bytes.Replace(b, []byte("SMITH"), []byte("SMYTH"), 1)); genuine(s, signer) {
			t.Errorf("%s with %s: another name is genuine", tt.alg, tt.curve.Params().Name)
		}
	}
}
