package book

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFullDiskLosesNothingThatWasAcknowledged fills a small file system, makes room, and goes on.
func TestFullDiskLosesNothingThatWasAcknowledged(t *testing.T) {
	disk := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk).CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("a small disk needs root: %v: %s", err, out)
		}
		t.Skipf("a small disk needs root: %v: %s", err, strings.TrimSpace(string(out)))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", disk).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 16<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(disk, "book")
	b, err := Create(dir, header())
	if err != nil {
		t.Fatal(err)
	}
	random := seeded(1)
	n := 0
	for ; ; n++ {
		one, two := ticket(t, b, random, fmt.Sprintf("A-%d", n)), ticket(t, b, random, fmt.Sprintf("B-%d", n))
		if err = b.Add([]Record{one, two}); err != nil {
			break
		}
		if n > 1000 {
			t.Fatal("the disk does not fill up")
		}
	}
	if !errors.Is(err, syscall.ENOSPC) || b.Len() != 2*n {
		t.Fatalf("%v after %d, %d records, want no space", err, 2*n, b.Len())
	}
	if err := b.Add([]Record{ticket(t, b, random, "later")}); !errors.Is(err, errUnusable) {
		t.Errorf("then: %v, want %v", err, errUnusable)
	}
	b.Close()
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if b, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if b.Len() != 2*n {
		t.Errorf("%d records are there, %d were acknowledged", b.Len(), 2*n)
	}
	add(t, b, ticket(t, b, random, fmt.Sprintf("A-%d", n)))
}
