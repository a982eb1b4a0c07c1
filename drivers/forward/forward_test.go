package forward

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/drivers/frame"
)

func start(t testing.TB, o Options) *Forward {
	t.Helper()
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Content == 0 {
		o.Content = Scan
	}
	f, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// eventually waits until ok, for 5 s.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 5000 {
		if ok() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

func connected(f *Forward) func() bool { return func() bool { return f.Status().Connected } }

func counts(t testing.TB, f *Forward, sent, dropped uint64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d sent, %d dropped; last: %+v", sent, dropped, f.Status()), func() bool {
		s := f.Status()
		return s.Sent+s.Dropped >= sent+dropped
	})
	if s := f.Status(); s.Sent != sent || s.Dropped != dropped {
		t.Errorf("%d sent, %d dropped; want %d, %d", s.Sent, s.Dropped, sent, dropped)
	}
}

// expect reads want, and nothing else.
func expect(t testing.TB, from io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if d, ok := from.(interface{ SetReadDeadline(time.Time) error }); ok {
		d.SetReadDeadline(time.Now().Add(5 * time.Second))
	}
	if n, err := io.ReadFull(from, got); err != nil || string(got) != want {
		t.Fatalf("got %.60q (%d bytes), %v; want %.60q (%d bytes)", got[:n], n, err, want, len(want))
	}
}

// silent fails the test when anything comes in d.
func silent(t testing.TB, from interface {
	io.Reader
	SetReadDeadline(time.Time) error
}, d time.Duration,
) {
	t.Helper()
	from.SetReadDeadline(time.Now().Add(d))
	b := make([]byte, 100)
	if n, err := from.Read(b); n > 0 || !os.IsTimeout(err) {
		t.Errorf("got %q, %v; want silence", b[:n], err)
	}
}

// within fails the test unless f returns in d.
func within(t testing.TB, d time.Duration, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	start := time.Now()
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		t.Logf("%s: %v", what, time.Since(start).Round(10*time.Microsecond))
	case <-time.After(d):
		t.Fatalf("%s: still waiting after %v", what, d)
	}
}

// program is the other program's end of a line.
type program interface {
	io.ReadWriteCloser
	SetReadDeadline(time.Time) error
}

// hosts are the four ways to forward, each with the way in which the other program gets to its end of it.
var hosts = map[string]func(t testing.TB, o Options) (f *Forward, host program){
	"serial": func(t testing.TB, o Options) (*Forward, program) {
		far, near := newTerminal(t)
		o.To = "serial:" + near.Name()
		f := start(t, o)
		eventually(t, "port opened", connected(f))
		return f, far
	},
	"pty": func(t testing.TB, o Options) (*Forward, program) {
		link := filepath.Join(t.TempDir(), "lane1")
		o.To = "pty:" + link
		f := start(t, o)
		host := openPort(t, link)
		eventually(t, "port opened", connected(f))
		return f, host
	},
	"tcp": func(t testing.TB, o Options) (*Forward, program) {
		port := listen(t, "127.0.0.1:0")
		o.To = "tcp:" + port.Addr().String()
		f := start(t, o)
		return f, accept(t, port)
	},
	"listen": func(t testing.TB, o Options) (*Forward, program) {
		o.To = "listen:" + freeAddress(t)
		f := start(t, o)
		return f, dial(t, f)
	},
}

func openPort(t testing.TB, link string) *os.File {
	t.Helper()
	host, err := os.OpenFile(link, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close() })
	return host
}

// newTerminal makes a pseudo-terminal as the kernel does, with echo, line editing and signals on: a serial port, and what is at the
// far end of its cable.
func newTerminal(t testing.TB) (far, near *os.File) {
	t.Helper()
	open := func(path string) *os.File {
		fd, err := unix.Open(path, openFlags, 0)
		if err != nil {
			t.Fatalf("open %s: %v", path, err)
		}
		f := os.NewFile(uintptr(fd), path)
		t.Cleanup(func() { f.Close() })
		return f
	}
	far = open("/dev/ptmx")
	if err := unix.IoctlSetPointerInt(fd(t, far), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd(t, far), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	return far, open(fmt.Sprintf("/dev/pts/%d", number))
}

func listen(t testing.TB, at string) net.Listener {
	t.Helper()
	port, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { port.Close() })
	return port
}

