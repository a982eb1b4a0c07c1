package inflate

import "encoding/binary"

const (
	adlerPrime = 65521
	// adlerRun is how many bytes are added up in 16-bit lanes, each lane taking
	// every eighth byte: 256·255 still fits.
	adlerRun = 8 * 256

	everyOther = 0x00ff_00ff_00ff_00ff
	addLanes   = 0x0001_0001_0001_0001 // a product's uppermost lane is the sum of all four
)

// adler32 returns the checksum of RFC 1950, section 8.2.
func adler32(p []byte) uint32 {
	a, b := uint64(1), uint64(0)
	for ; len(p) > adlerRun; p = p[adlerRun:] {
		a, b = adlerAdd(a, b, p[:adlerRun])
	}
	a, b = adlerAdd(a, b, p)
	return uint32(b<<16 | a)
}

// adlerAdd adds at most adlerRun bytes to both sums: a is one plus the sum of
// all bytes, b the sum of all values that a took.
func adlerAdd(a, b uint64, p []byte) (uint64, uint64) {
	// Eight bytes a step. Within a step a byte counts 8 times in b if it is the
	// first, once if it is the last, and what came before counts 8 times.
	var before, even, odd uint64
	whole := len(p) &^ 7
	for i := 0; i < whole; i += 8 {
		v := binary.LittleEndian.Uint64(p[i : i+8])
		v0, v1 := v&everyOther, v>>8&everyOther
		before += a
		a += (v0 + v1) * addLanes >> 48
		even += v0
		odd += v1
	}
	b += 8 * before
	for weight := uint64(8); weight > 0; weight -= 2 {
		b += weight*(even&0xffff) + (weight-1)*(odd&0xffff)
		even >>= 16
		odd >>= 16
	}
	for _, c := range p[whole:] {
		a += uint64(c)
		b += a
	}
	return a % adlerPrime, b % adlerPrime
}
