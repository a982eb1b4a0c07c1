package camera

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blackjack/webcam"

	"passerelle/drivers/frame"
)

// Linux's virtual camera driver, vivid, has an output whose frames come back at its HDMI input. These tests write frames with codes there
// and read them as from any camera: every call between the driver and the kernel is the real one.

// Controls of vivid (drivers/media/test-drivers/vivid/vivid-ctrls.c of Linux).
const (
	vividControls   = 0x00f00000 | 0xf000
	vividText       = vividControls + 1 // what is written over each frame
	vividNoText     = 2
	vividLoop       = vividControls + 37
	vividDisconnect = vividControls + 65
	vividStartError = vividControls + 69
	vividFatalError = vividControls + 70
	hdmiInput       = 3
	webcamInput     = 0
	vividWidth      = 1280 // of the HDMI timings that it begins with
	vividHeight     = 720
)

// vivid is the virtual camera.
type vivid struct {
	t       *testing.T
	capture string // device files
	output  string
	out     *output // nil while nothing is shown
}

// findVivid looks for the virtual camera. These tests share it and so do not run in parallel.
func findVivid(t *testing.T) *vivid {
	t.Helper()
	v := &vivid{t: t}
	names, err := filepath.Glob("/sys/class/video4linux/video*/name")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		device := "/dev/" + filepath.Base(filepath.Dir(name))
		switch strings.TrimSpace(string(content)) {
		case "vivid-000-vid-cap":
			v.capture = device
		case "vivid-000-vid-out":
			v.output = device
		}
	}
	if v.capture == "" || v.output == "" {
		const missing = "the kernel's virtual camera is not there: load the module vivid (modprobe vivid)"
		if os.Getenv("BOARD") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	return v
}

// set sets one control of the capture side, and an input.
func (v *vivid) set(input uint32, id webcam.ControlID, value int32) {
	v.t.Helper()
	cam, err := webcam.Open(v.capture)
	if err != nil {
		v.t.Fatal(err)
	}
	defer cam.Close()
	if err := cam.SelectInput(input); err != nil {
		v.t.Fatalf("select input %d: %v", input, err)
	}
	if err := cam.SetControl(id, value); err != nil {
		v.t.Fatalf("set control %#x: %v", id, err)
	}
}

// loop connects the output to the input.
func (v *vivid) loop() {
	v.t.Helper()
	v.set(hdmiInput, vividText, vividNoText)
	v.set(hdmiInput, vividLoop, 1)
	v.t.Cleanup(func() { v.set(webcamInput, vividLoop, 0) })
}

// show puts a frame on the output, where it stays.
func (v *vivid) show(f pictured) {
	v.t.Helper()
	if v.out == nil {
		v.out = openOutput(v.t, v.output, f.format)
		v.t.Cleanup(v.hide)
	}
	v.out.show(f.bytes)
}

func (v *vivid) hide() {
	if v.out != nil {
		v.out.close()
		v.out = nil
	}
}

func (v *vivid) open(formats ...webcam.PixelFormat) *Scanner {
	v.t.Helper()
	s, err := open(v.t.Context(), Options{Path: v.capture, Now: time.Now}, formats)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { s.Close() })
	return s
}

// within ends a test that hangs.
func within(t *testing.T, limit time.Duration, s *Scanner) {
	t.Helper()
	stop := time.AfterFunc(limit, func() { s.Close() })
	t.Cleanup(func() { stop.Stop() })
}

func TestVividShowsItsCodes(t *testing.T) {
	v := findVivid(t)
	v.loop()
	payloads := []string{
		"M1DESMARAIS/LUC       EABC123 YULFRAAC 0834 226F001A0025 100",
		"HC1:" + strings.Repeat("6BF+70790T9WJWG.FKY*4GO0.O1CV2 O5 N2FBBRW1*70HS8WY04AC*WIFN0AHCD8KD97TK0F90", 7),
		everyByte(),
	}
	for name, format := range map[string]webcam.PixelFormat{"GREY": grey, "YUYV": yuyv, "NV12": nv12} {
		s := v.open(format)
		within(t, time.Minute, s)
		if s.layout != (layout{format, vividWidth, vividHeight}) {
			t.Fatalf("opened as %+v", s.layout)
		}
		for _, payload := range payloads {
			picture := shoot(gray(qr(t, payload, QROptions{Level: 'M'})), shots["large, turned 7°"], 1)
			v.show(formatsOf(t, picture)[name])
			p := make([]byte, 4096)
			start, others := time.Now(), 0
			for { // the code shown before may still be on its way
				n, err := s.ReadFrame(p)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if string(p[:n]) == payload {
					break
				}
				if !slices.Contains(payloads, string(p[:n])) || others > 3 {
					t.Fatalf("%s: got %q, want %q", name, p[:n], payload)
				}
				others++
			}
			t.Logf("%s: %d bytes read %v after they were shown", name, len(payload), time.Since(start).Round(time.Millisecond))
		}
		s.Close()
		v.hide()
	}
}

