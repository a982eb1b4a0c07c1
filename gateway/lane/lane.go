package lane

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"passerelle/gateway/journal"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
)

// buffers of a lane. All that a lane can have waiting is in them.
const buffers = 16

// frame is one buffer with a code in it. Whoever received it owns it until it is sent on.
type frame struct {
	buf   [verify.MaxFrame + 1]byte // one more, so that a code that is too large is seen to be
	n     int
	read  time.Time // when its last byte was read
	at    time.Time // when it was there, or before: see backlog
	hash  uint64    // set by decide, as is
	first uint64    // hash of the document that this one was joined with
}

// Lane is one lane of a Gate.
type Lane struct {
	config  Config
	gate    *Gate
	free    chan *frame
	frames  chan *frame
	display *display
	backlog backlog // owned by read

	mu      sync.Mutex
	closed  bool // guarded by mu; frames is closed
	session atomic.Pointer[policy.Session]
	mode    atomic.Uint32 // a Mode
	passage *passage      // nil: whoever is let in has passed

	// Owned by decide.
	verifier   *verify.Verifier
	recent     recent
	batch      []*frame
	doubles    []double
	scans      []verify.Scan
	candidates []policy.Candidate
	glances    []*glance
	ticket     ticket
	held       held        // the first of two documents
	patience   *time.Timer // runs while one is held
	during     *policy.Session
	under      *trust.Snapshot
}

// double is a sight of a code that another frame of the batch holds.
type double struct {
	of       *frame
	read, at time.Time // as a frame's
}

func newLane(g *Gate, c Config) *Lane {
	l := &Lane{
		config: c, gate: g,
		free:     make(chan *frame, buffers),
		frames:   make(chan *frame, buffers),
		display:  newDisplay(g, c),
		verifier: verify.New(c.Profile, g.opts.Fast),
		recent:   recent{seed: maphash.MakeSeed(), within: c.Repeat},
		batch:    make([]*frame, 0, buffers),
		doubles:  make([]double, 0, buffers),
		scans:    make([]verify.Scan, 0, buffers),
		patience: stoppedTimer(),
		ticket:   ticket{pending: make([]journal.Pending, 0, buffers), done: make(chan struct{}, 1)},
	}
	for range buffers {
		l.free <- new(frame)
	}
	if c.Passing > 0 {
		l.passage = newPassage(l)
	}
	l.display.passage, l.display.status.Contact = l.passage, l.passage != nil
	return l
}

// run runs the lane until the context ends. What was read by then still gets its verdict: each goroutine ends when the
// one before it has.
func (l *Lane) run(ctx context.Context) {
	var decided, shown sync.WaitGroup
	decided.Go(l.decide)
	shown.Go(l.display.run)
	walking, arrived := context.WithCancel(context.Background())
	if l.passage != nil {
		shown.Go(func() { l.passage.run(walking) })
	}
	l.read(ctx)
	l.mu.Lock()
	l.closed = true
	close(l.frames)
	l.mu.Unlock()
	decided.Wait()
	close(l.display.results)
	arrived()
	shown.Wait()
}

// decide verifies all that is waiting, at most as many as there are buffers, and never waits for more.
func (l *Lane) decide() {
	defer l.giveUp()
	for {
		select {
		case f, ok := <-l.frames:
			if !ok {
				return
			}
			l.collect(f)
			l.dropRepeated()
			l.verify()
			l.confirm()
			l.sift()
			l.commit()
			l.release()
			l.verifier.Forget()
		case <-l.patience.C:
			l.giveUp()
		}
	}
}

func (l *Lane) collect(f *frame) {
	l.batch = l.batch[:0]
	for f != nil {
		f.hash = l.recent.sum(f.buf[:f.n])
		l.batch = append(l.batch, f)
		select {
		case f = <-l.frames: // nil when closed and empty
		default:
			f = nil
		}
	}
}

