package verify_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/credential/list"
	"passerelle/gateway/encoding/cose"
	"passerelle/gateway/encoding/statuslist"
	"passerelle/gateway/issuer"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
)

// The scene that rules change: a lane of one event and of one flight, on a day in June.
const (
	event  = "DERBY-2026"
	zone   = "NORTH"
	gateA  = "A"
	flight = "AT123/2026-06-15/CMN"
)

var (
	noon  = at("2026-06-15T12:00:00Z") // now
	today = at("2026-06-15T00:00:00Z") // the flight's day
)

func at(text string) int64 {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t.Unix()
}

const (
	hour = 60 * 60
	day  = 24 * hour
	year = 365 * day
)

// scene is all that a verdict depends on besides the code.
type scene struct {
	list     trust.List
	feeds    map[string]*trust.Feed // by kind and scope
	statuses []*trust.Status
	session  *policy.Session
	lost     []trust.FeedName
	profile  policy.Profile
	now      policy.Now
	codes    map[string]string // the good ones, by name
}

// setup returns a scene in which every good code is good, under a profile that accepts all kinds.
func setup(t testing.TB) *scene {
	w := theWorld(t)
	s := &scene{
		list: trust.List{
			Version: 7, Issued: noon - day, Expires: noon + 30*day, Keys: slices.Clone(w.entries),
			Acceptance:  []trust.Acceptance{{Country: "*", Usages: trust.AllHCERT}},
			Authorities: []trust.Authority{w.authority},
			Carriers:    []trust.Carrier{{Code: "AT"}, {Code: "SG", Signs: true}},
		},
		session: &policy.Session{
			Event: event, Gate: gateA, Zone: zone, Airport: "CMN",
			Flights: []policy.Flight{
				{Carrier: "AT", Number: 123, Day: today, List: flight},
				{Carrier: "SG", Number: 9, Suffix: 'B', Day: today, List: "SG9B"},
			},
		},
		profile: everyKind(),
		now:     policy.At(noon),
		feeds:   maps.Clone(w.feeds),
		codes:   w.codes,
	}
	for _, u := range []trust.Usage{
		trust.TicketUsage, trust.PassUsage, trust.VoucherUsage, trust.StampUsage, trust.PretixUsage, trust.BCBPUsage, trust.VDSNCUsage, trust.Claim169Usage,
	} {
		s.list.Acceptance = append(s.list.Acceptance, trust.Acceptance{Country: "*", Usages: u})
	}
	s.statuses = slices.Clone(w.statuses)
	return s
}

// everyKind is a profile that accepts whatever can be admitted at all.
func everyKind() policy.Profile {
	return policy.Profile{
		Name: "every-kind", Accept: policy.Admissible, AdmitUnsigned: true,
		Once: policy.Kinds(policy.Ticket, policy.Voucher, policy.Stamp, policy.Pretix, policy.Code, policy.BCBP),
	}
}

// during changes the session, and not that of other scenes.
func (s *scene) during(edit func(*policy.Session)) {
	copied := *s.session
	copied.Flights = slices.Clone(copied.Flights)
	edit(&copied)
	s.session = &copied
}

// key changes the entries of a key.
func (s *scene) key(k *issuer.Key, edit func(*trust.Key)) {
	for i := range s.list.Keys {
		if s.list.Keys[i].ID == k.ID() {
			edit(&s.list.Keys[i])
		}
	}
}

// feed changes a feed, or with nil takes it away.
func (s *scene) feed(kind trust.FeedKind, scope string, edit func(*trust.Feed)) {
	name := kind.String() + "/" + scope
	have, ok := s.feeds[name]
	switch {
	case edit == nil:
		delete(s.feeds, name)
		return
	case !ok:
		have = &trust.Feed{Kind: kind, Scope: scope, Version: 1, Issued: noon - hour, Expires: noon + hour}
	}
	changed := *have
	edit(&changed)
	s.feeds[name] = &changed
}

