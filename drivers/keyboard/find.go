package keyboard

import (
	"bytes"
	"slices"
)

// read reads the strokes of a code under the layout that gives it a known start, and keeps that layout. It reports false where
// no layout does. A code with a known start that cannot be told is known and nil: it is never given as a guess.
func (d *Decoder) read() (code []byte, known bool) {
	for _, flip := range [...]bool{false, true} {
		all, n := d.matches(flip)
		if n == 0 {
			continue
		}
		l := all[0]
		if n == 1 {
			d.found = l
		} else {
			l = d.choose(all[:n], flip)
		}
		if l == Auto {
			d.ambiguous++
			return nil, true
		}
		code, _ = d.translate(d.text[:0], l, flip)
		d.caps = d.caps != flip
		return code, true
	}
	return nil, false
}

// fallback is the layout for codes without a known start.
func (d *Decoder) fallback() Layout {
	if d.found == Auto {
		return US
	}
	return d.found
}

// matches lists the layouts under which the strokes have a known start: of a fixed layout at most that one.
func (d *Decoder) matches(flip bool) (all [len(layouts)]Layout, n int) {
	for _, l := range layouts {
		if d.fixed && l != d.found {
			continue
		}
		if code, ok := d.translate(d.text[:0], l, flip); ok && knownStart(code, flip) {
			all[n] = l
			n++
		}
	}
	return all, n
}

// choose says under which of several layouts a code is to be read that has a known start under each; Auto if that cannot be
// told. It finds no layout: what it goes by, whoever made the code can forge.
//
// M1 is typed by the same keys in US and DE, and a start typed as Alt + number pad is the same in all. If the text is the same
// too, any will do. Else a boarding pass tells by its shape. The layout found before is taken, but not against the shape:
// then the scanner is another one, and that layout is forgotten.
func (d *Decoder) choose(all []Layout, flip bool) Layout {
	var shapes [len(layouts)]shape
	best, possible, only, same := impossible, 0, Auto, true
	first, _ := d.translate(d.text[:0], all[0], flip)
	for i, l := range all {
		code, _ := d.translate(d.other[:0], l, flip)
		same = same && bytes.Equal(code, first)
		shapes[i] = shapeOf(code)
		best = max(best, shapes[i])
		if shapes[i] != impossible {
			only = l
			possible++
		}
	}
	found := slices.Index(all, d.found)
	switch {
	case same:
		return all[0]
	case found >= 0 && shapes[found] == best:
		return d.found
	case found >= 0:
		d.found = Auto
	case possible == 1:
		return only
	}
	return Auto
}

// knownStart reports whether a code starts as one that a gate knows. With caps lock assumed to be the other way, M1 alone is
// too little: a listed code may start with m1.
func knownStart(code []byte, flip bool) bool {
	code = afterAIM(code)
	return bytes.HasPrefix(code, []byte("HC1:")) || bytes.HasPrefix(code, []byte("PT1:")) ||
		bytes.HasPrefix(code, []byte("shc:/")) || !flip && isBoardingPass(code)
}

// afterAIM cuts an AIM identifier off: ], a letter, a letter or digit (ISO/IEC 15424).
func afterAIM(code []byte) []byte {
	if len(code) >= 3 && code[0] == ']' {
		return code[3:]
	}
	return code
}

// Places in a boarding pass of IATA Resolution 792: M, the number of legs, a name of 20 characters, and so on to the end of the
// first leg. There stands > (its conditional part), ^ (the airline's signature), the next leg, or nothing.
const (
	passName   = 2
	passTicket = 22
	passSize   = 58
	passRest   = 60
)

// isBoardingPass: M1 is always taken for one; M2 to M9 only with room for a leg, since listed codes may start so.
func isBoardingPass(code []byte) bool {
	return bytes.HasPrefix(code, []byte("M1")) || len(code) >= passSize && code[0] == 'M' && '2' <= code[1] && code[1] <= '9'
}

// shape says how well a text keeps to Resolution 792.
type shape uint8

const (
	impossible shape = iota // a sign in the name that no airline prints, or one after the first leg that cannot stand there
	irregular               // a sign in the name that should have been left out
	regular                 // as specified, as far as it goes; also what is no boarding pass
)

func shapeOf(code []byte) shape {
	code = afterAIM(code)
	if !isBoardingPass(code) || len(code) < passTicket {
		return regular
	}
	s := regular
	for _, c := range code[passName:passTicket] {
		switch {
		case 'A' <= c && c <= 'Z', c == ' ', c == '/':
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '\'', c == '.':
			s = irregular
		default:
			return impossible
		}
	}
	if len(code) > passRest {
		c := code[passRest]
		if c != '>' && c != '^' && c != ' ' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return impossible
		}
	}
	return s
}
