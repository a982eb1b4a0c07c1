package rig

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"passerelle/firmware/usbip"
)

var scannerID = usbip.Identity{Vendor: 0x0c2e, Product: 0x090a, Release: 0x0100, Maker: "Rig", Name: "Scanner", Serial: "1"}

// plug plugs a device into a port of the virtual controller and waits until the kernel knows it.
func plug(t *testing.T, d *usbip.Device, port int) *usbip.Attached {
	t.Helper()
	onBoard(t)
	a, err := usbip.Attach(d, port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Unplug(); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := a.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	return a
}

// serialLane is a lane with a serial scanner.
func serialLane(id, port, more string) string {
	return fmt.Sprintf("[[lane]]\nid = %q\nscanner = \"serial\"\npath = %q\n%s\n", id, port, more)
}

// wants are the outcomes of codes.
func wants(codes []code) (outcomes []string) {
	for _, c := range codes {
		outcomes = append(outcomes, c.want)
	}
	return outcomes
}

// settled waits until a lane has given n verdicts since it was started.
func (b *box) settled(id string, n int) {
	b.t.Helper()
	b.eventually(fmt.Sprintf("%d verdicts at lane %s", n, id), func() bool {
		return b.lane(id).verdicts() >= n
	})
}

// TestBoardSolderedConverter: the board's own USB-serial converter, by the emulator's maker: another implementation than the rig's.
func TestBoardSolderedConverter(t *testing.T) {
	onBoard(t)
	b := newBox(t, serialLane("1", boardsOwn(t)[0]+":1.0", "baud = 9600"))
	b.connected("1", true)
	line := virtio(t, "ftdi")
	defer line.Close()
	codes := b.kit.mix(t, 20)
	for i, c := range codes {
		if _, err := line.WriteString(c.text + "\r"); err != nil {
			t.Fatal(err)
		}
		b.settled("1", i+1)
	}
	b.want("1", wants(codes)...)
}

// TestBoardThousandScansAtFullSpeed: nothing lost, nothing wrong, nothing doubled.
func TestBoardThousandScansAtFullSpeed(t *testing.T) {
	onBoard(t)
	s := usbip.NewACM(scannerID)
	a := plug(t, s.Device, 0)
	b := newBox(t, serialLane("1", a.Interface(0), ""))
	b.connected("1", true)
	codes := b.kit.mix(t, 1000)
	begun := time.Now()
	for _, c := range codes {
		for s.Pending(usbip.SerialIn) > 64 {
			time.Sleep(time.Millisecond)
		}
		if _, err := s.Write([]byte(c.text + "\r")); err != nil {
			t.Fatal(err)
		}
	}
	b.settled("1", len(codes))
	took := time.Since(begun)
	b.compare("1,000 scans over USB-CDC", codes)
	figure(t, "1,000 scans over USB-CDC, a second", "%.0f", float64(len(codes))/took.Seconds())
}

// compare compares all that lane 1 reported with what was shown there, and says how much was lost, doubled or wrong.
func (b *box) compare(what string, codes []code) {
	b.t.Helper()
	want := wants(codes)
	got := b.ledger.await("1", len(want), patience)
	got = append(got, b.ledger.await("1", 1, 2*time.Second)...) // what comes too much comes later
	wrong := 0
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			wrong++
		}
	}
	lost, doubled := max(0, len(want)-len(got)), max(0, len(got)-len(want))
	figure(b.t, what, "%d lost, %d too many, %d wrong of %d", lost, doubled, wrong, len(want))
	if lost+doubled+wrong > 0 {
		b.t.Errorf("%s: %d lost, %d too many, %d wrong", what, lost, doubled, wrong)
	}
	if l := b.lane("1"); l.verdicts() != len(want) || l.Again != 0 {
		b.t.Errorf("%s: the page counts %+v, want %d", what, l, len(want))
	}
}

