package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"passerelle/gateway/lane"
	"passerelle/gateway/people"
	"passerelle/gateway/policy"
)

// metricLine is one line of Prometheus's text format 0.0.4.
var metricLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*(\{` + metricLabel + `(, ?` + metricLabel + `)*\})? ([-+0-9.eE]+|[-+]Inf|NaN)|#.*)\n$`)

const metricLabel = `[a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\.)*"`

func document(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(description)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestEveryServedRouteIsDocumentedAndNoOther(t *testing.T) {
	t.Parallel()
	var served, documented []string
	for _, r := range slices.Concat(pageRoutes, eventRoutes) {
		served = append(served, r.method+" "+r.pattern)
	}
	for path, item := range document(t).Paths.Map() {
		for method := range item.Operations() {
			documented = append(documented, method+" "+path)
		}
	}
	slices.Sort(served)
	slices.Sort(documented)
	if !slices.Equal(served, documented) {
		t.Errorf("served %q, documented %q", served, documented)
	}
}

// exchange is one request that the document describes, with the status that it must get.
type exchange struct {
	status       int
	method, path string
	body         string
	headers      []string
	prepare      func(*site)

	// Of a site with people.
	as      people.Role // who asks; Nobody for nobody
	settled func(*town) // prepares it
	empty   bool        // asked of a site without people
}

const text = "Content-Type: text/plain"

// exchanges has every status of every route in the document, see TestEveryDocumentedAnswerIsGiven.
func exchanges(own string) []exchange {
	origin, token := "Origin: "+own, "Authorization: Bearer secret"
	foreign := "Origin: http://evil.example"
	large, huge := strings.Repeat("x", MaxBatchBytes+1), strings.Repeat("x", MaxFeedBytes+1)
	cose, asJSON := "Content-Type: application/cose", "Content-Type: application/json"
	noBatch := func(st *site) { <-st.batches }
	noTaking := func(st *site) { st.taking <- struct{}{} }
	noFeeding := func(st *site) { st.feeding <- struct{}{} }
	noStream := func(st *site) {
		for range cap(st.streams) {
			st.streams <- struct{}{}
		}
	}
	return []exchange{
		{200, "GET", "/", "", nil, nil, 0, nil, false},
		{200, "GET", "/?lang=ar", "", nil, nil, 0, nil, false},
		{200, "GET", "/lane/A", "", nil, nil, 0, nil, false},
		{404, "GET", "/lane/nobody", "", nil, nil, 0, nil, false},
		{200, "GET", "/assets/lane.js", "", nil, nil, 0, nil, false},
		{200, "GET", "/assets/words.js", "", nil, nil, 0, nil, false},
		{200, "GET", "/assets/lane.css", "", nil, nil, 0, nil, false},
		{200, "GET", "/assets/icon.svg", "", nil, nil, 0, nil, false},
		{404, "GET", "/assets/none.js", "", nil, nil, 0, nil, false},

		{200, "POST", "/v1/verify", "PT1:x\n", []string{text, token}, nil, 0, nil, false},
		{200, "POST", "/v1/verify", `{"payload":"x"}`, []string{"Content-Type: application/jsonl", token}, nil, 0, nil, false},
		{200, "POST", "/v1/verify", `{"payload":"x"}`, []string{"Content-Type: application/x-ndjson", token}, nil, 0, nil, false},
		{400, "POST", "/v1/verify", `{"payload":"x","now":"2021-01-01T00:00:00Z"}`, []string{"Content-Type: application/jsonl", token}, nil, 0, nil, false},
		{401, "POST", "/v1/verify", "x", []string{text}, nil, 0, nil, false},
		{403, "POST", "/v1/verify", "x", []string{text, token, foreign}, nil, 0, nil, false},
		{413, "POST", "/v1/verify", large, []string{text, token}, nil, 0, nil, false},
		{415, "POST", "/v1/verify", "x", []string{"Content-Type: application/xml", token}, nil, 0, nil, false},
		{503, "POST", "/v1/verify", "x", []string{text, token}, noBatch, 0, nil, false},

		{200, "GET", "/v1/lanes", "", nil, nil, 0, nil, false},
		{200, "GET", "/v1/preflight", "", nil, nil, 0, nil, false},
		{200, "GET", "/preflight", "", nil, nil, 0, nil, false},

		{202, "POST", "/v1/lanes/A/scan", "x", []string{text, origin}, nil, 0, nil, false},
		{400, "POST", "/v1/lanes/A/scan", "", []string{text, origin}, nil, 0, nil, false},
		{403, "POST", "/v1/lanes/A/scan", "x", []string{text}, nil, 0, nil, false},
		{404, "POST", "/v1/lanes/nobody/scan", "x", []string{text, origin}, nil, 0, nil, false},
		{413, "POST", "/v1/lanes/A/scan", large[:MaxEntryBytes+1], []string{text, origin}, nil, 0, nil, false},
		{415, "POST", "/v1/lanes/A/scan", "x", []string{"Content-Type: application/jsonl", origin}, nil, 0, nil, false},
		{500, "POST", "/v1/lanes/A/scan", "x", []string{text, origin}, func(st *site) { st.source.failWith(errors.New("fault")) }, 0, nil, false},
		{503, "POST", "/v1/lanes/A/scan", "x", []string{text, origin}, func(st *site) { st.source.failWith(lane.ErrBusy) }, 0, nil, false},

		{200, "GET", "/v1/lanes/A/events", "", nil, nil, 0, nil, false},
		{403, "GET", "/v1/lanes/A/events", "", []string{foreign}, nil, 0, nil, false},
		{404, "GET", "/v1/lanes/nobody/events", "", nil, nil, 0, nil, false},
		{503, "GET", "/v1/lanes/A/events", "", nil, noStream, 0, nil, false},

		{200, "POST", "/v1/trust", "bundle 8", []string{cose, token}, nil, 0, nil, false},
		{401, "POST", "/v1/trust", "bundle 8", []string{cose}, nil, 0, nil, false},
		{403, "POST", "/v1/trust", "bundle 8", []string{cose, token, foreign}, nil, 0, nil, false},
		{413, "POST", "/v1/trust", large, []string{cose, token}, nil, 0, nil, false},
		{422, "POST", "/v1/trust", "another thing", []string{cose, token}, nil, 0, nil, false},
		{503, "POST", "/v1/trust", "bundle 8", []string{cose, token}, noTaking, 0, nil, false},

		{204, "POST", "/v1/lanes/A/session", `{"event":"final"}`, []string{asJSON, token}, nil, 0, nil, false},
		{401, "POST", "/v1/lanes/A/session", `{}`, []string{asJSON}, nil, 0, nil, false},
		{403, "POST", "/v1/lanes/A/session", `{}`, []string{asJSON, token, foreign}, nil, 0, nil, false},
		{404, "POST", "/v1/lanes/nobody/session", `{}`, []string{asJSON, token}, nil, 0, nil, false},
		{413, "POST", "/v1/lanes/A/session", `{"event":"` + large[:maxSession] + `"}`, []string{asJSON, token}, nil, 0, nil, false},
		{422, "POST", "/v1/lanes/A/session", `{"event":7}`, []string{asJSON, token}, nil, 0, nil, false},
		{500, "POST", "/v1/lanes/A/session", `{"event":"fault"}`, []string{asJSON, token}, nil, 0, nil, false},

		{200, "POST", "/v1/feeds", "feed 1", []string{cose, token}, nil, 0, nil, false},
		{401, "POST", "/v1/feeds", "feed 1", []string{cose}, nil, 0, nil, false},
		{403, "POST", "/v1/feeds", "feed 1", []string{cose, token, foreign}, nil, 0, nil, false},
		{413, "POST", "/v1/feeds", huge, []string{cose, token}, nil, 0, nil, false},
		{422, "POST", "/v1/feeds", "another thing", []string{cose, token}, nil, 0, nil, false},
		{503, "POST", "/v1/feeds", "feed 1", []string{cose, token}, noFeeding, 0, nil, false},

		{200, "GET", "/healthz", "", nil, nil, 0, nil, false},
		{200, "GET", "/readyz", "", nil, nil, 0, nil, false},
		{503, "GET", "/readyz", "", nil, func(st *site) { st.place.set(func(p *place) { p.journal = "gap" }) }, 0, nil, false},
		{200, "GET", "/metrics", "", nil, nil, 0, nil, false},
		{200, "GET", "/openapi.yaml", "", nil, nil, 0, nil, false},
	}
}

func TestEveryDocumentedAnswerIsGiven(t *testing.T) {
	t.Parallel()
	doc := document(t)
	doc.Servers = nil
	for _, item := range doc.Paths.Map() {
		item.Servers = nil // the two listeners have any port here
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, plain := range []string{"text/html", "text/javascript", "text/css", "image/svg+xml", "application/jsonl", "text/event-stream"} {
		openapi3filter.RegisterBodyDecoder(plain, plainText)
	}
	given := make(map[string]bool)
	st := serve(t, func(c *Config) { c.Token, c.Verifiers = "secret", 1 }, nil)
	for _, x := range exchanges(st.page) {
		if x.prepare != nil {
			st = serve(t, func(c *Config) { c.Token, c.Verifiers = "secret", 1 }, nil)
			x.prepare(st)
		}
		given[x.check(t, st, router)] = true
		if x.prepare != nil {
			st = serve(t, func(c *Config) { c.Token, c.Verifiers = "secret", 1 }, nil)
		}
	}
	w := settle(t, nil)
	for _, x := range peopleExchanges() {
		switch {
		case x.empty:
			given[x.check(t, st, router)] = true
			continue
		case x.settled != nil:
			prepared := settle(t, nil)
			x = x.from(t, prepared)
			x.settled(prepared)
			x.body = strings.ReplaceAll(x.body, "CODE", prepared.code)
			given[x.check(t, prepared.site, router)] = true
			continue
		}
		x = x.from(t, w)
		given[x.check(t, w.site, router)] = true
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			for status := range op.Responses.Map() {
				if key := method + " " + path + " " + status; !given[key] {
					t.Errorf("documented, but not asked for here: %s", key)
				}
			}
		}
	}
}

// from adds the cookie of who asks.
func (x exchange) from(t *testing.T, w *town) exchange {
	if x.as != people.Nobody {
		x.headers = append(slices.Clone(x.headers), w.cookie(t, x.as))
	}
	return x
}

// plainText decodes what the document says no more of than that it is text.
func plainText(r io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
	b, err := io.ReadAll(r)
	return string(b), err
}

// check sends the request and holds it and its answer against the document.
func (x exchange) check(t *testing.T, st *site, router routers.Router) (key string) {
	t.Helper()
	base := st.page
	if strings.HasSuffix(x.path, "/events") {
		base = st.events
	}
	ctx, cancel := context.WithTimeout(t.Context(), 1200*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, x.method, base+x.path, strings.NewReader(x.body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range x.headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Origin" && strings.HasPrefix(value, "http://127") {
			value = st.page
		}
		r.Header.Set(name, value)
	}
	route, params, err := router.FindRoute(r)
	if err != nil {
		t.Errorf("%s %s: %v", x.method, x.path, err)
		return ""
	}
	answer, err := (&http.Client{CheckRedirect: noRedirect}).Do(r)
	if err != nil {
		t.Errorf("%s %s: %v", x.method, x.path, err)
		return ""
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil && ctx.Err() == nil { // a stream ends with its context
		t.Errorf("%s %s: %v", x.method, x.path, err)
	}
	if answer.StatusCode != x.status {
		t.Errorf("%s %s %.20q: got %d %.200s, want %d", x.method, x.path, x.body, answer.StatusCode, body, x.status)
	}
	request := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route}
	request.Options = &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, ExcludeRequestBody: true}
	if err := openapi3filter.ValidateRequest(ctx, request); err != nil && x.status < 300 {
		t.Errorf("%s %s: the document does not allow this request: %v", x.method, x.path, err)
	}
	response := &openapi3filter.ResponseValidationInput{RequestValidationInput: request, Status: answer.StatusCode, Header: answer.Header, Options: request.Options}
	response.SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(t.Context(), response); err != nil {
		t.Errorf("%s %s: the document does not allow this answer: %v", x.method, x.path, err)
	}
	return x.method + " " + route.Path + " " + strconv.Itoa(answer.StatusCode)
}

