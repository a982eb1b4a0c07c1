package cbor

import "math"

// NoLabel is what Label returns for a key that is no integer. An integer key of the same value is nobody's label either.
const NoLabel = math.MinInt64

// MaxDate is the last NumericDate, in unix seconds: the end of the year 9999.
const MaxDate = 253_402_300_799

// Label reads a map's key and returns it if it is an integer (the labels of RFC 9052 and RFC 8392), else NoLabel.
func (c *Cursor) Label() int64 {
	if c.Kind() != KindInt {
		c.Skip()
		return NoLabel
	}
	return c.Int()
}

// Name reads a map's key and returns it if it is text, else nil.
func (c *Cursor) Name() []byte {
	if c.Kind() != KindText {
		c.Skip()
		return nil
	}
	return c.Text()
}

// SkipNull reads null or undefined if that comes next, and reports whether it does.
func (c *Cursor) SkipNull() bool {
	if c.Kind() != KindNull {
		return false
	}
	c.Null()
	return true
}

// NumericDate reads seconds since 1970 as CWT claims have them (RFC 8392, section 2): an integer or a float, from 0 to MaxDate,
// without a tag. The fraction of a second is dropped.
func (c *Cursor) NumericDate() int64 {
	start := c.pos
	t := math.Floor(c.Number())
	if t < 0 || t > MaxDate {
		c.failAt(start, ErrRange)
		return 0
	}
	return int64(t)
}
