package report

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// Limits of a request to the endpoint.
const (
	maxAnswerBytes = 64 << 10
	maxIdle        = 20 * time.Second // below the 30 s after which a server closes an idle connection
)

// sender posts batches. It is used by one goroutine, but for abort.
//
// On a kept connection an answer may belong to another request than the last: a proxy that doubles an answer leaves one
// behind. So a connection is kept only for an endpoint that says in webhook-id which report it answers, as Collector
// does, and such an answer counts only with the right id. For every other endpoint each report has its own connection.
type sender struct {
	client  fasthttp.HostClient
	url     string
	secrets []Secret
	box     string
	timeout time.Duration
	now     func() time.Time
	plain   bool // no TLS
	anyone  bool // plain connections may leave this machine
	echoes  bool // the endpoint's last answer bore the right webhook-id

	request  fasthttp.Request
	response fasthttp.Response

	mu   sync.Mutex
	conn net.Conn        // the last one that was dialled; guarded by mu
	ctx  context.Context // of the run, for dial, which fasthttp gives none; guarded by mu
}

var errPlain = errors.New("plain http leaves this machine: use https, or allow it in the configuration")

// newSender checks the options that concern the endpoint.
func newSender(o *ForwarderOptions) (*sender, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, errors.New("endpoint's URL cannot be read") // the parser's error would quote it, with a password
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return nil, errors.New("endpoint's URL is not of the form https://host/path")
	}
	if u.User != nil || u.Fragment != "" {
		return nil, errors.New("endpoint's URL holds a user name or a fragment")
	}
	s := &sender{
		url: u.String(), secrets: o.Secrets, box: o.Box, timeout: o.Timeout, now: o.Now,
		plain: u.Scheme == "http", anyone: o.AllowPlain,
	}
	if o.Box != "" && !isBoxName([]byte(o.Box)) {
		return nil, fmt.Errorf("box name %q is not 1 to %d letters, digits, full stops, hyphens and underscores", o.Box, maxBoxName)
	}
	if s.plain && !s.anyone && !isLoopback(u.Hostname()) {
		return nil, fmt.Errorf("endpoint %s: %w", u.Hostname(), errPlain)
	}
	s.client = fasthttp.HostClient{
		Addr:                      fasthttp.AddMissingPort(u.Host, !s.plain),
		IsTLS:                     !s.plain,
		Name:                      "passerelle",
		Dial:                      s.dial,
		MaxConns:                  1,
		MaxIdemponentCallAttempts: 1,
		RetryIfErr:                func(*fasthttp.Request, int, error) (bool, bool) { return false, false },
		MaxIdleConnDuration:       maxIdle,
		ReadTimeout:               o.Timeout,
		WriteTimeout:              o.Timeout,
		MaxResponseBodySize:       maxAnswerBytes,
		SecureErrorLogMessage:     true,
		DisablePathNormalizing:    true,
	}
	if !s.plain {
		if s.client.TLSConfig, err = clientTLS(o); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// clientTLS trusts the system's roots, or those of CAFile alone, and shows the certificate if there is one.
func clientTLS(o *ForwarderOptions) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read the endpoint's authority: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read the endpoint's authority: no certificate in %s", o.CAFile)
		}
	}
	if o.CertFile != "" || o.KeyFile != "" {
		pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read our certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// dial connects, and remembers the connection for abort. A name may stand for any address, so the address that a plain
// connection reached is looked at too.
func (s *sender) dial(address string) (net.Conn, error) {
	s.mu.Lock()
	ctx := s.ctx
	s.mu.Unlock()
	d := net.Dialer{Timeout: s.timeout}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	remote, ok := conn.RemoteAddr().(*net.TCPAddr)
	if s.plain && !s.anyone && (!ok || !remote.IP.IsLoopback()) {
		conn.Close()
		return nil, errPlain
	}
	s.mu.Lock()
	s.conn = conn
	s.mu.Unlock()
	if ctx.Err() != nil {
		conn.Close() // abort may have come before it knew this connection
	}
	return conn, nil
}

// abort ends a request in flight; any goroutine may call it.
func (s *sender) abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.Close()
	}
}

