package report

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"passerelle/gateway/journal"
)

// alarms gathers what was alarmed.
type alarms struct {
	mu   sync.Mutex
	seen []Alarm
}

func (a *alarms) add(x Alarm) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen = append(a.seen, x)
}

func (a *alarms) count(k AlarmKind) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, x := range a.seen {
		if x.Kind == k {
			n++
		}
	}
	return n
}

func (a *alarms) all() []Alarm {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.seen)
}

// running is a collector that serves on loopback.
type running struct {
	*Collector
	address string
	url     string
	alarms  *alarms
	stop    func() // waits until it is down
}

func collect(t testing.TB, dir string, opts CollectorOptions) *running {
	t.Helper()
	r := &running{alarms: new(alarms)}
	if opts.Secrets == nil && opts.Boxes == nil {
		opts.Secrets = []Secret{mustSecret(t, referenceSecret)}
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.MinFree == 0 {
		opts.MinFree = 1
	}
	opts.Alarm = r.alarms.add
	var err error
	if r.Collector, err = OpenCollector(dir, opts); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.address = ln.Addr().String()
	r.url = "http://" + r.address + "/v1/reports"
	served := make(chan error, 1)
	go func() { served <- r.Serve(ln) }()
	var once sync.Once
	r.stop = func() {
		once.Do(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			if err := r.Shutdown(ctx); err != nil {
				t.Errorf("shutdown: %v", err)
			}
			if err := <-served; err != nil {
				t.Errorf("serve: %v", err)
			}
		})
	}
	t.Cleanup(r.stop)
	return r
}

// signed makes a report as a forwarder would.
func signed(t testing.TB, url string, data []byte, id string, change func(*http.Request)) *http.Request {
	t.Helper()
	q, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set(headerID, id)
	q.Header.Set(headerKey, id)
	q.Header.Set(headerTimestamp, timestamp)
	q.Header.Set(headerSignature, sign([]Secret{mustSecret(t, referenceSecret)}, id, timestamp, data))
	if change != nil {
		change(q)
	}
	return q
}

// send returns the status and the body of the answer.
func send(t testing.TB, q *http.Request) (int, string) {
	t.Helper()
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(data)
}

func sendEntries(t testing.TB, r *running, journalID string, entries []journal.Entry) (int, string) {
	t.Helper()
	data := appendBatch(nil, journalID, entries)
	id := batchID(journalID, span{entries[0].Sequence, entries[len(entries)-1].Sequence})
	return send(t, signed(t, r.url, data, id, nil))
}

func get(t testing.TB, url string, change func(*http.Request)) (int, string) {
	t.Helper()
	q, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(q)
	}
	return send(t, q)
}

// line is one exported entry.
type line struct {
	Journal  string          `json:"journal"`
	Sequence uint64          `json:"sequence"`
	Box      string          `json:"box"`
	Hash     string          `json:"hash"`
	Entry    json.RawMessage `json:"entry"`
}

func exported(t testing.TB, c *Collector) []line {
	t.Helper()
	var lines []line
	for next := ""; ; {
		var out bytes.Buffer
		var err error
		if next, err = c.Export(&out, next, MaxExportEntries); err != nil {
			t.Fatal(err)
		}
		for text := range bytes.Lines(out.Bytes()) {
			var l line
			if err := json.Unmarshal(text, &l); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			lines = append(lines, l)
		}
		if next == "" {
			return lines
		}
	}
}

