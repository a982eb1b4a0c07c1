package main

import (
	"errors"
	"sync"
	"time"

	"passerelle/drivers/answer"
	"passerelle/gateway/lane"
)

// triggerAgain is how long a triggered scanner may give nothing until it is told to read on. It may have given up by its own read time-out
// (30 s with Honeywell's defaults, Xenon and Granit guide, page 119), or have given a code whose end was lost on the way.
const triggerAgain = 2 * time.Second

// triggered is a fixed scanner that stops reading after each code, or by itself, until it is told to go on. One that cannot be told is gone.
type triggered struct {
	lane.Scanner
	port    answer.Port
	trigger answer.Trigger
	given   bool // a code, since it was triggered; of ReadFrame

	mu     sync.Mutex
	closed bool        // guarded by mu
	again  *time.Timer // guarded by mu: runs while the scanner gives nothing
}

// newTriggered starts the scanner's reading; it closes one that cannot be started.
func newTriggered(s lane.Scanner, port answer.Port, trigger answer.Trigger) (lane.Scanner, error) {
	if err := trigger.Set(port, true); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	t := &triggered{Scanner: s, port: port, trigger: trigger}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.again = time.AfterFunc(triggerAgain, t.readOn)
	return t, nil
}

// ReadFrame implements lane.Scanner.
func (t *triggered) ReadFrame(p []byte) (int, error) {
	if t.given { // not before: a code that is read does not wait for a command
		t.readOn()
	}
	n, err := t.Scanner.ReadFrame(p)
	t.given = err == nil
	return n, err
}

// readOn triggers the scanner, and again after a silence. One that does not take that is closed, so that the next ReadFrame says it.
func (t *triggered) readOn() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	if err := t.trigger.Set(t.port, true); err != nil {
		t.closed = true
		_ = t.Scanner.Close() // what it would say, ReadFrame does
		return
	}
	t.again.Reset(triggerAgain)
}

// Close stops the scanner's reading and closes it.
func (t *triggered) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.again.Stop()
	if t.closed {
		return t.Scanner.Close()
	}
	t.closed = true
	return errors.Join(t.trigger.Set(t.port, false), t.Scanner.Close())
}
