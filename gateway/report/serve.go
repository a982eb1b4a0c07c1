package report

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/valyala/fasthttp"
)

// The reasons of refusals, in the answer's "error".
const (
	codeTimestamp = "timestamp" // the only one that a Forwarder looks at
	codeSignature = "signature"
	codeHeaders   = "headers"
	codeForm      = "format"
	codeChain     = "chain"
	codeConflict  = "conflict"
	codeForeign   = "foreign_box"
	codeLarge     = "too_large"
	codeFull      = "disk_full"
	codeStore     = "store"
	codeInternal  = "internal"
	codeMethod    = "method"
	codePath      = "path"
	codeMedia     = "media_type"
	codeFraming   = "framing"
	codeTimeout   = "timeout"
	codeLogin     = "login"
)

// handle answers one request. Nothing a request holds may end the process.
func (c *Collector) handle(ctx *fasthttp.RequestCtx) {
	defer c.finish(ctx)
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		refuse(ctx, fasthttp.StatusServiceUnavailable, codeStore, errClosed.Error())
		return
	}
	c.route(ctx)
}

// finish counts an answer, and makes one of a panic.
func (c *Collector) finish(ctx *fasthttp.RequestCtx) {
	if r := recover(); r != nil {
		ctx.Response.Reset()
		ctx.SetConnectionClose()
		c.alarm(Alarm{Kind: AlarmStore, Detail: printable(fmt.Appendf(nil, "panic: %v", r))})
		refuse(ctx, fasthttp.StatusInternalServerError, codeInternal, "")
	}
	c.count(1, fmt.Sprintf(`passerelle_collector_requests_total{status="%d"}`, ctx.Response.StatusCode()))
}

func (c *Collector) route(ctx *fasthttp.RequestCtx) {
	if !framed(ctx) {
		return
	}
	switch path := string(ctx.Path()); {
	case path == "/v1/reports" && ctx.IsPost():
		c.receive(ctx)
	case path == "/v1/reports" && ctx.IsGet():
		c.export(ctx)
	case path == "/metrics" && ctx.IsGet():
		c.showMetrics(ctx)
	case path == "/healthz" && ctx.IsGet():
		c.health(ctx)
	case path == "/v1/reports":
		ctx.Response.Header.Set(fasthttp.HeaderAllow, "GET, POST")
		refuse(ctx, fasthttp.StatusMethodNotAllowed, codeMethod, "")
	case path == "/metrics" || path == "/healthz":
		ctx.Response.Header.Set(fasthttp.HeaderAllow, "GET")
		refuse(ctx, fasthttp.StatusMethodNotAllowed, codeMethod, "")
	default:
		refuse(ctx, fasthttp.StatusNotFound, codePath, "")
	}
}

// framed refuses a request whose end two readers could see in different places (RFC 9112, section 6.3): fasthttp takes
// Content-Length with Transfer-Encoding and closes the connection after it. A forwarder always says its length, so no
// Transfer-Encoding is taken at all. The parsed headers no longer show both; the raw ones do.
func framed(ctx *fasthttp.RequestCtx) bool {
	length, coding := false, false
	for line := range bytes.Lines(ctx.Request.Header.RawHeaders()) {
		name, _, _ := bytes.Cut(line, []byte{':'})
		name = bytes.TrimSpace(name)
		length = length || bytes.EqualFold(name, []byte(fasthttp.HeaderContentLength))
		coding = coding || bytes.EqualFold(name, []byte(fasthttp.HeaderTransferEncoding))
	}
	if !coding {
		return true
	}
	ctx.SetConnectionClose()
	if length {
		refuse(ctx, fasthttp.StatusBadRequest, codeFraming, "Content-Length with Transfer-Encoding")
	} else {
		refuse(ctx, fasthttp.StatusLengthRequired, codeFraming, "Transfer-Encoding is not taken")
	}
	return false
}

// expect bounds the body before it is read: only what looks like a report may be large.
func (c *Collector) expect(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	path, _, _ := bytes.Cut(h.RequestURI(), []byte{'?'})
	if h.IsPost() && string(path) == "/v1/reports" && len(h.Peek(headerID)) > 0 && len(h.Peek(headerSignature)) > 0 {
		return fasthttp.RequestConfig{}
	}
	return fasthttp.RequestConfig{MaxRequestBodySize: unsignedBytes}
}

// unreadable answers a request that could not be read whole; the connection is closed after it.
func (c *Collector) unreadable(ctx *fasthttp.RequestCtx, err error) {
	defer c.finish(ctx)
	var small *fasthttp.ErrSmallBuffer
	var network net.Error
	switch {
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		refuse(ctx, fasthttp.StatusRequestEntityTooLarge, codeLarge, "")
	case errors.As(err, &small):
		refuse(ctx, fasthttp.StatusRequestHeaderFieldsTooLarge, codeLarge, "")
	case errors.As(err, &network) && network.Timeout():
		refuse(ctx, fasthttp.StatusRequestTimeout, codeTimeout, "")
	default:
		refuse(ctx, fasthttp.StatusBadRequest, codeFraming, "")
	}
}

