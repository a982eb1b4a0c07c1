package list

import (
	"bytes"
	"encoding/base32"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// reader is ReadCSV or ReadJSON.
type reader func(r io.Reader, add func(Row) error) (Report, error)

// take collects what a list has.
func take(read reader, text string) (rows []Row, report Report, err error) {
	report, err = read(strings.NewReader(text), func(r Row) error {
		r.Code, r.Secret = bytes.Clone(r.Code), bytes.Clone(r.Secret)
		rows = append(rows, r)
		return nil
	})
	return rows, report, err
}

var (
	testSecret = []byte("12345678901234567890")
	inBase32   = base32.StdEncoding.EncodeToString(testSecret)
)

func TestRowsAreReadWhole(t *testing.T) {
	t.Parallel()
	good := Row{Number: 2, Code: []byte("0012"), Entry: Entry{
		State: Blocked, From: 1767225600, Until: 1798761599, Zone: `Nord, "haut"`, Uses: 3, OneTime: true, Digits: 8, Period: 60, SHA256: true,
	}, Secret: testSecret}
	plain := Row{Number: 3, Code: []byte("x y"), Entry: Entry{State: Listed}}
	for name, text := range map[string]string{
		"in the columns' order": "code,from,until,zone,uses,state,secret,digits,period,algorithm\n" +
			`0012,2026-01-01,2026-12-31,"Nord, ""haut""",3,blocked,` + inBase32 + ",8,60,sha256\nx y,,,,,,,,,\n",
		"in another, with CR LF and a mark": "\ufeffalgorithm,period,digits,secret,state,uses,zone,until,from,code\r\n" +
			`sha256,60,8,` + strings.ToLower(inBase32) + `,blocked,3,"Nord, ""haut""",2026-12-31T23:59:59Z,2026-01-01T01:00:00+01:00,0012` + "\r\n,,,,,,,,,\"x y\"",
		"with semicolons": "code;from;until;zone;uses;state;secret;digits;period;algorithm\n" +
			`0012;2026-01-01;2026-12-31;"Nord, ""haut""";3;blocked;` + strings.TrimRight(inBase32, "=") + ";8;60;sha256\nx y;;;;;listed;;;;\n",
	} {
		rows, report, err := take(ReadCSV, text)
		if diff := cmp.Diff([]Row{good, plain}, rows); err != nil || diff != "" || report.Taken != 2 || report.Rows != 2 {
			t.Errorf("%s: %+v, %v, -want +got:\n%s", name, report, err, diff)
		}
	}
	good.Number, plain.Number = 1, 2
	one := `{"code":"0012","from":"2026-01-01","until":"2026-12-31","zone":"Nord, \"haut\"","uses":3,"state":"blocked","secret":"` + inBase32 + `","digits":8,"period":60,"algorithm":"SHA256"}`
	two := `{"uses":null,"secret":"","code":"x y"}`
	for name, text := range map[string]string{
		"an array":              "\ufeff [" + one + ",\n" + two + "] ",
		"one behind the other":  one + two,
		"one a line":            one + "\n" + two + "\n",
		"with numbers as texts": "[" + strings.NewReplacer(`:3,`, `:"3",`, `:8,`, `:"8",`).Replace(one) + "," + two + "]",
	} {
		rows, report, err := take(ReadJSON, text)
		if diff := cmp.Diff([]Row{good, plain}, rows); err != nil || diff != "" || report.Taken != 2 || report.Rows != 2 {
			t.Errorf("%s: %+v, %v, -want +got:\n%s", name, report, err, diff)
		}
	}
}

// TestABadRowIsRefusedAlone puts each bad row between two good ones, in CSV and in JSON.
func TestABadRowIsRefusedAlone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, column, value, reason string }{
		{"white space before a code", "code", " s3cret", "code: white space around it"},
		{"white space behind it", "code", "s3cret\t", "code: white space around it"},
		{"a day that is none", "from", "2026-02-29", "from: neither a day"},
		{"a day in another order", "until", "31.12.2026", "until: neither a day"},
		{"a time without zone", "from", "2026-01-01T00:00:00", "from: neither a day"},
		{"the year 1969", "from", "1969-12-31", "from: times lie"},
		{"the year 10000 elsewhere", "until", "9999-12-31T23:59:59-01:00", "until: times lie"},
		{"no digit", "uses", "many", "uses: not a number from 1 to 255"},
		{"no use", "uses", "0", "uses: not a number"},
		{"256 uses", "uses", "256", "uses: not a number"},
		{"half a use", "uses", "0.5", "uses: not a number"},
		{"an unknown state", "state", "s3cret", "state: none of revoked, blocked, listed"},
		{"a state in capitals", "state", "LISTED", "state: none of"},
		{"a secret that is no base32", "secret", "s3cret!", "secret: not base32"},
		{"a secret that is padding alone", "secret", "====", "secret: not base32"},
		{"an unknown algorithm", "algorithm", "md5", "algorithm: neither SHA1 nor SHA256"},
		{"a period of 70000", "period", "70000", "period: not a number from 1 to 65535"},
		{"minus six digits", "digits", "-6", "digits: not a number"},
	} {
		code := "s3cret"
		if tt.column == "code" {
			code = tt.value
		}
		texts := map[string]string{"code": code, tt.column: tt.value}
		header, row, object := "code", code, map[string]string{"code": code}
		if tt.column != "code" {
			header, row = header+","+tt.column, row+","+tt.value
			object = texts
		}
		empty := strings.Repeat(",", strings.Count(header, ","))
		b, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range []struct {
			read   reader
			text   string
			number int
		}{
			{ReadCSV, header + "\nfirst" + empty + "\n" + row + "\nlast" + empty + "\n", 3},
			{ReadJSON, `[{"code":"first"},` + string(b) + `,{"code":"last"}]`, 2},
		} {
			rows, report, err := take(one.read, one.text)
			if err != nil || len(rows) != 2 || string(rows[1].Code) != "last" || report.Rows != 3 || report.Taken != 2 || report.Refused != 1 || len(report.Refusals) != 1 {
				t.Errorf("%s: %d rows, %+v, %v", tt.name, len(rows), report, err)
				continue
			}
			if r := report.Refusals[0]; r.Row != one.number || !strings.HasPrefix(r.Reason, tt.reason) || strings.Contains(r.Reason, "s3cret") {
				t.Errorf("%s: refused is row %d, %s; want %d, %s", tt.name, r.Row, r.Reason, one.number, tt.reason)
			}
		}
	}
}

