package tcp

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/drivers/frame"
)

// network is two hosts, ours and the scanner's, each a network namespace of its own, with a cable between them.
type network struct {
	here, there string // namespaces
}

const (
	ourAddress     = "198.18.0.1"
	scannerAddress = "198.18.0.2"
)

func newNetwork(t *testing.T) network {
	t.Helper()
	need := func(what string) {
		t.Helper()
		if os.Getenv("CI") == "true" {
			t.Fatal(what)
		}
		t.Skip(what)
	}
	if os.Geteuid() != 0 {
		need("a dead peer needs network namespaces: run the test as root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		need("a dead peer needs the command ip: install iproute2")
	}
	name := fnv.New32()
	name.Write([]byte(t.Name()))
	tag := fmt.Sprintf("passerelle-%d-%x", os.Getpid(), name.Sum32())
	n := network{tag + "a", tag + "b"}
	t.Cleanup(func() {
		exec.Command("ip", "netns", "del", n.here).Run()
		exec.Command("ip", "netns", "del", n.there).Run()
	})
	for _, args := range []string{
		"netns add " + n.here,
		"netns add " + n.there,
		"link add v0 netns " + n.here + " type veth peer name v1 netns " + n.there,
		"-n " + n.here + " addr add " + ourAddress + "/30 dev v0",
		"-n " + n.there + " addr add " + scannerAddress + "/30 dev v1",
		"-n " + n.here + " link set v0 up",
		"-n " + n.there + " link set v1 up",
	} {
		n.ip(t, args)
	}
	return n
}

func (n network) ip(t *testing.T, args string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", args, err, out)
	}
}

// in runs f on a thread in a namespace: a socket stays in the one where it was made.
func (n network) in(t *testing.T, namespace string, f func() error) {
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
			return f()
		}()
	}()
	if err := <-result; err != nil {
		t.Fatalf("in namespace %s: %v", namespace, err)
	}
}

// connection makes a scanner that we connect to over the cable.
func (n network) connection(t *testing.T) (*Scanner, device) {
	t.Helper()
	var port net.Listener
	n.in(t, n.there, func() (err error) {
		port, err = net.Listen("tcp", scannerAddress+":0")
		return err
	})
	defer port.Close()
	l := newLink(t, Options{Address: port.Addr().String()})
	var s *Scanner
	n.in(t, n.here, func() (err error) {
		s, err = l.Open(context.Background())
		return err
	})
	t.Cleanup(func() { s.Close() })
	conn, err := port.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return s, device{conn.(*net.TCPConn)}
}

// listening makes a scanner that connects to us over the cable, and its link.
func (n network) listening(t *testing.T) (*Link, *Scanner, device) {
	t.Helper()
	l := newLink(t, Options{Listen: ourAddress + ":2001", Peer: scannerAddress})
	n.in(t, n.here, func() error { return l.listen(context.Background()) })
	d := n.dial(t)
	return l, open(t, l), d
}

// dial connects from the scanner's host.
func (n network) dial(t *testing.T) (d device) {
	t.Helper()
	n.in(t, n.there, func() error {
		conn, err := net.DialTimeout("tcp", ourAddress+":2001", 3*time.Second)
		if err != nil {
			return err
		}
		d = device{conn.(*net.TCPConn)}
		return nil
	})
	t.Cleanup(func() { d.Close() })
	return d
}

// lost measures how long the scanner's ReadFrame waits until it says that the connection is gone.
func lost(t *testing.T, s *Scanner) time.Duration {
	t.Helper()
	start := time.Now()
	timer := time.AfterFunc(20*time.Second, func() { s.Close() })
	defer timer.Stop()
	if n, err := s.ReadFrame(make([]byte, 100)); n != 0 || !errors.Is(err, frame.ErrGone) {
		t.Fatalf("got %d, %v; want frame.ErrGone", n, err)
	} else {
		t.Logf("%v after %v", err, time.Since(start).Round(time.Millisecond))
	}
	return time.Since(start)
}

const noticed = 5 * time.Second // what the package's doc promises

// Ways to lose a scanner without a word, as commands for ip in its namespace.
const (
	pullCable   = "link set v1 down"              // no carrier
	dropPackets = "addr del 198.18.0.2/30 dev v1" // its host drops what comes for it
)

