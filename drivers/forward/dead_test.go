package forward

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// thereNamespace is set in the process that runs in a network namespace of its own: it names the other host's.
const thereNamespace = "FORWARD_TEST_THERE"

const (
	ourAddress  = "198.18.0.5"
	hostAddress = "198.18.0.6"
)

func TestDeadHostIsNoticedAndGetsNothingStale(t *testing.T) {
	if there := os.Getenv(thereNamespace); there != "" {
		deadHost(t, there)
		return
	}
	t.Parallel()
	need := func(what string) {
		t.Helper()
		if os.Getenv("CI") == "true" {
			t.Fatal(what)
		}
		t.Skip(what)
	}
	if os.Geteuid() != 0 {
		need("a dead host needs network namespaces: run the test as root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		need("a dead host needs the command ip: install iproute2")
	}
	here, there := fmt.Sprintf("forward-%da", os.Getpid()), fmt.Sprintf("forward-%db", os.Getpid())
	t.Cleanup(func() {
		exec.Command("ip", "netns", "del", here).Run()
		exec.Command("ip", "netns", "del", there).Run()
	})
	ip(t, "netns add "+here)
	ip(t, "netns add "+there)
	ip(t, "link add v0 netns "+here+" type veth peer name v1 netns "+there)
	ip(t, "-n "+here+" addr add "+ourAddress+"/30 dev v0")
	ip(t, "-n "+there+" addr add "+hostAddress+"/30 dev v1")
	ip(t, "-n "+here+" link set v0 up")
	ip(t, "-n "+there+" link set v1 up")
	// A Forward makes its sockets on any thread, so the whole process has to be in the namespace.
	inside := exec.Command("ip", "netns", "exec", here, os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	inside.Env = append(os.Environ(), thereNamespace+"="+there)
	out, err := inside.CombinedOutput()
	t.Logf("inside: %s", out)
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("inside the namespace: %v", err)
	}
}

func ip(t *testing.T, args string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", args, err, out)
	}
}

// deadHost is the test inside the namespace.
func deadHost(t *testing.T, there string) {
	port := listenIn(t, there)
	f := start(t, Options{To: "tcp:" + port.Addr().String()})
	old := accept(t, port)
	f.Scan([]byte("HC1:A"))
	expect(t, old, "HC1:A\r")

	ip(t, "-n "+there+" addr del "+hostAddress+"/30 dev v1") // it drops what comes for it
	died := time.Now()
	f.Scan([]byte("HC1:OLD"))
	eventually(t, "noticed", func() bool { return !f.Status().Connected })
	t.Logf("noticed after %v: %v", time.Since(died).Round(time.Millisecond), f.Status().Problem)
	if took := time.Since(died); took > DefaultMaxAge+time.Second {
		t.Errorf("noticed after %v: a code could still arrive after its greatest age of %v", took, DefaultMaxAge)
	}
	counts(t, f, 1, 1)
	ip(t, "-n "+there+" addr add "+hostAddress+"/30 dev v1")

	next := accept(t, port)
	f.Scan([]byte("HC1:NEW"))
	expect(t, next, "HC1:NEW\r")
	old.SetReadDeadline(time.Now().Add(time.Second))
	if got, _ := io.ReadAll(old); len(got) > 0 {
		t.Errorf("the old connection still brought %q", got)
	}
}

// listenIn listens on the other host: a socket stays in the namespace of the thread that made it.
func listenIn(t *testing.T, namespace string) (port net.Listener) {
	t.Helper()
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		result <- func() error {
			fd, err := unix.Open("/run/netns/"+namespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
				return err
			}
			port, err = net.Listen("tcp", hostAddress+":0")
			return err
		}()
	}()
	if err := <-result; err != nil {
		t.Fatalf("listen in %s: %v", namespace, err)
	}
	t.Cleanup(func() { port.Close() })
	return port
}