func TestLinesThatAreNoRowsCostOnlyThemselves(t *testing.T) {
	t.Parallel()
	const head = "code,zone\nfirst,\n"
	for _, tt := range []struct{ name, line, reason string }{
		{"a field too few", "s3cret", "1 fields, the header has 2"},
		{"a field too many", "s3cret,,", "3 fields"},
		{"a quotation mark that stays open", `"s3cret,`, errQuotes.Error()},
		{"one inside a field", `s3"cret,`, errQuotes.Error()},
		{"something behind a closing one", `"s3cret"x,`, errQuotes.Error()},
		{"a line that is too long", strings.Repeat("s", MaxRow-1) + ",x", errLong.Error()},
		{"a line that is much too long", strings.Repeat("s3cret,", 10*MaxRow), errLong.Error()},
	} {
		for _, end := range []string{"\n", "\r\n"} {
			rows, report, err := take(ReadCSV, head+tt.line+end+end+"last,")
			if err != nil || len(rows) != 2 || rows[1].Number != 5 || string(rows[1].Code) != "last" || report.Refused != 1 {
				t.Errorf("%s: %d rows, %+v, %v", tt.name, len(rows), report, err)
				continue
			}
			if r := report.Refusals[0]; r.Row != 3 || !strings.HasPrefix(r.Reason, tt.reason) || strings.Contains(r.Reason, "s3cret") {
				t.Errorf("%s: refused is row %d, %s", tt.name, r.Row, r.Reason)
			}
		}
	}
	longest := strings.Repeat("s", MaxRow-1) + ","
	for _, end := range []string{"", "\n", "\r\n"} {
		if rows, _, err := take(ReadCSV, head+longest+end); err != nil || len(rows) != 2 {
			t.Errorf("the longest line, ending in %q: %d rows, %v", end, len(rows), err)
		}
	}
	for _, tt := range []struct{ name, object, reason string }{
		{"a number", `12`, "not an object"},
		{"a text", `"s3cret"`, "not an object"},
		{"a list", `["s3cret"]`, "not an object"},
		{"null", `null`, "not an object"},
		{"no code", `{"zone":"x"}`, `no column "code"`},
		{"a code as a member", `{"s3cret":"x"}`, `no column "code"`},
		{"a code that is a number", `{"code":1234567890123456}`, "code: not a text"},
		{"a code that is an object", `{"code":{"code":"s3cret"}}`, "code: not a text"},
		{"an unknown member", `{"code":"s3cret","seat":"12"}`, `unknown column "seat"`},
		{"a member in capitals", `{"code":"s3cret","Zone":"x"}`, `unknown column "Zone"`},
		{"a member twice", `{"code":"s3cret","zone":"x","zone":"x"}`, `column "zone" stands twice`},
		{"a code twice", `{"code":"s3cret","code":"s3cret"}`, `column "code" stands twice`},
		{"a day as a number", `{"code":"s3cret","from":20260101}`, "from: not a text"},
		{"yes", `{"code":"s3cret","uses":true}`, "uses: not a text"},
		{"a line feed in a secret", `{"code":"s3cret","secret":"MFRGGMFRGGMFRGGM\nFRGGMFRGG"}`, "secret: not base32"},
		{"half of a pair", `{"code":"s3cret\ud800"}`, "code: half of a surrogate pair"},
		{"no UTF-8", "{\"code\":\"s3cret\xff\"}", "not UTF-8"},
		{"too long", `{"code":"s3cret","zone":"` + strings.Repeat("x", MaxRow) + `"}`, errLong.Error()},
	} {
		rows, report, err := take(ReadJSON, `[{"code":"first"},`+tt.object+`,{"code":"last"}]`)
		if err != nil || len(rows) != 2 || string(rows[1].Code) != "last" || report.Refused != 1 {
			t.Errorf("%s: %d rows, %+v, %v", tt.name, len(rows), report, err)
			continue
		}
		if r := report.Refusals[0]; r.Row != 2 || !strings.HasPrefix(r.Reason, tt.reason) || strings.Contains(r.Reason, "s3cret") {
			t.Errorf("%s: refused is row %d, %s, want %s", tt.name, r.Row, r.Reason, tt.reason)
		}
	}
}

