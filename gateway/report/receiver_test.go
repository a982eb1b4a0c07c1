package report

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"passerelle/gateway/journal"
)

// The two receivers that an integrator can start from, over the bad network: each prints every entry once, in order, and
// takes nothing that is not signed.
func TestReceiversToStartFrom(t *testing.T) {
	t.Parallel()
	t.Run("Go", func(t *testing.T) {
		t.Parallel()
		binary := filepath.Join(t.TempDir(), "receiver")
		if out, err := exec.Command("go", "build", "-o", binary, filepath.Join("testdata", "receiver", "receiver.go")).CombinedOutput(); err != nil {
			t.Fatalf("build the receiver: %v\n%s", err, out)
		}
		address := freeAddress(t)
		receive(t, address, exec.Command(binary, address))
	})
	t.Run("Python", func(t *testing.T) {
		t.Parallel()
		python, err := exec.LookPath("python3")
		if err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal("python3 is not installed")
			}
			t.Skip("python3 is not installed: apt-get install python3")
		}
		address := freeAddress(t)
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		receive(t, address, exec.Command(python, filepath.Join("testdata", "receiver", "receiver.py"), host, port))
	})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func receive(t *testing.T, address string, receiver *exec.Cmd) {
	t.Helper()
	var mu sync.Mutex
	var lines []string
	receiver.Env = append(os.Environ(), "PASSERELLE_SECRET="+referenceSecret)
	out, err := receiver.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaints bytes.Buffer
	receiver.Stderr = &complaints
	if err := receiver.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for s := bufio.NewScanner(out); s.Scan(); {
			mu.Lock()
			lines = append(lines, s.Text())
			mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		receiver.Process.Kill()
		<-read
		receiver.Wait()
		if t.Failed() {
			t.Logf("the receiver: %s", complaints.String())
		}
	})
	wait(t, "the receiver listens", func() bool {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})

	dir := t.TempDir()
	j := openJournal(t, filepath.Join(dir, "journal"))
	grow(t, j, 300)
	unsigned(t, address, allOf(t, j))
	p := newProxy(t, address, 5, 0.3, 250*time.Millisecond)
	opts := quick(dir, p.url, mustSecret(t, referenceSecret))
	opts.Timeout = 250 * time.Millisecond
	opts.entries = 10
	f := forward(t, j, opts)
	f.until(t, "everything is reported", drained)
	f.stop()
	want := allOf(t, j)
	wait(t, "everything is printed", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(lines) >= len(want)
	})
	mu.Lock()
	defer mu.Unlock()
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d", len(lines), len(want))
	}
	for i := range want {
		if compact(t, lines[i]) != compact(t, string(want[i].Body)) {
			t.Fatalf("line %d: %s, want %s", i, lines[i], want[i].Body)
		}
	}
}

// unsigned sends reports that must not be taken.
func unsigned(t *testing.T, address string, entries []journal.Entry) {
	t.Helper()
	data := appendBatch(nil, testJournal, entries[:1])
	id := batchID(testJournal, span{1, 1})
	for name, change := range map[string]func(*http.Request){
		"another signature": func(q *http.Request) { q.Header.Set(headerSignature, referenceSignature) },
		"another time":      func(q *http.Request) { q.Header.Set(headerTimestamp, "1614265330") },
		"an old report": func(q *http.Request) {
			q.Header.Set(headerTimestamp, "1614265330")
			q.Header.Set(headerSignature, sign([]Secret{mustSecret(t, referenceSecret)}, id, "1614265330", data))
		},
		"another id": func(q *http.Request) { q.Header.Set(headerID, "x") },
	} {
		if status, answer := send(t, signed(t, "http://"+address+"/v1/reports", data, id, change)); status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s, want 401", name, status, answer)
		}
	}
}
