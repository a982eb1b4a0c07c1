package issuer

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/encoding/cbor"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// ErrTicket is wrapped by errors that say what is wrong with a Ticket.
var ErrTicket = errors.New("ticket")

// ticketUsages says what a key must be allowed to sign for each kind.
var ticketUsages = map[cwt.Kind]trust.Usage{
	cwt.Ticket: trust.TicketUsage, cwt.Pass: trust.PassUsage, cwt.Voucher: trust.VoucherUsage, cwt.Stamp: trust.StampUsage,
	cwt.Supervisor: trust.SupervisorUsage,
}

// maySignTicket refuses what gates would call wrong_usage or key_expired.
//
// The key is judged by iat alone: exp may lie after its end, other than a certificate's. Stamps are valid for ten years and a
// season is sold long before it begins, while a key should be in use for a year or so; a gate that asked for more would have to
// call a good stamp expired when its key is. What a key signed after it was lost, or backdated, is stopped by disabling it.
func (k *Key) maySignTicket(t *Ticket) error {
	usage, known := ticketUsages[t.Kind]
	switch {
	case !known:
		return fmt.Errorf("%w: no kind", ErrTicket)
	case k.scope.Usages&usage == 0:
		return fmt.Errorf("%w: key %v may sign %v only, not %v", ErrScope, k.id, k.scope.Usages, usage)
	}
	return k.maySignAt(t.IssuedAt)
}

// maySignAt refuses a time outside the key's validity, and algorithms that PT1 does not have.
func (k *Key) maySignAt(issued int64) error {
	switch {
	case k.alg != sig.ES256 && k.alg != sig.EdDSA:
		return fmt.Errorf("%w: key %v signs with %v, want %v or %v", ErrScope, k.id, k.alg, sig.ES256, sig.EdDSA)
	case issued < k.scope.NotBefore || issued > k.scope.NotAfter:
		return fmt.Errorf("%w: issued at %s, key %v is valid from %s to %s", ErrScope,
			date(issued), k.id, date(k.scope.NotBefore), date(k.scope.NotAfter))
	}
	return nil
}

// check refuses what a gate would refuse.
func (t *Ticket) check() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrTicket}, args...)...))
	}
	if t.IssuedAt <= 0 || t.NotBefore < 0 || t.Expires < max(t.IssuedAt, t.NotBefore) || t.Expires > cbor.MaxDate {
		bad("issued at %s, not before %s, expires %s", date(t.IssuedAt), date(t.NotBefore), date(t.Expires))
	}
	if len(t.ID) == 0 || len(t.ID) > cwt.MaxID {
		bad("id of %d bytes, want 1 to %d", len(t.ID), cwt.MaxID)
	}
	if t.Kind == cwt.Ticket && t.Event == "" {
		bad("no event")
	}
	checkLine(bad, "issuer", t.Issuer, cwt.MaxIssuer)
	checkLine(bad, "event", t.Event, cwt.MaxText)
	checkLine(bad, "zone", t.Zone, cwt.MaxText)
	checkLine(bad, "gate", t.Gate, cwt.MaxText)
	checkLine(bad, "seat", t.Seat, cwt.MaxText)
	if t.Uses < 0 || t.Uses > cwt.MaxUses {
		bad("%d uses, want 1 to %d", t.Uses, cwt.MaxUses)
	}
	if t.Holder != nil {
		t.Holder.check(bad)
	}
	switch {
	case len(t.Replaces) > cwt.MaxID:
		bad("it replaces one with an id of %d bytes, at most %d", len(t.Replaces), cwt.MaxID)
	case len(t.Replaces) > 0 && bytes.Equal(t.Replaces, t.ID):
		bad("it replaces itself")
	}
	t.checkStatus(bad)
	return errors.Join(errs...)
}

func (t *Ticket) checkStatus(bad func(string, ...any)) {
	if t.StatusURI == "" {
		if t.StatusIndex != 0 {
			bad("index %d of no status list", t.StatusIndex)
		}
		return
	}
	checkLine(bad, "status list", t.StatusURI, cwt.MaxURI)
	if t.StatusIndex > 1<<63-1 {
		bad("index %d of the status list, at most 2^63-1", t.StatusIndex)
	}
}

func (h *Holder) check(bad func(string, ...any)) {
	h.Name.check(bad)
	if day, err := time.Parse(time.DateOnly, h.Birth); err != nil || day.Format(time.DateOnly) != h.Birth {
		bad("holder's birth date %q, want YYYY-MM-DD", h.Birth)
	}
	if len(h.Salt) < MinSalt || len(h.Salt) > cwt.MaxSalt {
		bad("salt of %d bytes, want %d to %d", len(h.Salt), MinSalt, cwt.MaxSalt)
	}
}

// checkLine refuses a text that a gate's screen could not show on one line, and one over a limit in bytes. Empty is good.
func checkLine(bad func(string, ...any), what, s string, limit int) {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	if !utf8.ValidString(s) || len(norm.NFC.String(s)) > limit || strings.ContainsFunc(s, unprintable) {
		bad("%s %q: want at most %d bytes of UTF-8, printable", what, s, limit)
	}
}
