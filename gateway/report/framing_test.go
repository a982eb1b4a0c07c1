package report

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// raw is a plain TCP connection to a collector.
type raw struct {
	net.Conn
	*bufio.Reader
}

func dialRaw(t *testing.T, address string) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &raw{conn, bufio.NewReader(conn)}
}

func (r *raw) Read(p []byte) (int, error) { return r.Reader.Read(p) }

// answer reads one answer and returns its status, or 0 if the connection ended without one.
func (r *raw) answer(t *testing.T) (status int, body string) {
	t.Helper()
	a, err := http.ReadResponse(r.Reader, nil)
	if err != nil {
		return 0, err.Error()
	}
	defer a.Body.Close()
	data, err := io.ReadAll(a.Body)
	if err != nil {
		return a.StatusCode, err.Error()
	}
	return a.StatusCode, string(data)
}

// ended reports whether the other side closes the connection without saying anything more.
func (r *raw) ended() bool {
	_, err := r.ReadByte()
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// A second request hidden in the first must never be answered.
func TestSmuggledRequestsAreRefused(t *testing.T) {
	t.Parallel()
	c := collect(t, t.TempDir(), CollectorOptions{})
	const hidden = "GET /v1/reports HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden)
	for _, c2 := range []struct {
		name, head, body string
		status           int
	}{
		{"length, then chunked", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nX" + hidden, 400},
		{"chunked, then length", "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", "0\r\n\r\nX" + hidden, 400},
		{"length 0 and chunked", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", chunked, 400},
		{"chunked alone", "Transfer-Encoding: chunked\r\n", chunked, 411},
		{"identity with a length", "Transfer-Encoding: identity\r\nContent-Length: 0\r\n", hidden, 400},
		{"chunked in capitals", "TRANSFER-ENCODING: CHUNKED\r\nContent-Length: 3\r\n", "0\r\n\r\n" + hidden, 400},
		{"space before the colon", "Transfer-Encoding : chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n" + hidden, 400},
		{"tab in the value", "Transfer-Encoding: \tchunked\r\nContent-Length: 3\r\n", "0\r\n\r\n" + hidden, 400},
		{"vertical tab in the value", "Transfer-Encoding: \x0bchunked\r\nContent-Length: 3\r\n", "abc" + hidden, 400},
		{"unknown coding", "Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n", "abc" + hidden, 400},
		{"two codings", "Transfer-Encoding: gzip, chunked\r\nContent-Length: 3\r\n", "abc" + hidden, 400},
		{"coding twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", chunked, 400},
		{"folded", "X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "abc" + hidden, 400},
		{"folded value", "Transfer-Encoding:\r\n chunked\r\nContent-Length: 3\r\n", "abc" + hidden, 400},
		{"two lengths", "Content-Length: 0\r\nContent-Length: 44\r\n", hidden, 400},
		{"two equal lengths", "Content-Length: 0\r\nContent-Length: 0\r\n", hidden, 400},
		{"negative length", "Content-Length: -1\r\n", hidden, 400},
		{"length with a sign", "Content-Length: +0\r\n", hidden, 400},
		{"length in hexadecimal", "Content-Length: 0x0\r\n", hidden, 400},
		{"list of lengths", "Content-Length: 0, 44\r\n", hidden, 400},
		{"enormous length", "Content-Length: 99999999999999999999\r\n", hidden, 400},
		{"bare line feeds", "Content-Length: 0\nTransfer-Encoding: chunked\r\n", chunked, 400},
		{"null byte", "Content-Length: 0\r\nX: a\x00b\r\n", hidden, 400},
	} {
		r := dialRaw(t, c.address)
		fmt.Fprintf(r, "POST /v1/reports HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n%s\r\n%s", c2.head, c2.body)
		status, body := r.answer(t)
		if status != c2.status {
			t.Errorf("%s: %d %s, want %d", c2.name, status, body, c2.status)
		}
		if !r.ended() {
			t.Errorf("%s: the connection goes on", c2.name)
		}
		r.Close()
	}
	// The same on a request that is read: what is behind it is answered, so the rig sees such answers.
	r := dialRaw(t, c.address)
	fmt.Fprintf(r, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n%s", hidden)
	if status, _ := r.answer(t); status != 200 {
		t.Errorf("first of two requests: %d", status)
	}
	if status, _ := r.answer(t); status != 200 {
		t.Errorf("second of two requests: %d", status)
	}
}

func TestSizesOfRequestsAreBounded(t *testing.T) {
	t.Parallel()
	c := collect(t, t.TempDir(), CollectorOptions{})
	head := func(length int, more string) string {
		return fmt.Sprintf("POST /v1/reports HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n", more, length)
	}
	report := "Webhook-Id: a/1-1\r\nWebhook-Timestamp: 1\r\nWebhook-Signature: v1,x\r\n"
	for _, step := range []struct {
		name   string
		head   string
		body   int
		status int
	}{
		{"largest report", head(MaxBodyBytes, report), MaxBodyBytes, 401},
		{"one byte larger", head(MaxBodyBytes+1, report), 0, 413},
		{"largest that is no report", head(unsignedBytes, ""), unsignedBytes, 400},
		{"one byte larger that is no report", head(unsignedBytes+1, ""), 0, 413},
		{"a large body with GET", strings.Replace(head(unsignedBytes+1, report), "POST", "GET", 1), 0, 413},
		{"a large body elsewhere", strings.Replace(head(unsignedBytes+1, report), "/v1/reports", "/v1/other", 1), 0, 413},
		{"headers that just fit", head(0, "X: "+strings.Repeat("x", headerBytes-len(head(0, "X: \r\n")))+"\r\n"), 0, 400},
		{"headers that do not", head(0, "X: "+strings.Repeat("x", headerBytes-len(head(0, "X: \r\n"))+1)+"\r\n"), 0, 431},
		{"a long path", "GET /" + strings.Repeat("x", headerBytes) + " HTTP/1.1\r\nHost: a\r\n\r\n", 0, 431},
		{"many headers", head(0, strings.Repeat("X: y\r\n", headerBytes/6)), 0, 431},
	} {
		r := dialRaw(t, c.address)
		io.WriteString(r, step.head)
		if _, err := io.CopyN(r, zeros{}, int64(step.body)); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		if status, body := r.answer(t); status != step.status {
			t.Errorf("%s: %d %s, want %d", step.name, status, body, step.status)
		}
		r.Close()
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestOnlyKnownRequestsAreAnswered(t *testing.T) {
	t.Parallel()
	c := collect(t, t.TempDir(), CollectorOptions{})
	for _, step := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/", 404, ""},
		{"GET", "/v1/reports/", 404, ""},
		{"POST", "/v1/reportsx", 404, ""},
		{"GET", "/V1/reports", 404, ""},
		{"PUT", "/v1/reports", 405, "GET, POST"},
		{"DELETE", "/v1/reports", 405, "GET, POST"},
		{"HEAD", "/v1/reports", 405, "GET, POST"},
		{"TRACE", "/v1/reports", 405, "GET, POST"},
		{"POST", "/metrics", 405, "GET"},
		{"POST", "/healthz", 405, "GET"},
		{"GET", "/healthz", 200, ""},
	} {
		q, err := http.NewRequest(step.method, "http://"+c.address+step.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := http.DefaultTransport.RoundTrip(q)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if a.StatusCode != step.status || a.Header.Get("Allow") != step.allow {
			t.Errorf("%s %s: %d, Allow %q; want %d, %q", step.method, step.path, a.StatusCode, a.Header.Get("Allow"), step.status, step.allow)
		}
		if server := a.Header.Get("Server"); server != "" {
			t.Errorf("%s %s: says that it is %q", step.method, step.path, server)
		}
	}
}

// Who sends headers or a body byte by byte is cut off, and costs nobody else anything.
func TestSlowRequestsAreCutOff(t *testing.T) {
	t.Parallel()
	c := collect(t, t.TempDir(), CollectorOptions{})
	report := "POST /v1/reports HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nWebhook-Id: a\r\nWebhook-Signature: b\r\n"
	slow := map[string]struct{ start, drip string }{
		"nothing":      {"", ""},
		"slow headers": {"GET /healthz HTTP/1.1\r\n", "X"},
		"slow body":    {report + "Content-Length: 1000\r\n\r\n", "x"},
	}
	type result struct {
		name string
		took time.Duration
	}
	results := make(chan result, len(slow))
	for name, s := range slow {
		r := dialRaw(t, c.address)
		go func() {
			began := time.Now()
			io.WriteString(r, s.start)
			go func() {
				for s.drip != "" {
					time.Sleep(200 * time.Millisecond)
					if _, err := io.WriteString(r, s.drip); err != nil {
						return
					}
				}
			}()
			io.Copy(io.Discard, r)
			results <- result{name, time.Since(began)}
		}()
	}
	entries := chain(testJournal, 3, "x")
	if status, answer := sendEntries(t, c, testJournal, entries); status != 200 {
		t.Errorf("meanwhile: %d %s", status, answer)
	}
	for range slow {
		if r := <-results; r.took < serverTimeout/2 || r.took > serverTimeout+3*time.Second {
			t.Errorf("%s: cut off after %v, want about %v", r.name, r.took, serverTimeout)
		}
	}
}

func TestConnectionsFromOneAddressAreBounded(t *testing.T) {
	t.Parallel()
	for _, step := range []struct{ option, open, want int }{{0, connectionsPerIP, 429}, {3, 3, 429}, {-1, connectionsPerIP + 4, 200}, {-1, connections, 503}} {
		c := collect(t, t.TempDir(), CollectorOptions{ConnsPerIP: step.option})
		for i := range step.open {
			r := dialRaw(t, c.address)
			io.WriteString(r, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
			if status, body := r.answer(t); status != 200 {
				t.Fatalf("option %d, connection %d: %d %s", step.option, i+1, status, body)
			}
		}
		r := dialRaw(t, c.address)
		io.WriteString(r, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
		if status, body := r.answer(t); status != step.want {
			t.Errorf("option %d, connection %d: %d %s, want %d", step.option, step.open+1, status, body, step.want)
		}
	}
}

// Arbitrary bytes never end the server.
func TestGarbageLeavesTheServerUp(t *testing.T) {
	t.Parallel()
	c := collect(t, t.TempDir(), CollectorOptions{})
	for _, garbage := range []string{
		"\x00", "\r\n\r\n", "GET", "GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"POST /v1/reports HTTP/1.0\r\n\r\n", "GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /v1/reports HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n",
		strings.Repeat("\xff", 3*headerBytes),
	} {
		r := dialRaw(t, c.address)
		io.WriteString(r, garbage)
		if tcp, ok := r.Conn.(*net.TCPConn); ok {
			tcp.CloseWrite()
		}
		io.Copy(io.Discard, r)
		r.Close()
	}
	if status, answer := get(t, "http://"+c.address+"/healthz", nil); status != 200 {
		t.Errorf("afterwards: %d %s", status, answer)
	}
}
