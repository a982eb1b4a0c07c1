package frame

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A step is what a Splitter is given: bytes of one read, or, when bytes is empty, a silence.
type step struct {
	bytes string
	idle  time.Duration
}

func reads(parts ...string) []step {
	steps := make([]step, 0, len(parts))
	for _, p := range parts {
		steps = append(steps, step{bytes: p})
	}
	return steps
}

func newSplitter(t testing.TB, c Config) *Splitter {
	t.Helper()
	s, err := NewSplitter(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func run(s *Splitter, steps []step) []string {
	var got []string
	for _, st := range steps {
		if st.bytes == "" {
			if f := s.Idle(st.idle); f != nil {
				got = append(got, string(f))
			}
			continue
		}
		rest := []byte(st.bytes)
		for len(rest) > 0 {
			var f []byte
			if f, rest = s.Next(rest); f != nil {
				got = append(got, string(f))
			}
		}
	}
	return got
}

func TestStreamIsCutIntoFrames(t *testing.T) {
	t.Parallel()
	mrz := "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\rL898902C36UTO7408122F1204159ZE184226B<<<<<10\r"
	for _, tt := range []struct {
		name  string
		cfg   Config
		steps []step
		want  []string
	}{
		{"carriage return", Config{Terminator: CR}, reads("HC1:A\rHC1:B\r"), []string{"HC1:A", "HC1:B"}},
		{"line feed", Config{Terminator: LF}, reads("HC1:A\nHC1:B\n"), []string{"HC1:A", "HC1:B"}},
		{"tab", Config{Terminator: TAB}, reads("HC1:A\tHC1:B\t"), []string{"HC1:A", "HC1:B"}},
		{"carriage return and line feed", Config{Terminator: CRLF}, reads("A\r\nB\r\n"), []string{"A", "B"}},
		{"line feed and carriage return", Config{Terminator: CRLF}, reads("A\n\rB\n\r"), []string{"A", "B"}},
		{"the pair split across reads", Config{Terminator: CRLF}, reads("A\r", "\nB", "\r", "\n"), []string{"A", "B"}},
		{"the other pair split across reads", Config{Terminator: CRLF}, reads("A\n", "\rB", "\n", "\r"), []string{"A", "B"}},
		{"one of the pair alone is content", Config{Terminator: CRLF}, reads("A\rB\nC\r\n"), []string{"A\rB\nC"}},
		{"CR twice is not the pair", Config{Terminator: CRLF}, reads("A\r\r\n"), []string{"A\r"}},
		{"line feed after the carriage return is padding", Config{Terminator: CR}, reads("A\r\nB\r", "\nC\r\n"), []string{"A", "B", "C"}},
		{"carriage return after the line feed is padding", Config{Terminator: LF}, reads("A\n\rB\n\r"), []string{"A", "B"}},
		{"line end after the tab is padding", Config{Terminator: TAB}, reads("A\t\r\nB\t"), []string{"A", "B"}},
		{"empty frames are not given", Config{Terminator: CR}, reads("\r\r\n\rA\r\r"), []string{"A"}},
		{"control characters inside stay", Config{Terminator: CR}, reads("]C1(01)\x1d(21)\x00\x02\x03\x1b\t\x7f\r"), []string{"]C1(01)\x1d(21)\x00\x02\x03\x1b\t\x7f"}},
		{"AIM identifier stays", Config{Terminator: CR}, reads("]Q1HC1:X\r"), []string{"]Q1HC1:X"}},
		{"NUL bytes at wake-up are skipped", Config{Terminator: CR}, reads("\x00\x00", "\x00HC1:A\r\x00\x00HC1:B\r"), []string{"HC1:A", "HC1:B"}},
		{"NUL stays on a line with parity", Config{Terminator: CR, KeepNUL: true}, reads("\x002345\r"), []string{"\x002345"}},
		{"STX and ETX", Config{Terminator: STXETX}, reads("\x02A\x03\x02B\x03"), []string{"A", "B"}},
		{"noise before STX", Config{Terminator: STXETX}, reads("\x00\xff\x03noise\r\x02A\x03\r\nnoise\x02B\x03"), []string{"A", "B"}},
		{"nothing between STX and ETX", Config{Terminator: STXETX}, reads("\x02\x03\x02A\x03"), []string{"A"}},
		{"NUL inside STX and ETX is content", Config{Terminator: STXETX}, reads("\x02\x00A\x03"), []string{"\x00A"}},
		{"document lines inside STX and ETX", Config{Terminator: STXETX}, reads("\x02" + mrz + "\x03"), []string{mrz}},
		{"lost ETX costs one frame only", Config{Terminator: STXETX}, reads("\x02HALF", "\x02WHOLE\x03"), []string{"WHOLE"}},
		{"two scans glued are one frame", Config{Terminator: CR}, reads("HC1:AHC1:B\rHC1:C\r"), []string{"HC1:AHC1:B", "HC1:C"}},
		{
			"one scan cut, the next one whole",
			Config{Terminator: CR},
			[]step{{bytes: "HC1:HAL"}, {idle: DefaultGap}, {bytes: "HC1:WHOLE\r"}},
			[]string{"HC1:WHOLE"},
		},
		{
			"a scan cut inside STX and ETX",
			Config{Terminator: STXETX},
			[]step{{bytes: "\x02HAL"}, {idle: DefaultGap}, {bytes: "noise\x03\x02WHOLE\x03"}},
			[]string{"WHOLE"},
		},
		{
			"a short pause inside a code",
			Config{Terminator: CR},
			[]step{{bytes: "HC1:"}, {idle: DefaultGap - 1}, {bytes: "A"}, {idle: DefaultGap - 1}, {bytes: "B\r"}},
			[]string{"HC1:AB"},
		},
		{
			"silences add up",
			Config{Terminator: CR, Gap: 200 * time.Millisecond},
			[]step{{bytes: "HAL"}, {idle: 100 * time.Millisecond}, {idle: 100 * time.Millisecond}, {bytes: "A\r"}},
			[]string{"A"},
		},
		{
			"silence between codes does nothing",
			Config{Terminator: CR},
			[]step{{bytes: "A\r"}, {idle: time.Hour}, {idle: -1}, {idle: 0}, {bytes: "B\r"}},
			[]string{"A", "B"},
		},
		{
			"silence as terminator",
			Config{Terminator: IdleGap},
			[]step{{bytes: "\x00A\r\n"}, {idle: DefaultIdleGap}, {idle: DefaultIdleGap}, {bytes: "B"}, {idle: DefaultIdleGap}},
			[]string{"A\r\n", "B"},
		},
		{
			"silence shorter than the gap",
			Config{Terminator: IdleGap, Gap: 300 * time.Millisecond},
			[]step{{bytes: "A"}, {idle: 299 * time.Millisecond}, {bytes: "B"}, {idle: 299 * time.Millisecond}, {idle: 1 * time.Millisecond}},
			[]string{"AB"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := run(newSplitter(t, tt.cfg), tt.steps); !cmp.Equal(got, tt.want) {
				t.Errorf("whole reads: %s", cmp.Diff(tt.want, got))
			}
			if got := run(newSplitter(t, tt.cfg), bytewise(tt.steps)); !cmp.Equal(got, tt.want) {
				t.Errorf("one byte at a time: %s", cmp.Diff(tt.want, got))
			}
		})
	}
}

func bytewise(steps []step) []step {
	var out []step
	for _, st := range steps {
		if st.bytes == "" {
			out = append(out, st)
		}
		for i := range len(st.bytes) {
			out = append(out, step{bytes: st.bytes[i : i+1]})
		}
	}
	return out
}

func TestFrameOverTheBoundIsMarkedAndTheNextOneIsWhole(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		term       Terminator
		start, end string
		idle       time.Duration
	}{
		{CR, "", "\r", 0},
		{LF, "", "\n", 0},
		{CRLF, "", "\r\n", 0},
		{TAB, "", "\t", 0},
		{STXETX, "\x02", "\x03", 0},
		{IdleGap, "", "", DefaultIdleGap},
	} {
		for _, size := range []int{MaxFrame - 1, MaxFrame, MaxFrame + 1, MaxFrame + 2, MaxFrame + 3, 3 * MaxFrame} {
			s := newSplitter(t, Config{Terminator: tt.term})
			long := strings.Repeat("x", size)
			got := run(s, []step{
				{bytes: tt.start + long + tt.end},
				{idle: tt.idle},
				{bytes: tt.start + "HC1:GOOD" + tt.end},
				{idle: tt.idle},
			})
			want := []string{long[:min(size, MaxFrame+1)], "HC1:GOOD"}
			if !cmp.Equal(got, want) {
				t.Errorf("%v, %d bytes: got %d frames, want %d; first is %d bytes, want %d",
					tt.term, size, len(got), len(want), len(got[0]), len(want[0]))
			}
		}
	}
}

func TestUnfinishedFramesAreCounted(t *testing.T) {
	t.Parallel()
	s := newSplitter(t, Config{Terminator: STXETX})
	run(s, []step{
		{bytes: "\x02\x02A\x03"}, // nothing was lost
		{bytes: "\x02HALF\x02A\x03"},
		{bytes: "\x02HALF"},
		{idle: DefaultGap},
		{bytes: "\x02"},
		{idle: DefaultGap},
		{bytes: "noise\x03"},
	})
	if got := s.Discarded(); got != 2 {
		t.Errorf("discarded %d unfinished frames, want 2", got)
	}
}

func TestResetForgetsAndOverwrites(t *testing.T) {
	t.Parallel()
	s := newSplitter(t, Config{Terminator: STXETX})
	s.Next([]byte("\x02PERSONAL"))
	s.Reset()
	if got := run(s, reads("DATA\x03\x02A\x03")); !cmp.Equal(got, []string{"A"}) {
		t.Errorf("after Reset: got %q, want only the new frame", got)
	}
	s.Next([]byte("\x02PERSONAL"))
	s.Reset()
	if !bytes.Equal(s.buf[:], make([]byte, len(s.buf))) {
		t.Error("Reset left bytes of a scan in the buffer")
	}
}

func TestImpossibleFramingIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		cfg  Config
		ok   bool
	}{
		{"unknown terminator", Config{Terminator: MRZ + 1}, false},
		{"negative gap", Config{Gap: -1}, false},
		{"gap at the limit", Config{Gap: MaxGap}, true},
		{"gap over the limit", Config{Gap: MaxGap + 1}, false},
		{"zero configuration", Config{}, true},
	} {
		s, err := NewSplitter(tt.cfg)
		if (err == nil) != tt.ok || (s == nil) == tt.ok {
			t.Errorf("%s: got %v, %v; want accepted: %v", tt.name, s != nil, err, tt.ok)
		}
	}
}

