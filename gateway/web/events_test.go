package web

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
)

func TestStreamBeginsWithTheStatusAndNeverWithAnOldVerdict(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	st.source.give("A", policy.OK)
	events := st.subscribe(t, "A")
	e := <-events
	if e.name != "status" {
		t.Fatalf("first: got %q, want status", e.name)
	}
	var status laneStatus
	if err := json.Unmarshal([]byte(e.data), &status); err != nil {
		t.Fatal(err)
	}
	if status.Lane != "A" || !status.Connected || status.Profile != "demo" || status.Trust.Version != 7 || status.Trust.Age < 3600 ||
		status.Clock.Class != "trusted" || status.Journal.State != "ok" || status.Reports.Backlog != 3 {
		t.Errorf("got %+v", status)
	}
	for range 2 { // heartbeats, and nothing else
		if e := <-events; e.name != "status" {
			t.Errorf("then: got %q, want status", e.name)
		}
	}
}

func TestHeartbeatComesEverySecond(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	events := st.subscribe(t, "A")
	last := time.Now()
	<-events
	for range 3 {
		next(t, events, "status")
		if gap := time.Since(last); gap > 1500*time.Millisecond {
			t.Errorf("a gap of %v, want about 1 s", gap)
		}
		last = time.Now()
	}
}

func TestStreamTellsWhatHappensAtItsLaneOnly(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	events := st.subscribe(t, "A")
	next(t, events, "status")
	st.source.give("B", policy.OK)
	st.source.give("A", policy.AlreadyUsed)
	var v struct {
		Lane, Verdict, Reason, At string
		Final                     bool
		Sequence, Count           uint64
		Took                      float64 `json:"took_ms"`
		Earlier                   *struct{ Lane, At string }
	}
	if err := json.Unmarshal([]byte(next(t, events, "verdict").data), &v); err != nil {
		t.Fatal(err)
	}
	if v.Lane != "A" || v.Verdict != "deny" || v.Reason != "already_used" || !v.Final || v.Sequence != 41 || v.Count != 2 || v.Took != 2.345 {
		t.Errorf("got %+v", v)
	}
	if v.Earlier == nil || v.Earlier.Lane != "B" {
		t.Errorf("earlier: got %+v, want lane B", v.Earlier)
	}
	for _, k := range []lane.EventKind{lane.ShownAgain, lane.VerdictLate, lane.ScannerGone, lane.ScannerBack, lane.TrustChanged, lane.SecondWanted, lane.Overridden, lane.Passed, lane.Annulled} {
		st.source.publish(lane.Event{Kind: k, Lane: "A", Candidate: candidate(policy.OK)})
		if data := next(t, events, k.String()).data; strings.Contains(data, "admit") {
			t.Errorf("%v carries a verdict: %s", k, data)
		}
	}
}

func TestStreamsAreReadByOwnPagesAndPrograms(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	page, _ := url.Parse(st.page)
	own := "http://127.0.0.1:" + page.Port()
	for _, test := range []struct {
		headers []string
		want    int
		cors    string
	}{
		{nil, 200, ""},
		{[]string{"Origin: " + own}, 200, own},
		{[]string{"Origin: " + own, "Sec-Fetch-Site: same-site"}, 200, own},
		{[]string{"Origin: http://localhost:" + page.Port()}, 403, ""}, // another host than the one that was asked
		{[]string{"Origin: " + st.events}, 403, ""},
		{[]string{"Origin: http://evil.example"}, 403, ""},
		{[]string{"Origin: null"}, 403, ""},
		{[]string{"Sec-Fetch-Site: cross-site"}, 403, ""},
	} {
		r, err := http.NewRequest("GET", st.events+"/v1/lanes/A/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range test.headers {
			name, value, _ := strings.Cut(h, ": ")
			r.Header.Set(name, value)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != test.want || answer.Header.Get("Access-Control-Allow-Origin") != test.cors || answer.Header.Get("Vary") != "Origin" && test.want == 200 {
			t.Errorf("%q: got %d, %v, want %d, %q", test.headers, answer.StatusCode, answer.Header, test.want, test.cors)
		}
	}
}

func TestStreamsAreLimitedAndGivenBack(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, func(s *Server) { s.streams = make(chan struct{}, 2) })
	first := st.subscribe(t, "A")
	next(t, first, "status")
	c := dialStream(t, st, "B")
	answer, _ := askAt(t, "GET", st.events+"/v1/lanes/A/events", nil)
	if answer.StatusCode != 503 || answer.Header.Get("Retry-After") != "1" {
		t.Errorf("the third: got %d, want 503 with Retry-After", answer.StatusCode)
	}
	c.Close()
	for start := time.Now(); len(st.streams) != 1; time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > 3*time.Second {
			t.Fatal("a stream whose client hung up is still open after 3 s")
		}
	}
}