// answer is what became of one report.
type answer struct {
	outcome outcome
	status  int           // HTTP status, 0 if none came
	detail  string        // printable ASCII
	after   time.Duration // the endpoint asked for this wait; 0 if it did not
}

// post sends one report of count entries and waits for its answer.
func (s *sender) post(ctx context.Context, id string, body []byte, count int) answer {
	s.mu.Lock()
	s.ctx = ctx
	s.mu.Unlock()
	timestamp := strconv.FormatInt(s.now().Unix(), 10)

	q := &s.request
	q.Reset()
	q.SetRequestURI(s.url)
	q.Header.SetMethod(fasthttp.MethodPost)
	q.Header.SetContentType("application/json")
	q.Header.Set(headerID, id)
	q.Header.Set(headerKey, id)
	q.Header.Set(headerTimestamp, timestamp)
	if len(s.secrets) > 0 {
		q.Header.Set(headerSignature, sign(s.secrets, id, timestamp, body))
	}
	if s.box != "" {
		q.Header.Set(headerBox, s.box)
	}
	q.SetBodyRaw(body)
	if !s.echoes {
		q.SetConnectionClose()
	}
	q.SetTimeout(s.timeout)

	kept := s.echoes
	s.response.Reset()
	err := s.client.Do(q, &s.response)
	s.echoes = err == nil && string(s.response.Header.Peek(headerID)) == id
	if !s.echoes {
		s.client.CloseIdleConnections()
	}
	switch {
	case errors.Is(err, fasthttp.ErrBodyTooLarge): // its head was read whole and says all that is asked
	case err != nil:
		return answer{outcome: busy, detail: printable([]byte(err.Error()))}
	}
	if kept && !s.echoes {
		return answer{outcome: busy, detail: "an answer to another report came on this connection"}
	}
	return s.read(count)
}

// read judges the answer to a report of count entries.
func (s *sender) read(count int) answer {
	r := &s.response
	now := s.now()
	var said struct {
		Accepted  *int   `json:"accepted"`
		Duplicate *int   `json:"duplicate"`
		Error     string `json:"error"`
	}
	if json.Unmarshal(r.Body(), &said) != nil {
		said.Accepted, said.Duplicate, said.Error = nil, nil, ""
	}
	a := answer{outcome: judge(r.StatusCode()), status: r.StatusCode(), after: retryAfter(r, now)}
	a.detail = fmt.Sprintf("status %d %s", a.status, printable(r.Body()))

	date, err := fasthttp.ParseHTTPDate(r.Header.Peek(fasthttp.HeaderDate))
	wrongClock := said.Error == codeTimestamp || err == nil && !fresh(date, now)
	switch {
	case a.outcome == accepted && bytes.HasPrefix(r.Header.ContentType(), []byte("text/html")):
		a.outcome, a.detail = unfit, "a web page answered: this is no receiver of reports, perhaps a login page of the network"
	case a.outcome == accepted && said.Accepted != nil && said.Duplicate != nil && *said.Accepted+*said.Duplicate != count:
		a.outcome, a.detail = unfit, "the answer counts other entries than were sent: "+a.detail
	case (a.outcome == refused || a.outcome == unfit) && a.status >= 400 && wrongClock:
		a.outcome = clockFault
	}
	return a
}

// retryAfter returns the wait that an answer asks for, in seconds or as a date (RFC 9110, section 10.2.3).
func retryAfter(r *fasthttp.Response, now time.Time) time.Duration {
	const most = 24 * time.Hour
	text := r.Header.Peek(fasthttp.HeaderRetryAfter)
	if seconds, err := strconv.ParseUint(string(text), 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, most)
	}
	if date, err := fasthttp.ParseHTTPDate(text); err == nil {
		return min(max(date.Sub(now), 0), most)
	}
	return 0
}