// dropRepeated takes codes out of the batch that were shown within the repeat time, or that stand in it twice: they get
// no new verdict.
func (l *Lane) dropRepeated() {
	fresh := l.batch[:0]
	l.doubles = l.doubles[:0]
	for _, f := range l.batch {
		if shown := l.recent.seen(f.hash, f.read); shown != nil {
			l.display.results <- result{kind: ShownAgain, read: f.at, candidate: shown.candidate, sequence: shown.sequence, at: f.read}
			l.giveBack(f)
			continue
		}
		if i := slices.IndexFunc(fresh, func(g *frame) bool { return g.hash == f.hash }); i >= 0 {
			l.doubles = append(l.doubles, double{of: fresh[i], read: f.read, at: f.at})
			l.giveBack(f)
			continue
		}
		fresh = append(fresh, f)
	}
	l.batch = fresh
}

// verify makes a candidate of each frame.
func (l *Lane) verify() {
	l.scans = l.scans[:0]
	for _, f := range l.batch {
		l.scans = append(l.scans, verify.Scan{Data: f.buf[:f.n]})
	}
	session, list := l.session.Load(), l.gate.Snapshot()
	if session != l.during || list != l.under {
		l.during, l.under = session, list
		l.verifier.During(session)
		l.forget()
	}
	l.candidates = l.verifier.Verify(l.candidates[:0], l.scans, list, l.gate.Now())
}

// confirm has the signature of every Admit, of what may become one, and of every card checked a second time, by the standard library alone.
func (l *Lane) confirm() {
	for i := range l.candidates {
		c := &l.candidates[i]
		if (c.Outcome() == policy.Admit || c.Awaits() || c.Card()) && !l.verifier.Confirm(i) {
			c.Withdraw(l.config.Profile)
			l.gate.opts.Log.Error("verify: the second check did not confirm a signature", "lane", l.config.ID, "key", c.Key)
		}
	}
}

// sift takes out of the batch what is no verdict: a supervisor's card, and the first of two documents.
func (l *Lane) sift() {
	l.glances = l.glances[:0]
	for i, f := range l.batch {
		if l.cardShown(i) {
			continue
		}
		if g, verdict := l.pair(i); verdict {
			keep := len(l.glances)
			l.batch[keep], l.candidates[keep], l.glances = f, l.candidates[i], append(l.glances, g)
		}
	}
	l.batch, l.candidates = l.batch[:len(l.glances)], l.candidates[:len(l.glances)]
}

// commit has the writer claim, append and fsync, and only then gives the verdicts to the display.
func (l *Lane) commit() {
	if len(l.batch) == 0 {
		return
	}
	mode := Mode(l.mode.Load())
	if mode == Rehearsal {
		l.rehearse()
		return
	}
	l.ticket.pending = l.ticket.pending[:0]
	wall := l.gate.opts.Wall()
	for i := range l.candidates {
		l.ticket.pending = append(l.ticket.pending, journal.Pending{
			Lane: l.config.ID, Zone: l.zone(), At: wall, Profile: l.config.Profile, Candidate: l.candidates[i], Awaited: l.passage != nil,
			Open: mode == OpenCount,
		})
	}
	l.gate.writer.in <- &l.ticket
	<-l.ticket.done
	l.publish(mode)
}

// zone is the one of the lane's session, where movements are counted.
func (l *Lane) zone() string {
	if l.during == nil {
		return ""
	}
	return l.during.Zone
}

// publish gives the final verdicts to the display.
func (l *Lane) publish(mode Mode) {
	now := l.gate.opts.Wall()
	for i := range l.ticket.pending {
		p, f := &l.ticket.pending[i], l.batch[i]
		l.remember(f, now, p.Candidate, p.Sequence)
		l.display.results <- result{
			kind: VerdictGiven, mode: mode, read: f.at, candidate: p.Candidate, sequence: p.Sequence,
			earlier: Earlier{Lane: p.Earlier.Lane, At: p.Earlier.At, Sequence: p.Earlier.Sequence}, at: now, glance: l.glances[i],
		}
	}
	for i := range l.ticket.pending {
		p := &l.ticket.pending[i]
		l.sayAgain(l.batch[i], &p.Candidate, p.Sequence)
	}
}

