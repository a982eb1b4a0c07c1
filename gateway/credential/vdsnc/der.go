package vdsnc

// Tags of DER (X.690).
const (
	tagBoolean     = 0x01
	tagInteger     = 0x02
	tagBitString   = 0x03
	tagOctetString = 0x04
	tagNull        = 0x05
	tagOID         = 0x06
	tagUTF8        = 0x0c
	tagPrintable   = 0x13
	tagUTCTime     = 0x17
	tagTime        = 0x18 // GeneralizedTime
	tagSequence    = 0x30
	tagSet         = 0x31
	tagContext     = 0xa0 // constructed, number 0
)

// der reads elements one behind the other. After the first that is not as it must be, it has nothing left, and bad is set.
type der struct {
	rest []byte
	bad  bool
}

func (d *der) fail() { d.rest, d.bad = nil, true }

// more reports whether an element is left.
func (d *der) more() bool { return len(d.rest) > 0 }

// is reports whether the next element has that tag.
func (d *der) is(tag byte) bool { return len(d.rest) > 0 && d.rest[0] == tag }

// element consumes one of that tag, and returns it whole and its contents.
func (d *der) element(tag byte) (whole, contents []byte) {
	if !d.is(tag) || len(d.rest) < 2 {
		d.fail()
		return nil, nil
	}
	head, size := 2, int(d.rest[1])
	switch {
	case size < 0x80:
	case size == 0x81 && len(d.rest) > 2 && d.rest[2] >= 0x80:
		head, size = 3, int(d.rest[2])
	case size == 0x82 && len(d.rest) > 3 && d.rest[2] > 0:
		head, size = 4, int(d.rest[2])<<8|int(d.rest[3])
	default: // indefinite, not minimal, or longer than any certificate
		d.fail()
		return nil, nil
	}
	if len(d.rest)-head < size {
		d.fail()
		return nil, nil
	}
	whole = d.rest[: head+size : head+size]
	d.rest = d.rest[head+size:]
	return whole, whole[head:]
}

// contents consumes an element of that tag.
func (d *der) contents(tag byte) []byte {
	_, contents := d.element(tag)
	return contents
}

// enter consumes an element of that tag and returns a reader of what is inside.
func (d *der) enter(tag byte) der {
	contents := d.contents(tag)
	return der{rest: contents, bad: d.bad}
}

// integer consumes a whole number below 128, which is all that a version or a salt's length may be.
func (d *der) integer() int {
	b := d.contents(tagInteger)
	if len(b) != 1 || b[0] >= 0x80 {
		d.fail()
		return 0
	}
	return int(b[0])
}

// bits consumes a bit string of whole bytes.
func (d *der) bits() []byte {
	b := d.contents(tagBitString)
	if len(b) < 1 || b[0] != 0 {
		d.fail()
		return nil
	}
	return b[1:]
}

// done reports whether all was read, and as it must be.
func (d *der) done() bool { return !d.bad && len(d.rest) == 0 }
