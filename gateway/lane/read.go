package lane

import (
	"context"
	"time"

	"passerelle/gateway/verify"
)

// read keeps the scanner open and fills buffers from it until the context ends. A scanner that is gone is opened at a pace: some
// fail as soon as they are open.
func (l *Lane) read(ctx context.Context) {
	var said string // why it cannot be opened, as it was logged last
	for ctx.Err() == nil {
		s, err := l.config.Open(ctx)
		if err == nil {
			said = ""
			l.display.linked <- true
			err = l.readFrames(ctx, s)
		}
		if ctx.Err() != nil {
			return
		}
		l.display.linked <- false
		if err.Error() != said {
			said = err.Error()
			l.gate.opts.Log.Warn("scanner", "lane", l.config.ID, "err", err)
		}
		l.awaitChange(ctx)
	}
}

// awaitChange waits until the scanner may be back.
func (l *Lane) awaitChange(ctx context.Context) {
	if l.config.Changed != nil {
		l.config.Changed(ctx)
		return
	}
	pause(ctx, reopenPause)
}

// readFrames reads until the scanner is gone or the context ends, and closes it.
func (l *Lane) readFrames(ctx context.Context, s Scanner) error {
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		s.Close()
	})
	defer func() {
		if stop() {
			s.Close()
			return
		}
		<-closed // the port is free for the next one when Run returns
	}()
	f := new(frame) // the reader's own: it goes on only against another one
	defer func() { clear(f.buf[:]) }()
	dropping := false
	for {
		n, err := s.ReadFrame(f.buf[:])
		if err != nil {
			return err
		}
		f.n, f.at = n, l.gate.opts.Wall()
		next := l.buffer()
		l.display.arrived <- waiting{read: f.at, answer: l.config.Reader != nil, dropped: next == nil}
		if next == nil {
			if !dropping {
				l.gate.opts.Log.Error("lane: the disk stands still; until it does not, codes are dropped and a person decides", "lane", l.config.ID)
			}
			dropping = true
			clear(f.buf[:f.n])
			continue
		}
		dropping = false
		if l.config.Forward != nil && n <= verify.MaxFrame && Mode(l.mode.Load()) != Rehearsal { // a code that was cut is another code
			l.config.Forward.Scan(f.buf[:f.n])
		}
		l.frames <- f
		f = next
	}
}

// heldBack is how long a code that was read waits for room, and so those behind it in the port, which count as read that much too late.
const heldBack = 50 * time.Millisecond

// buffer returns a free buffer, nil if none is free within heldBack: the disk stands still. The port is read even so. A code that waited
// there would not be known to be late, and would turn the lamp green when somebody else stands at the gate.
func (l *Lane) buffer() *frame {
	select {
	case f := <-l.free:
		return f
	default:
	}
	t := time.NewTimer(heldBack)
	defer t.Stop()
	select {
	case f := <-l.free:
		return f
	case <-t.C:
		return nil
	}
}

// pause waits, at most until the context ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
