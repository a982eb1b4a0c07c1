package inflate

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/binary"
	"errors"
	stdadler "hash/adler32"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

const testLimit = 20_000

// compress returns a zlib stream that the standard library made.
func compress(t testing.TB, level int, p []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zlib.NewWriterLevel(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(p); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// zlibReads reports whether the standard library accepts a stream, what it makes
// of it, and how many bytes follow it. It reads no more than limit+1 bytes.
func zlibReads(stream []byte, limit int) (p []byte, trailing int, ok bool) {
	in := bytes.NewReader(stream)
	r, err := zlib.NewReader(in)
	if err != nil {
		return nil, 0, false
	}
	p, err = io.ReadAll(io.LimitReader(r, int64(limit)+1))
	return p, in.Len(), err == nil
}

// samples are inputs for a compressor: each makes it use other parts of the format.
func samples() map[string][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 3000)
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	var skewed []byte // counts as in Fibonacci's sequence: codes of up to 15 bits
	for c, n, m := byte(0), 1, 1; len(skewed) < 12000; c, n, m = c+1, m, n+m {
		skewed = append(skewed, bytes.Repeat([]byte{c}, n)...)
	}
	rng.Shuffle(len(skewed), func(i, j int) { skewed[i], skewed[j] = skewed[j], skewed[i] })
	return map[string][]byte{
		"empty":         nil,
		"one byte":      {'x'},
		"one run":       bytes.Repeat([]byte{'x'}, 5000),
		"short periods": []byte(strings.Repeat("ab", 50) + strings.Repeat("abc", 50) + strings.Repeat("abcdefg", 50)),
		"long periods":  bytes.Repeat(random[:700], 20),
		"text":          []byte(strings.Repeat("The lamp means verdict, not read. ", 7) + "Another sentence, once."),
		"random":        random,
		"skewed":        skewed,
		"every byte":    allBytes(),
	}
}

func allBytes() []byte {
	p := make([]byte, 512)
	for i := range p {
		p[i] = byte(i * 37)
	}
	return p
}

func TestWhatZlibCompressesIsRestored(t *testing.T) {
	t.Parallel()
	var d Decoder
	for name, p := range samples() {
		for _, level := range []int{zlib.HuffmanOnly, zlib.NoCompression, zlib.BestSpeed, zlib.DefaultCompression, zlib.BestCompression} {
			stream := compress(t, level, p)
			got, err := d.AppendZlib([]byte("kept"), stream, testLimit)
			if err != nil || string(got) != "kept"+string(p) {
				t.Errorf("%s, level %d: %d bytes, %v, want %d", name, level, len(got)-4, err, len(p))
			}
		}
	}
}

// The deflated blocks below are written by hand; compress/zlib has to agree on
// each.
func TestBlocksMadeByHand(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		bits func(w *bitWriter)
		out  string
		want error
	}{
		{"nothing", func(*bitWriter) {}, "", ErrCorrupt},
		{"reserved block type", func(w *bitWriter) { w.header(true, 3) }, "", ErrCorrupt},
		{"stored", func(w *bitWriter) { w.header(true, blockStored); w.stored("abc", 0xfffc) }, "abc", nil},
		{"stored, empty", func(w *bitWriter) { w.header(true, blockStored); w.stored("", 0xffff) }, "", nil},
		{"stored, wrong complement", func(w *bitWriter) { w.header(true, blockStored); w.stored("abc", 0xfffd) }, "", ErrCorrupt},
		{"stored, then fixed", func(w *bitWriter) {
			w.header(false, blockStored)
			w.stored("abc", 0xfffc)
			w.header(true, blockFixed)
			w.fixed(100, endOfBlock)
		}, "abcd", nil},
		{"fixed, then stored", func(w *bitWriter) {
			w.header(false, blockFixed)
			w.fixed('a', 200, endOfBlock)
			w.header(true, blockStored)
			w.stored("b", 0xfffe)
		}, "a\xc8b", nil},
		{"no final block", func(w *bitWriter) { w.header(false, blockFixed); w.fixed('a', endOfBlock) }, "", ErrCorrupt},
		{"match of 3 at distance 1", func(w *bitWriter) {
			w.header(true, blockFixed)
			w.fixed('a', 257)
			w.fixedDist(0)
			w.fixed(endOfBlock)
		}, "aaaa", nil},
		{"match of 258 at distance 2", func(w *bitWriter) {
			w.header(true, blockFixed)
			w.fixed('a', 'b', 285)
			w.fixedDist(1)
			w.fixed(endOfBlock)
		}, strings.Repeat("ab", 130), nil},
		{"match of 258 in its other form", func(w *bitWriter) {
			w.header(true, blockFixed)
			w.fixed('a', 284)
			w.put(31, 5)
			w.fixedDist(0)
			w.fixed(endOfBlock)
		}, strings.Repeat("a", 259), nil},
		{"distance before the output's start", func(w *bitWriter) {
			w.header(true, blockFixed)
			w.fixed('a', 257)
			w.fixedDist(1)
			w.fixed(endOfBlock)
		}, "", ErrCorrupt},
		{"distance before any output", func(w *bitWriter) {
			w.header(true, blockFixed)
			w.fixed(257)
			w.fixedDist(0)
			w.fixed(endOfBlock)
		}, "", ErrCorrupt},
		{"literal symbol 286", func(w *bitWriter) { w.header(true, blockFixed); w.fixed(286, endOfBlock) }, "", ErrCorrupt},
		{"literal symbol 287", func(w *bitWriter) { w.header(true, blockFixed); w.fixed(287, endOfBlock) }, "", ErrCorrupt},
		{"distance symbol 30", func(w *bitWriter) {
			w.header(true, blockFixed)
			w.fixed('a', 257)
			w.fixedDist(30)
			w.fixed(endOfBlock)
		}, "", ErrCorrupt},
		{"dynamic, no distance code, none used", func(w *bitWriter) {
			w.dynamic(map[int]int{'a': 1, endOfBlock: 1}, nil)
			w.put(0, 1) // a
			w.put(1, 1) // end
		}, "a", nil},
		{"dynamic, no distance code, one used", func(w *bitWriter) {
			w.dynamic(map[int]int{'a': 1, endOfBlock: 2, 257: 2}, nil)
			w.put(0, 1)    // a
			w.put(0b11, 2) // match
			w.put(0, 1)
			w.put(0b01, 2) // end
		}, "", ErrCorrupt},
		{"dynamic, single distance code, used", func(w *bitWriter) {
			w.dynamic(map[int]int{'a': 1, endOfBlock: 2, 257: 2}, map[int]int{0: 1})
			w.put(0, 1)
			w.put(0b11, 2)
			w.put(0, 1)
			w.put(0b01, 2)
		}, "aaaa", nil},
		{"dynamic, single distance code, the other bit", func(w *bitWriter) {
			w.dynamic(map[int]int{'a': 1, endOfBlock: 2, 257: 2}, map[int]int{0: 1})
			w.put(0, 1)
			w.put(0b11, 2)
			w.put(1, 1)
			w.put(0b01, 2)
		}, "", ErrCorrupt},
		{"dynamic, single distance code of two bits", func(w *bitWriter) {
			w.dynamic(map[int]int{'a': 1, endOfBlock: 1}, map[int]int{0: 2})
			w.put(0, 1)
			w.put(1, 1)
		}, "", ErrCorrupt},
		{"dynamic, only end of block, one bit", func(w *bitWriter) {
			w.dynamic(map[int]int{endOfBlock: 1}, nil)
			w.put(0, 1)
		}, "", nil},
		{"dynamic, no end of block", func(w *bitWriter) {
			w.dynamic(map[int]int{'a': 1, 'b': 1}, nil)
			w.put(0, 64)
		}, "", ErrCorrupt},
		{"dynamic, literals over-subscribed", func(w *bitWriter) {
			w.dynamic(map[int]int{'a': 1, 'b': 1, endOfBlock: 1}, nil)
			w.put(0, 64)
		}, "", ErrCorrupt},
		{"dynamic, literals incomplete", func(w *bitWriter) {
			w.dynamic(map[int]int{'a': 2, 'b': 2, endOfBlock: 2}, nil)
			w.put(0b0100, 4)
		}, "", ErrCorrupt},
		{"dynamic, one code of fifteen bits left over", func(w *bitWriter) {
			lengths := map[int]int{endOfBlock: 15}
			for i := range 14 {
				lengths['a'+i] = i + 1
			}
			w.dynamic(lengths, nil)
			w.put(0x3fff, 15) // end: fourteen ones and a zero
		}, "", ErrCorrupt},
		{"dynamic, distances over-subscribed", func(w *bitWriter) {
			w.dynamic(map[int]int{'a': 1, endOfBlock: 1}, map[int]int{0: 1, 1: 1, 2: 1})
			w.put(1, 1)
		}, "", ErrCorrupt},
		{"dynamic, longest codes", func(w *bitWriter) {
			lengths := map[int]int{endOfBlock: 15, 255: 15}
			for i := range 14 {
				lengths['a'+i] = i + 1
			}
			w.dynamic(lengths, nil)
			w.put(0, 1)       // a
			w.put(0x1fff, 14) // n: thirteen ones and a zero
			w.put(0x3fff, 15) // 255: fourteen ones and a zero
			w.put(0, 1)       // a
			w.put(0x7fff, 15) // end: fifteen ones
		}, "an\xffa", nil},
		{"dynamic, 287 literal codes announced", func(w *bitWriter) {
			w.header(true, blockDynamic)
			w.put(30, 5)
			w.put(0, 5)
			w.put(0, 4)
			w.put(0, 64)
		}, "", ErrCorrupt},
		{"dynamic, 31 distance codes announced", func(w *bitWriter) {
			w.header(true, blockDynamic)
			w.put(0, 5)
			w.put(30, 5)
			w.put(0, 4)
			w.put(0, 64)
		}, "", ErrCorrupt},
		{"dynamic, repetition of nothing", func(w *bitWriter) {
			w.codeLens(map[uint8]uint64{0: 1, 16: 1})
			w.put(1, 1) // 16
			w.put(0, 64)
		}, "", ErrCorrupt},
		{"dynamic, repetition of nothing, which as 15 bits would be complete", func(w *bitWriter) {
			lengths := map[uint8]uint64{0: 4, 16: 4, 18: 4}
			for i := range uint8(13) {
				lengths[i+1] = 4
			}
			w.codeLens(lengths)
			w.codeLen(lengths, 16) // symbols 0 to 3
			w.put(4-3, 2)
			for i := range uint8(12) { // 4 to 15: 1 to 12 bits
				w.codeLen(lengths, i+1)
			}
			w.codeLen(lengths, 18)
			w.put(138-11, 7)
			w.codeLen(lengths, 18)
			w.put(102-11, 7)
			w.codeLen(lengths, 13) // end of block
			w.codeLen(lengths, 0)  // the distance
			w.put(0xfff, 13)       // end: twelve ones and a zero
		}, "", ErrCorrupt},
		{"dynamic, repetition beyond the end", func(w *bitWriter) {
			w.codeLens(map[uint8]uint64{1: 1, 18: 1})
			w.put(1, 1) // 18: 138 zeros
			w.put(127, 7)
			w.put(1, 1) // 138 more; 258 are asked for
			w.put(127, 7)
			w.put(0, 64)
		}, "", ErrCorrupt},
		{"dynamic, no code for code lengths", func(w *bitWriter) {
			w.codeLens(nil)
			w.put(0, 64)
		}, "", ErrCorrupt},
		{"dynamic, repetition runs from literals into distances", func(w *bitWriter) {
			w.header(true, blockDynamic)
			w.put(0, 5) // 257 literals and lengths
			w.put(7, 5) // 8 distances
			w.put(14, 4)
			for _, symbol := range codeLenOrder[:18] {
				w.put(map[uint8]uint64{3: 2, 16: 2, 18: 1}[symbol], 3)
			}
			w.code(0b0, 1) // symbols 0 to 137: none
			w.put(138-11, 7)
			w.code(0b0, 1) // 138 to 248: none
			w.put(111-11, 7)
			w.code(0b10, 2) // 249: three bits
			w.code(0b11, 2) // 250 to 255: the same
			w.put(6-3, 2)
			w.code(0b11, 2) // end of block and distances 0 to 4: the same
			w.put(6-3, 2)
			w.code(0b11, 2) // distances 5 to 7: the same
			w.put(0, 2)
			w.code(0b000, 3) // literal 249
			w.code(0b111, 3) // end of block
		}, "\xf9", nil},
	} {
		w := new(bitWriter)
		tt.bits(w)
		stream := w.zlib(tt.out)
		var d Decoder
		got, err := d.AppendZlib([]byte("aaaa"), stream, testLimit)
		if !errors.Is(err, tt.want) || string(got) != "aaaa"+tt.out {
			t.Errorf("%s: got %q, %v, want %q, %v", tt.name, got, err, "aaaa"+tt.out, tt.want)
		}
		p, _, ok := zlibReads(stream, testLimit)
		if ok != (tt.want == nil) || ok && string(p) != tt.out {
			t.Errorf("%s: compress/zlib: %q, accepted: %v", tt.name, p, ok)
		}
	}
}

