package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime/debug"
	"strings"

	"github.com/valyala/fasthttp"

	"passerelle/gateway/people"
)

// route is one thing that can be asked. In pattern, a segment in braces stands for any one segment, as in openapi.yaml.
type route struct {
	method  string
	pattern string
	allow   func(*Server, *fasthttp.RequestCtx) bool // answers itself if not
	handle  func(s *Server, ctx *fasthttp.RequestCtx, segment string)
}

var (
	pageRoutes = []route{
		{"GET", "/", knownPage, (*Server).indexPage},
		{"GET", "/lane/{id}", knownPage, (*Server).lanePage},
		{"GET", "/preflight", knownPage, (*Server).preflightPage},
		{"GET", "/login", anyone, (*Server).loginPage},
		{"GET", "/pair", anyone, (*Server).pairPage},
		{"GET", "/assets/{file}", anyone, (*Server).asset},
		{"POST", "/v1/login", ownPage, (*Server).login},
		{"POST", "/v1/logout", ownPage, (*Server).logout},
		{"GET", "/v1/session", anyone, (*Server).session},
		{"POST", "/v1/session", knownOwnPage(everybody), (*Server).here},
		{"POST", "/v1/pairings", machineOr(operators), (*Server).invite},
		{"POST", "/v1/pair", ownPage, (*Server).pair},
		{"POST", "/v1/verify", machineOr(atLanes), (*Server).verify},
		{"GET", "/v1/lanes", known(everybody), (*Server).listLanes},
		{"GET", "/v1/preflight", known(everybody), (*Server).preflight},
		{"POST", "/v1/lanes/{id}/scan", knownOwnPage(atLanes), (*Server).enter},
		{"POST", "/v1/lanes/{id}/override", machineOr(atLanes), supervise(people.Override)},
		{"POST", "/v1/lanes/{id}/free", machineOr(atLanes), supervise(people.Free)},
		{"POST", "/v1/lanes/{id}/open", machineOr(atLanes), supervise(people.OpenCount)},
		{"POST", "/v1/lanes/{id}/rehearsal", machineOr(atLanes), supervise(people.Rehearsal)},
		{"POST", "/v1/lanes/{id}/session", machine, (*Server).setSession},
		{"POST", "/v1/clock", machineOr(atLanes), supervise(people.ConfirmTime)},
		{"POST", "/v1/trust", machine, (*Server).takeTrust},
		{"POST", "/v1/feeds", machine, (*Server).takeFeed},
		{"GET", "/healthz", anyone, (*Server).health},
		{"GET", "/readyz", anyone, (*Server).ready},
		{"GET", "/metrics", known(watchers), (*Server).metrics},
		{"GET", "/openapi.yaml", anyone, (*Server).describe},
	}
	eventRoutes = []route{
		{"GET", "/v1/lanes/{id}/events", ownPageOrNone, (*Server).stream},
	}
)

// answer serves requests by routes.
func (s *Server) answer(routes []route) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		pattern := "none"
		defer func() {
			if p := recover(); p != nil {
				s.config.Log.Error("web: a handler has a fault", "route", pattern, "panic", p, "stack", string(debug.Stack()))
				ctx.Response.Reset()
				ctx.SetConnectionClose()
				refuse(ctx, fasthttp.StatusInternalServerError, "the server has a fault")
			}
			drain(ctx)
			secure(ctx)
			s.meters.request(pattern, ctx.Response.StatusCode())
		}()
		if !s.wellMeant(ctx) {
			return
		}
		path := string(ctx.Path())
		var methods []string
		for i := range routes {
			r := &routes[i]
			segment, ok := match(r.pattern, path)
			if !ok {
				continue
			}
			if r.method != string(ctx.Method()) {
				methods = append(methods, r.method)
				continue
			}
			if pattern = r.pattern; r.allow(s, ctx) {
				r.handle(s, ctx, segment)
			}
			return
		}
		if methods != nil {
			ctx.Response.Header.Set("Allow", strings.Join(methods, ", "))
			refuse(ctx, fasthttp.StatusMethodNotAllowed, "this address does not take that method")
			return
		}
		refuse(ctx, fasthttp.StatusNotFound, "there is nothing at this address")
	}
}

