package verify_test

import (
	"bytes"
	"compress/zlib"
	"crypto/elliptic"
	"encoding/asn1"
	"encoding/binary"
	"hash/adler32"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"

	"passerelle/gateway/sig"
	"passerelle/gateway/verify"
)

// base is a code that mutations start from, taken apart as far as it opens.
type base struct {
	code       []byte
	compressed []byte
	inflated   []byte
	parts      sign1
	claims     any // decoded; nil if the code does not open so far
	now        int64
}

func newBase(code []byte, now int64) base {
	b := base{code: code, now: now}
	body, ok := bytes.CutPrefix(withoutAIM(code), []byte("HC1:"))
	if !ok {
		return b
	}
	b.compressed, _ = plainBase45(body)
	b.inflated, _ = plainInflate(b.compressed, verify.MaxInflated)
	parts, err := split(b.inflated)
	if err != nil {
		return b
	}
	if b.claims, err = (rules{}).plain(parts.payload); err != nil {
		b.claims = nil
	}
	b.parts = parts
	return b
}

// mutator makes codes out of others, the same ones from the same random.
type mutator struct {
	random  *rand.Rand
	bases   []base // any
	opened  []base // with claims
	signers []signer
	deflater
}

func newMutator(random *rand.Rand, bases []base, signers []signer) *mutator {
	m := &mutator{random: random, bases: bases, signers: signers}
	for _, b := range bases {
		if b.claims != nil {
			m.opened = append(m.opened, b)
		}
	}
	return m
}

func (m *mutator) one(n int) bool { return m.random.IntN(n) == 0 }

func pick[T any](m *mutator, from []T) T { return from[m.random.IntN(len(from))] }

// mutations are the ways in which a code is changed, each as often as its weight.
var mutations = []struct {
	weight int
	name   string
	change func(m *mutator) []byte
}{
	{4, "none", func(m *mutator) []byte { return pick(m, m.bases).code }},
	{8, "text", (*mutator).text},
	{10, "compressed bytes", func(m *mutator) []byte { return codeOf(m.bytes(pick(m, m.opened).compressed)) }},
	{2, "deflate blocks", (*mutator).blocks},
	{16, "message", func(m *mutator) []byte { return m.pack(m.bytes(pick(m, m.opened).inflated), pick(m, levels)) }},
	{6, "encoding alone", func(m *mutator) []byte { return m.parts(pick(m, m.opened).parts) }},
	{12, "one part", (*mutator).part},
	{4, "parts of two", (*mutator).exchanged},
	{12, "numbers of the signature", (*mutator).numbers},
	{16, "claims, signed again", (*mutator).claims},
	{10, "headers, signed again", (*mutator).headers},
	{8, "payload bytes, signed again", (*mutator).payload},
}

// next makes one code.
func (m *mutator) next() []byte {
	all := 0
	for _, k := range mutations {
		all += k.weight
	}
	n := m.random.IntN(all)
	for _, k := range mutations {
		if n -= k.weight; n < 0 {
			return k.change(m)
		}
	}
	panic("the weights do not add up")
}

// bytes changes b in one place, now and then in several.
func (m *mutator) bytes(b []byte) []byte {
	b = slices.Clone(b)
	for {
		b = m.bytesOnce(b)
		if !m.one(4) {
			return b
		}
	}
}

func (m *mutator) bytesOnce(b []byte) []byte {
	if len(b) == 0 {
		return []byte{byte(m.random.Uint32())}
	}
	at, size := m.random.IntN(len(b)), 1+m.random.IntN(min(8, len(b)))
	end := min(at+size, len(b))
	switch m.random.IntN(10) {
	case 0, 1, 2:
		b[at] ^= 1 << m.random.IntN(8)
	case 3, 4:
		b[at] = pick(m, []byte{0, 1, 0x17, 0x18, 0x40, 0x5f, 0x60, 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xc0, 0xf6, 0xff, byte(m.random.Uint32())})
	case 5:
		return slices.Delete(b, at, end)
	case 6:
		return slices.Insert(b, at, b[at:end]...)
	case 7:
		for i := 0; i < size; i++ {
			b = slices.Insert(b, at, byte(m.random.Uint32()))
		}
	case 8:
		return b[:at]
	case 9:
		other := m.random.IntN(len(b))
		b[at], b[other] = b[other], b[at]
	}
	return b
}

