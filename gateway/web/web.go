// Package web serves a gate's HTTP API and its lane page.
//
// There are two listeners. One answers requests: the page, POST /v1/verify, the lanes' status, trust bundles, feeds, health and
// metrics, each with a limit on its size and its time. The other carries event streams only (server-sent events, WHATWG
// HTML, section 9.2), which stay open for hours and so cannot have a write timeout. Neither is on the way from a scan to a
// lamp: the page shows what a lane has done, and a page that hangs delays nobody.
//
// What a client may ask, and every status that it may get, stands in openapi.yaml, which a test holds against the server.
// Names of hosts are checked against DNS rebinding, requests of foreign pages are refused (Fetch, section 3.2; Fetch Metadata),
// and the listeners must be on loopback unless Config.Exposed says otherwise, or people log in over TLS.
//
// Where there are accounts (package people), a person logs in, or a tablet is paired, before anything of a lane is shown; machines
// send their token. What each role sees of what is written stands in sights, and in package policy's table for what a credential
// says. Both listeners ask for the same session.
//
// A code that is sent here is copied into memory of ours, overwritten after use, and never logged.
package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"passerelle/gateway/journal"
	"passerelle/gateway/lane"
	"passerelle/gateway/people"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
)

// Limits. A client that goes beyond one gets 413 for size, 408 for time and 503 for number.
const (
	MaxBatchBytes  = 4 << 20 // body of POST /v1/verify
	MaxBatchRows   = 4096    // rows of POST /v1/verify
	MaxBundleBytes = 4 << 20 // body of POST /v1/trust; a larger bundle comes by file
	MaxEntryBytes  = verify.MaxScan
	MaxStreams     = 64                           // event streams open at once
	maxOtherBytes  = 64 << 10                     // body of any other request
	maxDrained     = MaxFeedBytes + MaxBatchBytes // of a refused body
	maxVerifiers   = 64
	maxLaneName    = 64 // bytes
	maxConnections = 256
	maxPerAddress  = 16 // connections of one IP address, for each listener

	ioTimeout    = 5 * time.Second  // to read a whole request; to write an answer, or a part of one that comes in parts
	batchTimeout = 60 * time.Second // for the whole answer to a batch
	idleTimeout  = 30 * time.Second
	heartbeat    = time.Second
)

// Gate is what the server needs of lane.Gate, besides the functions in Config.
type Gate interface {
	Lanes() []string
	Status(lane string) (lane.Status, bool)
	Enter(lane string, code []byte) error
}

// Reports says how far reporting is behind.
type Reports struct {
	Backlog uint64 // entries that are not yet acknowledged
	Parked  uint64 // entries that the endpoint refused for good
}

// Config is all that a Server depends on.
type Config struct {
	Fast *sig.Accelerator // shared by all Verifiers of the process; nil: the standard library
	Gate Gate
	// Subscribe gives the events of a lane, or of all for ""; role is the most that may be seen of credentials.
	Subscribe func(lane string, role policy.Role) (events <-chan lane.Event, stop func())
	Snapshot  func() *trust.Snapshot
	Now       func() policy.Now
	Wall      func() time.Time // time.Now: also for the deadlines of connections
	Profile   *policy.Profile  // what POST /v1/verify asks of a code
	// Take takes a signed bundle and returns its version. Its error goes to the client.
	Take func(bundle []byte) (version uint64, err error)
	// TakeFeed takes a signed feed, or a status list. Its error goes to the client.
	TakeFeed func(file []byte) (FeedTaken, error)
	// SetSession says what a lane is for, in JSON, and has that on disk. Its errors are lane.ErrNoLane, those that wrap ErrSession, which
	// go to the client, and faults.
	SetSession func(lane string, session []byte) error
	// Session returns what a lane is for, nil if nothing was said, and what it asks of a code.
	Session func(lane string) (*policy.Session, *policy.Profile)
	// LaneCount returns what the journal counted at a lane since it began, ZoneCounts what it counted in each zone. A page asks for the
	// first every second.
	LaneCount  func(lane string) journal.Count
	ZoneCounts func() []journal.Count
	Journal    func() string  // "ok", "gap", "damaged", "full"
	Reports    func() Reports // nil if nothing is reported
	// Disk says how much room there is for the journal, and under how much nothing is admitted, in bytes.
	Disk    func() (free, need uint64, err error)
	Foreign func() int // USB interfaces plugged in that nobody asked for; nil: nobody looks
	Log     *slog.Logger

	TLS    *tls.Config    // both listeners' own; nil is plain HTTP
	People *people.People // who logs in; nil: nobody has to, and nobody is a supervisor
	// Supervise does what a supervisor asks for, and journals it. An error that wraps people.ErrNotNow goes to the supervisor. It must be set
	// where People is.
	Supervise func(people.Action) error
	// Viewed is told once a minute who was shown what credentials say, how often and at which lane ("" for POST /v1/verify); it may be nil.
	Viewed func(account, lane string, times uint64)
	// QR draws a text: rows of modules, "1" is a dark one, without a quiet zone. It must be set where People is.
	QR func(text string) (rows []string, err error)

	Hosts     []string // names and addresses by which clients may call the server, besides those of loopback
	Exposed   bool     // the listeners may be reachable from other machines
	Token     string   // if set, machines have to send it as a bearer token
	AllowNow  bool     // rows of POST /v1/verify may say at what time they are judged: for the bench only
	Verifiers int      // batches verified at once; 0 means 2
	Language  string   // of pages that do not ask for one: "en" (also if empty), "fr", "ar"
	Version   string   // of the program
}