func accept(t testing.TB, port net.Listener) *net.TCPConn {
	t.Helper()
	conn, err := port.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

func freeAddress(t testing.TB) string {
	t.Helper()
	port := listen(t, "127.0.0.1:0")
	port.Close()
	return port.Addr().String()
}

// dial connects to a forward that listens, once it does.
func dial(t testing.TB, f *Forward) *net.TCPConn {
	t.Helper()
	var conn net.Conn
	eventually(t, "listening", func() (ok bool) {
		c, err := net.Dial("tcp", strings.TrimPrefix(f.opts.To, "listen:"))
		conn = c
		return err == nil
	})
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

func everywhere(t *testing.T, o Options, test func(t *testing.T, f *Forward, host program)) {
	for name, connect := range hosts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, host := connect(t, o)
			test(t, f, host)
		})
	}
}

func TestCodesArriveAsTheVeryBytesInOrder(t *testing.T) {
	t.Parallel()
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	everywhere(t, Options{}, func(t *testing.T, f *Forward, host program) {
		f.Scan([]byte("]Q1HC1:A"))
		expect(t, host, "]Q1HC1:A\r")
		f.Scan(every) // with the terminator inside
		expect(t, host, string(every)+"\r")
		for i := range 10 {
			f.Scan(fmt.Appendf(nil, "HC1:%d", i))
		}
		for i := range 10 {
			expect(t, host, fmt.Sprintf("HC1:%d\r", i))
		}
		f.Verdict("admit", "ok", 1) // not asked for
		counts(t, f, 12, 0)
		silent(t, host, 50*time.Millisecond)
	})
}

func TestLongestCodeArrivesAndALongerOneIsDropped(t *testing.T) {
	t.Parallel()
	everywhere(t, Options{Prefix: strings.Repeat("p", MaxAffix), Terminator: strings.Repeat("t", MaxAffix)}, func(t *testing.T, f *Forward, host program) {
		longest := strings.Repeat("x", frame.MaxFrame)
		f.Scan([]byte(longest + "x"))
		f.Scan(nil)
		f.Scan([]byte(longest))
		expect(t, host, f.opts.Prefix+longest+f.opts.Terminator)
		counts(t, f, 1, 2)
	})
}

func TestVerdictIsOneLineOfWords(t *testing.T) {
	t.Parallel()
	everywhere(t, Options{Content: Verdict}, func(t *testing.T, f *Forward, host program) {
		f.Scan([]byte("SECRET"))
		f.Verdict("admit", "ok", 1234)
		f.Verdict("Deny", "already_used", 18446744073709551615)
		f.Verdict("REFER", "store_unavailable", 0)
		f.Verdict("", "ok", 1)
		f.Verdict("ADMIT\r\n", "ok", 1)
		f.Verdict("ADMIT", "ok\r\nADMIT", 1)
		f.Verdict("ADMIT", "", 1)
		f.Verdict("DENY", strings.Repeat("x", maxWord+1), 1)
		f.Verdict("DENY", strings.Repeat("x", maxWord), 1)
		expect(t, host, "ADMIT ok 1234\r\nDENY already_used 18446744073709551615\r\nREFER store_unavailable 0\r\nDENY "+strings.Repeat("x", maxWord)+" 1\r\n")
		counts(t, f, 4, 5)
	})
}

func TestCodeIsNeverTakenForAVerdict(t *testing.T) {
	t.Parallel()
	everywhere(t, Options{Content: Both, Terminator: "\x03"}, func(t *testing.T, f *Forward, host program) {
		f.Scan([]byte("ADMIT ok 99"))
		f.Scan([]byte("\r\nADMIT ok 99"))
		f.Scan([]byte("A\nADMIT ok 99\r"))
		f.Scan([]byte("A\x03ADMIT ok 99"))
		f.Verdict("deny", "bad_signature", 7)
		expect(t, host, "SCAN ADMIT ok 99\x03DENY bad_signature 7\r\n")
		counts(t, f, 2, 3)
	})
}

