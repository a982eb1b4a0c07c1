package report

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"passerelle/gateway/journal"
)

// ForwarderOptions say where reports go. Dir, URL, Now and Random are needed, and a secret or a certificate.
type ForwarderOptions struct {
	Dir     string   // a folder of its own, which must exist: holds "cursor" and "parked"
	URL     string   // https; http to this machine only, unless AllowPlain
	Secrets []Secret // each signs; two during a rotation
	Box     string   // the name of this box at a collector that knows boxes by name

	CAFile            string // PEM; the endpoint's authority instead of the system's
	CertFile, KeyFile string // PEM; our certificate, where the endpoint asks for one
	AllowPlain        bool   // http to other machines

	Now    func() time.Time
	Random func(n int64) int64 // uniform in [0,n), as math/rand/v2.Int64N
	Alarm  func(Alarm)         // called by NewForwarder and Run; must not block
	Logger *slog.Logger

	Poll       time.Duration // how often the journal is looked at without Notify; default 5 s
	Interval   time.Duration // between the end of one delivery and the next, so that single entries gather; default 1 s
	Timeout    time.Duration // for each step of a request; default 5 s
	MinBackoff time.Duration // bound of the first wait after a failure; default 500 ms
	MaxBackoff time.Duration // bound of every wait, Retry-After's too; default 60 s

	entries int // of a batch, for tests; 0 is MaxBatchEntries
}

// The states of a Forwarder.
const (
	StateIdle    = "idle"    // everything is reported
	StateSending = "sending" // entries are under way
	StateWaiting = "waiting" // no answer, or not now; repeated after a wait
	StateRefused = "refused" // the endpoint refuses us, not an entry; repeated after a wait
	StateClock   = "clock"   // the endpoint's clock and ours disagree; repeated after a wait
	StateBlocked = "blocked" // a fault of this box: no room to park, a file cannot be written; repeated after a wait
)

// Status is what a page shows of the reports.
type Status struct {
	State       string
	Journal     string
	Next        uint64 // first sequence that is neither accepted nor parked
	Backlog     uint64 // entries of the journal from Next on
	Parked      uint64 // entries that the endpoint refused for their content
	Missing     uint64 // entries that were gone before they were reported
	LastError   string // printable ASCII; empty after a success
	LastSuccess time.Time
}

// freeParks is how many entries may be parked in a row at full speed. When every entry is refused the fault is hardly in
// the entries; from then on each waits as after a failure.
const freeParks = 16

// Forwarder reports the entries of a journal to an endpoint, in order.
type Forwarder struct {
	log     Log
	opts    ForwarderOptions
	sender  *sender
	poke    chan struct{}
	running atomic.Bool
	retry   atomic.Bool // parked entries are to be sent again

	// Owned by Run.
	slots    *slots
	cursor   cursor
	changed  bool   // cursor is not saved yet
	acked    uint64 // what the journal was told since the start
	parking  *parking
	replay   *replay
	turn     bool // the last step sent a parked entry
	entries  []journal.Entry
	body     []byte
	failures int // in a row
	parks    int // in a row

	mu     sync.Mutex
	status Status   // guarded by mu; Backlog is computed when asked
	parked []Parked // guarded by mu
}

// NewForwarder checks the options and reads what the folder holds. A damaged file of the folder is kept beside and
// reported by an alarm; reports then begin anew, which costs repetitions and no entry.
func NewForwarder(log Log, opts ForwarderOptions) (*Forwarder, error) {
	o := opts
	if o.Dir == "" || o.Now == nil || o.Random == nil {
		return nil, errors.New("forward reports: Dir, Now and Random are needed")
	}
	if len(o.Secrets) == 0 && o.CertFile == "" {
		return nil, errors.New("forward reports: a secret or a certificate is needed")
	}
	if err := checkSecrets(o.Secrets); err != nil {
		return nil, fmt.Errorf("forward reports: %w", err)
	}
	if o.Alarm == nil {
		o.Alarm = func(Alarm) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&o.Poll, 5 * time.Second},
		{&o.Interval, time.Second},
		{&o.Timeout, 5 * time.Second},
		{&o.MinBackoff, 500 * time.Millisecond},
		{&o.MaxBackoff, 60 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.standard
		}
	}
	if o.entries == 0 {
		o.entries = MaxBatchEntries
	}
	f := &Forwarder{log: log, opts: o, poke: make(chan struct{}, 1)}
	var err error
	if f.sender, err = newSender(&f.opts); err != nil {
		return nil, fmt.Errorf("forward reports: %w", err)
	}
	if err := f.open(); err != nil {
		return nil, fmt.Errorf("forward reports: %w", err)
	}
	return f, nil
}

