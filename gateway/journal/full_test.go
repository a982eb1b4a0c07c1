package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/gateway/policy"
)

// fullChild plays a gate on a disk that fills up. It answers each line that it is told:
//
//	fill   commits tickets until it is refused → number of tickets admitted so far, state
//	try    shows one new ticket                → verdict and reason, state
//	again  shows ticket 0                      → verdict and reason, state
//	verify                                     → last entry, or what is wrong
//	close                                      → closed
func fullChild(dir string, in io.Reader, out io.Writer) error {
	j, err := Open(dir, testOptions())
	if err != nil {
		return err
	}
	head, _ := j.Head()
	next := int(head) + 1 // no ticket with such a number was used
	show := func(n, count int) *policy.Candidate {
		p := make([]Pending, count)
		for i := range p {
			p[i] = ticket("north", n+i)
		}
		if err := j.Commit(p); err != nil {
			if !errors.Is(err, ErrFull) {
				fmt.Fprintln(os.Stderr, err)
			}
			p[0].Candidate.Verdict = p[0].Candidate.Finalize(policy.StoreFailed, &demo)
		}
		return &p[0].Candidate
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		switch lines.Text() {
		case "fill":
			admitted := 0
			for ; show(next, 64).Outcome() == policy.Admit; next += 64 {
				admitted += 64
			}
			fmt.Fprintln(out, admitted, j.State())
		case "try":
			c := show(next, 1)
			fmt.Fprintln(out, c.Outcome(), c.Reason(), j.State())
			next++
		case "again":
			c := show(0, 1)
			fmt.Fprintln(out, c.Outcome(), c.Reason(), j.State())
		case "verify":
			r, err := j.Verify(context.Background())
			fmt.Fprintln(out, r.Last, r.Break, err)
		case "close":
			fmt.Fprintln(out, "closed", j.Close())
		}
	}
	return nil
}

// gate is a fullChild seen from the test.
type gate struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr strings.Builder
}

func startGate(t *testing.T, dir string) *gate {
	t.Helper()
	g := &gate{t: t, cmd: childCommand(t, "full", dir, 0)}
	g.cmd.Stderr = &g.stderr
	in, err := g.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	g.in, g.out = in, bufio.NewReader(out)
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.kill)
	return g
}

func (g *gate) kill() {
	_ = g.cmd.Process.Kill()
	_ = g.cmd.Wait()
}

func (g *gate) tell(line string) string {
	g.t.Helper()
	if _, err := io.WriteString(g.in, line+"\n"); err != nil {
		g.t.Fatalf("%s: %v; %s", line, err, g.stderr.String())
	}
	answer, err := g.out.ReadString('\n')
	if err != nil {
		g.t.Fatalf("%s: the gate died: %v; %s", line, err, g.stderr.String())
	}
	return strings.TrimSpace(answer)
}

func (g *gate) want(line, want string) {
	g.t.Helper()
	if got := g.tell(line); got != want {
		g.t.Errorf("%s: %q, want %q; %s", line, got, want, g.stderr.String())
	}
}

// leave makes files that leave about this much space on a file system, and returns what gives it all back.
func leave(t *testing.T, dir string, rest uint64) (undo func()) {
	t.Helper()
	f, err := os.CreateTemp(dir, "filler")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var size int64
	for step := int64(64 << 20); step >= 4096; {
		free, err := freeSpace(dir)
		if err != nil {
			t.Fatal(err)
		}
		if free < rest+uint64(step) || unix.Fallocate(int(f.Fd()), 0, size, step) != nil {
			step /= 2
			continue
		}
		size += step
	}
	return func() { _ = os.Remove(f.Name()) }
}

func TestFullDiskRefersAndRecovers(t *testing.T) {
	for _, system := range []string{"ext4", "tmpfs"} {
		t.Run(system, func(t *testing.T) {
			root := fullRig(t, system)
			dir := filepath.Join(root, "journal")
			g := startGate(t, dir)
			g.want("again", "admit ok ok")

			undo := leave(t, root, DefaultMinFree+8<<20)
			var admitted int
			var state string
			if _, err := fmt.Sscan(g.tell("fill"), &admitted, &state); err != nil || admitted == 0 || state != "full" {
				t.Fatalf("filling admits %d, state %s, %v", admitted, state, err)
			}
			undos := []func(){undo, leave(t, root, DefaultMinFree-4<<20)} // a compaction may just have given space back
			g.want("try", "refer store_unavailable full")
			time.Sleep(time.Second) // what Badger still has to write, the guard left room for
			undos = append(undos, leave(t, root, 0))
			for range 20 {
				g.want("try", "refer store_unavailable full")
			}
			g.want("close", "closed <nil>")
			g.kill()

			// More starts than may crash: those on a full disk are none.
			for range maxCrashes + 2 {
				g = startGate(t, dir)
				undos = append(undos, leave(t, root, 0)) // the ballast's space is gone as well
				g.want("try", "refer store_unavailable full")
				g.kill()
			}

			g = startGate(t, dir)
			g.want("try", "refer store_unavailable full")
			for _, undo := range undos {
				undo()
			}
			g.want("try", "admit ok ok")
			g.want("again", "deny already_used ok")
			g.want("verify", fmt.Sprintf("%d <nil> <nil>", admitted+3))
			g.want("close", "closed <nil>")
		})
	}
}

