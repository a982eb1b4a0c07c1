package issuer_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"passerelle/gateway/credential/cwt"
	"passerelle/gateway/encoding/base45"
	"passerelle/gateway/encoding/cose"
	"passerelle/gateway/encoding/inflate"
	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/testkeys"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// venueKey returns a key that may sign usages from 2026-01-01 to 2026-12-31.
func venueKey(t testing.TB, alg sig.Algorithm, usages trust.Usage) *issuer.Key {
	t.Helper()
	var private crypto.Signer = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	if alg != sig.EdDSA {
		var err error
		if private, err = ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{7}, 32)); err != nil {
			t.Fatal(err)
		}
	}
	k, err := issuer.New(private, alg, issuer.Scope{
		Country: "MA", Name: "Stade de Rabat", Usages: usages,
		NotBefore: unix("2026-01-01T00:00:00Z"), NotAfter: unix("2026-12-31T23:59:59Z"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func seatTicket() *issuer.Ticket {
	return &issuer.Ticket{
		IssuedAt: issued, NotBefore: issued + 60, Expires: expires, ID: []byte("ticket 0001"), Kind: cwt.Ticket,
		Event: "DERBY-2026", Zone: "Tribune Nord", Gate: "N4", Seat: "12-A", Uses: 2,
		Holder:   &issuer.Holder{Name: issuer.Name{Family: "Benjelloun-Touimi", Given: "Zineb"}, Birth: "1988-11-23", Salt: []byte("12345678")},
		Replaces: []byte("ticket 0000"), StatusURI: "https://stade.example/status/1", StatusIndex: 4711,
	}
}

// openPT1 reads a PT1 code as a gate does.
func openPT1(t interface{ Fatal(...any) }, code string, k *issuer.Key) *cwt.Claims {
	text, ok := strings.CutPrefix(code, "PT1:")
	if !ok {
		t.Fatal("no prefix: " + code)
	}
	packed, err := base45.AppendDecode(nil, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var d inflate.Decoder
	buf, err := d.AppendZlib(make([]byte, cose.Headroom), packed, 16<<10)
	if err != nil {
		t.Fatal(err)
	}
	payload := payloadOf(t, buf, k)
	c := new(cwt.Claims)
	if err := c.Parse(payload); err != nil {
		t.Fatal(err)
	}
	return c
}

// payloadOf returns the payload of a message that k signed; Headroom bytes stand before it in buf.
func payloadOf(t interface{ Fatal(...any) }, buf []byte, k *issuer.Key) []byte {
	m := new(cose.Message)
	if err := m.Parse(buf, cose.Headroom); err != nil {
		t.Fatal(err)
	}
	id := k.ID()
	if !bytes.Equal(m.KeyID, id[:]) {
		t.Fatal("another kid", m.KeyID)
	}
	entry := k.Entry()
	job := []sig.Job{{Key: &entry.Public, Alg: sig.Algorithm(m.Alg), Message: m.ToBeSigned(), Signature: m.Signature}}
	new(sig.Verifier).Verify(job)
	if !job[0].OK || sig.Algorithm(m.Alg) != k.Algorithm() {
		t.Fatal("the signature is refused")
	}
	return m.Payload
}

func TestATicketHoldsWhatItSays(t *testing.T) {
	t.Parallel()
	for _, alg := range []sig.Algorithm{sig.ES256, sig.EdDSA} {
		k := venueKey(t, alg, trust.AllTickets)
		code, err := issuer.PT1(k, seatTicket())
		if err != nil {
			t.Fatal(err)
		}
		want := &cwt.Claims{
			Issuer: []byte("Stade de Rabat"), IssuedAt: issued, NotBefore: issued + 60, Expires: expires, ID: []byte("ticket 0001"),
			Kind: cwt.Ticket, Event: []byte("DERBY-2026"), Zone: []byte("Tribune Nord"), Gate: []byte("N4"), Seat: []byte("12-A"), Uses: 2,
			Holder:    cwt.HolderHash([]byte("12345678"), "BENJELLOUN<TOUIMI<<ZINEB<<<<<<", "881123"), // a national card's name field
			HasHolder: true, Salt: []byte("12345678"), Replaces: []byte("ticket 0000"),
			Status: cwt.Status{URI: []byte("https://stade.example/status/1"), Index: 4711, Present: true},
		}
		if diff := cmp.Diff(want, openPT1(t, code, k)); diff != "" {
			t.Errorf("%v: -want +got:\n%s", alg, diff)
		}
		if again, err := issuer.PT1(k, seatTicket()); err != nil || again != code {
			t.Errorf("%v: issued again it is another code: %v", alg, err)
		}
		if len(code) > 700 {
			t.Errorf("%v: %d characters", alg, len(code))
		}
	}
}

// Whatever is signed, gates read as it was meant.
func TestGatesReadEveryTicketThatIsSigned(t *testing.T) {
	t.Parallel()
	k := venueKey(t, sig.EdDSA, trust.AllTickets)
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[A-Za-z0-9éß漢 -]{0,40}`)
		data := func(least, most int) *rapid.Generator[[]byte] { return rapid.SliceOfN(rapid.Byte(), least, most) }
		in := &issuer.Ticket{
			Issuer: word.Draw(t, "issuer"), IssuedAt: issued, Expires: issued + rapid.Int64Range(0, 1<<37).Draw(t, "valid"),
			ID: data(1, cwt.MaxID).Draw(t, "id"), Kind: cwt.Kind(rapid.IntRange(1, 4).Draw(t, "kind")),
			Event: "e" + word.Draw(t, "event"), Zone: word.Draw(t, "zone"), Gate: word.Draw(t, "gate"), Seat: word.Draw(t, "seat"),
			Uses: rapid.IntRange(0, cwt.MaxUses).Draw(t, "uses"), Replaces: data(0, cwt.MaxID).Draw(t, "replaces"),
		}
		if rapid.Bool().Draw(t, "bound") {
			in.Holder = &issuer.Holder{Name: issuer.Name{Family: "Øst", Given: "Åse"}, Birth: "2001-02-03", Salt: data(issuer.MinSalt, cwt.MaxSalt).Draw(t, "salt")}
		}
		if rapid.Bool().Draw(t, "revocable") {
			in.StatusURI, in.StatusIndex = "https://x.example/1", rapid.Uint64Max(1<<63-1).Draw(t, "index")
		}
		if bytes.Equal(in.ID, in.Replaces) {
			t.Skip("it replaces itself")
		}
		code, err := issuer.PT1(k, in)
		if err != nil {
			t.Fatal(err)
		}
		got := openPT1(t, code, k)
		want := map[bool]string{true: "Stade de Rabat", false: in.Issuer}[in.Issuer == ""]
		if string(got.Issuer) != want || got.Expires != in.Expires || !bytes.Equal(got.ID, in.ID) || got.Kind != in.Kind || string(got.Event) != in.Event ||
			string(got.Zone) != in.Zone || string(got.Gate) != in.Gate || string(got.Seat) != in.Seat || got.Uses != int64(max(in.Uses, 1)) ||
			!bytes.Equal(got.Replaces, in.Replaces) || got.HasHolder != (in.Holder != nil) || got.Status.Index != in.StatusIndex ||
			string(got.Status.URI) != in.StatusURI {
			t.Fatalf("signed %+v, read %+v", in, got)
		}
		if in.Holder != nil && got.Holder != cwt.HolderHash(in.Holder.Salt, "OEST<<AASE", "010203") {
			t.Fatalf("holder %x", got.Holder)
		}
	})
}

func TestATicketThatGatesWouldRefuseIsNotSigned(t *testing.T) {
	t.Parallel()
	k := venueKey(t, sig.ES256, trust.AllTickets)
	line := func(n int) string { return strings.Repeat("é", n/2) }
	id := func(n int) []byte { return bytes.Repeat([]byte{1}, n) }
	for _, tt := range []struct {
		name   string
		change func(x *issuer.Ticket)
		says   string // of the error; empty if it is signed
	}{
		{"nothing changed", func(*issuer.Ticket) {}, ""},
		{"no kind", func(x *issuer.Ticket) { x.Kind = cwt.NoKind }, "no kind"},
		{"a kind that is not there", func(x *issuer.Ticket) { x.Kind = cwt.Supervisor + 1 }, "no kind"},
		{"no event", func(x *issuer.Ticket) { x.Event = "" }, "no event"},
		{"a pass without event", func(x *issuer.Ticket) { x.Event, x.Kind = "", cwt.Pass }, ""},
		{"expires before it is issued", func(x *issuer.Ticket) { x.Expires = x.IssuedAt - 1 }, "expires"},
		{"expires before it begins", func(x *issuer.Ticket) { x.NotBefore = x.Expires + 1 }, "not before"},
		{"the last second", func(x *issuer.Ticket) { x.Expires = 253402300799 }, ""},
		{"a second later", func(x *issuer.Ticket) { x.Expires++; x.Expires = 253402300800 }, "expires"},
		{"no id", func(x *issuer.Ticket) { x.ID = nil }, "id of 0 bytes"},
		{"an id at its limit", func(x *issuer.Ticket) { x.ID = id(cwt.MaxID) }, ""},
		{"an id over it", func(x *issuer.Ticket) { x.ID = id(cwt.MaxID + 1) }, "id of 65 bytes"},
		{"an issuer at its limit", func(x *issuer.Ticket) { x.Issuer = line(cwt.MaxIssuer) }, ""},
		{"an issuer over it", func(x *issuer.Ticket) { x.Issuer = line(cwt.MaxIssuer) + "x" }, "issuer"},
		{"an event at its limit", func(x *issuer.Ticket) { x.Event = line(cwt.MaxText) }, ""},
		{"an event over it", func(x *issuer.Ticket) { x.Event = line(cwt.MaxText) + "x" }, "event"},
		{"a zone over it", func(x *issuer.Ticket) { x.Zone = line(cwt.MaxText) + "x" }, "zone"},
		{"a gate over it", func(x *issuer.Ticket) { x.Gate = line(cwt.MaxText) + "x" }, "gate"},
		{"a seat over it", func(x *issuer.Ticket) { x.Seat = line(cwt.MaxText) + "x" }, "seat"},
		{"an event that is not UTF-8", func(x *issuer.Ticket) { x.Event = "\xff" }, "event"},
		{"a seat on two lines", func(x *issuer.Ticket) { x.Seat = "1\n2" }, "seat"},
		{"a gate with a direction mark", func(x *issuer.Ticket) { x.Gate = "N\u202e4" }, "gate"},
		{"uses below nothing", func(x *issuer.Ticket) { x.Uses = -1 }, "-1 uses"},
		{"uses at their limit", func(x *issuer.Ticket) { x.Uses = cwt.MaxUses }, ""},
		{"uses over it", func(x *issuer.Ticket) { x.Uses = cwt.MaxUses + 1 }, "256 uses"},
		{"no holder", func(x *issuer.Ticket) { x.Holder = nil }, ""},
		{"a holder without surname", func(x *issuer.Ticket) { x.Holder.Name = issuer.Name{} }, "surname"},
		{"a holder in Arabic letters alone", func(x *issuer.Ticket) { x.Holder.Name = issuer.Name{Family: "العلوي"} }, "machine-readable name"},
		{"a holder with half a birth date", func(x *issuer.Ticket) { x.Holder.Birth = "1988-11" }, "birth date"},
		{"a holder born on no day", func(x *issuer.Ticket) { x.Holder.Birth = "1988-02-30" }, "birth date"},
		{"a salt at its least", func(x *issuer.Ticket) { x.Holder.Salt = id(issuer.MinSalt) }, ""},
		{"a salt below it", func(x *issuer.Ticket) { x.Holder.Salt = id(issuer.MinSalt - 1) }, "salt of 7 bytes"},
		{"a salt at its limit", func(x *issuer.Ticket) { x.Holder.Salt = id(cwt.MaxSalt) }, ""},
		{"a salt over it", func(x *issuer.Ticket) { x.Holder.Salt = id(cwt.MaxSalt + 1) }, "salt of 33 bytes"},
		{"replaces itself", func(x *issuer.Ticket) { x.Replaces = x.ID }, "replaces itself"},
		{"replaces at its limit", func(x *issuer.Ticket) { x.Replaces = id(cwt.MaxID) }, ""},
		{"replaces over it", func(x *issuer.Ticket) { x.Replaces = id(cwt.MaxID + 1) }, "65 bytes"},
		{"a status list at its limit", func(x *issuer.Ticket) { x.StatusURI = line(cwt.MaxURI) }, ""},
		{"a status list over it", func(x *issuer.Ticket) { x.StatusURI = line(cwt.MaxURI) + "x" }, "status list"},
		{"the last index", func(x *issuer.Ticket) { x.StatusIndex = 1<<63 - 1 }, ""},
		{"an index over int64", func(x *issuer.Ticket) { x.StatusIndex = 1 << 63 }, "index"},
		{"an index of no list", func(x *issuer.Ticket) { x.StatusURI = "" }, "no status list"},
	} {
		x := seatTicket()
		tt.change(x)
		code, err := issuer.PT1(k, x)
		if tt.says == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			openPT1(t, code, k)
			continue
		}
		if code != "" || !errors.Is(err, issuer.ErrTicket) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %q, %v, want an error about %q", tt.name, code, err, tt.says)
		}
	}
}

func TestAKeySignsOnlyTheKindsOfItsScope(t *testing.T) {
	t.Parallel()
	kinds := map[cwt.Kind]trust.Usage{
		cwt.Ticket: trust.TicketUsage, cwt.Pass: trust.PassUsage, cwt.Voucher: trust.VoucherUsage, cwt.Stamp: trust.StampUsage, cwt.Supervisor: trust.SupervisorUsage,
	}
	for of, usage := range kinds {
		k := venueKey(t, sig.EdDSA, usage)
		for kind := range kinds {
			x := seatTicket()
			x.Kind = kind
			if _, err := issuer.PT1(k, x); errors.Is(err, issuer.ErrScope) == (kind == of) || (err == nil) != (kind == of) {
				t.Errorf("a %v by a key for %v: %v", kind, usage, err)
			}
		}
	}
	if _, err := issuer.PT1(testKey(t, testkeys.Ministry), seatTicket()); !errors.Is(err, issuer.ErrScope) {
		t.Errorf("a ticket by a key for certificates: %v", err)
	}
	if _, err := issuer.PT1(testKey(t, testkeys.RSA2048), seatTicket()); !errors.Is(err, issuer.ErrScope) {
		t.Errorf("a ticket by an RSA key: %v", err)
	}
}

// A stamp outlives its key by years; nothing is signed before the key is valid or after.
func TestTheKeyIsJudgedWhenItSigns(t *testing.T) {
	t.Parallel()
	k := venueKey(t, sig.ES256, trust.AllTickets)
	scope := k.Scope()
	for _, kind := range []cwt.Kind{cwt.Ticket, cwt.Pass, cwt.Voucher, cwt.Stamp, cwt.Supervisor} {
		for at, ok := range map[int64]bool{scope.NotBefore - 1: false, scope.NotBefore: true, scope.NotAfter: true, scope.NotAfter + 1: false} {
			x := seatTicket()
			x.Kind, x.IssuedAt, x.NotBefore, x.Expires = kind, at, 0, at+10*366*86400
			code, err := issuer.PT1(k, x)
			if (err == nil) != ok || !ok && !errors.Is(err, issuer.ErrScope) {
				t.Errorf("a %v issued at %d: %v", kind, at, err)
			}
			if ok && openPT1(t, code, k).Expires <= scope.NotAfter {
				t.Errorf("a %v does not outlive its key", kind)
			}
		}
	}
}

func TestOnlyAlgorithmsOfPT1AreSignedWith(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P384(), bytes.Repeat([]byte{7}, 48))
	if err != nil {
		t.Fatal(err)
	}
	for alg, ok := range map[sig.Algorithm]bool{sig.ES384: false, sig.ES256: true} {
		k, err := issuer.New(private, alg, issuer.Scope{Country: "MA", Name: "X", Usages: trust.AllTickets, NotAfter: expires})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := issuer.PT1(k, seatTicket()); (err == nil) != ok || !ok && !errors.Is(err, issuer.ErrScope) {
			t.Errorf("%v: %v", alg, err)
		}
	}
}
