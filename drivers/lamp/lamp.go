package lamp

import (
	"fmt"
	"time"
)

// SetTimeout is the longest that any Set or Close takes. A scanner that waits for its host's answer gets it within 1.5 s.
const SetTimeout = 250 * time.Millisecond

// Signal is what a lane shows. The zero value is Off.
type Signal uint8

const (
	Off   Signal = iota // nothing to show: the safe state
	Red                 // refused
	Amber               // a person decides, or wait
	Green               // admitted
	Fault               // the lane itself needs help: device gone, no verdict in time, store unavailable
)

func (s Signal) String() string {
	switch s {
	case Off:
		return "off"
	case Red:
		return "red"
	case Amber:
		return "amber"
	case Green:
		return "green"
	case Fault:
		return "fault"
	}
	return fmt.Sprintf("Signal(%d)", uint8(s))
}

// Lamp shows one signal until the next. Each Set is an event: the same signal again blinks or beeps again where the device can.
// An unknown signal gives the safe state and an error. Close gives the safe state; a Set after it is frame.ErrClosed.
type Lamp interface {
	Set(Signal) error
	Close() error
}

// None is the lamp of a lane that has none.
type None struct{}

// Set does nothing.
func (None) Set(Signal) error { return nil }

// Close does nothing.
func (None) Close() error { return nil }
