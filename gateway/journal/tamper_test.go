package journal

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"passerelle/gateway/policy"
)

// TestStoreThatLostOrChangedAKeyIsNoticed changes single keys behind the journal's back, as a store would that loses them
// without a word, and then starts again after an orderly end: what is found must be found before the first verdict.
func TestStoreThatLostOrChangedAKeyIsNoticed(t *testing.T) {
	t.Parallel()
	const tickets = 60 // segments of 8; the first 16 entries are dropped, their uses carried along
	useOf := func(j *Journal, n int) []byte {
		k := j.ledger.keyOf(useID(n), "")
		return append([]byte{prefixUse}, k[:]...)
	}
	flip := func(txn *badger.Txn, key []byte, at int) error {
		item, err := txn.Get(key)
		if err != nil {
			return err
		}
		b, err := item.ValueCopy(nil)
		if err != nil {
			return err
		}
		b[(at+len(b))%len(b)] ^= 1
		return txn.Set(key, b)
	}
	tests := []struct {
		name string
		edit func(j *Journal, txn *badger.Txn) error
		want State
	}{
		{"nothing", func(*Journal, *badger.Txn) error { return nil }, OK},
		{"use of a dropped entry gone", func(j *Journal, txn *badger.Txn) error { return txn.Delete(useOf(j, 3)) }, Gap},
		{"use of an old segment gone", func(j *Journal, txn *badger.Txn) error { return txn.Delete(useOf(j, 20)) }, Gap},
		{"use of the last but one segment gone", func(j *Journal, txn *badger.Txn) error { return txn.Delete(useOf(j, 50)) }, Gap},
		{"use of the current segment gone", func(j *Journal, txn *badger.Txn) error { return txn.Delete(useOf(j, 59)) }, Gap},
		{"use of a dropped entry changed", func(j *Journal, txn *badger.Txn) error { return flip(txn, useOf(j, 3), -1) }, Gap},
		{"use of an old segment changed", func(j *Journal, txn *badger.Txn) error { return flip(txn, useOf(j, 20), 12) }, Gap},
		{"use moved to another segment", func(j *Journal, txn *badger.Txn) error { return flip(txn, useOf(j, 20), 6) }, Gap},
		{"use too many", func(j *Journal, txn *badger.Txn) error {
			r := useRecord{entry: 30, until: forever, lane: "north"}
			return txn.Set(useOf(j, 999), r.append(nil))
		}, Gap},
		{"use cut short", func(j *Journal, txn *badger.Txn) error { return txn.Set(useOf(j, 20), []byte("short")) }, Gap},
		{"entry of the current segment changed", func(_ *Journal, txn *badger.Txn) error { return flip(txn, entryKey(66), -3) }, Gap},
		{"entry of the segment before changed", func(_ *Journal, txn *badger.Txn) error { return flip(txn, entryKey(60), -3) }, Gap},
		{"entry of the segment before gone", func(_ *Journal, txn *badger.Txn) error { return txn.Delete(entryKey(60)) }, Gap},
		{"last entry gone", func(_ *Journal, txn *badger.Txn) error { return txn.Delete(entryKey(70)) }, Gap},
		{"last entry's hash changed", func(_ *Journal, txn *badger.Txn) error { return flip(txn, entryKey(70), 40) }, Gap},
		{"entry from another chain beyond the head", func(_ *Journal, txn *badger.Txn) error {
			return txn.Set(entryKey(71), make([]byte, 100))
		}, Gap},
		{"end of an old segment gone", func(_ *Journal, txn *badger.Txn) error { return txn.Delete(segmentKey(3)) }, Gap},
		{"end of a recent segment changed", func(_ *Journal, txn *badger.Txn) error {
			return setJSON(txn, segmentKey(7), &segmentEnd{Tally: tally{Entries: 8}})
		}, Gap},
		{"end of a segment is no JSON", func(_ *Journal, txn *badger.Txn) error { return flip(txn, segmentKey(3), 0) }, Gap},
		{"checkpoint gone", func(_ *Journal, txn *badger.Txn) error { return txn.Delete([]byte(keyCheckpoint)) }, Gap},
		{"checkpoint set back", func(j *Journal, txn *badger.Txn) error {
			c := j.point
			c.Sequence -= 8
			return setJSON(txn, []byte(keyCheckpoint), &c)
		}, Gap},
		{"description gone", func(_ *Journal, txn *badger.Txn) error { return txn.Delete([]byte(keyMeta)) }, Gap},
		{"description of another journal", func(j *Journal, txn *badger.Txn) error {
			m := j.meta
			m.ID[0]++
			return setJSON(txn, []byte(keyMeta), &m)
		}, Gap},
		{"acknowledgement cut short", func(_ *Journal, txn *badger.Txn) error { return txn.Set([]byte(keyAcked), nil) }, Gap},
		{"movement that waits gone", func(_ *Journal, txn *badger.Txn) error { return txn.Delete(unresolvedKey(70)) }, Gap},
		{"movement that waits changed", func(_ *Journal, txn *badger.Txn) error { return flip(txn, unresolvedKey(70), 7) }, Gap},
		{"movement that waits too many", func(j *Journal, txn *badger.Txn) error {
			u := j.unresolved[70]
			return txn.Set(unresolvedKey(69), u.append(nil))
		}, Gap},
		{"counter gone", func(_ *Journal, txn *badger.Txn) error {
			return txn.Delete(appendCounterKey(nil, place{"gate", "stand-a"}))
		}, Gap},
		{"counter changed", func(_ *Journal, txn *badger.Txn) error {
			return flip(txn, appendCounterKey(nil, place{"gate", "stand-a"}), 7)
		}, Gap},
		{"counter of another lane", func(_ *Journal, txn *badger.Txn) error {
			return txn.Set(appendCounterKey(nil, place{"north", "stand-b"}), counter{1, 1, 0, 0}.append(nil))
		}, Gap},
		{"what one lane counted moved to another", func(j *Journal, txn *badger.Txn) error {
			north, gate := j.counts[place{"north", ""}], j.counts[place{"gate", "stand-a"}]
			north.authorised, north.passed = north.authorised-1, north.passed-1
			gate.authorised, gate.passed = gate.authorised+1, gate.passed+1
			return errors.Join(txn.Set(appendCounterKey(nil, place{"north", ""}), north.append(nil)),
				txn.Set(appendCounterKey(nil, place{"gate", "stand-a"}), gate.append(nil)))
		}, Gap},
		{"use of a resolved movement set back", func(j *Journal, txn *badger.Txn) error {
			r, _ := j.ledger.find(j.ledger.keyOf(useID(62), "stand-a"))
			r.entries = 0
			k := j.ledger.keyOf(useID(62), "stand-a")
			return txn.Set(append([]byte{prefixUse}, k[:]...), r.append(nil))
		}, Gap},
		{"event key of another box", func(j *Journal, _ *badger.Txn) error {
			k, err := newEventKey(rand.Reader)
			return errors.Join(err, k.save(filepath.Join(j.dir, keyName)))
		}, Gap},
	}
	base := t.TempDir()
	j := mustOpen(t, base, retentionOptions())
	fillSegments(t, j, tickets, testTime.AddDate(1, 0, 0))
	mustAcknowledge(t, j, 16)
	mustPrune(t, j, testTime.Add(2*time.Hour), 16)
	// Entries 62 to 69 are resolved, 70 is not.
	for n := 60; n < 64; n++ {
		p := mustCommit(t, j, awaited(in("gate", "stand-a", n)))[0]
		if _, err := j.Resolve("gate", p.At, p.Sequence, n%2 == 0); err != nil {
			t.Fatal(err)
		}
	}
	mustCommit(t, j, awaited(in("gate", "stand-a", 64)))
	mustClose(t, j)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := copyTree(dir, base); err != nil {
				t.Fatal(err)
			}
			j := mustOpen(t, dir, retentionOptions())
			if err := j.db.Update(func(txn *badger.Txn) error { return test.edit(j, txn) }); err != nil {
				t.Fatal(err)
			}
			mustClose(t, j)
			j = mustOpen(t, dir, retentionOptions())
			wantState(t, j, test.want)
			var again []Pending
			for n := range tickets {
				again = append(again, ticket("east", n))
			}
			for n, p := range mustCommit(t, j, again...) {
				if p.Candidate.Outcome() == policy.Admit {
					t.Errorf("ticket %d is admitted a second time", n)
				}
			}
			mustVerify(t, j)
		})
	}
}

