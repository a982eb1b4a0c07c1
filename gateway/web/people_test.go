package web

import (
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"passerelle/gateway/lane"
	"passerelle/gateway/people"
	"passerelle/gateway/policy"
)

const (
	goodPassword = "correct horse battery"
	goodPIN      = "480913"
	jsonBody     = "Content-Type: application/json"
)

// allRoles are those of accounts; each has one of its own name.
var allRoles = []people.Role{people.Retail, people.Steward, people.Airline, people.Authority, people.Operator, people.Supervisor}

// accounts is the text of a file with an account of each role: made once, for each secret takes a while.
var accounts = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "passerelle-people-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	p, err := people.Open(people.Options{Dir: dir, Now: time.Now, Random: rand.Reader})
	if err != nil {
		return nil, err
	}
	for _, r := range allRoles {
		pin := ""
		if r == people.Supervisor {
			pin = goodPIN
		}
		if err := p.Add(r.String(), r, goodPassword, pin); err != nil {
			return nil, err
		}
	}
	return os.ReadFile(filepath.Join(dir, "people.json"))
})

// town is a site where people log in.
type town struct {
	*site
	people *people.People
	dir    string

	code string // of a pairing, for bodies that hold CODE

	mu     sync.Mutex
	deeds  []people.Action
	fault  error // of Supervise
	ahead  time.Duration
	tokens map[people.Role]string
}

// settle starts a server with an account of each role; change may alter its configuration.
func settle(t testing.TB, change func(*Config), ids ...string) *town {
	t.Helper()
	text, err := accounts()
	if err != nil {
		t.Fatal(err)
	}
	return settleWith(t, text, change, ids...)
}

func settleWith(t testing.TB, text []byte, change func(*Config), ids ...string) *town {
	t.Helper()
	w := &town{dir: t.TempDir(), tokens: make(map[people.Role]string)}
	if text != nil {
		if err := os.WriteFile(filepath.Join(w.dir, "people.json"), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if w.people, err = people.Open(people.Options{Dir: w.dir, Now: w.now, Random: rand.Reader}); err != nil {
		t.Fatal(err)
	}
	w.site = serve(t, func(c *Config) {
		c.People, c.Supervise, c.QR, c.Token = w.people, w.supervise, func(string) ([]string, error) { return []string{"101", "010", "111"}, nil }, "secret"
		if change != nil {
			change(c)
		}
	}, nil, ids...)
	return w
}

func (w *town) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.ahead)
}

func (w *town) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead += d
}

func (w *town) supervise(a people.Action) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault == nil {
		w.deeds = append(w.deeds, a)
	}
	return w.fault
}

func (w *town) failWith(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = err
}

func (w *town) done() []people.Action {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.deeds)
}

// cookie returns the header of a session of that role, which is begun the first time.
func (w *town) cookie(t testing.TB, r people.Role) string {
	t.Helper()
	if w.tokens[r] == "" {
		token, _, err := w.people.Login(r.String(), goodPassword)
		if err != nil {
			t.Fatal(err)
		}
		w.tokens[r] = token
	}
	return "Cookie: passerelle=" + w.tokens[r]
}

