package cbor

// keyList holds the keys that were read in all open maps, innermost last.
type keyList struct {
	n    int
	list [MaxKeys]key
}

// key is where a key stands, and a part of its hash that most others differ in.
type key struct {
	fingerprint uint16
	pos         uint16
}

// addKey looks at the key that comes next in a map, and makes it an error if the
// map has it already. It returns where the key ends. A key is compared with the
// others only if one of them has the same bit in seen. Hostile keys can make it
// compare all pairs, of which there are MaxItems² in a map at most.
func (c *Cursor) addKey(it *Items) (end int) {
	if c.keys.n == MaxKeys {
		c.Fail(ErrTooMany)
		return 0
	}
	n, word, ok := shortText(c.b, c.pos)
	fingerprint, end := fingerprint16(word), c.pos+1+n
	if !ok {
		var err error
		if fingerprint, end, err = fingerprintAt(c.b, c.pos); err != nil {
			c.Fail(err)
			return 0
		}
	}
	bit := uint64(1) << (fingerprint >> 10)
	if it.seen&bit != 0 && c.hasKey(it.keys, fingerprint) {
		c.Fail(ErrDuplicate)
		return 0
	}
	it.seen |= bit
	c.keys.list[c.keys.n] = key{fingerprint, uint16(c.pos)}
	c.keys.n++
	return end
}

// hasKey reports whether the key that comes next is one of those from number first on.
func (c *Cursor) hasKey(first int, fingerprint uint16) bool {
	for _, k := range c.keys.list[first:c.keys.n] {
		if k.fingerprint == fingerprint && sameKey(c.b, int(k.pos), c.pos) {
			return true
		}
	}
	return false
}

// fingerprintAt hashes the value of the key at b[pos], however it is encoded, and
// finds where it ends.
func fingerprintAt(b []byte, pos int) (fingerprint uint16, end int, err error) {
	initial, arg, n := headAt(b, pos)
	switch major := initial >> 5; {
	case n == 0 || major > majorNegative && major != majorText:
		return 0, 0, ErrMalformed
	case major != majorText:
		return fingerprint16(arg<<1 | uint64(major)), pos + n, nil
	}
	var w words
	r := chunksAt(b, pos)
	for count := 0; r.next(); count++ {
		if count == MaxKeyChunks {
			return 0, 0, ErrTooMany
		}
		w.add(r.chunk)
	}
	if r.malformed {
		return 0, 0, ErrMalformed
	}
	return w.fingerprint(), r.pos, nil
}

// words hashes bytes, eight at a time.
type words struct {
	sum  uint64 // of the words that are complete
	word uint64 // of up to eight bytes
	n    int
}

func (w *words) add(s []byte) {
	for _, c := range s {
		if w.n == 8 {
			w.sum = (w.sum ^ w.word) * multiplier
			w.word, w.n = 0, 0
		}
		w.word |= uint64(c) << (8 * w.n)
		w.n++
	}
}

func (w *words) fingerprint() uint16 { return fingerprint16(w.sum ^ w.word) }

const multiplier = 0x9e3779b97f4a7c15

func fingerprint16(word uint64) uint16 { return uint16(word * multiplier >> 48) }

// sameKey reports whether two keys of the input have the same value.
func sameKey(b []byte, p, q int) bool {
	initialP, argP, _ := headAt(b, p)
	initialQ, argQ, _ := headAt(b, q)
	if initialP>>5 != initialQ>>5 {
		return false
	}
	if initialP>>5 != majorText {
		return argP == argQ
	}
	x, y := chunksAt(b, p), chunksAt(b, q)
	var s, t []byte
	for {
		for len(s) == 0 && x.next() {
			s = x.chunk
		}
		for len(t) == 0 && y.next() {
			t = y.chunk
		}
		n := min(len(s), len(t))
		if n == 0 {
			return len(s) == len(t)
		}
		if string(s[:n]) != string(t[:n]) {
			return false
		}
		s, t = s[n:], t[n:]
	}
}
