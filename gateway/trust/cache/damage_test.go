package cache

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"passerelle/gateway/trust/bundle"
)

func remove(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
}

func overwrite(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// storeFiles returns the files of the store with that ending.
func storeFiles(t *testing.T, b *box, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(b.path("store", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s in the store: %v", pattern, err)
	}
	return files
}

func TestEitherPlaceHealsTheOther(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		damage func(t *testing.T, b *box)
		says   string
		kept   string // what is kept aside
	}{
		{"the file deleted", func(t *testing.T, b *box) { remove(t, b.path("list.bundle")) }, "list.bundle was missing", ""},
		{"the file emptied", func(t *testing.T, b *box) { overwrite(t, b.path("list.bundle"), nil) }, "list.bundle was of no use", "list.bundle.damaged-1"},
		{"the file of another", func(t *testing.T, b *box) { overwrite(t, b.path("list.bundle"), []byte("hello")) }, "list.bundle was of no use", "list.bundle.damaged-1"},
		{"the file a folder", func(t *testing.T, b *box) {
			remove(t, b.path("list.bundle"))
			if err := os.Mkdir(b.path("list.bundle"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, "list.bundle was of no use", "list.bundle.damaged-1"},
		{"the file older", func(t *testing.T, b *box) { overwrite(t, b.path("list.bundle"), b.file(t, 4)) }, "list.bundle had version 4", ""},
		{"the store deleted", func(t *testing.T, b *box) { remove(t, b.path("store")) }, "store was missing", ""},
		{"the store empty", func(t *testing.T, b *box) {
			remove(t, b.path("store"))
			if err := os.Mkdir(b.path("store"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, "store was of no use", "store.damaged-1"},
		{"the store a file", func(t *testing.T, b *box) {
			remove(t, b.path("store"))
			overwrite(t, b.path("store"), []byte("hello"))
		}, "store was of no use", "store.damaged-1"},
		{"the store's manifest deleted", func(t *testing.T, b *box) { remove(t, b.path("store", "MANIFEST")) }, "store was of no use", "store.damaged-1"},
		{"the store's manifest emptied", func(t *testing.T, b *box) { overwrite(t, b.path("store", "MANIFEST"), nil) }, "store was of no use", "store.damaged-1"},
		{"the store's tables deleted", func(t *testing.T, b *box) { remove(t, storeFiles(t, b, "*.sst")...) }, "store was of no use", "store.damaged-1"},
		{"the store's tables emptied", func(t *testing.T, b *box) {
			for _, path := range storeFiles(t, b, "*.sst") {
				overwrite(t, path, nil)
			}
		}, "store was of no use", "store.damaged-1"},
		{"the store older", func(t *testing.T, b *box) {
			remove(t, b.path("store"))
			old := newBox(t, 1)
			overwrite(t, old.path("roots.toml"), mustRead(t, b.path("roots.toml")))
			c := open(t, old.dir, Options{})
			take(t, c, b.file(t, 4))
			closeCache(t, c)
			copyDir(t, old.path("store"), b.path("store"))
		}, "store had version 4", ""},
		{"died while Badger was open", func(t *testing.T, b *box) { overwrite(t, b.path("opening"), nil) }, "the last process died", "store.damaged-1"},
		{"died while Badger was open, and no file", func(t *testing.T, b *box) {
			overwrite(t, b.path("opening"), nil)
			remove(t, b.path("list.bundle"))
		}, "list.bundle was missing", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, 3, 5)
			tt.damage(t, b)
			snap, info, err := loaded(t, b.dir, Options{})
			if err != nil || snap.Version() != 5 || snap.Len() != 3 {
				t.Fatalf("Load: %v", err)
			}
			if len(info.Notes) != 1 || !strings.Contains(info.Notes[0], tt.says) || !strings.Contains(info.Notes[0], "written again, version 5") {
				t.Errorf("notes %q, want that %s", info.Notes, tt.says)
			}
			if tt.kept != "" != b.has(t, "list.bundle.damaged-1") && tt.kept != "" != b.has(t, "store.damaged-1") || tt.kept != "" && !b.has(t, tt.kept) {
				t.Errorf("the folder holds %v, want %q kept", b.entries(t), tt.kept)
			}
			if b.has(t, "opening") {
				t.Error("the marker is still there")
			}
			if _, info, err := loaded(t, b.dir, Options{}); err != nil || len(info.Notes) != 0 {
				t.Errorf("after healing: %v, notes %q", err, info.Notes)
			}
		})
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestBothPlacesGoneIsSaidAndCanBeTakenAgain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		damage func(t *testing.T, b *box)
		says   string
		known  bool // the version is still remembered
	}{
		{"both deleted", func(t *testing.T, b *box) { remove(t, b.path("list.bundle"), b.path("store")) }, "not there", true},
		{"both damaged", func(t *testing.T, b *box) {
			overwrite(t, b.path("list.bundle"), []byte("hello"))
			remove(t, b.path("store", "MANIFEST"))
		}, "damaged", true},
		{"the version too", func(t *testing.T, b *box) {
			remove(t, b.path("list.bundle"), b.path("store", "MANIFEST"), b.path("version"))
		}, "damaged", false},
		{"both, and the version damaged", func(t *testing.T, b *box) {
			remove(t, b.path("list.bundle"), b.path("store"))
			overwrite(t, b.path("version"), []byte("99999999 00 00\n"))
		}, "not there", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, 3, 5)
			tt.damage(t, b)
			c := open(t, b.dir, Options{})
			snap, _, err := c.Load()
			if snap != nil || !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Load = %v, %v, want %v and %q", snap, err, ErrLost, tt.says)
			}
			if _, _, err := c.Take(b.file(t, 4), now); errors.Is(err, bundle.ErrOld) != tt.known {
				t.Errorf("an older list: %v, want refused: %t", err, tt.known)
			}
			if snap, info := take(t, c, b.file(t, 5)); snap.Version() != 5 || len(info.Notes) != 0 {
				t.Errorf("the lost list again: version %d, notes %q", snap.Version(), info.Notes)
			}
			closeCache(t, c)
			if _, info, err := loaded(t, b.dir, Options{}); err != nil || info.Version != 5 || len(info.Notes) != 0 {
				t.Errorf("restarted: %v, notes %q", err, info.Notes)
			}
		})
	}
}

func TestVersionThatBadgerRemembersHolds(t *testing.T) {
	t.Parallel()
	b := newBox(t, 3, 6)
	overwrite(t, b.path("list.bundle"), b.file(t, 4)) // an old card's file and version
	remove(t, b.path("version"))
	if s, _, err := loaded(t, b.dir, Options{}); err != nil || s.Version() != 6 {
		t.Fatalf("the newer list in Badger: %v", err)
	}
	overwrite(t, b.path("list.bundle"), b.file(t, 4))
	overwrite(t, b.path("version"), nil)
	remove(t, b.path("store"))
	s, info, err := loaded(t, b.dir, Options{Floor: 6})
	if err != nil || s.Version() != 4 || info.Known != 6 {
		t.Errorf("an old file alone: %+v, %v", info, err)
	}
}

func TestDamagedPinnedRootsAreAnError(t *testing.T) {
	t.Parallel()
	b := newBox(t, 1, 1)
	good := mustRead(t, b.path("roots.toml"))
	for _, text := range []string{"", "threshold = 1\n", strings.Replace(string(good), "threshold = 2", "threshold = 1", 1)} {
		overwrite(t, b.path("roots.toml"), []byte(text))
		if _, err := Open(b.dir, Options{Roots: b.roots}); !errors.Is(err, bundle.ErrRoots) {
			t.Errorf("roots.toml %.30q: %v, want %v", text, err, bundle.ErrRoots)
		}
	}
	overwrite(t, b.path("roots.toml"), good)
	if _, _, err := loaded(t, b.dir, Options{}); err != nil {
		t.Errorf("restored: %v", err)
	}
}

func TestOnlyTheNewestDamagedCopiesAreKept(t *testing.T) {
	t.Parallel()
	b := newBox(t, 1, 1)
	for i := range MaxKept + 2 {
		overwrite(t, b.path("list.bundle"), []byte{byte(i)})
		if _, _, err := loaded(t, b.dir, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	var kept []string
	for _, name := range b.entries(t) {
		if strings.Contains(name, ".damaged-") {
			kept = append(kept, name)
		}
	}
	if len(kept) != MaxKept || b.has(t, "list.bundle.damaged-2") || string(mustRead(t, b.path("list.bundle.damaged-6"))) != "\x05" {
		t.Errorf("kept %v", kept)
	}
}

// A nearly full disk: the list is loaded from the file, Badger is not opened, nothing is taken.
func TestFullDiskStopsTakingNotLoading(t *testing.T) {
	t.Parallel()
	b := newBox(t, 3, 1)
	small := t.TempDir()
	if err := unix.Mount("tmpfs", small, "tmpfs", 0, "size=40m"); err != nil {
		t.Skipf("needs the right to mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(small, 0); err != nil {
			t.Error(err)
		}
	})
	dir := filepath.Join(small, "cache")
	copyDir(t, b.dir, dir)
	c := open(t, dir, Options{})
	defer closeCache(t, c)
	s, info, err := c.Load()
	if err != nil || s.Version() != 1 || len(info.Notes) != 1 || !strings.Contains(info.Notes[0], "not enough room") {
		t.Fatalf("Load: notes %q, %v", info.Notes, err)
	}
	if _, _, err := c.Take(b.file(t, 2), now); !errors.Is(err, ErrSpace) {
		t.Errorf("Take = %v, want %v", err, ErrSpace)
	}
	if s, _, err := c.Load(); err != nil || s.Version() != 1 {
		t.Errorf("then Load: %v", err)
	}
}