func TestEntriesAreKeptOnce(t *testing.T) {
	t.Parallel()
	c := collect(t, t.TempDir(), CollectorOptions{})
	entries := chain(testJournal, 20, "x")
	for _, step := range []struct {
		name       string
		from, to   int
		wantAnswer string
	}{
		{"first", 0, 5, `{"accepted":5,"duplicate":0}`},
		{"the same again", 0, 5, `{"accepted":0,"duplicate":5}`},
		{"overlapping", 3, 9, `{"accepted":4,"duplicate":2}`},
		{"one that is held", 2, 3, `{"accepted":0,"duplicate":1}`},
		{"after a gap", 12, 20, `{"accepted":8,"duplicate":0}`},
		{"the gap", 8, 13, `{"accepted":3,"duplicate":2}`},
		{"all", 0, 20, `{"accepted":0,"duplicate":20}`},
	} {
		status, answer := sendEntries(t, c, testJournal, entries[step.from:step.to])
		if status != 200 || strings.TrimSpace(answer) != step.wantAnswer {
			t.Errorf("%s: %d %s, want 200 %s", step.name, status, answer, step.wantAnswer)
		}
	}
	if got := c.Entries(); got != 20 {
		t.Errorf("%d entries, want 20", got)
	}
	for i, l := range exported(t, c.Collector) {
		if l.Sequence != uint64(i+1) || l.Journal != testJournal || string(l.Entry) != string(entries[i].Body) {
			t.Errorf("line %d: %+v", i, l)
		}
	}
	if n := c.alarms.count(AlarmGap); n != 1 {
		t.Errorf("%d alarms of a gap, want 1: %v", n, c.alarms.all())
	}
	if n := len(c.alarms.all()); n != 1 {
		t.Errorf("%d alarms, want 1: %v", n, c.alarms.all())
	}
}

func TestCollectorKeepsItsEntriesOverARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	entries := chain(testJournal, 10, "x")
	for i := range 5 {
		c := collect(t, dir, CollectorOptions{})
		if got := c.Entries(); got != uint64(2*i) {
			t.Errorf("start %d: %d entries, want %d", i, got, 2*i)
		}
		if status, answer := sendEntries(t, c, testJournal, entries[:2*i+2]); status != 200 ||
			strings.TrimSpace(answer) != fmt.Sprintf(`{"accepted":2,"duplicate":%d}`, 2*i) {
			t.Errorf("start %d: %d %s", i, status, answer)
		}
		c.stop()
		if status, err := c.Export(io.Discard, "", 1); !errors.Is(err, errClosed) {
			t.Errorf("export after the end: %q, %v", status, err)
		}
	}
}

func TestOlderOrEditedJournalIsRefused(t *testing.T) {
	t.Parallel()
	c := collect(t, t.TempDir(), CollectorOptions{})
	known := chain(testJournal, 10, "x")
	if status, answer := sendEntries(t, c, testJournal, known); status != 200 {
		t.Fatalf("%d %s", status, answer)
	}
	// A card restored from a copy: it has the first six entries and goes on differently.
	fork := slices.Clone(known[:6])
	for i := 6; i < 14; i++ {
		e := journal.Entry{Sequence: uint64(i + 1), Previous: fork[i-1].Hash, Body: fmt.Appendf(nil, `{"lane":"a","event":"x","n":%d}`, i)}
		e.Hash = entryHash(testJournal, &e)
		fork = append(fork, e)
	}
	for name, part := range map[string][]journal.Entry{
		"goes on from an older state":  fork[6:8],
		"old and new entries together": fork[4:8],
		"beyond what is known":         fork[10:12],
		"from the start":               fork,
		"a whole other chain":          chain(testJournal, 3, "other"),
	} {
		before := c.alarms.count(AlarmConflict)
		status, answer := sendEntries(t, c, testJournal, part)
		if status != http.StatusConflict || !strings.Contains(answer, codeConflict) {
			t.Errorf("%s: %d %s, want 409", name, status, answer)
		}
		if c.alarms.count(AlarmConflict) != before+1 {
			t.Errorf("%s: no alarm", name)
		}
	}
	if got := c.Entries(); got != 10 {
		t.Errorf("%d entries, want 10", got)
	}
	// Far beyond what is known nothing can be compared: it is taken, and the gap is alarmed until it is filled.
	if status, answer := sendEntries(t, c, testJournal, fork[12:14]); status != 200 || c.alarms.count(AlarmGap) != 1 {
		t.Errorf("after a gap: %d %s, alarms %v", status, answer, c.alarms.all())
	}
	if status, answer := sendEntries(t, c, testJournal, fork[11:12]); status != 200 {
		t.Errorf("before what was taken: %d %s", status, answer)
	}
	wrong := journal.Entry{Sequence: 11, Previous: known[9].Hash, Body: []byte(`{"lane":"a"}`)}
	wrong.Hash = entryHash(testJournal, &wrong)
	if status, answer := sendEntries(t, c, testJournal, []journal.Entry{wrong}); status != http.StatusConflict {
		t.Errorf("does not fit before what is held: %d %s, want 409", status, answer)
	}
}

