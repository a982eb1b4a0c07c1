package inflate

import "math/bits"

const (
	maxCodeLen = 15 // RFC 1951, section 3.2.7

	// tableBits is the length of the codes that one lookup resolves. Nine bits
	// hold every code of the fixed alphabet, and nearly every code of a small
	// input.
	tableBits = 9
	tableMask = 1<<tableBits - 1
)

// An entry says what a code stands for:
//
//	bits 0-7    how many bits to consume: the code and the extra bits after it
//	bits 8-11   how many of them are the code
//	bits 12-15  flags, see below
//	bits 16-30  the literal, or the base of a length or distance, or of a repetition
//	bit 31      a literal, or a code length
//
// In an entry of a code length, bits 16-19 are this length, and bits 20-23 how many
// symbols have it: more than one only if it is 0, see resolveZeros.
type entry uint32

const (
	entryBase    = 16 // where the base starts
	entryPerBit  = 0x101
	entryLiteral = entry(1) << 31

	entryRepeat  = entry(1) << 12       // a repetition of the last code length
	entrySpecial = entry(1) << 15       // nothing but flags
	entryEnd     = entrySpecial | 1<<14 // end of block
	entryInvalid = entrySpecial | 1<<13 // a symbol that must not occur, or no symbol
	entryLong    = entrySpecial         // longer than tableBits, if it exists
)

// consumes returns how many bits to consume.
func (e entry) consumes() uint { return uint(e & 0xff) }

// literal returns the byte that a literal stands for.
func (e entry) literal() byte { return byte(e >> entryBase) }

// value returns the base plus the extra bits that follow the code in b.
func (e entry) value(b uint64) int {
	extra := b & (1<<(e.consumes()&63) - 1) >> (e >> 8 & maxCodeLen)
	return int(e>>entryBase&0x7fff) + int(extra)
}

// codeLenEntry returns the entry of a code length that count symbols have.
func codeLenEntry(length, count int) entry {
	return entryLiteral | entry(count)<<20 | entry(length)<<entryBase
}

func (e entry) codeLen() int { return int(e >> entryBase & maxCodeLen) }
func (e entry) symbols() int { return int(e >> 20 & 15) }

// is reports whether all flags of f are set.
func (e entry) is(f entry) bool { return e&f == f }

// table decodes one Huffman code (RFC 1951, section 3.2.2).
type table struct {
	lookup [1 << tableBits]entry
	mask   uint64 // the bits that index lookup: fewer if all codes are shorter

	// The symbols that have a code of n bits stand in symbols from n·maxSymbols
	// up to next[n], ascending, which is the order of the codes too. A length of 0
	// is no code.
	symbols  [(maxCodeLen + 1) * maxSymbols]uint16
	next     [maxCodeLen + 1]uint16
	meanings *[maxSymbols]entry
}

// reset empties the table, for symbols with the given meanings.
func (t *table) reset(meanings *[maxSymbols]entry) {
	t.next = noSymbols
	t.meanings = meanings
}

// noSymbols is where the lists of symbols start.
var noSymbols = makeNoSymbols()

func makeNoSymbols() (next [maxCodeLen + 1]uint16) {
	for n := range next {
		next[n] = uint16(n * maxSymbols)
	}
	return next
}

// add gives symbol a code of n bits, or none if n is 0. Symbols must be added
// once each, in ascending order.
func (t *table) add(symbol, n int) {
	place := t.next[n&maxCodeLen]
	t.symbols[place] = uint16(symbol)
	t.next[n&maxCodeLen] = place + 1
}

// count returns how many symbols have a code of n bits.
func (t *table) count(n int) int {
	return int(t.next[n]) - n*maxSymbols
}

// build completes the table; lookup is indexed by at least the given number of
// bits. Like compress/flate it takes complete codes, an empty one (any use of
// it is then an error) and the single code of one bit; it reports whether the
// lengths are one of these.
func (t *table) build(atLeast int) bool {
	unused, longest := 1, 0 // codes left over at the length reached
	size, place := 0, uint(0)
	t.lookup[0] = entryLong
	for n := 1; n <= maxCodeLen; n++ {
		unused *= 2
		count := t.count(n)
		if count == 0 {
			continue
		}
		if unused -= count; unused < 0 {
			return false
		}
		longest = n
		if n <= tableBits {
			t.extend(size, n)
			size, place = n, t.fill(n, place)
		}
	}
	if unused != 0 && longest > 1 {
		return false
	}
	t.extend(size, atLeast)
	t.mask = 1<<max(size, atLeast) - 1
	return true
}

// extend makes a lookup table for codes of so many bits out of one for fewer.
// Codes come with their first bit lowest, so it consists of copies.
func (t *table) extend(from, to int) {
	for ; from < to; from++ {
		copy(t.lookup[1<<from:2<<from], t.lookup[:1<<from])
	}
}

// fill writes the entries of the symbols that have codes of n bits. The first code
// is place, filled up with zeros to tableBits; it returns the code after the last.
func (t *table) fill(n int, place uint) uint {
	meanings, length, step := t.meanings, entryPerBit*entry(n), uint(1)<<(tableBits-n)
	for _, symbol := range t.symbols[n*maxSymbols : t.next[n]] {
		t.lookup[reversed[place&tableMask]&tableMask] = meanings[symbol] + length
		place += step
	}
	return place
}

// reversed holds each number of tableBits bits with its bits turned around.
var reversed = makeReversed()

func makeReversed() (r [1 << tableBits]uint16) {
	for i := range r {
		r[i] = bits.Reverse16(uint16(i)) >> (16 - tableBits)
	}
	return r
}

// long finds the code that b starts with if lookup does not hold it. It returns
// entryInvalid if there is none.
func (t *table) long(b uint64) entry {
	code, first := 0, 0 // codes of a length follow each other, from first on
	for n := 1; n <= maxCodeLen; n++ {
		code = code<<1 | int(b&1)
		b >>= 1
		count := t.count(n)
		if code-first < count {
			return t.meanings[t.symbols[n*maxSymbols+code-first]] + entryPerBit*entry(n)
		}
		first = (first + count) << 1
	}
	return entryInvalid
}
