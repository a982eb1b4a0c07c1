package keyboard_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"passerelle/drivers/frame"
	"passerelle/drivers/keyboard"
)

const (
	base45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
	hcert  = "HC1:NCFOXN%TS3DH3ZSUZK+.V0ETD%65NL-AH-R6IOOK.IR9B+9D2W:5PUZLE*G/$5"
	poll   = 8 * time.Millisecond // of a slow keyboard
)

var (
	enter = frame.Key{Code: keyboard.Enter}
	all   = []keyboard.Layout{keyboard.US, keyboard.FR, keyboard.DE}
)

func keysOf(t *testing.T, l keyboard.Layout, text string) []frame.Key {
	t.Helper()
	keys, err := l.AppendKeys(nil, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// typed feeds keys, at the pace of a scanner, and returns the codes that come out.
func typed(d *keyboard.Decoder, keys ...frame.Key) (codes []string) {
	for _, r := range keyboard.AppendReports(nil, keys) {
		d.Report(r[:], poll, func(code []byte) { codes = append(codes, string(code)) })
	}
	return codes
}

func scan(t *testing.T, d *keyboard.Decoder, l keyboard.Layout, text string) []string {
	t.Helper()
	return typed(d, append(keysOf(t, l, text), enter)...)
}

func printable() string {
	var b strings.Builder
	for c := byte(0x20); c < 0x7F; c++ {
		b.WriteByte(c)
	}
	return b.String()
}

func TestEveryCharacterComesBackInItsLayout(t *testing.T) {
	t.Parallel()
	extra := map[keyboard.Layout]string{
		keyboard.US: "\x01\x03\x1a\x1b\x1c\x1d\x1e\x1f",
		keyboard.FR: "éèçàù§µ²°£¤€\x01\x03\x1a\x1b\x1c\x1d\x1e\x1f",
		keyboard.DE: "äöüßÄÖÜ§°²³µ€´\x01\x03\x1a\x1b\x1c\x1d\x1e\x1f",
	}
	for l, more := range extra {
		for _, text := range []string{base45, printable(), more} {
			if got := scan(t, keyboard.New(l), l, text); !slices.Equal(got, []string{text}) {
				t.Errorf("%v: got %q, want %q", l, got, text)
			}
			for _, r := range text {
				if got := scan(t, keyboard.New(l), l, string(r)); !slices.Equal(got, []string{string(r)}) {
					t.Errorf("%v: got %q, want %q", l, got, string(r))
				}
			}
		}
	}
}

// The key codes here were written down by hand from pictures of the keyboards, not made by the package.
func TestKeyCodesOfRealKeyboards(t *testing.T) {
	t.Parallel()
	const sh, gr = frame.LeftShift, frame.RightAlt
	key := func(code, mods byte) frame.Key { return frame.Key{Code: code, Mods: mods} }
	tests := []struct {
		layout keyboard.Layout
		keys   []frame.Key
		want   string
	}{
		{keyboard.US, []frame.Key{key(0x0B, sh), key(0x06, sh), key(0x1E, 0), key(0x33, sh)}, "HC1:"},
		{keyboard.FR, []frame.Key{key(0x0B, sh), key(0x06, sh), key(0x1E, sh), key(0x37, 0)}, "HC1:"},
		{keyboard.FR, []frame.Key{key(0x30, 0), key(0x34, sh), key(0x31, 0), key(0x2E, sh), key(0x23, 0), key(0x36, sh), key(0x37, sh), key(0x37, 0)}, "$%*+-./:"},
		{keyboard.US, []frame.Key{key(0x21, sh), key(0x22, sh), key(0x25, sh), key(0x2E, sh), key(0x2D, 0), key(0x37, 0), key(0x38, 0), key(0x33, sh)}, "$%*+-./:"},
		{keyboard.FR, []frame.Key{key(0x14, 0), key(0x1A, 0), key(0x04, 0), key(0x1D, 0), key(0x33, 0)}, "azqwm"},
		{keyboard.FR, []frame.Key{key(0x1E, 0), key(0x20, 0), key(0x21, 0), key(0x22, 0), key(0x25, 0), key(0x2D, 0), key(0x10, 0), key(0x10, sh), key(0x38, 0)}, "&\"'(_),?!"},
		{keyboard.FR, []frame.Key{key(0x2D, gr), key(0x14, sh), key(0x1E, sh)}, "]A1"},
		{keyboard.FR, []frame.Key{key(0x20, gr), key(0x21, gr), key(0x22, gr), key(0x23, gr), key(0x25, gr), key(0x26, gr), key(0x27, gr), key(0x2E, gr)}, "#{[|\\^@}"},
		{keyboard.FR, []frame.Key{key(0x20, frame.LeftCtrl|frame.LeftAlt)}, "#"},
		{keyboard.FR, []frame.Key{key(0x20, frame.RightShift)}, "3"},
		{keyboard.FR, []frame.Key{key(0x64, 0), key(0x64, sh)}, "<>"},
		{keyboard.US, []frame.Key{key(0x64, 0), key(0x64, sh), key(0x32, 0), key(0x32, sh)}, "\\|\\|"},
		{keyboard.US, []frame.Key{key(0x30, frame.LeftCtrl)}, "\x1d"},
		{keyboard.FR, []frame.Key{key(0x30, frame.RightCtrl)}, "\x1d"},
		{keyboard.US, []frame.Key{key(0x5A, 0), key(0x62, 0), key(0x54, 0), key(0x55, 0), key(0x56, 0), key(0x57, 0), key(0x63, 0)}, "20/*-+."},
		{keyboard.FR, []frame.Key{key(0x2F, 0), key(0x08, 0), key(0x2F, sh), key(0x0C, 0)}, "êï"},
		{keyboard.FR, []frame.Key{key(0x24, gr), key(0x14, 0), key(0x1F, gr), key(0x11, 0)}, "àñ"},
		{keyboard.FR, []frame.Key{key(0x2F, 0), key(0x15, 0)}, "^r"},
		{keyboard.FR, []frame.Key{key(0x2F, 0), key(0x2F, 0)}, "^^"},
		{keyboard.FR, []frame.Key{key(0x04, 0), key(0x24, gr)}, "q`"},
		{keyboard.US, []frame.Key{key(0x29, 0), key(0x2A, 0)}, "\x1b\b"},
		{keyboard.DE, []frame.Key{key(0x0B, sh), key(0x06, sh), key(0x1E, 0), key(0x37, sh)}, "HC1:"},
		{keyboard.DE, []frame.Key{key(0x21, sh), key(0x22, sh), key(0x30, sh), key(0x30, 0), key(0x38, 0), key(0x37, 0), key(0x24, sh), key(0x37, sh)}, "$%*+-./:"},
		{keyboard.DE, []frame.Key{key(0x1D, 0), key(0x1C, 0), key(0x1D, sh), key(0x1C, sh)}, "yzYZ"},
		{keyboard.DE, []frame.Key{key(0x14, gr), key(0x08, gr), key(0x10, gr), key(0x1F, gr), key(0x20, gr)}, "@€µ²³"},
		{keyboard.DE, []frame.Key{key(0x24, gr), key(0x25, gr), key(0x26, gr), key(0x27, gr), key(0x2D, gr), key(0x30, gr), key(0x64, gr)}, "{[]}\\~|"},
		{keyboard.DE, []frame.Key{key(0x25, frame.LeftCtrl|frame.LeftAlt)}, "["},
		{keyboard.DE, []frame.Key{key(0x2D, 0), key(0x2D, sh), key(0x2F, 0), key(0x33, sh), key(0x34, 0), key(0x35, sh)}, "ß?üÖä°"},
		{keyboard.DE, []frame.Key{key(0x31, 0), key(0x31, sh), key(0x32, 0), key(0x64, 0), key(0x64, sh), key(0x38, sh), key(0x36, sh)}, "#'#<>_;"},
		{keyboard.DE, []frame.Key{key(0x1E, sh), key(0x1F, sh), key(0x20, sh), key(0x23, sh), key(0x25, sh), key(0x26, sh), key(0x27, sh)}, "!\"§&()="},
		{keyboard.DE, []frame.Key{key(0x35, 0), key(0x08, 0), key(0x2E, 0), key(0x1D, 0), key(0x2E, sh), key(0x04, 0)}, "êýà"},
		{keyboard.DE, []frame.Key{key(0x35, 0), key(0x2C, 0), key(0x2E, 0), key(0x2C, 0), key(0x2E, sh), key(0x2C, 0)}, "^´`"},
		{keyboard.DE, []frame.Key{key(0x2E, 0), key(0x15, 0), key(0x35, 0), key(0x35, 0)}, "´r^^"},
		{keyboard.DE, []frame.Key{key(0x30, frame.LeftCtrl), key(0x2F, frame.LeftCtrl), key(0x31, frame.RightCtrl)}, "\x1d\x1b\x1c"},
		{keyboard.DE, []frame.Key{key(0x5A, 0), key(0x54, 0), key(0x55, 0), key(0x56, 0), key(0x57, 0), key(0x63, 0), key(0x62, 0)}, "2/*-+,0"},
	}
	for _, tt := range tests {
		if got := typed(keyboard.New(tt.layout), append(tt.keys, enter)...); !slices.Equal(got, []string{tt.want}) {
			t.Errorf("%v %v: got %q, want %q", tt.layout, tt.keys, got, tt.want)
		}
	}
}

func TestCapsLock(t *testing.T) {
	t.Parallel()
	caps := frame.Key{Code: 0x39}
	tests := []struct {
		layout keyboard.Layout
		typed  string // with Caps Lock on
		want   string
	}{
		{keyboard.US, "abzABZ", "ABZabz"},
		{keyboard.US, "159-=;:!", "159-=;:!"},
		{keyboard.FR, "abzABZ", "ABZabz"},
		{keyboard.FR, "&é\"'(-è_çà", "1234567890"},
		{keyboard.FR, "1234567890", "&é\"'(-è_çà"},
		{keyboard.FR, ",;:!)=$*ù", "?./§°+£µ%"},
		{keyboard.FR, "?./§°+£µ%", ",;:!)=$*ù"},
		{keyboard.FR, "<> ²#@", "<> ²#@"},
		{keyboard.DE, "abzABZäÖ", "ABZabzÄö"},
		{keyboard.DE, "1234567890ß", "!\"§$%&/()=?"},
		{keyboard.DE, "!\"§$%&/()=?", "1234567890ß"},
		{keyboard.DE, "+#,.*';:", "*';:+#,."},
		{keyboard.DE, "-_^°´<> |{[]}\\@~", "-_^°´<> |{[]}\\@~"},
	}
	for _, tt := range tests {
		d := keyboard.New(tt.layout)
		keys := append([]frame.Key{caps}, keysOf(t, tt.layout, tt.typed)...)
		keys = append(keys, caps)
		keys = append(keys, keysOf(t, tt.layout, tt.typed)...)
		if got, want := typed(d, append(keys, enter)...), tt.want+tt.typed; !slices.Equal(got, []string{want}) {
			t.Errorf("%v: got %q, want %q", tt.layout, got, want)
		}
	}
}

func TestLostCapsLockStateIsSetRight(t *testing.T) {
	t.Parallel()
	for _, l := range all {
		for _, fixed := range []bool{false, true} {
			d := keyboard.New(keyboard.Auto)
			if fixed {
				d = keyboard.New(l)
			}
			typed(d, frame.Key{Code: 0x39}) // the scanner's next code is typed with caps lock off
			for range 2 {
				if got := scan(t, d, l, hcert); !slices.Equal(got, []string{hcert}) {
					t.Errorf("%v: got %q", l, got)
				}
			}
		}
	}
	d := keyboard.New(keyboard.US)
	if got := scan(t, d, keyboard.US, "m1listed"); !slices.Equal(got, []string{"m1listed"}) {
		t.Errorf("got %q", got)
	}
}

func TestLayoutIsFoundFromAKnownStart(t *testing.T) {
	t.Parallel()
	for _, l := range all {
		for _, start := range []string{"HC1:", "shc:/", "PT1:", "]Q1HC1:", "]z0M1", "]Q1shc:/", "]d2PT1:"} {
			d := keyboard.New(keyboard.Auto)
			if got := d.Layout(); got != keyboard.Auto {
				t.Fatalf("layout before any code: %v", got)
			}
			text := start + "ABC 0123456789 $%*+-./:"
			if got := scan(t, d, l, text); !slices.Equal(got, []string{text}) {
				t.Errorf("%v: got %q, want %q", l, got, text)
			}
			if got := d.Layout(); got != l {
				t.Errorf("%v %s: found %v", l, start, got)
			}
			if got := scan(t, d, l, "a listed code: 42"); !slices.Equal(got, []string{"a listed code: 42"}) {
				t.Errorf("%v: afterwards got %q", l, got)
			}
		}
	}
}

func TestLayoutIsFoundAgainOnContradiction(t *testing.T) {
	t.Parallel()
	d := keyboard.New(keyboard.Auto)
	for _, l := range []keyboard.Layout{keyboard.US, keyboard.FR, keyboard.DE, keyboard.FR, keyboard.FR, keyboard.DE, keyboard.US} {
		if got := scan(t, d, l, hcert); !slices.Equal(got, []string{hcert}) || d.Layout() != l {
			t.Errorf("%v: got %q, layout %v", l, got, d.Layout())
		}
	}
}

func TestFixedLayoutStays(t *testing.T) {
	t.Parallel()
	d := keyboard.New(keyboard.FR)
	got := scan(t, d, keyboard.US, hcert)
	if len(got) == 1 && got[0] == hcert || d.Layout() != keyboard.FR {
		t.Errorf("got %q, layout %v", got, d.Layout())
	}
	if got := scan(t, d, keyboard.FR, hcert); !slices.Equal(got, []string{hcert}) {
		t.Errorf("got %q", got)
	}
}

func TestCodeWithoutKnownStartBeforeTheLayoutIsFoundIsReadAsUS(t *testing.T) {
	t.Parallel()
	d := keyboard.New(keyboard.Auto)
	if got := scan(t, d, keyboard.US, "1234567890"); !slices.Equal(got, []string{"1234567890"}) || d.Layout() != keyboard.Auto {
		t.Errorf("got %q, layout %v", got, d.Layout())
	}
}

func TestAltNumberPad(t *testing.T) {
	t.Parallel()
	alt := func(bytes ...byte) (keys []frame.Key) {
		for i, b := range bytes {
			keys = keyboard.AppendAltKeys(keys, b, i%2 == 1)
		}
		return keys
	}
	var all []byte
	for b := range 256 {
		if b != '\t' && b != '\n' && b != '\r' {
			all = append(all, byte(b))
		}
	}
	digits := func(codes ...byte) (keys []frame.Key) {
		for _, c := range codes {
			keys = append(keys, frame.Key{Code: c, Mods: frame.LeftAlt})
		}
		return append(keys, frame.Key{})
	}
	one, two, five, six := byte(0x59), byte(0x5A), byte(0x5D), byte(0x5E)
	tests := []struct {
		name string
		keys []frame.Key
		want []string
	}{
		{"every byte", append(alt(all...), enter), []string{string(all)}},
		{"ends with Alt 013", alt('A', '\r'), []string{"A"}},
		{"ends with Alt 10, then 13", alt('A', '\n', '\r', 'B', '\t'), []string{"A", "B"}},
		{"among keys", slices.Concat(keysOf(t, keyboard.US, "x"), alt('y'), keysOf(t, keyboard.US, "z"), []frame.Key{enter}), []string{"xyz"}},
		{"no release between numbers and Enter", append(digits(six, five)[:2], enter), []string{"A"}},
		{"255", append(digits(two, five, five), enter), []string{"\xff"}},
		{"256", append(digits(two, five, six), enter), nil},
		{"four digits of 0066", append(digits(0x62, 0x62, six, six), enter), []string{"B"}},
		{"five digits", append(digits(0x62, 0x62, 0x62, six, six), enter), nil},
		{"a long number", append(digits(slices.Repeat([]byte{one}, 99)...), enter), nil},
		{"digits of the main row", []frame.Key{{Code: 0x1E, Mods: frame.LeftAlt}, {}, enter}, nil},
		{"Alt alone", append(slices.Concat([]frame.Key{{Mods: frame.LeftAlt}, {}}, keysOf(t, keyboard.US, "A")), enter), []string{"A"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := typed(keyboard.New(keyboard.US), tt.keys...); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCodeTypedWithAltIsReadButFindsNoLayout(t *testing.T) {
	t.Parallel()
	d := keyboard.New(keyboard.Auto)
	var keys []frame.Key
	for _, b := range []byte(hcert) {
		keys = keyboard.AppendAltKeys(keys, b, true)
	}
	if got := typed(d, append(keys, enter)...); !slices.Equal(got, []string{hcert}) || d.Layout() != keyboard.Auto {
		t.Errorf("got %q, layout %v", got, d.Layout())
	}
}

func TestTerminators(t *testing.T) {
	t.Parallel()
	abc := keysOf(t, keyboard.US, "ABC")
	for name, end := range map[string][]frame.Key{
		"enter":           {enter},
		"tab":             {{Code: keyboard.Tab}},
		"enter, then tab": {enter, {Code: keyboard.Tab}},
		"number pad":      {{Code: 0x58}},
	} {
		got := typed(keyboard.New(keyboard.US), slices.Concat(abc, end, abc, end)...)
		want := []string{"ABC", "ABC"}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestKeysThatWriteNothingArePassedOver(t *testing.T) {
	t.Parallel()
	abc := keysOf(t, keyboard.US, "ABC")
	for _, code := range []byte{0x3A, 0x45, 0x46, 0x53, 0x65, 0x66, 0x68, 0x73} {
		other := frame.Key{Code: code}
		got := typed(keyboard.New(keyboard.US), slices.Concat([]frame.Key{other}, abc[:1], []frame.Key{other}, abc[1:], []frame.Key{enter})...)
		if !slices.Equal(got, []string{"ABC"}) {
			t.Errorf("key %#x: got %q", code, got)
		}
	}
}

func TestKeyWithoutACharacterDiscardsTheCode(t *testing.T) {
	t.Parallel()
	for _, bad := range []frame.Key{
		{Code: 0x67},
		{Code: 0xA0},
		{Code: 0xFF},
		{Code: 0x04, Mods: frame.LeftGUI},
		{Code: 0x04, Mods: frame.LeftAlt},
		{Code: 0x04, Mods: frame.RightAlt},
		{Code: 0x20, Mods: frame.RightAlt | frame.LeftShift},
		{Code: 0x1E, Mods: frame.LeftCtrl},
	} {
		d := keyboard.New(keyboard.US)
		keys := slices.Concat(keysOf(t, keyboard.US, "AB"), []frame.Key{bad}, keysOf(t, keyboard.US, "C"), []frame.Key{enter})
		if got := typed(d, keys...); got != nil || d.Discarded() != 1 {
			t.Errorf("%+v: got %q, %d discarded", bad, got, d.Discarded())
		}
		if got := scan(t, d, keyboard.US, "next"); !slices.Equal(got, []string{"next"}) {
			t.Errorf("%+v: then got %q", bad, got)
		}
	}
}

// pausing types text with a pause in front of one of its characters.
func pausing(t *testing.T, d *keyboard.Decoder, text string, at int, pause time.Duration) (codes []string) {
	t.Helper()
	keys := append(keysOf(t, keyboard.US, text), enter)
	for i, k := range keys {
		since := poll
		if i == at {
			since = pause
		}
		for _, r := range keyboard.AppendReports(nil, []frame.Key{k}) {
			d.Report(r[:], since, func(code []byte) { codes = append(codes, string(code)) })
			since = 0
		}
	}
	return codes
}

func TestPauseInsideACodeDiscardsIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		at    int
		pause time.Duration
		want  []string
	}{
		{0, time.Hour, []string{hcert}},
		{1, keyboard.MaxGap - 1, []string{hcert}},
		{1, keyboard.MaxGap, nil},
		{30, keyboard.MaxGap, nil},
		{len(hcert), keyboard.MaxGap, nil},
	} {
		d := keyboard.New(keyboard.US)
		if got := pausing(t, d, hcert, tt.at, tt.pause); !slices.Equal(got, tt.want) {
			t.Errorf("pause of %v before %d: got %q, want %q", tt.pause, tt.at, got, tt.want)
		}
		if got := scan(t, d, keyboard.US, "listed"); !slices.Equal(got, []string{"listed"}) {
			t.Errorf("pause of %v before %d: next code %q", tt.pause, tt.at, got)
		}
	}
}

func TestHeldKeyAndRepeatedReportsDoNotHideAPause(t *testing.T) {
	t.Parallel()
	d := keyboard.New(keyboard.US)
	var codes []string
	emit := func(code []byte) { codes = append(codes, string(code)) }
	down := keyboard.AppendReports(nil, keysOf(t, keyboard.US, "A"))
	d.Report(down[0][:], poll, emit)
	for range 25 { // a keyboard with an idle rate sends its state again
		d.Report(down[0][:], poll, emit)
	}
	for _, r := range keyboard.AppendReports(nil, []frame.Key{enter}) {
		d.Report(r[:], poll, emit)
	}
	if codes != nil || d.Discarded() != 1 {
		t.Errorf("got %q, %d discarded", codes, d.Discarded())
	}
}

func TestHalfScanDoesNotSpoilTheNext(t *testing.T) {
	t.Parallel()
	half := keysOf(t, keyboard.US, hcert[:20]) // its end and its Enter were lost
	late := func(d *keyboard.Decoder, text string) (codes []string) {
		return pausing(t, d, text, 0, time.Second)
	}
	d := keyboard.New(keyboard.US)
	typed(d, half...)
	if got := late(d, hcert); !slices.Equal(got, []string{hcert}) {
		t.Errorf("whole code after a half one: got %q", got)
	}
	typed(d, half...)
	if got := late(d, "6IOOK.IR9B"); got != nil {
		t.Errorf("the rest of a code was given: %q", got)
	}
	if got := late(d, "6IOOK.IR9B"); !slices.Equal(got, []string{"6IOOK.IR9B"}) {
		t.Errorf("code after that: got %q", got)
	}
}

func TestLostReportNeverGivesTheCode(t *testing.T) {
	t.Parallel()
	reports := keyboard.AppendReports(nil, append(keysOf(t, keyboard.US, hcert), enter))
	for lost := range reports {
		d := keyboard.New(keyboard.US)
		for i, r := range reports {
			if i == lost {
				continue
			}
			d.Report(r[:], poll, func(code []byte) {
				// A release that was lost is not missed where the next key differs: then the code is whole.
				if string(code) == hcert && reports[lost][2] != 0 {
					t.Errorf("press %d lost, yet the code is whole", lost)
				}
			})
		}
	}
}

func TestLongestCode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		n    int
		want int
	}{{frame.MaxFrame, frame.MaxFrame}, {frame.MaxFrame + 1, 0}, {frame.MaxFrame + 900, 0}} {
		d := keyboard.New(keyboard.FR)
		text := strings.Repeat("A1", tt.n/2+1)[:tt.n]
		got := append(scan(t, d, keyboard.FR, text), "")[0]
		if len(got) != tt.want || tt.want > 0 && got != text {
			t.Errorf("%d characters: got %d", tt.n, len(got))
		}
		if got := scan(t, d, keyboard.FR, "next"); !slices.Equal(got, []string{"next"}) {
			t.Errorf("%d characters: next code %q", tt.n, got)
		}
	}
	// As UTF-8 the same number of keys is too long.
	if got := scan(t, keyboard.New(keyboard.FR), keyboard.FR, strings.Repeat("é", frame.MaxFrame)); got != nil {
		t.Errorf("%d bytes given", len(got[0]))
	}
	if got := scan(t, keyboard.New(keyboard.FR), keyboard.FR, strings.Repeat("é", frame.MaxFrame/2)); len(got) != 1 {
		t.Errorf("%d codes, want 1", len(got))
	}
}

func TestResetForgetsAllButTheLayout(t *testing.T) {
	t.Parallel()
	d := keyboard.New(keyboard.Auto)
	scan(t, d, keyboard.FR, hcert)
	typed(d, append([]frame.Key{{Code: 0x39}}, keysOf(t, keyboard.FR, "half")...)...)
	d.Reset()
	if got := scan(t, d, keyboard.FR, "listed"); !slices.Equal(got, []string{"listed"}) || d.Layout() != keyboard.FR || d.Discarded() != 1 {
		t.Errorf("got %q, layout %v, %d discarded", got, d.Layout(), d.Discarded())
	}
}

func TestTextWithoutKeysIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		layout keyboard.Layout
		text   string
	}{{keyboard.US, "aé"}, {keyboard.FR, "ß"}, {keyboard.DE, "ç"}, {keyboard.US, "a\rb"}, {keyboard.US, "a\t"}, {keyboard.US, "\x00"}, {keyboard.FR, "\xe9"}, {keyboard.FR, "\uFFFD"}} {
		keys, err := tt.layout.AppendKeys([]frame.Key{enter}, []byte(tt.text))
		if err == nil || len(keys) != 1 {
			t.Errorf("%v %q: %v, %v", tt.layout, tt.text, keys, err)
		}
	}
}

func TestLayoutNames(t *testing.T) {
	t.Parallel()
	for _, l := range append(slices.Clone(all), keyboard.Auto) {
		got := keyboard.Layout(99)
		if err := got.UnmarshalText([]byte(l.String())); err != nil || got != l {
			t.Errorf("%v: got %v, %v", l, got, err)
		}
	}
	var l keyboard.Layout
	if err := l.UnmarshalText([]byte("dvorak")); err == nil {
		t.Error("dvorak accepted")
	}
	if got := fmt.Sprint(keyboard.Layout(99)); got != "Layout(99)" {
		t.Errorf("got %q", got)
	}
}

func FuzzDecoder(f *testing.F) {
	seed := func(keys []frame.Key) []byte {
		var b []byte
		for _, r := range keyboard.AppendReports(nil, keys) {
			b = append(b, r[:]...)
		}
		return b
	}
	us, _ := keyboard.US.AppendKeys(nil, []byte(hcert))
	fr, _ := keyboard.FR.AppendKeys(nil, []byte(hcert))
	f.Add(uint8(0), uint8(8), seed(append(us, enter)))
	f.Add(uint8(0), uint8(8), seed(append(fr, enter)))
	f.Add(uint8(2), uint8(250), seed(keyboard.AppendAltKeys(keyboard.AppendAltKeys(nil, 'A', true), '\r', false)))
	f.Fuzz(func(t *testing.T, layout, ms uint8, stream []byte) {
		d := keyboard.New(keyboard.Layout(layout % 4))
		for len(stream) >= 8 {
			d.Report(stream[:8], time.Duration(ms)*time.Millisecond, func(code []byte) {
				if len(code) == 0 || len(code) > frame.MaxFrame {
					t.Errorf("code of %d bytes", len(code))
				}
			})
			stream = stream[8:]
		}
	})
}

// FuzzRoundTrip types any text that a layout can and reads it back under a decoder that knows the layout.
func FuzzRoundTrip(f *testing.F) {
	f.Add(uint8(1), hcert)
	f.Add(uint8(2), hcert)
	f.Add(uint8(1), "`~^é € \x1d")
	f.Add(uint8(2), "`~^´ ü € \x1d")
	f.Fuzz(func(t *testing.T, layout uint8, text string) {
		l := all[int(layout)%len(all)]
		keys, err := l.AppendKeys(nil, []byte(text))
		if err != nil || text == "" || len(text) > frame.MaxFrame {
			return
		}
		// Ctrl + ^ writes ESC; a dead key is never the last press, so that nothing is composed with the next text.
		d := keyboard.New(l)
		if got := typed(d, append(keys, enter)...); !slices.Equal(got, []string{text}) && !startsOtherwise(text) {
			t.Errorf("%v: typed %q, got %q", l, text, got)
		}
	})
}

// startsOtherwise reports whether the other state of caps lock could give text a known start, perhaps after three bytes that
// pass for an AIM identifier.
func startsOtherwise(text string) bool {
	head := text[:min(len(text), 8)]
	return strings.Contains(head, "SHC") || strings.Contains(head, "hc") || strings.Contains(head, "pt")
}
