package rig

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/firmware/usbip"
)

// What the two boots of a round share on the state partition.
const (
	commissioned = "/state/passerelle.toml"  // the file that the appliance's init waits for
	gateFolder   = "/state/passerelle"       // of the gate that init runs
	cutFolder    = "/state/rig"              // of the rig
	acknowledged = "/state/rig/acknowledged" // verdicts that were on the page before the cut
	endpoint     = "127.0.0.1:20099"         // of the collector, in both boots
	page         = "http://127.0.0.1:8080/"  // of the gate
	appliancePin = gpioTable                 // its lamps
	scannerPort  = 0                         // of the virtual controller
)

// TestUntilThePlugIsPulled commissions the appliance as an installer does: its init starts the gate. Then codes are shown until the
// board loses its power, which happens when it says that it stays.
func TestUntilThePlugIsPulled(t *testing.T) {
	onBoard(t)
	k := theKit(t)
	if err := os.MkdirAll(cutFolder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(gateFolder, "trust"), os.DirFS(k.trust)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ministry.pem", "secret"} { // the second boot has the same keys
		text, err := os.ReadFile(filepath.Join(k.folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(cutFolder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := usbip.NewACM(scannerID)
	a := plug(t, s.Device, scannerPort)
	b := &box{t: t, kit: k, page: page, log: &log{}}
	text := fmt.Sprintf("state = %q\nprofile = \"health\"\n[clock]\nsource = \"system\"\n[report]\nendpoint = \"http://%s/v1/reports\"\nsecret_file = %q\n%s",
		gateFolder, endpoint, filepath.Join(cutFolder, "secret"), serialLane("1", a.Interface(0), appliancePin))
	if err := os.WriteFile(commissioned+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	unix.Sync() // a file that was written and not synced may be empty after a cut
	if err := os.Rename(commissioned+".new", commissioned); err != nil {
		t.Fatal(err)
	}
	unix.Sync()
	b.eventually("the gate that init started is there", func() bool { _, err := b.status(); return err == nil })
	b.connected("1", true)
	book, err := os.OpenFile(acknowledged, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	for n := 1; n <= 400; n++ {
		if _, err := s.Write([]byte(k.good(t).text + "\r")); err != nil {
			t.Fatal(err)
		}
		b.settled("1", n)
		if _, err := book.WriteAt([]byte(fmt.Sprintf("%06d\n", n)), 0); err != nil {
			t.Fatal(err)
		}
		if err := book.Sync(); err != nil {
			t.Fatal(err)
		}
		if n == 20 {
			fmt.Println("rig: staying") // the plug is pulled while the next ones are shown
		}
	}
	t.Error("the plug was not pulled")
}

// uptime is the time since the kernel started.
func uptime(t *testing.T) time.Duration {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		t.Fatal(err)
	}
	return time.Duration(now.Nano())
}

// TestAfterPowerCut: the box comes back by itself, decides, and has lost nothing that it had acknowledged.
func TestAfterPowerCut(t *testing.T) {
	onBoard(t)
	text, err := os.ReadFile(acknowledged)
	if err != nil {
		t.Fatal(err)
	}
	before, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || before < 20 {
		t.Fatalf("%d verdicts were acknowledged before the cut, %v", before, err)
	}
	k := &kit{folder: cutFolder, n: 500_000}
	if k.ministry, err = k.read("ministry.pem"); err != nil {
		t.Fatal(err)
	}
	secret, err := os.ReadFile(filepath.Join(cutFolder, "secret"))
	if err != nil {
		t.Fatal(err)
	}
	s := usbip.NewACM(scannerID)
	a := plug(t, s.Device, scannerPort)
	if config, err := os.ReadFile(commissioned); err != nil || !strings.Contains(string(config), strconv.Quote(a.Interface(0))) {
		t.Fatalf("the scanner is at %s now, which the configuration does not name: %v", a.Interface(0), err)
	}
	b := &box{t: t, kit: k, page: page, log: &log{}}
	first := k.good(t)
	b.eventually("the gate reads", func() bool {
		st, err := b.status()
		return err == nil && len(st.Lanes) == 1 && st.Lanes[0].Connected
	})
	if _, err := s.Write([]byte(first.text + "\r")); err != nil {
		t.Fatal(err)
	}
	b.settled("1", 1)
	figure(t, "kernel started → first verdict", "%v", uptime(t).Round(10*time.Millisecond))

	b.ledger = listenLedger(t, strings.TrimSpace(string(secret)), endpoint)
	got := b.ledger.await("1", before+1, patience)
	if len(got) < before+1 {
		t.Errorf("%d verdicts reported, of %d acknowledged before the cut and 1 after", len(got), before)
	}
	for i, outcome := range got {
		if outcome != first.want {
			t.Errorf("verdict %d is %q", i+1, outcome)
		}
	}
	figure(t, "power cut while scanning", "%d verdicts acknowledged, %d lost", before, max(0, before+1-len(got)))

	b.crash(k, s)
}

// crash kills the gate in the middle of green: init makes the pins safe, and the gate is back by itself.
func (b *box) crash(k *kit, s *usbip.Serial) {
	b.t.Helper()
	if _, err := s.Write([]byte(k.good(b.t).text + "\r")); err != nil {
		b.t.Fatal(err)
	}
	b.eventually("green", func() bool { return strings.HasPrefix(pins(b.t), "2") })
	pid := gatePID(b.t)
	killed := time.Now()
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		b.t.Fatal(err)
	}
	b.eventually("green and relay are off before the gate is back", func() bool {
		off := levels(b.t)&(greenBit|relayBit) == relayBit
		now := gatePID(b.t)
		if now != 0 && now != pid {
			b.t.Fatal("the gate was started again before anybody saw the outputs safe")
		}
		return off && now == 0
	})
	figure(b.t, "gate killed in the middle of green → pins safe, by init", "%v", time.Since(killed).Round(time.Millisecond))
	b.eventually("the gate is back", func() bool {
		st, err := b.status()
		return err == nil && len(st.Lanes) == 1 && st.Lanes[0].Connected && gatePID(b.t) != pid
	})
	figure(b.t, "gate killed → lane reads again", "%v", time.Since(killed).Round(time.Millisecond))
	c := k.good(b.t)
	if _, err := s.Write([]byte(c.text + "\r")); err != nil {
		b.t.Fatal(err)
	}
	b.eventually("a verdict after the crash", func() bool { return b.lane("1").Admitted == 1 })
}

// gatePID is the process that init runs the gate in, 0 if there is none.
func gatePID(t *testing.T) int {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err == nil && strings.HasPrefix(string(text), passerelle+"\x00run\x00") {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			return pid
		}
	}
	return 0
}