// Literals of the fixed code come with eight bits or nine, below 128 or above, in
// batches of six or seven; another symbol may stand at any place in such a batch.
func TestFixedLiteralsAndMatchesAtAllPlaces(t *testing.T) {
	t.Parallel()
	for _, odd := range []uint64{127, 128, 143, 144, 199, 200, 255, 257} {
		for before := range 20 {
			for after := range 20 {
				w := new(bitWriter)
				w.header(true, blockFixed)
				out := strings.Repeat("x", before+1)
				for range before + 1 {
					w.fixed('x')
				}
				w.fixed(odd)
				if odd == 257 { // three bytes, of the byte before
					w.fixedDist(0)
					out += "xxx"
				} else {
					out += string([]byte{byte(odd)})
				}
				for range after {
					w.fixed('y')
				}
				w.fixed(endOfBlock)
				out += strings.Repeat("y", after)
				var d Decoder
				got, err := d.AppendZlib(make([]byte, 0, len(out)), w.zlib(out), len(out))
				if err != nil || string(got) != out {
					t.Errorf("%d after %d and before %d: %q, %v, want %q", odd, before+1, after, got, err, out)
				}
			}
		}
	}
}

// The code for symbols without a code may itself be of any length; a repetition
// may run on from the literals to the distances, and may not run on beyond these.
func TestRunsOfZerosWithCodesOfAllLengths(t *testing.T) {
	t.Parallel()
	for _, lengths := range []map[uint8]uint64{
		{17: 1, 0: 2, 1: 3, 18: 3},
		{17: 2, 0: 2, 1: 2, 18: 2},
		{17: 3, 18: 3, 1: 2, 0: 1},
		{17: 4, 18: 4, 2: 3, 1: 2, 0: 1},
		{17: 5, 18: 5, 3: 4, 2: 3, 1: 2, 0: 1},
		{17: 6, 18: 6, 4: 5, 3: 4, 2: 3, 1: 2, 0: 1},
		{17: 7, 18: 7, 5: 6, 4: 5, 3: 4, 2: 3, 1: 2, 0: 1},
	} {
		for beyond := range 2 {
			w := new(bitWriter)
			w.header(true, blockDynamic)
			w.put(3, 5) // 260 literals and lengths
			w.put(4, 5) // 5 distances
			w.put(uint64(len(codeLenOrder)-4), 4)
			for _, symbol := range codeLenOrder {
				w.put(lengths[symbol], 3)
			}
			zeros := func(n int) { // in runs of all lengths
				for run := 3; n > 0; run = run%10 + 1 {
					if k := min(run, n); k >= 3 {
						w.codeLen(lengths, 17)
						w.put(uint64(k-3), 3)
						n -= k
						continue
					}
					w.codeLen(lengths, 0)
					n--
				}
			}
			zeros('a')
			w.codeLen(lengths, 1)
			zeros(endOfBlock - 'a' - 1)
			w.codeLen(lengths, 1)
			w.codeLen(lengths, 17) // the last three, and all distances
			w.put(uint64(8-3+beyond), 3)
			w.put(0, 1) // a
			w.put(1, 1) // end
			stream := w.zlib("a")

			var d Decoder
			got, err := d.AppendZlib(nil, stream, testLimit)
			if beyond == 0 && (err != nil || string(got) != "a") || beyond == 1 && !errors.Is(err, ErrCorrupt) {
				t.Errorf("%d bits, %d too many: %q, %v", lengths[17], beyond, got, err)
			}
			if p, _, ok := zlibReads(stream, testLimit); ok != (beyond == 0) || ok && string(p) != "a" {
				t.Errorf("%d bits, %d too many: compress/zlib: %q, accepted: %v", lengths[17], beyond, p, ok)
			}
		}
	}
}

