//go:build !race

package hcert_test

import (
	"testing"

	"passerelle/gateway/credential/hcert"
)

func TestParseDoesNotAllocate(t *testing.T) {
	good := claims(t, nil)
	bad := claims(t, func(cwt, _ m) { delete(cwt, 4) })
	var c hcert.Certificate
	for name, payload := range map[string][]byte{"accepted": good, "refused": bad, "cut": good[:len(good)/2]} {
		if n := testing.AllocsPerRun(100, func() { _ = c.Parse(payload) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
