package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"passerelle/drivers/answer"
	"passerelle/drivers/frame"
	"passerelle/gateway/lane"
)

// oneShot is a scanner on a pseudo-terminal that gives one code a trigger.
type oneShot struct {
	t        *testing.T
	line     *os.File
	triggers chan struct{}
	stops    chan struct{}
	frames   chan string
	scanner  lane.Scanner
	ended    chan error // of reading
}

func newOneShot(t *testing.T) *oneShot {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close(); slave.Close() })
	d, err := newDevice(laneConfig{ID: "1", Scanner: scannerSerial, Path: slave.Name(), Trigger: answer.TriggerHoneywell})
	if err != nil {
		t.Fatal(err)
	}
	o := &oneShot{t: t, line: master, triggers: make(chan struct{}, 100), stops: make(chan struct{}, 100), frames: make(chan string, 10), ended: make(chan error, 1)}
	go func() {
		heard := make([]byte, 64)
		for {
			n, err := master.Read(heard)
			if err != nil {
				return
			}
			for range bytes.Count(heard[:n], []byte("\x16T\r")) {
				o.triggers <- struct{}{}
			}
			for range bytes.Count(heard[:n], []byte("\x16U\r")) {
				o.stops <- struct{}{}
			}
		}
	}()
	if o.scanner, err = d.open(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.scanner.Close() })
	go func() {
		p := make([]byte, frame.MaxFrame)
		for {
			n, err := o.scanner.ReadFrame(p)
			if err != nil {
				o.ended <- err
				return
			}
			o.frames <- string(p[:n])
		}
	}()
	return o
}

// scan gives a code once it is triggered.
func (o *oneShot) scan(text string) {
	o.t.Helper()
	select {
	case <-o.triggers:
	case <-time.After(5 * triggerAgain):
		o.t.Fatalf("%q: the scanner is not triggered any more", text)
	}
	if _, err := o.line.WriteString(text); err != nil {
		o.t.Fatal(err)
	}
}

func (o *oneShot) want(text string) {
	o.t.Helper()
	select {
	case got := <-o.frames:
		if got != text {
			o.t.Errorf("got %q, want %q", got, text)
		}
	case <-time.After(5 * triggerAgain):
		o.t.Fatalf("%q never came", text)
	}
}

func TestTriggeredScannerReadsOn(t *testing.T) {
	t.Parallel()
	o := newOneShot(t)
	for range 3 {
		o.scan("A\r")
		o.want("A")
	}
	o.scan("CUT") // its end is lost on the line
	o.scan("B\r")
	o.want("B")
	<-o.triggers
	o.scan("C\r") // after the scanner's own time-out: nothing came since it was triggered
	o.want("C")
}

func TestTriggeredScannerIsStoppedAtTheEnd(t *testing.T) {
	t.Parallel()
	o := newOneShot(t)
	<-o.triggers
	if err := o.scanner.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-o.ended; !errors.Is(err, frame.ErrClosed) {
		t.Errorf("reading ended with %v, want %v", err, frame.ErrClosed)
	}
	<-o.stops
	select {
	case <-o.triggers:
		t.Error("triggered after its end")
	case <-time.After(triggerAgain + time.Second/2):
	}
}

// line is a port that can be made to take nothing.
type line struct {
	mu   sync.Mutex
	said []string
	err  error
}

func (l *line) WriteTimeout(b []byte, _ time.Duration) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return 0, l.err
	}
	l.said = append(l.said, string(b))
	return len(b), nil
}

func (l *line) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// quiet is a scanner that gives nothing until it is closed.
type quiet struct{ closed chan struct{} }

func (q quiet) ReadFrame([]byte) (int, error) { <-q.closed; return 0, frame.ErrClosed }
func (q quiet) Close() error                  { close(q.closed); return nil }

// TestTriggeredScannerThatCannotBeToldIsGone: its lane says so, and opens it again.
func TestTriggeredScannerThatCannotBeToldIsGone(t *testing.T) {
	t.Parallel()
	l := &line{}
	s, err := newTriggered(quiet{make(chan struct{})}, l, answer.TriggerCognex)
	if err != nil {
		t.Fatal(err)
	}
	l.fail(os.ErrDeadlineExceeded)
	if n, err := s.ReadFrame(make([]byte, 10)); n != 0 || !errors.Is(err, frame.ErrClosed) {
		t.Errorf("got %d, %v; want %v", n, err, frame.ErrClosed)
	}
	q := quiet{make(chan struct{})}
	if s, err := newTriggered(q, l, answer.TriggerCognex); s != nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("one that cannot be started: %v, %v", s, err)
	}
	select {
	case <-q.closed:
	default:
		t.Error("it was not closed")
	}
}
