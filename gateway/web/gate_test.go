package web

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"passerelle/gateway/journal"
	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// source is the lanes' side of a test: it says what the test wants said, through the server's real interfaces. Verdicts
// are made by policy, as at a lane.
type source struct {
	mu      sync.Mutex
	ids     []string
	status  map[string]lane.Status
	subs    map[chan lane.Event]watcher
	claims  func(lane string, role policy.Role) []policy.Disclosed // of every verdict; nil for none
	entered []string
	fault   error // of Enter
	count   uint64
}

// watcher is who reads events: of a lane, or of all for "", and what he may see.
type watcher struct {
	lane string
	role policy.Role
}

func newSource(ids ...string) *source {
	s := &source{ids: ids, status: make(map[string]lane.Status), subs: make(map[chan lane.Event]watcher)}
	for _, id := range ids {
		s.status[id] = lane.Status{Lane: id, Profile: "demo", Scanner: "simulated scanner", Connected: true}
	}
	return s
}

func (s *source) Lanes() []string { return s.ids }

func (s *source) Status(id string) (lane.Status, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok := s.status[id]
	return st, ok
}

var errPanic = errors.New("panic")

func (s *source) Enter(id string, code []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(s.fault, errPanic) {
		panic("the gate has a fault")
	}
	if s.fault == nil {
		s.entered = append(s.entered, id+":"+string(code)) // a copy: the caller overwrites its own
	}
	return s.fault
}

func (s *source) failWith(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = err
}

func (s *source) subscribe(id string, role policy.Role) (<-chan lane.Event, func()) {
	events := make(chan lane.Event, 64)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subs[events] = watcher{id, role}
	return events, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.subs, events)
	}
}

// publish gives an event to whoever listens; one who does not take it loses it.
func (s *source) publish(e lane.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e.Kind {
	case lane.VerdictGiven:
		s.count++
	case lane.ScannerGone, lane.ScannerBack:
		st := s.status[e.Lane]
		st.Connected = e.Kind == lane.ScannerBack
		s.status[e.Lane] = st
	case lane.ModeChanged:
		st := s.status[e.Lane]
		st.Mode = e.Mode
		s.status[e.Lane] = st
	}
	e.Count = s.count
	if e.At.IsZero() {
		e.At = time.Now()
	}
	for events, who := range s.subs {
		if who.lane == "" || who.lane == e.Lane {
			if s.claims != nil && e.Kind == lane.VerdictGiven {
				e.Claims = func(r policy.Role) []policy.Disclosed { return s.claims(e.Lane, min(r, who.role)) }
			}
			select {
			case events <- e:
			default:
			}
		}
	}
}

// give publishes a final verdict with that reason.
func (s *source) give(id string, r policy.Reason) {
	e := lane.Event{Kind: lane.VerdictGiven, Lane: id, Sequence: 41, Candidate: candidate(r), Took: 2345 * time.Microsecond}
	if r == policy.AlreadyUsed {
		e.Earlier = lane.Earlier{Lane: "B", At: time.Now().Add(-7 * time.Minute), Sequence: 12}
	}
	s.publish(e)
}

var demo = policy.Demo()

// candidate returns a candidate whose final verdict has that reason, the way a lane gets it.
func candidate(r policy.Reason) policy.Candidate {
	var f policy.Findings
	for _, c := range []policy.Check{policy.Format, policy.KeyCheck, policy.Signature, policy.UsageCheck, policy.Time} {
		f.Pass(c)
	}
	claim := policy.Claimed
	switch r {
	case policy.OK:
		f.Pass(policy.Rules)
	case policy.AlreadyUsed:
		f.Pass(policy.Rules)
		claim = policy.UsedBefore
	case policy.StoreUnavailable:
		f.Pass(policy.Rules)
		claim = policy.StoreFailed
	default:
		f.Fail(policy.Rules, r)
	}
	c := policy.Candidate{
		Kind: policy.HCERTTest, Issuer: "MA", Key: trust.KeyID{1, 2, 3, 4, 5, 6, 7, 8}, HasKey: true,
		Once: true, List: 7, Aged: 3600, Clock: policy.ClockTrusted,
	}
	c.Conclude(&f, &demo)
	c.Verdict = c.Finalize(claim, &demo)
	return c
}

// place is the list and the time of a test's gate; both may be changed while it serves.
type place struct {
	mu      sync.Mutex
	list    *trust.Snapshot
	now     policy.Now
	journal string
	reports Reports
	foreign int

	sessions map[string]*policy.Session // by lane
	lanes    map[string]journal.Count
	zones    []journal.Count
}

