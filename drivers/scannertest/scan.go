package scannertest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"time"

	"passerelle/drivers/frame"
)

// Sent counts what the kernel took. Frames is the number of frames that a driver with the same terminator gives for it: a
// doubled code is two, a cut one none. Faults counts the scans with each fault.
type Sent struct {
	Frames uint64
	Bytes  uint64
	Faults map[Fault]uint64
}

// Sent returns the counts so far. They are exact once Scan or Play has returned.
func (s *Scanner) Sent() Sent {
	s.state.Lock()
	defer s.state.Unlock()
	c := s.sent
	c.Faults = maps.Clone(c.Faults)
	return c
}

// Scan sends one code, with a fault where Options.Faults has it. It blocks until the kernel has taken every byte. When ctx ends
// or the scanner is unplugged in the middle, a part of the code is on the line; the error is that of ctx, or frame.ErrGone.
func (s *Scanner) Scan(ctx context.Context, payload []byte) error {
	s.scanning.Lock()
	defer s.scanning.Unlock()
	return s.scan(ctx, payload, s.opts.pick())
}

// ScanFault sends one code with the given fault. Noise, Cut, BitFlip and WakeUp need Options.Rand.
func (s *Scanner) ScanFault(ctx context.Context, payload []byte, f Fault) error {
	s.scanning.Lock()
	defer s.scanning.Unlock()
	return s.scan(ctx, payload, f)
}

// Play scans what next returns, perSecond scans a second, until next returns nil; perSecond 0 means without waiting. A scan that
// takes longer than its share delays the next one; none is left out. The errors are those of Scan.
func (s *Scanner) Play(ctx context.Context, perSecond float64, next func() []byte) error {
	var tick <-chan time.Time
	if perSecond > 0 {
		t := time.NewTicker(max(1, time.Duration(float64(time.Second)/perSecond)))
		defer t.Stop()
		tick = t.C
	}
	for payload := next(); payload != nil; payload = next() {
		if tick != nil {
			select {
			case <-tick:
			case <-ctx.Done():
				return fmt.Errorf("play scans: %w", context.Cause(ctx))
			}
		}
		if err := s.Scan(ctx, payload); err != nil {
			return err
		}
	}
	return nil
}

func (s *Scanner) scan(ctx context.Context, payload []byte, f Fault) error {
	if len(payload) == 0 || len(payload) > maxPayload {
		return fmt.Errorf("scan: a payload of %d bytes is not between 1 and %d", len(payload), maxPayload)
	}
	if f > lastFault || s.opts.Rand == nil && (f == Noise || f == Cut || f == BitFlip || f == WakeUp) {
		return fmt.Errorf("scan: %v is unknown or needs a source of random numbers", f)
	}
	for _, part := range s.plan(payload, f) {
		if err := s.write(ctx, part.bytes); err != nil {
			return fmt.Errorf("scan: %w", err)
		}
		if part.frame {
			s.count(func(c *Sent) { c.Frames++ })
		}
		if err := wait(ctx, part.silence); err != nil {
			return fmt.Errorf("scan: %w", err)
		}
	}
	if f != NoFault {
		s.count(func(c *Sent) { c.Faults[f]++ })
	}
	return nil
}

func (s *Scanner) count(do func(*Sent)) {
	s.state.Lock()
	defer s.state.Unlock()
	do(&s.sent)
}

// part is what goes out in one go; frame says that it ends a frame.
type part struct {
	bytes   []byte
	frame   bool
	silence time.Duration
}

// plan lays out one scan as it goes over the line.
func (s *Scanner) plan(payload []byte, f Fault) []part {
	start, end := s.frameOf()
	aim := []byte(s.opts.AIM)
	code := join(start, aim, payload, end)
	whole := func(b []byte) part {
		p := part{bytes: b, frame: true}
		if s.opts.Terminator == frame.IdleGap {
			p.silence = s.opts.Silence
		}
		return p
	}
	switch f {
	case Noise:
		return []part{whole(join(noise(s.opts.Rand), code))}
	case Cut:
		head := code[:len(code)-len(end)]
		return []part{{bytes: head[:1+s.opts.Rand.IntN(len(head))], silence: s.opts.Silence}}
	case Doubled:
		return []part{whole(code), whole(code)}
	case Glued:
		return []part{whole(join(start, aim, payload, aim, payload, end))}
	case WrongLayout:
		return []part{whole(join(start, typedOnAZERTY(join(aim, payload)), end))}
	case WakeUp:
		return []part{whole(join(make([]byte, 1+s.opts.Rand.IntN(8)), code))}
	case BitFlip:
		return []part{whole(join(start, aim, flip(s.opts.Rand, payload), end))}
	case PauseInside:
		middle := (len(code) + 1) / 2
		return []part{{bytes: code[:middle], silence: s.opts.Pause}, whole(code[middle:])}
	}
	return []part{whole(code)}
}

// frameOf returns what stands before and after a code on the line.
func (s *Scanner) frameOf() (start, end []byte) {
	switch s.opts.Terminator {
	case frame.CR:
		return nil, []byte("\r")
	case frame.LF:
		return nil, []byte("\n")
	case frame.CRLF:
		return nil, []byte("\r\n")
	case frame.TAB:
		return nil, []byte("\t")
	case frame.STXETX:
		return []byte("\x02"), []byte("\x03")
	}
	return nil, nil // frame.IdleGap
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// write puts b on the line, in chunks and at the speed of the scanner.
func (s *Scanner) write(ctx context.Context, b []byte) error {
	device, err := s.plugged()
	if err != nil {
		return err
	}
	chunk := s.opts.Chunk
	if chunk == 0 {
		chunk = len(b)
	}
	var tick <-chan time.Time
	if s.opts.BytesPerSecond > 0 {
		t := time.NewTicker(max(1, time.Duration(chunk)*time.Second/time.Duration(s.opts.BytesPerSecond)))
		defer t.Stop()
		tick = t.C
	}
	for len(b) > 0 {
		n := min(chunk, len(b))
		if tick != nil {
			select {
			case <-tick: // the time that these bytes take on the line
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		written := 0
		err := until(ctx, device.SetWriteDeadline, func() (err error) {
			written, err = device.Write(b[:n])
			return err
		})
		s.count(func(c *Sent) { c.Bytes += uint64(written) })
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
