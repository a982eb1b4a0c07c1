package bundle

import (
	"fmt"
	"unicode/utf8"

	"github.com/veraison/go-cose"

	"passerelle/gateway/encoding/statuslist"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// maxStatusFile is how long a status list's token may be: its claims, its headers, its signature.
const maxStatusFile = statuslist.MaxToken + 4<<10

// labelType is the header in which a token says what it is (RFC 9596).
const labelType = int64(16)

// StatusToken is a status list as it came (Token Status List, draft-ietf-oauth-status-list, section 5.2). Nothing in it has been
// verified.
type StatusToken struct {
	message cose.Sign1Message
	claims  statuslist.Token
	kid     trust.KeyID
}

// OpenStatus reads a token's structure: a COSE_Sign1 message, tagged 18, or 61 and then 18, whose protected header says that it is a
// status list. The token keeps no reference to file.
func OpenStatus(file []byte) (*StatusToken, error) {
	if len(file) > maxStatusFile {
		return nil, fmt.Errorf("%w: status list of %d bytes, at most %d", ErrFormat, len(file), maxStatusFile)
	}
	if len(file) > 2 && file[0] == 0xd8 && file[1] == 61 {
		file = file[2:]
	}
	t := new(StatusToken)
	if err := t.message.UnmarshalCBOR(file); err != nil {
		return nil, fmt.Errorf("%w: neither a feed nor a status list: %v", ErrFormat, err)
	}
	h := t.message.Headers
	if h.Protected[labelType] != statuslist.MediaType {
		return nil, fmt.Errorf("%w: neither a feed nor a status list by its header", ErrFormat)
	}
	if _, critical := h.Protected[cose.HeaderLabelCritical]; critical {
		return nil, fmt.Errorf("%w: status list: critical header", ErrFormat)
	}
	kid, ok := h.Protected[cose.HeaderLabelKeyID].([]byte)
	if !ok {
		kid, ok = h.Unprotected[cose.HeaderLabelKeyID].([]byte)
	}
	if !ok || len(kid) != len(t.kid) {
		return nil, fmt.Errorf("%w: status list: no kid of %d bytes", ErrFormat, len(t.kid))
	}
	t.kid = trust.KeyID(kid)
	if err := t.claims.Parse(t.message.Payload); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if uri := string(t.claims.Subject); !utf8.ValidString(uri) || checkText(uri) != nil {
		return nil, fmt.Errorf("%w: status list: address %.32q", ErrFormat, uri)
	}
	return t, nil
}

// Verify returns the list if a key for tickets signed it that is on the trust list, active, and was valid when the token was issued.
func (t *StatusToken) Verify(list *trust.Snapshot) (*trust.Status, error) {
	alg, err := t.message.Headers.Protected.Algorithm()
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrStatus, err)
	}
	keys := list.Keys(trust.Ticket, t.kid)
	for i := range keys {
		k := &keys[i]
		if k.Disabled || !k.Allows(sig.Algorithm(alg)) || t.claims.IssuedAt < k.NotBefore || t.claims.IssuedAt > k.NotAfter {
			continue
		}
		v, err := cose.NewVerifier(alg, k.Public.Public())
		if err != nil {
			continue // an algorithm that go-cose refuses for such a key
		}
		if t.message.Verify(nil, v) == nil {
			return trust.NewStatus(&t.claims, k)
		}
	}
	return nil, fmt.Errorf("%w: kid %v", ErrStatus, t.kid)
}

// CheckStatus tells whether a gate may take a status list: it was issued later than the one that is held, has not expired, and was
// not issued more than MaxAhead seconds from now.
func CheckStatus(s *trust.Status, held HeldFeed, now Now) error {
	switch {
	case s.Issued <= 0:
		return fmt.Errorf("%w: status list issued %d", ErrFormat, s.Issued)
	case uint64(s.Issued) == held.Version && !held.Lost:
		return fmt.Errorf("%w: issued %s", ErrHeld, date(s.Issued))
	case uint64(s.Issued) < held.Version:
		return fmt.Errorf("%w: issued %s, held is a later one", ErrOld, date(s.Issued))
	case now.Earliest > s.Expires:
		return fmt.Errorf("%w: on %s", ErrFeedExpired, date(s.Expires))
	case s.Issued-MaxAhead > now.Latest:
		return fmt.Errorf("%w: on %s", ErrFeedFuture, date(s.Issued))
	}
	return nil
}
