package journal

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"passerelle/gateway/policy"
)

func mustResolve(t testing.TB, j *Journal, p Pending, passed bool) uint64 {
	t.Helper()
	sequence, err := j.Resolve(p.Lane, p.At, p.Sequence, passed)
	if err != nil {
		t.Fatal(err)
	}
	return sequence
}

// waits returns the numbers of the entries that wait.
func waits(j *Journal) []uint64 {
	numbers := []uint64{}
	for _, u := range j.Unresolved() {
		numbers = append(numbers, u.Sequence)
	}
	return numbers
}

// wantCounts checks the counters of all lanes, their order and their sums.
func wantCounts(t testing.TB, j *Journal, want ...Count) {
	t.Helper()
	if diff := cmp.Diff(want, j.Counts()); diff != "" {
		t.Errorf("counters (-want +got):\n%s", diff)
	}
	for _, c := range j.Counts() {
		if c.Authorised != c.Passed+c.Annulled+c.Pending || c.Passed != c.Entered+c.Left {
			t.Errorf("counters do not add up: %+v", c)
		}
	}
}

func TestPassedEntryStaysUsed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, testOptions())
	p := mustCommit(t, j, awaited(in("n", "stand-a", 1)))[0]
	wantVerdict(t, p, policy.Admit, policy.OK, true)
	again := mustCommit(t, j, in("s", "stand-a", 1))[0]
	wantVerdict(t, again, policy.Deny, policy.AlreadyUsed, true)
	if want := (Earlier{"n", testTime, 1}); again.Earlier != want {
		t.Errorf("earlier = %+v, want %+v", again.Earlier, want)
	}
	want := []Unresolved{{1, "n", testTime, "stand-a", false}}
	if diff := cmp.Diff(want, j.Unresolved()); diff != "" {
		t.Errorf("unresolved (-want +got):\n%s", diff)
	}
	wantCounts(t, j, Count{Lane: "n", Zone: "stand-a", Authorised: 1, Pending: 1})
	if got := mustResolve(t, j, p, true); got != 3 {
		t.Errorf("resolved by entry %d, want 3", got)
	}
	wantVerdict(t, mustCommit(t, j, in("n", "stand-a", 1))[0], policy.Deny, policy.AlreadyUsed, true)
	wantCounts(t, j, Count{Lane: "n", Zone: "stand-a", Authorised: 1, Passed: 1, Entered: 1})
	if got := waits(j); len(got) != 0 {
		t.Errorf("entries %d wait", got)
	}
	wantRebuilt(t, j)
}

func TestAnnulledMovementNeverWas(t *testing.T) {
	t.Parallel()
	back := demo
	back.Reentry, back.Passback = true, time.Minute
	for _, test := range []struct {
		name   string
		before []Pending // an hour apart
		next   Pending   // annulled
	}{
		{"first entry", nil, in("n", "", 1)},
		{"re-entry", []Pending{in("n", "", 1), out("x", "", 1)}, in("s", "", 1)},
		{"exit", []Pending{in("n", "", 1)}, out("x", "", 1)},
		{"entry of a replacement", nil, func() Pending { p := in("n", "", 1); p.Candidate.Also = useID(2); return p }()},
	} {
		dir := t.TempDir()
		j := mustOpen(t, dir, testOptions())
		at := testTime
		commit := func(p Pending) Pending {
			p.Profile, p.At = &back, at
			at = at.Add(time.Hour)
			p = mustCommit(t, j, p)[0]
			wantVerdict(t, p, policy.Admit, policy.OK, true)
			return p
		}
		for _, p := range test.before {
			commit(p)
		}
		before := inMemory(j)
		p := commit(awaited(test.next))
		mustClose(t, j)
		j = mustOpen(t, dir, testOptions()) // the annulment comes after a restart
		mustResolve(t, j, p, false)
		for k, record := range inMemory(j).Uses {
			got, _ := parseUse([]byte(record))
			want, known := parseUse([]byte(before.Uses[k]))
			if !known {
				want = useRecord{moved: never, until: got.until}
			}
			want.changed = got.changed
			if got != want {
				t.Errorf("%s: record = %+v, want %+v", test.name, got, want)
			}
		}
		at = p.At // even the passback time is as if it had never been
		commit(test.next)
		mustVerify(t, j)
		wantRebuilt(t, j)
	}
}