func TestDeadScannerIsNoticed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, die   string
		command     bool // one is sent after that
		least, most time.Duration
	}{
		{"cable", pullCable, false, 3 * time.Second, noticed},
		{"silence", dropPackets, false, 3 * time.Second, noticed},
		{"silence, command under way", dropPackets, true, AckTime, noticed},
		{"cable, command that may not even leave", pullCable, true, 0, noticed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t)
			s, d := n.connection(t)
			d.send(t, "HC1:A\rHC1:HALF")
			if got := readFrame(t, s); got != "HC1:A" {
				t.Fatalf("got %q", got)
			}
			n.ip(t, "-n "+n.there+" "+tt.die)
			if tt.command {
				s.Write([]byte("GREEN")) // fails at once where the kernel knows already that it cannot leave
			}
			if took := lost(t, s); took > tt.most || took < tt.least {
				t.Errorf("noticed after %v, want %v to %v", took, tt.least, tt.most)
			}
		})
	}
}

// TestAnswerThatWasLostIsNotSentAgainLater: a reader gives a code up after its own time, and would take the answer for that to the next one.
func TestAnswerThatWasLostIsNotSentAgainLater(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	s, d := n.connection(t)
	d.send(t, "HC1:A\r")
	if got := readFrame(t, s); got != "HC1:A" {
		t.Fatalf("got %q", got)
	}
	n.ip(t, "-n "+n.there+" "+dropPackets)
	if _, err := s.WriteTimeout([]byte("GOOD"), 250*time.Millisecond); err != nil {
		t.Fatal(err) // it has left
	}
	time.Sleep(AckTime + 100*time.Millisecond) // nobody reads, and the connection ends even so
	n.ip(t, "-n "+n.there+" addr add "+scannerAddress+"/30 dev v1")
	d.SetReadDeadline(time.Now().Add(noticed))
	got := make([]byte, 64)
	for {
		k, err := d.Read(got)
		if k > 0 {
			t.Errorf("the reader got %q", got[:k])
		}
		if err != nil { // the reset, or its time is out where that was lost as well
			break
		}
	}
	if took := lost(t, s); took > time.Second {
		t.Errorf("noticed after %v", took)
	}
}

// TestScannerThatAcknowledgesKeepsItsConnection: commands follow each other faster than they are looked at.
func TestScannerThatAcknowledgesKeepsItsConnection(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	s, d := n.connection(t)
	go io.Copy(io.Discard, d)
	for begun := time.Now(); time.Since(begun) < 3*AckTime; time.Sleep(time.Millisecond) {
		if _, err := s.Write([]byte("TRIGGER")); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(AckTime + 100*time.Millisecond)
	d.send(t, "HC1:A\r")
	if got := readFrame(t, s); got != "HC1:A" {
		t.Errorf("got %q", got)
	}
}

func TestQuietScannerStaysConnected(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	_, s, d := n.listening(t)
	time.AfterFunc(2*noticed, func() { d.Write([]byte("HC1:LATE\r")) })
	if got := readFrame(t, s); got != "HC1:LATE" {
		t.Errorf("got %q", got)
	}
}

func TestCableThatWasPulledForASecondLosesNothing(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	_, s, d := n.listening(t)
	n.ip(t, "-n "+n.there+" link set v1 down")
	d.send(t, "HC1:A\r")
	time.AfterFunc(time.Second, func() { exec.Command("ip", "-n", n.there, "link", "set", "v1", "up").Run() })
	within(t, noticed, "code over a cable that was out for a second", func() {
		if got := readFrame(t, s); got != "HC1:A" {
			t.Errorf("got %q", got)
		}
	})
}

func TestScannerThatLostItsPowerGetsInAtOnce(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	l, s, old := n.listening(t)
	old.send(t, "HC1:HALF")
	// Its kernel forgets the old connection without a word: what it sends is dropped until it is gone.
	n.ip(t, "-n "+n.there+" link set v1 down")
	if err := old.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	old.Close()
	n.ip(t, "-n "+n.there+" link set v1 up")
	d := n.dial(t)
	d.send(t, "HC1:A\r")
	if took := lost(t, s); took > time.Second {
		t.Errorf("noticed after %v", took)
	}
	within(t, time.Second, "the code after its start", func() {
		if got := readFrame(t, open(t, l)); got != "HC1:A" {
			t.Errorf("got %q", got)
		}
	})
}

func TestOpenToAHostThatIsNotThereEnds(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	n.ip(t, "-n "+n.there+" addr del 198.18.0.2/30 dev v1")
	l := newLink(t, Options{Address: scannerAddress + ":2001"})
	n.in(t, n.here, func() error {
		start := time.Now()
		if _, err := l.Open(context.Background()); !errors.Is(err, frame.ErrGone) {
			t.Errorf("got %v, want frame.ErrGone", err)
		}
		if took := time.Since(start); took > OpenWait+500*time.Millisecond {
			t.Errorf("took %v", took)
		}
		return nil
	})
}
