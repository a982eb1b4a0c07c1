package main

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"

	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/credential/list"
	"passerelle/gateway/encoding/statuslist"
	"passerelle/gateway/issuer"
	"passerelle/gateway/policy"
	"passerelle/gateway/trust"
)

// ticketKind is what is printed on a ticket.
type ticketKind uint8

// The kinds.
const (
	signedTicket ticketKind = iota // PT1, ES256
	pretixTicket                   // pretix-sig1, EdDSA
	plainCode                      // 16 digits on a list
	oneTimeCode                    // likewise, with six digits behind them that change every 30 seconds
	ticketKinds
)

// String is for tables.
func (k ticketKind) String() string {
	return [...]string{"PT1 with ES256", "pretix with EdDSA", "16 digits", "16 digits and one-time digits"}[k]
}

// soldTicket is a ticket.
type soldTicket struct {
	kind   ticketKind
	zone   int
	code   string
	secret []byte // of the one-time digits
}

// ticketOffice sells tickets and keeps the operator's lists.
type ticketOffice struct {
	now                    time.Time
	rand                   *rand.Rand
	signer, stranger       *issuer.Key // of PT1
	pretix, otherPretix    *issuer.Key
	feeds                  *storyFeeds
	codes, deny, pretixOut *storyFeed
	statuses               *statuslist.List
	next                   uint64 // index in statuses
	digits                 map[string]bool
}

// newTicketOffice opens for an event with so many entries.
func newTicketOffice(s *story, entries int) (*ticketOffice, error) {
	o := &ticketOffice{now: s.now, rand: s.rand, feeds: newStoryFeeds(s.now, s.rand), digits: make(map[string]bool)}
	for _, k := range []struct {
		key     **issuer.Key
		name    string
		ed25519 bool
		usages  trust.Usage
	}{
		{&o.signer, "Stadium", false, trust.TicketUsage},
		{&o.stranger, "Nobody", false, trust.TicketUsage},
		{&o.pretix, "Pretix", true, trust.PretixUsage},
		{&o.otherPretix, "Pretix of another match", true, trust.PretixUsage},
	} {
		var err error
		if *k.key, err = storyKey(k.name, s.now, k.ed25519, k.usages); err != nil {
			return nil, err
		}
	}
	o.codes = o.feeds.feed(trust.FeedCodes, match)
	o.deny = o.feeds.feed(trust.FeedDeny, match)
	o.pretixOut = o.feeds.feed(trust.FeedPretix, match)
	var err error
	o.statuses, err = statuslist.New(1, 2*entries+1000)
	return o, err
}

// list returns what the gate is to trust.
func (o *ticketOffice) list() (*trust.Snapshot, error) {
	trusted, err := storyList(o.now, trust.TicketUsage|trust.PretixUsage, nil,
		testEntry(o.signer, ""), testEntry(o.pretix, match), testEntry(o.otherPretix, otherMatch))
	if err != nil {
		return nil, err
	}
	status, err := signedStatus(o.signer, trusted, statusURI, o.statuses, o.now)
	if err != nil {
		return nil, err
	}
	return o.feeds.with(trusted, status)
}

// sell makes a good ticket.
func (o *ticketOffice) sell(number int, kind ticketKind, zone int) (*soldTicket, error) {
	t := &soldTicket{kind: kind, zone: zone}
	var err error
	switch kind {
	case signedTicket:
		t.code, err = issuer.PT1(o.signer, o.signed(number, zone))
	case pretixTicket:
		t.code, err = issuer.Pretix(o.pretix, o.seed(products[zone]))
	case plainCode:
		t.code = o.listed(list.Entry{State: list.Listed, Zone: zones[zone]})
	default:
		t.code, t.secret = o.listedOneTime(zone)
	}
	return t, err
}

// signed returns what a PT1 ticket says.
func (o *ticketOffice) signed(number, zone int) *issuer.Ticket {
	o.next++
	return &issuer.Ticket{
		IssuedAt: o.now.AddDate(0, -1, 0).Unix(), Expires: o.now.AddDate(0, 0, 1).Unix(), ID: o.bytes(16), Kind: cwt.Ticket,
		Event: match, Zone: zones[zone], Seat: fmt.Sprintf("%d-%d", number/100, number%100), StatusURI: statusURI, StatusIndex: o.next,
	}
}

// seed returns a pretix ticket that nobody has.
func (o *ticketOffice) seed(product int64) *issuer.PretixTicket {
	return &issuer.PretixTicket{Seed: []byte(hex.EncodeToString(o.bytes(10))), Item: product}
}

