package source

import (
	"bytes"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

var compareKeys = cmp.Comparer(func(a, b sig.Key) bool { return a.Fingerprint() == b.Fingerprint() })

func fullContent(t testing.TB) bundle.Content {
	a, b := keyOf(t, newECDSA(t, elliptic.P256()).Public()), keyOf(t, newECDSA(t, elliptic.P384()).Public())
	return bundle.Content{
		Keys: []bundle.Entry{
			{Source: `a "quoted" source`, Key: trust.Key{
				ID: trust.KeyID{1, 2}, Country: "MA", Issuer: "Ministère de la Santé", Public: a, Usages: trust.AllHCERT,
				Algorithms: a.Algorithms(), NotBefore: 1_600_000_000, NotAfter: 1_800_000_000,
			}},
			{Key: trust.Key{
				ID: trust.KeyID{0xff}, Country: "DE", Public: b, Usages: trust.HCERTTest, Algorithms: []sig.Algorithm{sig.ES256},
				NotBefore: -86_400, NotAfter: 253_402_300_799, Disabled: true,
			}},
		},
		Disabled:   []bundle.Disabled{{Fingerprint: [32]byte{31: 9}, Reason: "stolen"}, {Fingerprint: [32]byte{5}}},
		Acceptance: []trust.Acceptance{{Country: "*", Usages: trust.HCERTTest, From: 1}, {Country: "DE", Usages: trust.AllHCERT, From: 1, Until: 2}},
		Revoked: []trust.Revocation{
			{Country: "DE", Kind: trust.RevokedSignature, Expires: 9, Entries: []trust.RevocationHash{{1}, {2}}},
			{Country: "DE", Kind: trust.RevokedCountryUCI, Expires: 9},
			{Country: "DE", Kind: trust.RevokedUCI, Expires: 9, Entries: []trust.RevocationHash{{3}}},
		},
	}
}

// venueContent is a key set with everything that is no key for certificates.
func venueContent(t testing.TB) bundle.Content {
	c := fullContent(t)
	c.Keys[0].Usages, c.Keys[0].Scope = trust.PretixUsage|trust.BCBPUsage|trust.StampUsage, "demo"
	p := c.Keys[0].Public
	c.Acceptance = append(c.Acceptance, trust.Acceptance{Country: "*", Usages: trust.AllUsages, From: 3})
	c.Authorities = []bundle.Authority{
		{Source: "csca", Authority: trust.Authority{
			Country: "AU", SKI: []byte{0xab, 1}, Public: p, Algorithms: p.Algorithms(), NotBefore: 1, NotAfter: 2, Revoked: [][]byte{{1, 2}, {3}}, RevokedUntil: 7,
		}},
		{Authority: trust.Authority{Country: "JP", SKI: []byte{1}, Public: p, Algorithms: p.Algorithms(), NotBefore: 1, NotAfter: 2, Disabled: true}},
	}
	c.Carriers = []trust.Carrier{{Code: "AT"}, {Code: "LH", Signs: true}}
	c.Delegates = []trust.Delegate{{
		ID: bundle.DelegateID(&p), Name: "box office", Public: p, Algorithms: p.Algorithms(), Kinds: trust.FeedKindsOf(trust.FeedCodes, trust.FeedDeny),
		Scope: "*", NotBefore: 1, NotAfter: 2, Disabled: true,
	}}
	return c
}

func TestRowsOfAKeySetAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	want := venueContent(t)
	file := keySetFile(t, want)
	got, err := ParseKeySet([]byte(file))
	if err != nil {
		t.Fatalf("%v\n%s", err, file)
	}
	want.Sort()
	entries := cmp.Transformer("text", func(l []trust.RevocationHash) string { return fmt.Sprint(l) })
	if diff := cmp.Diff(want, got, compareKeys, entries); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
	for _, line := range []string{"usages = ['stamp', 'pretix:demo', 'bcbp:demo']", "ski = 'ab01'", "code = 'AT'", "signs = false", "kinds = ['codes', 'deny']", "'0102'", "revoked_until = 1970-01-01T00:00:07Z"} {
		if !strings.Contains(file, line) {
			t.Errorf("no line %q in\n%s", line, file)
		}
	}
	for _, tt := range []struct{ name, old, with, says string }{
		{"a misprinted usage", "pretix:demo", "pretx:demo", "pretx"},
		{"a usage without its scope", "'pretix:demo'", "'pretix'", "unknown usage"},
		{"two scopes", "bcbp:demo", "bcbp:LH", "two entries"},
		{"a misprinted kind", "'deny'", "'denied'", "denied"},
		{"a carrier without a word", "signs = false", "", "carrier 1"},
		{"a carrier that is none", "code = 'AT'", "code = 'at'", "carrier 1"},
		{"a carrier that may sign", "signs = false", "signs = 'perhaps'", "signs"},
		{"an identifier that is none", "ski = 'ab01'", "ski = 'xx'", "hexadecimal"},
		{"no identifier", "ski = 'ab01'", "", "authority 1"},
		{"a serial number that is none", "'0102'", "'0'", "hexadecimal"},
		{"a time without a zone", "00:00:07Z", "00:00:07", "authority 1: revoked_until"},
		{"no scope", "scope = '*'", "", "delegate 1"},
		{"another id", "[[delegate]]\nid = '", "[[delegate]]\nid = '0000000000000000' #", "delegate 1"},
		{"a wrong field", "[[carrier]]", "[[carier]]", "carier"},
	} {
		if !strings.Contains(file, tt.old) {
			t.Fatalf("%s: %q is not in\n%s", tt.name, tt.old, file)
		}
		if _, err := ParseKeySet([]byte(strings.Replace(file, tt.old, tt.with, 1))); !errors.Is(err, ErrSource) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.says)
		}
	}
}

