package answer_test

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"passerelle/drivers/answer"
	"passerelle/drivers/frame"
	"passerelle/drivers/scannertest"
	"passerelle/drivers/serial"
)

var _ answer.Port = (*serial.Scanner)(nil)

// clock is a clock that stands until it is moved.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// scan is when the next scan is read: a little later than the one before.
func (c *clock) scan() time.Time {
	c.move(time.Nanosecond)
	return c.now()
}

// reader is a simulated reader, the driver that reads it, and what answers it.
func reader(t *testing.T, m answer.Model) (*scannertest.Scanner, *serial.Scanner, *answer.Reader, *clock) {
	t.Helper()
	device, err := scannertest.New(scannertest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { device.Close() })
	driver, err := serial.Open(serial.Options{Path: device.Path()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { driver.Close() })
	c := &clock{t: time.Unix(0, 0)}
	r, err := answer.NewReader(driver, 0, m, c.now)
	if err != nil {
		t.Fatal(err)
	}
	return device, driver, r, c
}

func expect(t *testing.T, device *scannertest.Scanner, want string) {
	t.Helper()
	p := make([]byte, 100)
	if n, err := device.Receive(t.Context(), p); err != nil || string(p[:n]) != want {
		t.Errorf("reader received %q, %v; want %q", p[:n], err, want)
	}
}

func TestZeroAnswerIsBad(t *testing.T) {
	t.Parallel()
	var zero answer.Answer
	if zero != answer.Bad || zero.String() != "bad" {
		t.Errorf("the zero answer is %v", zero)
	}
}

// The bytes here were written down from the manuals' pages, not made by the package.
func TestReaderReceivesTheBytesOfItsManual(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		model             answer.Model
		bad, ignore, good string
		window            time.Duration
	}{
		{"access-is", "\x16\x4d\x0dAISXXR1!", "\x16\x4d\x0dAISXXR2!", "\x16\x4d\x0dAISXXR0!", 2 * time.Second},
		{"honeywell", "\x1b8,\x1b8,", "\x1b5,", "\x1b7,", 10 * time.Second},
		{"opticon", "\x11", "\x11", "\x06", time.Second},
	} {
		device, _, r, c := reader(t, tt.model)
		for a, want := range []string{tt.bad, tt.ignore, tt.good} {
			if err := r.Answer(c.scan(), answer.Answer(a)); err != nil {
				t.Errorf("%s, %v: %v", tt.model, answer.Answer(a), err)
			}
			expect(t, device, want)
		}
		if got := tt.model.Window(); got != tt.window {
			t.Errorf("%s waits %v, want %v", tt.model, got, tt.window)
		}
	}
}

// admits is in what admits, and in nothing else.
var admits = map[answer.Model]string{answer.AccessIS: "R0", answer.Honeywell: "\x1b7", answer.Opticon: "\x06"}

