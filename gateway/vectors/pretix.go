package main

import (
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"passerelle/gateway/credential/list"
	"passerelle/gateway/credential/pretix"
	"passerelle/gateway/sig"
)

// pretixVector is a test of libpretixsync. It presents the code once for each expected result, at that clock if there is one. A
// test that names the code twice stands in the file twice.
type pretixVector struct {
	Test   string
	QR     string
	Now    []time.Time
	Expect []string
}

// pretixCases reads the tests of pretix's own scanner software. What a test sets up is not in the file; it is written out here:
// which events the gate is for, what is revoked or blocked, and which products there are (1, and 42 of the test that has it; 100 is the
// unknown one, for which they expect ERROR).
func pretixCases(dir string, check func(name string, err error)) error {
	b, err := os.ReadFile(filepath.Join(dir, "sig1_vectors.json"))
	if err != nil {
		return err
	}
	var vectors []pretixVector
	if err := json.Unmarshal(b, &vectors); err != nil {
		return err
	}
	demo, err := readPretixEvent(filepath.Join(dir, "event1.json"))
	if err != nil {
		return err
	}
	demo2, err := readPretixEvent(filepath.Join(dir, "event2.json"))
	if err != nil {
		return err
	}
	for i := range vectors {
		v := &vectors[i]
		g := &pretixGate{products: []int64{1, 42}, used: make(map[[32]byte]bool)}
		if g.lists, err = v.lists(); err != nil {
			return fmt.Errorf("%s: %w", v.Test, err)
		}
		for n, want := range v.Expect {
			g.events = []*pretixEvent{demo}
			if v.Test == "testSignedMultipleLists" { // first the other event alone, then both
				g.events = []*pretixEvent{demo2, demo}[:n+1]
			}
			at := demo.From
			if n < len(v.Now) {
				at = v.Now[n]
			}
			check(fmt.Sprintf("%d %s/%d", i, v.Test, n), compare(g.judge(v.QR, at.Unix()), want))
		}
	}
	return nil
}

func compare(got, want string) error {
	if got != want {
		return fmt.Errorf("got %s, want %s", got, want)
	}
	return nil
}

// lists returns what a test has revoked and blocked.
func (v *pretixVector) lists() (*list.Set, error) {
	b := list.NewBuilder(new(list.Key))
	message, err := pretix.AppendMessage(nil, []byte(v.QR))
	if err != nil {
		return nil, err
	}
	switch v.Test {
	case "testSignedAndRevoked":
		err = b.Add(message, list.Entry{State: list.Revoked}, nil)
	case "testSignedAndBlocked":
		err = b.Add(message, list.Entry{State: list.Blocked}, nil)
	}
	if err != nil {
		return nil, err
	}
	return b.Set()
}

type pretixEvent struct {
	From      time.Time `json:"date_from"`
	ValidKeys struct {
		Sig1 [][]byte `json:"pretix_sig1"` // base64 of PEM
	} `json:"valid_keys"`
	keys []sig.Key
}

func readPretixEvent(file string) (*pretixEvent, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	e := new(pretixEvent)
	if err := json.Unmarshal(b, e); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, text := range e.ValidKeys.Sig1 {
		block, _ := pem.Decode(text)
		if block == nil {
			return nil, fmt.Errorf("%s: a key is no PEM", file)
		}
		key, err := sig.ParseSPKI(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		e.keys = append(e.keys, key)
	}
	if len(e.keys) == 0 {
		return nil, errors.New(file + ": no keys")
	}
	return e, nil
}

// pretixGate is what a verdict depends on besides the code.
type pretixGate struct {
	events   []*pretixEvent
	lists    *list.Set // by message
	products []int64
	subevent int64 // 0 for any
	used     map[[32]byte]bool
}

// judge returns the verdict on a code, in the words of the vectors, in the order of their software: key, revoked, blocked, time,
// product, subevent, used.
func (g *pretixGate) judge(qr string, now int64) string {
	var t pretix.Ticket
	if _, err := t.Parse(nil, []byte(qr)); err != nil || !g.signed(&t) {
		return "INVALID"
	}
	if m, found := g.lists.Find(t.Message); found {
		return map[list.State]string{list.Revoked: "REVOKED", list.Blocked: "BLOCKED"}[m.State]
	}
	id := sha256.Sum256(t.Message)
	switch {
	case now < t.From, t.Until != 0 && now > t.Until:
		return "INVALID_TIME"
	case !slices.Contains(g.products, t.Item):
		return "ERROR"
	case g.subevent != 0 && t.Subevent != g.subevent:
		return "INVALID"
	case g.used[id]:
		return "USED"
	}
	g.used[id] = true
	return "VALID"
}

// signed reports whether any key of the events made the signature.
func (g *pretixGate) signed(t *pretix.Ticket) bool {
	var jobs []sig.Job
	for _, e := range g.events {
		for i := range e.keys {
			jobs = append(jobs, sig.Job{Key: &e.keys[i], Alg: sig.EdDSA, Message: t.Message, Signature: t.Signature})
		}
	}
	sig.NewVerifier(nil).Verify(jobs)
	return slices.ContainsFunc(jobs, func(j sig.Job) bool { return j.OK })
}