// open reads the cursor and the parked entries.
func (f *Forwarder) open() error {
	path := filepath.Join(f.opts.Dir, "cursor")
	s, value, err := openSlots(path)
	if err == nil && value != nil {
		f.cursor, err = decodeCursor(value)
	}
	if err != nil && !errors.As(err, new(*os.PathError)) {
		if s != nil {
			s.close()
		}
		aside, asideErr := setAside(path)
		if asideErr != nil {
			return asideErr
		}
		f.alarm(Alarm{Kind: AlarmDamaged, Detail: fmt.Sprintf("cursor: %v; the file is kept as %q", err, filepath.Base(aside))})
		s, _, err = openSlots(path)
	}
	if err != nil {
		return err
	}
	f.slots = s
	var damage string
	f.parking, damage, err = openParking(filepath.Join(f.opts.Dir, "parked"), f.cursor.Parked)
	if err != nil {
		s.close()
		return err
	}
	if damage != "" {
		f.alarm(Alarm{Kind: AlarmDamaged, Detail: damage})
	}
	f.cursor.Parked = uint64(len(f.parking.entries))
	f.status.State = StateIdle
	f.publishParked()
	return nil
}

// Run reports until ctx ends, and returns nil then. One Run at a time.
func (f *Forwarder) Run(ctx context.Context) error {
	if !f.running.CompareAndSwap(false, true) {
		return errors.New("forward reports: already running")
	}
	defer f.running.Store(false)
	defer f.sender.client.CloseIdleConnections()
	defer context.AfterFunc(ctx, f.sender.abort)()
	for ctx.Err() == nil {
		wait, err := f.step(ctx)
		switch {
		case err != nil:
			f.sleep(ctx, f.stumble(err))
		case wait == nothing:
			f.sleep(ctx, f.opts.Interval)
			f.await(ctx, f.opts.Poll)
		default:
			f.sleep(ctx, wait)
		}
	}
	return nil
}

// Close closes the files. Run must have returned.
func (f *Forwarder) Close() error {
	f.parking.close()
	return f.slots.close()
}

// Notify says that the journal has grown. It never blocks.
func (f *Forwarder) Notify() {
	select {
	case f.poke <- struct{}{}:
	default:
	}
}

// RetryParked has every parked entry sent once more. Those that are accepted are parked no longer.
func (f *Forwarder) RetryParked() {
	f.retry.Store(true)
	f.Notify()
}

// Parked returns the parked entries, oldest first.
func (f *Forwarder) Parked() []Parked {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.parked)
}

// Status returns what a page shows. Any goroutine may call it.
func (f *Forwarder) Status() Status {
	id := f.log.ID()
	head, _ := f.log.Head()
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.status
	next := max(s.Next, 1)
	if s.Journal != id {
		next = 1 // the new journal is not begun
	}
	if head >= next {
		s.Backlog = head - next + 1
	}
	return s
}

// await waits for a Notify, a while, or the end of ctx.
func (f *Forwarder) await(ctx context.Context, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-f.poke:
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (f *Forwarder) sleep(ctx context.Context, wait time.Duration) {
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// backoff returns the wait after so many failures in a row: any up to a bound that doubles each time, so that the boxes
// of a venue do not come back at once. The endpoint's own wish comes first, within MaxBackoff.
func (f *Forwarder) backoff(failures int, wish time.Duration) time.Duration {
	bound := f.opts.MaxBackoff
	if shift := max(failures-1, 0); shift < 20 {
		bound = min(bound, f.opts.MinBackoff<<shift)
	}
	wait := time.Duration(f.opts.Random(int64(bound) + 1))
	return max(wait, min(wish, f.opts.MaxBackoff))
}

// stumble handles a fault of this box.
func (f *Forwarder) stumble(err error) time.Duration {
	f.failures++
	f.enter(StateBlocked, AlarmBlocked, printable([]byte(err.Error())))
	return f.backoff(f.failures, 0)
}

// enter changes the state, with an alarm when it is a new one.
func (f *Forwarder) enter(state string, kind AlarmKind, detail string) {
	f.mu.Lock()
	before := f.status.State
	f.status.State, f.status.LastError = state, detail
	f.mu.Unlock()
	if before != state {
		f.alarm(Alarm{Kind: kind, Journal: f.cursor.Journal, Detail: detail})
	}
}

func (f *Forwarder) alarm(a Alarm) {
	f.opts.Logger.Warn("report alarm", "alarm", a.Kind.String(), "journal", a.Journal, "first", a.First, "last", a.Last, "detail", a.Detail)
	f.opts.Alarm(a)
}

// publish shows the cursor to other goroutines.
func (f *Forwarder) publish() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Journal, f.status.Next = f.cursor.Journal, f.cursor.Next
	f.status.Parked, f.status.Missing = f.cursor.Parked, f.cursor.Missing
}

// publishParked shows the parked entries to other goroutines.
func (f *Forwarder) publishParked() {
	f.mu.Lock()
	f.parked = f.parked[:0]
	for i := range f.parking.entries {
		f.parked = append(f.parked, f.parking.entries[i].Parked)
	}
	f.mu.Unlock()
	f.publish()
}
