package workload

import (
	"bytes"
	"compress/zlib"
	"io"
	"math/rand/v2"
	"testing"
)

func unpack(t *testing.T, packed []byte) []byte {
	t.Helper()
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	msg, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestPackedMessagesUnpack(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	messages := [][]byte{nil, {0}, []byte("aaa"), []byte("abcabcabcabc"), bytes.Repeat([]byte{7}, 1000), bytes.Repeat([]byte("0123456789"), 1600), make([]byte, maxPacked)}
	for range 200 {
		msg := make([]byte, random.IntN(900))
		letters := 1 + random.IntN(256)
		for i := range msg {
			msg[i] = byte(random.IntN(letters))
		}
		messages = append(messages, msg)
	}
	for _, msg := range messages {
		for _, kind := range []block{stored, fixed, dynamic} {
			packed, err := pack(msg, [2]byte{0x78, 0xda}, kind)
			if err != nil {
				t.Fatal(err)
			}
			if got := block(packed[2] >> 1 & 3); got != kind {
				t.Errorf("%d bytes: %v, want %v", len(msg), got, kind)
			}
			if !bytes.Equal(unpack(t, packed), msg) {
				t.Errorf("%d bytes, %v: another message came out", len(msg), kind)
			}
		}
	}
}

func TestPackRefusesWhatIsTooLongOrNoBlock(t *testing.T) {
	t.Parallel()
	if _, err := pack(make([]byte, maxPacked+1), [2]byte{0x78, 0xda}, fixed); err == nil {
		t.Error("a message that is too long was packed")
	}
	if _, err := pack(nil, [2]byte{0x78, 0xda}, 3); err == nil {
		t.Error("block type 3 was packed")
	}
}

// TestDeepCodesAreFlattened gives frequencies whose optimal code exceeds the limit.
func TestDeepCodesAreFlattened(t *testing.T) {
	t.Parallel()
	frequencies := []int{1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89}
	lengths := huffman(frequencies, maxHeadCode)
	space := 0
	for _, n := range lengths {
		if n < 1 || n > maxHeadCode {
			t.Fatalf("lengths %v, want 1 to %d", lengths, maxHeadCode)
		}
		space += 1 << (maxHeadCode - n)
	}
	if space != 1<<maxHeadCode {
		t.Errorf("lengths %v are no complete code", lengths)
	}
}

// TestCorpusIsPackedAsItsIssuersDid packs the issuers' own messages: the blocks must be theirs, or as long as theirs.
func TestCorpusIsPackedAsItsIssuersDid(t *testing.T) {
	t.Parallel()
	templates := corpus(t)
	same, rows, length, original := make(map[block]int), make(map[block]int), 0, 0
	for _, x := range templates {
		packed, err := pack(x.message, x.header, x.kind)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(unpack(t, packed), x.message) {
			t.Errorf("%s: another message came out", x.source)
		}
		rows[x.kind]++
		if bytes.Equal(packed, x.packed) {
			same[x.kind]++
		}
		length += len(packed)
		original += len(x.packed)
	}
	t.Logf("rows %v, the same to the last bit %v, %d bytes for %d", rows, same, length, original)
	if same[fixed]*10 < rows[fixed]*9 || same[stored] != rows[stored] {
		t.Errorf("the same to the last bit: %v of %v", same, rows)
	}
	if length*1000 > original*1005 || length*1005 < original*1000 {
		t.Errorf("%d bytes, issuers' %d", length, original)
	}
}
