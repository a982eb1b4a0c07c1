package journal

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"

	"passerelle/gateway/policy"
)

// TestMain also runs the parts of the tests that must be a process of their own, to be killed.
func TestMain(m *testing.M) {
	if part := os.Getenv(childEnv); part != "" {
		os.Exit(child(part))
	}
	flag.Parse()
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		_ = checks.Value.Set("30") // each opens a store or two
	}
	os.Exit(m.Run())
}

var testTime = time.Date(2026, 8, 1, 18, 30, 0, 123_000_000, time.UTC)

func testOptions() Options {
	return Options{Now: func() time.Time { return testTime }, Random: rand.Reader, Ballast: 1 << 20}
}

var demo = policy.Demo()

// useID returns the use id of ticket n.
func useID(n int) policy.UseID {
	var id policy.UseID
	binary.BigEndian.PutUint64(id[:], uint64(n)+1)
	return id
}

// candidate returns one that passed every check.
func candidate(kind policy.Kind) policy.Candidate {
	var f policy.Findings
	for c := range policy.NumChecks {
		if c != policy.Use {
			f.Pass(c)
		}
	}
	c := policy.Candidate{Kind: kind, Issuer: "MA", HasKey: true, List: 7, Clock: policy.ClockTrusted}
	c.Conclude(&f, &demo)
	return c
}

// ticket returns ticket n at a lane: it may be used once and would be admitted.
func ticket(lane string, n int) Pending {
	c := candidate(policy.HCERTTest)
	c.Once, c.Use, c.Expires = true, useID(n), testTime.Add(24*time.Hour).Unix()
	return Pending{Lane: lane, At: testTime, Profile: &demo, Candidate: c}
}

// pass returns a credential that may be used any number of times.
func pass(lane string) Pending {
	return Pending{Lane: lane, At: testTime, Profile: &demo, Candidate: candidate(policy.HCERTVaccination)}
}

// refused returns a candidate that is denied whatever the journal says.
func refused(lane string) Pending {
	var f policy.Findings
	f.Pass(policy.Format)
	f.Fail(policy.Signature, policy.BadSignature)
	c := policy.Candidate{Kind: policy.HCERTTest, Once: true, Use: useID(1 << 30)}
	c.Conclude(&f, &demo)
	return Pending{Lane: lane, At: testTime, Profile: &demo, Candidate: c}
}

func mustOpen(t testing.TB, dir string, opts Options) *Journal {
	t.Helper()
	j, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return j
}

