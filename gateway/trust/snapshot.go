package trust

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Limits of a list.
const (
	MaxKeysPerID = 4      // keys under one (Kind, KeyID)
	MaxKeys      = 20_000 // keys of a list
	MaxRevoked   = 4_000_000
)

// ErrList is wrapped by every error that New returns.
var ErrList = errors.New("trust list")

// List is what a Snapshot is made of. New keeps no reference to its slices.
type List struct {
	Version uint64 // rises with every list that is taken
	Issued  int64  // unix seconds
	Expires int64  // unix seconds; past it the list is stale, but still loaded
	Digest  [32]byte
	Keys    []Key
	// Disabled holds fingerprints of public keys that are switched off: every entry with such a key is Disabled.
	Disabled    [][32]byte
	Acceptance  []Acceptance
	Revoked     []Revocation
	Authorities []Authority
	Carriers    []Carrier
	Delegates   []Delegate
}

// Snapshot is an immutable trust list, safe for concurrent use.
type Snapshot struct {
	version    uint64
	issued     int64
	expires    int64
	digest     [32]byte
	count      int
	keys       [NumKinds]map[KeyID][]Key
	acceptance []Acceptance
	revoked    map[string]*revocations // by country

	authorities map[string][]Authority // by subject key identifier
	carriers    map[string]Carrier     // by code
	delegates   []Delegate

	// Of With: what changes more often than the list.
	feeds    [numFeedKinds]map[string]*Feed // by scope
	statuses map[string][]*Status           // by URI, one of each issuer
	lost     map[FeedName]bool              // held once, and not there any more
}

// Empty returns the list that knows nobody: what a gate without a trust list decides by.
func Empty() *Snapshot { return &Snapshot{} }

// New indexes a list. It refuses more than MaxKeysPerID keys under one id and more than MaxKeys in all; the makers of
// lists drop and name bad entries before.
func New(l List) (*Snapshot, error) {
	if len(l.Keys) > MaxKeys {
		return nil, fmt.Errorf("%w: %d keys, at most %d", ErrList, len(l.Keys), MaxKeys)
	}
	s := &Snapshot{
		version: l.Version, issued: l.Issued, expires: l.Expires, digest: l.Digest,
		count: len(l.Keys), acceptance: slices.Clone(l.Acceptance),
	}
	for i := range s.keys {
		s.keys[i] = make(map[KeyID][]Key)
	}
	for _, k := range l.Keys {
		if !k.Public.Valid() {
			return nil, fmt.Errorf("%w: key %v has no public key", ErrList, k.ID)
		}
		k.Disabled = k.Disabled || slices.Contains(l.Disabled, k.Public.Fingerprint())
		for _, at := range k.Places() {
			same := append(s.keys[at.Kind][at.ID], k)
			if len(same) > MaxKeysPerID {
				return nil, fmt.Errorf("%w: more than %d keys under id %v", ErrList, MaxKeysPerID, at.ID)
			}
			s.keys[at.Kind][at.ID] = same
		}
	}
	for _, index := range []func(*List) error{s.indexAuthorities, s.indexCarriers, s.indexDelegates} {
		if err := index(&l); err != nil {
			return nil, err
		}
	}
	revoked, err := indexRevocations(l.Revoked)
	if err != nil {
		return nil, err
	}
	s.revoked = revoked
	return s, nil
}

// Version returns the list's number; 0 is the empty list.
func (s *Snapshot) Version() uint64 { return s.version }

// Issued returns when the list was signed, in unix seconds.
func (s *Snapshot) Issued() int64 { return s.issued }

// Expires returns when the list becomes stale, in unix seconds.
func (s *Snapshot) Expires() int64 { return s.expires }

// Digest returns the SHA-256 of the manifest that the list came with.
func (s *Snapshot) Digest() [32]byte { return s.digest }

// AsExpired returns the same list as one that has expired: for a list that is known not to be the newest.
func (s *Snapshot) AsExpired() *Snapshot {
	old := *s
	old.expires = 0
	return &old
}

// Len returns the number of keys.
func (s *Snapshot) Len() int { return s.count }

// Keys returns the at most MaxKeysPerID keys of a kind under one id, or under the ScopeID of an event, a carrier or an issuer's text,
// nil if there are none. The slice belongs to the
// Snapshot and is not to be changed. It does not allocate.
func (s *Snapshot) Keys(kind Kind, id KeyID) []Key {
	if kind >= NumKinds {
		return nil
	}
	return s.keys[kind][id]
}

// All calls yield for each key at each of its Places, in the order of (kind, id), until it returns false.
func (s *Snapshot) All(yield func(*Key) bool) {
	for kind := range s.keys {
		ids := make([]KeyID, 0, len(s.keys[kind]))
		for id := range s.keys[kind] {
			ids = append(ids, id)
		}
		slices.SortFunc(ids, func(a, b KeyID) int { return bytes.Compare(a[:], b[:]) })
		for _, id := range ids {
			for i := range s.keys[kind][id] {
				if !yield(&s.keys[kind][id][i]) {
					return
				}
			}
		}
	}
}

