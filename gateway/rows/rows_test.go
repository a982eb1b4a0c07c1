package rows

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestRowSaysItsPayloadAndItsTime(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, line string
		want       Row
	}{
		{"payload alone", `{"payload":"HC1:6BF"}`, Row{Payload: []byte("HC1:6BF")}},
		{"empty payload", `{"payload":""}`, Row{Payload: []byte{}}},
		{"white space", " \t{ \"payload\" :\r\"x\"\n, \"now\" : \"2021-06-01T12:00:00Z\" } ", Row{Payload: []byte("x"), Now: 1622548800, Dated: true}},
		{"time first, with an offset", `{"now":"2021-06-01T12:00:00+02:00","payload":"x"}`, Row{Payload: []byte("x"), Now: 1622541600, Dated: true}},
		{"time before 1970, with a fraction", `{"payload":"x","now":"1969-12-31T23:59:58.5Z"}`, Row{Payload: []byte("x"), Now: -2, Dated: true}},
		{"the first and the last year", `{"payload":"x","now":"0000-02-29T00:00:00-23:59"}`, Row{Payload: []byte("x"), Now: -62162035260, Dated: true}},
		{"every escape", `{"payload":"\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC"}`, Row{Payload: []byte("\"\\/\b\f\n\r\tAé€")}},
		{"a pair of surrogates", `{"payload":"<\ud83d\ude00>"}`, Row{Payload: []byte("<😀>")}},
		{"an escaped NUL", `{"payload":"a\u0000b"}`, Row{Payload: []byte("a\x00b")}},
		{"text between escapes", `{"payload":"0123456789abcdef\n0123456789abcdef\n0"}`, Row{Payload: []byte("0123456789abcdef\n0123456789abcdef\n0")}},
		{"escapes in names and times", `{"\u0070ayload":"x","n\u006fw":"2021-06-01T12\u003a00:00Z"}`, Row{Payload: []byte("x"), Now: 1622548800, Dated: true}},
		{"other members", `{"id":7,"payload":"x","rest":[-0.5e+3,{"payload":1,"now":null},[],{},true,false,null,"\u0041"],"id":8,"":0}`, Row{Payload: []byte("x")}},
		{"text that is not ASCII", `{"payload":"العلوي"}`, Row{Payload: []byte("العلوي")}},
	} {
		got, err := Parse([]byte(test.line))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestRowThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	const now = `"2021-01-01T00:00:00Z"`
	for _, test := range []struct {
		line string
		want error
	}{
		{``, ErrSyntax},
		{` `, ErrSyntax},
		{`{`, ErrSyntax},
		{`null`, ErrSyntax},
		{`[]`, ErrSyntax},
		{`"payload"`, ErrSyntax},
		{`HC1:6BF`, ErrSyntax},
		{`{"payload":"x"`, ErrSyntax},
		{`{"payload":"x",}`, ErrSyntax},
		{`{,"payload":"x"}`, ErrSyntax},
		{`{"payload" "x"}`, ErrSyntax},
		{`{"payload":"x" "id":1}`, ErrSyntax},
		{`{"payload":}`, ErrSyntax},
		{`{payload:"x"}`, ErrSyntax},
		{`{'payload':'x'}`, ErrSyntax},
		{`{"payload":"x"}x`, ErrSyntax},
		{`{"payload":"x"} {}`, ErrSyntax},
		{`{"payload":"x"},`, ErrSyntax},
		{"\ufeff" + `{"payload":"x"}`, ErrSyntax},
		{`{"payload":"x}`, ErrSyntax},
		{`{"payload":"x\"}`, ErrSyntax},
		{"{\"payload\":\"x\ty\"}", ErrSyntax},
		{"{\"payload\":\"0123456789\x00\"}", ErrSyntax},
		{`{"payload":"\x41"}`, ErrSyntax},
		{`{"payload":"\u004"}`, ErrSyntax},
		{`{"payload":"\u004g"}`, ErrSyntax},
		{`{"payload":"\`, ErrSyntax},
		{`{"payload":"\u00`, ErrSyntax},
		{"{\"payload\":\"\xff\"}", ErrEncoding},
		{"{\"payload\":\"x\",\"id\":\"\xc0\x80\"}", ErrEncoding},
		{"{\"payload\":\"\xed\xa0\x80\"}", ErrEncoding},
		{`{"payload":"\ud800"}`, ErrSurrogate},
		{`{"payload":"\ude00"}`, ErrSurrogate},
		{`{"payload":"\ud83dx"}`, ErrSurrogate},
		{`{"payload":"\ud83d\n"}`, ErrSurrogate},
		{`{"payload":"\ud83d\ud83d\ude00"}`, ErrSurrogate},
		{`{"payload":"\ud83d\ude0"}`, ErrSurrogate},
		{`{"payload":"x","id":"\udfff"}`, ErrSurrogate},
		{`{}`, ErrNoPayload},
		{`{"now":` + now + `}`, ErrNoPayload},
		{`{"code":"x"}`, ErrNoPayload},
		{`{"id":{"payload":"x"}}`, ErrNoPayload},
		{`{"payload":"x","payload":"x"}`, ErrRepeated},
		{`{"payload":"","payload":""}`, ErrRepeated},
		{`{"payload":"x","now":` + now + `,"now":` + now + `}`, ErrRepeated},
		{`{"payload":"x","pa\u0079load":"y"}`, ErrRepeated},
		{`{"Payload":"x"}`, ErrCase},
		{`{"payload":"x","PAYLOAD":1}`, ErrCase},
		{`{"payload":"x","Now":` + now + `}`, ErrCase},
		{`{"payload":1}`, ErrType},
		{`{"payload":null}`, ErrType},
		{`{"payload":true}`, ErrType},
		{`{"payload":["x"]}`, ErrType},
		{`{"payload":{"payload":"x"}}`, ErrType},
		{`{"payload":"x","now":1609459200}`, ErrType},
		{`{"payload":"x","now":null}`, ErrType},
		{`{"payload":"x","now":""}`, ErrTime},
		{`{"payload":"x","now":"yesterday"}`, ErrTime},
		{`{"payload":"x","now":"2021-01-01"}`, ErrTime},
		{`{"payload":"x","now":"2021-01-01T00:00:00"}`, ErrTime},
		{`{"payload":"x","now":"2021-02-29T00:00:00Z"}`, ErrTime},
		{`{"payload":"x","now":"2021-01-01T0:00:00Z"}`, ErrTime},
		{`{"payload":"x","now":"2021-01-01T00:00:60Z"}`, ErrTime},
		{`{"payload":"x","now":"2021-01-01T24:00:00Z"}`, ErrTime},
		{`{"payload":"x","now":"2021-13-01T00:00:00Z"}`, ErrTime},
		{`{"payload":"x","now":"2021-00-10T00:00:00Z"}`, ErrTime},
		{`{"payload":"x","now":"2021-01-00T00:00:00Z"}`, ErrTime},
		{`{"payload":"x","now":"2021-01-01 00:00:00Z"}`, ErrTime},
		{`{"payload":"x","now":"2021-01-01t00:00:00Z"}`, ErrTime},
		{`{"payload":"x","now":"2021-01-01T00:00:00.Z"}`, ErrTime},
		{`{"payload":"x","now":"2021-01-01T00:00:00.5"}`, ErrTime},
		{`{"payload":"x","now":"2021-01-01T00:00:00Zx"}`, ErrTime},
		{`{"payload":"x","now":"2021-01-01T00:00:00+0100"}`, ErrTime},
		{`{"payload":"x","now":"2021-01-01T00:00:00+01:60"}`, ErrTime},
		{`{"payload":"x","now":"2021-01-01T00:00:00+0:1:00"}`, ErrTime},
		{`{"payload":"x","now":"2021-01-01T00:00:00,5Z"}`, ErrTime},
		{`{"payload":"x","now":"2021-01-01T00:00:00+24:00"}`, ErrTime},
		{`{"payload":"x","id":01}`, ErrSyntax},
		{`{"payload":"x","id":-}`, ErrSyntax},
		{`{"payload":"x","id":+1}`, ErrSyntax},
		{`{"payload":"x","id":1.}`, ErrSyntax},
		{`{"payload":"x","id":.5}`, ErrSyntax},
		{`{"payload":"x","id":1e}`, ErrSyntax},
		{`{"payload":"x","id":1e+}`, ErrSyntax},
		{`{"payload":"x","id":NaN}`, ErrSyntax},
		{`{"payload":"x","id":nul}`, ErrSyntax},
		{`{"payload":"x","id":truefalse}`, ErrSyntax},
		{`{"payload":"x","id":[1,]}`, ErrSyntax},
		{`{"payload":"x","id":[1`, ErrSyntax},
		{`{"payload":"x","id":[1}}`, ErrSyntax},
		{`{"payload":"x","id":{"a"}}`, ErrSyntax},
		{`{"payload":"x","id":{a:1}}`, ErrSyntax},
		{`{"payload":"x","id":{"a":1,}}`, ErrSyntax},
		{`{"payload":"x","id":"`, ErrSyntax},
	} {
		if got, err := Parse([]byte(test.line)); !errors.Is(err, test.want) || got.Payload != nil || got.Dated {
			t.Errorf("%s: got %+v, %v, want %v", test.line, got, err, test.want)
		}
	}
}

func TestLimitsOfARowHold(t *testing.T) {
	t.Parallel()
	const around = `{"payload":""}`
	long := func(n int) string { return `{"payload":"` + strings.Repeat("A", n-len(around)) + `"}` }
	nested := func(n int) string {
		return `{"payload":"x","id":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}`
	}
	objects := func(n int) string {
		return `{"payload":"x","id":` + strings.Repeat(`{"a":`, n-1) + "0" + strings.Repeat("}", n-1) + `}`
	}
	for _, test := range []struct {
		name, line string
		want       error
	}{
		{"as long as a row may be", long(MaxLine), nil},
		{"one byte longer", long(MaxLine + 1), ErrLong},
		{"arrays as deep as they may be", nested(MaxDepth), nil},
		{"one deeper", nested(MaxDepth + 1), ErrDepth},
		{"objects as deep as they may be", objects(MaxDepth), nil},
		{"one deeper object", objects(MaxDepth + 1), ErrDepth},
		{"a payload that is nested too deep", `{"payload":` + strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth) + `}`, ErrDepth},
		{"nothing but openings", strings.Repeat("[", MaxLine), ErrSyntax},
		{"openings in a member", `{"id":` + strings.Repeat("[", MaxLine-10), ErrDepth},
	} {
		if _, err := Parse([]byte(test.line)); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
}

func TestLinesAreCutAtTheirLineFeed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text, row, rest string
		ended           bool
	}{
		{"", "", "", false},
		{"a", "a", "", false},
		{"a\n", "a", "", true},
		{"a\nb\n", "a", "b\n", true},
		{"\n\n", "", "\n", true},
		{"a\r\nb", "a", "b", true},
		{"a\r", "a", "", false},
		{"a\r\r\n", "a\r", "", true},
		{"\ra\n", "\ra", "", true},
		{"\r\n", "", "", true},
	} {
		row, rest, ended := Cut([]byte(test.text))
		if string(row) != test.row || string(rest) != test.rest || ended != test.ended {
			t.Errorf("%q: got %q, %q, %v, want %q, %q, %v", test.text, row, rest, ended, test.row, test.rest, test.ended)
		}
	}
}

