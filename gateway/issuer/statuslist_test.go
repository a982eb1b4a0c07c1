package issuer_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"passerelle/gateway/encoding/cose"
	"passerelle/gateway/encoding/statuslist"
	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/testkeys"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

func TestAStatusListIsSignedAsGatesReadIt(t *testing.T) {
	t.Parallel()
	list, err := statuslist.New(2, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	for index, status := range map[uint64]uint8{0: statuslist.Invalid, 4711: statuslist.Suspended, 99_999: statuslist.Invalid} {
		if err := list.Set(index, status); err != nil {
			t.Fatal(err)
		}
	}
	const uri = "https://stade.example/status/1"
	for _, alg := range []sig.Algorithm{sig.ES256, sig.EdDSA} {
		k := venueKey(t, alg, trust.StampUsage)
		signed, err := issuer.StatusList(k, uri, list, issued, expires, 300)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(signed[:80], []byte("\x10\x78\x1a"+statuslist.MediaType)) {
			t.Errorf("%v: no type in %x", alg, signed[:80])
		}
		var token statuslist.Token
		if err := token.Parse(payloadOf(t, append(make([]byte, cose.Headroom), signed...), k)); err != nil {
			t.Fatal(err)
		}
		if string(token.Subject) != uri || token.IssuedAt != issued || token.Expires != expires || token.TTL != 300 || token.Bits != 2 {
			t.Errorf("%v: token %+v", alg, token)
		}
		got, err := token.List()
		if err != nil {
			t.Fatal(err)
		}
		if got.Len() != list.Len() {
			t.Errorf("%v: %d statuses, want %d", alg, got.Len(), list.Len())
		}
		for i := range list.Len() {
			want, _ := list.At(i)
			if status, ok := got.At(i); status != want || !ok {
				t.Fatalf("%v: status %d is %d, %v, want %d", alg, i, status, ok, want)
			}
		}
		if again, err := issuer.StatusList(k, uri, list, issued, expires, 300); err != nil || !bytes.Equal(again, signed) {
			t.Errorf("%v: signed again it is another message: %v", alg, err)
		}
	}
}

func TestAStatusListThatGatesWouldRefuseIsNotSigned(t *testing.T) {
	t.Parallel()
	k := venueKey(t, sig.EdDSA, trust.TicketUsage)
	small, err := statuslist.New(1, 8)
	if err != nil {
		t.Fatal(err)
	}
	// Bytes that no compression makes shorter: at most a little over half a million statuses.
	random := func(n int) *statuslist.List {
		l, err := statuslist.New(8, n)
		if err != nil {
			t.Fatal(err)
		}
		state := uint32(1)
		for i := range n {
			state = state*1664525 + 1013904223
			if err := l.Set(uint64(i), uint8(state>>24)); err != nil {
				t.Fatal(err)
			}
		}
		return l
	}
	const uri = "https://x.example/1"
	for _, tt := range []struct {
		name            string
		uri             string
		list            *statuslist.List
		issued, expires int64
		ttl             int64
		want            error
	}{
		{"the least", uri, small, issued, 0, 0, nil},
		{"it expires at once", uri, small, issued, issued, 1, nil},
		{"half a million statuses of one bit", uri, random(62_500), issued, 0, 0, nil},
		{"more than gates read", uri, random(65_536), issued, 0, 0, issuer.ErrStatusList},
		{"no address", "", small, issued, 0, 0, issuer.ErrStatusList},
		{"an address at its limit", strings.Repeat("x", statuslist.MaxURI), small, issued, 0, 0, nil},
		{"an address over it", strings.Repeat("x", statuslist.MaxURI+1), small, issued, 0, 0, issuer.ErrStatusList},
		{"an address on two lines", "a\nb", small, issued, 0, 0, issuer.ErrStatusList},
		{"no list", uri, nil, issued, 0, 0, issuer.ErrStatusList},
		{"an empty list", uri, new(statuslist.List), issued, 0, 0, issuer.ErrStatusList},
		{"expired when it was issued", uri, small, issued, issued - 1, 0, issuer.ErrStatusList},
		{"expires after the year 9999", uri, small, issued, 253402300800, 0, issuer.ErrStatusList},
		{"kept for less than nothing", uri, small, issued, 0, -1, issuer.ErrStatusList},
		{"before the key", uri, small, k.Scope().NotBefore - 1, 0, 0, issuer.ErrScope},
		{"after the key", uri, small, k.Scope().NotAfter + 1, 0, 0, issuer.ErrScope},
	} {
		signed, err := issuer.StatusList(k, tt.uri, tt.list, tt.issued, tt.expires, tt.ttl)
		if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) || (signed == nil) != (tt.want != nil) {
			t.Errorf("%s: %d bytes, %v, want %v", tt.name, len(signed), err, tt.want)
		}
		if tt.want == nil {
			var token statuslist.Token
			if err := token.Parse(payloadOf(t, append(make([]byte, cose.Headroom), signed...), k)); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
	}
	if _, err := issuer.StatusList(testKey(t, testkeys.Ministry), uri, small, issued, 0, 0); !errors.Is(err, issuer.ErrScope) {
		t.Errorf("by a key for certificates: %v", err)
	}
}
