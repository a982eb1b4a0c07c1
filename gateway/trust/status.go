package trust

import (
	"fmt"
	"math"

	"passerelle/gateway/encoding/statuslist"
)

// MaxStatuses is how many status lists a Snapshot may have.
const MaxStatuses = 1_024

// Status is a status list that an issuer of tickets signed (Token Status List, draft-ietf-oauth-status-list, section 5.2). It is not
// to be changed.
type Status struct {
	URI     string
	Country string // of the key that signed it, as the next two
	Issuer  string
	Test    bool
	Issued  int64 // unix seconds
	Expires int64 // unix seconds, inclusive; what the token says, else its time to live, else no end
	list    *statuslist.List
}

// NewStatus expands a token whose signature by signer passed. It keeps no reference to the token's bytes.
func NewStatus(t *statuslist.Token, signer *Key) (*Status, error) {
	list, err := t.List()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrList, err)
	}
	s := &Status{
		URI: string(t.Subject), Country: signer.Country, Issuer: signer.Issuer, Test: signer.Test,
		Issued: t.IssuedAt, Expires: int64(math.MaxInt64), list: list,
	}
	switch {
	case t.Expires != 0:
		s.Expires = t.Expires
	case t.TTL != 0 && t.IssuedAt <= math.MaxInt64-t.TTL:
		s.Expires = t.IssuedAt + t.TTL
	}
	return s, nil
}

// Len returns of how many credentials the list has the status.
func (s *Status) Len() uint64 { return s.list.Len() }

// At returns the status of the credential with that index; it is not ok if the list has none of it. It does not allocate.
func (s *Status) At(index uint64) (status uint8, ok bool) { return s.list.At(index) }

// Status returns the list of that address which an issuer signed for credentials that signer signed: the issuer behind both keys is
// the same, and a list by a published test key is only for credentials by one. It does not allocate.
func (s *Snapshot) Status(uri []byte, signer *Key) (*Status, bool) {
	for _, st := range s.statuses[string(uri)] {
		if st.Country == signer.Country && st.Issuer == signer.Issuer && (signer.Test || !st.Test) {
			return st, true
		}
	}
	return nil, false
}
