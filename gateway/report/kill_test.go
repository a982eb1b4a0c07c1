package report

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"passerelle/gateway/journal"
)

// What a child process is told: what it is, its folder, and where a forwarder sends to.
const (
	childEnv    = "PASSERELLE_TEST_CHILD"
	childDirEnv = "PASSERELLE_TEST_DIR"
	childURLEnv = "PASSERELLE_TEST_URL"
)

// TestMain also runs the processes that are there to be killed. They end with the test's own process at the latest.
func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(2)
	}()
	var err error
	switch os.Getenv(childEnv) {
	case "forward":
		err = forwardUntilKilled(os.Getenv(childDirEnv), os.Getenv(childURLEnv))
	case "collect":
		err = collectUntilKilled(os.Getenv(childDirEnv))
	}
	fmt.Fprintln(os.Stderr, "child:", err)
	os.Exit(1)
}

func collectUntilKilled(dir string) error {
	secret, err := ParseSecret(referenceSecret)
	if err != nil {
		return err
	}
	c, err := OpenCollector(dir, CollectorOptions{Now: time.Now, MinFree: 1 << 20, Secrets: []Secret{secret}, ConnsPerIP: -1})
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	return c.Serve(ln)
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
	opts.entries = 5 + os.Getpid()%30 // each start would make other ranges
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
		longest := 40*time.Millisecond + time.Duration(kills)*4*time.Millisecond // so that a slow machine gets there too
		run(t, dir, p.url, time.Duration(random.Int64N(int64(longest))))
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
	child, said := start(t, "forward", dir, url)
	if said != "open" {
		t.Fatalf("the child says %q", said)
	}
	time.Sleep(while)
	kill(t, child)
}

// start starts a child and returns its first line.
func start(t *testing.T, what, dir, url string) (*exec.Cmd, string) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+what, childDirEnv+"="+dir, childURLEnv+"="+url)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := child.StdinPipe(); err != nil { // open as long as this process is there
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		child.Process.Kill()
		child.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the child says %q, %v", line, err)
	}
	return child, strings.TrimSpace(line)
}

func kill(t *testing.T, child *exec.Cmd) {
	t.Helper()
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
}
