package rig

import (
	"fmt"
	"testing"
	"time"
)

// TestBoardCDCGadget: a USB-CDC scanner, as Linux's own gadget stack presents it, from packet to report.
func TestBoardCDCGadget(t *testing.T) {
	onBoard(t)
	g := newGadget(t, "dummy_udc.0", gadgetConfig{vendor: 0x0c2e, product: 0x090a})
	port := g.plug()
	b := newBox(t, fmt.Sprintf("[[lane]]\nid = \"1\"\nscanner = \"serial\"\npath = %q\nrepeat = \"500ms\"\n", port))
	b.connected("1", true)
	for _, c := range b.kit.mix(t, 10) {
		if err := g.send(0, []byte(c.text+"\r")); err != nil {
			t.Fatal(err)
		}
		b.want("1", c.want)
	}
	g.unplug()
	b.connected("1", false)
	g.plug()
	figure(t, "USB-CDC appears → lane reads", "%v", b.connected("1", true).Round(time.Millisecond))
	c := b.kit.longest(t)
	if err := g.send(0, []byte(c.text+"\r")); err != nil {
		t.Fatal(err)
	}
	b.want("1", c.want)
}
