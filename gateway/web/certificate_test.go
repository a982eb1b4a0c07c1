package web

import (
	"bufio"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"passerelle/gateway/people"
	"passerelle/gateway/policy"
)

func TestOwnCertificateIsKeptUntilItNoLongerFits(t *testing.T) {
	t.Parallel()
	dir, now := filepath.Join(t.TempDir(), "web"), time.Now()
	ask := func(now time.Time, hosts ...string) (tls.Certificate, bool) {
		t.Helper()
		cert, made, err := OwnCert(dir, hosts, now, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range append([]string{"localhost", "127.0.0.1", "::1"}, hosts...) {
			if err := cert.Leaf.VerifyHostname(hostname(h)); err != nil {
				t.Errorf("%s: %v", h, err)
			}
		}
		return cert, made
	}
	first, made := ask(now, "gate.local:8443", "192.0.2.7")
	if !made || first.Leaf.NotAfter.Sub(now.Add(OwnCertLife)).Abs() > time.Second {
		t.Errorf("made %v, until %v", made, first.Leaf.NotAfter)
	}
	if first.Leaf.IsCA || first.Leaf.KeyUsage != x509.KeyUsageDigitalSignature || len(Fingerprint(first)) != 95 {
		t.Errorf("CA %v, usage %v, fingerprint %s", first.Leaf.IsCA, first.Leaf.KeyUsage, Fingerprint(first))
	}
	for _, name := range []string{OwnCertFile, OwnKeyFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want 0600", name, info.Mode(), err)
		}
	}
	again, made := ask(now.Add(9*365*24*time.Hour), "192.0.2.7")
	if made || Fingerprint(again) != Fingerprint(first) {
		t.Error("the certificate was not kept")
	}
	other, made := ask(now, "gate.local", "gate-2.local")
	if !made || Fingerprint(other) == Fingerprint(first) {
		t.Error("another name, and the same certificate")
	}
	if _, made := ask(now.Add(OwnCertLife+time.Hour), "gate.local"); !made {
		t.Error("the certificate has ended, and no new one was made")
	}
	if err := os.WriteFile(filepath.Join(dir, OwnKeyFile), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := OwnCert(dir, nil, now, rand.Reader); err == nil {
		t.Error("a damaged key was passed over")
	}
	if _, err := LoadCert(filepath.Join(dir, "none"), filepath.Join(dir, "none")); err == nil {
		t.Error("a certificate that is not there was loaded")
	}
}

// overTLS starts a server where people log in over TLS, and returns a client that trusts it and keeps cookies.
func overTLS(t *testing.T) (*town, *http.Client) {
	t.Helper()
	cert, _, err := OwnCert(t.TempDir(), nil, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: noRedirect, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	w := settle(t, func(c *Config) { c.TLS, c.Hosts = ServerTLS(cert), []string{"gate.local"} })
	t.Cleanup(client.CloseIdleConnections) // before the server ends: it waits for open connections
	return w, client
}

func TestLoginOverTLSCountsOnBothPorts(t *testing.T) {
	t.Parallel()
	w, client := overTLS(t)
	ask := func(method, address, body string) *http.Response {
		t.Helper()
		r, err := http.NewRequest(method, address, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", w.page)
		r.Header.Set("Content-Type", "application/json")
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { answer.Body.Close() })
		return answer
	}
	if got := ask("GET", w.events+"/v1/lanes/A/events", "").StatusCode; got != 401 {
		t.Errorf("before the login: got %d, want 401", got)
	}
	answer := ask("POST", w.page+"/v1/login", `{"account":"steward","password":"`+goodPassword+`"}`)
	cookies := answer.Cookies()
	if answer.StatusCode != 200 || len(cookies) != 1 || cookies[0].Name != "__Host-passerelle" || !cookies[0].Secure || !cookies[0].HttpOnly ||
		cookies[0].SameSite != http.SameSiteStrictMode || cookies[0].Domain != "" || cookies[0].Path != "/" {
		t.Fatalf("got %d, %+v", answer.StatusCode, cookies)
	}
	stream := ask("GET", w.events+"/v1/lanes/A/events", "") // the jar sends the cookie to the other port, as a browser does
	if stream.StatusCode != 200 || stream.Header.Get("Access-Control-Allow-Origin") != w.page || stream.Header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Fatalf("after the login: got %d, %v", stream.StatusCode, stream.Header)
	}
	lines := bufio.NewScanner(stream.Body)
	w.source.give("A", policy.OK)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "event: verdict") {
			break
		}
	}
	if err := lines.Err(); err != nil || lines.Text() == "" {
		t.Errorf("no verdict came over TLS: %v", err)
	}
}

func TestNothingOlderThanTLS13IsSpoken(t *testing.T) {
	t.Parallel()
	w, _ := overTLS(t)
	for _, address := range []string{w.page, w.events} {
		host := strings.TrimPrefix(address, "https://")
		for version, want := range map[uint16]bool{tls.VersionTLS12: false, tls.VersionTLS13: true} {
			c, err := tls.Dial("tcp", host, &tls.Config{MaxVersion: version, InsecureSkipVerify: true})
			if (err == nil) != want {
				t.Errorf("%s: version %x: %v", address, version, err)
			}
			if err == nil {
				c.Close()
			}
		}
		answer := raw(t, strings.Replace(address, "https", "http", 1), "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 3*time.Second)
		if strings.Contains(answer, "200 OK") {
			t.Errorf("%s: plain HTTP was answered: %.60q", address, answer)
		}
	}
}

// TestHandshakeThatNeverComesEnds: a client that connects and says nothing does not keep its place.
func TestHandshakeThatNeverComesEnds(t *testing.T) {
	t.Parallel()
	w, _ := overTLS(t)
	c, err := net.Dial("tcp", strings.TrimPrefix(w.page, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetReadDeadline(time.Now().Add(2 * ioTimeout)); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := c.Read(make([]byte, 1)); err == nil || time.Since(start) > ioTimeout+3*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
}

func TestOtherMachinesReachItOnlyOverTLSWherePeopleLogIn(t *testing.T) {
	t.Parallel()
	cert, _, err := OwnCert(t.TempDir(), nil, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text, err := accounts()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name                   string
		exposed, secure, login bool
		want                   string
	}{
		{"nothing", false, false, false, "that is not allowed here"},
		{"exposed", true, false, false, ""},
		{"TLS without people", false, true, false, "that is not allowed here"},
		{"TLS without people, exposed", true, true, false, ""},
		{"people without TLS", false, false, true, "over TLS only"},
		{"people without TLS, exposed", true, false, true, "over TLS only"},
		{"people over TLS", false, true, true, ""},
	} {
		w := settle(t, nil)
		c := w.config
		c.Exposed = tt.exposed
		if tt.secure {
			c.TLS = ServerTLS(cert)
		}
		dir := t.TempDir()
		if tt.login {
			if err := os.WriteFile(filepath.Join(dir, "people.json"), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if c.People, err = people.Open(people.Options{Dir: dir, Now: time.Now, Random: rand.Reader}); err != nil {
			t.Fatal(err)
		}
		s, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		outside := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 8443}
		if err := s.checkReach(outside); tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
		if err := s.checkReach(&net.TCPAddr{IP: net.IPv6loopback}); err != nil {
			t.Errorf("%s: loopback: %v", tt.name, err)
		}
	}
}