// tablet pairs one and returns its cookie's header.
func (w *town) tablet(t testing.TB, id string, r people.Role) string {
	t.Helper()
	code, _, err := w.people.Pair(id, r)
	if err != nil {
		t.Fatal(err)
	}
	token, _, _, err := w.people.Redeem(code)
	if err != nil {
		t.Fatal(err)
	}
	return "Cookie: passerelle-tablet=" + token
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// status asks and returns the answer's status; redirects are answers.
func (w *town) status(t testing.TB, method, address, body string, header ...string) int {
	t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	answer, err := (&http.Client{CheckRedirect: noRedirect}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

func TestWithoutAccountsNothingChanges(t *testing.T) {
	t.Parallel()
	w := settleWith(t, nil, func(c *Config) { c.Token = "" })
	for _, address := range []string{w.page + "/", w.page + "/lane/A", w.page + "/v1/lanes", w.events + "/v1/lanes/A/events", w.page + "/metrics"} {
		if got := w.status(t, "GET", address, ""); got != 200 {
			t.Errorf("%s: got %d, want 200", address, got)
		}
	}
	if got := w.status(t, "POST", w.page+"/v1/verify", "x", text); got != 200 {
		t.Errorf("verify: got %d, want 200", got)
	}
	own := "Origin: " + w.page
	if got := w.status(t, "POST", w.page+"/v1/lanes/A/scan", "x", text, own); got != 202 {
		t.Errorf("manual entry: got %d, want 202", got)
	}
	if got := w.status(t, "POST", w.page+"/v1/lanes/A/override", `{"reason":"document_checked","sequence":1}`, jsonBody, own); got != 403 || len(w.done()) > 0 {
		t.Errorf("override without any supervisor: got %d, %v", got, w.done())
	}
	events := w.subscribe(t, "A")
	next(t, events, "status")
	if err := w.people.Add("first", people.Steward, goodPassword, ""); err != nil {
		t.Fatal(err)
	}
	for range events { // the stream ends, now that people have to log in
	}
	if got := w.status(t, "GET", w.page+"/v1/lanes", ""); got != 401 {
		t.Errorf("with the first account: got %d, want 401", got)
	}
}

// TestEachRoleReachesWhatIsForIt asks for everything as everybody.
func TestEachRoleReachesWhatIsForIt(t *testing.T) {
	t.Parallel()
	w := settle(t, nil)
	own := "Origin: " + w.page
	override := `{"reason":"document_checked","sequence":1}`
	nobody := people.Nobody
	for _, tt := range []struct {
		method, address, body string
		headers               []string
		want                  map[people.Role]int // the others: the status of Nobody's entry is 401 or what stands there, else as all
		all                   int
	}{
		{"GET", w.page + "/", "", nil, map[people.Role]int{nobody: 303}, 200},
		{"GET", w.page + "/lane/A", "", nil, map[people.Role]int{nobody: 303}, 200},
		{"GET", w.page + "/login", "", nil, map[people.Role]int{nobody: 200}, 200},
		{"GET", w.page + "/pair", "", nil, map[people.Role]int{nobody: 200}, 200},
		{"GET", w.page + "/healthz", "", nil, map[people.Role]int{nobody: 200}, 200},
		{"GET", w.page + "/v1/lanes", "", nil, nil, 200},
		{"GET", w.page + "/preflight", "", nil, map[people.Role]int{nobody: 303}, 200},
		{"GET", w.page + "/v1/preflight", "", nil, nil, 200},
		{"GET", w.events + "/v1/lanes/A/events", "", []string{own}, nil, 200},
		{"GET", w.events + "/v1/lanes/A/events", "", nil, nil, 200},
		{"GET", w.page + "/metrics", "", nil, map[people.Role]int{people.Operator: 200, people.Supervisor: 200}, 403},
		{"POST", w.page + "/v1/verify", "x", []string{text, own}, map[people.Role]int{people.Operator: 403}, 200},
		{"POST", w.page + "/v1/verify", "x", []string{text}, nil, 401}, // a session is good from our pages only
		{"POST", w.page + "/v1/lanes/A/scan", "x", []string{text, own}, map[people.Role]int{people.Operator: 403}, 202},
		{"POST", w.page + "/v1/lanes/A/scan", "x", []string{text}, map[people.Role]int{nobody: 403}, 403},
		{"POST", w.page + "/v1/lanes/A/override", override, []string{jsonBody, own}, map[people.Role]int{people.Supervisor: 204}, 403},
		{"POST", w.page + "/v1/pairings", `{"lane":"A","role":"steward"}`, []string{jsonBody, own}, map[people.Role]int{people.Operator: 201}, 403},
		{"POST", w.page + "/v1/trust", "bundle 8", []string{own}, nil, 401},
		{"POST", w.page + "/v1/session", "", []string{own}, nil, 204},
	} {
		for _, r := range append([]people.Role{nobody}, allRoles...) {
			headers := tt.headers
			want, listed := tt.want[r]
			if r != nobody {
				headers = append(slices.Clone(headers), w.cookie(t, r))
			}
			if !listed {
				if want = tt.all; r == nobody {
					want = 401
				}
			}
			if got := w.status(t, tt.method, tt.address, tt.body, headers...); got != want {
				t.Errorf("%s %s as %v: got %d, want %d", tt.method, tt.address, r, got, want)
			}
		}
	}
	for _, foreign := range []string{"Origin: http://evil.example", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"} {
		for _, address := range []string{"/v1/lanes/A/scan", "/v1/lanes/A/override", "/v1/pairings", "/v1/login", "/v1/logout", "/v1/session", "/v1/pair", "/v1/verify", "/v1/clock"} {
			if got := w.status(t, "POST", w.page+address, override, jsonBody, foreign, w.cookie(t, people.Supervisor)); got != 403 {
				t.Errorf("%s from %s: got %d, want 403", address, foreign, got)
			}
		}
	}
}

func TestMachinesKeepTheirToken(t *testing.T) {
	t.Parallel()
	w := settle(t, nil)
	token := "Authorization: Bearer secret"
	for _, tt := range []struct {
		method, address, body string
		want                  int
	}{
		{"GET", w.page + "/v1/lanes", "", 200},
		{"GET", w.page + "/metrics", "", 200},
		{"GET", w.events + "/v1/lanes/A/events", "", 200},
		{"POST", w.page + "/v1/verify", "x", 200},
		{"POST", w.page + "/v1/trust", "bundle 8", 200},
	} {
		for header, want := range map[string]int{token: tt.want, "Authorization: Bearer secre": 401, "Authorization: Bearer ": 401, "X-Other: 1": 401} {
			if got := w.status(t, tt.method, tt.address, tt.body, text, header); got != want {
				t.Errorf("%s with %q: got %d, want %d", tt.address, header, got, want)
			}
		}
	}
	if got := w.status(t, "POST", w.page+"/v1/lanes/A/override", `{"reason":"document_checked","sequence":1}`, jsonBody, token); got != 403 {
		t.Errorf("a machine is no supervisor: got %d, want 403", got)
	}
	with := `{"reason":"document_checked","sequence":1,"account":"supervisor","pin":"` + goodPIN + `"}`
	if got := w.status(t, "POST", w.page+"/v1/lanes/A/override", with, jsonBody, token); got != 204 {
		t.Errorf("a machine with a supervisor's PIN: got %d, want 204", got)
	}
}

func TestTabletSeesItsLaneAlone(t *testing.T) {
	t.Parallel()
	w := settle(t, nil)
	tablet := w.tablet(t, "A", people.Steward)
	own := "Origin: " + w.page
	for _, tt := range []struct {
		method, address, body string
		want                  int
	}{
		{"GET", w.page + "/lane/A", "", 200},
		{"GET", w.page + "/lane/B", "", 403},
		{"GET", w.events + "/v1/lanes/A/events", "", 200},
		{"GET", w.events + "/v1/lanes/B/events", "", 403},
		{"POST", w.page + "/v1/lanes/A/scan", "x", 202},
		{"POST", w.page + "/v1/lanes/B/scan", "x", 403},
		{"POST", w.page + "/v1/pairings", `{"lane":"A","role":"steward"}`, 403},
	} {
		if got := w.status(t, tt.method, tt.address, tt.body, text, own, tablet); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.address, got, tt.want)
		}
	}
	if _, body := w.ask(t, "GET", "/v1/lanes", nil, tablet); !strings.Contains(body, `"lane":"A"`) || strings.Contains(body, `"lane":"B"`) {
		t.Errorf("the list: %s", body)
	}
}

func TestStreamEndsWithItsSession(t *testing.T) {
	t.Parallel()
	w := settle(t, nil)
	for name, end := range map[string]func(){
		"logout": func() { w.people.Logout(w.tokens[people.Steward]) },
		"away":   func() { w.pass(people.IdleLife) },
	} {
		r := map[string]people.Role{"logout": people.Steward, "away": people.Authority}[name]
		events := w.subscribe(t, "A", w.cookie(t, r))
		next(t, events, "status")
		end()
		w.source.give("A", policy.OK)
		for e := range events {
			if e.name == "verdict" {
				t.Errorf("%s: a verdict was sent after the session", name)
			}
		}
	}
}

func TestLoginSetsACookieThatNoScriptReads(t *testing.T) {
	t.Parallel()
	w := settle(t, nil)
	own := "Origin: " + w.page
	answer, body := w.ask(t, "POST", "/v1/login", strings.NewReader(`{"account":"airline","password":"`+goodPassword+`"}`), jsonBody, own)
	if answer.StatusCode != 200 || body != `{"name":"airline","role":"airline","lane":""}` {
		t.Fatalf("got %d %s", answer.StatusCode, body)
	}
	cookies := answer.Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode || cookies[0].Path != "/" || cookies[0].Domain != "" ||
		cookies[0].MaxAge != int(people.SessionLife/time.Second) || strings.Contains(body, cookies[0].Value) {
		t.Fatalf("cookies: %+v", cookies)
	}
	session := "Cookie: passerelle=" + cookies[0].Value
	if _, body := w.ask(t, "GET", "/v1/session", nil, session); !strings.Contains(body, `"session":{"name":"airline","role":"airline","lane":""}`) {
		t.Errorf("session: %s", body)
	}
	answer, _ = w.ask(t, "POST", "/v1/logout", nil, own, session)
	if gone := answer.Cookies(); answer.StatusCode != 204 || len(gone) != 1 || gone[0].Value != "" {
		t.Errorf("logout: %d, %+v", answer.StatusCode, gone)
	}
	if _, body := w.ask(t, "GET", "/v1/session", nil, session); !strings.Contains(body, `"session":null`) {
		t.Errorf("after the logout: %s", body)
	}
}

func TestFormHasALimit(t *testing.T) {
	t.Parallel()
	w := settle(t, nil)
	own := "Origin: " + w.page
	form := `{"account":"nobody","password":"x"}`
	for n, want := range map[int]int{maxForm: 401, maxForm + 1: 413} {
		if got := w.status(t, "POST", w.page+"/v1/login", form+strings.Repeat(" ", n-len(form)), jsonBody, own); got != want {
			t.Errorf("%d bytes: got %d, want %d", n, got, want)
		}
	}
	for _, bad := range []string{"", "[]", "null x", form + form, `{"account":"a","password":"b","more":1}`, `{"account":1}`, "{"} {
		if got := w.status(t, "POST", w.page+"/v1/login", bad, jsonBody, own); got != 400 {
			t.Errorf("%q: got %d, want 400", bad, got)
		}
	}
}

func TestSupervisorActsBySessionPINOrCard(t *testing.T) {
	t.Parallel()
	w := settle(t, nil)
	own, tablet := "Origin: "+w.page, w.tablet(t, "A", people.Steward)
	at := time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		path, body string
		want       people.Action
	}{
		{"/v1/lanes/A/override", `"reason":"identity_checked","sequence":41`, people.Action{Deed: people.Override, Lane: "A", Reason: people.IdentityChecked, Sequence: 41}},
		{"/v1/lanes/A/free", `"reason":"not_passed","sequence":42`, people.Action{Deed: people.Free, Lane: "A", Reason: people.NotPassed, Sequence: 42}},
		{"/v1/lanes/A/open", `"reason":"crowd_pressure","on":true`, people.Action{Deed: people.OpenCount, Lane: "A", Reason: people.CrowdPressure, On: true}},
		{"/v1/lanes/A/open", `"reason":"back_to_normal","on":false`, people.Action{Deed: people.OpenCount, Lane: "A", Reason: people.BackToNormal}},
		{"/v1/lanes/A/rehearsal", `"reason":"training","on":true`, people.Action{Deed: people.Rehearsal, Lane: "A", Reason: people.Training, On: true}},
		{"/v1/clock", `"reason":"clock_checked","time":"2026-06-01T10:00:00Z"`, people.Action{Deed: people.ConfirmTime, Reason: people.ClockChecked, Time: at}},
	} {
		act := func(means people.Means, by, body, cookie string, want int) {
			t.Helper()
			before := len(w.done())
			if got := w.status(t, "POST", w.page+tt.path, "{"+body+"}", jsonBody, own, cookie); got != want {
				t.Errorf("%s by %s: got %d, want %d", tt.path, means, got, want)
			}
			done := w.done()[before:]
			if want != 204 {
				if len(done) > 0 {
					t.Errorf("%s: refused, and done: %+v", tt.path, done)
				}
				return
			}
			expected := tt.want
			expected.By, expected.Means = by, means
			if len(done) != 1 || done[0] != expected {
				t.Errorf("%s by %s: got %+v, want %+v", tt.path, means, done, expected)
			}
		}
		act("nobody", "", tt.body, tablet, 403)
		act(people.BySession, "supervisor", tt.body, w.cookie(t, people.Supervisor), 204)
		act(people.ByPIN, "supervisor", tt.body+`,"account":"supervisor","pin":"`+goodPIN+`"`, tablet, 204)
		act(people.ByPIN, "", tt.body+`,"account":"supervisor","pin":"480914"`, tablet, 403)
		act(people.ByPIN, "", tt.body+`,"account":"steward","pin":"`+goodPIN+`"`, tablet, 403)
		w.people.Grant("A", "card-7", w.now().Add(people.GrantLife))
		if tt.want.Lane == "" {
			act(people.ByCard, "", tt.body, tablet, 403) // a card is good at its lane
		} else {
			act(people.ByCard, "card-7", tt.body, tablet, 204)
			act(people.ByCard, "", strings.Replace(tt.body, `"reason":"`, `"reason":"x`, 1), tablet, 422)
		}
		w.pass(people.GrantLife)
		act(people.ByCard, "", tt.body, tablet, 403)
		act(people.BySession, "", tt.body+`,"note":"free text"`, w.cookie(t, people.Supervisor), 400)
		w.pass(people.MaxDelay)
		if err := w.people.CheckPIN("A", "supervisor", goodPIN); err != nil { // ends the count of wrong ones
			t.Fatal(err)
		}
	}
}

