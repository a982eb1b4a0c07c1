package lamp

import (
	"fmt"
	"sync"
	"time"

	"passerelle/drivers/frame"
)

// HistoryLimit is how many changes a Simulated lamp remembers; an older one makes place for a newer one.
const HistoryLimit = 256

// Change is one Set.
type Change struct {
	At     time.Time
	Signal Signal
}

// Simulated is a lamp to look at: on the demo's page, in tests. It is safe for concurrent use.
type Simulated struct {
	now func() time.Time

	mu      sync.Mutex
	signal  Signal
	closed  bool
	total   uint64 // changes ever; the last HistoryLimit of them are in history, change i at i % HistoryLimit
	counts  [Fault + 1]uint64
	history [HistoryLimit]Change
}

// NewSimulated returns a lamp that is Off and dates its changes by now.
func NewSimulated(now func() time.Time) *Simulated { return &Simulated{now: now} }

// Set shows a signal.
func (l *Simulated) Set(s Signal) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return fmt.Errorf("set lamp: %w", frame.ErrClosed)
	}
	if s > Fault {
		l.show(Off)
		return fmt.Errorf("set lamp: unknown signal %d", uint8(s))
	}
	l.show(s)
	return nil
}

// Close shows Off. Closing again does nothing.
func (l *Simulated) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		l.show(Off)
	}
	return nil
}

// Signal is what the lamp shows now.
func (l *Simulated) Signal() Signal {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.signal
}

// Count is how often s was set since the lamp was made, also beyond what History remembers.
func (l *Simulated) Count(s Signal) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s > Fault {
		return 0
	}
	return l.counts[s]
}

// History returns the last changes, at most HistoryLimit, the oldest first.
func (l *Simulated) History() []Change {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := uint64(0)
	if l.total > HistoryLimit {
		first = l.total - HistoryLimit
	}
	h := make([]Change, 0, l.total-first)
	for i := first; i < l.total; i++ {
		h = append(h, l.history[i%HistoryLimit])
	}
	return h
}

func (l *Simulated) show(s Signal) {
	l.signal = s
	l.history[l.total%HistoryLimit] = Change{At: l.now(), Signal: s}
	l.counts[s]++
	l.total++
}
