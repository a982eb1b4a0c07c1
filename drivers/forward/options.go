package forward

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Defaults of Options.
const (
	DefaultBaud       = 9600
	DefaultTerminator = "\r"
	DefaultPrefix     = "SCAN " // under Both only
	DefaultMaxAge     = 2 * time.Second
	DefaultMode       = fs.FileMode(0o600)
)

// Limits of Options.
const (
	MinBaud  = 300
	MaxBaud  = 4_000_000
	MaxAffix = 16 // bytes of a prefix or a terminator
	MinAge   = 500 * time.Millisecond
	MaxAge   = 30 * time.Second
)

// Content says what is forwarded. The zero value is nothing, which Open refuses: personal data leaves by a plain word only.
type Content uint8

const (
	Scan    Content = iota + 1 // the codes
	Verdict                    // the verdicts
	Both                       // both, in the order in which they came
)

func (c Content) String() string {
	switch c {
	case Scan:
		return "scan"
	case Verdict:
		return "verdict"
	case Both:
		return "both"
	}
	return fmt.Sprintf("Content(%d)", uint8(c))
}

// UnmarshalText reads the names that String gives.
func (c *Content) UnmarshalText(text []byte) error {
	for k := Scan; k <= Both; k++ {
		if k.String() == string(text) {
			*c = k
			return nil
		}
	}
	return fmt.Errorf("unknown content %q: want scan, verdict or both", text)
}

// Options says where to forward and what. Zero fields take the defaults; To, Content and Now have none.
type Options struct {
	To      string // "serial:/dev/…", "tcp:host:port", "listen:address:port" or "pty:/run/…"
	Content Content

	Prefix     string // before every code; empty under Scan
	Terminator string // after every code

	MaxAge time.Duration // how old a code or a verdict may get before it is dropped

	Baud int         // serial: bits per second
	Peer string      // listen: who may connect, an IP address or a prefix such as 10.0.0.0/28; empty on loopback only
	Mode fs.FileMode // pty: rights on the virtual port; others than owner and group never have any

	Now func() time.Time // a monotonic clock
}

// verdictWords are what a line with a verdict begins with.
var verdictWords = [...]string{"ADMIT ", "DENY ", "REFER "}

// complete fills in defaults and refuses what cannot be meant.
func (o Options) complete() (Options, error) {
	if o.Terminator == "" {
		o.Terminator = DefaultTerminator
	}
	if o.Content == Both && o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	if o.MaxAge == 0 {
		o.MaxAge = DefaultMaxAge
	}
	switch {
	case o.Content < Scan || o.Content > Both:
		return Options{}, errors.New("no content is named: want scan, verdict or both")
	case o.Now == nil:
		return Options{}, errors.New("no clock")
	case len(o.Prefix) > MaxAffix || len(o.Terminator) > MaxAffix:
		return Options{}, fmt.Errorf("prefix or terminator is longer than %d bytes", MaxAffix)
	case o.MaxAge < MinAge || o.MaxAge > MaxAge:
		return Options{}, fmt.Errorf("greatest age %v is not between %v and %v", o.MaxAge, MinAge, MaxAge)
	case o.Content == Both && likeVerdict(o.Prefix):
		return Options{}, fmt.Errorf("prefix %q: a code could look like a verdict", o.Prefix)
	}
	return o, nil
}

// likeVerdict reports whether prefix and some code together could begin like a verdict.
func likeVerdict(prefix string) bool {
	for _, w := range verdictWords {
		if strings.HasPrefix(prefix, w) || strings.HasPrefix(w, prefix) {
			return true
		}
	}
	return strings.ContainsAny(prefix, "\r\n")
}

// way makes the way that o.To names.
func (o Options) way() (way, error) {
	kind, to, _ := strings.Cut(o.To, ":")
	switch {
	case o.Baud != 0 && kind != "serial":
		return nil, errors.New("a baud rate is for serial only")
	case o.Peer != "" && kind != "listen":
		return nil, errors.New("a peer is for listen only")
	case o.Mode != 0 && kind != "pty":
		return nil, errors.New("a mode is for pty only")
	}
	switch kind {
	case "serial":
		return o.serialWay(to)
	case "tcp":
		return o.dialWay(to)
	case "listen":
		return o.listenWay(to)
	case "pty":
		return o.ptyWay(to)
	}
	return nil, errors.New("want serial:/dev/…, tcp:host:port, listen:address:port or pty:/run/…")
}

func (o Options) serialWay(path string) (way, error) {
	if o.Baud == 0 {
		o.Baud = DefaultBaud
	}
	switch {
	case !filepath.IsAbs(path):
		return nil, fmt.Errorf("serial port %q: want a path from the root", path)
	case o.Baud < MinBaud || o.Baud > MaxBaud:
		return nil, fmt.Errorf("baud rate %d is not between %d and %d", o.Baud, MinBaud, MaxBaud)
	}
	return &serialPort{path: path, baud: o.Baud}, nil
}

func (o Options) dialWay(address string) (way, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if n, err := strconv.ParseUint(port, 10, 16); host == "" || err != nil || n == 0 {
		return nil, fmt.Errorf("address %q: want host:port", address)
	}
	return &dialer{address: address, maxAge: o.MaxAge}, nil
}

func (o Options) listenWay(address string) (way, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("%w: want an IP address and a port", err)
	}
	peer, err := o.peers(at.Addr().Unmap())
	if err != nil {
		return nil, err
	}
	return &listener{address: address, peer: peer, maxAge: o.MaxAge, port: -1, waiting: -1}, nil
}

// peers gives the prefix of those who may connect to one of our addresses.
func (o Options) peers(here netip.Addr) (netip.Prefix, error) {
	switch {
	case o.Peer == "" && here.Is4() && here.IsLoopback():
		return here.Prefix(8)
	case o.Peer == "" && here.IsLoopback():
		return here.Prefix(128)
	case o.Peer == "":
		return netip.Prefix{}, fmt.Errorf("listen on %v: no peer is named", here)
	}
	p, err := netip.ParsePrefix(o.Peer)
	if err != nil {
		a, addrErr := netip.ParseAddr(o.Peer)
		if addrErr != nil {
			return netip.Prefix{}, fmt.Errorf("peer %q: want an IP address or a prefix such as 10.0.0.0/28", o.Peer)
		}
		a = a.Unmap().WithZone("")
		p = netip.PrefixFrom(a, a.BitLen())
	}
	switch {
	case p.Bits() == 0:
		return netip.Prefix{}, fmt.Errorf("peer %q: names everybody", o.Peer)
	case p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("peer %q: write it as an IPv4 prefix", o.Peer)
	}
	return p, nil
}

func (o Options) ptyWay(link string) (way, error) {
	if o.Mode == 0 {
		o.Mode = DefaultMode
	}
	switch {
	case !filepath.IsAbs(link) || filepath.Clean(link) != link || strings.HasPrefix(link, "/dev/pts/"):
		return nil, fmt.Errorf("virtual port %q: want a clean path from the root, outside /dev/pts", link)
	case o.Mode&^0o660 != 0:
		return nil, fmt.Errorf("mode %#o: only owner and group may have rights, to read and write", o.Mode)
	}
	return newVirtualPort(link, o.Mode)
}
