package list

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
)

var testKey = Key{4, 5, 6}

// sampleFile returns the file of a list with all that there is.
func sampleFile(t testing.TB) []byte {
	t.Helper()
	b := NewBuilder(&testKey)
	for i := range 40 {
		e := Entry{State: State(i % 3), From: int64(i % 5), Zone: []string{"", "Nord", "Sud"}[i%3], Uses: uint8(i % 2)}
		var secret []byte
		if i%4 == 0 {
			e.OneTime, e.Digits, e.SHA256, secret = true, uint8(6+i%8/2), i%3 == 0, bytes.Repeat([]byte{byte(i)}, 16+i%17)
		}
		if err := b.Add(fmt.Appendf(nil, "code%d", i), e, secret); err != nil {
			t.Fatal(err)
		}
	}
	s, err := b.Set()
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// seal puts the right check behind a file that was changed.
func seal(b []byte) []byte {
	checks := testKey.purpose(forChecks)
	sum := checks.long(b)
	return append(slices.Clip(b), sum[:]...)
}

func TestEveryDamageIsRefused(t *testing.T) {
	t.Parallel()
	good := sampleFile(t)
	if _, err := ParseSet(good, &testKey); err != nil {
		t.Fatal(err)
	}
	refused := func(name string, b []byte) {
		if s, err := ParseSet(b, &testKey); !errors.Is(err, ErrFile) || s != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1 << (i % 8)
		refused(fmt.Sprintf("byte %d", i), bad)
		refused(fmt.Sprintf("the first %d bytes", i), bytes.Clone(good[:i]))
	}
	refused("a byte more", append(bytes.Clone(good), 0))
	refused("twice", append(bytes.Clone(good), good...))
	refused("nothing", nil)
}

// TestAFileUnderTheRightKeyIsLookedAtAllTheSame changes files and puts the right check behind them.
func TestAFileUnderTheRightKeyIsLookedAtAllTheSame(t *testing.T) {
	t.Parallel()
	good := sampleFile(t)
	s, err := ParseSet(good, &testKey)
	if err != nil {
		t.Fatal(err)
	}
	body := good[:len(good)-checkBytes]
	count := func(i int, n uint32) func(b []byte) []byte {
		return func(b []byte) []byte { binary.BigEndian.PutUint32(b[len(magic)+4*i:], n); return b }
	}
	inGroup := func(at int, v byte) func(b []byte) []byte {
		return func(b []byte) []byte { b[s.groupsAt+at] = v; return b }
	}
	swap := func(b []byte) []byte {
		first, second := b[headerBytes:][:codeBytes], b[headerBytes+codeBytes:][:codeBytes]
		copied := bytes.Clone(first)
		copy(first, second)
		copy(second, copied)
		return b
	}
	secretsAt, zonesAt := s.secretsAt, s.zonesAt()
	insert := func(at, drop int, more ...byte) func(b []byte) []byte {
		return func(b []byte) []byte { return slices.Replace(b, at, at+drop, more...) }
	}
	both := func(one, two func(b []byte) []byte) func(b []byte) []byte {
		return func(b []byte) []byte { return two(one(b)) }
	}
	group := body[s.groupsAt:][:groupBytes]
	for name, edit := range map[string]func(b []byte) []byte{
		"a code more":                    count(0, 41),
		"a code fewer":                   count(0, 39),
		"more codes than may be":         count(0, MaxCodes+1),
		"as many codes as may be":        count(0, MaxCodes),
		"all the codes of 32 bits":       count(0, 1<<32-1),
		"a group more":                   count(1, uint32(s.groups)+1),
		"more groups than codes":         count(1, 41),
		"no group":                       count(1, 0),
		"a secret more":                  count(2, uint32(s.secrets)+1),
		"more secrets than codes":        count(2, 41),
		"no zone":                        count(3, 0),
		"a zone more":                    count(3, 4),
		"a zone fewer":                   count(3, 2),
		"more zones than may be":         count(3, MaxZones+1),
		"codes that are not sorted":      swap,
		"a code twice":                   func(b []byte) []byte { copy(b[headerBytes+codeBytes:], b[headerBytes:][:idBytes]); return b },
		"a code without group":           func(b []byte) []byte { b[headerBytes+idBytes] = 1; return b },
		"a group with a time too late":   inGroup(0, 1),
		"a group with a negative time":   inGroup(8, 0x80),
		"a group in no zone":             inGroup(16, 1),
		"a group in an unknown state":    inGroup(20, 3),
		"a group without uses":           inGroup(21, 0),
		"a suffix of seven digits":       inGroup(22, 7),
		"a secret that is too short":     inGroup(23, MinSecret-1),
		"a secret that is too long":      inGroup(23, MaxSecret+1),
		"a period that is too long":      inGroup(18, 0xff),
		"a secret of another code":       func(b []byte) []byte { b[secretsAt+3]++; return b },
		"a group that ends at its start": func(b []byte) []byte { b[s.groupsAt+7], b[s.groupsAt+15] = 2, 1; return b },
		"one group more than codes":      both(insert(secretsAt, 0, bytes.Repeat(group, 41-s.groups)...), count(1, 41)),
		"a secret without code":          both(insert(zonesAt, 0, make([]byte, secretBytes)...), count(2, uint32(s.secrets)+1)),
		"a first zone with a name":       insert(zonesAt, 1, 1, 'x'),
		"a later zone without a name":    insert(zonesAt+1, 1+len("Nord"), 0),
		"a zone beyond the end":          func(b []byte) []byte { b[zonesAt+1] = 200; return b },
		"a zone of 255 bytes":            func(b []byte) []byte { b[zonesAt+1] = 255; return append(b, make([]byte, 300)...) },
		"a zone that is no UTF-8":        func(b []byte) []byte { b[zonesAt+2] = 0xff; return b },
		"a byte behind the zones":        func(b []byte) []byte { return append(b, 0) },
	} {
		if _, err := ParseSet(seal(edit(bytes.Clone(body))), &testKey); !errors.Is(err, ErrFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseSet(seal(bytes.Clone(body)), &testKey); err != nil {
		t.Errorf("unchanged: %v", err)
	}
}

func TestASetIsItsFile(t *testing.T) {
	t.Parallel()
	file := sampleFile(t)
	s, err := ParseSet(file, &testKey)
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.AppendBinary(nil)
	if err != nil || !bytes.Equal(file, again) {
		t.Errorf("%d bytes became %d, %v", len(file), len(again), err)
	}
	if &s.file[0] != &file[0] {
		t.Error("the bytes were copied: a large list would be twice in memory")
	}
}

// TestHMACIsThatOfTheStandardLibrary compares messages of every length that a code may have.
func TestHMACIsThatOfTheStandardLibrary(t *testing.T) {
	t.Parallel()
	m := newMAC((*[32]byte)(&testKey))
	message := make([]byte, MaxCode)
	for n := range MaxCode + 1 {
		h := hmac.New(sha256.New, testKey[:])
		h.Write(message[:n])
		want := h.Sum(nil)
		if got := m.sum(message[:n]); !bytes.Equal(got[:], want) {
			t.Fatalf("%d bytes: %x, want %x", n, got, want)
		}
		if got := m.long(message[:n]); !bytes.Equal(got[:], want) {
			t.Fatalf("%d bytes by long: %x, want %x", n, got, want)
		}
		if n < MaxCode {
			message[n] = byte(n * 7)
		}
	}
}

func TestMoreCodesThanMayBeAreRefused(t *testing.T) {
	t.Parallel()
	b := NewBuilder(&testKey)
	b.codes = make([]listed, MaxCodes-1) // as if so many had been added
	if err := b.Add([]byte("the last"), Entry{}, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.Add([]byte("one more"), Entry{}, nil); err != ErrMany {
		t.Errorf("one more than may be: %v", err)
	}
}

// TestAFileHasAtMostSoManyCodes makes files of nothing but numbers as ids.
func TestAFileHasAtMostSoManyCodes(t *testing.T) {
	g, err := newGroup(&Entry{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{MaxCodes, MaxCodes + 1} {
		b := append(make([]byte, 0, headerBytes+n*codeBytes+groupBytes+1+checkBytes), magic...)
		for _, size := range []int{n, 1, 0, 1} {
			b = binary.BigEndian.AppendUint32(b, uint32(size))
		}
		for i := range n {
			b = binary.BigEndian.AppendUint64(b, uint64(i)<<32)
			b = append(b, make([]byte, codeBytes-8)...)
		}
		s, err := ParseSet(seal(append(g.append(b), 0)), &testKey)
		if n == MaxCodes && (err != nil || s.Len() != n) || n > MaxCodes && !errors.Is(err, ErrFile) {
			t.Errorf("%d codes: %v", n, err)
		}
	}
}

func FuzzParseSet(f *testing.F) {
	whole := sampleFile(f)
	f.Add(whole[:len(whole)-checkBytes])
	empty, err := NewBuilder(&testKey).Set()
	if err != nil {
		f.Fatal(err)
	}
	b, err := empty.AppendBinary(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[:len(b)-checkBytes])
	f.Fuzz(func(t *testing.T, body []byte) {
		if s, err := ParseSet(body, &testKey); err == nil {
			t.Fatalf("a file of %d codes without check is accepted", s.Len())
		}
		sealed := seal(body)
		s, err := ParseSet(sealed, &testKey)
		if err != nil {
			if !errors.Is(err, ErrFile) {
				t.Fatal(err)
			}
			return
		}
		found := 0
		for i := range 41 {
			for _, suffix := range []string{"", "123456", "12345678"} {
				if m, ok := s.Find(fmt.Appendf(nil, "code%d%s", i, suffix)); ok {
					found++
					_ = m.CheckOneTime(59, 59)
				}
			}
		}
		if found > 0 && s.Len() == 0 {
			t.Fatal("codes are found on an empty list")
		}
		for i := range s.codes {
			if at, ok := s.search(s.id(i)); !ok || at != i {
				t.Fatalf("entry %d is found at %d, %v", i, at, ok)
			}
		}
		if again, err := s.AppendBinary(nil); err != nil || !bytes.Equal(again, sealed) {
			t.Fatalf("the file differs, %v", err)
		}
	})
}
