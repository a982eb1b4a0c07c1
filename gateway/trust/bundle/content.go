package bundle

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// Content is what the parts of a bundle say.
type Content struct {
	Keys       []Entry
	Disabled   []Disabled
	Acceptance []trust.Acceptance
	Revoked    []trust.Revocation // at most one of a (country, kind)

	Authorities []Authority
	Carriers    []trust.Carrier
	Delegates   []trust.Delegate
}

// Entry is a key and where it came from. Test is not part of a bundle: a gate knows test keys by their fingerprints.
type Entry struct {
	trust.Key
	Source string // for people
}

// Disabled switches off a public key, whatever certificate carries it and however often it is imported again.
type Disabled struct {
	Fingerprint [32]byte // SHA-256 of the SubjectPublicKeyInfo
	Reason      string   // for people
}

// Skipped is something that was left out, and why.
type Skipped struct {
	What, Why string
}

// String names the entry for people.
func (e *Entry) String() string {
	return fmt.Sprintf("key %v (%s, %s)", e.ID, e.Country, e.Public.String())
}

// Check tells whether the entry may stand in a bundle. Errors wrap ErrContent and name the key.
func (e *Entry) Check() error {
	if err := e.check(); err != nil {
		return fmt.Errorf("%w: %v: %w", ErrContent, e, err)
	}
	return nil
}

func (e *Entry) check() error {
	switch {
	case !e.Public.Valid():
		return errors.New("no public key")
	case !isCountry(e.Country):
		return fmt.Errorf("country %.8q: want two capital letters", e.Country)
	case e.Usages == 0:
		return errors.New("no usage, which means nothing")
	}
	for _, name := range e.UsageNames() {
		if _, scope, ok := trust.ParseKeyUsage(name); !ok || scope != "" && scope != e.Scope {
			return fmt.Errorf("usage %.64q is none of a key, or needs a scope", name)
		}
	}
	if e.Scope != "" && !e.Usages.Scoped() {
		return fmt.Errorf("scope %.32q for usages that have none", e.Scope)
	}
	if err := checkUse(&e.Public, e.Algorithms, e.NotBefore, e.NotAfter); err != nil {
		return err
	}
	if err := checkText(e.Issuer); err != nil {
		return fmt.Errorf("issuer: %w", err)
	}
	if err := checkText(e.Source); err != nil {
		return fmt.Errorf("source: %w", err)
	}
	return nil
}

// checkText refuses what could write on a terminal or a page something else than text.
func checkText(s string) error {
	if len(s) > MaxText {
		return fmt.Errorf("%d bytes, at most %d", len(s), MaxText)
	}
	if !utf8.ValidString(s) {
		return errors.New("not UTF-8")
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("unprintable character %U", r)
		}
	}
	return nil
}

func isCountry(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}

// Sort puts everything into the order in which it is written: by country, id, fingerprint.
func (c *Content) Sort() {
	slices.SortFunc(c.Keys, func(a, b Entry) int {
		fa, fb := a.Public.Fingerprint(), b.Public.Fingerprint()
		return cmp.Or(cmp.Compare(a.Country, b.Country), bytes.Compare(a.ID[:], b.ID[:]), bytes.Compare(fa[:], fb[:]),
			cmp.Compare(a.Scope, b.Scope))
	})
	c.sortAuthorities()
	slices.SortFunc(c.Disabled, func(a, b Disabled) int { return bytes.Compare(a.Fingerprint[:], b.Fingerprint[:]) })
	slices.SortFunc(c.Acceptance, func(a, b trust.Acceptance) int {
		return cmp.Or(cmp.Compare(a.Country, b.Country), cmp.Compare(a.Usages, b.Usages),
			cmp.Compare(a.From, b.From), cmp.Compare(a.Until, b.Until))
	})
	slices.SortFunc(c.Revoked, func(a, b trust.Revocation) int {
		return cmp.Or(cmp.Compare(a.Country, b.Country), cmp.Compare(a.Kind, b.Kind))
	})
	for _, l := range c.Revoked {
		slices.SortFunc(l.Entries, func(a, b trust.RevocationHash) int { return bytes.Compare(a[:], b[:]) })
	}
}

// check holds for what is signed: the signer refuses what a gate would leave out. c is sorted.
func (c *Content) check() error {
	if len(c.Keys)+len(c.Authorities)+len(c.Delegates) == 0 || len(c.Keys) > trust.MaxKeys {
		return fmt.Errorf("%w: %d keys, at most %d, and no authority or delegate either", ErrContent, len(c.Keys), trust.MaxKeys)
	}
	at := newUnder()
	for i := range c.Keys {
		e := &c.Keys[i]
		if err := e.Check(); err != nil {
			return err
		}
		if err := at.add(e); err != nil {
			return fmt.Errorf("%w: %v: %w", ErrContent, e, err)
		}
	}
	for i, a := range c.Acceptance {
		if a.Usages == 0 || i > 0 && c.Acceptance[i-1] == a {
			return fmt.Errorf("%w: acceptance of %s for no usage, or twice", ErrContent, a.Country)
		}
	}
	if err := c.checkAuthorities(); err != nil {
		return err
	}
	return c.checkRest()
}