func (s *scene) snapshot(t testing.TB) *trust.Snapshot {
	t.Helper()
	snapshot, err := trust.New(s.list)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.With(slices.Collect(maps.Values(s.feeds)), s.statuses).WithLost(s.lost)
}

func (s *scene) verifier(fast *sig.Accelerator) *verify.Verifier {
	v := verify.New(&s.profile, fast)
	v.During(s.session)
	return v
}

// show verifies one code.
func (s *scene) show(t testing.TB, code string) (policy.Candidate, verify.Result) {
	t.Helper()
	v := s.verifier(nil)
	got := v.Verify(nil, []verify.Scan{{Data: []byte(code)}}, s.snapshot(t), s.now)
	return got[0], v.Result(0)
}

// rule is one rule of the design: a code in the scene, changed by edit, and what is to come of it.
type rule struct {
	name   string
	code   string
	edit   func(s *scene)
	want   string // outcome and reason
	kind   policy.Kind
	states string // of those checks that matter, "key=passed time=failed"
}

func (r *rule) run(t *testing.T) {
	t.Parallel()
	s := setup(t)
	if r.edit != nil {
		r.edit(s)
	}
	c, result := s.show(t, r.code)
	if got := verdict(&c); got != r.want {
		t.Errorf("got %s, want %s (layer %v: %v)\n%s", got, r.want, result.Layer, result.Err, line(&c))
	}
	if r.kind != policy.Unknown && c.Kind != r.kind {
		t.Errorf("kind %v, want %v", c.Kind, r.kind)
	}
	checkStates(t, &c, r.states)
}

func checkStates(t *testing.T, c *policy.Candidate, states string) {
	t.Helper()
	for _, want := range strings.Fields(states) {
		name, state, _ := strings.Cut(want, "=")
		check, ok := policy.ParseCheck(name)
		if !ok {
			t.Fatalf("no check %q", name)
		}
		if got := c.State(check).String(); got != state {
			t.Errorf("%s is %s, want %s", name, got, state)
		}
	}
}

func runRules(t *testing.T, rows []rule) {
	t.Helper()
	for i := range rows {
		t.Run(rows[i].name, rows[i].run)
	}
}

func verdict(c *policy.Candidate) string { return c.Outcome().String() + " " + c.Reason().String() }

// world is what takes long to make, or must be the same for all: keys, and what they signed.
type world struct {
	ministry, ministryEd, ticketing, ticketingEd, french, vouchers, retired, identities *issuer.Key
	pretix, pretix2, royal, signing, foreign                                            *issuer.Key
	csca, sealer                                                                        *ecdsa.PrivateKey
	authority                                                                           trust.Authority
	entries                                                                             []trust.Key
	feeds                                                                               map[string]*trust.Feed
	statuses                                                                            []*trust.Status
	codes                                                                               map[string]string
}

var makeWorld = sync.OnceValues(newWorld)