// conforms holds JSON against a schema of the document.
func conforms(t *testing.T, doc *openapi3.T, schema string, data []byte) {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Errorf("%s: %v", schema, err)
		return
	}
	if err := doc.Components.Schemas[schema].Value.VisitJSON(v, openapi3.EnableFormatValidation()); err != nil {
		t.Errorf("%s %s: %v", schema, data, err)
	}
}

func TestRowsAndEventsAreAsDocumented(t *testing.T) {
	t.Parallel()
	doc := document(t)
	st := serve(t, nil, nil)
	_, body := st.ask(t, "POST", "/v1/verify", strings.NewReader("PT1:x\n\nopaque\nHC1:xx"), text)
	for line := range strings.Lines(body) {
		conforms(t, doc, "Candidate", []byte(line))
	}
	events := st.subscribe(t, "A")
	conforms(t, doc, "Status", []byte(next(t, events, "status").data))
	for r := policy.Reason(0); r < policy.NumReasons; r++ {
		st.source.give("A", r)
		conforms(t, doc, "VerdictEvent", []byte(next(t, events, "verdict").data))
	}
	for kind, schema := range map[lane.EventKind]string{
		lane.ShownAgain: "LaneEvent", lane.VerdictLate: "LaneEvent", lane.ScannerGone: "LaneEvent", lane.ScannerBack: "LaneEvent", lane.TrustChanged: "TrustEvent",
		lane.SecondWanted: "LaneEvent", lane.Overridden: "LaneEvent", lane.Passed: "LaneEvent", lane.Annulled: "LaneEvent", lane.ModeChanged: "ModeEvent",
	} {
		st.source.publish(lane.Event{Kind: kind, Lane: "A"})
		conforms(t, doc, schema, []byte(next(t, events, kind.String()).data))
	}
}

