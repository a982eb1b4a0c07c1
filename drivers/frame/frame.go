package frame

import (
	"errors"
	"fmt"
	"time"
)

// MaxFrame is the length in bytes of the longest frame that a Splitter gives whole. The largest QR code holds 7089 digits
// (ISO/IEC 18004, version 40-L); an AIM identifier and a maker's prefix come on top.
const MaxFrame = 8192

// DefaultGap is how long a scanner may be silent inside a code before the unfinished code is thrown away. A scanner sends a
// code in one go; a person needs longer than this to show the next one.
const DefaultGap = 500 * time.Millisecond

// DefaultIdleGap is the silence that ends a frame under [IdleGap]: longer than the 16 ms that a USB converter may hold bytes
// back, shorter than a person can show two codes.
const DefaultIdleGap = 100 * time.Millisecond

// MaxGap bounds a configured gap: a longer one would hold a code back for longer than a lane may take for its verdict.
const MaxGap = 5 * time.Second

var (
	// ErrGone says that the device was unplugged or failed. It may come back under the same path: open it again.
	ErrGone = errors.New("device is gone")

	// ErrClosed says that our own side closed the device.
	ErrClosed = errors.New("device is closed")
)

// Terminator says how a scanner marks the end of a code. The zero value is [CR], what most scanners send.
type Terminator uint8

const (
	CR      Terminator = iota // carriage return; a line feed after it is skipped as padding
	LF                        // line feed
	CRLF                      // carriage return and line feed in either order; one alone is content
	TAB                       // horizontal tab
	STXETX                    // STX, content, ETX: what stands outside is noise, CR and LF inside are content (document readers)
	IdleGap                   // silence; only for scanners that can send no terminator: a pause inside a code cuts it
	MRZ                       // the lines of a machine-readable zone are one frame, with LF between them; all else ends with CR or LF
)

const (
	nul = 0x00
	soh = 0x01
	stx = 0x02
	etx = 0x03
)

func (t Terminator) String() string {
	switch t {
	case CR:
		return "cr"
	case LF:
		return "lf"
	case CRLF:
		return "crlf"
	case TAB:
		return "tab"
	case STXETX:
		return "stx-etx"
	case IdleGap:
		return "idle"
	case MRZ:
		return "mrz"
	}
	return fmt.Sprintf("Terminator(%d)", uint8(t))
}

// UnmarshalText reads the names that String gives.
func (t *Terminator) UnmarshalText(text []byte) error {
	for k := CR; k <= MRZ; k++ {
		if k.String() == string(text) {
			*t = k
			return nil
		}
	}
	return fmt.Errorf("unknown terminator %q: want cr, lf, crlf, tab, stx-etx, idle or mrz", text)
}

// Config says how one scanner frames its codes.
type Config struct {
	Terminator Terminator

	// Gap is the silence that ends a frame under IdleGap, and that throws an unfinished frame away under every other
	// terminator. Zero means DefaultIdleGap or DefaultGap.
	Gap time.Duration

	// KeepNUL leaves NUL bytes in front of a frame. Set it for a line with parity: there the kernel gives a byte that came
	// damaged as NUL, and skipping it would make a shorter code out of a damaged one.
	KeepNUL bool
}

// Splitter cuts a byte stream into frames. It holds at most one frame. The zero Splitter is not ready: use NewSplitter.
// It is not safe for concurrent use.
type Splitter struct {
	cfg       Config
	n         int // bytes of the unfinished frame; stays at len(buf)+1 once past it
	prev      byte
	inside    bool // between STX and ETX
	zone      zone
	silent    time.Duration
	discarded uint64
	buf       [MaxFrame + 1]byte
}

// NewSplitter returns a Splitter that waits for the start of a frame.
func NewSplitter(c Config) (*Splitter, error) {
	if c.Terminator > MRZ {
		return nil, fmt.Errorf("unknown terminator %d", c.Terminator)
	}
	if c.Gap < 0 || c.Gap > MaxGap {
		return nil, fmt.Errorf("gap %v is not between 0 and %v", c.Gap, MaxGap)
	}
	if c.Gap == 0 {
		c.Gap = DefaultGap
		if c.Terminator == IdleGap {
			c.Gap = DefaultIdleGap
		}
	}
	return &Splitter{cfg: c}, nil
}

