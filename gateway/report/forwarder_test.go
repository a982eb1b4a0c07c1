package report

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"passerelle/gateway/journal"
	"passerelle/gateway/policy"
)

func openJournal(t testing.TB, dir string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(dir, journal.Options{
		Now: time.Now, Random: rand.Reader, Ballast: 1 << 20, MinFree: 1 << 20, Keep: time.Nanosecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

// grow appends n verdicts, in batches as a lane does.
func grow(t testing.TB, j *journal.Journal, n int) {
	t.Helper()
	profile := policy.Demo()
	for n > 0 {
		batch := make([]journal.Pending, min(n, journal.MaxBatch))
		for i := range batch {
			batch[i] = journal.Pending{Lane: fmt.Sprintf("gate-%d", i%3), At: time.Now(), Profile: &profile}
		}
		if err := j.Commit(batch); err != nil {
			t.Fatal(err)
		}
		n -= len(batch)
	}
}

func allOf(t testing.TB, j *journal.Journal) []journal.Entry {
	t.Helper()
	var entries []journal.Entry
	for head, _ := j.Head(); uint64(len(entries)) < head; {
		before := len(entries)
		var err error
		if entries, err = j.Read(entries, uint64(before)+1, 1000); err != nil || len(entries) == before {
			t.Fatalf("read the journal from %d: %v", before+1, err)
		}
	}
	return entries
}

// wantSame compares what a collector holds with a journal: nothing lost, nothing doubled, in order.
func wantSame(t testing.TB, c *Collector, j *journal.Journal) {
	t.Helper()
	want, got := allOf(t, j), exported(t, c)
	if len(got) != len(want) {
		t.Fatalf("the collector holds %d entries, the journal %d", len(got), len(want))
	}
	for i, e := range want {
		if got[i].Sequence != e.Sequence || string(got[i].Entry) != string(e.Body) {
			t.Fatalf("entry %d: %+v, want %d %s", i, got[i], e.Sequence, e.Body)
		}
	}
}

// forwarding is a forwarder that runs.
type forwarding struct {
	*Forwarder
	alarms *alarms
	stop   func() // waits until it is down
}

// quick makes the waits short, for tests that wait for them.
func quick(dir, url string, secret Secret) ForwarderOptions {
	return ForwarderOptions{
		Dir: dir, URL: url, Secrets: []Secret{secret}, Now: time.Now, Random: mathrand.Int64N,
		Poll: 10 * time.Millisecond, Interval: time.Millisecond, Timeout: 2 * time.Second,
		MinBackoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond,
	}
}

func forward(t testing.TB, j Log, opts ForwarderOptions) *forwarding {
	t.Helper()
	f := &forwarding{alarms: new(alarms)}
	opts.Alarm = f.alarms.add
	var err error
	if f.Forwarder, err = NewForwarder(j, opts); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	var once sync.Once
	f.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("run: %v", err)
			}
			if err := f.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	t.Cleanup(f.stop)
	return f
}

func (f *forwarding) until(t testing.TB, what string, done func(Status) bool) {
	t.Helper()
	wait(t, what, func() bool { return done(f.Status()) })
}

func wait(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func drained(s Status) bool { return s.Backlog == 0 && s.State == StateIdle }

// reports is how many entries go through the bad network.
func reports(t testing.TB) int {
	t.Helper()
	text := os.Getenv("PASSERELLE_REPORTS")
	if text == "" {
		return 10_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("PASSERELLE_REPORTS=%q is not a number", text)
	}
	return n
}

func TestBadNetworkLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	const patience = 250 * time.Millisecond
	n := reports(t)
	dir := t.TempDir()
	j := openJournal(t, filepath.Join(dir, "journal"))
	c := collect(t, filepath.Join(dir, "collector"), CollectorOptions{ConnsPerIP: -1})
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	p := newProxy(t, c.address, seed, 0.3, patience)
	opts := quick(dir, p.url, mustSecret(t, referenceSecret))
	opts.Timeout = patience
	opts.entries = max(n/400, 1) // enough reports for every fault

	began := time.Now()
	written := make(chan struct{})
	go func() { // entries come while others go
		defer close(written)
		for left := n; left > 0; left -= 500 {
			grow(t, j, min(left, 500))
		}
	}()
	f := forward(t, j, opts)
	for range 5 { // restarts of both sides on the way
		before := f.Status().Next
		wait(t, "progress", func() bool { return f.Status().Next >= before+uint64(n)/20 })
		f.stop()
		f = forward(t, j, opts)
	}
	c.stop()
	c = collect(t, filepath.Join(dir, "collector"), CollectorOptions{ConnsPerIP: -1})
	p.setTarget(c.address)
	<-written
	f.until(t, "everything is reported", func(s Status) bool {
		head, _ := j.Head()
		return drained(s) && s.Next == head+1
	})
	took := time.Since(began)
	f.stop()
	wantSame(t, c.Collector, j)
	if gaps := c.alarms.count(AlarmGap); gaps != 0 {
		t.Errorf("%d times entries came out of order", gaps)
	}
	if s := f.Status(); s.Parked != 0 || s.Missing != 0 {
		t.Errorf("status %+v", s)
	}
	if got := j.Acknowledged(); got != uint64(n) {
		t.Errorf("acknowledged up to %d, want %d", got, n)
	}
	for fault, times := range p.counts {
		if times == 0 {
			t.Errorf("fault %q never happened", faultNames[fault])
		}
	}
	t.Logf("%d entries in %v, 0 lost, 0 doubled; %v", n, took.Round(time.Millisecond), p)
}

func TestEndpointMayBeDown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := openJournal(t, filepath.Join(dir, "journal"))
	c := collect(t, filepath.Join(dir, "collector"), CollectorOptions{})
	f := forward(t, j, quick(dir, c.url, mustSecret(t, referenceSecret)))
	grow(t, j, 100)
	f.Notify()
	f.until(t, "up", drained)
	c.stop()
	grow(t, j, 2000)
	f.until(t, "it is noticed that the endpoint is down", func(s Status) bool { return s.State == StateWaiting })
	if s := f.Status(); s.Backlog != 2000 || s.LastError == "" || s.LastSuccess.IsZero() {
		t.Errorf("while down: %+v", s)
	}
	f.stop()
	f = forward(t, j, quick(dir, c.url, mustSecret(t, referenceSecret))) // a restart while it is down
	ln, err := net.Listen("tcp", c.address)
	if err != nil {
		t.Skipf("the port is taken: %v", err)
	}
	again, err := OpenCollector(filepath.Join(dir, "collector"), CollectorOptions{
		Now: time.Now, MinFree: 1, Secrets: []Secret{mustSecret(t, referenceSecret)},
	})
	if err != nil {
		t.Fatal(err)
	}
	go again.Serve(ln)
	defer again.Shutdown(context.Background())
	f.until(t, "up again", drained)
	wantSame(t, again, j)
}

// request is what a test's own endpoint saw.
type request struct {
	id   string
	sum  [sha256.Size]byte
	span span
}

// endpoint is a receiver made of a function that returns the status, and perhaps writes headers.
type endpoint struct {
	*httptest.Server
	mu   sync.Mutex
	seen []request
	took []uint64 // sequences that were answered with 2xx, in order
}

func newEndpoint(t testing.TB, answer func(w http.ResponseWriter, b *batch) int) *endpoint {
	t.Helper()
	e := new(endpoint)
	e.Server = httptest.NewServer(e.handler(t, answer))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) handler(t testing.TB, answer func(w http.ResponseWriter, b *batch) int) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		data, err := io.ReadAll(q.Body)
		if err != nil {
			return
		}
		b, err := parseBatch(data)
		if err != nil {
			t.Errorf("%s: %v", q.Header.Get(headerID), err)
			return
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.seen = append(e.seen, request{q.Header.Get(headerID), sha256.Sum256(data), b.span})
		status := answer(w, b)
		if status/100 == 2 {
			for _, x := range b.entries {
				e.took = append(e.took, x.Sequence)
			}
		}
		w.WriteHeader(status)
	}
}