func TestCredentialsUsedManyTimesAreAwaitedToo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, testOptions())
	leaving := pass("x")
	leaving.Candidate.Exit = true
	batch := mustCommit(t, j, awaited(pass("n")), awaited(leaving), pass("n"), leaving, awaited(refused("n")), awaited(pass("n")))
	mustResolve(t, j, batch[0], true)
	mustResolve(t, j, batch[1], true)
	mustResolve(t, j, batch[5], false)
	want := []Count{
		{Lane: "n", Authorised: 3, Passed: 2, Annulled: 1, Entered: 2},
		{Lane: "x", Authorised: 2, Passed: 2, Left: 2},
	}
	wantCounts(t, j, want...)
	wantRebuilt(t, j)
	mustClose(t, j)
	j = mustOpen(t, dir, testOptions())
	wantCounts(t, j, want...)
	if r := mustVerify(t, j); r.Authorised != 5 || r.Passed != 4 || r.Annulled != 1 || r.Pending != 0 {
		t.Errorf("report = %+v", r)
	}
}

func TestResolveTakesOnlyWhatWaitsAtThisLane(t *testing.T) {
	t.Parallel()
	j := mustOpen(t, t.TempDir(), testOptions())
	batch := mustCommit(t, j, awaited(in("n", "", 1)), in("n", "", 2), awaited(in("n", "", 2)))
	resolve := func(name, lane string, sequence uint64, want error) {
		t.Helper()
		head, _ := j.Head()
		got, err := j.Resolve(lane, testTime, sequence, true)
		if !errors.Is(err, want) || (err == nil) != (got == head+1) {
			t.Errorf("%s: %d, %v; want %v", name, got, err, want)
		}
		if after, _ := j.Head(); err != nil && after != head {
			t.Errorf("%s: an entry was written", name)
		}
	}
	resolve("another lane", "s", batch[0].Sequence, ErrNotPending)
	resolve("an entry that does not wait", "n", batch[1].Sequence, ErrNotPending)
	resolve("a refused one", "n", batch[2].Sequence, ErrNotPending)
	resolve("no entry", "n", 99, ErrNotPending)
	resolve("zero", "n", 0, ErrNotPending)
	resolve("a lane too long", strings.Repeat("n", MaxLane+1), 1, ErrLimit)
	resolve("the one that waits", "n", batch[0].Sequence, nil)
	resolve("twice", "n", batch[0].Sequence, ErrNotPending)
	wantRebuilt(t, j)
}

func TestWhatWaitsSurvivesRetention(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, retentionOptions())
	p := awaited(in("n", "stand-a", 1000))
	p.Candidate.Expires = testTime.Add(time.Hour).Unix()
	p = mustCommit(t, j, p)[0]
	fillSegments(t, j, 20, testTime.Add(time.Hour))
	later := testTime.Add(100 * time.Hour)
	mustAcknowledge(t, j, 16)
	mustPrune(t, j, later, 16)
	// The use ended and its entry is dropped, but nobody said what became of it.
	for range 2 {
		wantVerdict(t, mustCommit(t, j, in("s", "stand-a", 1000))[0], policy.Deny, policy.AlreadyUsed, true)
		if diff := cmp.Diff([]uint64{1}, waits(j)); diff != "" {
			t.Errorf("waiting (-want +got):\n%s", diff)
		}
		mustClose(t, j)
		j = mustOpen(t, dir, retentionOptions())
		wantState(t, j, OK)
	}
	counts := []Count{{Lane: "n", Zone: "stand-a", Authorised: 1, Pending: 1}, {Lane: "north", Authorised: 20, Passed: 20, Entered: 20}}
	wantCounts(t, j, counts...)
	mustResolve(t, j, p, false)
	mustClose(t, j)
	j = mustOpen(t, dir, retentionOptions())
	counts[0] = Count{Lane: "n", Zone: "stand-a", Authorised: 1, Annulled: 1}
	wantCounts(t, j, counts...)
	last, _ := j.Head()
	mustAcknowledge(t, j, last)
	mustPrune(t, j, later.Add(200*time.Hour), last-16)
	mustClose(t, j)
	j = mustOpen(t, dir, retentionOptions())
	wantCounts(t, j, counts...)
	if r := mustVerify(t, j); r.Uses != 0 || r.Authorised != 21 {
		t.Errorf("report = %+v, want no uses and 21 authorised", r)
	}
}

