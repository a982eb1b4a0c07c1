package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/valyala/fasthttp"
	"golang.org/x/sys/unix"
)

// CollectorOptions say who may report. Now is needed, and a secret.
type CollectorOptions struct {
	Secrets []Secret            // of boxes without a name, and for reading as a bearer token; two during a rotation
	Boxes   map[string][]Secret // of boxes by name: a journal belongs to the box that first reported it

	// ConnsPerIP limits the connections from one address: 0 is 16, negative is no limit, for boxes behind one
	// translated address that show client certificates.
	ConnsPerIP int
	// MinFree is the free space in bytes below which nothing is accepted; 0 is 128 MB, which covers what the store may
	// write between two looks. With less than half of it the store is not opened. Free returns the free bytes; nil asks the system.
	MinFree uint64
	Free    func(dir string) (uint64, error)

	Now    func() time.Time
	Alarm  func(Alarm) // called by handlers; must not block
	Logger *slog.Logger
}

// Limits of the collector's server.
const (
	serverTimeout    = 5 * time.Second // for a whole request, and for an answer
	serverIdle       = 30 * time.Second
	headerBytes      = 4096
	connections      = 256
	connectionsPerIP = 16
	unsignedBytes    = 4096 // bytes of a body that is no report on its face
	minFree          = 128 << 20
	maxBoxes         = 10000
	maxBoxName       = 64
)

// Collector receives reports and keeps each entry once. Any number of goroutines may use it.
type Collector struct {
	opts    CollectorOptions
	store   *store
	server  *fasthttp.Server
	metrics *metrics.Set

	mu        sync.RWMutex // held for reading by those who use store; guards what follows
	listeners []net.Listener
	stopping  bool // Shutdown has begun
	closed    bool // the store is closed
}

// OpenCollector opens the store in dir, and makes one if there is none. A store that lacks entries which it acknowledged
// is an error: nobody else may have them any more, so a person decides.
func OpenCollector(dir string, opts CollectorOptions) (*Collector, error) {
	o := opts
	if o.Now == nil {
		return nil, errors.New("open collector: Now is needed")
	}
	if err := checkReporters(&o); err != nil {
		return nil, fmt.Errorf("open collector: %w", err)
	}
	if o.Alarm == nil {
		o.Alarm = func(Alarm) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MinFree == 0 {
		o.MinFree = minFree
	}
	if o.Free == nil {
		o.Free = freeSpace
	}
	c := &Collector{opts: o, metrics: metrics.NewSet()}
	var err error
	if c.store, err = openStore(dir, &c.opts); err != nil {
		return nil, fmt.Errorf("open collector %s: %w", dir, err)
	}
	c.gauges()
	c.server = c.newServer()
	return c, nil
}

// checkReporters refuses a collector that could not tell a box from anybody else.
func checkReporters(o *CollectorOptions) error {
	if len(o.Secrets) == 0 && len(o.Boxes) == 0 {
		return errors.New("a secret is needed")
	}
	if len(o.Boxes) > maxBoxes {
		return fmt.Errorf("more than %d boxes", maxBoxes)
	}
	if err := checkSecrets(o.Secrets); err != nil {
		return err
	}
	for name, secrets := range o.Boxes {
		if !isBoxName([]byte(name)) {
			return fmt.Errorf("box name %q is not 1 to %d letters, digits, full stops, hyphens and underscores", name, maxBoxName)
		}
		if len(secrets) == 0 {
			return fmt.Errorf("box %s has no secret", name)
		}
		if err := checkSecrets(secrets); err != nil {
			return fmt.Errorf("box %s: %w", name, err)
		}
	}
	return nil
}

func isBoxName(name []byte) bool {
	for _, c := range name {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && ('0' > c || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return len(name) > 0 && len(name) <= maxBoxName
}

func freeSpace(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return s.Bavail * uint64(s.Frsize), nil
}

func (c *Collector) newServer() *fasthttp.Server {
	perIP := c.opts.ConnsPerIP
	if perIP == 0 {
		perIP = connectionsPerIP
	}
	return &fasthttp.Server{
		Handler:                      c.handle,
		ErrorHandler:                 c.unreadable,
		HeaderReceived:               c.expect,
		ReadTimeout:                  serverTimeout,
		WriteTimeout:                 serverTimeout,
		IdleTimeout:                  serverIdle,
		MaxRequestBodySize:           MaxBodyBytes,
		ReadBufferSize:               headerBytes,
		Concurrency:                  connections,
		MaxConnsPerIP:                max(perIP, 0), // 0 is no limit there
		DisablePreParseMultipartForm: true,
		NoDefaultServerHeader:        true,
		CloseOnShutdown:              true,
		SecureErrorLogMessage:        true,
		Logger:                       serverLog{c.opts.Logger},
	}
}

// serverLog passes the server's own remarks on.
type serverLog struct{ log *slog.Logger }

// Printf implements fasthttp.Logger.
func (l serverLog) Printf(format string, args ...any) {
	l.log.Warn("collector server", "remark", printable(fmt.Appendf(nil, format, args...)))
}

// Serve answers on the listener until Shutdown, and returns nil then. For TLS the caller gives a TLS listener.
func (c *Collector) Serve(ln net.Listener) error {
	c.mu.Lock()
	stopping := c.stopping
	c.listeners = append(c.listeners, ln)
	c.mu.Unlock()
	if stopping {
		return ln.Close()
	}
	if err := c.server.Serve(ln); err != nil {
		return fmt.Errorf("serve reports: %w", err)
	}
	return nil
}

// Shutdown takes no more connections, lets requests under way end until ctx does, and closes the store.
func (c *Collector) Shutdown(ctx context.Context) error {
	c.mu.Lock()
	c.stopping = true
	c.mu.Unlock()
	err := c.server.ShutdownWithContext(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ln := range c.listeners {
		ln.Close() // again, but for one whose Serve was just beginning
	}
	if c.closed {
		return nil
	}
	c.closed = true
	if err = errors.Join(err, c.store.close()); err != nil {
		return fmt.Errorf("shut the collector down: %w", err)
	}
	return nil
}

var errClosed = errors.New("collector is closed")

// Entries returns how many entries the collector holds.
func (c *Collector) Entries() uint64 { return c.store.entries.Load() }

// Export writes entries as JSON lines, by journal and sequence, from the one after a position on: at most limit entries
// and about 4 MB. The empty position is the start; next is the position to go on from, empty at the end. Every entry's
// hash is computed again: one that is damaged is an error.
func (c *Collector) Export(w io.Writer, after string, limit int) (next string, err error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return "", errClosed
	}
	return c.store.export(w, after, limit)
}

// WriteMetrics writes the collector's metrics in Prometheus text form.
func (c *Collector) WriteMetrics(w io.Writer) { c.metrics.WritePrometheus(w) }

func (c *Collector) gauges() {
	c.metrics.NewGauge("passerelle_collector_entries", func() float64 { return float64(c.Entries()) })
	c.metrics.NewGauge("passerelle_collector_last_report_timestamp_seconds", func() float64 { return float64(c.store.last.Load()) })
}

// count adds to a counter. name comes from fixed words alone.
func (c *Collector) count(n int, name string) { c.metrics.GetOrCreateCounter(name).Add(n) }

func (c *Collector) alarm(a Alarm) {
	c.opts.Logger.Warn("report alarm", "alarm", a.Kind.String(), "journal", a.Journal, "first", a.First, "last", a.Last, "detail", a.Detail)
	c.count(1, fmt.Sprintf("passerelle_collector_alarms_total{alarm=%q}", a.Kind))
	c.opts.Alarm(a)
}
