package policy

import (
	"crypto/sha256"

	"passerelle/gateway/trust"
)

// Place is all that a verdict depends on besides the code: the list, the time, what is asked here, and what the lane is for.
type Place struct {
	List    *trust.Snapshot
	Now     Now
	Profile *Profile
	Session *Session // nil: the lane is for nothing that is bound to an event or a flight
}

// Stale reports whether the list is past its expiry, or may be.
func (p *Place) Stale() bool { return p.Now.Latest > p.List.Expires() }

// doubt returns why the list can vouch for nobody, if it cannot: there is none, it is past its expiry, or it may be.
func (p *Place) doubt() (why Reason, doubtful bool) {
	if p.List.Version() == 0 {
		return ListStale, true
	}
	return p.past(p.List.Expires())
}

// past returns why a list that is good until expires cannot be relied on, if it cannot.
func (p *Place) past(expires int64) (why Reason, doubtful bool) {
	switch {
	case p.Profile.AdmitStale || p.Now.Latest <= expires:
		return OK, false
	case p.Now.Earliest > expires:
		return ListStale, true
	}
	return ClockUntrusted, true
}

// KeyUsable judges the key that a code names, before its signature is known. What is known to be bad stays so on an old list;
// who is good, or unknown, an old list cannot say.
func (p *Place) KeyUsable(f *Findings, key *trust.Key) {
	why, doubtful := p.doubt()
	switch {
	case key != nil && key.Test && p.Profile.Production:
		f.Fail(KeyCheck, UnknownIssuer)
	case key != nil && key.Disabled:
		f.Fail(KeyCheck, IssuerDisabled)
	case doubtful:
		f.Doubt(KeyCheck, why)
	case key == nil:
		f.Fail(KeyCheck, UnknownIssuer)
	case key.Public.Weak():
		f.Fail(KeyCheck, WeakKey)
	default:
		f.Pass(KeyCheck)
	}
}

// signer judges whether a key may sign a credential of this kind that was issued then.
func (p *Place) signer(f *Findings, kind Kind, key *trust.Key, issued int64) {
	p.inForce(f, key, issued)
	if key.Usages&kind.usage() == 0 {
		f.Fail(UsageCheck, WrongUsage)
	}
	f.Pass(UsageCheck)
}

// inForce judges whether a key was in force at a time.
func (p *Place) inForce(f *Findings, key *trust.Key, t int64) {
	outside := t < key.NotBefore || t > key.NotAfter
	if outside && !p.Profile.IgnoreKeyExpired && f.State(KeyCheck) == Passed { // a doubt about the list itself says more
		f.Fail(KeyCheck, KeyExpired)
	}
}

// accepted judges whether the kind and the issuer are accepted here and now.
func (p *Place) accepted(f *Findings, kind Kind, country string) {
	usage, from, until := kind.usage(), p.Now.Earliest, p.Now.Latest
	switch {
	case !p.Profile.Accepts(kind) || !p.List.AcceptsSometime(country, usage, from, until):
		f.Fail(Rules, NotAccepted)
	case !p.List.Accepts(country, usage, from, until):
		f.Doubt(Rules, ClockUntrusted)
	default:
		f.Pass(Rules)
	}
}

// everywhere is the scope of a block list that holds for every event.
const everywhere = "*"

// denied judges a credential's identity by the operator's block lists: the one for all, and that of the session's event.
func (p *Place) denied(f *Findings, identity []byte) {
	p.deniedBy(f, everywhere, identity)
	if s := p.session(); s != nil && s.Event != "" {
		p.deniedBy(f, s.Event, identity)
	}
}

// deniedBy judges by one of them. Without one nobody is blocked; one that was here once and is lost may have blocked anybody.
func (p *Place) deniedBy(f *Findings, scope string, identity []byte) {
	if p.List.IsLost(trust.FeedDeny, scope) {
		f.Fail(Revocation, ListStale)
		return
	}
	feed := p.feed(trust.FeedDeny, scope)
	if feed == nil {
		return
	}
	if _, found := feed.Set.Find(identity); found {
		f.Fail(Revocation, Blocked)
	}
	if why, doubtful := p.past(feed.Expires); doubtful {
		f.Fail(Revocation, why)
	}
}

// blocks reports whether there is anything that denied would ask.
func (p *Place) blocks() bool {
	by := func(scope string) bool {
		return p.feed(trust.FeedDeny, scope) != nil || p.List.IsLost(trust.FeedDeny, scope)
	}
	s := p.session()
	return by(everywhere) || s != nil && s.Event != "" && by(s.Event)
}

// feed returns a feed, nil if there is none that counts here.
func (p *Place) feed(kind trust.FeedKind, scope string) *trust.Feed {
	f := p.List.Feed(kind, scope)
	if f != nil && f.Test && p.Profile.Production {
		return nil
	}
	return f
}

// identityOf hashes what a credential is known by, which is different for each kind.
func identityOf(kind Kind, identity []byte) (id UseID) {
	var scratch [1 + maxIdentity]byte
	b := append(append(scratch[:0], byte(kind)), identity...)
	sum := sha256.Sum256(b)
	copy(id[:], sum[:])
	return id
}

// maxIdentity is the longest identity that is hashed without allocation; a longer one is hashed all the same.
const maxIdentity = 512