func TestAListThatIsNoListIsAnError(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		read reader
		text string
		want string
	}{
		{"CSV: nothing", ReadCSV, "", "empty"},
		{"CSV: no header", ReadCSV, "s3cret\nother\n", `header: no column "code"`},
		{"CSV: no header, with more", ReadCSV, "s3cret,2026-01-01\n", `header: no column "code"`},
		{"CSV: an unknown column", ReadCSV, "code,seat\n1,2\n", `unknown column "seat"`},
		{"CSV: a column in capitals", ReadCSV, "code,Zone\n", `unknown column "Zone"`},
		{"CSV: two unknown columns", ReadCSV, "seat,row,code\n", `unknown column "seat"`},
		{"CSV: a column without name", ReadCSV, "code,\n", `unknown column ""`},
		{"CSV: a column twice", ReadCSV, "code,zone,zone\n", `column "zone" stands twice`},
		{"CSV: a header with a quotation mark", ReadCSV, "code,\"zone\n", "header: a quotation mark"},
		{"CSV: a header that is too long", ReadCSV, "code," + strings.Repeat("x", MaxRow), "header: longer than"},
		{"JSON: nothing", ReadJSON, " \n", "empty"},
		{"JSON: a number", ReadJSON, "12", "neither an array nor an object"},
		{"JSON: CSV", ReadJSON, "code\ns3cret\n", "neither an array nor an object"},
		{"JSON: an array without end", ReadJSON, `[{"code":"s3cret"},`, "object 2: "},
		{"JSON: an object without end", ReadJSON, `{"code":"s3cret"}{"code":"s3cr`, "object 2: the list ends in the middle"},
		{"JSON: no comma", ReadJSON, `[{"code":"s3cret"}{"code":"s3cret"}]`, "object 2: no JSON at byte"},
		{"JSON: no quotation mark", ReadJSON, `[{"code":s3cret}]`, "object 1: no JSON at byte"},
		{"JSON: something behind", ReadJSON, `[{"code":"s3cret"}] s3cret`, "something follows"},
	} {
		_, report, err := take(tt.read, tt.text)
		if !errors.Is(err, ErrInput) || !strings.Contains(fmt.Sprint(err), tt.want) || strings.Contains(fmt.Sprint(err), "s3cret") || report.Rows != 0 {
			t.Errorf("%s: %v, %+v, want %s", tt.name, err, report, tt.want)
		}
	}
	broken := errors.New("the disk is gone")
	for name, read := range map[string]reader{"CSV": ReadCSV, "JSON": ReadJSON} {
		for _, text := range []string{"", "code\n1\n", `[{"code":"1"}`} {
			_, err := read(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), func(Row) error { return nil })
			if !errors.Is(err, ErrInput) || text == "" && !errors.Is(err, broken) {
				t.Errorf("%s of %q from a broken disk: %v", name, text, err)
			}
		}
	}
}

