package camera

import "image"

// ladder looks for codes in the frames of a camera. Each frame is looked at in the cheapest way and in one of the rungs, in turn:
// what one way misses in a frame, another finds in one of the next, and no frame takes longer than the dearest rung.
type ladder struct {
	next int // of rungs

	third, half, soft, double *image.Gray
	row                       []uint16 // scratch of doubleInto
}

// newLadder makes a ladder for pictures of a size.
func newLadder(side int) *ladder {
	square := func(side int) *image.Gray { return image.NewGray(image.Rect(0, 0, side, side)) }
	return &ladder{third: square(side / 3), half: square(side / 2), soft: square(side / 2 * 2), double: square(2 * side), row: make([]uint16, 4*side)}
}

// A rung is one way to look at a frame.
type rung struct {
	name string
	read func(*ladder, *image.Gray) []Symbol
}

// cheapest is tried in each frame: it takes a millisecond and reads what is held close and straight.
var cheapest = rung{"a third", func(l *ladder, g *image.Gray) []Symbol {
	shrinkInto(l.third, g, 3)
	return readQR(l.third, nil)
}}

// rungs are tried in turn. TestWhatEachRungReads shows what each finds.
var rungs = [...]rung{
	{"double size", func(l *ladder, g *image.Gray) []Symbol {
		doubleInto(l.double, g, l.row)
		return readSeveral(l.double, maxCornersOfFrame)
	}},
	{"as it is", func(_ *ladder, g *image.Gray) []Symbol {
		return append(readSeveral(g, maxCornersOfFrame), readAztecAndDataMatrix(g, nil)...)
	}},
	{"softened", func(l *ladder, g *image.Gray) []Symbol {
		shrinkInto(l.half, g, 2)
		doubleInto(l.soft, l.half, l.row)
		return append(readSeveral(l.soft, maxCornersOfFrame), readAztecAndDataMatrix(l.soft, nil)...)
	}},
}

// look finds the codes in a frame that centre has cut, none if there are none. Afterwards nothing of the frame is left in l.
func (l *ladder) look(g *image.Gray) []Symbol {
	defer l.clear()
	if found := cheapest.read(l, g); len(found) > 0 {
		return unique(found)
	}
	found := rungs[l.next].read(l, g)
	l.next = (l.next + 1) % len(rungs)
	return unique(found)
}

// clear overwrites what is left of the frame: a code is a person's.
func (l *ladder) clear() {
	for _, g := range []*image.Gray{l.third, l.half, l.soft, l.double} {
		clear(g.Pix)
	}
	clear(l.row)
}
