// Package cwt reads the program's own credentials, PT1: tickets, passes, vouchers and stamps as CWT claims (RFC 8392) inside a
// COSE_Sign1 message.
//
// It reads claims of a message whose signature was checked before; nothing here says that they are true. The claims are iss (1),
// exp (4), nbf (5), iat (6), cti (7), a status list reference (65535, IETF Token Status List, section 6.3), and our own, -70001, of
// the private range: a map of 1 event or flight, 2 zone, 3 gate, 4 seat, 5 kind, 6 uses, 7 holder, 8 salt, 9 replaces.
//
// What is decided here. Any order and indefinite lengths are accepted, claims and members that we do not know are skipped. Since
// we issue these ourselves, nothing else is tolerated: what we know must be of its type and within its limit, null is no value, and
// iss, exp, iat, cti, -70001 and its kind must be there. A reference to a status list is whole or malformed: one half of it would
// leave a revoked ticket good. A holder and the salt come together. A credential cannot replace itself.
//
// A credential is known by issuer and cti, see AppendIdentity: never by its text, which can be respelled, nor by its signature,
// which can be mirrored.
package cwt

import (
	"bytes"
	"errors"
	"fmt"

	"passerelle/gateway/encoding/cbor"
)

// Limits, in bytes where nothing else is said.
const (
	MaxIssuer   = 128
	MaxID       = 64
	MaxText     = 128 // event, zone, gate and seat, each
	MaxUses     = 255
	MaxSalt     = 32
	MaxURI      = 256 // of a status list
	HolderBytes = 16
)

// Errors of Parse. All are an ErrMalformed.
var (
	ErrMalformed = errors.New("malformed claims")
	ErrMissing   = fmt.Errorf("%w: a claim is missing", ErrMalformed)
	ErrKind      = fmt.Errorf("%w: unknown kind of credential", ErrMalformed)
	ErrLimit     = fmt.Errorf("%w: over a limit", ErrMalformed)
)

// Kind is what a credential is. The zero value is none.
type Kind uint8

// The kinds, with their names in the claims.
const (
	NoKind     Kind = iota
	Ticket          // "ticket": for one event, used once or as often as it says
	Pass            // "pass": of somebody who comes and goes
	Voucher         // "voucher": for goods or a service
	Stamp           // "stamp": an electronic revenue stamp, valid for years
	Supervisor      // "supervisor": a card; whoever shows it at a lane may act there as a supervisor for a moment
)

var kindNames = [...]string{NoKind: "", Ticket: "ticket", Pass: "pass", Voucher: "voucher", Stamp: "stamp", Supervisor: "supervisor"}

// String returns the kind's name in the claims; "" for none.
func (k Kind) String() string {
	if int(k) >= len(kindNames) {
		return ""
	}
	return kindNames[k]
}

// ParseKind returns the kind of that name, NoKind for one that is not known.
func ParseKind(name []byte) Kind {
	switch string(name) {
	case "ticket":
		return Ticket
	case "pass":
		return Pass
	case "voucher":
		return Voucher
	case "stamp":
		return Stamp
	case "supervisor":
		return Supervisor
	}
	return NoKind
}

// Claims holds one credential's claims. Text and bytes point into the bytes given to Parse and are valid as long as they are.
// Absent members are nil or 0.
type Claims struct {
	Issuer    []byte // iss, 1 to MaxIssuer
	Expires   int64  // exp, unix seconds
	NotBefore int64  // nbf, unix seconds; 0 if absent
	IssuedAt  int64  // iat, unix seconds
	ID        []byte // cti, 1 to MaxID

	Kind      Kind
	Event     []byte // event or flight
	Zone      []byte
	Gate      []byte
	Seat      []byte
	Uses      int64             // how often it may be used, 1 to MaxUses; 1 if absent
	Holder    [HolderBytes]byte // meaningful if HasHolder; see HolderHash
	HasHolder bool
	Salt      []byte // of Holder, 1 to MaxSalt
	Replaces  []byte // cti of a lost credential of the same issuer, which is void from then on; 1 to MaxID
	Status    Status
}

// Status is a reference to a status list. The zero Status refers to none.
type Status struct {
	URI     []byte // the list's, 1 to MaxURI; only compared, never fetched
	Index   uint64
	Present bool
}

