package identity

import (
	"slices"

	"passerelle/gateway/policy"
)

// compareNames tries every reading of one side against every one of the other.
func compareNames(a, b *Person) policy.Binding {
	left, right := a.readings(), b.readings()
	result := policy.Different
	if len(left) == 0 || len(right) == 0 {
		return policy.Unclear
	}
	for i := range left {
		for j := range right {
			switch left[i].compare(&right[j]) {
			case policy.Same:
				return policy.Same
			case policy.Unclear:
				result = policy.Unclear
			}
		}
	}
	return result
}

// reading is one way to read a name.
type reading struct {
	family, given       []word
	cutFamily, cutGiven bool // the words may go on
	width               int  // of the field that cuts them
	guess               bool // a person has to confirm what is the same by it
	between, gap        int
}

// word is a word's letters, A to Z, or a pattern of them for one in Arabic script.
type word struct {
	letters string
	article bool // it is EL that is written AL here
	arabic  []sound
}

// compare says whether two readings are of the same name.
func (r *reading) compare(o *reading) policy.Binding {
	same := policy.Same
	if r.guess || o.guess {
		same = policy.Unclear
	}
	cut := cuts{left: r.mayCut(o), right: o.mayCut(r)}
	family := meet(r.family, o.family, cut.only(r.cutFamily, o.cutFamily))
	given := meet(r.given, o.given, cut.only(r.cutGiven, o.cutGiven))
	switch {
	case family.met && given.met && family.strong && (given.strong || given.cut):
		return same
	case sameWords(r, o):
		return same
	case family.met && given.met:
		return policy.Unclear // too little of it: an initial, a particle, no given name
	}
	return policy.Different
}

// mayCut reports whether r's field is too narrow for o's name. Only then its words may be cut.
func (r *reading) mayCut(o *reading) bool {
	if r.width == 0 || !r.cutFamily && !r.cutGiven {
		return false
	}
	n := r.between
	for _, names := range [...][]word{o.family, o.given} {
		for i, w := range names {
			if w.arabic != nil {
				return true // nobody knows how long it is in Latin letters
			}
			if n += len(w.letters); i > 0 {
				n += r.gap
			}
		}
	}
	return n > r.width || o.cutFamily || o.cutGiven
}

// cuts says which sides' words may be cut.
type cuts struct{ left, right bool }

func (c cuts) only(left, right bool) cuts { return cuts{c.left && left, c.right && right} }

// sameWords reports whether both have the same words in any order, family and given names taken together: the fields were mixed up. A
// word that stands twice counts once.
func sameWords(r, o *reading) bool {
	left, right := allWords(r), allWords(o)
	if len(left) != len(right) || len(left) == 0 {
		return false
	}
	letters := 0
	for _, w := range left {
		i := slices.IndexFunc(right, func(v word) bool { return groupsMeet([]word{w}, []word{v}, cuts{}) == whole })
		if i < 0 {
			return false
		}
		letters += max(len(w.letters), len(right[i].letters)) // of one in Arabic script there are none
		right = slices.Delete(right, i, i+1)
	}
	return letters >= minLetters
}

// minLetters is how many letters a name must have for its words alone to name somebody.
const minLetters = 4

func allWords(r *reading) []word {
	var words []word
	for _, w := range append(slices.Clone(r.family), r.given...) {
		if w.arabic != nil || !slices.ContainsFunc(words, func(v word) bool { return v.arabic == nil && v.letters == w.letters }) {
			words = append(words, w)
		}
	}
	return words
}