func TestFree(t *testing.T) {
	t.Parallel()
	back, passback := demo, demo
	back.Reentry, passback.Passback = true, time.Hour
	used, ok := policy.AlreadyUsed, policy.OK
	instead := in("n", "", 2)
	instead.Candidate.Also = useID(1)
	twice := in("n", "", 1)
	twice.Candidate.Uses = 2
	replaces := in("n", "", 2)
	replaces.Candidate.Also, replaces.Candidate.Uses = useID(1), 2
	tests := []struct {
		name    string
		profile *policy.Profile
		before  []Pending
		free    uint64
		want    error
		after   []shown
	}{
		{"an entry", &demo, []Pending{in("n", "", 1)}, 1, nil, []shown{{in("s", "", 1), ok, 0}, {in("s", "", 1), used, 0}}},
		{"one that waits", &demo, []Pending{awaited(in("n", "", 1))}, 1, nil, []shown{{in("s", "", 1), ok, 0}}},
		{"a pass that waits", &demo, []Pending{awaited(pass("n"))}, 1, nil, nil},
		{"a pass", &demo, []Pending{pass("n")}, 1, ErrNothingToFree, nil},
		{"a refusal", &demo, []Pending{refused("n")}, 1, ErrNothingToFree, nil},
		{"nothing", &demo, nil, 0, ErrNothingToFree, nil},
		{"the last of two uses", &demo, []Pending{twice, twice}, 2, nil, []shown{{twice, ok, 0}, {twice, used, 0}}},
		{"not the last of two uses", &demo, []Pending{twice, twice}, 1, ErrNothingToFree, []shown{{twice, used, 0}}},
		{"one who is inside", &back, []Pending{in("n", "", 1)}, 1, nil, []shown{{in("s", "", 1), ok, 0}, {in("s", "", 1), used, 0}}},
		{"a re-entry", &back, []Pending{in("n", "", 1), out("x", "", 1), in("n", "", 1)}, 3, nil, []shown{{in("s", "", 1), ok, 0}, {in("s", "", 1), used, 0}}},
		{"a re-entry of a replacement", &back, []Pending{instead, out("x", "", 2), instead}, 3, nil, []shown{{in("n", "", 1), used, 0}, {instead, ok, 0}}},
		{"within the passback time", &passback, []Pending{in("n", "", 1)}, 1, nil, []shown{{in("n", "", 1), ok, 0}}},
		{"an exit that waits", &back, []Pending{in("n", "", 1), awaited(out("x", "", 1))}, 2, nil, []shown{{in("s", "", 1), used, 0}, {out("x", "", 1), ok, 0}}},
		{"an entry whose exit waits", &back, []Pending{in("n", "", 1), awaited(out("x", "", 1))}, 1, ErrStillPending, nil},
		{"a replacement", &demo, []Pending{instead}, 1, nil, []shown{{in("n", "", 1), ok, 0}, {instead, used, 0}}},
		{"a replacement, shown again", &demo, []Pending{instead}, 1, nil, []shown{{instead, ok, 0}, {in("n", "", 1), used, 0}}},
		{"a replacement that waits", &demo, []Pending{awaited(instead)}, 1, nil, []shown{{in("n", "", 1), ok, 0}}},
		{"one use of a replacement", &demo, []Pending{replaces, replaces}, 2, nil, []shown{{in("n", "", 1), used, 0}, {replaces, ok, 0}, {replaces, used, 0}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			j := mustOpen(t, dir, testOptions())
			commit := func(p Pending) Pending {
				p.Profile = test.profile
				return mustCommit(t, j, p)[0]
			}
			for _, p := range test.before {
				commit(p)
			}
			if err := j.Free("desk", testTime, test.free, mistake); !errors.Is(err, test.want) {
				t.Errorf("free = %v, want %v", err, test.want)
			}
			if err := j.Free("desk", testTime, test.free, mistake); err == nil {
				t.Error("freed twice")
			}
			mustClose(t, j)
			j = mustOpen(t, dir, testOptions())
			for i, s := range test.after {
				if p := commit(s.p); p.Candidate.Reason() != s.want {
					t.Errorf("showing %d after: %v, want %v", i+1, p.Candidate.Reason(), s.want)
				}
			}
			mustVerify(t, j)
			wantRebuilt(t, j)
		})
	}
}

