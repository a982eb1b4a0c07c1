package report

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func parkable(n int, bodyBytes int) parkedEntry {
	e := parkedEntry{
		Parked: Parked{
			Journal: testJournal, Sequence: uint64(n), Status: 400, Reason: "status 400 no", At: time.Unix(1_800_000_000, 0).UTC(),
		},
		// White space and <> must come back as they are.
		Body: fmt.Appendf(nil, `{"a": "<%0*d>"}`, max(bodyBytes-11, 1), n),
	}
	e.Hash[0], e.Previous[31] = byte(n), byte(n+1)
	return e
}

func openTestParking(t *testing.T, path string, want uint64) (*parking, string) {
	t.Helper()
	p, damage, err := openParking(path, want)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	return p, damage
}

func TestParkedEntriesComeBackByteForByte(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "parked")
	p, damage := openTestParking(t, path, 0)
	if damage != "" || len(p.entries) != 0 {
		t.Fatalf("a folder without a file: %q, %d entries", damage, len(p.entries))
	}
	for i := range 5 {
		for range 2 { // parking twice is parking once
			if err := p.add(parkable(i+1, 30)); err != nil {
				t.Fatal(err)
			}
		}
	}
	again, damage := openTestParking(t, path, 5)
	if diff := cmp.Diff(p.entries, again.entries); diff != "" || damage != "" {
		t.Errorf("damage %q (-parked +read):\n%s", damage, diff)
	}
	if err := again.rewrite(again.entries[2:3]); err != nil {
		t.Fatal(err)
	}
	if err := again.add(parkable(9, 30)); err != nil {
		t.Fatal(err)
	}
	third, damage := openTestParking(t, path, 2)
	if damage != "" || len(third.entries) != 2 || third.entries[0].Sequence != 3 || third.entries[1].Sequence != 9 {
		t.Errorf("after a rewrite: %q, %v", damage, third.entries)
	}
}

func TestHalfALineIsNeverSilentlyLost(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "parked")
	p, _ := openTestParking(t, path, 0)
	for i := range 3 {
		if err := p.add(parkable(i+1, 30)); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lastLine := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for cut := lastLine; cut < len(whole); cut += 1 + (len(whole)-lastLine)/20 {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		// The third was being written: the cursor counts two.
		q, damage := openTestParking(t, path, 2)
		if damage != "" || len(q.entries) != 2 {
			t.Fatalf("cut at %d: %q, %d entries", cut, damage, len(q.entries))
		}
		if err := q.add(parkable(4, 30)); err != nil {
			t.Fatal(err)
		}
		if r, damage := openTestParking(t, path, 3); damage != "" || len(r.entries) != 3 {
			t.Fatalf("cut at %d, then one parked: %q, %d entries", cut, damage, len(r.entries))
		}
	}
}

// A damaged byte is noticed wherever it is, and what can still be read is kept.
func TestDamagedParkingIsNoticed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "parked")
	p, _ := openTestParking(t, path, 0)
	for i := range 3 {
		if err := p.add(parkable(i+1, 30)); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(whole); i += 5 {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 1 << (i % 8)
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		q, damage := openTestParking(t, path, 3)
		if damage == "" || len(q.entries) < 1 {
			t.Fatalf("byte %d: damage %q, %d entries", i, damage, len(q.entries))
		}
		if kept, err := os.ReadFile(path + ".damaged-1"); err != nil || !bytes.Equal(kept, damaged) {
			t.Fatalf("byte %d: the damaged file is not kept: %v", i, err)
		}
		if err := os.Remove(path + ".damaged-1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, damage := openTestParking(t, path, 3); damage == "" {
		t.Error("a deleted file is not noticed")
	}
}

func TestParkingIsBounded(t *testing.T) {
	t.Parallel()
	p, _ := openTestParking(t, filepath.Join(t.TempDir(), "parked"), 0)
	large := parkable(1, MaxEntryBytes)
	parked := 0
	for ; ; parked++ {
		large.Sequence++
		if err := p.add(large); errors.Is(err, errParkingFull) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if p.size > maxParkedBytes || p.size < maxParkedBytes-2*MaxEntryBytes {
		t.Errorf("full at %d bytes, limit %d", p.size, maxParkedBytes)
	}
	if len(p.entries) != parked {
		t.Errorf("%d entries, want %d", len(p.entries), parked)
	}

	q, _ := openTestParking(t, filepath.Join(t.TempDir(), "parked"), 0)
	many := make([]parkedEntry, MaxParked-1)
	for i := range many {
		many[i] = parkable(i+1, 20)
	}
	if err := q.rewrite(many); err != nil {
		t.Fatal(err)
	}
	if err := q.add(parkable(MaxParked, 20)); err != nil {
		t.Errorf("entry %d: %v", MaxParked, err)
	}
	if err := q.add(parkable(MaxParked+1, 20)); !errors.Is(err, errParkingFull) {
		t.Errorf("entry %d: %v, want %v", MaxParked+1, err, errParkingFull)
	}
}
