package report

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"passerelle/gateway/journal"
)

// childEnv names the folder of a child process that forwards until it is killed.
const (
	childEnv    = "PASSERELLE_TEST_FORWARD"
	childURLEnv = "PASSERELLE_TEST_URL"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := forwardUntilKilled(dir, os.Getenv(childURLEnv)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func forwardUntilKilled(dir, url string) error {
	j, err := journal.Open(filepath.Join(dir, "journal"), journal.Options{
		Now: time.Now, Random: rand.Reader, Ballast: 1 << 20, MinFree: 1 << 20,
	})
	if err != nil {
		return err
	}
	secret, err := ParseSecret(referenceSecret)
	if err != nil {
		return err
	}
	opts := quick(dir, url, secret)
	opts.Timeout = 250 * time.Millisecond
	opts.entries = 20
	f, err := NewForwarder(j, opts)
	if err != nil {
		return err
	}
	fmt.Println("open")
	return f.Run(context.Background())
}

// The forwarder's process is killed again and again, at any moment, over a bad network: nothing is lost, nothing is
// doubled, and what is sent again has the same bytes (the proxy compares).
func TestKilledForwarderLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	n := min(reports(t), 3000)
	dir := t.TempDir()
	j := openJournal(t, filepath.Join(dir, "journal"))
	grow(t, j, n)
	id, want := j.ID(), uint64(n)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	c := collect(t, filepath.Join(dir, "collector"), CollectorOptions{ConnsPerIP: -1})
	seed := uint64(time.Now().UnixNano())
	random := mathrand.New(mathrand.NewPCG(seed, 2))
	p := newProxy(t, c.address, seed, 0.1, 250*time.Millisecond)

	kills := 0
	for end := time.Now().Add(3 * time.Minute); c.Entries() < want; kills++ {
		if time.Now().After(end) {
			t.Fatalf("seed %d: %d of %d entries after %d kills", seed, c.Entries(), want, kills)
		}
		run(t, dir, p.url, time.Duration(random.Int64N(int64(40*time.Millisecond))))
	}
	t.Logf("seed %d: %d entries over %d kills, 0 lost, 0 doubled; %v", seed, n, kills, p)
	if kills < 5 {
		t.Errorf("only %d kills", kills)
	}
	j = openJournal(t, filepath.Join(dir, "journal"))
	if j.ID() != id {
		t.Errorf("the journal was replaced: %s, before %s", j.ID(), id)
	}
	wantSame(t, c.Collector, j)
	if gaps := c.alarms.count(AlarmGap); gaps != 0 {
		t.Errorf("%d times entries came out of order", gaps)
	}
}

// run starts a forwarder and kills it a while after it began.
func run(t *testing.T, dir, url string, while time.Duration) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+dir, childURLEnv+"="+url)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "open\n" {
		child.Process.Kill()
		child.Wait()
		t.Fatalf("the child says %q, %v", line, err)
	}
	time.Sleep(while)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
}