func TestProgramThatComesLateGetsNothingStale(t *testing.T) {
	t.Parallel()
	const age = MinAge
	t.Run("tcp", func(t *testing.T) {
		t.Parallel()
		at := freeAddress(t)
		f := start(t, Options{To: "tcp:" + at, MaxAge: age})
		f.Scan([]byte("HC1:OLD"))
		time.Sleep(age + 200*time.Millisecond)
		counts(t, f, 0, 1)
		port := listen(t, at)
		conn := accept(t, port)
		f.Scan([]byte("HC1:NEW"))
		expect(t, conn, "HC1:NEW\r")
	})
	t.Run("listen", func(t *testing.T) {
		t.Parallel()
		f := start(t, Options{To: "listen:" + freeAddress(t), MaxAge: age})
		f.Scan([]byte("HC1:OLD"))
		time.Sleep(age + 200*time.Millisecond)
		conn := dial(t, f)
		f.Scan([]byte("HC1:NEW"))
		expect(t, conn, "HC1:NEW\r")
		counts(t, f, 1, 1)
	})
	t.Run("pty", func(t *testing.T) {
		t.Parallel()
		link := filepath.Join(t.TempDir(), "lane1")
		f := start(t, Options{To: "pty:" + link, MaxAge: age})
		for range 3 {
			f.Scan([]byte("HC1:OLD"))
			time.Sleep(age + 200*time.Millisecond)
			host := openPort(t, link)
			f.Scan([]byte("HC1:NEW"))
			expect(t, host, "HC1:NEW\r")
			host.Close()
			eventually(t, "left", func() bool { return !f.Status().Connected })
		}
		counts(t, f, 3, 3)
	})
	t.Run("serial", func(t *testing.T) {
		t.Parallel()
		link := filepath.Join(t.TempDir(), "usb")
		f := start(t, Options{To: "serial:" + link, MaxAge: age})
		f.Scan([]byte("HC1:OLD"))
		time.Sleep(age + 200*time.Millisecond)
		far, near := newTerminal(t)
		if err := os.Symlink(near.Name(), link); err != nil {
			t.Fatal(err)
		}
		eventually(t, "plugged in", connected(f))
		f.Scan([]byte("HC1:NEW"))
		expect(t, far, "HC1:NEW\r")
		counts(t, f, 1, 1)
	})
}

func TestProgramThatComesInTimeGetsWhatWaits(t *testing.T) {
	t.Parallel()
	f := start(t, Options{To: "listen:" + freeAddress(t)})
	f.Scan([]byte("HC1:A"))
	f.Scan([]byte("HC1:B"))
	expect(t, dial(t, f), "HC1:A\rHC1:B\r")
	counts(t, f, 2, 0)
}

func TestFullRingDropsTheOldest(t *testing.T) {
	t.Parallel()
	f := start(t, Options{To: "listen:" + freeAddress(t), MaxAge: MaxAge})
	for i := range ringSize + 5 {
		f.Scan(fmt.Appendf(nil, "%02d", i))
	}
	conn := dial(t, f)
	for i := range ringSize {
		expect(t, conn, fmt.Sprintf("%02d\r", i+5))
	}
	counts(t, f, ringSize, 5)
}

func TestAgeEndsAtItsLimit(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	f := &Forward{opts: Options{MaxAge: time.Second, Now: func() time.Time { return now }}}
	f.newest().n = 1
	now = now.Add(time.Second)
	if f.expire(); f.count != 1 {
		t.Error("dropped at its greatest age")
	}
	now = now.Add(1)
	if f.expire(); f.count != 0 || f.status.Dropped != 1 {
		t.Error("kept past its greatest age")
	}
}

