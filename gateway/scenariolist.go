package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"time"

	"passerelle/gateway/credential/list"
	"passerelle/gateway/encoding/statuslist"
	"passerelle/gateway/issuer"
	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

// storyKey returns the signing key of an invented issuer, which is computed from its name and so is nobody's secret: a list has it as a
// test key, which profiles for production refuse.
func storyKey(name string, now time.Time, ed25519Key bool, usages trust.Usage) (*issuer.Key, error) {
	seed := sha256.Sum256([]byte("passerelle story key: " + name))
	var private crypto.Signer = ed25519.NewKeyFromSeed(seed[:])
	if !ed25519Key {
		var err error
		if private, err = ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:]); err != nil {
			return nil, fmt.Errorf("story key %s: %w", name, err)
		}
	}
	key, err := issuer.New(private, 0, issuer.Scope{
		Country: "MA", Name: "TEST " + name, Usages: usages, NotBefore: now.AddDate(-2, 0, 0).Unix(), NotAfter: now.AddDate(1, 0, 0).Unix(),
	})
	if err != nil {
		return nil, fmt.Errorf("story key %s: %w", name, err)
	}
	return key, nil
}

// testEntry returns what a list says of a story's key; scope is the event or the carrier of usages that have one.
func testEntry(k *issuer.Key, scope string) trust.Key {
	e := k.Entry()
	e.Test, e.Scope = true, scope
	return e
}

// storyFeeds collects what a story's operator lists.
type storyFeeds struct {
	now   time.Time
	key   list.Key // the box's secret
	feeds []*storyFeed
}

type storyFeed struct {
	kind  trust.FeedKind
	scope string
	rows  *list.Builder
	err   error // the first one of add
}

func newStoryFeeds(now time.Time, r *rand.Rand) *storyFeeds {
	f := &storyFeeds{now: now}
	for i := range f.key {
		f.key[i] = byte(r.Uint32())
	}
	return f
}

func (f *storyFeeds) feed(kind trust.FeedKind, scope string) *storyFeed {
	x := &storyFeed{kind: kind, scope: scope, rows: list.NewBuilder(&f.key)}
	f.feeds = append(f.feeds, x)
	return x
}

// add lists what a row of an operator's file names: the columns are those of passerelle feed build.
func (x *storyFeed) add(row feedRow, e list.Entry, secret []byte) {
	if x.err != nil {
		return
	}
	code, err := (&feedReader{kind: x.kind}).code(row)
	if err == nil {
		err = x.rows.Add(code, e, secret)
	}
	x.err = err
}

// with returns the list with these feeds and status lists in force.
func (f *storyFeeds) with(s *trust.Snapshot, statuses ...*trust.Status) (*trust.Snapshot, error) {
	var feeds []*trust.Feed
	for _, x := range f.feeds {
		if x.err != nil {
			return nil, fmt.Errorf("feed %v of %s: %w", x.kind, x.scope, x.err)
		}
		set, err := x.rows.Set()
		if err != nil {
			return nil, fmt.Errorf("feed %v of %s: %w", x.kind, x.scope, err)
		}
		feeds = append(feeds, &trust.Feed{
			Kind: x.kind, Scope: x.scope, Version: 1, Issued: f.now.Unix(), Expires: f.now.Add(demoListLife).Unix(), Test: true, Set: set,
		})
	}
	return s.With(feeds, statuses), nil
}

// storyList makes a trust list of keys, valid for a week.
func storyList(now time.Time, usages trust.Usage, carriers []trust.Carrier, keys ...trust.Key) (*trust.Snapshot, error) {
	return trust.New(trust.List{
		Version: 1, Issued: now.Unix(), Expires: now.Add(demoListLife).Unix(), Keys: keys, Carriers: carriers,
		Acceptance: []trust.Acceptance{{Country: "MA", Usages: usages}},
	})
}

// signedStatus signs a status list, and has it read and verified as one that was delivered.
func signedStatus(k *issuer.Key, trusted *trust.Snapshot, uri string, statuses *statuslist.List, now time.Time) (*trust.Status, error) {
	file, err := issuer.StatusList(k, uri, statuses, now.Unix(), now.Add(demoListLife).Unix(), 0)
	if err != nil {
		return nil, err
	}
	token, err := bundle.OpenStatus(file)
	if err != nil {
		return nil, err
	}
	return token.Verify(trusted)
}
