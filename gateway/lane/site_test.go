package lane

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	driver "passerelle/drivers/frame"
	"passerelle/drivers/scannertest"
	"passerelle/drivers/serial"
	"passerelle/gateway/journal"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
)

// patience is how long a test waits for what must come. The machine may be busy; no test measures by it.
const patience = 30 * time.Second

// site is a gate of real parts: scanners on pseudo-terminals that the serial driver reads, and a journal on disk. Lanes
// are named "1", "2" …
type site struct {
	t       testing.TB
	list    trust.List
	profile policy.Profile            // of the lanes
	special map[string]policy.Profile // of a lane that has another one
	repeat  time.Duration             // MaxRepeat, so that a busy machine does not let it pass
	second  time.Duration             // for a second document; 0 is MaxSecond
	passing time.Duration             // to walk through; 0: there is no contact
	shows   time.Duration             // that lamps show a verdict; 0 is MinHold
	aim     string                    // of the scanners
	ending  driver.Terminator         // of their codes
	still   bool                      // the gate is made and not run
	// open opens a lane's scanner; nil opens its path by the serial driver.
	open    func(context.Context, *post) (Scanner, error)
	forward Forwarder
	card    func(id string) error // takes supervisors' cards

	disk    disk
	clock   clock
	log     log
	journal *journal.Journal
	gate    *Gate
	posts   []*post
	stop    func() // ends Run and waits for it
}

// post is one lane of a site.
type post struct {
	site    *site
	id      string
	scanner *scannertest.Scanner
	lamp    *witness
	events  *Subscription
}

// newSite makes a gate and runs it once all scanners are open. Each change may set fields of the site before.
func newSite(t testing.TB, lanes int, changes ...func(*site)) *site {
	t.Helper()
	s := &site{t: t, list: standardList(t), profile: policy.Demo(), repeat: MaxRepeat}
	s.clock.showing = showing
	s.disk.free = plenty
	for _, change := range changes {
		change(s)
	}
	j, err := journal.Open(t.TempDir(), journal.Options{
		Now: time.Now, Random: rand.Reader, Free: s.disk.space, MinFree: enough, Ballast: plenty,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.journal = j
	t.Cleanup(func() { j.Close() })
	var configs []Config
	for i := range lanes {
		configs = append(configs, s.newPost(strconv.Itoa(i+1)))
	}
	s.gate, err = New(mustList(t, s.list), Options{
		Now: s.clock.now, Wall: s.clock.wall, Journal: j, Committed: func() {}, Log: slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}, configs)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range s.posts {
		p.events = s.gate.Subscribe(p.id, policy.Steward)
	}
	if !s.still {
		s.start()
	}
	return s
}

func (s *site) newPost(id string) Config {
	s.t.Helper()
	scanner, err := scannertest.New(scannertest.Options{
		AIM: s.aim, Terminator: s.ending, Link: s.t.TempDir() + "/scanner", Pause: patience,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { scanner.Close() })
	p := &post{site: s, id: id, scanner: scanner, lamp: &witness{t: s.t, journal: s.journal, lane: id}}
	s.posts = append(s.posts, p)
	profile := s.profile
	if own, ok := s.special[id]; ok {
		profile = own
	}
	return Config{
		ID: id, Profile: &profile, Scanner: "simulated " + id, Lamp: p.lamp, Repeat: s.repeat, Hold: cmp.Or(s.shows, MinHold), Second: s.second, Passing: s.passing, Forward: s.forward, Card: s.card,
		Open: func(ctx context.Context) (Scanner, error) {
			if s.open != nil {
				return s.open(ctx, p)
			}
			return p.openSerial()
		},
	}
}

func (p *post) openSerial() (Scanner, error) {
	s, err := serial.Open(serial.Options{Path: p.scanner.Path(), Terminator: p.site.ending})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// start runs the gate; without an own open it waits until each scanner is there.
func (s *site) start() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.gate.Run(ctx)
	}()
	s.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(patience):
			s.t.Errorf("Run did not return")
		}
	})
	s.t.Cleanup(s.stop)
	if s.passing > 0 {
		for _, p := range s.posts {
			s.gate.ContactReads(p.id, true)
			eventually(s.t, "the contact reads", func() bool { return s.status(p.id).ContactReads })
			s.gate.Passed(p.id) // a member of the staff tries it
			eventually(s.t, "the contact moves", func() bool { return s.status(p.id).ContactMoves })
		}
	}
	if s.open == nil {
		for _, p := range s.posts {
			p.want(ScannerBack)
		}
	}
}

