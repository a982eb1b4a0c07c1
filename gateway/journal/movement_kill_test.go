package journal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"passerelle/gateway/policy"
)

// moveForever lets people in and out of two zones by three lanes, resolves, annuls and frees at random, and says what it did. A line
// before a step, "try …", says what may or may not be done when the process is killed; the line after it, what is:
//
//	in N         entry N waits
//	passed N     it was resolved so; or annulled, or freed
func moveForever(dir string, seed uint64) error {
	opts := testOptions()
	opts.segment, opts.memTable, opts.Keep = 32, 1<<20, time.Hour
	j, err := Open(dir, opts)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	back := demo
	back.Reentry = true
	for step := 0; ; step++ {
		waiting := j.Unresolved()
		switch {
		case step%40 == 39:
			sequence, _ := j.Head()
			if err := j.Acknowledge(sequence - sequence/4); err != nil {
				return err
			}
			if _, err := j.Prune(testTime.Add(2 * time.Hour)); err != nil {
				return err
			}
		case len(waiting) > 0 && (rng.IntN(2) == 0 || len(waiting) > 50):
			if err := resolveSome(j, waiting[rng.IntN(len(waiting))], rng.IntN(5)); err != nil {
				return err
			}
		default:
			if err := moveSome(j, rng, &back); err != nil {
				return err
			}
		}
	}
}

func resolveSome(j *Journal, u Unresolved, how int) (err error) {
	event := []string{"passed", "passed", "passed", "annulled", "freed"}[how]
	fmt.Println("try", event, u.Sequence)
	if event == "freed" {
		err = j.Free("desk", testTime, u.Sequence, mistake)
	} else {
		_, err = j.Resolve(u.Lane, testTime, u.Sequence, event == "passed")
	}
	fmt.Println(event, u.Sequence)
	return err
}

func moveSome(j *Journal, rng *rand.Rand, prof *policy.Profile) error {
	batch := make([]Pending, 1+rng.IntN(6))
	for i := range batch {
		p := in([]string{"north", "south", "west"}[rng.IntN(3)], []string{"", "stand-a"}[rng.IntN(2)], rng.IntN(300))
		if p.Lane == "west" {
			p.Candidate.Exit = true
		}
		if rng.IntN(10) == 0 {
			p.Candidate.Also = useID(rng.IntN(300))
		}
		p.Candidate.Expires = testTime.AddDate(1, 0, 0).Unix()
		p.Profile, p.Awaited = prof, rng.IntN(3) > 0
		batch[i] = p
	}
	fmt.Println("try in 0")
	if err := j.Commit(batch); err != nil {
		return err
	}
	for i := range batch {
		if p := &batch[i]; p.Awaited && p.Candidate.Outcome() == policy.Admit {
			fmt.Println("in", p.Sequence)
		}
	}
	return nil
}

// known is what children said of the entries that waited: "in", "passed", "annulled" or "freed"; in doubt is what the last one
// was about when it was killed.
type known struct {
	state map[uint64]string
	doubt uint64
}

func (k *known) take(t *testing.T, output []byte) {
	t.Helper()
	k.doubt = 0
	for line := range bytes.Lines(output) {
		if line[len(line)-1] != '\n' {
			return
		}
		words := bytes.Fields(line)
		var n uint64
		if _, err := fmt.Sscan(string(words[len(words)-1]), &n); err != nil {
			t.Fatalf("child says %q", line)
		}
		if len(words) == 3 {
			k.doubt = n
		} else {
			k.state[n], k.doubt = string(words[0]), 0
		}
	}
}

// TestAuthorisedIsPassedAnnulledOrPendingAfterAKill kills a process that moves people at random, again and again: what it said was
// resolved is, what it said waits does, and the counters add up to what the chain says.
func TestAuthorisedIsPassedAnnulledOrPendingAfterAKill(t *testing.T) {
	t.Parallel()
	kills := number(t, "PASSERELLE_KILLS", 25)
	dir := t.TempDir()
	k := known{state: make(map[uint64]string)}
	var r Report
	for n := range kills {
		during := time.Duration(rand.IntN(120)) * time.Millisecond
		k.take(t, runAndKill(t, "move", dir, n, 1+rand.IntN(20), during, nil))
		j := mustOpen(t, dir, testOptions())
		wantState(t, j, OK)
		r = mustVerify(t, j)
		if r.Authorised != r.Passed+r.Annulled+r.Pending {
			t.Fatalf("kill %d: %+v", n+1, r)
		}
		k.check(t, j)
		mustClose(t, j)
		if t.Failed() {
			t.Fatalf("after kill %d", n+1)
		}
	}
	t.Logf("%d kills: %d authorised, %d passed, %d annulled, %d pending", kills, r.Authorised, r.Passed, r.Annulled, r.Pending)
	if r.Passed == 0 || r.Annulled == 0 || r.Authorised < uint64(kills) {
		t.Errorf("the child did too little: %+v", r)
	}
}

func (k *known) check(t *testing.T, j *Journal) {
	t.Helper()
	waiting := make(map[uint64]bool)
	for _, n := range waits(j) {
		waiting[n] = true
		if k.state[n] == "" {
			k.state[n] = "in" // on disk, and killed before it was said
		}
	}
	for n, state := range k.state {
		if n == k.doubt {
			if !waiting[n] {
				k.state[n] = "done" // on disk, and killed before it was said
			}
			continue
		}
		if waiting[n] != (state == "in") {
			t.Errorf("entry %d was %q; waits: %v", n, state, waiting[n])
		}
	}
	var total Count
	for _, c := range j.Counts() {
		if c.Authorised != c.Passed+c.Annulled+c.Pending || c.Passed != c.Entered+c.Left {
			t.Errorf("counters do not add up: %+v", c)
		}
		total.Pending += c.Pending
	}
	if total.Pending != uint64(len(waiting)) {
		t.Errorf("%d pending, %d wait", total.Pending, len(waiting))
	}
	checkTotals(t, j)
}