func TestReportsAreAuthenticated(t *testing.T) {
	t.Parallel()
	c := collect(t, t.TempDir(), CollectorOptions{})
	entries := chain(testJournal, 2, "x")
	data, id := body(entries), batchID(testJournal, span{1, 2})
	stranger, _ := NewSecret(bytes.NewReader(make([]byte, 32)))
	resign := func(q *http.Request, s Secret, id string, at time.Time) {
		timestamp := strconv.FormatInt(at.Unix(), 10)
		q.Header.Set(headerID, id)
		q.Header.Set(headerKey, id)
		q.Header.Set(headerTimestamp, timestamp)
		q.Header.Set(headerSignature, sign([]Secret{s}, id, timestamp, data))
	}
	own := mustSecret(t, referenceSecret)
	for _, step := range []struct {
		name   string
		change func(*http.Request)
		status int
		code   string
	}{
		{"no signature", func(q *http.Request) { q.Header.Del(headerSignature) }, 401, codeSignature},
		{"malformed signature", func(q *http.Request) { q.Header.Set(headerSignature, "v1,abc") }, 401, codeSignature},
		{"only another scheme", func(q *http.Request) { q.Header.Set(headerSignature, "v1a,abc") }, 401, codeSignature},
		{"another secret", func(q *http.Request) { resign(q, stranger, id, time.Now()) }, 401, codeSignature},
		{"another id than was signed", func(q *http.Request) {
			q.Header.Set(headerID, testJournal+"/1-3")
			q.Header.Del(headerKey)
		}, 401, codeSignature},
		{"another time than was signed", func(q *http.Request) { q.Header.Set(headerTimestamp, "1700000000") }, 401, codeSignature},
		{"no time", func(q *http.Request) { q.Header.Del(headerTimestamp) }, 401, codeSignature},
		{"malformed time", func(q *http.Request) { q.Header.Set(headerTimestamp, "now") }, 401, codeSignature},
		{"no id", func(q *http.Request) { q.Header.Del(headerID) }, 400, codeHeaders},
		{"another idempotency-key", func(q *http.Request) { q.Header.Set(headerKey, "x") }, 400, codeHeaders},
		{"id twice", func(q *http.Request) { q.Header.Add(headerID, id) }, 400, codeHeaders},
		{"signature twice", func(q *http.Request) { q.Header.Add(headerSignature, "v1,x") }, 400, codeHeaders},
		{"a box that is not known", func(q *http.Request) { q.Header.Set(headerBox, "gate-1") }, 401, codeSignature},
		{"id of another batch", func(q *http.Request) { resign(q, own, testJournal+"/1-3", time.Now()) }, 400, codeHeaders},
		{"id with a full stop", func(q *http.Request) { resign(q, own, "a.1", time.Now()) }, 401, codeSignature},
		{"too old", func(q *http.Request) { resign(q, own, id, time.Now().Add(-Tolerance-2*time.Second)) }, 401, codeTimestamp},
		{"from the future", func(q *http.Request) { resign(q, own, id, time.Now().Add(Tolerance+2*time.Second)) }, 401, codeTimestamp},
		{"another media type", func(q *http.Request) { q.Header.Set("Content-Type", "text/plain") }, 415, codeMedia},
		{"no media type", func(q *http.Request) { q.Header.Del("Content-Type") }, 415, codeMedia},
		{"a form", func(q *http.Request) { q.Header.Set("Content-Type", "multipart/form-data; boundary=x") }, 415, codeMedia},
		{"compressed", func(q *http.Request) { q.Header.Set("Content-Encoding", "gzip") }, 415, codeMedia},
	} {
		status, answer := send(t, signed(t, c.url, data, id, step.change))
		var said struct{ Error, Detail string }
		if err := json.Unmarshal([]byte(answer), &said); err != nil {
			t.Errorf("%s: %q is not JSON", step.name, answer)
		}
		if status != step.status || said.Error != step.code {
			t.Errorf("%s: %d %s, want %d %s", step.name, status, answer, step.status, step.code)
		}
	}
	if got := c.Entries(); got != 0 {
		t.Errorf("%d entries were taken", got)
	}
	q := signed(t, c.url, data, id, func(q *http.Request) { q.Header.Set("Content-Type", "application/json; charset=utf-8") })
	if status, answer := send(t, q); status != 200 {
		t.Errorf("a right report: %d %s", status, answer)
	}
}

