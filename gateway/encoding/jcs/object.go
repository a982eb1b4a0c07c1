package jcs

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// member is where a member stands in the canonical form, from its name's quotation mark to the end of its value.
type member struct{ start, end int32 }

// object reads the members in the order in which they stand, and puts them in order when it has them all.
func (w *writer) object() {
	first := w.open
	w.dst = append(w.dst, '{')
	body := len(w.dst)
	if w.space(); !w.skip('}') {
		w.member()
		for w.space(); w.skip(','); w.space() {
			w.dst = append(w.dst, ',')
			w.space()
			w.member()
		}
		if !w.skip('}') {
			w.fail(ErrMalformed)
		}
	}
	if w.err == nil {
		w.sort(w.members[first:w.open], body)
	}
	w.open = first
	w.dst = append(w.dst, '}')
}

func (w *writer) member() {
	start := len(w.dst)
	w.text()
	w.space()
	if !w.skip(':') {
		w.fail(ErrMalformed)
	}
	w.dst = append(w.dst, ':')
	w.value()
	if w.open == MaxMembers {
		w.fail(ErrTooLarge)
		return
	}
	w.members[w.open] = member{int32(start), int32(len(w.dst))}
	w.open++
}

// sort puts an object's members, which stand in dst from body on, in order.
func (w *writer) sort(members []member, body int) {
	order := func(a, b member) int { return compareNames(w.dst[a.start+1:a.end], w.dst[b.start+1:b.end]) }
	sorted := true
	for i := 1; i < len(members) && sorted; i++ {
		sorted = order(members[i-1], members[i]) < 0
	}
	if sorted {
		return
	}
	slices.SortFunc(members, order)
	for i := 1; i < len(members); i++ {
		if order(members[i-1], members[i]) == 0 {
			w.fail(ErrDuplicate)
			return
		}
	}
	end := len(w.dst)
	for i, m := range members {
		if i > 0 {
			w.dst = append(w.dst, ',')
		}
		w.dst = append(w.dst, w.dst[m.start:m.end]...)
	}
	w.dst = append(w.dst[:body], w.dst[end:]...)
}

// compareNames orders two names by their UTF-16 code units (section 3.2.3). Each begins behind its quotation mark, in the canonical form,
// and ends with the next one.
func compareNames(a, b []byte) int {
	for {
		x, n := rank(a)
		y, m := rank(b)
		if x != y || x == endOfName {
			return cmp.Compare(x, y)
		}
		a, b = a[n:], b[m:]
	}
}

// endOfName ranks before every character.
const endOfName = -1

// rank returns a number by which the first character of a name sorts as its UTF-16 code units do, and its length in the canonical form.
// Only those from U+E000 to U+FFFF are out of order: all others behind them are surrogate pairs, which begin with less.
func rank(name []byte) (order rune, size int) {
	switch c := name[0]; {
	case c == '"':
		return endOfName, 1
	case c == '\\':
		return unescape(name)
	case c < utf8.RuneSelf:
		return rune(c), 1
	}
	r, n := utf8.DecodeRune(name)
	if 0xe000 <= r && r <= 0xffff {
		return r + utf8.MaxRune, n
	}
	return r, n
}