// match returns the segment of path that the braces in pattern stand for.
func match(pattern, path string) (segment string, ok bool) {
	before, rest, open := strings.Cut(pattern, "{")
	if !open {
		return "", pattern == path
	}
	_, after, _ := strings.Cut(rest, "}")
	if segment, ok = strings.CutPrefix(path, before); !ok {
		return "", false
	}
	segment, ok = strings.CutSuffix(segment, after)
	return segment, ok && segment != "" && !strings.Contains(segment, "/")
}

// wellMeant refuses what no honest client sends: two lengths (RFC 9112, section 6.3), and a host name that is not ours
// (DNS rebinding: a foreign page whose name was made to point at us). HTTP/1.0 goes, too: it has no way to mark the end of
// an answer that comes in parts.
func (s *Server) wellMeant(ctx *fasthttp.RequestCtx) bool {
	if !ctx.Request.Header.IsHTTP11() {
		ctx.SetConnectionClose()
		refuse(ctx, fasthttp.StatusHTTPVersionNotSupported, "HTTP/1.1 is spoken here")
		return false
	}
	if twoLengths(ctx.Request.Header.RawHeaders()) {
		ctx.SetConnectionClose()
		refuse(ctx, fasthttp.StatusBadRequest, "Content-Length and Transfer-Encoding together")
		return false
	}
	if !s.knownHost(ctx.Request.Header.Host()) || !s.knownHost(ctx.URI().Host()) {
		ctx.SetConnectionClose()
		refuse(ctx, fasthttp.StatusMisdirectedRequest, "this server does not go by that name")
		return false
	}
	return true
}

func twoLengths(headers []byte) bool {
	var length, encoding bool
	for line := range bytes.Lines(headers) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		length = length || bytes.EqualFold(name, []byte("Content-Length"))
		encoding = encoding || bytes.EqualFold(name, []byte("Transfer-Encoding"))
	}
	return length && encoding
}

func (s *Server) knownHost(host []byte) bool {
	name := hostname(string(host))
	if s.hosts[name] || name == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.IsLoopback()
}

// hostname returns a Host header's value without its port and brackets, in lower case.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// anyone lets everybody in who can reach the server: nothing changes, and a foreign page cannot read the answer.
func anyone(*Server, *fasthttp.RequestCtx) bool { return true }

// ownPage lets in what a browser says that a page of ours sent.
func ownPage(_ *Server, ctx *fasthttp.RequestCtx) bool {
	if ours, foreign := sender(ctx, originOf(ctx, "")); foreign || !ours {
		refuse(ctx, fasthttp.StatusForbidden, "only a page of this server may ask this")
		return false
	}
	return true
}

// machine lets in clients that are not foreign pages, with the token if there is one.
func machine(s *Server, ctx *fasthttp.RequestCtx) bool {
	if _, foreign := sender(ctx, originOf(ctx, "")); foreign {
		refuse(ctx, fasthttp.StatusForbidden, "a page of another server may not ask this")
		return false
	}
	if s.config.Token == "" {
		return true
	}
	if !s.hasToken(ctx) {
		refuseStranger(ctx, "a bearer token is needed")
		return false
	}
	return true
}

// ownPageOrNone is for event streams: a page of ours comes from the other listener, so that its browser wants to be told
// that it may read the answer, and that the cookie of its session may go with it (CORS, Fetch, section 3.3). Programs may listen, too. Whoever
// has to be logged in is so on both listeners.
func ownPageOrNone(s *Server, ctx *fasthttp.RequestCtx) bool {
	page := originOf(ctx, s.pagePort)
	ours, foreign := sender(ctx, page)
	if foreign {
		refuse(ctx, fasthttp.StatusForbidden, "a page of another server may not listen")
		return false
	}
	if ours {
		ctx.Response.Header.Set("Access-Control-Allow-Origin", page)
		ctx.Response.Header.Set("Access-Control-Allow-Credentials", "true")
	}
	ctx.Response.Header.Set("Vary", "Origin")
	return known(everybody)(s, ctx)
}

// sender says whether the request comes from a page of the origin given, or from a page of another. A client that is no
// browser sends neither Origin nor Sec-Fetch-Site, and is neither.
func sender(ctx *fasthttp.RequestCtx, own string) (ours, foreign bool) {
	origin := strings.ToLower(string(ctx.Request.Header.Peek("Origin")))
	if origin != "" {
		return origin == own, origin != own
	}
	switch string(ctx.Request.Header.Peek("Sec-Fetch-Site")) {
	case "", "none": // none: somebody typed the address
		return false, false
	case "same-origin":
		return true, false
	}
	return false, true
}

