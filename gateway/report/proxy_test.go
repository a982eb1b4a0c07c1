package report

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// fault is what a proxy does to one request.
type fault int

const (
	passOn fault = iota
	dropRequest
	dropAnswer
	doubleRequest
	doubleAnswer
	delayAnswer  // beyond the forwarder's patience
	delayRequest // beyond the forwarder's patience: arrives when it was already sent again
	answer500
	answer500Late // the collector has it, the forwarder is told 500
	answer429
	cutRequest
	cutAnswer
	slowAnswer
	faults
)

var faultNames = [faults]string{
	"pass on", "drop request", "drop answer", "double request", "double answer", "delay answer", "delay request",
	"answer 500", "answer 500 afterwards", "answer 429", "cut request", "cut answer", "slow answer",
}

// proxy stands between a forwarder and a collector and does what a bad network does, from a seed.
type proxy struct {
	t        testing.TB
	target   string
	patience time.Duration // the forwarder's timeout
	url      string

	mu     sync.Mutex
	random *rand.Rand
	rate   float64 // share of requests that suffer a fault
	sent   map[string][sha256.Size]byte
	counts [faults]int
	conns  map[net.Conn]bool
}

func newProxy(t testing.TB, target string, seed uint64, rate float64, patience time.Duration) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{
		t: t, target: target, patience: patience, url: "http://" + ln.Addr().String() + "/v1/reports",
		random: rand.New(rand.NewPCG(seed, 1)), rate: rate, sent: map[string][sha256.Size]byte{}, conns: map[net.Conn]bool{},
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.conns[conn] = true
			p.mu.Unlock()
			running.Go(func() {
				defer conn.Close()
				p.serve(conn)
				p.mu.Lock()
				delete(p.conns, conn)
				p.mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		p.mu.Lock()
		for conn := range p.conns {
			conn.Close()
		}
		p.mu.Unlock()
		running.Wait()
	})
	return p
}

func (p *proxy) setTarget(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = address
}

// choose notes a request and says what happens to it. The same id must always carry the same bytes.
func (p *proxy) choose(id string, data []byte) (fault, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := sha256.Sum256(data)
	if before, again := p.sent[id]; again && before != sum {
		p.t.Errorf("report %s was sent again with other bytes", id)
	}
	p.sent[id] = sum
	f := passOn
	if p.random.Float64() < p.rate {
		f = 1 + fault(p.random.IntN(int(faults)-1))
	}
	p.counts[f]++
	return f, p.target
}

func (p *proxy) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		q, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		data, err := io.ReadAll(q.Body)
		if err != nil {
			return
		}
		f, target := p.choose(q.Header.Get(headerID), data)
		if !p.suffer(conn, f, target, q, data) || q.Close {
			return
		}
	}
}

// suffer returns whether the connection goes on.
func (p *proxy) suffer(conn net.Conn, f fault, target string, q *http.Request, data []byte) bool {
	var request bytes.Buffer
	q.Body = io.NopCloser(bytes.NewReader(data))
	q.ContentLength = int64(len(data))
	if err := q.Write(&request); err != nil {
		p.t.Error(err)
		return false
	}
	switch f {
	case dropRequest:
		return false
	case cutRequest:
		if c, err := net.Dial("tcp", target); err == nil {
			c.Write(request.Bytes()[:request.Len()/2])
			c.Close()
		}
		return false
	case answer500:
		io.WriteString(conn, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
		return true
	case answer429:
		io.WriteString(conn, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n")
		return true
	case delayRequest:
		time.Sleep(p.patience + 50*time.Millisecond)
	}
	answer, err := exchange(target, request.Bytes())
	if err != nil {
		return false
	}
	switch f {
	case doubleRequest:
		exchange(target, request.Bytes())
	case dropAnswer:
		return false
	case delayAnswer:
		time.Sleep(p.patience + 50*time.Millisecond)
	case answer500Late:
		answer = []byte("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
	case cutAnswer:
		conn.Write(answer[:len(answer)/2])
		return false
	case slowAnswer:
		for _, b := range answer {
			if _, err := conn.Write([]byte{b}); err != nil {
				return false
			}
			time.Sleep(100 * time.Microsecond)
		}
		return true
	case doubleAnswer:
		answer = append(answer, answer...)
	}
	_, err = conn.Write(answer)
	return err == nil
}

// exchange sends one request on a connection of its own and returns the answer's bytes.
func exchange(target string, request []byte) ([]byte, error) {
	conn, err := net.Dial("tcp", target)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Write(request); err != nil {
		return nil, err
	}
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(data))
	r.ContentLength = int64(len(data))
	var out bytes.Buffer
	if err := r.Write(&out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// String says what happened, for the test's log.
func (p *proxy) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := fmt.Sprintf("%d reports", len(p.sent))
	for f, n := range p.counts {
		s += fmt.Sprintf(", %s %d", faultNames[f], n)
	}
	return s
}

// readRequest reads one request and its body from a connection.
func readRequest(conn net.Conn) (*http.Request, []byte, error) {
	q, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(q.Body)
	return q, data, err
}
