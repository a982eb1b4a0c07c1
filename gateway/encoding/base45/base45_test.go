package base45

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// The examples of RFC 9285, section 4.3 and 4.4, and the limits of a group.
var vectors = []struct {
	name, text, raw string
}{
	{"empty", "", ""},
	{"rfc AB", "BB8", "AB"},
	{"rfc Hello!!", "%69 VD92EX0", "Hello!!"},
	{"rfc base-45", "UJCLQE7W581", "base-45"},
	{"rfc ietf!", "QED8WEX0", "ietf!"},
	{"smallest pair", "000", "\x00\x00"},
	{"largest pair", "FGW", "\xff\xff"},
	{"smallest byte", "00", "\x00"},
	{"largest byte", "U5", "\xff"},
	{"every fast and slow step", strings.Repeat("BB8", 9) + "U5", strings.Repeat("AB", 9) + "\xff"},
}

func TestVectorsDecodeAndEncode(t *testing.T) {
	t.Parallel()
	for _, v := range vectors {
		got, err := AppendDecode([]byte("kept"), []byte(v.text))
		if err != nil || string(got) != "kept"+v.raw {
			t.Errorf("%s: AppendDecode(%q) = %q, %v, want %q", v.name, v.text, got, err, "kept"+v.raw)
		}
		if got := AppendEncode([]byte("kept"), []byte(v.raw)); string(got) != "kept"+v.text {
			t.Errorf("%s: AppendEncode(%q) = %q, want %q", v.name, v.raw, got, "kept"+v.text)
		}
	}
}

func TestInvalidTextIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text string }{
		{"lone character", "B"},
		{"lone last character", "BB8B"},
		{"pair over 65535", "GGW"},
		{"largest group", ":::"},
		{"byte over 255", "V5"},
		{"largest end", "::"},
		{"lower case", "bb8"},
		{"padding", "BB="},
		{"line feed", "BB8\n"},
		{"line feed within the last group", "B\n"},
		{"NUL", "\x00\x00\x00"},
		{"high bytes", "\xff\xff\xff"},
		{"quote", "\"BB"},
	} {
		dst := []byte("kept")
		got, err := AppendDecode(dst, []byte(tt.text))
		if !errors.Is(err, ErrEncoding) || string(got) != "kept" {
			t.Errorf("%s: AppendDecode(%q) = %q, %v, want %q, ErrEncoding", tt.name, tt.text, got, err, "kept")
		}
	}
}

// One wrong character must be found wherever it stands, also in the part that is
// decoded twelve characters a step.
func TestWrongCharacterIsFoundAtEveryPosition(t *testing.T) {
	t.Parallel()
	for n := range 40 {
		text := bytes.Repeat([]byte("0"), EncodedLen(n))
		if _, err := AppendDecode(nil, text); err != nil {
			t.Fatalf("%d zero bytes: %v", n, err)
		}
		for i := range text {
			for _, c := range []byte{'a', '=', 0, 0x80, 0xff} {
				text[i] = c
				if _, err := AppendDecode(nil, text); !errors.Is(err, ErrEncoding) {
					t.Errorf("%q at %d of %d: got %v, want ErrEncoding", c, i, len(text), err)
				}
			}
			text[i] = '0'
		}
	}
}

func TestLengthsAreExact(t *testing.T) {
	t.Parallel()
	raw := make([]byte, 64)
	for n := range raw {
		text := AppendEncode(nil, raw[:n])
		if len(text) != EncodedLen(n) {
			t.Errorf("EncodedLen(%d) = %d, want %d", n, EncodedLen(n), len(text))
		}
		if DecodedLen(len(text)) != n {
			t.Errorf("DecodedLen(%d) = %d, want %d", len(text), DecodedLen(len(text)), n)
		}
	}
}

func FuzzAppendDecode(f *testing.F) {
	for _, v := range vectors {
		f.Add([]byte(v.text))
	}
	f.Add([]byte(":::"))
	f.Add([]byte("GGW"))
	f.Add([]byte("V5"))
	f.Add([]byte("bb8"))
	f.Add([]byte("6BFOXN%TS3DHWM8YJSX4UGXU$N1A.Q/R8-C12FCUH9Q-LI9CUH9RRNTFOA"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := AppendDecode([]byte("kept"), text)
		want, ok := plainDecode(text)
		if ok != (err == nil) {
			t.Fatalf("AppendDecode(%q): %v, the reference accepts: %v", text, err, ok)
		}
		if string(got) != "kept"+string(want) {
			t.Fatalf("AppendDecode(%q) = %q, want %q", text, got, "kept"+string(want))
		}
		if ok && string(AppendEncode(nil, want)) != string(text) {
			t.Fatalf("two texts for %q: %q and %q", want, text, AppendEncode(nil, want))
		}
	})
}

func FuzzAppendEncode(f *testing.F) {
	for _, v := range vectors {
		f.Add([]byte(v.raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := AppendDecode(nil, AppendEncode(nil, raw))
		if err != nil || !bytes.Equal(got, raw) {
			t.Fatalf("AppendDecode(AppendEncode(%q)) = %q, %v", raw, got, err)
		}
	})
}

// plainDecode is RFC 9285, section 4, word for word.
func plainDecode(text []byte) (raw []byte, ok bool) {
	const set = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
	for len(text) > 0 {
		n := min(3, len(text))
		if n == 1 {
			return nil, false
		}
		value, unit := 0, 1
		for _, c := range text[:n] {
			digit := strings.IndexByte(set, c)
			if digit < 0 {
				return nil, false
			}
			value += digit * unit
			unit *= 45
		}
		if n == 3 {
			if value > 0xffff {
				return nil, false
			}
			raw = append(raw, byte(value>>8))
		} else if value > 0xff {
			return nil, false
		}
		raw = append(raw, byte(value))
		text = text[n:]
	}
	return raw, true
}
