package serial

import (
	"fmt"
	"time"

	"go.bug.st/serial"

	"passerelle/drivers/frame"
)

// Defaults of Options.
const (
	DefaultBaud         = 9600
	DefaultDataBits     = 8
	DefaultStopBits     = 1
	DefaultWriteTimeout = 250 * time.Millisecond
)

// Limits of Options. A scanner that waits for its host's answer gets it within 1.5 s, so no command may take longer.
const (
	MinBaud         = 300
	MaxBaud         = 4_000_000
	MaxWriteTimeout = 1 * time.Second
)

// Options says where a scanner is and how it speaks. Zero fields take the defaults; Path has none.
type Options struct {
	Path       string // by position (/dev/serial/by-path/…), so that two equal scanners are never mixed up
	Baud       int    // bits per second; means nothing on USB-CDC
	DataBits   int    // 7 or 8; binary codes need 8
	Parity     Parity
	StopBits   int // 1 or 2
	Terminator frame.Terminator

	// Gap is the silence that ends a frame (frame.IdleGap) or throws an unfinished one away; see frame.Config. It is measured
	// in steps of at most 50 ms.
	Gap time.Duration

	// UndoUTF8 is for a scanner that sends binary bytes as UTF-8 characters; see frame.UndoUTF8.
	UndoUTF8 bool

	WriteTimeout time.Duration // for Write; WriteTimeout takes its own
}

// Parity is the parity bit of a serial line. The zero value is NoParity.
type Parity uint8

const (
	NoParity Parity = iota
	OddParity
	EvenParity
)

func (p Parity) String() string {
	switch p {
	case NoParity:
		return "none"
	case OddParity:
		return "odd"
	case EvenParity:
		return "even"
	}
	return fmt.Sprintf("Parity(%d)", uint8(p))
}

// UnmarshalText reads the names that String gives.
func (p *Parity) UnmarshalText(text []byte) error {
	for k := NoParity; k <= EvenParity; k++ {
		if k.String() == string(text) {
			*p = k
			return nil
		}
	}
	return fmt.Errorf("unknown parity %q: want none, odd or even", text)
}

// complete fills in defaults and refuses what no port can do.
func (o Options) complete() (Options, error) {
	o.Baud = orDefault(o.Baud, DefaultBaud)
	o.DataBits = orDefault(o.DataBits, DefaultDataBits)
	o.StopBits = orDefault(o.StopBits, DefaultStopBits)
	o.WriteTimeout = orDefault(o.WriteTimeout, DefaultWriteTimeout)
	switch {
	case o.Path == "":
		return Options{}, fmt.Errorf("no path")
	case o.Baud < MinBaud || o.Baud > MaxBaud:
		return Options{}, fmt.Errorf("baud rate %d is not between %d and %d", o.Baud, MinBaud, MaxBaud)
	case o.DataBits != 7 && o.DataBits != 8:
		return Options{}, fmt.Errorf("%d data bits: want 7 or 8", o.DataBits)
	case o.Parity > EvenParity:
		return Options{}, fmt.Errorf("unknown parity %d", o.Parity)
	case o.StopBits != 1 && o.StopBits != 2:
		return Options{}, fmt.Errorf("%d stop bits: want 1 or 2", o.StopBits)
	case o.WriteTimeout < 0 || o.WriteTimeout > MaxWriteTimeout:
		return Options{}, fmt.Errorf("write timeout %v is not between 0 and %v", o.WriteTimeout, MaxWriteTimeout)
	}
	return o, nil
}

func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

// mode gives the options in the library's words.
func (o Options) mode() *serial.Mode {
	m := &serial.Mode{BaudRate: o.Baud, DataBits: o.DataBits, Parity: serial.NoParity, StopBits: serial.OneStopBit}
	switch o.Parity {
	case OddParity:
		m.Parity = serial.OddParity
	case EvenParity:
		m.Parity = serial.EvenParity
	}
	if o.StopBits == 2 {
		m.StopBits = serial.TwoStopBits
	}
	return m
}