func (e *endpoint) requests() []request {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.seen)
}

func (e *endpoint) sequences() []uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.took)
}

func sequence(n int, without ...uint64) []uint64 {
	var s []uint64
	for i := uint64(1); i <= uint64(n); i++ {
		if !slices.Contains(without, i) {
			s = append(s, i)
		}
	}
	return s
}

func TestRefusedEntriesAreParkedAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 409, 413, 422} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			poison := []uint64{1, 17, 18, 60, 100}
			var cured atomic.Bool
			e := newEndpoint(t, func(w http.ResponseWriter, b *batch) int {
				for _, x := range b.entries {
					if slices.Contains(poison, x.Sequence) && !cured.Load() {
						return status
					}
				}
				return 200
			})
			dir := t.TempDir()
			j := openJournal(t, filepath.Join(dir, "journal"))
			grow(t, j, 100)
			opts := quick(dir, e.URL, mustSecret(t, referenceSecret))
			f := forward(t, j, opts)
			f.until(t, "the others are reported", drained)
			if got, want := e.sequences(), sequence(100, poison...); !slices.Equal(got, want) {
				t.Errorf("taken: %v, want %v", got, want)
			}
			if s := f.Status(); s.Parked != uint64(len(poison)) || f.alarms.count(AlarmParked) != len(poison) {
				t.Errorf("%+v, alarms %v", s, f.alarms.all())
			}
			if got := j.Acknowledged(); got != 100 {
				t.Errorf("acknowledged up to %d, want 100", got)
			}
			if _, err := j.Prune(time.Now().Add(time.Hour)); err != nil { // their text is kept here, not in the journal
				t.Fatal(err)
			}
			f.stop()

			f = forward(t, j, opts)
			var parked []uint64
			for _, p := range f.Parked() {
				parked = append(parked, p.Sequence)
				if p.Status != status || p.Journal != j.ID() || p.At.IsZero() || !strings.Contains(p.Reason, strconv.Itoa(status)) {
					t.Errorf("parked: %+v", p)
				}
			}
			if !slices.Equal(parked, poison) {
				t.Errorf("parked after a restart: %v, want %v", parked, poison)
			}
			before := len(e.requests())
			f.RetryParked()
			wait(t, "each was tried again", func() bool { return len(e.requests()) >= before+len(poison) })
			time.Sleep(50 * time.Millisecond) // one round, not one after another
			if s, tries := f.Status(), len(e.requests())-before; s.Parked != uint64(len(poison)) || tries > len(poison)+1 {
				t.Errorf("refused again, with %d reports: %+v", tries, s)
			}
			cured.Store(true)
			f.RetryParked()
			f.until(t, "no entry is parked", func(s Status) bool { return s.Parked == 0 })
			f.stop()
			got := e.sequences()
			slices.Sort(got)
			head, _ := j.Head() // Prune notes itself in the journal
			if want := sequence(int(head)); !slices.Equal(got, want) {
				t.Errorf("taken in the end: %v, want %v", got, want)
			}
			if f = forward(t, j, opts); len(f.Parked()) != 0 || f.alarms.count(AlarmDamaged) != 0 {
				t.Errorf("after another restart: %v, alarms %v", f.Parked(), f.alarms.all())
			}
		})
	}
}

