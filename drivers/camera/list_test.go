package camera

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// plug makes the sysfs entries of a camera at a USB interface with two device files, of which the first captures frames, and the
// links by position.
func plug(t *testing.T, root, port, first, second string) {
	t.Helper()
	usb, _, _ := strings.Cut(port, ":")
	device := "sys/devices/platform/usb/" + usb
	files := map[string]string{
		device + "/idVendor": "046d\n", device + "/idProduct": "0825\n", device + "/manufacturer": "Maker\x1b[2J\n",
		device + "/product": "Caméra\n", device + "/serial": strings.Repeat("7", 1000) + "\n",
		device + "/" + port + "/bInterfaceNumber": "00\n",
		"sys/bus/usb/drivers/uvcvideo/module":     "",
	}
	for i, name := range []string{first, second} {
		entry := device + "/" + port + "/video4linux/" + name
		files[entry+"/name"], files[entry+"/index"] = "Camera: "+name+"\n", []string{"0\n", "1\n"}[i]
	}
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := func(name, target string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	link(device+"/"+port+"/driver", filepath.Join(root, "sys/bus/usb/drivers/uvcvideo"))
	link("sys/bus/usb/devices/"+port, filepath.Join(root, device, port))
	for i, name := range []string{first, second} {
		link("sys/class/video4linux/"+name, filepath.Join(root, device, port, "video4linux", name))
		link(device+"/"+port+"/video4linux/"+name+"/device", filepath.Join(root, device, port))
		link("dev/v4l/by-path/platform-usb-"+port+"-video-index"+[]string{"0", "1"}[i], "../../"+name)
		link("dev/v4l/by-path/platform-usbv2-"+port+"-video-index"+[]string{"0", "1"}[i], "../../"+name)
	}
}

func TestCamerasAreListedByTheirPosition(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	plug(t, root, "1-1.4:1.0", "video0", "video1")
	plug(t, root, "1-1.2:1.0", "video3", "video2")
	if err := os.MkdirAll(filepath.Join(root, "sys/class/video4linux/radio0"), 0o755); err != nil {
		t.Fatal(err)
	}
	camera := func(port, name string) Camera {
		return Camera{
			Device: "/dev/" + name, ByPath: "/dev/v4l/by-path/platform-usb-" + port + "-video-index0", Position: port, Driver: "uvcvideo",
			Name: "Camera: " + name, Vendor: "046d", Product: "0825", Maker: "Maker?[2J", Model: "Cam?ra", Serial: strings.Repeat("7", maxAttribute),
		}
	}
	want := []Camera{camera("1-1.4:1.0", "video0"), camera("1-1.2:1.0", "video3")}
	asked := func(path string) (bool, error) {
		return filepath.Base(path) == "video0" || filepath.Base(path) == "video3", nil
	}
	locked := func(string) (bool, error) { return false, errors.New("permission denied") }
	for name, captures := range map[string]func(string) (bool, error){"asked": asked, "not to be opened": locked} {
		got, err := list(root, captures)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	// As List does: the device files are not there.
	if got, err := List(root); err != nil || len(got) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestMachineWithoutCameras(t *testing.T) {
	t.Parallel()
	if got, err := List(t.TempDir()); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestListLooksAtLimitedEntries(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for i := range maxEntries + 1 {
		if err := os.MkdirAll(filepath.Join(root, classDir, "video"+strings.Repeat("0", i)), 0o755); err != nil {
			t.Fatal(err)
		}
		got, err := list(root, func(string) (bool, error) { return true, nil })
		if err != nil || len(got) != min(i+1, maxEntries) {
			t.Errorf("%d entries: %d listed, %v", i+1, len(got), err)
		}
	}
}

func TestOnlyCamerasCapture(t *testing.T) {
	t.Parallel()
	if yes, err := captures("/dev/null"); yes {
		t.Errorf("/dev/null captures: %v", err)
	}
	if _, err := captures("/nowhere"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
