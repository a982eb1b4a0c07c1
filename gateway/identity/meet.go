package identity

import "strings"

// meeting is how the words of two sides met.
type meeting struct {
	met    bool // no word is left over on both sides
	strong bool // two whole words met, or neighbours written together, or the long beginning of a cut one; and they are no particle
	cut    bool // a cut word met the beginning of another
}

// meet aligns two lists of words in their order. Words may be left over on one side only.
func meet(left, right []word, cut cuts) meeting {
	if len(left) > maxWords || len(right) > maxWords {
		return meeting{}
	}
	var best meeting
	for _, side := range [...]leftover{leftNone, leftLeft, leftRight} {
		a := aligner{left: left, right: right, cut: cut, may: side}
		if m := a.from(0, 0); better(m, best) {
			best = m
		}
	}
	return best
}

// maxWords bounds the work; a family name or given names of more words are left to a person.
const maxWords = 10

// leftover says on which side words may be left over.
type leftover uint8

const (
	leftNone leftover = iota
	leftLeft
	leftRight
)

func better(m, than meeting) bool { return m.rank() > than.rank() }

func (m meeting) rank() int {
	n := 0
	for i, b := range [...]bool{m.cut, m.strong, m.met} {
		if b {
			n |= 1 << i
		}
	}
	return n
}

// aligner tries all ways in which words may meet.
type aligner struct {
	left, right []word
	cut         cuts
	may         leftover
	known       [maxWords + 1][maxWords + 1]answer // of from: hostile names meet in very many ways
}

// answer is a meeting that was looked for.
type answer struct {
	meeting meeting
	given   bool
}

// from returns the best meeting of left[i:] and right[j:].
func (a *aligner) from(i, j int) meeting {
	known := &a.known[i][j]
	if !known.given {
		*known = answer{a.search(i, j), true}
	}
	return known.meeting
}

func (a *aligner) search(i, j int) meeting {
	if i == len(a.left) && j == len(a.right) {
		return meeting{met: true}
	}
	var best meeting
	consider := func(m meeting) {
		if better(m, best) {
			best = m
		}
	}
	for n := 1; n <= maxJoined && i+n <= len(a.left); n++ {
		for m := 1; m <= maxJoined && j+m <= len(a.right); m++ {
			if n > 1 && m > 1 {
				continue // neighbours are written together on one side
			}
			how := groupsMeet(a.left[i:i+n], a.right[j:j+m], a.cut)
			if how == apart {
				continue
			}
			rest := a.from(i+n, j+m)
			if !rest.met {
				continue
			}
			rest.cut = rest.cut || how == begun && a.cut != (cuts{})
			telling := how == whole || how == begun && a.cut != (cuts{}) && min(len(letters(a.left[i:i+n])), len(letters(a.right[j:j+m]))) >= longCut
			rest.strong = rest.strong || telling && !particles(a.left[i:i+n]) && !particles(a.right[j:j+m])
			consider(rest)
		}
	}
	if i < len(a.left) && a.may == leftLeft {
		consider(a.from(i+1, j))
	}
	if j < len(a.right) && a.may == leftRight {
		consider(a.from(i, j+1))
	}
	return best
}

// longCut is how many letters of a cut word are worth a whole one.
const longCut = 6

// maxJoined is how many words may be written as one: VANDERBERG, DELAFUENTE.
const maxJoined = 4

// how two groups of words meet.
type how uint8

const (
	apart how = iota
	begun     // one is an initial or a cut beginning of the other
	whole
)

// groupsMeet compares words written together.
func groupsMeet(left, right []word, cut cuts) how {
	switch {
	case left[0].arabic != nil && right[0].arabic != nil:
		return apart // neither has vowels: that both are written alike does not make them one name, and a person looks
	case left[0].arabic != nil:
		return soundsMeet(join(left), letters(right), cut.right)
	case right[0].arabic != nil:
		return soundsMeet(join(right), letters(left), cut.left)
	}
	l, r := letters(left), letters(right)
	switch {
	case l == r && len(l) == 1:
		return begun
	case l == r:
		return whole
	case cut.left && begins(whatIsLeft(left, l), r, right), cut.right && begins(whatIsLeft(right, r), l, left):
		return begun
	case len(left) == 1 && len(l) == 1 && len(right) == 1 && strings.HasPrefix(r, l),
		len(right) == 1 && len(r) == 1 && len(left) == 1 && strings.HasPrefix(l, r):
		return begun // an initial
	}
	return apart
}

// whatIsLeft returns the letters of words of which the last one may be cut: AL is then no article, but what is left of ALI.
func whatIsLeft(words []word, letters string) string {
	if words[len(words)-1].article {
		return strings.TrimSuffix(letters, "EL") + "AL"
	}
	return letters
}

// begins reports whether the letters of a cut name begin those of words, and reach into the last one: else that word did not meet anything.
func begins(cut, whole string, words []word) bool {
	return strings.HasPrefix(whole, cut) && len(cut) > len(whole)-len(words[len(words)-1].letters)
}

func letters(words []word) string {
	if len(words) == 1 {
		return words[0].letters
	}
	var b strings.Builder
	for _, w := range words {
		b.WriteString(w.letters)
	}
	return b.String()
}

func join(words []word) []sound {
	var all []sound
	for _, w := range words {
		all = append(all, w.arabic...)
	}
	return all
}

// particles reports whether a group is only what many family names begin with. That two names share it says nothing.
func particles(words []word) bool {
	for _, w := range words {
		if !isParticle[w.letters] {
			return false
		}
	}
	return true
}

var isParticle = map[string]bool{
	"EL": true, "BEN": true, "BENT": true, "BINT": true, "BIN": true, "IBN": true, "ABU": true, "ABOU": true, "AIT": true, "OULD": true,
	"ABD": true, "DE": true, "DEL": true, "DELA": true, "DA": true, "DO": true, "DOS": true, "DAS": true, "DI": true, "DU": true, "LA": true,
	"LE": true, "LES": true, "LOS": true, "LAS": true, "VAN": true, "VON": true, "DER": true, "DEN": true, "TEN": true, "TER": true,
	"ZU": true, "ST": true, "SAINT": true, "MAC": true, "MC": true, "O": true, "Y": true, "E": true, "AF": true, "AV": true, "THI": true,
}
