package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"passerelle/drivers/frame"
	"passerelle/gateway/lane"
)

// relayBoard is a relay board at the other end of a pseudo-terminal.
func relayBoard(t *testing.T) (path string, heard func() []byte) {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close(); slave.Close() })
	if err := master.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	return slave.Name(), func() []byte {
		p := make([]byte, 256)
		if err := master.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := master.Read(p)
		if err != nil {
			t.Fatal(err)
		}
		return p[:n]
	}
}

func TestGreenThatFoundNoPortNeverGoesOutLater(t *testing.T) {
	t.Parallel()
	port, heard := relayBoard(t)
	link := filepath.Join(t.TempDir(), "relay") // nothing is there yet
	d := &device{config: laneConfig{ID: "1", Relay: &relayConfig{Path: link, Model: "lcus"}}}
	shown, err := d.lamps()
	if err != nil {
		t.Fatal(err)
	}
	defer shown.Close()
	if err := shown.Set(lane.SignalAdmit); !errors.Is(err, frame.ErrGone) {
		t.Fatalf("green without a port: %v", err)
	}
	if err := os.Symlink(port, link); err != nil {
		t.Fatal(err)
	}
	if err := switchOff(shown); err != nil {
		t.Fatal(err)
	}
	on, off := []byte{0xA0, 1, 1, 0xA2}, []byte{0xA0, 1, 0, 0xA1}
	if got := heard(); bytes.Contains(got, on) || !bytes.Contains(got, off) {
		t.Errorf("the board heard % x, want nothing but off", got)
	}
}

func TestLampsSafeSaysWhatItCouldNotDo(t *testing.T) {
	t.Parallel()
	port, heard := relayBoard(t)
	path := written(t, strings.Join([]string{
		stateLine + "[[lane]]", `id = "1"`, `scanner = "serial"`, `path = "/dev/ttyACM0"`, "[lane.relay]", `path = "` + port + `"`, `model = "lcus"`,
		"[[lane]]", `id = "2"`, `scanner = "serial"`, `path = "/dev/ttyACM1"`, "[lane.gpio]", `chip = "/dev/no-such-chip"`, `green = "1"`,
	}, "\n"))
	err := (&lampsSafeCmd{Config: path}).Run()
	if err == nil || !strings.Contains(err.Error(), `lane "2"`) || strings.Contains(err.Error(), `lane "1"`) {
		t.Errorf("got %v, want an error about lane 2 alone", err)
	}
	if got := heard(); !bytes.Contains(got, []byte{0xA0, 1, 0, 0xA1}) {
		t.Errorf("the board heard % x", got)
	}
}