// text changes what was scanned, mostly so that it stays in the alphabet.
func (m *mutator) text() []byte {
	code := pick(m, m.bases).code
	switch m.random.IntN(12) {
	case 0:
		return append([]byte(pick(m, []string{"]Q1", "]z0", "]d2", "]Q", "HC1:", "HC1", "hc1:", " ", "\ufeff"})), code...)
	case 1:
		other := pick(m, m.bases).code
		return slices.Concat(code[:m.random.IntN(len(code)+1)], other[m.random.IntN(len(other)+1):])
	case 2:
		return slices.Concat(code, bytes.Repeat([]byte{pick(m, []byte(base45Alphabet))}, max(0, verify.MaxScan-len(code)+m.random.IntN(4))))
	case 3, 4, 5, 6, 7:
		code = slices.Clone(code)
		for range 1 + m.random.IntN(2) {
			if len(code) > 0 {
				code[m.random.IntN(len(code))] = pick(m, []byte(base45Alphabet))
			}
		}
		return code
	}
	return m.bytes(code)
}

// blocks makes streams that packers do not: many stored blocks, and those that end around the limit.
func (m *mutator) blocks() []byte {
	around := bytes.Repeat([]byte{byte(m.random.Uint32())}, verify.MaxInflated-4+m.random.IntN(9))
	switch m.random.IntN(3) {
	case 0: // a bomb, its end cut off now and then
		packed := m.pack(around, zlib.BestCompression)
		return packed[:len(packed)-m.random.IntN(3)]
	case 1: // a bomb with a stored block at its end
		block := make([]byte, m.random.IntN(1000))
		stream := stored(flushed(around[:len(around)-m.random.IntN(1200)]), block, true)
		if m.one(2) {
			return codeOf(stream[:len(stream)-m.random.IntN(1+len(block))])
		}
		return codeOf(binary.BigEndian.AppendUint32(stream, adler32.Checksum(around)))
	}
	content := pick(m, m.opened).inflated
	out := []byte{0x78, 0x9c}
	for rest := content; len(rest) > 0; {
		n := 1 + m.random.IntN(len(rest))
		out = stored(out, rest[:n], n == len(rest))
		rest = rest[n:]
	}
	out = binary.BigEndian.AppendUint32(out, adler32.Checksum(content))
	if m.one(3) {
		out = m.bytes(out)
	}
	return codeOf(out)
}