func mustClose(t testing.TB, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func mustCommit(t testing.TB, j *Journal, batch ...Pending) []Pending {
	t.Helper()
	if err := j.Commit(batch); err != nil {
		t.Fatal(err)
	}
	return batch
}

// wantVerdict checks one final verdict.
func wantVerdict(t testing.TB, p Pending, outcome policy.Outcome, reason policy.Reason, final bool) {
	t.Helper()
	v := &p.Candidate
	if v.Outcome() != outcome || v.Reason() != reason || v.Final() != final {
		t.Errorf("verdict = %v %v final %v, want %v %v final %v", v.Outcome(), v.Reason(), v.Final(), outcome, reason, final)
	}
}

func wantState(t testing.TB, j *Journal, want State) {
	t.Helper()
	if got := j.State(); got != want {
		t.Errorf("state = %v, want %v", got, want)
	}
}

func mustVerify(t testing.TB, j *Journal) Report {
	t.Helper()
	r, err := j.Verify(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if r.Break != nil {
		t.Errorf("journal is not intact: %+v", *r.Break)
	}
	return r
}

func readAll(t testing.TB, j *Journal) []Entry {
	t.Helper()
	entries, err := j.Read(nil, 0, MaxRead)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestCommitMakesVerdictsFinal(t *testing.T) {
	t.Parallel()
	j := mustOpen(t, t.TempDir(), testOptions())
	wantState(t, j, OK)
	batch := mustCommit(t, j, ticket("north", 1), pass("north"), refused("south"))
	wantVerdict(t, batch[0], policy.Admit, policy.OK, true)
	wantVerdict(t, batch[1], policy.Admit, policy.OK, true)
	wantVerdict(t, batch[2], policy.Deny, policy.BadSignature, true)
	if got := batch[0].Candidate.State(policy.Use); got != policy.Passed {
		t.Errorf("use of a claimed ticket = %v, want passed", got)
	}
	if got := batch[1].Candidate.State(policy.Use); got != policy.NotApplicable {
		t.Errorf("use of a pass = %v, want not_applicable", got)
	}
	for i := range batch {
		if want := uint64(i + 1); batch[i].Sequence != want {
			t.Errorf("sequence = %d, want %d", batch[i].Sequence, want)
		}
	}
	if sequence, chain := j.Head(); sequence != 3 || chain == [32]byte{} {
		t.Errorf("head = %d %x", sequence, chain)
	}
	if r := mustVerify(t, j); r.Admitted != 2 || r.Denied != 1 || r.Uses != 1 || r.Last != 3 {
		t.Errorf("report = %+v", r)
	}
}

func TestTicketIsAdmittedOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, testOptions())
	one := mustCommit(t, j, ticket("north", 1), ticket("south", 1))
	wantVerdict(t, one[0], policy.Admit, policy.OK, true)
	wantVerdict(t, one[1], policy.Deny, policy.AlreadyUsed, true)
	earlier := Earlier{"north", testTime, 1}
	if diff := cmp.Diff(earlier, one[1].Earlier); diff != "" {
		t.Errorf("earlier in the same batch (-want +got):\n%s", diff)
	}
	two := mustCommit(t, j, ticket("south", 1))
	wantVerdict(t, two[0], policy.Deny, policy.AlreadyUsed, true)
	mustClose(t, j)

	j = mustOpen(t, dir, testOptions())
	three := mustCommit(t, j, ticket("west", 1), ticket("west", 2))
	wantVerdict(t, three[0], policy.Deny, policy.AlreadyUsed, true)
	wantVerdict(t, three[1], policy.Admit, policy.OK, true)
	if diff := cmp.Diff(earlier, three[0].Earlier); diff != "" {
		t.Errorf("earlier after a restart (-want +got):\n%s", diff)
	}
	mustVerify(t, j)
}

func TestOnlyAnAdmissionClaimsItsUse(t *testing.T) {
	t.Parallel()
	j := mustOpen(t, t.TempDir(), testOptions())
	denied := refused("north")
	denied.Candidate.Use = useID(1)
	mustCommit(t, j, denied)
	wantVerdict(t, mustCommit(t, j, ticket("north", 1))[0], policy.Admit, policy.OK, true)
}

func TestTicketWithoutUseIDIsReferred(t *testing.T) {
	t.Parallel()
	j := mustOpen(t, t.TempDir(), testOptions())
	p := ticket("north", 1)
	p.Candidate.Use = policy.UseID{}
	wantVerdict(t, mustCommit(t, j, p)[0], policy.Refer, policy.StoreUnavailable, false)
}

func TestLedgerThatIsFullRefers(t *testing.T) {
	t.Parallel()
	opts := testOptions()
	opts.MaxUses = 2
	j := mustOpen(t, t.TempDir(), opts)
	batch := mustCommit(t, j, ticket("north", 1), ticket("north", 2), ticket("north", 3), ticket("north", 1), pass("north"))
	wantVerdict(t, batch[1], policy.Admit, policy.OK, true)
	wantVerdict(t, batch[2], policy.Refer, policy.StoreUnavailable, false)
	wantVerdict(t, batch[3], policy.Deny, policy.AlreadyUsed, true)
	wantVerdict(t, batch[4], policy.Admit, policy.OK, true)
	mustVerify(t, j)
}

func TestBodyOfAVerdict(t *testing.T) {
	t.Parallel()
	j := mustOpen(t, t.TempDir(), testOptions())
	mustCommit(t, j, ticket("north", 1), ticket(`so"uth<`, 1))
	entries := readAll(t, j)
	key := j.ledger.keyOf(useID(1), "")
	checks := `"checks":{"format":"passed","key":"passed","signature":"passed","usage":"passed","revocation":"passed",` +
		`"time":"passed","rules":"passed","place":"passed","identity":"passed","use":`
	tail := `},"final":true,"trust":{"version":7,"age":0},"clock":"trusted","profile":"demo",`
	want := []string{
		`{"lane":"north","at":"2026-08-01T18:30:00.123Z","event":"verdict","verdict":"admit","reason":"ok","kind":"hcert:test",` +
			`"issuer":"MA","key":"0000000000000000",` + checks + `"passed"` + tail +
			`"movement":"in","use":"` + strings.ToLower(hexOf(key[:])) + `","until":1785715200}`,
		`{"lane":"so\u0022uth\u003c","at":"2026-08-01T18:30:00.123Z","event":"verdict","verdict":"deny","reason":"already_used",` +
			`"kind":"hcert:test","issuer":"MA","key":"0000000000000000",` + checks + `"failed"` + tail +
			`"earlier":{"lane":"north","at":"2026-08-01T18:30:00.123Z"}}`,
	}
	for i, e := range entries {
		if diff := cmp.Diff(want[i], string(e.Body)); diff != "" {
			t.Errorf("body %d (-want +got):\n%s", i+1, diff)
		}
		if !json.Valid(e.Body) {
			t.Errorf("body %d is not JSON", i+1)
		}
	}
	if got := entries[1].Lane; got != `so"uth<` {
		t.Errorf("lane = %q", got)
	}
}

func TestUseIDIsNeverStoredInClear(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, testOptions())
	p := ticket("north", 1)
	p.Candidate.Use = policy.UseID([]byte("canary-use-id-xy"))
	mustCommit(t, j, p)
	mustClose(t, j)
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, canary := range []string{"canary-use-id-xy", hexOf([]byte("canary-use-id-xy"))} {
			if bytes.Contains(b, []byte(canary)) {
				t.Errorf("%s holds the use id", path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNote(t *testing.T) {
	t.Parallel()
	j := mustOpen(t, t.TempDir(), testOptions())
	// Fields may have the names that verdicts use.
	fields := map[string]string{"version": "12", "verdict": "admit", "use": "x", "until": "soon", "checkpoint": "no", "text": "a\"\x1b\u202eé"}
	sequence, err := j.Note("", testTime, "trust_taken", fields)
	if err != nil || sequence != 1 {
		t.Fatalf("note = %d, %v", sequence, err)
	}
	want := `{"lane":"","at":"2026-08-01T18:30:00.123Z","event":"trust_taken","checkpoint":"no","text":"a\u0022\u001b` + "\u202e" +
		`é","until":"soon","use":"x","verdict":"admit","version":"12"}`
	if diff := cmp.Diff(want, string(readAll(t, j)[0].Body)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if r := mustVerify(t, j); r.Admitted != 0 {
		t.Errorf("a note counts as %d admissions", r.Admitted)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	j := mustOpen(t, t.TempDir(), testOptions())
	batch := func(n int) []Pending {
		b := make([]Pending, n)
		for i := range b {
			b[i] = pass("north")
		}
		return b
	}
	named := func(lane, profile string) []Pending {
		b := batch(1)
		p := demo
		p.Name = profile
		b[0].Lane, b[0].Profile = lane, &p
		return b
	}
	late := batch(1)
	late[0].At = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	last := batch(1)
	last[0].At = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	heavy := batch(MaxBatch) // the largest that there can be is within what Badger takes at once
	for i := range heavy {
		p := demo
		p.Name = strings.Repeat("\x01", MaxLane)
		heavy[i] = ticket(strings.Repeat("\x01", MaxLane), i)
		heavy[i].Profile = &p
	}
	full := batch(MaxBatch) // of records as long as there can be, before and after
	for i := range full {
		p := demo
		p.Name = strings.Repeat("\x01", MaxLane)
		full[i] = in(strings.Repeat("\x01", MaxLane), strings.Repeat("\x01", MaxZone), i)
		full[i].Profile, full[i].Candidate.Also, full[i].Candidate.Uses = &p, useID(1000+i), 9
	}
	again := slices.Clone(full)
	for i := range again {
		again[i].Awaited = true
	}
	zoned := func(zone string) []Pending {
		b := batch(1)
		b[0].Candidate.Zone = zone
		return b
	}
	nobody := batch(1)
	nobody[0].Profile = nil
	commits := []struct {
		name  string
		batch []Pending
		want  error
	}{
		{"none", nil, nil},
		{"batch", batch(MaxBatch), nil},
		{"batch of the longest names", heavy, nil},
		{"batch of the longest zones and two uses", full, nil},
		{"the same again, awaited", again, nil},
		{"zone", zoned(strings.Repeat("z", MaxZone)), nil},
		{"zone+1", zoned(strings.Repeat("z", MaxZone+1)), ErrLimit},
		{"zone that is no text", zoned("\xff"), ErrLimit},
		{"batch+1", batch(MaxBatch + 1), ErrLimit},
		{"lane", named(strings.Repeat("l", MaxLane), "p"), nil},
		{"lane+1", named(strings.Repeat("l", MaxLane+1), "p"), ErrLimit},
		{"lane that is no text", named("\xff", "p"), ErrLimit},
		{"profile", named("l", strings.Repeat("p", MaxLane)), nil},
		{"profile+1", named("l", strings.Repeat("p", MaxLane+1)), ErrLimit},
		{"no profile", nobody, ErrLimit},
		{"year 9999", last, nil},
		{"year 10000", late, ErrLimit},
	}
	for _, c := range commits {
		if err := j.Commit(c.batch); !errors.Is(err, c.want) {
			t.Errorf("commit of %s: %v, want %v", c.name, err, c.want)
		}
	}
	fields := func(n int) map[string]string {
		m := make(map[string]string)
		for i := range n {
			m["f"+string(rune('a'+i))] = ""
		}
		return m
	}
	text := func(n int) map[string]string { return map[string]string{"text": strings.Repeat("x", n)} }
	longest := fields(MaxFields)
	for name := range longest {
		longest[name] = strings.Repeat("\x01", MaxFieldText)
	}
	if n := len(j.Unresolved()); n != MaxBatch {
		t.Errorf("%d movements wait, want %d", n, MaxBatch)
	}
	notes := []struct {
		name, event string
		fields      map[string]string
		ok          bool
	}{
		{"event", strings.Repeat("e", MaxEvent), nil, true},
		{"event+1", strings.Repeat("e", MaxEvent+1), nil, false},
		{"no event", "", nil, false},
		{"event with a quote", `e"`, nil, false},
		{"the journal's own", "gap", nil, false},
		{"a resolution", "passed", nil, false},
		{"fields", "e", fields(MaxFields), true},
		{"fields+1", "e", fields(MaxFields + 1), false},
		{"field name", "e", map[string]string{strings.Repeat("n", MaxEvent): ""}, true},
		{"field name+1", "e", map[string]string{strings.Repeat("n", MaxEvent+1): ""}, false},
		{"field lane", "e", map[string]string{"lane": ""}, false},
		{"text", "e", text(MaxFieldText), true},
		{"all fields and the longest text", "e", longest, true},
		{"text+1", "e", text(MaxFieldText + 1), false},
	}
	for _, n := range notes {
		if _, err := j.Note("north", testTime, n.event, n.fields); (err == nil) != n.ok {
			t.Errorf("note with %s: %v", n.name, err)
		}
	}
	for _, e := range readAll(t, j) {
		if len(e.Body) >= valueThreshold-entryHeader {
			t.Errorf("a body of %d bytes goes to the value log", len(e.Body))
		}
	}
	mustVerify(t, j)
}

func TestRead(t *testing.T) {
	t.Parallel()
	j := mustOpen(t, t.TempDir(), testOptions())
	for range 10 {
		mustCommit(t, j, pass("north"))
	}
	all := readAll(t, j)
	for _, c := range []struct {
		from        uint64
		limit       int
		first, want int
	}{{0, 100, 1, 10}, {1, 3, 1, 3}, {4, 3, 4, 3}, {10, 5, 10, 1}, {11, 5, 0, 0}, {99, 5, 0, 0}, {1, 0, 0, 0}, {1, -1, 0, 0}} {
		got, err := j.Read(nil, c.from, c.limit)
		if err != nil || len(got) != c.want {
			t.Errorf("read %d from %d: %d entries, %v; want %d", c.limit, c.from, len(got), err, c.want)
			continue
		}
		if c.want > 0 {
			if diff := cmp.Diff(all[c.first-1:c.first-1+c.want], got); diff != "" {
				t.Errorf("read %d from %d (-want +got):\n%s", c.limit, c.from, diff)
			}
		}
	}
	kept := []Entry{{Sequence: 99}}
	if got, err := j.Read(kept, 10, 5); err != nil || len(got) != 2 || got[0].Sequence != 99 {
		t.Errorf("read does not append: %v, %v", got, err)
	}
}

func TestTrustVersionRisesAndSurvives(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, testOptions())
	if err := j.SetTrustVersion(12); err != nil {
		t.Fatal(err)
	}
	if err := j.SetTrustVersion(11); !errors.Is(err, ErrOlder) {
		t.Errorf("older version: %v, want ErrOlder", err)
	}
	mustClose(t, j)
	j = mustOpen(t, dir, testOptions())
	mustCommit(t, j, pass("north"))
	if got := j.TrustVersion(); got != 12 {
		t.Errorf("trust version = %d, want 12", got)
	}
}

func TestSecondProcessIsTurnedAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustOpen(t, dir, testOptions())
	if _, err := Open(dir, testOptions()); !errors.Is(err, ErrInUse) {
		t.Errorf("second open: %v, want ErrInUse", err)
	}
	if _, err := OpenReadOnly(dir, Options{}); !errors.Is(err, ErrInUse) {
		t.Errorf("open for reading: %v, want ErrInUse", err)
	}
}

func TestStoreThatSomebodyElseOpenedIsNoDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, testOptions())
	id := j.ID()
	mustClose(t, j)
	opts := testOptions().withDefaults()
	db, err := badger.Open(storeOptions(filepath.Join(dir, currentName, storeName), &opts))
	if err != nil {
		t.Fatal(err)
	}
	for range maxCrashes {
		if _, err := Open(dir, testOptions()); !errors.Is(err, ErrInUse) {
			t.Errorf("open: %v, want ErrInUse", err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if j = mustOpen(t, dir, testOptions()); j.ID() != id {
		t.Error("the journal was given up")
	}
}

func TestClosedJournalRefuses(t *testing.T) {
	t.Parallel()
	j := mustOpen(t, t.TempDir(), testOptions())
	mustClose(t, j)
	mustClose(t, j)
	if err := j.Commit([]Pending{pass("north")}); !errors.Is(err, ErrClosed) {
		t.Errorf("commit: %v, want ErrClosed", err)
	}
	if _, err := j.Read(nil, 1, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("read: %v, want ErrClosed", err)
	}
	if _, err := j.Prune(testTime); !errors.Is(err, ErrClosed) {
		t.Errorf("prune: %v, want ErrClosed", err)
	}
}
