package journal

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestReleasedPagesLeaveMemoryAndAreReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := pageOutWorks(t, dir); err != nil {
		t.Skipf("pages cannot be given back here: %v", err)
	}
	opts := testOptions()
	opts.memTable = 1 << 20 // some 1,700 entries
	j := mustOpen(t, dir, opts)
	n := 0
	tables := func() int {
		names, err := namesIn(j.path(currentName, storeName), "", ".sst")
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	for deadline := time.Now().Add(30 * time.Second); tables() < 3; {
		if time.Now().After(deadline) {
			t.Fatalf("%d tables after %d entries", tables(), n)
		}
		for range 5 {
			batch := make([]Pending, 100)
			for i := range batch {
				batch[i] = ticket("north", n)
				n++
			}
			mustCommit(t, j, batch...)
		}
	}
	mustVerify(t, j) // touches all of every table
	entries := readAll(t, j)
	before := residentFiles(t, j)
	if before < 500<<10 {
		t.Fatalf("only %d bytes of the store's files are in memory", before)
	}

	after := before
	for range 5 { // Badger may be merging tables, which touches them
		if err := j.ReleasePages(); err != nil {
			t.Fatal(err)
		}
		if after = residentFiles(t, j); after < before/10 {
			break
		}
	}
	if after >= before/10 {
		t.Errorf("%d bytes of the store's files are in memory, %d before", after, before)
	}

	if again := readAll(t, j); !reflect.DeepEqual(again, entries) {
		t.Errorf("%d entries read differently from disk", len(again))
	}
	mustCommit(t, j, ticket("north", n))
	if r := mustVerify(t, j); r.Uses != uint64(n+1) {
		t.Errorf("%d uses, want %d", r.Uses, n+1)
	}
	mustClose(t, j)
	if err := j.ReleasePages(); err != nil {
		t.Errorf("after Close: %v", err)
	}
	j = mustOpen(t, dir, opts)
	wantState(t, j, OK)
	mustVerify(t, j)
}

// pageOutWorks tries the advice on a file of one page in dir.
func pageOutWorks(t *testing.T, dir string) error {
	t.Helper()
	f, err := os.CreateTemp(dir, "page")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(make([]byte, os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	page, err := unix.Mmap(int(f.Fd()), 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Munmap(page); err != nil {
			t.Error(err)
		}
	}()
	if page[0] != 0 {
		t.Fatal("a page of zeros holds something else")
	}
	if err := pageOut(reflect.ValueOf(page).Pointer(), uintptr(len(page))); err != nil {
		return err
	}
	if resident(t, f.Name()) > 0 {
		return errors.New("the file system keeps them") // one in memory, without swap
	}
	return nil
}

// residentFiles returns the bytes of a journal's store that are in this process's memory.
func residentFiles(t *testing.T, j *Journal) int {
	t.Helper()
	store, err := filepath.EvalSymlinks(j.path(currentName, storeName))
	if err != nil {
		t.Fatal(err)
	}
	return resident(t, store+"/")
}

// resident adds the Rss of the mappings whose files begin with prefix (proc_pid_smaps(5)).
func resident(t *testing.T, prefix string) (total int) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	ours := false
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if !strings.HasSuffix(fields[0], ":") {
			ours = len(fields) > 5 && strings.HasPrefix(fields[5], prefix)
			continue
		}
		if ours && fields[0] == "Rss:" {
			kib, err := strconv.Atoi(fields[1])
			if err != nil {
				t.Fatal(err)
			}
			total += kib << 10
		}
	}
	return total
}

// TestAdviceOnOtherMemoryLosesNothing is the case that Badger unmapped a file, and the heap grew to where it was, in between.
func TestAdviceOnOtherMemoryLosesNothing(t *testing.T) {
	t.Parallel()
	page := os.Getpagesize()
	heap := bytes.Repeat([]byte("passerelle"), 1<<20)
	want := bytes.Clone(heap)
	start := (reflect.ValueOf(heap).Pointer() + uintptr(page) - 1) &^ (uintptr(page) - 1)
	if err := pageOut(start, 8<<20); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		t.Errorf("advice: %v", err)
	}
	if !bytes.Equal(heap, want) {
		t.Error("memory was lost")
	}
}