// show scans a code; the scanner ends it with a carriage return.
func (p *post) show(code string) {
	p.site.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.scanner.Scan(ctx, []byte(code)); err != nil {
		p.site.t.Fatal(err)
	}
}

// want returns the lane's next event, which must be of that kind.
func (p *post) want(kind EventKind) Event {
	p.site.t.Helper()
	return nextEvent(p.site.t, p.events, kind)
}

// nextEvent passes over VerdictLate unless that is wanted: on a busy machine a disk may well take so long. When a verdict is late,
// display_test.go says exactly.
func nextEvent(t testing.TB, sub *Subscription, kind EventKind) Event {
	t.Helper()
	end := time.After(patience)
	for {
		select {
		case e := <-sub.Events:
			if e.Kind == VerdictLate && kind != VerdictLate {
				t.Logf("lane %s: a verdict is late", e.Lane)
				continue
			}
			if e.Kind != kind {
				t.Fatalf("event %v (%v), want %v", e.Kind, verdictOf(&e), kind)
			}
			return e
		case <-end:
			t.Fatalf("no event %v", kind)
		}
	}
}

// wantVerdict returns the lane's next event, which must be that verdict on code n.
func (p *post) wantVerdict(n int, want string) Event {
	p.site.t.Helper()
	e := p.want(VerdictGiven)
	if got := verdictOf(&e); got != want || numberOf(&e) != n {
		p.site.t.Errorf("code %d: %s, want code %d: %s", numberOf(&e), got, n, want)
	}
	return e
}

func verdictOf(e *Event) string {
	return e.Candidate.Outcome().String() + " " + e.Candidate.Reason().String()
}

// numberOf returns the number of a code that code or onceCode made.
func numberOf(e *Event) int { return int(binary.BigEndian.Uint64(e.Candidate.Key[:])) }

// Free space of a site's disk. There is never so much that a ballast file is made.
const (
	enough = 1 << 20
	plenty = 2 << 20
)

// disk says how much space is free; held, it lets nobody have an answer, so a commit takes as long.
type disk struct {
	mu    sync.Mutex
	free  uint64
	err   error
	asked chan struct{} // while held: receives one for each question
	held  chan struct{} // while held: closed by release
}

func (d *disk) space(string) (uint64, error) {
	d.mu.Lock()
	asked, held := d.asked, d.held
	d.mu.Unlock()
	if held != nil {
		asked <- struct{}{}
		<-held
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.free, d.err
}

func (d *disk) set(free uint64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.free, d.err = free, err
}

// hold makes commits wait until release.
func (d *disk) hold() (asked <-chan struct{}, release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked, d.held = make(chan struct{}, 100), make(chan struct{})
	return d.asked, sync.OnceFunc(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		close(d.held)
		d.held = nil
	})
}

// holdNext lets those go on that wait, and makes the next ones wait until release.
func (d *disk) holdNext() (release func()) {
	d.mu.Lock()
	first := d.held
	d.held = nil
	d.mu.Unlock()
	_, release = d.hold()
	close(first)
	return release
}

// clock runs with the machine's, ahead by what a test adds. The time for verdicts stands still.
type clock struct {
	mu      sync.Mutex
	ahead   time.Duration
	showing int64 // unix seconds
}

func (c *clock) wall() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

func (c *clock) now() policy.Now {
	c.mu.Lock()
	defer c.mu.Unlock()
	return policy.At(c.showing)
}

func (c *clock) stand(showing int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.showing = showing
}

// log is what the gate logged.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func (s *site) status(lane string) Status {
	s.t.Helper()
	status, ok := s.gate.Status(lane)
	if !ok {
		s.t.Fatalf("no lane %s", lane)
	}
	return status
}

// String names the signal in failures.
func (s Signal) String() string {
	names := [...]string{SignalIdle: "idle", SignalDeny: "deny", SignalRefer: "refer", SignalAdmit: "admit", SignalFault: "fault"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("Signal(%d)", uint8(s))
}
