package rig

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"passerelle/firmware/usbip"
)

// gpioTable wires a lane's lamps to lines of the board's PL061; its line 3 is the board's power button.
const gpioTable = `[lane.gpio]
chip = "/dev/gpiochip0"
red = "0"
amber = "1"
green = "2"
buzzer = "4"
relay = "5 active-low"
pulse = "2s"
`

// pins are the lines of the chip that are held and high, as the chip itself tells the kernel: "2 4".
func pins(t *testing.T) string {
	t.Helper()
	file, err := os.Open("/sys/kernel/debug/gpio")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var high []string
	first := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var number int
		if n, _ := fmt.Sscanf(lines.Text(), "gpiochip0: GPIOs %d-", &number); n == 1 {
			first = number
		}
		if n, _ := fmt.Sscanf(lines.Text(), " gpio-%d", &number); n == 1 && strings.Contains(lines.Text(), "out hi") && strings.Contains(lines.Text(), "passerelle") {
			high = append(high, fmt.Sprint(number-first))
		}
	}
	return strings.Join(high, " ")
}

// virtio opens the virtio port with a name, which leads out of the board.
func virtio(t *testing.T, name string) *os.File {
	t.Helper()
	names, err := filepath.Glob("/sys/class/virtio-ports/*/name")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range names {
		text, err := os.ReadFile(file)
		if err != nil || strings.TrimSpace(string(text)) != name {
			continue
		}
		port, err := os.OpenFile("/dev/"+filepath.Base(filepath.Dir(file)), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		return port
	}
	t.Fatalf("no virtio port is named %s", name)
	return nil
}

// levels are the chip's lines that are high, whoever holds them: read by the emulator from the PL061's data register (ARM DDI 0190,
// section 3.3.1: address bits 9 to 2 are the mask), so that nothing in the box is touched.
func levels(t *testing.T) byte {
	t.Helper()
	port := virtio(t, "monitor")
	defer port.Close()
	if _, err := port.WriteString("xp /1wx 0x90303fc\n"); err != nil {
		t.Fatal(err)
	}
	answer := bufio.NewReader(port)
	for {
		line, err := answer.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		_, word, found := strings.Cut(line, "90303fc: ")
		if !found {
			continue
		}
		var value uint32
		if _, err := fmt.Sscanf(word, "0x%x", &value); err != nil {
			t.Fatalf("the emulator says %q", line)
		}
		return byte(value)
	}
}

// Bits of levels.
const (
	greenBit = 1 << 2
	relayBit = 1 << 5 // active-low
)

// TestBoardLampsFollowTheVerdict: from a scan to the pins; and what becomes of them when the gateway is killed in the middle of green.
func TestBoardLampsFollowTheVerdict(t *testing.T) {
	onBoard(t)
	s := usbip.NewACM(scannerID)
	a := plug(t, s.Device, 0)
	b := newBox(t, serialLane("1", a.Interface(0), "hold = \"4s\"\n"+gpioTable))
	b.connected("1", true)
	show := func(c code) {
		t.Helper()
		if _, err := s.Write([]byte(c.text + "\r")); err != nil {
			t.Fatal(err)
		}
	}
	are := func(when string, want ...string) {
		t.Helper()
		b.eventually(fmt.Sprintf("%s: pins %q (are %q)", when, want, pins(t)), func() bool {
			now := pins(t)
			for _, w := range want {
				if now == w {
					return true
				}
			}
			return false
		})
	}
	are("at rest nothing is on, the relay is active-low", "5")
	show(b.kit.expired(t))
	are("refused", "0 5")
	time.Sleep(1100 * time.Millisecond) // a refusal is seen for a second before anybody else may go
	shown := time.Now()
	show(b.kit.good(t))
	are("admitted", "2 4", "2") // the buzzer is short, the relay's pulse begun
	figure(t, "scan → green pin", "%v", time.Since(shown).Round(time.Millisecond))
	are("after the pulse", "2 5")
	are("after the hold", "5")

	show(b.kit.good(t))
	are("admitted again", "2 4", "2")
	b.kill()
	if got := pins(t); got != "" {
		t.Errorf("after the kill these lines are held: %q", got)
	}
	figure(t, "killed in the middle of green, before anybody cleans up", "green pin %d, relay pin %d (active-low)", levels(t)&greenBit/greenBit, levels(t)&relayBit/relayBit)
	begun := time.Now()
	if _, err := command(t.Context(), b.folder, "lamps", "safe", "--config", b.config()); err != nil {
		t.Fatal(err)
	}
	if l := levels(t); l&greenBit != 0 || l&relayBit == 0 {
		t.Errorf("after \"lamps safe\" the pins are %08b", l)
	}
	figure(t, "killed in the middle of green → safe", "%v", time.Since(begun).Round(time.Millisecond))
	b.start()
	b.connected("1", true)
	are("started again", "5")
	if err := a.Unplug(); err != nil {
		t.Fatal(err)
	}
	b.connected("1", false)
	are("no scanner", "0 1 5")
}

// TestBoardSignalTower: a lamp on a serial port of its own, unplugged and plugged in again.
func TestBoardSignalTower(t *testing.T) {
	onBoard(t)
	s := usbip.NewACM(scannerID)
	tower := usbip.NewFTDI(usbip.Identity{Vendor: 0x0403, Product: 0x6001, Maker: "Rig", Name: "Tower", Serial: "2"})
	a, at := plug(t, s.Device, 0), plug(t, tower.Device, 1)
	b := newBox(t, serialLane("1", a.Interface(0), fmt.Sprintf("[lane.tower]\npath = %q\nmodel = \"adafruit\"\n", at.Interface(0))))
	b.connected("1", true)
	heard := make(chan byte, 1000)
	listen := func() {
		p := make([]byte, 64)
		for {
			n, err := tower.Receive(context.Background(), p)
			if err != nil {
				return
			}
			for _, c := range p[:n] {
				heard <- c
			}
		}
	}
	go listen()
	const greenOn, redOn = 0x14, 0x11 // the maker's page, as drivers/lamp cites it
	lit := func(want byte) {
		t.Helper()
		limit := time.After(patience)
		for {
			select {
			case c := <-heard:
				if c == want {
					return
				}
				if want == redOn && c == greenOn {
					t.Error("green for a refusal")
				}
			case <-limit:
				t.Fatalf("the tower does not hear %#x", want)
			}
		}
	}
	for _, c := range []struct {
		code code
		want byte
	}{{b.kit.good(t), greenOn}, {b.kit.expired(t), redOn}} {
		if _, err := s.Write([]byte(c.code.text + "\r")); err != nil {
			t.Fatal(err)
		}
		lit(c.want)
		time.Sleep(2500 * time.Millisecond) // it is dark again
		for len(heard) > 0 {
			<-heard
		}
	}
	if err := at.Unplug(); err != nil {
		t.Fatal(err)
	}
	plug(t, tower.Device, 1)
	go listen()
	c := b.kit.expired(t)
	if _, err := s.Write([]byte(c.text + "\r")); err != nil {
		t.Fatal(err)
	}
	lit(redOn)
}

// TestBoardForwarding: the airline's program keeps its scanner, on a virtual serial port; the lane decides all the same.
func TestBoardForwarding(t *testing.T) {
	onBoard(t)
	s := usbip.NewACM(scannerID)
	a := plug(t, s.Device, 0)
	b := newBox(t, serialLane("1", a.Interface(0), "[lane.forward]\nto = \"pty:/run/airline\"\ncontent = \"both\"\n"))
	b.connected("1", true)
	var airline *os.File
	b.eventually("the virtual port is there", func() bool {
		var err error
		airline, err = os.OpenFile("/run/airline", os.O_RDWR, 0)
		return err == nil
	})
	defer airline.Close()
	lines := bufio.NewReader(airline)
	codes := b.kit.mix(t, 5)
	for i, c := range codes {
		if _, err := s.Write([]byte(c.text + "\r")); err != nil {
			t.Fatal(err)
		}
		scan, err := lines.ReadString('\r')
		if err != nil || scan != "SCAN "+c.text+"\r" {
			t.Fatalf("code %d: the airline's program read %q, %v", i, scan, err)
		}
		verdict, err := lines.ReadString('\n')
		outcome, reason, _ := strings.Cut(c.want, " ")
		if err != nil || !strings.HasPrefix(verdict, strings.ToUpper(outcome)+" "+reason+" ") {
			t.Errorf("code %d: its verdict is %q, %v", i, verdict, err)
		}
		time.Sleep(1200 * time.Millisecond) // a green within a second of a refusal (lane.MinHold) is not shown, so it is not told
	}
	b.want("1", wants(codes)...)
}
