package workload

import (
	"cmp"
	"math/bits"
	"slices"
)

const (
	endOfBlock  = 256
	numLiterals = 286
	numDistance = 30
	maxCode     = 15 // bits of a literal's or distance's code
	maxHeadCode = 7  // bits of a code for code lengths
)

// code is the Huffman code of one symbol, its bits in the order in which they are written.
type code struct {
	bits   uint
	length int
}

// codesOf numbers the codes of the given lengths (RFC 1951, section 3.2.2).
func codesOf(lengths []int) []code {
	var count, next [maxCode + 2]uint
	for _, n := range lengths {
		if n > 0 {
			count[n]++
		}
	}
	for n := 1; n <= maxCode; n++ {
		next[n+1] = (next[n] + count[n]) << 1
	}
	codes := make([]code, len(lengths))
	for i, n := range lengths {
		if n > 0 {
			codes[i] = code{bits: bits.Reverse(next[n]) >> (bits.UintSize - n), length: n}
			next[n]++
		}
	}
	return codes
}

// fixedLiterals and fixedDistances are the codes of RFC 1951, section 3.2.6.
func fixedLiterals() []code {
	lengths := make([]int, 288)
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	return codesOf(lengths)
}

func fixedDistances() []code { return codesOf(slices.Repeat([]int{5}, numDistance)) }

// extra is a symbol of a length or distance, with the bits that follow it (RFC 1951, section 3.2.5).
type extra struct {
	symbol int
	bits   uint
	n      int
}

func lengthSymbol(length int) extra {
	if length == maxMatch {
		return extra{symbol: 285}
	}
	n := max(0, bits.Len(uint(length-3))-3)
	return extra{symbol: 257 + 4*n + (length-3)>>n, bits: uint(length-3) & (1<<n - 1), n: n}
}

func distanceSymbol(distance int) extra {
	n := max(0, bits.Len(uint(distance-1))-2)
	return extra{symbol: 2*n + (distance-1)>>n, bits: uint(distance-1) & (1<<n - 1), n: n}
}

func writeSymbols(w *bitWriter, tokens []token, literals, distances []code) {
	put := func(codes []code, e extra) {
		w.bits(codes[e.symbol].bits, codes[e.symbol].length)
		w.bits(e.bits, e.n)
	}
	for _, t := range tokens {
		if t.length == 0 {
			put(literals, extra{symbol: int(t.literal)})
			continue
		}
		put(literals, lengthSymbol(t.length))
		put(distances, distanceSymbol(t.distance))
	}
	put(literals, extra{symbol: endOfBlock})
}

// headOrder is the order in which the lengths of the codes for code lengths stand (RFC 1951, section 3.2.7).
var headOrder = [...]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

func writeDynamic(w *bitWriter, tokens []token) {
	literals, distances := make([]int, numLiterals), make([]int, numDistance)
	literals[endOfBlock] = 1
	for _, t := range tokens {
		if t.length == 0 {
			literals[t.literal]++
			continue
		}
		literals[lengthSymbol(t.length).symbol]++
		distances[distanceSymbol(t.distance).symbol]++
	}
	literals, distances = used(huffman(literals, maxCode), endOfBlock+1), used(huffman(distances, maxCode), 1)
	head := runs(slices.Concat(literals, distances))
	frequencies := make([]int, len(headOrder))
	for _, r := range head {
		frequencies[r.symbol]++
	}
	headLengths := huffman(frequencies, maxHeadCode)
	n := len(headOrder)
	for n > 4 && headLengths[headOrder[n-1]] == 0 {
		n--
	}
	w.bits(uint(len(literals)-257), 5)
	w.bits(uint(len(distances)-1), 5)
	w.bits(uint(n-4), 4)
	for _, symbol := range headOrder[:n] {
		w.bits(uint(headLengths[symbol]), 3)
	}
	headCodes := codesOf(headLengths)
	for _, r := range head {
		w.bits(headCodes[r.symbol].bits, headCodes[r.symbol].length)
		w.bits(r.bits, r.n)
	}
	writeSymbols(w, tokens, codesOf(literals), codesOf(distances))
}

// used cuts the unused symbols off the end, down to least.
func used(lengths []int, least int) []int {
	n := len(lengths)
	for n > least && lengths[n-1] == 0 {
		n--
	}
	return lengths[:n]
}

// runs writes code lengths with the symbols 16 to 18 for repetitions (RFC 1951, section 3.2.7).
func runs(lengths []int) []extra {
	var out []extra
	for i := 0; i < len(lengths); {
		n := 1
		for i+n < len(lengths) && lengths[i+n] == lengths[i] {
			n++
		}
		i += n
		value := lengths[i-1]
		if value != 0 {
			out = append(out, extra{symbol: value})
			n--
		}
		for n > 0 {
			r, took := run(value, n)
			out = append(out, r)
			n -= took
		}
	}
	return out
}

// run returns the symbol for the most of n repetitions of a value that one symbol can stand for.
func run(value, n int) (extra, int) {
	switch {
	case n < 3:
		return extra{symbol: value}, 1
	case value != 0:
		n = min(n, 6)
		return extra{symbol: 16, bits: uint(n - 3), n: 2}, n
	case n <= 10:
		return extra{symbol: 17, bits: uint(n - 3), n: 3}, n
	}
	n = min(n, 138)
	return extra{symbol: 18, bits: uint(n - 11), n: 7}, n
}

// node of a Huffman tree; a leaf has no children.
type node struct {
	weight, symbol int
	children       [2]*node
}

// huffman returns the lengths of an optimal code for symbols that occur so often. Where a length would exceed the limit it
// flattens the frequencies and tries again, which costs a few bits. There are always at least two codes, as zlib has it.
func huffman(frequencies []int, limit int) []int {
	frequencies = slices.Clone(frequencies)
	for i, missing := 0, 2-count(frequencies); i < len(frequencies) && missing > 0; i++ {
		if frequencies[i] == 0 {
			frequencies[i] = 1
			missing--
		}
	}
	for {
		lengths := make([]int, len(frequencies))
		deepest := measureDepth(tree(frequencies), 0, lengths)
		if deepest <= limit {
			return lengths
		}
		for i, f := range frequencies {
			frequencies[i] = (f + 1) / 2
		}
	}
}

func count(frequencies []int) (n int) {
	for _, f := range frequencies {
		if f > 0 {
			n++
		}
	}
	return n
}

func tree(frequencies []int) *node {
	var nodes []*node
	for symbol, f := range frequencies {
		if f > 0 {
			nodes = append(nodes, &node{weight: f, symbol: symbol})
		}
	}
	for len(nodes) > 1 {
		slices.SortStableFunc(nodes, func(a, b *node) int { return cmp.Compare(a.weight, b.weight) })
		joined := &node{weight: nodes[0].weight + nodes[1].weight, children: [2]*node{nodes[0], nodes[1]}}
		nodes = append(nodes[2:], joined)
	}
	return nodes[0]
}

// measureDepth writes each symbol's depth to lengths and returns the greatest.
func measureDepth(n *node, depth int, lengths []int) int {
	if n.children[0] == nil {
		lengths[n.symbol] = depth
		return depth
	}
	return max(measureDepth(n.children[0], depth+1, lengths), measureDepth(n.children[1], depth+1, lengths))
}
