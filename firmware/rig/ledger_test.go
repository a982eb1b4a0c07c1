package rig

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// ledger is the endpoint that a gateway reports to: it checks each signature as Standard Webhooks wants it and counts an entry once.
type ledger struct {
	url string
	key []byte

	mu      sync.Mutex
	seen    map[string]bool
	entries []entry
	taken   map[string]int // entries of a lane that await gave away
	came    chan struct{}  // closed and replaced when something came
}

// entry is one reported verdict.
type entry struct {
	lane, outcome string // "admit ok"
	sequence      uint64
	at            time.Time // when it came
}

func newLedger(t *testing.T, secret string) *ledger {
	t.Helper()
	return listenLedger(t, secret, "127.0.0.1:0")
}

// listenLedger is a ledger at an address.
func listenLedger(t *testing.T, secret, address string) *ledger {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	l := &ledger{
		url: "http://" + listener.Addr().String() + "/v1/reports", key: key,
		seen: make(map[string]bool), taken: make(map[string]int), came: make(chan struct{}),
	}
	server := &http.Server{Handler: l, ReadHeaderTimeout: patience}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return l
}

func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
	mac := hmac.New(sha256.New, l.key)
	io.WriteString(mac, r.Header.Get("Webhook-Id")+"."+r.Header.Get("Webhook-Timestamp")+".")
	mac.Write(body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if err != nil || !strings.Contains(" "+r.Header.Get("Webhook-Signature")+" ", " "+want+" ") {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var batch struct {
		Journal string
		Entries []struct {
			Sequence uint64
			Entry    struct{ Lane, Event, Verdict, Reason string }
		}
	}
	if err := json.Unmarshal(body, &batch); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range batch.Entries {
		id := batch.Journal + "/" + time.Duration(e.Sequence).String()
		if l.seen[id] || e.Entry.Event != "verdict" {
			continue
		}
		l.seen[id] = true
		l.entries = append(l.entries, entry{e.Entry.Lane, e.Entry.Verdict + " " + e.Entry.Reason, e.Sequence, time.Now()})
	}
	close(l.came)
	l.came = make(chan struct{})
	w.WriteHeader(http.StatusNoContent)
}

// await waits for n verdicts of a lane that it has not given before, at most for d, and returns what came.
func (l *ledger) await(lane string, n int, d time.Duration) (outcomes []string) {
	limit := time.After(d)
	for {
		l.mu.Lock()
		came, skip := l.came, l.taken[lane]
		outcomes = nil
		for _, e := range l.entries {
			if e.lane != lane {
				continue
			}
			if skip > 0 {
				skip--
				continue
			}
			outcomes = append(outcomes, e.outcome)
		}
		if len(outcomes) >= n {
			l.taken[lane] += len(outcomes)
			l.mu.Unlock()
			return outcomes
		}
		l.mu.Unlock()
		select {
		case <-came:
		case <-limit:
			return outcomes
		}
	}
}