func TestVividPaceAndFrames(t *testing.T) {
	v := findVivid(t)
	v.set(webcamInput, vividLoop, 0)
	s := v.open(yuyv)
	looks, busy := 0, time.Duration(0)
	search := s.look
	s.look = func(g *image.Gray) []Symbol {
		start := time.Now()
		found := search(g)
		looks++
		busy += time.Since(start)
		return found
	}
	const limit = 5 * time.Second
	start := time.Now()
	within(t, limit, s)
	if _, err := s.ReadFrame(make([]byte, 100)); !errors.Is(err, frame.ErrClosed) {
		t.Fatalf("a test pattern was read: %v", err)
	}
	took := time.Since(start)
	part := busy.Seconds() / took.Seconds()
	t.Logf("%d frames of %d x %d searched in %v, %v each, %.0f %% of a core", looks, s.layout.width, s.layout.height,
		took.Round(time.Millisecond), (busy / time.Duration(max(looks, 1))).Round(100*time.Microsecond), 100*part)
	if looks < 3 || part > 0.55 {
		t.Errorf("%d frames searched, %.0f %% of a core", looks, 100*part)
	}
}

func TestVividUnpluggedIsGone(t *testing.T) {
	for _, tt := range []struct {
		name    string
		control webcam.ControlID
	}{
		{"failed", vividFatalError},
		{"unplugged", vividDisconnect},
	} {
		v := findVivid(t)
		v.set(webcamInput, vividLoop, 0)
		s := v.open(yuyv)
		within(t, time.Minute, s)
		ended := make(chan error, 1)
		go func() {
			_, err := s.ReadFrame(make([]byte, 100))
			ended <- err
		}()
		time.Sleep(time.Second)
		v.set(webcamInput, tt.control, 1)
		start := time.Now()
		err := <-ended
		t.Logf("%s: noticed after %v: %v", tt.name, time.Since(start).Round(time.Millisecond), err)
		if !errors.Is(err, frame.ErrGone) || time.Since(start) > 2*silence/3 { // silence alone takes longer
			t.Errorf("%s: %v after %v", tt.name, err, time.Since(start))
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestVividThatDoesNotStartLeaksNothing(t *testing.T) {
	v := findVivid(t)
	for range 3 {
		v.set(webcamInput, vividStartError, 1) // for the next start
		_, _, err := openStream(Options{Path: v.capture, Width: vividWidth, Height: vividHeight, Now: time.Now}, preferred[:])
		if err == nil {
			t.Fatal("started")
		}
	}
	if n := mappings(t); n != 0 {
		t.Errorf("%d buffers are still mapped", n)
	}
	s := v.open(preferred[:]...)
	if n := mappings(t); n != buffers {
		t.Errorf("%d buffers are mapped, want %d", n, buffers)
	}
	s.Close()
	if n := mappings(t); n != 0 {
		t.Errorf("%d buffers are still mapped after Close", n)
	}
}

// mappings counts the camera's buffers that are mapped into this process.
func mappings(t *testing.T) int {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(maps), "/dev/video")
}

func TestVividHasOnlyOneReader(t *testing.T) {
	v := findVivid(t)
	v.open(yuyv)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if s, err := Open(ctx, Options{Path: v.capture, Now: time.Now}); err == nil {
		s.Close()
		t.Error("opened twice")
	}
	_, _, err := openStream(Options{Path: v.capture, Width: 640, Height: 480, Now: time.Now}, preferred[:])
	if !errors.Is(err, ErrBusy) {
		t.Errorf("got %v, want %v", err, ErrBusy)
	}
}

func TestVividOffersSizes(t *testing.T) {
	v := findVivid(t)
	v.set(webcamInput, vividLoop, 0)
	for _, tt := range []struct{ w, h, wantW, wantH int }{
		{1280, 720, 1280, 720},
		{640, 480, 640, 480},
		{1900, 1000, 1280, 720}, // 1920 x 1080 is offered at 5 frames a second
	} {
		s, err := Open(t.Context(), Options{Path: v.capture, Width: tt.w, Height: tt.h, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(s.layout.width, s.layout.height); got != fmt.Sprint(tt.wantW, tt.wantH) || s.layout.format != grey {
			t.Errorf("%d x %d: got %s in %#x", tt.w, tt.h, got, s.layout.format)
		}
		s.Close()
	}
	if s, err := Open(t.Context(), Options{Path: v.output, Now: time.Now}); !errors.Is(err, ErrNotCamera) {
		t.Errorf("output opened: %v, %v", s, err)
	}
}

func TestVividIsListed(t *testing.T) {
	v := findVivid(t)
	list, err := List("/")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]Camera{}
	for _, c := range list {
		found[c.Device] = c
	}
	if c, ok := found[v.capture]; !ok || c.Name != "vivid-000-vid-cap" || c.Position != "platform/vivid.0" {
		t.Errorf("got %+v", c)
	}
	if _, ok := found[v.output]; ok {
		t.Errorf("the output is listed: %v", slices.Sorted(maps.Keys(found)))
	}
}

// showVariable makes TestFrameForAnotherProgram a picture frame for another program: each line of standard input is a code, which it shows until the next.
const showVariable = "PASSERELLE_VIVID_SHOW"

func TestFrameForAnotherProgram(t *testing.T) {
	if os.Getenv(showVariable) == "" {
		t.Skip("it is started by the rig, which reads the virtual camera through the whole program")
	}
	v := findVivid(t)
	v.loop()
	for codes := bufio.NewScanner(os.Stdin); codes.Scan(); {
		picture := shoot(gray(qr(t, codes.Text(), QROptions{Level: 'M'})), shots["large, turned 7°"], 1)
		v.show(formatsOf(t, picture)["GREY"])
		fmt.Println("shown")
	}
}
