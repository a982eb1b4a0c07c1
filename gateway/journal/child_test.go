package journal

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"passerelle/gateway/policy"
)

// A test that kills a process runs its own binary again, with childEnv naming the part to play and childDir the journal.
const (
	childEnv      = "PASSERELLE_JOURNAL_CHILD"
	childDirEnv   = "PASSERELLE_JOURNAL_DIR"
	childFirstEnv = "PASSERELLE_JOURNAL_FIRST" // the first ticket's number
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// number returns how often a rig is to run: what the environment says, or the standard.
func number(t testing.TB, env string, standard int) int {
	t.Helper()
	s := os.Getenv(env)
	if s == "" {
		return standard
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is not a number", env, s)
	}
	return n
}

func decodeBody(t testing.TB, e Entry, v any) {
	t.Helper()
	if err := json.Unmarshal(e.Body, v); err != nil {
		t.Fatal(err)
	}
}

func child(part string) int {
	dir := os.Getenv(childDirEnv)
	first, _ := strconv.Atoi(os.Getenv(childFirstEnv))
	var err error
	switch part {
	case "write":
		err = writeForever(dir, first, false)
	case "write-unsynced":
		err = writeForever(dir, first, true)
	case "move":
		err = moveForever(dir, uint64(first))
	case "damage":
		err = damageChild(os.Stdin, os.Stdout)
	case "full":
		err = fullChild(dir, os.Stdin, os.Stdout)
	default:
		err = fmt.Errorf("unknown part %q", part)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, part+":", err)
		return 1
	}
	return 0
}

func childCommand(t testing.TB, part, dir string, first int) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^$")
	cmd.Env = append(os.Environ(), childEnv+"="+part, childDirEnv+"="+dir, childFirstEnv+"="+strconv.Itoa(first))
	return cmd
}

// writeForever admits tickets in batches of changing size and prints, for each batch that was acknowledged, one line
// {last sequence, its hash, first ticket, number of tickets}. Each batch has one ticket more, which is not among the numbered: it
// waits, and is resolved after. Retention runs now and then, and Badger begins a new log often.
func writeForever(dir string, first int, unsynced bool) error {
	opts := testOptions()
	opts.unsynced = unsynced
	opts.segment = 64
	opts.memTable = 1 << 20
	opts.Keep = time.Hour
	j, err := Open(dir, opts)
	if err != nil {
		return err
	}
	for size, n := 1, 1; ; size, n = size%16+1, n+1 {
		if sequence, _ := j.Head(); n%50 == 0 && sequence > 1000 {
			if err := j.Acknowledge(sequence - 1000); err != nil {
				return err
			}
			if _, err := j.Prune(testTime.Add(2 * time.Hour)); err != nil {
				return err
			}
		}
		batch := make([]Pending, size, size+1)
		for i := range batch {
			batch[i] = ticket("north", first+i)
		}
		batch = append(batch, awaited(in("gate", "stand-a", extraTickets+n%1000)))
		if err := j.Commit(batch); err != nil {
			return err
		}
		if last := &batch[size]; last.Candidate.Outcome() == policy.Admit {
			if _, err := j.Resolve(last.Lane, last.At, last.Sequence, n%3 == 0); err != nil {
				return err
			}
		}
		sequence, chain := j.Head()
		if _, err := fmt.Printf("%d %x %d %d\n", sequence, chain, first, size); err != nil {
			return err
		}
		first += size
	}
}

// extraTickets is the first number of tickets that wait and are resolved.
const extraTickets = 1 << 40

// acknowledged is what a writing child said was done.
type acknowledged struct {
	sequence uint64
	chain    string
	tickets  int // 0 to tickets-1 were admitted
}

// take reads the lines of one child. A last line without its end was not yet said.
func (a *acknowledged) take(t testing.TB, output []byte) {
	t.Helper()
	for line := range bytes.Lines(output) {
		if line[len(line)-1] != '\n' {
			return
		}
		var first, count int
		if _, err := fmt.Sscan(string(line), &a.sequence, &a.chain, &first, &count); err != nil {
			t.Fatalf("child says %q: %v", line, err)
		}
		if first != a.tickets {
			t.Fatalf("child skips from ticket %d to %d", a.tickets, first)
		}
		a.tickets += count
	}
}

// forgive adds the entries that the test itself wrote.
func (a *acknowledged) forgive(j *Journal) {
	sequence, chain := j.Head()
	a.sequence, a.chain = sequence, hexOf(chain[:])
}

// runAndKill lets a writing child acknowledge batches for some time, then calls cut (if any) and kills it, and returns what it said.
func runAndKill(t testing.TB, part, dir string, first int, atLeast int, during time.Duration, cut func()) []byte {
	t.Helper()
	cmd := childCommand(t, part, dir, first)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	lines := bufio.NewReader(pipe)
	var end time.Time
	for n := 0; n < atLeast || time.Now().Before(end); n++ {
		line, err := lines.ReadString('\n')
		said.WriteString(line)
		if err != nil {
			break
		}
		if n == 0 {
			end = time.Now().Add(during)
		}
	}
	if cut != nil {
		cut()
	}
	_ = cmd.Process.Kill()
	rest, _ := io.ReadAll(lines)
	said.Write(rest)
	_ = cmd.Wait()
	if said.Len() == 0 {
		t.Fatalf("child said nothing: %s", strings.TrimSpace(stderr.String()))
	}
	return said.Bytes()
}

// lossOf says what of the acknowledged entries and uses a journal no longer has, "" if nothing.
func lossOf(t testing.TB, j *Journal, a *acknowledged) string {
	t.Helper()
	if s := j.State(); s != OK {
		return "state " + s.String()
	}
	if sequence, _ := j.Head(); sequence < a.sequence {
		return fmt.Sprintf("head %d, acknowledged %d", sequence, a.sequence)
	}
	entries, err := j.Read(nil, a.sequence, 1)
	if err != nil || len(entries) != 1 || hexOf(entries[0].Hash[:]) != a.chain {
		return fmt.Sprintf("entry %d is not the acknowledged one: %v", a.sequence, err)
	}
	r, err := j.Verify(t.Context())
	if err != nil || r.Break != nil || r.Authorised != r.Passed+r.Annulled+r.Pending {
		return fmt.Sprintf("verify: %+v, %+v, %v", r, r.Break, err)
	}
	for n := range a.tickets {
		if _, ok := j.ledger.find(j.ledger.keyOf(useID(n), "")); !ok {
			return fmt.Sprintf("use of ticket %d", n)
		}
	}
	for _, n := range []int{0, a.tickets / 2, a.tickets - 1} {
		p := []Pending{ticket("replay", n)}
		if err := j.Commit(p); err != nil || p[0].Candidate.Outcome() != 0 {
			return fmt.Sprintf("ticket %d shown again: %v, %v", n, p[0].Candidate.Outcome(), err)
		}
	}
	return ""
}
