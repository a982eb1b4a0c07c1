package workload

import (
	"encoding/binary"
	"fmt"
	"hash/adler32"
)

// block is a type of DEFLATE block (RFC 1951, section 3.2.3). What a code costs to inflate depends on it.
type block uint8

const (
	stored  block = 0
	fixed   block = 1
	dynamic block = 2
)

func (b block) String() string {
	switch b {
	case stored:
		return "stored"
	case fixed:
		return "fixed Huffman"
	case dynamic:
		return "dynamic Huffman"
	}
	return fmt.Sprintf("block type %d", uint8(b))
}

// maxPacked is the longest message that pack takes: it makes one block, within one window.
const maxPacked = 16 << 10

// pack returns msg as a zlib stream of one block of the given type, behind the given header. It finds the same matches as the
// zlib library at its levels 6 to 9, which is what issuers use; the encoders of Go's libraries find other ones, and choose
// dynamic codes where zlib does not and the other way round, so that a workload made by them would be another one.
func pack(msg []byte, header [2]byte, kind block) ([]byte, error) {
	if len(msg) > maxPacked {
		return nil, fmt.Errorf("pack: %d bytes, at most %d", len(msg), maxPacked)
	}
	w := bitWriter{out: header[:]}
	w.bits(1, 1) // the last block
	w.bits(uint(kind), 2)
	switch kind {
	case stored:
		w.align()
		w.out = binary.LittleEndian.AppendUint16(w.out, uint16(len(msg)))
		w.out = binary.LittleEndian.AppendUint16(w.out, ^uint16(len(msg)))
		w.out = append(w.out, msg...)
	case fixed:
		writeSymbols(&w, match(msg), fixedLiterals(), fixedDistances())
	case dynamic:
		writeDynamic(&w, match(msg))
	default:
		return nil, fmt.Errorf("pack: %v", kind)
	}
	w.align()
	return binary.BigEndian.AppendUint32(w.out, adler32.Checksum(msg)), nil
}

// token is a literal (length 0) or a match.
type token struct {
	literal          byte
	length, distance int
}

const (
	minMatch = 3
	maxMatch = 258
)

// match is zlib's lazy matching: a match is taken unless one that begins a byte later is longer. zlib never finds a match
// that begins at the first byte of all; nor does this.
func match(msg []byte) []token {
	var tokens []token
	before := make(map[[minMatch]byte][]int) // where three bytes stand, in rising order
	insert := func(at int) {
		if at+minMatch <= len(msg) {
			key := [minMatch]byte(msg[at:])
			before[key] = append(before[key], at)
		}
	}
	length, distance, waiting := 0, 0, false // of the match found a byte before; waiting: that byte is not written yet
	for at := 0; at < len(msg); {
		next, nextDistance := 0, 0
		if at+minMatch <= len(msg) {
			next, nextDistance = longest(msg, at, before[[minMatch]byte(msg[at:])], length)
		}
		insert(at)
		if length >= minMatch && next <= length {
			tokens = append(tokens, token{length: length, distance: distance})
			end := at - 1 + length
			for at++; at < end; at++ {
				insert(at)
			}
			length, distance, waiting = 0, 0, false
			continue
		}
		if waiting {
			tokens = append(tokens, token{literal: msg[at-1]})
		}
		length, distance, waiting = next, nextDistance, true
		at++
	}
	if waiting {
		tokens = append(tokens, token{literal: msg[len(msg)-1]})
	}
	return tokens
}

// longest returns the nearest of the longest matches that are longer than atLeast.
func longest(msg []byte, at int, candidates []int, atLeast int) (length, distance int) {
	length = max(atLeast, minMatch-1)
	for i := len(candidates) - 1; i >= 0 && candidates[i] > 0; i-- {
		n := 0
		for n < maxMatch && at+n < len(msg) && msg[candidates[i]+n] == msg[at+n] {
			n++
		}
		if n > length {
			length, distance = n, at-candidates[i]
		}
	}
	if distance == 0 {
		return 0, 0
	}
	return length, distance
}

// bitWriter packs bits from the lowest of each byte upwards (RFC 1951, section 3.1.1).
type bitWriter struct {
	out  []byte
	acc  uint64
	held int
}

func (w *bitWriter) bits(value uint, n int) {
	w.acc |= uint64(value) << w.held
	for w.held += n; w.held >= 8; w.held -= 8 {
		w.out = append(w.out, byte(w.acc))
		w.acc >>= 8
	}
}

func (w *bitWriter) align() {
	if w.held > 0 {
		w.bits(0, 8-w.held)
	}
}
