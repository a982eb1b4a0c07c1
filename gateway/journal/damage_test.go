package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/gateway/policy"
)

// damageTickets were all used in the store that the damage tests damage.
const damageTickets = 150

func damageOptions() Options {
	opts := testOptions()
	opts.segment = 16
	opts.Keep = time.Hour
	return opts
}

// makeDamageStore makes a small store with everything in it: tables, a log that no table has yet, a checkpoint with uses
// carried along, complete segments and an unfinished one. It is copied while open, as a power cut would leave it.
func makeDamageStore(t *testing.T, dir string) tip {
	t.Helper()
	work := t.TempDir()
	n := 0
	fill := func(j *Journal, count int) {
		for range count / 5 {
			batch := make([]Pending, 5)
			for i := range batch {
				batch[i] = ticket("north", n)
				n++
			}
			mustCommit(t, j, batch...)
		}
	}
	for range 2 {
		j := mustOpen(t, work, damageOptions())
		fill(j, 40)
		mustClose(t, j)
	}
	j := mustOpen(t, work, damageOptions())
	fill(j, 30)
	if err := errors.Join(j.SetTrustVersion(5), j.Acknowledge(40)); err != nil {
		t.Fatal(err)
	}
	if dropped, err := j.Prune(testTime.Add(2 * time.Hour)); err != nil || dropped != 32 {
		t.Fatalf("prune dropped %d, %v; want 32", dropped, err)
	}
	mustClose(t, j)
	j = mustOpen(t, work, damageOptions())
	fill(j, damageTickets-n)
	if err := j.CheckOlder(t.Context()); err != nil { // the next start walks only what is recent
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // Badger turns the last run's log into a table
	for tries := 0; ; tries++ {
		before := filesOf(work)
		if err := copyTree(dir, work); err == nil && filesOf(work) == before {
			return j.current()
		}
		// Badger was at work meanwhile: files of two moments are no power cut.
		if err := os.RemoveAll(dir); err != nil || tries == 100 {
			t.Fatalf("the store never rests: %v", err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// filesOf tells whether anything happens in a folder: names, sizes and times of change.
func filesOf(dir string) string {
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			fmt.Fprintln(&all, path, info.Size(), info.ModTime())
		}
		return err
	})
	if err != nil {
		return time.Now().String() // a file went away while we looked: not at rest
	}
	return all.String()
}

// copyTree copies files with their holes, which is most of Badger's.
func copyTree(dst, src string) error {
	return filepath.WalkDir(src, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dst, strings.TrimPrefix(path, src))
		if d.IsDir() {
			return os.MkdirAll(to, 0o700)
		}
		return copySparse(to, path)
	})
}

func copySparse(dst, src string) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(dst)
	if err != nil {
		return err
	}
	defer out.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	for at := int64(0); at < info.Size(); {
		from, err := unix.Seek(int(in.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break
		}
		if err != nil {
			return err
		}
		to, err := unix.Seek(int(in.Fd()), from, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.NewOffsetWriter(out, from), io.NewSectionReader(in, from, to-from)); err != nil {
			return err
		}
		at = to
	}
	return out.Truncate(info.Size())
}

// damageCase is one thing done to one file. It is a line of words, for the child.
type damageCase struct {
	file string // relative to the journal's folder
	what string // delete, empty, half, bit, byte
	at   int64
}

func (c damageCase) String() string { return fmt.Sprintf("%s %s %d", c.file, c.what, c.at) }

func (c damageCase) apply(dir string) error {
	path := filepath.Join(dir, c.file)
	switch c.what {
	case "delete":
		return os.Remove(path)
	case "empty":
		return os.Truncate(path, 0)
	case "half":
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		return os.Truncate(path, info.Size()/2)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], c.at); err != nil {
		return err
	}
	if b[0] ^= 1 << (c.at % 8); c.what == "byte" {
		b[0] = ^b[0]
	}
	_, err = f.WriteAt(b[:], c.at)
	return err
}

// damageCases lists every file with deletions, truncations and flips of non-zero bytes: all of them in a small file, flips of
// them spread over a large one.
func damageCases(t *testing.T, dir string, flips int) []damageCase {
	t.Helper()
	var cases []damageCase
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		cases = append(cases, damageCase{name, "delete", 0})
		if len(b) == 0 {
			return nil
		}
		cases = append(cases, damageCase{name, "empty", 0}, damageCase{name, "half", 0})
		var set []int64
		for i, c := range b {
			if c != 0 {
				set = append(set, int64(i))
			}
		}
		for i := range min(flips, len(set)) {
			cases = append(cases, damageCase{name, []string{"bit", "byte"}[i%2], set[i*len(set)/min(flips, len(set))]})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// damageChild answers each line {folder, last sequence, its hash} with what a gate makes of the journal there: "intact",
// "noticed …" or "FAIL …".
func damageChild(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var dir, hash string
		var sequence uint64
		if _, err := fmt.Sscan(lines.Text(), &dir, &sequence, &hash); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, judgeDamaged(dir, sequence, hash)); err != nil {
			return err
		}
	}
	return nil
}

