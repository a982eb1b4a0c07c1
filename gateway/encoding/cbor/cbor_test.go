package cbor

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// unhex reads hexadecimal digits, with spaces.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// skip reads one item and wants nothing after it.
func skip(b []byte) error {
	var c Cursor
	c.Reset(b)
	c.Skip()
	c.End()
	return c.Err()
}

func TestIntegers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		hex  string
		want int64
		err  error
	}{
		{"00", 0, nil},
		{"17", 23, nil},
		{"1818", 24, nil},
		{"1801", 1, nil}, // longer than it needs to be
		{"190001", 1, nil},
		{"1a00000001", 1, nil},
		{"1b0000000000000001", 1, nil},
		{"1b7fffffffffffffff", math.MaxInt64, nil},
		{"1b8000000000000000", 0, ErrRange},
		{"20", -1, nil},
		{"37", -24, nil},
		{"3903e7", -1000, nil},
		{"3b7fffffffffffffff", math.MinInt64, nil},
		{"3b8000000000000000", 0, ErrRange},
		{"f90000", 0, ErrType},
		{"61 31", 0, ErrType},
		{"18", 0, ErrMalformed},
		{"19 00", 0, ErrMalformed},
		{"1a 000000", 0, ErrMalformed},
		{"1b 00000000000000", 0, ErrMalformed},
		{"", 0, ErrMalformed},
		{"1f", 0, ErrMalformed},
		{"1c", 0, ErrMalformed},
	} {
		var c Cursor
		c.Reset(unhex(t, tt.hex))
		got := c.Int()
		c.End()
		if got != tt.want || !errors.Is(c.Err(), tt.err) {
			t.Errorf("%s: got %d, %v, want %d, %v", tt.hex, got, c.Err(), tt.want, tt.err)
		}
		if c.Err() != nil && c.Offset() != 0 {
			t.Errorf("%s: the error is at %d, want 0", tt.hex, c.Offset())
		}
	}
}

// Floats of RFC 8949, appendix A, and what is refused.
func TestNumbers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		hex  string
		want float64
		err  error
	}{
		{"f90000", 0, nil},
		{"f98000", math.Copysign(0, -1), nil},
		{"f93c00", 1, nil},
		{"fb3ff199999999999a", 1.1, nil},
		{"f93e00", 1.5, nil},
		{"f97bff", 65504, nil},
		{"fa47c35000", 100000, nil},
		{"fa7f7fffff", 3.4028234663852886e+38, nil},
		{"fb7e37e43c8800759c", 1.0e+300, nil},
		{"f90001", 5.960464477539063e-8, nil},
		{"f90400", 0.00006103515625, nil},
		{"f9c400", -4, nil},
		{"fbc010666666666666", -4.1, nil},
		{"1a63b0cd00", 1672531200, nil},
		{"3903e7", -1000, nil},
		{"1bffffffffffffffff", 1 << 64, nil},
		{"3bffffffffffffffff", -(1 << 64), nil},
		{"f97c00", 0, ErrRange},
		{"f9fc00", 0, ErrRange},
		{"f97e00", 0, ErrRange},
		{"f97c01", 0, ErrRange},
		{"fa7f800000", 0, ErrRange},
		{"fa7fc00000", 0, ErrRange},
		{"fb7ff0000000000000", 0, ErrRange},
		{"fbfff0000000000000", 0, ErrRange},
		{"fb7ff8000000000000", 0, ErrRange},
		{"f5", 0, ErrType},
		{"f6", 0, ErrType},
		{"6131", 0, ErrType},
		{"f93c", 0, ErrMalformed},
		{"ff", 0, ErrMalformed},
	} {
		var c Cursor
		c.Reset(unhex(t, tt.hex))
		got := c.Number()
		c.End()
		if math.Float64bits(got) != math.Float64bits(tt.want) || !errors.Is(c.Err(), tt.err) {
			t.Errorf("%s: got %v, %v, want %v, %v", tt.hex, got, c.Err(), tt.want, tt.err)
		}
	}
}

