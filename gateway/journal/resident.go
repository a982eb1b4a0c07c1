package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ReleasePages gives back the memory that the pages of Badger's files take up in this process. Badger reads and writes its
// files through memory maps, and what it once touched stays resident, so that a process grows with its journal. Nothing is
// lost: the next access reads the page from the disk again. Verdicts do not wait for that, since claims are decided by the
// ledger in memory; only the last page of Badger's log is needed again soon.
//
// The advice is MADV_PAGEOUT (madvise(2), Linux 5.4), the only one that both takes mapped pages away and cannot lose anything:
// when Badger unmaps a file between the look at the maps and the advice, the addresses may belong to the Go heap by then, and
// MADV_DONTNEED would clear it. On a kernel without it nothing is given back, and the log says so once.
//
// It may be called from any goroutine at any time; every minute is often enough.
func (j *Journal) ReleasePages() error {
	err := j.releasePages()
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) || errors.Is(err, fs.ErrNotExist) {
		if !j.keepsPages.Swap(true) {
			j.log.Warn("journal: its files' pages stay in memory: this system cannot give them back", "error", err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("release the pages of journal %s: %w", j.dir, err)
	}
	return nil
}

func (j *Journal) releasePages() error {
	store, err := filepath.Abs(j.path(currentName, storeName))
	if err != nil {
		return err
	}
	store, err = filepath.EvalSymlinks(store)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a full disk kept it from being made
	}
	if err != nil {
		return err
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return err
	}
	for _, m := range mappings(string(maps), store) {
		// ENOMEM: nothing is mapped there any more.
		if err := j.opts.pageOut(m.start, m.length); err != nil && !errors.Is(err, unix.ENOMEM) {
			return err
		}
	}
	return nil
}

// mapping is where a file is in memory, in bytes.
type mapping struct{ start, length uintptr }

// mappings returns where the files below a folder are mapped, from the text of proc_pid_maps(5):
//
//	7f2c5a400000-7f2c5a800000 rw-s 00000000 fe:00 393228    /var/lib/passerelle/journal/current/store/000001.sst
func mappings(maps, folder string) []mapping {
	var found []mapping
	for line := range strings.Lines(maps) {
		path := strings.IndexByte(line, '/')
		if path < 0 || !strings.HasPrefix(line[path:], folder+"/") {
			continue
		}
		addresses, _, _ := strings.Cut(line, " ")
		from, to, _ := strings.Cut(addresses, "-")
		start, errStart := strconv.ParseUint(from, 16, strconv.IntSize)
		end, errEnd := strconv.ParseUint(to, 16, strconv.IntSize)
		if errStart == nil && errEnd == nil && start < end {
			found = append(found, mapping{uintptr(start), uintptr(end - start)})
		}
	}
	return found
}

// pageOut takes pages out of memory as far as that is possible without a loss: changed ones are still written to their file.
func pageOut(start, length uintptr) error {
	if _, _, errno := unix.Syscall(unix.SYS_MADVISE, start, length, unix.MADV_PAGEOUT); errno != 0 {
		return errno
	}
	return nil
}
