package inflate

const (
	maxSymbols = 288 // of the largest alphabet: literals and lengths

	endOfBlock  = 256
	firstLength = 257
	maxLitLens  = 286 // literals and lengths that a block may give a code to
	maxDists    = 30  // distances that a block may give a code to
	maxMatch    = 258

	codeLenBits  = 7 // the longest code of a code length
	codeLenMask  = 1<<codeLenBits - 1
	codeLenBatch = 8 // as many as a fill is enough for

	// The code lengths that are none (RFC 1951, section 3.2.7).
	repetition = 16 // of the last one, 3 to 6 times
	shortZeros = 17 // 3 to 10 symbols without a code
	longZeros  = 18 // 11 to 138 symbols without a code
)

// What the symbols of the three alphabets mean (RFC 1951, sections 3.2.5 and
// 3.2.7), and the codes that section 3.2.6 fixes. None of it ever changes.
var (
	litLenMeanings  = makeLitLenMeanings()
	distMeanings    = makeDistMeanings()
	codeLenMeanings = makeCodeLenMeanings()

	fixedLitLen   = makeFixedLitLen()
	fixedDist     = makeFixedDist()
	fixedLiterals = makeFixedLiterals()
)

// codeLenOrder is the order in which the lengths of code length codes are sent.
var codeLenOrder = [...]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

func makeLitLenMeanings() (m [maxSymbols]entry) {
	for i := range endOfBlock {
		m[i] = entryLiteral | entry(i)<<entryBase
	}
	m[endOfBlock] = entryEnd
	length := 3
	for i := firstLength; i < maxLitLens-1; i++ {
		extra := max(0, (i-firstLength)/4-1)
		m[i] = entry(length)<<entryBase | entry(extra)
		length += 1 << extra
	}
	m[maxLitLens-1] = maxMatch << entryBase
	m[maxLitLens], m[maxLitLens+1] = entryInvalid, entryInvalid
	return m
}

func makeDistMeanings() (m [maxSymbols]entry) {
	distance := 1
	for i := range maxDists {
		extra := max(0, i/2-1)
		m[i] = entry(distance)<<entryBase | entry(extra)
		distance += 1 << extra
	}
	m[maxDists], m[maxDists+1] = entryInvalid, entryInvalid
	return m
}

func makeCodeLenMeanings() (m [maxSymbols]entry) {
	for i := range repetition {
		m[i] = codeLenEntry(i, 1)
	}
	m[repetition] = entryRepeat | 3<<entryBase | 2
	m[shortZeros] = 3<<entryBase | 3
	m[longZeros] = 11<<entryBase | 7
	return m
}

func makeFixedLitLen() *table {
	t := new(table)
	t.reset(&litLenMeanings)
	for i := range 288 {
		switch {
		case i < 144:
			t.add(i, 8)
		case i < 256:
			t.add(i, 9)
		case i < 280:
			t.add(i, 7)
		default:
			t.add(i, 8)
		}
	}
	t.build(tableBits)
	return t
}

func makeFixedDist() *table {
	t := new(table)
	t.reset(&distMeanings)
	for i := range 32 {
		t.add(i, 5)
	}
	t.build(tableBits)
	return t
}

// noLiteral stands for a code that is none in makeFixedLiterals.
const noLiteral = 1 << 8

// makeFixedLiterals returns the literals of the fixed code alone.
func makeFixedLiterals() (t [1 << tableBits]uint16) {
	for i, e := range fixedLitLen.lookup {
		t[i] = noLiteral
		if e.is(entryLiteral) {
			t[i] = uint16(e.literal())
		}
	}
	return t
}
