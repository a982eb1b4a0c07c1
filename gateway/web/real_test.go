package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"passerelle/drivers/scannertest"
	"passerelle/drivers/serial"
	"passerelle/gateway/journal"
	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
	"passerelle/testdata"
)

func standardList(t testing.TB) *trust.Snapshot {
	t.Helper()
	l, err := testdata.Trust("standard")
	if err != nil {
		t.Fatal(err)
	}
	list, err := trust.New(l)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// cases are the shared test cases under one profile and list.
func cases(t testing.TB, profile, list string) map[string]testdata.Case {
	t.Helper()
	all, err := testdata.Cases()
	if err != nil {
		t.Fatal(err)
	}
	chosen := make(map[string]testdata.Case)
	for _, c := range all {
		if c.Profile == profile && c.Trust == list {
			chosen[c.Name] = c
		}
	}
	if len(chosen) < 50 {
		t.Fatalf("only %d cases for profile %s and list %s", len(chosen), profile, list)
	}
	return chosen
}

// verdictRow is what POST /v1/verify says of one code.
type verdictRow struct {
	Verdict, Reason, Kind string
	Final                 bool
	Clock                 string
}

func TestRealCodesGetTheirVerdictsInOneBatch(t *testing.T) {
	t.Parallel()
	list := standardList(t)
	st := serve(t, func(c *Config) {
		c.AllowNow = true
		c.Snapshot = func() *trust.Snapshot { return list }
	}, nil)
	var body bytes.Buffer
	var sent []testdata.Case
	for _, c := range cases(t, "demo", "standard") {
		if !utf8.Valid(c.Payload) {
			continue // such a code goes as text/plain
		}
		line, err := json.Marshal(struct {
			Payload string    `json:"payload"`
			Now     time.Time `json:"now"`
		}{string(c.Payload), c.Now})
		if err != nil {
			t.Fatal(err)
		}
		body.Write(append(line, '\n'))
		sent = append(sent, c)
	}
	answer, text := st.ask(t, "POST", "/v1/verify", &body, "Content-Type: application/jsonl")
	if answer.StatusCode != 200 {
		t.Fatalf("got %d %s", answer.StatusCode, text)
	}
	rows := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(rows) != len(sent) {
		t.Fatalf("got %d rows, want %d", len(rows), len(sent))
	}
	admitted := 0
	for i, c := range sent {
		var got verdictRow
		if err := json.Unmarshal([]byte(rows[i]), &got); err != nil {
			t.Fatal(err)
		}
		outcome, reason, _ := strings.Cut(c.Want, " ")
		want := verdictRow{Verdict: outcome, Reason: reason, Kind: c.Kind, Clock: "trusted"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.Name, diff)
		}
		if got.Verdict == "admit" {
			admitted++
		}
	}
	if admitted < 20 {
		t.Errorf("only %d codes were admitted", admitted)
	}
}

