package identity

import "strings"

// sound is one letter of Arabic script: the ways in which passports write it, and whether a short vowel may stand behind it.
type sound struct {
	spelled []string
	double  bool // a consonant, which may be written twice
	short   bool
}

// soundsMeet compares a name in Arabic script with letters. cut says that the letters may go on.
func soundsMeet(sounds []sound, letters string, cut bool) how {
	if letters == "" {
		return apart
	}
	m := speller{sounds: sounds, letters: letters, cut: cut, seen: make(map[[2]int]bool)}
	switch m.from(0, 0) {
	case spelledWhole:
		return whole
	case spelledBegin:
		return begun
	}
	return apart
}

// speller looks for a way to spell sounds as letters.
type speller struct {
	sounds  []sound
	letters string
	cut     bool
	seen    map[[2]int]bool // places that led nowhere
}

type spelling uint8

const (
	spelledNot spelling = iota
	spelledBegin
	spelledWhole
)

// from spells sounds[i:] as letters[j:].
func (s *speller) from(i, j int) spelling {
	rest := s.letters[j:]
	if i == len(s.sounds) {
		if rest == "" || rest == "E" && j > 0 && !isVowel(s.letters[j-1]) { // the mute e of AMINE
			return spelledWhole
		}
		return spelledNot
	}
	if rest == "" && s.cut && j > 0 {
		return spelledBegin
	}
	at := [2]int{i, j}
	if s.seen[at] {
		return spelledNot
	}
	s.seen[at] = true
	sound := &s.sounds[i]
	best := spelledNot
	for _, spelled := range sound.spelled {
		after, ok := strings.CutPrefix(rest, spelled)
		if !ok {
			if s.cut && rest != "" && j > 0 && strings.HasPrefix(spelled, rest) {
				best = max(best, spelledBegin)
			}
			continue
		}
		best = max(best, s.behind(i, len(s.letters)-len(after), sound))
		if again := lastLetter(spelled); sound.double && again != "" {
			if after, ok = strings.CutPrefix(after, again); ok {
				best = max(best, s.behind(i, len(s.letters)-len(after), sound))
			}
		}
	}
	return best
}

// behind goes on after a sound, with a short vowel or without one.
func (s *speller) behind(i, j int, sound *sound) spelling {
	best := s.from(i+1, j)
	if best != spelledWhole && sound.short && i+1 < len(s.sounds) && j < len(s.letters) && isVowel(s.letters[j]) {
		best = max(best, s.from(i+1, j+1))
	}
	return best
}

func lastLetter(s string) string {
	if s == "" {
		return ""
	}
	return s[len(s)-1:]
}

func isVowel(c byte) bool { return strings.IndexByte("AEIOU", c) >= 0 }

const article = "ال"

// sounds returns the sounds of one word in Arabic script, nil if it has a letter that is none of ours. Marks of short vowels, which names
// rarely have, are left out: they may say less than the Latin spelling does.
func sounds(arabic string) []sound {
	var out []sound
	rest, hasArticle := strings.CutPrefix(arabic, article)
	if hasArticle && len([]rune(rest)) >= 2 {
		out = append(out, sound{spelled: []string{"", "AL", "EL", "L", "A", "E", "I"}, short: true})
	} else {
		rest = arabic
	}
	letters := []rune(strings.Map(dropMarks, rest))
	for i, r := range letters {
		s, ok := consonants[r]
		switch {
		case ok:
			out = append(out, sound{spelled: s, double: true, short: !vowelNext(letters, i)})
		case i == 0 && initialVowels[r] != nil:
			out = append(out, sound{spelled: initialVowels[r]})
		case i == len(letters)-1 && finals[r] != nil:
			out = append(out, sound{spelled: finals[r]})
		case vowels[r] != nil:
			// A short vowel may follow one that is spoken as a consonant, or not at all, but not ayn: its vowel is spelled with it.
			out = append(out, sound{spelled: vowels[r], short: r == 'و' || r == 'ي' || r == 'ه'})
		default:
			return nil
		}
	}
	return out
}

// vowelNext reports whether a long vowel stands behind the i-th letter, so that no short one does; ayn is written like one.
func vowelNext(letters []rune, i int) bool {
	return i+1 < len(letters) && strings.ContainsRune("اىآع", letters[i+1])
}

func dropMarks(r rune) rune {
	if 'ً' <= r && r <= 'ْ' || r == 'ـ' || r == 'ٰ' {
		return -1
	}
	return r
}

// How Moroccan, and other, passports write the letters: French spelling first (ICAO Doc 9303, part 3, section 6.C has another one).
var consonants = map[rune][]string{
	'ب': {"B", "P"}, 'ت': {"T"}, 'ث': {"TH", "T", "S"}, 'ج': {"J", "DJ", "G"}, 'ح': {"H"}, 'خ': {"KH"}, 'د': {"D"}, 'ذ': {"D", "DH", "Z"},
	'ر': {"R"}, 'ز': {"Z"}, 'س': {"S", "C"}, 'ش': {"CH", "SH"}, 'ص': {"S", "C"}, 'ض': {"D", "DH"}, 'ط': {"T"}, 'ظ': {"D", "DH", "Z"},
	'غ': {"GH", "RH", "G"}, 'ف': {"F"}, 'ق': {"K", "Q", "C", "G"}, 'ك': {"K", "C"}, 'ل': {"L"}, 'م': {"M"}, 'ن': {"N"},
	'گ': {"G", "GU"}, 'ڭ': {"G", "GU"}, 'پ': {"P"}, 'ڤ': {"V"},
}

var initialVowels = map[rune][]string{
	'ا': {"A", "E", "I", "O", "OU", "U", ""}, 'أ': {"A", "E", "O", "OU", "U"}, 'إ': {"I", "E"}, 'آ': {"A"},
	'ع': {"A", "AA", "O", "I", "E", "OU", "U"},
}

var vowels = map[rune][]string{
	'ا': {"A", "AA"}, 'آ': {"A", "AA"}, 'أ': {"A", "AA", ""}, 'إ': {"I"}, 'ؤ': {"OU", "O", ""}, 'ئ': {"I", "E", ""}, 'ء': {""}, 'ى': {"A", "I"},
	'و': {"OU", "W", "O", "U"}, 'ي': {"I", "Y"}, 'ه': {"H", ""}, 'ع': {"A", "AA", "", "E", "I", "O", "U"},
}

var finals = map[rune][]string{'ة': {"A", "AH", "AT"}, 'ه': {"H", ""}}