func theWorld(t testing.TB) *world {
	t.Helper()
	w, err := makeWorld()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// The validity of all keys but one.
var (
	keysFrom  = at("2025-01-01T00:00:00Z")
	keysUntil = at("2029-12-31T23:59:59Z")
)

func newWorld() (*world, error) {
	w := new(world)
	for _, k := range []struct {
		key         **issuer.Key
		private     crypto.Signer
		country     string
		name        string
		usages      trust.Usage
		scope       string
		from, until int64
	}{
		{&w.ministry, p256Key("ministry"), "MA", "Ministry", trust.AllHCERT, "", keysFrom, keysUntil},
		{&w.ministryEd, edKey("ministry"), "MA", "Ministry", trust.AllHCERT, "", keysFrom, keysUntil},
		{&w.ticketing, p256Key("ticketing"), "MA", "Box Office", trust.AllTickets, "", keysFrom, keysUntil},
		{&w.ticketingEd, edKey("ticketing"), "MA", "Box Office", trust.AllTickets, "", keysFrom, keysUntil},
		{&w.french, p256Key("french"), "FR", "Box Office", trust.AllTickets, "", keysFrom, keysUntil},
		{&w.vouchers, p256Key("vouchers"), "MA", "Counter", trust.VoucherUsage, "", keysFrom, keysUntil},
		{&w.retired, p256Key("retired"), "MA", "Box Office", trust.AllTickets, "", at("2017-01-01T00:00:00Z"), at("2018-12-31T23:59:59Z")},
		{&w.identities, edKey("identities"), "MA", "Registry", trust.Claim169Usage, "registry.example", keysFrom, keysUntil},
		{&w.pretix, edKey("pretix"), "MA", "Organiser", trust.PretixUsage, event, keysFrom, keysUntil},
		{&w.pretix2, edKey("pretix 2"), "MA", "Organiser", trust.PretixUsage, "OTHER", keysFrom, keysUntil},
		{&w.royal, p256Key("royal"), "MA", "AT", trust.BCBPUsage, "AT", keysFrom, keysUntil},
		{&w.signing, p256Key("signing"), "MA", "SG", trust.BCBPUsage, "SG", keysFrom, keysUntil},
		{&w.foreign, p256Key("foreign"), "MA", "ZZ", trust.BCBPUsage, "ZZ", keysFrom, keysUntil},
	} {
		key, err := issuer.New(k.private, 0, issuer.Scope{Country: k.country, Name: k.name, Usages: k.usages, NotBefore: k.from, NotAfter: k.until})
		if err != nil {
			return nil, err
		}
		*k.key = key
		entry := key.Entry()
		entry.Scope = k.scope
		w.entries = append(w.entries, entry)
	}
	w.csca, w.sealer = p256Key("csca"), p256Key("sealer")
	public, err := sig.New(w.csca.Public())
	if err != nil {
		return nil, err
	}
	w.authority = trust.Authority{Country: "UT", SKI: []byte("authority"), Public: public, NotBefore: keysFrom, NotAfter: keysUntil, RevokedUntil: noon + hour}
	if err := w.sign(); err != nil {
		return nil, err
	}
	return w, nil
}

func edKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("verify test ed25519 " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func p256Key(name string) *ecdsa.PrivateKey {
	scalar := sha256.Sum256([]byte("verify test p256 " + name)) // over the curve's order once in 2^32
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:])
	if err != nil {
		panic(err)
	}
	return key
}

// statusURI is the address of the ticket office's status list: index 0 is valid, 1 invalid, 2 suspended, 3 the issuer's own.
const statusURI = "https://status.example/1"

func (w *world) status(k *issuer.Key, uri string, expires int64) (*trust.Status, error) {
	l, err := statuslist.New(2, 64)
	if err != nil {
		return nil, err
	}
	for i := range uint64(4) {
		if err := l.Set(i, uint8(i)); err != nil {
			return nil, err
		}
	}
	signed, err := issuer.StatusList(k, uri, l, noon-hour, expires, 0)
	if err != nil {
		return nil, err
	}
	buf := append(make([]byte, cose.Headroom), signed...)
	var m cose.Message
	if err := m.Parse(buf, cose.Headroom); err != nil {
		return nil, err
	}
	var token statuslist.Token
	if err := token.Parse(m.Payload); err != nil {
		return nil, err
	}
	entry := k.Entry()
	return trust.NewStatus(&token, &entry)
}

// codeOf is a listed code of each sort.
const (
	plainCode   = "4006381333931000"
	zonedCode   = "ZONED-0001"
	southCode   = "SOUTH-0001"
	blockedCode = "BLOCKED-01"
	revokedCode = "REVOKED-01"
	lateCode    = "LATE-00001"
	earlyCode   = "EARLY-0001"
	manyCode    = "MANY-00001"
	movingCode  = "MOVING-001"
)

var (
	listKey   = list.Key{1, 2, 3}
	otpSecret = []byte("12345678901234567890")
)