func TestEveryInitialByteHasItsKind(t *testing.T) {
	t.Parallel()
	for i := range 256 {
		want := KindSimple
		switch {
		case i == 0xf4 || i == 0xf5:
			want = KindBool
		case i == 0xf6 || i == 0xf7:
			want = KindNull
		case i >= 0xf9 && i <= 0xfb:
			want = KindFloat
		case i == 0xff:
			want = KindEnd
		case i < 0xe0:
			want = []Kind{KindInt, KindInt, KindBytes, KindText, KindArray, KindMap, KindTag}[i>>5]
		}
		var c Cursor
		c.Reset([]byte{byte(i)})
		if got := c.Kind(); got != want || c.Offset() != 0 {
			t.Errorf("%#02x: kind %d, want %d", i, got, want)
		}
	}
	var c Cursor
	c.Reset(nil)
	if got := c.Kind(); got != KindEnd {
		t.Errorf("no input: kind %d, want KindEnd", got)
	}
}

func TestOtherScalars(t *testing.T) {
	t.Parallel()
	var c Cursor
	c.Reset(unhex(t, "f4 f5 f6 f7 c1 d820 d9d9f7 00"))
	if c.Bool() || !c.Bool() {
		t.Error("want false, then true")
	}
	c.Null()
	c.Null()
	if a, b, d := c.Tag(), c.Tag(), c.Tag(); a != 1 || b != 32 || d != 55799 {
		t.Errorf("tags %d, %d, %d, want 1, 32, 55799", a, b, d)
	}
	if got := c.Int(); got != 0 {
		t.Errorf("tagged item: %d, want 0", got)
	}
	c.End()
	if c.Err() != nil {
		t.Error(c.Err())
	}
}

func TestItemOfAnotherTypeIsRefused(t *testing.T) {
	t.Parallel()
	getters := map[string]func(c *Cursor){
		"Int":       func(c *Cursor) { c.Int() },
		"Number":    func(c *Cursor) { c.Number() },
		"Bytes":     func(c *Cursor) { c.Bytes() },
		"CopyBytes": func(c *Cursor) { c.CopyBytes(make([]byte, 9)) },
		"Text":      func(c *Cursor) { c.Text() },
		"Bool":      func(c *Cursor) { c.Bool() },
		"Null":      func(c *Cursor) { c.Null() },
		"Tag":       func(c *Cursor) { c.Tag() },
		"Array":     func(c *Cursor) { c.Array() },
		"Map":       func(c *Cursor) { c.Map() },
	}
	for item, accepted := range map[string]string{
		"00":     "Int Number",
		"20":     "Int Number",
		"40":     "Bytes CopyBytes",
		"5f ff":  "Bytes CopyBytes",
		"60":     "Text",
		"7f ff":  "Text",
		"80":     "Array",
		"9f ff":  "Array",
		"a0":     "Map",
		"bf ff":  "Map",
		"c1 00":  "Tag",
		"f4":     "Bool",
		"f5":     "Bool",
		"f6":     "Null",
		"f7":     "Null",
		"f90000": "Number",
		"e0":     "",
		"f8ff":   "",
	} {
		for name, get := range getters {
			var c Cursor
			c.Reset(unhex(t, item))
			get(&c)
			var want error = ErrType
			for _, a := range strings.Fields(accepted) {
				if a == name {
					want = nil
				}
			}
			if !errors.Is(c.Err(), want) {
				t.Errorf("%s of %s: %v, want %v", name, item, c.Err(), want)
			}
			if want != nil && c.Offset() != 0 {
				t.Errorf("%s of %s: the error is at %d, want 0", name, item, c.Offset())
			}
		}
	}
}

