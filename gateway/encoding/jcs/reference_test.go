package jcs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"pgregory.net/rapid"

	"passerelle/gateway/encoding/jcs"
)

// reference writes the canonical form plainly: encoding/json reads tokens, objects become sorted lists. What encoding/json lets pass and
// we do not, it looks for by itself.
func reference(src []byte) (string, bool) {
	if !json.Valid(src) || !utf8.Valid(src) || halfPair(src) {
		return "", false
	}
	d := json.NewDecoder(bytes.NewReader(src))
	d.UseNumber()
	s, err := referenceValue(d)
	return s, err == nil
}

// halfPair reports whether an escape is half of a surrogate pair. The text is valid JSON.
func halfPair(src []byte) bool {
	for i := 0; i < len(src); i++ {
		if src[i] != '\\' {
			continue
		}
		if i++; src[i] != 'u' {
			continue
		}
		unit, _ := strconv.ParseUint(string(src[i+1:i+5]), 16, 16)
		i += 4
		if !utf16.IsSurrogate(rune(unit)) {
			continue
		}
		if i+6 >= len(src) || src[i+1] != '\\' || src[i+2] != 'u' {
			return true
		}
		low, _ := strconv.ParseUint(string(src[i+3:i+7]), 16, 16)
		if utf16.DecodeRune(rune(unit), rune(low)) == utf8.RuneError {
			return true
		}
		i += 6
	}
	return false
}

func referenceValue(d *json.Decoder) (string, error) {
	token, err := d.Token()
	if err != nil {
		return "", err
	}
	switch token := token.(type) {
	case json.Number:
		f, err := strconv.ParseFloat(string(token), 64)
		return referenceNumber(f), err
	case string:
		return referenceText(token), nil
	case json.Delim:
		if token == '[' {
			return referenceArray(d)
		}
		return referenceObject(d)
	case nil:
		return "null", nil
	}
	return fmt.Sprint(token), nil
}

func referenceArray(d *json.Decoder) (string, error) {
	var all []string
	for d.More() {
		s, err := referenceValue(d)
		if err != nil {
			return "", err
		}
		all = append(all, s)
	}
	_, err := d.Token()
	return "[" + strings.Join(all, ",") + "]", err
}

func referenceObject(d *json.Decoder) (string, error) {
	type pair struct {
		name  []uint16
		value string
	}
	var all []pair
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return "", err
		}
		value, err := referenceValue(d)
		if err != nil {
			return "", err
		}
		units := utf16.Encode([]rune(name.(string)))
		all = append(all, pair{units, referenceText(name.(string)) + ":" + value})
	}
	if _, err := d.Token(); err != nil {
		return "", err
	}
	slices.SortFunc(all, func(a, b pair) int { return slices.Compare(a.name, b.name) })
	var texts []string
	for i, p := range all {
		if i > 0 && slices.Equal(p.name, all[i-1].name) {
			return "", errors.New("twice")
		}
		texts = append(texts, p.value)
	}
	return "{" + strings.Join(texts, ",") + "}", nil
}

