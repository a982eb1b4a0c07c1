package forward

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/drivers/frame"
)

const (
	ringSize = 16
	maxEntry = frame.MaxFrame + 2*MaxAffix
	maxWord  = 32 // bytes of an outcome or a reason
)

// verdictEnd ends a line with a verdict.
const verdictEnd = "\r\n"

var errStarting = errors.New("not connected yet")

// Status says how forwarding goes.
type Status struct {
	// Connected: there is a line to the other program. A virtual port is connected while some program has it open.
	Connected bool
	Problem   error  // why it is not connected; nil when it is
	Sent      uint64 // codes and verdicts that left us whole; over TCP, that the other host acknowledged
	Dropped   uint64 // those that did not: too old, too many, cut off, or not to be sent
}

// Forward forwards to one program. All its methods may be called at the same time.
type Forward struct {
	opts   Options
	way    way
	cancel context.CancelFunc
	ended  chan struct{} // closed when the sender is

	mu     sync.Mutex // guards what follows; never held while waiting
	closed bool
	status Status
	first  int // index of the oldest entry
	count  int
	ring   [ringSize]entry
	wake   int // an eventfd on which the sender waits

	sender sender
}

// entry is one code or verdict, as it will be sent.
type entry struct {
	at time.Time
	n  int
	b  [maxEntry]byte
}

// Open begins to forward. The other program need not be there yet. An error says what is wrong with the options, or why a virtual
// port cannot be made.
func Open(o Options) (*Forward, error) {
	f, err := open(o)
	if err != nil {
		return nil, fmt.Errorf("forward to %s: %w", o.To, err)
	}
	return f, nil
}

func open(o Options) (*Forward, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	w, err := o.way()
	if err != nil {
		unix.Close(wake)
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &Forward{opts: o, way: w, cancel: cancel, ended: make(chan struct{}), wake: wake, status: Status{Problem: errStarting}}
	go f.send(ctx)
	return f, nil
}

// Scan forwards a code, as it came in its frame. It copies code and returns at once.
func (f *Forward) Scan(code []byte) {
	if f.opts.Content == Verdict {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(code) == 0 || len(code) > frame.MaxFrame || f.opts.Content == Both && f.breaksLine(code) {
		f.status.Dropped++
		return
	}
	e := f.newest()
	e.n = copy(e.b[:], f.opts.Prefix)
	e.n += copy(e.b[e.n:], code)
	e.n += copy(e.b[e.n:], f.opts.Terminator)
	f.signal()
}

// breaksLine reports whether a code could end its line and begin another.
func (f *Forward) breaksLine(code []byte) bool {
	for _, c := range code {
		if c == '\r' || c == '\n' || strings.IndexByte(f.opts.Terminator, c) >= 0 {
			return true
		}
	}
	return false
}

// Verdict forwards a final verdict: outcome is admit, deny or refer in any case of letters, reason is a word such as "already_used",
// sequence its number in the journal. What is not of that shape is dropped. It returns at once.
func (f *Forward) Verdict(outcome, reason string, sequence uint64) {
	if f.opts.Content == Scan {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	word := verdictWord(outcome)
	if word == "" || !isReason(reason) {
		f.status.Dropped++
		return
	}
	e := f.newest()
	b := append(e.b[:0], word...)
	b = append(b, reason...)
	b = append(b, ' ')
	b = strconv.AppendUint(b, sequence, 10)
	b = append(b, verdictEnd...)
	e.n = len(b)
	f.signal()
}

// verdictWord gives the word that a verdict's line begins with, empty for an unknown outcome.
func verdictWord(outcome string) string {
	for _, w := range verdictWords {
		if strings.EqualFold(w[:len(w)-1], outcome) {
			return w
		}
	}
	return ""
}

func isReason(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && c != '_' && (c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && len(s) <= maxWord
}

// newest makes room for one more entry, at the cost of the oldest.
func (f *Forward) newest() *entry {
	if f.count == ringSize {
		f.forgetOldest()
		f.status.Dropped++
	}
	e := &f.ring[(f.first+f.count)%ringSize]
	f.count++
	e.at = f.opts.Now()
	return e
}

// forgetOldest overwrites the oldest entry.
func (f *Forward) forgetOldest() {
	e := &f.ring[f.first]
	clear(e.b[:e.n])
	e.n = 0
	f.first = (f.first + 1) % ringSize
	f.count--
}

// signal wakes the sender.
func (f *Forward) signal() {
	if f.closed {
		f.forgetAll()
		return
	}
	one := [8]byte{1, 1, 1, 1, 1, 1, 1, 1} // any number but zero; a full counter is a signal as well
	unix.Write(f.wake, one[:])
}

// forgetAll drops what waits.
func (f *Forward) forgetAll() {
	for f.count > 0 {
		f.forgetOldest()
		f.status.Dropped++
	}
}

// Status says how it goes.
func (f *Forward) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

// Close ends forwarding. What is under way gets a quarter of a second to leave whole, what waits is dropped. Closing again does nothing.
func (f *Forward) Close() error {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		f.forgetAll()
		one := [8]byte{1}
		unix.Write(f.wake, one[:])
	}
	f.mu.Unlock()
	f.cancel()
	<-f.ended
	return nil
}
