package inflate

// readTables reads the codes of a dynamic block (RFC 1951, section 3.2.7).
func (d *Decoder) readTables() bool {
	counts, ok := d.take(14)
	if !ok {
		return false
	}
	litLens := int(counts&31) + 257
	dists := int(counts>>5&31) + 1
	codeLens := int(counts>>10) + 4
	if litLens > maxLitLens || dists > maxDists || !d.readCodeLens(codeLens) {
		return false
	}
	d.litLen.reset(&litLenMeanings)
	d.dist.reset(&distMeanings)
	r := run{length: noLength}
	return d.readLengths(&d.litLen, litLens, &r) && d.readLengths(&d.dist, dists, &r) && r.left == 0 &&
		d.litLen.build(tableBits) && d.dist.build(0)
}

// readCodeLens reads the code that the lengths of the other two are sent in.
func (d *Decoder) readCodeLens(n int) bool {
	var lengths [len(codeLenOrder)]uint8
	in := d.in
	for i, symbol := range codeLenOrder[:n] {
		if i%16 == 0 { // as many as a fill is enough for
			in = in.fill(d.src)
		}
		if in.n < 3 {
			return false
		}
		lengths[symbol] = uint8(in.bits & 7)
		in = in.drop(3)
	}
	d.in = in
	d.codeLens.reset(&codeLenMeanings)
	for symbol, length := range lengths {
		d.codeLens.add(symbol, int(length))
	}
	if !d.codeLens.build(codeLenBits) {
		return false
	}
	d.codeLens.resolveZeros(int(lengths[shortZeros]))
	return true
}

// resolveZeros makes the entries of the symbol shortZeros, whose code has n bits,
// hold its three extra bits too if these are among the bits that are looked up. So
// it is no special case any more: every tenth symbol is this one.
func (t *table) resolveZeros(n int) {
	if n == 0 || n+3 > codeLenBits {
		return
	}
	i := 0
	for t.lookup[i] != codeLenMeanings[shortZeros]+entryPerBit*entry(n) {
		i++
	}
	for ; i <= codeLenMask; i += 1 << n {
		t.lookup[i] = codeLenEntry(0, 3+i>>n&7) + entry(n+3)
	}
}

// run is a repetition of a code length, which may go on from the literals and
// lengths to the distances.
type run struct {
	length int // the last one that was read
	left   int // how many more symbols it is for
}

// noLength is the length in a run before anything was read.
const noLength = -1

// readLengths reads the code lengths of a table's first n symbols. What a
// repetition gives beyond these stays in r.
func (d *Decoder) readLengths(t *table, n int, r *run) bool {
	in := d.in
	i, length, left := 0, r.length, r.left
	for {
		for ; left > 0 && i < n; i++ {
			t.add(i, length)
			left--
		}
		var e entry // the next code: in the end a repetition
		for i < n {
			in = in.fill(d.src)
			var used uint
			in.bits, used, i, length = t.addLengths(&d.codeLens, in.bits, i, n, length)
			if used > in.n {
				return false
			}
			in.n -= used
			if e = d.codeLens.lookup[in.bits&codeLenMask]; !e.is(entryLiteral) {
				break
			}
		}
		if i >= n {
			d.in = in
			r.length, r.left = length, left+i-n
			return true
		}

		in = in.fill(d.src)
		if e.is(entrySpecial) || e.consumes() > in.n || e.is(entryRepeat) && length == noLength {
			return false
		}
		if !e.is(entryRepeat) {
			length = 0
		}
		left = e.value(in.bits)
		in = in.drop(e.consumes())
	}
}

// addLengths adds symbols from i up to n with the lengths that b starts with: eight
// codes, or those before a repetition. It returns what is left of b, how many bits
// it used, the symbol after the last one, which after a run of zeros may be beyond
// n, and the last length. It is a function of its own so that all it needs stays in
// registers.
func (t *table) addLengths(codeLens *table, b uint64, i, n, length int) (rest uint64, used uint, next, last int) {
	lookup, places, symbols := &codeLens.lookup, &t.next, &t.symbols
	sum := entry(0)
	for k := 0; k < codeLenBatch && i < n; k++ {
		e := lookup[b&codeLenMask]
		if !e.is(entryLiteral) {
			break
		}
		b >>= e & 63
		sum += e
		length = e.codeLen()
		place := places[length]
		symbols[place] = uint16(i)
		places[length] = place + 1
		i += e.symbols()
	}
	return b, sum.consumes(), i, length
}
