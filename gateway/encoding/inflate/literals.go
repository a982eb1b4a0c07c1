package inflate

// Nearly every symbol of a scanned code is a literal: a signature cannot be
// compressed, and short texts hardly repeat. The time then goes into waiting for
// one code's length to know where the next one starts. So literals are taken six
// at a time, without a branch in that chain, and only then it is looked whether
// all six were literals. If not, nothing was consumed, and symbols goes on.

const (
	batch     = 6
	batchBits = batch * tableBits // that a batch may consume; a load gives 56 or more
)

// literals decodes batches of literals as long as there are such.
func (d *Decoder) literals(t *table) {
	src, in := d.src, d.in
	buf, w := d.out.buf, d.out.n
	for len(buf)-w >= batch {
		in = in.fill(src)
		if in.n < batchBits {
			break
		}
		var used uint
		var rest uint64
		if t == fixedLitLen {
			rest, used = fixedBatch(in.bits, (*[batch]byte)(buf[w:]))
		} else {
			rest, used = tableBatch(t, in.bits, (*[batch]byte)(buf[w:]))
		}
		if used == 0 {
			break
		}
		in.bits = rest
		in.n -= used
		w += batch
	}
	d.in, d.out.n = in, w
}

// tableBatch decodes six literals of any code from b. It returns what is left
// and how many bits it used: none if a code is no literal, and out is spoilt.
func tableBatch(t *table, b uint64, out *[batch]byte) (rest uint64, used uint) {
	r := tableRun{b: b, all: entryLiteral}
	r = r.next(t, &out[0])
	r = r.next(t, &out[1])
	r = r.next(t, &out[2])
	r = r.next(t, &out[3])
	r = r.next(t, &out[4])
	r = r.next(t, &out[5])
	if r.all&entryLiteral == 0 {
		return 0, 0
	}
	return r.b, r.sum.consumes()
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