func TestRealCodesAsTextAndByTheGatesOwnClock(t *testing.T) {
	t.Parallel()
	all := cases(t, "demo", "standard")
	good := all["valid-vaccination"]
	list := standardList(t)
	st := serve(t, func(c *Config) {
		c.Snapshot = func() *trust.Snapshot { return list }
		c.Now = func() policy.Now { return policy.At(good.Now.Unix()) }
	}, nil)
	body := string(good.Payload) + "\r\n" + string(all["bad-signature-bit"].Payload) + "\n" + string(good.Payload)
	_, text := st.ask(t, "POST", "/v1/verify", strings.NewReader(body), "Content-Type: text/plain")
	var got []string
	for line := range strings.Lines(text) {
		var r verdictRow
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Verdict+" "+r.Reason)
	}
	if diff := cmp.Diff([]string{"admit ok", "deny bad_signature", "admit ok"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// dark is a lamp that nobody looks at.
type dark struct{}

func (dark) Set(lane.Signal) error { return nil }

// realGate runs lanes A and B: scanners on pseudo-terminals, read by the serial driver; a journal on disk.
func realGate(t *testing.T, now time.Time) (*lane.Gate, *journal.Journal, map[string]*scannertest.Scanner) {
	t.Helper()
	j, err := journal.Open(t.TempDir(), journal.Options{Now: time.Now, Random: rand.Reader, MinFree: 1 << 20, Ballast: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	scanners := make(map[string]*scannertest.Scanner)
	var lanes []lane.Config
	for _, id := range []string{"A", "B"} {
		scanner, err := scannertest.New(scannertest.Options{Link: filepath.Join(t.TempDir(), "scanner")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { scanner.Close() })
		scanners[id] = scanner
		lanes = append(lanes, lane.Config{
			ID: id, Profile: &demo, Scanner: "simulated", Lamp: dark{}, Repeat: lane.MinRepeat,
			Open: func(context.Context) (lane.Scanner, error) { return serial.Open(serial.Options{Path: scanner.Path()}) },
		})
	}
	gate, err := lane.New(standardList(t), lane.Options{
		Now: func() policy.Now { return policy.At(now.Unix()) }, Wall: time.Now, Journal: j, Committed: func() {}, Log: quietLog(),
	}, lanes)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		gate.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return gate, j, scanners
}

func TestPageShowsWhatARealGateDecides(t *testing.T) {
	t.Parallel()
	all := cases(t, "demo", "standard")
	ticket, forged := all["valid-test"], all["bad-signature-bit"] // profile demo admits a test certificate once
	gate, j, scanners := realGate(t, ticket.Now)
	st := serve(t, func(c *Config) {
		c.Gate, c.Snapshot, c.Now = gate, gate.Snapshot, gate.Now
		c.Subscribe = func(id string, role policy.Role) (<-chan lane.Event, func()) {
			s := gate.Subscribe(id, role)
			return s.Events, s.Close
		}
		c.Journal = func() string { return j.State().String() }
		c.Session = func(id string) (*policy.Session, *policy.Profile) { return gate.Session(id), &demo }
		c.LaneCount, c.ZoneCounts = j.LaneCount, j.ZoneCounts
	}, nil)
	b := lanePage(t, st, viewports[0], "en")
	scan := func(id string, c testdata.Case) {
		t.Helper()
		if err := scanners[id].Scan(t.Context(), c.Payload); err != nil {
			t.Fatal(err)
		}
	}
	code := func() string { return b.text("#code") }

	line := func() string { return strings.TrimSpace(unisolated(b.text("[data-item=session]"))) }
	if got := line(); got != "Fornot setthrough 0" {
		t.Errorf("before anything was said: %q", got)
	}
	if err := gate.SetSession("A", &policy.Session{Event: "final", Gate: "B7", Zone: "north"}); err != nil {
		t.Fatal(err)
	}
	said := time.Now()
	if shown := b.until("the session", "document.querySelector('[data-item=session]').dataset.level === 'good'", 5*time.Second).Sub(said); shown > 1500*time.Millisecond {
		t.Errorf("the session is on the page after %v", shown)
	}
	scan("A", ticket)
	b.view("admit")
	scan("A", ticket) // the phone is handed back
	b.until("already shown", "!document.getElementById('again').hidden", 3*time.Second)
	b.until("the count", "document.querySelector('.counted').textContent.includes('1')", 2*time.Second)
	if got, want := line(), "Forfinal · Gate B7 · Zone norththrough 1"; got != want {
		t.Errorf("the page says %q, want %q", got, want)
	}
	scan("A", forged)
	b.view("deny")
	if got := code(); got != "bad_signature" {
		t.Errorf("forged: got %s", got)
	}
	scan("B", ticket) // at the other lane: that page is not open
	b.do(chromedp.Click(chromedp.CSS("#key-in")))
	eval[bool](b, fmt.Sprintf(`(() => { // pasted: each key of so many would be a round trip
		const field = document.getElementById('entry-code');
		field.value = %q;
		return field.dispatchEvent(new Event('input', { bubbles: true }));
	})()`, ticket.Payload))
	b.do(chromedp.Click(chromedp.CSS("#entry-send")))
	b.until("already used", "document.getElementById('code').textContent === 'already_used'", 5*time.Second)
	if got := unisolated(b.text("#more")); !strings.HasPrefix(got, "Used at lane A, ") {
		t.Errorf("the page says %q, want lane A", got)
	}
	scanners["A"].Close()
	b.until("scanner gone", "document.querySelector('[data-item=scanner]').dataset.level === 'bad'", 5*time.Second)
	b.quiet()
	agrees(t, st)
}

// agrees checks that the API says the same as the page showed.
func agrees(t *testing.T, st *site) {
	t.Helper()
	_, figures := st.ask(t, "GET", "/metrics", nil)
	for _, want := range []string{
		`passerelle_verdicts_total{lane="A",verdict="admit",reason="ok"} 1`,
		`passerelle_verdicts_total{lane="A",verdict="deny",reason="already_used"} 1`,
		`passerelle_verdicts_total{lane="B",verdict="deny",reason="already_used"} 1`,
		`passerelle_scanner_connected{lane="A"} 0`,
		`passerelle_journal_state{state="ok"} 1`,
		`passerelle_lane_movements{lane="A",state="authorised"} 1`,
		`passerelle_lane_movements{lane="B",state="authorised"} 0`,
		`passerelle_zone_inside{zone="north"} 1`,
	} {
		if !strings.Contains(figures, want+"\n") {
			t.Errorf("metrics: missing %s", want)
		}
	}
	_, text := st.ask(t, "GET", "/v1/lanes", nil)
	var got struct {
		Lanes []laneState
		Zones []zoneCounts
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	want := []laneState{
		{
			Lane: "A", Profile: "demo", Mode: "normal", Scanner: "simulated", Admitted: 1, Denied: 2, Again: 1,
			Session: &laneSession{Event: "final", Gate: "B7", Zone: "north"}, SessionLevel: good, Counts: laneCounts{Authorised: 1, Passed: 1, Entered: 1},
		},
		{Lane: "B", Profile: "demo", Mode: "normal", Scanner: "simulated", Connected: true, Denied: 1, SessionLevel: warn},
	}
	if diff := cmp.Diff(want, got.Lanes); diff != "" {
		t.Errorf("lanes (-want +got):\n%s", diff)
	}
	zones := []zoneCounts{{Zone: "north", Inside: 1, laneCounts: want[0].Counts}} // the lane's: the certificate names none
	if diff := cmp.Diff(zones, got.Zones, cmp.AllowUnexported(zoneCounts{})); diff != "" {
		t.Errorf("zones (-want +got):\n%s", diff)
	}
}

// BenchmarkBatch measures rows a second through HTTP: batches of 1,024 real certificates on one keep-alive connection.
func BenchmarkBatch(b *testing.B) {
	const rows = 1024
	good := cases(b, "demo", "standard")["valid-vaccination"]
	list := standardList(b)
	st := serve(b, func(c *Config) {
		c.Snapshot = func() *trust.Snapshot { return list }
		c.Now = func() policy.Now { return policy.At(good.Now.Unix()) }
	}, nil)
	body := bytes.Repeat(append(bytes.Clone(good.Payload), '\n'), rows)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		answer, text := st.ask(b, "POST", "/v1/verify", bytes.NewReader(body), "Content-Type: text/plain")
		if answer.StatusCode != 200 || strings.Count(text, `"verdict":"admit"`) != rows {
			b.Fatalf("got %d, %.200s", answer.StatusCode, text)
		}
	}
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// unisolated is a text of the page without the characters that keep names in their own direction.
func unisolated(s string) string { return strings.NewReplacer("\u2068", "", "\u2069", "").Replace(s) }