func TestTerminatorNamesReadBack(t *testing.T) {
	t.Parallel()
	for k := CR; k <= MRZ; k++ {
		got := Terminator(99)
		if err := got.UnmarshalText([]byte(k.String())); err != nil || got != k {
			t.Errorf("%v: got %v, %v", k, got, err)
		}
	}
	got := TAB
	if err := got.UnmarshalText([]byte("CRLF ")); err == nil || got != TAB {
		t.Errorf("unknown name: got %v, %v; want an error and the value untouched", got, err)
	}
}

// expand does what a scanner does that takes bytes for Latin-1 characters and sends UTF-8.
func expand(b []byte) []byte {
	var out []byte
	for _, c := range b {
		out = append(out, string(rune(c))...)
	}
	return out
}

func TestUTF8OfBinaryBytesIsUndoneOnce(t *testing.T) {
	t.Parallel()
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, tt := range []struct {
		name     string
		in, want []byte
	}{
		{"nothing", nil, nil},
		{"ASCII stays", []byte("HC1:6BF+70790T9WJWG.FKY*4GO0"), []byte("HC1:6BF+70790T9WJWG.FKY*4GO0")},
		{"every byte comes back", expand(all), all},
		{"only once", expand(expand(all)), expand(all)},
		{"binary bytes that are no UTF-8 stay", all, all},
		{"a character from U+0100 on keeps all as it is", []byte("\u00e9\u0100"), []byte("\u00e9\u0100")},
		{"Arabic stays", []byte("تذكرة"), []byte("تذكرة")},
		{"cut in a character stays", []byte("A\xc3"), []byte("A\xc3")},
		{"lead byte without its second stays", []byte("\xc3A"), []byte("\xc3A")},
		{"overlong form stays", []byte("\xc0\x80\xc1\xbf"), []byte("\xc0\x80\xc1\xbf")},
		{"lone continuation stays", []byte("\x80"), []byte("\x80")},
	} {
		if got := UndoUTF8(bytes.Clone(tt.in)); !bytes.Equal(got, tt.want) {
			t.Errorf("%s: got %x, want %x", tt.name, got, tt.want)
		}
	}
}

func BenchmarkSplitter(b *testing.B) {
	code := append(bytes.Repeat([]byte("x"), 540), '\r')
	s := newSplitter(b, Config{})
	b.SetBytes(int64(len(code)))
	for b.Loop() {
		if f, _ := s.Next(code); len(f) != 540 {
			b.Fatal("frame lost")
		}
	}
}