// wellFormed are items that Skip accepts; each cut short is malformed.
var wellFormed = []string{
	"00", "1818", "190100", "1a00010000", "1b0000000100000000", "3bffffffffffffffff",
	"40", "4401020304", "5803010203", "5f 42 0102 43 030405 ff", "5f ff", "5f 40 ff",
	"60", "6449455446", "62c3bc", "64f0908591", "7f 65 7374726561 64 6d696e67 ff", "7f ff",
	"80", "83010203", "9800", "9b0000000000000000", "9f 01 82 02 03 9f 04 05 ff ff",
	"a0", "a201020304", "a26161016162820203", "bf 61 61 01 61 62 9f 02 03 ff ff", "b800",
	"a1 7f 61 61 61 62 ff 00", "a1 20 00", "a1 3bffffffffffffffff 00",
	"c0 74 323031332d30332d32315432303a30343a30305a", "c11a514b67b0", "d818 45 6449455446", "c100",
	"f4", "f5", "f6", "f7", "f0", "f820", "f8ff", "f97e00", "fa7f800000", "fb7ff8000000000000",
}

var malformed = []struct{ name, hex string }{
	{"nothing", ""},
	{"reserved integer info 28", "1c"},
	{"reserved integer info 29", "1d"},
	{"reserved integer info 30", "1e"},
	{"indefinite integer", "1f"},
	{"indefinite negative integer", "3f"},
	{"reserved bytes info", "5c"},
	{"reserved text info", "7d"},
	{"reserved array info", "9e"},
	{"reserved map info", "bc"},
	{"reserved tag info", "dd00"},
	{"indefinite tag", "df00"},
	{"reserved simple info 28", "fc"},
	{"reserved simple info 29", "fd"},
	{"reserved simple info 30", "fe"},
	{"simple value 0 in two bytes", "f800"},
	{"false in two bytes", "f814"},
	{"simple value 31 in two bytes", "f81f"},
	{"break alone", "ff"},
	{"break in an array", "81ff"},
	{"break as a key", "a1ff00"},
	{"break as a value", "a100ff"},
	{"break as a value of an indefinite map", "bf00ff"},
	{"break after a tag", "9fc1ff"},
	{"tag on nothing", "c1"},
	{"text chunk in bytes", "5f6161ff"},
	{"bytes chunk in text", "7f4161ff"},
	{"integer chunk", "5f00ff"},
	{"array chunk", "5f80ff"},
	{"tagged chunk", "5fc14100ff"},
	{"indefinite chunk in bytes", "5f5f4100ffff"},
	{"indefinite chunk in text", "7f7f6161ffff"},
	{"bytes longer than the input", "4201"},
	{"bytes longer than any input", "5bffffffffffffffff"},
	{"bytes of a length that is negative as int64", "5b8000000000000000"},
	{"text longer than any input", "7bffffffffffffffff"},
	{"chunk longer than the input", "5f4201ff"},
	{"array shorter than it says", "8200"},
	{"text is not UTF-8", "61ff"},
	{"text is cut within a character", "61c3"},
	{"long text is not UTF-8", "6a 61616161ff6161616161"},
	{"text with a surrogate", "63eda080"},
	{"text with an overlong form", "62c080"},
	{"character over two chunks", "7f61c361bcff"},
	{"text key is not UTF-8", "a161ff00"},
	{"chunk of a text key is not UTF-8", "a17f61c361bcff00"},
	{"bytes as a key", "a1410000"},
	{"array as a key", "a18000"},
	{"map as a key", "a1a000"},
	{"tagged key", "a1c10000"},
	{"bool as a key", "a1f400"},
	{"null as a key", "a1f600"},
	{"float as a key", "a1f9000000"},
	{"simple value as a key", "a1e000"},
	{"key longer than the input", "a16561"},
}

func TestSkipReadsWhatIsWellFormed(t *testing.T) {
	t.Parallel()
	for _, s := range wellFormed {
		b := unhex(t, s)
		if err := skip(b); err != nil {
			t.Errorf("%s: %v", s, err)
		}
		if err := skip(append(b, 0)); !errors.Is(err, ErrTrailing) {
			t.Errorf("%s 00: %v, want ErrTrailing", s, err)
		}
		for n := range len(b) {
			if err := skip(b[:n]); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s, %d bytes of it: %v, want ErrMalformed", s, n, err)
			}
		}
	}
}

func TestMalformedItemIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range malformed {
		b := unhex(t, tt.hex)
		if err := skip(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s, skipped: %v, want ErrMalformed", tt.name, err)
		}
		var c Cursor
		c.Reset(b)
		read(&c)
		c.End()
		if !errors.Is(c.Err(), ErrMalformed) && !errors.Is(c.Err(), ErrType) {
			t.Errorf("%s, read: %v, want ErrMalformed or ErrType", tt.name, c.Err())
		}
	}
}

// read reads one item with the getters, as a decoder of a format would.
func read(c *Cursor) {
	switch c.Kind() {
	case KindInt, KindFloat:
		c.Number()
	case KindBytes:
		c.Bytes()
	case KindText:
		c.Text()
	case KindArray:
		for it := c.Array(); c.More(&it); {
			read(c)
		}
	case KindMap:
		for it := c.Map(); c.More(&it); {
			read(c)
			read(c)
		}
	case KindTag:
		c.Tag()
		read(c)
	case KindBool:
		c.Bool()
	case KindNull:
		c.Null()
	case KindSimple, KindEnd:
		c.Skip()
	}
}

func TestDuplicateKeyIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, hex string
		want      error
	}{
		{"same integer", "a2 01 00 01 00", ErrDuplicate},
		{"same integer in other lengths", "a2 01 00 1801 00", ErrDuplicate},
		{"same integer in the longest form", "a2 1a00000001 00 1b0000000000000001 00", ErrDuplicate},
		{"same negative integer", "a2 20 00 3800 00", ErrDuplicate},
		{"largest integers", "a2 1bffffffffffffffff 00 1bffffffffffffffff 00", ErrDuplicate},
		{"integer and its complement", "a2 01 00 21 00", nil},
		{"0 and -1", "a2 00 00 20 00", nil},
		{"integers that differ in the uppermost bit", "a2 1b0000000000000001 00 1b8000000000000001 00", nil},
		{"integer and text", "a2 01 00 6131 00", nil},
		{"same text", "a2 6161 00 6161 00", ErrDuplicate},
		{"same text with a longer head", "a2 6161 00 780161 00", ErrDuplicate},
		{"text in a chunk", "a2 626162 00 7f 626162 ff 00", ErrDuplicate},
		{"text in two chunks", "a2 626162 00 7f 6161 6162 ff 00", ErrDuplicate},
		{"text in chunks, split elsewhere", "a2 7f 626162 6163 ff 00 7f 6161 60 626263 ff 00", ErrDuplicate},
		{"chunked text first", "a2 7f 6161 6162 ff 00 626162 00", ErrDuplicate},
		{"empty texts", "a2 60 00 7f ff 00", ErrDuplicate},
		{"text of eight bytes", "a2 68 6162636465666768 00 7f 64 61626364 64 65666768 ff 00", ErrDuplicate},
		{"text of nine bytes", "a2 69 616263646566676869 00 7f 64 61626364 65 6566676869 ff 00", ErrDuplicate},
		{"text of seventeen bytes", "a2 71 6162636465666768696a6b6c6d6e6f7071 00 7f 71 6162636465666768696a6b6c6d6e6f7071 ff 00", ErrDuplicate},
		{"one text begins as the other", "a2 6161 00 626162 00", nil},
		{"one text is the other and a NUL", "a2 6161 00 626100 00", nil},
		{"chunked text begins as the other", "a2 7f 6161 ff 00 7f 6161 6162 ff 00", nil},
		{"texts that differ at their end", "a2 6a 61616161616161616161 00 6a 61616161616161616162 00", nil},
		{"not next to each other", "a3 01 00 02 00 01 00", ErrDuplicate},
		{"after a nested map", "a2 01 a1 01 00 01 00", ErrDuplicate},
		{"only in a nested map", "a1 01 a1 01 00", nil},
		{"only in two maps", "82 a1 01 00 a1 01 00", nil},
		{"within a nested map", "a1 01 a2 02 00 02 00", ErrDuplicate},
		{"within a map in an array in a tag", "c1 81 a2 02 00 02 00", ErrDuplicate},
		{"in an indefinite map", "bf 01 00 02 00 01 00 ff", ErrDuplicate},
	} {
		b := unhex(t, tt.hex)
		if err := skip(b); !errors.Is(err, tt.want) {
			t.Errorf("%s, skipped: %v, want %v", tt.name, err, tt.want)
		}
		for range 2 { // reading joins chunks; it must be the same afterwards
			var c Cursor
			c.Reset(b)
			read(&c)
			if !errors.Is(c.Err(), tt.want) {
				t.Errorf("%s, read: %v, want %v", tt.name, c.Err(), tt.want)
			}
		}
	}
}