func TestVerifyFindsASegmentEndThatIsWrong(t *testing.T) {
	t.Parallel()
	j := mustOpen(t, t.TempDir(), retentionOptions())
	fillSegments(t, j, 40, testTime.AddDate(1, 0, 0))
	if err := j.db.Update(func(txn *badger.Txn) error {
		var end segmentEnd
		if _, err := getJSON(txn, segmentKey(1), &end); err != nil {
			return err
		}
		end.Tally.Denied++
		return setJSON(txn, segmentKey(1), &end)
	}); err != nil {
		t.Fatal(err)
	}
	r, err := j.Verify(t.Context())
	if err != nil || r.Break == nil || r.Break.Sequence != 16 {
		t.Errorf("verify = %+v, %v; want a break at entry 16", r, err)
	}
	wantState(t, j, Damaged)
}

func TestMissingManifestKeepsTheTables(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, testOptions())
	mustCommit(t, j, ticket("north", 1))
	mustClose(t, j)
	if err := os.Remove(filepath.Join(dir, currentName, storeName, badger.ManifestFilename)); err != nil {
		t.Fatal(err)
	}
	j = mustOpen(t, dir, testOptions())
	wantState(t, j, Gap)
	kept, err := filepath.Glob(filepath.Join(lastKept(t, j), storeName, "*.sst"))
	if err != nil || len(kept) == 0 {
		t.Errorf("no table was kept: %v", err)
	}
}

