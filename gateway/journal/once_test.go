package journal

import (
	"fmt"
	"testing"
	"time"

	"passerelle/gateway/policy"
)

// in returns ticket n at an entry lane of a zone.
func in(lane, zone string, n int) Pending {
	p := ticket(lane, n)
	p.Candidate.Zone = zone
	return p
}

// out returns ticket n at an exit lane.
func out(lane, zone string, n int) Pending {
	p := in(lane, zone, n)
	p.Candidate.Exit = true
	return p
}

func awaited(p Pending) Pending {
	p.Awaited = true
	return p
}

// shown is one showing in a script.
type shown struct {
	p      Pending
	want   policy.Reason
	before int // with AlreadyUsed: the showing, from 1, that is named as the earlier one
}

// play commits one showing after the other, five minutes apart unless the script says when, with a restart between any two if so
// told. It fails where a verdict is not the wanted one.
func play(t *testing.T, prof *policy.Profile, script []shown, restart bool) {
	t.Helper()
	dir := t.TempDir()
	j := mustOpen(t, dir, testOptions())
	sequences := make([]uint64, len(script)+1)
	for i, s := range script {
		p := s.p
		p.Profile = prof
		if p.At == testTime {
			p.At = testTime.Add(time.Duration(i) * 5 * time.Minute)
		}
		got := mustCommit(t, j, p)[0]
		sequences[i+1] = got.Sequence
		if c := &got.Candidate; c.Reason() != s.want || !c.Final() || (s.want == policy.OK) != (c.Outcome() == policy.Admit) {
			t.Errorf("showing %d: %v, %v, final %v; want %v", i+1, c.Outcome(), c.Reason(), c.Final(), s.want)
		}
		if want := sequences[s.before]; got.Earlier.Sequence != want {
			t.Errorf("showing %d: earlier entry %d, want %d", i+1, got.Earlier.Sequence, want)
		}
		if restart {
			mustClose(t, j)
			j = mustOpen(t, dir, testOptions())
			wantState(t, j, OK)
		}
	}
	mustVerify(t, j)
	wantRebuilt(t, j)
}