// Accepts reports whether credentials of that country and usage are accepted throughout [from, until], unix seconds. Without
// a row that says so the answer is no. It does not allocate.
func (s *Snapshot) Accepts(country string, usage Usage, from, until int64) bool {
	for i := range s.acceptance {
		a := &s.acceptance[i]
		if a.covers(country, usage) && a.From <= from && (a.Until == 0 || until <= a.Until) {
			return true
		}
	}
	return false
}

// AcceptsSometime reports whether there is any time in [from, until] at which they are. It does not allocate.
func (s *Snapshot) AcceptsSometime(country string, usage Usage, from, until int64) bool {
	for i := range s.acceptance {
		a := &s.acceptance[i]
		if a.covers(country, usage) && a.From <= until && (a.Until == 0 || from <= a.Until) {
			return true
		}
	}
	return false
}

func (a *Acceptance) covers(country string, usage Usage) bool {
	return (a.Country == "*" || a.Country == country) && a.Usages&usage == usage
}

// Acceptance returns the table, for people. It is not to be changed.
func (s *Snapshot) Acceptance() []Acceptance { return s.acceptance }

// RevocationKind says what a revocation list's entries are hashes of.
type RevocationKind uint8

// The three kinds of the EU's revocation lists; each entry is the first 16 bytes of a SHA-256.
const (
	RevokedUCI        RevocationKind = iota // the certificate identifier
	RevokedCountryUCI                       // country code of the issuer, then the identifier
	RevokedSignature                        // R of an ECDSA signature; the whole of an RSA one
	numRevocationKinds
)

// RevocationHash is the first half of a SHA-256.
type RevocationHash [16]byte

// Revocation is one issuer's list of one kind.
type Revocation struct {
	Country string
	Kind    RevocationKind
	Expires int64 // unix seconds; past it the list no longer proves that something is not revoked
	Entries []RevocationHash
}

type revocations struct {
	expires int64
	lists   [numRevocationKinds]hashList
}

func indexRevocations(lists []Revocation) (map[string]*revocations, error) {
	byCountry := make(map[string]*revocations)
	total := 0
	for _, l := range lists {
		if l.Kind >= numRevocationKinds {
			return nil, fmt.Errorf("%w: revocation kind %d of %s", ErrList, l.Kind, l.Country)
		}
		if total += len(l.Entries); total > MaxRevoked {
			return nil, fmt.Errorf("%w: more than %d revoked", ErrList, MaxRevoked)
		}
		r := byCountry[l.Country]
		if r == nil {
			r = &revocations{expires: l.Expires}
			byCountry[l.Country] = r
		}
		r.expires = min(r.expires, l.Expires)
		r.lists[l.Kind].hashes = append(r.lists[l.Kind].hashes, l.Entries...)
	}
	for _, r := range byCountry {
		for k := range r.lists {
			r.lists[k].index()
		}
	}
	return byCountry, nil
}

// hashList finds a hash among others. These are sorted, and spread evenly, so few of them begin with the same bits: the
// index says where those stand, and the rest is a binary search. Whoever lists other numbers than hashes makes that longer,
// up to a search in all of them.
type hashList struct {
	hashes []RevocationHash
	bits   int      // how many of the first bits of a hash have an index
	starts []uint32 // how many hashes begin with less than each value of these bits; at the end, how many there are
}

// minPerStart is how many hashes there are, at least, for each member of starts: the index takes 5 % of their memory at most.
const minPerStart = 5

// index sorts the hashes and makes the index. Until then has must not be called.
func (l *hashList) index() {
	slices.SortFunc(l.hashes, compareHash)
	l.hashes = slices.Compact(l.hashes)
	for 2<<l.bits+1 <= len(l.hashes)/minPerStart {
		l.bits++
	}
	l.starts = make([]uint32, 1<<l.bits+1)
	for _, h := range l.hashes {
		l.starts[l.firstBits(h)+1]++
	}
	for i := range 1 << l.bits {
		l.starts[i+1] += l.starts[i]
	}
}

func (l *hashList) firstBits(h RevocationHash) uint64 {
	return binary.BigEndian.Uint64(h[:]) >> (64 - l.bits)
}

func (l *hashList) has(h RevocationHash) bool {
	first := l.firstBits(h)
	_, found := slices.BinarySearchFunc(l.hashes[l.starts[first]:l.starts[first+1]], h, compareHash)
	return found
}

func compareHash(a, b RevocationHash) int {
	return bytes.Compare(a[:], b[:])
}

// Revoked reports whether the hash stands on the country's list of that kind. It does not allocate.
func (s *Snapshot) Revoked(country string, kind RevocationKind, h RevocationHash) bool {
	r := s.revoked[country]
	if r == nil || kind >= numRevocationKinds {
		return false
	}
	return r.lists[kind].has(h)
}

// Revocations reports whether there is a revocation list of the country, and when it expires (unix seconds).
func (s *Snapshot) Revocations(country string) (expires int64, ok bool) {
	r := s.revoked[country]
	if r == nil {
		return 0, false
	}
	return r.expires, true
}
