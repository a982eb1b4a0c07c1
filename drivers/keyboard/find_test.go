package keyboard_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"passerelle/drivers/frame"
	"passerelle/drivers/keyboard"
)

// Passes of IATA Resolution 792's shape: with a conditional part, without one, with a name that has no slash, signed.
const (
	passLong   = "M1DESMARAIS/LUCY      EABC123 YULFRAAC 0834 326J001A0025 10E>60B1WW6225BAC"
	passShort  = "M1DESMARAIS/LUCY      EABC123 YULFRAAC 0834 326J001A0025 100"
	passPlain  = "M1MEYER               EABC123 ZRHFRALX 0834 326J001A0025 100"
	passSame   = "M1MEIER               EABC123 ORHFRALX 0834 326J001A0025 100"
	passSigned = "M1MEYER               EABC123 ZRHFRALX 0834 326J001A0025 100^100"
)

func TestBoardingPassIsReadOrRefusedNeverGuessed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		text  string
		typed keyboard.Layout
		found keyboard.Layout // by a certificate before; Auto: nothing was
		want  bool            // read; else ambiguous
	}{
		{"long", passLong, keyboard.US, keyboard.Auto, true},
		{"long", passLong, keyboard.DE, keyboard.Auto, true},
		{"long", passLong, keyboard.FR, keyboard.Auto, true},
		{"short", passShort, keyboard.US, keyboard.Auto, false},
		{"short", passShort, keyboard.DE, keyboard.Auto, true}, // & is in no name
		{"short", passShort, keyboard.FR, keyboard.Auto, true},
		{"no slash", passPlain, keyboard.US, keyboard.Auto, false},
		{"no slash", passPlain, keyboard.DE, keyboard.Auto, false},
		{"no slash", passPlain, keyboard.FR, keyboard.Auto, true},
		{"same keys", passSame, keyboard.US, keyboard.Auto, true},
		{"same keys", passSame, keyboard.DE, keyboard.Auto, true},
		{"signed", passSigned, keyboard.US, keyboard.Auto, true},
		{"signed", passSigned, keyboard.DE, keyboard.Auto, true},
		{"long", passLong, keyboard.US, keyboard.US, true},
		{"short", passShort, keyboard.US, keyboard.US, true},
		{"short", passShort, keyboard.DE, keyboard.DE, true},
		{"no slash", passPlain, keyboard.US, keyboard.US, true},
		{"no slash", passPlain, keyboard.DE, keyboard.DE, true},
		{"short, another scanner", passShort, keyboard.US, keyboard.DE, false},
		{"short, another scanner", passShort, keyboard.DE, keyboard.US, false},
		{"long, another scanner", passLong, keyboard.US, keyboard.DE, false},
		{"long, another scanner", passLong, keyboard.US, keyboard.FR, true},
		{"no slash, another scanner", passPlain, keyboard.US, keyboard.FR, false},
		{"two legs", "M2" + passShort[2:], keyboard.US, keyboard.Auto, false},
		{"two legs", "M2" + passShort[2:], keyboard.DE, keyboard.Auto, true},
		{"after an AIM identifier", "]Q3" + passPlain, keyboard.DE, keyboard.Auto, true},
		{"after an AIM identifier", "]L0" + passPlain, keyboard.US, keyboard.Auto, true},
		{"a stub", "M1YZ", keyboard.US, keyboard.Auto, false},
	} {
		d := keyboard.New(keyboard.Auto)
		if tt.found != keyboard.Auto {
			scan(t, d, tt.found, hcert)
		}
		var want []string
		ambiguous := uint64(1)
		if tt.want {
			want, ambiguous = []string{tt.text}, 0
		}
		if got := scan(t, d, tt.typed, tt.text); !slices.Equal(got, want) {
			t.Errorf("%s, typed in %v, %v found: got %q, want %q", tt.name, tt.typed, tt.found, got, want)
		}
		if got := d.Ambiguous(); got != ambiguous || d.Discarded() != ambiguous {
			t.Errorf("%s, typed in %v, %v found: %d ambiguous, %d discarded, want %d", tt.name, tt.typed, tt.found, got, d.Discarded(), ambiguous)
		}
	}
}

func TestContradictedLayoutIsForgotten(t *testing.T) {
	t.Parallel()
	d := keyboard.New(keyboard.Auto)
	scan(t, d, keyboard.US, "HC1>AB") // whoever makes a code can make a scanner set to US look like one set to DE
	if got := d.Layout(); got != keyboard.DE {
		t.Fatalf("found %v", got)
	}
	if got := scan(t, d, keyboard.US, passShort); got != nil || d.Layout() != keyboard.Auto {
		t.Errorf("got %q, layout %v", got, d.Layout())
	}
	if got := scan(t, d, keyboard.US, hcert); !slices.Equal(got, []string{hcert}) || d.Layout() != keyboard.US {
		t.Errorf("got %q, layout %v", got, d.Layout())
	}
	if got := scan(t, d, keyboard.US, passShort); !slices.Equal(got, []string{passShort}) {
		t.Errorf("got %q", got)
	}
}