// TestTableThatIsCutDoesNotEndTheProcess would end this one: Badger calls log.Fatal, or panics in a goroutine of its own.
func TestTableThatIsCutDoesNotEndTheProcess(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{0, 1, 3, 4, 20, 200} {
		dir := t.TempDir()
		j := mustOpen(t, dir, testOptions())
		mustCommit(t, j, ticket("north", 1))
		mustClose(t, j)
		tables, err := filepath.Glob(filepath.Join(dir, currentName, storeName, "*.sst"))
		if err != nil || len(tables) == 0 {
			t.Fatalf("tables = %v, %v", tables, err)
		}
		if err := os.Truncate(tables[len(tables)-1], size); err != nil {
			t.Fatal(err)
		}
		j = mustOpen(t, dir, testOptions())
		wantState(t, j, Gap)
		mustClose(t, j)
	}
}

func TestRefusedBatchLeavesNoClaims(t *testing.T) {
	t.Parallel()
	opts := testOptions()
	opts.memTable = 1 << 20 // Badger takes less than 160 kB at once
	j := mustOpen(t, t.TempDir(), opts)
	batch := make([]Pending, MaxBatch)
	for i := range batch {
		batch[i] = ticket(strings.Repeat("\x01", MaxLane), i)
		batch[i].Awaited = true
	}
	if err := j.Commit(batch); !errors.Is(err, badger.ErrTxnTooBig) {
		t.Fatalf("commit = %v, want ErrTxnTooBig", err)
	}
	if c := &batch[0].Candidate; c.Final() || c.Outcome() != policy.Admit || batch[0].Sequence != 0 {
		t.Error("a refused batch was changed")
	}
	for _, p := range mustCommit(t, j, batch[:10]...) {
		wantVerdict(t, p, policy.Admit, policy.OK, true)
	}
	if r := mustVerify(t, j); r.Uses != 10 || r.Last != 10 || r.Pending != 10 || len(j.Unresolved()) != 10 {
		t.Errorf("report = %+v, want 10 entries and uses", r)
	}
}
