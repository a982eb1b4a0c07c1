package rig

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	passerelle = "/usr/bin/passerelle"
	patience   = 60 * time.Second // for what must come; the board is slow
)

// onBoard skips a test anywhere but on the emulated board.
func onBoard(t *testing.T) {
	t.Helper()
	if os.Getenv("BOARD") == "" {
		t.Skip("needs the emulated board: make e2e")
	}
}

// box is one running gateway with a state folder of its own, and the collector that it reports to.
type box struct {
	t      *testing.T
	folder string
	kit    *kit
	page   string // URL, with a slash at its end
	log    *log
	ledger *ledger
	gate   *exec.Cmd
	user   uint32 // who runs it
	ended  chan error
}

// newBox starts a gateway whose lanes are written as in deploy/passerelle.toml.
func newBox(t *testing.T, lanes string) *box {
	t.Helper()
	onBoard(t)
	b := &box{t: t, kit: theKit(t), folder: stateFolder(t), log: &log{}}
	if err := os.WriteFile(b.secret(), []byte(b.kit.secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.ledger = newLedger(t, b.kit.secret)
	if err := os.CopyFS(filepath.Join(b.folder, "state/trust"), os.DirFS(b.kit.trust)); err != nil {
		t.Fatal(err)
	}
	b.configure(lanes)
	b.start()
	t.Cleanup(func() {
		b.stop()
		if t.Failed() {
			t.Logf("the gateway's log:\n%s", b.log.text())
		}
	})
	return b
}

// stateFolder is a folder on the state partition that goes when the test ends: journals have ballast.
func stateFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/state", "rig-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

func (b *box) configure(lanes string) {
	b.t.Helper()
	text := fmt.Sprintf(`state = %q
profile = "health"
[clock]
source = "system"
[web]
listen = "127.0.0.1:0"
events = "127.0.0.1:0"
[report]
endpoint = %q
secret_file = %q
%s`, filepath.Join(b.folder, "state"), b.ledger.url, b.secret(), lanes)
	if err := os.WriteFile(b.config(), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *box) secret() string { return filepath.Join(b.folder, "secret") }
func (b *box) config() string { return filepath.Join(b.folder, "passerelle.toml") }

var pageAddress = regexp.MustCompile(`lanes are running.*page=(http://[0-9.:]+/)`)

// start starts the gateway and waits until its page is served.
func (b *box) start() {
	b.t.Helper()
	b.gate = exec.Command(passerelle, "run", "--config", b.config())
	b.gate.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: b.user, Gid: b.user}}
	if err := filepath.WalkDir(b.folder, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, int(b.user), int(b.user)))
	}); err != nil {
		b.t.Fatal(err)
	}
	out, err := b.gate.StderrPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.gate.Start(); err != nil {
		b.t.Fatal(err)
	}
	page := make(chan string, 1)
	b.ended = make(chan error, 1)
	go func(gate *exec.Cmd, ended chan<- error) {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			b.log.add(lines.Text())
			if m := pageAddress.FindStringSubmatch(lines.Text()); m != nil {
				page <- m[1]
			}
		}
		ended <- gate.Wait()
	}(b.gate, b.ended)
	select {
	case b.page = <-page:
	case err := <-b.ended:
		b.gate = nil
		b.t.Fatalf("the gateway ended: %v\n%s", err, b.log.text())
	case <-time.After(patience):
		b.t.Fatalf("the gateway does not start\n%s", b.log.text())
	}
}

// stop ends the gateway as an operator does.
func (b *box) stop() {
	b.end(os.Interrupt)
}

// kill ends the gateway as a power cut or a fault does.
func (b *box) kill() {
	b.end(os.Kill)
}

func (b *box) end(s os.Signal) {
	if b.gate == nil {
		return
	}
	_ = b.gate.Process.Signal(s)
	select {
	case <-b.ended:
	case <-time.After(patience):
		b.t.Errorf("the gateway does not end\n%s", b.log.text())
		_ = b.gate.Process.Kill()
		<-b.ended
	}
	b.gate = nil
}

// lane is how a lane stands, as the page shows it.
type lane struct {
	Lane      string
	Connected bool
	Admitted  int
	Denied    int
	Referred  int
	Again     int
	Late      int
}

func (l lane) verdicts() int { return l.Admitted + l.Denied + l.Referred }

// status is what GET /v1/lanes answers.
type status struct {
	Lanes   []lane
	Devices struct{ Foreign int }
}

func (b *box) status() (s status, err error) {
	answer, err := http.Get(b.page + "v1/lanes")
	if err != nil {
		return s, err
	}
	defer answer.Body.Close()
	return s, json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&s)
}

// lane returns how one lane stands.
func (b *box) lane(id string) lane {
	b.t.Helper()
	s, err := b.status()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, l := range s.Lanes {
		if l.Lane == id {
			return l
		}
	}
	b.t.Fatalf("there is no lane %q", id)
	return lane{}
}

// connected waits until a lane's scanner is there, or gone, and returns how long that took.
func (b *box) connected(id string, want bool) time.Duration {
	b.t.Helper()
	begun := time.Now()
	b.eventually(fmt.Sprintf("lane %s: connected = %v", id, want), func() bool { return b.lane(id).Connected == want })
	return time.Since(begun)
}

// eventually waits until something holds.
func (b *box) eventually(what string, holds func() bool) {
	b.t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("not seen: %s\n%s", what, b.log.text())
		}
	}
}

// want compares what a lane reported since the last call with what was shown there, in that order: "admit ok", "deny unknown_issuer".
func (b *box) want(id string, want ...string) {
	b.t.Helper()
	got := b.ledger.await(id, len(want), patience)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		b.t.Errorf("lane %s reported\n%q\nwant\n%q", id, got, want)
	}
}

// silent says that a lane reports nothing more for a while.
func (b *box) silent(id string, d time.Duration) {
	b.t.Helper()
	if got := b.ledger.await(id, 1, d); len(got) > 0 {
		b.t.Errorf("lane %s reported %q, want nothing", id, got)
	}
}

// log is what a gateway printed.
type log struct {
	mu    sync.Mutex
	lines []string
}

func (l *log) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func (l *log) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// command runs the program with arguments and returns what it printed.
func command(ctx context.Context, folder string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, passerelle, args...)
	c.Dir = folder
	var complaints strings.Builder
	c.Stderr = &complaints
	out, err := c.Output()
	if err != nil {
		err = errors.New(err.Error() + "\n" + complaints.String())
	}
	return string(out), err
}

// figure prints something measured, for make e2e to show.
func figure(t *testing.T, name, format string, args ...any) {
	t.Helper()
	fmt.Printf("figure: %s: %s\n", name, fmt.Sprintf(format, args...))
}
