package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// disk is an ext4 file system in a file, whose power can be cut.
type disk struct {
	image, folder string
	mounted       bool
}

// newDisk skips the test where loop devices cannot be mounted; never in CI.
func newDisk(t testing.TB, size int64) *disk {
	t.Helper()
	dir := t.TempDir()
	d := &disk{image: filepath.Join(dir, "image"), folder: filepath.Join(dir, "mnt")}
	if err := errors.Join(os.WriteFile(d.image, nil, 0o600), os.Truncate(d.image, size), os.Mkdir(d.folder, 0o700)); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("mkfs.ext4", "-q", "-E", "nodiscard", d.image).CombinedOutput()
	if err == nil {
		err = d.mount()
	} else {
		err = fmt.Errorf("mkfs.ext4: %w: %s", err, out)
	}
	if err != nil {
		needRig(t, err)
	}
	t.Cleanup(func() {
		if d.mounted {
			if err := d.unmount(); err != nil {
				t.Error(err)
			}
		}
	})
	return d
}

// needRig skips, or fails in CI, where a rig cannot be built: it needs root, loop devices and mkfs.ext4.
func needRig(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("rig (needs root, loop devices, mkfs.ext4): %v", err)
	}
	t.Skipf("rig (needs root, loop devices, mkfs.ext4): %v", err)
}

func (d *disk) mount() error {
	if out, err := exec.Command("mount", "-o", "loop", d.image, d.folder).CombinedOutput(); err != nil {
		return fmt.Errorf("mount: %w: %s", err, strings.TrimSpace(string(out)))
	}
	d.mounted = true
	return nil
}

func (d *disk) unmount() error {
	var out []byte
	err := errors.New("busy")
	for range 50 {
		if out, err = exec.Command("umount", d.folder).CombinedOutput(); err == nil {
			d.mounted = false
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("umount: %w: %s", err, strings.TrimSpace(string(out)))
}

// cut ends all writing at once, like a power cut: what is not on disk, the file system's own log included, stays away
// (EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH of Linux fs/ext4/ext4.h).
func (d *disk) cut() error {
	const (
		shutdown   = 0x8004587d // _IOR('X', 125, __u32)
		noLogFlush = 2
	)
	f, err := os.Open(d.folder)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.IoctlSetPointerInt(int(f.Fd()), shutdown, noLogFlush)
}

// cutPower runs a writing child on the disk, cuts the power under it, and mounts the disk again.
func (d *disk) cutPower(t testing.TB, part string, first int) []byte {
	t.Helper()
	during := time.Duration(rand.IntN(250)) * time.Millisecond
	said := runAndKill(t, part, filepath.Join(d.folder, "journal"), first, 1, during, func() {
		if err := d.cut(); err != nil {
			t.Errorf("cut: %v", err)
		}
	})
	if err := d.unmount(); err != nil {
		t.Fatal(err)
	}
	if err := d.mount(); err != nil {
		t.Fatal(err)
	}
	return said
}

func TestPowerCutLosesNothingAcknowledged(t *testing.T) {
	d := newDisk(t, 256<<20)
	dir := filepath.Join(d.folder, "journal")
	var a acknowledged
	total := number(t, "PASSERELLE_CUTS", 20)
	for n := range total {
		a.take(t, d.cutPower(t, "write", a.tickets))
		j, err := Open(dir, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		loss := lossOf(t, j, &a)
		a.forgive(j)
		mustClose(t, j)
		if loss != "" {
			t.Fatalf("cut %d: lost %s", n+1, loss)
		}
		if a.tickets > 20_000 { // the disk is small: begin again
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			t.Logf("after cut %d: %d entries acknowledged, none lost", n+1, a.sequence)
			a = acknowledged{}
		}
	}
	t.Logf("%d cuts, %d entries since the last fresh journal, none lost", total, a.sequence)
}

// TestPowerCutRigSeesLosses shows that the rig proves something: without fsync in the store it finds entries missing, and the
// journal notices each time by its head file.
func TestPowerCutRigSeesLosses(t *testing.T) {
	d := newDisk(t, 256<<20)
	dir := filepath.Join(d.folder, "journal")
	losses := 0
	const total = 4
	for n := range total {
		j, err := Open(dir, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		mustClose(t, j)
		var a acknowledged
		a.take(t, d.cutPower(t, "write-unsynced", 0))
		j, err = Open(dir, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		if loss := lossOf(t, j, &a); loss != "" {
			wantState(t, j, Gap)
			kept, err := OpenReadOnly(lastKept(t, j), Options{})
			if err != nil {
				t.Fatal(err)
			}
			r, err := kept.Verify(t.Context())
			if err != nil || r.Last >= a.sequence {
				t.Errorf("the journal was given up (%s), but has entry %d: %+v, %v", loss, a.sequence, r, err)
			}
			mustClose(t, kept)
			t.Logf("cut %d of an unsynced store: %d entries acknowledged, %d there", n+1, a.sequence, r.Last)
			losses++
		}
		mustClose(t, j)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	if losses == 0 {
		t.Errorf("%d cuts of an unsynced store lost nothing: the rig cannot see losses", total)
	}
}