// The last key of a map is one of the others, each in its turn: whatever else
// stands in the map, and however near to the end of the input.
func TestDuplicateKeyIsFoundAmongAnyOthers(t *testing.T) {
	t.Parallel()
	integer := func(i int) []byte { return []byte{0x19, byte(i >> 8), byte(i), 0} }
	text := func(i int) []byte { return []byte{0x63, 'k', '0' + byte(i>>5), '0' + byte(i&31), 0} }
	for name, pair := range map[string]func(int) []byte{"integers": integer, "texts": text} {
		for _, n := range []int{2, 10, 64, MaxItems} {
			m := head(majorMap, n)
			for i := range n - 1 {
				m = append(m, pair(i)...)
			}
			if err := skip(append(slices.Clip(m), pair(n-1)...)); err != nil {
				t.Errorf("%d different %s: %v", n, name, err)
			}
			for i := range n - 1 {
				if err := skip(append(slices.Clip(m), pair(i)...)); !errors.Is(err, ErrDuplicate) {
					t.Errorf("number %d of %d %s again: %v, want ErrDuplicate", i, n, name, err)
				}
			}
		}
	}
}

// nested returns n containers around a zero.
func nested(head, value, end string, n int) string {
	return strings.Repeat(head, n) + value + strings.Repeat(end, n)
}

// keysHex returns n pairs with the keys first and up, each of three bytes.
func keysHex(first, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(hex.EncodeToString([]byte{0x19, byte((first + i) >> 8), byte(first + i), 0}))
	}
	return b.String()
}

