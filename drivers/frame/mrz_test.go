package frame

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// documents are the specimens of ICAO 9303 (parts 4, 5, 6 and 7, appendices with examples).
var documents = []struct {
	name  string
	lines []string
}{
	{"TD3, passport", []string{
		"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
		"L898902C36UTO7408122F1204159ZE184226B<<<<<10",
	}},
	{"TD2, identity card", []string{
		"I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<",
		"D231458907UTO7408122F1204159<<<<<<<6",
	}},
	{"TD1, identity card", []string{
		"I<UTOD231458907<<<<<<<<<<<<<<<",
		"7408122F1204159UTO<<<<<<<<<<<6",
		"ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
	}},
	{"visa, type A", []string{
		"V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
		"L8988901C4XXX4009078F96121096ZE184226B<<<<<<",
	}},
	{"visa, type B", []string{
		"V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<",
		"L8988901C4XXX4009078F9612109<<<<<<<<",
	}},
}

// framings are what readers put around lines.
var framings = []struct {
	name                      string
	start, before, after, end string
}{
	{name: "CR", after: "\r"},
	{name: "LF", after: "\n"},
	{name: "CR LF", after: "\r\n"},
	{name: "LF CR", after: "\n\r"},
	{name: "CR CR LF", after: "\r\r\n"},
	{name: "NUL at wake-up", start: "\x00\x00", after: "\r"},
	{name: "STX and ETX", start: "\x02", after: "\r", end: "\x03"},
	{name: "STX and ETX, CR LF", start: "\x02", after: "\r\n", end: "\x03\r\n"},
	{name: "a device's delimiters", start: "\x15\x02", after: "\r", end: "\x03\x16"},
	{name: "flag, empty lines", start: "\x01\x00\x2dOU\x02", before: "", after: "\r", end: "\x03\x5a"},
	{name: "length that looks like a line end", start: "\x01\r\nOU\x02", after: "\r", end: "\x03\r"},
	{name: "flag alone on the missing line", start: "\x01\x00\x5cOU\x02@\r", after: "\r", end: "\x03\x11"},
	{name: "flag in front of the first line", start: "\x01\x00\x5cOU\x02@", after: "\r", end: "\x03\x11"},
	{name: "flag that is a letter", start: "\x02U", after: "\r", end: "\x03"},
	{name: "a header character, no STX", start: "#", after: "\r\n"},
	{name: "AIM identifiers", before: "]o3", after: "\r"},
}

func TestLinesOfADocumentAreOneFrame(t *testing.T) {
	t.Parallel()
	for _, doc := range documents {
		want := strings.Join(doc.lines, "\n")
		for _, f := range framings {
			stream := f.start
			for _, line := range doc.lines {
				stream += f.before + line + f.after
			}
			stream += f.end
			expected := f.before + want
			name := doc.name + ", " + f.name
			steps := reads("HC1:A\r", stream, stream, "]Q1HC1:B\r\n")
			if got, want := run(newSplitter(t, Config{Terminator: MRZ}), steps), []string{"HC1:A", expected, expected}; !cmp.Equal(got[:3], want) {
				t.Errorf("%s: %s", name, cmp.Diff(want, got[:3]))
			}
			if got, want := run(newSplitter(t, Config{Terminator: MRZ}), bytewise(steps)), expected; got[1] != want || got[2] != want {
				t.Errorf("%s, one byte at a time: got %q", name, got)
			}
			s := newSplitter(t, Config{Terminator: MRZ})
			run(s, append(steps, step{idle: DefaultGap}))
			if s.Discarded() != 0 {
				t.Errorf("%s: %d discarded", name, s.Discarded())
			}
		}
	}
}

