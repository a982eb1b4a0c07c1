package claim169_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"

	"passerelle/gateway/credential/claim169"
)

type m = map[any]any

// photo is what must never be kept.
var photo = bytes.Repeat([]byte{0xff, 0xd8, 0xff}, 40)

// claims returns the CBOR of an identity code's claims, changed by edit.
func claims(t testing.TB, edit func(all, person m)) []byte {
	t.Helper()
	person := m{
		1: "ID-1", 2: "1.2", 3: "fra", 4: "Fatima Zahra Alaoui", 5: "Fatima", 6: "Zahra", 7: "Alaoui", 8: "19860314", 9: 2,
		10: "1, rue X\nRabat", 11: "f@example.org", 12: "+212 5 00", 13: "MAR", 14: 1, 15: "G-1", 16: photo, 17: 1, 18: []int{1, 6},
		19: "فاطمة الزهراء العلوي", 20: "ara", 21: "MA-RAB", 22: "citizen", 23: "MAR",
		50: []any{m{0: photo, 1: 0, 2: 1}}, 62: []any{m{0: photo}, m{0: photo, 3: "V"}}, 75: "unassigned",
	}
	all := m{1: "https://id.example", 2: "ID-1", 4: 2000, 5: 900, 6: 1000, 169: person}
	if edit != nil {
		edit(all, person)
	}
	b, err := cbor.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAPersonIsReadWithoutPictures(t *testing.T) {
	t.Parallel()
	var got claim169.Person
	if err := got.Parse(claims(t, nil)); err != nil {
		t.Fatal(err)
	}
	want := claim169.Person{
		Issuer: []byte("https://id.example"), Subject: []byte("ID-1"), Expires: 2000, NotBefore: 900, IssuedAt: 1000,
		ID: []byte("ID-1"), Version: []byte("1.2"), Language: []byte("fra"), FullName: []byte("Fatima Zahra Alaoui"), FirstName: []byte("Fatima"),
		MiddleName: []byte("Zahra"), LastName: []byte("Alaoui"), Birth: []byte("19860314"), Gender: claim169.Female, Address: []byte("1, rue X\nRabat"),
		Email: []byte("f@example.org"), Phone: []byte("+212 5 00"), Nationality: []byte("MAR"), MaritalStatus: 1, Guardian: []byte("G-1"),
		SecondName: []byte("فاطمة الزهراء العلوي"), SecondLanguage: []byte("ara"), Location: []byte("MA-RAB"), LegalStatus: []byte("citizen"),
		IssuedIn: []byte("MAR"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWhatIsAbsentIsEmpty(t *testing.T) {
	t.Parallel()
	got := claim169.Person{ID: []byte("of the one before"), Expires: 7}
	if err := got.Parse([]byte{0xa1, 0x18, 169, 0xa0}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(claim169.Person{}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The rows say how claims are changed and what becomes of them.
func TestWhatIsToleratedAndWhatIsNot(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		edit func(all, person m)
		want error
	}{
		{"fractional times", func(all, _ m) { all[4], all[6] = 2000.5, 1000.25 }, nil},
		{"further claims", func(all, _ m) { all[8], all["x"], all[-260] = m{3: []byte{1}}, nil, m{} }, nil},
		{"no iss", func(all, _ m) { delete(all, 1) }, nil},
		{"no exp", func(all, _ m) { delete(all, 4) }, nil},
		{"attributes with other labels", func(_, p m) { p["x"], p[-1], p[99] = 1, 2, true }, nil},
		{"a photograph that is text", func(_, p m) { p[16] = "FFD8" }, nil},
		{"a gender that the draft does not know", func(_, p m) { p[9] = 255 }, nil},
		{"a text at its limit", func(_, p m) { p[4] = strings.Repeat("x", claim169.MaxText) }, nil},
		{"a text over it", func(_, p m) { p[4] = strings.Repeat("x", claim169.MaxText+1) }, claim169.ErrLimit},
		{"iss at its limit", func(all, _ m) { all[1] = strings.Repeat("x", claim169.MaxText) }, nil},
		{"iss over it", func(all, _ m) { all[1] = strings.Repeat("x", claim169.MaxText+1) }, claim169.ErrLimit},
		{"a gender over a byte", func(_, p m) { p[9] = 256 }, claim169.ErrLimit},
		{"a gender below nothing", func(_, p m) { p[9] = -1 }, claim169.ErrLimit},
		{"a gender that is text", func(_, p m) { p[9] = "F" }, claim169.ErrMalformed},
		{"a name that is bytes", func(_, p m) { p[4] = []byte("x") }, claim169.ErrMalformed},
		{"a name that is null", func(_, p m) { p[4] = nil }, claim169.ErrMalformed},
		{"a birth date that is a number", func(_, p m) { p[8] = 19860314 }, claim169.ErrMalformed},
		{"exp that is NaN", func(all, _ m) { all[4] = math.NaN() }, claim169.ErrMalformed},
		{"exp after the year 9999", func(all, _ m) { all[4] = 253402300800 }, claim169.ErrMalformed},
		{"exp that is null", func(all, _ m) { all[4] = nil }, claim169.ErrMalformed},
		{"no claim 169", func(all, _ m) { delete(all, 169) }, claim169.ErrMissing},
		{"claim 169 is text", func(all, _ m) { all[169] = "x" }, claim169.ErrMalformed},
		{"claim 169 is null", func(all, _ m) { all[169] = nil }, claim169.ErrMalformed},
	} {
		var p claim169.Person
		err := p.Parse(claims(t, tt.edit))
		if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) || err != nil && !errors.Is(err, claim169.ErrMalformed) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestWhatStandsTwiceIsRefused(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string][]byte{
		"claim 169":          {0xa2, 0x18, 169, 0xa0, 0x18, 169, 0xa0},
		"exp":                {0xa3, 0x18, 169, 0xa0, 4, 1, 4, 2},
		"a name":             {0xa1, 0x18, 169, 0xa2, 4, 0x61, 'a', 4, 0x61, 'b'},
		"a biometric":        {0xa1, 0x18, 169, 0xa2, 0x18, 62, 0x80, 0x18, 62, 0x80},
		"within a biometric": {0xa1, 0x18, 169, 0xa1, 0x18, 62, 0x81, 0xa2, 0, 0x40, 0, 0x40},
	} {
		var p claim169.Person
		if err := p.Parse(payload); !errors.Is(err, claim169.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryCutIsMalformed(t *testing.T) {
	t.Parallel()
	whole := claims(t, nil)
	for n := range whole {
		var p claim169.Person
		if err := p.Parse(bytes.Clone(whole[:n])); !errors.Is(err, claim169.ErrMalformed) {
			t.Errorf("the first %d of %d bytes: %v", n, len(whole), err)
		}
	}
	var p claim169.Person
	if err := p.Parse(append(bytes.Clone(whole), 0)); !errors.Is(err, claim169.ErrMalformed) {
		t.Errorf("a byte too many: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(claims(f, nil))
	f.Add(claims(f, func(all, p m) { delete(all, 4); delete(p, 62); all[6] = 1.5 }))
	f.Add([]byte{0xbf, 0x18, 169, 0xbf, 4, 0x7f, 0x61, 'M', 0x61, 'A', 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, payload []byte) {
		var first, second claim169.Person
		err := first.Parse(bytes.Clone(payload))
		if err != nil && !errors.Is(err, claim169.ErrMalformed) {
			t.Fatalf("error %v", err)
		}
		if again := second.Parse(bytes.Clone(payload)); (again == nil) != (err == nil) {
			t.Fatalf("%v, then %v", err, again)
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatal(diff)
		}
		if first.Expires < 0 || first.IssuedAt < 0 || len(first.FullName) > claim169.MaxText || len(first.Address) > claim169.MaxText {
			t.Fatalf("accepted %+v", first)
		}
	})
}
