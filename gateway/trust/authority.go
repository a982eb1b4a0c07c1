package trust

import (
	"bytes"
	"fmt"
	"slices"

	"passerelle/gateway/sig"
)

// Limits of what stands on a list besides keys.
const (
	MaxAuthorities       = 2_048
	MaxAuthoritiesPerSKI = 4
	MaxSKI               = 64 // bytes of a subject key identifier
	MaxSerial            = 32 // bytes of a serial number; RFC 5280, section 4.1.2.2, has 20
	MaxRevokedSerials    = 100_000
	MaxCarriers          = 4_096
	MaxCarrierCode       = 3 // characters
	MaxDelegates         = 1_024
)

// Authority is a country's certificate authority, under which the signers of VDS-NC stand (ICAO Doc 9303, part 13).
type Authority struct {
	Country    string          // ISO 3166-1 alpha-2; that it fits the credential's is for the caller to check
	SKI        []byte          // subject key identifier: what a certificate names its authority by
	Public     sig.Key         // on a named curve, whatever the certificate said
	Algorithms []sig.Algorithm // what the key may verify in messages; a certificate's signature follows the key
	NotBefore  int64           // unix seconds
	NotAfter   int64           // unix seconds, inclusive
	Revoked    [][]byte        // serial numbers of signers: contents of the DER INTEGER without leading zero bytes, sorted
	// RevokedUntil is until when nobody else counts as revoked: when the next revocation list is due, unix seconds, inclusive; 0 where
	// nobody brought one. A list may name nobody.
	RevokedUntil int64
	Disabled     bool
	Test         bool
}

// HasRevoked reports whether a signer's serial number stands on the authority's list; serial is the contents of the DER INTEGER,
// with or without leading zero bytes. It does not allocate.
func (a *Authority) HasRevoked(serial []byte) bool {
	_, found := slices.BinarySearchFunc(a.Revoked, bytes.TrimLeft(serial, "\x00"), bytes.Compare)
	return found
}

// Carrier is what is known of one that issues boarding passes.
type Carrier struct {
	Code  string // IATA's two characters, or ICAO's three
	Signs bool   // each pass is signed: one without a signature was stripped of it
}

// ValidCarrier reports whether code may stand as a carrier's: 2 or 3 of A to Z and 0 to 9.
func ValidCarrier(code string) bool {
	for i := range len(code) {
		if c := code[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(code) >= 2 && len(code) <= MaxCarrierCode
}

// Delegate is who may sign feeds of some kinds for an event, a flight or a carrier.
type Delegate struct {
	ID         KeyID // first 8 bytes of the SHA-256 of the SubjectPublicKeyInfo
	Name       string
	Public     sig.Key
	Algorithms []sig.Algorithm
	Kinds      FeedKinds
	Scope      string // "*" for every scope
	NotBefore  int64  // unix seconds
	NotAfter   int64  // unix seconds, inclusive
	Disabled   bool
	Test       bool
}

// Covers reports whether the delegate may sign such a feed at all; its validity is looked at when a feed is taken.
func (d *Delegate) Covers(kind FeedKind, scope string) bool {
	return !d.Disabled && d.Kinds.Has(kind) && (d.Scope == "*" || d.Scope == scope)
}

// Allows reports whether a feed that names alg may be verified with the delegate's key.
func (d *Delegate) Allows(alg sig.Algorithm) bool {
	return slices.Contains(d.Algorithms, alg) && d.Public.Allows(alg)
}

// Authorities returns the at most MaxAuthoritiesPerSKI authorities under one subject key identifier, nil if there are none. The
// slice belongs to the Snapshot and is not to be changed. It does not allocate.
func (s *Snapshot) Authorities(ski []byte) []Authority { return s.authorities[string(ski)] }

// Carrier returns what is known of a carrier. It does not allocate.
func (s *Snapshot) Carrier(code []byte) (Carrier, bool) {
	c, ok := s.carriers[string(code)]
	return c, ok
}

// Delegates returns those who may sign feeds. The slice belongs to the Snapshot and is not to be changed.
func (s *Snapshot) Delegates() []Delegate { return s.delegates }

func (s *Snapshot) indexAuthorities(l *List) error {
	if len(l.Authorities) > MaxAuthorities {
		return fmt.Errorf("%w: %d authorities, at most %d", ErrList, len(l.Authorities), MaxAuthorities)
	}
	s.authorities = make(map[string][]Authority)
	total := 0
	for _, a := range l.Authorities {
		if !a.Public.Valid() || len(a.SKI) == 0 || len(a.SKI) > MaxSKI {
			return fmt.Errorf("%w: authority %x of %s has no public key or no identifier", ErrList, a.SKI, a.Country)
		}
		if total += len(a.Revoked); total > MaxRevokedSerials {
			return fmt.Errorf("%w: more than %d serial numbers are revoked", ErrList, MaxRevokedSerials)
		}
		a.Revoked = sortedSerials(a.Revoked)
		a.Disabled = a.Disabled || slices.Contains(l.Disabled, a.Public.Fingerprint())
		same := append(s.authorities[string(a.SKI)], a)
		if len(same) > MaxAuthoritiesPerSKI {
			return fmt.Errorf("%w: more than %d authorities under %x", ErrList, MaxAuthoritiesPerSKI, a.SKI)
		}
		s.authorities[string(a.SKI)] = same
	}
	return nil
}

func sortedSerials(serials [][]byte) [][]byte {
	sorted := make([][]byte, 0, len(serials))
	for _, serial := range serials {
		sorted = append(sorted, bytes.Clone(bytes.TrimLeft(serial, "\x00")))
	}
	slices.SortFunc(sorted, bytes.Compare)
	return sorted
}

func (s *Snapshot) indexCarriers(l *List) error {
	if len(l.Carriers) > MaxCarriers {
		return fmt.Errorf("%w: %d carriers, at most %d", ErrList, len(l.Carriers), MaxCarriers)
	}
	s.carriers = make(map[string]Carrier, len(l.Carriers))
	for _, c := range l.Carriers {
		if _, twice := s.carriers[c.Code]; twice || !ValidCarrier(c.Code) {
			return fmt.Errorf("%w: carrier %.8q stands twice, or is none", ErrList, c.Code)
		}
		s.carriers[c.Code] = c
	}
	return nil
}

func (s *Snapshot) indexDelegates(l *List) error {
	if len(l.Delegates) > MaxDelegates {
		return fmt.Errorf("%w: %d delegates, at most %d", ErrList, len(l.Delegates), MaxDelegates)
	}
	s.delegates = slices.Clone(l.Delegates)
	for i := range s.delegates {
		d := &s.delegates[i]
		if !d.Public.Valid() {
			return fmt.Errorf("%w: delegate %v has no public key", ErrList, d.ID)
		}
		d.Disabled = d.Disabled || slices.Contains(l.Disabled, d.Public.Fingerprint())
	}
	return nil
}