func TestWrongFrameIsRefused(t *testing.T) {
	t.Parallel()
	good := compress(t, zlib.DefaultCompression, []byte("payload"))
	for _, tt := range []struct {
		name   string
		change func(p []byte) []byte
		want   error
	}{
		{"unchanged", func(p []byte) []byte { return p }, nil},
		{"empty", func([]byte) []byte { return nil }, ErrCorrupt},
		{"other method", func(p []byte) []byte { return withHeader(p, 0x79, 0) }, ErrCorrupt},
		{"smallest window", func(p []byte) []byte { return withHeader(p, 0x08, 0) }, nil},
		{"window over 32 KiB", func(p []byte) []byte { return withHeader(p, 0x88, 0) }, ErrCorrupt},
		{"preset dictionary", func(p []byte) []byte { return withHeader(p, 0x78, flagDictionary) }, ErrCorrupt},
		{"header check", func(p []byte) []byte { p[1]++; return p }, ErrCorrupt},
		{"checksum", func(p []byte) []byte { p[len(p)-1]++; return p }, ErrCorrupt},
		{"one trailing byte", func(p []byte) []byte { return append(p, 0) }, ErrTrailing},
		{"many trailing bytes", func(p []byte) []byte { return append(p, good...) }, ErrTrailing},
		{"trailing bytes and wrong checksum", func(p []byte) []byte { p[len(p)-1]++; return append(p, 0) }, ErrCorrupt},
	} {
		stream := tt.change(slices.Clone(good))
		var d Decoder
		got, err := d.AppendZlib([]byte("kept"), stream, testLimit)
		want := "kept"
		if tt.want == nil {
			want += "payload"
		}
		if !errors.Is(err, tt.want) || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q, %v", tt.name, got, err, want, tt.want)
		}
		_, trailing, ok := zlibReads(stream, testLimit)
		if ok != (err == nil || errors.Is(err, ErrTrailing)) || ok && (trailing > 0) != errors.Is(err, ErrTrailing) {
			t.Errorf("%s: compress/zlib accepts: %v, with %d bytes after it", tt.name, ok, trailing)
		}
	}
}