// unlisted returns 16 digits that nobody has.
func (o *ticketOffice) unlisted() string {
	for {
		code := fmt.Sprintf("%016d", o.rand.Int64N(1e16))
		if !o.digits[code] {
			o.digits[code] = true
			return code
		}
	}
}

// listed puts 16 digits on the list.
func (o *ticketOffice) listed(e list.Entry) string {
	code := o.unlisted()
	o.codes.add(feedRow{"code": code}, e, nil)
	return code
}

func (o *ticketOffice) listedOneTime(zone int) (code string, secret []byte) {
	code, secret = o.unlisted(), o.bytes(20)
	o.codes.add(feedRow{"code": code}, list.Entry{State: list.Listed, Zone: zones[zone], OneTime: true}, secret)
	return code, secret
}

func (o *ticketOffice) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(o.rand.Uint32())
	}
	return b
}

// damage returns a ticket as a scanner misreads it, and what a gate must say: never that it is forged by somebody, where it can tell.
func (o *ticketOffice) damage(t *soldTicket) (text string, reason policy.Reason) {
	b := []byte(t.code)
	switch t.kind {
	case signedTicket: // the end is missing
		return t.code[:len(t.code)*2/3], policy.Malformed
	case pretixTicket: // a character of the signature, which comes first since the code is spelled backwards
		i := 20
		b[i] = otherOf(b[i], 'A', 'B')
		return string(b), policy.BadSignature
	}
	for i := len(b) - 1; ; i-- { // a digit, so that it is nobody's code
		b[i] = otherOf(b[i], '1', '7')
		if !o.digits[string(b)] {
			o.digits[string(b)] = true
			return string(b), policy.NotListed
		}
	}
}

func otherOf(c, a, b byte) byte {
	if c == a {
		return b
	}
	return a
}

// replaced returns a lost ticket and the one that replaces it, and why a gate refuses the lost one once the other one was used. A PT1
// ticket's replacement names it, and nothing else says that it was lost; lists say it of the others.
func (o *ticketOffice) replaced(number, zone int) (old, replacement *soldTicket, reason policy.Reason, err error) {
	kind := ticketKind(number % int(oneTimeCode))
	old = &soldTicket{kind: kind, zone: zone}
	switch kind {
	case signedTicket:
		lost := o.signed(number, zone)
		if old.code, err = issuer.PT1(o.signer, lost); err != nil {
			return nil, nil, 0, err
		}
		instead := o.signed(number, zone)
		instead.Replaces = lost.ID
		replacement = &soldTicket{kind: kind, zone: zone}
		replacement.code, err = issuer.PT1(o.signer, instead)
		return old, replacement, policy.AlreadyUsed, err
	case pretixTicket:
		if old.code, err = o.revokedPretix(zone, list.Revoked); err != nil {
			return nil, nil, 0, err
		}
	default:
		old.code = o.listed(list.Entry{State: list.Revoked, Zone: zones[zone]})
	}
	replacement, err = o.sell(number, kind, zone)
	return old, replacement, policy.Revoked, err
}

func (o *ticketOffice) revokedPretix(zone int, state list.State) (string, error) {
	code, err := issuer.Pretix(o.pretix, o.seed(products[zone]))
	if err == nil {
		o.pretixOut.add(feedRow{"pretix": code}, list.Entry{State: state}, nil)
	}
	return code, err
}

// badTicket must be refused.
type badTicket struct {
	kind   string
	zone   int
	code   string
	secret []byte
	old    int64
	reason policy.Reason
}