func TestBadBatchesAreRefusedWhole(t *testing.T) {
	t.Parallel()
	c := collect(t, t.TempDir(), CollectorOptions{})
	entries := chain(testJournal, 3, "x")
	good := body(entries)
	broken := slices.Clone(entries)
	broken[1].Previous[0] ^= 1
	broken[1].Hash = entryHash(testJournal, &broken[1])
	edited := bytes.Replace(good, []byte("gate-2"), []byte("gate-9"), 1)
	for _, step := range []struct {
		name   string
		data   []byte
		status int
		code   string
	}{
		{"not JSON", []byte("hello"), 400, codeForm},
		{"empty", nil, 400, codeForm},
		{"last entry edited", edited, 400, codeChain},
		{"chain broken", body(broken), 400, codeChain},
		{"too many entries", body(chain(testJournal, MaxBatchEntries+1, "x")), 413, codeLarge},
	} {
		status, answer := send(t, signed(t, c.url, step.data, batchID(testJournal, span{1, 3}), nil))
		if status != step.status || !strings.Contains(answer, step.code) {
			t.Errorf("%s: %d %s, want %d %s", step.name, status, answer, step.status, step.code)
		}
	}
	if got := c.Entries(); got != 0 {
		t.Errorf("%d entries were taken", got)
	}
	if status, answer := sendEntries(t, c, testJournal, chain(testJournal, MaxBatchEntries, "x")); status != 200 {
		t.Errorf("the most entries: %d %s", status, answer)
	}
}

func TestSecretsRotate(t *testing.T) {
	t.Parallel()
	next, _ := NewSecret(bytes.NewReader(bytes.Repeat([]byte{9}, 32)))
	c := collect(t, t.TempDir(), CollectorOptions{Secrets: []Secret{next, mustSecret(t, referenceSecret)}})
	entries := chain(testJournal, 4, "x")
	if status, answer := sendEntries(t, c, testJournal, entries[:2]); status != 200 {
		t.Errorf("former secret: %d %s", status, answer)
	}
	data, id := body(entries), batchID(testJournal, span{1, 4})
	status, answer := send(t, signed(t, c.url, data, id, func(q *http.Request) {
		q.Header.Set(headerSignature, sign([]Secret{next}, id, q.Header.Get(headerTimestamp), data))
	}))
	if status != 200 {
		t.Errorf("next secret: %d %s", status, answer)
	}
}

