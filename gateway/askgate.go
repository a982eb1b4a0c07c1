package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/valyala/fasthttp"

	"passerelle/gateway/web"
)

// Limits of a request to the gate that runs beside a command.
const (
	gatePatience = 10 * time.Second
	maxAnswer    = 1 << 20 // bytes
)

// askGate sends a request to the gate that runs with this configuration, as a machine with its token, and returns what it answers.
func (c *config) askGate(method, path string, body []byte) (status int, answer []byte, err error) {
	server, err := c.Web.server()
	if err != nil {
		return 0, nil, misuse{err}
	}
	client := &fasthttp.Client{
		ReadTimeout: gatePatience, WriteTimeout: gatePatience, MaxResponseBodySize: maxAnswer, MaxIdemponentCallAttempts: 1,
	}
	address := c.Web.nearby()
	if c.Web.TLS != tlsOff {
		if client.TLSConfig, err = c.pinned(); err != nil {
			return 0, nil, err
		}
	}
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	request.Header.SetMethod(method)
	request.SetRequestURI(c.Web.scheme() + address + path)
	request.UseHostHeader = true
	request.Header.SetHost("localhost")
	if server.Token != "" {
		request.Header.Set("Authorization", "Bearer "+server.Token)
	}
	if body != nil {
		request.Header.SetContentType("application/json")
		request.SetBody(body)
	}
	if err := client.DoTimeout(request, response, gatePatience); err != nil {
		return 0, nil, withHint(fmt.Errorf("ask the gate at %s: %w", address, err), "it must be running with this configuration")
	}
	return response.StatusCode(), bytes.Clone(response.Body()), nil
}

// problemIn says what a refusal says (RFC 9457).
func problemIn(status int, answer []byte) string {
	var problem struct {
		Detail string `json:"detail"`
	}
	if err := json.Unmarshal(answer, &problem); err != nil || problem.Detail == "" {
		return fmt.Sprintf("status %d", status)
	}
	return problem.Detail
}

// nearby returns where a program on this machine finds the page.
func (w *webConfig) nearby() string {
	host, port, err := net.SplitHostPort(w.Listen)
	if err != nil {
		return w.Listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// pinned speaks TLS with whoever shows exactly the certificate of the configuration: its file says more than any authority.
func (c *config) pinned() (*tls.Config, error) {
	path := c.Web.CertFile
	if c.Web.TLS == tlsSelf {
		path = filepath.Join(c.State, webFolder, web.OwnCertFile)
	}
	want, err := web.ReadCert(path)
	if err != nil {
		return nil, withHint(err, "the gate makes it when it starts for the first time")
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, // VerifyConnection is stricter
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 || !bytes.Equal(s.PeerCertificates[0].Raw, want.Raw) {
				return errors.New("another program answers there: its certificate is not the gate's")
			}
			return nil
		},
	}, nil
}