func TestProgramThatNeverReadsHoldsNothingUpAndGetsNothingStale(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"pty", "tcp", "listen"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, host := hosts[name](t, Options{MaxAge: MinAge})
			if c, ok := host.(*net.TCPConn); ok {
				c.SetReadBuffer(1)
			}
			code := bytes.Repeat([]byte("x"), frame.MaxFrame)
			scans := uint64(0)
			longest := time.Duration(0)
			for time.Sleep(200 * time.Millisecond); f.Status().Dropped < 100; scans++ { // past what any kernel buffers
				begin := time.Now()
				f.Scan(code)
				longest = max(longest, time.Since(begin))
				if scans%ringSize == 0 {
					time.Sleep(time.Millisecond)
				}
				if scans > 1e6 {
					t.Fatal("it was never full")
				}
			}
			t.Logf("longest Scan of %d: %v", scans, longest)
			if longest > 100*time.Millisecond {
				t.Errorf("a Scan took %v", longest)
			}
			time.Sleep(MinAge + 300*time.Millisecond)
			s := f.Status()
			if s.Sent+s.Dropped != scans {
				t.Errorf("%d sent and %d dropped of %d", s.Sent, s.Dropped, scans)
			}
			if c, ok := host.(*net.TCPConn); ok {
				c.SetReadDeadline(time.Now().Add(time.Second))
				if n, err := io.Copy(io.Discard, c); !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("the program reads %d bytes, then %v; want a reset", n, err)
				}
			}
		})
	}
}

func TestVirtualPortThatNobodyReadsIsEmptied(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{"short": "HC1:OLD", "of several parts": strings.Repeat("x", 3*terminalPart)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, host := hosts["pty"](t, Options{MaxAge: MinAge})
			f.Scan([]byte(code))
			counts(t, f, 0, 1)
			f.Scan([]byte("HC1:NEW"))
			expect(t, host, "HC1:NEW\r")
			counts(t, f, 1, 1)
		})
	}
}

func TestCodeOfWhichAProgramReadTheFirstPartIsSentWhole(t *testing.T) {
	t.Parallel()
	f, host := hosts["pty"](t, Options{MaxAge: MinAge})
	code := strings.Repeat("0123456789", 300) // two parts
	f.Scan([]byte(code))
	expect(t, host, code[:10])
	time.Sleep(2 * MinAge)
	f.Scan([]byte("NEXT"))
	expect(t, host, code[10:]+"\rNEXT\r")
	counts(t, f, 2, 0)
}

func TestProgramThatLeavesInsideACodeLeavesNoHalfBehind(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "lane1")
	f := start(t, Options{To: "pty:" + link})
	host := openPort(t, link)
	eventually(t, "open", connected(f))
	f.Scan([]byte(strings.Repeat("0123456789", 300)))
	expect(t, host, "0123456789")
	host.Close()
	eventually(t, "left", func() bool { return !f.Status().Connected })
	host = openPort(t, link)
	eventually(t, "open again", connected(f))
	f.Scan([]byte("NEXT"))
	expect(t, host, "NEXT\r")
	counts(t, f, 1, 1)
}

func TestBrokenConnectionIsMadeAgainAndNothingIsSentTwice(t *testing.T) {
	t.Parallel()
	t.Run("tcp", func(t *testing.T) {
		t.Parallel()
		port := listen(t, "127.0.0.1:0")
		f := start(t, Options{To: "tcp:" + port.Addr().String()})
		for i := range 5 {
			conn := accept(t, port)
			eventually(t, "connected", connected(f))
			code := fmt.Sprintf("HC1:%d", i)
			f.Scan([]byte(code))
			expect(t, conn, code+"\r")
			if i%2 == 0 {
				conn.SetLinger(0)
			}
			conn.Close()
			eventually(t, "noticed", func() bool { return !f.Status().Connected })
			if f.Status().Problem == nil {
				t.Error("no problem is named")
			}
		}
		counts(t, f, 5, 0)
	})
	t.Run("listen", func(t *testing.T) {
		t.Parallel()
		f := start(t, Options{To: "listen:" + freeAddress(t)})
		for i := range 5 {
			conn := dial(t, f)
			code := fmt.Sprintf("HC1:%d", i)
			f.Scan([]byte(code))
			expect(t, conn, code+"\r")
			conn.Close()
			eventually(t, "noticed", func() bool { return !f.Status().Connected })
		}
		counts(t, f, 5, 0)
	})
}

func TestNewerConnectionWins(t *testing.T) {
	t.Parallel()
	f := start(t, Options{To: "listen:" + freeAddress(t)})
	old := dial(t, f)
	eventually(t, "connected", connected(f))
	next := dial(t, f)
	within(t, time.Second, "old connection ends", func() {
		old.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := old.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
			t.Errorf("old connection: %v", err)
		}
	})
	f.Scan([]byte("HC1:A"))
	expect(t, next, "HC1:A\r")
}

