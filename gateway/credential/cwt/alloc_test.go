//go:build !race

package cwt_test

import (
	"testing"

	"passerelle/gateway/credential/cwt"
)

func TestNothingIsAllocated(t *testing.T) {
	good := claims(t, nil)
	var c cwt.Claims
	for name, payload := range map[string][]byte{
		"accepted": good, "cut": good[:len(good)/2], "no cti": claims(t, func(all, _ m) { delete(all, 7) }),
		"another kind": claims(t, func(_, ours m) { ours[5] = "season" }), "over a limit": claims(t, func(_, ours m) { ours[6] = 300 }),
	} {
		if n := testing.AllocsPerRun(100, func() { _ = c.Parse(payload) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if err := c.Parse(good); err != nil {
		t.Fatal(err)
	}
	room := make([]byte, 0, 256)
	const name = "VAN<DER<BERGHE<<ANNA<MARIA<JOSEFINA<CHA"
	if n := testing.AllocsPerRun(100, func() {
		room = cwt.AppendIdentity(room[:0], c.Issuer, c.ID)
		c.Holder = cwt.HolderHash(c.Salt, name, "860314")
	}); n != 0 {
		t.Errorf("identity and holder: %v allocations", n)
	}
}
