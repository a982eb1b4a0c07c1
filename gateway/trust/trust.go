// Package trust holds the trust list that a gate decides by: who may sign what, since when, and what is revoked.
//
// A Snapshot is immutable and swapped whole (one atomic.Pointer[Snapshot] in the program), so the verify path reads it
// without a lock. It says nothing about where the list came from: signing, parsing and storing are trust/bundle,
// trust/source and trust/cache. An expired list still knows its keys; that it is stale is for policy to say.
//
// Feeds (codes, block lists, passengers) and issuers' status lists change by the minute and the list does not: With makes of a list
// one with other feeds, and copies nothing of it. What is under a key that is switched off is for whoever calls With to leave out.
package trust

import (
	"encoding/hex"
	"fmt"

	"passerelle/gateway/sig"
)

// KeyID selects among the keys of a list and proves nothing. For an X.509 signer it is the first 8 bytes of the SHA-256
// of its DER certificate (HCERT specification, section 4.2.3).
type KeyID [8]byte

// String returns the id in hexadecimal.
func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

// ParseKeyID reads what String writes.
func ParseKeyID(s string) (KeyID, error) {
	var id KeyID
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return KeyID{}, fmt.Errorf("key id %q: want 16 hexadecimal digits", s)
	}
	copy(id[:], b)
	return id, nil
}

// Kind is the family of credentials that a key signs; keys are looked up by (Kind, KeyID).
type Kind uint8

// Kinds that have keys on a list. Keys of Pretix and BCBP are under the ScopeID of their event or carrier, since the codes name
// no key; those of Claim169 are under their own id, and under the ScopeID of an issuer's text where they have one.
const (
	NoKind Kind = iota
	HCERT
	Ticket // the program's own format, PT1: tickets, passes, vouchers, stamps
	Claim169
	Pretix
	BCBP
	NumKinds
)

// Key is one entry of the list.
type Key struct {
	ID         KeyID
	Country    string // ISO 3166-1 alpha-2 of the authority that stands behind the key; trust comes from here, not from a credential's text
	Issuer     string // for people
	Public     sig.Key
	Usages     Usage
	Scope      string          // event, carrier or issuer's text of the usages that have one, see Usage.Scoped
	Algorithms []sig.Algorithm // what messages may name; empty means nothing
	NotBefore  int64           // unix seconds, of the signer's certificate
	NotAfter   int64           // unix seconds, inclusive
	Disabled   bool            // the issuer was switched off; said to the steward as such, not as unknown
	Test       bool            // a published test key: production profiles refuse it
}

// Allows reports whether a message that names alg may be verified with the key.
func (k *Key) Allows(alg sig.Algorithm) bool {
	for _, a := range k.Algorithms {
		if a == alg {
			return k.Public.Allows(alg)
		}
	}
	return false
}

// Acceptance says that credentials of some issuers and usages are accepted, and when: mutual recognition as data.
type Acceptance struct {
	Country string // ISO 3166-1 alpha-2, or "*" for every country on the list
	Usages  Usage
	From    int64 // unix seconds
	Until   int64 // unix seconds, inclusive; 0 for no end
}