// badOnes makes one of each sort.
func (o *ticketOffice) badOnes(number int) (all []badTicket, err error) {
	zone := number % len(zones)
	for _, makeSome := range []func(int, int) ([]badTicket, error){o.badSigned, o.badPretix, o.badCodes} {
		some, err := makeSome(number, zone)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

func (o *ticketOffice) badSigned(number, zone int) (all []badTicket, err error) {
	for _, b := range []struct {
		kind   string
		key    *issuer.Key
		change func(*issuer.Ticket)
		reason policy.Reason
	}{
		{"another match, PT1", o.signer, func(t *issuer.Ticket) { t.Event = otherMatch }, policy.WrongPlace},
		{"revoked by the status list", o.signer, func(t *issuer.Ticket) { err = o.statuses.Set(t.StatusIndex, statuslist.Invalid) }, policy.Revoked},
		{"blocked by the operator, PT1", o.signer, o.block, policy.Blocked},
		{"of yesterday", o.signer, func(t *issuer.Ticket) { t.Expires = o.now.AddDate(0, 0, -1).Unix() }, policy.Expired},
		{"valid from tomorrow", o.signer, func(t *issuer.Ticket) { t.NotBefore = o.now.Add(23 * time.Hour).Unix() }, policy.NotYetValid},
		{"signed by a stranger", o.stranger, func(*issuer.Ticket) {}, policy.UnknownIssuer},
	} {
		t := o.signed(number, zone)
		b.change(t)
		if err != nil {
			return nil, err
		}
		code, err := issuer.PT1(b.key, t)
		if err != nil {
			return nil, err
		}
		all = append(all, badTicket{kind: b.kind, zone: zone, code: code, reason: b.reason})
	}
	forged, err := o.forged(number, zone)
	return append(all, badTicket{kind: "changed after it was signed", zone: zone, code: forged, reason: policy.BadSignature}), err
}

// block puts a ticket on the operator's block list.
func (o *ticketOffice) block(t *issuer.Ticket) {
	o.deny.add(feedRow{"issuer": o.signer.Scope().Name, "cti": hex.EncodeToString(t.ID)}, list.Entry{State: list.Blocked}, nil)
}

// forged returns a ticket whose seat is another one than that which was signed.
func (o *ticketOffice) forged(number, zone int) (string, error) {
	message, err := issuer.NewTicketMessage(o.signer, o.signed(number, zone)).Sign(o.signer)
	if err != nil {
		return "", err
	}
	message[len(message)-80] ^= 1 // in the claims: the 64 bytes of the signature and its head come last
	return issuer.EncodePT1(message)
}

func (o *ticketOffice) badPretix(_, zone int) (all []badTicket, err error) {
	revoked, err := o.revokedPretix(zone, list.Revoked)
	if err != nil {
		return nil, err
	}
	blocked, err := o.revokedPretix(zone, list.Blocked)
	if err != nil {
		return nil, err
	}
	all = []badTicket{
		{kind: "revoked, pretix", zone: zone, code: revoked, reason: policy.Revoked},
		{kind: "blocked, pretix", zone: zone, code: blocked, reason: policy.Blocked},
	}
	for _, b := range []struct {
		kind   string
		key    *issuer.Key
		change func(*issuer.PretixTicket)
		reason policy.Reason
	}{
		{"another match, pretix", o.otherPretix, func(*issuer.PretixTicket) {}, policy.BadSignature}, // it names no match: only keys tell
		{"another product, pretix", o.pretix, func(t *issuer.PretixTicket) { t.Item = 900 }, policy.WrongPlace},
		{"its time is over, pretix", o.pretix, func(t *issuer.PretixTicket) { t.Until = o.now.Add(-time.Hour).Unix() }, policy.Expired},
		{"blocked by the operator, pretix", o.pretix, func(*issuer.PretixTicket) {}, policy.Blocked},
	} {
		t := o.seed(products[zone])
		b.change(t)
		code, err := issuer.Pretix(b.key, t)
		if err != nil {
			return nil, err
		}
		if b.reason == policy.Blocked {
			o.deny.add(feedRow{"pretix": code}, list.Entry{State: list.Blocked}, nil)
		}
		all = append(all, badTicket{kind: b.kind, zone: zone, code: code, reason: b.reason})
	}
	return all, nil
}

func (o *ticketOffice) badCodes(_, zone int) ([]badTicket, error) {
	blocked := o.listed(list.Entry{State: list.Listed, Zone: zones[zone]})
	o.deny.add(feedRow{"code": blocked}, list.Entry{State: list.Blocked}, nil)
	bare, _ := o.listedOneTime(zone)
	pictured, secret := o.listedOneTime(zone)
	return []badTicket{
		{kind: "another match, 16 digits", zone: zone, code: o.unlisted(), reason: policy.NotListed},
		{kind: "revoked, 16 digits", zone: zone, code: o.listed(list.Entry{State: list.Revoked, Zone: zones[zone]}), reason: policy.Revoked},
		{kind: "blocked, 16 digits", zone: zone, code: o.listed(list.Entry{State: list.Blocked, Zone: zones[zone]}), reason: policy.Blocked},
		{kind: "blocked by the operator, 16 digits", zone: zone, code: blocked, reason: policy.Blocked},
		{kind: "code without its one-time digits", zone: zone, code: bare, reason: policy.Unsigned},
		{kind: "picture of one-time digits, ten minutes old", zone: zone, code: pictured, secret: secret, old: 600, reason: policy.BadSignature},
		{kind: "a web address", zone: zone, code: "https://example.org/" + o.unlisted(), reason: policy.NotListed},
	}, nil
}
