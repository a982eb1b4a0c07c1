package journal

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// lastKept returns the folder that was moved aside last.
func lastKept(t testing.TB, j *Journal) string {
	t.Helper()
	kept, err := j.kept()
	if err != nil || len(kept) == 0 {
		t.Fatalf("kept = %v, %v", kept, err)
	}
	return j.path(kept[len(kept)-1])
}

// diskUse returns the bytes that a folder's files take up.
func diskUse(t testing.TB, dir string) (total int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		var s unix.Stat_t
		if err == nil && !d.IsDir() {
			if err = unix.Stat(path, &s); err == nil {
				total += s.Blocks * 512
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a table that Badger has just replaced
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}