// originOf returns the origin (RFC 6454, section 6.2) of a page of the host that was asked, on its port or on another.
func originOf(ctx *fasthttp.RequestCtx, onPort string) string {
	scheme, implied := "http", "80"
	if ctx.IsTLS() {
		scheme, implied = "https", "443"
	}
	host := strings.ToLower(string(ctx.Request.Header.Host()))
	if onPort == implied {
		host = bracketed(hostname(host))
	} else if onPort != "" {
		host = net.JoinHostPort(hostname(host), onPort)
	}
	return scheme + "://" + host
}

func bracketed(name string) string {
	if strings.Contains(name, ":") {
		return "[" + name + "]"
	}
	return name
}

// secure sets the headers that every answer has.
func secure(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), usb=()")
	if len(h.Peek("Content-Security-Policy")) == 0 {
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	}
}

// problem is how every refusal looks (RFC 9457).
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// refuse answers with a problem. detail is in our words and quotes nothing that the client sent.
func refuse(ctx *fasthttp.RequestCtx, status int, detail string) {
	body, err := json.Marshal(problem{fasthttp.StatusMessage(status), status, detail})
	if err != nil {
		panic(err) // two strings and a number
	}
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/problem+json")
	ctx.SetBody(body)
}

// busy refuses for now.
func busy(ctx *fasthttp.RequestCtx, detail string) {
	ctx.Response.Header.Set("Retry-After", "1")
	refuse(ctx, fasthttp.StatusServiceUnavailable, detail)
}

// reply answers with a JSON document.
func reply(ctx *fasthttp.RequestCtx, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("%T: %v", v, err)) // only types of this package come here
	}
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/json")
	ctx.SetBody(body)
}

// unreadable answers a request that fasthttp could not read.
func (s *Server) unreadable(ctx *fasthttp.RequestCtx, err error) {
	var small *fasthttp.ErrSmallBuffer
	switch {
	case errors.As(err, &small):
		refuse(ctx, fasthttp.StatusRequestHeaderFieldsTooLarge, "the request's head is too large")
	default:
		refuseBody(ctx, err)
	}
	secure(ctx)
	s.meters.request("none", ctx.Response.StatusCode())
}

var errTooLarge = errors.New("the body is larger than allowed")

// readBody reads the whole body into buf, which it grows unless limit+1+bytes.MinRead fit. The error is for refuseBody.
func readBody(ctx *fasthttp.RequestCtx, buf *bytes.Buffer, limit int) error {
	if ctx.Request.Header.ContentLength() > limit {
		return errTooLarge
	}
	body := ctx.RequestBodyStream()
	if body == nil {
		return nil
	}
	if _, err := buf.ReadFrom(io.LimitReader(body, int64(limit)+1)); err != nil {
		return err
	}
	if buf.Len() > limit {
		return errTooLarge
	}
	if n := ctx.Request.Header.ContentLength(); n >= 0 && buf.Len() < n {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// refuseBody answers a request whose body could not be read. Unless it is only too large, nobody knows where the next
// request would begin.
func refuseBody(ctx *fasthttp.RequestCtx, err error) {
	if errors.Is(err, errTooLarge) {
		refuse(ctx, fasthttp.StatusRequestEntityTooLarge, "the body is larger than allowed")
		return
	}
	ctx.SetConnectionClose()
	var n net.Error
	switch {
	case errors.As(err, &n) && n.Timeout():
		refuse(ctx, fasthttp.StatusRequestTimeout, "the request took too long to arrive")
	default:
		refuse(ctx, fasthttp.StatusBadRequest, "the request could not be read")
	}
}

// drain reads what a refused client still sends, at most maxDrained bytes and for as long as a request may take: a connection
// that is closed with bytes unread is reset, and the client never gets to read why.
func drain(ctx *fasthttp.RequestCtx) {
	body := ctx.RequestBodyStream()
	if body == nil || ctx.Response.StatusCode() < fasthttp.StatusBadRequest || ctx.Response.ConnectionClose() {
		return
	}
	if _, err := io.CopyN(io.Discard, body, maxDrained); err != nil && !errors.Is(err, io.EOF) {
		ctx.SetConnectionClose()
	}
}