func TestAJournalBelongsToOneBox(t *testing.T) {
	t.Parallel()
	one, _ := NewSecret(bytes.NewReader(bytes.Repeat([]byte{1}, 32)))
	two, _ := NewSecret(bytes.NewReader(bytes.Repeat([]byte{2}, 32)))
	shared := mustSecret(t, referenceSecret)
	c := collect(t, t.TempDir(), CollectorOptions{
		Secrets: []Secret{shared}, Boxes: map[string][]Secret{"gate-1": {one}, "gate-2": {two}},
	})
	entries := chain(testJournal, 6, "x")
	as := func(box string, s Secret, n int) (int, string) {
		data, id := body(entries[:n]), batchID(testJournal, span{1, uint64(n)})
		return send(t, signed(t, c.url, data, id, func(q *http.Request) {
			if box != "" {
				q.Header.Set(headerBox, box)
			}
			q.Header.Set(headerSignature, sign([]Secret{s}, id, q.Header.Get(headerTimestamp), data))
		}))
	}
	for _, step := range []struct {
		name, box string
		secret    Secret
		entries   int
		status    int
	}{
		{"without a name at first", "", shared, 1, 200},
		{"then with one", "gate-1", one, 2, 200},
		{"with the secret of another", "gate-1", two, 3, 401},
		{"with the shared secret", "gate-1", shared, 3, 401},
		{"another box", "gate-2", two, 3, 403},
		{"without a name again", "", shared, 3, 403},
		{"an unknown box", "gate-3", one, 3, 401},
		{"its own", "gate-1", one, 3, 200},
	} {
		if status, answer := as(step.box, step.secret, step.entries); status != step.status {
			t.Errorf("%s: %d %s, want %d", step.name, status, answer, step.status)
		}
	}
	if n := c.alarms.count(AlarmForeign); n != 2 {
		t.Errorf("%d alarms of a foreign box, want 2", n)
	}
	for _, l := range exported(t, c.Collector) {
		if l.Box != "gate-1" {
			t.Errorf("entry %d is of box %q", l.Sequence, l.Box)
		}
	}
}

func TestCollectorOptionsFailClosed(t *testing.T) {
	t.Parallel()
	s := mustSecret(t, referenceSecret)
	for name, o := range map[string]CollectorOptions{
		"nothing":           {},
		"no clock":          {Secrets: []Secret{s}},
		"no secret":         {Now: time.Now},
		"empty secret":      {Now: time.Now, Secrets: []Secret{{}}},
		"too many secrets":  {Now: time.Now, Secrets: slices.Repeat([]Secret{s}, maxSecrets+1)},
		"box without one":   {Now: time.Now, Boxes: map[string][]Secret{"a": nil}},
		"box without name":  {Now: time.Now, Boxes: map[string][]Secret{"": {s}}},
		"box of a bad name": {Now: time.Now, Boxes: map[string][]Secret{"a\"b": {s}}},
		"box of a long name": {
			Now: time.Now, Boxes: map[string][]Secret{strings.Repeat("x", maxBoxName+1): {s}},
		},
	} {
		if c, err := OpenCollector(t.TempDir(), o); err == nil {
			t.Errorf("%s: no error", name)
			c.Shutdown(context.Background())
		}
	}
	c, err := OpenCollector(t.TempDir(), CollectorOptions{
		Now: time.Now, MinFree: 1, Boxes: map[string][]Secret{strings.Repeat("x", maxBoxName): {s}},
	})
	if err != nil {
		t.Fatalf("the longest name: %v", err)
	}
	c.Shutdown(context.Background())
}