func TestWrongPINsAreDelayed(t *testing.T) {
	t.Parallel()
	w := settle(t, nil)
	own, tablet := "Origin: "+w.page, w.tablet(t, "A", people.Steward)
	try := func(pin string) (*http.Response, string) {
		return w.ask(t, "POST", "/v1/lanes/A/open", strings.NewReader(`{"reason":"emergency","on":true,"account":"supervisor","pin":"`+pin+`"}`), jsonBody, own, tablet)
	}
	for range people.FreeTries {
		if answer, body := try("480914"); answer.StatusCode != 403 {
			t.Errorf("got %d %s, want 403", answer.StatusCode, body)
		}
	}
	answer, body := try(goodPIN)
	if answer.StatusCode != 429 || answer.Header.Get("Retry-After") != "30" || len(w.done()) > 0 {
		t.Errorf("got %d %s, Retry-After %q", answer.StatusCode, body, answer.Header.Get("Retry-After"))
	}
	if got := w.status(t, "POST", w.page+"/v1/lanes/A/open", `{"reason":"emergency","on":true}`, jsonBody, own, w.cookie(t, people.Supervisor)); got != 204 {
		t.Errorf("a supervisor's own session: got %d, want 204", got)
	}
	w.pass(people.FirstDelay)
	if answer, body := try(goodPIN); answer.StatusCode != 204 {
		t.Errorf("after the delay: got %d %s, want 204", answer.StatusCode, body)
	}
}

