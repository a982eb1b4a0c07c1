package p256

// maxTerms is how many points of tables make up one signature's sum at most: the generator's, and those of a small table.
const maxTerms = (255+generatorWindow)/generatorWindow + (255+smallWindow)/smallWindow

// term names an entry of a table: its index times two, plus one if the point is to be negated.
type term uint32

// recode writes the terms of k·P to dst, where P is a point with a table of that window, and returns how many there are: at
// most digits(window).
//
// The scalar is cut into digits from -2^(window-1) to 2^(window-1), so that a table holds half as many points; a digit that
// is 0 needs none. The scalar is brought to at most half the order before, by taking -k and -P, so that its highest digit
// leaves no carry.
func recode(dst []term, k scalar, window uint) int {
	flip := uint64(0)
	if less(&halfOrder, (*[4]uint64)(&k)) {
		k.negate()
		flip = 1
	}
	half := uint64(1) << (window - 1)
	mask := 2*half - 1
	count := 0
	carry := uint64(0)
	dst = dst[:digits(window)]
	for first := uint64(0); first < uint64(len(dst))*half; first += half {
		d := k[0]&mask + carry
		k[0] = k[0]>>(window&63) | k[1]<<((64-window)&63)
		k[1] = k[1]>>(window&63) | k[2]<<((64-window)&63)
		k[2] = k[2]>>(window&63) | k[3]<<((64-window)&63)
		k[3] >>= window & 63
		carry = (half - d) >> 63 // 1 if d is above half
		d = (d ^ -carry) + carry + 2*half&-carry
		dst[count] = term((first+d-1)<<1 | carry ^ flip)
		count += int((d | -d) >> 63) // but not if it is 0
	}
	return count
}

// gather copies what terms name to dst, in two rounds: the first touches all entries, so that the memory of a large table
// is read in parallel.
func (t *table) gather(dst []point, terms []term) (touched uint64) {
	for _, n := range terms {
		touched ^= t.points[n>>1].x[0]
	}
	dst = dst[:len(terms)]
	for i, n := range terms {
		dst[i] = t.points[n>>1]
		dst[i].y.negateIf(-uint64(n & 1))
	}
	return touched
}
