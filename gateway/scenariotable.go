package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"passerelle/gateway/journal"
	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
)

// Goals of a gate's times, product.md's and the issue's. A busy machine may miss them, so they are shown and never make a story wrong.
const (
	goalP99   = 50 * time.Millisecond
	goalWorst = 500 * time.Millisecond
)

// maxNamed is how many wrong ones are named.
const maxNamed = 20

// judge compares what was seen with what was written down and with the journal, and prints both.
func (g *stage) judge(w io.Writer) (tally, error) {
	g.story.settleTwins()
	rows, t, void := g.story.rows()
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "  case\texpected\tshown\tas expected\n")
	for _, r := range rows {
		fmt.Fprintf(table, "  %s\t%v\t%d\t%d\n", r.kind, r.want, r.shown, r.right)
	}
	if err := table.Flush(); err != nil {
		return tally{}, err
	}
	if void > 0 {
		fmt.Fprintf(w, "  %d are not judged: this machine stood still while they were shown\n", void)
	}
	g.story.nameWrong(w)
	if err := g.goals(w); err != nil {
		return tally{}, err
	}
	written, err := g.countJournal(w)
	if err != nil {
		return tally{}, err
	}
	t.wrong += written
	t.print(w, g.story.name)
	return t, nil
}

// settleTwins gives each of two copies that were shown at the same moment the expectation that it met: one of them must be let in and
// the other not, whichever came first.
func (s *story) settleTwins() {
	for x := range s.all {
		if t := x.twin; t != nil && x.seen.reply != x.want && x.seen.reply == t.want && t.seen.reply == x.want {
			x.want, t.want = t.want, x.want
		}
	}
}

// all calls yield for each showing.
func (s *story) all(yield func(*showing) bool) {
	for i := range s.acts {
		for _, x := range s.acts[i].showings {
			if !yield(x) {
				return
			}
		}
	}
}

// void reports whether the machine stood still for so long that the story was another one.
func (x *showing) void() bool {
	return x.within > 0 && x.seen.reply != x.want && x.seen.at.Sub(x.after.seen.at) > x.within
}

// row is one kind of case with one expectation.
type row struct {
	kind         string
	want         reply
	shown, right int
}

// rows counts each kind of case, in the order in which the story thought of them.
func (s *story) rows() (rows []row, t tally, void int) {
	type key struct {
		kind string
		want reply
	}
	at := make(map[key]int)
	for x := range s.all {
		if x.void() {
			void++
			continue
		}
		k := key{x.kind, x.want}
		i, ok := at[k]
		if !ok {
			i = len(rows)
			at[k] = i
			rows = append(rows, row{kind: x.kind, want: x.want})
		}
		rows[i].shown++
		t.expected++
		if x.seen.reply == x.want {
			rows[i].right++
			t.right++
		} else {
			t.wrong++
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(slices.Index(s.kinds, a.kind), slices.Index(s.kinds, b.kind)), -cmp.Compare(a.want.outcome, b.want.outcome))
	})
	return rows, t, void
}

// nameWrong says what was wrong: the place in the story, nothing of what was shown.
func (s *story) nameWrong(w io.Writer) {
	places := make(map[int]int) // codes so far, by lane
	wrong := 0
	for x := range s.all {
		places[x.lane]++
		if x.seen.reply == x.want || x.void() {
			continue
		}
		if wrong++; wrong <= maxNamed {
			fmt.Fprintf(w, "  wrong: %s: lane %s, code %d: expected %v, seen %v, journal entry %d\n",
				x.kind, s.lanes[x.lane].id, places[x.lane], x.want, x.seen.reply, x.seen.sequence)
		}
	}
	if wrong > maxNamed {
		fmt.Fprintf(w, "  and %d more are wrong\n", wrong-maxNamed)
	}
}

// goals prints what a venue asks for: nobody enters twice, nobody is refused who may enter, and nobody waits.
func (g *stage) goals(w io.Writer) error {
	entries := make(map[int]int)
	double, refused := 0, 0
	var took []time.Duration
	for x := range g.story.all {
		if x.seen.event == lane.VerdictGiven && x.seen.given && !x.silent {
			took = append(took, x.seen.took)
		}
		in := x.seen.reply == admitted()
		if in && x.person != 0 {
			if entries[x.person]++; entries[x.person] > 1 {
				double++
			}
		}
		if x.want == admitted() && !in && !x.void() {
			refused++
		}
	}
	slices.Sort(took)
	late := 0
	for _, p := range g.players {
		late += p.late
	}
	fmt.Fprintln(w, "  times are those of this machine: a busy one may miss a goal, which makes no verdict wrong")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "  goal\tat most\tseen\t\n")
	fmt.Fprintf(t, "  double entries\t0\t%d\t%s\n", double, met(double == 0))
	fmt.Fprintf(t, "  false refusals\t0\t%d\t%s\n", refused, met(refused == 0))
	if g.story.timed {
		g.times(t, took, late)
	} else {
		fmt.Fprintf(t, "  read to verdict on disk, p99\t%v\t%v\t%s\n", goalP99, quantile(took, 0.99).Round(time.Microsecond), met(quantile(took, 0.99) <= goalP99))
	}
	return t.Flush()
}

