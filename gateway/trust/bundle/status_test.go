package bundle

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/veraison/go-cose"

	"passerelle/gateway/encoding/statuslist"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

const statusURI = "https://example.org/tickets/1"

// newStatus signs a list in which the credential with index 5 is revoked.
func newStatus(t testing.TB, s *Signer, change func(claims map[int]any, m *cose.Sign1Message)) []byte {
	t.Helper()
	l, err := statuslist.New(1, 64)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Set(5, statuslist.Invalid); err != nil {
		t.Fatal(err)
	}
	lst, err := l.Compress()
	if err != nil {
		t.Fatal(err)
	}
	claims := map[int]any{
		statuslist.ClaimSubject: statusURI, statuslist.ClaimIssuedAt: issued, statuslist.ClaimExpires: expires,
		statuslist.ClaimList: map[string]any{statuslist.MemberBits: 1, statuslist.MemberList: lst},
	}
	id := DelegateID(&s.root.Key)
	m := &cose.Sign1Message{Headers: cose.Headers{
		Protected:   cose.ProtectedHeader{cose.HeaderLabelKeyID: id[:], labelType: statuslist.MediaType},
		Unprotected: cose.UnprotectedHeader{},
	}}
	m.Headers.Protected.SetAlgorithm(s.root.algorithm())
	if change != nil {
		change(claims, m)
	}
	m.Payload = marshal(t, claims)
	if err := m.Sign(rand.Reader, nil, s.signer); err != nil {
		t.Fatal(err)
	}
	file, err := m.MarshalCBOR()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// ticketList is a trust list with the signer's key for tickets.
func ticketList(t testing.TB, s *Signer, change func(k *trust.Key)) *trust.Snapshot {
	t.Helper()
	k := trust.Key{
		ID: DelegateID(&s.root.Key), Country: "MA", Issuer: "Stade", Public: s.root.Key, Usages: trust.TicketUsage,
		Algorithms: s.root.Key.Algorithms(), NotBefore: issued, NotAfter: expires,
	}
	if change != nil {
		change(&k)
	}
	l, err := trust.New(trust.List{Keys: []trust.Key{k}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestAStatusListIsTakenFromAnIssuerOfTickets(t *testing.T) {
	t.Parallel()
	s, other := newSigner(t, false), newSigner(t, true)
	kid := DelegateID(&s.root.Key)
	token := newStatus(t, s, nil)
	inOpenHeader := newStatus(t, s, func(_ map[int]any, m *cose.Sign1Message) {
		delete(m.Headers.Protected, cose.HeaderLabelKeyID)
		m.Headers.Unprotected[cose.HeaderLabelKeyID] = kid[:]
	})
	tests := []struct {
		name string
		file []byte
		list *trust.Snapshot
		ok   bool
	}{
		{"its key", token, ticketList(t, s, nil), true},
		{"tagged as a CWT", append([]byte{0xd8, 61}, token...), ticketList(t, s, nil), true},
		{"kid in the open header", inOpenHeader, ticketList(t, s, nil), true},
		{"by a key for stamps", token, ticketList(t, s, func(k *trust.Key) { k.Usages = trust.StampUsage }), true},
		{"not by a key for certificates", token, ticketList(t, s, func(k *trust.Key) { k.Usages = trust.AllHCERT }), false},
		{"switched off", token, ticketList(t, s, func(k *trust.Key) { k.Disabled = true }), false},
		{"issued before the key's time", token, ticketList(t, s, func(k *trust.Key) { k.NotBefore = issued + 1 }), false},
		{"issued after the key's time", token, ticketList(t, s, func(k *trust.Key) { k.NotBefore, k.NotAfter = 0, issued-1 }), false},
		{"another algorithm", token, ticketList(t, s, func(k *trust.Key) { k.Algorithms = []sig.Algorithm{sig.EdDSA} }), false},
		{"another key under its id", token, ticketList(t, other, func(k *trust.Key) { k.ID = kid }), false},
		{"nobody", token, trust.Empty(), false},
	}
	for _, tt := range tests {
		o, err := OpenStatus(tt.file)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		st, err := o.Verify(tt.list)
		if (err == nil) != tt.ok || !tt.ok && !errors.Is(err, ErrStatus) {
			t.Errorf("%s: %v, want taken: %t", tt.name, err, tt.ok)
			continue
		}
		if !tt.ok {
			continue
		}
		if v, ok := st.At(5); !ok || v != statuslist.Invalid || st.URI != statusURI || st.Country != "MA" || st.Issuer != "Stade" || st.Expires != expires {
			t.Errorf("%s: %+v", tt.name, st)
		}
	}
	for i := range token {
		changed := append([]byte(nil), token...)
		changed[i] ^= 1
		if o, err := OpenStatus(changed); err == nil {
			if _, err := o.Verify(ticketList(t, s, nil)); err == nil {
				t.Fatalf("byte %d is changed, and the list is taken", i)
			}
		}
	}
}

func TestWhatIsNoStatusListIsRefused(t *testing.T) {
	t.Parallel()
	s := newSigner(t, true)
	for name, change := range map[string]func(claims map[int]any, m *cose.Sign1Message){
		"a ticket":     func(_ map[int]any, m *cose.Sign1Message) { delete(m.Headers.Protected, labelType) },
		"another type": func(_ map[int]any, m *cose.Sign1Message) { m.Headers.Protected[labelType] = "application/cwt" },
		"a type in the open": func(_ map[int]any, m *cose.Sign1Message) {
			delete(m.Headers.Protected, labelType)
			m.Headers.Unprotected[labelType] = statuslist.MediaType
		},
		"no kid":      func(_ map[int]any, m *cose.Sign1Message) { delete(m.Headers.Protected, cose.HeaderLabelKeyID) },
		"a short kid": func(_ map[int]any, m *cose.Sign1Message) { m.Headers.Protected[cose.HeaderLabelKeyID] = []byte("kid") },
		"a critical header": func(_ map[int]any, m *cose.Sign1Message) {
			m.Headers.Protected[cose.HeaderLabelCritical] = []any{labelType}
		},
		"no subject":          func(c map[int]any, _ *cose.Sign1Message) { delete(c, statuslist.ClaimSubject) },
		"no list":             func(c map[int]any, _ *cose.Sign1Message) { delete(c, statuslist.ClaimList) },
		"no time":             func(c map[int]any, _ *cose.Sign1Message) { delete(c, statuslist.ClaimIssuedAt) },
		"an address of sound": func(c map[int]any, _ *cose.Sign1Message) { c[statuslist.ClaimSubject] = "\a" },
	} {
		if o, err := OpenStatus(newStatus(t, s, change)); !errors.Is(err, ErrFormat) || o != nil {
			t.Errorf("%s: %v, want %v", name, err, ErrFormat)
		}
	}
	if _, err := OpenStatus(make([]byte, maxStatusFile+1)); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "at most") {
		t.Errorf("%d bytes: %v", maxStatusFile+1, err)
	}
	if _, err := OpenStatus(make([]byte, maxStatusFile)); !errors.Is(err, ErrFormat) || strings.Contains(err.Error(), "at most") {
		t.Errorf("%d bytes: %v, want to fail for what is in them", maxStatusFile, err)
	}
	if IsFeed(newStatus(t, s, nil)) {
		t.Error("a status list is told as a feed")
	}
}

func TestAStatusListIsTakenOnlyIfItIsNewer(t *testing.T) {
	t.Parallel()
	s := newSigner(t, true)
	o, err := OpenStatus(newStatus(t, s, nil))
	if err != nil {
		t.Fatal(err)
	}
	st, err := o.Verify(ticketList(t, s, nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		held HeldFeed
		now  Now
		want error
	}{
		{"the first", HeldFeed{}, soon, nil},
		{"a newer one", HeldFeed{Version: issued - 1}, soon, nil},
		{"the same", HeldFeed{Version: issued}, soon, ErrHeld},
		{"the same, which was lost", HeldFeed{Version: issued, Lost: true}, soon, nil},
		{"an older one", HeldFeed{Version: issued + 1}, soon, ErrOld},
		{"in its last second", HeldFeed{}, At(time.Unix(expires, 0)), nil},
		{"expired", HeldFeed{}, At(time.Unix(expires+1, 0)), ErrFeedExpired},
		{"of the future", HeldFeed{}, At(time.Unix(issued-MaxAhead-1, 0)), ErrFeedFuture},
	} {
		if err := CheckStatus(st, tt.held, tt.now); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	if err := CheckStatus(&trust.Status{Expires: expires}, HeldFeed{}, soon); !errors.Is(err, ErrFormat) {
		t.Errorf("issued in 1970: %v", err)
	}
}