func TestUsedOnce(t *testing.T) {
	t.Parallel()
	const used, ok, misplaced = policy.AlreadyUsed, policy.OK, policy.WrongPlace
	plain, reentry, passback, both := demo, demo, demo, demo
	reentry.Reentry, both.Reentry = true, true
	passback.Passback, both.Passback = 10*time.Minute, 10*time.Minute
	uses := func(n uint8, p Pending) Pending { p.Candidate.Uses = n; return p }
	instead := func(lost int, p Pending) Pending { p.Candidate.Also = useID(lost); return p }
	at := func(minutes int, p Pending) Pending {
		p.At = testTime.Add(time.Duration(minutes)*time.Minute + time.Millisecond)
		return p
	}
	tests := []struct {
		name    string
		profile *policy.Profile
		script  []shown
	}{
		{"one entry", &plain, []shown{{in("n", "", 1), ok, 0}, {in("s", "", 1), used, 1}, {in("s", "", 2), ok, 0}}},
		{"one entry a zone", &plain, []shown{
			{in("n", "stand-a", 1), ok, 0},
			{in("s", "stand-b", 1), ok, 0},
			{in("s", "", 1), ok, 0},
			{in("n", "stand-a", 1), used, 1},
			{in("s", "stand-b", 1), used, 2},
			{in("n", "", 1), used, 3},
		}},
		{"three uses", &plain, []shown{
			{uses(3, in("n", "", 1)), ok, 0}, {uses(3, in("s", "", 1)), ok, 0}, {uses(3, in("n", "", 1)), ok, 0}, {uses(3, in("n", "", 1)), used, 3},
		}},
		{"255 uses end", &plain, func() (all []shown) {
			for range 255 {
				all = append(all, shown{uses(255, in("n", "", 1)), ok, 0})
			}
			return append(all, shown{uses(255, in("n", "", 1)), used, 255})
		}()},
		{"an exit gives no use back", &plain, []shown{{in("n", "", 1), ok, 0}, {out("x", "", 1), ok, 0}, {in("n", "", 1), used, 1}}},
		{"in again after an exit", &reentry, []shown{
			{in("n", "", 1), ok, 0},
			{in("n", "", 1), used, 1},
			{out("x", "", 1), ok, 0},
			{in("s", "", 1), ok, 0},
			{in("n", "", 1), used, 4},
			{out("x", "", 1), ok, 0},
			{in("n", "", 1), ok, 0},
		}},
		{"more uses do not let in two", &reentry, []shown{
			{uses(2, in("n", "", 1)), ok, 0}, {uses(2, in("n", "", 1)), used, 1}, {out("x", "", 1), ok, 0}, {uses(2, in("n", "", 1)), ok, 0},
		}},
		{"an exit of another zone", &reentry, []shown{
			{in("n", "stand-a", 1), ok, 0},
			{out("x", "stand-b", 1), misplaced, 0},
			{out("x", "", 1), misplaced, 0},
			{in("n", "stand-a", 1), used, 1},
			{out("x", "stand-a", 1), ok, 0},
			{in("n", "stand-a", 1), ok, 0},
		}},
		{"out without having come in", &plain, []shown{{out("x", "", 1), misplaced, 0}, {in("n", "", 1), ok, 0}}},
		{"out twice", &reentry, []shown{{in("n", "", 1), ok, 0}, {out("x", "", 1), ok, 0}, {out("x", "", 1), misplaced, 0}, {in("n", "", 1), ok, 0}}},
		{"passback after an entry", &passback, []shown{
			{at(0, uses(3, in("n", "", 1))), ok, 0}, {at(9, uses(3, in("n", "", 1))), used, 1}, {at(10, uses(3, in("n", "", 1))), ok, 0},
		}},
		{"passback after an exit", &both, []shown{
			{at(0, in("n", "", 1)), ok, 0}, {at(1, out("x", "", 1)), ok, 0}, {at(10, in("n", "", 1)), used, 1}, {at(11, in("n", "", 1)), ok, 0},
		}},
		{"the clock goes back", &passback, []shown{
			{at(60, uses(3, in("n", "", 1))), ok, 0},
			{at(55, uses(3, in("n", "", 1))), used, 1},
			{at(0, uses(3, in("n", "", 1))), used, 1},
			{at(70, uses(3, in("n", "", 1))), ok, 0},
		}},
		{"the clock goes back without a passback time", &plain, []shown{{at(60, uses(3, in("n", "", 1))), ok, 0}, {at(0, uses(3, in("n", "", 1))), ok, 0}}},
		{"the lost one comes first", &plain, []shown{{in("n", "", 1), ok, 0}, {instead(1, in("s", "", 2)), used, 1}, {in("s", "", 1), used, 1}}},
		{"the lost one comes after", &plain, []shown{{instead(1, in("s", "", 2)), ok, 0}, {in("n", "", 1), used, 1}, {instead(1, in("n", "", 2)), used, 1}}},
		{"the lost one stays used up", &reentry, []shown{
			{instead(1, in("n", "", 2)), ok, 0},
			{in("n", "", 1), used, 1},
			{out("x", "", 1), misplaced, 0},
			{out("x", "", 2), ok, 0},
			{in("n", "", 1), used, 1},
			{instead(1, in("n", "", 2)), ok, 0},
			{in("n", "", 1), used, 6},
		}},
		{"the lost one stays used up by one of more uses", &plain, []shown{
			{uses(2, instead(1, in("n", "", 2))), ok, 0}, {uses(2, instead(1, in("n", "", 2))), ok, 0}, {uses(2, in("n", "", 1)), used, 2},
		}},
		{"replaced twice", &plain, []shown{{instead(1, in("n", "", 2)), ok, 0}, {instead(1, in("n", "", 3)), used, 1}}},
		{"replaces itself", &plain, []shown{{instead(1, in("n", "", 1)), ok, 0}, {instead(1, in("n", "", 1)), used, 1}}},
		{"replaced in another zone", &plain, []shown{{in("n", "stand-a", 1), ok, 0}, {instead(1, in("n", "stand-b", 2)), ok, 0}, {in("n", "stand-b", 1), used, 2}}},
	}
	for _, test := range tests {
		for _, restart := range []bool{false, true} {
			if restart && len(test.script) > 100 {
				continue
			}
			t.Run(fmt.Sprintf("%s, restart %v", test.name, restart), func(t *testing.T) {
				t.Parallel()
				play(t, test.profile, test.script, restart)
			})
		}
	}
}

func TestSameUseInOneBatch(t *testing.T) {
	t.Parallel()
	j := mustOpen(t, t.TempDir(), testOptions())
	back := demo
	back.Reentry = true
	again := []Pending{in("n", "", 1), in("s", "", 1), out("x", "", 1), in("s", "", 1), out("x", "", 1), out("x", "", 1), in("n", "", 1)}
	for i := range again {
		again[i].Profile = &back
	}
	again[1].Candidate.Zone = ""
	want := []policy.Reason{policy.OK, policy.AlreadyUsed, policy.OK, policy.OK, policy.OK, policy.WrongPlace, policy.OK}
	for i, p := range mustCommit(t, j, again...) {
		if got := p.Candidate.Reason(); got != want[i] {
			t.Errorf("showing %d: %v, want %v", i+1, got, want[i])
		}
	}
	mustVerify(t, j)
	wantRebuilt(t, j)
}

func TestExitInADoubtfulJournalIsReferred(t *testing.T) {
	t.Parallel()
	j := mustOpen(t, t.TempDir(), testOptions())
	mustCommit(t, j, in("n", "", 1))
	j.damaged.Store(true)
	wantVerdict(t, mustCommit(t, j, out("x", "", 1))[0], policy.Refer, policy.StoreUnavailable, false)
	j.damaged.Store(false)
	wantVerdict(t, mustCommit(t, j, out("x", "", 1))[0], policy.Admit, policy.OK, true)
}

func TestReplacementNeedsRoomForTwoUses(t *testing.T) {
	t.Parallel()
	opts := testOptions()
	opts.MaxUses = 2
	j := mustOpen(t, t.TempDir(), opts)
	mustCommit(t, j, in("n", "", 1))
	p := in("n", "", 2)
	p.Candidate.Also = useID(3)
	wantVerdict(t, mustCommit(t, j, p)[0], policy.Refer, policy.StoreUnavailable, false)
	p.Candidate.Also = policy.UseID{}
	wantVerdict(t, mustCommit(t, j, p)[0], policy.Admit, policy.OK, true)
}
