package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTextFromOutsideIsMadeHarmless(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want, line string }{
		{"plain", "Zoé العلوي 漢字 'a' \"b\" \\n", "Zoé العلوي 漢字 'a' \"b\" \\n", "Zoé العلوي 漢字 'a' \"b\" \\n"},
		{"line feed", "a\nb", "a\nb", `a\nb`},
		{"terminal escape", "\x1b[2J\x1b]0;x\x07", `\x1b[2J\x1b]0;x\a`, `\x1b[2J\x1b]0;x\a`},
		{"C0 and DEL", "\x00\t\r\v\x7f", `\x00\t\r\v\x7f`, `\x00\t\r\v\x7f`},
		{"C1: CSI in one character", "\u009b2J", `\u009b2J`, `\u009b2J`},
		{"direction of writing", "\u202eABC\u202c\u2066\u2069\u061c\u200e\u200f", `\u202eABC\u202c\u2066\u2069\u061c\u200e\u200f`, `\u202eABC\u202c\u2066\u2069\u061c\u200e\u200f`},
		{"invisible", "a\u200b\ufeff\u00ad\u2028\u2029", `a\u200b\ufeff\u00ad\u2028\u2029`, `a\u200b\ufeff\u00ad\u2028\u2029`},
		{"tag characters", "\U000e0041", `\U000e0041`, `\U000e0041`},
		{"not UTF-8", "a\xffb", "a\ufffdb", "a\ufffdb"},
		{"nothing", "", "", ""},
	} {
		if got := printable(tt.in); got != tt.want {
			t.Errorf("%s: printable gave %q, want %q", tt.name, got, tt.want)
		}
		if got := oneLine(tt.in); got != tt.line {
			t.Errorf("%s: oneLine gave %q, want %q", tt.name, got, tt.line)
		}
	}
}

func TestJSONMeansTheSameWhenItIsMadeHarmless(t *testing.T) {
	t.Parallel()
	var every strings.Builder
	for r := rune(0); r <= utf8.MaxRune; r += 1 + r>>16*16 { // all of the first plane, some of the others
		if utf8.ValidRune(r) {
			every.WriteRune(r)
		}
	}
	text, err := json.Marshal(map[string]string{"name": every.String()})
	if err != nil {
		t.Fatal(err)
	}
	line := appendPrintableJSON([]byte("before "), text)
	if err := checkHarmless(string(line)); err != nil {
		t.Error(err)
	}
	line, ok := bytes.CutPrefix(line, []byte("before "))
	var got map[string]string
	if err := json.Unmarshal(line, &got); !ok || err != nil || got["name"] != every.String() {
		t.Errorf("another meaning: %v", err)
	}
}
