package lamp

import (
	"fmt"
	"time"
)

// Limits of the relay's pulse.
const (
	DefaultPulse = 500 * time.Millisecond
	MinPulse     = 50 * time.Millisecond
	MaxPulse     = 10 * time.Second
)

// GPIOConfig says which lines of a GPIO chip drive what. An output without a line is not there; the zero value drives nothing.
type GPIOConfig struct {
	Chip   string // path in /dev, or the label that gpiodetect shows, such as "pinctrl-rp1"
	Red    Line
	Amber  Line
	Green  Line
	Buzzer Line          // sounds by itself while it is on
	Relay  Line          // lets one person in
	Pulse  time.Duration // how long Relay is on after each Green; 0 means DefaultPulse
}

// GPIO is lamps, a buzzer and a relay on lines of one GPIO chip. All of them change in one step. It is safe for concurrent use.
type GPIO struct{ p *player }

// NewGPIO takes the lines; all outputs are off from then on. The error is ErrBusy, frame.ErrGone, an fs error, or says what is wrong
// with the configuration; one that drives nothing is refused.
func NewGPIO(c GPIOConfig) (*GPIO, error) {
	return newGPIO(c, func(chip string, r request) (handle, error) { return requestLines(chip, r) })
}

// Safe turns off every output of a configuration and lets the lines go. Whoever starts the program calls it before, and after each
// end: whether a line keeps its level when the program is killed depends on the chip's driver (deploy/WIRING.md). It fails with ErrBusy
// while a process holds one of the lines.
func Safe(c GPIOConfig) error {
	if err := c.check(); err != nil {
		return fmt.Errorf("make %s safe: %w", c.name(), err)
	}
	if c.empty() {
		return nil
	}
	held, err := requestLines(c.Chip, c.request())
	if err != nil {
		return fmt.Errorf("make %s safe: %w", c.name(), err)
	}
	if err := held.close(); err != nil { // they are off since they were taken
		return fmt.Errorf("make %s safe: %w", c.name(), err)
	}
	return nil
}

// handle is lines that this process holds; bit i of what is set is line i of the request.
type handle interface {
	set(bits uint64) error
	close() error
}

func newGPIO(c GPIOConfig, take func(chip string, r request) (handle, error)) (*GPIO, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("open %s: %w", c.name(), err)
	}
	if c.empty() {
		return nil, fmt.Errorf("open %s: it drives nothing", c.name())
	}
	held, err := take(c.Chip, c.request())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", c.name(), err)
	}
	device := &bank{held: held}
	var has outputs
	for _, o := range c.outputs() {
		if !o.line.none() {
			device.order = append(device.order, o.is)
			has |= o.is
		}
	}
	return &GPIO{newPlayer(c.name(), device, has, pulseOf(c.Pulse))}, nil
}

// Set shows a signal. Green turns the relay on for one pulse, which any other signal ends.
func (g *GPIO) Set(s Signal) error { return g.p.set(s) }

// Close turns everything off and lets the lines go.
func (g *GPIO) Close() error { return g.p.close() }

// bank is the switches of lines; order says which output each line of the request is.
type bank struct {
	held  handle
	order []outputs
}

func (b *bank) set(on outputs) error {
	var bits uint64
	for i, o := range b.order {
		if on&o != 0 {
			bits |= 1 << i
		}
	}
	return b.held.set(bits)
}

func (b *bank) release() error { return b.held.close() }

// output is a line and what it drives.
type output struct {
	is   outputs
	name string
	line Line
}

func (c *GPIOConfig) outputs() [5]output {
	return [5]output{
		{red, "red", c.Red},
		{amber, "amber", c.Amber},
		{green, "green", c.Green},
		{buzzer, "buzzer", c.Buzzer},
		{relay, "relay", c.Relay},
	}
}

// check refuses a line that drives two things, and a pulse out of bounds.
func (c *GPIOConfig) check() error {
	names := make(map[int]string)
	for _, o := range c.outputs() {
		if o.line.none() {
			continue
		}
		if other := names[o.line.number]; other != "" {
			return fmt.Errorf("line %d is both %s and %s", o.line.offset(), other, o.name)
		}
		names[o.line.number] = o.name
	}
	return checkPulse(c.Pulse)
}

func (c *GPIOConfig) empty() bool { return len(c.request().lines) == 0 }

func (c *GPIOConfig) name() string { return "GPIO lamp " + c.Chip }

func (c *GPIOConfig) request() request {
	r := request{flags: flagOutput}
	for _, o := range c.outputs() {
		if !o.line.none() {
			r.lines = append(r.lines, o.line)
		}
	}
	return r
}

func checkPulse(d time.Duration) error {
	if d != 0 && (d < MinPulse || d > MaxPulse) {
		return fmt.Errorf("pulse of %v is not within %v and %v", d, MinPulse, MaxPulse)
	}
	return nil
}

func pulseOf(d time.Duration) time.Duration {
	if d == 0 {
		return DefaultPulse
	}
	return d
}
