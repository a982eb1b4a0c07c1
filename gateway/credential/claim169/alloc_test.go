//go:build !race

package claim169_test

import (
	"testing"

	"passerelle/gateway/credential/claim169"
)

func TestParseDoesNotAllocate(t *testing.T) {
	good := claims(t, nil)
	var p claim169.Person
	for name, payload := range map[string][]byte{
		"accepted": good, "cut": good[:len(good)/2], "no claim 169": claims(t, func(all, _ m) { delete(all, 169) }),
		"over a limit": claims(t, func(_, p m) { p[9] = 300 }),
	} {
		if n := testing.AllocsPerRun(100, func() { _ = p.Parse(payload) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