func TestBytesOutsideTheRowAreNotTouched(t *testing.T) {
	t.Parallel()
	text := []byte("before\n" + `{"payload":"\u0041\ud83d\ude00\n"}` + "\nafter")
	from, to := len("before\n"), bytes.LastIndexByte(text, '\n')
	row, err := Parse(text[from:to])
	if err != nil || string(row.Payload) != "A😀\n" {
		t.Fatalf("got %q, %v", row.Payload, err)
	}
	_ = append(row.Payload, "would overwrite what follows"...)
	if !bytes.HasPrefix(text, []byte("before\n{")) || !bytes.HasSuffix(text, []byte("\nafter")) || text[to-1] != '}' {
		t.Errorf("got %q", text)
	}
}

// reference is Parse by encoding/json: what it knows of JSON, and our own rules said a second time.
func reference(line []byte) (Row, error) {
	if len(line) > MaxLine || !utf8.Valid(line) || !json.Valid(line) || halfPair(line) {
		return Row{}, ErrSyntax
	}
	if depth(line) > MaxDepth {
		return Row{}, ErrDepth
	}
	d := json.NewDecoder(bytes.NewReader(line))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return Row{}, ErrSyntax
	}
	known := make(map[string]string)
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return Row{}, err
		}
		name, ok := token.(string)
		var value any
		if err := d.Decode(&value); err != nil || !ok {
			return Row{}, fmt.Errorf("member %v: %w", token, err)
		}
		if lower := strings.ToLower(name); lower != "payload" && lower != "now" {
			continue
		} else if lower != name {
			return Row{}, ErrCase
		}
		if _, seen := known[name]; seen {
			return Row{}, ErrRepeated
		}
		if known[name], ok = value.(string); !ok {
			return Row{}, ErrType
		}
	}
	payload, ok := known["payload"]
	if !ok {
		return Row{}, ErrNoPayload
	}
	r := Row{Payload: []byte(payload)}
	if now, ok := known["now"]; ok {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil || !strictTime.MatchString(now) {
			return Row{}, ErrTime
		}
		r.Now, r.Dated = at.Unix(), true
	}
	return r, nil
}

