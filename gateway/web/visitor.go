package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"passerelle/gateway/people"
)

// visitor is who asks.
type visitor struct {
	open    bool           // nobody has to log in here
	machine bool           // it sent the token
	session people.Session // the zero one if nobody is logged in
	token   string         // of session
}

// Names of the cookies that hold sessions. A browser keeps one whose name begins with __Host- to the host that set it, and never
// sends it over plain HTTP (RFC 6265bis, section 4.1.3.2); without TLS, which is for loopback alone, it would not take it. A tablet's cookie is
// another one, so that somebody who logs in on it and out again leaves it paired. Both are sent to the event streams' port, too:
// cookies know no ports.
const (
	personCookie = "passerelle"
	tabletCookie = "passerelle-tablet"
	hostPrefix   = "__Host-"
)

func cookieName(ctx *fasthttp.RequestCtx, name string) string {
	if ctx.IsTLS() {
		return hostPrefix + name
	}
	return name
}

// setCookie gives a browser a token to keep for so long; without a token it forgets the one that it has.
func setCookie(ctx *fasthttp.RequestCtx, name, token string, life time.Duration) {
	c := fasthttp.AcquireCookie()
	defer fasthttp.ReleaseCookie(c)
	c.SetKey(cookieName(ctx, name))
	c.SetValue(token)
	c.SetPath("/")
	c.SetHTTPOnly(true)
	c.SetSecure(ctx.IsTLS())
	c.SetSameSite(fasthttp.CookieSameSiteStrictMode)
	if token == "" {
		c.SetExpire(fasthttp.CookieExpireDelete)
	} else {
		c.SetMaxAge(int(life / time.Second))
	}
	ctx.Response.Header.SetCookie(c)
}

// loginNeeded reports whether people have to log in.
func (s *Server) loginNeeded() bool { return s.config.People != nil && s.config.People.Required() }

// visitor finds out who asks.
func (s *Server) visitor(ctx *fasthttp.RequestCtx) visitor {
	v := visitor{open: !s.loginNeeded(), machine: s.config.Token != "" && s.hasToken(ctx)}
	if v.open {
		return v
	}
	for _, name := range []string{personCookie, tabletCookie} {
		token := string(ctx.Request.Header.Cookie(cookieName(ctx, name)))
		if session, ok := s.config.People.Session(token); ok {
			v.session, v.token = session, token
			return v
		}
	}
	return v
}

// still reports whether a visitor may go on with what he was let in for.
func (s *Server) still(v visitor) bool {
	switch {
	case v.machine:
		return true
	case v.open:
		return !s.loginNeeded()
	}
	session, ok := s.config.People.Session(v.token)
	return ok && session == v.session
}

// hasToken reports whether the request carries the token of machines.
func (s *Server) hasToken(ctx *fasthttp.RequestCtx) bool {
	token, ok := strings.CutPrefix(string(ctx.Request.Header.Peek("Authorization")), "Bearer ")
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(s.config.Token))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1 && ok
}

// roles is a set of roles.
type roles uint16

func roleSet(all ...people.Role) (set roles) {
	for _, r := range all {
		set |= 1 << r
	}
	return set
}

func (set roles) has(r people.Role) bool { return set&(1<<r) != 0 }

var (
	everybody = roleSet(people.Retail, people.Steward, people.Airline, people.Authority, people.Operator, people.Supervisor)
	atLanes   = everybody &^ roleSet(people.Operator)
	watchers  = roleSet(people.Operator, people.Supervisor)
	operators = roleSet(people.Operator)
)

// in reports whether a visitor may ask something of a lane, "" for none, that these roles may.
func (v *visitor) in(allowed roles, lane string) bool {
	return v.open || v.machine || allowed.has(v.session.Role) && (lane == "" || v.session.At(lane))
}

// known lets in those of a role, machines with the token, and everybody where nobody has to log in: to see things.
func known(allowed roles) func(*Server, *fasthttp.RequestCtx) bool {
	return func(s *Server, ctx *fasthttp.RequestCtx) bool {
		v := s.visitor(ctx)
		return v.in(allowed, laneOf(ctx)) || refuseVisitor(ctx, &v)
	}
}

