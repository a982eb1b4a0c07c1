package rig

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"passerelle/drivers/usb"
	"passerelle/firmware/scanners"
	"passerelle/firmware/usbip"
)

// played is one scanner of the table, plugged in somewhere.
type played struct {
	t *testing.T
	scanners.Scanner
	hid      *usbip.HID    // one of
	serial   *usbip.Serial // these three
	listener net.Listener
	attached *usbip.Attached
	conn     net.Conn
	slot     int
}

// play makes a scanner of the table; it is plugged in by plugIn.
func play(t *testing.T, s scanners.Scanner, slot int) *played {
	t.Helper()
	p := &played{t: t, Scanner: s, slot: slot}
	id := usbip.Identity{Vendor: s.Vendor, Product: s.Product, Maker: s.Maker, Name: s.Model, Serial: "1", Speed: usbip.FullSpeed}
	if s.Speed == "high" {
		id.Speed = usbip.HighSpeed
	}
	if id.Vendor == 0 {
		id.Vendor, id.Product = 0x1d6b, 0x0104 // no public number; nothing goes by it
	}
	switch s.Link {
	case scanners.HIDPOS, scanners.HIDKeyboard:
		p.hid = usbip.NewHID(id, usbip.HIDOptions{
			Descriptor: s.Descriptor, Boot: s.Link == scanners.HIDKeyboard, PacketSize: s.Packet, Redirect: s.Redirect,
		})
	case scanners.CDCACM:
		p.serial = usbip.NewACM(id)
	case scanners.FTDI:
		p.serial = usbip.NewFTDI(id)
	case scanners.Ethernet:
		var err error
		if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.listener.Close() })
	}
	return p
}

// plugIn plugs the scanner in. One on the network is there when the lane connects to it.
func (p *played) plugIn() {
	p.t.Helper()
	switch {
	case p.hid != nil:
		p.attached = plug(p.t, p.hid.Device, p.slot)
	case p.serial != nil:
		p.attached = plug(p.t, p.serial.Device, p.slot)
	}
}

// unplug pulls the plug, or switches a network scanner off.
func (p *played) unplug() {
	p.t.Helper()
	if p.conn != nil {
		p.conn.Close()
		p.conn = nil
		return
	}
	if err := p.attached.Unplug(); err != nil {
		p.t.Fatal(err)
	}
}

// lane is the lane's configuration for this scanner; a keyboard's layout is to be found.
func (p *played) lane(id string) string {
	kind, path, more := "serial", "", ""
	switch p.Link {
	case scanners.HIDPOS, scanners.HIDKeyboard:
		kind = "hid"
	case scanners.Ethernet:
		kind, path = "tcp", p.listener.Addr().String()
	}
	if p.attached != nil {
		path = p.attached.Interface(0)
	}
	if kind != "hid" {
		t, ok := p.Frame()
		more = "terminator = \"idle\"\n"
		if ok {
			more = fmt.Sprintf("terminator = %q\n", t)
		}
	}
	if kind == "serial" && p.Baud > 0 {
		more += fmt.Sprintf("baud = %d\n", p.Baud)
	}
	return fmt.Sprintf("[[lane]]\nid = %q\nscanner = %q\npath = %q\nrepeat = \"500ms\"\n%s\n", id, kind, path, more)
}

// ready waits for the lane's connection, where the scanner is on the network.
func (p *played) ready() {
	p.t.Helper()
	if p.listener == nil {
		return
	}
	var err error
	if p.conn, err = p.listener.Accept(); err != nil {
		p.t.Fatal(err)
	}
}

// parts are the reports, or the bytes, that a code is sent in.
func (p *played) parts(text string) [][]byte {
	p.t.Helper()
	if p.hid == nil {
		b, err := p.Bytes([]byte(text))
		if err != nil {
			p.t.Fatal(err)
		}
		return [][]byte{b}
	}
	reports, err := p.Reports([]byte(text))
	if err != nil {
		p.t.Fatal(err)
	}
	return reports
}