func TestStrangersGetNothing(t *testing.T) {
	t.Parallel()
	at := freeAddress(t)
	f := start(t, Options{To: "listen:" + at, Peer: "127.0.0.3", MaxAge: MaxAge})
	from := func(address string) net.Conn {
		t.Helper()
		var conn net.Conn
		eventually(t, "listening", func() bool {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
			c, err := d.Dial("tcp", at)
			conn = c
			return err == nil
		})
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	f.Scan([]byte("SECRET"))
	stranger := from("127.0.0.2")
	stranger.SetReadDeadline(time.Now().Add(time.Second))
	if got, err := io.ReadAll(stranger); len(got) > 0 || os.IsTimeout(err) {
		t.Errorf("stranger got %q, %v", got, err)
	}
	eventually(t, "the stranger is named", func() bool {
		p := f.Status().Problem
		return p != nil && strings.Contains(p.Error(), "127.0.0.2")
	})
	expect(t, from("127.0.0.3"), "SECRET\r")
}

func TestWhatTheOtherProgramSendsIsDropped(t *testing.T) {
	t.Parallel()
	everywhere(t, Options{}, func(t *testing.T, f *Forward, host program) {
		for range 20 {
			if _, err := host.Write([]byte("TRIGGER\r\n\x03\x1c")); err != nil {
				t.Fatal(err)
			}
		}
		f.Scan([]byte("HC1:A"))
		expect(t, host, "HC1:A\r") // and no echo before it
		silent(t, host, 150*time.Millisecond)
	})
}

func TestProgramThatFloodsUsIsReadSlowly(t *testing.T) {
	t.Parallel()
	f, host := hosts["tcp"](t, Options{})
	sent := make(chan int)
	go func() {
		n := 0
		host.(*net.TCPConn).SetWriteDeadline(time.Now().Add(time.Second))
		for {
			m, err := host.Write(make([]byte, 64<<10))
			n += m
			if err != nil {
				break
			}
		}
		sent <- n
	}()
	time.Sleep(500 * time.Millisecond)
	f.Scan([]byte("HC1:A"))
	expect(t, host, "HC1:A\r")
	if n := <-sent; n > 16<<20 {
		t.Errorf("%d bytes were taken in a second", n)
	}
}

func TestVirtualPortIsRawWhateverTheProgramBeforeMadeOfIt(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "lane1")
	f := start(t, Options{To: "pty:" + link})
	for range 3 {
		host := openPort(t, link)
		eventually(t, "open", connected(f))
		settings, err := unix.IoctlGetTermios(fd(t, host), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		if settings.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG|unix.IEXTEN) != 0 || settings.Iflag != 0 || settings.Oflag&unix.OPOST != 0 ||
			settings.Cflag&(unix.CSIZE|unix.PARENB) != unix.CS8 {
			t.Errorf("the port is not raw: %+v", settings)
		}
		f.Scan([]byte("A\x03\x04\x11\x13\x7f\n"))
		expect(t, host, "A\x03\x04\x11\x13\x7f\n\r")
		settings.Lflag |= unix.ICANON | unix.ECHO | unix.ISIG
		settings.Iflag |= unix.ICRNL | unix.IXON
		settings.Oflag |= unix.OPOST
		if err := unix.IoctlSetTermios(fd(t, host), unix.TCSETS, settings); err != nil {
			t.Fatal(err)
		}
		host.Close()
		eventually(t, "left", func() bool { return !f.Status().Connected })
	}
}