// withHeader replaces the header by one whose check bits are right.
func withHeader(p []byte, method, flags byte) []byte {
	p[0], p[1] = method, flags
	p[1] += byte(31-binary.BigEndian.Uint16(p)%31) % 31
	return p
}

func TestCutStreamIsRefused(t *testing.T) {
	t.Parallel()
	var d Decoder
	for name, p := range samples() {
		for _, level := range []int{zlib.HuffmanOnly, zlib.NoCompression, zlib.BestCompression} {
			stream := compress(t, level, p[:min(len(p), 600)])
			for n := range stream {
				if got, err := d.AppendZlib(nil, stream[:n], testLimit); !errors.Is(err, ErrCorrupt) || len(got) != 0 {
					t.Errorf("%s, level %d, %d of %d bytes: %d bytes, %v, want ErrCorrupt", name, level, n, len(stream), len(got), err)
				}
			}
		}
	}
}

func TestOutputAtTheLimitAndOneByteOver(t *testing.T) {
	t.Parallel()
	var d Decoder
	for name, p := range samples() {
		if len(p) == 0 {
			continue
		}
		for _, level := range []int{zlib.HuffmanOnly, zlib.NoCompression, zlib.BestCompression} {
			stream := compress(t, level, p)
			for _, dst := range [][]byte{nil, make([]byte, 0, len(p)), make([]byte, 0, len(p)+4096)} {
				if got, err := d.AppendZlib(dst, stream, len(p)); err != nil || !bytes.Equal(got, p) {
					t.Errorf("%s, level %d, capacity %d, limit %d: %d bytes, %v", name, level, cap(dst), len(p), len(got), err)
				}
				if got, err := d.AppendZlib(dst, stream, len(p)-1); !errors.Is(err, ErrTooLarge) || len(got) != 0 {
					t.Errorf("%s, level %d, capacity %d, limit %d: %d bytes, %v, want ErrTooLarge", name, level, cap(dst), len(p)-1, len(got), err)
				}
			}
		}
	}
	if _, err := d.AppendZlib(nil, compress(t, 6, []byte("x")), -1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("limit -1: %v, want ErrTooLarge", err)
	}
}