// send sends parts and waits until the host has them all.
func (p *played) send(parts ...[]byte) {
	p.t.Helper()
	if p.hid == nil {
		for _, b := range parts {
			var err error
			if p.conn != nil {
				_, err = p.conn.Write(b)
			} else {
				_, err = p.serial.Write(b)
			}
			if err != nil {
				p.t.Fatal(err)
			}
		}
		return
	}
	for _, r := range parts {
		if err := p.hid.Send(r); err != nil {
			p.t.Fatal(err)
		}
		if p.PauseMS > 0 {
			if err := p.hid.Device.Pause(usbip.HIDIn, p.Pause()); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	for end := time.Now().Add(patience); p.hid.Pending(usbip.HIDIn) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatal("the host does not take the reports")
		}
	}
}

func (p *played) show(c code) { p.t.Helper(); p.send(p.parts(c.text)...) }

// reads shows a code, compares what its lane reports with what it has to, and returns how often it had to be shown. Only a keyboard's code
// is shown more than once, as a person does: it is a thousand reports, and when one of the emulated board's cores stands still in between,
// the keys come 200 ms apart, or the library's queue overruns, and the code is thrown away or is malformed.
func (p *played) reads(b *box, id string, c code) (times int) {
	p.t.Helper()
	return p.readsParts(b, id, c, p.parts(c.text)...)
}

// readsParts is reads with the code's parts as they are to be sent.
func (p *played) readsParts(b *box, id string, c code, parts ...[]byte) (times int) {
	p.t.Helper()
	const most = 15
	if p.Link != scanners.HIDKeyboard {
		p.send(parts...)
		b.want(id, c.want)
		return 1
	}
	for end := time.Now().Add(2 * patience); times < most && time.Now().Before(end); {
		times++
		p.send(parts...)
		for _, got := range b.ledger.await(id, 1, 3*time.Second) {
			if got == c.want {
				return times
			}
			if got != "deny malformed" {
				p.t.Errorf("lane %s reported %q, want %q", id, got, c.want)
			}
		}
	}
	p.t.Fatalf("lane %s: a code was typed %d times, and is not reported as %q\n%s", id, times, c.want, b.log.text())
	return times
}

// TestBoardScanners: each scanner of the table, from its packets to reports: ordinary codes, the longest that can be admitted, one that
// is too long; pulled in the middle of a code and plugged in again.
func TestBoardScanners(t *testing.T) {
	onBoard(t)
	all, err := scanners.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			p := play(t, s, 0)
			p.plugIn()
			b := newBox(t, p.lane("1"))
			p.ready()
			b.connected("1", true)
			codes := []code{b.kit.good(t), b.kit.expired(t)}
			if s.Link != scanners.HIDKeyboard { // that would take a minute
				codes = append(codes, b.kit.good(t), b.kit.unknown(t), b.kit.longest(t), code{"HC1:" + strings.Repeat("6BF", 1500), "deny too_large"}, b.kit.good(t))
			}
			if s.Link == scanners.HIDKeyboard {
				shown := 0
				for _, c := range codes {
					shown += p.reads(b, "1", c)
				}
				figure(t, "typed codes that had to be shown again", "%d of %d", shown-len(codes), len(codes))
			} else {
				for i, c := range codes {
					p.show(c)
					b.settled("1", i+1)
				}
				b.want("1", wants(codes)...)
			}

			torn := p.parts(b.kit.good(t).text)
			if len(torn) == 1 {
				torn[0] = torn[0][:len(torn[0])/2]
			} else {
				torn = torn[:len(torn)/2]
			}
			p.send(torn...)
			pulled := time.Now()
			p.unplug()
			b.connected("1", false)
			figure(t, "unplug → shown, "+string(s.Link), "%v", time.Since(pulled).Round(time.Millisecond))
			plugged := time.Now()
			p.plugIn()
			known := time.Since(plugged)
			p.ready()
			b.connected("1", true)
			figure(t, "device there for the kernel → lane reads, "+string(s.Link), "%v", max(0, time.Since(plugged)-known).Round(time.Millisecond))
			figure(t, "plugged in → lane reads, "+string(s.Link), "%v", time.Since(plugged).Round(time.Millisecond))
			p.reads(b, "1", b.kit.good(t))
		})
	}
}

