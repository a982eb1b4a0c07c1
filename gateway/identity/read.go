package identity

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// readings returns how the Person's name may be read; none if there is no name.
func (p *Person) readings() []reading {
	var all []reading
	add := func(family, given []word, cutGiven bool) {
		if len(family)+len(given) == 0 {
			return
		}
		names, gap := p.field.between()
		all = append(all, reading{
			family: family, given: given, cutFamily: p.cut, cutGiven: p.cut && cutGiven, width: p.field.width(), between: names, gap: gap,
		})
	}
	if p.icaoFamily.n+p.icaoGiven.n > 0 {
		add(plainWords(p.icaoFamily.get()), plainWords(p.icaoGiven.get()), true)
	}
	if p.field != written {
		family := plainWords(p.family.get())
		given := plainWords(p.given.get())
		for i, given := range untitled(given, p.field == pass20) {
			add(family, given, i == 0)
		}
		if p.field == pass20 && p.cut {
			for _, given := range cutTitles(given) {
				add(family, given, false)
				all[len(all)-1].guess = true
			}
		}
		return all
	}
	family, given := string(p.family.get()), string(p.given.get())
	for _, s := range spellings {
		f, known := s.words(family)
		g, knownToo := s.words(given)
		if !known || !knownToo {
			continue // half a name is another one
		}
		before := len(all)
		add(f, withoutTitles(g), true)
		if len(all) > before && p.icaoFamily.n+p.icaoGiven.n > 0 && slices.ContainsFunc(append(f, g...), isArabic) {
			all[before].guess = true // the document itself says which vowels there are: OMAR is not AMAR, though both are written عمر
		}
	}
	return all
}

func isArabic(w word) bool { return w.arabic != nil }

// plainWords splits letters that are A to Z already; anything but a letter ends a word.
func plainWords(b []byte) []word {
	var words []word
	for _, w := range strings.FieldsFunc(strings.ToUpper(string(b)), func(r rune) bool { return r < 'A' || r > 'Z' }) {
		words = appendWord(words, word{letters: w})
	}
	return words
}

// appendWord leaves out what stands for a name that is not known, and writes the article in one way.
func appendWord(words []word, w word) []word {
	switch w.letters {
	case "FNU", "LNU", "XXX": // first, last name unknown
		return words
	case "AL":
		w.letters, w.article = "EL", true
	}
	return append(words, w)
}

// untitled returns the readings of given names with a title behind them, the plain one first: AMR may be a name, JOHNMR is none. Titles
// are written as words, or glued to the last one.
func untitled(given []word, glued bool) [][]word {
	given = withoutTitles(given)
	all := [][]word{given}
	if !glued {
		return all
	}
	for len(given) > 0 && len(all) <= maxTitles {
		last := given[len(given)-1].letters
		i := slices.IndexFunc(titles, func(t string) bool { return len(t) < len(last) && strings.HasSuffix(last, t) })
		if i < 0 {
			break
		}
		given = append(slices.Clone(given[:len(given)-1]), word{letters: strings.TrimSuffix(last, titles[i])})
		all = append(all, given)
	}
	return all
}

// cutTitles returns the readings of given names whose last letters are the beginning of a title that was cut: SOERENM of a woman whose
// name fills the field, or MARIAM, who is another one than MARIA.
func cutTitles(given []word) (all [][]word) {
	if len(given) == 0 {
		return nil
	}
	last := given[len(given)-1].letters
	for n := 1; n < len(titles[0]) && n < len(last); n++ {
		end := last[len(last)-n:]
		if slices.ContainsFunc(titles, func(t string) bool { return len(t) > n && strings.HasPrefix(t, end) }) {
			all = append(all, append(slices.Clone(given[:len(given)-1]), word{letters: last[:len(last)-n]}))
		}
	}
	return all
}

// maxTitles are glued to one name.
const maxTitles = 2

// titles as boarding passes and tickets have them, longest first.
var titles = []string{"MSTR", "MISS", "PROF", "MRS", "CHD", "INF", "MME", "MLLE", "MR", "MS", "DR"}

func withoutTitles(given []word) []word {
	return slices.DeleteFunc(slices.Clone(given), func(w word) bool { return w.arabic == nil && slices.Contains(titles, w.letters) })
}

// spelling of letters that ICAO Doc 9303 (part 3, section 6.A) leaves a choice for.
type convention struct {
	letters map[rune]string // before the table that all share
}