// knownPage is known for a document: a person without a session is sent to the login, and one who opens a document is there.
func knownPage(s *Server, ctx *fasthttp.RequestCtx) bool {
	v := s.visitor(ctx)
	switch {
	case v.in(everybody, laneOf(ctx)):
		s.touch(&v)
		return true
	case v.session.Role == people.Nobody:
		query := url.Values{"next": {string(ctx.Path())}}
		if language := string(ctx.QueryArgs().Peek("lang")); knownLanguage(language) {
			query.Set("lang", language)
		}
		ctx.Response.Header.Set("Location", "/login?"+query.Encode())
		ctx.SetStatusCode(fasthttp.StatusSeeOther)
		return false
	}
	return refuseVisitor(ctx, &v)
}

// touch keeps the session of a person who did something.
func (s *Server) touch(v *visitor) {
	if v.token != "" {
		s.config.People.Touch(v.token)
	}
}

// knownOwnPage lets in what a page of ours sent for somebody of a role.
func knownOwnPage(allowed roles) func(*Server, *fasthttp.RequestCtx) bool {
	return func(s *Server, ctx *fasthttp.RequestCtx) bool {
		if !ownPage(s, ctx) {
			return false
		}
		v := s.visitor(ctx)
		if !v.in(allowed, laneOf(ctx)) {
			return refuseVisitor(ctx, &v)
		}
		s.touch(&v)
		return true
	}
}

// machineOr lets in a machine with its token, else what a page of ours sent for somebody of a role. Where nobody has to log in,
// it is machine.
func machineOr(allowed roles) func(*Server, *fasthttp.RequestCtx) bool {
	person := knownOwnPage(allowed)
	return func(s *Server, ctx *fasthttp.RequestCtx) bool {
		ours, _ := sender(ctx, originOf(ctx, ""))
		if ours && s.loginNeeded() && len(ctx.Request.Header.Peek("Authorization")) == 0 {
			return person(s, ctx)
		}
		return machine(s, ctx)
	}
}

// laneOf returns the lane that a request is about, "" for none.
func laneOf(ctx *fasthttp.RequestCtx) string {
	path := string(ctx.Path())
	for _, prefix := range []string{"/lane/", "/v1/lanes/"} {
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			lane, _, _ := strings.Cut(rest, "/")
			return lane
		}
	}
	return ""
}

// refuseVisitor tells a stranger to log in, and somebody who is known that it is not for him.
func refuseVisitor(ctx *fasthttp.RequestCtx, v *visitor) bool {
	if v.session.Role != people.Nobody {
		refuse(ctx, fasthttp.StatusForbidden, "that is not for this role, or not for this lane")
		return false
	}
	refuseStranger(ctx, "log in first")
	return false
}

func refuseStranger(ctx *fasthttp.RequestCtx, detail string) {
	ctx.Response.Header.Set("WWW-Authenticate", "Bearer")
	refuse(ctx, fasthttp.StatusUnauthorized, detail)
}

// refuseTry answers an error of a password, a PIN or a code that was looked at. wrong is the status of a wrong one.
func (s *Server) refuseTry(ctx *fasthttp.RequestCtx, err error, wrong int) {
	var delayed *people.Delayed
	switch {
	case errors.As(err, &delayed):
		seconds := int64((delayed.Wait + time.Second - 1) / time.Second)
		ctx.Response.Header.Set("Retry-After", strconv.FormatInt(seconds, 10))
		refuse(ctx, fasthttp.StatusTooManyRequests, err.Error())
	case errors.Is(err, people.ErrBusy):
		busy(ctx, err.Error())
	case errors.Is(err, people.ErrWrong), errors.Is(err, people.ErrCode):
		if wrong == fasthttp.StatusUnauthorized {
			refuseStranger(ctx, err.Error())
			return
		}
		refuse(ctx, wrong, err.Error())
	default:
		s.config.Log.Error("web: accounts", "err", err)
		busy(ctx, "the accounts cannot be used now")
	}
}
