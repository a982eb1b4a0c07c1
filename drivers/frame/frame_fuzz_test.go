package frame

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzSplitter holds the Splitter against a plain reading of its contract, with the input in reads of every size.
func FuzzSplitter(f *testing.F) {
	for k := CR; k <= MRZ; k++ {
		f.Add(uint8(k), uint8(1), false, []byte("\x00HC1:A\r\n\x02B\r\x03\n\rC\t\tD"))
		f.Add(uint8(k), uint8(7), true, []byte("\x00\x00]Q1HC1:A\n\r\n\r\r\x02\x02half\x02B\x03noise\x03"))
		f.Add(uint8(k), uint8(0), false, bytes.Repeat([]byte("x"), MaxFrame+2))
		f.Add(uint8(k), uint8(255), false, append(bytes.Repeat([]byte("x"), MaxFrame+1), "\r\n\x03\tA\r\n"...))
	}
	for _, doc := range documents {
		f.Add(uint8(MRZ), uint8(3), false, []byte("\x01\x00OU\x02F\r"+strings.Join(doc.lines, "\r")+"\r\x03\x07\n]o3"+strings.Join(doc.lines, "\r\n]o3")+"\n"))
		f.Add(uint8(MRZ), uint8(9), true, []byte(doc.lines[0]+"\r"+doc.lines[0]+"\n"+doc.lines[1]+"\rHC1:A\r"+strings.Join(doc.lines, "")+"\r"))
	}
	f.Fuzz(func(t *testing.T, term, chunk uint8, keepNUL bool, input []byte) {
		c := Config{Terminator: Terminator(term), KeepNUL: keepNUL}
		s, err := NewSplitter(c)
		if err != nil {
			return
		}
		var got []string
		for in := input; len(in) > 0; {
			n := len(in)
			if chunk > 0 {
				n = min(n, int(chunk))
			}
			rest := in[:n]
			in = in[n:]
			for len(rest) > 0 {
				frame, left := s.Next(rest)
				if len(left) >= len(rest) {
					t.Fatal("Next took nothing")
				}
				if rest = left; frame == nil {
					continue
				}
				if len(frame) == 0 || len(frame) > MaxFrame+1 {
					t.Fatalf("a frame of %d bytes", len(frame))
				}
				got = append(got, string(frame))
			}
		}
		if c.Terminator == IdleGap {
			if frame := s.Idle(DefaultIdleGap); frame != nil {
				got = append(got, string(frame))
			}
		}
		if want := reference(c, input); !cmp.Equal(got, want) {
			t.Errorf("%v, reads of %d: %s", c.Terminator, chunk, cmp.Diff(want, got))
		}
	})
}

// reference cuts a whole stream at once, the slow way.
func reference(c Config, in []byte) []string {
	var frames []string
	add := func(b []byte) {
		if len(b) > 0 {
			frames = append(frames, string(b[:min(len(b), MaxFrame+1)]))
		}
	}
	if c.Terminator == STXETX {
		for {
			_, after, found := bytes.Cut(in, []byte{stx})
			if !found {
				return frames
			}
			body, rest, found := bytes.Cut(after, []byte{etx})
			if !found {
				return frames
			}
			add(body[bytes.LastIndexByte(body, stx)+1:])
			in = rest
		}
	}
	if c.Terminator == MRZ {
		return referenceMRZ(c, in)
	}
	padding := "\x00\r\n"
	if c.KeepNUL {
		padding = "\r\n"
	}
	if c.Terminator == IdleGap {
		padding = padding[:len(padding)-2]
		add(bytes.TrimLeft(in, padding))
		return frames
	}
	for {
		in = bytes.TrimLeft(in, padding)
		at, width := end(c.Terminator, in)
		if at < 0 {
			return frames
		}
		add(in[:at])
		in = in[at+width:]
	}
}

