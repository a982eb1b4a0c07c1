package journal

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

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