func TestOtherCodesOfADocumentReaderAreFrames(t *testing.T) {
	t.Parallel()
	zone := strings.Join(documents[0].lines, "\r") + "\r"
	joined := strings.Join(documents[0].lines, "")
	for _, tt := range []struct {
		name  string
		steps []step
		want  []string
	}{
		{"bar codes", reads("HC1:A\r\nM1DESMARAIS/LUC\nB\r"), []string{"HC1:A", "M1DESMARAIS/LUC", "B"}},
		{"30 digits", reads(strings.Repeat("1", 30) + "\r"), []string{strings.Repeat("1", 30)}},
		{"30 letters", reads(strings.Repeat("P", 30) + "\r"), []string{strings.Repeat("P", 30)}},
		{"36 and 44 letters", reads(strings.Repeat("A", 36) + "\r" + strings.Repeat("C", 44) + "\r"), []string{strings.Repeat("A", 36), strings.Repeat("C", 44)}},
		{"a line of another kind", reads("X" + documents[0].lines[0][1:] + "\r"), []string{"X" + documents[0].lines[0][1:]}},
		{"a second line alone", reads(documents[0].lines[1] + "\r"), []string{documents[0].lines[1]}},
		{"small letters", reads(strings.ToLower(documents[0].lines[0]) + "\r"), []string{strings.ToLower(documents[0].lines[0])}},
		{"one character short", reads(documents[0].lines[0][:43] + "\r"), []string{documents[0].lines[0][:43]}},
		{"two characters long", reads("##" + documents[0].lines[0] + "\r"), []string{"##" + documents[0].lines[0]}},
		{"all lines as one", reads(joined + "\r"), []string{joined}},
		{"all lines as one, between STX and ETX", reads("\x02" + joined + "\x03"), []string{joined}},
		{"bar codes between STX and ETX", reads("\x15\x02HC1:A\x03\x16\x15\x02HC1:B\r\x03\x16"), []string{"HC1:A", "HC1:B"}},
		{"bar code and zone in turn", reads("HC1:A\r"+zone+"HC1:B\r", zone), []string{"HC1:A", strings.Join(documents[0].lines, "\n"), "HC1:B", strings.Join(documents[0].lines, "\n")}},
		{"control characters inside a code", reads("]C1(01)\x1d(21)\x00\x01\x03\x1b\t\x7f\r"), []string{"]C1(01)\x1d(21)\x00\x01\x03\x1b\t\x7f"}},
		{"no bytes between STX and ETX", reads("\x02\x03\r\x02\r\x03\rA\r"), []string{"A"}},
		{"first line, then a bar code", reads(documents[0].lines[0] + "\rHC1:A\r"), []string{"HC1:A"}},
		{"first line, then one that differs in width", reads(documents[0].lines[0] + "\r" + documents[1].lines[1] + "\r"), []string{documents[1].lines[1]}},
		{"first line twice", reads(documents[0].lines[0] + "\r" + zone), []string{strings.Join(documents[0].lines, "\n")}},
		{"first line of another document", reads(documents[2].lines[0] + "\r" + zone), []string{strings.Join(documents[0].lines, "\n")}},
		{"last line lost between STX and ETX", reads("\x02" + documents[0].lines[0] + "\r\x03\r\x02" + zone + "\x03"), []string{strings.Join(documents[0].lines, "\n")}},
		{"ETX lost", reads("\x02"+documents[0].lines[0]+"\r", "\x02"+zone+"\x03"), []string{strings.Join(documents[0].lines, "\n")}},
		{
			"last line does not come",
			[]step{{bytes: documents[0].lines[0] + "\r"}, {idle: DefaultGap}, {bytes: documents[0].lines[1] + "\r" + zone}},
			[]string{documents[0].lines[1], strings.Join(documents[0].lines, "\n")},
		},
		{
			"a short pause between lines",
			[]step{{bytes: documents[0].lines[0] + "\r"}, {idle: DefaultGap - 1}, {bytes: documents[0].lines[1] + "\r"}},
			[]string{strings.Join(documents[0].lines, "\n")},
		},
		{
			"header and trailer end with the silence",
			[]step{{bytes: "\x01\x00OU"}, {idle: DefaultGap}, {bytes: "HC1:A\r\x02B2\x03\x16"}, {idle: DefaultGap}, {bytes: "HC1:C\r"}},
			[]string{"HC1:A", "B2", "HC1:C"},
		},
	} {
		if got := run(newSplitter(t, Config{Terminator: MRZ}), tt.steps); !cmp.Equal(got, tt.want) {
			t.Errorf("%s: %s", tt.name, cmp.Diff(tt.want, got))
		}
		if got := run(newSplitter(t, Config{Terminator: MRZ}), bytewise(tt.steps)); !cmp.Equal(got, tt.want) {
			t.Errorf("%s, one byte at a time: %s", tt.name, cmp.Diff(tt.want, got))
		}
	}
}

