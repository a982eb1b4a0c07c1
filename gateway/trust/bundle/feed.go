package bundle

import (
	"bytes"
	"fmt"
	"io"

	"github.com/veraison/go-cose"

	"passerelle/gateway/credential/list"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// Limits of a feed.
const (
	MaxFeed        = 64 << 20      // bytes of a file
	MaxFeedEntries = list.MaxCodes // codes of a feed
	MaxFeedGroups  = 20_000        // of codes that have everything in common
	FeedLevel      = 1             // the highest format level of feeds that this program reads, as Level for bundles
)

// feedType stands in the protected header of every feed, so that nothing else that a delegate signs can pass for one.
const feedType = "application/vnd.passerelle.feed+cbor"

// FeedHeader is what a feed says besides its codes.
type FeedHeader struct {
	Kind    trust.FeedKind
	Scope   string // event, or flight; "*" in a block list for all events
	Version uint64 // rises with every feed of its kind and scope; never 0
	Issued  int64  // unix seconds
	Expires int64  // unix seconds, inclusive
}

func (h *FeedHeader) check() error {
	switch {
	case h.Kind.String() == trust.NoFeed.String():
		return fmt.Errorf("%w: no kind of feed", ErrFormat)
	case !trust.ValidScope(h.Scope) && (h.Scope != "*" || h.Kind != trust.FeedDeny):
		return fmt.Errorf("%w: scope %.32q", ErrFormat, h.Scope)
	case h.Version == 0:
		return fmt.Errorf("%w: version 0", ErrFormat)
	case h.Issued < 0 || h.Expires <= h.Issued || h.Expires > maxTime:
		return fmt.Errorf("%w: issued %d, expires %d", ErrFormat, h.Issued, h.Expires)
	}
	return nil
}

// Feed is an opened or built feed. Nothing in it has been verified.
type Feed struct {
	header  FeedHeader
	groups  []groupWire
	entries int
	payload []byte
	message *cose.Sign1Message // nil: nobody has signed it yet
}

// Header returns what the feed says besides its codes.
func (f *Feed) Header() FeedHeader { return f.header }

// Len returns the number of codes.
func (f *Feed) Len() int { return f.entries }

// IsFeed reports whether a file is meant to be a feed, signed or not: other things are taken where feeds are, too.
func IsFeed(file []byte) bool {
	return bytes.Contains(file[:min(len(file), 128)], []byte(feedType)) || len(file) > 0 && file[0]>>5 == cborMap
}

const cborMap = 5 // major type (RFC 8949, section 3.1)

// OpenFeed reads a file's structure; it checks no signature. The Feed keeps no reference to file.
func OpenFeed(file []byte) (*Feed, error) {
	if len(file) > MaxFeed {
		return nil, fmt.Errorf("%w: feed of %d bytes, at most %d", ErrFormat, len(file), MaxFeed)
	}
	f := new(Feed)
	if len(file) > 0 && file[0]>>5 == cborMap {
		f.payload = bytes.Clone(file)
	} else {
		f.message = new(cose.Sign1Message)
		if err := f.message.UnmarshalCBOR(file); err != nil {
			return nil, fmt.Errorf("%w: feed: %v", ErrFormat, err)
		}
		h := f.message.Headers
		if len(h.Protected) != 3 || h.Protected[cose.HeaderLabelContentType] != feedType || len(h.Unprotected) != 0 {
			return nil, fmt.Errorf("%w: not headed as a feed", ErrFormat)
		}
		if _, ok := f.Signer(); !ok {
			return nil, fmt.Errorf("%w: feed: no kid", ErrFormat)
		}
		f.payload = f.message.Payload
	}
	if err := f.decode(); err != nil {
		return nil, err
	}
	return f, nil
}

// Signer returns the key id that stands on the signature, for people; ok tells whether there is a signature. It has not been verified.
func (f *Feed) Signer() (id trust.KeyID, ok bool) {
	if f.message == nil {
		return trust.KeyID{}, false
	}
	kid, ok := f.message.Headers.Protected[cose.HeaderLabelKeyID].([]byte)
	if !ok || len(kid) != len(id) {
		return trust.KeyID{}, false
	}
	return trust.KeyID(kid), true
}

// SignFeed signs a feed with a delegate's key, in place of whoever signed it before.
func SignFeed(rand io.Reader, f *Feed, s *Signer) error {
	id := DelegateID(&s.root.Key)
	msg := &cose.Sign1Message{Payload: f.payload, Headers: cose.Headers{
		Protected: cose.ProtectedHeader{cose.HeaderLabelContentType: feedType, cose.HeaderLabelKeyID: id[:]},
	}}
	msg.Headers.Protected.SetAlgorithm(s.root.algorithm())
	if err := msg.Sign(rand, nil, s.signer); err != nil {
		return fmt.Errorf("sign feed: %w", err)
	}
	f.message = msg
	return nil
}

// File returns the feed as one file.
func (f *Feed) File() ([]byte, error) {
	file := f.payload
	if f.message != nil {
		var err error
		if file, err = f.message.MarshalCBOR(); err != nil {
			return nil, fmt.Errorf("%w: feed: %v", ErrFormat, err)
		}
	}
	if len(file) > MaxFeed {
		return nil, fmt.Errorf("%w: feed of %d bytes, at most %d", ErrFormat, len(file), MaxFeed)
	}
	return file, nil
}

// Verify returns the delegate that signed the feed and may have done so: it is on the list, active, for this kind and scope, and
// within its validity, now and when the feed was issued. Of a clock that knows only an interval any time will do.
func (f *Feed) Verify(list *trust.Snapshot, now Now) (*trust.Delegate, error) {
	id, ok := f.Signer()
	if !ok {
		return nil, fmt.Errorf("%w: nobody has signed the feed", ErrDelegate)
	}
	why := fmt.Errorf("%w: %v is not on the trust list", ErrDelegate, id)
	all := list.Delegates()
	for i := range all {
		d := &all[i]
		if d.ID != id {
			continue
		}
		if err := f.allowed(d, now); err != nil {
			why = err
			continue
		}
		if err := f.verify(d); err != nil {
			return nil, err
		}
		return d, nil
	}
	return nil, why
}

// allowed says why a delegate may not have signed the feed.
func (f *Feed) allowed(d *trust.Delegate, now Now) error {
	h := &f.header
	switch {
	case d.Disabled:
		return fmt.Errorf("%w: %v is switched off", ErrDelegate, d.ID)
	case !d.Covers(h.Kind, h.Scope):
		return fmt.Errorf("%w: %v may not sign feeds %v of %.32q", ErrDelegate, d.ID, h.Kind, h.Scope)
	case now.Earliest > d.NotAfter || h.Issued > d.NotAfter:
		return fmt.Errorf("%w: %v was good until %s", ErrDelegate, d.ID, date(d.NotAfter))
	case now.Latest < d.NotBefore || h.Issued < d.NotBefore:
		return fmt.Errorf("%w: %v is good from %s", ErrDelegate, d.ID, date(d.NotBefore))
	}
	return nil
}

func (f *Feed) verify(d *trust.Delegate) error {
	alg, err := f.message.Headers.Protected.Algorithm()
	if err != nil || !d.Allows(sig.Algorithm(alg)) {
		return fmt.Errorf("%w: not by an algorithm of %v", ErrDelegate, d.ID)
	}
	v, err := cose.NewVerifier(alg, d.Public.Public())
	if err != nil {
		return fmt.Errorf("%w: %v", ErrDelegate, err)
	}
	if err := f.message.Verify(nil, v); err != nil {
		return fmt.Errorf("%w: not by %v: %v", ErrDelegate, d.ID, err)
	}
	return nil
}

// HeldFeed is what a gate knows of a feed before it is offered another one.
type HeldFeed struct {
	Version uint64 // the highest that was ever taken, 0 for none; of a status list when it was issued, unix seconds
	Lost    bool   // it is not there any more, and may be taken again
}

// Check tells whether a gate may take the feed: it is newer than what the gate held of its kind and scope, not expired, and not issued
// more than MaxAhead seconds from now. Loading a feed that is held needs no Check.
func (f *Feed) Check(held HeldFeed, now Now) error {
	h := &f.header
	switch {
	case h.Version == held.Version && !held.Lost:
		return fmt.Errorf("%w: version %d", ErrHeld, held.Version)
	case h.Version < held.Version:
		return fmt.Errorf("%w: version %d, held %d", ErrOld, h.Version, held.Version)
	case now.Earliest > h.Expires:
		return fmt.Errorf("%w: on %s", ErrFeedExpired, date(h.Expires))
	case h.Issued-MaxAhead > now.Latest:
		return fmt.Errorf("%w: on %s", ErrFeedFuture, date(h.Issued))
	}
	return nil
}
