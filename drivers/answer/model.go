package answer

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Model names a reader that waits for its host.
type Model string

const (
	// AccessIS is LSR116 and LSR118 in host mode (AISOMD): the reader waits up to two seconds for accept, reject or ignore, and
	// lights its "good read" or "bad read" lamps (LSR116 Product Manual, revision 4.6, section 4.1.2, page 11; the values, table
	// 6, page 22; the form of a command, section 5, page 17: ! leaves nothing in its memory; the name, LSR118 Manual, revision
	// 1.2, section 4.3.1, page 18). Ignore needs firmware 1.0.21.
	AccessIS Model = "access-is"

	// Honeywell is Xenon and Granit with Host ACK on, over RS-232 or USB serial: no sound or light until one of these commands
	// comes, an error tone after 10 s (Xenon/Granit User Guide, "Host ACK", page 111; good and error tone are its example). It
	// has no command to show nothing: Ignore is its medium beep.
	Honeywell Model = "honeywell"

	// Opticon is a scanner with ACK/NAK handshaking: ACK gives its good-read sound, DC1 none, and after 1 s without an answer
	// comes its error sound (Universal Menu Book, page U12; L-46X User's Manual, page 49). NAK makes it send the code again, and
	// is not used. "ACK/NAK no response" must not be set: there silence gives the good-read sound.
	Opticon Model = "opticon"
)

const (
	esc = "\x1b"
	ack = "\x06"
	dc1 = "\x11"
	syn = "\x16"
)

// readers is never written to. The answers stand in the order of Answer.
var readers = map[Model]struct {
	window  time.Duration
	answers [Good + 1]string
}{
	AccessIS:  {2 * time.Second, [...]string{Bad: syn + "M\rAISXXR1!", Ignore: syn + "M\rAISXXR2!", Good: syn + "M\rAISXXR0!"}},
	Honeywell: {10 * time.Second, [...]string{Bad: esc + "8," + esc + "8,", Ignore: esc + "5,", Good: esc + "7,"}},
	Opticon:   {1 * time.Second, [...]string{Bad: dc1, Ignore: dc1, Good: ack}},
}

// Models lists the known models.
func Models() []Model { return slices.Sorted(maps.Keys(readers)) }

// UnmarshalText reads the name of a known model.
func (m *Model) UnmarshalText(text []byte) error {
	if _, ok := readers[Model(text)]; !ok {
		return fmt.Errorf("unknown reader %q: want one of %q", text, Models())
	}
	*m = Model(text)
	return nil
}

// Window is how long the reader waits for an answer, as its manual says; 0 for an unknown model.
func (m Model) Window() time.Duration { return readers[m].window }

// Limit is how long after it was read a scan may be answered with Good, by a port that may bring that in later by delay.
func (m Model) Limit(delay time.Duration) time.Duration { return m.Window() - Margin - delay }

func (m Model) bytes(a Answer) string { return readers[m].answers[a] }
