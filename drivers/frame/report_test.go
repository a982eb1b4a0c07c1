package frame_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"passerelle/drivers/frame"
)

// item is one short item of a report descriptor: tag and type, then its data.
func item(tag byte, data ...byte) []byte {
	size := map[int]byte{0: 0, 1: 1, 2: 2, 4: 3}[len(data)]
	return append([]byte{tag | size}, data...)
}

var (
	pageDesktop = item(0x04, 0x01)
	pageKeys    = item(0x04, 0x07)
	pageScanner = item(0x04, 0x8C)
	pageHHP     = item(0x04, 0x66, 0xFF)
	application = item(0xA0, 0x01)
	logical     = item(0xA0, 0x02)
	end         = item(0xC0)
	input       = item(0x80, 0x02)
	buffered    = item(0x80, 0x02, 0x01)
	constant    = item(0x80, 0x03)
)

func use(id byte) []byte    { return item(0x08, id) }
func size(bits byte) []byte { return item(0x74, bits) }
func count(n byte) []byte   { return item(0x94, n) }
func report(id byte) []byte { return item(0x84, id) }

func descriptor(items ...[]byte) []byte { return bytes.Join(items, nil) }

// honeywell is the layout of Honeywell's and Access-IS's manuals, with the
// feature report that turns output to HID on.
func honeywell() []byte {
	return descriptor(
		pageScanner, use(0x02), application, use(0x12), logical, report(2),
		size(8), count(1), pageDesktop, use(0x3B), input,
		count(3), pageScanner, use(0xFB), use(0xFC), use(0xFD), input,
		count(56), use(0xFE), buffered,
		pageHHP, count(2), use(0x04), use(0x00), input,
		pageScanner, size(1), count(8), use(0xFF), input, end,
		pageHHP, size(8), use(0x03), logical, report(0xFE), count(1), use(0x03), item(0xB0, 0x82, 0x01), end,
		end,
	)
}

// newland is the layout of Newland's manual: no AIM identifier.
func newland() []byte {
	return descriptor(
		pageScanner, use(0x02), application, report(2),
		size(8), count(1), pageDesktop, use(0x3B), input,
		pageScanner, count(56), use(0xFE), buffered,
		count(4), constant,
		pageHHP, count(1), use(0x04), input,
		pageScanner, size(1), count(1), use(0xFF), input,
		size(7), constant, end,
	)
}

// uncounted has neither report id nor byte count, the flag in a whole byte in
// front, and the AIM identifier behind the data.
func uncounted() []byte {
	return descriptor(
		pageScanner, use(0x02), application,
		size(8), count(1), use(0xFF), input,
		count(20), use(0xFE), input,
		count(1), use(0xFB), input, use(0xFC), input, use(0xFD), input, end,
	)
}

func wide() []byte {
	return descriptor(
		pageScanner, use(0x02), application, report(7),
		size(8), item(0x94, 0x2C, 0x01), use(0xFE), buffered,
		pageDesktop, size(16), count(1), use(0x3B), input,
		pageScanner, size(1), count(3), constant, count(1), use(0xFF), input, count(4), constant, end,
	)
}

func parse(t *testing.T, d []byte) frame.Descriptor {
	t.Helper()
	got, err := frame.ParseDescriptor(d)
	if err != nil {
		t.Fatalf("ParseDescriptor: %v", err)
	}
	return got
}

// honeywellReport is one report as the manuals draw it.
func honeywellReport(aim, data string, more bool) []byte {
	r := make([]byte, 64)
	r[0], r[1] = 2, byte(len(data))
	copy(r[2:5], aim)
	copy(r[5:61], data)
	r[61] = 's'
	if more {
		r[63] = 1
	}
	return r
}

// split makes the reports of one code as a Honeywell scanner does.
func split(aim, code string) (reports [][]byte) {
	for len(code) > 56 {
		reports = append(reports, honeywellReport(aim, code[:56], true))
		code = code[56:]
	}
	return append(reports, honeywellReport(aim, code, false))
}