func TestReadingNeedsThisMachineOrTheSecret(t *testing.T) {
	t.Parallel()
	c := collect(t, t.TempDir(), CollectorOptions{})
	sendEntries(t, c, testJournal, chain(testJournal, 2, "x"))
	base := "http://" + c.address
	bearer := func(q *http.Request) { q.Header.Set("Authorization", "Bearer "+referenceSecret) }
	for _, step := range []struct {
		name   string
		change func(*http.Request)
		status int
	}{
		{"on this machine", nil, 200},
		{"by the name localhost", func(q *http.Request) { q.Host = "localhost:1234" }, 200},
		{"by another name", func(q *http.Request) { q.Host = "collector.example" }, 401},
		{"by another name, with the secret", func(q *http.Request) { q.Host = "collector.example"; bearer(q) }, 200},
		{"passed on by a proxy", func(q *http.Request) { q.Header.Set("X-Forwarded-For", "192.0.2.1") }, 401},
		{"passed on, another way", func(q *http.Request) { q.Header.Set("Forwarded", "for=192.0.2.1") }, 401},
		{"passed on, with the secret", func(q *http.Request) { q.Header.Set("Via", "1.1 x"); bearer(q) }, 200},
		{"passed on, wrong secret", func(q *http.Request) {
			q.Header.Set("Via", "1.1 x")
			q.Header.Set("Authorization", "Bearer "+referenceSecret[:len(referenceSecret)-1]+"x")
		}, 401},
		{"passed on, empty secret", func(q *http.Request) {
			q.Header.Set("Via", "1.1 x")
			q.Header.Set("Authorization", "Bearer ")
		}, 401},
	} {
		for _, path := range []string{"/v1/reports", "/metrics"} {
			status, answer := get(t, base+path, step.change)
			if status != step.status {
				t.Errorf("%s, %s: %d %s, want %d", step.name, path, status, answer, step.status)
			}
			if status != 200 && strings.Contains(answer, "gate-") {
				t.Errorf("%s, %s: the refusal shows entries", step.name, path)
			}
		}
	}
}

func TestExportGoesOnPageByPage(t *testing.T) {
	t.Parallel()
	c := collect(t, t.TempDir(), CollectorOptions{})
	const other = "ffeeddccbbaa99887766554433221100"
	sendEntries(t, c, testJournal, chain(testJournal, 25, "x"))
	sendEntries(t, c, other, chain(other, 10, "y"))
	base := "http://" + c.address
	var got []string
	pages := 0
	for path := "/v1/reports?limit=7"; path != ""; pages++ {
		q, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(q.Body)
		q.Body.Close()
		if err != nil || q.StatusCode != 200 || q.Header.Get("Content-Type") != "application/x-ndjson" {
			t.Fatalf("%d %s %v", q.StatusCode, data, err)
		}
		for text := range bytes.Lines(data) {
			var l line
			if err := json.Unmarshal(text, &l); err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%s/%d", l.Journal[:2], l.Sequence))
		}
		path = ""
		if link := q.Header.Get("Link"); link != "" {
			path, _, _ = strings.Cut(strings.TrimPrefix(link, "<"), ">")
		}
	}
	var want []string
	for i := range 25 {
		want = append(want, fmt.Sprintf("00/%d", i+1))
	}
	for i := range 10 {
		want = append(want, fmt.Sprintf("ff/%d", i+1))
	}
	if !slices.Equal(got, want) || pages != 5 {
		t.Errorf("%d pages: %v, want 5: %v", pages, got, want)
	}
	for _, query := range []string{"after=x", "after=" + testJournal, "after=" + testJournal + "/x", "limit=0", "limit=x", "after=" + testJournal + "/9007199254740992"} {
		if status, answer := get(t, base+"/v1/reports?"+query, nil); status != 400 {
			t.Errorf("%s: %d %s, want 400", query, status, answer)
		}
	}
}

func TestVerdictsAreCounted(t *testing.T) {
	t.Parallel()
	c := collect(t, t.TempDir(), CollectorOptions{})
	entries := chain(testJournal, 7, "x") // admit deny refer admit deny refer admit
	note := journal.Entry{Sequence: 8, Previous: entries[6].Hash, Body: []byte(`{"lane":"","event":"start","verdict":"admit"}`)}
	note.Hash = entryHash(testJournal, &note)
	odd := journal.Entry{Sequence: 9, Previous: note.Hash, Body: []byte(`{"lane":"","event":"verdict","verdict":"a\"}\nb 1"}`)}
	odd.Hash = entryHash(testJournal, &odd)
	entries = append(entries, note, odd)
	for range 2 {
		if status, answer := sendEntries(t, c, testJournal, entries); status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
	}
	get(t, "http://"+c.address+"/nothing", nil)
	_, text := get(t, "http://"+c.address+"/metrics", nil)
	for _, want := range []string{
		`passerelle_collector_entries_total{event="verdict",verdict="admit"} 3`,
		`passerelle_collector_entries_total{event="verdict",verdict="deny"} 2`,
		`passerelle_collector_entries_total{event="verdict",verdict="refer"} 2`,
		`passerelle_collector_entries_total{event="verdict",verdict="other"} 1`,
		`passerelle_collector_entries_total{event="other",verdict=""} 1`,
		`passerelle_collector_duplicates_total 9`,
		`passerelle_collector_requests_total{status="200"} 2`,
		`passerelle_collector_requests_total{status="404"} 1`,
		`passerelle_collector_entries 9`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("metrics lack %s:\n%s", want, text)
		}
	}
}

