package tcp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"passerelle/drivers/frame"
)

// DefaultWriteTimeout is for Write where Options say nothing.
const DefaultWriteTimeout = 250 * time.Millisecond

// Limits of Options. A scanner that waits for its host's answer gets it within 1.5 s, so no command may take longer.
const (
	MaxWriteTimeout = 500 * time.Millisecond // less than AckTime, which begins when a write has ended
	MaxIgnore       = 256                    // bytes of a heartbeat
)

// Options says where a scanner is and how it speaks. Exactly one of Address and Listen is set; other zero fields take the defaults.
type Options struct {
	Address string // host:port of the scanner: we connect to it
	Listen  string // our own IP address and port, such as 10.0.0.1:2001: the scanner connects to us

	// Peer is who may connect to Listen: an IP address, or a prefix such as 10.0.0.0/28. Empty is allowed on a loopback address only.
	Peer string

	Terminator frame.Terminator

	// Gap is the silence that ends a frame (frame.IdleGap) or throws an unfinished one away; see frame.Config. It is measured
	// in steps of at most 50 ms.
	Gap time.Duration

	// UndoUTF8 is for a scanner that sends binary bytes as UTF-8 characters; see frame.UndoUTF8.
	UndoUTF8 bool

	// Ignore is a frame, as sent and without its terminator, that is a heartbeat and not a code. Empty: there is none.
	Ignore string

	WriteTimeout time.Duration // for Write; WriteTimeout takes its own
}

// complete fills in defaults and refuses what cannot be meant. It returns the peers that may connect, of which a Link that
// connects itself has none.
func (o Options) complete() (Options, netip.Prefix, error) {
	if o.WriteTimeout == 0 {
		o.WriteTimeout = DefaultWriteTimeout
	}
	switch {
	case (o.Address == "") == (o.Listen == ""):
		return Options{}, netip.Prefix{}, errors.New("one of address and listen must be set")
	case o.Listen == "" && o.Peer != "":
		return Options{}, netip.Prefix{}, errors.New("a peer is for listening only")
	case len(o.Ignore) > MaxIgnore:
		return Options{}, netip.Prefix{}, fmt.Errorf("heartbeat of %d bytes: want at most %d", len(o.Ignore), MaxIgnore)
	case o.WriteTimeout < 0 || o.WriteTimeout > MaxWriteTimeout:
		return Options{}, netip.Prefix{}, fmt.Errorf("write timeout %v is not between 0 and %v", o.WriteTimeout, MaxWriteTimeout)
	case o.Address != "":
		return o, netip.Prefix{}, checkAddress(o.Address)
	}
	peer, err := allowedPeers(o.Listen, o.Peer)
	return o, peer, err
}

func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("scanner's address: %w", err)
	}
	if n, err := strconv.ParseUint(port, 10, 16); host == "" || err != nil || n == 0 {
		return fmt.Errorf("scanner's address %q: want host:port", address)
	}
	return nil
}

// allowedPeers gives the prefix of those who may connect to the address listen.
func allowedPeers(listen, peer string) (netip.Prefix, error) {
	at, err := netip.ParseAddrPort(listen)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("listen: %w: want an IP address and a port", err)
	}
	here := at.Addr().Unmap()
	if peer == "" && here.Is4() && here.IsLoopback() {
		return here.Prefix(8)
	}
	if peer == "" && here.IsLoopback() {
		return here.Prefix(128)
	}
	if peer == "" {
		return netip.Prefix{}, fmt.Errorf("listen on %s: no peer is named", listen)
	}
	p, err := netip.ParsePrefix(peer)
	if err != nil {
		a, addrErr := netip.ParseAddr(peer)
		if addrErr != nil {
			return netip.Prefix{}, fmt.Errorf("peer %q: want an IP address or a prefix such as 10.0.0.0/28", peer)
		}
		a = a.Unmap().WithZone("")
		p = netip.PrefixFrom(a, a.BitLen())
	}
	switch {
	case p.Bits() == 0:
		return netip.Prefix{}, fmt.Errorf("peer %q: names everybody", peer)
	case p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("peer %q: write it as an IPv4 prefix", peer)
	}
	return p, nil
}
