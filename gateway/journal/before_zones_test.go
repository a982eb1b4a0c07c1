package journal

import (
	"bufio"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"passerelle/gateway/policy"
)

// restore makes a journal's folder from testdata/before-zones.txt: lines "store KEY VALUE" and "file NAME CONTENT" in base64.
func restore(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "before-zones.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	store := filepath.Join(dir, currentName, storeName)
	if err := os.MkdirAll(store, 0o700); err != nil {
		t.Fatal(err)
	}
	o := testOptions().withDefaults()
	db, err := badger.Open(storeOptions(store, &o))
	if err != nil {
		t.Fatal(err)
	}
	batch := db.NewWriteBatch()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		content, err := base64.StdEncoding.DecodeString(words[2])
		if err == nil && words[0] == "file" {
			err = os.WriteFile(filepath.Join(dir, words[1]), content, 0o600)
		} else if err == nil {
			var key []byte
			if key, err = base64.StdEncoding.DecodeString(words[1]); err == nil {
				err = batch.Set(key, content)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(lines.Err(), batch.Flush(), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestStoreFromBeforeZonesIsRead opens a journal that was written before there were zones, movements and counters: 17 entries in
// segments of 4, of which the first 8 are dropped; tickets 0 to 11 are used, and of them the use of ticket 2 is over.
func TestStoreFromBeforeZonesIsRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	restore(t, dir)
	opts := retentionOptions()
	now, end := testTime.Add(51*time.Hour), testTime.AddDate(0, 0, 3)
	var j *Journal
	reopen := func() {
		t.Helper()
		if j != nil {
			mustClose(t, j)
		}
		j = mustOpen(t, dir, opts)
		wantState(t, j, OK)
		if err := j.CheckOlder(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustVerify(t, j)
	}
	reopen()
	if r := mustVerify(t, j); r.Dropped != 8 || r.Last != 17 || r.Uses != 11 || r.Admitted != 6 || r.Authorised != 0 {
		t.Errorf("report = %+v", r)
	}
	for n := range 12 {
		p := mustCommit(t, j, aged(n, now, end))[0]
		if n == 2 {
			wantVerdict(t, p, policy.Admit, policy.OK, true)
			continue
		}
		wantVerdict(t, p, policy.Deny, policy.AlreadyUsed, true)
		if p.Earlier.Lane != "north" || p.Earlier.Sequence == 0 {
			t.Errorf("ticket %d: earlier = %+v", n, p.Earlier)
		}
	}
	reopen()
	// What was used before goes on under the new rules.
	back := demo
	back.Reentry = true
	leaving, again := aged(7, now, end), awaited(aged(7, now, end))
	leaving.Candidate.Exit, again.Profile = true, &back
	wantVerdict(t, mustCommit(t, j, leaving)[0], policy.Admit, policy.OK, true)
	again = mustCommit(t, j, again)[0]
	wantVerdict(t, again, policy.Admit, policy.OK, true)
	reopen()
	mustResolve(t, j, again, true)
	if err := j.Free("desk", now, 15, mistake); err != nil { // ticket 9
		t.Fatal(err)
	}
	reopen()
	wantVerdict(t, mustCommit(t, j, aged(9, now, end))[0], policy.Admit, policy.OK, true)
	last, _ := j.Head()
	mustAcknowledge(t, j, last)
	mustPrune(t, j, now.Add(1000*time.Hour), last-8)
	reopen()
	if r := mustVerify(t, j); r.Uses != 0 || r.Authorised != 4 || r.Passed != 4 {
		t.Errorf("report = %+v, want no uses, 4 authorised and passed", r)
	}
}