func TestFullDiskIsRefusedCleanly(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	free := uint64(100)
	setFree := func(n uint64) {
		mu.Lock()
		defer mu.Unlock()
		free = n
	}
	c := collect(t, t.TempDir(), CollectorOptions{MinFree: 100, Free: func(string) (uint64, error) {
		mu.Lock()
		defer mu.Unlock()
		return free, nil
	}})
	entries := chain(testJournal, 4, "x")
	for _, step := range []struct {
		free                  uint64
		entries, want, health int
	}{
		{100, 2, 200, 200}, {99, 4, 507, 503}, {0, 4, 507, 503}, {100, 4, 200, 200},
	} {
		setFree(step.free)
		if status, answer := sendEntries(t, c, testJournal, entries[:step.entries]); status != step.want {
			t.Errorf("%d bytes free: %d %s, want %d", step.free, status, answer, step.want)
		}
		if status, answer := get(t, "http://"+c.address+"/healthz", nil); status != step.health {
			t.Errorf("%d bytes free: health %d %s, want %d", step.free, status, answer, step.health)
		}
	}
	if c.alarms.count(AlarmSpace) != 2 || c.Entries() != 4 {
		t.Errorf("%d entries, alarms %v", c.Entries(), c.alarms.all())
	}
	if _, err := OpenCollector(t.TempDir(), CollectorOptions{
		Now: time.Now, Secrets: []Secret{mustSecret(t, referenceSecret)}, MinFree: 100,
		Free: func(string) (uint64, error) { return 49, nil },
	}); !errors.Is(err, errSpace) {
		t.Errorf("opened on a full disk: %v, want %v", err, errSpace)
	}
}