// set makes a list of codes.
func set(entries map[string]list.Entry) *list.Set {
	b := list.NewBuilder(&listKey)
	for code, e := range entries {
		var secret []byte
		if e.OneTime {
			secret = otpSecret
		}
		if err := b.Add([]byte(code), e, secret); err != nil {
			panic(err)
		}
	}
	s, err := b.Set()
	if err != nil {
		panic(err)
	}
	return s
}

func setOf(state list.State, codes ...[]byte) *list.Set {
	entries := map[string]list.Entry{}
	for _, c := range codes {
		entries[string(c)] = list.Entry{State: state}
	}
	return set(entries)
}

// sign makes feeds, status lists and the good codes.
func (w *world) sign() error {
	w.feeds = map[string]*trust.Feed{}
	for _, f := range []trust.Feed{
		{Kind: trust.FeedCodes, Scope: event, Set: set(map[string]list.Entry{
			plainCode: {State: list.Listed}, zonedCode: {State: list.Listed, Zone: zone}, southCode: {State: list.Listed, Zone: "SOUTH"},
			blockedCode: {State: list.Blocked}, revokedCode: {State: list.Revoked},
			lateCode: {State: list.Listed, Until: noon - 1}, earlyCode: {State: list.Listed, From: noon + 1},
			manyCode: {State: list.Listed, Uses: 3, From: noon, Until: noon}, movingCode: {State: list.Listed, OneTime: true},
		})},
		{Kind: trust.FeedPretix, Scope: event, Set: setOf(list.Revoked, []byte("nothing that anybody has"))},
		{Kind: trust.FeedPassengers, Scope: flight, Set: set(map[string]list.Entry{
			passenger(boardingLeg{}, today):                                                {State: list.Listed},
			passenger(boardingLeg{sequence: "0002 "}, today):                               {State: list.Blocked},
			passenger(boardingLeg{sequence: "0004 "}, today):                               {State: list.Revoked},
			passenger(boardingLeg{sequence: "0003 "}, today):                               {State: list.Listed},
			passenger(boardingLeg{carrier: "KL", flight: "0777 ", marketing: "AT"}, today): {State: list.Listed},
		})},
	} {
		f.Version, f.Issued, f.Expires = 1, noon-hour, noon+hour
		w.feeds[f.Kind.String()+"/"+f.Scope] = &f
	}
	status, err := w.status(w.ticketing, statusURI, noon+hour)
	if err != nil {
		return err
	}
	w.statuses = []*trust.Status{status}
	w.codes = map[string]string{
		"hcert":         w.certificate(w.ministry, nil),
		"hcert ed25519": w.certificate(w.ministryEd, nil),
		"ticket":        w.ticket(w.ticketing, nil),
		"ticket ed25519": w.ticket(w.ticketingEd, func(t *issuer.Ticket) {
			t.ID = []byte("ticket ed25519")
		}),
		"ticket with status": w.ticket(w.ticketing, func(t *issuer.Ticket) { t.ID, t.StatusURI = []byte("ticket with status"), statusURI }),
		"pass":               w.ticket(w.ticketing, func(t *issuer.Ticket) { t.Kind, t.ID = cwt.Pass, []byte("pass") }),
		"voucher": w.ticket(w.vouchers, func(t *issuer.Ticket) {
			*t = issuer.Ticket{Kind: cwt.Voucher, ID: []byte("voucher"), IssuedAt: t.IssuedAt, Expires: t.Expires}
		}),
		"stamp":            w.ticket(w.retired, stampOf2018),
		"pretix":           w.pretixTicket(w.pretix, nil),
		"code":             plainCode,
		"code with suffix": movingCode + oneTime(noon),
		"bcbp":             boardingPass(boardingLeg{}),
		"bcbp signed":      w.signed(w.royal, boardingPass(boardingLeg{sequence: "0003 "})),
		"bcbp of a signer": w.signed(w.signing, boardingPass(boardingLeg{carrier: "SG", flight: "0009B"})),
		"vds-nc":           w.seal(sealOptions{}),
		"claim169":         w.identity(w.identities, nil),
		"mrz":              passport(nil),
	}
	return nil
}
