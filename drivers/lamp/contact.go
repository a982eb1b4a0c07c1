package lamp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/drivers/frame"
)

// Limits of a contact's debouncing.
const (
	DefaultDebounce = 10 * time.Millisecond
	MinDebounce     = time.Millisecond
	MaxDebounce     = time.Second
)

const (
	edgeSize   = 48  // bytes of one event that the kernel gives
	edgeBuffer = 16  // events a read
	edgesKept  = 256 // events that the kernel keeps for us
)

// Bias is the resistor inside the chip. The zero value is PullUp: a contact between the line and ground.
type Bias uint8

const (
	PullUp   Bias = iota
	PullDown      // a contact between the line and the supply
	NoBias        // neither: there is a resistor outside
)

// ContactConfig is a contact on a line of a GPIO chip. A contact to ground is an active-low line: it is active while closed.
type ContactConfig struct {
	Chip     string // as in GPIOConfig
	Line     Line
	Bias     Bias          // ignored by chips that have no resistors
	Debounce time.Duration // how long the level has to stay for a change to count; 0 means DefaultDebounce
}

// Edge is one change of a contact.
type Edge struct {
	Active bool          // since this edge
	At     time.Duration // of the edge by the kernel's monotonic clock, CLOCK_MONOTONIC: since boot, without sleep
	Lost   uint32        // edges between the one before and this one that nobody fetched in time
}

// Contact is a contact at a turnstile or a door. Wait is for one goroutine; Active and Close may be called from any other.
type Contact struct {
	name    string
	held    *lines
	closed  atomic.Bool
	buf     [edgeBuffer * edgeSize]byte
	unread  []byte // part of buf
	counted uint32 // the kernel's number of the last edge that Wait returned
}

// OpenContact takes the line. Edges count from then on. The errors are those of NewGPIO.
func OpenContact(c ContactConfig) (*Contact, error) {
	name := fmt.Sprintf("contact %s line %s", c.Chip, c.Line)
	if c.Debounce == 0 {
		c.Debounce = DefaultDebounce
	}
	switch {
	case c.Line.none():
		return nil, fmt.Errorf("open %s: it has no line", name)
	case c.Bias > NoBias:
		return nil, fmt.Errorf("open %s: unknown bias %d", name, c.Bias)
	case c.Debounce < MinDebounce || c.Debounce > MaxDebounce:
		return nil, fmt.Errorf("open %s: debouncing of %v is not within %v and %v", name, c.Debounce, MinDebounce, MaxDebounce)
	}
	// The kernel debounces, by itself where the chip cannot (since Linux 5.10).
	held, err := requestLines(c.Chip, request{
		lines:    []Line{c.Line},
		flags:    flagInput | flagEdgeRising | flagEdgeFalling | [...]uint64{flagPullUp, flagPullDown, flagBiasDisabled}[c.Bias],
		debounce: c.Debounce,
		events:   edgesKept,
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return &Contact{name: name, held: held}, nil
}

// Wait blocks until the contact changes. The error is frame.ErrGone once the chip failed, frame.ErrClosed after Close, else the
// context's; then the contact is as good as before.
func (c *Contact) Wait(ctx context.Context) (Edge, error) {
	if c.closed.Load() {
		return Edge{}, fmt.Errorf("wait for %s: %w", c.name, frame.ErrClosed)
	}
	if len(c.unread) == 0 {
		if err := c.read(ctx); err != nil {
			return Edge{}, fmt.Errorf("wait for %s: %w", c.name, err)
		}
	}
	return c.next(), nil
}

// read waits for events.
func (c *Contact) read(ctx context.Context) error {
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.held.f.SetReadDeadline(time.Unix(1, 0))
		close(ended)
	})
	n, err := c.held.f.Read(c.buf[:])
	if !stop() {
		<-ended
		c.held.f.SetReadDeadline(time.Time{})
	}
	switch {
	case c.closed.Load():
		return frame.ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ctx.Err()
	case err != nil || n < edgeSize:
		return fmt.Errorf("%w (%v)", frame.ErrGone, err)
	}
	c.unread = c.buf[:n-n%edgeSize]
	return nil
}

// next takes one event (linux/gpio.h, struct gpio_v2_line_event).
func (c *Contact) next() Edge {
	event := c.unread[:edgeSize]
	c.unread = c.unread[edgeSize:]
	number := binary.NativeEndian.Uint32(event[20:])
	e := Edge{
		Active: binary.NativeEndian.Uint32(event[8:]) == unix.GPIO_V2_LINE_EVENT_RISING_EDGE, // of the logical level
		At:     time.Duration(binary.NativeEndian.Uint64(event)),
		Lost:   number - c.counted - 1,
	}
	c.counted = number
	return e
}

// Active reports whether the contact is active now, debounced.
func (c *Contact) Active() (bool, error) {
	bits, err := c.held.get()
	switch {
	case c.closed.Load():
		err = frame.ErrClosed
	case err == nil:
		return bits&1 != 0, nil
	}
	return false, fmt.Errorf("read %s: %w", c.name, err)
}

// Close lets the line go. A Wait that blocks returns at once. Closing again does nothing.
func (c *Contact) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	if err := c.held.close(); err != nil {
		return fmt.Errorf("close %s: %w", c.name, err)
	}
	return nil
}