func TestKeySetsAreMergedRowByRow(t *testing.T) {
	t.Parallel()
	first := venueContent(t)
	second := first
	second.Authorities, second.Delegates, second.Carriers = slices.Clone(first.Authorities), slices.Clone(first.Delegates), slices.Clone(first.Carriers)
	second.Authorities[0].Revoked, second.Authorities[0].RevokedUntil, second.Authorities[0].Source = [][]byte{{3}, {4}}, 9, "another"
	got, err := Merge(first, second)
	if err != nil || len(got.Authorities) != 2 || len(got.Carriers) != 2 || len(got.Delegates) != 1 || len(got.Keys) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if a := got.Authorities[0]; len(a.Revoked) != 3 || a.RevokedUntil != 9 || a.Source != "csca" || !a.HasRevoked([]byte{4}) {
		t.Errorf("authority %+v", a)
	}
	if len(first.Authorities[0].Revoked) != 2 {
		t.Error("a set that was merged is changed")
	}
	for name, change := range map[string]func(c *bundle.Content){
		"an authority's country": func(c *bundle.Content) { c.Authorities[0].Country = "NZ" },
		"an authority's end":     func(c *bundle.Content) { c.Authorities[0].NotAfter++ },
		"a carrier":              func(c *bundle.Content) { c.Carriers[0].Signs = true },
		"a delegate's kinds":     func(c *bundle.Content) { c.Delegates[0].Kinds = trust.FeedKindsOf(trust.FeedPretix) },
	} {
		other := venueContentOf(first)
		change(&other)
		if _, err := Merge(first, other); !errors.Is(err, ErrSource) {
			t.Errorf("%s: %v, want %v", name, err, ErrSource)
		}
	}
	other := venueContentOf(first)
	other.Keys[0].Scope = "demo2"
	if got, err := Merge(first, other); err != nil || len(got.Keys) != 3 {
		t.Errorf("a key for another event: %d keys, %v", len(got.Keys), err)
	}
}

func venueContentOf(c bundle.Content) bundle.Content {
	c.Keys, c.Authorities, c.Delegates, c.Carriers = slices.Clone(c.Keys), slices.Clone(c.Authorities), slices.Clone(c.Delegates), slices.Clone(c.Carriers)
	return c
}

func keySetFile(t testing.TB, c bundle.Content) string {
	t.Helper()
	var out bytes.Buffer
	if err := WriteKeySet(&out, c); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestKeySetIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	want := fullContent(t)
	file := keySetFile(t, want)
	got, err := ParseKeySet([]byte(file))
	if err != nil {
		t.Fatalf("%v\n%s", err, file)
	}
	want.Sort()
	entries := cmp.Transformer("text", func(l []trust.RevocationHash) string { return fmt.Sprint(l) })
	if diff := cmp.Diff(want, got, compareKeys, entries); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
	other := fullContent(t)
	other.Keys = slices.Clone(want.Keys)
	slices.Reverse(other.Keys)
	slices.Reverse(other.Acceptance)
	if again := keySetFile(t, other); again != file {
		t.Errorf("in another order, another file:\n%s", cmp.Diff(file, again))
	}
}