func TestZipBombStopsAtTheLimit(t *testing.T) {
	t.Parallel()
	bomb := compress(t, zlib.BestCompression, make([]byte, 64<<20))
	dst := make([]byte, 0, testLimit)
	var d Decoder
	got, err := d.AppendZlib(dst, bomb, testLimit)
	if !errors.Is(err, ErrTooLarge) || len(got) != 0 || cap(got) != cap(dst) {
		t.Errorf("got %d bytes of %d, %v, want ErrTooLarge", len(got), cap(got), err)
	}
	if d.src != nil || d.out.buf != nil {
		t.Error("the decoder holds on to the caller's bytes")
	}
}

func TestOnlyTheRoomBehindDstIsWritten(t *testing.T) {
	t.Parallel()
	var d Decoder
	for name, p := range samples() {
		stream := compress(t, zlib.BestCompression, p)
		array := bytes.Repeat([]byte{0xaa}, len(p)+100)
		dst := array[50 : 50 : 50+len(p)]
		if _, err := d.AppendZlib(dst, stream, testLimit); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		around := slices.Concat(array[:50], array[50+len(p):])
		if bytes.Count(around, []byte{0xaa}) != 100 || !bytes.Equal(array[50:50+len(p)], p) {
			t.Errorf("%s: written elsewhere than into the room of dst", name)
		}
	}
}