func TestFreedLongAfterItsEntryWasDropped(t *testing.T) {
	t.Parallel()
	j := mustOpen(t, t.TempDir(), retentionOptions())
	fillSegments(t, j, 8, testTime.AddDate(1, 0, 0))
	mustAcknowledge(t, j, 8)
	mustPrune(t, j, testTime.Add(2*time.Hour), 8)
	if err := j.Free("desk", testTime, 3, mistake); err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, mustCommit(t, j, ticket("north", 2))[0], policy.Admit, policy.OK, true)
	mustVerify(t, j)
}

// mistake is a supervisor's deed.
var mistake = Deed{Reason: "mistake", By: "amina", Means: "pin"}

func TestFreeNeedsAReason(t *testing.T) {
	t.Parallel()
	j := mustOpen(t, t.TempDir(), testOptions())
	mustCommit(t, j, in("n", "", 1))
	for _, reason := range []string{"", "free text", strings.Repeat("r", MaxEvent+1)} {
		if err := j.Free("desk", testTime, 1, Deed{Reason: reason}); !errors.Is(err, ErrLimit) {
			t.Errorf("reason %q: %v, want ErrLimit", reason, err)
		}
	}
	if err := j.Free("desk", testTime, 1, Deed{Reason: strings.Repeat("r", MaxEvent)}); err != nil {
		t.Error(err)
	}
}

func TestTooManyWaitingAreReferred(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, testOptions())
	n := 0
	var first Pending
	for n < MaxUnresolved {
		batch := make([]Pending, min(100, MaxUnresolved-n))
		for i := range batch {
			batch[i] = awaited(in("n", "", n))
			n++
		}
		for i, p := range mustCommit(t, j, batch...) {
			wantVerdict(t, p, policy.Admit, policy.OK, true)
			if n == len(batch) && i == 0 {
				first = p
			}
		}
	}
	batch := mustCommit(t, j, awaited(in("n", "", n)), awaited(pass("n")), in("n", "", n), pass("n"), awaited(in("n", "", 0)))
	wantVerdict(t, batch[0], policy.Refer, policy.StoreUnavailable, false)
	wantVerdict(t, batch[1], policy.Refer, policy.StoreUnavailable, false)
	wantVerdict(t, batch[2], policy.Admit, policy.OK, true)
	wantVerdict(t, batch[3], policy.Admit, policy.OK, true)
	mustClose(t, j)
	j = mustOpen(t, dir, testOptions())
	wantState(t, j, OK)
	mustResolve(t, j, first, false)
	batch = mustCommit(t, j, awaited(in("n", "", 0)), awaited(pass("n")))
	wantVerdict(t, batch[0], policy.Admit, policy.OK, true)
	wantVerdict(t, batch[1], policy.Refer, policy.StoreUnavailable, false)
	mustVerify(t, j)
}

func TestTooManyLanesAndZonesAreReferred(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, testOptions())
	zone := func(n int) string {
		return "z" + strings.Repeat("i", n%60) + string(rune('a'+n/60%26)) + string(rune('a'+n/60/26))
	}
	for n := 0; n < MaxCounters; {
		batch := make([]Pending, 0, 100)
		for ; n < MaxCounters && len(batch) < 100; n++ {
			batch = append(batch, in("n", zone(n), n))
		}
		for _, p := range mustCommit(t, j, batch...) {
			wantVerdict(t, p, policy.Admit, policy.OK, true)
		}
	}
	check := func() {
		t.Helper()
		if got := len(j.Counts()); got != MaxCounters {
			t.Errorf("%d counters, want %d", got, MaxCounters)
		}
		batch := mustCommit(t, j, in("n", "another", 1), in("n", zone(0), 99999))
		wantVerdict(t, batch[0], policy.Refer, policy.StoreUnavailable, false)
		wantVerdict(t, batch[1], policy.Admit, policy.OK, true)
	}
	check()
	if err := j.Free("desk", testTime, uint64(MaxCounters)+2, mistake); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	j = mustOpen(t, dir, testOptions())
	wantState(t, j, OK)
	check()
}