// spellings are the ways in which a state writes all of a name.
var spellings = []convention{
	{map[rune]string{'Ä': "AE", 'Å': "AA", 'Æ': "AE", 'Ö': "OE", 'Ø': "OE", 'Ü': "UE", 'Ĳ': "IJ", 'Œ': "OE"}},
	{nil},
	{map[rune]string{'Ñ': "NXX", 'Ü': "UXX", 'Å': "AA", 'Ö': "OE", 'Ä': "AE"}},
}

// words splits a name as its bearer writes it. It is not known if it has a letter that no table has: two people's names must never become
// one in silence.
func (c *convention) words(name string) (words []word, known bool) {
	for _, text := range strings.FieldsFunc(norm.NFC.String(name), isSeparator) {
		if text = strings.Map(dropSilent, text); text == "" {
			continue
		}
		w, ok := c.word(text)
		if !ok {
			return nil, false
		}
		words = appendWord(words, w)
	}
	return words, true
}

func isSeparator(r rune) bool {
	return unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || r == ',' || r == '<' || r == '/' || r == '\u00ad'
}

// dropSilent leaves out full stops and apostrophes.
func dropSilent(r rune) rune {
	if strings.ContainsRune(".'`\u2018\u2019\u02bc\u02bb\u00b4", r) {
		return -1
	}
	return r
}

func (c *convention) word(text string) (word, bool) {
	if r, _ := utf8.DecodeRuneInString(text); unicode.Is(unicode.Arabic, r) {
		s := sounds(text)
		return word{arabic: s}, s != nil
	}
	var b strings.Builder
	for _, r := range strings.ReplaceAll(strings.ToUpper(withoutAccents(text)), "ΟΥ", "OU") {
		if unicode.Is(unicode.Mn, r) {
			continue
		}
		letters, ok := c.letters[r]
		if !ok {
			letters, ok = national[r]
		}
		if !ok {
			base, _ := utf8.DecodeRuneInString(norm.NFD.String(string(r)))
			if letters, ok = national[base]; !ok {
				if base < 'A' || base > 'Z' {
					return word{}, false
				}
				letters = string(base)
			}
		}
		b.WriteString(letters)
	}
	return word{letters: b.String()}, true
}

// withoutAccents takes the marks off Greek letters, which never change what they are in Latin ones.
func withoutAccents(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.Is(unicode.Greek, r) {
			return r
		}
		base, _ := utf8.DecodeRuneInString(norm.NFD.String(string(r)))
		return base
	}, text)
}

// national holds the letters of ICAO Doc 9303, part 3, section 6, that do not become their base letter, or have none: Latin ones
// (6.A), Cyrillic ones (6.B), and Greek ones as the Greek passport writes them (ELOT 743).
var national = map[rune]string{
	'Æ': "AE", 'Ð': "D", 'Đ': "D", 'Ħ': "H", 'ı': "I", 'I': "I", 'Ĳ': "IJ", 'ĸ': "Q", 'Ŀ': "L", 'Ł': "L", 'Ŋ': "N", 'Ø': "O", 'Œ': "OE",
	'ẞ': "SS", 'ß': "SS", 'Ŧ': "T", 'Þ': "TH", 'Ə': "E",

	'А': "A", 'Б': "B", 'В': "V", 'Г': "G", 'Ґ': "G", 'Д': "D", 'Ђ': "D", 'Е': "E", 'Ё': "E", 'Є': "IE", 'Ж': "ZH", 'З': "Z", 'Ѕ': "DZ",
	'И': "I", 'І': "I", 'Ї': "I", 'Й': "I", 'Ј': "J", 'К': "K", 'Л': "L", 'Љ': "LJ", 'М': "M", 'Н': "N", 'Њ': "NJ", 'О': "O", 'П': "P",
	'Р': "R", 'С': "S", 'Т': "T", 'Ћ': "C", 'У': "U", 'Ў': "U", 'Ф': "F", 'Х': "KH", 'Ц': "TS", 'Ч': "CH", 'Џ': "DZ", 'Ш': "SH", 'Щ': "SHCH",
	'Ъ': "IE", 'Ы': "Y", 'Ь': "", 'Э': "E", 'Ю': "IU", 'Я': "IA",

	'Α': "A", 'Β': "V", 'Γ': "G", 'Δ': "D", 'Ε': "E", 'Ζ': "Z", 'Η': "I", 'Θ': "TH", 'Ι': "I", 'Κ': "K", 'Λ': "L", 'Μ': "M", 'Ν': "N", 'Ξ': "X",
	'Ο': "O", 'Π': "P", 'Ρ': "R", 'Σ': "S", 'Τ': "T", 'Υ': "Y", 'Φ': "F", 'Χ': "CH", 'Ψ': "PS", 'Ω': "O",
}