func TestFixedLayoutReadsEveryPass(t *testing.T) {
	t.Parallel()
	for _, l := range all {
		d := keyboard.New(l)
		for _, pass := range []string{passLong, passShort, passPlain, passSame, passSigned, "M1", "M1YZ/&"} {
			if got := scan(t, d, l, pass); !slices.Equal(got, []string{pass}) || d.Layout() != l || d.Ambiguous() != 0 {
				t.Errorf("%v: got %q, want %q", l, got, pass)
			}
		}
	}
}

// No start, in either state of caps lock, is a start in another layout too, but for M1 in US and DE.
func TestStartsAreToldApart(t *testing.T) {
	t.Parallel()
	starts := []string{"HC1:", "PT1:", "shc:/", "M1", "]Q1HC1:", "]Q1PT1:", "]Q1shc:/", "]Q1M1"}
	for _, l := range all {
		for _, reader := range all {
			for _, start := range starts {
				for _, locked := range []bool{false, true} {
					keys := keysOf(t, l, start)
					if locked {
						keys = append([]frame.Key{{Code: 0x39}}, keys...)
					}
					got := strings.Join(typed(keyboard.New(reader), append(keys, enter)...), "")
					known := slices.ContainsFunc(starts, func(s string) bool { return strings.HasPrefix(got, s) })
					same := start == "M1" && !locked && l != keyboard.FR && reader != keyboard.FR
					if l != reader && known != same {
						t.Errorf("%s typed in %v (caps lock %v) is %q in %v", start, l, locked, got, reader)
					}
				}
			}
		}
	}
}

const (
	upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
	base64  = upper + "abcdefghijklmnopqrstuvwxyz" + digits + "+/="
	passEnd = upper + digits + " *<>/-."
)

func text(alphabet string, least, most int) *rapid.Generator[string] {
	return rapid.StringOfN(rapid.RuneFrom([]rune(alphabet)), least, most, -1)
}

// payload draws a code as scanners meet them.
func payload(t *rapid.T) string {
	body := ""
	switch rapid.SampledFrom([]string{"HC1:", "PT1:", "shc:/", "M"}).Draw(t, "start") {
	case "HC1:":
		body = "HC1:" + text(base45, 0, 600).Draw(t, "base45")
	case "PT1:":
		body = "PT1:" + text(base64, 0, 300).Draw(t, "base64")
	case "shc:/":
		body = "shc:/" + text(digits, 0, 800).Draw(t, "digits")
	default:
		body = pass(t)
	}
	return rapid.SampledFrom([]string{"", "", "]Q1", "]d2", "]z0", "]L2"}).Draw(t, "AIM") + body
}

func pass(t *rapid.T) string {
	name := text(upper, 1, 12).Draw(t, "surname")
	if rapid.IntRange(0, 9).Draw(t, "slash") > 0 {
		name += "/" + text(upper+" ", 1, 9).Draw(t, "given name")
	}
	p := "M" + text("123456789", 1, 1).Draw(t, "legs") + fmt.Sprintf("%-20.20s", name) + "E" + text(upper+digits, 7, 7).Draw(t, "PNR") +
		text(upper, 9, 9).Draw(t, "route") + text(digits, 4, 4).Draw(t, "flight") + " " + text(digits, 3, 3).Draw(t, "day") + "Y012C0001 1"
	rest := ""
	if rapid.Bool().Draw(t, "conditional") {
		rest = ">" + text(passEnd, 4, 150).Draw(t, "rest")
	}
	return p + fmt.Sprintf("%02X", len(rest)) + rest
}

// The one property that counts: what comes out is what was typed, or nothing, whatever was typed by the same scanner before.
func TestAutoNeverGivesAWrongText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := rapid.SampledFrom(all).Draw(t, "layout")
		d := keyboard.New(keyboard.Auto)
		for range rapid.IntRange(1, 4).Draw(t, "codes") {
			want := payload(t)
			keys, err := l.AppendKeys(nil, []byte(want))
			if err != nil {
				t.Fatal(err)
			}
			known := d.Layout() == l
			got := typed(d, append(keys, enter)...)
			certain := known || l == keyboard.FR || want[0] != 'M' || len(want) > 60 || l == keyboard.DE && strings.Contains(want[:22], "/")
			if len(got) > 1 || len(got) == 1 && got[0] != want || len(got) == 0 && certain {
				t.Fatalf("%v, %v found: got %q, want %q", l, known, got, want)
			}
			if f := d.Layout(); f != keyboard.Auto && f != l {
				t.Fatalf("typed in %v, found %v by %q", l, f, want)
			}
		}
	})
}

