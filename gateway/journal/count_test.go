package journal

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"passerelle/gateway/policy"
)

// checkTotals holds the running totals against the counters, added up anew.
func checkTotals(t interface {
	Helper()
	Errorf(format string, args ...any)
}, j *Journal,
) {
	t.Helper()
	lanes, zones := make(map[string]Count), make(map[string]Count)
	plus := func(a *Count, b Count) {
		a.Authorised += b.Authorised
		a.Passed += b.Passed
		a.Annulled += b.Annulled
		a.Pending += b.Pending
		a.Entered += b.Entered
		a.Left += b.Left
	}
	for _, c := range j.Counts() {
		lane, zone := lanes[c.Lane], zones[c.Zone]
		lane.Lane, zone.Zone = c.Lane, c.Zone
		plus(&lane, c)
		plus(&zone, c)
		lanes[c.Lane], zones[c.Zone] = lane, zone
	}
	for id, want := range lanes {
		if diff := cmp.Diff(want, j.LaneCount(id)); diff != "" {
			t.Errorf("lane %q (-counters +total):\n%s", id, diff)
		}
	}
	got := j.ZoneCounts()
	if !slices.IsSortedFunc(got, func(a, b Count) int { return slices.Compare([]string{a.Zone}, []string{b.Zone}) }) {
		t.Errorf("zones are not in order: %+v", got)
	}
	if len(got) != len(zones) {
		t.Errorf("%d zones, want %d", len(got), len(zones))
	}
	for _, c := range got {
		if diff := cmp.Diff(zones[c.Zone], c); diff != "" {
			t.Errorf("zone %q (-counters +total):\n%s", c.Zone, diff)
		}
	}
}

func TestLanesAndZonesHaveTotalsThatOutlastARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, testOptions())
	if got := j.ZoneCounts(); len(got) != 0 || j.LaneCount("n") != (Count{Lane: "n"}) {
		t.Errorf("a new journal has %+v and %+v", got, j.LaneCount("n"))
	}
	batch := mustCommit(
		t, j, in("n", "stand-a", 1), awaited(in("n", "stand-a", 2)), awaited(in("n", "stand-b", 3)), awaited(in("s", "stand-a", 4)),
		in("s", "", 5), refused("s"), in("s", "stand-a", 1), // the last was used at n
	)
	wantVerdict(t, batch[6], policy.Deny, policy.AlreadyUsed, true)
	mustResolve(t, j, batch[1], true)
	mustResolve(t, j, batch[2], false)
	wantVerdict(t, mustCommit(t, j, out("x", "stand-a", 1))[0], policy.Admit, policy.OK, true)

	check := func() {
		t.Helper()
		for _, want := range []Count{
			{Lane: "n", Authorised: 3, Passed: 2, Annulled: 1, Entered: 2},
			{Lane: "s", Authorised: 2, Passed: 1, Pending: 1, Entered: 1},
			{Lane: "x", Authorised: 1, Passed: 1, Left: 1},
			{Lane: "nowhere"},
		} {
			if diff := cmp.Diff(want, j.LaneCount(want.Lane)); diff != "" {
				t.Errorf("lane %s (-want +got):\n%s", want.Lane, diff)
			}
		}
		want := []Count{
			{Authorised: 1, Passed: 1, Entered: 1},
			{Zone: "stand-a", Authorised: 4, Passed: 3, Pending: 1, Entered: 2, Left: 1},
			{Zone: "stand-b", Authorised: 1, Annulled: 1},
		}
		if diff := cmp.Diff(want, j.ZoneCounts()); diff != "" {
			t.Errorf("zones (-want +got):\n%s", diff)
		}
		checkTotals(t, j)
	}
	check()
	if _, err := j.Resolve("n", testTime, batch[1].Sequence, true); err == nil { // nothing waits there any more
		t.Error("a movement was resolved twice")
	}
	check()
	mustClose(t, j)
	j = mustOpen(t, dir, testOptions())
	wantState(t, j, OK)
	check()
	mustResolve(t, j, batch[3], true)
	if got := j.ZoneCounts()[1]; got.Entered != 3 || got.Pending != 0 || got.Inside() != 2 {
		t.Errorf("after the last one walked through: %+v, %d inside", got, got.Inside())
	}
	checkTotals(t, j)
}

func TestInsideIsNeverLessThanNobody(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		count Count
		want  uint64
	}{
		{Count{}, 0},
		{Count{Entered: 7, Left: 3}, 4},
		{Count{Entered: 3, Left: 3}, 0},
		{Count{Entered: 3, Left: 4}, 0}, // one came in before there were counters
	} {
		if got := test.count.Inside(); got != test.want {
			t.Errorf("%+v: %d inside, want %d", test.count, got, test.want)
		}
	}
}
