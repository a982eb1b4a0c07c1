//go:build !race

package web

import (
	"bytes"
	"testing"

	"passerelle/gateway/sig"
)

// TestRowsOfABatchDoNotAllocate asks a real server with one row and with a thousand, so that what differs is what a row costs:
// client and server together allocate nothing for it, the keys' tables being built.
func TestRowsOfABatchDoNotAllocate(t *testing.T) {
	const few, many = 1, 1000
	fast := sig.NewAccelerator(sig.AcceleratorOptions{Memory: 64 << 20})
	st, now := verifySite(t, fast, 1)
	rows := certificates(t, now, 50)
	allocations := func(n int, hostile string) float64 {
		var body []byte
		for i := range n {
			body = append(body, rows[i%len(rows)]...)
			body = append(body, hostile...)
		}
		c := newClient(t, st, body)
		ask := func() {
			if got, err := c.ask(); err != nil || got != n {
				t.Fatalf("%d of %d admitted, %v", got, n, err)
			}
		}
		for range 20 { // until the tables that are asked for are there, and the client's memory has its size
			ask()
			fast.Settle()
		}
		return testing.AllocsPerRun(20, ask)
	}
	for _, hostile := range []string{
		"", "{\"payload\":\"HC1:6BF\"}\n", "{\"payload\":1}\n", "\n", "{\"id\":[1,{\"a\":2}],\"payload\":\"\\u0041\\ud83d\\ude00\"}\n",
	} {
		if one, thousand := allocations(few, hostile), allocations(many, hostile); thousand > one {
			t.Errorf("with %q: %v allocations for %d rows, %v for %d", hostile, one, few, thousand, many)
		}
	}
	if b := <-st.batches; !bytes.Equal(b.body[:cap(b.body)], make([]byte, cap(b.body))) {
		t.Error("codes are left in memory")
	}
}