// flushed is the beginning of a zlib stream, up to the end of a byte.
func flushed(content []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	if _, err := w.Write(content); err != nil {
		panic(err)
	}
	if err := w.Flush(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// stored appends a stored block (RFC 1951, section 3.2.4).
func stored(stream, content []byte, last bool) []byte {
	header := byte(0)
	if last {
		header = 1
	}
	stream = append(stream, header)
	stream = binary.LittleEndian.AppendUint16(stream, uint16(len(content)))
	stream = binary.LittleEndian.AppendUint16(stream, ^uint16(len(content)))
	return append(stream, content...)
}

// parts encodes a message as one of those that mean the same, mostly: tags, lengths, heads.
func (m *mutator) parts(s sign1) []byte {
	var message any = []any{s.protected, raw(s.unprotected), s.payload, s.signature}
	switch m.random.IntN(24) {
	case 0, 1:
	case 2, 3:
		message = tagged{61, tagged{18, message}}
	case 4:
		message = tagged{pick(m, []uint64{0, 2, 16, 17, 19, 24, 61, 98, 55799, math.MaxUint64}), message}
	case 5:
		message = tagged{18, tagged{pick(m, []uint64{18, 61, 3}), message}}
	default:
		message = tagged{18, message}
	}
	return m.pack(cborOf(message, m.random), pick(m, levels))
}

// part changes one part of a message, which is then encoded well.
func (m *mutator) part() []byte {
	s := pick(m, m.opened).parts
	switch m.random.IntN(5) {
	case 0:
		s.protected = m.bytes(s.protected)
	case 1:
		s.unprotected = m.bytes(s.unprotected)
	case 2:
		s.payload = m.bytes(s.payload)
	case 3:
		s.signature = m.bytes(s.signature)
	case 4:
		id := pick(m, m.signers).id
		s.unprotected = cborOf([]pair{{4, pick(m, [][]byte{id[:], id[:7], m.bytes(id[:]), {}})}}, m.random)
	}
	return m.parts(s)
}

// exchanged puts a part of one message into another.
func (m *mutator) exchanged() []byte {
	s, other := pick(m, m.opened).parts, pick(m, m.opened).parts
	switch m.random.IntN(4) {
	case 0:
		s.protected = other.protected
	case 1:
		s.unprotected = other.unprotected
	case 2:
		s.payload = other.payload
	case 3:
		s.signature = other.signature
	}
	return m.parts(s)
}

// numbers makes a signature of numbers that a verifier must look at: those at the ends of the range, and mirrored ones.
func (m *mutator) numbers() []byte {
	s := pick(m, m.opened).parts
	curve := elliptic.P256().Params()
	switch len(s.signature) {
	case 96:
		curve = elliptic.P384().Params()
	case 132:
		curve = elliptic.P521().Params()
	}
	size := (curve.BitSize + 7) / 8
	if len(s.signature) != 2*size {
		s.signature = make([]byte, 2*size)
	}
	numbers := []*big.Int{new(big.Int).SetBytes(s.signature[:size]), new(big.Int).SetBytes(s.signature[size:])}
	one, top := big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), uint(8*size))
	change := func(x *big.Int) *big.Int {
		switch m.random.IntN(10) {
		case 0:
			return new(big.Int)
		case 1:
			return one
		case 2:
			return new(big.Int).Sub(curve.N, one)
		case 3:
			return curve.N
		case 4:
			return new(big.Int).Add(curve.N, one)
		case 5:
			return new(big.Int).Sub(top, one)
		case 6:
			return new(big.Int).Mod(new(big.Int).Add(x, curve.N), top)
		case 7:
			return new(big.Int).Sub(curve.P, one)
		case 8:
			return new(big.Int).Rsh(x, 8)
		}
		return new(big.Int).Mod(new(big.Int).Sub(curve.N, x), top)
	}
	switch m.random.IntN(8) {
	case 0, 1:
		numbers[1] = new(big.Int).Mod(new(big.Int).Sub(curve.N, numbers[1]), top) // mirrored: still valid
	case 2, 3:
		numbers[0] = change(numbers[0])
	case 4, 5:
		numbers[1] = change(numbers[1])
	case 6:
		numbers[0], numbers[1] = change(numbers[0]), change(numbers[1])
	case 7:
		numbers[0], numbers[1] = numbers[1], numbers[0]
	}
	s.signature = slices.Concat(numbers[0].FillBytes(make([]byte, size)), numbers[1].FillBytes(make([]byte, size)))
	switch m.random.IntN(12) {
	case 0:
		s.signature, _ = asn1.Marshal(integers{numbers[0], numbers[1]})
	case 1:
		s.signature = append([]byte{0}, s.signature...)
	case 2:
		s.signature = slices.Concat([]byte{0}, s.signature[:size], []byte{0}, s.signature[size:])
	case 3:
		s.signature = nil
	}
	return m.parts(s)
}

// signer takes one of the keys, mostly one that is quick.
func (m *mutator) signer() *signer {
	for {
		s := &m.signers[m.random.IntN(len(m.signers))]
		if s.quick() || s.alg != sig.PS256 && m.one(4) || m.one(12) {
			return s
		}
	}
}

// signed signs a payload under the usual headers.
func (m *mutator) signed(payload []byte) []byte {
	s := m.signer()
	protected := cborOf([]pair{{1, int64(s.alg)}, {4, s.id[:]}}, nil)
	return m.parts(s.message(protected, []byte{0xa0}, payload))
}

// claims changes claims and has them signed: otherwise nobody would read them.
func (m *mutator) claims() []byte {
	claims := tree(pick(m, m.opened).claims)
	for range m.random.IntN(3) {
		claims = m.edit(claims)
	}
	return m.signed(cborOf(claims, m.random))
}

// payload changes the bytes of a payload and has it signed.
func (m *mutator) payload() []byte {
	return m.signed(m.bytes(pick(m, m.opened).parts.payload))
}

// headers changes the headers before signing.
func (m *mutator) headers() []byte {
	s := m.signer()
	protected := []pair{{1, int64(s.alg)}, {4, s.id[:]}}
	unprotected := []pair{}
	if m.one(3) {
		protected, unprotected = protected[:1], protected[1:]
	}
	if m.one(2) {
		protected = m.header(protected)
	}
	if m.one(2) {
		unprotected = m.header(unprotected)
	}
	encoded := cborOf(protected, m.random)
	if m.one(8) {
		encoded = m.bytes(encoded)
	}
	if len(protected) == 0 && m.one(2) {
		encoded = nil
	}
	other := cborOf(unprotected, m.random)
	if m.one(8) {
		other = m.bytes(other)
	}
	return m.parts(s.message(encoded, other, pick(m, m.opened).parts.payload))
}