// get returns a scanner of the table.
func get(t *testing.T, name string) scanners.Scanner {
	t.Helper()
	s, err := scanners.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestBoardDamagedReports: reports that are dropped, doubled, put in another order or cut make no wrong verdict, whatever becomes of their
// code; zero-length packets change nothing. The next code is judged as ever.
func TestBoardDamagedReports(t *testing.T) {
	onBoard(t)
	faults := []struct {
		name string
		do   func(r *rand.Rand, parts [][]byte) [][]byte
	}{
		{"dropped", func(r *rand.Rand, parts [][]byte) [][]byte {
			i := r.IntN(len(parts))
			return slices.Delete(slices.Clone(parts), i, i+1)
		}},
		{"doubled", func(r *rand.Rand, parts [][]byte) [][]byte {
			i := r.IntN(len(parts))
			return slices.Insert(slices.Clone(parts), i, parts[i])
		}},
		{"swapped", func(r *rand.Rand, parts [][]byte) [][]byte {
			i := r.IntN(len(parts) - 1)
			out := slices.Clone(parts)
			out[i], out[i+1] = out[i+1], out[i]
			return out
		}},
		{"cut", func(r *rand.Rand, parts [][]byte) [][]byte {
			i := r.IntN(len(parts))
			out := slices.Clone(parts)
			out[i] = out[i][:r.IntN(len(out[i]))]
			return out
		}},
	}
	for _, name := range []string{"honeywell-voyager-1400g", "newland-fm420", "symbol-ls2208-us"} {
		t.Run(name, func(t *testing.T) {
			p := play(t, get(t, name), 0)
			p.plugIn()
			b := newBox(t, p.lane("1"))
			b.connected("1", true)
			random := rand.New(rand.NewPCG(4, 2))
			p.reads(b, "1", b.kit.good(t)) // a keyboard's layout is known from here on
			trials := 4 * len(faults)
			if p.Link == scanners.HIDKeyboard { // a code takes seconds
				trials = len(faults)
			}
			admitted, harmless := 1, 0
			for i := range trials {
				f := faults[i%len(faults)]
				parts := p.parts(b.kit.good(t).text)
				damaged := f.do(random, parts)
				before := b.lane("1")
				p.send(damaged...)
				time.Sleep(700 * time.Millisecond) // half a code is thrown away
				after := b.lane("1")
				if after.Admitted > before.Admitted {
					// A keyboard's release of a key may go missing, or come twice, without a change of the text. That its text was whole is
					// what its signature says.
					if p.Link != scanners.HIDKeyboard {
						t.Errorf("%s: a damaged code was admitted", f.name)
					}
					harmless++
					admitted++
				}
				if p.Link == scanners.HIDKeyboard {
					b.ledger.await("1", after.verdicts()-before.verdicts(), patience) // what became of it is of no matter
					p.reads(b, "1", b.kit.good(t))
				} else {
					p.show(b.kit.good(t))
				}
				admitted++
				b.eventually(fmt.Sprintf("%s: the code after a damaged one is admitted", f.name), func() bool { return b.lane("1").Admitted == admitted })
			}
			figure(t, "damaged reports, "+name, "%d codes with one report wrong: %d admitted", trials, harmless)

			// Zero-length packets before, between and after. They take room in the library's queue too, so a keyboard's are fewer.
			c := b.kit.good(t)
			whole := p.parts(c.text)
			every := 1
			if p.Link == scanners.HIDKeyboard {
				every = len(whole) / 50
			}
			var parts [][]byte
			for group := range slices.Chunk(whole, every) {
				parts = append(append(append(parts, nil), group...), nil)
			}
			if p.Link == scanners.HIDKeyboard {
				p.readsParts(b, "1", c, parts...)
				return
			}
			p.send(parts...)
			b.eventually("a code among zero-length packets is admitted", func() bool { return b.lane("1").Admitted == admitted+1 })
			reported := b.ledger.await("1", b.lane("1").verdicts()-1, patience) // one was, before
			if n := len(slices.DeleteFunc(reported, func(o string) bool { return o != "admit ok" })); n != admitted {
				t.Errorf("%d are reported as admitted, want %d", n, admitted)
			}
		})
	}
}

// TestBoardThousandScansOfAHIDScanner: at full speed nothing is lost and nothing is wrong.
func TestBoardThousandScansOfAHIDScanner(t *testing.T) {
	onBoard(t)
	p := play(t, get(t, "honeywell-voyager-1400g"), 0)
	p.plugIn()
	b := newBox(t, p.lane("1"))
	b.connected("1", true)
	codes := b.kit.mix(t, 1000)
	begun := time.Now()
	for i, c := range codes {
		p.show(c)
		if i%4 == 3 { // the lane's queue holds 8
			b.settled("1", i-3)
		}
	}
	b.settled("1", len(codes))
	took := time.Since(begun)
	b.compare("1,000 scans over HID point-of-sale", codes)
	figure(t, "1,000 scans over HID point-of-sale, a second", "%.0f", float64(len(codes))/took.Seconds())
}

// TestBoardEqualHIDScanners: two equal scanners with equal serial numbers are told apart by their ports, beside a third that hangs.
func TestBoardEqualHIDScanners(t *testing.T) {
	onBoard(t)
	one, two, stuck := play(t, get(t, "honeywell-voyager-1400g"), 0), play(t, get(t, "honeywell-voyager-1400g"), 1), play(t, get(t, "newland-fm420"), 2)
	for _, p := range []*played{one, two, stuck} {
		p.plugIn()
	}
	b := newBox(t, one.lane("1")+two.lane("2")+stuck.lane("3"))
	for _, id := range []string{"1", "2", "3"} {
		b.connected(id, true)
	}
	stuck.hid.Hang()
	var first, second []code
	for range 20 {
		first, second = append(first, b.kit.good(t)), append(second, b.kit.expired(t))
		one.show(first[len(first)-1])
		two.show(second[len(second)-1])
	}
	b.want("1", wants(first)...)
	b.want("2", wants(second)...)
	b.silent("3", 100*time.Millisecond)
	stuck.hid.Recover()
	late := b.kit.good(t)
	stuck.show(late)
	b.want("3", late.want)
}

// TestBoardScannerThatHangsBeforeItsLaneOpens: the lanes beside it open and read, and so does its own once it has come to itself.
func TestBoardScannerThatHangsBeforeItsLaneOpens(t *testing.T) {
	onBoard(t)
	stuck, typing, good := play(t, get(t, "honeywell-voyager-1400g"), 0), play(t, get(t, "symbol-ls2208-us"), 1), play(t, get(t, "newland-fm420"), 2)
	for _, p := range []*played{stuck, typing, good} {
		p.plugIn()
	}
	stuck.hid.Hang()
	typing.hid.Hang()
	b := newBox(t, stuck.lane("1")+typing.lane("2")+good.lane("3"))
	figure(t, "lane beside two scanners that hang → reads", "%v", b.connected("3", true).Round(time.Millisecond))
	good.reads(b, "3", b.kit.good(t))
	time.Sleep(3 * time.Second) // longer than the library waits for an answer
	stuck.hid.Recover()
	typing.hid.Recover()
	for i, p := range []*played{stuck, typing} {
		id := strconv.Itoa(i + 1)
		b.connected(id, true)
		p.reads(b, id, b.kit.good(t))
	}
}

// TestBoardScannerOfAKilledGateIsReadWithoutRoot: a gate that was killed leaves its scanner without a driver, and so without a descriptor. The
// next one, which has no right but to open the device, as deploy/passerelle.service has it, reads it all the same.
func TestBoardScannerOfAKilledGateIsReadWithoutRoot(t *testing.T) {
	onBoard(t)
	p := play(t, get(t, "honeywell-voyager-1400g"), 0)
	p.plugIn()
	node, err := usb.Describe(usb.SysFS, p.attached.Interface(0))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(node.Node, 0o666); err != nil { // what deploy/70-passerelle.rules gives to a group
		t.Fatal(err)
	}
	b := newBox(t, p.lane("1"))
	b.stop()
	b.user = 65534
	b.start()
	for range 3 {
		b.connected("1", true)
		p.reads(b, "1", b.kit.good(t))
		b.kill()
		b.start()
	}
}