func TestChecksumEqualsTheStandardLibrarys(t *testing.T) {
	t.Parallel()
	worst := bytes.Repeat([]byte{0xff}, 3*adlerRun+5)
	for _, n := range []int{0, 1, 7, 8, 9, 15, 16, 17, 377, adlerRun - 1, adlerRun, adlerRun + 1, 2 * adlerRun, len(worst)} {
		for name, p := range map[string][]byte{"ones": worst[:n], "mixed": bytes.Repeat(allBytes(), 20)[:n]} {
			if got, want := adler32(p), stdadler.Checksum(p); got != want {
				t.Errorf("adler32 of %d bytes, %s: %08x, want %08x", n, name, got, want)
			}
		}
	}
}

// FuzzAppendZlib holds whole streams against compress/zlib.
func FuzzAppendZlib(f *testing.F) {
	for _, p := range samples() {
		f.Add(compress(f, zlib.BestCompression, p[:min(len(p), 300)]))
		f.Add(compress(f, zlib.HuffmanOnly, p[:min(len(p), 300)]))
	}
	f.Add(append(compress(f, zlib.NoCompression, []byte("stored")), 0))
	f.Fuzz(func(t *testing.T, stream []byte) {
		const limit = 4000
		var d Decoder
		got, err := d.AppendZlib([]byte("kept"), stream, limit)
		want, trailing, ok := zlibReads(stream, limit)
		switch {
		case ok && len(want) > limit:
			if !errors.Is(err, ErrTooLarge) {
				t.Fatalf("%x: %v, want ErrTooLarge", stream, err)
			}
		case ok && len(stream) > 1 && stream[1]&flagDictionary != 0: // an empty dictionary: its checksum is 1
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%x: %v, want ErrCorrupt", stream, err)
			}
		case ok && trailing > 0:
			if !errors.Is(err, ErrTrailing) {
				t.Fatalf("%x: %v, want ErrTrailing", stream, err)
			}
		case ok != (err == nil):
			t.Fatalf("%x: %v, compress/zlib accepts: %v", stream, err, ok)
		case ok && string(got) != "kept"+string(want):
			t.Fatalf("%x: %q, want %q", stream, got, want)
		}
		if err != nil && string(got) != "kept" {
			t.Fatalf("%x: %q beside %v", stream, got, err)
		}
	})
}

// FuzzInflate holds bare deflated data against compress/flate, so that the
// checksum does not hide a difference. Which bytes were consumed must be the same.
func FuzzInflate(f *testing.F) {
	for _, p := range samples() {
		for _, level := range []int{zlib.BestCompression, zlib.HuffmanOnly} {
			stream := compress(f, level, p[:min(len(p), 300)])
			f.Add(stream[headerLen : len(stream)-checksumLen])
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 4000
		in := bytes.NewReader(data)
		want, stdErr := io.ReadAll(io.LimitReader(flate.NewReader(in), limit+1))

		var d Decoder
		d.src = data
		d.out.reset(nil, limit)
		err := d.inflate()
		switch {
		case stdErr == nil && len(want) > limit:
			if !errors.Is(err, ErrTooLarge) {
				t.Fatalf("%x: %v, want ErrTooLarge", data, err)
			}
		case (stdErr == nil) != (err == nil):
			t.Fatalf("%x: %v, compress/flate: %v", data, err, stdErr)
		case err == nil && !bytes.Equal(d.out.written(), want):
			t.Fatalf("%x: %x, want %x", data, d.out.written(), want)
		case err == nil && len(d.rest()) != in.Len():
			t.Fatalf("%x: %d bytes left, want %d", data, len(d.rest()), in.Len())
		}
	})
}

