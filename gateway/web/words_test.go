package web

import (
	"encoding/json"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"passerelle/gateway/policy"
)

// speech is one language of words.json.
type speech struct {
	Dir, Button, Name                                   string
	Outcome, View, Page, Deed, Why, Role, Claim, Reason map[string]string
}

func (s speech) sections() map[string]map[string]string {
	return map[string]map[string]string{"outcome": s.Outcome, "view": s.View, "page": s.Page, "deed": s.Deed, "why": s.Why, "role": s.Role, "claim": s.Claim, "reason": s.Reason}
}

func words(t testing.TB) map[string]speech {
	t.Helper()
	text, err := files.ReadFile("page/words.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]speech
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEachReasonHasOneShortInstructionInEachLanguage(t *testing.T) {
	t.Parallel()
	const longest = 90 // characters: three lines on the smallest screen
	all := words(t)
	if got := slices.Sorted(maps.Keys(all)); !slices.Equal(got, slices.Sorted(slices.Values(languages))) {
		t.Fatalf("languages: got %q, want %q", got, languages)
	}
	for name, l := range all {
		for r := policy.Reason(0); r < policy.NumReasons; r++ {
			text := l.Reason[r.String()]
			if n := utf8.RuneCountInString(text); n == 0 || n > longest {
				t.Errorf("%s: %v: %q has %d characters, want 1 to %d", name, r, text, n, longest)
			}
		}
		for _, claim := range policy.ClaimNames() {
			if l.Claim[claim] == "" {
				t.Errorf("%s: nothing to call the claim %s", name, claim)
			}
		}
		if len(l.Claim) != len(policy.ClaimNames()) {
			t.Errorf("%s: %d claims, there are %d", name, len(l.Claim), len(policy.ClaimNames()))
		}
		if len(l.Reason) != int(policy.NumReasons) {
			t.Errorf("%s: %d reasons, there are %d", name, len(l.Reason), policy.NumReasons)
		}
		for o, outcome := range map[policy.Outcome]string{policy.Admit: "admit", policy.Refer: "refer", policy.Deny: "deny"} {
			if o.String() != outcome || l.Outcome[outcome] == "" {
				t.Errorf("%s: no word for %v", name, o)
			}
		}
		if l.Dir != direction(name) {
			t.Errorf("%s: direction %q, the server says %q", name, l.Dir, direction(name))
		}
	}
}

// accusing are words that no one is to be told at a gate: a code that was used or belongs elsewhere is genuine, and what
// is not, the machine cannot know the reason for.
var accusing = regexp.MustCompile(`(?i)\b(fakes?|forge|counterfeit|fraud|false|invalid ticket|faux|fausse|falsifi|contrefa|fraude|truqu)|مزور|مزيف|زائف|تزوير|احتيال|غش`)

func TestNoReasonAccuses(t *testing.T) {
	t.Parallel()
	for name, l := range words(t) {
		for r, text := range l.Reason {
			if found := accusing.FindString(text); found != "" {
				t.Errorf("%s: %s: %q says %q", name, r, text, found)
			}
		}
	}
	for _, text := range []string{"This is fake.", "Code faux.", "رمز مزور"} {
		if !accusing.MatchString(text) {
			t.Errorf("the pattern misses %q", text)
		}
	}
}

var placeholder = regexp.MustCompile(`\{\w+\}`)

func TestLanguagesSayTheSame(t *testing.T) {
	t.Parallel()
	all := words(t)
	for name, l := range all {
		for section, english := range all["en"].sections() {
			texts := l.sections()[section]
			if got, want := slices.Sorted(maps.Keys(texts)), slices.Sorted(maps.Keys(english)); !slices.Equal(got, want) {
				t.Errorf("%s: %s has %q, want %q", name, section, got, want)
			}
			for key, text := range texts {
				got, want := placeholder.FindAllString(text, -1), placeholder.FindAllString(english[key], -1)
				slices.Sort(got)
				slices.Sort(want)
				if text == "" || !slices.Equal(got, want) {
					t.Errorf("%s: %s.%s: %q, English is %q", name, section, key, text, english[key])
				}
			}
		}
	}
}

func TestArabicIsWrittenInArabic(t *testing.T) {
	t.Parallel()
	for section, texts := range words(t)["ar"].sections() {
		for key, text := range texts {
			for _, r := range placeholder.ReplaceAllString(text, "") {
				if unicode.IsLetter(r) && !unicode.Is(unicode.Arabic, r) {
					t.Errorf("%s.%s: %q has the letter %q", section, key, text, r)
					break
				}
			}
		}
	}
}

// used finds the keys that the page asks for by name.
var used = regexp.MustCompile(`say\('(\w+)', '(\w+)'|data-say="(\w+)"|return '(entry_\w+)'|'(no_\w+)'`)

func TestPageAsksForNothingThatIsNotThere(t *testing.T) {
	t.Parallel()
	english := words(t)["en"].sections()
	asked := 0
	err := fs.WalkDir(files, "page", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".json") {
			return err
		}
		text, err := files.ReadFile(path)
		for _, m := range used.FindAllStringSubmatch(string(text), -1) {
			section, key := "page", m[3]+m[4]+m[5]
			if m[1] != "" {
				section, key = m[1], m[2]
			}
			asked++
			if english[section][key] == "" {
				t.Errorf("%s asks for %s.%s", path, section, key)
			}
		}
		return err
	})
	if err != nil || asked < 20 {
		t.Errorf("%d keys found, %v", asked, err)
	}
}

func TestPageHasNoMarkupFromText(t *testing.T) {
	t.Parallel()
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setTimeout\('|localStorage|sessionStorage|indexedDB|document\.cookie|style="|<script>|<style|\son\w+="`)
	err := fs.WalkDir(files, "page", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := files.ReadFile(path)
		if found := forbidden.FindString(string(text)); found != "" {
			t.Errorf("%s has %q", path, found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
