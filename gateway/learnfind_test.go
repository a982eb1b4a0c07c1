package main

import (
	"bytes"
	"math/bits"
	"strings"
	"testing"

	"passerelle/drivers/frame"
)

func TestFramingIsFoundInWhatAScannerSends(t *testing.T) {
	t.Parallel()
	const code = knownCode
	binary := string(binaryCode())
	var expanded strings.Builder
	for _, b := range binaryCode() {
		expanded.WriteRune(rune(b))
	}
	for _, tt := range []struct {
		name, known, raw string
		want             framing
		ok               bool
	}{
		{"CR", code, code + "\r", framing{terminator: frame.CR}, true},
		{"LF", code, code + "\n", framing{terminator: frame.LF}, true},
		{"CR LF", code, code + "\r\n", framing{terminator: frame.CRLF}, true},
		{"LF CR", code, code + "\n\r", framing{terminator: frame.CRLF}, true},
		{"TAB", code, code + "\t", framing{terminator: frame.TAB}, true},
		{"TAB CR", code, code + "\t\r", framing{terminator: frame.TAB}, true},
		{"two CR", code, code + "\r\r", framing{terminator: frame.CR}, true},
		{"STX ETX", code, "\x02" + code + "\x03", framing{terminator: frame.STXETX}, true},
		{"STX ETX CR", code, "\x02" + code + "\x03\r", framing{terminator: frame.STXETX}, true},
		{"silence", code, code, framing{terminator: frame.IdleGap}, true},
		{"CR LF in front", code, "\r\n" + code + "\r\n", framing{terminator: frame.CRLF}, true},
		{"NUL at wake-up", code, "\x00\x00" + code + "\r", framing{terminator: frame.CR}, true},
		{"AIM identifier", code, "]Q1" + code + "\r", framing{terminator: frame.CR, aim: "]Q1"}, true},
		{"AIM identifier inside STX ETX", code, "\x02]Q3" + code + "\x03", framing{terminator: frame.STXETX, aim: "]Q3"}, true},
		{"AIM identifier and silence", code, "]z0" + code, framing{terminator: frame.IdleGap, aim: "]z0"}, true},
		{"twice with CR", code, code + "\r" + code + "\r", framing{terminator: frame.CR}, true},
		{"binary", binary, binary + "\r", framing{terminator: frame.CR}, true},
		{"binary as UTF-8", binary, expanded.String() + "\r\n", framing{terminator: frame.CRLF, undoUTF8: true}, true},
		{"binary as UTF-8 with AIM identifier and silence", binary, "]Q1" + expanded.String(), framing{terminator: frame.IdleGap, aim: "]Q1", undoUTF8: true}, true},

		{"nothing", code, "", framing{}, false},
		{"terminator alone", code, "\r", framing{}, false},
		{"cut", code, code[:300] + "\r", framing{}, false},
		{"cut without a terminator", code, code[:300], framing{}, false},
		{"beginning lost", code, code[5:] + "\r", framing{}, false},
		{"one character more", code, code + "X\r", framing{}, false},
		{"a prefix", code, "A" + code + "\r", framing{}, false},
		{"no AIM identifier but three characters", code, "]1Q" + code + "\r", framing{}, false},
		{"AIM identifier at one of two", code, "]Q1" + code + "\r" + code + "\r", framing{}, false},
		{"another code behind it", code, code + "\rsomething else\r", framing{}, false},
		{"twice without a terminator", code, code + code, framing{}, false},
		{"STX without ETX", code, "\x02" + code + "\r", framing{}, false},
		{"EOT", code, code + "\x04", framing{}, false},
		{"longer than a frame", code, strings.Repeat("A", frame.MaxFrame+1) + "\r", framing{}, false},
		{"expanded twice", binary, string(expandBytes([]byte(expanded.String()))) + "\r", framing{}, false},
	} {
		raw := []byte(tt.raw)
		got, ok := findFraming([]byte(tt.known), raw)
		if ok != tt.ok || got != tt.want {
			t.Errorf("%s: got %+v, %v, want %+v, %v", tt.name, got, ok, tt.want, tt.ok)
		}
		if string(raw) != tt.raw {
			t.Errorf("%s: what came was changed", tt.name)
		}
	}
}

// expandBytes sends each byte as the UTF-8 form of the character with its number.
func expandBytes(b []byte) []byte {
	var all []rune
	for _, c := range b {
		all = append(all, rune(c))
	}
	return []byte(string(all))
}

// withEighthBit makes of text what a line of seven data bits looks like to one of eight.
func withEighthBit(text string, high func(ones int) bool) []byte {
	raw := []byte(text)
	for i, b := range raw {
		if high(bits.OnesCount8(b)) {
			raw[i] |= 0x80
		}
	}
	return raw
}