func judgeDamaged(dir string, sequence uint64, hash string) (verdict string) {
	j, err := Open(dir, damageOptions())
	if err != nil {
		return "FAIL open: " + oneLine(err)
	}
	defer func() {
		if err := j.Close(); err != nil {
			verdict = "FAIL close: " + oneLine(err)
		}
	}()
	if err := replayAll(j); err != nil {
		return "FAIL at once: " + oneLine(err)
	}
	checkErr := j.CheckOlder(context.Background())
	if err := replayAll(j); err != nil {
		return "FAIL after the check: " + oneLine(err)
	}
	fresh := []Pending{ticket("east", 1<<20), pass("east")}
	if err := j.Commit(fresh); err != nil {
		return "FAIL commit: " + oneLine(err)
	}
	state := j.State()
	want := policy.Refer
	if state == OK {
		want = policy.Admit
	}
	if fresh[0].Candidate.Outcome() != want || fresh[1].Candidate.Outcome() != policy.Admit {
		return fmt.Sprintf("FAIL in state %v a new ticket is %v, a pass %v", state, fresh[0].Candidate.Outcome(), fresh[1].Candidate.Outcome())
	}
	if state != OK {
		return "noticed " + state.String()
	}
	entries, err := j.Read(nil, sequence, 1)
	if checkErr != nil || err != nil || len(entries) != 1 || hexOf(entries[0].Hash[:]) != hash {
		return fmt.Sprintf("FAIL state ok, but entry %d is lost: %v %v", sequence, checkErr, err)
	}
	if r, err := j.Verify(context.Background()); err != nil || r.Break != nil || r.Uses != damageTickets+1 {
		return fmt.Sprintf("FAIL state ok, but verify finds %+v %v and %d uses", r.Break, err, r.Uses)
	}
	if j.TrustVersion() != 5 {
		return fmt.Sprintf("FAIL state ok, but the trust version is %d", j.TrustVersion())
	}
	return "intact"
}

// replayAll shows every used ticket again.
func replayAll(j *Journal) error {
	for n := 0; n < damageTickets; n += 50 {
		batch := make([]Pending, 50)
		for i := range batch {
			batch[i] = ticket("east", n+i)
		}
		if err := j.Commit(batch); err != nil {
			return err
		}
		for i := range batch {
			if batch[i].Candidate.Outcome() == policy.Admit {
				return fmt.Errorf("ticket %d was admitted a second time, state %v", n+i, j.State())
			}
		}
	}
	return nil
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", " ") }

// judge is a damageChild that is started again when it dies.
type judge struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func (g *judge) ask(line string) (string, bool) {
	if g.cmd == nil {
		g.cmd = childCommand(g.t, "damage", "", 0)
		in, err := g.cmd.StdinPipe()
		if err != nil {
			g.t.Fatal(err)
		}
		out, err := g.cmd.StdoutPipe()
		if err != nil {
			g.t.Fatal(err)
		}
		g.in, g.out = in, bufio.NewReader(out)
		if err := g.cmd.Start(); err != nil {
			g.t.Fatal(err)
		}
	}
	if _, err := io.WriteString(g.in, line+"\n"); err == nil {
		if answer, err := g.out.ReadString('\n'); err == nil {
			return strings.TrimSpace(answer), true
		}
	}
	g.stop()
	return "", false
}

func (g *judge) stop() {
	if g.cmd != nil {
		_ = g.in.Close()
		_ = g.cmd.Process.Kill()
		_ = g.cmd.Wait()
		g.cmd = nil
	}
}

// TestDamageIsNoticedOrLosesNothing does every kind of damage to every file of a journal and lets a process of its own open it:
// either the journal says that it is not ok, or everything acknowledged is there; and no used ticket is admitted again, whatever
// it says. A process that dies is started again, as the system would.
func TestDamageIsNoticedOrLosesNothing(t *testing.T) {
	t.Parallel()
	flips := number(t, "PASSERELLE_FLIPS", 24)
	base := filepath.Join(t.TempDir(), "base")
	head := makeDamageStore(t, base)
	cases := append([]damageCase{{what: "nothing"}}, damageCases(t, base, flips)...)

	var mu sync.Mutex
	counts := make(map[string]int)
	next := 0
	take := func() (damageCase, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next == len(cases) {
			return damageCase{}, false
		}
		next++
		return cases[next-1], true
	}
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			g := judge{t: t}
			defer g.stop()
			for c, ok := take(); ok; c, ok = take() {
				result, deaths := c.run(t, &g, base, head)
				mu.Lock()
				counts[result]++
				counts["deaths of the process"] += deaths
				mu.Unlock()
				if strings.HasPrefix(result, "FAIL") || c.what == "nothing" && result != "intact" {
					t.Errorf("%v: %s", c, result)
				}
			}
		})
	}
	workers.Wait()
	t.Logf("%d cases: %v", len(cases), counts)
}

