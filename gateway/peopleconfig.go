package main

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"passerelle/gateway/people"
	"passerelle/gateway/web"
)

// peopleConfig is [people].
type peopleConfig struct {
	Login bool `toml:"login"`
}

// Values of web.tls.
const (
	tlsOff   = "off"
	tlsSelf  = "self"
	tlsFiles = "files"
)

// webFolder is where a gate keeps its own certificate, below its state.
const webFolder = "web"

func (w *webConfig) checkTLS() error {
	files := w.CertFile != "" || w.KeyFile != ""
	switch {
	case w.TLS != tlsOff && w.TLS != tlsSelf && w.TLS != tlsFiles:
		return fmt.Errorf(`web.tls %q: want "off", "self" or "files"`, w.TLS)
	case w.TLS != tlsFiles && files:
		return errors.New(`web.cert_file and web.key_file are for web.tls = "files"`)
	case w.TLS == tlsFiles && (w.CertFile == "" || w.KeyFile == ""):
		return errors.New(`web.tls = "files": "cert_file" or "key_file" is missing`)
	}
	return nil
}

// secure gives a gate's web server its certificate, its people and what draws pairing codes. Events about people go to note.
func (c *config) secure(w *web.Config, log *slog.Logger, note func(lane, event string, fields map[string]string)) error {
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return fmt.Errorf("make the state folder: %w", err)
	}
	var err error
	if w.People, err = c.openPeople(note); err != nil {
		return withHint(err, "put back a copy of the file, or remove it and add the accounts anew")
	}
	w.QR = pairingModules
	if c.Web.TLS == tlsOff {
		return nil
	}
	cert, made, err := c.certificate()
	if err != nil {
		return err
	}
	if made {
		log.Warn("this gate made itself a new certificate: browsers ask whether to trust it, so compare the fingerprint")
	}
	log.Info("pages over TLS", "certificate", web.Fingerprint(cert), "until", moment(cert.Leaf.NotAfter.Unix()))
	w.TLS = web.ServerTLS(cert)
	return nil
}

func (c *config) openPeople(note func(lane, event string, fields map[string]string)) (*people.People, error) {
	return people.Open(people.Options{Dir: c.State, Now: time.Now, Random: rand.Reader, Login: c.People.Login, Note: note})
}

// certificate returns what the page shows itself with; made says that it is a new one of our own.
func (c *config) certificate() (cert tls.Certificate, made bool, err error) {
	if c.Web.TLS == tlsFiles {
		cert, err = web.LoadCert(c.Web.CertFile, c.Web.KeyFile)
		return cert, false, err
	}
	now := time.Now()
	if built, err := strconv.ParseInt(buildTime, 10, 64); err == nil && now.Unix() < built { // a box that does not know the time yet
		now = time.Unix(built, 0)
	}
	return web.OwnCert(filepath.Join(c.State, webFolder), c.Web.names(), now, rand.Reader)
}

// scheme is what the page's address begins with.
func (w *webConfig) scheme() string {
	if w.TLS == tlsOff {
		return "http://"
	}
	return "https://"
}

// names returns under which names and addresses browsers ask for the page, besides loopback.
func (w *webConfig) names() []string {
	names := append([]string(nil), w.Hosts...)
	for _, address := range []string{w.Listen, w.Events} {
		host, _, err := net.SplitHostPort(address)
		if ip := net.ParseIP(host); err == nil && ip != nil && !ip.IsUnspecified() && !ip.IsLoopback() {
			names = append(names, host)
		}
	}
	return names
}

// people looks at the page's certificate and at the accounts.
func (x *examination) people(c *config) {
	p, err := c.openPeople(nil)
	if err != nil {
		x.problem("people", "put back a copy of the file, or remove it and add the accounts anew", "%v", err)
	} else if accounts, tablets, err := p.List(); err == nil {
		x.fine("people", "%d accounts, %d tablets; a login is needed: %v", len(accounts), len(tablets), p.Required())
	}
	var cert tls.Certificate
	switch c.Web.TLS {
	case tlsOff:
		x.note("page", "without TLS, for this machine alone or behind a proxy")
		return
	case tlsSelf:
		path := filepath.Join(c.State, webFolder, web.OwnCertFile)
		if _, err := os.Stat(path); err != nil {
			x.note("page", "run makes a certificate in %s", filepath.Dir(path))
			return
		}
		cert, err = web.LoadCert(path, filepath.Join(c.State, webFolder, web.OwnKeyFile))
	default:
		cert, err = web.LoadCert(c.Web.CertFile, c.Web.KeyFile)
	}
	switch {
	case err != nil:
		x.problem("page", "see web.tls in the configuration", "%v", err)
	case x.now.After(cert.Leaf.NotAfter):
		x.problem("page", "renew it", "the certificate ended %s", moment(cert.Leaf.NotAfter.Unix()))
	default:
		x.fine("page", "certificate %s, until %s", web.Fingerprint(cert), moment(cert.Leaf.NotAfter.Unix()))
	}
}
