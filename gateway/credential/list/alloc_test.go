//go:build !race

package list_test

import (
	"fmt"
	"runtime"
	"testing"

	"passerelle/gateway/credential/list"
)

func TestFindDoesNotAllocate(t *testing.T) {
	s := built(
		t,
		put{code: "1234567890123456", entry: list.Entry{State: list.Listed, Zone: "Nord"}},
		put{"six", oneTime(6, false), secret},
		put{"eight", oneTime(8, true), secret},
	)
	for _, shown := range []string{"1234567890123456", "six", "six123456", "eight12345678", "not there", "not there 12345678", ""} {
		code := []byte(shown)
		if n := testing.AllocsPerRun(100, func() {
			if m, ok := s.Find(code); ok {
				_ = m.CheckOneTime(59, 59)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", shown, n)
		}
	}
}

// million returns the list of a million codes of 16 digits, with many dates and zones.
func million(t testing.TB) *list.Set {
	t.Helper()
	b := list.NewBuilder(&key)
	var code []byte
	for i := range 1_000_000 {
		code = fmt.Appendf(code[:0], "%016d", i*7919)
		e := list.Entry{State: list.Listed, Until: 1_800_000_000 + int64(i%3650)*86400, Zone: []string{"Nord", "Sud", "Est", "Ouest"}[i%4]}
		if err := b.Add(code, e, nil); err != nil {
			t.Fatal(err)
		}
	}
	s, err := b.Set()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAMillionCodesFitInMemory measures what a list takes that was made, and what one takes that was read.
func TestAMillionCodesFitInMemory(t *testing.T) {
	const most = 30 << 20
	used := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := used()
	s := million(t)
	made := used() - before
	file, err := s.AppendBinary(make([]byte, 0, 21<<20))
	if err != nil {
		t.Fatal(err)
	}
	runtime.KeepAlive(s)
	s = nil

	before = used() - int64(cap(file))
	var peak runtime.MemStats
	runtime.ReadMemStats(&peak)
	allocated := peak.TotalAlloc
	again, err := list.ParseSet(file, &key)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&peak)
	read := used() - before
	t.Logf("made %.1f MB, read %.1f MB, of which the file %.1f MB; reading allocated %.1f MB", mb(made), mb(read), mb(int64(len(file))), mb(int64(peak.TotalAlloc-allocated)))
	if made > most || read > most || peak.TotalAlloc-allocated > 2<<20 {
		t.Errorf("made %d bytes, read %d, at most %d; reading allocated %d", made, read, most, peak.TotalAlloc-allocated)
	}
	if m, ok := again.Find([]byte("0000000000007919")); !ok || m.Zone != "Sud" || again.Len() != 1_000_000 {
		t.Errorf("found %+v, %v among %d", m, ok, again.Len())
	}
}

func mb(n int64) float64 { return float64(n) / 1e6 }

func BenchmarkFindInAMillion(b *testing.B) {
	s := million(b)
	codes := make([][]byte, 4096) // spread over the whole list, so that most are not in the caches
	for i := range codes {
		codes[i] = fmt.Appendf(nil, "%016d", i*244*7919)
	}
	b.Run("found", func(b *testing.B) { findAll(b, s, codes, true) })
	for i := range codes {
		codes[i][0] = 'x'
	}
	b.Run("not there", func(b *testing.B) { findAll(b, s, codes, false) })
}

func findAll(b *testing.B, s *list.Set, codes [][]byte, want bool) {
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, ok := s.Find(codes[i%len(codes)]); ok != want {
			b.Fatal(i)
		}
		i++
	}
}

func BenchmarkParseSetOfAMillion(b *testing.B) {
	file, err := million(b).AppendBinary(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := list.ParseSet(file, &key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFindWithSuffix(b *testing.B) {
	s := built(b, put{"1234567890123456", oneTime(6, true), secret})
	code := []byte("1234567890123456123456")
	b.ReportAllocs()
	for b.Loop() {
		m, ok := s.Find(code)
		if !ok || m.CheckOneTime(1_800_000_000, 1_800_000_000) == list.Unsure {
			b.Fatal(ok)
		}
	}
}
