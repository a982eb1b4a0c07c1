package camera

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blackjack/webcam"
	"golang.org/x/sys/unix"
)

// maxAttribute bounds what is read of one sysfs attribute. USB strings have at most 126 characters; they come from the device.
const maxAttribute = 512

// maxEntries is how many entries of a folder are looked at.
const maxEntries = 64

// Camera is one camera that the kernel knows. Empty fields are unknown; USB fields are empty for a camera that is not on USB.
// What the device says of itself is printable ASCII, with '?' for anything else: it is safe to show in a terminal.
type Camera struct {
	Device   string // /dev/video0
	ByPath   string // /dev/v4l/by-path/…, the name that stays with the socket; give this to Options.Path
	Position string // where it is: "1-1.4:1.0", the USB interface that Find takes, or "platform/vivid.0"
	Driver   string // kernel driver: uvcvideo
	Name     string // as the kernel shows it
	Vendor   string // four hex digits
	Product  string // four hex digits
	Maker    string
	Model    string
	Serial   string
}

const (
	classDir  = "sys/class/video4linux"
	byPathDir = "dev/v4l/by-path"
)

// List tells which cameras there are below root, "/" on a real machine, by the names of their device files. It asks each device
// file whether it captures frames: most cameras have a second one that does not. Where that file cannot be opened, the first of a
// device is taken for the camera.
func List(root string) ([]Camera, error) { return list(root, captures) }

func list(root string, captures func(path string) (bool, error)) ([]Camera, error) {
	links, err := aliases(root)
	if err != nil {
		return nil, fmt.Errorf("list cameras: %w", err)
	}
	entries, err := entries(root, classDir)
	if err != nil {
		return nil, fmt.Errorf("list cameras: %w", err)
	}
	var cameras []Camera
	for _, name := range entries {
		dir := filepath.Join(root, classDir, name)
		if !strings.HasPrefix(name, "video") || !isCamera(root, name, captures) {
			continue
		}
		c := Camera{Device: "/dev/" + name, ByPath: links[name], Name: attribute(dir, "name")}
		c.describe(root, dir)
		cameras = append(cameras, c)
	}
	return cameras, nil
}

// isCamera reports whether the device file of an entry captures frames.
func isCamera(root, name string, captures func(path string) (bool, error)) bool {
	yes, err := captures(filepath.Join(root, "dev", name))
	if err != nil {
		return attribute(filepath.Join(root, classDir, name), "index") == "0"
	}
	return yes
}

// captures asks a device file whether frames can be captured from it. The error is that of opening it.
func captures(path string) (bool, error) {
	cam, err := webcam.Open(path)
	var number unix.Errno
	if err != nil && !errors.As(err, &number) {
		return false, nil // the library says so
	}
	if err != nil {
		return false, err
	}
	defer cam.Close()
	return len(cam.GetSupportedFormats()) > 0, nil
}

// entries are the names in a folder below root, sorted. A machine without cameras has no such folder.
func entries(root, dir string) ([]string, error) {
	folder, err := os.Open(filepath.Join(root, dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	names, err := folder.Readdirnames(maxEntries)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}

// aliases maps the name of a device file to the link by position that leads to it.
func aliases(root string) (map[string]string, error) {
	links, err := entries(root, byPathDir)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, link := range links {
		target, err := os.Readlink(filepath.Join(root, byPathDir, link))
		// A controller may have two names for one socket, "usb" and "usbv2": the first stays.
		if name := filepath.Base(target); err == nil && names[name] == "" {
			names[name] = filepath.Join("/", byPathDir, link)
		}
	}
	return names, nil
}

// describe fills in what the folders above the entry's device say: for USB first the interface, then the device.
func (c *Camera) describe(root, dir string) {
	device, err := filepath.EvalSymlinks(filepath.Join(dir, "device"))
	top, err2 := filepath.EvalSymlinks(filepath.Join(root, "sys"))
	if err != nil || err2 != nil {
		return
	}
	if driver, err := filepath.EvalSymlinks(filepath.Join(device, "driver")); err == nil {
		c.Driver = filepath.Base(driver)
	}
	c.Position = strings.TrimPrefix(device, filepath.Join(top, "devices")+"/")
	if attribute(device, "bInterfaceNumber") == "" {
		return
	}
	c.Position = filepath.Base(device)
	usb := filepath.Dir(device)
	c.Vendor, c.Product = attribute(usb, "idVendor"), attribute(usb, "idProduct")
	c.Maker, c.Model, c.Serial = attribute(usb, "manufacturer"), attribute(usb, "product"), attribute(usb, "serial")
}

// attribute reads one sysfs attribute; a missing one is empty.
func attribute(dir, name string) string {
	file, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxAttribute))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(strings.Map(printable, strings.TrimRight(string(b), "\n")))
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}