// While parked entries are tried again, new ones do not wait until all of them were.
func TestNewEntriesDoNotWaitForParkedOnes(t *testing.T) {
	t.Parallel()
	var slow atomic.Bool
	e := newEndpoint(t, func(w http.ResponseWriter, b *batch) int {
		if b.First > 30 {
			return 200
		}
		if slow.Load() {
			time.Sleep(20 * time.Millisecond)
		}
		return 400
	})
	dir := t.TempDir()
	j := openJournal(t, filepath.Join(dir, "journal"))
	grow(t, j, 30)
	opts := quick(dir, e.URL, mustSecret(t, referenceSecret))
	opts.entries = 1
	f := forward(t, j, opts)
	f.until(t, "all are parked", func(s Status) bool { return s.Parked == 30 && drained(s) })
	slow.Store(true)
	before := len(e.requests())
	f.RetryParked()
	wait(t, "the round begins", func() bool { return len(e.requests()) > before })
	grow(t, j, 1)
	f.until(t, "the new one is reported", func(s Status) bool { return s.Backlog == 0 })
	tried := len(e.requests()) - before
	if tried > 20 {
		t.Errorf("the new entry waited for %d parked ones", tried)
	}
	wait(t, "the round ends", func() bool { return len(e.requests()) == before+31 })
	if s := f.Status(); s.Parked != 30 {
		t.Errorf("%+v", s)
	}
}

func TestTooLargeBatchesAreSplit(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, func(w http.ResponseWriter, b *batch) int {
		if len(b.entries) > 7 {
			return http.StatusRequestEntityTooLarge
		}
		return 200
	})
	dir := t.TempDir()
	j := openJournal(t, filepath.Join(dir, "journal"))
	grow(t, j, 1100)
	f := forward(t, j, quick(dir, e.URL, mustSecret(t, referenceSecret)))
	f.until(t, "everything is reported", drained)
	if got, want := e.sequences(), sequence(1100); !slices.Equal(got, want) || f.Status().Parked != 0 {
		t.Errorf("taken %d in order %v, parked %d", len(got), slices.IsSorted(got), f.Status().Parked)
	}
	if largest := e.requests()[0].span.size(); largest != MaxBatchEntries {
		t.Errorf("the first report has %d entries, want %d", largest, MaxBatchEntries)
	}
}

// An endpoint that refuses whatever comes is hardly right about each entry: parking slows down, so that a mistake there
// does not empty the journal into the parking file overnight.
func TestParkingEverythingSlowsDown(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, func(http.ResponseWriter, *batch) int { return 400 })
	dir := t.TempDir()
	j := openJournal(t, filepath.Join(dir, "journal"))
	grow(t, j, 200)
	opts := quick(dir, e.URL, mustSecret(t, referenceSecret))
	opts.MinBackoff, opts.MaxBackoff = time.Hour, time.Hour
	opts.Random = func(n int64) int64 { return n - 1 }
	f := forward(t, j, opts)
	f.until(t, "some are parked", func(s Status) bool { return s.Parked == freeParks+1 })
	time.Sleep(100 * time.Millisecond)
	if s := f.Status(); s.Parked != freeParks+1 || s.Backlog != 200-freeParks-1 {
		t.Errorf("%+v, want %d parked", s, freeParks+1)
	}
}

