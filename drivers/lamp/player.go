package lamp

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"passerelle/drivers/frame"
)

// Times of what is shown.
const (
	beepTime   = 200 * time.Millisecond // of Green's sound
	blinkTime  = 100 * time.Millisecond // all off, before the same signal again
	retryPause = 100 * time.Millisecond // before a device that failed is told again
)

// outputs are what a device can switch. The zero value is the safe state.
type outputs uint8

const (
	red outputs = 1 << iota
	amber
	green
	buzzer
	relay
)

// lit is what each signal lights for as long as it is shown.
var lit = [Fault + 1]outputs{Red: red, Amber: amber, Green: green, Fault: red | amber}

// switches is a device that switches its outputs and knows no more. Only one call is under way at a time.
type switches interface {
	set(on outputs) error // all at once, those too that did not change
	release() error       // once, after the last set
}

// step is what a device shows for a time; 0 means until the next signal.
type step struct {
	on    outputs
	lasts time.Duration
}

// player turns signals into steps and has a device show them. It never waits for a device longer than SetTimeout: what talks to
// the device runs on a timer's goroutine, and a Green that came too late is followed by the safe state at once.
type player struct {
	name   string
	device switches
	has    outputs
	pulse  time.Duration

	mu         sync.Mutex
	signal     Signal // what the device shows, or has to; a Green that failed is Off
	closed     bool
	released   bool
	generation uint64  // of the plan; a timer or a wait of an older one means nothing
	want       outputs // what the device has to show now
	rest       []step  // what comes after it
	timer      *time.Timer
	stale      bool // want has not been sent
	busy       bool // work runs
	waiting    []chan error
}

func newPlayer(name string, device switches, has outputs, pulse time.Duration) *player {
	return &player{name: name, device: device, has: has, pulse: pulse}
}

// set shows a signal and returns once its first step is done.
func (p *player) set(s Signal) error {
	if s > Fault {
		if err := p.set(Off); err != nil {
			return err
		}
		return fmt.Errorf("set %s: unknown signal %d", p.name, uint8(s))
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return fmt.Errorf("set %s: %w", p.name, frame.ErrClosed)
	}
	plan := p.plan(s)
	p.signal = s
	return p.show(plan)
}

// restore sends what the device has to show once more, but never Green: whom that was for may be gone.
func (p *player) restore() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return fmt.Errorf("restore %s: %w", p.name, frame.ErrClosed)
	}
	return p.show(p.steady())
}

// close gives the safe state and then the device back.
func (p *player) close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.signal = Off
	return p.show(p.steady())
}

// plan is how a signal is shown. The relay and the buzzer are on for a bounded time, and only in Green.
func (p *player) plan(s Signal) []step {
	var plan []step
	if s == p.signal && s != Off {
		plan = append(plan, step{0, blinkTime})
	}
	if s == Green {
		first, second := min(beepTime, p.pulse), max(beepTime, p.pulse)
		longer := relay
		if p.pulse < beepTime {
			longer = buzzer
		}
		plan = append(plan, step{lit[Green] | relay | buzzer, first})
		if first < second {
			plan = append(plan, step{lit[Green] | longer, second - first})
		}
	}
	return p.trim(append(plan, step{lit[s], 0}))
}

// trim leaves out what the device does not have, and steps that then change nothing.
func (p *player) trim(plan []step) []step {
	kept := plan[:0]
	for _, s := range plan {
		s.on &= p.has
		if n := len(kept); n > 0 && kept[n-1].on == s.on {
			if kept[n-1].lasts += s.lasts; s.lasts == 0 {
				kept[n-1].lasts = 0
			}
			continue
		}
		kept = append(kept, s)
	}
	return kept
}

// steady forgets a Green and is the state that the signal has when nothing moves. The caller holds mu.
func (p *player) steady() []step {
	if p.signal == Green {
		p.signal = Off
	}
	return []step{{lit[p.signal] & p.has, 0}}
}

// show starts a plan and waits for its first step. It is called with mu held, and lets it go.
func (p *player) show(plan []step) error {
	signal := p.signal
	p.start(plan)
	generation := p.generation
	done := make(chan error, 1)
	p.waiting = append(p.waiting, done)
	p.mu.Unlock()

	limit := time.NewTimer(SetTimeout)
	defer limit.Stop()
	var err error
	select {
	case err = <-done:
	case <-limit.C:
		p.giveUp(generation)
		err = os.ErrDeadlineExceeded
	}
	if err != nil {
		return fmt.Errorf("set %s to %v: %w", p.name, signal, err)
	}
	return nil
}

// giveUp follows a signal that nobody waits for any more by a steady one.
func (p *player) giveUp(generation uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.generation == generation {
		p.start(p.steady())
	}
}

// start has a plan take the place of the one before. The caller holds mu.
func (p *player) start(plan []step) {
	p.generation++
	p.stop()
	p.want, p.rest = plan[0].on, plan[1:]
	if len(p.rest) > 0 {
		p.after(plan[0].lasts, p.next)
	}
	p.send()
}

// next goes on to the next step. The caller holds mu.
func (p *player) next() {
	now := p.rest[0]
	p.want, p.rest = now.on, p.rest[1:]
	if len(p.rest) > 0 {
		p.after(now.lasts, p.next)
	}
	p.send()
}

// after does something later, with mu held, unless another plan comes before. The caller holds mu.
func (p *player) after(d time.Duration, do func()) {
	generation := p.generation
	p.timer = time.AfterFunc(d, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.generation == generation {
			do()
		}
	})
}

func (p *player) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// send has the device told what it has to show. The caller holds mu.
func (p *player) send() {
	p.stale = true
	if !p.busy && !p.released {
		p.busy = true
		time.AfterFunc(0, p.work)
	}
}

// work talks to the device, on a goroutine of its own, until nothing is left to say.
func (p *player) work() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.stale && !p.released {
		p.stale = false
		on, waiting, generation := p.want, p.waiting, p.generation
		p.waiting = nil
		p.mu.Unlock()
		err := p.device.set(on)
		p.mu.Lock()
		if p.closed && !p.stale {
			p.released = true
			p.mu.Unlock()
			err = errors.Join(err, p.device.release())
			p.mu.Lock()
		}
		for _, w := range waiting {
			w <- err
		}
		if err != nil && !p.released && p.generation == generation {
			p.failed()
		}
	}
	p.busy = false
}

// failed tries again after a pause: nobody knows what the device shows, so nothing is left on that should not be. The caller holds mu.
func (p *player) failed() {
	p.generation++ // a step that is just due is dropped
	p.stop()
	p.want, p.rest = p.steady()[0].on, nil
	p.after(retryPause, p.send)
}
