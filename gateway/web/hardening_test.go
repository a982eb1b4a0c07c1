package web

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"passerelle/gateway/journal"
	"passerelle/gateway/lane"
	"passerelle/gateway/policy"
)

// raw sends bytes to a listener and returns all that comes back until the server closes or the time is over.
func raw(t testing.TB, address, request string, patience time.Duration) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(c) // ends with the connection, or with the deadline
	return string(answer)
}

func TestRequestWithTwoLengthsIsRefusedAndItsConnectionClosed(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	for _, test := range []struct{ name, headers string }{
		{"chunked last", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"},
		{"chunked first", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"},
		{"identity", "Content-Length: 4\r\nTransfer-Encoding: identity\r\n"},
		{"odd case", "cONTENT-lENGTH: 4\r\ntRANSFER-eNCODING: chunked\r\n"},
	} {
		got := raw(t, st.page, "POST /v1/verify HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"+test.headers+
			"\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 3*time.Second)
		if !strings.HasPrefix(got, "HTTP/1.1 400 ") || !strings.Contains(got, "Connection: close") {
			t.Errorf("%s: got %.60q, want 400 and a closed connection", test.name, got)
		}
		if strings.Count(got, "HTTP/1.1") != 1 {
			t.Errorf("%s: the bytes after the first request were answered: %q", test.name, got)
		}
	}
	for _, headers := range []string{"Content-Length: 4\r\nContent-Length: 4\r\n", "Transfer-Encoding: gzip, chunked\r\n", "Content-Length: -1\r\n"} {
		got := raw(t, st.page, "POST /v1/verify HTTP/1.1\r\nHost: localhost\r\n"+headers+"\r\nabcd", 3*time.Second)
		if !strings.HasPrefix(got, "HTTP/1.1 400 ") || strings.Count(got, "HTTP/1.1") != 1 {
			t.Errorf("%q: got %.60q, want one 400", headers, got)
		}
	}
}

func TestForeignHostNameIsMisdirected(t *testing.T) {
	t.Parallel()
	st := serve(t, func(c *Config) { c.Hosts = []string{"Gate-3.local", "192.0.2.7"} }, nil)
	for host, want := range map[string]int{
		"localhost": 200, "localhost:1": 200, "LOCALHOST": 200, "127.0.0.1:80": 200, "127.9.9.9": 200, "[::1]:8080": 200, "gate-3.local": 200, "GATE-3.local:8080": 200, "192.0.2.7": 200,
		"evil.example": 421, "localhost.evil.example": 421, "192.0.2.8": 421, "127.0.0.1.nip.example": 421, "gate-3.local.": 421,
	} {
		for _, base := range []string{st.page + "/healthz", st.events + "/nothing"} {
			answer, _ := askAt(t, "GET", base, nil, "Host: "+host)
			got := answer.StatusCode
			if got == 404 {
				got = 200 // the events listener has no such address, but knows the name
			}
			if got != want {
				t.Errorf("host %s: got %d, want %d", host, answer.StatusCode, want)
			}
		}
	}
	for _, request := range []string{
		"GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET http://localhost/healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"GET /healthz HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n",
		"GET /healthz HTTP/1.1\r\n\r\n",
		"GET /healthz HTTP/1.1\r\nHost:\r\n\r\n",
	} {
		if got := raw(t, st.page, request, 3*time.Second); !strings.HasPrefix(got, "HTTP/1.1 421") && !strings.HasPrefix(got, "HTTP/1.1 400") {
			t.Errorf("%q: got %.60q, want 421 or 400", request, got)
		}
	}
}

func TestOldHTTPIsRefused(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	for _, address := range []string{st.page, st.events} {
		got := raw(t, address, "GET /v1/lanes/A/events HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n", 3*time.Second)
		if !strings.Contains(got, " 505 ") || strings.Contains(got, "event:") {
			t.Errorf("got %.60q, want 505", got)
		}
	}
}

func TestForeignPageMayNotAsk(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	own := st.page
	scan, verify, trust := "/v1/lanes/A/scan", "/v1/verify", "/v1/trust"
	for _, test := range []struct {
		name, path string
		headers    []string
		want       int
	}{
		{"own page by origin", scan, []string{"Origin: " + own}, 202},
		{"own page by fetch metadata", scan, []string{"Sec-Fetch-Site: same-origin"}, 202},
		{"neither", scan, nil, 403},
		{"typed address", scan, []string{"Sec-Fetch-Site: none"}, 403},
		{"other port", scan, []string{"Origin: " + st.events}, 403},
		{"other scheme", scan, []string{"Origin: " + strings.Replace(own, "http:", "https:", 1)}, 403},
		{"null origin", scan, []string{"Origin: null"}, 403},
		{"same site", scan, []string{"Sec-Fetch-Site: same-site"}, 403},
		{"foreign origin wins over metadata", scan, []string{"Origin: http://evil.example", "Sec-Fetch-Site: same-origin"}, 403},
		{"program", verify, nil, 200},
		{"own page", verify, []string{"Origin: " + own}, 200},
		{"foreign page", verify, []string{"Origin: http://evil.example"}, 403},
		{"foreign page without origin", verify, []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"foreign page", trust, []string{"Origin: http://evil.example"}, 403},
		{"program", trust, nil, 200},
	} {
		answer, body := st.ask(t, "POST", test.path, strings.NewReader("bundle 8"), append(test.headers, "Content-Type: text/plain")...)
		if answer.StatusCode != test.want {
			t.Errorf("%s %s: got %d %s, want %d", test.path, test.name, answer.StatusCode, body, test.want)
		}
		if cors := answer.Header.Get("Access-Control-Allow-Origin"); cors != "" {
			t.Errorf("%s %s: a page is told that %q may read this", test.path, test.name, cors)
		}
	}
}

func TestTokenIsAskedForWhereOneIsSet(t *testing.T) {
	t.Parallel()
	st := serve(t, func(c *Config) { c.Token = "correct horse" }, nil)
	for _, path := range []string{"/v1/verify", "/v1/trust"} {
		for _, test := range []struct {
			header string
			want   int
		}{
			{"Authorization: Bearer correct horse", 200},
			{"Authorization: Bearer correct hors", 401},
			{"Authorization: Bearer ", 401},
			{"Authorization: Basic correct horse", 401},
			{"X-Other: 1", 401},
			{"Origin: " + st.page, 401}, // a program can write this header, too
		} {
			answer, _ := st.ask(t, "POST", path, strings.NewReader("bundle 8"), "Content-Type: text/plain", test.header)
			if answer.StatusCode != test.want {
				t.Errorf("%s with %q: got %d, want %d", path, test.header, answer.StatusCode, test.want)
			}
			if challenge := answer.Header.Get("WWW-Authenticate"); (test.want == 401) != (challenge == "Bearer") {
				t.Errorf("%s with %q: challenge %q", path, test.header, challenge)
			}
		}
	}
	if answer, _ := st.ask(t, "POST", "/v1/lanes/A/scan", strings.NewReader("x"), "Content-Type: text/plain", "Origin: "+st.page); answer.StatusCode != 202 {
		t.Errorf("the lane page's manual entry: got %d, want 202", answer.StatusCode)
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	for _, address := range []string{
		st.page + "/", st.page + "/lane/A", st.page + "/assets/lane.js", st.page + "/nothing", st.page + "/readyz",
		st.events + "/v1/lanes/none/events", st.page + "/lane/" + strings.Repeat("x", 5000),
	} {
		answer, _ := askAt(t, "GET", address, nil)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
			"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin", "Server": "",
		} {
			if got := answer.Header.Get(name); got != want {
				t.Errorf("%.60s: %s: got %q, want %q", address, name, got, want)
			}
		}
		csp := answer.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'; ") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
			t.Errorf("%.60s: Content-Security-Policy %q", address, csp)
		}
	}
}

func TestHostHeaderCannotWriteIntoThePagesPolicy(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	got := raw(t, st.page, "GET /lane/A HTTP/1.1\r\nHost: localhost:1; script-src *\r\nConnection: close\r\n\r\n", 3*time.Second)
	if strings.Contains(got, "script-src *") {
		t.Errorf("the policy took the header's text: %s", got)
	}
}

func TestLargeBodyIs413(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	row := strings.Repeat("x", 4095) + "\n"
	for _, test := range []struct {
		path  string
		bytes int
		want  int
	}{
		{"/v1/verify", MaxBatchBytes, 200},
		{"/v1/verify", MaxBatchBytes + 1, 413},
		{"/v1/trust", MaxBundleBytes, 200},
		{"/v1/trust", MaxBundleBytes + 1, 413},
		{"/v1/feeds", MaxFeedBytes, 200},
		{"/v1/feeds", MaxFeedBytes + 1, 413},
		{"/v1/lanes/A/scan", MaxEntryBytes, 202},
		{"/v1/lanes/A/scan", MaxEntryBytes + 1, 413},
	} {
		body := []byte(strings.Repeat(row, test.bytes/len(row)+1)[:test.bytes])
		if copy(body, "bundle "); test.path == "/v1/feeds" {
			copy(body, "feed ")
		}
		headers := []string{"Content-Type: text/plain", "Origin: " + st.page}
		for name, reader := range map[string]io.Reader{
			"with its length": bytes.NewReader(body),
			"chunked":         io.MultiReader(bytes.NewReader(body)),
		} {
			r, err := http.NewRequest("POST", st.page+test.path, reader)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range headers {
				k, v, _ := strings.Cut(h, ": ")
				r.Header.Set(k, v)
			}
			r.Header.Set("Expect", "100-continue") // so that a refusal is read before the body is sent
			answer, err := (&http.Transport{ExpectContinueTimeout: 5 * time.Second, DisableKeepAlives: true}).RoundTrip(r)
			if err != nil {
				t.Errorf("%s, %d bytes %s: %v", test.path, test.bytes, name, err)
				continue
			}
			_, err = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
			if err != nil || answer.StatusCode != test.want {
				t.Errorf("%s, %d bytes %s: got %d, %v, want %d", test.path, test.bytes, name, answer.StatusCode, err, test.want)
			}
		}
	}
}

func TestBodyThatIsCutOffIsNotTaken(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	u, _ := url.Parse(st.page)
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /v1/lanes/A/scan HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 40\r\n\r\nhalf a code")
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 400 {
		t.Errorf("got %d, want 400", answer.StatusCode)
	}
	st.source.mu.Lock()
	defer st.source.mu.Unlock()
	if st.source.entered != nil {
		t.Errorf("the lane got %q", st.source.entered)
	}
}

func TestLargeHeadIs431AndSlowRequestIs408(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	got := raw(t, st.page, "GET / HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 5000)+"\r\n\r\n", 3*time.Second)
	if !strings.HasPrefix(got, "HTTP/1.1 431 ") {
		t.Errorf("large head: got %.60q, want 431", got)
	}
	for name, request := range map[string]string{
		"head": "GET /healthz HTTP/1.1\r\nHost: local",
		"body": "POST /v1/verify HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 400000\r\n\r\n" + strings.Repeat("x", 20000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			got := raw(t, st.page, request, 3*ioTimeout)
			if took := time.Since(start); !strings.HasPrefix(got, "HTTP/1.1 408 ") || took > ioTimeout+2*time.Second {
				t.Errorf("got %.60q after %v, want 408 after %v", got, took, ioTimeout)
			}
		})
	}
}

func TestFaultInAHandlerAnswers500AndTheServerGoesOn(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	st.source.failWith(errPanic)
	headers := []string{"Content-Type: text/plain", "Origin: " + st.page}
	answer, _ := st.ask(t, "POST", "/v1/lanes/A/scan", strings.NewReader("SECRET-CODE"), headers...)
	if answer.StatusCode != 500 || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("got %d with %v, want 500 with the security headers", answer.StatusCode, answer.Header)
	}
	st.source.failWith(nil)
	if answer, _ := st.ask(t, "POST", "/v1/lanes/A/scan", strings.NewReader("code"), headers...); answer.StatusCode != 202 {
		t.Errorf("after the fault: got %d, want 202", answer.StatusCode)
	}
	log := st.log.String()
	if !strings.Contains(log, "the gate has a fault") || strings.Contains(log, "SECRET") {
		t.Errorf("the log must tell the fault and not the code: %s", log)
	}
}

func TestManualEntryReachesTheLaneAsItWasSent(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	code := "HC1:6BF \x1b[31m<script>\x00é%0A"
	st.ask(t, "POST", "/v1/lanes/A/scan", strings.NewReader(code), "Content-Type: text/plain; charset=utf-8", "Origin: "+st.page)
	st.source.mu.Lock()
	defer st.source.mu.Unlock()
	if len(st.source.entered) != 1 || st.source.entered[0] != "A:"+code {
		t.Errorf("got %q, want %q", st.source.entered, "A:"+code)
	}
}

func TestNewRefusesWhatCouldNotBeServed(t *testing.T) {
	t.Parallel()
	good := func() Config {
		return Config{
			Gate: newSource("A"), Subscribe: newSource("A").subscribe, Snapshot: newPlace().snapshot, Now: func() policy.Now { return policy.At(0) },
			Wall: time.Now, Profile: &demo, Take: func([]byte) (uint64, error) { return 0, nil }, Journal: func() string { return "ok" }, Log: quietLog(),
			TakeFeed:  func([]byte) (FeedTaken, error) { return FeedTaken{}, nil },
			Session:   func(string) (*policy.Session, *policy.Profile) { return nil, &demo },
			LaneCount: func(string) journal.Count { return journal.Count{} }, ZoneCounts: func() []journal.Count { return nil },
		}
	}
	if _, err := New(good()); err != nil {
		t.Fatalf("a good configuration: %v", err)
	}
	for name, change := range map[string]func(*Config){
		"no gate":            func(c *Config) { c.Gate = nil },
		"no journal":         func(c *Config) { c.Journal = nil },
		"no session":         func(c *Config) { c.Session = nil },
		"no lanes' counts":   func(c *Config) { c.LaneCount = nil },
		"no zones' counts":   func(c *Config) { c.ZoneCounts = nil },
		"too many verifiers": func(c *Config) { c.Verifiers = maxVerifiers + 1 },
		"language":           func(c *Config) { c.Language = "de" },
		"slash":              func(c *Config) { c.Gate = newSource("A/B") },
		"dots":               func(c *Config) { c.Gate = newSource("..") },
		"line feed":          func(c *Config) { c.Gate = newSource("A\nB") },
		"long name":          func(c *Config) { c.Gate = newSource(strings.Repeat("x", maxLaneName+1)) },
		"empty host":         func(c *Config) { c.Hosts = []string{"gate", "[]"} },
		"not UTF-8":          func(c *Config) { c.Gate = newSource("\xff") },
	} {
		c := good()
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: New took it", name)
		}
	}
	c := good()
	c.Gate = newSource(strings.Repeat("x", maxLaneName))
	if _, err := New(c); err != nil {
		t.Errorf("a name of %d bytes: %v", maxLaneName, err)
	}
}

func TestListenerThatOthersCanReachIsRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		page, events string
		exposed, ok  bool
	}{
		{"0.0.0.0:0", "127.0.0.1:0", false, false},
		{"127.0.0.1:0", "0.0.0.0:0", false, false},
		{"0.0.0.0:0", "0.0.0.0:0", true, true},
	} {
		c := serve(t, nil, nil).config
		c.Exposed = test.exposed
		s, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		page := listen(t, test.page)
		go func() { ended <- s.Serve(page, listen(t, test.events)) }()
		if test.ok {
			askAt(t, "GET", "http://127.0.0.1:"+port(page)+"/healthz", nil)
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if err := <-ended; (err == nil) != test.ok {
			t.Errorf("%+v: Serve gave %v", test, err)
		}
		if !test.ok {
			continue
		}
		if err := s.Serve(listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")); err == nil {
			t.Errorf("%+v: a server that was shut down served again", test)
		}
	}
}

func TestShutdownEndsStreamsAndServe(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	events := st.subscribe(t, "A")
	next(t, events, "status")
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	http.DefaultClient.CloseIdleConnections()
	if err := st.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	for range events { // until the stream ends
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	if n := len(st.streams); n != 0 {
		t.Errorf("%d streams are left", n)
	}
	st.source.mu.Lock()
	defer st.source.mu.Unlock()
	if n := len(st.source.subs); n > 0 {
		t.Errorf("%d subscriptions are left", n)
	}
}

func TestUnknownAddressAndMethod(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	for _, test := range []struct {
		method, path string
		want         int
		allow        string
	}{
		{"GET", "/v1/verify", 405, "POST"},
		{"DELETE", "/v1/lanes/A/scan", 405, "POST"},
		{"HEAD", "/healthz", 405, "GET"},
		{"OPTIONS", "/v1/trust", 405, "POST"},
		{"GET", "/v1/lanes/A", 404, ""},
		{"GET", "/v1/lanes/A/events", 404, ""},
		{"GET", "/lane/", 404, ""},
		{"GET", "/lane/A/B", 404, ""},
		{"GET", "/lane/nobody", 404, ""},
		{"GET", "/assets/../web.go", 404, ""},
		{"GET", "/assets/words.json", 404, ""},
		{"GET", "/assets/lane.html", 404, ""},
	} {
		answer, _ := st.ask(t, test.method, test.path, nil)
		if answer.StatusCode != test.want || answer.Header.Get("Allow") != test.allow {
			t.Errorf("%s %s: got %d, Allow %q, want %d, %q", test.method, test.path, answer.StatusCode, answer.Header.Get("Allow"), test.want, test.allow)
		}
	}
}

func TestOneClientCannotTakeAllConnections(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	u, _ := url.Parse(st.page)
	refused := 0
	for range maxPerAddress + 4 {
		c, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused < 4 {
		t.Errorf("%d of %d connections were refused, want at least 4", refused, maxPerAddress+4)
	}
}

func TestBusyLaneAndFaultyLane(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	for err, want := range map[error]int{lane.ErrBusy: 503, lane.ErrNoLane: 500} {
		st.source.failWith(err)
		answer, _ := st.ask(t, "POST", "/v1/lanes/A/scan", strings.NewReader("x"), "Content-Type: text/plain", "Origin: "+st.page)
		if answer.StatusCode != want || (want == 503) != (answer.Header.Get("Retry-After") == "1") {
			t.Errorf("%v: got %d, Retry-After %q, want %d", err, answer.StatusCode, answer.Header.Get("Retry-After"), want)
		}
	}
}