// FuzzRoundTrip restores what compress/zlib made, at every level.
func FuzzRoundTrip(f *testing.F) {
	for _, p := range samples() {
		f.Add(p[:min(len(p), 2000)], 6)
	}
	f.Fuzz(func(t *testing.T, p []byte, level int) {
		level = zlib.HuffmanOnly + (level%12+12)%12
		var d Decoder
		got, err := d.AppendZlib(nil, compress(t, level, p), len(p))
		if err != nil || !bytes.Equal(got, p) {
			t.Fatalf("level %d: %x, %v, want %x", level, got, err, p)
		}
	})
}

// bitWriter writes deflated data.
type bitWriter struct {
	p []byte
	n uint // bits in the last byte
}

// put writes the n lowest bits of v, lowest first.
func (w *bitWriter) put(v uint64, n uint) {
	for i := range n {
		if w.n%8 == 0 {
			w.p = append(w.p, 0)
		}
		w.p[len(w.p)-1] |= byte(v>>i&1) << (w.n % 8)
		w.n++
	}
}

// code writes a Huffman code of n bits, highest first.
func (w *bitWriter) code(v uint64, n uint) {
	for i := range n {
		w.put(v>>(n-1-i)&1, 1)
	}
}

func (w *bitWriter) header(final bool, kind uint64) {
	w.put(map[bool]uint64{true: 1}[final], 1)
	w.put(kind, 2)
}

func (w *bitWriter) stored(s string, complement uint16) {
	w.n = 0
	w.p = binary.LittleEndian.AppendUint16(w.p, uint16(len(s)))
	w.p = binary.LittleEndian.AppendUint16(w.p, complement)
	w.p = append(w.p, s...)
}

// fixed writes symbols in the fixed code (RFC 1951, section 3.2.6).
func (w *bitWriter) fixed(symbols ...uint64) {
	for _, s := range symbols {
		switch {
		case s < 144:
			w.code(0b00110000+s, 8)
		case s < 256:
			w.code(0b110010000+s-144, 9)
		case s < 280:
			w.code(s-256, 7)
		default:
			w.code(0b11000000+s-280, 8)
		}
	}
}

func (w *bitWriter) fixedDist(symbol uint64) { w.code(symbol, 5) }

// dynamic opens a final dynamic block in which the symbols have codes of the
// given lengths.
func (w *bitWriter) dynamic(litLens, dists map[int]int) {
	w.header(true, blockDynamic)
	w.put(maxLitLens-257, 5)
	w.put(maxDists-1, 5)
	w.put(uint64(len(codeLenOrder)-4), 4)
	for _, symbol := range codeLenOrder { // 0 to 15 are four bits each, which is complete
		w.put(map[bool]uint64{true: 4}[symbol < 16], 3)
	}
	for i := range maxLitLens {
		w.code(uint64(litLens[i]), 4)
	}
	for i := range maxDists {
		w.code(uint64(dists[i]), 4)
	}
}

// codeLen writes the code of a code length, in the code that has the given lengths
// (RFC 1951, section 3.2.2).
func (w *bitWriter) codeLen(lengths map[uint8]uint64, symbol uint8) {
	code := uint64(0)
	for n := uint64(1); n <= codeLenBits; n++ {
		code <<= 1
		for s := range uint8(len(codeLenOrder)) {
			if lengths[s] != n {
				continue
			}
			if s == symbol {
				w.code(code, uint(n))
				return
			}
			code++
		}
	}
}

// codeLens opens a final dynamic block of 257 literals and one distance, with a
// code for code lengths of the given lengths.
func (w *bitWriter) codeLens(lengths map[uint8]uint64) {
	w.header(true, blockDynamic)
	w.put(0, 5)
	w.put(0, 5)
	w.put(uint64(len(codeLenOrder)-4), 4)
	for _, symbol := range codeLenOrder {
		w.put(lengths[symbol], 3)
	}
}

// zlib returns the data as a zlib stream whose checksum is that of out.
func (w *bitWriter) zlib(out string) []byte {
	p := append([]byte{0x78, 0x9c}, w.p...)
	return binary.BigEndian.AppendUint32(p, stdadler.Checksum([]byte(out)))
}