func TestLimits(t *testing.T) {
	t.Parallel()
	// A map of 254 keys, in it another, and in that a third of n keys.
	threeMaps := func(n int) string {
		return "b8fe" + keysHex(0, 253) + "20" + "b8fe" + keysHex(1000, 253) + "20" + "b9" + hex.EncodeToString([]byte{byte(n >> 8), byte(n)}) + keysHex(2000, n)
	}
	for _, tt := range []struct {
		name, hex string
		want      error
	}{
		{"arrays, MaxDepth", nested("81", "00", "", MaxDepth), nil},
		{"arrays, one more", nested("81", "00", "", MaxDepth+1), ErrTooDeep},
		{"empty array at MaxDepth", nested("81", "80", "", MaxDepth-1), nil},
		{"empty array below MaxDepth", nested("81", "80", "", MaxDepth), ErrTooDeep},
		{"indefinite arrays, MaxDepth", nested("9f", "00", "ff", MaxDepth), nil},
		{"indefinite arrays, one more", nested("9f", "00", "ff", MaxDepth+1), ErrTooDeep},
		{"maps, MaxDepth", nested("a100", "00", "", MaxDepth), nil},
		{"maps, one more", nested("a100", "00", "", MaxDepth+1), ErrTooDeep},
		{"indefinite maps, MaxDepth", nested("bf00", "00", "ff", MaxDepth), nil},
		{"indefinite maps, one more", nested("bf00", "00", "ff", MaxDepth+1), ErrTooDeep},
		{"one after the other is not deep", "98 ff" + strings.Repeat("8180", 255), nil},
		{"array of MaxItems", "990100" + strings.Repeat("00", MaxItems), nil},
		{"array of one more", "990101" + strings.Repeat("00", MaxItems+1), ErrTooMany},
		{"array that says one more", "990101", ErrTooMany},
		{"array that says 2^64-1", "9bffffffffffffffff", ErrTooMany},
		{"indefinite array of MaxItems", "9f" + strings.Repeat("00", MaxItems) + "ff", nil},
		{"indefinite array of one more", "9f" + strings.Repeat("00", MaxItems+1) + "ff", ErrTooMany},
		{"map of MaxItems", "b90100" + keysHex(0, MaxItems), nil},
		{"map of one more", "b90101" + keysHex(0, MaxItems+1), ErrTooMany},
		{"indefinite map of MaxItems", "bf" + keysHex(0, MaxItems) + "ff", nil},
		{"indefinite map of one more", "bf" + keysHex(0, MaxItems+1) + "ff", ErrTooMany},
		{"MaxKeys open", threeMaps(MaxKeys - 2*254), nil},
		{"one key more", threeMaps(MaxKeys - 2*254 + 1), ErrTooMany},
		{"keys of closed maps do not count", "8a" + strings.Repeat("b90100"+keysHex(0, MaxItems), 10), nil},
		{"key of MaxKeyChunks", "a1 7f" + strings.Repeat("6161", MaxKeyChunks) + "ff 00", nil},
		{"key of one chunk more", "a1 7f" + strings.Repeat("6161", MaxKeyChunks+1) + "ff 00", ErrTooMany},
		{"key of one empty chunk more", "a1 7f" + strings.Repeat("60", MaxKeyChunks+1) + "ff 00", ErrTooMany},
		{"value of many chunks", "a1 00 7f" + strings.Repeat("6161", 1000) + "ff", nil},
		{"input of MaxLen", "59fffc" + strings.Repeat("00", MaxLen-3), nil},
		{"input of one byte more", "59fffd" + strings.Repeat("00", MaxLen-2), ErrTooLong},
	} {
		b := unhex(t, tt.hex)
		if err := skip(b); !errors.Is(err, tt.want) {
			t.Errorf("%s, skipped: %v, want %v", tt.name, err, tt.want)
		}
		var c Cursor
		c.Reset(b)
		read(&c)
		c.End()
		if !errors.Is(c.Err(), tt.want) {
			t.Errorf("%s, read: %v, want %v", tt.name, c.Err(), tt.want)
		}
	}
}

