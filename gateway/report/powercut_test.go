package report

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/gateway/journal"
)

// cuttable is an ext4 file system in a file, whose power can be cut.
type cuttable struct {
	image, folder string
	mounted       bool
}

func newCuttable(t *testing.T) *cuttable {
	t.Helper()
	dir := t.TempDir()
	d := &cuttable{image: filepath.Join(dir, "image"), folder: filepath.Join(dir, "mounted")}
	if err := errors.Join(os.WriteFile(d.image, nil, 0o600), os.Truncate(d.image, 512<<20), os.Mkdir(d.folder, 0o700)); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("mkfs.ext4", "-q", "-E", "nodiscard", d.image).CombinedOutput()
	if err == nil {
		out, err = exec.Command("mount", "-o", "loop", d.image, d.folder).CombinedOutput()
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("a power cut needs root, loop devices and mkfs.ext4: %v: %s", err, out)
		}
		t.Skipf("a power cut needs root, loop devices and mkfs.ext4: %v: %s", err, out)
	}
	d.mounted = true
	t.Cleanup(func() {
		if d.mounted {
			d.unmount(t)
		}
	})
	return d
}

func (d *cuttable) unmount(t *testing.T) {
	t.Helper()
	var out []byte
	var err error
	for range 100 {
		if out, err = exec.Command("umount", d.folder).CombinedOutput(); err == nil {
			d.mounted = false
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("umount: %v: %s", err, out)
}

// cut ends all writing at once: what is not on disk stays away, the file system's own log included (EXT4_IOC_SHUTDOWN
// with EXT4_GOING_FLAGS_NOLOGFLUSH of Linux fs/ext4/ext4.h). Then the child is killed and the disk mounted again.
func (d *cuttable) cut(t *testing.T, child *exec.Cmd) {
	t.Helper()
	const shutdown, noLogFlush = 0x8004587d, 2
	f, err := os.Open(d.folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(f.Fd()), shutdown, noLogFlush); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if child != nil {
		child.Process.Kill()
		child.Wait()
	}
	d.unmount(t)
	if out, err := exec.Command("mount", "-o", "loop", d.image, d.folder).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v: %s", err, out)
	}
	d.mounted = true
}

// cuts is how often the power is cut.
func cuts(t *testing.T) int {
	t.Helper()
	text := os.Getenv("PASSERELLE_CUTS")
	if text == "" {
		return 3
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("PASSERELLE_CUTS=%q is not a number", text)
	}
	return n
}

// Whatever a collector has acknowledged is there after a power cut.
func TestCollectorKeepsWhatItAcknowledgedOverPowerCuts(t *testing.T) {
	d := newCuttable(t)
	dir := filepath.Join(d.folder, "collector")
	acknowledged, cutOff := 0, 0
	var previous [32]byte
	total := cuts(t)
	for n := range total {
		child, address := start(t, "collect", dir, "")
		stop := time.After(time.Duration(50+rand.IntN(400)) * time.Millisecond)
		result := make(chan bool, 1)
		running := true
		for running {
			entries := follow(testJournal, uint64(acknowledged), previous, 1+rand.IntN(100))
			data := appendBatch(nil, testJournal, entries)
			id := batchID(testJournal, span{entries[0].Sequence, entries[len(entries)-1].Sequence})
			q := signed(t, "http://"+address+"/v1/reports", data, id, nil)
			go func() {
				client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
				r, err := client.Do(q)
				if err == nil {
					r.Body.Close()
				}
				result <- err == nil && r.StatusCode == 200
			}()
			select {
			case ok := <-result:
				if !ok {
					t.Fatal("not accepted before the cut")
				}
				acknowledged += len(entries)
				previous = entries[len(entries)-1].Hash
			case <-stop:
				d.cut(t, child)
				if <-result { // it was acknowledged before the cut
					acknowledged += len(entries)
					previous = entries[len(entries)-1].Hash
				} else {
					cutOff++
				}
				running = false
			}
		}
		c, err := OpenCollector(dir, CollectorOptions{Now: time.Now, MinFree: 1, Secrets: []Secret{mustSecret(t, referenceSecret)}})
		if err != nil {
			t.Fatalf("cut %d, %d acknowledged: %v", n+1, acknowledged, err)
		}
		lines := exported(t, c)
		if len(lines) < acknowledged || acknowledged > 0 && lines[acknowledged-1].Hash != fmt.Sprintf("%x", previous) {
			t.Fatalf("cut %d: %d entries are there, %d were acknowledged", n+1, len(lines), acknowledged)
		}
		if err := c.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		// What came in without an acknowledgement stays; the same entries are sent again.
	}
	t.Logf("%d cuts, %d in the middle of a report, %d entries acknowledged, 0 lost", total, cutOff, acknowledged)
}

// follow makes entries behind one with a sequence and a hash. The same place always gives the same entries.
func follow(journalID string, sequence uint64, previous [32]byte, n int) []journal.Entry {
	entries := make([]journal.Entry, n)
	for i := range entries {
		e := &entries[i]
		sequence++
		*e = journal.Entry{
			Sequence: sequence, Previous: previous,
			Body: fmt.Appendf(nil, `{"lane":"a","event":"x","n":%d,"pad":%q}`, sequence, strings.Repeat("x", 200)),
		}
		e.Hash = entryHash(journalID, e)
		previous = e.Hash
	}
	return entries
}

// What is parked is on disk when the cursor goes on.
func TestParkedEntriesSurviveAPowerCut(t *testing.T) {
	d := newCuttable(t)
	path := filepath.Join(d.folder, "parked")
	for n := range uint64(4) {
		p, damage, err := openParking(path, n)
		if err != nil || damage != "" || uint64(len(p.entries)) != n {
			t.Fatalf("after %d cuts: %d entries, %q, %v", n, len(p.entries), damage, err)
		}
		if n == 2 { // a file written anew
			if err := p.rewrite(p.entries); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.add(parkable(int(n)+1, 30)); err != nil {
			t.Fatal(err)
		}
		p.close()
		d.cut(t, nil)
	}
}

// A forwarder whose power is cut sends the same ranges again, with the same bytes (the proxy compares), and nothing is
// lost or doubled.
func TestForwarderRepeatsItsReportsAfterPowerCuts(t *testing.T) {
	d := newCuttable(t)
	dir := filepath.Join(d.folder, "box")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	total := cuts(t)
	n := 300 * total
	j := openJournal(t, filepath.Join(dir, "journal"))
	grow(t, j, n)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	c := collect(t, t.TempDir(), CollectorOptions{ConnsPerIP: -1})
	p := newProxy(t, c.address, rand.Uint64(), 0.1, 250*time.Millisecond)
	done := 0
	for ; done < total && c.Entries() < uint64(n); done++ {
		child, _ := start(t, "forward", dir, p.url)
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		d.cut(t, child)
	}
	afterCuts := c.Entries()
	child, _ := start(t, "forward", dir, p.url)
	for before := c.Entries(); c.Entries() < uint64(n); before = c.Entries() {
		wait(t, "progress", func() bool { return c.Entries() > before })
	}
	kill(t, child)
	j = openJournal(t, filepath.Join(dir, "journal"))
	wantSame(t, c.Collector, j)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	// No entry was ever sent in two different ranges: each range was on disk before it was sent.
	seen := map[uint64]string{}
	for id := range p.sent {
		var s span
		if _, err := fmt.Sscanf(id[bytes.IndexByte([]byte(id), '/'):], "/%d-%d", &s.First, &s.Last); err != nil {
			t.Fatal(err)
		}
		for x := s.First; x <= s.Last; x++ {
			if other, again := seen[x]; again {
				t.Fatalf("entry %d was sent in %s and in %s", x, other, id)
			}
			seen[x] = id
		}
	}
	t.Logf("%d cuts, %d of %d entries before the last one, 0 lost, 0 doubled, %v", done, afterCuts, n, p)
}
