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

// compressed decodes the symbols of a block: all literals up to the next other
// symbol, or to one that needs care, and then that one.
func (d *Decoder) compressed(litLen, dist *table) error {
	for {
		if litLen == fixedLitLen {
			d.fixedLiterals()
		} else {
			d.literals(litLen)
		}
		e, value := d.symbol(litLen)
		switch {
		case e.is(entryEnd):
			return nil
		case e.is(entryInvalid):
			return ErrCorrupt
		case e.is(entryLiteral):
			if !d.out.reserve(1) {
				return ErrTooLarge
			}
			d.out.buf[d.out.n] = byte(value)
			d.out.n++
		default:
			e, distance := d.symbol(dist)
			if e.is(entryInvalid) || distance > len(d.out.written()) {
				return ErrCorrupt
			}
			if !d.out.reserve(value) {
				return ErrTooLarge
			}
			d.out.copyMatch(value, distance)
		}
	}
}

// symbol decodes the next symbol and adds the extra bits to its value. It returns
// entryInvalid if there is none.
func (d *Decoder) symbol(t *table) (e entry, value int) {
	in := d.in.fill(d.src)
	e = t.lookup[in.bits&t.mask&tableMask]
	if e == entryLong {
		e = t.long(in.bits)
	}
	if e.consumes() > in.n {
		return entryInvalid, 0
	}
	d.in = in.drop(e.consumes())
	return e, e.value(in.bits)
}
