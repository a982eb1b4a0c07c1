package cwt_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"

	"passerelle/gateway/credential/cwt"
)

type m = map[any]any

// claims returns the CBOR of a ticket's claims, changed by edit; ours is claim -70001.
func claims(t testing.TB, edit func(all, ours m)) []byte {
	t.Helper()
	ours := m{
		1: "DERBY-2026-11", 2: "VIP", 3: "C", 4: "12-A", 5: "ticket", 6: 3,
		7: bytes.Repeat([]byte{7}, 16), 8: []byte("salt"), 9: []byte("lost one"),
	}
	all := m{
		1: "venue.example", 4: 2000, 5: 900, 6: 1000, 7: []byte("id"), -70001: ours,
		65535: m{"status_list": m{"idx": 4711, "uri": "https://venue.example/status/1"}},
	}
	if edit != nil {
		edit(all, ours)
	}
	return marshal(t, all)
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := cbor.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestATicketIsReadWhole(t *testing.T) {
	t.Parallel()
	var got cwt.Claims
	if err := got.Parse(claims(t, nil)); err != nil {
		t.Fatal(err)
	}
	want := cwt.Claims{
		Issuer: []byte("venue.example"), Expires: 2000, NotBefore: 900, IssuedAt: 1000, ID: []byte("id"),
		Kind: cwt.Ticket, Event: []byte("DERBY-2026-11"), Zone: []byte("VIP"), Gate: []byte("C"), Seat: []byte("12-A"), Uses: 3,
		Holder: [16]byte(bytes.Repeat([]byte{7}, 16)), HasHolder: true, Salt: []byte("salt"), Replaces: []byte("lost one"),
		Status: cwt.Status{URI: []byte("https://venue.example/status/1"), Index: 4711, Present: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTheLeastIsEnough(t *testing.T) {
	t.Parallel()
	for _, kind := range []cwt.Kind{cwt.Ticket, cwt.Pass, cwt.Voucher, cwt.Stamp, cwt.Supervisor} {
		got := cwt.Claims{Seat: []byte("of the one before"), HasHolder: true}
		if err := got.Parse(marshal(t, m{1: "i", 4: 2, 6: 1, 7: []byte{0}, -70001: m{5: kind.String()}})); err != nil {
			t.Fatal(err)
		}
		want := cwt.Claims{Issuer: []byte("i"), Expires: 2, IssuedAt: 1, ID: []byte{0}, Kind: kind, Uses: 1}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: -want +got:\n%s", kind, diff)
		}
	}
}

// The rows say how a ticket's claims are changed and what becomes of them.
func TestWhatIsToleratedAndWhatIsNot(t *testing.T) {
	t.Parallel()
	text := func(n int) string { return strings.Repeat("x", n) }
	data := func(n int) []byte { return bytes.Repeat([]byte{1}, n) }
	reference := func(all m) m { return all[65535].(m)["status_list"].(m) }
	for _, tt := range []struct {
		name string
		edit func(all, ours m)
		want error
	}{
		{"fractional times", func(all, _ m) { all[4], all[6] = 2000.5, 1000.25 }, nil},
		{"further claims", func(all, _ m) { all[2], all["x"], all[-70002] = "sub", m{"y": 1}, nil }, nil},
		{"further members", func(_, ours m) { ours[10], ours["x"], ours[-1] = 1, 2, []any{3} }, nil},
		{"another status mechanism beside", func(all, _ m) { all[65535].(m)["identifier_list"] = m{"id": data(3)} }, nil},
		{"further members of the reference", func(all, _ m) { reference(all)["x"] = 1 }, nil},
		{"no status", func(all, _ m) { delete(all, 65535) }, nil},
		{"no nbf", func(all, _ m) { delete(all, 5) }, nil},
		{"no holder", func(_, ours m) { delete(ours, 7); delete(ours, 8) }, nil},

		{"no iss", func(all, _ m) { delete(all, 1) }, cwt.ErrMissing},
		{"no exp", func(all, _ m) { delete(all, 4) }, cwt.ErrMissing},
		{"no iat", func(all, _ m) { delete(all, 6) }, cwt.ErrMissing},
		{"no cti", func(all, _ m) { delete(all, 7) }, cwt.ErrMissing},
		{"no ticket", func(all, _ m) { delete(all, -70001) }, cwt.ErrMissing},
		{"no kind", func(_, ours m) { delete(ours, 5) }, cwt.ErrMissing},
		{"another kind", func(_, ours m) { ours[5] = "season" }, cwt.ErrKind},
		{"a kind in capitals", func(_, ours m) { ours[5] = "Ticket" }, cwt.ErrKind},
		{"an empty kind", func(_, ours m) { ours[5] = "" }, cwt.ErrKind},
		{"a kind that is a number", func(_, ours m) { ours[5] = 1 }, cwt.ErrMalformed},
		{"a time that is NaN", func(all, _ m) { all[4] = math.NaN() }, cwt.ErrMalformed},
		{"a time before 1970", func(all, _ m) { all[6] = -1 }, cwt.ErrMalformed},
		{"a time after the year 9999", func(all, _ m) { all[4] = 253402300800 }, cwt.ErrMalformed},
		{"exp null", func(all, _ m) { all[4] = nil }, cwt.ErrMalformed},
		{"iss is bytes", func(all, _ m) { all[1] = []byte("i") }, cwt.ErrMalformed},
		{"cti is text", func(all, _ m) { all[7] = "id" }, cwt.ErrMalformed},
		{"the ticket is a list", func(all, _ m) { all[-70001] = []any{} }, cwt.ErrMalformed},
		{"an event that is a number", func(_, ours m) { ours[1] = 7 }, cwt.ErrMalformed},
		{"an event that is null", func(_, ours m) { ours[1] = nil }, cwt.ErrMalformed},
		{"uses as a float", func(_, ours m) { ours[6] = 1.5 }, cwt.ErrMalformed},

		{"iss, empty", func(all, _ m) { all[1] = "" }, cwt.ErrLimit},
		{"iss at its limit", func(all, _ m) { all[1] = text(cwt.MaxIssuer) }, nil},
		{"iss over it", func(all, _ m) { all[1] = text(cwt.MaxIssuer + 1) }, cwt.ErrLimit},
		{"cti, empty", func(all, _ m) { all[7] = data(0) }, cwt.ErrLimit},
		{"cti at its limit", func(all, _ m) { all[7] = data(cwt.MaxID) }, nil},
		{"cti over it", func(all, _ m) { all[7] = data(cwt.MaxID + 1) }, cwt.ErrLimit},
		{"event at its limit", func(_, ours m) { ours[1] = text(cwt.MaxText) }, nil},
		{"event over it", func(_, ours m) { ours[1] = text(cwt.MaxText + 1) }, cwt.ErrLimit},
		{"zone at its limit", func(_, ours m) { ours[2] = text(cwt.MaxText) }, nil},
		{"zone over it", func(_, ours m) { ours[2] = text(cwt.MaxText + 1) }, cwt.ErrLimit},
		{"gate at its limit", func(_, ours m) { ours[3] = text(cwt.MaxText) }, nil},
		{"gate over it", func(_, ours m) { ours[3] = text(cwt.MaxText + 1) }, cwt.ErrLimit},
		{"seat at its limit", func(_, ours m) { ours[4] = text(cwt.MaxText) }, nil},
		{"seat over it", func(_, ours m) { ours[4] = text(cwt.MaxText + 1) }, cwt.ErrLimit},
		{"one use", func(_, ours m) { ours[6] = 1 }, nil},
		{"no use", func(_, ours m) { ours[6] = 0 }, cwt.ErrLimit},
		{"uses below nothing", func(_, ours m) { ours[6] = -1 }, cwt.ErrLimit},
		{"uses at their limit", func(_, ours m) { ours[6] = cwt.MaxUses }, nil},
		{"uses over it", func(_, ours m) { ours[6] = cwt.MaxUses + 1 }, cwt.ErrLimit},
		{"a short holder", func(_, ours m) { ours[7] = data(15) }, cwt.ErrLimit},
		{"a long holder", func(_, ours m) { ours[7] = data(17) }, cwt.ErrMalformed},
		{"salt at its limit", func(_, ours m) { ours[8] = data(cwt.MaxSalt) }, nil},
		{"salt over it", func(_, ours m) { ours[8] = data(cwt.MaxSalt + 1) }, cwt.ErrLimit},
		{"an empty salt", func(_, ours m) { ours[8] = data(0) }, cwt.ErrLimit},
		{"a holder without salt", func(_, ours m) { delete(ours, 8) }, cwt.ErrMalformed},
		{"salt without a holder", func(_, ours m) { delete(ours, 7) }, cwt.ErrMalformed},
		{"replaces at its limit", func(_, ours m) { ours[9] = data(cwt.MaxID) }, nil},
		{"replaces over it", func(_, ours m) { ours[9] = data(cwt.MaxID + 1) }, cwt.ErrLimit},
		{"replaces itself", func(_, ours m) { ours[9] = []byte("id") }, cwt.ErrMalformed},
		{"uri at its limit", func(all, _ m) { reference(all)["uri"] = text(cwt.MaxURI) }, nil},
		{"uri over it", func(all, _ m) { reference(all)["uri"] = text(cwt.MaxURI + 1) }, cwt.ErrLimit},
		{"the last index", func(all, _ m) { reference(all)["idx"] = int64(math.MaxInt64) }, nil},
		{"an index over int64", func(all, _ m) { reference(all)["idx"] = uint64(math.MaxInt64) + 1 }, cwt.ErrMalformed},
		{"an index below nothing", func(all, _ m) { reference(all)["idx"] = -1 }, cwt.ErrLimit},
		{"an index that is a float", func(all, _ m) { reference(all)["idx"] = 1.0 }, cwt.ErrMalformed},
		{"a reference without index", func(all, _ m) { delete(reference(all), "idx") }, cwt.ErrMissing},
		{"a reference without uri", func(all, _ m) { delete(reference(all), "uri") }, cwt.ErrMissing},
		{"a status of another mechanism", func(all, _ m) { all[65535] = m{"identifier_list": m{}} }, cwt.ErrMissing},
		{"an empty status", func(all, _ m) { all[65535] = m{} }, cwt.ErrMissing},
		{"a status that is null", func(all, _ m) { all[65535] = nil }, cwt.ErrMalformed},
	} {
		var c cwt.Claims
		err := c.Parse(claims(t, tt.edit))
		if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) || err != nil && !errors.Is(err, cwt.ErrMalformed) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestAClaimThatStandsTwiceIsRefused(t *testing.T) {
	t.Parallel()
	pair := func(key, value any) []byte { return append(marshal(t, key), marshal(t, value)...) }
	whole := claims(t, nil)
	for name, extra := range map[string][]byte{
		"cti": pair(7, []byte("other")), "exp": pair(4, 9000), "the ticket": pair(-70001, m{5: "pass"}), "nbf": pair(5, 0),
	} {
		doubled := append(bytes.Clone(whole), extra...)
		doubled[0]++ // a map of one more
		var c cwt.Claims
		if err := c.Parse(doubled); !errors.Is(err, cwt.ErrMalformed) {
			t.Errorf("%s twice: %v", name, err)
		}
	}
}

// A map of indefinite length with keys in another order, and texts and bytes in chunks.
func TestAnyOrderAndIndefiniteLengthsAreAccepted(t *testing.T) {
	t.Parallel()
	chunks := func(head byte, parts ...any) []byte {
		b := []byte{head}
		for _, p := range parts {
			b = append(b, marshal(t, p)...)
		}
		return append(b, 0xff)
	}
	ours := []byte{0xbf}
	ours = append(append(append(ours, 5), chunks(0x7f, "tic", "ket")...), 1)
	ours = append(append(ours, chunks(0x7f, "DERBY", "", "-1")...), 7)
	ours = append(append(ours, chunks(0x5f, bytes.Repeat([]byte{7}, 9), bytes.Repeat([]byte{7}, 7))...), 8)
	ours = append(append(ours, chunks(0x5f, []byte("sa"), []byte("lt"))...), 0xff)
	payload := append([]byte{0xbf}, marshal(t, -70001)...)
	payload = append(append(payload, ours...), 7)
	payload = append(append(payload, chunks(0x5f, []byte("i"), []byte("d"))...), 6)
	payload = append(append(payload, marshal(t, 1000)...), 4)
	payload = append(append(payload, marshal(t, 2000)...), 1)
	payload = append(append(payload, chunks(0x7f, "venue", ".example")...), 0xff)

	var got cwt.Claims
	if err := got.Parse(payload); err != nil {
		t.Fatal(err)
	}
	want := cwt.Claims{
		Issuer: []byte("venue.example"), Expires: 2000, IssuedAt: 1000, ID: []byte("id"), Kind: cwt.Ticket, Event: []byte("DERBY-1"), Uses: 1,
		Holder: [16]byte(bytes.Repeat([]byte{7}, 16)), HasHolder: true, Salt: []byte("salt"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestEveryCutIsMalformed(t *testing.T) {
	t.Parallel()
	whole := claims(t, nil)
	for n := range whole {
		var c cwt.Claims
		if err := c.Parse(bytes.Clone(whole[:n])); !errors.Is(err, cwt.ErrMalformed) {
			t.Errorf("the first %d of %d bytes: %v", n, len(whole), err)
		}
	}
	var c cwt.Claims
	if err := c.Parse(append(bytes.Clone(whole), 0)); !errors.Is(err, cwt.ErrMalformed) {
		t.Errorf("a byte too many: %v", err)
	}
}

func TestKindsAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for k := cwt.NoKind; k <= cwt.Supervisor+1; k++ {
		want := k
		if k > cwt.Supervisor {
			want = cwt.NoKind
		}
		if got := cwt.ParseKind([]byte(k.String())); got != want {
			t.Errorf("kind %d is written %q and read %d", k, k, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(claims(f, nil))
	f.Add(claims(f, func(all, ours m) { all[4] = 2000.5; delete(all, 65535); ours[5] = "stamp" }))
	f.Add(claims(f, func(all, _ m) { delete(all, 7) }))
	f.Add([]byte{0xbf, 0x01, 0x7f, 0x61, 'M', 0x61, 'A', 0xff, 0xff})
	f.Fuzz(func(t *testing.T, payload []byte) {
		var first, second cwt.Claims
		err := first.Parse(bytes.Clone(payload))
		if err != nil && !errors.Is(err, cwt.ErrMalformed) {
			t.Fatalf("error %v", err)
		}
		if again := second.Parse(bytes.Clone(payload)); (again == nil) != (err == nil) {
			t.Fatalf("%v, then %v", err, again)
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatal(diff)
		}
		c := &first
		if c.Kind == cwt.NoKind || c.Uses < 1 || c.Uses > cwt.MaxUses || len(c.ID) == 0 || len(c.ID) > cwt.MaxID || len(c.Replaces) > cwt.MaxID ||
			len(c.Issuer) == 0 || c.Status.Present != (len(c.Status.URI) > 0) || c.HasHolder != (len(c.Salt) > 0) || c.Expires < 0 || c.IssuedAt < 0 {
			t.Fatalf("accepted %+v", c)
		}
	})
}
