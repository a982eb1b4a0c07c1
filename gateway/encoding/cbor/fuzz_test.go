package cbor

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	oracle "github.com/fxamacker/cbor/v2"
)

// theirs decodes with the same limits as ours.
func theirs(t testing.TB) oracle.DecMode {
	t.Helper()
	mode, err := oracle.DecOptions{
		DupMapKey:        oracle.DupMapKeyEnforcedAPF,
		MaxNestedLevels:  MaxDepth,
		MaxArrayElements: MaxItems,
		MaxMapPairs:      MaxItems,
		DefaultMapType:   reflect.TypeFor[map[any]any](),
	}.DecMode()
	if err != nil {
		t.Fatal(err)
	}
	return mode
}

// item is what the fuzz target has seen of an input.
type item struct {
	data     []byte
	ours     error // Skip's
	theirs   error
	known    bool // some tag is one whose content the oracle looks at
	otherKey bool // some map key is neither integer nor text, as the oracle reads it
	hugeKey  bool // some map key is an integer under -2^63
	nested   bool // some tag is directly on a tag
}

// divergences are the cases in which one may accept what the other refuses.
var divergences = []struct {
	name  string
	holds func(i *item) bool
}{
	{"we refuse map keys that are neither integer nor text", func(i *item) bool {
		return i.theirs == nil && i.otherKey && errors.Is(i.ours, ErrMalformed)
	}},
	{"we refuse more than MaxKeys keys in maps within each other", func(i *item) bool {
		return i.theirs == nil && errors.Is(i.ours, ErrTooMany) && len(i.data) > 2*MaxKeys
	}},
	{"we refuse more than MaxKeyChunks chunks in a key", func(i *item) bool {
		return i.theirs == nil && errors.Is(i.ours, ErrTooMany) && bytes.IndexByte(i.data, majorText<<5|infoIndefinite) >= 0
	}},
	{"we refuse inputs over MaxLen", func(i *item) bool {
		return i.theirs == nil && errors.Is(i.ours, ErrTooLong) && len(i.data) > MaxLen
	}},
	{"they refuse content that does not fit tag 0, 1, 2 or 3", func(i *item) bool {
		return i.ours == nil && (i.known || strings.Contains(i.theirs.Error(), "tag number"))
	}},
	{"they cannot hold integers under -2^63 as map keys", func(i *item) bool {
		return i.ours == nil && i.hugeKey
	}},
}

func FuzzCursor(f *testing.F) {
	for _, s := range wellFormed {
		f.Add(unhex(f, s))
	}
	for _, tt := range malformed {
		f.Add(unhex(f, tt.hex))
	}
	f.Add(unhex(f, "a2 7f 6161 6162 ff 00 626162 00"))
	f.Add(unhex(f, nested("81", "00", "", MaxDepth)))
	f.Add(unhex(f, nested("c6", "00", "", MaxDepth+1)))
	f.Add(unhex(f, "a4 01 624d41 04 1a648f0a10 06 1a62a01122 390103 a1 01 a1 6176 81 a1 62646e 02"))
	mode := theirs(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		original := bytes.Clone(data)
		i := &item{data: data, ours: skip(data)}
		var value any
		i.theirs = mode.Unmarshal(data, &value)
		i.otherKey = i.theirs == nil && hasOtherKey(value)

		var c Cursor
		c.Reset(data)
		got := i.tree(&c)
		c.End()
		if !bytes.Equal(data, original) && bytes.IndexByte(original, infoIndefinite|majorBytes<<5) < 0 && bytes.IndexByte(original, infoIndefinite|majorText<<5) < 0 {
			t.Fatalf("%x: the input was changed to %x without an indefinite string in it", original, data)
		}
		if err := c.Err(); (err == nil) != (i.ours == nil) && !errors.Is(err, ErrRange) && !(i.nested && errors.Is(i.ours, ErrTooDeep)) {
			t.Fatalf("%x: read: %v, skipped: %v", original, err, i.ours)
		}
		if again := skip(data); !errors.Is(again, i.ours) {
			t.Fatalf("%x: skipped after reading: %v, before: %v", original, again, i.ours)
		}

		if (i.ours == nil) != (i.theirs == nil) {
			i.data = original
			for _, d := range divergences {
				if d.holds(i) {
					return
				}
			}
			t.Fatalf("%x: ours: %v, theirs: %v", original, i.ours, i.theirs)
		}
		if i.ours == nil && c.Err() == nil && !i.known && !reflect.DeepEqual(got, value) {
			t.Fatalf("%x: got %#v, want %#v", original, got, value)
		}
	})
}

// tree reads an item as the oracle does.
func (i *item) tree(c *Cursor) any {
	switch c.Kind() {
	case KindInt:
		if n := c.Int(); n < 0 {
			return n
		} else {
			return uint64(n)
		}
	case KindFloat:
		return c.Number()
	case KindBytes:
		return append([]byte{}, c.Bytes()...)
	case KindText:
		return string(c.Text())
	case KindArray:
		list := []any{}
		for it := c.Array(); c.More(&it); {
			list = append(list, i.tree(c))
		}
		return list
	case KindMap:
		m := map[any]any{}
		for it := c.Map(); c.More(&it); {
			if initial, arg, _ := headAt(c.b, c.pos); initial>>5 == majorNegative && arg > math.MaxInt64 {
				i.hugeKey = true
			}
			key := i.tree(c)
			m[key] = i.tree(c)
		}
		return m
	case KindTag:
		tag := c.Tag()
		i.nested = i.nested || c.Kind() == KindTag
		i.known = i.known || tag <= 3 || tag >= 21 && tag <= 23 || tag == 55799
		return oracle.Tag{Number: tag, Content: i.tree(c)}
	case KindBool:
		return c.Bool()
	case KindNull:
		c.Null()
	case KindSimple:
		if raw := c.Raw(); len(raw) > 0 {
			_, arg, _ := headAt(raw, 0)
			return oracle.SimpleValue(arg)
		}
	case KindEnd:
		c.Skip()
	}
	return nil
}

// hasOtherKey looks for a map key that we do not take.
func hasOtherKey(v any) bool {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if hasOtherKey(e) {
				return true
			}
		}
	case map[any]any:
		for k, e := range v {
			switch k.(type) {
			case uint64, int64, string:
			default:
				return true
			}
			if hasOtherKey(e) {
				return true
			}
		}
	case oracle.Tag:
		return hasOtherKey(v.Content)
	}
	return false
}