// strictTime is the grammar of RFC 3339, section 5.6, in upper case: time.Parse takes more.
var strictTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]([01]\d|2[0-3]):[0-5]\d)$`)

var (
	anyEscape = regexp.MustCompile(`\\(u[0-9A-Fa-f]{4}|.)`)
	fullPair  = regexp.MustCompile(`\\u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}`)
	surrogate = regexp.MustCompile(`^\\u[Dd][89A-Fa-f]`)
)

// halfPair reports whether JSON has an escaped surrogate that belongs to no pair. An escape never begins within another.
func halfPair(line []byte) bool {
	for at := 0; at < len(line); {
		found := anyEscape.FindIndex(line[at:])
		if found == nil {
			return false
		}
		at += found[0]
		if pair := fullPair.FindIndex(line[at:]); pair != nil && pair[0] == 0 {
			at += pair[1]
			continue
		}
		if surrogate.Match(line[at:]) {
			return true
		}
		at += found[1] - found[0]
	}
	return false
}

// depth returns how many objects and arrays of JSON stand one in the other.
func depth(line []byte) (deepest int) {
	d := json.NewDecoder(bytes.NewReader(line))
	for level := 0; ; {
		token, err := d.Token()
		if err == io.EOF {
			return deepest
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			level++
			deepest = max(deepest, level)
		case json.Delim('}'), json.Delim(']'):
			level--
		}
	}
}

// FuzzParse holds Parse against encoding/json in both directions: what one takes, the other takes, with the same result.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"payload":"HC1:6BF"}`, `{"payload":"a\u0041","now":"2021-06-01T12:00:00Z"}`, `{"payload":"\ud83d\ude00"}`, `{"payload":"\ud800"}`,
		`{"payload":"\\ud800\ud83d\ude00"}`, `{"payload":"\ud83d\ud83d\ude00"}`, `{"payload":"x","payload":"y"}`, ` {"now":"","payload":""} `,
		`{"payload":"\""}`, "{\"payload\":\"\xff\"}", `[[[[`, `{"payload":"x"}{}`, `{"payload":"x","Now":1}`, `{"payload":"x","now":"2021-06-01T12:00:00.123456789+23:59"}`,
		`{"payload":"x","id":[1,-2.5e-7,{"a":[]},true,false,null]}`, `{"payload":"x","id":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`,
		`{"payload":"x","id":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`, `{"payload":"\/\b\f\n\r\t\u0000 "}`, `{"payload":"x","id":-0}`, `{"id":0.0E+00}`,
		"{\"payload\":\"\xed\xa0\x80\"}", "{\"payload\":\"\x7f\u2028\"}", "\ufeff{}", `{"\u0070ayload":"x","PAYLOAD":"y"}`, `{"payload":"0123456\u0041789abcdef0123456789"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		want, refusal := reference(bytes.Clone(line))
		got, err := Parse(bytes.Clone(line))
		if (err == nil) != (refusal == nil) {
			t.Fatalf("%q: got %v; encoding/json says %v", line, err, refusal)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q (-want +got):\n%s", line, diff)
		}
	})
}

// FuzzTime holds unixTime against time.Parse and the grammar.
func FuzzTime(f *testing.F) {
	for _, s := range []string{
		"", "2021-06-01T12:00:00Z", "2021-06-01T12:00:00.5+05:45", "0000-02-29T00:00:00-23:59", "2021-02-29T00:00:00Z", "2021-12-31T23:59:60Z",
		"2021-06-01T12:00:00.Z", "2021-06-01T12:00:00,5Z", "9999-12-31T23:59:59.999999999999Z", "2021-06-01T12:00:00+", "2021-06-01T12:00:00+0a:00",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := time.Parse(time.RFC3339, s)
		want := err == nil && strictTime.MatchString(s)
		if got, ok := unixTime([]byte(s)); ok != want || ok && got != at.Unix() {
			t.Fatalf("%q: got %d, %v, want %d, %v", s, got, ok, at.Unix(), want)
		}
	})
}

// FuzzCut holds Cut against strings.Lines.
func FuzzCut(f *testing.F) {
	for _, s := range []string{"", "\n", "a\r\nb", "a\n\r\n\r", "\r\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		rest := text
		for line := range strings.Lines(string(text)) {
			var row []byte
			var ended bool
			row, rest, ended = Cut(rest)
			body, feed := strings.CutSuffix(line, "\n")
			if want := strings.TrimSuffix(body, "\r"); string(row) != want || ended != feed {
				t.Fatalf("%q: got %q, %v, want %q, %v", text, row, ended, want, feed)
			}
		}
		if len(rest) > 0 {
			t.Fatalf("%q: %q is left", text, rest)
		}
	})
}

// BenchmarkParse reads a row as long as those of health certificates, and one with the other members of public test data.
func BenchmarkParse(b *testing.B) {
	code := "HC1:" + strings.Repeat("6BF+70790T9WJWG.FKY*4GO0.O1CV2 O5 N2FBBRW1*70HS8WY04AC*WIFN0AHCD8KD97TK0F90KECTHGWJC0FDC:5AIA%G7X+AQB9746HS8", 5)
	for _, bench := range []struct{ name, line string }{
		{"plain", `{"payload":"` + code + `"}`},
		{"dated", `{"payload":"` + code + `","now":"2021-06-01T12:00:00Z"}`},
		{"members", `{"certificate":"` + strings.Repeat("MIIC", 250) + `","expected":{"a":true,"b":[1,2,3]},"payload":"` + code + `"}`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			line := []byte(bench.line)
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(line); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