func TestUnfinishedZonesAreCounted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		steps []step
		want  uint64
	}{
		{reads(documents[2].lines[0] + "\r" + documents[2].lines[1] + "\rHC1:A\r"), 1},
		{[]step{{bytes: documents[2].lines[0] + "\r" + documents[2].lines[1]}, {idle: DefaultGap}}, 1},
		{[]step{{bytes: documents[2].lines[0] + "\r"}, {idle: DefaultGap}, {idle: time.Hour}}, 1},
		{reads("\x02" + documents[2].lines[0] + "\r\x03"), 1},
		{reads("\x02HALF\x02HC1:A\x03"), 1},
		{[]step{{bytes: "\x15\x02HC1:A\x03\x16"}, {idle: DefaultGap}}, 0},
		{[]step{{bytes: "\x01\x00OU"}, {idle: DefaultGap}}, 0},
	} {
		s := newSplitter(t, Config{Terminator: MRZ})
		run(s, tt.steps)
		if got := s.Discarded(); got != tt.want {
			t.Errorf("%+q: %d discarded, want %d", fmt.Sprint(tt.steps), got, tt.want)
		}
	}
}

func TestLongCodeAfterAFirstLineIsWhole(t *testing.T) {
	t.Parallel()
	for _, size := range []int{maxMRZLine, maxMRZLine + 1, MaxFrame - 1, MaxFrame, MaxFrame + 1, 2 * MaxFrame} {
		s := newSplitter(t, Config{Terminator: MRZ})
		long := strings.Repeat("x", size)
		got := run(s, reads(documents[0].lines[0]+"\r"+long+"\rHC1:A\r"))
		if want := []string{long[:min(size, MaxFrame+1)], "HC1:A"}; !cmp.Equal(got, want) {
			t.Errorf("%d bytes: got %d frames, first of %d", size, len(got), len(got[0]))
		}
	}
}

// The rule by which the gateway knows a zone (gateway/verify, isMRZ): 72, 88 or 90 characters, line ends apart.
func TestZonesHaveTheLengthThatTheGatewayKnows(t *testing.T) {
	t.Parallel()
	for _, doc := range documents {
		got := run(newSplitter(t, Config{Terminator: MRZ}), reads(strings.Join(doc.lines, "\r\n")+"\r\n"))
		if len(got) != 1 {
			t.Fatalf("%s: got %q", doc.name, got)
		}
		switch n := len(strings.ReplaceAll(got[0], "\n", "")); n {
		case 72, 88, 90:
		default:
			t.Errorf("%s: %d characters", doc.name, n)
		}
	}
}

func TestPublicZonesAreOneFrame(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("CORPORA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpora")
	}
	data, err := os.ReadFile(filepath.Join(dir, "mrz", "cheminfo.jsonl"))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("%v: set CORPORA to the folder of public test data", err)
	}
	const c = "[A-Z0-9<]"
	shapes := regexp.MustCompile("^[PVIAC](" + c + "{43}\n" + c + "{44}|" + c + "{35}\n" + c + "{36}|" + c + "{29}\n" + c + "{30}\n" + c + "{30})$")
	whole := 0
	for row := range bytes.Lines(data) {
		var doc struct{ Lines []string }
		if err := json.Unmarshal(row, &doc); err != nil {
			t.Fatal(err)
		}
		zone := strings.Join(doc.Lines, "\n")
		got := run(newSplitter(t, Config{Terminator: MRZ}), reads(strings.Join(doc.Lines, "\r\n")+"\r\n"))
		switch {
		case shapes.MatchString(zone):
			whole++
			if !cmp.Equal(got, []string{zone}) {
				t.Errorf("got %q, want %q", got, zone)
			}
		case strings.Contains(strings.Join(got, ""), "\n"): // misread on purpose, or no document of ICAO's
			t.Errorf("got %q from %q", got, doc.Lines)
		}
	}
	if whole < 20 {
		t.Errorf("only %d zones were whole", whole)
	}
	t.Logf("%d zones", whole)
}

func BenchmarkMRZ(b *testing.B) {
	stream := []byte(fmt.Sprintf("\x02%s\r%s\r\x03", documents[0].lines[0], documents[0].lines[1]))
	s := newSplitter(b, Config{Terminator: MRZ})
	b.SetBytes(int64(len(stream)))
	for b.Loop() {
		if f, _ := s.Next(stream); len(f) != 89 {
			b.Fatal("frame lost")
		}
	}
}