func TestKeySetIsStrictAndNamesTheLine(t *testing.T) {
	t.Parallel()
	file := keySetFile(t, fullContent(t))
	lineOf := func(text string) int {
		i := strings.Index(file, text)
		if i < 0 {
			t.Fatalf("%q is not in the file:\n%s", text, file)
		}
		return 1 + strings.Count(file[:i], "\n")
	}
	tests := []struct {
		name, old, with string
		line            bool // the error names the line of old
		says            string
	}{
		{"an unknown key", "country =", "contry =", true, "contry"},
		{"an unknown table", "[[disabled]]", "[[disbaled]]", true, "disbaled"},
		{"a misprinted usage", "hcert:test", "hcert:tset", true, "hcert:tset"},
		{"a misprinted algorithm", "ES256", "ES265", true, "ES265"},
		{"a misprinted state", "'disabled'", "'off'", true, "off"},
		{"a short id", "'ff00000000000000'", "'ff'", true, "ff"},
		{"a short hash", "03000000000000000000000000000000", "03", true, "32 hexadecimal"},
		{"a misprinted kind", "'countrycode-uci'", "'countrycodeuci'", true, "countrycodeuci"},
		{"a key that is none", "public = 'MFkw", "public = 'MFkx", true, "public"},
		{"not base64", "public = 'MFkw", "public = '*FkW", true, "public"},
		{"no id", "id = 'ff00000000000000'", "", false, "key 1: no id"},
		{"no state", "state = 'disabled'", "", false, "key 1: no id or no state"},
		{"no usages", "usages = ['hcert:test']\nalgorithms", "algorithms", false, "no usage"},
		{"no algorithms", "algorithms = ['ES256']", "", false, "no algorithm"},
		{"no public key", "public = 'MH", "# ", false, "no public key"},
		{"no validity", "not_before = 1969-12-31T00:00:00Z", "", false, "no not_before"},
		{"a time without a zone", "1969-12-31T00:00:00Z", "1969-12-31T00:00:00", false, "zone"},
		{"a time without a clock", "1969-12-31T00:00:00Z", "1969-12-31", false, "zone"},
		{"a fraction of a second", "1969-12-31T00:00:00Z", "1969-12-31T00:00:00.5Z", false, "fraction"},
		{"a number for a time", "1969-12-31T00:00:00Z", "1969", false, "1969"},
		{"the year 1899", "1969-12-31T00:00:00Z", "1899-12-31T23:59:59Z", false, "1900"},
		{"the year 10000 by its zone", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00", false, "9999"},
		{"a small country", "country = 'MA'", "country = 'ma'", false, "ma"},
		{"no fingerprint", "fingerprint = '05", "#", false, "disabled 2"},
		{"no beginning of acceptance", "from = 1970-01-01T00:00:01Z", "", false, "acceptance 1: no from"},
		{"an end without a zone", "until = 1970-01-01T00:00:02Z", "until = 1970-01-01", false, "acceptance 2: until"},
		{"no kind", "kind = 'uci'", "", false, "revocation 1: no kind"},
		{"no end of revocations", "expires = 1970-01-01T00:00:09Z", "", false, "revocation 1: no expires"},
		{"a key twice", "country = 'MA'", "country = 'MA'\ncountry = 'DE'", false, "country"},
		{"not TOML", "[[key]]", "[[key", true, "line"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			line := lineOf(tt.old)
			c, err := ParseKeySet([]byte(strings.Replace(file, tt.old, tt.with, 1)))
			if !errors.Is(err, ErrSource) || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("got %v, want %v that says %q", err, ErrSource, tt.says)
			}
			if want := fmt.Sprintf("line %d: ", line); tt.line && !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
			if len(c.Keys) != 0 {
				t.Error("keys beside an error")
			}
		})
	}
	if _, err := ParseKeySet(make([]byte, MaxInput+1)); !errors.Is(err, ErrSource) || !strings.Contains(err.Error(), "at most") {
		t.Errorf("%d bytes: %v", MaxInput+1, err)
	}
	for _, n := range []int{MaxCertificate, MaxCertificate + 1} {
		long := fmt.Sprintf("[[key]]\npublic = '%s'\n", base64.StdEncoding.EncodeToString(make([]byte, n)))
		if _, err := ParseKeySet([]byte(long)); !errors.Is(err, ErrSource) || strings.Contains(err.Error(), "at most") != (n > MaxCertificate) {
			t.Errorf("a public key of %d bytes: %v", n, err)
		}
	}
	if _, err := ParseKeySet(bytes.Repeat([]byte("\n"), MaxInput)); err != nil {
		t.Errorf("%d bytes: %v", MaxInput, err)
	}
}

