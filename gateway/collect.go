package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"passerelle/gateway/report"
)

// collectCmd receives reports.
type collectCmd struct {
	State      string `help:"Folder for what is received." required:"" placeholder:"DIR"`
	Listen     string `help:"Address to listen on." default:"127.0.0.1:8090"`
	SecretFile string `help:"The secret that the gateways sign with; one is made if there is no such file." required:"" placeholder:"FILE"`
	CertFile   string `help:"Certificate for TLS, PEM." placeholder:"FILE"`
	KeyFile    string `help:"Its private key, PEM." placeholder:"FILE"`
	Insecure   bool   `help:"Listen without TLS on an address that is not loopback."`
	Export     bool   `help:"Write everything received as JSON lines, and end."`
}

// Run receives until it is told to end, or exports.
func (c *collectCmd) Run(ctx context.Context, std streams) (err error) {
	if (c.CertFile == "") != (c.KeyFile == "") {
		return misuse{errors.New("--cert-file and --key-file belong together")}
	}
	if err := c.check(); err != nil {
		return misuse{err}
	}
	secret, err := c.secret(std)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return fmt.Errorf("make the folder of the collector: %w", err)
	}
	log := logger(std, false)
	collector, err := report.OpenCollector(c.State, report.CollectorOptions{
		Secrets: []report.Secret{secret}, Now: time.Now, Logger: log,
		Alarm: func(a report.Alarm) {
			log.Error("alarm", "kind", a.Kind, "journal", a.Journal, "first", a.First, "last", a.Last, "detail", a.Detail)
		},
	})
	if err != nil {
		return withHint(err, "is a collector running on %s already?", c.State)
	}
	if c.Export {
		defer closing(func() error { return collector.Shutdown(ctx) }, &err)
		return exportAll(collector, std)
	}
	return c.serve(ctx, collector, std)
}

func (c *collectCmd) serve(ctx context.Context, collector *report.Collector, std streams) (err error) {
	ending := func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		return collector.Shutdown(ctx)
	}
	listener, err := c.listener()
	if err != nil {
		closing(ending, &err)
		return err
	}
	fmt.Fprintf(std.out, "collecting at %s/v1/reports\n", c.url(listener))
	failed := make(chan error, 1)
	go func() { failed <- collector.Serve(listener) }()
	select {
	case <-ctx.Done():
		closing(ending, &err)
		<-failed
		return err
	case err = <-failed:
		closing(ending, &err)
		return err
	}
}

func (c *collectCmd) url(l net.Listener) string {
	if c.CertFile != "" {
		return "https://" + l.Addr().String()
	}
	return "http://" + l.Addr().String()
}

// check refuses to be reached from other machines without TLS, before anything is made.
func (c *collectCmd) check() error {
	address, err := net.ResolveTCPAddr("tcp", c.Listen)
	if err != nil {
		return err
	}
	if c.CertFile == "" && !c.Insecure && !address.IP.IsLoopback() {
		return withHint(fmt.Errorf("%s is not loopback, and there is no certificate", c.Listen), "give --cert-file and --key-file, or say --insecure")
	}
	return nil
}

// listener listens with TLS, or on loopback without.
func (c *collectCmd) listener() (net.Listener, error) {
	if c.CertFile == "" {
		return net.Listen("tcp", c.Listen)
	}
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return tls.Listen("tcp", c.Listen, &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}})
}

// secret reads the shared secret, or makes one.
func (c *collectCmd) secret(std streams) (report.Secret, error) {
	if _, err := os.Lstat(c.SecretFile); c.Export || !errors.Is(err, fs.ErrNotExist) {
		secret, err := readSecret(c.SecretFile)
		if err != nil {
			return secret, fmt.Errorf("secret: %w", err)
		}
		return secret, nil
	}
	secret, err := report.NewSecret(rand.Reader)
	if err != nil {
		return secret, err
	}
	if err := replaceFile(c.SecretFile, []byte(secret.Reveal()+"\n"), 0o600); err != nil {
		return secret, fmt.Errorf("write secret: %w", err)
	}
	fmt.Fprintf(std.err, "passerelle: hint: a new secret is in %s; each gateway's report.secret_file needs the same\n", c.SecretFile)
	return secret, nil
}

// exportPage is how many entries are written at a time.
const exportPage = 1000

func exportAll(c *report.Collector, std streams) error {
	out := bufio.NewWriter(std.out)
	for next, more := "", true; more; more = next != "" {
		var err error
		if next, err = c.Export(out, next, exportPage); err != nil {
			return err
		}
	}
	return out.Flush()
}
