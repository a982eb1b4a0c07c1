package main

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/gateway/policy"
	"passerelle/gateway/trust/bundle"
)

// buildTime is the commit's time in unix seconds, set by the linker: no true time lies before it.
var buildTime = "0"

// clock says what time it is for verdicts, as an interval (design: trust, Time). It is safe for concurrent use.
//
// While a time source agrees, the interval is one point. Afterwards the monotonic clock carries the time on, for at most
// maxDrift. Without either, the true time is only known to be in [floor, floor+maxDark]: the box was off for no longer, we
// assume. That interval moves on with the monotonic clock, for at most maxDark, after which nothing is known. The wall clock
// is ignored.
type clock struct {
	wall     func() time.Time
	synced   func() bool
	path     string // where the last trusted time is kept
	maxDrift time.Duration
	maxDark  time.Duration

	mu    sync.Mutex
	base  time.Time // last trusted time, with its monotonic reading; guarded by mu
	told  time.Time // when a supervisor confirmed the time, by the monotonic clock; zero if nobody did; guarded by mu
	time  int64     // what it was then, unix seconds; guarded by mu
	floor int64     // unix seconds: the true time was not before it when the monotonic clock showed mark; guarded by mu
	mark  time.Time // guarded by mu
	saved int64     // the floor as it stands on disk; guarded by mu
}

// Limits of what a clock may do by itself.
const (
	defaultMaxDrift = 72 * time.Hour
	defaultMaxDark  = 7 * 24 * time.Hour
	maxTold         = 180 * 24 * time.Hour // ahead of what is known that a supervisor may say it is
	clockSaveEvery  = 600                  // seconds between savings of the floor
)

// newClock reads the floor that was saved in dir. synced says whether a time source agrees with the wall clock now; nil is for
// an operator who looks after the wall clock: it is trusted as it is, and since it may be set wrongly once, it moves no floor.
func newClock(dir string, wall func() time.Time, synced func() bool, maxDark time.Duration) (*clock, error) {
	c := &clock{wall: wall, synced: synced, path: filepath.Join(dir, "clock"), maxDrift: defaultMaxDrift, maxDark: maxDark}
	c.floor, _ = strconv.ParseInt(buildTime, 10, 64) // 0 for a build without one
	c.mark = wall()
	text, err := os.ReadFile(c.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("read the last trusted time: %w", err)
	default:
		if saved, ok := parseFloor(string(text)); ok { // a damaged file says nothing; the other floors hold
			c.floor, c.saved = max(c.floor, saved), saved
		}
	}
	return c, nil
}

// raise lifts the floor by a signed list's issue time, in unix seconds, which may lie bundle.MaxAhead in the future.
func (c *clock) raise(issued int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lift(issued-bundle.MaxAhead, c.wall())
}

// lift says that the true time is not before s while the monotonic clock shows t.
func (c *clock) lift(s int64, t time.Time) {
	if s > c.floor+seconds(c.dark(t)) {
		c.floor, c.mark = s, t
	}
}

// dark returns how long it is since the floor was set.
func (c *clock) dark(t time.Time) time.Duration { return max(0, t.Sub(c.mark)) }

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// now returns the interval that the true time lies in.
func (c *clock) now() policy.Now {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.wall()
	if c.synced == nil && t.Unix() >= c.floor {
		return policy.At(t.Unix())
	}
	if c.synced != nil && c.synced() && t.Unix() >= c.floor {
		c.base = t
	}
	if !c.base.IsZero() {
		if elapsed := t.Sub(c.base); elapsed >= 0 && elapsed <= c.maxDrift { // by the monotonic clock
			s := c.base.Unix() + seconds(elapsed)
			c.floor, c.mark = s, t
			return policy.At(s)
		}
	}
	if !c.told.IsZero() {
		if elapsed := t.Sub(c.told); elapsed >= 0 && elapsed <= c.maxDrift {
			return policy.At(c.time + seconds(elapsed))
		}
	}
	dark := c.dark(t)
	earliest := c.floor + seconds(dark)
	n := policy.Now{Earliest: earliest, Latest: earliest + seconds(c.maxDark), Class: policy.ClockFloored}
	if dark > c.maxDark {
		n.Class = policy.ClockUnknown
	}
	return n
}

// errTooEarly means that the time cannot be what somebody says it is.
var errTooEarly = errors.New("it is later than that: the trust list, the program or an earlier time source says so")

// errTooLate is its other side.
var errTooLate = errors.New("that is more than 180 days after the last time that this gate knows: is the year right? A newer trust list would say")

// plausible returns why the time cannot be what somebody says it is, if so.
func (c *clock) plausible(now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	earliest := c.floor + seconds(c.dark(c.wall()))
	switch {
	case now.Unix() < earliest:
		return errTooEarly
	case now.Unix() > earliest+seconds(maxTold):
		return errTooLate
	}
	return nil
}

// confirm takes a supervisor's word for the time, for as long as the monotonic clock may carry it on, or until a time source agrees. It
// moves no floor, and nothing is dropped by it: a mistake ends with the next boot.
func (c *clock) confirm(now time.Time) error {
	if err := c.plausible(now); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told, c.time = c.wall(), now.Unix()
	return nil
}

// passed returns a time in unix seconds that is over, whoever was wrong: what was good until then is not good any more.
func (c *clock) passed() int64 {
	c.now() // a time source may have said more since
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.wall()
	if c.synced == nil && t.Unix() >= c.floor {
		return t.Unix()
	}
	return c.floor + seconds(c.dark(t))
}

// save has the floor on disk, if it is clockSaveEvery past what is there. A floor that cannot be saved costs knowledge after
// the next boot, no verdict now.
func (c *clock) save() error {
	c.mu.Lock()
	floor := c.floor + seconds(c.dark(c.wall()))
	due := floor-c.saved >= clockSaveEvery
	c.mu.Unlock()
	if !due {
		return nil
	}
	if err := replaceFile(c.path, []byte(formatFloor(floor)), 0o600); err != nil {
		return fmt.Errorf("save the last trusted time: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.saved = max(c.saved, floor)
	return nil
}

// formatFloor writes the floor with a checksum: one wrong bit could put it so far ahead that no true time is trusted again.
func formatFloor(floor int64) string {
	digits := strconv.FormatInt(floor, 10)
	return fmt.Sprintf("%s %08x\n", digits, crc32.ChecksumIEEE([]byte(digits)))
}

func parseFloor(text string) (floor int64, ok bool) {
	digits, _, _ := strings.Cut(text, " ")
	floor, err := strconv.ParseInt(digits, 10, 64)
	return floor, err == nil && text == formatFloor(floor)
}

// kernelSynced reports whether the kernel's clock is disciplined by NTP or the like (adjtimex, STA_UNSYNC).
func kernelSynced() bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0
}