func (c damageCase) run(t *testing.T, g *judge, base string, head tip) (result string, deaths int) {
	work, err := os.MkdirTemp(t.TempDir(), "")
	if err == nil {
		err = copyTree(work, base)
	}
	if err == nil && c.what != "nothing" {
		err = c.apply(work)
	}
	if err != nil {
		return "FAIL " + err.Error(), 0
	}
	defer os.RemoveAll(work)
	for ; deaths <= 2*maxCrashes; deaths++ {
		if result, ok := g.ask(fmt.Sprintf("%s %d %x", work, head.sequence, head.chain)); ok {
			return result, deaths
		}
	}
	return "FAIL the process dies at every start", deaths
}

func TestHeadFile(t *testing.T) {
	t.Parallel()
	base := filepath.Join(t.TempDir(), "base")
	makeDamageStore(t, base)
	read := func(t *testing.T, dir string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, currentName, headName))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	other := t.TempDir()
	j := mustOpen(t, other, damageOptions())
	mustCommit(t, j, pass("north"))
	mustClose(t, j)
	foreign := read(t, other)
	newest := func(b []byte) int {
		_, first, _ := decodeSlot(b[:slotSize])
		_, second, _ := decodeSlot(b[slotSize:])
		if first > second {
			return 0
		}
		return slotSize
	}
	tests := []struct {
		name string
		head func(b []byte) []byte
		want State
	}{
		{"as it was", func(b []byte) []byte { return b }, OK},
		{"newest slot torn", func(b []byte) []byte { clear(b[newest(b)+50 : newest(b)+4096]); return b }, OK},
		{"newest slot empty", func(b []byte) []byte { clear(b[newest(b) : newest(b)+4096]); return b }, OK},
		{"second slot cut off", func(b []byte) []byte { return b[:slotSize+100] }, OK},
		{"both slots torn", func(b []byte) []byte { b[40]++; b[slotSize+40]++; return b }, Gap},
		{"cut in the first slot", func(b []byte) []byte { return b[:100] }, Gap},
		{"nothing", func([]byte) []byte { return nil }, Gap},
		{"of another journal", func([]byte) []byte { return foreign }, Gap},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := copyTree(dir, base); err != nil {
				t.Fatal(err)
			}
			b := test.head(read(t, dir))
			if err := os.WriteFile(filepath.Join(dir, currentName, headName), b, 0o600); err != nil {
				t.Fatal(err)
			}
			j := mustOpen(t, dir, damageOptions())
			wantState(t, j, test.want)
			if err := replayAll(j); err != nil {
				t.Error(err)
			}
			mustVerify(t, j)
		})
	}
}

