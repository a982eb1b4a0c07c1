package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Modules of the initramfs: what finds and reads the disk. crc32c_generic comes first because erofs and ext4
// would have a modprobe load it, which is not there.
var diskModules = []string{"virtio_pci", "virtio_mmio", "virtio_blk", "crc32c_generic", "erofs", "ext4"}

// Modules of the appliance: USB hosts, scanners, cameras. What is not here is never loaded: no USB storage, no network adapters.
var applianceModules = []string{
	"xhci-pci", "ehci-pci", "ohci-pci", "dwc2", // hosts; dwc2 is the Raspberry Pi's
	"usbhid", "hid-generic", // report descriptors of HID scanners
	"cdc-acm", "ftdi_sio", "cp210x", "pl2303", "ch341", // serial scanners and lamps
	"uvcvideo", // cameras
}

// Modules of the rig, which presents virtual devices to the appliance: USB over IP, USB gadgets, a camera, a line to the rig's owner.
var rigModules = []string{
	"virtio_console", "vhci-hcd", "dummy_hcd", "libcomposite", "usb_f_hid", "usb_f_acm", "evdev", "vivid", "veth",
}

// Parameters of modules that the rig needs otherwise than they are: two gadgets at once.
var parameters = map[string]string{"dummy_hcd.ko": "num=2"}

// copyModules copies modules and what they need to folder, with a file "order" that names them, each after what it needs. Those in
// except are left out: they are loaded already.
func (b *builder) copyModules(folder string, wanted, except []string) error {
	version, err := b.kernelVersion()
	if err != nil {
		return err
	}
	base := filepath.Join(b.work, "kernel/lib/modules", version)
	order, err := loadOrder(base, wanted)
	if err != nil {
		return err
	}
	loaded, err := loadOrder(base, except)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	var list strings.Builder
	for _, path := range order {
		if slices.Contains(loaded, path) {
			continue
		}
		name := filepath.Base(path)
		if err := copyFile(filepath.Join(base, path), filepath.Join(folder, name)); err != nil {
			return err
		}
		fmt.Fprintln(&list, strings.TrimSpace(name+" "+parameters[name]))
	}
	return os.WriteFile(filepath.Join(folder, "order"), []byte(list.String()), 0o644)
}

// loadOrder returns the files of modules and of all that they need, each after what it needs, relative to base. modules.dep has a line
// a module: "path: what it needs", the last one to be loaded first.
func loadOrder(base string, names []string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(base, "modules.dep"))
	if err != nil {
		return nil, err
	}
	needs := make(map[string][]string) // path → paths
	paths := make(map[string]string)   // name → path
	for line := range strings.Lines(string(text)) {
		path, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		needs[path] = strings.Fields(rest)
		paths[moduleName(path)] = path
	}
	built, err := os.ReadFile(filepath.Join(base, "modules.builtin"))
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(built)) {
		paths[moduleName(strings.TrimSpace(line))] = "" // in the kernel itself
	}
	var order []string
	for _, name := range names {
		path, ok := paths[moduleName(name)]
		if !ok {
			return nil, fmt.Errorf("the kernel has no module %s", name)
		}
		if path == "" {
			continue
		}
		for _, need := range slices.Backward(append([]string{path}, needs[path]...)) {
			if !slices.Contains(order, need) {
				order = append(order, need)
			}
		}
	}
	return order, nil
}

// moduleName is how the kernel calls the module in a file: "-" and "_" mean the same.
func moduleName(path string) string {
	return strings.ReplaceAll(strings.TrimSuffix(filepath.Base(path), ".ko"), "-", "_")
}