// Server is made by New, runs in Serve and ends with Shutdown. It serves once.
type Server struct {
	config  Config
	hosts   map[string]bool
	lanes   map[string]bool
	assets  map[string]asset
	pages   *pages
	page    *fasthttp.Server
	events  *fasthttp.Server
	batches chan *batch   // free ones
	taking  chan struct{} // full while a bundle is taken: one at a time
	feeding chan struct{} // full while a feed is taken: one at a time
	streams chan struct{} // holds a token for each open stream
	meters  *meters
	views   *views
	done    chan struct{} // closed when the server stops
	stall   time.Duration // how long a stream's client may take nothing: ioTimeout, shorter in tests

	// Set by Serve, before anything is served.
	pagePort, eventsPort string

	mu        sync.Mutex
	listeners []net.Listener // guarded by mu
	stopped   bool           // guarded by mu
}

// New checks the configuration and allocates; nothing is served until Serve.
func New(config Config) (*Server, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	s := &Server{
		config: config, hosts: make(map[string]bool), lanes: make(map[string]bool),
		batches: make(chan *batch, config.Verifiers),
		taking:  make(chan struct{}, 1),
		feeding: make(chan struct{}, 1),
		streams: make(chan struct{}, MaxStreams),
		done:    make(chan struct{}),
		stall:   ioTimeout,
	}
	for _, h := range config.Hosts {
		s.hosts[hostname(h)] = true
	}
	for _, id := range config.Gate.Lanes() {
		if err := checkLaneName(id); err != nil {
			return nil, err
		}
		s.lanes[id] = true
	}
	for range config.Verifiers {
		s.batches <- newBatch(s)
	}
	var err error
	if s.assets, s.pages, err = loadPages(); err != nil {
		return nil, err
	}
	s.meters = newMeters(s)
	s.views = &views{meters: s.meters, fresh: make(map[view]uint64)}
	s.page = newHTTP(s.answer(pageRoutes))
	s.page.StreamRequestBody = true // bodies are read by their handlers, into memory that has a limit
	s.events = newHTTP(s.answer(eventRoutes))
	s.events.WriteTimeout = 0 // a stream sets its own for each part
	s.events.Concurrency = MaxStreams + maxPerAddress
	for _, h := range []*fasthttp.Server{s.page, s.events} {
		h.ErrorHandler = s.unreadable
	}
	return s, nil
}

func (c *Config) check() error {
	if c.Gate == nil || c.Subscribe == nil || c.Snapshot == nil || c.Now == nil || c.Wall == nil || c.Profile == nil ||
		c.Take == nil || c.TakeFeed == nil || c.Journal == nil || c.Log == nil || c.Session == nil || c.LaneCount == nil || c.ZoneCounts == nil {
		return errors.New("web: a part of the configuration is missing")
	}
	if c.People != nil && (c.Supervise == nil || c.QR == nil) {
		return errors.New("web: people may log in, but nothing does what a supervisor asks for, or draws pairing codes")
	}
	if c.Verifiers == 0 {
		c.Verifiers = 2
	}
	if c.Verifiers < 1 || c.Verifiers > maxVerifiers {
		return fmt.Errorf("web: %d verifiers, want 1 to %d", c.Verifiers, maxVerifiers)
	}
	if slices.ContainsFunc(c.Hosts, func(h string) bool { return hostname(h) == "" }) {
		return errors.New("web: a host name is empty")
	}
	if c.Language == "" {
		c.Language = "en"
	}
	if !knownLanguage(c.Language) {
		return fmt.Errorf("web: language %q, want one of %s", c.Language, strings.Join(languages, ", "))
	}
	return nil
}

