package cache

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"passerelle/gateway/trust"
)

// One bit is flipped in many places of every file. The list in force must be the right one each time, or its loss must
// be said; damaged pinned roots must be refused.
func TestFlippedBitNeverMakesAWrongList(t *testing.T) {
	t.Parallel()
	whole := newBox(t, 40, 3)
	alone := newBox(t, 40, 3) // the file is gone: Badger is all there is
	remove(t, alone.path("list.bundle"))
	cut := newBox(t, 40, 3) // the same, and Badger was cut off while it was open
	cutOff(t, cut)
	tests := []struct {
		name   string
		box    *box
		files  string // below the folder
		places int    // in each file
		either bool   // the list may be lost, if that is said
	}{
		{"both places: top", whole, "*", 30, false},
		{"both places: store", whole, "store/*", 12, false},
		{"Badger alone", alone, "store/*", 25, true},
		{"Badger cut off", cut, "store/*", 12, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			work := filepath.Join(t.TempDir(), "copy")
			copyDir(t, tt.box.dir, work)
			right, _, err := loaded(t, work, Options{})
			if err != nil {
				t.Fatalf("before any flip: %v", err)
			}
			files, err := filepath.Glob(tt.box.path(tt.files))
			if err != nil {
				t.Fatal(err)
			}
			outcomes := make(map[string]int)
			for _, path := range files {
				rel, err := filepath.Rel(tt.box.dir, path)
				if err != nil {
					t.Fatal(err)
				}
				for bit, offset := range places(t, path, tt.places) {
					copyDir(t, tt.box.dir, work)
					data := mustRead(t, filepath.Join(work, rel))
					data[offset] ^= 1 << (bit % 8)
					overwrite(t, filepath.Join(work, rel), data)
					outcome := flipped(t, work, right)
					if outcome == "wrong" || outcome == "lost" && !tt.either || outcome == "refused" && rel != "roots.toml" {
						t.Errorf("%s, byte %d, bit %d: %s", rel, offset, bit%8, outcome)
					}
					outcomes[outcome]++
					outcomes["flips"]++
				}
			}
			if outcomes["flips"] < 25 {
				t.Errorf("only %d flips", outcomes["flips"])
			}
			t.Logf("%v", outcomes)
		})
	}
}

// places returns about n offsets of bytes that are not zero: zeros are room that was set aside.
func places(t *testing.T, path string, n int) []int {
	t.Helper()
	if filepath.Base(path) == "store" {
		return nil // a folder
	}
	var used []int
	for i, b := range mustRead(t, path) {
		if b != 0 {
			used = append(used, i)
		}
	}
	var some []int
	for i := 0; i < len(used); i += max(1, len(used)/n) {
		some = append(some, used[i])
	}
	return some
}

// cutOff makes the store one that was copied while Badger had it open: what was written is in its log alone.
func cutOff(t *testing.T, b *box) {
	t.Helper()
	c := open(t, b.dir, Options{})
	l, err := c.parse(b.file(t, 3))
	closeCache(t, c)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "store")
	db, err := badger.Open(storeOptions(dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := writeChunks(db, l); err != nil {
		t.Fatal(err)
	}
	copyDir(t, dir, b.path("store"))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	remove(t, b.path("list.bundle"), b.path("store", "LOCK"))
}

// flipped opens a folder and tells how it went.
func flipped(t *testing.T, dir string, right *trust.Snapshot) string {
	t.Helper()
	c, err := Open(dir, Options{})
	if err != nil {
		return "refused"
	}
	defer closeCache(t, c)
	s, info, err := c.Load()
	switch {
	case err != nil && !errors.Is(err, ErrLost):
		t.Errorf("an error that is not %v: %v", ErrLost, err)
		return "lost"
	case err != nil:
		return "lost"
	case s.Digest() != right.Digest() || s.Len() != right.Len() || s.Version() != right.Version() || info.Known != right.Version():
		return "wrong"
	case len(info.Notes) > 0:
		return "healed"
	}
	return "harmless"
}