func referenceText(s string) string {
	escapes := strings.NewReplacer(`"`, `\"`, `\`, `\\`, "\b", `\b`, "\t", `\t`, "\n", `\n`, "\f", `\f`, "\r", `\r`)
	s = escapes.Replace(s)
	for c := range rune(' ') {
		s = strings.ReplaceAll(s, string(c), fmt.Sprintf(`\u%04x`, c))
	}
	return `"` + s + `"`
}

// referenceNumber follows ECMA-262, Number::toString, by the letter: s digits, k of them, the point behind the n-th.
func referenceNumber(f float64) string {
	if f == 0 {
		return "0"
	}
	if f < 0 {
		return "-" + referenceNumber(-f)
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	e, _ := strconv.Atoi(exponent)
	s := strings.Replace(mantissa, ".", "", 1)
	k, n := len(s), e+1
	switch {
	case k <= n && n <= 21:
		return s + strings.Repeat("0", n-k)
	case 0 < n && n <= 21:
		return s[:n] + "." + s[n:]
	case -6 < n && n <= 0:
		return "0." + strings.Repeat("0", -n) + s
	case k == 1:
		return fmt.Sprintf("%se%+d", s, n-1)
	}
	return fmt.Sprintf("%s.%se%+d", s[:1], s[1:], n-1)
}

// check holds Append against the reference, and against itself.
func check(t interface{ Fatalf(string, ...any) }, src []byte) {
	got, err := jcs.Append(nil, src)
	if errors.Is(err, jcs.ErrTooLarge) {
		return // the reference knows no limits; TestLimits... does
	}
	want, ok := reference(src)
	if ok != (err == nil) {
		t.Fatalf("%q: got %q, %v; the reference gives %q, %v", src, got, err, want, ok)
	}
	if err != nil {
		return
	}
	if string(got) != want {
		t.Fatalf("%q: got %q, the reference gives %q", src, got, want)
	}
	if len(got) > jcs.MaxBytes {
		return
	}
	if again, err := jcs.Append(nil, got); err != nil || !bytes.Equal(again, got) {
		t.Fatalf("%q: the canonical form %q of itself is %q, %v", src, got, again, err)
	}
}

func TestRandomTextsAgreeWithThePlainReference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		writeValue(t, &b, 0)
		check(t, []byte(b.String()))
	})
}

func TestRandomNumbersAgreeWithThePlainReference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return
		}
		check(t, strconv.AppendFloat(nil, f, 'e', rapid.IntRange(-1, 25).Draw(t, "digits"), 64))
	})
}

// writeValue writes JSON of many spellings.
func writeValue(t *rapid.T, b *strings.Builder, depth int) {
	kinds := 7
	if depth > 4 {
		kinds = 5
	}
	space(t, b)
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		b.WriteString(rapid.SampledFrom([]string{"null", "true", "false"}).Draw(t, "literal"))
	case 1:
		fmt.Fprint(b, rapid.Int64().Draw(t, "integer"))
	case 2:
		fmt.Fprintf(b, "%g", rapid.Float64().Draw(t, "number"))
	case 3, 4:
		writeText(t, b)
	case 5:
		writeList(t, b, "[", "]", func() { writeValue(t, b, depth+1) })
	case 6:
		writeList(t, b, "{", "}", func() {
			writeText(t, b)
			space(t, b)
			b.WriteString(":")
			writeValue(t, b, depth+1)
		})
	}
	space(t, b)
}

func writeList(t *rapid.T, b *strings.Builder, before, after string, item func()) {
	b.WriteString(before)
	space(t, b)
	for i := range rapid.IntRange(0, 6).Draw(t, "items") {
		if i > 0 {
			b.WriteString(",")
			space(t, b)
		}
		item()
	}
	b.WriteString(after)
}

func space(t *rapid.T, b *strings.Builder) {
	b.WriteString(rapid.SampledFrom([]string{"", "", "", " ", "\n\t", "\r"}).Draw(t, "space"))
}

func writeText(t *rapid.T, b *strings.Builder) {
	pieces := []string{
		"a", "b", "A", "1", `\"`, `\\`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`, `\u0000`, `\u001F`, `\u0061`, "é", `\u00e9`, "€", `\ud83d\ude02`, "😀", "\ue000",
		`\uffff`, "\x7f", `\ud83d`, `\ude02`, "\n", "\xff",
	}
	limit := len(pieces) - 1
	if rapid.IntRange(0, 9).Draw(t, "strict") > 0 {
		limit -= 4
	}
	b.WriteString(`"`)
	for range rapid.IntRange(0, 4).Draw(t, "length") {
		b.WriteString(pieces[rapid.IntRange(0, limit).Draw(t, "piece")])
	}
	b.WriteString(`"`)
}

func FuzzAppend(f *testing.F) {
	for _, seed := range []string{
		`{"b":[1,2.50,-1e-7,1E30],"a":{"\ud83d\ude02":"\u0000","\ue000":null},"":true}`, `{"a":1,"a":2}`, `"\ud83d"`, "[[[[]]]]",
		`[5e-324,1.7976931348623157e308,1e309,0.000001,1e21,-0]`, " { } ", "\xef\xbb\xbf{}", `{"a":{"c":1,"b":{"e":1,"d":2}},"\n":0}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) { check(t, src) })
}

// hostile nests objects as deep as may be, each with its members in the wrong order.
func hostile() []byte {
	s := "0"
	for range jcs.MaxDepth {
		s = `{"zzzzzzzzzzzz":` + s
		for i := range jcs.MaxMembers/jcs.MaxDepth - 1 {
			s += fmt.Sprintf(`,"zzzzzzzzzzz%c":1e20`, 'y'-rune(i))
		}
		s += "}"
	}
	return []byte(s)
}
