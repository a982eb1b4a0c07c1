package lamp

import (
	"fmt"
	"sync"
	"time"

	"passerelle/drivers/frame"
)

// Port takes commands to a scanner within a time limit; a serial.Scanner is one. It returns an error when d has passed, and
// then nothing of b goes out later.
type Port interface {
	WriteTimeout(b []byte, d time.Duration) (int, error)
}

// Beeper is the beeper and LED of the scanner itself. It stands for a lamp where there is none, and answers a scanner that
// waits for its host. The scanner's own sound for a good read must be off, or people take "read" for "admitted".
type Beeper struct {
	mu     sync.Mutex
	port   Port
	model  Model
	closed bool
}

// NewBeeper returns a Beeper that sends nothing yet.
func NewBeeper(p Port, m Model) (*Beeper, error) {
	if !m.known() {
		return nil, fmt.Errorf("unknown beeper %q: want one of %q", m, Models())
	}
	return &Beeper{port: p, model: m}, nil
}

// Set sends the command for a signal, if the model has one. The errors are those of the port.
func (b *Beeper) Set(s Signal) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return fmt.Errorf("set beeper: %w", frame.ErrClosed)
	}
	if s > Fault {
		if err := b.send(Off); err != nil {
			return err
		}
		return fmt.Errorf("set beeper: unknown signal %d", uint8(s))
	}
	return b.send(s)
}

// Close turns off what is on. It does not close the port, which is the scanner's.
func (b *Beeper) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	return b.send(Off)
}

func (b *Beeper) send(s Signal) error {
	command := b.model.command(s)
	if command == "" {
		return nil
	}
	if _, err := b.port.WriteTimeout([]byte(command), SetTimeout); err != nil {
		return fmt.Errorf("set beeper to %v: %w", s, err)
	}
	return nil
}
