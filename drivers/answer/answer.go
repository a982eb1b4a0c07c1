package answer

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// SendTimeout is the longest that Answer and Trigger.Set take.
	SendTimeout = 250 * time.Millisecond

	// Margin is how long before the end of a reader's own time the last answer may leave: a code waits in a USB converter for
	// up to 16 ms and in the driver for one read, and the answer takes its time on the line.
	Margin = 100 * time.Millisecond
)

var (
	// ErrAnswered says that the scan, or one after it, has its answer.
	ErrAnswered = errors.New("the scan has its answer")

	// ErrLate says that the reader has stopped waiting, or is about to.
	ErrLate = errors.New("too late for the reader")
)

// Port takes bytes to a reader within a time limit; a serial.Scanner and a tcp.Scanner are one. It returns an error when d has
// passed, and then nothing of b goes out later. On a network what went out may come in later, by a time that the port knows.
type Port interface {
	WriteTimeout(b []byte, d time.Duration) (int, error)
}

// Answer is what a reader is to do with a code. The zero value is Bad.
type Answer uint8

const (
	Bad    Answer = iota // show that it was refused, or that a person decides
	Ignore               // show nothing, and read on: the same code again, or the first of two documents
	Good                 // show that it was admitted
)

func (a Answer) String() string {
	switch a {
	case Bad:
		return "bad"
	case Ignore:
		return "ignore"
	case Good:
		return "good"
	}
	return fmt.Sprintf("Answer(%d)", uint8(a))
}

// Reader answers one reader. It is safe for concurrent use.
type Reader struct {
	port  Port
	delay time.Duration
	model Model
	now   func() time.Time

	mu   sync.Mutex
	last time.Time // when the last scan was read that got an answer, or should have; guarded by mu
}

// NewReader returns a Reader that has answered nothing. delay is by how much what p has written may come in later: 0 on a serial port,
// tcp.AckTime on a network. now is the clock that measures the reader's time; it must not jump.
func NewReader(p Port, delay time.Duration, m Model, now func() time.Time) (*Reader, error) {
	if _, ok := readers[m]; !ok {
		return nil, fmt.Errorf("unknown reader %q: want one of %q", m, Models())
	}
	return &Reader{port: p, delay: delay, model: m, now: now}, nil
}

// Limit is how long after it was read a scan may be answered with Good.
func (r *Reader) Limit() time.Duration { return r.model.Limit(r.delay) }

// Answer answers the scan that was read at a time of the reader's clock, once, and not when a later one was answered: its reader has
// stopped waiting. It takes SendTimeout at most. The error is ErrAnswered, and nothing was sent; ErrLate, and nothing was sent, or Bad in
// place of a Good that might come in when the reader waits for the next code's answer; or the port's, and nothing will be sent: the scan
// stays without an answer. Call it in time, whatever happened; Bad is always safe.
func (r *Reader) Answer(read time.Time, a Answer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !read.After(r.last) {
		return fmt.Errorf("answer %v: %w", a, ErrAnswered)
	}
	r.last = read
	left := r.model.Window() - Margin - r.now().Sub(read)
	if left <= 0 {
		return fmt.Errorf("answer %v: %w", a, ErrLate)
	}
	send, wrong := a, error(nil)
	switch {
	case a > Good:
		send, wrong = Bad, errors.New("unknown answer, sent as bad")
	case a == Good && left <= r.delay:
		send, wrong = Bad, fmt.Errorf("answer %v, sent as bad: %w", a, ErrLate)
	case a == Good:
		left -= r.delay
	}
	if _, err := r.port.WriteTimeout([]byte(r.model.bytes(send)), min(left, SendTimeout)); err != nil {
		return fmt.Errorf("answer %v: %w", send, err)
	}
	return wrong
}
