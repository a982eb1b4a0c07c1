// Package trust holds the trust list that a gate decides by: who may sign what, since when, and what is revoked.
//
// A Snapshot is immutable and swapped whole (one atomic.Pointer[Snapshot] in the program), so the verify path reads it
// without a lock. It says nothing about where the list came from: signing, parsing and storing are trust/bundle,
// trust/source and trust/cache. An expired list still knows its keys; that it is stale is for policy to say.
package trust

import (
	"encoding/hex"
	"fmt"
	"strings"

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

// Kinds that have keys on a list.
const (
	NoKind Kind = iota
	HCERT
	NumKinds
)

// Usage is a set of things that a key may sign. The empty set means nothing at all.
type Usage uint32

// What a key may sign. Names in files are those of usageNames.
const (
	HCERTVaccination Usage = 1 << iota
	HCERTTest
	HCERTRecovery

	AllHCERT = HCERTVaccination | HCERTTest | HCERTRecovery
)

var usageNames = []struct {
	usage Usage
	name  string
}{
	{HCERTVaccination, "hcert:vaccination"},
	{HCERTTest, "hcert:test"},
	{HCERTRecovery, "hcert:recovery"},
}

// ParseUsage returns the single usage of that name. A name that this program does not know gives (0, false): a newer
// list may carry it, and here it means nothing.
func ParseUsage(name string) (Usage, bool) {
	for _, u := range usageNames {
		if u.name == name {
			return u.usage, true
		}
	}
	return 0, false
}

// Names returns the set's members in a fixed order.
func (u Usage) Names() []string {
	var names []string
	for _, n := range usageNames {
		if u&n.usage != 0 {
			names = append(names, n.name)
		}
	}
	return names
}

// String joins Names with commas.
func (u Usage) String() string { return strings.Join(u.Names(), ",") }

// kinds returns the families that the set has a member in.
func (u Usage) kinds() []Kind {
	if u&AllHCERT != 0 {
		return []Kind{HCERT}
	}
	return nil
}

// Key is one entry of the list.
type Key struct {
	ID         KeyID
	Country    string // ISO 3166-1 alpha-2 of the authority that stands behind the key; trust comes from here, not from a credential's text
	Issuer     string // for people
	Public     sig.Key
	Usages     Usage
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