// fullRig returns the root of a small file system of its own.
func fullRig(t *testing.T, system string) string {
	t.Helper()
	if system == "ext4" {
		return newDisk(t, 256<<20).folder
	}
	root := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=160m", "none", root).CombinedOutput(); err != nil {
		needRig(t, fmt.Errorf("mount tmpfs: %w: %s", err, out))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", root).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return root
}

// TestFullDiskThatNobodySawIsNoDamage has the space end between the look at it and the opening.
func TestFullDiskThatNobodySawIsNoDamage(t *testing.T) {
	root := fullRig(t, "tmpfs")
	dir := filepath.Join(root, "journal")
	opts := testOptions()
	j := mustOpen(t, dir, opts)
	mustCommit(t, j, ticket("north", 1))
	id := j.ID()
	mustClose(t, j)
	undo := leave(t, root, 0)
	opts.Free = func(string) (uint64, error) { return 1 << 40, nil }
	opts.Ballast = 1 << 50
	for range maxCrashes + 2 {
		j = mustOpen(t, dir, opts)
		wantState(t, j, Full)
		if j.ID() != id {
			t.Errorf("id while full = %s, want %s", j.ID(), id)
		}
		mustClose(t, j)
	}
	undo()
	j = mustOpen(t, dir, testOptions())
	wantState(t, j, OK)
	if j.ID() != id {
		t.Error("the journal was given up")
	}
	wantVerdict(t, mustCommit(t, j, ticket("north", 1))[0], policy.Deny, policy.AlreadyUsed, true)
}

func TestFullDiskOfANewBoxRefers(t *testing.T) {
	t.Parallel()
	free := uint64(1 << 20)
	opts := testOptions()
	opts.Free = func(string) (uint64, error) { return free, nil }
	j := mustOpen(t, t.TempDir(), opts)
	wantState(t, j, Full)
	p := []Pending{ticket("north", 1)}
	if err := j.Commit(p); !errors.Is(err, ErrFull) {
		t.Errorf("commit: %v, want ErrFull", err)
	}
	if p[0].Candidate.Final() || p[0].Sequence != 0 {
		t.Errorf("a refused batch was changed")
	}
	if _, err := j.Read(nil, 1, 1); !errors.Is(err, ErrFull) {
		t.Errorf("read: %v, want ErrFull", err)
	}
	free = 1 << 30
	wantVerdict(t, mustCommit(t, j, p...)[0], policy.Admit, policy.OK, true)
	wantState(t, j, OK)
	mustVerify(t, j)
}

func TestGuardHoldsAtItsLimit(t *testing.T) {
	t.Parallel()
	free := uint64(1 << 30)
	opts := testOptions()
	opts.Free = func(string) (uint64, error) { return free, nil }
	j := mustOpen(t, t.TempDir(), opts)
	free = DefaultMinFree
	mustCommit(t, j, pass("north"))
	free = DefaultMinFree - 1
	if err := j.Commit([]Pending{pass("north")}); !errors.Is(err, ErrFull) {
		t.Errorf("commit below the guard: %v, want ErrFull", err)
	}
	if _, err := j.Note("", testTime, "start", nil); !errors.Is(err, ErrFull) {
		t.Errorf("note below the guard: %v, want ErrFull", err)
	}
	wantState(t, j, Full)
	if got := len(readAll(t, j)); got != 1 {
		t.Errorf("a full journal reads %d entries, want 1", got)
	}
	// Retention, which gives space back, may write a little longer.
	for limit, want := range map[uint64]error{DefaultMinFree / 3 * 2: nil, DefaultMinFree/3*2 - 1: ErrFull} {
		free = limit
		if err := j.Acknowledge(1); !errors.Is(err, want) {
			t.Errorf("acknowledge with %d bytes free: %v, want %v", free, err, want)
		}
		if _, err := j.Prune(testTime); !errors.Is(err, want) {
			t.Errorf("prune with %d bytes free: %v, want %v", free, err, want)
		}
	}
	free = DefaultMinFree
	mustCommit(t, j, pass("north"))
	wantState(t, j, OK)
}
