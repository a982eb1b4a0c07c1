// Package lane runs the lanes of a gate: from a scanner's frame to the lamp.
//
// Each lane has three goroutines and one direction of flow. read owns the scanner and fills buffers; decide verifies all that is
// waiting, confirms each Admit with the standard library, and has the journal make the verdicts final; show owns the lamp
// and the events. One writer for the whole process commits what all lanes have waiting in one step, so two lanes can never
// both admit one ticket. The lamp is set only after the verdict is on disk. Buffers are made at start and go round:
// free → read → decide → free; their number is the memory limit and the back-pressure.
//
// This is the only package besides main that starts goroutines. All of them end when Run's context does.
package lane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"passerelle/gateway/journal"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// Scanner gives whole frames. ReadFrame blocks until there is one, copies it into p without its terminator and returns its
// length; an AIM identifier stays in front. A longer frame than p is cut to len(p). An error means that the scanner is
// gone; Close, from another goroutine, makes ReadFrame return one. One that drops codes is a Dropper too.
type Scanner interface {
	ReadFrame(p []byte) (n int, err error)
	Close() error
}

// Signal is what a lamp shows. The zero value is the safe state: no one is let through.
type Signal uint8

// The signals.
const (
	SignalIdle Signal = iota
	SignalDeny
	SignalRefer
	SignalAdmit
	SignalFault // no scanner
)

// Lamp shows a signal; Set returns within a bounded time, and an error means that nobody knows what the lamp shows.
type Lamp interface {
	Set(Signal) error
}

// Answer is what a reader is told that waits for its host after each scan. The zero value lets nobody in.
type Answer uint8

// The answers.
const (
	AnswerBad    Answer = iota // refused, a person decides, or there is no verdict in time
	AnswerIgnore               // nothing new: the same code within the repeat time
	AnswerGood                 // admitted: on disk, and the lamp was told to be green
)

// Reader is a scanner that waits for an answer and drives a lamp of its own. Answer is called once for each frame that it gave, with the
// time when that was read, at most Deadline after it, and returns within AnswerTime. A frame that another one has overtaken gets no
// answer: the reader has stopped waiting for it, and would take it for the later one's.
type Reader interface {
	Answer(read time.Time, a Answer) error
	// Patience is how long after it was read a code may be answered with good. The lane has a verdict before, or a person decides.
	Patience() time.Duration
}

// Forwarder hands what was read on to a program that stood at this scanner before. Its methods copy what they are given and return at once.
type Forwarder interface {
	Scan(code []byte)
	Verdict(outcome policy.Outcome, reason policy.Reason, sequence uint64)
}

// Config is one lane.
type Config struct {
	ID      string
	Profile *policy.Profile
	// Scanner names the scanner for people; Open opens it, and is called again when it is gone.
	Scanner string
	Open    func(context.Context) (Scanner, error)
	// Changed waits until it may be worth to call Open again, at most until the context ends; nil waits for a fixed time.
	Changed func(context.Context)
	Lamp    Lamp
	Reader  Reader        // nil: the scanner does not wait for answers
	Forward Forwarder     // nil: codes go nowhere else
	Repeat  time.Duration // the same code within it is no new verdict; 0 means DefaultRepeat
	Hold    time.Duration // how long the lamp shows a verdict; 0 means DefaultHold
	Passing time.Duration // how long somebody who was let in may take to walk through, by the turnstile's contact; 0: there is none
	Second  time.Duration // how long a first document waits for the second one; 0 means MaxSecond
	// Card takes a supervisor's card that was read here, known by its id in hexadecimal: once it returns, that is on disk. nil: cards
	// are refused, like everything that is not accepted.
	Card func(id string) error
}

// Times of a lane.
const (
	DefaultRepeat = 2 * time.Second
	MinRepeat     = 500 * time.Millisecond
	MaxRepeat     = 10 * time.Second
	DefaultHold   = 2 * time.Second
	MinHold       = time.Second
	MinSecond     = 5 * time.Second
	MaxSecond     = 20 * time.Second
	Deadline      = 1500 * time.Millisecond // a frame without a verdict for so long is itself shown
	AnswerTime    = 250 * time.Millisecond  // that a Reader may take
	lampRetry     = time.Second             // between attempts to set a lamp that failed
	reopenPause   = 250 * time.Millisecond  // between attempts to open a scanner that is gone
)

// Options are what all lanes share.
type Options struct {
	Now     func() policy.Now // what time it is for verdicts
	Wall    func() time.Time  // for events and durations
	Journal *journal.Journal
	Fast    *sig.Accelerator // shared by all Verifiers of the process; nil: the standard library
	// Committed is called after each commit, so that a forwarder looks for new entries. It must not block.
	Committed func()
	Log       *slog.Logger
}

// Errors of Enter.
var (
	ErrNoLane  = errors.New("no such lane")
	ErrBusy    = errors.New("the lane is busy")
	ErrTooLong = errors.New("longer than any code")
)

// Gate is all lanes of one process. Its methods are safe for concurrent use.
type Gate struct {
	opts   Options
	list   atomic.Pointer[trust.Snapshot]
	lanes  []*Lane
	byID   map[string]*Lane
	hub    hub
	writer *writer
}