func TestRefusalsOfUsParkNothing(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 307, 401, 403, 404, 405, 410, 415} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			var elsewhere atomic.Int32
			other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
			defer other.Close()
			var fixed atomic.Bool
			e := newEndpoint(t, func(w http.ResponseWriter, b *batch) int {
				if fixed.Load() {
					return 204
				}
				if status < 400 {
					w.Header().Set("Location", other.URL)
				}
				return status
			})
			dir := t.TempDir()
			j := openJournal(t, filepath.Join(dir, "journal"))
			grow(t, j, 10)
			f := forward(t, j, quick(dir, e.URL, mustSecret(t, referenceSecret)))
			wait(t, "several attempts", func() bool { return len(e.requests()) >= 5 })
			if s := f.Status(); s.State != StateRefused || s.Parked != 0 || s.Backlog != 10 || !strings.Contains(s.LastError, strconv.Itoa(status)) {
				t.Errorf("%+v", s)
			}
			fixed.Store(true)
			f.until(t, "everything is reported", drained)
			if got := e.sequences(); !slices.Equal(got, sequence(10)) {
				t.Errorf("taken: %v", got)
			}
			if n := f.alarms.count(AlarmRefused); n != 1 {
				t.Errorf("%d alarms, want 1", n)
			}
			for _, r := range e.requests() {
				if r.id != e.requests()[0].id || r.sum != e.requests()[0].sum {
					t.Errorf("attempts differ: %v", e.requests())
				}
			}
			if elsewhere.Load() != 0 {
				t.Error("a redirect was followed")
			}
		})
	}
}

func TestWrongClockIsNoRefusal(t *testing.T) {
	t.Parallel()
	t.Run("said by the collector", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		c := collect(t, filepath.Join(dir, "collector"), CollectorOptions{})
		wrongClock(t, dir, c.url)
		if c.Entries() != 10 {
			t.Errorf("%d entries, want 10", c.Entries())
		}
	})
	t.Run("seen by the date of the answer", func(t *testing.T) {
		t.Parallel()
		e := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			at, _ := parseTimestamp(q.Header.Get(headerTimestamp))
			if !fresh(at, time.Now()) {
				w.WriteHeader(http.StatusBadRequest) // as the examples of Standard Webhooks do
			}
		}))
		t.Cleanup(e.Close)
		wrongClock(t, t.TempDir(), e.URL)
	})
}

func wrongClock(t *testing.T, dir, url string) {
	t.Helper()
	var ahead atomic.Int64
	ahead.Store(int64(-48 * time.Hour))
	j := openJournal(t, filepath.Join(dir, "journal"))
	grow(t, j, 10)
	opts := quick(dir, url, mustSecret(t, referenceSecret))
	opts.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	f := forward(t, j, opts)
	f.until(t, "the clock's fault is noticed", func(s Status) bool { return s.State == StateClock })
	time.Sleep(50 * time.Millisecond)
	if s := f.Status(); s.State != StateClock || s.Parked != 0 || s.Backlog != 10 || f.alarms.count(AlarmClock) != 1 {
		t.Errorf("%+v, alarms %v", s, f.alarms.all())
	}
	ahead.Store(0)
	f.until(t, "everything is reported", drained)
	if s := f.Status(); s.Parked != 0 {
		t.Errorf("%+v", s)
	}
}

func TestTheEndpointsWishIsHonouredWithinTheBound(t *testing.T) {
	t.Parallel()
	for name, wish := range map[string]string{
		"seconds": "3600", "date": time.Now().Add(time.Hour).UTC().Format(http.TimeFormat),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const bound = 400 * time.Millisecond
			var times []time.Time
			e := newEndpoint(t, func(w http.ResponseWriter, b *batch) int {
				times = append(times, time.Now())
				w.Header().Set("Retry-After", wish)
				if len(times) == 3 {
					return 200
				}
				return http.StatusServiceUnavailable
			})
			dir := t.TempDir()
			j := openJournal(t, filepath.Join(dir, "journal"))
			grow(t, j, 1)
			opts := quick(dir, e.URL, mustSecret(t, referenceSecret))
			opts.MaxBackoff = bound
			opts.Random = func(int64) int64 { return 0 }
			f := forward(t, j, opts)
			f.until(t, "reported", drained)
			for i := 1; i < 3; i++ {
				if gap := times[i].Sub(times[i-1]); gap < bound || gap > bound+2*time.Second {
					t.Errorf("attempt %d came after %v, want about %v", i+1, gap, bound)
				}
			}
		})
	}
}

func TestBackoffDoublesUpToItsBound(t *testing.T) {
	t.Parallel()
	f := &Forwarder{opts: ForwarderOptions{
		MinBackoff: 500 * time.Millisecond, MaxBackoff: 60 * time.Second, Random: func(n int64) int64 { return n - 1 },
	}}
	for failures, want := range map[int]time.Duration{
		0: 500 * time.Millisecond, 1: 500 * time.Millisecond, 2: time.Second, 3: 2 * time.Second, 7: 32 * time.Second,
		8: 60 * time.Second, 20: 60 * time.Second, 21: 60 * time.Second, 1 << 30: 60 * time.Second,
	} {
		if got := f.backoff(failures, 0); got != want {
			t.Errorf("after %d failures at most %v, want %v", failures, got, want)
		}
	}
	f.opts.Random = func(int64) int64 { return 0 }
	for wish, want := range map[time.Duration]time.Duration{0: 0, time.Second: time.Second, time.Hour: 60 * time.Second} {
		if got := f.backoff(3, wish); got != want {
			t.Errorf("the endpoint asks for %v: %v, want %v", wish, got, want)
		}
	}
}

