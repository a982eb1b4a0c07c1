package scannertest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"passerelle/drivers/frame"
	"passerelle/drivers/scannertest"
	"passerelle/drivers/serial"
)

func newScanner(t *testing.T, o scannertest.Options) *scannertest.Scanner {
	t.Helper()
	s, err := scannertest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func openDriver(t *testing.T, s *scannertest.Scanner, o serial.Options) *serial.Scanner {
	t.Helper()
	o.Path = s.Path()
	d, err := serial.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func read(t *testing.T, d *serial.Scanner) string {
	t.Helper()
	p := make([]byte, frame.MaxFrame+1)
	n, err := d.ReadFrame(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(p[:n])
}

func seed(n uint64) *rand.Rand { return rand.New(rand.NewPCG(n, n)) }

func short(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestDriverReadsWhatIsScanned(t *testing.T) {
	t.Parallel()
	for k := frame.CR; k <= frame.IdleGap; k++ {
		s := newScanner(t, scannertest.Options{AIM: "]Q1", Terminator: k, Silence: 100 * time.Millisecond})
		d := openDriver(t, s, serial.Options{Terminator: k, Gap: 20 * time.Millisecond})
		for i := range 5 {
			payload := fmt.Sprintf("HC1:%d\x1d\x00%d", i, i)
			if err := s.Scan(short(t), []byte(payload)); err != nil {
				t.Fatal(err)
			}
			if got := read(t, d); got != "]Q1"+payload {
				t.Errorf("%v: got %q, want %q", k, got, "]Q1"+payload)
			}
		}
		if got := s.Sent(); got.Frames != 5 || len(got.Faults) != 0 {
			t.Errorf("%v: counted %+v, want 5 frames", k, got)
		}
	}
}

func TestEachFaultDoesWhatItSays(t *testing.T) {
	t.Parallel()
	const payload = "HC1:6BF+70790T9WJWG.FKY*4GO0"
	sent := "]Q1" + payload
	for _, tt := range []struct {
		fault scannertest.Fault
		check func(frames []string) bool
	}{
		{scannertest.NoFault, func(f []string) bool { return cmp.Equal(f, []string{sent}) }},
		{scannertest.Noise, func(f []string) bool {
			return len(f) == 1 && len(f[0]) > len(sent) && f[0][len(f[0])-len(sent):] == sent
		}},
		{scannertest.Cut, func(f []string) bool { return len(f) == 0 }},
		{scannertest.Doubled, func(f []string) bool { return cmp.Equal(f, []string{sent, sent}) }},
		{scannertest.Glued, func(f []string) bool { return cmp.Equal(f, []string{sent + sent}) }},
		{scannertest.WrongLayout, func(f []string) bool {
			return cmp.Equal(f, []string{`-A!HC!.^BF+&)&()T(ZJZG<FKY\$GO)`})
		}},
		{scannertest.WakeUp, func(f []string) bool { return cmp.Equal(f, []string{sent}) }},
		{scannertest.BitFlip, func(f []string) bool { return len(f) == 1 && bitsApart(f[0], sent) == 1 }},
		{scannertest.PauseInside, func(f []string) bool { return cmp.Equal(f, []string{sent}) }},
	} {
		t.Run(tt.fault.String(), func(t *testing.T) {
			t.Parallel()
			s := newScanner(t, scannertest.Options{
				AIM: "]Q1", Terminator: frame.CRLF, Rand: seed(1),
				Pause: 20 * time.Millisecond, Silence: 400 * time.Millisecond,
			})
			d := openDriver(t, s, serial.Options{Terminator: frame.CRLF, Gap: 200 * time.Millisecond})
			scanned := scanThenGood(t, s, payload, tt.fault)
			var got []string
			for f := read(t, d); f != "]Q1PT1:NEXT"; f = read(t, d) {
				got = append(got, f)
			}
			if err := <-scanned; err != nil {
				t.Fatal(err)
			}
			if !tt.check(got) {
				t.Errorf("got %q", got)
			}
			count := s.Sent()
			if count.Frames != uint64(len(got))+1 {
				t.Errorf("counted %d frames, the driver gave %d", count.Frames, len(got)+1)
			}
			want := map[scannertest.Fault]uint64{tt.fault: 1}
			delete(want, scannertest.NoFault)
			if !cmp.Equal(count.Faults, want) {
				t.Errorf("counted faults %v, want %v", count.Faults, want)
			}
		})
	}
}

// scanThenGood scans one code with a fault and one without, while the test reads.
func scanThenGood(t *testing.T, s *scannertest.Scanner, payload string, f scannertest.Fault) <-chan error {
	scanned := make(chan error, 1)
	ctx := short(t)
	go func() {
		err := s.ScanFault(ctx, []byte(payload), f)
		scanned <- errors.Join(err, s.ScanFault(ctx, []byte("PT1:NEXT"), scannertest.NoFault))
	}()
	return scanned
}

func bitsApart(a, b string) int {
	if len(a) != len(b) {
		return -1
	}
	n := 0
	for i := range len(a) {
		for x := a[i] ^ b[i]; x != 0; x &= x - 1 {
			n++
		}
	}
	return n
}

func TestPauseLongerThanTheGapLosesTheHead(t *testing.T) {
	t.Parallel()
	s := newScanner(t, scannertest.Options{Pause: 400 * time.Millisecond, Terminator: frame.STXETX})
	d := openDriver(t, s, serial.Options{Gap: 200 * time.Millisecond, Terminator: frame.STXETX})
	scanned := scanThenGood(t, s, "HC1:HALF", scannertest.PauseInside)
	if got := read(t, d); got != "PT1:NEXT" {
		t.Errorf("got %q", got)
	}
	if err := <-scanned; err != nil {
		t.Fatal(err)
	}
}

func TestSameSeedSendsTheSameBytes(t *testing.T) {
	t.Parallel()
	line := func(n uint64) []byte {
		s := newScanner(t, scannertest.Options{
			Rand: seed(n), Pause: 1, Silence: 1,
			Faults: []scannertest.FaultShare{
				{scannertest.Noise, 200},
				{scannertest.Cut, 200},
				{scannertest.BitFlip, 200},
				{scannertest.WakeUp, 200},
				{scannertest.Doubled, 100},
			},
		})
		tty, err := os.Open(s.Path())
		if err != nil {
			t.Fatal(err)
		}
		defer tty.Close()
		left := 50
		if err := s.Play(short(t), 0, func() []byte {
			if left--; left < 0 {
				return nil
			}
			return fmt.Appendf(nil, "HC1:%d", left)
		}); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, s.Sent().Bytes)
		if _, err := io.ReadFull(tty, b); err != nil {
			t.Fatal(err)
		}
		return b
	}
	first, again, other := line(7), line(7), line(8)
	if !bytes.Equal(first, again) {
		t.Error("one seed gave two streams")
	}
	if bytes.Equal(first, other) {
		t.Error("two seeds gave one stream")
	}
}

func TestSlowReaderLosesNothing(t *testing.T) {
	t.Parallel()
	const scans = 1500
	s := newScanner(t, scannertest.Options{})
	d := openDriver(t, s, serial.Options{})
	payload := func(i int) []byte { return append(fmt.Appendf(nil, "%06d:", i), bytes.Repeat([]byte("x"), 500)...) }
	played := make(chan error, 1)
	go func() {
		i := -1
		played <- s.Play(short(t), 0, func() []byte {
			if i++; i == scans {
				return nil
			}
			return payload(i)
		})
	}()
	for i := range scans {
		if i%100 == 0 {
			time.Sleep(5 * time.Millisecond) // the 4 KB of the kernel are full long before
		}
		if got := read(t, d); got != string(payload(i)) {
			t.Fatalf("scan %d: got %q", i, got)
		}
	}
	if err := <-played; err != nil {
		t.Fatal(err)
	}
	if got := s.Sent(); got.Frames != scans || got.Bytes != scans*508 {
		t.Errorf("counted %+v, want %d frames, %d bytes", got, scans, scans*508)
	}
}

// TestSoak runs 50 scans a second with every fault, for the time in SCANNER_SOAK (five minutes: 5m), else for two seconds.
func TestSoak(t *testing.T) {
	t.Parallel()
	length := 2 * time.Second
	if env := os.Getenv("SCANNER_SOAK"); env != "" {
		var err error
		if length, err = time.ParseDuration(env); err != nil {
			t.Fatal(err)
		}
	}
	const perSecond = 50
	s := newScanner(t, scannertest.Options{
		AIM: "]Q1", Terminator: frame.STXETX, Rand: seed(3), BytesPerSecond: 100_000,
		Pause: 5 * time.Millisecond, Silence: 300 * time.Millisecond,
		Faults: []scannertest.FaultShare{
			{scannertest.Noise, 20},
			{scannertest.Cut, 40},
			{scannertest.Doubled, 20},
			{scannertest.Glued, 20},
			{scannertest.WrongLayout, 20},
			{scannertest.WakeUp, 20},
			{scannertest.BitFlip, 20},
			{scannertest.PauseInside, 20},
		},
	})
	d := openDriver(t, s, serial.Options{Terminator: frame.STXETX, Gap: 200 * time.Millisecond})

	scans := int(length.Seconds() * perSecond)
	played := make(chan error, 1)
	go func() {
		i := -1
		err := s.Play(t.Context(), perSecond, func() []byte {
			if i++; i == scans {
				return nil
			}
			return fmt.Appendf(nil, "HC1:%06d:%0500d", i, i)
		})
		time.Sleep(400 * time.Millisecond) // the last one may have been cut
		played <- errors.Join(err, s.ScanFault(t.Context(), []byte("END"), scannertest.NoFault))
	}()
	frames, clean := uint64(0), 0
	for f := ""; f != "]Q1END"; frames++ {
		f = read(t, d)
		var i int
		if _, err := fmt.Sscanf(f, "]Q1HC1:%06d:", &i); err == nil && f == fmt.Sprintf("]Q1HC1:%06d:%0500d", i, i) {
			clean++
		}
	}
	if err := <-played; err != nil {
		t.Fatal(err)
	}
	sent := s.Sent()
	if frames != sent.Frames {
		t.Errorf("the driver gave %d frames of %d; %+v", frames, sent.Frames, sent)
	}
	broken := sent.Faults[scannertest.Cut] + sent.Faults[scannertest.Glued] + sent.Faults[scannertest.WrongLayout] + sent.Faults[scannertest.BitFlip]
	if want := scans + int(sent.Faults[scannertest.Doubled]) - int(broken); clean != want {
		t.Errorf("%d codes came whole, want %d; %+v", clean, want, sent)
	}
	t.Logf("%d scans at %d/s: %d frames, %d bytes, faults %v", scans, perSecond, frames, sent.Bytes, sent.Faults)
}

func TestScanTakesTheTimeOfItsSpeed(t *testing.T) {
	t.Parallel()
	s := newScanner(t, scannertest.Options{BytesPerSecond: 11_520}) // 115200 baud
	openDriver(t, s, serial.Options{})
	start := time.Now()
	if err := s.Scan(short(t), bytes.Repeat([]byte("x"), 2303)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 190*time.Millisecond || took > 2*time.Second {
		t.Errorf("2304 bytes at 11520 a second took %v, want about 200 ms", took)
	}
}

func TestScanThatNobodyReadsWaitsForItsContext(t *testing.T) {
	t.Parallel()
	s := newScanner(t, scannertest.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.Scan(ctx, make([]byte, 100_000)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the error of the context", err)
	}
	if got := s.Sent(); got.Frames != 0 || got.Bytes == 0 || got.Bytes >= 100_000 {
		t.Errorf("counted %+v, want no frame and a part of the bytes", got)
	}
	if err := s.Scan(ctx, []byte("A")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("context that is over: got %v", err)
	}
}

func TestUnplugAndPlugAgainUnderOneName(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "lane1")
	s := newScanner(t, scannertest.Options{Link: name})
	for range 2 {
		if s.Path() != name {
			t.Fatalf("path %q, want %q", s.Path(), name)
		}
		d := openDriver(t, s, serial.Options{})
		if err := s.Scan(short(t), []byte("HC1:A")); err != nil {
			t.Fatal(err)
		}
		if got := read(t, d); got != "HC1:A" {
			t.Errorf("got %q", got)
		}
		scanned := make(chan error, 1)
		go func() { scanned <- s.Scan(short(t), make([]byte, 100_000)) }()
		time.Sleep(20 * time.Millisecond)
		if err := s.Unplug(); err != nil {
			t.Fatal(err)
		}
		if err := <-scanned; !errors.Is(err, frame.ErrGone) {
			t.Errorf("scan during the unplug: got %v, want frame.ErrGone", err)
		}
		if _, err := d.ReadFrame(make([]byte, 10)); !errors.Is(err, frame.ErrGone) {
			t.Errorf("driver: got %v, want frame.ErrGone", err)
		}
		d.Close()
		if _, err := os.Lstat(name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the name is still there: %v", err)
		}
		if err := s.Scan(short(t), []byte("A")); !errors.Is(err, frame.ErrGone) {
			t.Errorf("scan while unplugged: got %v", err)
		}
		if _, err := s.Receive(short(t), make([]byte, 1)); !errors.Is(err, frame.ErrGone) {
			t.Errorf("receive while unplugged: got %v", err)
		}
		if err := errors.Join(s.Unplug(), s.Plug(), s.Plug()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCommandsAreReceived(t *testing.T) {
	t.Parallel()
	s := newScanner(t, scannertest.Options{})
	d := openDriver(t, s, serial.Options{})
	if _, err := d.Write([]byte("\x1b7,")); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 100)
	if n, err := s.Receive(short(t), p); err != nil || string(p[:n]) != "\x1b7," {
		t.Errorf("got %q, %v", p[:n], err)
	}
	for range 2 { // a context that ends does not spoil the next call
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		if _, err := s.Receive(ctx, p); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nothing sent: got %v, want the error of the context", err)
		}
		cancel()
	}
	time.AfterFunc(20*time.Millisecond, func() { d.Write([]byte("\a")) })
	if n, err := s.Receive(short(t), p); err != nil || string(p[:n]) != "\a" {
		t.Errorf("got %q, %v", p[:n], err)
	}
}

func TestScanIsNotEchoedToTheScanner(t *testing.T) {
	t.Parallel()
	s := newScanner(t, scannertest.Options{})
	if err := s.Scan(short(t), []byte("HC1:A")); err != nil { // before any driver
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	p := make([]byte, 10)
	if n, err := s.Receive(ctx, p); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("received %q, %v; want nothing", p[:n], err)
	}
}

func TestImpossibleScannersAreRefused(t *testing.T) {
	t.Parallel()
	share := func(f scannertest.Fault, n int) []scannertest.FaultShare { return []scannertest.FaultShare{{f, n}} }
	for _, tt := range []struct {
		name string
		o    scannertest.Options
		ok   bool
	}{
		{"every scan faulty", scannertest.Options{Rand: seed(1), Faults: share(scannertest.Noise, 1000)}, true},
		{"more than every scan", scannertest.Options{Rand: seed(1), Faults: share(scannertest.Noise, 1001)}, false},
		{"negative share", scannertest.Options{Rand: seed(1), Faults: share(scannertest.Noise, -1)}, false},
		{"no fault as fault", scannertest.Options{Rand: seed(1), Faults: share(scannertest.NoFault, 1)}, false},
		{"unknown fault", scannertest.Options{Rand: seed(1), Faults: share(99, 1)}, false},
		{"faults without random numbers", scannertest.Options{Faults: share(scannertest.Noise, 1)}, false},
		{"unknown terminator", scannertest.Options{Terminator: 99}, false},
		{"negative speed", scannertest.Options{BytesPerSecond: -1}, false},
		{"name in a folder that is not there", scannertest.Options{Link: filepath.Join(t.TempDir(), "none", "lane1")}, false},
	} {
		s, err := scannertest.New(tt.o)
		if (err == nil) != tt.ok || (s != nil) != tt.ok {
			t.Errorf("%s: got %v, want accepted: %v", tt.name, err, tt.ok)
		}
		if s != nil {
			s.Close()
		}
	}
	s := newScanner(t, scannertest.Options{})
	for _, tt := range []struct {
		name    string
		payload []byte
		fault   scannertest.Fault
	}{
		{"empty payload", nil, scannertest.NoFault},
		{"payload over the limit", make([]byte, 1<<20+1), scannertest.NoFault},
		{"unknown fault", []byte("A"), 99},
		{"noise without random numbers", []byte("A"), scannertest.Noise},
	} {
		if err := s.ScanFault(short(t), tt.payload, tt.fault); err == nil {
			t.Errorf("%s was accepted", tt.name)
		}
	}
}