func TestWriteKeySetSaysWhenItCannot(t *testing.T) {
	t.Parallel()
	for _, room := range []int{0, 100} {
		if err := WriteKeySet(&failing{room}, fullContent(t)); err == nil {
			t.Errorf("no error from a writer that takes %d bytes", room)
		}
	}
	if err := WriteKeySet(&bytes.Buffer{}, bundle.Content{Keys: []bundle.Entry{{}}}); err == nil {
		t.Error("no error for a key that is none")
	}
	if err := WriteKeySet(&bytes.Buffer{}, bundle.Content{Revoked: []trust.Revocation{{Kind: 9}}}); err == nil {
		t.Error("no error for a kind of revocation that is none")
	}
}

func TestMergePutsKeySetsTogether(t *testing.T) {
	t.Parallel()
	base := fullContent(t)
	other := bundle.Content{
		Keys:       []bundle.Entry{base.Keys[0]},
		Disabled:   []bundle.Disabled{{Fingerprint: [32]byte{5}, Reason: "again"}, {Fingerprint: [32]byte{6}}},
		Acceptance: []trust.Acceptance{base.Acceptance[0], {Country: "FR", Usages: trust.HCERTTest, From: 1}},
		Revoked: []trust.Revocation{
			{Country: "DE", Kind: trust.RevokedSignature, Expires: 8, Entries: []trust.RevocationHash{{2}, {4}}},
			{Country: "FR", Kind: trust.RevokedUCI, Expires: 7, Entries: []trust.RevocationHash{{1}}},
		},
	}
	other.Keys[0].Source = "elsewhere"
	got, err := Merge(base, other)
	if err != nil {
		t.Fatal(err)
	}
	want := base
	want.Keys = slices.Clone(base.Keys)
	want.Disabled = append(slices.Clone(base.Disabled), bundle.Disabled{Fingerprint: [32]byte{6}})
	want.Acceptance = append(slices.Clone(base.Acceptance), other.Acceptance[1])
	want.Revoked = append(slices.Clone(base.Revoked), other.Revoked[1])
	for i := range want.Revoked {
		if want.Revoked[i].Country == "DE" && want.Revoked[i].Kind == trust.RevokedSignature {
			want.Revoked[i] = trust.Revocation{Country: "DE", Kind: trust.RevokedSignature, Expires: 8, Entries: []trust.RevocationHash{{1}, {2}, {4}}}
		}
	}
	want.Sort()
	entries := cmp.Transformer("text", func(l []trust.RevocationHash) string { return fmt.Sprint(l) })
	if diff := cmp.Diff(want, got, compareKeys, entries); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, change := range map[string]func(*bundle.Entry){
		"country": func(e *bundle.Entry) { e.Country = "FR" }, "usages": func(e *bundle.Entry) { e.Usages = trust.HCERTTest },
		"state": func(e *bundle.Entry) { e.Disabled = true }, "end": func(e *bundle.Entry) { e.NotAfter++ },
		"beginning": func(e *bundle.Entry) { e.NotBefore-- }, "algorithms": func(e *bundle.Entry) { e.Algorithms = nil },
	} {
		differs := base.Keys[0]
		change(&differs)
		if _, err := Merge(base, bundle.Content{Keys: []bundle.Entry{differs}}); !errors.Is(err, ErrSource) {
			t.Errorf("another %s: %v, want %v", name, err, ErrSource)
		}
	}
}