// remember knows a code again that was given a verdict, and the document that it was joined with.
func (l *Lane) remember(f *frame, at time.Time, c policy.Candidate, sequence uint64) {
	l.recent.remember(f.hash, at, c, sequence)
	switch {
	case f.first == 0:
	case c.Outcome() == policy.Admit:
		l.recent.remember(f.first, at, c, sequence)
	default: // both may be shown again at once
		l.recent.settle(f.first, c, sequence)
	}
}

// sayAgain gives the display the other sights of a code in the batch.
func (l *Lane) sayAgain(f *frame, c *policy.Candidate, sequence uint64) {
	for _, d := range l.doubles {
		if d.of == f {
			l.display.results <- result{kind: ShownAgain, read: d.at, candidate: *c, sequence: sequence, at: d.read}
		}
	}
}

func (l *Lane) release() {
	for _, f := range l.batch {
		l.giveBack(f)
	}
}

// giveBack overwrites a code and frees its buffer.
func (l *Lane) giveBack(f *frame) {
	clear(f.buf[:f.n])
	f.n, f.first = 0, 0
	l.free <- f
}

// enter takes a typed code.
func (l *Lane) enter(code []byte) error {
	if len(code) > verify.MaxScan {
		return ErrTooLong
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrBusy
	}
	select {
	case f := <-l.free:
		f.n, f.read = copy(f.buf[:], code), l.gate.opts.Wall()
		f.at = f.read
		l.display.arrived <- waiting{read: f.at}
		l.frames <- f // has room: there are no more frames than it holds
		return nil
	default:
		return ErrBusy
	}
}

// recent remembers the last few codes of a lane by a keyed hash, so that a phone that is left in front of the scanner, or
// handed back, is not a new verdict. It holds nothing that a code could be found from.
type recent struct {
	seed   maphash.Seed
	within time.Duration
	shown  [remembered]shown
}

// remembered is how many codes a lane knows again: more than a hand can show within MaxRepeat.
const remembered = 64

type shown struct {
	hash      uint64
	last      time.Time // of its verdict, then of each sight: the repeat time starts anew
	candidate policy.Candidate
	sequence  uint64
}

// sum is of the code and what it is, without an AIM identifier: a code that was scanned and is then typed is the same one.
func (r *recent) sum(code []byte) uint64 {
	kind, text := verify.Detect(code)
	var h maphash.Hash
	h.SetSeed(r.seed)
	_ = h.WriteByte(byte(kind)) // never an error, like Write
	_, _ = h.Write(text)
	return h.Sum64()
}

// seen returns what was shown for this very code within the repeat time, nil if nothing was.
func (r *recent) seen(hash uint64, at time.Time) *shown {
	for i := range r.shown {
		s := &r.shown[i]
		if s.hash == hash && !s.last.IsZero() && at.Sub(s.last) < r.within {
			if at.After(s.last) { // a sight that was read before the verdict was on disk is no news
				s.last = at
			}
			return s
		}
	}
	return nil
}

// settle gives a code that is remembered another verdict, as if its own had been that.
func (r *recent) settle(hash uint64, c policy.Candidate, sequence uint64) {
	for i := range r.shown {
		if s := &r.shown[i]; s.hash == hash && !s.last.IsZero() {
			s.candidate, s.sequence = c, sequence
		}
	}
}

func (r *recent) remember(hash uint64, at time.Time, c policy.Candidate, sequence uint64) {
	place := &r.shown[0] // of this code, else of the oldest one
	for i := range r.shown {
		s := &r.shown[i]
		if s.hash == hash {
			place = s
			break
		}
		if s.last.Before(place.last) {
			place = s
		}
	}
	*place = shown{hash: hash, last: at, candidate: c, sequence: sequence}
}
