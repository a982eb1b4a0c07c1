package statuslist

import (
	"errors"
	"fmt"

	"passerelle/gateway/encoding/cbor"
)

// MediaType stands in the protected header of a token's COSE message, parameter 16 (typ; RFC 9596).
const MediaType = "application/statuslist+cwt"

// Labels of a token's claims (section 5.2).
const (
	ClaimSubject  = 2
	ClaimExpires  = 4
	ClaimIssuedAt = 6
	ClaimList     = 65533
	ClaimTTL      = 65534
)

// Names of the members of ClaimList (section 4.3).
const (
	MemberBits        = "bits"
	MemberList        = "lst"
	MemberAggregation = "aggregation_uri"
)

// Token holds the claims of a Status List Token. Text and bytes point into the bytes given to Parse and are valid as long as they
// are. Absent members are nil or 0.
type Token struct {
	Subject     []byte // sub: the list's URI, which credentials refer to, 1 to MaxURI; only compared, never fetched
	IssuedAt    int64  // iat, unix seconds
	Expires     int64  // exp, unix seconds; 0 if absent
	TTL         int64  // seconds for which it may be kept before a newer one is looked for; 0 if absent
	Bits        int    // 1, 2, 4 or 8
	Compressed  []byte // lst
	Aggregation []byte // aggregation_uri, 1 to MaxURI; a list of lists, never fetched
}

// Parse reads the claims in payload, whose signature was checked before. The bytes may be rearranged in place where an
// indefinite-length string is joined. Every error is an ErrMalformed; t is then of no use. It does not allocate.
func (t *Token) Parse(payload []byte) error {
	*t = Token{}
	if len(payload) > MaxToken {
		return ErrTooLarge
	}
	var r reader
	r.Reset(payload)
	r.claims(t)
	r.End()
	if err := r.Err(); err != nil {
		if errors.Is(err, ErrMalformed) {
			return err
		}
		return ErrMalformed
	}
	if len(t.Subject) == 0 || !r.issuedAt || t.Bits == 0 || len(t.Compressed) == 0 {
		return errMissing
	}
	return nil
}

var errMissing = fmt.Errorf("%w: a claim is missing", ErrMalformed)

// List expands the list.
func (t *Token) List() (*List, error) { return Decompress(t.Bits, t.Compressed) }

// reader is a cursor with what these claims need besides.
type reader struct {
	cbor.Cursor
	issuedAt bool
}

func (r *reader) claims(t *Token) {
	m := r.Map()
	for r.More(&m) {
		switch r.Label() {
		case ClaimSubject:
			t.Subject = r.uri()
		case ClaimExpires:
			t.Expires = r.NumericDate()
		case ClaimIssuedAt:
			t.IssuedAt, r.issuedAt = r.NumericDate(), true
		case ClaimTTL:
			if t.TTL = r.Int(); t.TTL < 1 {
				r.Fail(ErrMalformed)
			}
		case ClaimList:
			r.list(t)
		default:
			r.Skip()
		}
	}
}

func (r *reader) list(t *Token) {
	m := r.Map()
	for r.More(&m) {
		switch string(r.Name()) {
		case MemberBits:
			bits := r.Int()
			if bits != 1 && bits != 2 && bits != 4 && bits != 8 {
				r.Fail(ErrBits)
			}
			t.Bits = int(bits)
		case MemberList:
			t.Compressed = r.Bytes()
		case MemberAggregation:
			t.Aggregation = r.uri()
		default:
			r.Skip()
		}
	}
}

func (r *reader) uri() []byte {
	s := r.Text()
	switch {
	case len(s) == 0:
		r.Fail(ErrMalformed)
	case len(s) > MaxURI:
		r.Fail(ErrTooLarge)
	default:
		return s
	}
	return nil
}