// Whatever byte of a small store is damaged, and whichever file is gone: either it is noticed, or every entry is there.
func TestDamagedStoreIsNoticed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 { // the second start moves the log into a table
		c := collect(t, dir, CollectorOptions{})
		entries := chain(testJournal, 60, "x")
		if status, answer := sendEntries(t, c, testJournal, entries[:30+c.count60()]); status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
		c.stop()
	}
	files := map[string][]byte{}
	for _, pattern := range []string{"head", "store/*"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			relative, _ := filepath.Rel(dir, name)
			files[relative] = data
		}
	}
	outcomes := map[string]int{}
	try := func(name string, change func() []byte) {
		copied := t.TempDir()
		if err := os.Mkdir(filepath.Join(copied, "store"), 0o700); err != nil {
			t.Fatal(err)
		}
		for other, data := range files {
			if other == name {
				if data = change(); data == nil {
					continue
				}
			}
			if err := os.WriteFile(filepath.Join(copied, other), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		outcomes[openDamaged(t, name, copied)]++
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		data := files[name]
		try(name, func() []byte { return nil })
		used := slices.Collect(func(yield func(int) bool) {
			for i, b := range data {
				if b != 0 && !yield(i) {
					return
				}
			}
		})
		for n := 0; n < len(used); n += max(len(used)/10, 1) {
			try(name, func() []byte {
				damaged := bytes.Clone(data)
				damaged[used[n]] ^= 1 << (n % 8)
				return damaged
			})
		}
	}
	t.Logf("%d files: %v", len(files), outcomes)
	if outcomes["noticed when opened"] == 0 || outcomes["intact"] == 0 {
		t.Errorf("outcomes %v: the rig damages nothing", outcomes)
	}
}

// A store whose head is older and that lost an entry is noticed by the journal's record.
func TestLostEntryIsNoticedByTheRecord(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := collect(t, dir, CollectorOptions{})
	entries := chain(testJournal, 10, "x")
	sendEntries(t, c, testJournal, entries[:8])
	c.stop()
	older, err := os.ReadFile(filepath.Join(dir, "head"))
	if err != nil {
		t.Fatal(err)
	}
	c = collect(t, dir, CollectorOptions{})
	sendEntries(t, c, testJournal, entries)
	c.stop()
	if err := os.WriteFile(filepath.Join(dir, "head"), older, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := badger.Open(badgerOptions(filepath.Join(dir, "store")))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(txn *badger.Txn) error { return txn.Delete(entryKey(testJournal, 4)) }); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCollector(dir, CollectorOptions{
		Now: time.Now, MinFree: 1, Secrets: []Secret{mustSecret(t, referenceSecret)},
	}); !errors.Is(err, errDamaged) {
		t.Errorf("%v, want %v", err, errDamaged)
	}
}

// count60 is 30 once the first 30 entries are there.
func (r *running) count60() int { return int(r.Entries()) }

func openDamaged(t *testing.T, name, dir string) string {
	t.Helper()
	c, err := OpenCollector(dir, CollectorOptions{
		Now: time.Now, MinFree: 1, Secrets: []Secret{mustSecret(t, referenceSecret)},
	})
	if err != nil {
		return "noticed when opened"
	}
	defer c.Shutdown(context.Background())
	var out bytes.Buffer
	if _, err := c.Export(&out, "", MaxExportEntries); err != nil {
		return "noticed when read"
	}
	if n := bytes.Count(out.Bytes(), []byte("\n")); n != 60 || c.Entries() != 60 {
		t.Errorf("%s damaged: %d entries, %d lines, and nothing noticed", name, c.Entries(), n)
	}
	return "intact"
}

// The largest reports are written in several transactions.
func TestLargeReportsAreKeptWhole(t *testing.T) {
	t.Parallel()
	c := collect(t, t.TempDir(), CollectorOptions{})
	var entries []journal.Entry
	var previous [32]byte
	for i := range 60 {
		e := journal.Entry{
			Sequence: uint64(i + 1), Previous: previous,
			Body: fmt.Appendf(nil, `{"lane":"a","event":"x","n":%d,"pad":%q}`, i, strings.Repeat("x", MaxEntryBytes-100)),
		}
		e.Hash = entryHash(testJournal, &e)
		previous = e.Hash
		entries = append(entries, e)
	}
	for _, want := range []string{`{"accepted":60,"duplicate":0}`, `{"accepted":0,"duplicate":60}`} {
		if status, answer := sendEntries(t, c, testJournal, entries); status != 200 || strings.TrimSpace(answer) != want {
			t.Errorf("%d %s, want 200 %s", status, answer, want)
		}
	}
	if n := len(exported(t, c.Collector)); n != 60 || c.Entries() != 60 {
		t.Errorf("%d lines, %d entries", n, c.Entries())
	}
}

func TestPanicDoesNotEndTheServer(t *testing.T) {
	t.Parallel()
	c := collect(t, t.TempDir(), CollectorOptions{Now: func() time.Time { panic("<the clock broke>") }})
	for range 3 {
		status, answer := sendEntries(t, c, testJournal, chain(testJournal, 1, "x"))
		if status != 500 || !strings.Contains(answer, codeInternal) {
			t.Errorf("%d %s, want 500", status, answer)
		}
	}
	if status, _ := get(t, "http://"+c.address+"/healthz", nil); status != 200 {
		t.Errorf("afterwards: %d", status)
	}
	if seen := c.alarms.all(); len(seen) != 3 || seen[0].Detail != "panic: ?the clock broke?" {
		t.Errorf("alarms %v", seen)
	}
}