// peopleExchanges has every status of the routes for people, see TestEveryDocumentedAnswerIsGiven.
func peopleExchanges() []exchange {
	foreign := "Origin: http://evil.example"
	own, token := "Origin: http://127", "Authorization: Bearer secret"
	long := strings.Repeat(" ", maxForm+1)
	damaged := func(w *town) {
		if err := os.WriteFile(filepath.Join(w.dir, "people.json"), []byte("{"), 0o600); err != nil {
			panic(err)
		}
	}
	waiting := func(w *town) { w.code, _, _ = w.people.Pair("A", people.Steward) }
	login, pair := `{"account":"steward","password":"`+goodPassword+`"}`, `{"lane":"A","role":"steward"}`
	all := []exchange{
		{status: 200, method: "GET", path: "/login"},
		{status: 200, method: "GET", path: "/pair?lang=fr"},
		{status: 303, method: "GET", path: "/"},
		{status: 303, method: "GET", path: "/lane/A"},
		{status: 303, method: "GET", path: "/preflight"},
		{status: 200, method: "GET", path: "/lane/A", as: people.Retail},
		{status: 200, method: "POST", path: "/v1/login", body: login, headers: []string{jsonBody, own}},
		{status: 401, method: "POST", path: "/v1/login", body: `{"account":"steward","password":"wrong"}`, headers: []string{jsonBody, own}},
		{status: 429, method: "POST", path: "/v1/login", body: login, headers: []string{jsonBody, own}, settled: func(w *town) {
			for range people.FreeTries {
				_, _, _ = w.people.Login("steward", "wrong")
			}
		}},
		{status: 503, method: "POST", path: "/v1/login", body: login, headers: []string{jsonBody, own}, settled: damaged},
		{status: 204, method: "POST", path: "/v1/logout", headers: []string{own}},
		{status: 403, method: "POST", path: "/v1/logout", headers: []string{foreign}},
		{status: 200, method: "GET", path: "/v1/session"},
		{status: 200, method: "GET", path: "/v1/session?lane=A", as: people.Steward},
		{status: 204, method: "POST", path: "/v1/session", headers: []string{own}, as: people.Authority},
		{status: 401, method: "POST", path: "/v1/session", headers: []string{own}},
		{status: 403, method: "POST", path: "/v1/session", headers: []string{foreign}},
		{status: 201, method: "POST", path: "/v1/pairings", body: pair, headers: []string{jsonBody, token}},
		{status: 201, method: "POST", path: "/v1/pairings", body: pair, headers: []string{jsonBody, own}, as: people.Operator},
		{status: 401, method: "POST", path: "/v1/pairings", body: pair, headers: []string{jsonBody}},
		{status: 403, method: "POST", path: "/v1/pairings", body: pair, headers: []string{jsonBody, own}, as: people.Steward},
		{status: 422, method: "POST", path: "/v1/pairings", body: `{"lane":"nobody","role":"steward"}`, headers: []string{jsonBody, token}},
		{status: 422, method: "POST", path: "/v1/pairings", body: `{"lane":"A","role":"authority"}`, headers: []string{jsonBody, token}},
		{status: 409, method: "POST", path: "/v1/pairings", body: pair, headers: []string{jsonBody, token}, settled: func(w *town) {
			if err := os.Remove(filepath.Join(w.dir, "people.json")); err != nil {
				panic(err)
			}
		}},
		{status: 503, method: "POST", path: "/v1/pairings", body: pair, headers: []string{jsonBody, token}, settled: func(w *town) {
			for range people.MaxPairings {
				_, _, _ = w.people.Pair("A", people.Steward)
			}
		}},
		{status: 200, method: "POST", path: "/v1/pair", body: `{"code":"CODE"}`, headers: []string{jsonBody, own}, settled: waiting},
		{status: 503, method: "POST", path: "/v1/pair", body: `{"code":"CODE"}`, headers: []string{jsonBody, own}, settled: func(w *town) { waiting(w); damaged(w) }},
		{status: 403, method: "POST", path: "/v1/pair", body: `{"code":"wrong"}`, headers: []string{jsonBody, own}},
	}
	for path, body := range map[string]string{"/v1/login": "", "/v1/pairings": "", "/v1/pair": ""} {
		headers := []string{own}
		if path == "/v1/pairings" {
			headers = []string{token}
		}
		all = append(all,
			exchange{status: 400, method: "POST", path: path, body: body, headers: append(headers, jsonBody)},
			exchange{status: 403, method: "POST", path: path, body: body, headers: []string{jsonBody, foreign}},
			exchange{status: 413, method: "POST", path: path, body: long, headers: append(headers, jsonBody)},
			exchange{status: 415, method: "POST", path: path, body: body, headers: append(headers, text)},
			exchange{status: 404, method: "POST", path: path, body: body, headers: append(headers, jsonBody), empty: true},
		)
	}
	return append(all, deedExchanges(long)...)
}

