package main

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"passerelle/gateway/credential/list"
	"passerelle/gateway/credential/pretix"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
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
		g := &pretixGate{products: []int64{1, 42}, used: make(map[policy.UseID]bool)}
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
			got, err := g.judge(v.QR, at.Unix())
			if err != nil {
				return fmt.Errorf("%s: %w", v.Test, err)
			}
			check(fmt.Sprintf("%d %s/%d", i, v.Test, n), compare(got, want))
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

// pretixGate is a lane for the vectors: the program's own verifier, with a ledger of what was admitted.
type pretixGate struct {
	events   []*pretixEvent
	lists    *list.Set // by message
	products []int64
	used     map[policy.UseID]bool
}

// pretixScope is what the vectors' events are called together, since a lane is for one.
const pretixScope = "vectors"

// judge returns the verdict on a code, in the words of the vectors.
func (g *pretixGate) judge(qr string, now int64) (string, error) {
	const day = 24 * 60 * 60
	l := trust.List{
		Version: 1, Issued: now, Expires: now + day,
		Acceptance: []trust.Acceptance{{Country: "*", Usages: trust.PretixUsage}},
	}
	for _, e := range g.events {
		for _, key := range e.keys {
			l.Keys = append(l.Keys, trust.Key{
				Country: "XA", Public: key, Usages: trust.PretixUsage, Scope: pretixScope, Algorithms: key.Algorithms(), NotBefore: now - day, NotAfter: now + day,
			})
		}
	}
	snapshot, err := trust.New(l)
	if err != nil {
		return "", err
	}
	feed := &trust.Feed{Kind: trust.FeedPretix, Scope: pretixScope, Version: 1, Issued: now, Expires: now + day, Set: g.lists}
	profile := policy.Profile{
		Accept: policy.Kinds(policy.Pretix), Once: policy.Kinds(policy.Pretix), Require: policy.Checks(policy.Revocation),
	}
	v := verify.New(&profile, nil)
	v.During(&policy.Session{Event: pretixScope, Products: g.products})
	c := v.Verify(nil, []verify.Scan{{Data: []byte(qr)}}, snapshot.With([]*trust.Feed{feed}, nil), policy.At(now))[0]
	claim := policy.Claimed
	if g.used[c.Use] {
		claim = policy.UsedBefore
	}
	final := c.Finalize(claim, &profile)
	if final.Outcome() == policy.Admit {
		g.used[c.Use] = true
		return "VALID", nil
	}
	return pretixWords[final.Reason()], nil
}

// pretixWords are pretix's results for our reasons.
var pretixWords = map[policy.Reason]string{
	policy.Malformed: "INVALID", policy.BadSignature: "INVALID", policy.UnknownIssuer: "INVALID", policy.NotAccepted: "INVALID",
	policy.Revoked: "REVOKED", policy.Blocked: "BLOCKED", policy.Expired: "INVALID_TIME", policy.NotYetValid: "INVALID_TIME",
	policy.WrongPlace:  "ERROR", // a product that is none here
	policy.AlreadyUsed: "USED",
}
