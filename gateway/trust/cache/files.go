package cache

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// lockFile holds a lock until the file is closed or the process ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrBusy
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// readFile reads at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("read %s: more than %d bytes", path, limit)
	}
	return data, nil
}

// writeFile replaces a file at once: after a cut it has its old content or the new one.
func writeFile(path string, data []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync())
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", path, err)
	}
	return nil
}

// moveAside renames a file or folder to the next free name .damaged-N, and removes all but the newest MaxKept.
func moveAside(path string) error {
	if !exists(path) {
		return nil
	}
	kept, err := damaged(path)
	if err != nil {
		return err
	}
	next := 1
	if len(kept) > 0 {
		next = kept[len(kept)-1] + 1
	}
	if err := os.Rename(path, fmt.Sprintf("%s.damaged-%d", path, next)); err != nil {
		return err
	}
	for len(kept) >= MaxKept {
		if err := os.RemoveAll(fmt.Sprintf("%s.damaged-%d", path, kept[0])); err != nil {
			return err
		}
		kept = kept[1:]
	}
	return syncFolder(filepath.Dir(path))
}

// damaged returns the numbers of the copies that are kept, rising.
func damaged(path string) ([]int, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, e := range entries {
		if after, ok := strings.CutPrefix(e.Name(), filepath.Base(path)+".damaged-"); ok {
			if n, err := strconv.Atoi(after); err == nil && n > 0 {
				numbers = append(numbers, n)
			}
		}
	}
	sort.Ints(numbers)
	return numbers, nil
}

// checkSpace refuses a nearly full disk: Badger maps files that it has not yet filled.
func checkSpace(dir string) error {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return fmt.Errorf("free space of %s: %w", dir, err)
	}
	if free := uint64(s.Bavail) * uint64(s.Bsize); free < MinFree {
		return fmt.Errorf("%w: %d bytes free, want %d", ErrSpace, free, MinFree)
	}
	return nil
}