func TestVirtualPortOpensAgainAfterAProgramThatWantedItAlone(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "lane1")
	f := start(t, Options{To: "pty:" + link})
	for range 3 {
		host := openPort(t, link)
		if err := unix.IoctlSetInt(fd(t, host), unix.TIOCEXCL, 0); err != nil {
			t.Fatal(err)
		}
		eventually(t, "open", connected(f))
		time.Sleep(3 * idlePoll)
		eventually(t, "exclusive still, but for the moments in which it is looked at", func() bool {
			on, err := unix.IoctlGetInt(fd(t, host), unix.TIOCGEXCL)
			return err == nil && on != 0
		})
		f.Scan([]byte("HC1:A"))
		expect(t, host, "HC1:A\r")
		host.Close()
		eventually(t, "left", func() bool { return !f.Status().Connected })
		next := openPort(t, link)
		if on, err := unix.IoctlGetInt(fd(t, next), unix.TIOCGEXCL); err != nil || on != 0 {
			t.Errorf("the port is still exclusive: %d, %v", on, err)
		}
		next.Close()
		eventually(t, "left", func() bool { return !f.Status().Connected })
	}
}

// fd gives a file's descriptor without making it block.
func fd(t testing.TB, f *os.File) (n int) {
	t.Helper()
	raw, err := f.SyscallConn()
	if err == nil {
		err = control(raw, func(fd int) error { n = fd; return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestVirtualPortHasTheRightsAndTheLinkThatWereAsked(t *testing.T) {
	t.Parallel()
	for _, mode := range []fs.FileMode{0, 0o600, 0o660, 0o640} {
		link := filepath.Join(t.TempDir(), "lane1")
		f := start(t, Options{To: "pty:" + link, Mode: mode})
		info, err := os.Stat(link)
		if err != nil {
			t.Fatal(err)
		}
		if want := max(mode, 0o600); mode != 0 && info.Mode().Perm() != mode || mode == 0 && info.Mode().Perm() != want {
			t.Errorf("mode %#o: port has %#o", mode, info.Mode().Perm())
		}
		f.Close()
		if _, err := os.Lstat(link); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after Close the link is still there: %v", err)
		}
	}
}

func TestOnlyALinkThatAKilledProcessLeftIsReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, foreign, left := filepath.Join(dir, "file"), filepath.Join(dir, "foreign"), filepath.Join(dir, "left")
	if err := os.WriteFile(file, []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{foreign: file, left: "/dev/pts/99999"} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		link string
		ok   bool
	}{
		{file, false},
		{foreign, false},
		{filepath.Join(dir, "missing", "lane1"), false},
		{left, true},
	} {
		f, err := Open(Options{To: "pty:" + tt.link, Content: Scan, Now: time.Now})
		if (err == nil) != tt.ok {
			t.Errorf("%s: got %v, want made: %v", tt.link, err, tt.ok)
		}
		if err == nil {
			f.Close()
		}
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "keep" {
		t.Errorf("the file is now %q, %v", b, err)
	}
	if to, err := os.Readlink(foreign); err != nil || to != file {
		t.Errorf("the foreign link now leads to %q, %v", to, err)
	}
}

func TestSerialPortIsSetUpAndOurs(t *testing.T) {
	t.Parallel()
	_, near := newTerminal(t)
	f := start(t, Options{To: "serial:" + near.Name(), Baud: 115200})
	eventually(t, "opened", connected(f))
	settings, err := unix.IoctlGetTermios(fd(t, near), unix.TCGETS2)
	if err != nil {
		t.Fatal(err)
	}
	if settings.Ospeed != 115200 || settings.Ispeed != 115200 || settings.Cflag&(unix.CSIZE|unix.PARENB|unix.CSTOPB|unix.CRTSCTS) != unix.CS8 {
		t.Errorf("settings are %+v", settings)
	}
	second := start(t, Options{To: "serial:" + near.Name()})
	eventually(t, "refused", func() bool { return errors.Is(second.Status().Problem, errBusy) })
	second.Close()
	f.Close()
	third := start(t, Options{To: "serial:" + near.Name()})
	eventually(t, "still exclusive, as this test holds it open", func() bool { return errors.Is(third.Status().Problem, errBusy) })
	if err := unix.IoctlSetInt(fd(t, near), unix.TIOCNXCL, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "opened", connected(third))
}

func TestUnpluggedSerialPortIsNoticedAndOpenedAgain(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "usb")
	f := start(t, Options{To: "serial:" + link})
	for i := range 3 {
		far, near := newTerminal(t)
		if err := os.Symlink(near.Name(), link); err != nil {
			t.Fatal(err)
		}
		near.Close()
		eventually(t, "plugged in", connected(f))
		f.Scan(fmt.Appendf(nil, "HC1:%d", i))
		expect(t, far, fmt.Sprintf("HC1:%d\r", i))
		counts(t, f, uint64(i)+1, 0)
		os.Remove(link)
		far.Close()
		eventually(t, "unplugged", func() bool { return !f.Status().Connected })
	}
	counts(t, f, 3, 0)
}

func TestWhatIsNoSerialPortIsSaid(t *testing.T) {
	t.Parallel()
	f := start(t, Options{To: "serial:" + os.DevNull})
	eventually(t, "a problem", func() bool {
		p := f.Status().Problem
		return p != nil && strings.Contains(p.Error(), "not a serial port")
	})
}

func TestCloseEndsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	silent := listen(t, "127.0.0.1:0") // connected to and never read
	for name, to := range map[string]string{
		"stuck":         "tcp:" + silent.Addr().String(),
		"nobody there":  "tcp:" + freeAddress(t),
		"listening":     "listen:" + freeAddress(t),
		"unread":        "pty:" + filepath.Join(t.TempDir(), "lane1"),
		"no such port":  "serial:/dev/nosuchport",
		"not reachable": "tcp:192.0.2.1:9", // RFC 5737, section 3: nobody has it
	} {
		f := start(t, Options{To: to, MaxAge: MaxAge})
		for range 2 * ringSize {
			f.Scan(bytes.Repeat([]byte("x"), frame.MaxFrame))
		}
		time.Sleep(50 * time.Millisecond)
		within(t, closeWait+500*time.Millisecond, name, func() { f.Close() })
		f.Scan([]byte("late"))
		f.Verdict("admit", "ok", 1)
		f.Close()
		if s := f.Status(); s.Connected || s.Sent+s.Dropped != 2*ringSize+1 {
			t.Errorf("%s: %+v, want %d sent or dropped", name, s, 2*ringSize+1)
		}
		for _, e := range f.ring {
			if e.n != 0 || !bytes.Equal(e.b[:], make([]byte, maxEntry)) {
				t.Fatalf("%s: a code is still in memory", name)
			}
		}
		if !bytes.Equal(f.sender.out[:], make([]byte, maxEntry)) {
			t.Errorf("%s: the code under way is still in memory", name)
		}
	}
}

func TestCodeUnderWayAtCloseArrivesWhole(t *testing.T) {
	t.Parallel()
	f, host := hosts["pty"](t, Options{})
	code := strings.Repeat("0123456789", 800)
	f.Scan([]byte(code))
	expect(t, host, code[:10])
	done := make(chan struct{})
	go func() { defer close(done); f.Close() }()
	expect(t, host, code[10:]+"\r")
	<-done
}

func TestOptionsAreHeldToTheirLimits(t *testing.T) {
	t.Parallel()
	const to = "listen:127.0.0.1:0"
	long := strings.Repeat("x", MaxAffix)
	for _, tt := range []struct {
		name string
		o    Options
		ok   bool
	}{
		{"scan", Options{To: to, Content: Scan}, true},
		{"no content", Options{To: to}, false},
		{"unknown content", Options{To: to, Content: Both + 1}, false},
		{"nowhere", Options{Content: Scan}, false},
		{"unknown kind", Options{To: "udp:10.0.0.2:1", Content: Scan}, false},
		{"longest affixes", Options{To: to, Content: Scan, Prefix: long, Terminator: long}, true},
		{"longer prefix", Options{To: to, Content: Scan, Prefix: long + "x"}, false},
		{"longer terminator", Options{To: to, Content: Scan, Terminator: long + "x"}, false},
		{"youngest", Options{To: to, Content: Scan, MaxAge: MinAge}, true},
		{"younger", Options{To: to, Content: Scan, MaxAge: MinAge - 1}, false},
		{"oldest", Options{To: to, Content: Scan, MaxAge: MaxAge}, true},
		{"older", Options{To: to, Content: Scan, MaxAge: MaxAge + 1}, false},
		{"both", Options{To: to, Content: Both, Prefix: "C:"}, true},
		{"both, prefix that begins a verdict", Options{To: to, Content: Both, Prefix: "ADM"}, false},
		{"both, prefix that holds a verdict", Options{To: to, Content: Both, Prefix: "REFER x 1"}, false},
		{"both, prefix with a line end", Options{To: to, Content: Both, Prefix: "C\n"}, false},
		{"scan, prefix that begins a verdict", Options{To: to, Content: Scan, Prefix: "ADM"}, true},
		{"listen, everywhere", Options{To: "listen:0.0.0.0:0", Content: Scan}, false},
		{"listen, everywhere, peers", Options{To: "listen:0.0.0.0:0", Content: Scan, Peer: "10.0.0.0/28"}, true},
		{"listen, everybody", Options{To: "listen:0.0.0.0:0", Content: Scan, Peer: "0.0.0.0/0"}, false},
		{"listen, everybody as mapped", Options{To: "listen:0.0.0.0:0", Content: Scan, Peer: "::ffff:0.0.0.0/96"}, false},
		{"listen by name", Options{To: "listen:localhost:1", Content: Scan}, false},
		{"listen, IPv6 loopback", Options{To: "listen:[::1]:0", Content: Scan}, true},
		{"peer by name", Options{To: to, Content: Scan, Peer: "till"}, false},
		{"peer of tcp", Options{To: "tcp:10.0.0.2:1", Content: Scan, Peer: "10.0.0.2"}, false},
		{"tcp without port", Options{To: "tcp:10.0.0.2", Content: Scan}, false},
		{"tcp without host", Options{To: "tcp::1", Content: Scan}, false},
		{"tcp, port 0", Options{To: "tcp:10.0.0.2:0", Content: Scan}, false},
		{"lowest speed", Options{To: "serial:/dev/nosuchport", Content: Scan, Baud: MinBaud}, true},
		{"lower speed", Options{To: "serial:/dev/nosuchport", Content: Scan, Baud: MinBaud - 1}, false},
		{"highest speed", Options{To: "serial:/dev/nosuchport", Content: Scan, Baud: MaxBaud}, true},
		{"higher speed", Options{To: "serial:/dev/nosuchport", Content: Scan, Baud: MaxBaud + 1}, false},
		{"relative port", Options{To: "serial:ttyS0", Content: Scan}, false},
		{"speed of tcp", Options{To: "tcp:10.0.0.2:1", Content: Scan, Baud: 9600}, false},
		{"mode of tcp", Options{To: "tcp:10.0.0.2:1", Content: Scan, Mode: 0o600}, false},
		{"port that others may read", Options{To: "pty:/nosuchfolder/lane1", Content: Scan, Mode: 0o604}, false},
		{"relative virtual port", Options{To: "pty:lane1", Content: Scan}, false},
		{"virtual port among the real ones", Options{To: "pty:/dev/pts/lane1", Content: Scan}, false},
	} {
		tt.o.Now = time.Now
		f, err := Open(tt.o)
		if (err == nil) != tt.ok {
			t.Errorf("%s: got %v, want accepted: %v", tt.name, err, tt.ok)
		}
		if err == nil {
			f.Close()
		}
	}
	if _, err := Open(Options{To: to, Content: Scan}); err == nil {
		t.Error("a forward without a clock was accepted")
	}
}

func TestContentNamesReadBack(t *testing.T) {
	t.Parallel()
	for k := Scan; k <= Both; k++ {
		var got Content
		if err := got.UnmarshalText([]byte(k.String())); err != nil || got != k {
			t.Errorf("%v: got %v, %v", k, got, err)
		}
	}
	var c Content
	if err := c.UnmarshalText([]byte("everything")); err == nil || c != 0 {
		t.Error("unknown name was accepted")
	}
}

// BenchmarkScanToHost takes from Scan to the other program's read, over each way.
func BenchmarkScanToHost(b *testing.B) {
	for name, connect := range hosts {
		b.Run(name, func(b *testing.B) {
			f, host := connect(b, Options{})
			eventually(b, "connected", connected(f))
			code := bytes.Repeat([]byte("x"), 540)
			want := make([]byte, len(code)+1)
			for b.Loop() {
				f.Scan(code)
				if _, err := io.ReadFull(host, want); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