func TestTagsOnTagsAreLevelsWhenSkipped(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, hex string
		want      error
	}{
		{"MaxDepth and the first", nested("c6", "00", "", MaxDepth+1), nil},
		{"one more", nested("c6", "00", "", MaxDepth+2), ErrTooDeep},
		{"around an array", nested("c6", "80", "", MaxDepth), nil},
		{"around an array, one more", nested("c6", "80", "", MaxDepth+1), ErrTooDeep},
		{"between arrays", nested("81c6", "00", "", MaxDepth), nil},
		{"very many", nested("c6", "00", "", MaxLen-1), ErrTooDeep},
	} {
		if err := skip(unhex(t, tt.hex)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// head returns the shortest head of a string.
func head(major byte, n int) []byte {
	var h [3]byte
	return h[:putHead(&h, major<<5, n)]
}

func TestChunksAreJoinedInPlace(t *testing.T) {
	t.Parallel()
	long := make([]byte, MaxLen-20)
	for i := range long {
		long[i] = byte('a' + i%26)
	}
	for _, sizes := range [][]int{
		{},
		{0},
		{0, 0},
		{5},
		{0, 5},
		{5, 0},
		{1, 1},
		{10, 20},
		{11, 12},
		{12, 12},
		{1, 22},
		{1, 23},
		{23, 1},
		{23, 23},
		{1, 254},
		{1, 255},
		{255, 1},
		{128, 128},
		{24, 232},
		{255, 255},
		{1, 300, 1},
		{0, 1, 0, 255, 0},
		{300, 300},
		{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
		{1, 65000, 500},
		{30000, 35000},
		{65500, 1},
	} {
		for _, major := range []byte{majorBytes, majorText} {
			item := []byte{0x82, major<<5 | infoIndefinite}
			var want []byte
			for _, n := range sizes {
				item = append(item, head(major, n)...)
				item = append(item, long[len(want):len(want)+n]...)
				want = long[:len(want)+n]
			}
			item = append(item, initialBreak, 0x07)
			original := bytes.Clone(item)

			for range 3 { // it can be read again
				var c Cursor
				c.Reset(item)
				it := c.Array()
				c.More(&it)
				get := c.Bytes
				if major == majorText {
					get = c.Text
				}
				got := get()
				c.More(&it)
				seven := c.Int()
				c.More(&it)
				c.End()
				if c.Err() != nil || !bytes.Equal(got, want) || seven != 7 {
					t.Errorf("chunks of %d, major %d: %d bytes, %d, %v", sizes, major, len(got), seven, c.Err())
				}
				if len(got) > 0 && !within(got, item) {
					t.Errorf("chunks of %d, major %d: not a view of the input", sizes, major)
				}
				if err := skip(item); err != nil {
					t.Errorf("chunks of %d, major %d: skipped after joining: %v", sizes, major, err)
				}
			}

			item = original
			var c Cursor
			c.Reset(bytes.Clone(item))
			c.b = item
			if got := c.Raw(); !bytes.Equal(got, original) || !bytes.Equal(item, original) {
				t.Errorf("chunks of %d, major %d: Raw changed the input", sizes, major)
			}
		}
	}
}

// within reports whether s is a part of b, in memory.
func within(s, b []byte) bool {
	for i := range b {
		if &b[i] == &s[0] {
			return len(s) <= len(b)-i
		}
	}
	return false
}

func TestCopyBytesLeavesTheInputAlone(t *testing.T) {
	t.Parallel()
	for _, item := range []string{"4401020304", "580401020304", "5f 42 0102 40 42 0304 ff"} {
		b := unhex(t, item)
		var dst [4]byte
		var c Cursor
		c.Reset(bytes.Clone(b))
		if n := c.CopyBytes(dst[:]); n != 4 || dst != [4]byte{1, 2, 3, 4} || c.Err() != nil || c.Offset() != len(b) {
			t.Errorf("%s: %d bytes, %x, %v", item, n, dst, c.Err())
		}
		if !bytes.Equal(c.b, b) {
			t.Errorf("%s: the input has changed: %x", item, c.b)
		}
		c.Reset(b)
		if n := c.CopyBytes(dst[:3]); n != 0 || !errors.Is(c.Err(), ErrTooLong) {
			t.Errorf("%s into 3 bytes: %d, %v, want ErrTooLong", item, n, c.Err())
		}
	}
	var c Cursor
	c.Reset(unhex(t, "5f 42 0102 61 61 ff"))
	if n := c.CopyBytes(make([]byte, 9)); n != 0 || !errors.Is(c.Err(), ErrMalformed) {
		t.Errorf("wrong chunk: %d, %v, want ErrMalformed", n, c.Err())
	}
}

func TestViewsCannotBeAppendedOver(t *testing.T) {
	t.Parallel()
	var c Cursor
	for _, item := range []string{"4161 00", "6161 00", "5f4161ff 00", "7f61614162ff 00"} {
		c.Reset(unhex(t, item))
		var s []byte
		if c.Kind() == KindText {
			s = c.Text()
		} else {
			s = c.Bytes()
		}
		if cap(s) != len(s) {
			t.Errorf("%s: capacity %d, want %d", item, cap(s), len(s))
		}
	}
	c.Reset(unhex(t, "81 00 00"))
	if s := c.Raw(); cap(s) != 2 {
		t.Errorf("Raw: capacity %d, want 2", cap(s))
	}
}

func TestFirstErrorStays(t *testing.T) {
	t.Parallel()
	own := errors.New("does not fit")
	var c Cursor
	c.Reset(unhex(t, "83 01 02 03"))
	it := c.Array()
	c.More(&it)
	c.Int()
	c.Fail(own)
	c.Fail(ErrMalformed)
	if c.More(&it) || c.Int() != 0 || c.Number() != 0 || c.Bytes() != nil || c.Text() != nil || c.Raw() != nil ||
		c.Bool() || c.Tag() != 0 || c.CopyBytes(nil) != 0 || c.Kind() != KindEnd {
		t.Error("a getter gives something after an error")
	}
	inner := c.Map()
	if c.More(&inner) {
		t.Error("a container opens after an error")
	}
	c.Null()
	c.Skip()
	c.End()
	if c.Err() != own || c.Offset() != 2 {
		t.Errorf("%v at %d, want %v at 2", c.Err(), c.Offset(), own)
	}
	c.Reset([]byte{5})
	if got := c.Int(); got != 5 || c.Err() != nil {
		t.Errorf("after Reset: %d, %v", got, c.Err())
	}
}

// A caller that leaves an item unread must not take the next one for it.
func TestItemLeftUnreadIsAnError(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, hex string }{
		{"array", "82 00 00"},
		{"indefinite array", "9f 00 ff"},
		{"map", "a2 00 00 01 00"},
		{"indefinite map", "bf 00 00 ff"},
	} {
		var c Cursor
		c.Reset(unhex(t, tt.hex))
		var it Items
		if c.Kind() == KindArray {
			it = c.Array()
		} else {
			it = c.Map()
		}
		for c.More(&it) {
			if it.state&itemsMap != 0 {
				c.Int() // the key alone
			}
		}
		if !errors.Is(c.Err(), ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", tt.name, c.Err())
		}
	}
}

func TestMoreAfterTheEndStaysFalse(t *testing.T) {
	t.Parallel()
	var c Cursor
	c.Reset(unhex(t, "82 80 80"))
	outer := c.Array()
	for c.More(&outer) {
		inner := c.Array()
		for range 2 {
			if c.More(&inner) {
				t.Error("More finds an element in an empty array")
			}
		}
	}
	var none Items
	if c.More(&outer) || c.More(&none) {
		t.Error("More finds an element after the end")
	}
	if c.End(); c.Err() != nil {
		t.Error(c.Err())
	}
}

func TestEndWantsAllContainersClosed(t *testing.T) {
	t.Parallel()
	var c Cursor
	c.Reset(unhex(t, "81 00"))
	it := c.Array()
	c.More(&it)
	c.Int()
	c.End()
	if !errors.Is(c.Err(), ErrMalformed) {
		t.Errorf("open array: %v, want ErrMalformed", c.Err())
	}
}

// collidingKeys returns maps of MaxItems pairs whose keys have the same
// fingerprint: what they cost is the most that MaxItems, MaxKeys and MaxKeyChunks
// leave.
func collidingKeys() map[string][]byte {
	integers, texts := []byte{0xb9, 1, 0}, []byte{0xb9, 1, 0}
	for v, n := uint64(1<<16), 0; n < MaxItems; v++ {
		if fingerprint16(v<<1) == 0 {
			integers = append(integers, 0x1a, byte(v>>24), byte(v>>16), byte(v>>8), byte(v), 0)
			n++
		}
	}
	for v, n := uint64(0), 0; n < MaxItems; v++ {
		word := v&0x7f | v<<1&0x7f00 | v<<2&0x7f0000 | v<<3&0x7f000000 // ASCII
		if fingerprint16(word) == 0 {
			texts = append(texts, 0x7f)
			texts = append(texts, bytes.Repeat([]byte{0x60}, MaxKeyChunks-1)...)
			texts = append(texts, 0x64, byte(word), byte(word>>8), byte(word>>16), byte(word>>24), 0xff, 0)
			n++
		}
	}
	return map[string][]byte{"integers": integers, "texts": texts}
}

func TestKeysOfOneFingerprintAreToldApart(t *testing.T) {
	t.Parallel()
	for name, m := range collidingKeys() {
		if err := skip(m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		size := (len(m) - 3) / MaxItems
		copy(m[len(m)-size:], m[3:3+size]) // the last key is the first one now
		if err := skip(m); !errors.Is(err, ErrDuplicate) {
			t.Errorf("%s, the first key again: %v, want ErrDuplicate", name, err)
		}
	}
}
