package scannertest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Fault is what a scanner, its cable or its settings do to one scan. Each says what a driver makes of it.
type Fault uint8

const (
	NoFault     Fault = iota
	Noise             // random bytes before the code: part of the frame, unless the code stands between STX and ETX
	Cut               // the start of a code without its end, then Options.Silence: no frame, and the next one is whole
	Doubled           // the code twice: two equal frames
	Glued             // the code twice with nothing between: one frame
	WrongLayout       // typed for an AZERTY keyboard, read as US: a frame with other characters
	WakeUp            // NUL bytes before the code: the frame is as without them
	BitFlip           // one bit of the payload flipped: a frame of the same length
	PauseInside       // Options.Pause in the middle of the code: the frame is whole while the pause is shorter than the driver's gap
	lastFault   = PauseInside
)

func (f Fault) String() string {
	names := [...]string{"none", "noise", "cut", "doubled", "glued", "wrong layout", "wake-up", "bit flip", "pause inside"}
	if int(f) < len(names) {
		return names[f]
	}
	return fmt.Sprintf("Fault(%d)", uint8(f))
}

// FaultShare says how many scans in a thousand have one fault.
type FaultShare struct {
	Fault       Fault
	PerThousand int
}

// pick chooses the fault of the next scan.
func (o Options) pick() Fault {
	if len(o.Faults) == 0 {
		return NoFault
	}
	n := o.Rand.IntN(mille)
	for _, f := range o.Faults {
		if n -= f.PerThousand; n < 0 {
			return f.Fault
		}
	}
	return NoFault
}

// Marks that end or start a frame under one terminator or another: no fault makes one where there was none.
const marks = "\x00\x02\x03\t\n\r"

func noise(r *rand.Rand) []byte {
	b := make([]byte, 1+r.IntN(16))
	for i := range b {
		for b[i] = byte(r.UintN(256)); strings.IndexByte(marks, b[i]) >= 0; {
			b[i] = byte(r.UintN(256))
		}
	}
	return b
}

// flip returns the payload with one bit changed.
func flip(r *rand.Rand, payload []byte) []byte {
	b := bytes.Clone(payload)
	i := r.IntN(len(b))
	for {
		if c := b[i] ^ 1<<r.UintN(8); strings.IndexByte(marks, c) < 0 {
			b[i] = c
			return b
		}
	}
}

// The characters of a French AZERTY keyboard that codes have, and below each the one that the same key gives on a US keyboard.
// AltGr is lost: a US keyboard has none.
const (
	azerty = "azqwmAZQWM" + `&"'(-_)` + "1234567890" + "^$*,;:!" + "%?./" + "~#{[|`\\@]}"
	qwerty = "qwaz;QWAZ:" + `134568-` + "!@#$%^&*()" + "[]\\m,./" + "\"M<>" + "2345678" + "0-="
)

// typedOnAZERTY returns what a host with a US layout reads from a scanner that types for an AZERTY host. Characters that are on
// the same key of both, or on none, stay.
func typedOnAZERTY(payload []byte) []byte {
	out := bytes.Clone(payload)
	for i, c := range payload {
		if key := strings.IndexByte(azerty, c); key >= 0 {
			out[i] = qwerty[key]
		}
	}
	return out
}