func TestBodiesOfResolutions(t *testing.T) {
	t.Parallel()
	j := mustOpen(t, t.TempDir(), testOptions())
	batch := mustCommit(t, j, awaited(in("n", "stand-a", 1)), awaited(pass("n")))
	mustResolve(t, j, batch[0], false)
	mustResolve(t, j, batch[1], true)
	mustCommit(t, j, in("n", "stand-a", 1))
	if err := j.Free("desk", testTime, 5, mistake); err != nil {
		t.Fatal(err)
	}
	type body struct {
		Lane, Event, Movement, Reason, Unresolved, Zone string
		Awaited                                         bool
		Entry                                           *resolved
		Ledger                                          []json.RawMessage
	}
	var got []body
	for _, e := range readAll(t, j) {
		var b body
		decodeBody(t, e, &b)
		if b.Unresolved != "" {
			b.Unresolved = "set"
		}
		for i := range b.Ledger {
			b.Ledger[i] = nil
		}
		got = append(got, b)
	}
	one := []json.RawMessage{nil}
	want := []body{
		{Lane: "n", Event: "verdict", Movement: "in", Zone: "stand-a", Awaited: true, Ledger: one, Reason: "ok"},
		{Lane: "n", Event: "verdict", Movement: "in", Awaited: true, Reason: "ok"},
		{Lane: "n", Event: "annulled", Entry: &resolved{1, "n", "stand-a", "in"}, Unresolved: "set", Ledger: one},
		{Lane: "n", Event: "passed", Entry: &resolved{2, "n", "", "in"}, Unresolved: "set"},
		{Lane: "n", Event: "verdict", Movement: "in", Zone: "stand-a", Ledger: one, Reason: "ok"},
		{Lane: "desk", Event: "freed", Entry: &resolved{5, "n", "", ""}, Ledger: one, Reason: "mistake"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
}

// TestReplacedOneIsRememberedAsLongAsItsReplacementWaits: what the annulment gives back must be there.
func TestReplacedOneIsRememberedAsLongAsItsReplacementWaits(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(j *Journal, sequence uint64) error{
		"freed": func(j *Journal, n uint64) error { return j.Free("1", testTime, n, mistake) },
		"annulled": func(j *Journal, n uint64) error {
			_, err := j.Resolve("1", testTime, n, false)
			return err
		},
		"passed": func(j *Journal, n uint64) error {
			_, err := j.Resolve("1", testTime, n, true)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts, dir := testOptions(), t.TempDir()
			opts.segment = 1
			j := mustOpen(t, dir, opts)
			p := awaited(ticket("1", 1))
			p.Candidate.Also = useID(2)
			replacing := mustCommit(t, j, p)[0]
			mustCommit(t, j, pass("1"))
			mustAcknowledge(t, j, 2)
			if _, err := j.Prune(testTime.AddDate(0, 1, 0)); err != nil {
				t.Fatal(err)
			}
			mustClose(t, j)
			j = mustOpen(t, dir, opts)
			if err := end(j, replacing.Sequence); err != nil {
				t.Error(err)
			}
			want := policy.Admit
			if name == "passed" {
				want = policy.Deny
			}
			if got := mustCommit(t, j, ticket("1", 2))[0].Candidate.Outcome(); got != want {
				t.Errorf("the lost one: %v, want %v", got, want)
			}
			mustVerify(t, j)
		})
	}
}

// TestReplacedOneIsVoidInEveryZone: nobody knows which zone the lost one names.
func TestReplacedOneIsVoidInEveryZone(t *testing.T) {
	t.Parallel()
	for _, lost := range []string{"", "north", "south"} {
		j := mustOpen(t, t.TempDir(), testOptions())
		p := in("1", "north", 1)
		p.Candidate.Also = useID(2)
		wantVerdict(t, mustCommit(t, j, p)[0], policy.Admit, policy.OK, true)
		wantVerdict(t, mustCommit(t, j, in("1", lost, 2))[0], policy.Deny, policy.AlreadyUsed, true)
	}
}

// TestMovementsAreCountedInTheLanesZone: whatever the credential names, and if it names none.
func TestMovementsAreCountedInTheLanesZone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, testOptions())
	for n, named := range []string{"", "north", ""} {
		p := in("1", named, n)
		if n < 2 {
			p.Zone = "north"
		}
		mustCommit(t, j, p)
	}
	mustClose(t, j)
	j = mustOpen(t, dir, testOptions())
	mustVerify(t, j)
	want := []Count{{Lane: "1", Authorised: 1, Passed: 1, Entered: 1}, {Lane: "1", Zone: "north", Authorised: 2, Passed: 2, Entered: 2}}
	if got := j.Counts(); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
