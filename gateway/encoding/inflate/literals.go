package inflate

import (
	"encoding/binary"
	"math/bits"
)

// Nearly every symbol of a scanned code is a literal: a signature cannot be
// compressed, and short texts hardly repeat. The time then goes into waiting for
// one code's length to know where the next one starts. So literals are taken six
// or seven at a time, without a branch in that chain, and only then it is looked
// whether all of them were literals.

const (
	batch     = 6
	batchBits = batch * tableBits // that a batch may consume; a load gives 56 or more

	asciiBatch = 7
)

// literals decodes literals up to the first other symbol, or up to one that stands
// near the end of the input or of the room for output, or has a code over tableBits.
func (d *Decoder) literals(t *table) {
	src, in := d.src, d.in
	buf, w := d.out.buf, d.out.n
	for k := batch; k == batch && len(buf)-w >= batch; w += k {
		in = in.fill(src)
		if in.n < batchBits {
			break
		}
		var used uint
		in.bits, used, k = tableBatch(t, in.bits, (*[batch]byte)(buf[w:]))
		in.n -= used
	}
	d.in, d.out.n = in, w
}

// tableBatch decodes six literals from b, or the k before the first code that is
// none. It returns what is left and how many bits it used.
func tableBatch(t *table, b uint64, out *[batch]byte) (rest uint64, used uint, k int) {
	r := tableRun{b: b, all: entryLiteral}
	r = r.next(t, &out[0])
	r = r.next(t, &out[1])
	r = r.next(t, &out[2])
	r = r.next(t, &out[3])
	r = r.next(t, &out[4])
	r = r.next(t, &out[5])
	if r.all.is(entryLiteral) {
		return r.b, r.sum.consumes(), batch
	}
	for e := t.lookup[b&tableMask]; e.is(entryLiteral); e = t.lookup[b&tableMask] {
		b >>= e & 63
		used += e.consumes()
		k++
	}
	return b, used, k
}

type tableRun struct {
	b   uint64
	sum entry // of all entries: its low byte is how many bits they used
	all entry // the flags that all entries have
}

func (r tableRun) next(t *table, out *byte) tableRun {
	e := t.lookup[r.b&tableMask]
	*out = e.literal()
	return tableRun{b: r.b >> (e & 63), sum: r.sum + e, all: r.all & e}
}

// fixedLiterals is literals for the fixed code (RFC 1951, section 3.2.6).
func (d *Decoder) fixedLiterals() {
	src, in := d.src, d.in
	buf, w := d.out.buf, d.out.n
	for len(buf)-w >= 8 {
		in = in.fill(src)
		if in.n < 8*asciiBatch {
			break
		}
		text, others := asciiLiterals(in.bits)
		if others == 0 {
			binary.LittleEndian.PutUint64(buf[w:], text)
			in = in.drop(8 * asciiBatch)
			w += asciiBatch
			continue
		}
		rest, used := fixedBatch(in.bits, (*[batch]byte)(buf[w:]))
		if used == 0 { // what stands in front was decoded all the same
			k := bits.TrailingZeros64(others) / 8
			in = in.drop(8 * uint(k))
			w += k
			break
		}
		in.bits, in.n = rest, in.n-used
		w += batch
	}
	d.in, d.out.n = in, w
}

// asciiLiterals decodes asciiBatch literals from b as if all of them were below
// 128; others has a bit in the byte of the first one that is not. Their codes are
// 0x30 more, with the first bit lowest: the difference has the highest bit set if
// it is 128 or more, and if it is the first one that borrows.
func asciiLiterals(b uint64) (text, others uint64) {
	text = bits.ReverseBytes64(bits.Reverse64(b)) - 0x3030_3030_3030_3030
	return text, text & 0x0080_8080_8080_8080
}

// fixedBatch is tableBatch for the fixed code (RFC 1951, section 3.2.6), where a
// literal has 8 bits, or 9 from 144 on. A code of 9 bits begins with 11001 to
// 11111: two ones, and a one among the next three. So the lengths come from the
// input itself, for all places at once, and no lookup is in the chain.
func fixedBatch(b uint64, out *[batch]byte) (rest uint64, used uint) {
	r := fixedRun{b: b, nine: b & (b >> 1) & (b>>2 | b>>3 | b>>4)}
	r = r.next(&out[0])
	r = r.next(&out[1])
	r = r.next(&out[2])
	r = r.next(&out[3])
	r = r.next(&out[4])
	r = r.next(&out[5])
	if r.all >= noLiteral {
		return 0, 0
	}
	return r.b, 8*batch + r.nines
}

type fixedRun struct {
	b     uint64
	nine  uint64 // bit i: a literal that starts there has 9 bits
	nines uint   // how many had
	all   uint16 // all values together
}

func (r fixedRun) next(out *byte) fixedRun {
	c := fixedLiterals[r.b&tableMask]
	*out = byte(c)
	n := uint(r.nine & 1)
	return fixedRun{b: r.b >> 8 >> n, nine: r.nine >> 8 >> n, nines: r.nines + n, all: r.all | c}
}