func TestNothingButGoodIsSentAsGood(t *testing.T) {
	t.Parallel()
	for _, m := range answer.Models() {
		mark := admits[m]
		if mark == "" {
			t.Errorf("%s: this test does not know what admits", m)
		}
		device, _, r, c := reader(t, m)
		p := make([]byte, 100)
		for a := range 256 {
			if err := r.Answer(c.scan(), answer.Answer(a)); (err == nil) != (a <= int(answer.Good)) {
				t.Errorf("%s, %d: %v", m, a, err)
			}
			n, err := device.Receive(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(string(p[:n]), mark); got != (answer.Answer(a) == answer.Good) {
				t.Errorf("%s: %d is sent as %q; admits: %v", m, a, p[:n], got)
			}
		}
	}
}

func TestOneScanGetsOneAnswer(t *testing.T) {
	t.Parallel()
	device, _, r, c := reader(t, answer.Honeywell)
	first := c.scan()
	if err := r.Answer(first, answer.Bad); err != nil {
		t.Fatal(err)
	}
	if err := r.Answer(first, answer.Good); !errors.Is(err, answer.ErrAnswered) {
		t.Errorf("second answer: %v", err)
	}
	overtaken, second := c.scan(), c.scan()
	if err := r.Answer(second, answer.Good); err != nil {
		t.Fatal(err)
	}
	if err := r.Answer(overtaken, answer.Good); !errors.Is(err, answer.ErrAnswered) {
		t.Errorf("answer to a scan that was overtaken: %v", err)
	}
	expectAll(t, device, "\x1b8,\x1b8,\x1b7,")
}

// expectAll reads until as much has come as is wanted.
func expectAll(t *testing.T, device *scannertest.Scanner, want string) {
	t.Helper()
	got, p := "", make([]byte, 100)
	for len(got) < len(want) {
		n, err := device.Receive(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		got += string(p[:n])
	}
	if got != want {
		t.Errorf("reader received %q, want %q", got, want)
	}
}

func TestAnswersOfManyAtOnceAreOne(t *testing.T) {
	t.Parallel()
	device, _, r, c := reader(t, answer.Opticon)
	read := c.scan()
	var wg sync.WaitGroup
	errs := make(chan error, 20)
	for range cap(errs) {
		wg.Go(func() { errs <- r.Answer(read, answer.Good) })
	}
	wg.Wait()
	close(errs)
	sent := 0
	for err := range errs {
		if err == nil {
			sent++
		} else if !errors.Is(err, answer.ErrAnswered) {
			t.Error(err)
		}
	}
	if sent != 1 {
		t.Errorf("%d answers were sent", sent)
	}
	expect(t, device, "\x06")
}

func TestLateAnswerIsNotSent(t *testing.T) {
	t.Parallel()
	for _, m := range answer.Models() {
		for _, tt := range []struct {
			after time.Duration
			want  error
		}{
			{0, nil},
			{m.Window() - answer.Margin - answer.SendTimeout, nil},
			{m.Window() - answer.Margin, answer.ErrLate},
			{m.Window(), answer.ErrLate},
			{time.Hour, answer.ErrLate},
		} {
			port := &recorder{}
			c := &clock{}
			r, err := answer.NewReader(port, 0, m, c.now)
			if err != nil {
				t.Fatal(err)
			}
			read := c.scan()
			c.move(tt.after)
			if err := r.Answer(read, answer.Good); !errors.Is(err, tt.want) {
				t.Errorf("%s, after %v: got %v, want %v", m, tt.after, err, tt.want)
			}
			if err := r.Answer(read, answer.Bad); !errors.Is(err, answer.ErrAnswered) {
				t.Errorf("%s, after %v: then %v", m, tt.after, err)
			}
			if sent := len(port.limits) == 1; sent != (tt.want == nil) {
				t.Errorf("%s, after %v: %d writes", m, tt.after, len(port.limits))
			}
		}
	}
}

// recorder is a port that takes all and notes how long each write might take, and the last one.
type recorder struct {
	limits []time.Duration
	last   string
}

func (r *recorder) WriteTimeout(b []byte, d time.Duration) (int, error) {
	r.limits, r.last = append(r.limits, d), string(b)
	return len(b), nil
}

func TestNoWriteOutlastsTheReadersTime(t *testing.T) {
	t.Parallel()
	for _, m := range answer.Models() {
		for after := time.Duration(0); after < m.Window()-answer.Margin; after += 10 * time.Millisecond {
			port := &recorder{}
			c := &clock{}
			r, err := answer.NewReader(port, 0, m, c.now)
			if err != nil {
				t.Fatal(err)
			}
			read := c.scan()
			c.move(after)
			if err := r.Answer(read, answer.Good); err != nil {
				t.Fatal(err)
			}
			if d := port.limits[0]; d > answer.SendTimeout || after+d > m.Window()-answer.Margin {
				t.Fatalf("%s: a write of up to %v after %v", m, d, after)
			}
		}
	}
}

// TestGoodOverANetworkComesInWithinTheReadersTimeOrNotAtAll: it may come in later than it went out by the network's delay. Bad may always.
func TestGoodOverANetworkComesInWithinTheReadersTimeOrNotAtAll(t *testing.T) {
	t.Parallel()
	const delay = 750 * time.Millisecond
	for _, m := range answer.Models() {
		for after := time.Duration(0); after < m.Window()-answer.Margin; after += 10 * time.Millisecond {
			for _, a := range []answer.Answer{answer.Good, answer.Bad} {
				port := &recorder{}
				c := &clock{}
				r, err := answer.NewReader(port, delay, m, c.now)
				if err != nil {
					t.Fatal(err)
				}
				read := c.scan()
				c.move(after)
				err = r.Answer(read, a)
				late := a == answer.Good && after+delay >= m.Window()-answer.Margin
				if errors.Is(err, answer.ErrLate) != late || !late && err != nil || len(port.limits) != 1 {
					t.Fatalf("%s: %v after %v: %d writes, %v", m, a, after, len(port.limits), err)
				}
				good := strings.Contains(port.last, admits[m])
				if good != (a == answer.Good && !late) {
					t.Fatalf("%s: %v after %v was sent as %q", m, a, after, port.last)
				}
				if good && after+port.limits[0]+delay > m.Window()-answer.Margin {
					t.Fatalf("%s: %v after %v, a write of up to %v", m, a, after, port.limits[0])
				}
			}
		}
	}
}

func TestStuckReaderHoldsUpNobodyAndHearsNothingLater(t *testing.T) {
	t.Parallel()
	device, driver, r, c := reader(t, answer.AccessIS) // nobody receives
	if _, err := driver.WriteTimeout(make([]byte, 1<<20), 10*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the reader is not stuck: %v", err)
	}
	var err error
	sent := 0
	for range 20_000 { // until the kernel takes no more
		start := time.Now()
		err = r.Answer(c.scan(), answer.Good)
		if took := time.Since(start); took > 2*answer.SendTimeout {
			t.Fatalf("took %v, want at most %v", took, answer.SendTimeout)
		}
		if err != nil {
			break
		}
		sent++
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %v, want os.ErrDeadlineExceeded", err)
	}
	go r.Answer(c.scan(), answer.Bad)
	heard, p := "", make([]byte, 4096)
	for !strings.Contains(heard, "R1!") {
		n, err := device.Receive(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		heard += string(p[:n])
	}
	if n := strings.Count(heard, "R0!"); n > sent {
		t.Errorf("the reader heard %d answers of %d that were sent", n, sent)
	}
}

func TestUnpluggedReaderIsAnError(t *testing.T) {
	t.Parallel()
	device, driver, r, c := reader(t, answer.AccessIS)
	if err := device.Unplug(); err != nil {
		t.Fatal(err)
	}
	if err := r.Answer(c.scan(), answer.Good); !errors.Is(err, frame.ErrGone) {
		t.Errorf("got %v, want frame.ErrGone", err)
	}
	if err := answer.TriggerKeyence.Set(driver, true); !errors.Is(err, frame.ErrGone) {
		t.Errorf("trigger: got %v, want frame.ErrGone", err)
	}
}

func TestTriggerCommandsAreThoseOfTheManuals(t *testing.T) {
	t.Parallel()
	device, driver, _, _ := reader(t, answer.AccessIS)
	want := map[answer.Trigger][2]string{
		"honeywell": {"\x16\x54\x0d", "\x16\x55\x0d"},
		"datalogic": {"T", "X"},
		"opticon":   {"\x1bZ\r", "\x1bY\r"},
		"keyence":   {"LON\r", "LOFF\r"},
		"cognex":    {"||>TRIGGER ON\r\n", "||>TRIGGER OFF\r\n"},
	}
	if len(want) != len(answer.Triggers()) {
		t.Errorf("this test knows %d triggers of %q", len(want), answer.Triggers())
	}
	for _, trigger := range answer.Triggers() {
		for i, on := range []bool{true, false} {
			if err := trigger.Set(driver, on); err != nil {
				t.Fatal(err)
			}
			expect(t, device, want[trigger][i])
		}
	}
	if err := answer.Trigger("sick").Set(driver, true); err == nil {
		t.Error("an unknown trigger was set")
	}
}

// conn makes a Port of a TCP connection, as a fixed scanner on Ethernet is one.
type conn struct{ net.Conn }

func (c conn) WriteTimeout(b []byte, d time.Duration) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(d)); err != nil {
		return 0, err
	}
	return c.Write(b)
}

func TestReaderOnEthernetIsAnswered(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	host, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	device, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	r, err := answer.NewReader(conn{host}, 0, answer.AccessIS, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Answer(time.Now(), answer.Good); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, len("\x16M\rAISXXR0!"))
	if _, err := io.ReadFull(device, p); err != nil || string(p) != "\x16M\rAISXXR0!" {
		t.Errorf("reader received %q, %v", p, err)
	}
}

func TestNamesReadBack(t *testing.T) {
	t.Parallel()
	for _, m := range answer.Models() {
		var got answer.Model
		if err := got.UnmarshalText([]byte(m)); err != nil || got != m {
			t.Errorf("%s: got %q, %v", m, got, err)
		}
	}
	for _, trigger := range answer.Triggers() {
		var got answer.Trigger
		if err := got.UnmarshalText([]byte(trigger)); err != nil || got != trigger {
			t.Errorf("%s: got %q, %v", trigger, got, err)
		}
	}
	var m answer.Model
	var trigger answer.Trigger
	if m.UnmarshalText([]byte("datalogic")) == nil || trigger.UnmarshalText([]byte("")) == nil || m != "" || trigger != "" {
		t.Errorf("unknown names were read as %q and %q", m, trigger)
	}
	if r, err := answer.NewReader(nil, 0, "", time.Now); err == nil || r != nil {
		t.Error("a reader without a model was made")
	}
	for a, want := range map[answer.Answer]string{answer.Bad: "bad", answer.Ignore: "ignore", answer.Good: "good", 7: "Answer(7)"} {
		if got := a.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