func TestOldStoreUnderANewHeadIsNoticed(t *testing.T) {
	t.Parallel()
	dir, old := t.TempDir(), t.TempDir()
	j := mustOpen(t, dir, testOptions())
	mustCommit(t, j, ticket("north", 1))
	mustClose(t, j)
	if err := copyTree(old, filepath.Join(dir, currentName, storeName)); err != nil {
		t.Fatal(err)
	}
	j = mustOpen(t, dir, testOptions())
	mustCommit(t, j, ticket("north", 2))
	id := j.ID()
	mustClose(t, j)
	store := filepath.Join(dir, currentName, storeName)
	if err := errors.Join(os.RemoveAll(store), os.Rename(old, store)); err != nil {
		t.Fatal(err)
	}

	j = mustOpen(t, dir, testOptions())
	wantState(t, j, Gap)
	if j.ID() == id {
		t.Error("the new journal has the old id")
	}
	wantVerdict(t, mustCommit(t, j, ticket("north", 2))[0], policy.Refer, policy.StoreUnavailable, false)
	var gap struct {
		Event    string `json:"event"`
		Previous string `json:"previous_journal"`
		Sequence string `json:"last_sequence"`
		Hash     string `json:"last_hash"`
		Kept     string `json:"kept"`
	}
	decodeBody(t, readAll(t, j)[0], &gap)
	if gap.Event != "gap" || gap.Previous != id || gap.Sequence != "2" || len(gap.Hash) != 64 {
		t.Errorf("gap record = %+v", gap)
	}
	mustClose(t, j)

	// What was moved aside can still be read, and says what is wrong.
	kept, err := OpenReadOnly(filepath.Join(dir, gap.Kept), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	r, err := kept.Verify(t.Context())
	if err != nil || r.Last != 1 || r.Break == nil || r.Break.Sequence != 2 {
		t.Errorf("the kept journal verifies as %+v, %v", r, err)
	}
	if err := kept.Commit([]Pending{pass("north")}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("commit to a kept journal: %v, want ErrReadOnly", err)
	}
}

func TestOldHeadUnderANewStoreIsCaughtUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, testOptions())
	mustCommit(t, j, ticket("north", 1))
	path := filepath.Join(dir, currentName, headName)
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		mustCommit(t, j, ticket("north", n))
	}
	if err := j.SetTrustVersion(4); err != nil {
		t.Fatal(err)
	}
	sequence, chain := j.Head()
	mustClose(t, j)
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	j = mustOpen(t, dir, testOptions())
	wantState(t, j, OK)
	if s, c := j.Head(); s != sequence || c != chain || j.TrustVersion() != 4 {
		t.Errorf("head = %d, trust version %d; want %d, 4", s, j.TrustVersion(), sequence)
	}
	for n := range 20 {
		wantVerdict(t, mustCommit(t, j, ticket("north", n))[0], policy.Deny, policy.AlreadyUsed, true)
	}
}

func TestGapLastsUntilASupervisorAccepts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, testOptions())
	mustCommit(t, j, ticket("north", 1))
	if err := j.AcceptLoss("north", testTime, "early"); !errors.Is(err, ErrNoGap) {
		t.Errorf("accept without a gap: %v, want ErrNoGap", err)
	}
	if err := j.SetTrustVersion(9); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	if err := os.RemoveAll(filepath.Join(dir, currentName, storeName)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a restart does not end it
		j = mustOpen(t, dir, testOptions())
		wantState(t, j, Gap)
		batch := mustCommit(t, j, ticket("north", 1), ticket("north", 2), pass("north"), refused("north"))
		wantVerdict(t, batch[0], policy.Refer, policy.StoreUnavailable, false)
		wantVerdict(t, batch[1], policy.Refer, policy.StoreUnavailable, false)
		wantVerdict(t, batch[2], policy.Admit, policy.OK, true)
		wantVerdict(t, batch[3], policy.Deny, policy.BadSignature, true)
		mustClose(t, j)
	}
	j = mustOpen(t, dir, testOptions())
	if err := j.AcceptLoss("north", testTime, "paper list checked"); err != nil {
		t.Fatal(err)
	}
	wantState(t, j, OK)
	wantVerdict(t, mustCommit(t, j, ticket("north", 2))[0], policy.Admit, policy.OK, true)
	mustClose(t, j)
	j = mustOpen(t, dir, testOptions())
	wantState(t, j, OK)
	wantVerdict(t, mustCommit(t, j, ticket("north", 2))[0], policy.Deny, policy.AlreadyUsed, true)
	if got := j.TrustVersion(); got != 9 {
		t.Errorf("trust version after a gap = %d, want 9", got)
	}
	entries := readAll(t, j)
	accepted := slices.IndexFunc(entries, func(e Entry) bool { return strings.Contains(string(e.Body), `"event":"loss_accepted"`) })
	if accepted < 0 || !strings.Contains(string(entries[accepted].Body), `"note":"paper list checked"`) {
		t.Error("the acceptance is not in the journal")
	}
	mustVerify(t, j)
}

func TestLostJournalIsNotAFreshOne(t *testing.T) {
	t.Parallel()
	for _, lost := range [][]string{{currentName}, {currentName, startsName}, {currentName, keyName}} {
		dir := t.TempDir()
		j := mustOpen(t, dir, testOptions())
		mustCommit(t, j, ticket("north", 1))
		mustClose(t, j)
		for _, name := range lost {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		j = mustOpen(t, dir, testOptions())
		wantState(t, j, Gap)
		mustClose(t, j)
	}
}