var (
	firstMRZ = regexp.MustCompile(`^(\](?s:..))?.??([PVIAC][A-Z0-9<]{29}|[PVIAC][A-Z0-9<]{35}|[PVIAC][A-Z0-9<]{43})$`)
	nextMRZ  = regexp.MustCompile(`^(?:\](?s:..))?([A-Z0-9<]+)$`)
)

// referenceMRZ turns a reader's framing into lines first, then joins lines.
func referenceMRZ(c Config, in []byte) (frames []string) {
	var held []string
	width := 0
	line := func(s string, inside bool) {
		if !c.KeepNUL {
			s = strings.TrimLeft(s, "\x00")
		}
		if s == "" || inside && len(s) == 1 {
			return
		}
		if m := nextMRZ.FindStringSubmatch(s); len(held) > 0 && m != nil && len(m[1]) == width && (len(held) > 1 || strings.ContainsAny(m[1], "0123456789")) {
			held = append(held, m[1])
		} else if m := firstMRZ.FindStringSubmatch(s); m != nil && strings.Contains(m[2], map[bool]string{true: "<", false: "<<"}[len(m[2]) == 30]) && len(s) <= len(m[1])+len(m[2])+1 && (m[1] == "" || len(s) == len(m[1])+len(m[2])) {
			held, width = []string{m[1] + m[2]}, len(m[2])
		} else {
			held = nil
			frames = append(frames, s[:min(len(s), MaxFrame+1)])
		}
		if len(held) == map[int]int{30: 3, 36: 2, 44: 2}[width] && len(held) > 0 {
			frames = append(frames, strings.Join(held, "\n"))
			held = nil
		}
	}
	var cur []byte
	at := outside
	for _, b := range in {
		switch {
		case b == stx:
			cur, at, held = nil, inside, nil
		case at == header:
		case b == soh && (len(cur) == 0 || !c.KeepNUL && len(bytes.Trim(cur, "\x00")) == 0):
			at = header
		case at == trailer && b != '\r' && b != '\n':
		case at == trailer:
			at = outside
		case at == inside && b == etx:
			line(string(cur), true)
			cur, at, held = nil, trailer, nil
		case b == '\r' || b == '\n':
			line(string(cur), at == inside)
			cur = nil
		default:
			cur = append(cur, b)
		}
	}
	return frames
}

// end returns where the first terminator of in starts, and its length.
func end(t Terminator, in []byte) (at, width int) {
	switch t {
	case CR:
		return bytes.IndexByte(in, '\r'), 1
	case LF:
		return bytes.IndexByte(in, '\n'), 1
	case TAB:
		return bytes.IndexByte(in, '\t'), 1
	}
	a, b := bytes.Index(in, []byte("\r\n")), bytes.Index(in, []byte("\n\r"))
	if a < 0 || b >= 0 && b < a {
		a = b
	}
	return a, 2
}

// FuzzUndoUTF8 holds UndoUTF8 against a decoder of runes.
func FuzzUndoUTF8(f *testing.F) {
	f.Add([]byte("HC1:A"))
	f.Add([]byte("\xc2\x80\xc3\xbf"))
	f.Add([]byte("\xc3\x83\xc2\xa9"))
	f.Add([]byte("\xc4\x80"))
	f.Add([]byte("\xc3"))
	f.Fuzz(func(t *testing.T, in []byte) {
		want := in
		if utf8.Valid(in) {
			narrow := []byte{}
			for _, r := range string(in) {
				if r > 0xFF {
					narrow = in
					break
				}
				narrow = append(narrow, byte(r))
			}
			want = narrow
		}
		if got := UndoUTF8(bytes.Clone(in)); !bytes.Equal(got, want) {
			t.Errorf("UndoUTF8(%x) = %x, want %x", in, got, want)
		}
		if got := UndoUTF8(expand(in)); !bytes.Equal(got, in) {
			t.Errorf("expanded and undone: got %x, want %x", got, in)
		}
	})
}