// A batch whose answer never came is repeated after a restart with the same id and the same bytes, although more entries
// would fit by then.
func TestRestartRepeatsTheSameReport(t *testing.T) {
	t.Parallel()
	var up atomic.Bool
	e := newEndpoint(t, func(w http.ResponseWriter, b *batch) int {
		if up.Load() {
			return 200
		}
		panic(http.ErrAbortHandler) // no answer
	})
	dir := t.TempDir()
	j := openJournal(t, filepath.Join(dir, "journal"))
	opts := quick(dir, e.URL, mustSecret(t, referenceSecret))
	grow(t, j, 30)
	for range 3 {
		before := len(e.requests())
		f := forward(t, j, opts)
		wait(t, "an attempt", func() bool { return len(e.requests()) > before })
		f.stop()
		grow(t, j, 30)
	}
	up.Store(true)
	f := forward(t, j, opts)
	f.until(t, "everything is reported", drained)
	var answered []request
	for _, r := range e.requests() {
		if r.id == batchID(j.ID(), span{1, 30}) {
			answered = append(answered, r)
		}
	}
	if len(answered) < 4 {
		t.Fatalf("%d attempts at the first report: %v", len(answered), e.requests())
	}
	for _, r := range answered {
		if r.sum != answered[0].sum {
			t.Error("an attempt had other bytes")
		}
	}
	if got := e.sequences(); !slices.Equal(got, sequence(120)) {
		t.Errorf("taken: %v", got)
	}
}

// An answer that was left on a kept connection must not count for the next report. Here every answer comes ten
// times, and whatever else comes on the connection is thrown away.
func TestAnswerToAnotherReportDoesNotCount(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := openJournal(t, filepath.Join(dir, "journal"))
	grow(t, j, 40)
	c := collect(t, filepath.Join(dir, "collector"), CollectorOptions{ConnsPerIP: -1})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var thrownAway atomic.Int64
	serve := func(conn net.Conn) {
		defer conn.Close()
		q, data, err := readRequest(conn)
		if err != nil {
			return
		}
		var request bytes.Buffer
		q.Body, q.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
		if err := q.Write(&request); err != nil {
			t.Error(err)
		}
		answer, err := exchange(c.address, request.Bytes())
		if err != nil {
			t.Error(err)
		}
		for range 10 {
			conn.Write(answer)
			time.Sleep(20 * time.Millisecond)
		}
		n, _ := io.Copy(io.Discard, conn)
		thrownAway.Add(n)
	}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	opts := quick(dir, "http://"+ln.Addr().String()+"/v1/reports", mustSecret(t, referenceSecret))
	opts.entries = 5
	f := forward(t, j, opts)
	f.until(t, "everything is reported", drained)
	f.stop()
	wantSame(t, c.Collector, j)
	wait(t, "the rig threw a report away", func() bool { return thrownAway.Load() > 0 })
}

// A connection is kept only for an endpoint whose answers name their report.
func TestConnectionsAreKeptForEndpointsThatNameTheReport(t *testing.T) {
	t.Parallel()
	for name, names := range map[string]bool{"named": true, "not named": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var connections atomic.Int32
			e := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				if names {
					w.Header().Set(headerID, q.Header.Get(headerID))
				}
			}))
			e.Config.ConnState = func(_ net.Conn, s http.ConnState) {
				if s == http.StateNew {
					connections.Add(1)
				}
			}
			e.Start()
			defer e.Close()
			dir := t.TempDir()
			j := openJournal(t, filepath.Join(dir, "journal"))
			grow(t, j, 20)
			opts := quick(dir, e.URL, mustSecret(t, referenceSecret))
			opts.entries = 1
			f := forward(t, j, opts)
			f.until(t, "everything is reported", drained)
			want := int32(20)
			if names {
				want = 2 // the first shows that it names it
			}
			if got := connections.Load(); got != want {
				t.Errorf("20 reports on %d connections, want %d", got, want)
			}
		})
	}
}

