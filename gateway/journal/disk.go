package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// freeSpace returns the bytes of dir's file system that are free without the part that is kept for root.
func freeSpace(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return s.Bavail * uint64(s.Frsize), nil
}

const lockName = "lock"

// lockFolder keeps other processes out; the lock ends with the process.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock journal: %w", err)
	}
	taken := func(err error) bool { return errors.Is(err, unix.EWOULDBLOCK) }
	if err := retryLocked(func() error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }, taken); err != nil {
		_ = f.Close()
		if taken(err) {
			return nil, ErrInUse
		}
		return nil, fmt.Errorf("lock journal %s: %w", dir, err)
	}
	return f, nil
}

// syncFolder has the names in a folder on disk.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// watchedFolder is an open folder whose new names are put on disk. Badger syncs the files that it makes; that their names are
// on disk then as well holds for ext4, not for every file system.
type watchedFolder struct {
	f     *os.File
	names []string // that are on disk
}

// syncNew does nothing if the folder holds what it held the last time, which saves the disk a flush.
func (w *watchedFolder) syncNew() error {
	if _, err := w.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	names, err := w.f.Readdirnames(-1)
	if err != nil || slices.Equal(names, w.names) {
		return err
	}
	if err := w.f.Sync(); err != nil {
		return err
	}
	w.names = names
	return nil
}

// writeFileSynced writes a small file and has it and its name on disk.
func writeFileSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// namesIn returns the names in a folder that begin and end so, in order.
func namesIn(dir, prefix, suffix string) ([]string, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		if name := f.Name(); strings.HasPrefix(name, prefix) && strings.HasSuffix(name, suffix) {
			names = append(names, name)
		}
	}
	return names, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// damage is what was found wrong with a journal, as opposed to a fault of the machine.
type damage struct{ what string }

func (d *damage) Error() string { return d.what }

func damagedf(format string, args ...any) error { return &damage{fmt.Sprintf(format, args...)} }

func isDamage(err error) bool {
	var d *damage
	var b *brokenAt
	return errors.As(err, &d) || errors.As(err, &b)
}

// protect runs fn, which reads or maps Badger's files, and turns its panics and faults into damage. It reaches this
// goroutine only: what panics in one of Badger's own ends the process.
func protect(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = damagedf("badger panicked: %.300v", r)
		}
	}()
	return fn()
}

// isFull and isFault recognise errors of the system by their text as well: Badger does not wrap what it returns.
func isFull(err error) bool {
	return errors.Is(err, ErrFull) || isErrno(err, unix.ENOSPC, unix.EDQUOT)
}

// isFault reports an error that says nothing about what is on disk.
func isFault(err error) bool {
	return isErrno(err, unix.EACCES, unix.EPERM, unix.EROFS, unix.EMFILE, unix.ENFILE, unix.ENOMEM)
}

func isErrno(err error, numbers ...unix.Errno) bool {
	for _, n := range numbers {
		if errors.Is(err, n) || strings.Contains(err.Error(), n.Error()) {
			return true
		}
	}
	return false
}

const ballastName = "ballast"

// freeBallast gives the ballast's space back and reports whether there was any.
func (j *Journal) freeBallast() bool {
	return os.Remove(filepath.Join(j.dir, ballastName)) == nil
}

// makeBallast sets space aside if there is plenty: after it Commit still has as much again before it refuses.
func (j *Journal) makeBallast() {
	path := filepath.Join(j.dir, ballastName)
	free, err := j.opts.Free(j.dir)
	if err != nil || exists(path) || free < j.opts.MinFree+2*uint64(j.opts.Ballast) {
		return
	}
	if err := allocate(path, j.opts.Ballast); err != nil {
		j.log.Warn("no ballast file", "error", err)
		_ = os.Remove(path)
	}
}

func allocate(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = unix.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) {
		_, err = f.Write(make([]byte, size))
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// needToOpen is the free space, in bytes, with which Badger can be opened and closed without the risk of a fault.
func (j *Journal) needToOpen() uint64 { return j.opts.MinFree / 3 * 2 }

// roomToOpen reports whether there is that much, giving the ballast back if it must.
func (j *Journal) roomToOpen() bool {
	free, err := j.opts.Free(j.dir)
	if err == nil && free < j.needToOpen() && j.freeBallast() {
		j.log.Warn("disk nearly full, ballast given back", "free", free)
		free, err = j.opts.Free(j.dir)
	}
	return err == nil && free >= j.needToOpen()
}
