package testdata_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// columns of names/pairs.tsv, as names/README.md describes them.
const columns = "id\tdifference\tleft_source\tleft_family\tleft_given\tleft_birth\tright_source\tright_family\tright_given\tright_birth\tsame\tnote"

const (
	pairs   = 200
	perKind = 15 // at least
	hard    = 80 // pairs of two persons, at least
)

var differences = []string{
	"accents", "arabic", "truncation", "titles", "middle", "surnames", "particles", "fillers", "swapped", "different",
}

// form is what a source can hold.
type form struct {
	name  *regexp.Regexp // of the family and of the given name, where it is not empty
	birth *regexp.Regexp
	sep   int // characters between family and given
	width int // of the whole name field, 0 for no limit
}

var (
	anyName  = regexp.MustCompile(`^[^<\t]+$`)
	mrzName  = regexp.MustCompile(`^[A-Z]+(<[A-Z]+)*$`)
	passName = regexp.MustCompile(`^[A-Z]+( [A-Z]+)*$`)
	day      = regexp.MustCompile(`^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`)
	partial  = regexp.MustCompile(`^(19|20)[0-9]{2}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$`)
	mrzDay   = regexp.MustCompile(`^[0-9]{2}((0[1-9]|1[0-2])|<<)((0[1-9]|[12][0-9]|3[01])|<<)$`)
	nothing  = regexp.MustCompile(`^$`)
)

var forms = map[string]form{
	"hcert":      {name: anyName, birth: partial},
	"hcert-icao": {name: mrzName, birth: partial},
	"ticket":     {name: anyName, birth: day},
	"td1":        {name: mrzName, birth: mrzDay, sep: len("<<"), width: 30},
	"td2":        {name: mrzName, birth: mrzDay, sep: len("<<"), width: 31},
	"td3":        {name: mrzName, birth: mrzDay, sep: len("<<"), width: 39},
	"bcbp":       {name: passName, birth: nothing, sep: len("/"), width: 20},
}

func TestPairsOfNamesHaveTheShapeThatIsPromised(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("names", "pairs.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	text, ended := strings.CutSuffix(string(raw), "\n")
	if !utf8.Valid(raw) || !ended || strings.Contains(text, "\r") {
		t.Fatal("not UTF-8 whose lines end with LF")
	}
	lines := strings.Split(text, "\n")
	if lines[0] != columns {
		t.Fatalf("header\n got %q\nwant %q", lines[0], columns)
	}
	if got := len(lines) - 1; got != pairs {
		t.Errorf("got %d pairs, want %d", got, pairs)
	}
	total, answers, seen, two := map[string]int{}, map[string]int{}, map[string]bool{}, 0
	for _, line := range lines[1:] {
		f := strings.Split(line, "\t")
		if len(f) != strings.Count(columns, "\t")+1 {
			t.Errorf("%q has %d columns", line, len(f))
			continue
		}
		id, kind, same, note := f[0], f[1], f[10], f[11]
		content := strings.Join(f[2:10], "\t")
		if seen[id] || seen[content] || !strings.HasPrefix(id, kind+"-") {
			t.Errorf("%s: not a name of its own, or the same pair again", id)
		}
		seen[id], seen[content] = true, true
		if same != "yes" && same != "no" || note == "" {
			t.Errorf("%s: same is %q, note is %q", id, same, note)
		}
		if same == "no" {
			two++
		}
		total[kind]++
		answers[kind+" "+same]++
		checkSide(t, id+" left", f[2:6])
		checkSide(t, id+" right", f[6:10])
	}
	if two < hard {
		t.Errorf("got %d pairs of two persons, want at least %d", two, hard)
	}
	if len(total) != len(differences) {
		t.Errorf("got %d kinds of difference, want %d", len(total), len(differences))
	}
	for _, kind := range differences {
		if total[kind] < perKind {
			t.Errorf("%s: got %d pairs, want at least %d", kind, total[kind], perKind)
		}
		if kind == "different" && answers["different yes"] != 0 || kind != "different" && (answers[kind+" yes"] == 0 || answers[kind+" no"] == 0) {
			t.Errorf("%s: got %d yes and %d no", kind, answers[kind+" yes"], answers[kind+" no"])
		}
	}
}

// checkSide holds source, family, given and birth to the source's form.
func checkSide(t *testing.T, id string, f []string) {
	t.Helper()
	source, family, given, birth := f[0], f[1], f[2], f[3]
	form, known := forms[source]
	if !known {
		t.Errorf("%s: unknown source %q", id, source)
		return
	}
	width := len(family)
	if given != "" {
		width += form.sep + len(given)
	}
	if width == 0 || form.width > 0 && width > form.width {
		t.Errorf("%s: %d characters in a field of %d", id, width, form.width)
	}
	for _, name := range []string{family, given} {
		if name != "" && !form.name.MatchString(name) {
			t.Errorf("%s: %q is no name of %s", id, name, source)
		}
	}
	if family == "" && source != "hcert" && source != "ticket" {
		t.Errorf("%s: no family in %s", id, source)
	}
	if !form.birth.MatchString(birth) {
		t.Errorf("%s: %q is no birth of %s", id, birth, source)
	}
}

func TestArabicPairsAreInArabicScript(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("names", "pairs.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if f := strings.Split(line, "\t"); f[1] == "arabic" && !strings.ContainsFunc(line, func(r rune) bool { return unicode.Is(unicode.Arabic, r) }) {
			t.Errorf("%s has no Arabic letter", f[0])
		}
	}
}