// dialStream opens a stream and reads no more than its head.
func dialStream(t testing.TB, st *site, id string) net.Conn {
	t.Helper()
	u, _ := url.Parse(st.events)
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := c.Write([]byte("GET /v1/lanes/" + id + "/events HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 15)
	if _, err := c.Read(head); err != nil || string(head) != "HTTP/1.1 200 OK" {
		t.Fatalf("got %q, %v", head, err)
	}
	return c
}

func TestClientThatTakesNothingIsFound(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, func(s *Server) { s.stall = 300 * time.Millisecond })
	dialStream(t, st, "A")
	for start := time.Now(); len(st.streams) > 0; {
		for range 50 {
			st.source.give("A", policy.OK)
		}
		time.Sleep(time.Millisecond)
		if time.Since(start) > 20*time.Second {
			t.Fatal("a client that reads nothing still has its stream after 20 s")
		}
	}
}

func TestFreshnessLevels(t *testing.T) {
	t.Parallel()
	now := time.Now()
	day := 24 * time.Hour
	for _, test := range []struct {
		name   string
		change func(*place)
		want   string // trust, clock, journal, reports, devices
	}{
		{"all is well", func(*place) {}, "good good good good good"},
		{"no list", func(p *place) { p.list = newPlace().list }, "bad good good good good"},
		{"a quarter is left", func(p *place) { p.list = testList(t, 1, now.Add(-3*day), now.Add(day)) }, "good good good good good"},
		{"less than a quarter", func(p *place) { p.list = testList(t, 1, now.Add(-3*day-time.Second), now.Add(day-time.Second)) }, "warn good good good good"},
		{"at its expiry", func(p *place) { p.list = testList(t, 1, now.Add(-day), now) }, "warn good good good good"},
		{"past it", func(p *place) { p.list = testList(t, 1, now.Add(-day), now.Add(-time.Second)) }, "bad good good good good"},
		{"floored clock, maybe past it", func(p *place) {
			p.now = policy.Now{Earliest: now.Unix(), Latest: now.Add(2 * day).Unix(), Class: policy.ClockFloored}
		}, "bad warn good good good"},
		{"no clock", func(p *place) { p.now = policy.Now{} }, "good bad good good good"},
		{"gap", func(p *place) { p.journal = "gap" }, "good good warn good good"},
		{"damaged", func(p *place) { p.journal = "damaged" }, "good good bad good good"},
		{"full", func(p *place) { p.journal = "full" }, "good good bad good good"},
		{"backlog", func(p *place) { p.reports.Backlog = backlogWarn - 1 }, "good good good good good"},
		{"large backlog", func(p *place) { p.reports.Backlog = backlogWarn }, "good good good warn good"},
		{"parked", func(p *place) { p.reports.Parked = 1 }, "good good good warn good"},
		{"a stranger's keyboard", func(p *place) { p.foreign = 1 }, "good good good good warn"},
	} {
		st := serve(t, nil, nil)
		st.place.set(func(p *place) {
			p.now = policy.At(now.Unix())
			p.list = testList(t, 7, now.Add(-time.Hour), now.Add(23*time.Hour))
			test.change(p)
		})
		f := st.freshness()
		got := string(f.Trust.Level + " " + f.Clock.Level + " " + f.Journal.Level + " " + f.Reports.Level + " " + f.Devices.Level)
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
		st.stop(t)
	}
}

func TestReadinessNamesEachObstacle(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	now := time.Now()
	for _, test := range []struct {
		name   string
		change func(*place)
		lane   lane.EventKind
		want   string
	}{
		{"ready", func(*place) {}, lane.ScannerBack, `{"ready":true,"reasons":[]}`},
		{"no list", func(p *place) { p.list = newPlace().list }, lane.ScannerBack, `{"ready":false,"reasons":[{"code":"trust_missing"}]}`},
		{"stale", func(p *place) { p.list = testList(t, 1, now.Add(-time.Hour), now.Add(-time.Minute)) }, lane.ScannerBack, `{"ready":false,"reasons":[{"code":"trust_stale"}]}`},
		{"journal", func(p *place) { p.journal = "full" }, lane.ScannerBack, `{"ready":false,"reasons":[{"code":"journal_full"}]}`},
		{"clock and scanner", func(p *place) { p.now = policy.Now{} }, lane.ScannerGone, `{"ready":false,"reasons":[{"code":"clock_unknown"},{"code":"scanner_gone","lane":"B"}]}`},
	} {
		st.place.set(func(p *place) {
			p.now, p.journal, p.list = policy.At(now.Unix()), "ok", testList(t, 7, now.Add(-time.Hour), now.Add(time.Hour))
			test.change(p)
		})
		st.source.publish(lane.Event{Kind: test.lane, Lane: "B"})
		want := 200
		if strings.Contains(test.want, "false") {
			want = 503
		}
		if answer, body := st.ask(t, "GET", "/readyz", nil); answer.StatusCode != want || body != test.want {
			t.Errorf("%s: got %d %s, want %d %s", test.name, answer.StatusCode, body, want, test.want)
		}
	}
}

func TestMetricsCountWhatHappened(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil, "A", `quote " and é`)
	st.source.give("A", policy.OK)
	st.source.give("A", policy.OK)
	st.source.give("A", policy.Expired)
	st.source.give(`quote " and é`, policy.ListStale)
	st.source.publish(lane.Event{Kind: lane.ShownAgain, Lane: "A", Candidate: candidate(policy.OK)})
	st.source.publish(lane.Event{Kind: lane.VerdictLate, Lane: "A"})
	st.ask(t, "GET", "/nothing", nil)
	want := []string{
		`passerelle_verdicts_total{lane="A",verdict="admit",reason="ok"} 2`,
		`passerelle_verdicts_total{lane="A",verdict="deny",reason="expired"} 1`,
		`passerelle_verdicts_total{lane="quote \" and é",verdict="refer",reason="list_stale"} 1`,
		`passerelle_verdict_seconds_bucket{lane="A",le="0.001"} 0`,
		`passerelle_verdict_seconds_bucket{lane="A",le="0.0025"} 3`,
		`passerelle_verdict_seconds_bucket{lane="A",le="+Inf"} 3`,
		`passerelle_verdict_seconds_count{lane="A"} 3`,
		`passerelle_lane_events_total{lane="A",event="again"} 1`,
		`passerelle_lane_events_total{lane="A",event="late"} 1`,
		`passerelle_scanner_connected{lane="A"} 1`,
		`passerelle_trust_version 7`, `passerelle_trust_keys 1`,
		`passerelle_journal_state{state="ok"} 1`, `passerelle_journal_state{state="damaged"} 0`,
		`passerelle_clock_class{class="trusted"} 1`,
		`passerelle_reports_backlog 3`, `passerelle_reports_parked 0`, `passerelle_foreign_devices 0`, `passerelle_event_streams 0`,
		`passerelle_http_requests_total{route="none",status="404"} 1`,
		`go_goroutines `, `process_resident_memory_bytes `,
	}
	var body string
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		_, body = st.ask(t, "GET", "/metrics", nil)
		if strings.Contains(body, want[1]) && strings.Contains(body, want[2]) || time.Since(start) > 3*time.Second {
			break
		}
	}
	lines := "\n" + body
	for _, w := range want {
		if strings.HasSuffix(w, " ") && strings.Contains(lines, "\n"+w) || strings.Contains(lines, "\n"+w+"\n") {
			continue
		}
		t.Errorf("missing: %s", w)
	}
	if t.Failed() {
		t.Log(body)
	}
	for line := range strings.Lines(body) {
		if !metricLine.MatchString(line) {
			t.Errorf("not in Prometheus's text format: %q", line)
		}
	}
}
