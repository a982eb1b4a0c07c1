package issuer

import (
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"passerelle/gateway/credential/cwt"
)

const prefixPT1 = "PT1:"

// Ticket is what a PT1 code says: a ticket, a pass, a voucher or a stamp of the program's own. Issuer and ID together are what a
// gate knows it by: they must be the same whenever this credential is issued again, and no other credential's ever. Texts are at
// most cwt.MaxText bytes.
type Ticket struct {
	Issuer    string // iss, at most cwt.MaxIssuer bytes; empty for the name in the key's scope
	IssuedAt  int64  // iat, unix seconds
	Expires   int64  // exp, unix seconds
	NotBefore int64  // nbf, unix seconds; 0 for none
	ID        []byte // cti, 1 to cwt.MaxID bytes; not to be guessed from others

	Kind  cwt.Kind
	Event string // event or flight; a ticket must name one
	Zone  string // empty for any, and so are Gate and Seat
	Gate  string
	Seat  string
	Uses  int // how often it may be used, at most cwt.MaxUses; 0 is once

	Holder      *Holder // nil for whoever carries it
	Replaces    []byte  // ID of a lost one of the same issuer, which is void once this one was used; empty for none
	StatusURI   string  // of the status list that says whether it was revoked, at most cwt.MaxURI bytes; empty for none
	StatusIndex uint64  // in that list; each ticket has its own
}

// Holder is the person whom a ticket is bound to. The code holds a hash of it, see cwt.HolderHash.
type Holder struct {
	Name  Name   // as in the holder's travel document: with a name in Arabic, FamilyICAO and GivenICAO must be given
	Birth string // YYYY-MM-DD
	Salt  []byte // random, MinSalt to cwt.MaxSalt bytes, for this ticket alone
}

// MinSalt is the shortest salt that is signed, in bytes: no two tickets shall have the same.
const MinSalt = 8

// PT1 returns the text of the code for t, signed by k. The errors say which member of t is wrong, or that k may not sign it.
func PT1(k *Key, t *Ticket) (string, error) {
	if err := k.maySignTicket(t); err != nil {
		return "", err
	}
	if err := t.check(); err != nil {
		return "", err
	}
	signed, err := NewTicketMessage(k, t).Sign(k)
	if err != nil {
		return "", err
	}
	return EncodePT1(signed)
}

// EncodePT1 is Encode for PT1.
func EncodePT1(message []byte) (string, error) { return encode(prefixPT1, message) }

// NewTicketMessage returns the ordinary message for t under k, as NewMessage does for certificates. It checks nothing.
func NewTicketMessage(k *Key, t *Ticket) *Message { return k.message(t.Claims(k.scope.Name)) }

// Labels of PT1's claims, and of the members of ClaimTicket; the other claims are HC1's.
const (
	ClaimID     = 7
	ClaimTicket = -70001
	ClaimStatus = 65535

	MemberEvent    = 1
	MemberZone     = 2
	MemberGate     = 3
	MemberSeat     = 4
	MemberKind     = 5
	MemberUses     = 6
	MemberHolder   = 7
	MemberSalt     = 8
	MemberReplaces = 9
)

// Claims returns t as CWT claims, in the order of deterministic encoding (RFC 8949, section 4.2.1). It checks nothing; issuer is
// the iss where t names none. Text is put into Unicode's normal form C, so that a gate can compare it byte by byte.
func (t *Ticket) Claims(issuer string) Map {
	if t.Issuer != "" {
		issuer = t.Issuer
	}
	claims := Map{{ClaimIssuer, norm.NFC.String(issuer)}, {ClaimExpires, t.Expires}}
	if t.NotBefore != 0 {
		claims = append(claims, Member{ClaimNotBefore, t.NotBefore})
	}
	claims = append(claims, Member{ClaimIssuedAt, t.IssuedAt}, Member{ClaimID, t.ID})
	if t.StatusURI != "" {
		reference := Map{{"idx", t.StatusIndex}, {"uri", t.StatusURI}}
		claims = append(claims, Member{ClaimStatus, Map{{"status_list", reference}}})
	}
	return append(claims, Member{ClaimTicket, t.members()})
}

// members returns claim -70001.
func (t *Ticket) members() Map {
	var m Map
	for _, x := range []struct {
		label int
		text  string
	}{{MemberEvent, t.Event}, {MemberZone, t.Zone}, {MemberGate, t.Gate}, {MemberSeat, t.Seat}} {
		if x.text != "" {
			m = append(m, Member{x.label, norm.NFC.String(x.text)})
		}
	}
	m = append(m, Member{MemberKind, t.Kind.String()})
	if t.Uses > 1 {
		m = append(m, Member{MemberUses, t.Uses})
	}
	if t.Holder != nil {
		hash := t.Holder.hash()
		m = append(m, Member{MemberHolder, hash[:]}, Member{MemberSalt, t.Holder.Salt})
	}
	if len(t.Replaces) > 0 {
		m = append(m, Member{MemberReplaces, t.Replaces})
	}
	return m
}

// hash returns what the code says of the holder.
func (h *Holder) hash() [cwt.HolderBytes]byte {
	family, given := h.Name.icao()
	birth := h.Birth
	if day, err := time.Parse(time.DateOnly, birth); err == nil {
		birth = day.Format("060102") // YYMMDD
	}
	return cwt.HolderHash(h.Salt, strings.Trim(family, "<")+"<<"+strings.Trim(given, "<"), birth)
}
