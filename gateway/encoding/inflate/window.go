package inflate

import (
	"encoding/binary"
	"math"
	"slices"
)

// window is the output, and the history that matches copy from.
type window struct {
	buf   []byte // room up to the limit, as far as it is allocated
	start int    // where this stream's output begins
	n     int    // where the next byte goes
	end   int    // where the output must end: start + limit
}

func (w *window) reset(dst []byte, limit int) {
	w.start, w.n = len(dst), len(dst)
	w.end = w.start + min(max(limit, 0), math.MaxInt-w.start)
	w.buf = dst[:min(cap(dst), w.end)]
}

func (w *window) written() []byte {
	return w.buf[w.start:w.n]
}

// reserve makes room for k more bytes. It reports whether the limit allows them.
func (w *window) reserve(k int) bool {
	if k <= len(w.buf)-w.n {
		return true
	}
	if k > w.end-w.n {
		return false
	}
	w.buf = slices.Grow(w.buf[:w.n], k)
	w.buf = w.buf[:min(cap(w.buf), w.end)]
	return true
}

// copyMatch repeats length bytes from distance back; the bytes that it writes
// may be its own source. There must be room, and distance must be valid. It may
// spoil some of the room behind what it writes.
func (w *window) copyMatch(length, distance int) {
	dst, src := w.buf[w.n:], w.buf[w.n-distance:]
	w.n += length
	i := 0
	for distance >= 8 && i < length && len(dst)-i >= 8 {
		binary.LittleEndian.PutUint64(dst[i:], binary.LittleEndian.Uint64(src[i:]))
		i += 8
	}
	for ; i < length; i++ {
		dst[i] = src[i]
	}
}