// refuse answers with a status and {"error":code,"detail":detail}; both are our own words.
func refuse(ctx *fasthttp.RequestCtx, status int, code, detail string) {
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/json")
	ctx.SetBodyString(fmt.Sprintf("{\"error\":%q,\"detail\":%q}\n", code, detail))
}

// receive takes one report: who says so, what it says, and is it new.
func (c *Collector) receive(ctx *fasthttp.RequestCtx) {
	id, box, ok := c.authentic(ctx)
	if !ok {
		return
	}
	ctx.Response.Header.Set(headerID, id) // tells the forwarder which report is answered
	b, err := parseBatch(ctx.PostBody())
	switch {
	case errors.Is(err, errTooMany):
		refuse(ctx, fasthttp.StatusRequestEntityTooLarge, codeLarge, err.Error())
		return
	case errors.Is(err, errChain), errors.Is(err, errHash):
		refuse(ctx, fasthttp.StatusBadRequest, codeChain, err.Error())
		return
	case err != nil:
		refuse(ctx, fasthttp.StatusBadRequest, codeForm, err.Error())
		return
	case id != batchID(b.journal, b.span):
		refuse(ctx, fasthttp.StatusBadRequest, codeHeaders, "webhook-id does not name this batch")
		return
	}
	r, err := c.store.accept(b, box, c.opts.Now())
	if err != nil {
		c.notAccepted(ctx, b, err)
		return
	}
	c.acknowledge(ctx, b, &r)
}

// authentic checks the headers and the signature, and answers if they are not right. Before it returns true nothing of
// the body has been looked at.
func (c *Collector) authentic(ctx *fasthttp.RequestCtx) (id, box string, ok bool) {
	h := &ctx.Request.Header
	if media, _, _ := bytes.Cut(h.ContentType(), []byte{';'}); !bytes.EqualFold(bytes.TrimSpace(media), []byte("application/json")) ||
		len(h.ContentEncoding()) > 0 {
		refuse(ctx, fasthttp.StatusUnsupportedMediaType, codeMedia, "application/json without a content coding is taken")
		return "", "", false
	}
	for _, name := range []string{headerID, headerTimestamp, headerSignature, headerKey, headerBox} {
		if len(h.PeekAll(name)) > 1 {
			refuse(ctx, fasthttp.StatusBadRequest, codeHeaders, "a header comes twice")
			return "", "", false
		}
	}
	id, timestamp, box := string(h.Peek(headerID)), string(h.Peek(headerTimestamp)), string(h.Peek(headerBox))
	if key := h.Peek(headerKey); id == "" || len(key) > 0 && string(key) != id {
		refuse(ctx, fasthttp.StatusBadRequest, codeHeaders, "webhook-id is missing or not the idempotency-key")
		return "", "", false
	}
	secrets := c.opts.Secrets
	if box != "" {
		secrets = c.opts.Boxes[box]
	}
	at, timeErr := parseTimestamp(timestamp)
	var room [maxSignatures][sha256.Size]byte
	signatures, err := parseSignatures(room[:0], h.Peek(headerSignature))
	if err != nil || timeErr != nil || bytes.ContainsRune([]byte(id), '.') ||
		!signedBy(secrets, signatures, id, timestamp, ctx.PostBody()) {
		refuse(ctx, fasthttp.StatusUnauthorized, codeSignature, "the signature is not right")
		return "", "", false
	}
	if !fresh(at, c.opts.Now()) { // who gets here knows a secret: it is the box, and its clock or ours is wrong
		refuse(ctx, fasthttp.StatusUnauthorized, codeTimestamp, "the timestamp is more than 5 minutes from this clock")
		return "", "", false
	}
	return id, box, true
}

// notAccepted answers what the store refused.
func (c *Collector) notAccepted(ctx *fasthttp.RequestCtx, b *batch, err error) {
	a := Alarm{Kind: AlarmStore, Journal: b.journal, First: b.First, Last: b.Last, Detail: printable([]byte(err.Error()))}
	status, code, detail := fasthttp.StatusServiceUnavailable, codeStore, ""
	var other *conflict
	switch {
	case errors.As(err, &other):
		a.Kind = AlarmConflict
		status, code, detail = fasthttp.StatusConflict, codeConflict, other.Error()
	case errors.Is(err, errForeign):
		a.Kind = AlarmForeign
		status, code, detail = fasthttp.StatusForbidden, codeForeign, err.Error()
	case errors.Is(err, errSpace):
		a.Kind = AlarmSpace
		status, code = fasthttp.StatusInsufficientStorage, codeFull
	}
	c.alarm(a)
	refuse(ctx, status, code, detail)
}

