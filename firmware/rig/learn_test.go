package rig

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"passerelle/firmware/scanners"
)

// TestBoardLearn: an installer scans one known code, and the lane that comes of it reads; doctor shows what is there and what to do.
func TestBoardLearn(t *testing.T) {
	onBoard(t)
	for _, tt := range []struct {
		name string
		want []string // in the lane's configuration
		says string   // of doctor
	}{
		{"datalogic-gryphon-gd4400-fr", []string{`scanner = "hid"`, `layout = "fr"`}, "keyboard"},
		{"honeywell-voyager-1400g", []string{`scanner = "hid"`}, "HID point-of-sale"},
		{"newland-fm430", []string{`scanner = "serial"`, `terminator = "crlf"`}, "USB-CDC"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := play(t, get(t, tt.name), 0)
			p.plugIn()
			port := p.attached.Interface(0)
			folder, k := stateFolder(t), theKit(t)
			known := k.good(t)
			if err := os.WriteFile(filepath.Join(folder, "known"), []byte(known.text), 0o600); err != nil {
				t.Fatal(err)
			}
			c := exec.Command(passerelle, "learn", "--id", "1", "--path", port, "--code", "known")
			c.Dir = folder
			var lane, talk strings.Builder
			c.Stdout, c.Stderr = &lane, &talk
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- c.Wait() }()
			begun := time.Now()
			for done := false; !done; {
				p.show(known)
				select {
				case err := <-ended:
					if err != nil {
						t.Fatalf("learn: %v\n%s", err, talk.String())
					}
					done = true
				case <-time.After(time.Second):
					if time.Since(begun) > 2*patience {
						_ = c.Process.Kill()
						<-ended
						t.Fatalf("learn does not end\n%s", talk.String())
					}
				}
			}
			figure(t, "learn, "+string(p.Link), "%v", time.Since(begun).Round(100*time.Millisecond))
			for _, want := range append(tt.want, `path = "`+port+`"`) {
				if !strings.Contains(lane.String(), want) {
					t.Errorf("learn wrote\n%s\nwhich lacks %s", lane.String(), want)
				}
			}
			// doctor exits with 1 where something is wrong; what it finds is on standard output all the same.
			said, _ := exec.Command(passerelle, "doctor").Output()
			if !strings.Contains(string(said), port) || !strings.Contains(string(said), tt.says) {
				t.Errorf("doctor says\n%s\nwant %s and %s", said, port, tt.says)
			}
			if p.Link == scanners.HIDKeyboard && !strings.Contains(string(said), "slow and layout-dependent") {
				t.Errorf("doctor says nothing of keyboard mode:\n%s", said)
			}
			b := newBox(t, lane.String())
			b.connected("1", true)
			p.reads(b, "1", k.good(t))

			if said, err := exec.Command(passerelle, "doctor", "--config", b.config()).Output(); err != nil || !strings.Contains(string(said), "in use: by the gateway") {
				t.Errorf("beside a running gateway doctor says %v\n%s", err, said)
			}
		})
	}
}
