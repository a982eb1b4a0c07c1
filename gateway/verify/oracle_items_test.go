package verify_test

import (
	"bytes"
	"math"
	"slices"
	"strings"
)

// header changes one header: a parameter more, one of another shape, or one less.
func (m *mutator) header(h []pair) []pair {
	h = slices.Clone(h)
	long := bytes.Repeat([]byte{7}, 60+m.random.IntN(10))
	switch m.random.IntN(8) {
	case 0:
		return append(h, pair{2, pick(m, []any{[]any{1}, []any{4}, []any{2}, []any{}, []any{"x"}, 1})})
	case 1:
		return append(h, pair{4, pick(m, []any{long, long, "kid", nil, []byte{}})})
	case 2, 3:
		label := pick(m, []any{1, 3, 5, 6, 7, 9, 11, 12, 15, 16, 33, 34, -65537, "x"})
		return append(h, pair{label, pick(m, []any{0, 61, "application/cwt", "x", []byte{1}, []any{}, nil, 1.5, -7})})
	case 4:
		return append(h, pair{pick(m, keys), m.odd(0)})
	case 5:
		return append(h, pair{"x", pick(m, []any{m.odd(0), []pair{{pick(m, keys), 0}}, pick(m, values[0])})})
	}
	if len(h) > 0 {
		i := m.random.IntN(len(h))
		if m.one(3) {
			return slices.Delete(h, i, i+1)
		}
		if n, ok := h[i].value.(int64); ok && m.one(2) {
			h[i].value = pick(m, []any{-7, -8, -35, -36, -37, -257, n + 1<<16, n + 1<<32, 0, "ES256", uint64(math.MaxUint64), true, 7.0})
			return h
		}
		h[i].value = m.odd(h[i].value)
	}
	return h
}

// keys are keys that a map may have besides.
var keys = slices.Concat(
	[]any{0, 1, 2, 4, 5, 6, -260, "v", "t", "r", "dn", "id", "", "x"},
	[]any{[]byte("v"), 1.5, []any{}, tagged{1, 1}, raw("\xf4"), raw("\xf6")}, // neither integers nor texts
	[]any{int64(math.MaxInt64), uint64(math.MaxInt64 + 1), uint64(math.MaxUint64), raw("\x18\x06")},
	[]any{raw("\x3b\x7f\xff\xff\xff\xff\xff\xff\xff"), raw("\x3b\x80\x00\x00\x00\x00\x00\x00\x00")},       // -2^63 and one less
	[]any{raw("\x61\xff"), raw("\x7f\x61a\x61b\x61c\x61d\xff"), raw("\x7f\x61a\x61b\x61c\x61d\x61e\xff")}, // no UTF-8; four chunks; five
)

// values are what may stand where something else should, by what they are.
var values = [][]any{
	{0, 1, -1, math.MaxInt32, math.MaxInt32 + 1, int64(math.MaxInt64), uint64(math.MaxUint64), raw("\x3b\xff\xff\xff\xff\xff\xff\xff\xff")},
	{1_650_000_000, 1_800_000_000, 253_402_300_800, 1_650_000_000.25, 253_402_300_799.5},
	{1.0, 2.5, 4.0, math.Copysign(0, -1), 1e300, math.NaN(), math.Inf(1), float32(1.5), raw("\xf9\x3c\x00")},
	{nil, true, false, raw("\xf7"), raw("\xe0"), raw("\xf8\xff")},
	{raw("\xf8\x14"), raw("\xff"), raw("\x1c"), raw("\x62\xc3\x28")}, // no CBOR
	{"", "x", "é", "2021-05-05", strings.Repeat("y", 300), raw("\x7f\x61x\xff"), raw("\x7f\xff")},
	{[]byte("x"), []byte{}, []any{}, []pair{}, []any{nil}},
}

// edit returns an item that is changed in one place; the item itself stays.
func (m *mutator) edit(v any) any {
	switch v := v.(type) {
	case []pair:
		v = slices.Clone(v)
		if len(v) == 0 || m.one(5) {
			return m.editMap(v)
		}
		i := m.random.IntN(len(v))
		v[i].value = m.edit(v[i].value)
		return v
	case []any:
		v = slices.Clone(v)
		if len(v) > 0 && !m.one(5) {
			i := m.random.IntN(len(v))
			v[i] = m.edit(v[i])
			return v
		}
		if len(v) > 0 && m.one(2) {
			return append(v, v[0])
		}
		return v[:0]
	}
	return m.odd(v)
}

func (m *mutator) editMap(v []pair) any {
	switch m.random.IntN(8) {
	case 0, 1:
		if len(v) > 0 {
			i := m.random.IntN(len(v))
			return slices.Delete(v, i, i+1)
		}
	case 2:
		if len(v) > 0 {
			p := v[m.random.IntN(len(v))]
			return append(v, pair{p.key, m.odd(p.value)}) // twice
		}
	case 3:
		m.random.Shuffle(len(v), func(i, j int) { v[i], v[j] = v[j], v[i] })
		return v
	case 4:
		return m.odd(v)
	case 5:
		return append(v, pair{"many", m.many(200 + m.random.IntN(100))})
	}
	return append(v, pair{pick(m, keys), m.odd(nil)})
}

// many returns a map of n keys, now and then with another in it.
func (m *mutator) many(n int) []pair {
	pairs := make([]pair, n)
	for i := range pairs {
		pairs[i] = pair{1000 + i, 0}
	}
	if m.one(2) {
		pairs[n-1].value = m.many(min(n, 255))
	}
	return pairs
}

// odd returns a value that may stand in place of v.
func (m *mutator) odd(v any) any {
	switch m.random.IntN(10) {
	case 0:
		return tagged{pick(m, []uint64{0, 1, 2, 3, 21, 24, 37, 1004, 55799}), v}
	case 1:
		nested := v
		for range m.random.IntN(9) {
			nested = pick(m, []any{[]any{nested}, []pair{{0, nested}}, []any{0, nested}, tagged{6, nested}})
		}
		return nested
	case 2:
		return slices.Repeat([]any{0}, pick(m, []int{1, 2, 255, 256, 257}))
	case 3:
		return []pair{{pick(m, keys), v}, {"y", 0}}
	case 4:
		return pick(m, []any{[]any{v}, []any{v, v}})
	}
	return pick(m, pick(m, values))
}
