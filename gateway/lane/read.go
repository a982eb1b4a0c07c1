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
	l.backlog.resume(l.gate.opts.Wall())
	dropped := l.counterOf(s)
	defer dropped.look()
	for {
		f, err := l.buffer(ctx)
		if err != nil {
			return err
		}
		begun := l.gate.opts.Wall()
		n, err := s.ReadFrame(f.buf[:])
		if err != nil {
			clear(f.buf[:])
			l.free <- f
			return err
		}
		f.n, f.read = n, l.gate.opts.Wall()
		f.at = l.backlog.since(begun, f.read)
		dropped.look()
		if l.config.Forward != nil && n <= verify.MaxFrame && Mode(l.mode.Load()) != Rehearsal { // a code that was cut is another code
			l.config.Forward.Scan(f.buf[:f.n])
		}
		l.display.arrived <- waiting{read: f.at, answer: l.config.Reader != nil}
		l.frames <- f
	}
}

// buffer waits for a buffer that is free.
func (l *Lane) buffer(ctx context.Context) (*frame, error) {
	all := len(l.free) == 0
	if all {
		l.backlog.begin(l.gate.opts.Wall())
	}
	select {
	case f := <-l.free:
		if all {
			l.backlog.resume(l.gate.opts.Wall())
		}
		return f, nil
	case <-ctx.Done():
		return nil, ctx.Err()
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
