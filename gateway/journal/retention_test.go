package journal

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"passerelle/gateway/policy"
)

// aged returns a ticket that was shown at a time, and ends at another.
func aged(n int, at, expires time.Time) Pending {
	p := ticket("north", n)
	p.At, p.Candidate.Expires = at, expires.Unix()
	return p
}

func retentionOptions() Options {
	opts := testOptions()
	opts.segment = 8
	opts.Keep = time.Hour
	return opts
}

// fillSegments commits tickets 0 to n-1, each with an entry of its own.
func fillSegments(t *testing.T, j *Journal, n int, expires time.Time) {
	t.Helper()
	for i := range n {
		mustCommit(t, j, aged(i, testTime, expires))
	}
}

func mustPrune(t *testing.T, j *Journal, now time.Time, want uint64) {
	t.Helper()
	dropped, err := j.Prune(now)
	if err != nil {
		t.Fatal(err)
	}
	if dropped != want {
		t.Errorf("prune dropped %d entries, want %d", dropped, want)
	}
	mustVerify(t, j)
}

func mustAcknowledge(t *testing.T, j *Journal, sequence uint64) {
	t.Helper()
	if err := j.Acknowledge(sequence); err != nil {
		t.Fatal(err)
	}
}

func TestPruneDropsWholeOldAcknowledgedSegments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, retentionOptions())
	fillSegments(t, j, 28, testTime.Add(48*time.Hour))
	later := testTime.Add(2 * time.Hour)

	mustPrune(t, j, later, 0) // nothing is acknowledged
	mustAcknowledge(t, j, 15)
	mustPrune(t, j, later, 8)                   // the second segment is not acknowledged whole
	mustPrune(t, j, later, 0)                   // once
	mustPrune(t, j, testTime.Add(time.Hour), 0) // too young
	mustAcknowledge(t, j, 16)
	mustPrune(t, j, testTime.Add(time.Hour-time.Second), 0)
	mustPrune(t, j, later, 8)

	if err := j.Acknowledge(1000); !errors.Is(err, ErrRange) {
		t.Errorf("acknowledge an entry that is not there: %v, want ErrRange", err)
	}
	if got := readAll(t, j); got[0].Sequence != 17 {
		t.Errorf("first entry = %d, want 17", got[0].Sequence)
	}
	mustClose(t, j)

	j = mustOpen(t, dir, retentionOptions())
	wantState(t, j, OK)
	r := mustVerify(t, j)
	if r.Dropped != 16 || r.First != 17 || r.Uses != 28 {
		t.Errorf("report = %+v, want 16 dropped and 28 uses", r)
	}
	if got := j.Acknowledged(); got != 16 {
		t.Errorf("acknowledged = %d, want 16", got)
	}
	for i := range 28 { // those of dropped entries too
		wantVerdict(t, mustCommit(t, j, aged(i, later, later.Add(time.Hour)))[0], policy.Deny, policy.AlreadyUsed, true)
	}
	if err := j.CheckOlder(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestUsesAreForgottenWhenTheyEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, retentionOptions())
	end := testTime.Add(48 * time.Hour)
	for i := range 8 { // the first segment
		mustCommit(t, j, aged(i, testTime, end.Add(time.Duration(i%2)*1000*time.Hour)))
	}
	for i := 8; i < 12; i++ {
		mustCommit(t, j, aged(i, testTime, end))
	}
	mustAcknowledge(t, j, 8)
	roundedUp := time.Unix(remember(end.Unix()), 0)
	mustPrune(t, j, roundedUp, 8)
	if got := len(j.ledger.uses); got != 12 {
		t.Errorf("%d uses are remembered at their end, want 12", got)
	}
	mustPrune(t, j, roundedUp.Add(time.Second), 0)
	if got := len(j.ledger.uses); got != 8 { // 4 that end later, 4 whose entries are still there
		t.Errorf("%d uses are remembered after their end, want 8", got)
	}
	mustClose(t, j)
	j = mustOpen(t, dir, retentionOptions())
	wantState(t, j, OK)
	wantVerdict(t, mustCommit(t, j, aged(1, testTime, end))[0], policy.Deny, policy.AlreadyUsed, true)
	wantVerdict(t, mustCommit(t, j, aged(8, testTime, end))[0], policy.Deny, policy.AlreadyUsed, true)
	// Ticket 0 has ended; were it shown with a new end, it would be a new ticket. It may be claimed again over the leftovers.
	wantVerdict(t, mustCommit(t, j, aged(0, testTime, end.Add(1000*time.Hour)))[0], policy.Admit, policy.OK, true)
	mustPrune(t, j, roundedUp.Add(time.Second), 0)
	mustClose(t, j)
	j = mustOpen(t, dir, retentionOptions())
	wantState(t, j, OK)
	wantVerdict(t, mustCommit(t, j, aged(0, testTime, end))[0], policy.Deny, policy.AlreadyUsed, true)
	// A clock that goes back brings nothing back.
	mustPrune(t, j, testTime, 0)
}