// decode runs reports, a millisecond apart, through a new decoder.
func decode(l frame.POSLayout, reports ...[]byte) (codes []string) {
	d := frame.NewPOS(l)
	for _, r := range reports {
		d.Report(r, time.Millisecond, func(code []byte) { codes = append(codes, string(code)) })
	}
	return codes
}

func text(n int) string {
	return strings.Repeat("HC1:NCFOXN%TS3DH3ZSUZK+.V0ETD%65NL-AH-R6IOOK.IR9B+9D2W:5PUZLE*G/$5", n/66+1)[:n]
}

func TestScanIsFoundWhereTheDescriptorSaysItIs(t *testing.T) {
	t.Parallel()
	long := text(300)
	tests := []struct {
		name       string
		descriptor []byte
		report     []byte
		want       string
	}{
		{"honeywell", honeywell(), honeywellReport("]Q1", "HC1:ABC", false), "]Q1HC1:ABC"},
		{
			"newland", newland(),
			append(append([]byte{2, 7}, "HC1:ABC"...), make([]byte, 55)...), "HC1:ABC",
		},
		{
			"no byte count: the padding goes", uncounted(),
			[]byte("\x00HC1:ABC" + strings.Repeat("\x00", 13) + "]Q1"), "]Q1HC1:ABC",
		},
		{
			"count of two bytes behind the data", wide(),
			append(append([]byte{7}, long...), 0x2C, 0x01, 0x00), long,
		},
		{
			"other bits beside the flag", wide(),
			append(append([]byte{7}, long...), 0x2C, 0x01, 0xF7), long,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := parse(t, tt.descriptor)
			if !d.Scanner || !d.POS.Known() || d.Keyboard || d.Keys.Known() {
				t.Fatalf("descriptor read as %+v", d)
			}
			if got := decode(d.POS, tt.report); !slices.Equal(got, []string{tt.want}) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestContinuedFlagIsReadWhereTheDescriptorSaysItIs(t *testing.T) {
	t.Parallel()
	part := func(flags byte) []byte { return append(append([]byte{7}, text(300)...), 0x02, 0x00, flags) }
	got := decode(parse(t, wide()).POS, part(0x08), part(0xF7))
	if want := []string{"HCHC"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestScannerThatDescribesOnlyBytesIsReadByTheCommonLayout(t *testing.T) {
	t.Parallel()
	plain := func(n byte) []byte {
		return descriptor(pageScanner, use(0x02), application, report(2), size(8), count(n), use(0x12), input, end)
	}
	d := parse(t, plain(63))
	if got := decode(d.POS, split("]Q1", text(60))...); !slices.Equal(got, []string{"]Q1" + text(60)}) {
		t.Errorf("got %q", got)
	}
	// Without an AIM identifier where this layout has it, the report is laid out in another way.
	if got := decode(d.POS, honeywellReport("HC1", "ABCDEFG", false)); got != nil {
		t.Errorf("got %q from a report of another layout", got)
	}
	if d := parse(t, plain(62)); d.POS.Known() || !d.Scanner {
		t.Errorf("63-byte report taken for the common layout")
	}
}

func TestOnlyTheScannerPageIsAScanner(t *testing.T) {
	t.Parallel()
	other := bytes.Replace(honeywell(), pageScanner, item(0x04, 0x8C, 0xFF), 1)
	if d := parse(t, other); d.Scanner || d.POS.Known() {
		t.Errorf("vendor page FF8C read as a scanner: %+v", d)
	}
}

func TestUnreadableFieldsMakeNoLayout(t *testing.T) {
	t.Parallel()
	for name, items := range map[string][]byte{
		"count of 4 bits":   descriptor(pageDesktop, size(4), count(2), use(0x3B), input),
		"count of 32 bits":  descriptor(pageDesktop, size(32), count(1), use(0x3B), input),
		"flag of 2 bits":    descriptor(size(2), count(4), use(0xFF), input),
		"data of 7 bits":    descriptor(size(7), count(8), use(0xFE), input),
		"data off the byte": descriptor(size(4), count(1), constant, size(8), count(8), use(0xFE), input),
		"data in two parts": descriptor(size(8), count(8), use(0xFE), input, constant, use(0xFE), input),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := parse(t, descriptor(pageScanner, use(0x02), application, items,
				pageScanner, size(8), count(8), use(0xFE), input, end))
			if d.POS.Known() {
				t.Errorf("layout made: %+v", d.POS)
			}
		})
	}
}

func TestRedirectFeatureIsFound(t *testing.T) {
	t.Parallel()
	if got := parse(t, honeywell()).Redirect; got != 0xFE {
		t.Errorf("redirect = %#x, want 0xfe", got)
	}
	if got := parse(t, newland()).Redirect; got != 0 {
		t.Errorf("redirect = %#x, want none", got)
	}
}

func TestPushAndPopKeepTheLayout(t *testing.T) {
	t.Parallel()
	d := bytes.Replace(honeywell(), pageHHP, descriptor(item(0xA4), pageHHP), 1)
	d = bytes.Replace(d, descriptor(pageScanner, size(1)), descriptor(item(0xB4), size(1)), 1)
	if got := decode(parse(t, d).POS, split("]Q1", text(100))...); !slices.Equal(got, []string{"]Q1" + text(100)}) {
		t.Errorf("got %q", got)
	}
}

func TestDescriptorLimits(t *testing.T) {
	t.Parallel()
	push := item(0xA4)
	filled := func(n int) []byte { // honeywell, then usages up to n bytes
		d := honeywell()
		return append(d, bytes.Repeat(item(0x08), n-len(d))...)
	}
	long := func(bits ...byte) []byte {
		return descriptor(pageScanner, use(2), application, size(1), item(0x94, bits...), use(0xFF), input, end)
	}
	tests := []struct {
		name string
		d    []byte
		want error
	}{
		{"empty", nil, nil},
		{"longest", filled(frame.MaxDescriptor), nil},
		{"one byte longer", filled(frame.MaxDescriptor + 1), frame.ErrDescriptor},
		{"four pushes", bytes.Repeat(push, 4), nil},
		{"five pushes", bytes.Repeat(push, 5), frame.ErrDescriptor},
		{"pop of nothing", item(0xB4), frame.ErrDescriptor},
		{"longest report", long(0x00, 0x20), nil},
		{"one bit longer", long(0x01, 0x20), frame.ErrDescriptor},
		{"count that overflows", descriptor(item(0x74, 0, 0, 0, 0x80), item(0x94, 2, 0, 0, 0), input), frame.ErrDescriptor},
		{"item cut short", []byte{0x06, 0x8C}, frame.ErrDescriptor},
		{"long item", []byte{0xFE, 2, 0, 9, 9}, nil},
		{"long item cut short", []byte{0xFE, 2, 0, 9}, frame.ErrDescriptor},
		{"report id 0", report(0), frame.ErrDescriptor},
		{"report id 256", item(0x84, 0x00, 0x01), frame.ErrDescriptor},
		{"end of no collection", end, frame.ErrDescriptor},
		{"all usages there are", descriptor(item(0x18, 0, 0), item(0x28, 0xFF, 0xFF), input), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := frame.ParseDescriptor(tt.d)
			if !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if err != nil && got != (frame.Descriptor{}) {
				t.Errorf("descriptor beside the error: %+v", got)
			}
		})
	}
}

func TestContinuationReportsAreJoined(t *testing.T) {
	t.Parallel()
	l := parse(t, honeywell()).POS
	for _, n := range []int{1, 55, 56, 57, 111, 112, 113, 550, 2953, 4296} {
		if got, want := decode(l, split("]Q1", text(n))...), []string{"]Q1" + text(n)}; !slices.Equal(got, want) {
			t.Errorf("%d bytes: got %q", n, got)
		}
	}
}

func TestCodeLongerThanMaxFrameIsCutOneByteOverIt(t *testing.T) {
	t.Parallel()
	l := parse(t, honeywell()).POS
	for _, tt := range []struct{ n, want int }{
		{frame.MaxFrame - 3, frame.MaxFrame},
		{frame.MaxFrame - 2, frame.MaxFrame + 1},
		{frame.MaxFrame + 500, frame.MaxFrame + 1},
	} {
		got := decode(l, append(split("]Q1", text(tt.n)), split("]Q1", "next")...)...)
		if len(got) != 2 || len(got[0]) != tt.want || got[1] != "]Q1next" {
			t.Errorf("%d bytes: got %d codes, first of %d bytes, want %d", tt.n, len(got), len(got[0]), tt.want)
		}
	}
}

func TestDataThatAlreadyHasItsAIMIdentifierGetsNoSecond(t *testing.T) {
	t.Parallel()
	got := decode(frame.CommonPOS(), honeywellReport("]Q1", "]Q1HC1:A", false))
	if want := []string{"]Q1HC1:A"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLineEndOfTextIsTakenOff(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"ABC\r":         "ABC",
		"ABC\n":         "ABC",
		"ABC\r\n":       "ABC",
		"ABC\t":         "ABC",
		"ABC\r\r":       "ABC\r",
		"P<UTO\rL898\r": "P<UTO\rL898",
		"@\n\x1e\rA\r":  "@\n\x1e\rA",
		"é\r":           "é",
		"\xDC\x03AB\r":  "\xDC\x03AB\r",
		"x\x9c\x00\n":   "x\x9c\x00\n",
		"\x00\r":        "\x00\r",
	} {
		got := decode(frame.CommonPOS(), honeywellReport("]Q1", in, false))
		if !slices.Equal(got, []string{"]Q1" + want}) {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestReportsThatCarryNothingAreIgnored(t *testing.T) {
	t.Parallel()
	r := split("]Q1", text(150))
	other := honeywellReport("]Q1", "not a scan", false)
	other[0] = 4
	reports := [][]byte{{}, r[0], {}, other, r[1], {}, {}, r[2], {}}
	if got := decode(frame.CommonPOS(), reports...); !slices.Equal(got, []string{"]Q1" + text(150)}) {
		t.Errorf("got %q", got)
	}
	for _, empty := range []string{"", "\r", "\r\n"} {
		if got := decode(frame.CommonPOS(), honeywellReport("]Q1", empty, false)); got != nil {
			t.Errorf("%q: empty code given as %q", empty, got)
		}
	}
}

func TestEmptyLastReportEndsACode(t *testing.T) {
	t.Parallel()
	got := decode(frame.CommonPOS(), honeywellReport("]Q1", text(56), true), honeywellReport("]Q1", "", false))
	if want := []string{"]Q1" + text(56)}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBrokenReportDiscardsItsWholeCode(t *testing.T) {
	t.Parallel()
	good := split("]Q1", text(300))
	broken := func(i int, change func(r []byte) []byte) [][]byte {
		reports := split("]Q1", text(300))
		reports[i] = change(reports[i])
		return append(reports, split("]Q1", "next")...)
	}
	setLength := func(n byte) func(r []byte) []byte {
		return func(r []byte) []byte { r[1] = n; return r }
	}
	tests := []struct {
		name    string
		reports [][]byte
		want    []string
	}{
		{"length one past the field, first", broken(0, setLength(57)), []string{"]Q1next"}},
		{"length one past the field, middle", broken(2, setLength(57)), []string{"]Q1next"}},
		{"length one past the field, last", broken(5, setLength(57)), []string{"]Q1next"}},
		{"length 255", broken(2, setLength(255)), []string{"]Q1next"}},
		{"no data, yet continued", broken(2, setLength(0)), []string{"]Q1next"}},
		{"report cut short", broken(2, func(r []byte) []byte { return r[:63] }), []string{"]Q1next"}},
		{"part of another symbology", broken(2, func(r []byte) []byte { r[3] = 'z'; return r }), []string{"]Q1next"}},
		{"last lost, other symbology follows", append(slices.Clone(good[:5]), split("]z0", "next")...), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := decode(frame.CommonPOS(), tt.reports...); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLostReportNeverGivesTheWholeCode(t *testing.T) {
	t.Parallel()
	code := "]Q1" + text(550)
	for lost := range 10 {
		reports := split("]Q1", text(550))
		reports = slices.Delete(reports, lost, lost+1)
		for _, got := range decode(frame.CommonPOS(), reports...) {
			if got == code || len(got) >= len(code) {
				t.Errorf("report %d lost: got %q", lost, got)
			}
		}
	}
}

func TestUnfinishedCodeIsNotJoinedToTheNext(t *testing.T) {
	t.Parallel()
	r := split("]Q1", text(150))
	for _, tt := range []struct {
		gap  time.Duration
		want []string
	}{
		{frame.DefaultGap - 1, []string{"]Q1" + text(112) + "next"}},
		{frame.DefaultGap, []string{"]Q1next"}},
	} {
		d := frame.NewPOS(frame.CommonPOS())
		var got []string
		emit := func(code []byte) { got = append(got, string(code)) }
		d.Report(r[0], time.Hour, emit)
		d.Report(r[1], time.Millisecond, emit)
		d.Report(nil, tt.gap/2, emit)
		d.Report(split("]Q1", "next")[0], tt.gap-tt.gap/2, emit)
		if !slices.Equal(got, tt.want) {
			t.Errorf("after %v: got %q, want %q", tt.gap, got, tt.want)
		}
	}
}

func TestDiscardedCodesAreCounted(t *testing.T) {
	t.Parallel()
	d := frame.NewPOS(frame.CommonPOS())
	emit := func([]byte) {}
	r := split("]Q1", text(150))
	d.Report(r[0], 0, emit)
	d.Report(r[1][:10], 0, emit) // broken: 1
	d.Report(r[2], 0, emit)
	d.Report(r[0], 0, emit)
	d.Report(r[0], frame.DefaultGap, emit) // late: 2
	d.Reset()                              // unfinished: 3
	if got := d.Discarded(); got != 3 {
		t.Errorf("discarded = %d, want 3", got)
	}
	var got []byte
	d.Report(split("]Q1", "A")[0], 0, func(code []byte) { got = slices.Clone(code) })
	if string(got) != "]Q1A" {
		t.Errorf("after Reset: got %q", got)
	}
}

func FuzzParseDescriptor(f *testing.F) {
	for _, d := range [][]byte{honeywell(), newland(), uncounted(), wide(), bootKeyboard(), idKeyboard(), {0xFE, 2, 0, 9, 9}} {
		f.Add(d)
	}
	f.Fuzz(func(t *testing.T, d []byte) {
		got, err := frame.ParseDescriptor(d)
		if err != nil {
			return
		}
		// Whatever layout was read, no report may make its decoder panic or exceed its bound.
		pos := frame.NewPOS(got.POS)
		r := bytes.Repeat([]byte{0xFF}, frame.MaxReport+1)
		for _, first := range []byte{0, 1, 2, 0xFF} {
			r[0] = first
			for n := range r {
				if got.Keys.Known() {
					got.Keys.Boot(r[:n])
				}
				if got.POS.Known() {
					pos.Report(r[:n], 0, func(code []byte) {
						if len(code) == 0 || len(code) > frame.MaxFrame+1 {
							t.Errorf("code of %d bytes", len(code))
						}
					})
				}
			}
		}
	})
}

func FuzzPOS(f *testing.F) {
	f.Add(bytes.Join(split("]Q1", text(200)), nil), uint16(1))
	f.Add(bytes.Join(split("", "x"), nil), uint16(600))
	f.Fuzz(func(t *testing.T, stream []byte, ms uint16) {
		d := frame.NewPOS(frame.CommonPOS())
		given := 0
		for rest := stream; len(rest) > 0; {
			n := min(64, len(rest))
			d.Report(rest[:n], time.Duration(ms)*time.Millisecond, func(code []byte) {
				given += len(code)
				if len(code) == 0 || len(code) > frame.MaxFrame+1 {
					t.Errorf("code of %d bytes", len(code))
				}
			})
			rest = rest[n:]
		}
		if given > len(stream) {
			t.Errorf("%d bytes in, %d out", len(stream), given)
		}
	})
}