// acknowledge counts what was new and answers: the entries are on disk.
func (c *Collector) acknowledge(ctx *fasthttp.RequestCtx, b *batch, r *receipt) {
	for _, i := range r.fresh {
		c.count(1, entryCounter(b.entries[i].Body))
	}
	duplicate := len(b.entries) - len(r.fresh)
	c.count(duplicate, "passerelle_collector_duplicates_total")
	if r.gap != (span{}) {
		c.alarm(Alarm{
			Kind: AlarmGap, Journal: b.journal, First: r.gap.First, Last: r.gap.Last,
			Detail: "entries before this report have not come",
		})
	}
	ctx.SetContentType("application/json")
	ctx.SetBodyString(fmt.Sprintf("{\"accepted\":%d,\"duplicate\":%d}\n", len(r.fresh), duplicate))
}

// entryCounter names the counter of an entry. Its labels are fixed words, whatever the entry says.
func entryCounter(body []byte) string {
	d, err := describe(body)
	if err != nil || d.event != "verdict" {
		return `passerelle_collector_entries_total{event="other",verdict=""}`
	}
	switch d.verdict {
	case "admit", "deny", "refer":
	default:
		d.verdict = "other"
	}
	return `passerelle_collector_entries_total{event="verdict",verdict="` + d.verdict + `"}`
}

// export answers GET /v1/reports?after=journal/sequence&limit=n with JSON lines, and in Link (RFC 8288) where it goes on.
func (c *Collector) export(ctx *fasthttp.RequestCtx) {
	if !c.mayRead(ctx) {
		return
	}
	limit := MaxExportEntries
	if text := ctx.QueryArgs().Peek("limit"); len(text) > 0 {
		n, err := strconv.Atoi(string(text))
		if err != nil || n < 1 {
			refuse(ctx, fasthttp.StatusBadRequest, codeForm, "limit is not a positive number")
			return
		}
		limit = n
	}
	var out bytes.Buffer
	next, err := c.store.export(&out, string(ctx.QueryArgs().Peek("after")), limit)
	switch {
	case errors.Is(err, errPosition):
		refuse(ctx, fasthttp.StatusBadRequest, codeForm, errPosition.Error())
		return
	case err != nil:
		c.alarm(Alarm{Kind: AlarmStore, Detail: printable([]byte(err.Error()))})
		refuse(ctx, fasthttp.StatusInternalServerError, codeStore, "")
		return
	}
	if next != "" {
		ctx.Response.Header.Set("Link", fmt.Sprintf(`</v1/reports?after=%s&limit=%d>; rel="next"`, next, limit))
	}
	ctx.SetContentType("application/x-ndjson")
	ctx.SetBody(out.Bytes())
}

func (c *Collector) showMetrics(ctx *fasthttp.RequestCtx) {
	if !c.mayRead(ctx) {
		return
	}
	ctx.SetContentType("text/plain; version=0.0.4")
	c.WriteMetrics(ctx)
}

// mayRead lets programs on this machine read, and whoever shows a secret; it answers all others. Behind a proxy on this
// machine everybody seems to be on it, and so does a web page whose name was bound to this address: a request that was
// passed on, or that names another host, is not from this machine.
func (c *Collector) mayRead(ctx *fasthttp.RequestCtx) bool {
	h := &ctx.Request.Header
	if token, ok := bytes.CutPrefix(h.Peek(fasthttp.HeaderAuthorization), []byte("Bearer ")); ok {
		known := false
		for _, s := range c.opts.Secrets {
			known = s.matches(token) || known
		}
		if known {
			return true
		}
	}
	passedOn := len(h.Peek(fasthttp.HeaderForwarded))+len(h.Peek(fasthttp.HeaderXForwardedFor))+len(h.Peek(fasthttp.HeaderVia)) > 0
	host := string(h.Host())
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if len(host) > 1 && host[0] == '[' {
		host = host[1 : len(host)-1]
	}
	if ctx.RemoteIP().IsLoopback() && isLoopback(host) && !passedOn {
		return true
	}
	ctx.Response.Header.Set(fasthttp.HeaderWWWAuthenticate, "Bearer")
	refuse(ctx, fasthttp.StatusUnauthorized, codeLogin, "only from this machine, or with the secret as a bearer token")
	return false
}

// health says whether reports are accepted now.
func (c *Collector) health(ctx *fasthttp.RequestCtx) {
	ctx.SetContentType("application/json")
	switch err := c.store.ready(); {
	case err == nil:
		ctx.SetBodyString("{\"status\":\"ok\"}\n")
	case errors.Is(err, errSpace):
		refuse(ctx, fasthttp.StatusServiceUnavailable, codeFull, "")
	default:
		refuse(ctx, fasthttp.StatusServiceUnavailable, codeStore, "")
	}
}
