package lamp

import (
	"fmt"
	"slices"
)

// TowerModel names the commands of a signal tower on a serial port.
type TowerModel string

// Adafruit is the USB tower light with buzzer of Adafruit, product 5125: 9600 baud, one byte a command (the maker's example program on the
// product's page, adafruit.com/product/5125). Nothing in it ends by itself.
const Adafruit TowerModel = "adafruit"

// TowerModels lists the known models.
func TowerModels() []TowerModel { return []TowerModel{Adafruit} }

// UnmarshalText reads the name of a known model.
func (m *TowerModel) UnmarshalText(text []byte) error {
	if !TowerModel(text).known() {
		return fmt.Errorf("unknown signal tower %q: want one of %q", text, TowerModels())
	}
	*m = TowerModel(text)
	return nil
}

func (m TowerModel) known() bool { return slices.Contains(TowerModels(), m) }

// Tower is a signal tower on a serial port. It keeps what it was told last when the program dies or the cable is pulled: see Restore. It is
// safe for concurrent use.
type Tower struct{ p *player }

// NewTower returns a Tower that sends nothing yet: until the first Set or Restore nobody knows what it shows.
func NewTower(p Port, m TowerModel) (*Tower, error) {
	if !m.known() {
		return nil, fmt.Errorf("unknown signal tower %q: want one of %q", m, TowerModels())
	}
	return &Tower{newPlayer("signal tower", tower{p}, red|amber|green|buzzer, DefaultPulse)}, nil
}

// Set shows a signal. The errors are those of the port.
func (t *Tower) Set(s Signal) error { return t.p.set(s) }

// Restore sends what the tower has to show, whole, but never Green: whom that was for may be gone. It is for a port that was opened, for
// the first time or again.
func (t *Tower) Restore() error { return t.p.restore() }

// Close turns everything off, also on a tower that was never set. It does not close the port.
func (t *Tower) Close() error { return t.p.close() }

// Elements of a command to Adafruit's tower, and what is done with them.
const (
	towerRed    = 0x01
	towerYellow = 0x02
	towerGreen  = 0x04
	towerBuzzer = 0x08

	towerOn  = 0x10
	towerOff = 0x20
)

// tower is the switches of a Tower.
type tower struct{ port Port }

func (t tower) set(on outputs) error {
	elements := [...]struct {
		is      outputs
		command byte
	}{{buzzer, towerBuzzer}, {green, towerGreen}, {amber, towerYellow}, {red, towerRed}}
	commands := make([]byte, 0, len(elements))
	for _, e := range elements {
		if on&e.is == 0 {
			commands = append(commands, towerOff|e.command)
		}
	}
	for _, e := range elements { // last, so that green and red are never lit together
		if on&e.is != 0 {
			commands = append(commands, towerOn|e.command)
		}
	}
	_, err := t.port.WriteTimeout(commands, SetTimeout)
	return err
}

func (tower) release() error { return nil }