func TestSevenDataBitsAreSeen(t *testing.T) {
	t.Parallel()
	even := func(ones int) bool { return ones%2 == 1 }
	odd := func(ones int) bool { return ones%2 == 0 }
	always := func(int) bool { return true }
	known := []byte(knownCode)
	damaged := withEighthBit(knownCode+"\r", even)
	damaged[7] ^= 0x80
	for _, tt := range []struct {
		name string
		raw  []byte
		want string
	}{
		{"even", withEighthBit("]Q1"+knownCode+"\r", even), "7 data bits, even parity"},
		{"odd", withEighthBit(knownCode+"\r\n", odd), "7 data bits, odd parity"},
		{"mark", withEighthBit(knownCode+"\r", always), "7 data bits, mark parity or two stop bits"},
		{"one bit is wrong", damaged, ""},
		{"another code", withEighthBit(strings.ToLower(knownCode)+"\r", even), ""},
		{"nothing", nil, ""},
	} {
		if got, ok := sevenBits(known, tt.raw); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: got %q, %v, want %q", tt.name, got, ok, tt.want)
		}
		if _, ok := findFraming(known, tt.raw); ok {
			t.Errorf("%s: taken for eight bits", tt.name)
		}
	}
}

func TestNoiseIsToldFromText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, raw string
		want      bool
	}{
		{"text", knownCode, false},
		{"text at the limit", strings.Repeat("A", minText), false},
		{"one byte less", strings.Repeat("A", minText-1), true},
		{"nothing", "", true},
		{"nine in ten printable", strings.Repeat("A", 90) + strings.Repeat("\xf0", 10), false},
		{"one less", strings.Repeat("A", 89) + strings.Repeat("\xf0", 11), true},
		{"a wrong speed", strings.Repeat("\xf8\x00A\x80", 20), true},
	} {
		if got := isNoise([]byte(tt.raw)); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}

func TestDifferenceIsSaidWithoutShowingTheOtherCode(t *testing.T) {
	t.Parallel()
	const n = "451" // characters of the known code
	changed := []byte(knownCode)
	for i := range 17 {
		changed[5+20*i] = '_'
	}
	var expanded string
	for _, b := range binaryCode() {
		expanded += string(rune(b))
	}
	for _, tt := range []struct{ name, known, raw, want string }{
		{"cut", knownCode, "]Q1" + knownCode[:300] + "\r", "the end is missing: 300 of " + n},
		{"shortest cut", knownCode, knownCode[:minText], "the end is missing: 16 of " + n},
		{"too short to say", knownCode, knownCode[:minText-1], "15 characters came, the known code has " + n},
		{"beginning lost", knownCode, knownCode[11:] + "\r\n", "the beginning is missing: 440 of " + n},
		{"17 characters", knownCode, string(changed) + "\r", "17 of " + n + " characters differ: the layout is unknown"},
		{"all characters", knownCode, strings.Repeat("_", len(knownCode)), n + " of " + n + " characters differ: it is another code"},
		{"small letters", knownCode, strings.ToLower(knownCode) + "\r", "capital and small letters are exchanged"},
		{"longer", knownCode, strings.Repeat("x", 500), "500 characters came, the known code has " + n},
		{"control characters", knownCode, "\r\n\x02", "only control characters"},
		{"nothing", knownCode, "", "only control characters"},
		{"prefix", knownCode, "AB]Q1" + knownCode + "\r", `"AB" stands in front of the code`},
		{"suffix", knownCode, knownCode + "#\r", `"#\r" stands behind the code: switch that off, or make it CR`},
		{"both", knownCode, "AB" + knownCode + "#", `"AB" stands in front of the code and "#" behind it`},
		{"EOT", knownCode, knownCode + "\x04", `"\x04" stands behind`},
		{"another code glued to it", knownCode, knownCode + "HC1:SOMEBODYS", "13 characters stand around the code"},
		{"twice", knownCode, knownCode + knownCode, "the code came 2 times at once"},
		{"as UTF-8", string(binaryCode()), expanded, "bytes are sent as UTF-8 characters"},
	} {
		got := difference([]byte(tt.known), []byte(tt.raw))
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func FuzzFramingIsProved(f *testing.F) {
	for _, seed := range []string{"", "\r", knownCode + "\r\n", "\x02]Q1" + knownCode + "\x03", knownCode[:100], "AB" + knownCode, "]Q1", "\x00\x01\xff"} {
		f.Add([]byte(knownCode), []byte(seed))
	}
	f.Add(binaryCode(), append(binaryCode(), '\r'))
	f.Fuzz(func(t *testing.T, known, raw []byte) {
		if len(known) < minKnown || len(known) > maxKnown {
			return
		}
		before := bytes.Clone(raw)
		got, ok := findFraming(known, raw)
		_, _ = sevenBits(known, raw)
		said := difference(known, raw)
		if !bytes.Equal(raw, before) {
			t.Error("what came was changed")
		}
		if strings.ContainsAny(said, "\r\n\x1b") || len(said) > 300 {
			t.Errorf("it says %q", said)
		}
		plain := bytes.Contains(raw, known) || bytes.Contains(raw, expandBytes(known))
		if ok && !plain {
			t.Errorf("%+v was found, and the code is not in what came", got)
		}
	})
}