func TestSystemThatCannotGivePagesBackIsNoError(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		advice error
		want   error
		says   int
		all    bool // the mappings after the first are tried as well
	}{
		{"done", nil, nil, 0, true},
		{"kernel before 5.4", unix.EINVAL, nil, 1, false},
		{"no such call", unix.ENOSYS, nil, 1, false},
		{"unmapped in between", unix.ENOMEM, nil, 0, true},
		{"fault", unix.EIO, unix.EIO, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			tried := 0
			opts := testOptions()
			opts.Logger = slog.New(slog.NewTextHandler(&log, nil))
			opts.pageOut = func(uintptr, uintptr) error {
				tried++
				return tt.advice
			}
			j := mustOpen(t, t.TempDir(), opts)
			mustCommit(t, j, ticket("north", 1))
			for range 2 {
				tried = 0
				if err := j.ReleasePages(); !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
				if tried == 0 || tried > 1 != tt.all {
					t.Errorf("%d mappings tried", tried)
				}
			}
			if got := strings.Count(log.String(), "cannot give them back"); got != tt.says {
				t.Errorf("said %d times, want %d: %s", got, tt.says, log.String())
			}
		})
	}
}

func TestJournalWithoutAStoreHasNoPages(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	opts := testOptions()
	opts.Logger = slog.New(slog.NewTextHandler(&log, nil))
	opts.Free = func(string) (uint64, error) { return 0, nil }
	j := mustOpen(t, t.TempDir(), opts)
	wantState(t, j, Full)
	if err := j.ReleasePages(); err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String(), "cannot give them back") {
		t.Errorf("a missing store was taken for a system that cannot: %s", log.String())
	}
}

func TestPagesOfThisJournalAlone(t *testing.T) {
	t.Parallel()
	const line = "%s rw-s 00000000 fe:00 393228                         %s\n"
	for _, tt := range []struct {
		name, maps string
		want       []mapping
	}{
		{"nothing", "", nil},
		{"a table", fmt.Sprintf(line, "7f2c5a400000-7f2c5a600000", "/var/lib/a b/store/000001.sst"), []mapping{{0x7f2c5a400000, 0x200000}}},
		{"deleted meanwhile", fmt.Sprintf(line, "1000-3000", "/var/lib/a b/store/00001.mem (deleted)"), []mapping{{0x1000, 0x2000}}},
		{"two", fmt.Sprintf(line+line, "1000-2000", "/var/lib/a b/store/1.sst", "3000-5000", "/var/lib/a b/store/2.sst"), []mapping{{0x1000, 0x1000}, {0x3000, 0x2000}}},
		{"another folder", fmt.Sprintf(line, "1000-3000", "/var/lib/a b/store2/000001.sst"), nil},
		{"the folder inside another", fmt.Sprintf(line, "1000-3000", "/mnt/var/lib/a b/store/000001.sst"), nil},
		{"the program", fmt.Sprintf(line, "1000-3000", "/usr/bin/passerelle"), nil},
		{"no file", "c000000000-c004000000 rw-p 00000000 00:00 0 \n7ffd9000-7ffda000 rw-p 00000000 00:00 0    [stack]\n", nil},
		{"no address", fmt.Sprintf(line, "x-y", "/var/lib/a b/store/1.sst"), nil},
		{"no end", fmt.Sprintf(line, "1000", "/var/lib/a b/store/1.sst"), nil},
		{"turned round", fmt.Sprintf(line, "3000-1000", "/var/lib/a b/store/1.sst"), nil},
		{"empty", fmt.Sprintf(line, "1000-1000", "/var/lib/a b/store/1.sst"), nil},
		{"beyond all addresses", fmt.Sprintf(line, "1000-10000000000000000", "/var/lib/a b/store/1.sst"), nil},
	} {
		got := mappings(tt.maps, "/var/lib/a b/store")
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(mapping{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestLinkedFolderIsFound(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	tried := 0
	opts := testOptions()
	opts.pageOut = func(uintptr, uintptr) error {
		tried++
		return nil
	}
	j := mustOpen(t, filepath.Join(link, "journal"), opts)
	if err := j.ReleasePages(); err != nil {
		t.Fatal(err)
	}
	if tried == 0 {
		t.Error("no mapping was found behind a link")
	}
}