func TestEverythingOldIsDroppedAndTheEventKeyDestroyed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, retentionOptions())
	fillSegments(t, j, 11, testTime.Add(time.Hour))
	key := j.key
	after := testTime.Add(100 * time.Hour)
	mustAcknowledge(t, j, 10)
	mustPrune(t, j, after, 8)
	if j.key != key {
		t.Fatal("event key destroyed while uses are remembered")
	}
	mustAcknowledge(t, j, 12) // with the note of the first pruning
	mustPrune(t, j, after.Add(2*time.Hour), 4)
	if got := len(j.ledger.uses); got != 0 {
		t.Errorf("%d uses are remembered, want 0", got)
	}
	if j.key == key {
		t.Error("event key not destroyed")
	}
	second := j.key
	mustPrune(t, j, after.Add(100*time.Hour), 0) // the note alone is not worth another
	if j.key != second {
		t.Error("event key destroyed again, with nothing under it")
	}
	for _, name := range []string{keyName, keyNewName} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err == nil && strings.Contains(string(b), string(key[:])) {
			t.Errorf("%s holds the destroyed key", name)
		}
	}
	mustClose(t, j)
	j = mustOpen(t, dir, retentionOptions())
	wantState(t, j, OK)
	fillSegments(t, j, 11, testTime.Add(time.Hour))
	mustVerify(t, j)
}

func TestKeyReplacementSurvivesACrashAtEachStep(t *testing.T) {
	t.Parallel()
	steps := []struct {
		name string
		do   func(dir string, j *Journal, next eventKey) error
	}{
		{"announced", func(string, *Journal, eventKey) error { return nil }},
		{"saved", func(dir string, _ *Journal, next eventKey) error { return next.save(filepath.Join(dir, keyNewName)) }},
		{"old one wiped", func(dir string, _ *Journal, next eventKey) error {
			return errors.Join(next.save(filepath.Join(dir, keyNewName)), wipe(filepath.Join(dir, keyName)))
		}},
		{"renamed", func(dir string, _ *Journal, next eventKey) error { return next.save(filepath.Join(dir, keyName)) }},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			j := mustOpen(t, dir, retentionOptions())
			next, err := newEventKey(j.opts.Random)
			if err != nil {
				t.Fatal(err)
			}
			j.meta.Keys = []digest16{j.key.check(), next.check()}
			if err := errors.Join(j.saveMeta(), step.do(dir, j, next), j.Close()); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				j = mustOpen(t, dir, retentionOptions())
				wantState(t, j, OK)
				mustClose(t, j)
			}
		})
	}
}

func TestSweepGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, retentionOptions())
	fillSegments(t, j, 28, testTime.Add(time.Hour))
	pruneOnly := func(now time.Time, want uint64) { // and die before the sweep
		t.Helper()
		if dropped, err := j.prune(now); err != nil || dropped != want {
			t.Fatalf("prune = %d, %v; want %d", dropped, err, want)
		}
		mustClose(t, j)
		j = mustOpen(t, dir, retentionOptions())
		wantState(t, j, OK)
		mustVerify(t, j)
	}
	after := testTime.Add(100 * time.Hour)
	mustAcknowledge(t, j, 16)
	pruneOnly(after, 16)
	// The clock goes back. What was forgotten stays forgotten, though its records are still there.
	mustAcknowledge(t, j, 24)
	pruneOnly(testTime.Add(2*time.Hour), 8)
	if got := readAll(t, j)[0].Sequence; got != 25 {
		t.Errorf("first entry = %d, want 25", got)
	}
	if entries, uses := countKeys(t, j); entries != 30 || uses != 28 {
		t.Errorf("%d entries and %d uses before the sweep, want 30 and 28", entries, uses)
	}
	mustPrune(t, j, after, 0)
	if entries, uses := countKeys(t, j); entries != 6 || uses != 4 {
		t.Errorf("%d entries and %d uses after the sweep, want 6 and 4", entries, uses)
	}
}

// countKeys returns how many entries and uses the store holds.
func countKeys(t *testing.T, j *Journal) (entries, uses int) {
	t.Helper()
	err := j.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			switch it.Item().Key()[0] {
			case prefixEntry:
				entries++
			case prefixUse:
				uses++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries, uses
}

func TestCheckpointIsChained(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, retentionOptions())
	fillSegments(t, j, 20, testTime.Add(time.Hour))
	mustAcknowledge(t, j, 16)
	mustPrune(t, j, testTime.Add(100*time.Hour), 16)
	// Somebody changes what the checkpoint says was dropped.
	forged := j.point
	forged.Dropped.Denied += 3
	if err := j.db.Update(func(txn *badger.Txn) error { return setJSON(txn, []byte(keyCheckpoint), &forged) }); err != nil {
		t.Fatal(err)
	}
	r, err := j.Verify(context.Background())
	if err != nil || r.Break == nil || r.Break.Sequence != j.point.Note {
		t.Errorf("verify of a forged checkpoint = %+v, %v; want a break at entry %d", r, err, j.point.Note)
	}
	sum := j.point.digest()
	if !strings.Contains(string(readAll(t, j)[4].Body), hex.EncodeToString(sum[:])) {
		t.Error("the chain does not name the checkpoint")
	}
}

// TestSpaceComesBack writes and prunes many times the size that stays.
func TestSpaceComesBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opts := testOptions()
	opts.segment = 1024
	opts.Keep = time.Hour
	j := mustOpen(t, dir, opts)
	var most int64
	at := testTime
	for range 30 {
		for range 2048 / MaxBatch {
			batch := make([]Pending, MaxBatch)
			for i := range batch {
				batch[i] = pass("north")
				batch[i].At = at
			}
			mustCommit(t, j, batch...)
		}
		at = at.Add(2 * time.Hour)
		sequence, _ := j.Head()
		mustAcknowledge(t, j, sequence)
		if _, err := j.Prune(at); err != nil {
			t.Fatal(err)
		}
		most = max(most, diskUse(t, filepath.Join(dir, currentName)))
	}
	sequence, _ := j.Head()
	t.Logf("%d entries written, at most %d MB on disk", sequence, most>>20)
	if most > 48<<20 {
		t.Errorf("the store grew to %d MB", most>>20)
	}
	mustVerify(t, j)
}