func TestPagesAreNoReceipts(t *testing.T) {
	t.Parallel()
	for name, page := range map[string]func(w http.ResponseWriter){
		"a login page": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, "<html>Please pay</html>")
		},
		"a receipt for other entries": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"accepted":1,"duplicate":1}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { page(w) }))
			defer e.Close()
			dir := t.TempDir()
			j := openJournal(t, filepath.Join(dir, "journal"))
			grow(t, j, 3)
			f := forward(t, j, quick(dir, e.URL, mustSecret(t, referenceSecret)))
			f.until(t, "it is noticed", func(s Status) bool { return s.State == StateRefused })
			if s := f.Status(); s.Backlog != 3 || s.Parked != 0 || strings.ContainsAny(s.LastError, "<>") {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestLargeAnswersAreBoundedAndCount(t *testing.T) {
	t.Parallel()
	var attempts atomic.Int32
	var written atomic.Int64
	e := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		attempts.Add(1)
		w.Header().Set("Content-Type", "text/plain")
		n, _ := io.CopyN(w, zeros{}, 64<<20)
		written.Add(n)
	}))
	defer e.Close()
	dir := t.TempDir()
	j := openJournal(t, filepath.Join(dir, "journal"))
	grow(t, j, 3)
	f := forward(t, j, quick(dir, e.URL, mustSecret(t, referenceSecret)))
	f.until(t, "reported", drained)
	if n := attempts.Load(); n != 1 {
		t.Errorf("%d attempts, want 1: the status was there", n)
	}
	wait(t, "the endpoint's answer ends", func() bool { return written.Load() > 0 })
	if n := written.Load(); n > 32<<20 { // what the sockets hold is more than what is read
		t.Errorf("%d bytes of an answer were taken", n)
	}
}

func TestRunEndsWithinARequest(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	reached := make(chan struct{}, 10)
	e := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		reached <- struct{}{}
		<-hang
	}))
	defer e.Close()
	defer close(hang)
	dir := t.TempDir()
	j := openJournal(t, filepath.Join(dir, "journal"))
	grow(t, j, 3)
	opts := quick(dir, e.URL, mustSecret(t, referenceSecret))
	opts.Timeout = time.Minute
	f := forward(t, j, opts)
	<-reached
	if err := f.Run(context.Background()); err == nil {
		t.Error("a second Run at the same time: no error")
	}
	began := time.Now()
	f.stop()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %v to end", took)
	}
}

func TestNotifyWakes(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, func(http.ResponseWriter, *batch) int { return 200 })
	dir := t.TempDir()
	j := openJournal(t, filepath.Join(dir, "journal"))
	opts := quick(dir, e.URL, mustSecret(t, referenceSecret))
	opts.Poll = time.Hour
	f := forward(t, j, opts)
	for i := range 3 {
		grow(t, j, 2)
		f.Notify()
		wait(t, "it is reported", func() bool { return len(e.sequences()) == 2*i+2 })
	}
}

func TestAnotherJournalIsBegunAtItsStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := collect(t, filepath.Join(dir, "collector"), CollectorOptions{})
	opts := quick(dir, c.url, mustSecret(t, referenceSecret))
	former := openJournal(t, filepath.Join(dir, "former"))
	grow(t, former, 50)
	f := forward(t, former, opts)
	f.until(t, "the former is reported", drained)
	f.stop()
	next := openJournal(t, filepath.Join(dir, "next"))
	grow(t, next, 20)
	f = forward(t, next, opts)
	f.until(t, "the next is reported", func(s Status) bool { return drained(s) && s.Journal == next.ID() })
	if f.alarms.count(AlarmReplaced) != 1 {
		t.Errorf("alarms %v", f.alarms.all())
	}
	counts := map[string]int{}
	for _, l := range exported(t, c.Collector) {
		counts[l.Journal]++
	}
	if counts[former.ID()] != 50 || counts[next.ID()] != 20 {
		t.Errorf("entries: %v", counts)
	}
}

func TestMissingEntriesAreAlarmed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := collect(t, filepath.Join(dir, "collector"), CollectorOptions{})
	opts := quick(dir, c.url, mustSecret(t, referenceSecret))
	j := openJournal(t, filepath.Join(dir, "journal"))
	grow(t, j, 10)
	f := forward(t, j, opts)
	f.until(t, "the first are reported", drained)
	f.stop()
	grow(t, j, 10)
	if err := j.Acknowledge(20); err != nil { // somebody else says so: the forwarder did not
		t.Fatal(err)
	}
	dropped, err := j.Prune(time.Now().Add(time.Hour))
	if err != nil || dropped != 20 {
		t.Fatalf("the journal dropped %d entries, %v", dropped, err)
	}
	grow(t, j, 5)
	f = forward(t, j, opts)
	f.until(t, "the last are reported", drained)
	if s := f.Status(); s.Missing != 10 || f.alarms.count(AlarmMissing) != 1 {
		t.Errorf("%+v, alarms %v", s, f.alarms.all())
	}
	if c.alarms.count(AlarmGap) != 1 {
		t.Errorf("the collector's alarms: %v", c.alarms.all())
	}
}

func TestDamagedCursorCostsRepetitionsOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := collect(t, filepath.Join(dir, "collector"), CollectorOptions{})
	opts := quick(dir, c.url, mustSecret(t, referenceSecret))
	j := openJournal(t, filepath.Join(dir, "journal"))
	for round, damage := range []func(string) error{
		func(path string) error { return os.Remove(path) },
		func(path string) error { return os.WriteFile(path, []byte("nonsense"), 0o600) },
		func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte{1}, 2*slotSize), 0o600) },
		func(path string) error { // whole, and says what no forwarder writes
			s, _, err := openSlots(path)
			if err != nil {
				return err
			}
			defer s.close()
			return s.save([]byte(`{"journal":"x","next":1000}`))
		},
	} {
		grow(t, j, 50)
		f := forward(t, j, opts)
		f.until(t, "everything is reported", drained)
		if want := min(round, 1); round > 1 && f.alarms.count(AlarmDamaged) != want {
			t.Errorf("round %d: alarms %v", round, f.alarms.all())
		}
		f.stop()
		if err := damage(filepath.Join(dir, "cursor")); err != nil {
			t.Fatal(err)
		}
	}
	f := forward(t, j, opts)
	f.until(t, "everything is reported", drained)
	wantSame(t, c.Collector, j)
	if kept, _ := filepath.Glob(filepath.Join(dir, "cursor.damaged-*")); len(kept) != 3 {
		t.Errorf("kept: %v, want 3", kept)
	}
}

