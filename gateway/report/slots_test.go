package report

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func saveAll(t *testing.T, path string, values ...string) {
	t.Helper()
	s, _, err := openSlots(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for _, v := range values {
		if err := s.save([]byte(v)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSlotsReturnTheLastValueSaved(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "slots")
	var values []string
	for i := range 5 {
		saveAll(t, path, values...)
		s, got, err := openSlots(path)
		if err != nil {
			t.Fatal(err)
		}
		s.close()
		if want := strings.Join(values[max(len(values)-1, 0):], ""); string(got) != want {
			t.Errorf("after %d values: %q, want %q", i, got, want)
		}
		values = append(values, strings.Repeat("v", i+1))
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 2*slotSize {
		t.Errorf("file has %d bytes, want %d: a value must not need new space", info.Size(), 2*slotSize)
	}
}

func TestSlotsLimitValues(t *testing.T) {
	t.Parallel()
	s, _, err := openSlots(filepath.Join(t.TempDir(), "slots"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for n, ok := range map[int]bool{0: false, 1: true, slotRoom: true, slotRoom + 1: false} {
		if err := s.save(make([]byte, n)); (err == nil) != ok {
			t.Errorf("a value of %d bytes: %v, want ok %v", n, err, ok)
		}
	}
}

// stride visits every byte that a slot uses and some of those behind.
func stride(at int) int {
	if at%slotSize < slotHeader+8 {
		return 1
	}
	return 101
}

// A write that is cut short anywhere leaves the value before it.
func TestTornSlotLeavesTheValueBefore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "slots")
	saveAll(t, path, "first")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	saveAll(t, path, "second")
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut <= len(after); cut += stride(cut) {
		torn := append(bytes.Clone(after[:cut]), before[cut:]...)
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		s, got, err := openSlots(path)
		if err != nil {
			t.Fatalf("cut after %d bytes: %v", cut, err)
		}
		s.close()
		if string(got) != "first" && string(got) != "second" {
			t.Fatalf("cut after %d bytes: %q", cut, got)
		}
	}
}

// One damaged byte gives the value before, never another; damage of both slots, and a file of another length, are noticed.
func TestDamagedSlotsAreNoticed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "slots")
	saveAll(t, path, "first", "second")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	open := func(data []byte) (string, error) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, got, err := openSlots(path)
		if err == nil {
			s.close()
		}
		return string(got), err
	}
	for i := 0; i < len(whole); i += stride(i) {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 1 << (i % 8)
		if got, err := open(damaged); err != nil || got != "first" && got != "second" {
			t.Fatalf("byte %d: %q, %v", i, got, err)
		}
	}
	both := bytes.Clone(whole)
	both[slotHeader] ^= 1
	both[slotSize+slotHeader] ^= 1
	for name, data := range map[string][]byte{
		"both slots": both, "cut off": whole[:slotSize], "empty": {}, "longer": append(bytes.Clone(whole), 0),
	} {
		if got, err := open(data); !errors.Is(err, errSlots) {
			t.Errorf("%s: %q, %v; want %v", name, got, err, errSlots)
		}
	}
}

func TestDamagedFilesAreKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "slots")
	for i, want := range []string{"slots.damaged-1", "slots.damaged-2"} {
		if err := os.WriteFile(path, []byte{byte(i)}, 0o600); err != nil {
			t.Fatal(err)
		}
		name, err := setAside(path)
		if err != nil || filepath.Base(name) != want {
			t.Errorf("setAside = %s, %v; want %s", name, err, want)
		}
		if kept, err := os.ReadFile(name); err != nil || kept[0] != byte(i) {
			t.Errorf("%s holds %v, %v", want, kept, err)
		}
	}
}