func TestAListIsAtMostSoLong(t *testing.T) {
	t.Parallel()
	nothing := func(Row) error { return nil }
	lines := "code\n1\n2\n3\n"
	objects := `[{"code":"1"},{"code":"2"}]`
	for name, one := range map[string]struct {
		read func(r io.Reader, limit int64, add func(Row) error) (Report, error)
		text string
	}{"CSV": {readCSV, lines}, "JSON": {readJSON, objects}} {
		if report, err := one.read(strings.NewReader(one.text), int64(len(one.text)), nothing); err != nil || report.Taken < 2 {
			t.Errorf("%s: a list as long as may be: %+v, %v", name, report, err)
		}
		if _, err := one.read(strings.NewReader(one.text), int64(len(one.text))-1, nothing); !errors.Is(err, errLarge) {
			t.Errorf("%s: one byte longer: %v", name, err)
		}
	}
}

func TestOnlySoManyReasonsAreKept(t *testing.T) {
	t.Parallel()
	text := "code,uses\n" + strings.Repeat("1,x\n", MaxRefusals+1)
	_, report, err := take(ReadCSV, text)
	if err != nil || report.Refused != MaxRefusals+1 || len(report.Refusals) != MaxRefusals {
		t.Errorf("%d refused, %d reasons, %v", report.Refused, len(report.Refusals), err)
	}
}

func TestARowThatTheListRefusesIsReported(t *testing.T) {
	t.Parallel()
	b := NewBuilder(&testKey)
	text := "code,from,until,secret\ngood,,,\n,,,\nlate,2026-01-02,2026-01-01,\nshort,,,MFRGG\nlast,,," + inBase32 + "\n"
	report, err := ReadCSV(strings.NewReader(text), func(r Row) error { return b.Add(r.Code, r.Entry, r.Secret) })
	want := Report{Rows: 5, Taken: 2, Refused: 3, Refusals: []Refusal{{3, ErrCode.Error()}, {4, ErrTimes.Error()}, {5, ErrSecret.Error()}}}
	if diff := cmp.Diff(want, report); err != nil || diff != "" {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	s, err := b.Set()
	if err != nil || s.Len() != 2 {
		t.Fatalf("%d codes, %v", s.Len(), err)
	}
	if m, ok := s.Find([]byte("last755224")); !ok || m.CheckOneTime(0, 0) != Valid {
		t.Errorf("a code with a suffix: %+v, %v", m, ok)
	}
}

// FuzzReadCSV holds lines against encoding/csv: where that reads a line as one record, so do we.
func FuzzReadCSV(f *testing.F) {
	f.Add("code,zone\n1,\"a\"\"b\"\n")
	f.Add("code;from\r\n1;2026-01-01\r\n\"2\";x\n")
	f.Add("\ufeffcode\n\"\n1\n")
	f.Fuzz(func(t *testing.T, text string) {
		rows, report, err := take(ReadCSV, text)
		if err != nil {
			if !errors.Is(err, ErrInput) || report.Rows != 0 {
				t.Fatalf("%v, %+v", err, report)
			}
			return
		}
		if report.Rows != report.Taken+report.Refused || report.Taken != len(rows) || len(report.Refusals) != min(report.Refused, MaxRefusals) {
			t.Fatalf("%d rows, %+v", len(rows), report)
		}
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
			got, err := split([]byte(line), ',')
			c := csv.NewReader(strings.NewReader(line))
			want, wantErr := c.Read()
			if line == "" || strings.ContainsAny(line, "\r") {
				continue // encoding/csv has its own ideas of these
			}
			if (err == nil) != (wantErr == nil) || err == nil && !slices.Equal(got, want) {
				t.Fatalf("%q: %q, %v; encoding/csv says %q, %v", line, got, err, want, wantErr)
			}
		}
	})
}

func FuzzReadJSON(f *testing.F) {
	f.Add(`[{"code":"1","uses":3},{"code":"2","zone":null}]`)
	f.Add(`{"code":"1"}{"code":2}`)
	f.Add(`[{"code":"\ud800"},[],{"x":1}] x`)
	f.Fuzz(func(t *testing.T, text string) {
		rows, report, err := take(ReadJSON, text)
		if err != nil {
			if !errors.Is(err, ErrInput) || report.Rows != 0 {
				t.Fatalf("%v, %+v", err, report)
			}
			return
		}
		if report.Rows != report.Taken+report.Refused || report.Taken != len(rows) {
			t.Fatalf("%d rows, %+v", len(rows), report)
		}
		d := json.NewDecoder(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
		n := 0
		for {
			var value json.RawMessage
			if err := d.Decode(&value); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%q is read, and encoding/json says %v", text, err)
			}
			var array []json.RawMessage
			if json.Unmarshal(value, &array) == nil && n == 0 && bytes.HasPrefix(value, []byte("[")) {
				n = len(array)
			} else {
				n++
			}
		}
		if n != report.Rows {
			t.Fatalf("%q: %d rows, encoding/json sees %d", text, report.Rows, n)
		}
	})
}