// Labels of claims, and of the members of ours.
const (
	claimIssuer    = 1
	claimExpires   = 4
	claimNotBefore = 5
	claimIssuedAt  = 6
	claimID        = 7
	claimTicket    = -70001
	claimStatus    = 65535

	memberEvent    = 1
	memberZone     = 2
	memberGate     = 3
	memberSeat     = 4
	memberKind     = 5
	memberUses     = 6
	memberHolder   = 7
	memberSalt     = 8
	memberReplaces = 9
)

// Parse reads the claims in payload. The bytes may be rearranged in place where an indefinite-length string is joined.
// Every error is an ErrMalformed; c is then of no use. It does not allocate.
func (c *Claims) Parse(payload []byte) error {
	*c = Claims{Uses: 1}
	var r reader
	r.Reset(payload)
	r.claims(c)
	r.End()
	if err := r.Err(); err != nil {
		if errors.Is(err, ErrMalformed) {
			return err
		}
		return ErrMalformed
	}
	switch {
	case !r.issuedAt, !r.expires, len(c.Issuer) == 0, len(c.ID) == 0, c.Kind == NoKind:
		return ErrMissing
	case c.HasHolder != (len(c.Salt) > 0), bytes.Equal(c.Replaces, c.ID):
		return ErrMalformed
	}
	return nil
}

// reader is a cursor with what these claims need besides.
type reader struct {
	cbor.Cursor
	issuedAt, expires bool
}

func (r *reader) claims(c *Claims) {
	m := r.Map()
	for r.More(&m) {
		switch r.Label() {
		case claimIssuer:
			c.Issuer = r.text(MaxIssuer)
		case claimExpires:
			c.Expires, r.expires = r.NumericDate(), true
		case claimNotBefore:
			c.NotBefore = r.NumericDate()
		case claimIssuedAt:
			c.IssuedAt, r.issuedAt = r.NumericDate(), true
		case claimID:
			c.ID = r.bytes(MaxID)
		case claimTicket:
			r.ticket(c)
		case claimStatus:
			r.status(&c.Status)
		default:
			r.Skip()
		}
	}
}

func (r *reader) ticket(c *Claims) {
	m := r.Map()
	for r.More(&m) {
		switch r.Label() {
		case memberEvent:
			c.Event = r.text(MaxText)
		case memberZone:
			c.Zone = r.text(MaxText)
		case memberGate:
			c.Gate = r.text(MaxText)
		case memberSeat:
			c.Seat = r.text(MaxText)
		case memberKind:
			if c.Kind = ParseKind(r.Text()); c.Kind == NoKind {
				r.Fail(ErrKind)
			}
		case memberUses:
			if c.Uses = r.Int(); c.Uses < 1 || c.Uses > MaxUses {
				r.Fail(ErrLimit)
			}
		case memberHolder:
			if c.HasHolder = true; r.CopyBytes(c.Holder[:]) != HolderBytes {
				r.Fail(ErrLimit)
			}
		case memberSalt:
			c.Salt = r.bytes(MaxSalt)
		case memberReplaces:
			c.Replaces = r.bytes(MaxID)
		default:
			r.Skip()
		}
	}
}

// status reads {"status_list": {"idx", "uri"}}. Other mechanisms beside it are skipped; without it nothing could be looked up.
func (r *reader) status(s *Status) {
	m := r.Map()
	for r.More(&m) {
		if string(r.Name()) == "status_list" {
			r.reference(s)
		} else {
			r.Skip()
		}
	}
	if !s.Present {
		r.Fail(ErrMissing)
	}
}

func (r *reader) reference(s *Status) {
	index := false
	m := r.Map()
	for r.More(&m) {
		switch string(r.Name()) {
		case "idx":
			n := r.Int()
			if n < 0 {
				r.Fail(ErrLimit)
			}
			s.Index, index = uint64(n), true
		case "uri":
			s.URI = r.text(MaxURI)
		default:
			r.Skip()
		}
	}
	s.Present = index && len(s.URI) > 0
}

// text reads a text of 1 to limit bytes.
func (r *reader) text(limit int) []byte { return r.within(r.Text(), limit) }

// bytes reads a byte string of 1 to limit bytes.
func (r *reader) bytes(limit int) []byte { return r.within(r.Bytes(), limit) }

func (r *reader) within(b []byte, limit int) []byte {
	if len(b) == 0 || len(b) > limit {
		r.Fail(ErrLimit)
		return nil
	}
	return b
}
