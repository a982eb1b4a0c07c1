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
	var behind time.Time // since when codes may have waited in the port; zero if it was empty
	for {
		if len(l.free) == 0 && behind.IsZero() {
			behind = l.gate.opts.Wall()
		}
		var f *frame
		select {
		case f = <-l.free:
		case <-ctx.Done():
			return ctx.Err()
		}
		begun := l.gate.opts.Wall()
		n, err := s.ReadFrame(f.buf[:])
		if err != nil {
			clear(f.buf[:])
			l.free <- f
			return err
		}
		f.n, f.at = n, l.gate.opts.Wall()
		switch {
		case f.at.Sub(begun) >= silence:
			behind = time.Time{}
		case !behind.IsZero():
			f.at, behind = behind, behind.Add(1) // each has a time of its own
		}
		if l.config.Forward != nil && n <= verify.MaxFrame && Mode(l.mode.Load()) != Rehearsal { // a code that was cut is another code
			l.config.Forward.Scan(f.buf[:f.n])
		}
		l.display.arrived <- waiting{read: f.at, answer: l.config.Reader != nil}
		l.frames <- f
	}
}

// silence is how long nothing is read until the port was empty for certain: longer than any reading of what is there, which may end by a gap
// of its own. While all buffers are out, the disk stands still, codes wait in the port. They count as read when the port was left alone, so
// that they are known to be late, and none turns the lamp green when somebody else stands at the gate.
const silence = time.Second

// pause waits, at most until the context ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
