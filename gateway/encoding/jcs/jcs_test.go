package jcs_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"passerelle/gateway/encoding/jcs"
)

// TestPublishedVectorsAreWrittenExactly: the vectors of RFC 8785's author.
func TestPublishedVectorsAreWrittenExactly(t *testing.T) {
	t.Parallel()
	inputs, err := filepath.Glob(filepath.Join(corpora(t, "jcs"), "input", "*.json"))
	if err != nil || len(inputs) < 6 {
		t.Fatalf("%d inputs: %v", len(inputs), err)
	}
	for _, input := range inputs {
		name := filepath.Base(input)
		folder := filepath.Dir(filepath.Dir(input))
		want := read(t, filepath.Join(folder, "output", name))
		inHex, err := hex.DecodeString(strings.Join(strings.Fields(string(read(t, filepath.Join(folder, "outhex", strings.TrimSuffix(name, ".json")+".txt")))), ""))
		if err != nil || !bytes.Equal(inHex, want) {
			t.Fatalf("%s: output and outhex differ (%v)", name, err)
		}
		got, err := jcs.Append([]byte("kept:"), read(t, input))
		if err != nil || string(got) != "kept:"+string(want) {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, want)
		}
	}
}

func TestCanonicalForm(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"white space goes", " \t\r\n{ \"a\" : [ 1 , 2 ] }\n", `{"a":[1,2]}`},
		{"a lone literal", "true", "true"},
		{"a lone null", " null ", "null"},
		{"a lone string", `"\u0041"`, `"A"`},
		{"empty ones", `[{ },[ ],""]`, `[{},[],""]`},
		{"an empty name comes first", `{"a":1,"":2}`, `{"":2,"a":1}`},
		{"a prefix comes first", `{"ab":1,"a":2,"abc":3}`, `{"a":2,"ab":1,"abc":3}`},
		{"capitals before small letters", `{"b":1,"B":2,"a":3}`, `{"B":2,"a":3,"b":1}`},
		{"names sort by what they say, not by their escapes", `{"\\":1,"]":2,"[":3}`, `{"[":3,"\\":1,"]":2}`},
		{"a control character sorts by its value", `{" ":1,"\u001f":2,"\n":3,"\"":4,"!":5,"#":6}`, `{"\n":3,"\u001f":2," ":1,"!":5,"\"":4,"#":6}`},
		{"a surrogate pair sorts before U+E000", `{"\ue000":1,"\ud800\udc00":2,"\ud7ff":3,"\uffff":4}`, "{\"\ud7ff\":3,\"\U00010000\":2,\"\ue000\":1,\"\uffff\":4}"},
		{"two surrogate pairs", `{"😂":1,"😀":2}`, `{"😀":2,"😂":1}`},
		{"inner objects are sorted, too", `{"b":{"d":1,"c":{"f":1,"e":2}},"a":[{"h":1,"g":2}]}`, `{"a":[{"g":2,"h":1}],"b":{"c":{"e":2,"f":1},"d":1}}`},
		{"arrays are not", `[3,1,2]`, `[3,1,2]`},
		{"escapes that are needed", `"\u0000\u0008\u0009\u000a\u000c\u000d\u001F\u0022\u005C"`, `"\u0000\b\t\n\f\r\u001f\"\\"`},
		{"escapes that are not", `"\/\u002f\u007f\u0080\u20AC"`, "\"//\u007f\u0080\u20ac\""},
		{"no normal form of Unicode", `"A\u030a\u00c5"`, "\"A\u030a\u00c5\""},
		{"U+FFFD is a character", "\"\ufffd\\ufffd\"", "\"\ufffd\ufffd\""},
	} {
		got, err := jcs.Append(nil, []byte(tt.in))
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %s gives %q, %v; want %q", tt.name, tt.in, got, err, tt.want)
		}
	}
}

// TestNumbersAreWrittenAsECMAScriptDoes: the samples of RFC 8785, appendix B, and of the vectors' README, and the borders between layouts.
func TestNumbersAreWrittenAsECMAScriptDoes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"0", "0"},
		{"-0", "0"},
		{"-0.0e5", "0"},
		{"1e-400", "0"},
		{"5e-324", "5e-324"},
		{"-5e-324", "-5e-324"},
		{"1.7976931348623157e308", "1.7976931348623157e+308"},
		{"-1.7976931348623157e308", "-1.7976931348623157e+308"},
		{"9007199254740992", "9007199254740992"},
		{"-9007199254740992", "-9007199254740992"},
		{"9007199254740993", "9007199254740992"},
		{"9007199254740994.0", "9007199254740994"},
		{"295147905179352830000", "295147905179352830000"},
		{"295147905179352825856", "295147905179352830000"},
		{"9.999999999999997e22", "9.999999999999997e+22"},
		{"1e23", "1e+23"},
		{"1.0000000000000001e23", "1.0000000000000001e+23"},
		{"999999999999999700000", "999999999999999700000"},
		{"999999999999999900000", "999999999999999900000"},
		{"1e21", "1e+21"},
		{"1E+21", "1e+21"},
		{"1e20", "100000000000000000000"},
		{"9.999999999999997e-7", "9.999999999999997e-7"},
		{"0.000001", "0.000001"},
		{"1e-6", "0.000001"},
		{"0.0000001", "1e-7"},
		{"1e-10", "1e-10"},
		{"333333333.3333332", "333333333.3333332"},
		{"333333333.33333325", "333333333.33333325"},
		{"333333333.33333329", "333333333.3333333"},
		{"-0.0000033333333333333333", "-0.0000033333333333333333"},
		{"1424953923781206.25", "1424953923781206.2"},
		{"56.0", "56"},
		{"4.50", "4.5"},
		{"2e-3", "0.002"},
		{"-1", "-1"},
		{"1E2", "100"},
		{"1e+2", "100"},
		{"0.1000000000000000055511151231257827021181583404541015625", "0.1"},
	} {
		got, err := jcs.Append(nil, []byte(tt.in))
		if err != nil || string(got) != tt.want {
			t.Errorf("%s gives %s, %v; want %s", tt.in, got, err, tt.want)
		}
	}
}

func TestWhatIsNotStrictIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		want     error
	}{
		{"nothing", "", jcs.ErrMalformed},
		{"white space alone", " \n", jcs.ErrMalformed},
		{"a byte order mark", "\ufeff{}", jcs.ErrMalformed},
		{"other white space", "\v1", jcs.ErrMalformed},
		{"a zero byte", "1\x00", jcs.ErrMalformed},
		{"two values", "1 2", jcs.ErrMalformed},
		{"an object left open", `{"a":1`, jcs.ErrMalformed},
		{"an array left open", `[1`, jcs.ErrMalformed},
		{"an array closed as an object", `[1}`, jcs.ErrMalformed},
		{"a comma at an array's end", `[1,]`, jcs.ErrMalformed},
		{"a comma at an object's end", `{"a":1,}`, jcs.ErrMalformed},
		{"a comma too many", `[1,,2]`, jcs.ErrMalformed},
		{"a name without quotation marks", `{a:1}`, jcs.ErrMalformed},
		{"a name that is no string", `{1:1}`, jcs.ErrMalformed},
		{"no colon", `{"a" 1}`, jcs.ErrMalformed},
		{"no value", `{"a":}`, jcs.ErrMalformed},
		{"a comment", `{} // x`, jcs.ErrMalformed},
		{"another quotation mark", `'a'`, jcs.ErrMalformed},
		{"a literal in capitals", `True`, jcs.ErrMalformed},
		{"half a literal", `tru`, jcs.ErrMalformed},
		{"a literal with a tail", `nullx`, jcs.ErrMalformed},
		{"a duplicate", `{"a":1,"a":1}`, jcs.ErrDuplicate},
		{"a duplicate apart", `{"a":1,"b":2,"a":3}`, jcs.ErrDuplicate},
		{"a duplicate by an escape", `{"a":1,"\u0061":2}`, jcs.ErrDuplicate},
		{"a duplicate deep inside", `[{"x":{"a":1,"b":1,"a":1}}]`, jcs.ErrDuplicate},
		{"an empty duplicate", `{"":1,"":1}`, jcs.ErrDuplicate},
		{"NaN", `NaN`, jcs.ErrMalformed},
		{"Infinity", `-Infinity`, jcs.ErrMalformed},
		{"a number beyond the doubles", `1e309`, jcs.ErrMalformed},
		{"a negative one", `-1.8e308`, jcs.ErrMalformed},
		{"a plus sign", `+1`, jcs.ErrMalformed},
		{"a leading zero", `01`, jcs.ErrMalformed},
		{"a negative leading zero", `-01`, jcs.ErrMalformed},
		{"a minus alone", `-`, jcs.ErrMalformed},
		{"no digit before the point", `.5`, jcs.ErrMalformed},
		{"no digit behind the point", `5.`, jcs.ErrMalformed},
		{"no digit of the exponent", `5e`, jcs.ErrMalformed},
		{"only a sign of the exponent", `5e-`, jcs.ErrMalformed},
		{"hexadecimal", `0x1`, jcs.ErrMalformed},
		{"an underscore", `1_0`, jcs.ErrMalformed},
		{"a string left open", `"a`, jcs.ErrMalformed},
		{"a string that ends in its escape", `"a\`, jcs.ErrMalformed},
		{"an unknown escape", `"\x41"`, jcs.ErrMalformed},
		{"a short escape", `"\u004"`, jcs.ErrMalformed},
		{"an escape of no digits", `"\u00g0"`, jcs.ErrMalformed},
		{"a raw control character", "\"a\nb\"", jcs.ErrMalformed},
		{"a raw zero byte", "\"a\x00b\"", jcs.ErrMalformed},
		{"a high surrogate alone", `"\ud83d"`, jcs.ErrMalformed},
		{"a high surrogate and a letter", `"\ud83da"`, jcs.ErrMalformed},
		{"a high surrogate and another escape", `"\ud83d\n"`, jcs.ErrMalformed},
		{"two high surrogates", `"\ud83d\ud83d"`, jcs.ErrMalformed},
		{"a low surrogate alone", `"\ude02"`, jcs.ErrMalformed},
		{"a pair the wrong way round", `"\ude02\ud83d"`, jcs.ErrMalformed},
		{"a surrogate in a name", `{"\ud83d":1}`, jcs.ErrMalformed},
		{"UTF-8 that is cut", "\"\xe2\x82\"", jcs.ErrMalformed},
		{"UTF-8 of a surrogate", "\"\xed\xa0\x80\"", jcs.ErrMalformed},
		{"UTF-8 that is overlong", "\"\xc0\xaf\"", jcs.ErrMalformed},
		{"UTF-8 beyond Unicode", "\"\xf4\x90\x80\x80\"", jcs.ErrMalformed},
		{"a byte that is none", "\"\xff\"", jcs.ErrMalformed},
	} {
		got, err := jcs.Append([]byte("kept"), []byte(tt.in))
		if !errors.Is(err, tt.want) || string(got) != "kept" {
			t.Errorf("%s: %q gives %q, %v; want %v", tt.name, tt.in, got, err, tt.want)
		}
	}
}

func TestLimitsHoldAtTheLimitAndNotBeyond(t *testing.T) {
	t.Parallel()
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	inObjects := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	members := func(n int) string {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf(`"%d":0`, n-i))
		}
		return "{" + strings.Join(names, ",") + "}"
	}
	long := func(n int) string { return `"` + strings.Repeat("a", n-2) + `"` }
	for _, tt := range []struct {
		name string
		text string
		ok   bool
	}{
		{"bytes", long(jcs.MaxBytes), true},
		{"one byte more", long(jcs.MaxBytes + 1), false},
		{"white space counts", "1" + strings.Repeat(" ", jcs.MaxBytes), false},
		{"arrays", nested(jcs.MaxDepth), true},
		{"one array more", nested(jcs.MaxDepth + 1), false},
		{"objects", inObjects(jcs.MaxDepth), true},
		{"one object more", inObjects(jcs.MaxDepth + 1), false},
		{"members", members(jcs.MaxMembers), true},
		{"one member more", members(jcs.MaxMembers + 1), false},
		{"members of objects beside each other", "[" + members(jcs.MaxMembers) + "," + members(jcs.MaxMembers) + "]", true},
		{"members of an object and of one inside", `{"x":` + members(jcs.MaxMembers) + `}`, true},
		{"members behind an object", `{"x":` + members(jcs.MaxMembers) + `,"y":1}`, true},
		{"members before an object", `{"y":1,"x":` + members(jcs.MaxMembers) + `}`, false},
	} {
		_, err := jcs.Append(nil, []byte(tt.text))
		if tt.ok && err != nil || !tt.ok && !errors.Is(err, jcs.ErrTooLarge) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestTheLongestCanonicalForm: what the doc says of its length.
func TestTheLongestCanonicalForm(t *testing.T) {
	t.Parallel()
	text := "[" + strings.Repeat("1e20,", (jcs.MaxBytes-2)/5-1) + "1e20]"
	got, err := jcs.Append(nil, []byte(text))
	if err != nil || len(got) > 5*len(text) || len(got) < 4*len(text) {
		t.Errorf("%d bytes give %d, %v", len(text), len(got), err)
	}
}

func TestAppendTextGivesWhatWasSaid(t *testing.T) {
	t.Parallel()
	for _, want := range []string{"", "a", "\"\\/\b\t\n\f\r\x00\x01\x1f\x7f", "Åå€😂\ufffd", strings.Repeat("\x1f", 100)} {
		canonical, err := jcs.Append(nil, quote(want))
		if err != nil {
			t.Fatal(err)
		}
		if got := jcs.AppendText([]byte("kept"), canonical); string(got) != "kept"+want {
			t.Errorf("%s says %q, want %q", canonical, got[4:], want)
		}
	}
}

// quote writes a string with every UTF-16 code unit escaped.
func quote(s string) []byte {
	b := []byte{'"'}
	for _, r := range s {
		if r > 0xffff {
			r -= 0x10000
			b = fmt.Appendf(b, `\u%04X\u%04X`, 0xd800+r>>10, 0xdc00+r&0x3ff)
			continue
		}
		b = fmt.Appendf(b, `\u%04X`, r)
	}
	return append(b, '"')
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// corpora returns the path of public test data: below $CORPORA, or else below ../shared/corpora beside the repository.
func corpora(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("CORPORA")
	if dir == "" {
		root, err := filepath.Abs(".")
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
			if root == filepath.Dir(root) {
				t.Fatal("no go.mod above the package")
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared", "corpora")
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("public test data is missing: %v", err)
		}
		t.Skipf("public test data is missing (%v): set CORPORA to the folder that holds it", err)
	}
	return path
}