func TestForwarderOptionsFailClosed(t *testing.T) {
	t.Parallel()
	j := openJournal(t, t.TempDir())
	secret := mustSecret(t, referenceSecret)
	bad := filepath.Join(t.TempDir(), "bad.pem")
	if err := os.WriteFile(bad, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, step := range map[string]struct {
		ok     bool
		change func(*ForwarderOptions)
	}{
		"https":                       {true, func(o *ForwarderOptions) { o.URL = "https://reports.example/v1/reports?x=y" }},
		"http to this machine":        {true, func(o *ForwarderOptions) {}},
		"http to localhost":           {true, func(o *ForwarderOptions) { o.URL = "http://localhost:1/x" }},
		"http to this machine, IPv6":  {true, func(o *ForwarderOptions) { o.URL = "http://[::1]:1/x" }},
		"http elsewhere":              {false, func(o *ForwarderOptions) { o.URL = "http://reports.example/" }},
		"http to another address":     {false, func(o *ForwarderOptions) { o.URL = "http://192.0.2.1/" }},
		"http to a look-alike":        {false, func(o *ForwarderOptions) { o.URL = "http://127.0.0.1.example/" }},
		"http to a short address":     {false, func(o *ForwarderOptions) { o.URL = "http://127.1/" }},
		"http elsewhere, allowed":     {true, func(o *ForwarderOptions) { o.URL = "http://192.0.2.1/"; o.AllowPlain = true }},
		"no URL":                      {false, func(o *ForwarderOptions) { o.URL = "" }},
		"no host":                     {false, func(o *ForwarderOptions) { o.URL = "https:///x" }},
		"another scheme":              {false, func(o *ForwarderOptions) { o.URL = "ftp://127.0.0.1/" }},
		"no scheme":                   {false, func(o *ForwarderOptions) { o.URL = "127.0.0.1/x" }},
		"a password in the URL":       {false, func(o *ForwarderOptions) { o.URL = "https://a:hunter2@reports.example/" }},
		"a broken URL with one":       {false, func(o *ForwarderOptions) { o.URL = "https://a:hunter2@reports.example:x/" }},
		"a fragment":                  {false, func(o *ForwarderOptions) { o.URL = "https://reports.example/#x" }},
		"the longest box name":        {true, func(o *ForwarderOptions) { o.Box = strings.Repeat("x", maxBoxName) }},
		"a longer box name":           {false, func(o *ForwarderOptions) { o.Box = strings.Repeat("x", maxBoxName+1) }},
		"a box name with a line end":  {false, func(o *ForwarderOptions) { o.Box = "a\r\nHost: b" }},
		"no secret":                   {false, func(o *ForwarderOptions) { o.Secrets = nil }},
		"an empty secret":             {false, func(o *ForwarderOptions) { o.Secrets = []Secret{{}} }},
		"too many secrets":            {false, func(o *ForwarderOptions) { o.Secrets = slices.Repeat(o.Secrets, maxSecrets+1) }},
		"no clock":                    {false, func(o *ForwarderOptions) { o.Now = nil }},
		"no randomness":               {false, func(o *ForwarderOptions) { o.Random = nil }},
		"no folder":                   {false, func(o *ForwarderOptions) { o.Dir = "" }},
		"a folder that is not there":  {false, func(o *ForwarderOptions) { o.Dir = filepath.Join(o.Dir, "none") }},
		"no authority":                {false, func(o *ForwarderOptions) { o.URL = "https://a/"; o.CAFile = bad + "x" }},
		"an authority that is none":   {false, func(o *ForwarderOptions) { o.URL = "https://a/"; o.CAFile = bad }},
		"a certificate that is none":  {false, func(o *ForwarderOptions) { o.URL = "https://a/"; o.CertFile, o.KeyFile = bad, bad }},
		"a certificate without a key": {false, func(o *ForwarderOptions) { o.URL = "https://a/"; o.CertFile = bad }},
	} {
		opts := quick(t.TempDir(), "http://127.0.0.1:1/x", secret)
		step.change(&opts)
		f, err := NewForwarder(j, opts)
		if (err == nil) != step.ok {
			t.Errorf("%s: %v, want ok %v", name, err, step.ok)
		}
		if err == nil {
			f.Close()
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows the password: %v", name, err)
		}
	}
}

// A name may lead anywhere, so the address that was reached is looked at as well.
func TestPlainConnectionsStayOnThisMachine(t *testing.T) {
	t.Parallel()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	var outside net.IP
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
			outside = n.IP
		}
	}
	if outside == nil {
		t.Skip("this machine has no address but its loopback: nothing to test with")
	}
	ln, err := net.Listen("tcp", net.JoinHostPort(outside.String(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	opts := quick(t.TempDir(), "http://localhost:1/", mustSecret(t, referenceSecret))
	for allowed, want := range map[bool]error{false: errPlain, true: nil} {
		opts.AllowPlain = allowed
		s, err := newSender(&opts)
		if err != nil {
			t.Fatal(err)
		}
		s.ctx = t.Context()
		conn, err := s.dial(ln.Addr().String())
		if !errors.Is(err, want) {
			t.Errorf("allowed %v: %v, want %v", allowed, err, want)
		}
		if err == nil {
			conn.Close()
		}
	}
}

func TestDrainingIsFast(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := openJournal(t, filepath.Join(dir, "journal"))
	grow(t, j, 20_000)
	c := collect(t, filepath.Join(dir, "collector"), CollectorOptions{})
	began := time.Now()
	f := forward(t, j, quick(dir, c.url, mustSecret(t, referenceSecret)))
	f.until(t, "everything is reported", drained)
	took := time.Since(began)
	t.Logf("20,000 entries in %v: %.0f entries/s", took.Round(time.Millisecond), 20_000/took.Seconds())
	if c.Entries() != 20_000 {
		t.Errorf("%d entries", c.Entries())
	}
}

func TestEveryCursorThatIsSavedIsRead(t *testing.T) {
	t.Parallel()
	c := cursor{Journal: testJournal, Next: 7, Pending: []span{{7, 506}}, Parked: 3, Missing: 2}
	for {
		data, err := c.encode()
		if err != nil || len(data) > slotRoom {
			t.Fatalf("%d bytes, %v", len(data), err)
		}
		got, err := decodeCursor(data)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(c) {
			t.Fatalf("%s: %+v, %v", data, got, err)
		}
		if c.Pending[0].size() == 1 {
			break
		}
		c.halve()
	}
	if len(c.Pending) > maxPending {
		t.Errorf("%d ranges, limit %d", len(c.Pending), maxPending)
	}
	for name, text := range map[string]string{
		"nothing":              ``,
		"another member":       `{"journal":"` + testJournal + `","next":1,"pending":null,"parked":0,"missing":0,"more":1}`,
		"two values":           `{"journal":"` + testJournal + `"}{}`,
		"no journal":           `{"next":1}`,
		"range before next":    `{"journal":"` + testJournal + `","next":2,"pending":[{"First":1,"Last":1}]}`,
		"range behind next":    `{"journal":"` + testJournal + `","next":2,"pending":[{"First":3,"Last":3}]}`,
		"range backwards":      `{"journal":"` + testJournal + `","next":2,"pending":[{"First":2,"Last":1}]}`,
		"range of 501":         `{"journal":"` + testJournal + `","next":1,"pending":[{"First":1,"Last":501}]}`,
		"hole between ranges":  `{"journal":"` + testJournal + `","next":1,"pending":[{"First":1,"Last":2},{"First":4,"Last":4}]}`,
		"a range without next": `{"journal":"` + testJournal + `","next":0,"pending":[{"First":0,"Last":4}]}`,
	} {
		if c, err := decodeCursor([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestHashIsTheJournals(t *testing.T) {
	t.Parallel()
	j := openJournal(t, t.TempDir())
	grow(t, j, 300)
	if _, err := j.Note("", time.Now(), "start", map[string]string{"text": "a \"b\" <c>\n\x1b é " + strings.Repeat("x", 400)}); err != nil {
		t.Fatal(err)
	}
	entries := allOf(t, j)
	for i := range entries {
		if entryHash(j.ID(), &entries[i]) != entries[i].Hash {
			t.Fatalf("entry %d: another hash than the journal's", entries[i].Sequence)
		}
	}
	data := appendBatch(nil, j.ID(), entries)
	if b, err := parseBatch(data); err != nil || len(b.entries) != len(entries) {
		t.Errorf("what the journal writes is not read: %v", err)
	}
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		t.Error(err)
	}
}
