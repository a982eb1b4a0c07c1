package bundle

import (
	"fmt"
	"time"

	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// Held is what a gate stands on when it is offered a bundle. The zero Held trusts nobody.
type Held struct {
	Roots   Roots
	Since   uint64   // version of the manifest that named Roots, 0 for pinned ones
	Version uint64   // highest version that the gate has ever held, 0 for none
	Digest  [32]byte // of the list of that version, zero if that list is lost
}

// Now is what a gate knows of the time, unix seconds: the two are the same where the clock is trusted.
type Now struct {
	Earliest, Latest int64
}

// At returns the Now of a trusted clock.
func At(t time.Time) Now { return Now{Earliest: t.Unix(), Latest: t.Unix()} }

// Verified is a bundle that enough pinned roots have signed. Only Bundle.Verify makes one.
type Verified struct {
	bundle Bundle
	chain  []envelope // the changes of roots that led to it
	next   Held
}

// Verify checks the signatures against the roots in hand, following changes of roots that the file carries and that are
// newer than Held.Since. It does not look at the version, the times, or the parts.
func (b *Bundle) Verify(h Held) (*Verified, error) {
	roots, since := h.Roots, h.Since
	var chain []envelope
	for i := range b.rotations {
		r := &b.rotations[i]
		if r.manifest.Version <= since || r.verify(roots) != nil {
			continue
		}
		roots, since = roots.next(&r.manifest), r.manifest.Version
		chain = append(chain, *r)
	}
	m := &b.head.manifest
	if err := b.head.verify(roots); err != nil {
		return nil, fmt.Errorf("version %d: %w", m.Version, err)
	}
	v := &Verified{bundle: *b, chain: chain}
	v.next = Held{Roots: roots.next(m), Since: since, Version: m.Version, Digest: b.Digest()}
	if m.Roots != nil {
		v.next.Since = m.Version
	}
	return v, nil
}

// Bundle returns the bundle, for showing and storing, with those changes of roots alone that led to it. Changing it does
// not change v.
func (v *Verified) Bundle() *Bundle {
	b := v.bundle
	b.rotations = v.chain
	return &b
}

// Held returns what the gate holds once it has taken v.
func (v *Verified) Held() Held { return v.next }

// Check tells whether a gate may take the bundle: it is newer than what the gate held, not expired, and not issued more
// than MaxAhead seconds from now. A clock that knows only an interval refuses only what every time in it refuses.
// Loading a list that is held needs no Check.
func (v *Verified) Check(h Held, now Now) error {
	m := &v.bundle.head.manifest
	switch {
	case m.Version == h.Version && v.next.Digest == h.Digest:
		return fmt.Errorf("%w: version %d", ErrHeld, m.Version)
	case m.Version < h.Version, m.Version == h.Version && h.Digest != [32]byte{}:
		return fmt.Errorf("%w: version %d, held %d", ErrOld, m.Version, h.Version)
	case now.Earliest > m.Expires:
		return fmt.Errorf("%w: on %s", ErrExpired, date(m.Expires))
	case m.Issued-MaxAhead > now.Latest:
		return fmt.Errorf("%w: on %s", ErrFuture, date(m.Issued))
	}
	return nil
}

func date(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }

// Snapshot reads the parts and returns the list to decide by, with the keys that had to be left out. test tells by the
// fingerprint which keys are published test keys; it may be nil.
func (v *Verified) Snapshot(test func(fingerprint [32]byte) bool) (*trust.Snapshot, []Skipped, error) {
	c, skipped, err := v.bundle.Inspect()
	if err != nil {
		return nil, nil, err
	}
	m := &v.bundle.head.manifest
	list := c.List(test)
	list.Version, list.Issued, list.Expires, list.Digest = m.Version, m.Issued, m.Expires, v.next.Digest
	s, err := trust.New(list)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrContent, err)
	}
	return s, skipped, nil
}

// List returns the content as a Snapshot is made of it, without version and times.
func (c *Content) List(test func(fingerprint [32]byte) bool) trust.List {
	published := func(key *sig.Key) bool { return test != nil && test(key.Fingerprint()) }
	l := trust.List{
		Keys: make([]trust.Key, 0, len(c.Keys)), Acceptance: c.Acceptance, Revoked: c.Revoked, Carriers: c.Carriers,
		Authorities: make([]trust.Authority, 0, len(c.Authorities)), Delegates: make([]trust.Delegate, 0, len(c.Delegates)),
	}
	for _, e := range c.Keys {
		e.Test = published(&e.Public)
		l.Keys = append(l.Keys, e.Key)
	}
	for _, a := range c.Authorities {
		a.Test = published(&a.Public)
		l.Authorities = append(l.Authorities, a.Authority)
	}
	for _, d := range c.Delegates {
		d.Test = published(&d.Public)
		l.Delegates = append(l.Delegates, d)
	}
	for _, d := range c.Disabled {
		l.Disabled = append(l.Disabled, d.Fingerprint)
	}
	return l
}
