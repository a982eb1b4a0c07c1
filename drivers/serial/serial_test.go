package serial

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/creack/pty"
	"go.bug.st/serial"
	"golang.org/x/sys/unix"

	"passerelle/drivers/frame"
)

// line is a pseudo-terminal as the kernel makes it: with echo, line editing and signals on.
type line struct {
	device *os.File // the scanner's end
	tty    *os.File
}

func newLine(t testing.TB) *line {
	t.Helper()
	device, tty, err := pty.Open()
	if err != nil {
		t.Fatalf("pseudo-terminal: %v", err)
	}
	l := &line{device, tty}
	t.Cleanup(func() { device.Close(); tty.Close() })
	return l
}

func (l *line) path() string { return l.tty.Name() }

func (l *line) send(t *testing.T, b []byte) {
	t.Helper()
	if _, err := l.device.Write(b); err != nil {
		t.Fatalf("device writes: %v", err)
	}
}

func openLine(t testing.TB, l *line, o Options) *Scanner {
	t.Helper()
	o.Path = l.path()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func readFrame(t *testing.T, s *Scanner) []byte {
	t.Helper()
	p := make([]byte, frame.MaxFrame+1)
	n, err := s.ReadFrame(p)
	if err != nil {
		t.Fatal(err)
	}
	return p[:n]
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

// everyByte holds all 256 values; NUL is not first, where it would be taken for a wake-up.
func everyByte() []byte {
	b := make([]byte, 0, 256)
	for i := range 256 {
		b = append(b, byte(i+1))
	}
	return b
}

func TestEveryByteArrivesUnchangedBothWays(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	s := openLine(t, l, Options{Terminator: frame.IdleGap})
	l.send(t, everyByte())
	if got := readFrame(t, s); !bytes.Equal(got, everyByte()) {
		t.Errorf("from the device: got % x", got)
	}
	if n, err := s.Write(everyByte()); n != 256 || err != nil {
		t.Fatalf("Write: %d, %v", n, err)
	}
	got := make([]byte, 256)
	if _, err := io.ReadFull(l.device, got); err != nil || !bytes.Equal(got, everyByte()) {
		t.Errorf("to the device: got % x, %v; an echo of what it sent would stand first", got, err)
	}
}

func TestPortIsSetUpClean(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		baud int
		want uint32
	}{
		{0, unix.B9600},
		{9600, unix.B9600},
		{19200, unix.B19200},
		{38400, unix.B38400},
		{57600, unix.B57600},
		{115200, unix.B115200},
	} {
		l := newLine(t)
		s := openLine(t, l, Options{Baud: tt.baud, StopBits: 2})
		var got *unix.Termios
		if err := control(l.tty, func(fd int) (err error) {
			got, err = unix.IoctlGetTermios(fd, unix.TCGETS)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if speed := got.Cflag & unix.CBAUD; speed != tt.want {
			t.Errorf("%d baud: kernel has speed %#x, want %#x", tt.baud, speed, tt.want)
		}
		if on := got.Iflag & (unix.IXON | unix.IXOFF | unix.ICRNL | unix.INLCR | unix.IGNCR | unix.ISTRIP | unix.BRKINT | unix.PARMRK); on != 0 {
			t.Errorf("%d baud: input flags %#x are on", tt.baud, on)
		}
		if on := got.Lflag & (unix.ICANON | unix.ECHO | unix.ECHONL | unix.ISIG | unix.IEXTEN); on != 0 {
			t.Errorf("%d baud: local flags %#x are on", tt.baud, on)
		}
		if on := got.Oflag & unix.OPOST; on != 0 {
			t.Errorf("%d baud: output processing is on", tt.baud)
		}
		if got.Cflag&unix.CSIZE != unix.CS8 || got.Cflag&unix.CSTOPB == 0 || got.Cflag&unix.CRTSCTS != 0 {
			t.Errorf("%d baud: control flags %#x: want 8 bits, 2 stop bits, no hardware flow control", tt.baud, got.Cflag)
		}
		l.send(t, []byte("]Q1HC1:A\r\n]Q1HC1:B\r\n"))
		for _, want := range []string{"]Q1HC1:A", "]Q1HC1:B"} {
			if f := readFrame(t, s); string(f) != want {
				t.Errorf("%d baud: got %q, want %q", tt.baud, f, want)
			}
		}
	}
}

func TestManyLongFramesAtFullSpeedArriveWhole(t *testing.T) {
	t.Parallel()
	const frames = 1000
	l := newLine(t)
	s := openLine(t, l, Options{Terminator: frame.CRLF})
	code := func(i int) []byte { // up to 4296 characters, the most that an alphanumeric QR code holds
		head := fmt.Appendf(nil, "HC1:%06d:", i)
		return append(head, bytes.Repeat([]byte{byte('A' + i%26)}, (i*577)%(4296-len(head)+1))...)
	}
	sent := make(chan error, 1)
	go func() {
		for i := range frames {
			if _, err := l.device.Write(append(code(i), "\r\n"...)); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for i := range frames {
		if got := readFrame(t, s); !bytes.Equal(got, code(i)) {
			t.Fatalf("frame %d: got %d bytes, want %d", i, len(got), len(code(i)))
		}
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func TestFrameLongerThanTheBufferIsCutAndTheNextOneIsWhole(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	s := openLine(t, l, Options{})
	const limit = 4296
	for _, size := range []int{limit - 1, limit, limit + 1, limit + 2, 3 * frame.MaxFrame} {
		long := bytes.Repeat([]byte("x"), size)
		go l.device.Write(append(bytes.Clone(long), "\rHC1:GOOD\r"...))
		p := make([]byte, limit+1)
		if n, err := s.ReadFrame(p); err != nil || n != min(size, limit+1) {
			t.Errorf("%d bytes: got %d, %v; want %d", size, n, err, min(size, limit+1))
		}
		if got := readFrame(t, s); string(got) != "HC1:GOOD" {
			t.Errorf("after %d bytes: got %q", size, got)
		}
	}
	if _, err := s.ReadFrame(nil); !errors.Is(err, io.ErrShortBuffer) {
		t.Errorf("no buffer: got %v, want io.ErrShortBuffer", err)
	}
}

func TestUnplugInTheMiddleOfACodeIsGone(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	s := openLine(t, l, Options{})
	l.send(t, []byte("HC1:GOOD\rHC1:HAL"))
	if got := readFrame(t, s); string(got) != "HC1:GOOD" {
		t.Fatalf("got %q", got)
	}
	within(t, time.Second, "unplug is noticed", func() {
		go func() {
			time.Sleep(20 * time.Millisecond)
			l.device.Close()
		}()
		for range 2 { // the second call says the same
			n, err := s.ReadFrame(make([]byte, 100))
			if n != 0 || !errors.Is(err, frame.ErrGone) || errors.Is(err, frame.ErrClosed) {
				t.Errorf("got %d, %v; want frame.ErrGone", n, err)
			}
		}
	})
	if _, err := s.Write([]byte{7}); !errors.Is(err, frame.ErrGone) {
		t.Errorf("Write: got %v, want frame.ErrGone", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close after an unplug: %v", err)
	}
	if _, err := s.ReadFrame(make([]byte, 100)); !errors.Is(err, frame.ErrClosed) {
		t.Errorf("after Close: got %v, want frame.ErrClosed", err)
	}
}

func TestCloseEndsAReadThatWaits(t *testing.T) {
	t.Parallel()
	for _, sent := range []string{"", "HC1:HAL"} {
		l := newLine(t)
		s := openLine(t, l, Options{})
		l.send(t, []byte(sent))
		within(t, time.Second, "close is noticed", func() {
			go func() {
				time.Sleep(20 * time.Millisecond)
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			}()
			n, err := s.ReadFrame(make([]byte, 100))
			if n != 0 || !errors.Is(err, frame.ErrClosed) || errors.Is(err, frame.ErrGone) {
				t.Errorf("after %q: got %d, %v; want frame.ErrClosed", sent, n, err)
			}
		})
		if err := s.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		if _, err := s.Write([]byte{7}); !errors.Is(err, frame.ErrClosed) {
			t.Errorf("Write: got %v, want frame.ErrClosed", err)
		}
	}
}

func TestPortIsOpenedByOneAlone(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	s := openLine(t, l, Options{})
	if _, err := Open(Options{Path: l.path()}); !errors.Is(err, ErrBusy) {
		t.Errorf("second Open: got %v, want ErrBusy", err)
	}
	l.send(t, []byte("A\r"))
	if got := readFrame(t, s); string(got) != "A" {
		t.Errorf("after the refused Open: got %q", got)
	}
	s.Close()

	ioctl := func(request uint) {
		if err := control(l.tty, func(fd int) error { return unix.IoctlSetInt(fd, request, 0) }); err != nil {
			t.Fatal(err)
		}
	}
	ioctl(unix.TIOCEXCL)
	if _, err := Open(Options{Path: l.path()}); !errors.Is(err, ErrBusy) {
		t.Errorf("port that another program took by TIOCEXCL: got %v, want ErrBusy", err)
	}
	ioctl(unix.TIOCNXCL)

	flock := func(how int) {
		if err := control(l.tty, func(fd int) error { return unix.Flock(fd, how) }); err != nil {
			t.Fatal(err)
		}
	}
	flock(unix.LOCK_EX)
	if _, err := Open(Options{Path: l.path()}); !errors.Is(err, ErrBusy) {
		t.Errorf("port that another program locked: got %v, want ErrBusy", err)
	}
	flock(unix.LOCK_UN)
	openLine(t, l, Options{})
}

// This test is not parallel: it uses up the descriptors of the process.
func TestHighDescriptorIsAnErrorAndNoPanic(t *testing.T) {
	l := newLine(t)
	var held []*os.File
	defer func() {
		for _, f := range held {
			f.Close()
		}
	}()
	last := func() int {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Skipf("cannot hold 1100 files open: %v", err)
		}
		held = append(held, f)
		return int(f.Fd())
	}
	for last() < 1015 {
	}
	refused := 0
	for last() < 1030 { // the port's descriptors pass 1024 one after the other
		s, err := Open(Options{Path: l.path()})
		switch {
		case err == nil:
			s.Close()
		case errors.Is(err, ErrDescriptor):
			refused++
		default:
			t.Fatal(err)
		}
	}
	if refused < 5 {
		t.Errorf("%d opens were refused, want at least 5", refused)
	}
	for _, f := range held {
		f.Close()
	}
	held = nil
	s := openLine(t, l, Options{})
	l.send(t, []byte("A\r"))
	if got := readFrame(t, s); string(got) != "A" {
		t.Errorf("with low descriptors again: got %q", got)
	}
}

// counted counts the reads on a port.
type counted struct {
	serial.Port
	reads  atomic.Int64
	atOnce bool // report silence without waiting
}

func (c *counted) Read(p []byte) (int, error) {
	c.reads.Add(1)
	if c.atOnce {
		return 0, nil
	}
	return c.Port.Read(p)
}

func TestSilenceDoesNotSpin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		atOnce bool
		most   int64
	}{
		{"time-outs", false, 500/50 + 1},
		{"reads that come back empty at once", true, 500},
	} {
		l := newLine(t)
		s := openLine(t, l, Options{})
		c := &counted{Port: s.port, atOnce: tt.atOnce}
		s.port = c
		time.AfterFunc(500*time.Millisecond, func() { s.Close() })
		if _, err := s.ReadFrame(make([]byte, 10)); !errors.Is(err, frame.ErrClosed) {
			t.Fatal(err)
		}
		if n := c.reads.Load(); n == 0 || n > tt.most {
			t.Errorf("%s: %d reads in 500 ms, want 1 to %d", tt.name, n, tt.most)
		}
	}
}

func TestStuckDeviceNeverBlocksAWriteForLong(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	s := openLine(t, l, Options{})
	flood := bytes.Repeat([]byte("old green"), 20_000) // nobody reads it
	within(t, time.Second, "write to a stuck device", func() {
		if n, err := s.WriteTimeout(flood, 100*time.Millisecond); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %d, %v; want 0, os.ErrDeadlineExceeded", n, err)
		}
	})
	if _, err := s.Write([]byte("new red")); err != nil {
		t.Fatalf("once it is unstuck: %v", err)
	}
	// What the far line discipline already took (4095 bytes) has left; what still waited in the kernel must not follow.
	const left = 4095
	var got []byte
	for part := make([]byte, 64*1024); !bytes.HasSuffix(got, []byte("new red")); {
		n, err := l.device.Read(part)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, part[:n]...)
	}
	if len(got) > left+len("new red") {
		t.Errorf("device received %d bytes, want at most %d before the new command", len(got), left)
	}
	l.send(t, []byte("A\r"))
	if f := readFrame(t, s); string(f) != "A" {
		t.Errorf("scan after it: got %q", f)
	}
}

func TestWriteBehindAStuckOneKeepsItsTime(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	s := openLine(t, l, Options{})
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
	l := newLine(t)
	s := openLine(t, l, Options{})
	within(t, 900*time.Millisecond, "close during a write", func() {
		go func() {
			time.Sleep(20 * time.Millisecond)
			s.Close()
		}()
		if _, err := s.WriteTimeout(make([]byte, 1<<20), MaxWriteTimeout); !errors.Is(err, frame.ErrClosed) {
			t.Errorf("got %v, want frame.ErrClosed", err)
		}
	})
}

func TestOldInputIsDroppedAtOpen(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	openLine(t, l, Options{}).Close() // sets the port up without echo
	l.send(t, []byte("HC1:YESTERDAY\r"))
	time.Sleep(50 * time.Millisecond)
	s := openLine(t, l, Options{})
	l.send(t, []byte("HC1:NOW\r"))
	if got := readFrame(t, s); string(got) != "HC1:NOW" {
		t.Errorf("got %q, want only what came after Open", got)
	}
}

func TestScanThatWasCutNeverSpoilsTheNext(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	s := openLine(t, l, Options{Gap: 200 * time.Millisecond})
	time.AfterFunc(0, func() {
		l.device.WriteString("HC1:HAL")
		time.Sleep(500 * time.Millisecond)
		l.device.WriteString("HC1:WHOLE\r")
	})
	if got := readFrame(t, s); string(got) != "HC1:WHOLE" {
		t.Errorf("got %q", got)
	}
	if n := s.Discarded(); n != 1 {
		t.Errorf("%d scans discarded, want 1", n)
	}
}

func TestSilenceEndsAFrameWhereNothingElseDoes(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	s := openLine(t, l, Options{Terminator: frame.IdleGap, Gap: 20 * time.Millisecond})
	for _, want := range []string{"HC1:A", "HC1:B"} {
		l.send(t, []byte(want))
		if got := readFrame(t, s); string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestBinaryBytesSentAsUTF8ComeBack(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	s := openLine(t, l, Options{Terminator: frame.STXETX, UndoUTF8: true})
	l.send(t, []byte("\x02]Q3\u0000\u0080\u00ff\u00e9\x03"))
	if got := readFrame(t, s); string(got) != "]Q3\x00\x80\xff\xe9" {
		t.Errorf("got %q", got)
	}
}

func TestDamagedFirstByteOnALineWithParityIsNotSkipped(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	s := openLine(t, l, Options{Parity: EvenParity})
	l.send(t, []byte("\x002345\r")) // the kernel gives NUL for a byte with the wrong parity
	if got := readFrame(t, s); string(got) != "\x002345" {
		t.Errorf("got %q, want the NUL kept so that the code is refused", got)
	}
}

func TestWhatIsNoSerialPortIsRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path, want string
		is         error
	}{
		{"", "no path", nil},
		{filepath.Join(t.TempDir(), "none"), "no such file", fs.ErrNotExist},
		{file, "not a serial port", nil},
		{os.DevNull, "not a serial port", nil},
	} {
		s, err := Open(Options{Path: tt.path})
		if s != nil || err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "open scanner "+tt.path+": ") {
			t.Errorf("%q: got %v, want an error that says %q", tt.path, err, tt.want)
		}
		if tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%q: %v is not %v", tt.path, err, tt.is)
		}
	}
}

func TestOptionsAreHeldToTheirLimits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		o    Options
		ok   bool
	}{
		{"lowest speed", Options{Baud: MinBaud}, true},
		{"below the lowest speed", Options{Baud: MinBaud - 1}, false},
		{"highest speed", Options{Baud: MaxBaud}, true},
		{"above the highest speed", Options{Baud: MaxBaud + 1}, false},
		{"7 data bits", Options{DataBits: 7, Parity: OddParity}, true},
		{"6 data bits", Options{DataBits: 6}, false},
		{"9 data bits", Options{DataBits: 9}, false},
		{"unknown parity", Options{Parity: EvenParity + 1}, false},
		{"3 stop bits", Options{StopBits: 3}, false},
		{"longest write", Options{WriteTimeout: MaxWriteTimeout}, true},
		{"longer than the longest write", Options{WriteTimeout: MaxWriteTimeout + 1}, false},
		{"negative write", Options{WriteTimeout: -1}, false},
		{"unknown terminator", Options{Terminator: frame.MRZ + 1}, false},
		{"gap over its limit", Options{Gap: frame.MaxGap + 1}, false},
	} {
		l := newLine(t)
		tt.o.Path = l.path()
		s, err := Open(tt.o)
		if (err == nil) != tt.ok {
			t.Errorf("%s: got %v, want accepted: %v", tt.name, err, tt.ok)
		}
		if err == nil {
			s.Close()
		}
	}
}

func TestParityNamesReadBack(t *testing.T) {
	t.Parallel()
	for k := NoParity; k <= EvenParity; k++ {
		got := Parity(99)
		if err := got.UnmarshalText([]byte(k.String())); err != nil || got != k {
			t.Errorf("%v: got %v, %v", k, got, err)
		}
	}
	var p Parity
	if err := p.UnmarshalText([]byte("mark")); err == nil {
		t.Error("unknown name was accepted")
	}
}

// BenchmarkScan takes from the last byte on a pseudo-terminal to the frame: write, kernel, read, split.
func BenchmarkScan(b *testing.B) {
	l := newLine(b)
	s := openLine(b, l, Options{})
	code := append(bytes.Repeat([]byte("x"), 540), '\r')
	p := make([]byte, frame.MaxFrame+1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.device.Write(code); err != nil {
			b.Fatal(err)
		}
		if _, err := s.ReadFrame(p); err != nil {
			b.Fatal(err)
		}
	}
}
