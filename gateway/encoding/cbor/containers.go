package cbor

// Items is an array or a map that has been opened, for More. It belongs to its
// Cursor. The zero value has no items. It is four words, which the compiler still
// keeps in registers.
type Items struct {
	itemsLeft
	after int    // where the cursor must have got beyond before the next one
	keys  int    // how many keys were open when it was opened
	seen  uint64 // a bit for the first six bits of each key's fingerprint
}

type itemsLeft struct {
	left  int32 // items or pairs to come; of indefinite length: that MaxItems leaves
	state itemsState
}

type itemsState uint8

const (
	itemsOpen itemsState = 1 << iota
	itemsMap
	itemsIndefinite
)

// Array opens an array; More goes through its elements.
func (c *Cursor) Array() Items { return c.openItems(majorArray, itemsOpen) }

// Map opens a map; More goes through its pairs, of which the caller reads first
// the key and then the value.
func (c *Cursor) Map() Items { return c.openItems(majorMap, itemsOpen|itemsMap) }

func (c *Cursor) openItems(major byte, state itemsState) Items {
	start := c.pos
	initial, n := c.head()
	switch {
	case initial>>5 != major:
		c.failAt(start, ErrType)
	case c.depth == MaxDepth:
		c.failAt(start, ErrTooDeep)
	case n > MaxItems:
		c.failAt(start, ErrTooMany)
	}
	if initial&infoMask == infoIndefinite {
		n = MaxItems
		state |= itemsIndefinite
	}
	c.depth++
	return Items{itemsLeft: itemsLeft{int32(n), state}, after: start, keys: c.keys.n}
}

// More reports whether another element, or pair of key and value, follows; the
// caller must read all of it. At the end it closes the container. It reports
// false after an error too, and a key that the map has already is one.
func (c *Cursor) More(it *Items) bool {
	if c.err != nil || it.state == 0 {
		return false
	}
	if c.pos <= it.after { // a break instead of an item, or an item that was not read
		c.Fail(ErrMalformed)
		return false
	}
	if it.state&itemsIndefinite != 0 {
		if c.pos < len(c.b) && c.b[c.pos] == initialBreak {
			c.pos++
			c.closeItems(it)
			return false
		}
		if it.left == 0 {
			c.Fail(ErrTooMany)
			return false
		}
	} else if it.left == 0 {
		c.closeItems(it)
		return false
	}
	it.left--
	it.after = c.pos
	if it.state&itemsMap != 0 {
		it.after = c.addKey(it)
		return it.after != 0
	}
	return true
}

func (c *Cursor) closeItems(it *Items) {
	it.state = 0
	c.depth--
	c.keys.n = it.keys
}

// Skip reads any one item, with everything in it.
func (c *Cursor) Skip() {
	switch c.Kind() {
	case KindEnd:
		c.Fail(ErrMalformed)
	case KindBytes, KindText:
		c.skipString()
	case KindArray:
		for it := c.Array(); c.More(&it); {
			c.Skip()
		}
	case KindMap:
		for it := c.Map(); c.More(&it); {
			c.Skip()
			c.Skip()
		}
	case KindTag:
		c.skipTagged()
	default:
		c.head()
	}
}

// skipTagged reads tags and the item that they are on. All but the first count
// as levels.
func (c *Cursor) skipTagged() {
	depth := c.depth
	for c.Tag(); c.Kind() == KindTag; c.Tag() {
		if c.depth == MaxDepth {
			c.Fail(ErrTooDeep)
			return
		}
		c.depth++
	}
	c.Skip()
	c.depth = depth
}

// Raw reads any one item, as Skip does, and returns its bytes, a view of the input.
func (c *Cursor) Raw() []byte {
	b, start := c.b, c.pos
	c.Skip()
	if c.err != nil {
		return nil
	}
	return b[start:c.pos:c.pos]
}