// Next takes bytes from b up to the end of the first frame and returns that frame and the bytes of b that it did not take.
// Without a whole frame in b it takes all of b and returns nil, nil. Call it with rest until rest is empty.
//
// A frame is 1 to MaxFrame bytes; MaxFrame+1 bytes stand for a longer one whose rest was dropped. It points into the
// Splitter and is valid, and may be changed, until the next call.
func (s *Splitter) Next(b []byte) (frame, rest []byte) {
	if len(b) > 0 {
		s.silent = 0
	}
	for i, c := range b {
		if s.take(c) {
			return s.finish(), b[i+1:]
		}
	}
	return nil, nil
}

// Idle tells that nothing came for another d. It returns the frame that this silence ends under IdleGap, as Next does;
// under every other terminator it returns nil, and an unfinished frame is thrown away once the silence has lasted for the
// configured gap.
func (s *Splitter) Idle(d time.Duration) (frame []byte) {
	if s.n == 0 && !s.inside && s.zone.place == outside || d <= 0 {
		return nil
	}
	s.silent += min(d, MaxGap)
	if s.silent < s.cfg.Gap {
		return nil
	}
	s.silent = 0
	if s.cfg.Terminator == IdleGap {
		return s.finish()
	}
	s.discard()
	return nil
}

// Reset throws an unfinished frame away and overwrites all bytes that the Splitter held.
func (s *Splitter) Reset() {
	s.discard()
	s.silent = 0
	clear(s.buf[:])
}

// Discarded counts the unfinished frames that were thrown away since the Splitter was made: scans that were cut.
func (s *Splitter) Discarded() uint64 { return s.discarded }

// take adds one byte and reports whether it ends a frame that is not empty.
func (s *Splitter) take(c byte) bool {
	switch s.cfg.Terminator {
	case STXETX:
		return s.takeFramed(c)
	case MRZ:
		return s.takeMRZ(c)
	case CR:
		if c == '\r' {
			return s.n > 0
		}
	case LF:
		if c == '\n' {
			return s.n > 0
		}
	case TAB:
		if c == '\t' {
			return s.n > 0
		}
	case CRLF:
		if s.n > 0 && (s.prev == '\r' && c == '\n' || s.prev == '\n' && c == '\r') {
			s.n--
			return true
		}
	}
	if s.n == 0 && s.padding(c) {
		return false
	}
	s.put(c)
	return false
}

// takeFramed is take between STX and ETX. A second STX means that the ETX of the frame before was lost: only the new one counts.
func (s *Splitter) takeFramed(c byte) bool {
	switch {
	case c == stx:
		s.discard()
		s.inside = true
	case !s.inside:
	case c == etx:
		s.inside = false
		return s.n > 0
	default:
		s.put(c)
	}
	return false
}

// padding reports whether c is skipped in front of a frame. No code that is read here starts with NUL, CR or LF.
func (s *Splitter) padding(c byte) bool {
	switch c {
	case nul:
		return !s.cfg.KeepNUL
	case '\r', '\n':
		return s.cfg.Terminator != IdleGap
	}
	return false
}

func (s *Splitter) put(c byte) {
	if s.n < len(s.buf) {
		s.buf[s.n] = c
	}
	if s.n <= len(s.buf) {
		s.n++
	}
	s.prev = c
}

func (s *Splitter) finish() []byte {
	frame := s.buf[:min(s.n, len(s.buf))]
	s.n, s.zone.lines, s.zone.start = 0, 0, 0
	return frame
}

func (s *Splitter) discard() {
	if s.n > 0 {
		s.discarded++
	}
	s.n, s.inside, s.zone = 0, false, zone{}
}

// UndoUTF8 takes back, in place, what a scanner does that sends each byte of a binary code as the UTF-8 form of the character
// with that number: when all of b is UTF-8 and every character is below U+0100 it returns the bytes with those numbers, in the
// front of b. Anything else is returned unchanged. It undoes one expansion: text that was expanded twice stays expanded once.
//
// Text that is really Latin in UTF-8 looks the same, so this is for a scanner that is known to do it, never a guess.
func UndoUTF8(b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] < 0x80 {
			continue
		}
		// U+0080 to U+00FF are two bytes, C2 or C3 and one of 80 to BF (RFC 3629, section 4).
		if b[i] != 0xC2 && b[i] != 0xC3 || i+1 == len(b) || b[i+1]&0xC0 != 0x80 {
			return b
		}
		i++
	}
	n := 0
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c >= 0x80 {
			i++
			c = c<<6 | b[i]&0x3F
		}
		b[n] = c
		n++
	}
	return b[:n]
}