func TestDocumentKnowsEveryReasonKindAndCheck(t *testing.T) {
	t.Parallel()
	schemas := document(t).Components.Schemas
	has := func(schema, value string) bool { return slices.Contains(schemas[schema].Value.Enum, any(value)) }
	for r := policy.Reason(0); r < policy.NumReasons; r++ {
		if !has("Reason", r.String()) {
			t.Errorf("Reason: %s is missing", r)
		}
	}
	for k := policy.Kind(0); k < policy.NumKinds; k++ {
		if !has("Kind", k.String()) {
			t.Errorf("Kind: %s is missing", k)
		}
	}
	for c := policy.Check(0); c < policy.NumChecks; c++ {
		if schemas["Checks"].Value.Properties[c.String()] == nil {
			t.Errorf("Checks: %s is missing", c)
		}
	}
	if n := len(schemas["Reason"].Value.Enum); n != int(policy.NumReasons) {
		t.Errorf("%d reasons are documented, there are %d", n, policy.NumReasons)
	}
	if n := len(schemas["Kind"].Value.Enum); n != int(policy.NumKinds) {
		t.Errorf("%d kinds are documented, there are %d", n, policy.NumKinds)
	}
}

func TestDescriptionIsServedAsItIs(t *testing.T) {
	t.Parallel()
	st := serve(t, nil, nil)
	if _, body := st.ask(t, "GET", "/openapi.yaml", nil); !bytes.Equal([]byte(body), description) {
		t.Error("another document is served")
	}
}