// times prints how long verdicts took.
func (g *stage) times(w io.Writer, took []time.Duration, late int) {
	over := func(limit time.Duration) int {
		i, _ := slices.BinarySearch(took, limit+1)
		return len(took) - i
	}
	fmt.Fprintf(w, "  codes in one second\t\t%d\t\n", g.busiest())
	fmt.Fprintf(w, "  read to verdict on disk, p50\t\t%v\t\n", quantile(took, 0.50).Round(time.Microsecond))
	fmt.Fprintf(w, "  read to verdict on disk, p99\t%v\t%v\t%s\n", goalP99, quantile(took, 0.99).Round(time.Microsecond), met(quantile(took, 0.99) <= goalP99))
	fmt.Fprintf(w, "  read to verdict on disk, worst\t%v\t%v\t%s\n", goalWorst, quantile(took, 1).Round(time.Microsecond), met(quantile(took, 1) <= goalWorst))
	fmt.Fprintf(w, "  verdicts over %v\t\t%d of %d\t\n", goalP99, over(goalP99), len(took))
	fmt.Fprintf(w, "  verdicts over %v\t0\t%d\t%s\n", goalWorst, over(goalWorst), met(over(goalWorst) == 0))
	fmt.Fprintf(w, "  codes without a verdict within %v\t0\t%d\t%s\n", lane.Deadline, late, met(late == 0))
}

// busiest returns how many codes were shown in one second, at most.
func (g *stage) busiest() (n int) {
	seconds := make(map[int]int)
	for x := range g.story.all {
		if !x.silent {
			seconds[x.seen.second]++
			n = max(n, seconds[x.seen.second])
		}
	}
	return n
}

func met(yes bool) string {
	if yes {
		return "met"
	}
	return "missed"
}

// lineOf is what an entry of the journal says of a verdict.
type lineOf struct{ lane, verdict, reason string }

// countJournal counts on disk what the lanes said, and returns how many differ. Each use stands there once.
func (g *stage) countJournal(w io.Writer) (wrong int, err error) {
	said := make(map[lineOf]int)
	given := 0
	for x := range g.story.all {
		if a := x.seen; a.given && a.event == lane.VerdictGiven {
			said[lineOf{g.story.lanes[x.lane].id, a.outcome.String(), a.reason.String()}]++
			given++
		}
	}
	uses := make(map[string]int)
	written := 0
	err = g.eachVerdict(func(e *verdictEntry) {
		written++
		said[lineOf{e.Lane, e.Verdict, e.Reason}]--
		if e.Verdict == policy.Admit.String() && e.Use != "" {
			uses[e.Use]++
		}
	})
	if err != nil {
		return 0, err
	}
	for line, n := range said {
		if n != 0 {
			wrong += max(n, -n)
			fmt.Fprintf(w, "  wrong: lane %s gave %d more verdicts %s %s than stand in the journal\n", line.lane, n, line.verdict, line.reason)
		}
	}
	twice := 0
	for _, n := range uses {
		twice += n - 1
	}
	fmt.Fprintf(w, "  journal: %d verdicts given, %d written with fsync; %d uses claimed, %d of them twice\n", given, written, len(uses), twice)
	return wrong + twice, nil
}

// verdictEntry is a verdict's entry in the journal, as far as it is counted.
type verdictEntry struct {
	Event, Lane, Verdict, Reason, Use string
}

// eachVerdict reads the verdicts of this story from the disk.
func (g *stage) eachVerdict(count func(*verdictEntry)) error {
	var entries []journal.Entry
	for from := g.before + 1; ; from = entries[len(entries)-1].Sequence + 1 {
		var err error
		if entries, err = g.station.journal.Read(entries[:0], from, journal.MaxRead); err != nil || len(entries) == 0 {
			return err
		}
		for i := range entries {
			var e verdictEntry
			if err := json.Unmarshal(entries[i].Body, &e); err != nil {
				return fmt.Errorf("journal entry %d: %w", entries[i].Sequence, err)
			}
			if e.Event == "verdict" {
				count(&e)
			}
		}
	}
}