// TestBoardTwoScanners: two lanes at once, with equal scanners that only their ports tell apart, and a stuck one beside them.
func TestBoardTwoScanners(t *testing.T) {
	onBoard(t)
	first, second, stuck := usbip.NewACM(scannerID), usbip.NewACM(scannerID), usbip.NewACM(scannerID)
	a, c, dead := plug(t, first.Device, 0), plug(t, second.Device, 1), plug(t, stuck.Device, 2)
	b := newBox(t, serialLane("1", a.Interface(0), "")+serialLane("2", c.Interface(0), "")+serialLane("3", dead.Interface(0), ""))
	for _, id := range []string{"1", "2", "3"} {
		b.connected(id, true)
	}
	stuck.Hang()
	shows := map[string]*usbip.Serial{"1": first, "2": second}
	codes := map[string][]code{"1": b.kit.mix(t, 60), "2": b.kit.mix(t, 70)}
	var all sync.WaitGroup
	for id, s := range shows {
		all.Go(func() {
			for _, c := range codes[id] {
				if _, err := s.Write([]byte(c.text + "\r")); err != nil {
					t.Error(err)
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	all.Wait()
	for id := range shows {
		b.want(id, wants(codes[id])...)
	}
	b.silent("3", 100*time.Millisecond)

	// They change places: what is shown to the one that sat in port 1 now counts for lane 2.
	if err := a.Unplug(); err != nil {
		t.Fatal(err)
	}
	if err := c.Unplug(); err != nil {
		t.Fatal(err)
	}
	b.connected("1", false)
	b.connected("2", false)
	plug(t, first.Device, 1)
	plug(t, second.Device, 0)
	b.connected("1", true)
	b.connected("2", true)
	moved := b.kit.good(t)
	if _, err := first.Write([]byte(moved.text + "\r")); err != nil {
		t.Fatal(err)
	}
	b.want("2", moved.want)
	b.silent("1", 100*time.Millisecond)
	stuck.Recover()
}

// TestBoardPhoneLeftInFrontOfAFixedScanner: an Ethernet scanner that reads without end sees one phone for a minute. That is one
// verdict; the next person's is a second.
func TestBoardPhoneLeftInFrontOfAFixedScanner(t *testing.T) {
	onBoard(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	b := newBox(t, fmt.Sprintf("[[lane]]\nid = \"1\"\nscanner = \"tcp\"\npath = %q\n", listener.Addr()))
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	b.connected("1", true)
	phone, next := b.kit.good(t), b.kit.good(t)
	shown := 0
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if _, err := conn.Write([]byte(phone.text + "\r")); err != nil {
			t.Fatal(err)
		}
		shown++
	}
	if _, err := conn.Write([]byte(next.text + "\r")); err != nil {
		t.Fatal(err)
	}
	b.want("1", phone.want, next.want)
	if l := b.lane("1"); l.Again != shown-1 {
		t.Errorf("%d shown again, want %d", l.Again, shown-1)
	}
}

// TestBoardEthernetScannerThatConnects: a fixed scanner that connects to us, is switched off and on, and comes back.
func TestBoardEthernetScannerThatConnects(t *testing.T) {
	onBoard(t)
	const address = "127.0.0.1:20010"
	b := newBox(t, fmt.Sprintf("[[lane]]\nid = \"1\"\nscanner = \"listen\"\npath = %q\npeer = \"127.0.0.1\"\nheartbeat = \"HB\"\n", address))
	dial := func() net.Conn {
		t.Helper()
		var conn net.Conn
		b.eventually("somebody listens", func() (ok bool) {
			var err error
			conn, err = net.Dial("tcp", address)
			return err == nil
		})
		return conn
	}
	conn := dial()
	b.connected("1", true)
	codes := b.kit.mix(t, 12)
	for _, c := range codes {
		if _, err := conn.Write([]byte("HB\r" + c.text + "\r")); err != nil {
			t.Fatal(err)
		}
	}
	b.want("1", wants(codes)...)
	if _, err := conn.Write([]byte(b.kit.good(t).text[:100])); err != nil { // half a code, then the power goes
		t.Fatal(err)
	}
	conn.Close()
	b.connected("1", false)
	conn = dial()
	defer conn.Close()
	b.connected("1", true)
	c := b.kit.good(t)
	if _, err := conn.Write([]byte(c.text + "\r")); err != nil {
		t.Fatal(err)
	}
	b.want("1", c.want)
}

// TestBoardDocumentReader: MRZ lines arrive as one document, which is read and has expired; codes beside them are judged as ever.
func TestBoardDocumentReader(t *testing.T) {
	onBoard(t)
	s := usbip.NewACM(scannerID)
	a := plug(t, s.Device, 0)
	b := newBox(t, serialLane("1", a.Interface(0), "terminator = \"mrz\""))
	b.connected("1", true)
	// ICAO Doc 9303, part 4, appendix B, and part 5, appendix B.
	passport := "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\rL898902C36UTO7408122F1204159ZE184226B<<<<<10\r"
	card := "I<UTOD231458907<<<<<<<<<<<<<<<\r\n7408122F1204159UTO<<<<<<<<<<<6\r\nERIKSSON<<ANNA<MARIA<<<<<<<<<<\r\n"
	c := b.kit.good(t)
	for _, text := range []string{passport, c.text + "\r", card} {
		if _, err := s.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	b.want("1", "deny expired", c.want, "deny expired") // the specimen's document ended in 2012
}

// TestBoardReaderThatWaitsForItsHost: each scan gets its one answer within 1.5 s, by which the reader's own lamp goes.
func TestBoardReaderThatWaitsForItsHost(t *testing.T) {
	onBoard(t)
	s := usbip.NewACM(scannerID)
	a := plug(t, s.Device, 0)
	b := newBox(t, serialLane("1", a.Interface(0), "answer = \"honeywell\"\nrepeat = \"10s\""))
	b.connected("1", true)
	good, bad := b.kit.good(t), b.kit.expired(t)
	var answers []string
	var slowest time.Duration
	for _, c := range []code{good, bad, good} {
		shown := time.Now()
		if _, err := s.Write([]byte(c.text + "\r")); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		p := make([]byte, 64)
		n, err := s.Receive(ctx, p)
		cancel()
		if err != nil {
			t.Fatalf("no answer to a scan: %v", err)
		}
		slowest = max(slowest, time.Since(shown))
		answers = append(answers, string(p[:n]))
		time.Sleep(100 * time.Millisecond)
	}
	if slowest > 1500*time.Millisecond {
		t.Errorf("an answer took %v", slowest)
	}
	if answers[0] == answers[1] || answers[0] == answers[2] || answers[1] == answers[2] {
		t.Errorf("good, bad and ignore are %q", answers)
	}
	figure(t, "scan → answer to a reader that waits", "%v", slowest.Round(time.Millisecond))
	b.want("1", good.want, bad.want)
}

// TestBoardForeignDevices: what a passer-by plugs in is not read, and is alarmed.
func TestBoardForeignDevices(t *testing.T) {
	onBoard(t)
	s := usbip.NewACM(scannerID)
	a := plug(t, s.Device, 0)
	b := newBox(t, serialLane("1", a.Interface(0), "")+devicesTable(boardsOwn(t)))
	b.connected("1", true)
	b.eventually("nothing is foreign", func() bool { st, err := b.status(); return err == nil && st.Devices.Foreign == 0 })

	keyboard := usbip.NewKeyboard(usbip.Identity{Vendor: 0x046d, Product: 0xc31c, Maker: "Any", Name: "Keyboard"})
	strangers := []struct {
		what   string
		device *usbip.Device
	}{
		{"keyboard", keyboard.Device},
		{"storage", usbip.NewStorage(usbip.Identity{Vendor: 0x0781, Product: 0x5567, Maker: "Any", Name: "Stick"})},
		{"network adapter", usbip.NewECM(usbip.Identity{Vendor: 0x0bda, Product: 0x8152, Maker: "Any", Name: "Net"}, usbip.MAC{2, 0, 0, 0, 0, 1})},
		{"network adapter", usbip.NewRNDIS(usbip.Identity{Vendor: 0x0525, Product: 0xa4a2, Maker: "Any", Name: "Gadget"}, usbip.MAC{2, 0, 0, 0, 0, 2})},
	}
	var attached []*usbip.Attached
	for i, x := range strangers {
		at, err := usbip.Attach(x.device, i+1)
		if err != nil {
			t.Fatal(err)
		}
		defer at.Unplug()
		attached = append(attached, at)
		b.eventually(x.what+" is configured", x.device.Configured)
		b.eventually(x.what+" is alarmed", func() bool {
			said := "port=" + at.Interface(0) + " what=" + x.what
			if strings.Contains(x.what, " ") {
				said = "port=" + at.Interface(0) + " what=" + strconv.Quote(x.what)
			}
			return strings.Contains(b.log.text(), said)
		})
	}
	b.eventually("the page counts them", func() bool { st, err := b.status(); return err == nil && st.Devices.Foreign >= len(strangers) })

	// The keyboard types a good code. Nobody reads it.
	typed, shown := b.kit.good(t), b.kit.good(t)
	if err := keyboard.Send(typing(t, typed.text)...); err != nil {
		t.Fatal(err)
	}
	b.eventually("the keyboard has typed", func() bool { return keyboard.Pending(usbip.HIDIn) == 0 })
	if links, err := net.Interfaces(); err != nil || len(links) > 1+ownLinks {
		t.Errorf("the box has interfaces %v, %v: a stranger's adapter works", links, err)
	}
	if _, err := s.Write([]byte(shown.text + "\r")); err != nil {
		t.Fatal(err)
	}
	b.want("1", shown.want)
	for _, at := range attached {
		if err := at.Unplug(); err != nil {
			t.Error(err)
		}
	}
	b.eventually("they are gone", func() bool { st, err := b.status(); return err == nil && st.Devices.Foreign == 0 })
	b.stop()
	text, err := command(t.Context(), b.folder, "journal", "export", "--state", b.folder+"/state")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text, "foreign_device"); n < 2*len(strangers) {
		t.Errorf("the journal has %d entries about foreign devices, want a coming and a going of each", n)
	}
}