// deedExchanges are those of a supervisor's routes.
func deedExchanges(long string) []exchange {
	own, foreign := "Origin: http://127", "Origin: http://evil.example"
	var all []exchange
	for path, body := range map[string]string{
		"/v1/lanes/A/override": `"reason":"list_error","sequence":1`, "/v1/lanes/A/free": `"reason":"list_error","sequence":1`,
		"/v1/lanes/A/open": `"reason":"emergency","on":true`, "/v1/lanes/A/rehearsal": `"reason":"training","on":true`,
		"/v1/clock": `"reason":"clock_checked","time":"2026-06-01T10:00:00Z"`,
	} {
		headers := []string{jsonBody, own}
		whole := "{" + body + "}"
		add := func(status int, body string, as people.Role, headers []string, settled func(*town)) {
			all = append(all, exchange{status: status, method: "POST", path: path, body: body, headers: headers, as: as, settled: settled})
		}
		fault := func(err error) func(*town) { return func(w *town) { w.failWith(err) } }
		add(204, whole, people.Supervisor, headers, nil)
		add(400, "{", people.Supervisor, headers, nil)
		add(401, whole, people.Nobody, headers, nil)
		add(403, whole, people.Supervisor, []string{jsonBody, foreign}, nil)
		add(403, whole, people.Steward, headers, nil)
		add(409, whole, people.Supervisor, headers, fault(people.ErrNotNow))
		add(413, long, people.Supervisor, headers, nil)
		add(415, whole, people.Supervisor, []string{text, own}, nil)
		add(422, `{"reason":"list_error"}`, people.Supervisor, headers, nil)
		add(500, whole, people.Supervisor, headers, fault(errors.New("fault")))
		add(503, whole, people.Supervisor, headers, fault(lane.ErrBusy))
		add(429, "{"+body+`,"account":"supervisor","pin":"`+goodPIN+`"}`, people.Steward, headers, func(w *town) {
			for range people.FreeTries {
				_ = w.people.CheckPIN("B", "supervisor", "000001")
			}
		})
		if path != "/v1/clock" {
			all = append(all, exchange{status: 404, method: "POST", path: strings.Replace(path, "/A/", "/nobody/", 1), body: whole, headers: headers, as: people.Supervisor})
		}
	}
	return all
}