// checkLaneName refuses names that could not stand in an address as one segment.
func checkLaneName(id string) error {
	bad := func(r rune) bool { return !unicode.IsPrint(r) || r == '/' || r == '\\' }
	if id == "" || id == "." || id == ".." || len(id) > maxLaneName || !utf8.ValidString(id) || strings.ContainsFunc(id, bad) {
		return fmt.Errorf("web: lane %q: a name has 1 to %d bytes, printable, without / and \\", id, maxLaneName)
	}
	return nil
}

func newHTTP(handler fasthttp.RequestHandler) *fasthttp.Server {
	return &fasthttp.Server{
		Handler:                      handler,
		Logger:                       silent{},
		ReadTimeout:                  ioTimeout,
		WriteTimeout:                 ioTimeout,
		IdleTimeout:                  idleTimeout,
		MaxRequestBodySize:           maxOtherBytes,
		ReadBufferSize:               4096,
		Concurrency:                  maxConnections,
		MaxConnsPerIP:                maxPerAddress,
		DisablePreParseMultipartForm: true,
		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		SecureErrorLogMessage:        true,
		CloseOnShutdown:              true,
	}
}

// silent drops what fasthttp would log: its messages quote requests, and a request may hold a code.
type silent struct{}

func (silent) Printf(string, ...any) {}

// Serve serves the page and the API on one listener and event streams on the other until Shutdown, and closes both. It
// refuses listeners that other machines can reach unless Config.Exposed is set.
func (s *Server) Serve(page, events net.Listener) error {
	if err := s.bind(page, events); err != nil {
		return errors.Join(err, page.Close(), events.Close())
	}
	var running sync.WaitGroup
	running.Go(s.count)
	ended := make(chan error, 2)
	go func() { ended <- s.page.Serve(s.secured(page)) }()
	go func() { ended <- s.events.Serve(s.secured(impatient{events, s.stall})) }()
	err := <-ended
	s.close()
	err = errors.Join(err, <-ended)
	running.Wait()
	return err
}

// Shutdown ends all event streams, lets requests in work finish, at most until the context ends, and makes Serve return.
func (s *Server) Shutdown(ctx context.Context) error {
	s.close()
	return errors.Join(notClosed(s.page.ShutdownWithContext(ctx)), notClosed(s.events.ShutdownWithContext(ctx)))
}

// notClosed leaves out the error of closing a listener that close has closed.
func notClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (s *Server) bind(page, events net.Listener) error {
	for _, l := range []net.Listener{page, events} {
		if err := s.checkReach(l.Addr()); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || s.listeners != nil {
		return errors.New("web: a server serves once")
	}
	s.listeners = []net.Listener{page, events}
	s.pagePort, s.eventsPort = port(page), port(events)
	return nil
}

// checkReach refuses an address at which other machines reach the server, unless it is meant to be exposed, or people log in over TLS.
// Where people log in, nothing but TLS will do.
func (s *Server) checkReach(a net.Addr) error {
	secure := s.config.TLS != nil && s.loginNeeded()
	switch {
	case isLoopback(a), secure:
		return nil
	case s.loginNeeded():
		return fmt.Errorf("web: listen on %v: people log in here, so other machines may reach it over TLS only", a)
	case s.config.Exposed:
		return nil
	}
	return fmt.Errorf("web: listen on %v: other machines can reach it, and that is not allowed here", a)
}

// secured puts TLS over a listener if there is any.
func (s *Server) secured(l net.Listener) net.Listener {
	if s.config.TLS == nil {
		return l
	}
	return tls.NewListener(l, s.config.TLS)
}

func port(l net.Listener) string {
	_, p, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return ""
	}
	return p
}

// close ends the streams and stops listening. Listeners are closed here, too, since fasthttp forgets one that it was given
// after its own shutdown.
func (s *Server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	s.stopped = true
	close(s.done)
	for _, l := range s.listeners {
		l.Close() // again by fasthttp, which reports what is wrong with it
	}
}
