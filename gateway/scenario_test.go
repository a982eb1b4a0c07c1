package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
)

// TestStoriesGoAsWritten plays each story in a shorter form: the station, the journal's fsyncs, the lanes and the serial drivers are real.
func TestStoriesGoAsWritten(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		tell  func(storyOptions) func(context.Context, streams) (tally, error)
		least int
		kinds []string
	}{
		{
			"boarding", func(o storyOptions) func(context.Context, streams) (tally, error) {
				return (&boardingCmd{storyOptions: o, Passengers: 40}).tell
			}, 110,
			[]string{"signed pass ", "the same pass at once ", "offloaded ", "standby, on the list by now ", "drawn at home: signed by a stranger "},
		},
		{
			"stadium", func(o storyOptions) func(context.Context, streams) (tally, error) {
				return (&stadiumCmd{storyOptions: o, Entries: 200, Peak: 100}).tell
			}, 230,
			[]string{"copies at two lanes at the same moment ", "phone handed back ", "lost ticket after its replacement ", "wrong zone "},
		},
		{
			"checkpoint", func(o storyOptions) func(context.Context, streams) (tally, error) {
				return (&checkpointCmd{storyOptions: o, People: 20}).tell
			}, 70,
			[]string{"no second document in time ", "a third document between ", "swapped persons, card then certificate "},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out, log strings.Builder
			got, err := tt.tell(storyOptions{Seed: 1, State: t.TempDir()})(t.Context(), streams{out: &out, err: &log})
			if err != nil {
				t.Fatal(err)
			}
			if got.wrong != 0 || got.right != got.expected || got.expected < tt.least {
				t.Errorf("got %+v, want at least %d, all right\n%s", got, tt.least, &out)
			}
			for _, kind := range tt.kinds {
				if !strings.Contains(out.String(), "\n  "+kind) {
					t.Errorf("no row %q in\n%s", kind, &out)
				}
			}
			last := fmt.Sprintf("%s: %d expected, %d seen as expected, 0 wrong\n", tt.name, got.expected, got.right)
			if !strings.HasSuffix(out.String(), last) {
				t.Errorf("got %q, want %q at its end", out.String(), last)
			}
			if log.Len() > 0 {
				t.Errorf("logged %s", &log)
			}
		})
	}
}

func TestInterruptedStoryHasNoResultAndLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	var out, log strings.Builder
	got, err := (&boardingCmd{storyOptions: storyOptions{Seed: 1, State: dir}, Passengers: maxPassengers}).tell(ctx, streams{out: &out, err: &log})
	if err == nil || err.Error() != "boarding: interrupted before its end" || got != (tally{}) {
		t.Errorf("got %+v, %v; want that it was interrupted", got, err)
	}
	if strings.Contains(out.String(), "seen as expected") {
		t.Errorf("a result is printed:\n%s", &out)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// played returns a short stadium that was played, for the tests of its judgement.
func played(t *testing.T, seed uint64) *stage {
	t.Helper()
	s, err := newStadium(&stadiumCmd{storyOptions: storyOptions{Seed: seed}, Entries: 20, Peak: 100})
	if err != nil {
		t.Fatal(err)
	}
	g := &stage{story: s}
	t.Cleanup(func() {
		if err := g.close(); err != nil {
			t.Error(err)
		}
	})
	var log strings.Builder
	if err := g.open(streams{err: &log}, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if err := g.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestWrongVerdictIsNamedWithoutItsCode(t *testing.T) {
	t.Parallel()
	g := played(t, 4)
	x := g.story.acts[0].showings[0]
	x.want = denied(policy.Revoked)
	if x.seen.reply == x.want {
		t.Fatal("it was revoked: take another one")
	}
	var out strings.Builder
	got, err := g.judge(&out)
	if err != nil {
		t.Fatal(err)
	}
	if got.wrong != 1 || got.right != got.expected-1 || !errors.Is(got.exit(nil), errRefused) {
		t.Errorf("got %+v, want 1 wrong, and a failure", got)
	}
	want := fmt.Sprintf("  wrong: %s: lane %d, code 1: expected deny revoked, seen %v, journal entry %d\n", x.kind, x.lane+1, x.seen.reply, x.seen.sequence)
	if !strings.Contains(out.String(), want) || strings.Contains(out.String(), x.code) {
		t.Errorf("got\n%s\nwant in it\n%s and not the code", &out, want)
	}
}

func TestJournalThatSaysSomethingElseIsWrong(t *testing.T) {
	t.Parallel()
	g := played(t, 5)
	for x := range g.story.all {
		if x.seen.reply == admitted() {
			x.seen.reply, x.want = denied(policy.Expired), denied(policy.Expired) // as if the lane had said so
			break
		}
	}
	var out strings.Builder
	got, err := g.judge(&out)
	if err != nil {
		t.Fatal(err)
	}
	if got.right != got.expected || got.wrong != 2 { // one line too many, one too few
		t.Errorf("got %+v, want all seen as expected and 2 wrong in the journal\n%s", got, &out)
	}
	if !strings.Contains(out.String(), "more verdicts deny expired than stand in the journal") {
		t.Errorf("not named in\n%s", &out)
	}
}

func TestLostTicketThatWasAdmittedTwiceIsADoubleEntry(t *testing.T) {
	t.Parallel()
	s := newStory("double", storyOptions{})
	s.lanes, s.acts = []storyLane{{id: "1"}}, []act{{}}
	for range 2 {
		x := s.show(showing{kind: "ticket", want: admitted(), person: 7})
		x.seen.reply = admitted()
	}
	var out strings.Builder
	if err := (&stage{story: s}).goals(&out); err != nil {
		t.Fatal(err)
	}
	if want := "double entries                0        1     missed"; !strings.Contains(out.String(), want) {
		t.Errorf("got\n%s\nwant in it %q", &out, want)
	}
}

func TestCopiesAtOnceMayBeAnsweredEitherWay(t *testing.T) {
	t.Parallel()
	in, used, other := admitted(), denied(policy.AlreadyUsed), denied(policy.Malformed)
	for _, tt := range []struct {
		name       string
		one, other reply
		wrong      int
	}{
		{"the first is let in", in, used, 0},
		{"the second is let in", used, in, 0},
		{"both are let in", in, in, 1},
		{"neither is let in", used, used, 1},
		{"one is misread", in, other, 1},
		{"one gets no answer", reply{}, used, 1},
	} {
		s := newStory("twins", storyOptions{})
		s.acts = []act{{}}
		a := s.show(showing{kind: "copy", want: in})
		b := s.show(showing{kind: "copy", want: used, twin: a})
		a.twin = b
		a.seen.reply, b.seen.reply = tt.one, tt.other
		s.settleTwins()
		if _, got, _ := s.rows(); got.wrong != tt.wrong {
			t.Errorf("%s: got %+v, want %d wrong", tt.name, got, tt.wrong)
		}
	}
}

func TestStandstillOfTheMachineIsNotJudged(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		seen  reply
		after time.Duration
		void  int
		wrong int
	}{
		{"in time and right", shownAgain(), time.Second, 0, 0},
		{"in time and wrong", denied(policy.AlreadyUsed), time.Second, 0, 1},
		{"late and right all the same", shownAgain(), 3 * time.Second, 0, 0},
		{"late, so that it was another story", denied(policy.AlreadyUsed), 3 * time.Second, 1, 0},
	} {
		s := newStory("standstill", storyOptions{})
		s.acts = []act{{}}
		first := s.show(showing{kind: "ticket", want: admitted()})
		again := s.show(showing{kind: "again", want: shownAgain(), after: first, within: lane.DefaultRepeat})
		first.seen = sight{reply: admitted(), at: s.now}
		again.seen = sight{reply: tt.seen, at: s.now.Add(tt.after)}
		if _, got, void := s.rows(); got.wrong != tt.wrong || void != tt.void {
			t.Errorf("%s: got %+v and %d void, want %d wrong and %d void", tt.name, got, void, tt.wrong, tt.void)
		}
	}
}

func TestStadiumHourIsThatOfTheIssue(t *testing.T) {
	t.Parallel()
	const entries = 2000
	s, err := newStadium(&stadiumCmd{storyOptions: storyOptions{Seed: 2}, Entries: entries, Peak: 100})
	if err != nil {
		t.Fatal(err)
	}
	var admits, duplicates, last, all int
	var end time.Duration
	for x := range s.all {
		end = max(end, x.at)
	}
	people, lanes := make(map[int]bool), make(map[int]bool)
	for x := range s.all {
		all++
		lanes[x.lane] = true
		if x.at >= end*2/3 {
			last++
		}
		if x.want == admitted() {
			admits++
			people[x.person] = true
		}
		if strings.HasPrefix(x.kind, "duplicate") {
			duplicates++
		}
	}
	if admits != entries || len(people) != entries {
		t.Errorf("%d are let in, %d people, want %d", admits, len(people), entries)
	}
	if duplicates*50 != entries {
		t.Errorf("%d duplicates, want 2 %% of %d", duplicates, entries)
	}
	if share := 100 * last / all; share < 57 || share > 64 {
		t.Errorf("%d %% of the codes are shown in the last third, want 60", share)
	}
	if len(lanes) != stadiumLanes {
		t.Errorf("%d lanes, want %d", len(lanes), stadiumLanes)
	}
	if rate := float64(last) / (end.Seconds() / 3); rate < 90 || rate > 110 {
		t.Errorf("%.0f codes a second in the last third, want 100", rate)
	}
}

func TestSameSeedTellsTheSameStory(t *testing.T) {
	t.Parallel()
	outline := func(seed uint64) string {
		var b strings.Builder
		o := storyOptions{Seed: seed}
		stadium, err := newStadium(&stadiumCmd{storyOptions: o, Entries: 50, Peak: 100})
		if err != nil {
			t.Fatal(err)
		}
		boarding, err := newBoarding(&boardingCmd{storyOptions: o, Passengers: minPassengers})
		if err != nil {
			t.Fatal(err)
		}
		checkpoint, err := newCheckpoint(&checkpointCmd{storyOptions: o, People: minPeople})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*story{stadium, boarding, checkpoint} {
			for x := range s.all {
				fmt.Fprintln(&b, x.kind, x.lane, x.at, x.want, x.person, len(x.secret))
			}
		}
		return b.String()
	}
	first := outline(1)
	if first != outline(1) {
		t.Error("one seed tells two stories")
	}
	if first == outline(2) {
		t.Error("two seeds tell the same story")
	}
}

// TestOneTimeDigits has the times and values of RFC 6238, appendix B, whose eight digits end in these six.
func TestOneTimeDigits(t *testing.T) {
	t.Parallel()
	for at, want := range map[int64]uint32{
		59: 287082, 1111111109: 81804, 1111111111: 50471, 1234567890: 5924, 2000000000: 279037, 20000000000: 353130,
	} {
		if got := oneTimeDigits([]byte("12345678901234567890"), at); got != want {
			t.Errorf("at %d: got %06d, want %06d", at, got, want)
		}
	}
}