func TestPairingFromCodeToLane(t *testing.T) {
	t.Parallel()
	var drawn string
	w := settle(t, func(c *Config) {
		c.Hosts = []string{"gate-3.local:99", "192.0.2.7"}
		c.QR = func(text string) ([]string, error) { drawn = text; return []string{"1"}, nil }
	})
	answer, body := w.ask(t, "POST", "/v1/pairings", strings.NewReader(`{"lane":"B","role":"retail"}`), jsonBody, "Authorization: Bearer secret")
	prefix := "http://gate-3.local:" + w.pagePort + "/pair#"
	code, ok := strings.CutPrefix(drawn, prefix)
	if answer.StatusCode != 201 || !ok || len(code) != 22 || !strings.Contains(body, drawn) {
		t.Fatalf("got %d %s, drawn %q", answer.StatusCode, body, drawn)
	}
	own := "Origin: " + w.page
	answer, body = w.ask(t, "POST", "/v1/pair", strings.NewReader(`{"code":"`+code+`"}`), jsonBody, own)
	cookies := answer.Cookies()
	if answer.StatusCode != 200 || !strings.Contains(body, `"role":"retail","lane":"B"`) || len(cookies) != 1 || cookies[0].Name != tabletCookie || !cookies[0].HttpOnly ||
		cookies[0].SameSite != http.SameSiteStrictMode || cookies[0].MaxAge < 29*24*3600 || cookies[0].MaxAge > 30*24*3600 {
		t.Fatalf("got %d %s %+v", answer.StatusCode, body, cookies)
	}
	if got := w.status(t, "GET", w.page+"/lane/B", "", "Cookie: "+tabletCookie+"="+cookies[0].Value); got != 200 {
		t.Errorf("the lane: got %d, want 200", got)
	}
	if strings.Contains(w.log.String(), code) {
		t.Error("the code is in the log")
	}
	_, tablets, err := w.people.List()
	if err != nil || len(tablets) != 1 {
		t.Fatal(tablets, err)
	}
	if err := w.people.Remove(tablets[0].ID); err != nil {
		t.Fatal(err)
	}
	if got := w.status(t, "GET", w.page+"/v1/lanes", "", "Cookie: "+tabletCookie+"="+cookies[0].Value); got != 401 {
		t.Errorf("removed: got %d, want 401", got)
	}
}
