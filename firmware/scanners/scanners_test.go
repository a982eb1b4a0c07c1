package scanners_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"passerelle/drivers/frame"
	"passerelle/drivers/keyboard"
	"passerelle/firmware/scanners"
)

const hcert = "HC1:NCFOXN%TS3DH3ZSUZK+.V0ETD%65NL-AH-R6IOOK.IR9B+9D2W:5PUZLE*G/$5"

func all(t *testing.T) []scanners.Scanner {
	t.Helper()
	list, err := scanners.All()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestTableHasEveryKindOfScanner(t *testing.T) {
	t.Parallel()
	makers := map[scanners.Link][]string{}
	layouts := map[keyboard.Layout]bool{}
	withID := map[bool]bool{}
	for _, s := range all(t) {
		if !slices.Contains(makers[s.Link], s.Maker) {
			makers[s.Link] = append(makers[s.Link], s.Maker)
		}
		if s.Link == scanners.HIDKeyboard {
			layouts[s.Layout], withID[s.Keys.ID != 0] = true, true
		}
		if s.Name != strings.ToLower(s.Name) || strings.TrimSpace(s.Source) == "" {
			t.Errorf("%q: source %q", s.Name, s.Source)
		}
	}
	for link, want := range map[scanners.Link]int{
		scanners.HIDPOS: 3, scanners.HIDKeyboard: 3, scanners.CDCACM: 1, scanners.FTDI: 1, scanners.Ethernet: 1,
	} {
		if got := len(makers[link]); got < want {
			t.Errorf("%s: %d makers, want at least %d", link, got, want)
		}
	}
	for _, l := range []keyboard.Layout{keyboard.US, keyboard.FR, keyboard.DE} {
		if !layouts[l] {
			t.Errorf("no keyboard types %v", l)
		}
	}
	if !withID[true] || !withID[false] {
		t.Errorf("keyboards with and without report id: %v", withID)
	}
}

// What the descriptor says and what the manual says are written down apart: a driver that goes by the descriptor reads what the manual's
// reports hold.
func TestDriversReadWhatEveryScannerSends(t *testing.T) {
	t.Parallel()
	codes := []string{"x", hcert, strings.Repeat(hcert, 9), "M1DESMARAIS/LUC       EABC123 YULFRAAC 0834 326J001A0025 100", strings.Repeat("9", 2953)}
	for n := 50; n < 120; n++ {
		codes = append(codes, strings.Repeat("A", n))
	}
	for _, s := range all(t) {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			decode := decoder(t, &s)
			for _, code := range codes {
				want := s.Prefix + s.AIM + code
				if got := decode([]byte(code)); !slices.Equal(got, []string{want}) {
					t.Fatalf("%d bytes: got %q, want %q", len(code), got, want)
				}
			}
		})
	}
}

// decoder returns a function that plays a code and gives what a driver makes of it.
func decoder(t *testing.T, s *scanners.Scanner) func(code []byte) []string {
	t.Helper()
	var got []string
	emit := func(code []byte) { got = append(got, string(code)) }
	d, err := frame.ParseDescriptor(s.Descriptor)
	if err != nil {
		t.Fatal(err)
	}
	var take func(code []byte) error
	reports := func(each func(report []byte)) func(code []byte) error {
		return func(code []byte) error {
			list, err := s.Reports(code)
			for _, r := range list {
				each(r)
			}
			return err
		}
	}
	switch s.Link {
	case scanners.HIDPOS:
		pos := frame.NewPOS(d.POS)
		take = reports(func(r []byte) { pos.Report(r, time.Millisecond, emit) })
	case scanners.HIDKeyboard:
		keys := keyboard.New(s.Layout)
		take = reports(func(r []byte) {
			boot, ok := d.Keys.Boot(r)
			if !ok {
				t.Fatalf("report %x is not one of the descriptor's", r)
			}
			keys.Report(boot[:], time.Millisecond, emit)
		})
	default:
		terminator, _ := s.Frame()
		splitter, err := frame.NewSplitter(frame.Config{Terminator: terminator})
		if err != nil {
			t.Fatal(err)
		}
		take = func(code []byte) error {
			rest, err := s.Bytes(code)
			for len(rest) > 0 {
				var f []byte
				if f, rest = splitter.Next(rest); f != nil {
					emit(f)
				}
			}
			return err
		}
	}
	return func(code []byte) []string {
		got = nil
		if err := take(code); err != nil {
			t.Fatal(err)
		}
		return got
	}
}

// The two reports that the manual of the LSR118 shows, appendix B.1.1.
func TestReportsAreThoseOfTheManual(t *testing.T) {
	t.Parallel()
	s, err := scanners.Get("access-is-lsr118")
	if err != nil {
		t.Fatal(err)
	}
	code := []byte("M1GATHERGOOD/MICHAEL  YABCDEF LHRDURAK 3542 052Y003D23   100")
	got, err := s.Reports(code)
	if err != nil || len(got) != 2 {
		t.Fatalf("%d reports, %v", len(got), err)
	}
	for i, want := range [][]byte{
		append(append([]byte("\x02\x38]Q1"), code[:56]...), 's', 0, 1),
		append(append([]byte("\x02\x04]Q1"), append(bytes.Clone(code[56:]), make([]byte, 52)...)...), 's', 0, 0),
	} {
		if !bytes.Equal(got[i], want) {
			t.Errorf("report %d is\n%x, want\n%x", i+1, got[i], want)
		}
	}
}

func TestScannersSendOnlyOverTheirLink(t *testing.T) {
	t.Parallel()
	for _, s := range all(t) {
		hid := s.Link == scanners.HIDPOS || s.Link == scanners.HIDKeyboard
		if _, err := s.Reports([]byte("A")); (err == nil) != hid {
			t.Errorf("%s: Reports: %v", s.Name, err)
		}
		if _, err := s.Bytes([]byte("A")); (err == nil) == hid {
			t.Errorf("%s: Bytes: %v", s.Name, err)
		}
		if _, err := s.Reports(nil); err == nil {
			t.Errorf("%s: reports of an empty code", s.Name)
		}
		if _, err := s.Bytes(nil); err == nil {
			t.Errorf("%s: bytes of an empty code", s.Name)
		}
	}
}

func TestKeyboardCannotTypeEveryCode(t *testing.T) {
	t.Parallel()
	for _, s := range all(t) {
		if s.Link != scanners.HIDKeyboard {
			continue
		}
		if got, err := s.Reports([]byte("A\xff")); err == nil || got != nil {
			t.Errorf("%s: typed a byte that no key writes", s.Name)
		}
	}
}

func TestUnknownScannerIsNotFound(t *testing.T) {
	t.Parallel()
	if s, err := scanners.Get("nobody"); err == nil || s.Name != "" {
		t.Errorf("got %+v", s)
	}
}
