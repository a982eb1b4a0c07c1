package tcp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/drivers/frame"
)

const loopback = "127.0.0.1:0"

// device is a scanner: our end connects to it, or it to us.
type device struct {
	*net.TCPConn
}

func (d device) send(t *testing.T, b string) {
	t.Helper()
	if _, err := io.WriteString(d, b); err != nil {
		t.Fatalf("device writes: %v", err)
	}
}

// gone waits until our end has closed the connection.
func (d device) gone(t *testing.T) {
	t.Helper()
	d.SetReadDeadline(time.Now().Add(3 * time.Second))
	if n, err := io.Copy(io.Discard, d); os.IsTimeout(err) {
		t.Errorf("the connection is still open after %d bytes", n)
	}
}

func newLink(t testing.TB, o Options) *Link {
	t.Helper()
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// listening returns a link whose port is open already, and its address.
func listening(t testing.TB, o Options) (*Link, string) {
	t.Helper()
	if o.Listen == "" {
		o.Listen = loopback
	}
	l := newLink(t, o)
	if err := l.listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l, l.port.Addr().String()
}

func dial(t testing.TB, address string) device {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return device{conn.(*net.TCPConn)}
}

func open(t testing.TB, l *Link) *Scanner {
	t.Helper()
	s, err := l.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// directions runs a test with a scanner that we connect to, and with one that connects to us.
func directions(t *testing.T, o Options, test func(t *testing.T, s *Scanner, d device)) {
	t.Run("we connect", func(t *testing.T) {
		t.Parallel()
		s, d := connect(t, o)
		test(t, s, d)
	})
	t.Run("the scanner connects", func(t *testing.T) {
		t.Parallel()
		l, at := listening(t, o)
		d := dial(t, at)
		test(t, open(t, l), d)
	})
}

// connect makes a scanner that we connect to.
func connect(t testing.TB, o Options) (*Scanner, device) {
	t.Helper()
	port, err := net.Listen("tcp", loopback)
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	o.Address = port.Addr().String()
	s := open(t, newLink(t, o))
	conn, err := port.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return s, device{conn.(*net.TCPConn)}
}

func readFrame(t testing.TB, s *Scanner) string {
	t.Helper()
	p := make([]byte, frame.MaxFrame+1)
	n, err := s.ReadFrame(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(p[:n])
}

// within fails the test unless f returns in d.
func within(t *testing.T, d time.Duration, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	start := time.Now()
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		t.Logf("%s: %v", what, time.Since(start).Round(time.Millisecond))
	case <-time.After(d):
		t.Fatalf("%s: still waiting after %v", what, d)
	}
}

func TestEveryByteArrivesUnchangedBothWays(t *testing.T) {
	t.Parallel()
	every := make([]byte, 256) // NUL is not first, where it would be taken for a wake-up
	for i := range every {
		every[i] = byte(i + 1)
	}
	directions(t, Options{Terminator: frame.IdleGap}, func(t *testing.T, s *Scanner, d device) {
		d.send(t, string(every))
		if got := readFrame(t, s); got != string(every) {
			t.Errorf("from the scanner: got % x", got)
		}
		if n, err := s.Write(every); n != 256 || err != nil {
			t.Fatalf("Write: %d, %v", n, err)
		}
		got := make([]byte, 256)
		if _, err := io.ReadFull(d, got); err != nil || !bytes.Equal(got, every) {
			t.Errorf("to the scanner: got % x, %v", got, err)
		}
	})
}

func TestFramesSplitAtEveryByteArriveWhole(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		terminator frame.Terminator
		stream     string
	}{
		{frame.CR, "]Q1HC1:A$%*\r\n]Q1HC1:B\r\n"},
		{frame.LF, "]Q1HC1:A$%*\r\n]Q1HC1:B\n"},
		{frame.CRLF, "]Q1HC1:A$%*\r\n]Q1HC1:B\r\n"},
		{frame.TAB, "]Q1HC1:A$%*\t]Q1HC1:B\t"},
		{frame.STXETX, "noise\x02]Q1HC1:A$%*\x03\r\n\x02]Q1HC1:B\x03"},
	} {
		t.Run(tt.terminator.String(), func(t *testing.T) {
			t.Parallel()
			s, d := connect(t, Options{Terminator: tt.terminator})
			for cut := range len(tt.stream) + 1 {
				d.send(t, tt.stream[:cut])
				time.Sleep(time.Millisecond) // a segment of its own
				d.send(t, tt.stream[cut:])
				for _, want := range []string{"]Q1HC1:A$%*", "]Q1HC1:B"} {
					got := strings.TrimSuffix(readFrame(t, s), "\r") // CR before LF is content where LF alone ends a code
					if got != want {
						t.Fatalf("cut at %d: got %q, want %q", cut, got, want)
					}
				}
			}
		})
	}
}

func TestBytesOneByOneAreOneFrame(t *testing.T) {
	t.Parallel()
	directions(t, Options{}, func(t *testing.T, s *Scanner, d device) {
		const code = "]Q1HC1:NCFOXN%TS3DH3ZSUZK+.V0ETD%65NL"
		go func() {
			for _, c := range []byte(code + "\r") {
				d.Write([]byte{c})
			}
		}()
		if got := readFrame(t, s); got != code {
			t.Errorf("got %q, want %q", got, code)
		}
	})
}

func TestManyLongFramesAtFullSpeedArriveWhole(t *testing.T) {
	t.Parallel()
	const frames = 1000
	code := func(i int) string { // up to 4296 characters, the most that an alphanumeric QR code holds
		head := fmt.Sprintf("HC1:%06d:", i)
		return head + strings.Repeat(string(rune('A'+i%26)), (i*577)%(4296-len(head)+1))
	}
	directions(t, Options{Terminator: frame.CRLF}, func(t *testing.T, s *Scanner, d device) {
		sent := make(chan error, 1)
		go func() {
			for i := range frames {
				if _, err := io.WriteString(d, code(i)+"\r\n"); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		for i := range frames {
			if got := readFrame(t, s); got != code(i) {
				t.Fatalf("frame %d: got %d bytes, want %d", i, len(got), len(code(i)))
			}
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
	})
}

func TestFrameLongerThanTheBufferIsCutAndTheNextOneIsWhole(t *testing.T) {
	t.Parallel()
	s, d := connect(t, Options{})
	const limit = 4296
	for _, size := range []int{limit - 1, limit, limit + 1, limit + 2, 3 * frame.MaxFrame} {
		d.send(t, strings.Repeat("x", size)+"\rHC1:GOOD\r")
		p := make([]byte, limit+1)
		if n, err := s.ReadFrame(p); err != nil || n != min(size, limit+1) {
			t.Errorf("%d bytes: got %d, %v; want %d", size, n, err, min(size, limit+1))
		}
		if got := readFrame(t, s); got != "HC1:GOOD" {
			t.Errorf("after %d bytes: got %q", size, got)
		}
	}
	for _, size := range []int{frame.MaxFrame, frame.MaxFrame + 1, frame.MaxFrame + 2} {
		d.send(t, strings.Repeat("x", size)+"\r")
		if got := readFrame(t, s); len(got) != min(size, frame.MaxFrame+1) {
			t.Errorf("%d bytes: got %d", size, len(got))
		}
	}
}

func TestGarbageWithoutEndIsBoundedAndTheNextCodeIsRead(t *testing.T) {
	t.Parallel()
	directions(t, Options{}, func(t *testing.T, s *Scanner, d device) {
		const megabytes = 32
		go func() {
			for range megabytes {
				d.Write(make([]byte, 1<<20))
				d.Write(bytes.Repeat([]byte("z"), 1<<20))
			}
			io.WriteString(d, "\rHC1:GOOD\r")
		}()
		if got := readFrame(t, s); len(got) != frame.MaxFrame+1 {
			t.Errorf("got %d bytes, want the mark of a frame that is too long", len(got))
		}
		if got := readFrame(t, s); got != "HC1:GOOD" {
			t.Errorf("got %q", got)
		}
	})
}

func TestCodeThatWasCutNeverSpoilsTheNext(t *testing.T) {
	t.Parallel()
	directions(t, Options{Gap: 200 * time.Millisecond}, func(t *testing.T, s *Scanner, d device) {
		time.AfterFunc(0, func() {
			io.WriteString(d, "HC1:HAL")
			time.Sleep(500 * time.Millisecond)
			io.WriteString(d, "HC1:WHOLE\r")
		})
		if got := readFrame(t, s); got != "HC1:WHOLE" {
			t.Errorf("got %q", got)
		}
		if n := s.Discarded(); n != 1 {
			t.Errorf("%d scans discarded, want 1", n)
		}
	})
}

func TestSilenceEndsAFrameWhereNothingElseDoes(t *testing.T) {
	t.Parallel()
	for _, gap := range []time.Duration{time.Microsecond, 20 * time.Millisecond} {
		s, d := connect(t, Options{Terminator: frame.IdleGap, Gap: gap})
		for _, want := range []string{"HC1:A", "HC1:B"} {
			d.send(t, want)
			if got := readFrame(t, s); got != want {
				t.Errorf("gap %v: got %q, want %q", gap, got, want)
			}
		}
	}
}

func TestHeartbeatIsDroppedAndNothingLikeIt(t *testing.T) {
	t.Parallel()
	directions(t, Options{Ignore: "HEARTBEAT"}, func(t *testing.T, s *Scanner, d device) {
		d.send(t, "HEARTBEAT\r\nHEARTBEAT\r\nHEARTBEAT1\r\nheartbeat\r\nHEARTBEA\r\nHEARTBEAT\r\nHC1:A\r\n")
		for _, want := range []string{"HEARTBEAT1", "heartbeat", "HEARTBEA", "HC1:A"} {
			if got := readFrame(t, s); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

func TestBinaryBytesSentAsUTF8ComeBack(t *testing.T) {
	t.Parallel()
	s, d := connect(t, Options{Terminator: frame.STXETX, UndoUTF8: true})
	d.send(t, "\x02]Q3\u0000\u0080\u00ff\u00e9\x03")
	if got := readFrame(t, s); got != "]Q3\x00\x80\xff\xe9" {
		t.Errorf("got %q", got)
	}
}

func TestLostConnectionIsGoneAndHalfACodeIsThrownAway(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		end  func(d device)
	}{
		{"closed", func(d device) { d.Close() }},
		{"reset", func(d device) { d.SetLinger(0); d.Close() }},
		{"closed for writing", func(d device) { d.CloseWrite() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			directions(t, Options{Terminator: frame.IdleGap, Gap: time.Second}, func(t *testing.T, s *Scanner, d device) {
				d.send(t, "HC1:HALF")
				time.AfterFunc(100*time.Millisecond, func() { tt.end(d) })
				for range 2 {
					if n, err := s.ReadFrame(make([]byte, 100)); n != 0 || !errors.Is(err, frame.ErrGone) {
						t.Errorf("got %d, %v; want frame.ErrGone", n, err)
					}
				}
				if n := s.Discarded(); n != 1 {
					t.Errorf("%d scans discarded, want 1", n)
				}
			})
		})
	}
}

func TestWholeCodeBeforeTheEndIsStillRead(t *testing.T) {
	t.Parallel()
	directions(t, Options{}, func(t *testing.T, s *Scanner, d device) {
		d.send(t, "HC1:A\rHC1:B\r")
		d.Close()
		for _, want := range []string{"HC1:A", "HC1:B"} {
			if got := readFrame(t, s); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

func TestCloseEndsAReadThatWaits(t *testing.T) {
	t.Parallel()
	directions(t, Options{}, func(t *testing.T, s *Scanner, d device) {
		d.send(t, "HC1:HALF")
		within(t, 500*time.Millisecond, "close during a read", func() {
			time.AfterFunc(100*time.Millisecond, func() { s.Close() })
			if _, err := s.ReadFrame(make([]byte, 10)); !errors.Is(err, frame.ErrClosed) {
				t.Errorf("got %v, want frame.ErrClosed", err)
			}
		})
		if _, err := s.ReadFrame(make([]byte, 10)); !errors.Is(err, frame.ErrClosed) {
			t.Errorf("afterwards: got %v, want frame.ErrClosed", err)
		}
		if _, err := s.Write([]byte{7}); !errors.Is(err, frame.ErrClosed) {
			t.Errorf("write: got %v, want frame.ErrClosed", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		d.gone(t)
	})
}

func TestReadingLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	s, d := connect(t, Options{})
	d.send(t, strings.Repeat("SECRET", 1000)+"\r")
	readFrame(t, s)
	if bytes.Contains(s.buf[:], []byte("SECRET")) {
		t.Error("the buffer holds the code after it was delivered")
	}
	d.send(t, "SECRETHALF")
	d.Close()
	if _, err := s.ReadFrame(make([]byte, 10)); !errors.Is(err, frame.ErrGone) {
		t.Fatal(err)
	}
	if bytes.Contains(s.buf[:], []byte("SECRET")) {
		t.Error("the buffer holds half a code after the connection was lost")
	}
}

func TestNewerConnectionWinsAndTheOldOnesHalfCodeIsThrownAway(t *testing.T) {
	t.Parallel()
	l, at := listening(t, Options{})
	first := dial(t, at)
	s := open(t, l)
	first.send(t, "HC1:READ\rHC1:HALF")
	if got := readFrame(t, s); got != "HC1:READ" {
		t.Fatalf("got %q", got)
	}
	second := dial(t, at) // the scanner started again and never closed the first
	second.send(t, "HC1:NEW\r")
	within(t, 500*time.Millisecond, "noticing the newer connection", func() {
		if n, err := s.ReadFrame(make([]byte, 100)); n != 0 || !errors.Is(err, frame.ErrGone) || !strings.Contains(err.Error(), "newer") {
			t.Errorf("old connection: got %d, %v; want frame.ErrGone and why", n, err)
		}
	})
	within(t, 500*time.Millisecond, "opening the newer connection", func() {
		if got := readFrame(t, open(t, l)); got != "HC1:NEW" {
			t.Errorf("got %q", got)
		}
	})
	first.gone(t)
	if n := s.Discarded(); n != 1 {
		t.Errorf("%d scans discarded, want 1", n)
	}
}

func TestNewerConnectionWinsOverAFlood(t *testing.T) {
	t.Parallel()
	l, at := listening(t, Options{})
	flood := dial(t, at)
	s := open(t, l)
	go func() {
		garbage := bytes.Repeat([]byte("z"), 64<<10)
		for {
			if _, err := flood.Write(garbage); err != nil {
				return
			}
		}
	}()
	time.AfterFunc(100*time.Millisecond, func() { dial(t, at) })
	within(t, time.Second, "noticing the newer connection", func() {
		if _, err := s.ReadFrame(make([]byte, 100)); !errors.Is(err, frame.ErrGone) {
			t.Errorf("got %v, want frame.ErrGone", err)
		}
	})
	open(t, l)
	flood.gone(t)
}

func TestOfSeveralThatWaitTheNewestIsTaken(t *testing.T) {
	t.Parallel()
	l, at := listening(t, Options{})
	var last device
	for i := range backlog {
		last = dial(t, at)
		last.send(t, fmt.Sprintf("HC1:%d\r", i))
	}
	if got, want := readFrame(t, open(t, l)), fmt.Sprintf("HC1:%d", backlog-1); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPortIsKeptBetweenConnections(t *testing.T) {
	t.Parallel()
	l, at := listening(t, Options{})
	for i := range 20 {
		d := dial(t, at) // never refused, though nobody is in Open
		code := fmt.Sprintf("HC1:%d", i)
		d.send(t, code+"\r")
		s := open(t, l)
		if got := readFrame(t, s); got != code {
			t.Fatalf("got %q, want %q", got, code)
		}
		d.Close()
		if _, err := s.ReadFrame(make([]byte, 10)); !errors.Is(err, frame.ErrGone) {
			t.Fatal(err)
		}
		s.Close()
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", at); err == nil {
		conn.Close()
		t.Error("the port is still open after Close")
	}
	if _, err := l.Open(t.Context()); !errors.Is(err, frame.ErrClosed) {
		t.Errorf("Open after Close: got %v, want frame.ErrClosed", err)
	}
}

func TestStrangersAreClosedAtOnceAndDisturbNothing(t *testing.T) {
	t.Parallel()
	l, at := listening(t, Options{Peer: "127.0.0.3"})
	from := func(address string) (device, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
		conn, err := d.Dial("tcp", at)
		if err != nil {
			return device{}, err
		}
		t.Cleanup(func() { conn.Close() })
		return device{conn.(*net.TCPConn)}, nil
	}
	early, err := from("127.0.0.2")
	if err != nil {
		t.Fatal(err)
	}
	early.send(t, "HC1:EARLY\r")
	if _, err := l.Open(t.Context()); !errors.Is(err, frame.ErrGone) || !strings.Contains(err.Error(), "127.0.0.2") {
		t.Fatalf("got %v, want frame.ErrGone and the stranger's address", err)
	}
	early.gone(t)
	own, err := from("127.0.0.3")
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, l)
	const strangers = 50
	go func() {
		defer io.WriteString(own, "HC1:OWN\r")
		for range strangers {
			d, err := from("127.0.0.4")
			if errors.Is(err, syscall.ECONNRESET) {
				continue // before connect(2) returned
			}
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(d, "HC1:FALSE\r")
			d.gone(t)
		}
	}()
	if got := readFrame(t, s); got != "HC1:OWN" {
		t.Errorf("got %q", got)
	}
	if n := l.Refused(); n != strangers+1 {
		t.Errorf("%d refused, want %d", n, strangers+1)
	}
}

func TestPortThatIsTakenIsAnErrorUntilItIsFree(t *testing.T) {
	t.Parallel()
	other, err := net.Listen("tcp", loopback)
	if err != nil {
		t.Fatal(err)
	}
	l := newLink(t, Options{Listen: other.Addr().String()})
	if _, err := l.Open(t.Context()); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("got %v, want EADDRINUSE", err)
	}
	other.Close()
	if _, err := l.Open(t.Context()); !errors.Is(err, frame.ErrGone) {
		t.Errorf("got %v, want frame.ErrGone: free, and nobody there", err)
	}
}

func TestOpenWaitsNoLongerThanItSays(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"nobody connects": {Listen: loopback},
		"nobody answers":  {Address: silentPort(t)},
	} {
		l := newLink(t, o)
		within(t, OpenWait+500*time.Millisecond, name, func() {
			if s, err := l.Open(t.Context()); s != nil || !errors.Is(err, frame.ErrGone) {
				t.Errorf("%s: got %v, want frame.ErrGone", name, err)
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(200*time.Millisecond, cancel)
		within(t, time.Second, name+", context ends", func() {
			if _, err := l.Open(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: got %v, want context.Canceled", name, err)
			}
		})
	}
}

// silentPort is an address that takes a connection's first packet and never answers: its queue is full.
func silentPort(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(name.(*unix.SockaddrInet4).Port)).String()
	for range 10 {
		conn, err := net.DialTimeout("tcp", at, 300*time.Millisecond)
		if err != nil {
			return at
		}
		t.Cleanup(func() { conn.Close() })
	}
	t.Fatal("the queue never filled")
	return ""
}

func TestAbsentScannerIsGone(t *testing.T) {
	t.Parallel()
	port, err := net.Listen("tcp", loopback)
	if err != nil {
		t.Fatal(err)
	}
	l := newLink(t, Options{Address: port.Addr().String()})
	port.Close()
	if s, err := l.Open(t.Context()); s != nil || !errors.Is(err, frame.ErrGone) || !strings.HasPrefix(err.Error(), "open scanner "+l.name+": ") {
		t.Errorf("got %v, want frame.ErrGone", err)
	}
}

func TestOpeningAgainClosesTheOneBefore(t *testing.T) {
	t.Parallel()
	l, at := listening(t, Options{})
	old := dial(t, at)
	s := open(t, l)
	d := dial(t, at)
	d.send(t, "HC1:B\r")
	if got := readFrame(t, open(t, l)); got != "HC1:B" {
		t.Errorf("got %q", got)
	}
	old.gone(t)
	if _, err := s.ReadFrame(make([]byte, 10)); !errors.Is(err, frame.ErrClosed) {
		t.Errorf("got %v, want frame.ErrClosed", err)
	}
}

func TestClosingTheLinkEndsWhatWaits(t *testing.T) {
	t.Parallel()
	l, _ := listening(t, Options{})
	within(t, time.Second, "close during Open", func() {
		time.AfterFunc(100*time.Millisecond, func() { l.Close() })
		if _, err := l.Open(t.Context()); !errors.Is(err, frame.ErrClosed) {
			t.Errorf("got %v, want frame.ErrClosed", err)
		}
	})
	l, at := listening(t, Options{})
	dial(t, at)
	s := open(t, l)
	within(t, time.Second, "close during ReadFrame", func() {
		time.AfterFunc(100*time.Millisecond, func() { l.Close() })
		if _, err := s.ReadFrame(make([]byte, 10)); !errors.Is(err, frame.ErrClosed) {
			t.Errorf("got %v, want frame.ErrClosed", err)
		}
	})
}

// stuff writes until the device, which reads nothing, has no room left.
func stuff(t *testing.T, s *Scanner) {
	t.Helper()
	for range 1 << 16 {
		if n, err := s.outgoing(unix.SIOCOUTQNSD); err != nil {
			t.Fatal(err)
		} else if n > 0 {
			time.Sleep(200 * time.Millisecond) // its kernel may find more
			if n, err = s.outgoing(unix.SIOCOUTQNSD); n > 0 && err == nil {
				return
			}
		}
		if _, err := s.conn.Write(make([]byte, 1024)); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the device's side never filled")
}

func TestStuckScannerNeverBlocksAWriteForLongAndLosesItsConnection(t *testing.T) {
	t.Parallel()
	for name, command := range map[string][]byte{"short": []byte("old green"), "longer than the kernel takes": make([]byte, 8<<20)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			directions(t, Options{}, func(t *testing.T, s *Scanner, d device) {
				stuff(t, s)
				within(t, time.Second, "write to a stuck scanner", func() {
					if n, err := s.WriteTimeout(command, 100*time.Millisecond); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("got %d, %v; want 0, os.ErrDeadlineExceeded", n, err)
						s.Close()
					}
				})
				if _, err := s.ReadFrame(make([]byte, 10)); !errors.Is(err, frame.ErrGone) || !strings.Contains(err.Error(), errStuck.Error()) {
					t.Errorf("ReadFrame: got %v, want frame.ErrGone and why", err)
				}
				s.Close()
				got, err := io.ReadAll(d)
				if !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("the scanner sees %v, want a reset", err)
				}
				if bytes.Contains(got, []byte("old green")) {
					t.Error("the command that was given up came later")
				}
			})
		})
	}
}

func TestWriteBehindAStuckOneKeepsItsTime(t *testing.T) {
	t.Parallel()
	s, _ := connect(t, Options{})
	stuff(t, s)
	first := make(chan struct{})
	go func() {
		defer close(first)
		s.WriteTimeout(make([]byte, 1<<20), MaxWriteTimeout)
	}()
	time.Sleep(50 * time.Millisecond)
	within(t, 500*time.Millisecond, "second write", func() {
		if _, err := s.WriteTimeout([]byte{7}, 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want os.ErrDeadlineExceeded", err)
		}
	})
	s.Close()
	<-first
}

func TestCloseEndsAWriteThatWaits(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"in the kernel": 100, "before the kernel": 8 << 20} {
		s, _ := connect(t, Options{})
		stuff(t, s)
		within(t, 900*time.Millisecond, "close during a write "+name, func() {
			time.AfterFunc(50*time.Millisecond, func() { s.Close() })
			if _, err := s.WriteTimeout(make([]byte, size), MaxWriteTimeout); !errors.Is(err, frame.ErrClosed) {
				t.Errorf("%s: got %v, want frame.ErrClosed", name, err)
			}
		})
	}
}

func TestWriteWithoutTimeLeavesTheConnectionAlone(t *testing.T) {
	t.Parallel()
	s, d := connect(t, Options{})
	for _, limit := range []time.Duration{0, -time.Second} {
		if n, err := s.WriteTimeout([]byte("late"), limit); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %d, %v; want os.ErrDeadlineExceeded", n, err)
		}
	}
	if _, err := s.Write([]byte("in time")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 7)
	if _, err := io.ReadFull(d, got); err != nil || string(got) != "in time" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestLastCommandBeforeCloseArrives(t *testing.T) {
	t.Parallel()
	directions(t, Options{}, func(t *testing.T, s *Scanner, d device) {
		if _, err := s.Write([]byte("LAMP OFF\r")); err != nil {
			t.Fatal(err)
		}
		s.Close()
		if got, err := io.ReadAll(d); err != nil || string(got) != "LAMP OFF\r" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestCommandThatIsNotAcknowledgedNeverComesAfterClose(t *testing.T) {
	t.Parallel()
	s, d := connect(t, Options{})
	stuff(t, s)
	if _, err := s.conn.Write([]byte("old green")); err != nil { // it waits in the kernel
		t.Fatal(err)
	}
	within(t, closeWait+250*time.Millisecond, "close", func() { s.Close() })
	if got, err := io.ReadAll(d); !errors.Is(err, syscall.ECONNRESET) || bytes.Contains(got, []byte("old green")) {
		t.Errorf("the scanner reads %d bytes, then %v; want a reset without the command", len(got), err)
	}
}

func TestWriteToALostConnectionIsGone(t *testing.T) {
	t.Parallel()
	s, d := connect(t, Options{})
	d.SetLinger(0)
	d.Close()
	if _, err := s.ReadFrame(make([]byte, 10)); !errors.Is(err, frame.ErrGone) {
		t.Fatal(err)
	}
	if n, err := s.Write([]byte{7}); n != 0 || !errors.Is(err, frame.ErrGone) {
		t.Errorf("got %d, %v; want frame.ErrGone", n, err)
	}
}

func TestConnectionIsTuned(t *testing.T) {
	t.Parallel()
	directions(t, Options{}, func(t *testing.T, s *Scanner, _ device) {
		for _, tt := range []struct {
			name          string
			level, option int
			want          int
		}{
			{"TCP_NODELAY", unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
			{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
			{"TCP_KEEPIDLE", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 2},
			{"TCP_KEEPINTVL", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 1},
			{"TCP_KEEPCNT", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3},
			{"TCP_USER_TIMEOUT", unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 3500},
			{"SO_RCVBUF, which Linux doubles", unix.SOL_SOCKET, unix.SO_RCVBUF, 2 * receiveBuffer},
			{"SO_SNDBUF, which Linux doubles", unix.SOL_SOCKET, unix.SO_SNDBUF, 2 * sendBuffer},
		} {
			var got int
			if err := control(s.raw, func(fd int) (err error) {
				got, err = unix.GetsockoptInt(fd, tt.level, tt.option)
				return err
			}); err != nil || got != tt.want {
				t.Errorf("%s: got %d, %v; want %d", tt.name, got, err, tt.want)
			}
		}
	})
}

func TestOptionsAreHeldToTheirLimits(t *testing.T) {
	t.Parallel()
	const there, here = "10.0.0.2:2001", "10.0.0.1:2001"
	for _, tt := range []struct {
		name string
		o    Options
		ok   bool
	}{
		{"address", Options{Address: there}, true},
		{"named host", Options{Address: "scanner1:2001"}, true},
		{"neither direction", Options{}, false},
		{"both directions", Options{Address: there, Listen: here, Peer: "10.0.0.2"}, false},
		{"address without port", Options{Address: "10.0.0.2"}, false},
		{"address without host", Options{Address: ":2001"}, false},
		{"port 0", Options{Address: "10.0.0.2:0"}, false},
		{"last port", Options{Address: "10.0.0.2:65535"}, true},
		{"port past the last", Options{Address: "10.0.0.2:65536"}, false},
		{"peer of an address", Options{Address: there, Peer: "10.0.0.2"}, false},
		{"one peer", Options{Listen: here, Peer: "10.0.0.2"}, true},
		{"prefix of peers", Options{Listen: "0.0.0.0:2001", Peer: "10.0.0.0/28"}, true},
		{"IPv6", Options{Listen: "[fd00::1]:2001", Peer: "fd00::/64"}, true},
		{"IPv6 of one link", Options{Listen: "[fe80::1%eth0]:2001", Peer: "fe80::2%eth0"}, true},
		{"nobody named", Options{Listen: here}, false},
		{"nobody named, every interface", Options{Listen: "0.0.0.0:2001"}, false},
		{"nobody named, on loopback", Options{Listen: "127.0.0.1:2001"}, true},
		{"nobody named, on IPv6 loopback", Options{Listen: "[::1]:2001"}, true},
		{"everybody named", Options{Listen: here, Peer: "0.0.0.0/0"}, false},
		{"everybody named in IPv6", Options{Listen: here, Peer: "::/0"}, false},
		{"everybody named as mapped", Options{Listen: here, Peer: "::ffff:0.0.0.0/96"}, false},
		{"peer by name", Options{Listen: here, Peer: "scanner1"}, false},
		{"listen without address", Options{Listen: ":2001", Peer: "10.0.0.2"}, false},
		{"listen by name", Options{Listen: "localhost:2001"}, false},
		{"longest heartbeat", Options{Address: there, Ignore: strings.Repeat("x", MaxIgnore)}, true},
		{"longer heartbeat", Options{Address: there, Ignore: strings.Repeat("x", MaxIgnore+1)}, false},
		{"longest write", Options{Address: there, WriteTimeout: MaxWriteTimeout}, true},
		{"longer write", Options{Address: there, WriteTimeout: MaxWriteTimeout + 1}, false},
		{"negative write", Options{Address: there, WriteTimeout: -1}, false},
		{"unknown terminator", Options{Address: there, Terminator: 255}, false},
		{"gap over its limit", Options{Address: there, Gap: frame.MaxGap + 1}, false},
	} {
		if _, err := New(tt.o); (err == nil) != tt.ok {
			t.Errorf("%s: got %v, want accepted: %v", tt.name, err, tt.ok)
		}
	}
}

func TestPeersAreHeldToTheirPrefix(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		listen, peer, in, out string
	}{
		{"10.0.0.1:1", "10.0.0.2", "10.0.0.2", "10.0.0.3"},
		{"10.0.0.1:1", "10.0.0.18/28", "10.0.0.31", "10.0.0.32"},
		{"10.0.0.1:1", "::ffff:10.0.0.2", "10.0.0.2", "10.0.0.3"},
		{"[fd00::1]:1", "fd00::/64", "fd00::ffff", "fd00:0:0:1::1"},
		{"127.0.0.1:1", "", "127.9.9.9", "128.0.0.1"},
		{"[::1]:1", "", "::1", "::2"},
		{"[::ffff:127.0.0.1]:1", "", "127.0.0.1", "10.0.0.1"},
	} {
		p, err := allowedPeers(tt.listen, tt.peer)
		if err != nil {
			t.Errorf("%s %s: %v", tt.listen, tt.peer, err)
			continue
		}
		if !p.Contains(netip.MustParseAddr(tt.in)) || p.Contains(netip.MustParseAddr(tt.out)) {
			t.Errorf("%s %s: %v holds %s or does not hold %s", tt.listen, tt.peer, p, tt.out, tt.in)
		}
	}
}

func TestEmptyBufferIsAnError(t *testing.T) {
	t.Parallel()
	s, _ := connect(t, Options{})
	if _, err := s.ReadFrame(nil); !errors.Is(err, io.ErrShortBuffer) {
		t.Errorf("got %v, want io.ErrShortBuffer", err)
	}
}

// BenchmarkScan takes from the last byte on a socket to the frame.
func BenchmarkScan(b *testing.B) {
	s, d := connect(b, Options{})
	code := append(bytes.Repeat([]byte("x"), 540), '\r')
	p := make([]byte, frame.MaxFrame+1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Write(code); err != nil {
			b.Fatal(err)
		}
		if _, err := s.ReadFrame(p); err != nil {
			b.Fatal(err)
		}
	}
}