// under counts the keys at each place at which a gate looks for them.
type under struct {
	entries map[entryIdentity]bool
	places  map[trust.Place]int
}

// entryIdentity is what no two entries have in common.
type entryIdentity struct {
	id    trust.KeyID
	key   [32]byte
	scope string
}

func newUnder() *under {
	return &under{entries: make(map[entryIdentity]bool), places: make(map[trust.Place]int)}
}

func (u *under) add(e *Entry) error {
	who := entryIdentity{e.ID, e.Public.Fingerprint(), e.Scope}
	if u.entries[who] {
		return errors.New("stands twice")
	}
	places := e.Places()
	for _, at := range places {
		if u.places[at] == trust.MaxKeysPerID {
			return fmt.Errorf("more than %d keys under one id or scope", trust.MaxKeysPerID)
		}
	}
	u.entries[who] = true
	for _, at := range places {
		u.places[at]++
	}
	return nil
}

// checkRest checks everything but the keys, at the signer and at the gate.
func (c *Content) checkRest() error {
	if len(c.Disabled) > MaxDisabled || len(c.Acceptance) > MaxAcceptance || len(c.Revoked) > MaxLists {
		return fmt.Errorf("%w: %d switched off, %d acceptance rows, %d revocation lists: at most %d, %d, %d", ErrContent,
			len(c.Disabled), len(c.Acceptance), len(c.Revoked), MaxDisabled, MaxAcceptance, MaxLists)
	}
	for i, d := range c.Disabled {
		if i > 0 && c.Disabled[i-1].Fingerprint == d.Fingerprint {
			return fmt.Errorf("%w: %x is switched off twice", ErrContent, d.Fingerprint)
		}
		if err := checkText(d.Reason); err != nil {
			return fmt.Errorf("%w: %x: reason: %w", ErrContent, d.Fingerprint, err)
		}
	}
	for _, a := range c.Acceptance {
		if a.Country != "*" && !isCountry(a.Country) || a.From < minTime || a.Until > maxTime || a.Until != 0 && a.Until < a.From {
			return fmt.Errorf("%w: acceptance of %.8q from %d until %d", ErrContent, a.Country, a.From, a.Until)
		}
	}
	total := 0
	for i, l := range c.Revoked {
		if !isCountry(l.Country) || l.Kind > trust.RevokedSignature || l.Expires < 0 || l.Expires > maxTime {
			return fmt.Errorf("%w: revocation list of %.8q, kind %d, expires %d", ErrContent, l.Country, l.Kind, l.Expires)
		}
		if i > 0 && c.Revoked[i-1].Country == l.Country && c.Revoked[i-1].Kind == l.Kind {
			return fmt.Errorf("%w: two revocation lists of %s, kind %d", ErrContent, l.Country, l.Kind)
		}
		if total += len(l.Entries); total > trust.MaxRevoked {
			return fmt.Errorf("%w: more than %d revoked", ErrContent, trust.MaxRevoked)
		}
	}
	return c.checkLimits()
}

// Header is what a manifest says besides its parts.
type Header struct {
	Version uint64
	Issued  int64     // unix seconds
	Expires int64     // unix seconds, inclusive
	Roots   *Roots    // who signs from the next manifest on; nil: no change
	After   *Verified // the list before, whose changes of roots the file carries on; nil: none
}

// Build makes a bundle that nobody has signed yet. The same content gives the same parts, byte for byte, so that a gate
// fetches only what changed. It refuses, by name, whatever a gate would leave out. It sorts c in place.
func Build(c Content, h Header) (*Bundle, error) {
	c.Sort()
	if err := c.check(); err != nil {
		return nil, err
	}
	raw, err := encodeContent(&c)
	if err != nil {
		return nil, err
	}
	b := &Bundle{parts: make(map[string][]byte)}
	m := Manifest{Version: h.Version, Issued: h.Issued, Expires: h.Expires, MinProgram: Level, Roots: h.Roots}
	for _, name := range partNames {
		m.Parts = append(m.Parts, Part{Name: name, SHA256: sha256.Sum256(raw[name]), Length: uint64(len(raw[name]))})
		if b.parts[name], err = deflate(raw[name]); err != nil {
			return nil, err
		}
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	payload, err := encodeManifest(&m)
	if err != nil {
		return nil, err
	}
	if b.head, err = newEnvelope(payload); err != nil {
		return nil, err
	}
	if h.After != nil {
		if err := b.After(h.After); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// algorithmsOf keeps those that this program knows and the key allows.
func algorithmsOf(numbers []int64, key *sig.Key) []sig.Algorithm {
	var algs []sig.Algorithm
	for _, a := range key.Algorithms() {
		if slices.Contains(numbers, int64(a)) {
			algs = append(algs, a)
		}
	}
	return algs
}