func (p *place) set(change func(*place)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func get[T any](p *place, f func(*place) T) func() T {
	return func() T {
		p.mu.Lock()
		defer p.mu.Unlock()
		return f(p)
	}
}

func testList(t testing.TB, version uint64, issued, expires time.Time) *trust.Snapshot {
	t.Helper()
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := sig.New(public)
	if err != nil {
		t.Fatal(err)
	}
	list, err := trust.New(trust.List{
		Version: version, Issued: issued.Unix(), Expires: expires.Unix(),
		Keys: []trust.Key{{ID: trust.KeyID{1}, Country: "MA", Public: key, Usages: trust.AllHCERT, Algorithms: key.Algorithms()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func newPlace() *place { return &place{list: trust.Empty(), journal: "ok"} }

func (p *place) snapshot() *trust.Snapshot { return p.list }

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// site is a server that serves on loopback.
type site struct {
	*Server
	source       *source
	place        *place
	page, events string // addresses
	log          *safeBuffer
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// serve starts a server; change may alter its configuration, and adapt the server before it serves.
func serve(t testing.TB, change func(*Config), adapt func(*Server), ids ...string) *site {
	t.Helper()
	if len(ids) == 0 {
		ids = []string{"A", "B"}
	}
	now := time.Now()
	st := &site{
		source: newSource(ids...), log: new(safeBuffer),
		place: &place{
			list: testList(t, 7, now.Add(-time.Hour), now.Add(23*time.Hour)), now: policy.At(now.Unix()), journal: "ok",
			reports: Reports{Backlog: 3},
		},
	}
	c := Config{
		Gate: st.source, Subscribe: st.source.subscribe,
		Snapshot: get(st.place, func(p *place) *trust.Snapshot { return p.list }),
		Now:      get(st.place, func(p *place) policy.Now { return p.now }),
		Journal:  get(st.place, func(p *place) string { return p.journal }),
		Session: func(id string) (*policy.Session, *policy.Profile) {
			return get(st.place, func(p *place) *policy.Session { return p.sessions[id] })(), &demo
		},
		LaneCount: func(id string) journal.Count {
			return get(st.place, func(p *place) journal.Count { return p.lanes[id] })()
		},
		ZoneCounts: get(st.place, func(p *place) []journal.Count { return p.zones }),
		Reports:    get(st.place, func(p *place) Reports { return p.reports }),
		Foreign:    get(st.place, func(p *place) int { return p.foreign }),
		Wall:       time.Now, Profile: &demo, Version: "test",
		Take: func(b []byte) (uint64, error) {
			if !bytes.HasPrefix(b, []byte("bundle ")) {
				return 0, errors.New("take trust bundle: the signature is not by a pinned root")
			}
			return 8, nil
		},
		SetSession: func(_ string, b []byte) error {
			switch string(b) {
			case `{"event":7}`:
				return fmt.Errorf("%w: event is no text", ErrSession)
			case `{"event":"fault"}`:
				return errors.New("fault")
			}
			return nil
		},
		TakeFeed: func(b []byte) (FeedTaken, error) {
			if !bytes.HasPrefix(b, []byte("feed ")) {
				return FeedTaken{}, errors.New("take feed: not signed by a key that may sign this feed")
			}
			return FeedTaken{Kind: "codes", Scope: "final", Version: 3, Entries: len(b)}, nil
		},
		Log: slog.New(slog.NewTextHandler(st.log, nil)),
	}
	if change != nil {
		change(&c)
	}
	var err error
	if st.Server, err = New(c); err != nil {
		t.Fatal(err)
	}
	if adapt != nil {
		adapt(st.Server)
	}
	st.start(t)
	return st
}

func (st *site) start(t testing.TB) {
	t.Helper()
	page, events := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	scheme := "http://"
	if st.config.TLS != nil {
		scheme = "https://"
	}
	st.page, st.events = scheme+page.Addr().String(), scheme+events.Addr().String()
	served := make(chan error, 1)
	go func() { served <- st.Serve(page, events) }()
	t.Cleanup(func() {
		st.stop(t)
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	for range 100 {
		answer, err := client.Get(st.page + "/healthz")
		if err == nil {
			answer.Body.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the server does not answer")
}

func (st *site) stop(t testing.TB) {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := st.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func listen(t testing.TB, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// ask sends a request; header lines are "Name: value".
func (st *site) ask(t testing.TB, method, path string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	return askAt(t, method, st.page+path, body, header...)
}

func askAt(t testing.TB, method, address string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
		} else {
			r.Header.Set(name, value)
		}
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

// event is one server-sent event.
type event struct{ name, data string }

// subscribe opens an event stream; the channel ends with it.
func (st *site) subscribe(t testing.TB, id string, header ...string) <-chan event {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return st.subscribeUntil(ctx, t, id, header...)
}

// subscribeUntil is subscribe for as long as a context lasts.
func (st *site) subscribeUntil(ctx context.Context, t testing.TB, id string, header ...string) <-chan event {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("%s/v1/lanes/%s/events", st.events, id), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("event stream: got status %d, want 200", answer.StatusCode)
	}
	events := make(chan event, 64)
	go func() {
		defer close(events)
		defer answer.Body.Close()
		var e event
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch {
			case name == "event":
				e.name = value
			case name == "data":
				e.data = value
			case name == "" && e.name != "":
				events <- e
				e = event{}
			}
		}
	}()
	return events
}

// next returns the next event of that name, and fails if none comes.
func next(t testing.TB, events <-chan event, name string) event {
	t.Helper()
	for timeout := time.After(5 * time.Second); ; {
		select {
		case e, ok := <-events:
			if !ok {
				t.Fatalf("the stream ended; want an event %q", name)
			}
			if e.name == name {
				return e
			}
		case <-timeout:
			t.Fatalf("no event %q within 5 s", name)
		}
	}
}
