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
//	bits 16-30  the literal, or the base of a length or distance
//	bit 31      a literal, or a code length
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

// is reports whether all flags of f are set.
func (e entry) is(f entry) bool { return e&f == f }

// table decodes one Huffman code (RFC 1951, section 3.2.2).
type table struct {
	lookup [1 << tableBits]entry
	mask   uint64 // the bits that index lookup: fewer if all codes are shorter

	// How many codes there are of each length, and the symbols that have them,
	// ascending, which is the order of the codes too. Length 0 is no code.
	count    [maxCodeLen + 1]uint16
	symbols  [maxCodeLen + 1][maxSymbols]uint16
	meanings *[maxSymbols]entry
}

// reset empties the table, for symbols with the given meanings.
func (t *table) reset(meanings *[maxSymbols]entry) {
	t.count = [maxCodeLen + 1]uint16{}
	t.meanings = meanings
}

// add gives symbol a code of n bits, or none if n is 0. Symbols must be added
// once each, in ascending order.
func (t *table) add(symbol, n int) {
	n &= maxCodeLen
	t.symbols[n][t.count[n]] = uint16(symbol)
	t.count[n]++
}

// split moves the symbols from first on to the start of another table.
func (t *table) split(first int, to *table) {
	for n := 1; n <= maxCodeLen; n++ {
		k := int(t.count[n])
		for k > 0 && int(t.symbols[n][k-1]) >= first {
			k--
		}
		for _, symbol := range t.symbols[n][k:t.count[n]] {
			to.add(int(symbol)-first, n)
		}
		t.count[n] = uint16(k)
	}
}

// build completes the table; lookup is indexed by at least the given number of
// bits. Like compress/flate it takes complete codes, an empty one (any use of
// it is then an error) and the single code of one bit; it reports whether the
// lengths are one of these.
func (t *table) build(atLeast int) bool {
	unused, longest := 1, 0 // codes left over at the length reached
	for n := 1; n <= maxCodeLen; n++ {
		unused = unused<<1 - int(t.count[n])
		if unused < 0 {
			return false
		}
		if t.count[n] != 0 {
			longest = n
		}
	}
	if unused != 0 && longest > 1 {
		return false
	}
	t.fill(max(atLeast, min(longest, tableBits)))
	return true
}

// fill writes the lookup table. Codes come with their first bit lowest, so
// when all codes up to a length are in place, the table for one more bit starts
// as two copies of it.
func (t *table) fill(size int) {
	t.mask = 1<<size - 1
	t.lookup[0] = entryLong
	code := uint(0)
	for n := 1; n <= size; n++ {
		half := 1 << (n - 1)
		copy(t.lookup[half:2*half], t.lookup[:half])
		code <<= 1
		for _, symbol := range t.symbols[n][:t.count[n]] {
			place := reversed[code<<(tableBits-n)&tableMask]
			t.lookup[place&tableMask] = t.meanings[symbol] + entryPerBit*entry(n)
			code++
		}
	}
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
		count := int(t.count[n])
		if code-first < count {
			return t.meanings[t.symbols[n][code-first]] + entryPerBit*entry(n)
		}
		first = (first + count) << 1
	}
	return entryInvalid
}
