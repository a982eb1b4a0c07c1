package lane

import (
	"context"
	"time"
)

// read keeps the scanner open and fills buffers from it until the context ends.
func (l *Lane) read(ctx context.Context) {
	for ctx.Err() == nil {
		s, err := l.config.Open(ctx)
		if err != nil {
			l.display.linked <- false
			pause(ctx, reopenPause)
			continue
		}
		l.display.linked <- true
		l.readFrames(ctx, s)
	}
}

// readFrames reads until the scanner is gone or the context ends, and closes it.
func (l *Lane) readFrames(ctx context.Context, s Scanner) {
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer func() {
		if stop() {
			s.Close()
		}
	}()
	for {
		var f *frame
		select {
		case f = <-l.free:
		case <-ctx.Done():
			return
		}
		n, err := s.ReadFrame(f.buf[:])
		if err != nil {
			clear(f.buf[:])
			l.free <- f
			return
		}
		f.n, f.at = n, l.gate.opts.Wall()
		l.display.arrived <- f.at
		l.frames <- f
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
