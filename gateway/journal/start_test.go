package journal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"passerelle/gateway/policy"
)

// startsAfter changes the file of starts as crashes would.
func startsAfter(t *testing.T, dir string, change func(*startsFile)) {
	t.Helper()
	s, err := openStarts(filepath.Join(dir, startsName))
	if err != nil {
		t.Fatal(err)
	}
	change(s)
	if err := errors.Join(s.write(), s.f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestThirdCrashWhileOpeningMovesTheJournalAside(t *testing.T) {
	t.Parallel()
	for crashes, want := range map[uint32]State{maxCrashes - 1: OK, maxCrashes: Gap} {
		dir := t.TempDir()
		j := mustOpen(t, dir, testOptions())
		mustCommit(t, j, ticket("north", 1))
		id := j.ID()
		mustClose(t, j)
		startsAfter(t, dir, func(s *startsFile) { s.crashed = crashes })
		j = mustOpen(t, dir, testOptions())
		wantState(t, j, want)
		if same := j.ID() == id; same != (want == OK) {
			t.Errorf("after %d crashes: same journal %v", crashes, same)
		}
		if got := mustCommit(t, j, ticket("north", 1))[0].Candidate.Outcome(); got == policy.Admit {
			t.Errorf("after %d crashes a used ticket is admitted", crashes)
		}
		mustClose(t, j)
		j = mustOpen(t, dir, testOptions())
		wantState(t, j, want)
	}
}

func TestDyingStartsAreCounted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, testOptions())
	mustClose(t, j)
	for want := uint32(1); want <= 2; want++ {
		s, err := openStarts(filepath.Join(dir, startsName))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.begin(), s.f.Close()); err != nil { // and the process is gone
			t.Fatal(err)
		}
		if s.crashed != want {
			t.Errorf("crashed = %d, want %d", s.crashed, want)
		}
	}
	mustClose(t, mustOpen(t, dir, testOptions()))
	startsAfter(t, dir, func(s *startsFile) {
		if s.crashed != 0 || s.unclean {
			t.Errorf("after a good start and stop: crashed %d, unclean %v", s.crashed, s.unclean)
		}
	})
}

func TestInterruptedRenewalIsStillAGap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, testOptions())
	mustCommit(t, j, ticket("north", 1))
	id := j.ID()
	mustClose(t, j)
	// A start moved the journal aside and died before the new one was there, half of which it had made.
	if err := errors.Join(os.Rename(filepath.Join(dir, currentName), filepath.Join(dir, keptPrefix+"0001-x")),
		os.Mkdir(filepath.Join(dir, nextName), 0o700)); err != nil {
		t.Fatal(err)
	}
	j = mustOpen(t, dir, testOptions())
	wantState(t, j, Gap)
	if body := string(readAll(t, j)[0].Body); !strings.Contains(body, id) || !strings.Contains(body, keptPrefix+"0001-x") {
		t.Errorf("gap record does not name journal %s: %s", id, body)
	}
	if kept, err := j.kept(); err != nil || len(kept) != 1 {
		t.Errorf("kept = %v, %v; want one folder", kept, err)
	}
}

func TestEmptyLogIsNoDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, testOptions())
	mustCommit(t, j, ticket("north", 1))
	mustClose(t, j)
	for _, name := range []string{"00099.mem", "000099.vlog"} {
		if err := os.WriteFile(filepath.Join(dir, currentName, storeName, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	j = mustOpen(t, dir, testOptions())
	wantState(t, j, OK)
	mustVerify(t, j)
}

// olderDamage makes a journal of many segments, changes an entry of the first and says to the next start that all was well.
func olderDamage(t *testing.T, dir string) {
	t.Helper()
	opts := testOptions()
	opts.segment = 8
	j := mustOpen(t, dir, opts)
	for n := range 40 {
		mustCommit(t, j, ticket("north", n))
	}
	err := j.db.Update(func(txn *badger.Txn) error {
		item, err := txn.Get(entryKey(3))
		if err != nil {
			return err
		}
		b, err := item.ValueCopy(nil)
		if err != nil {
			return err
		}
		b[len(b)-2] ^= 1
		return txn.Set(entryKey(3), b)
	})
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
}

func TestOlderDamageIsFoundInTheBackground(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	olderDamage(t, dir)
	j := mustOpen(t, dir, testOptions())
	wantState(t, j, OK) // Open walks the last two segments
	if err := j.CheckOlder(t.Context()); !errors.Is(err, ErrDamaged) {
		t.Errorf("check = %v, want ErrDamaged", err)
	}
	wantState(t, j, Damaged)
	batch := mustCommit(t, j, ticket("north", 3), ticket("north", 99), pass("north"))
	wantVerdict(t, batch[0], policy.Deny, policy.AlreadyUsed, true)
	wantVerdict(t, batch[1], policy.Refer, policy.StoreUnavailable, false)
	wantVerdict(t, batch[2], policy.Admit, policy.OK, true)
	mustClose(t, j)
	j = mustOpen(t, dir, testOptions())
	wantState(t, j, Gap)
	mustVerify(t, j)
}

func TestReadFindsDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	olderDamage(t, dir)
	j := mustOpen(t, dir, testOptions())
	if _, err := j.Read(nil, 1, 100); !errors.Is(err, ErrDamaged) {
		t.Errorf("read = %v, want ErrDamaged", err)
	}
	wantState(t, j, Damaged)
}

func TestUncleanStartWalksEverything(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	olderDamage(t, dir)
	startsAfter(t, dir, func(s *startsFile) { s.unclean = true })
	wantState(t, mustOpen(t, dir, testOptions()), Gap)
}

func TestFailedWriteIsNotFinalAndStopsTheJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, err := Open(dir, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	mustCommit(t, j, ticket("north", 1))
	if err := j.head.f.Close(); err != nil { // the next write of the head file fails, after the store's
		t.Fatal(err)
	}
	p := []Pending{ticket("north", 2)}
	for range 2 {
		if err := j.Commit(p); !errors.Is(err, ErrDamaged) {
			t.Errorf("commit = %v, want ErrDamaged", err)
		}
		if p[0].Candidate.Final() || p[0].Sequence != 0 {
			t.Error("a verdict that may not be on disk is final")
		}
		wantState(t, j, Damaged)
	}
	if sequence, _ := j.Head(); sequence != 1 {
		t.Errorf("head = %d, want 1", sequence)
	}
	if err := j.Close(); err == nil {
		t.Error("close says nothing of the head file")
	}
	// The entry was on disk all the same: it is adopted, and the ticket counts as used.
	j = mustOpen(t, dir, testOptions())
	wantState(t, j, OK)
	wantVerdict(t, mustCommit(t, j, ticket("north", 2))[0], policy.Deny, policy.AlreadyUsed, true)
	if r := mustVerify(t, j); r.Last != 3 {
		t.Errorf("last = %d, want 3", r.Last)
	}
}

func TestExportIsCheckedWithSHA256Alone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opts := retentionOptions()
	j := mustOpen(t, dir, opts)
	fillSegments(t, j, 20, testTime)
	if _, err := j.Note("", testTime, "start", map[string]string{"text": "<é\u2028\">"}); err != nil {
		t.Fatal(err)
	}
	export := func(j *Journal) string {
		var b strings.Builder
		if err := j.Export(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	whole := export(j)
	if err := checkExport(whole); err != nil {
		t.Errorf("export: %v", err)
	}
	mustAcknowledge(t, j, 16)
	mustPrune(t, j, testTime.Add(100*time.Hour), 16)
	if err := checkExport(export(j)); err != nil {
		t.Errorf("export after retention: %v", err)
	}
	mustClose(t, j)

	// The same after the program has ended, from a journal opened to read.
	r, err := OpenReadOnly(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := checkExport(export(r)); err != nil {
		t.Errorf("export of a closed journal: %v", err)
	}
	mustVerify(t, r)
	mustClose(t, r)

	for _, forged := range []string{
		strings.Replace(whole, `\"verdict\":\"admit\"`, `\"verdict\":\"deny\"`, 1),
		strings.Replace(whole, `\"lane\":\"north\"`, `\"lane\":\"south\"`, 1),
		whole[:strings.LastIndex(whole[:len(whole)-1], "\n")+1],
	} {
		if checkExport(forged) == nil {
			t.Error("a forged export passes")
		}
	}
}

func TestReadOnlyNoticesAMissingFile(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{"head file": "current/head", "event key": "key"} {
		dir := t.TempDir()
		j := mustOpen(t, dir, testOptions())
		mustClose(t, j)
		if err := os.Remove(filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
		r, err := OpenReadOnly(dir, Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if report, err := r.Verify(t.Context()); err != nil || report.Break == nil {
			t.Errorf("without its %s: %+v, %v", name, report, err)
		}
		mustClose(t, r)
	}
}

func TestReadOnlyAfterACrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var a acknowledged
	a.take(t, runAndKill(t, "write", dir, 0, 20, 0, nil))
	r, err := OpenReadOnly(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if report := mustVerify(t, r); report.Last < a.sequence || report.Uses < uint64(a.tickets) {
		t.Errorf("report = %+v, acknowledged %d", report, a.sequence)
	}
	mustClose(t, r)
	if loss := lossOf(t, mustOpen(t, dir, testOptions()), &a); loss != "" {
		t.Errorf("lost %s", loss)
	}
}

func TestReadOnlyOfNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := OpenReadOnly(dir, Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("open = %v, want not exist", err)
	}
	if names, _ := os.ReadDir(dir); len(names) != 0 {
		t.Errorf("opening for reading made %v", names)
	}
}

func TestStatesHaveNames(t *testing.T) {
	t.Parallel()
	for s, want := range map[State]string{OK: "ok", Gap: "gap", Damaged: "damaged", Full: "full", 99: "damaged"} {
		if got := s.String(); got != want {
			t.Errorf("state %d = %q, want %q", s, got, want)
		}
	}
	var zero State
	if zero != Damaged {
		t.Error("the zero state is not damaged")
	}
}