func TestRealPassesAndCertificatesInEveryLayout(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file, field string
		most        map[keyboard.Layout]int // so many may be ambiguous before a layout is found, in percent
	}{
		{"bcbp/passes.jsonl", "data", map[keyboard.Layout]int{keyboard.US: 26, keyboard.FR: 0, keyboard.DE: 17}},
		{"hcert/payloads.jsonl", "payload", map[keyboard.Layout]int{}},
	} {
		texts := corpus(t, tt.file, tt.field)
		for _, l := range all {
			read, ambiguous, others := 0, 0, 0
			for _, want := range texts {
				keys, err := l.AppendKeys(nil, []byte(want))
				if err != nil || len(want) > frame.MaxFrame || !strings.HasPrefix(want, "HC1:") && !strings.HasPrefix(want, "M1") {
					others++
					continue
				}
				d := keyboard.New(keyboard.Auto)
				switch got := typed(d, append(keys, enter)...); {
				case slices.Equal(got, []string{want}):
					read++
				case got == nil && d.Ambiguous() == 1:
					ambiguous++
				default:
					t.Errorf("%v: %q came out as %q", l, want, got)
				}
			}
			t.Logf("%s typed in %v: %d read, %d ambiguous, %d cannot be typed or start otherwise", tt.file, l, read, ambiguous, others)
			if read == 0 || 100*ambiguous > tt.most[l]*(read+ambiguous) {
				t.Errorf("%s typed in %v: %d of %d ambiguous, want at most %d %%", tt.file, l, ambiguous, read+ambiguous, tt.most[l])
			}
		}
	}
}

// corpus gives one field of each row of a public test set.
func corpus(t *testing.T, file, field string) (texts []string) {
	t.Helper()
	dir := os.Getenv("CORPORA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpora")
	}
	f, err := os.Open(filepath.Join(dir, file))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("%v: set CORPORA to the folder of public test data", err)
	}
	defer f.Close()
	rows := bufio.NewScanner(f)
	rows.Buffer(nil, 1<<20)
	for rows.Scan() {
		var row map[string]any
		if err := json.Unmarshal(rows.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		if s, ok := row[field].(string); ok {
			texts = append(texts, s)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return texts
}

// A scanner set to an Arabic keyboard has no key for a Latin letter (see the package's documentation): it types each byte as
// Alt + number pad, which is the same under all layouts.
func TestCodesTypedWithAltAloneNeedNoLayout(t *testing.T) {
	t.Parallel()
	texts := []string{
		hcert, "PT1:yz/YZ+=", "shc:/5676290952", "]Q1" + hcert, passLong, passShort, passPlain, "M1", "a listed code: YZ",
		"\xd8\xaa\xd8\xb0\xd9\x83\xd8\xb1\xd8\xa9", printable(),
	}
	for _, before := range append(slices.Clone(all), keyboard.Auto) {
		for _, zero := range []bool{false, true} {
			d := keyboard.New(keyboard.Auto)
			if before != keyboard.Auto {
				scan(t, d, before, hcert)
			}
			for _, text := range texts {
				var keys []frame.Key
				for _, b := range []byte(text) {
					keys = keyboard.AppendAltKeys(keys, b, zero)
				}
				if got := typed(d, append(keys, enter)...); !slices.Equal(got, []string{text}) || d.Layout() != before {
					t.Errorf("%v found before: got %q, want %q; then %v found", before, got, text, d.Layout())
				}
			}
			if d.Discarded() != 0 {
				t.Errorf("%d discarded", d.Discarded())
			}
		}
	}
}

func TestMixOfAltAndKeysIsRefusedUntilTheLayoutIsKnown(t *testing.T) {
	t.Parallel()
	mixed := func(l keyboard.Layout) (keys []frame.Key) {
		for _, b := range []byte("HC1:") {
			keys = keyboard.AppendAltKeys(keys, b, true)
		}
		return append(append(keys, keysOf(t, l, "6YZ+")...), enter)
	}
	for _, l := range all {
		d := keyboard.New(keyboard.Auto)
		if got := typed(d, mixed(l)...); got != nil || d.Ambiguous() != 1 {
			t.Errorf("%v: got %q, %d ambiguous", l, got, d.Ambiguous())
		}
		scan(t, d, l, hcert)
		if got := typed(d, mixed(l)...); !slices.Equal(got, []string{"HC1:6YZ+"}) {
			t.Errorf("%v: got %q", l, got)
		}
	}
}
