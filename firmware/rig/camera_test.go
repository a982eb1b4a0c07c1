package rig

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// screen is a phone in front of the virtual camera: the camera's own test program, which shows each code that it is told until the next.
type screen struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Reader
}

func newScreen(t *testing.T) *screen {
	t.Helper()
	c := exec.Command("/run/rig/camera", "-test.run", "^TestFrameForAnotherProgram$")
	c.Env = append(os.Environ(), "PASSERELLE_VIVID_SHOW=1")
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := c.Wait(); err != nil {
			t.Errorf("the screen: %v", err)
		}
	})
	return &screen{t, in, bufio.NewReader(out)}
}

func (s *screen) show(text string) {
	s.t.Helper()
	if _, err := fmt.Fprintln(s.in, text); err != nil {
		s.t.Fatal(err)
	}
	if line, err := s.out.ReadString('\n'); err != nil || line != "shown\n" {
		s.t.Fatalf("the screen says %q, %v", line, err)
	}
}

// virtualCamera is the device file of vivid's camera.
func virtualCamera(t *testing.T) string {
	t.Helper()
	names, err := filepath.Glob("/sys/class/video4linux/video*/name")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if text, err := os.ReadFile(name); err == nil && strings.TrimSpace(string(text)) == "vivid-000-vid-cap" {
			return "/dev/" + filepath.Base(filepath.Dir(name))
		}
	}
	t.Fatal("there is no virtual camera")
	return ""
}

// TestBoardCamera: codes on a phone in front of a camera, from frame to report.
func TestBoardCamera(t *testing.T) {
	onBoard(t)
	s := newScreen(t)
	b := newBox(t, fmt.Sprintf("[[lane]]\nid = \"1\"\nscanner = \"camera\"\npath = %q\n", virtualCamera(t)))
	codes := []code{b.kit.good(t), b.kit.expired(t), b.kit.good(t), b.kit.unknown(t)}
	s.show(codes[0].text)
	b.connected("1", true)
	for i, c := range codes {
		shown := time.Now()
		s.show(c.text)
		b.settled("1", i+1)
		if i > 0 {
			figure(t, "code in front of the camera → verdict", "%v", time.Since(shown).Round(time.Millisecond))
		}
	}
	b.want("1", wants(codes)...)
}
