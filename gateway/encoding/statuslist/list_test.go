package statuslist

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// packed returns n bytes of v as a zlib stream.
func packed(t testing.TB, v byte, n int) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	if _, err := z.Write(bytes.Repeat([]byte{v}, n)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The two lists that the draft draws, sections 4.1 and 4.2.
func TestTheDraftsListsAreReadAndWritten(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		bits     int
		lst      string
		statuses []uint8
	}{
		{1, "78dadbb918000217015d", []uint8{1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1}},
		{2, "78da3be9f2130003df0207", []uint8{1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3}},
	} {
		read, err := Decompress(tt.bits, unhex(t, tt.lst))
		if err != nil {
			t.Fatal(err)
		}
		written, err := New(tt.bits, len(tt.statuses))
		if err != nil {
			t.Fatal(err)
		}
		if read.Bits() != tt.bits || read.Len() != uint64(len(tt.statuses)) || written.Len() != read.Len() {
			t.Errorf("%d bits: read %d of %d bits, written %d, want %d", tt.bits, read.Len(), read.Bits(), written.Len(), len(tt.statuses))
		}
		for i, want := range tt.statuses {
			if got, ok := read.At(uint64(i)); got != want || !ok {
				t.Errorf("%d bits: status %d is %d, %v, want %d", tt.bits, i, got, ok, want)
			}
			if err := written.Set(uint64(i), want); err != nil {
				t.Error(err)
			}
		}
		if !bytes.Equal(written.data, read.data) {
			t.Errorf("%d bits: written %x, want %x", tt.bits, written.data, read.data)
		}
	}
}

func TestWhatIsSetIsFoundAfterCompression(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.SampledFrom([]int{1, 2, 4, 8}).Draw(t, "bits")
		n := rapid.IntRange(0, 300).Draw(t, "n")
		list, err := New(bits, n)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]uint8, list.Len())
		for range rapid.IntRange(0, 50).Draw(t, "changes") {
			if n == 0 {
				break
			}
			i := rapid.IntRange(0, n-1).Draw(t, "index")
			want[i] = uint8(rapid.IntRange(0, 1<<bits-1).Draw(t, "status"))
			if err := list.Set(uint64(i), want[i]); err != nil {
				t.Fatal(err)
			}
		}
		lst, err := list.Compress()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decompress(bits, lst)
		if err != nil {
			t.Fatal(err)
		}
		if again.Len() != list.Len() || int(again.Len()) < n || int(again.Len()) >= n+8/bits {
			t.Fatalf("%d statuses of %d, %d before", again.Len(), n, list.Len())
		}
		for i, w := range want {
			if got, ok := again.At(uint64(i)); got != w || !ok {
				t.Fatalf("status %d is %d, %v, want %d", i, got, ok, w)
			}
		}
	})
}

func TestThereIsNoStatusOutsideTheList(t *testing.T) {
	t.Parallel()
	list, err := New(2, 8)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		list  *List
		index uint64
		ok    bool
	}{
		{list, 0, true},
		{list, 7, true},
		{list, 8, false},
		{list, 1 << 63, false},
		{list, 1<<64 - 1, false},
		{new(List), 0, false},
	} {
		if status, ok := tt.list.At(tt.index); status != 0 || ok != tt.ok {
			t.Errorf("At(%d) of %d = %d, %v, want 0, %v", tt.index, tt.list.Len(), status, ok, tt.ok)
		}
		if err := tt.list.Set(tt.index, 0); errors.Is(err, ErrIndex) == tt.ok || (err == nil) != tt.ok {
			t.Errorf("Set(%d) of %d: %v", tt.index, tt.list.Len(), err)
		}
	}
	if err := list.Set(3, 4); !errors.Is(err, ErrBits) {
		t.Errorf("a status of three bits: %v", err)
	}
	if status, _ := list.At(3); status != Valid {
		t.Errorf("a refused status was set: %d", status)
	}
}

func TestOnlyListsOfTheDraftsSizesAreMade(t *testing.T) {
	t.Parallel()
	for _, bits := range []int{-1, 0, 3, 5, 6, 7, 9, 16} {
		if l, err := New(bits, 8); l != nil || !errors.Is(err, ErrBits) {
			t.Errorf("New of %d bits: %v, %v", bits, l, err)
		}
		if l, err := Decompress(bits, packed(t, 0, 1)); l != nil || !errors.Is(err, ErrBits) {
			t.Errorf("Decompress of %d bits: %v, %v", bits, l, err)
		}
	}
	for _, bits := range []int{1, 2, 4, 8} {
		most := MaxList * 8 / bits
		l, err := New(bits, most)
		if err != nil || l.Len() != uint64(most) {
			t.Fatalf("New(%d, %d): %v", bits, most, err)
		}
		for _, n := range []int{-1, most + 1} {
			if l, err := New(bits, n); l != nil || !errors.Is(err, ErrTooLarge) {
				t.Errorf("New(%d, %d): %v", bits, n, err)
			}
		}
	}
}

func TestAListIsExpandedUpToItsLimit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		n    int
		want error
	}{{0, nil}, {1, nil}, {MaxList, nil}, {MaxList + 1, ErrTooLarge}, {2 * MaxList, ErrTooLarge}} {
		l, err := Decompress(8, packed(t, 7, tt.n))
		if !errors.Is(err, tt.want) || (l == nil) != (tt.want != nil) {
			t.Fatalf("%d bytes: %v, want %v", tt.n, err, tt.want)
		}
		if l != nil && l.Len() != uint64(tt.n) {
			t.Errorf("%d statuses, want %d", l.Len(), tt.n)
		}
	}
}

func TestADamagedStreamIsRefused(t *testing.T) {
	t.Parallel()
	good := packed(t, 5, 1000)
	for n := range good {
		if _, err := Decompress(1, good[:n]); !errors.Is(err, ErrMalformed) {
			t.Errorf("the first %d of %d bytes: %v", n, len(good), err)
		}
	}
	for name, lst := range map[string][]byte{
		"a byte too many":  append(bytes.Clone(good), 0),
		"two streams":      append(bytes.Clone(good), good...),
		"another checksum": append(bytes.Clone(good[:len(good)-1]), good[len(good)-1]^1),
		"no zlib header":   good[2:],
		"a dictionary":     {0x78, 0xbb, 0, 0, 0, 1, 3, 0},
	} {
		if l, err := Decompress(1, lst); l != nil || !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The checksum counts at the limit, too.
	most := packed(t, 5, MaxList)
	most[len(most)-1] ^= 1
	if _, err := Decompress(1, most); !errors.Is(err, ErrMalformed) {
		t.Errorf("another checksum behind MaxList bytes: %v", err)
	}
}

func FuzzDecompress(f *testing.F) {
	f.Add(1, unhex(f, "78dadbb918000217015d"))
	f.Add(2, unhex(f, "78da3be9f2130003df0207"))
	f.Add(8, packed(f, 3, 100))
	f.Add(3, []byte{0x78, 0x9c})
	f.Fuzz(func(t *testing.T, bits int, lst []byte) {
		l, err := Decompress(bits, lst)
		if err != nil {
			if l != nil || !errors.Is(err, ErrMalformed) {
				t.Fatalf("%v, %v", l, err)
			}
			return
		}
		again, err := l.Compress()
		if err != nil {
			t.Fatal(err)
		}
		other, err := Decompress(bits, again)
		if err != nil || !bytes.Equal(other.data, l.data) {
			t.Fatalf("written and read again: %v", err)
		}
		if _, ok := l.At(l.Len()); ok {
			t.Fatal("a status behind the last one")
		}
	})
}
