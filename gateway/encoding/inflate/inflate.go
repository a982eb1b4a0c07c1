package inflate

import "encoding/binary"

// Block types (RFC 1951, section 3.2.3).
const (
	blockStored = iota
	blockFixed
	blockDynamic
)

// inflate decodes blocks up to the final one.
func (d *Decoder) inflate() error {
	for {
		header, ok := d.take(3)
		if !ok {
			return ErrCorrupt
		}
		var err error
		switch header >> 1 {
		case blockStored:
			err = d.stored()
		case blockFixed:
			err = d.compressed(fixedLitLen, fixedDist)
		case blockDynamic:
			if !d.readTables() {
				return ErrCorrupt
			}
			err = d.compressed(&d.litLen, &d.dist)
		default:
			return ErrCorrupt
		}
		if err != nil {
			return err
		}
		if header&1 != 0 {
			return nil
		}
	}
}

// stored copies a block that is not compressed (RFC 1951, section 3.2.4).
func (d *Decoder) stored() error {
	head, ok := d.takeBytes(4)
	if !ok {
		return ErrCorrupt
	}
	length, complement := binary.LittleEndian.Uint16(head), binary.LittleEndian.Uint16(head[2:])
	if length != ^complement {
		return ErrCorrupt
	}
	p, ok := d.takeBytes(int(length))
	if !ok {
		return ErrCorrupt
	}
	if !d.out.reserve(len(p)) {
		return ErrTooLarge
	}
	d.out.n += copy(d.out.buf[d.out.n:], p)
	return nil
}

// readTables reads the codes of a dynamic block (RFC 1951, section 3.2.7).
func (d *Decoder) readTables() bool {
	counts, ok := d.take(14)
	if !ok {
		return false
	}
	litLens := int(counts&31) + 257
	dists := int(counts>>5&31) + 1
	codeLens := int(counts>>10) + 4
	if litLens > maxLitLens || dists > maxDists {
		return false
	}
	return d.readCodeLens(codeLens) && d.readLengths(litLens, litLens+dists) &&
		d.litLen.build(tableBits) && d.dist.build(0)
}

// readCodeLens reads the code that the lengths of the other two are sent in.
func (d *Decoder) readCodeLens(n int) bool {
	var lengths [len(codeLenOrder)]uint8
	src, in := d.src, d.in
	for _, symbol := range codeLenOrder[:n] {
		if in = in.fill(src); in.n < 3 {
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
	return d.codeLens.build(codeLenBits)
}

// readLengths reads the code lengths of all symbols, distances after literals
// and lengths. A repetition may run on from the one into the other, but not past
// the end.
func (d *Decoder) readLengths(litLens, all int) bool {
	d.litLen.reset(&litLenMeanings) // gets the distances too, until split
	d.dist.reset(&distMeanings)
	src, in := d.src, d.in
	length := 0
	for i := 0; i < all; {
		if in.n < codeLenMaxBits {
			in = in.fill(src)
		}
		e := d.codeLens.lookup[in.bits&(1<<codeLenBits-1)]
		if e.is(entrySpecial) || e.consumes() > in.n {
			return false
		}
		value := e.value(in.bits)
		in = in.drop(e.consumes())

		switch {
		case e.is(entryLiteral):
			length = value
			d.litLen.add(i, length)
			i++
		case value > all-i || e.is(entryRepeat) && i == 0:
			return false
		case e.is(entryRepeat) && length != 0:
			for range value {
				d.litLen.add(i, length)
				i++
			}
		default: // symbols without a code
			length = 0
			i += value
		}
	}
	d.in = in
	d.litLen.split(litLens, &d.dist)
	return true
}

// compressed decodes the symbols of a block: batches of literals where there are
// such, else symbol by symbol up to the next match.
func (d *Decoder) compressed(litLen, dist *table) error {
	for {
		d.literals(litLen)
		done, err := d.symbols(litLen, dist)
		if done || err != nil {
			return err
		}
	}
}

// symbols decodes up to and including the next match or end of block.
func (d *Decoder) symbols(litLen, dist *table) (done bool, err error) {
	src, in := d.src, d.in
	for {
		in = in.fill(src)
		e := litLen.lookup[in.bits&tableMask]
		if e == entryLong {
			e = litLen.long(in.bits)
		}
		if e.is(entryInvalid) || e.consumes() > in.n {
			return false, ErrCorrupt
		}
		value := e.value(in.bits)
		in = in.drop(e.consumes())
		switch {
		case e.is(entryLiteral):
			if !d.out.reserve(1) {
				return false, ErrTooLarge
			}
			d.out.buf[d.out.n] = byte(value)
			d.out.n++
		case e.is(entryEnd):
			d.in = in
			return true, nil
		default:
			d.in = in
			return false, d.match(value, dist)
		}
	}
}

// match decodes a distance, and copies length bytes from there.
func (d *Decoder) match(length int, dist *table) error {
	in := d.in.fill(d.src)
	e := dist.lookup[in.bits&dist.mask&tableMask]
	if e == entryLong {
		e = dist.long(in.bits)
	}
	if e.is(entryInvalid) || e.consumes() > in.n {
		return ErrCorrupt
	}
	distance := e.value(in.bits)
	d.in = in.drop(e.consumes())
	if distance > len(d.out.written()) {
		return ErrCorrupt
	}
	if !d.out.reserve(length) {
		return ErrTooLarge
	}
	d.out.copyMatch(length, distance)
	return nil
}
