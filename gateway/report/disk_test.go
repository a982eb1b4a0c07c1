package report

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/gateway/journal"
)

// smallDisk mounts a file system of some bytes.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size))
	if errors.Is(err, unix.EPERM) {
		t.Skip("mounting a small disk needs root")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fillDisk leaves some free bytes, and returns what gives them all back.
func fillDisk(t *testing.T, dir string, leave uint64) (release func()) {
	t.Helper()
	free, err := freeSpace(dir)
	if err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(dir, "ballast")
	if free > leave {
		if err := os.WriteFile(ballast, make([]byte, free-leave), 0o600); err != nil && !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
	}
	return func() {
		if err := os.Remove(ballast); err != nil {
			t.Error(err)
		}
	}
}

// Reports must flow on a full disk: only what is reported may be deleted. Parking an entry needs space: it waits, and
// nothing is dropped.
func TestForwarderWorksOnAFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	small := smallDisk(t, 1<<20)
	poisoned := true
	e := newEndpoint(t, func(_ http.ResponseWriter, b *batch) int {
		for _, x := range b.entries {
			if x.Sequence == 150 && poisoned {
				return 400
			}
		}
		return 200
	})
	j := openJournal(t, filepath.Join(dir, "journal"))
	opts := quick(small, e.URL, mustSecret(t, referenceSecret))
	f := forward(t, j, opts) // the first start makes its files
	f.stop()
	release := fillDisk(t, small, 0)
	if err := os.WriteFile(filepath.Join(small, "probe"), []byte("x"), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	if err := os.Remove(filepath.Join(small, "probe")); err != nil {
		t.Fatal(err)
	}
	grow(t, j, 100)
	f = forward(t, j, opts)
	f.until(t, "everything is reported on a full disk", drained)
	grow(t, j, 100)
	f.until(t, "there is no room to park", func(s Status) bool { return s.State == StateBlocked })
	if s := f.Status(); s.Next != 150 || s.Parked != 0 || f.alarms.count(AlarmBlocked) == 0 {
		t.Errorf("%+v, alarms %v", s, f.alarms.all())
	}
	release()
	f.until(t, "the others are reported", drained)
	if s := f.Status(); s.Parked != 1 {
		t.Errorf("%+v", s)
	}
}

// A collector on a disk that fills up refuses cleanly, goes on once there is space, and has what it acknowledged.
func TestCollectorFillsItsDisk(t *testing.T) {
	t.Parallel()
	small := smallDisk(t, 260<<20)
	dir := filepath.Join(small, "collector")
	c := collect(t, dir, CollectorOptions{MinFree: minFree})
	var previous [32]byte
	acknowledged := 0
	next := func() []journal.Entry {
		entries := make([]journal.Entry, 0, 25)
		before := previous
		for i := range cap(entries) {
			noise := make([]byte, 16<<10) // cannot be compressed below half of its hexadecimal form
			rand.Read(noise)
			e := journal.Entry{
				Sequence: uint64(acknowledged + i + 1), Previous: before,
				Body: []byte(`{"lane":"a","event":"x","noise":"` + hex.EncodeToString(noise) + `"}`),
			}
			e.Hash = entryHash(testJournal, &e)
			before = e.Hash
			entries = append(entries, e)
		}
		return entries
	}
	accept := func() int {
		entries := next()
		status, answer := sendEntries(t, c, testJournal, entries)
		switch {
		case status == 200 && strings.HasPrefix(answer, fmt.Sprintf(`{"accepted":%d,`, len(entries))):
			acknowledged += len(entries)
			previous = entries[len(entries)-1].Hash
		case status != 507:
			t.Fatalf("%d %s", status, answer)
		}
		return status
	}
	lowest := watchSpace(t, small)
	for accept() == 200 {
	}
	time.Sleep(500 * time.Millisecond) // tables are still written and merged
	full, left := acknowledged, lowest()
	t.Logf("%d entries of 32 KB on 260 MB, then 507; never less than %d MB free", full, left>>20)
	if full < 500 || left < 32<<20 {
		t.Errorf("%d entries until the disk was full, and %d bytes free at one time: too near to the end", full, left)
	}
	c.stop()                                                     // gives space back: logs are cut to their length
	again := collect(t, dir, CollectorOptions{MinFree: minFree}) // what it has can still be read
	if n := again.Entries(); n != uint64(full) {
		t.Errorf("%d entries after a restart, %d were acknowledged", n, full)
	}
	again.stop()
	fillDisk(t, small, minFree/2-1<<20)
	if _, err := OpenCollector(dir, CollectorOptions{Now: time.Now, Secrets: []Secret{mustSecret(t, referenceSecret)}}); !errors.Is(err, errSpace) {
		t.Errorf("a start on a full disk: %v, want %v", err, errSpace)
	}
	if err := unix.Mount("tmpfs", small, "tmpfs", unix.MS_REMOUNT, fmt.Sprintf("size=%d", 400<<20)); err != nil {
		t.Fatal(err)
	}
	c = collect(t, dir, CollectorOptions{MinFree: minFree})
	if accept() != 200 {
		t.Error("refused with space again")
	}
	var out bytes.Buffer
	lines := 0
	for position := ""; ; {
		out.Reset()
		var err error
		if position, err = c.Export(&out, position, MaxExportEntries); err != nil {
			t.Fatal(err)
		}
		lines += bytes.Count(out.Bytes(), []byte("\n"))
		if position == "" {
			break
		}
	}
	if lines != acknowledged {
		t.Errorf("%d entries are there, %d were acknowledged", lines, acknowledged)
	}
}

// watchSpace looks often at the free space, until the function that it returns says the least that there was.
func watchSpace(t *testing.T, dir string) (least func() uint64) {
	t.Helper()
	stop, result := make(chan struct{}), make(chan uint64)
	go func() {
		lowest := ^uint64(0)
		for {
			if free, err := freeSpace(dir); err == nil {
				lowest = min(lowest, free)
			}
			select {
			case <-stop:
				result <- lowest
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return func() uint64 {
		close(stop)
		return <-result
	}
}