// New checks the lanes and allocates their buffers; nothing runs until Run.
func New(list *trust.Snapshot, opts Options, lanes []Config) (*Gate, error) {
	g := &Gate{opts: opts, byID: make(map[string]*Lane), writer: newWriter(opts, len(lanes))}
	g.list.Store(list)
	for _, c := range lanes {
		if c.ID == "" || g.byID[c.ID] != nil {
			return nil, fmt.Errorf("lane %q: its name is empty or taken", c.ID)
		}
		// The journal refuses a whole batch for one of these, so such a lane would stop the others.
		if len(c.ID) > journal.MaxLane || !utf8.ValidString(c.ID) || len(c.Profile.Name) > journal.MaxLane {
			return nil, fmt.Errorf("lane %q: its name or that of its profile is no text of at most %d bytes", c.ID, journal.MaxLane)
		}
		if c.Repeat == 0 {
			c.Repeat = DefaultRepeat
		}
		if c.Hold == 0 {
			c.Hold = DefaultHold
		}
		if c.Repeat < MinRepeat || c.Repeat > MaxRepeat {
			return nil, fmt.Errorf("lane %q: repeat time %v is not within %v and %v", c.ID, c.Repeat, MinRepeat, MaxRepeat)
		}
		if c.Second == 0 {
			c.Second = MaxSecond
		}
		if c.Second < MinSecond || c.Second > MaxSecond {
			return nil, fmt.Errorf("lane %q: the time for a second document, %v, is not within %v and %v", c.ID, c.Second, MinSecond, MaxSecond)
		}
		if c.Passing != 0 && (c.Passing < MinPassing || c.Passing > MaxPassing) {
			return nil, fmt.Errorf("lane %q: the time to walk through, %v, is not within %v and %v", c.ID, c.Passing, MinPassing, MaxPassing)
		}
		if c.Reader != nil && c.Reader.Patience() <= 2*AnswerTime {
			return nil, fmt.Errorf("lane %q: its reader gives up before a verdict could be told", c.ID)
		}
		if c.Hold < MinHold {
			return nil, fmt.Errorf("lane %q: a verdict must be shown for at least %v", c.ID, MinHold)
		}
		l := newLane(g, c)
		g.lanes = append(g.lanes, l)
		g.byID[c.ID] = l
	}
	return g, nil
}

// Run runs all lanes until the context ends, and returns when all goroutines have.
func (g *Gate) Run(ctx context.Context) {
	var lanes sync.WaitGroup
	for _, l := range g.lanes {
		lanes.Go(func() { l.run(ctx) })
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.writer.run()
	}()
	lanes.Wait()
	close(g.writer.in)
	<-done
}

// Snapshot returns the trust list in force.
func (g *Gate) Snapshot() *trust.Snapshot { return g.list.Load() }

// SetSnapshot puts another trust list in force, whole, and tells every lane. A first document that waits for a second one was judged
// before, and is forgotten.
func (g *Gate) SetSnapshot(list *trust.Snapshot) {
	g.list.Store(list)
	for _, l := range g.lanes {
		g.hub.publish(Event{Kind: TrustChanged, Lane: l.config.ID, At: g.opts.Wall()})
	}
}

// Now returns the time for verdicts.
func (g *Gate) Now() policy.Now { return g.opts.Now() }

// Lanes returns the lanes' names in the order of their configuration.
func (g *Gate) Lanes() []string {
	ids := make([]string, len(g.lanes))
	for i, l := range g.lanes {
		ids[i] = l.config.ID
	}
	return ids
}

// Status returns how a lane stands; false if there is none of that name.
func (g *Gate) Status(lane string) (Status, bool) {
	l := g.byID[lane]
	if l == nil {
		return Status{}, false
	}
	return l.display.snapshot(), true
}

// SetSession says what a lane is for from the next code on; nil is nothing that is bound to an event or a flight. A first document that
// waits for a second one was judged before, and is forgotten. It is ErrNoLane if there is no lane of that name.
func (g *Gate) SetSession(lane string, s *policy.Session) error {
	l := g.byID[lane]
	if l == nil {
		return ErrNoLane
	}
	l.session.Store(s)
	return nil
}

// Session returns what a lane is for, nil if nothing was said.
func (g *Gate) Session(lane string) *policy.Session {
	if l := g.byID[lane]; l != nil {
		return l.session.Load()
	}
	return nil
}

// Passed counts a person who walked through, by a lane's contact, and resolves whoever was let in there first.
func (g *Gate) Passed(lane string) {
	l := g.byID[lane]
	switch {
	case l == nil:
	case l.passage == nil:
		l.display.passed()
	default:
		l.passage.pulse(g.opts.Wall())
	}
}

// ContactReads says whether a lane's contact can be read. Until it is said so, it cannot.
func (g *Gate) ContactReads(lane string, reads bool) {
	if l := g.byID[lane]; l != nil && l.passage != nil {
		l.passage.contact(reads)
	}
}

// Subscribe returns the events of a lane from now on, or of all lanes for "". role is the most that whoever reads them may see of
// credentials, see Event.Claims; where everybody is a Steward a lane does not even copy what they say.
func (g *Gate) Subscribe(lane string, role policy.Role) *Subscription {
	return g.hub.subscribe(lane, min(role, policy.NumRoles-1))
}

// Enter takes a code that somebody typed at a lane; it goes the way of a scan. The errors are ErrNoLane, ErrTooLong and
// ErrBusy, if all of the lane's buffers are on their way.
func (g *Gate) Enter(lane string, code []byte) error {
	l := g.byID[lane]
	if l == nil {
		return ErrNoLane
	}
	return l.enter(code)
}
