package issuer

import (
	"errors"
	"fmt"

	"passerelle/gateway/encoding/cbor"
	"passerelle/gateway/encoding/statuslist"
	"passerelle/gateway/trust"
)

// ErrStatusList is wrapped by errors that say what is wrong with a status list.
var ErrStatusList = errors.New("status list")

// LabelType is the COSE header parameter for the type of a message (RFC 9596).
const LabelType = 16

// StatusList signs a Status List Token (draft-ietf-oauth-status-list, section 5.2) and returns its COSE message: the statuses of
// the tickets that refer to uri, as they are at issued. expires and ttl are 0 for none; times are unix seconds, ttl is seconds. k
// must be allowed to sign a kind of ticket, and is judged at issued. The six are what such a token says, no more.
func StatusList(k *Key, uri string, list *statuslist.List, issued, expires, ttl int64) ([]byte, error) {
	if k.scope.Usages&trust.AllTickets == 0 {
		return nil, fmt.Errorf("%w: key %v may sign %v only, no tickets", ErrScope, k.id, k.scope.Usages)
	}
	if err := k.maySignAt(issued); err != nil {
		return nil, err
	}
	if err := checkStatusList(uri, list, issued, expires, ttl); err != nil {
		return nil, err
	}
	lst, err := list.Compress()
	if err != nil {
		return nil, err
	}

	claims := Map{{statuslist.ClaimSubject, uri}}
	if expires != 0 {
		claims = append(claims, Member{statuslist.ClaimExpires, expires})
	}
	claims = append(claims, Member{statuslist.ClaimIssuedAt, issued}, Member{statuslist.ClaimList, Map{
		{statuslist.MemberList, lst}, {statuslist.MemberBits, list.Bits()},
	}})
	if ttl != 0 {
		claims = append(claims, Member{statuslist.ClaimTTL, ttl})
	}
	m := k.message(claims)
	m.Protected = append(m.Protected, Member{LabelType, statuslist.MediaType})
	signed, err := m.Sign(k)
	if err != nil {
		return nil, err
	}
	if len(signed) > cbor.MaxLen {
		return nil, fmt.Errorf("%w: %d bytes when signed, gates read at most %d: make several of %d statuses", ErrStatusList,
			len(signed), cbor.MaxLen, list.Len())
	}
	return signed, nil
}

func checkStatusList(uri string, list *statuslist.List, issued, expires, ttl int64) error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrStatusList}, args...)...))
	}
	if uri == "" {
		bad("no address")
	}
	checkLine(bad, "address", uri, statuslist.MaxURI)
	if list == nil || list.Len() == 0 {
		bad("no status in it")
	}
	if issued <= 0 || expires != 0 && expires < issued || expires > cbor.MaxDate || ttl < 0 {
		bad("issued at %s, expires %s, to be kept for %d s", date(issued), date(expires), ttl)
	}
	return errors.Join(errs...)
}
