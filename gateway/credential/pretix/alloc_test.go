//go:build !race

package pretix_test

import (
	"testing"

	"passerelle/gateway/credential/pretix"
)

func TestParseDoesNotAllocate(t *testing.T) {
	good := code([]byte(ok + "\x18\x01"))
	dst := make([]byte, 0, len(good))
	var ticket pretix.Ticket
	for name, text := range map[string][]byte{
		"accepted": good, "no message": code(nil), "cut": good[4:], "not base64": []byte("????"), "random": []byte("kfndgffgyw4tdgcacx6bb3bgemq69cxj"),
	} {
		if n := testing.AllocsPerRun(100, func() { dst, _ = ticket.Parse(dst[:0], text) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		if n := testing.AllocsPerRun(100, func() { dst, _ = pretix.AppendMessage(dst[:0], text) }); n != 0 {
			t.Errorf("%s, as a secret: %v allocations", name, n)
		}
	}
}
