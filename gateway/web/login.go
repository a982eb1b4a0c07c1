package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"time"

	"github.com/valyala/fasthttp"

	"passerelle/gateway/people"
)

// maxForm is the largest JSON body that a page of ours or a supervisor sends, in bytes.
const maxForm = 1024

// readForm reads a JSON object strictly into form, and answers itself if it cannot.
func readForm(ctx *fasthttp.RequestCtx, form any) bool {
	media, _, err := mime.ParseMediaType(string(ctx.Request.Header.ContentType()))
	if err != nil || media != "application/json" {
		refuse(ctx, fasthttp.StatusUnsupportedMediaType, "this comes as application/json")
		return false
	}
	buf := bytes.NewBuffer(make([]byte, 0, maxForm+1+bytes.MinRead)) // secrets may be in it: it never grows, and is overwritten
	defer func() { clear(buf.Bytes()) }()
	if err := readBody(ctx, buf, maxForm); err != nil {
		refuseBody(ctx, err)
		return false
	}
	d := json.NewDecoder(bytes.NewReader(buf.Bytes()))
	d.DisallowUnknownFields()
	err = d.Decode(form)
	if _, more := d.Token(); err != nil || !errors.Is(more, io.EOF) {
		refuse(ctx, fasthttp.StatusBadRequest, "the body is no JSON object of the members that belong here")
		return false
	}
	return true
}

// login answers POST /v1/login.
func (s *Server) login(ctx *fasthttp.RequestCtx, _ string) {
	if !s.mayLogIn(ctx) {
		return
	}
	var form struct {
		Account  string `json:"account"`
		Password string `json:"password"`
	}
	if !readForm(ctx, &form) {
		return
	}
	token, session, err := s.config.People.Login(form.Account, form.Password)
	if err != nil {
		s.refuseTry(ctx, err, fasthttp.StatusUnauthorized)
		return
	}
	setCookie(ctx, personCookie, token, people.SessionLife)
	reply(ctx, fasthttp.StatusOK, identityOf(session))
}

// mayLogIn refuses secrets where there is nobody to log in, and over a line on which others could read them.
func (s *Server) mayLogIn(ctx *fasthttp.RequestCtx) bool {
	switch {
	case s.config.People == nil:
		refuse(ctx, fasthttp.StatusNotFound, "nobody logs in here")
		return false
	case !ctx.IsTLS() && !isLoopback(ctx.LocalAddr()):
		refuse(ctx, fasthttp.StatusForbidden, "people log in over TLS only: web.tls in the configuration")
		return false
	}
	return true
}

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// identity is what a page is told about who is logged in.
type identity struct {
	Name string `json:"name"`
	Role string `json:"role"`
	Lane string `json:"lane"` // the only one of a tablet; "" for all
}

func identityOf(s people.Session) identity { return identity{s.Name, s.Role.String(), s.Lane} }

// logout answers POST /v1/logout. A tablet stays paired.
func (s *Server) logout(ctx *fasthttp.RequestCtx, _ string) {
	if s.config.People != nil {
		s.config.People.Logout(string(ctx.Request.Header.Cookie(cookieName(ctx, personCookie))))
	}
	setCookie(ctx, personCookie, "", 0)
	ctx.SetStatusCode(fasthttp.StatusNoContent)
}

// session answers GET /v1/session: who is logged in, and what a supervisor could do here.
func (s *Server) session(ctx *fasthttp.RequestCtx, _ string) {
	v := s.visitor(ctx)
	answer := struct {
		Login     bool        `json:"login"`     // people have to log in here
		Session   *identity   `json:"session"`   // null for nobody
		Supervise *supervised `json:"supervise"` // null where nobody is logged in
	}{Login: !v.open}
	if v.session.Role != people.Nobody {
		who := identityOf(v.session)
		answer.Session, answer.Supervise = &who, s.supervised(&v, string(ctx.QueryArgs().Peek("lane")))
	}
	reply(ctx, fasthttp.StatusOK, answer)
}

// here answers POST /v1/session: the person is there. knownOwnPage has said so.
func (s *Server) here(ctx *fasthttp.RequestCtx, _ string) {
	ctx.SetStatusCode(fasthttp.StatusNoContent)
}

// invite answers POST /v1/pairings: a code for one tablet at one lane.
func (s *Server) invite(ctx *fasthttp.RequestCtx, _ string) {
	if !s.mayLogIn(ctx) {
		return
	}
	var form struct {
		Lane string `json:"lane"`
		Role string `json:"role"`
	}
	if !readForm(ctx, &form) {
		return
	}
	role, ok := people.ParseRole(form.Role)
	if !ok || !s.lanes[form.Lane] {
		refuse(ctx, fasthttp.StatusUnprocessableEntity, "there is no such lane or no such role")
		return
	}
	if !s.loginNeeded() {
		refuse(ctx, fasthttp.StatusConflict, "nobody has to log in here yet: add an account first")
		return
	}
	code, until, err := s.config.People.Pair(form.Lane, role)
	switch {
	case errors.Is(err, people.ErrFull):
		busy(ctx, "too many codes wait for their tablets")
		return
	case errors.Is(err, people.ErrPairRole):
		refuse(ctx, fasthttp.StatusUnprocessableEntity, err.Error())
		return
	case err != nil:
		s.refuseTry(ctx, err, fasthttp.StatusForbidden)
		return
	}
	address := s.tabletAddress(ctx) + "/pair#" + code // a fragment is not sent: no log gets to see it (RFC 3986, section 3.5)
	modules, err := s.config.QR(address)
	if err != nil {
		s.config.Log.Error("web: draw a pairing code", "err", err)
		refuse(ctx, fasthttp.StatusInternalServerError, "the code could not be drawn")
		return
	}
	reply(ctx, fasthttp.StatusCreated, struct {
		Address string   `json:"address"`
		Expires string   `json:"expires"`
		QR      []string `json:"qr"` // a row of modules each: 1 is dark
	}{address, until.UTC().Format(time.RFC3339), modules})
}

// tabletAddress is under which address a tablet finds the page: the first of the configured names, else the one that was asked.
func (s *Server) tabletAddress(ctx *fasthttp.RequestCtx) string {
	asked := originOf(ctx, s.pagePort)
	if len(s.config.Hosts) == 0 {
		return asked
	}
	scheme, port := "http://", ":"+s.pagePort
	if ctx.IsTLS() {
		scheme = "https://"
	}
	if scheme == "https://" && s.pagePort == "443" || scheme == "http://" && s.pagePort == "80" {
		port = ""
	}
	return scheme + bracketed(hostname(s.config.Hosts[0])) + port
}

// pair answers POST /v1/pair: a tablet brings its code.
func (s *Server) pair(ctx *fasthttp.RequestCtx, _ string) {
	if !s.mayLogIn(ctx) {
		return
	}
	var form struct {
		Code string `json:"code"`
	}
	if !readForm(ctx, &form) {
		return
	}
	token, session, expires, err := s.config.People.Redeem(form.Code)
	if err != nil {
		s.refuseTry(ctx, err, fasthttp.StatusForbidden)
		return
	}
	setCookie(ctx, tabletCookie, token, expires.Sub(s.config.Wall()))
	reply(ctx, fasthttp.StatusOK, identityOf(session))
}
