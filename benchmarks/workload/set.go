package workload

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"math"

	"passerelle/gateway/issuer"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
)

// Times of a set, in unix seconds: keys are valid throughout, codes are issued in the first hours and last half a year.
const (
	keysFrom  = 1767225600 // 2026-01-01
	keysUntil = 1893455999 // 2029-12-31
	issuedAt  = keysFrom + 24*3600
	verified  = issuedAt + 30*24*3600
	expiresAt = issuedAt + 180*24*3600
)

// Key is a signer of ours.
type Key struct {
	private *ecdsa.PrivateKey
	entry   trust.Key
}

// Entry is what a trust list says of the key.
func (k *Key) Entry() trust.Key { return k.entry }

// NewKeys makes n keys on P-256, each with a certificate that its id is computed from.
func NewKeys(n int) ([]*Key, error) {
	keys := make([]*Key, n)
	for i := range keys {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("generate key: %w", err)
		}
		k, err := issuer.New(private, sig.ES256, issuer.Scope{
			Country: "MA", Name: fmt.Sprintf("Benchmark %d", i), Usages: trust.AllHCERT, NotBefore: keysFrom, NotAfter: keysUntil,
		})
		if err != nil {
			return nil, err
		}
		keys[i] = &Key{private: private, entry: k.Entry()}
	}
	return keys, nil
}

// NewList returns the trust list of some keys, accepted everywhere. The public keys are made anew for each list: what is built for
// a key, such as its table, belongs to the list that it stands on.
func NewList(keys []*Key) (*trust.Snapshot, error) {
	entries := make([]trust.Key, len(keys))
	for i, k := range keys {
		entries[i] = k.entry
		var err error
		if entries[i].Public, err = sig.New(k.private.Public()); err != nil {
			return nil, err
		}
	}
	return trust.New(ListOf(entries))
}

// ListOf is what a list of some keys is made of.
func ListOf(entries []trust.Key) trust.List {
	return trust.List{
		Version: 1, Issued: keysFrom, Expires: math.MaxInt64, Keys: entries,
		Acceptance: []trust.Acceptance{{Country: "*", Usages: trust.AllHCERT}},
	}
}

// Set is codes and what they are verified by. Codes[i].Text is Scans[i].Data.
type Set struct {
	Codes []*Code
	Scans []verify.Scan
	List  *trust.Snapshot
	Now   policy.Now
}

// NewSet signs n codes: the templates in turn, the keys in turn, no two with the same claims.
func NewSet(templates []*Template, keys []*Key, n int) (*Set, error) {
	list, err := NewList(keys)
	if err != nil {
		return nil, err
	}
	s := &Set{List: list, Now: policy.At(verified)}
	for i := range n {
		code, err := templates[i%len(templates)].sign(keys[i%len(keys)], issuedAt+int64(i), expiresAt)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", templates[i%len(templates)].source, err)
		}
		s.add(code)
	}
	return s, nil
}

func (s *Set) add(c *Code) {
	s.Codes = append(s.Codes, c)
	s.Scans = append(s.Scans, verify.Scan{Data: c.Text})
}

// Select returns the codes of the set that want is true for.
func (s *Set) Select(want func(*Code) bool) *Set {
	some := &Set{List: s.List, Now: s.Now}
	for _, c := range s.Codes {
		if want(c) {
			some.add(c)
		}
	}
	return some
}

// Jobs returns the set's signatures, ready for sig.Verifier. The keys are the list's own, as on the verify path.
func (s *Set) Jobs() []sig.Job {
	jobs := make([]sig.Job, len(s.Codes))
	for i, c := range s.Codes {
		key := &s.List.Keys(trust.HCERT, c.Key.entry.ID)[0]
		jobs[i] = sig.Job{Key: &key.Public, Alg: sig.ES256, Message: c.Signed, Signature: c.Signature}
	}
	return jobs
}
