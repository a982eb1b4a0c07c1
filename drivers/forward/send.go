package forward

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// idlePoll is how often a line is looked at while nothing is to be sent.
	idlePoll = 100 * time.Millisecond

	// busyPoll is how often one is looked at that holds a code.
	busyPoll = 5 * time.Millisecond

	// closeWait is how long Close lets a code that has begun leave whole.
	closeWait = 250 * time.Millisecond

	drainSize = 4096 // bytes of what the other program sends that are dropped in one go
)

var (
	errClosing = errors.New("closing")
	errStuck   = errors.New("the other program takes nothing")
	errEnded   = errors.New("the other program closed the connection")
)

// way makes lines to the other program. Only the sender uses it.
type way interface {
	// open tries once, and never waits for longer than 2 s or after ctx ended.
	open(ctx context.Context) (line, error)
	// pause is how long to wait after open failed or a line was lost.
	pause() time.Duration
	close()
}

// line is an open way to the other program. No method waits. It is one idea, a descriptor with its kind's answer to each question
// of the sender, and so has more than three methods.
type line interface {
	// watch gives the descriptor that wakes the sender when the line is lost, -1 for none, and the events of poll(2) that tell it.
	watch() unix.PollFd
	// look drops what the other program sent and reports whether that program is there. An error says that the line is over.
	look() (bool, error)
	// held gives the number of bytes that were written and that the kernel has not handed over.
	held() (int, error)
	// write hands bytes to the kernel: as many as it takes, and no more than can be taken back.
	write(b []byte) (int, error)
	// giveUp is for what is too old and was written, in part at least. Where the kernel still holds all that was written
	// (untouched), it throws that away. An error says that the line is to be closed instead.
	giveUp(untouched bool) error
	// close ends the line, with what the kernel holds where that is possible.
	close()
}

// sender is the state of the goroutine that sends.
type sender struct {
	drain [8]byte
	polls [2]unix.PollFd
	at    time.Time
	n     int // bytes of out; 0: nothing is under way
	off   int // bytes of out that were written
	part  int // bytes of out that were written last, in one go
	out   [maxEntry]byte
}

// send is the goroutine: it opens the line and serves it, again and again, until ctx ends.
func (f *Forward) send(ctx context.Context) {
	defer close(f.ended)
	for ctx.Err() == nil {
		l, err := f.way.open(ctx)
		if err == nil {
			err = f.serve(l)
			held, heldErr := l.held() // a program may read a code and leave before it was looked at again
			f.finish(f.sender.off == f.sender.n && held == 0 && heldErr == nil)
			l.close()
		}
		f.note(false, err)
		f.rest(ctx, f.way.pause())
	}
	f.way.close()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forgetAll()
	unix.Close(f.wake) // Scan and Verdict leave it alone once closed is set
}

// serve sends until the line is over.
func (f *Forward) serve(l line) error {
	left := closeWait
	for {
		there, err := l.look()
		if err != nil {
			return err
		}
		f.note(there, nil)
		closing := f.expire()
		if f.sender.n == 0 && there && !closing {
			f.take()
		}
		if f.sender.n > 0 {
			if err := f.push(l); err != nil {
				return err
			}
		}
		if closing && (f.sender.n == 0 || left <= 0) {
			return errClosing
		}
		switch {
		case closing:
			f.sleep(l, busyPoll)
			left -= busyPoll
		case f.sender.n > 0:
			f.sleep(l, busyPoll)
		case !there || f.waiting() == 0:
			f.sleep(l, idlePoll)
		}
	}
}

// push moves the entry under way on.
func (f *Forward) push(l line) error {
	s := &f.sender
	held, err := l.held()
	if err != nil {
		return err
	}
	if held == 0 && s.off < s.n {
		s.part, err = l.write(s.out[s.off:s.n])
		if err != nil {
			return err
		}
		s.off += s.part
		if held, err = l.held(); err != nil {
			return err
		}
	}
	untouched := s.off == s.part && held == s.off
	switch {
	case held == 0 && s.off == s.n:
		f.finish(true)
	case f.opts.Now().Sub(s.at) <= f.opts.MaxAge:
	case s.off == 0:
		f.finish(false)
	default:
		if err := l.giveUp(untouched); err != nil {
			return err
		}
		if held, err = l.held(); untouched && held == 0 {
			f.finish(false)
		}
		return err
	}
	return nil
}

// expire drops what waited too long, and reports whether we are closing.
func (f *Forward) expire() (closing bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.opts.Now()
	for f.count > 0 && now.Sub(f.ring[f.first].at) > f.opts.MaxAge {
		f.forgetOldest()
		f.status.Dropped++
	}
	return f.closed
}

// take puts the oldest entry under way.
func (f *Forward) take() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count == 0 {
		return
	}
	e, s := &f.ring[f.first], &f.sender
	s.at, s.n, s.off, s.part = e.at, copy(s.out[:], e.b[:e.n]), 0, 0
	f.forgetOldest()
}

// finish counts what is under way and overwrites it.
func (f *Forward) finish(sent bool) {
	s := &f.sender
	if s.n == 0 {
		return
	}
	clear(s.out[:s.n])
	s.n, s.off, s.part = 0, 0, 0
	f.mu.Lock()
	defer f.mu.Unlock()
	if sent {
		f.status.Sent++
	} else {
		f.status.Dropped++
	}
}

func (f *Forward) waiting() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

func (f *Forward) note(connected bool, problem error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !connected && problem == nil {
		problem = errUnread
	}
	f.status.Connected, f.status.Problem = connected, problem
}

// rest waits for d without a line.
func (f *Forward) rest(ctx context.Context, d time.Duration) {
	for ; d > 0 && ctx.Err() == nil; d -= idlePoll {
		f.expire()
		t := time.NewTimer(min(d, idlePoll))
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
	}
}

// sleep waits until there is something to do, for no longer than d.
func (f *Forward) sleep(l line, d time.Duration) {
	s := &f.sender
	s.polls = [2]unix.PollFd{{Fd: int32(f.wake), Events: unix.POLLIN}, l.watch()}
	unix.Poll(s.polls[:], int(d.Milliseconds())) // whatever it says, the line is looked at next
	if s.polls[0].Revents != 0 {
		unix.Read(f.wake, s.drain[:])
	}
}
